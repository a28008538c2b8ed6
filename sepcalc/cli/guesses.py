"""The whole command that was meant by one that is wrong. Loaded only when something is."""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from sepcalc import foreign, meant
from sepcalc.cli import COMMANDS
from sepcalc.cli.corrections import SPECS, corrected, metric_name, options_of, variant
from sepcalc.cli.runnable import parses
from sepcalc.errors import InputError, Meant
from sepcalc.kinds import KINDS
from sepcalc.meant.words import near
from sepcalc.shape import channels_first, read_shape
from sepcalc.source import REVISION, TORCH, YAML, ZOO, is_document, is_network
from sepcalc.spec import Spec, parse
from sepcalc.strangers import is_baseline
from sepcalc.zoo import near as zoo_near

if TYPE_CHECKING:
    from sepcalc.document import Document

NETWORKS = ("network", "check", "baseline", "convert", "whatif", "fit", "diff", "verify")
EXAMPLE = "12x12x3"
_NETWORK, _LIMIT, _RULE = f"{ZOO}mobilenet_v1", "macs=300M", "*=depthwise-separable"  # examples, too
_LISTED = ("list", "show", "all", "ls", "info", "names", "--list", "--all", "-l", "print")  # what a list is asked by
_KERNEL = re.compile(r"(?:1x1|3x3|5x5|7x7|9x9|11x11)(?![x\d])")
_SHAPE = re.compile(r"[(\[]?\d+\s*[x×X*,]\s*\d[\dx×X*,\s]*[)\]]?")
_NEEDS_QUOTES = re.compile(r"[^\w@%+=:,./-]")
_IN_FILE = re.compile(r":\d+:\d+$")
_IMAGE = re.compile(r"(?:1x)?[1-9]\d{0,5}(?:x[1-9]\d{0,5}){2}")
_FORMATS = ("onnx", "torch", "pytorch", "keras", "tensorflow", "tflite", "h5", "json")
_VERSION = ("-v", "-V", "version")


def spoken(args: Iterable[str]) -> str:
    """Arguments as they are typed: in quotes where a shell needs them."""
    return " ".join(("sepcalc", *map(_quoted, args)))


def _quoted(text: str) -> str:
    if text and not _NEEDS_QUOTES.search(text):
        return text
    if re.search(r'["$`\\!]', text):
        return "'" + text.replace("'", "'\"'\"'") + "'"
    return f'"{text}"'


def told(error: InputError, args: Sequence[str]) -> str:
    """The message of bad input; what was meant is told as the whole command."""
    problems = list(error.problems)
    if any(problem.meant for problem in problems):
        problems = [problem._replace(meant=whole(problem.meant, args)) for problem in problems]
    elif not any(_IN_FILE.search(problem.place) for problem in problems) and (found := command(args, True)):
        problems = [problem._replace(hint="") for problem in problems]
        problems[-1] = problems[-1]._replace(meant=found)
    return "\n".join(map(str, problems))


def whole(line: Meant | None, args: Sequence[str]) -> Meant | None:
    """What was meant, as the command with it in place of what was given."""
    if line is None or not line.given:
        return line
    rest = _without(args[1:], line.given)
    if rest is None:
        return line
    name, at, others = line.command or args[0], *rest
    given = [line.line] if name not in SPECS or args[1:].count(line.given) or " " not in line.line else None
    words = given or line.line.split()
    others = [*corrected(name, others[:at]), *words, *corrected(name, [*others[at:], *line.beside])]
    if line.command:
        others = _fitting(name, others, {*words})
    return Meant("", spoken((name, *others)), line.example)


def _without(args: Sequence[str], given: str) -> tuple[int, list[str]] | None:
    """The arguments but for those that were given, and where these stood; None where they are not among them."""
    if given in args:
        at = args.index(given)
        return at, [*args[:at], *args[at + 1 :]]
    wanted, rest, first = given.split(), list[str](), -1
    for arg in args:
        words = arg.split()
        if words and wanted[: len(words)] == words:
            first = len(rest) if first < 0 else first
            del wanted[: len(words)]
        else:
            rest.append(arg)
    return None if wanted or first < 0 else (first, rest)


