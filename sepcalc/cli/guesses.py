"""The whole command that was meant by one that is wrong. Loaded only when something is."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from sepcalc import foreign, meant
from sepcalc.cli import COMMANDS, commands
from sepcalc.cli.corrections import SPECS, corrected, near, options_of, root
from sepcalc.errors import InputError, Meant
from sepcalc.kinds import KINDS
from sepcalc.shape import channels_first, read_shape
from sepcalc.source import GIT, REVISION, TORCH, YAML, ZOO, is_network
from sepcalc.spec import Spec, parse
from sepcalc.strangers import is_baseline, zoo_name

NETWORKS = ("network", "check", "baseline", "convert", "whatif", "fit", "diff", "verify")
EXAMPLE = "12x12x3"
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


def command(args: Sequence[str], read: bool = False) -> Meant | None:
    """The whole command that was meant, None where none is known that can be run. ``read``: the words were, and so
    their order was not the mistake."""
    for words in _guesses(list(args)):
        same = sorted(words) == sorted(args) if read else words == list(args)
        if not same and _parses(words):
            _, line = _read(_specification(args[args[0] in COMMANDS :])) if words[0] in SPECS else (None, None)
            made_up = (line is not None and line.example) or (EXAMPLE in words and EXAMPLE not in args)
            return Meant("", spoken(words), made_up)
    return None


def _guesses(args: list[str]) -> Iterator[list[str]]:
    if not args:
        return
    if any(map(TORCH.fullmatch, args)) and (turned := _channels_last(args)) != args:
        yield turned
    for name, rest in _commands(args):
        for words in _subjects(name, rest):
            yield [words[0], *corrected(words[0], words[1:])]


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
    known = {word: name for name, words in foreign.COMMANDS.items() for word in words.split()}
    if first in known and not os.path.exists(first):
        name, rest = known[first], args[1:]
        if name == "network" and rest and _is_spec(rest):
            name = _of_spec(rest)
        if rest or name not in (*NETWORKS, *SPECS, "factor"):
            yield name, rest
    if close := near(first, COMMANDS):
        yield close, args[1:]
    yield "", args


def _subjects(name: str, rest: list[str]) -> Iterator[list[str]]:
    """Commands for what follows a command's name (none: what is typed says which)."""
    subjects = _positional(name, rest)
    first = subjects[0] if subjects else ""
    options = [word for word in rest if word not in subjects]
    others = _after(rest, options)
    if name == "zoo" and first and (zoo := zoo_name(first.removeprefix(ZOO))):
        yield ["network", ZOO + zoo, *others]
    elif name == "kinds" and len(subjects) == 1:
        if kind := _kind(first):
            yield ["kinds", kind, *others]
    elif name == "help" and first:
        if close := near(first, (*COMMANDS, *KINDS)):
            yield ["help", close]
    elif name in ("", *NETWORKS, *SPECS) and any(word.endswith(",") for word in rest) and _one_line(rest):
        line = _one_line(rest)
        yield [name if name in NETWORKS and name != "diff" else "network", line, *_beside(rest)]
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
    elif name == "diff" and len(subjects) == 2 and re.fullmatch(r"[A-Za-z][\w./~^-]*", first) and _is_file(subjects[1]):
        if not os.path.exists(first) and "." not in first:
            yield ["diff", f"git:{first}:./{subjects[1]}", subjects[1], *others]
    elif name in NETWORKS and len(subjects) == 1 and not is_network(first) and (zoo := zoo_name(first)):
        yield [name, *[ZOO + zoo if word == first else word for word in rest]]
    elif name:
        yield [name, *rest]
    elif re.match(r"[\w.]+\(", first) and _kind(first.partition("(")[0]):
        yield ["layer", *_spec(rest)]
    elif _is_network(first):
        yield ["network", _network(first), *others]
    elif first and _is_kernel(first):
        yield ["factor", first, *others]
    elif kind := _kind(first):
        if len(rest) == 1:
            yield ["kinds", kind]
        else:
            yield ["layer", EXAMPLE, *rest]
            yield from ([*_shaped(["layer", EXAMPLE, *rest])],)
    elif zoo := zoo_name(first):
        yield ["network", ZOO + zoo, *others]


def _shaped(words: list[str]) -> list[str]:
    found = _spec(words[1:])
    return [words[0], *found]


def _positional(name: str, rest: Sequence[str]) -> list[str]:
    """The arguments that are no options, nor values of those that the command has."""
    valued = {option for option, takes in options_of(name or "network").items() if takes}
    known = {word for word, ours in foreign.FLAGS.items() if ours in valued}
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
        ours = foreign.FLAGS.get(name, name).split() or [name]
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


# --- whether a command can be run -------------------------------------------------------------------------------------


def _parses(words: Sequence[str]) -> bool:
    """Whether the command line takes these words, and their spec can be read."""
    found = commands.get_command(root(), words[0])
    if found is None:
        return [*words] == ["--version"]
    if {"-h", "--help"} & {*words}:
        return False  # they would print
    try:
        context = found.make_context(words[0], list(words[1:]), parent=root())
    except (click.ClickException, click.exceptions.Exit):
        return False
    try:
        if rules := context.params.get("rules"):
            from sepcalc.whatif.rules import read_rules

            read_rules(rules)
        if most := context.params.get("maxima") or context.params.get("most"):
            from sepcalc.cli.asked import limits_of

            limits_of(most)
    except InputError:
        return False
    if not _all_read(context.params):
        return False
    given = context.params.get("words", ())
    if words[0] in SPECS:
        if words[0] == "verify" and given and is_network(given[0]):
            return True
        try:
            spec = parse(" ".join(given), ("multiplier", "rank") if words[0] != "layer" else ())
        except InputError:
            return False
        return bool(spec.inputs) or KINDS[spec.kind].begins
    return True


def _all_read(given: Mapping[str, Any]) -> bool:
    """Whether the networks of a command line can be read with its settings, as far as that is cheap to say: those in
    our language."""
    from sepcalc.cli.network import request
    from sepcalc.source import is_document, read

    single = [given[name] for name in ("network", "old", "new") if given.get(name)]
    words = [word for word in given.get("words") or () if "," in word and is_network(word)]
    try:
        sets, inputs, dims = [given.get(name) or () for name in ("sets", "inputs", "dims")]
        asked = request(sets, inputs, dims, given.get("batch"))
        for name in (*single, *(given.get("files") or ()), *words):
            if "://" in name or (name.startswith(GIT) and not _in_git()):
                return False
            if name != "-" and is_document(name) and (os.path.isfile(name) or not name.endswith(YAML)):
                read(name, asked)
    except InputError:
        return False
    return True


def _in_git() -> bool:
    folder = os.getcwd()
    while not os.path.exists(os.path.join(folder, ".git")):
        if folder == os.path.dirname(folder):
            return False
        folder = os.path.dirname(folder)
    return True


def usage(args: Sequence[str]) -> str:
    """The hint for a command line that cannot be read, or nothing."""
    if args and args[0] == "convert" and any(word.lower().lstrip(".") in _FORMATS for word in args[1:]):
        return "  hint: convert writes YAML, and nothing else"
    found = command(args)
    return f"  hint: {found}" if found else ""