# --- a command from all that was typed --------------------------------------------------------------------------------


class _Example(list[str]):
    """A command in which something stands that was not said."""


def command(args: Sequence[str], read: bool = False) -> Meant | None:
    """The whole command that was meant, None where none is known that can be run. ``read``: the words were, and so
    their order was not the mistake."""
    for words in _guesses(list(args)):
        same = sorted(words) == sorted(args) if read else words == list(args)
        if not same and parses(words):
            _, line = _read(_specification(args[args[0] in COMMANDS :])) if words[0] in SPECS else (None, None)
            made_up = (line is not None and line.example) or (EXAMPLE in words and EXAMPLE not in args)
            return Meant("", spoken(words), made_up or isinstance(words, _Example))
    return None


def _guesses(args: list[str]) -> Iterator[list[str]]:
    if not args:
        return
    if any(map(TORCH.fullmatch, args)) and (turned := _channels_last(args)) != args:
        yield turned
    for name, rest in _commands(args):
        for found in (*_subjects(name, rest), *_examples(name, rest)):
            words = [found[0], *corrected(found[0], found[1:], _parameters(found))]
            made_up = isinstance(found, _Example)
            if words[0] == "fit" and not any(word.startswith("--max") for word in words):
                words, made_up = [*words, "--max", _LIMIT], True
            changing = ("--rewrite", "--width", "--resolution")
            if words[0] == "whatif" and not any(word.startswith(changing) for word in words):
                words, made_up = [*words, "--rewrite", _RULE], True
            words = _named_layers(words)
            yield _Example(words) if made_up else words


def _examples(name: str, rest: Sequence[str]) -> Iterator[_Example]:
    """A command that lacks what it is about."""
    if not rest and name in SPECS:
        yield _Example([name, EXAMPLE, "conv", "-k5", "-o256"])
    elif not rest and name in ("network", "convert", "baseline", "whatif", "fit"):
        yield _Example([name, _NETWORK])
    elif "--sort" in rest[:-1] and not metric_name(word := rest[rest.index("--sort") + 1]):
        yield _Example([name, *["macs" if one == word else one for one in rest]])
    elif name in SPECS and len(rest) == 1 and _SHAPE.fullmatch(rest[0]) and "x" in rest[0]:
        yield _Example([name, rest[0], "conv", "-k3", "-o64"])
    elif name in SPECS and rest and "x" not in rest[0] and _is_spec(rest):
        if rest[0].isdigit():  # one size of an image, without the others
            yield _Example([name, f"{rest[0]}x{rest[0]}x3", *rest[1:]])
    elif name in SPECS and _read(_specification(rest))[0] is not None:  # no shape
        yield _Example([name, EXAMPLE, *rest])


def _network_in(words: Sequence[str]) -> "Document | None":
    """The network in our language that a command is about, as it stands; None where there is none."""
    from sepcalc.importers import Request
    from sepcalc.source import read

    for word in words[1:]:
        if is_document(word) and word != "-" and (os.path.isfile(word) or not word.endswith(YAML)):
            try:
                return read(word, Request())
            except InputError:
                return None
    return None


def _parameters(words: Sequence[str]) -> Collection[str]:
    """The parameters of the network that a command is about."""
    return found.parameters if words[0] in NETWORKS and (found := _network_in(words)) else ()


def _named_layers(words: list[str]) -> list[str]:
    """The words with the names of layers that were given by their numbers, from 0."""
    at = words.index("--layers") + 1 if "--layers" in words[:-1] else 0
    if not at or not words[at].isdigit() or len(words[at]) > 9:
        return words
    found = _network_in(words)
    if found is None or int(words[at]) >= len(found.network.layers):
        return words
    return [*words[:at], found.network.layers[int(words[at])].name, *words[at + 1 :]]


def _channels_last(args: list[str]) -> list[str]:
    """The arguments with the shape of a module's input as HxWxC, where it was given as PyTorch has it: 3x64x64."""
    result = []
    for before, word in zip(["", *args], args, strict=False):
        option, equals, size = word.rpartition("=") if word.startswith("--input=") else ("", "", word)
        note = channels_first(read_shape(size)) if (before == "--input" or equals) and _IMAGE.fullmatch(size) else ""
        result.append(f"{option}{equals}{note.rpartition(' ')[2]}" if note else word)
    return result


def _commands(args: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The command that was meant, and what follows it."""
    first = args[0]
    if first in _VERSION and len(args) == 1:
        yield "--version", []
        return
    if first in COMMANDS:
        yield first, args[1:]
        return
    for at, arg in enumerate(args[1:], 1):  # options before it
        if arg in COMMANDS and args[0][:1] == "-":
            yield arg, [*args[at + 1 :], *args[:at]]
            return
    if len(args) > 1 and args[1] in COMMANDS and not os.path.exists(args[1]) and args[1] not in KINDS:
        yield args[1], args[2:]  # list zoo
    known = {word: name for name, words in foreign.COMMANDS.items() for word in words.split()}
    if first in known and not os.path.exists(first):
        name, rest = known[first], args[1:]
        if name == "network" and rest and _is_spec(rest):
            name = _of_spec(rest)
        if rest or not _kind(first):
            yield name, rest
    needs = (*NETWORKS, *SPECS, "factor")
    if (close := near(first, COMMANDS)) and (args[1:] or close not in needs):
        yield close, args[1:]
    yield "", args


def _subjects(name: str, rest: list[str]) -> Iterator[list[str]]:
    """Commands for what follows a command's name (none: what is typed says which)."""
    subjects = _positional(name, rest)
    first = subjects[0] if subjects else ""
    options = [word for word in rest if word not in subjects]
    others = _after(rest, options)
    if name in ("network", "convert", "") and (plain := _without_yaml(rest)) is not None:
        yield ["convert", *plain]
    elif name in ("zoo", "kinds", "operators", "schema"):
        yield from _listing(name, rest, subjects)
    elif name == "help" and first:
        if close := near(first, (*COMMANDS, *KINDS)):
            yield ["help", close]
    elif name in ("", *NETWORKS, *SPECS) and any(word.endswith(",") for word in rest) and _one_line(rest):
        line = _one_line(rest)
        yield [name if name in NETWORKS and name != "diff" else "network", line, *_beside(rest)]
    elif name == "" and _KERNEL.match(first) and " ".join(rest) != first[:3]:
        yield from _example_layer(rest)
    elif name in ("", "compare", "layer", "network", "diff") and _is_spec(rest):
        yield [_of_spec(rest) if name in ("", "network", "diff") else name, *_spec(rest)]
    elif name in ("compare", "layer") and len(subjects) == 1 and is_network(first):
        yield ["network", first, *others]
    elif name in ("", "compare", "network", "layer") and len(subjects) == 2 and all(map(_is_network, subjects)):
        yield ["diff", *map(_network, subjects), *others]
    elif name in ("convert", "baseline") and len(subjects) == 2 and _is_target(subjects[1]):
        yield [name, _network(first), "-o", subjects[1], *others]
    elif name == "diff" and len(subjects) == 2 and any(map(is_baseline, subjects)):
        old, new = subjects if is_baseline(subjects[0]) else reversed(subjects)
        yield ["check", new, "--baseline", old, *(others or ["--max-increase", "0%"])]
    elif name == "diff" and len(subjects) == 1 and os.path.isfile(first):
        yield ["diff", f"git:HEAD:./{first}", first, *others]
    elif name == "diff" and len(subjects) == 2 and _is_revision(first) and _is_file(subjects[1]):
        yield ["diff", f"git:{first}:./{subjects[1]}", subjects[1], *others]
    elif name == "network" and first in ("zoo", ZOO) and not os.path.exists(first):
        yield ["zoo"]
    elif name in NETWORKS and len(subjects) == 1 and _is_missing(first):
        for words in filter(None, (_file_of(first), _module_of(first), zoo_near(first.rpartition(".")[2]), [first])):
            yield [name, *[part for word in rest for part in (words if word == first else [word])]]
    elif name == "factor" and (matrix := _matrix(" ".join(subjects))):
        yield ["factor", matrix, *others]
    elif name:
        yield [name, *_loose(name, rest, subjects)]
    elif re.match(r"[\w.]+\(", first) and _kind(first.partition("(")[0]):
        yield ["layer", *_spec(rest)]
        yield from _example_layer(rest)
    elif matrix := _matrix(" ".join(subjects)):
        yield ["factor", matrix, *others]
    elif _is_network(first):
        yield ["network", _network(first), *others]
    elif first and _is_kernel(first):
        yield ["factor", first, *others]
    elif kind := _kind(first):
        if len(rest) == 1:
            yield ["kinds", kind]
        else:
            yield ["layer", EXAMPLE, *rest]
            yield from _example_layer(rest)
    elif words := zoo_near(first):
        yield ["network", *words, *others]
    elif rest:
        yield from _example_layer(rest)


def _example_layer(rest: Sequence[str]) -> Iterator[list[str]]:
    """A layer without a shape, on an example of one."""
    spec = [EXAMPLE, *rest]
    if _read(_specification(spec))[1] is not None:
        yield _Example([{"compare": "layer"}.get(name := _of_spec(spec), name), *_spec(spec)])


def _without_yaml(rest: Sequence[str]) -> list[str] | None:
    """The arguments without the wish for YAML, None where there is none."""
    for at, word in enumerate(rest):
        option, equals, value = word.partition("=")
        asks = option in ("--format", "--to", "--as", "-f", "--output-format", "--fmt")
        value = value if equals else "".join(rest[at + 1 : at + 2])
        if option in ("--yaml", "--as-yaml", "--to-yaml"):
            return [*rest[:at], *rest[at + 1 :]]
        if asks and value.lower() in ("yaml", "yml"):
            return [*rest[:at], *rest[at + (1 if equals else 2) :]]
    return None


def _listing(name: str, rest: Sequence[str], subjects: Sequence[str]) -> Iterator[list[str]]:
    """A command that lists, or shows one of what it lists."""
    asked = [word for word in subjects if word not in _LISTED]
    others = [word for word in rest if word not in subjects and word not in _LISTED]
    first = asked[0] if len(asked) == 1 else ""
    if name == "zoo" and first and (words := zoo_near(first.removeprefix(ZOO))):
        yield ["network", *words, *others]
    elif name == "zoo" and first and is_network(first):
        yield ["network", first, *others]
    elif name == "kinds" and first and (kind := _kind(first)):
        yield ["kinds", kind, *others]
    elif name == "operators" and (ours := foreign.CHOICES["operators"].get(first.lower())):
        yield ["operators", ours, *others]
    elif name == "schema" and first in ("network", "yaml", "json"):
        yield ["schema", *others]
    elif not asked or list(asked) == list(subjects):
        yield [name, *asked, *others]


def _loose(name: str, rest: Sequence[str], subjects: Sequence[str]) -> list[str]:
    """The arguments with the options before what stands without: ``fit net.yaml macs=300M``."""
    options, result = options_of(name), list[str]()
    for at, word in enumerate(rest):
        metric, equals, _ = word.partition("=")
        free = word in subjects and at and not os.path.exists(word)
        if free and "--rewrite" in options and variant(word.rpartition("=")[2]) in foreign.VARIANTS:
            result += ["--rewrite", word]
        elif free and equals and "--max" in options and metric_name(metric.rstrip("<")):
            result += ["--max", word]
        elif free and equals and "--set" in options and metric.isidentifier():
            result += ["--set", word]
        else:
            result.append(word)
    return result


def _is_missing(word: str) -> bool:
    """Whether a word may be the name of a network, but leads to none."""
    return not os.path.exists(word) and (not is_network(word) or os.path.splitext(word)[1].lower() in YAML)


def _file_of(word: str) -> list[str]:
    """The file of a network of which the suffix was left out, or is another."""
    stem, suffix = os.path.splitext(word)
    known = (*YAML, ".onnx", ".keras", ".h5")
    stem = stem if suffix.lower() in known else word
    return next(([stem + one] for one in known if stem and os.path.isfile(stem + one)), [])


def _module_of(word: str) -> list[str]:
    """A PyTorch module that was named with a dot in place of its colon, where there is such a package."""
    if not re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", word) or os.path.splitext(word)[1].lower() in foreign.FILES:
        return []
    from importlib.util import find_spec

    package, _, name = word.rpartition(".")
    try:
        found = find_spec(package.partition(".")[0])
    except (ImportError, ValueError):
        return []
    return [f"{package}:{name}"] if found else []


def _matrix(text: str) -> str:
    """A matrix in brackets, or with other signs between its rows, as it is typed here; nothing where it is none."""
    if len(text) > 2000 or not re.search(r"[\[(/]|\n", text):
        return ""
    text = re.sub(r"[A-Za-z_][\w.]*\(", "(", text)  # np.array(
    text = re.sub(r",?\s*dtype\s*=\s*[\w.]+", "", text)
    flat = text.replace("(", "[").replace(")", "]")
    rows = [*re.finditer(r"\[([^\[\]]+)\]", flat)]
    if rows:
        written, end = "", 0
        for row in rows:  # what closes between two rows closes a slice
            between = (" | " if "]" in flat[end : row.start()] else "; ") if written else ""
            written, end = f"{written}{between}{' '.join(row[1].replace(',', ' ').split())}", row.end()
    else:
        written = "; ".join(filter(None, map(str.strip, re.split(r"\s+/\s+|\n", text))))
    return written if re.fullmatch(r"[-+\d.e/ ;|]+", written) else ""


def _positional(name: str, rest: Sequence[str]) -> list[str]:
    """The arguments that are no options, nor values of those that the command has."""
    valued = {option for option, takes in options_of(name or "network").items() if takes}
    known = {word for word in rest if word[:1] == "-" and len(ours := foreign.flag(word, valued)) == 1 and ours}
    return [
        word
        for before, word in zip(["", *rest], rest, strict=False)
        if (word[:1] != "-" or word == "-") and before not in valued | known
    ]


def _after(rest: Sequence[str], options: Sequence[str]) -> list[str]:
    return [word for word in rest if word in options]


def _fitting(name: str, words: Sequence[str], subjects: set[str]) -> list[str]:
    """The words without the options that this command does not have."""
    options, result, at = options_of(name), list[str](), 0
    while at < len(words):
        word = words[at]
        option = word.partition("=")[0]
        if word in subjects or word[:1] != "-" or option in options:
            result.append(word)
        at += 1
    return result


# --- what an argument is ----------------------------------------------------------------------------------------------


def _is_target(word: str) -> bool:
    """Whether a word is a file that is to be written."""
    return word.endswith((".yaml", ".yml", ".json")) and not os.path.exists(word)


def _is_file(word: str) -> bool:
    return os.path.isfile(word)


def _is_network(word: str) -> bool:
    return bool(word) and word[:1] != "-" and (is_network(word) or bool(REVISION.fullmatch(word)) or _pickle(word))


def _pickle(word: str) -> bool:
    return os.path.splitext(word)[1].lower() in foreign.FILES


def _network(word: str) -> str:
    """A network argument as it is written."""
    if REVISION.fullmatch(word) and not os.path.exists(word):
        return f"git:{word}"
    return word


def _is_revision(word: str) -> bool:
    """Whether a word may be a revision of git."""
    return bool(re.fullmatch(r"[A-Za-z][\w/~^-]*", word)) and not os.path.exists(word)


def _is_kernel(word: str) -> bool:
    if ";" in word or word.lower().endswith((".npy", ".csv")):
        return True
    from sepcalc.errors import Invalid
    from sepcalc.factor.named import named

    try:
        named(word)
    except Invalid:
        return False
    return True


def _kind(word: str) -> str:
    """The kind that a word is: ``conv2d`` is conv."""
    found = meant.kind(word)
    return found.split()[0] if found else ""


def _is_spec(rest: Sequence[str]) -> bool:
    subjects = [word for word in rest if word[:1] != "-"]
    first = subjects[0] if subjects else ""
    if re.search(r",\s*[A-Za-z]", first):  # a network on one line
        return False
    return bool(_SHAPE.match(first)) or (first.isdigit() and len(subjects) > 1)


def _read(rest: Sequence[str]) -> tuple[Spec | None, Meant | None]:
    own = [*options_of("layer")]
    words = [word for word in rest if word.partition("=")[0] not in own]
    text = " ".join(words)
    try:
        return parse(text, ("multiplier", "rank"), own), None
    except InputError as error:
        return None, next((problem.meant for problem in error.problems if problem.meant), None)


def _of_spec(rest: Sequence[str]) -> str:
    """The command for a spec: compare for a convolution, layer for the others."""
    spec, line = _read(_specification(rest))
    if line is not None:
        if line.command:
            return "network"
        spec, _ = _read(line.line.split())
    return "compare" if spec is not None and spec.kind == "conv" and not spec.each else "layer"


def _specification(rest: Sequence[str]) -> list[str]:
    """The words without the options of a command."""
    options, result, at = options_of("compare"), list[str](), 0
    while at < len(rest):
        name = rest[at].partition("=")[0]
        ours = foreign.flag(name, options) or [name]
        if ours[0] in options and ours[0] not in ("--output",):
            at += 1 + (options[ours[0]] and "=" not in rest[at] and len(ours) == 1)
            continue
        result.append(rest[at])
        at += 1
    return result


def _beside(rest: Sequence[str]) -> list[str]:
    spec = _specification(rest)
    left = list(rest)
    for word in spec:
        left.remove(word)
    return left


def _spec(rest: Sequence[str]) -> list[str]:
    """The words of a spec as they were meant, and the options of the command beside them."""
    words = _specification(rest)
    _, line = _read(words)
    if line is not None:
        text = [line.line] if line.command else line.line.split()
        return [*text, *line.beside, *_beside(rest)]
    return [*words, *_beside(rest)]


def _one_line(rest: Sequence[str]) -> str:
    """Arguments that are a network on one line without its quotes; nothing where they are not."""
    from sepcalc.document import load_line

    text = " ".join(_specification(rest))
    try:
        load_line(text)
    except InputError as error:
        found = next((problem.meant for problem in error.problems if problem.meant and problem.meant.given), None)
        return found.line if found else ""
    return text


def usage(args: Sequence[str]) -> str:
    """The hint for a command line that cannot be read, or nothing."""
    if args and args[0] == "convert" and any(word.lower().lstrip(".") in _FORMATS for word in args[1:]):
        return "  hint: convert writes YAML, and nothing else"
    if args and args[0] not in COMMANDS and (says := _refused(args[0])):
        return f"  hint: {says}"
    found = command(args)
    return f"  hint: {found}" if found else _unneeded(args)


def _refused(word: str) -> str:
    """Why a file of another tool is not read, and what there is instead; nothing of any other word."""
    from sepcalc.strangers import refuse

    suffix = os.path.splitext(word)[1].lower()
    if suffix != ".py" and suffix not in foreign.FILES:
        return ""
    try:
        refuse(word, suffix)
    except InputError as error:
        problem = error.problems[0]
        return str(whole(problem.meant, ["network", word]) or f"{problem.message}; {problem.hint}")
    return ""


def _unneeded(args: Sequence[str]) -> str:
    """Why there is no such option as one that is given."""
    options = options_of(args[0]) if args and args[0] in COMMANDS else {}
    for word in args[1:]:
        name = word.partition("=")[0]
        if word[:1] != "-" or name in options:
            continue
        bare = name.lstrip("-").replace("_", "-").lower()
        for names, why in foreign.UNNEEDED.items():
            if bare in names.split():
                return f"  hint: {why}"
        if "--set" in options and (known := _parameters(args)):
            return f"  hint: --set NAME=VALUE sets a parameter of the network; it has {', '.join(known)}"
    return ""
