"""The subject of a command: networks, layers, kernels and their names. Loaded only after an error."""

import os
import re
from collections.abc import Iterator, Sequence

from sepcalc import foreign, meant
from sepcalc.cli import COMMANDS
from sepcalc.cli.corrections import SPECS, corrected, metric_name, options_of, variant
from sepcalc.errors import InputError, Meant
from sepcalc.importers.formats import SUFFIXES, YAML, of_suffix
from sepcalc.kinds import KINDS
from sepcalc.meant.words import near
from sepcalc.model_zoo import near as zoo_near
from sepcalc.source import REVISION, ZOO, is_network
from sepcalc.spec import Spec, parse
from sepcalc.strangers import is_baseline

NETWORKS = ("network", "check", "baseline", "convert", "whatif", "fit", "diff", "verify")
EXAMPLE = "12x12x3"
_LISTED = ("list", "show", "all", "ls", "info", "names", "--list", "--all", "-l", "print")  # what a list is asked by
_KERNEL = re.compile(r"(?:1x1|3x3|5x5|7x7|9x9|11x11)(?![x\d])")
SHAPE = re.compile(r"[(\[]?\d+\s*[x×X*,]\s*\d[\dx×X*,\s]*[)\]]?")
_LABELS = ("--kernel", "--matrix", "--filter", "-k")  # of what stands without an option
NETWORK = f"{ZOO}mobilenet_v1"  # an example, too


class Example(list[str]):
    """A command that contains an example value, which the user did not give."""


def commands_for(name: str, rest: list[str]) -> Iterator[list[str]]:
    """The commands that fit what follows a command's name (no name: the words decide)."""
    subjects = _positional(name, rest)
    first = subjects[0] if subjects else ""
    others = [word for word in rest if word not in subjects]
    beside = [word for word in rest if word != first]
    if name in ("network", "convert", "") and (plain := _without_yaml(rest)) is not None:
        yield ["convert", *plain]
    elif name in ("zoo", "kinds", "operators", "schema"):
        yield from _listing(name, rest, subjects)
    elif name == "help" and first:
        ours = next((one for one, words in foreign.COMMANDS.items() if first.lower() in words.split()), "")
        if page := ours or near(first, (*COMMANDS, *KINDS)) or kind_of(first):
            yield ["help", page]
        elif words := zoo_near(first):
            yield ["network", *words]
    elif name in ("", *NETWORKS, *SPECS) and any(word.endswith(",") for word in rest) and _one_line(rest):
        line = _one_line(rest)
        yield [name if name in NETWORKS and name != "diff" else "network", line, *_beside(rest)]
    elif name in ("", "network", "compare", "layer") and (line := _punctuated(subjects)):
        yield ["network", line, *others]
    elif name in NETWORKS and " " in first and (begun := _begun(first, rest, name)):
        yield begun
    elif name == "" and _KERNEL.match(first) and " ".join(rest) != first[:3]:
        yield from _example_layer(rest)
    elif name in ("", "compare", "layer", "network", "diff") and is_spec(rest):
        yield [of_spec(rest) if name in ("", "network", "diff") else name, *_spec(rest)]
    elif name in ("compare", "layer") and len(subjects) == 1 and is_network(first):
        yield ["network", ("," in first and _one_line([first])) or first, *others]
    elif name in ("compare", "layer") and len(subjects) == 2 and all(map(_found, subjects)):
        yield ["diff", *_found(first), *_found(subjects[1]), *others]
    elif name in ("", "compare", "network", "layer") and len(subjects) == 2 and all(map(_is_network, subjects)):
        yield ["diff", *map(_network, subjects), *others]
    elif name in ("convert", "baseline") and len(subjects) == 2 and _is_target(subjects[1]):
        yield [name, _network(first), "-o", subjects[1], *others]
    elif name == "diff" and len(subjects) == 2 and any(map(is_baseline, subjects)):
        old, new = subjects if is_baseline(subjects[0]) else reversed(subjects)
        held = ["check", new, "--baseline", old]
        yield [*held, *others] if others else Example([*held, "--max-increase", "0%"])
    elif name == "diff" and len(subjects) == 1 and os.path.isfile(first):
        yield ["diff", f"git:HEAD:./{first}", first, *others]
    elif name == "diff" and len(subjects) == 2 and ".." in first and _is_file(subjects[1]):  # main..HEAD
        yield ["diff", *[f"git:{one or 'HEAD'}:./{subjects[1]}" for one in re.split(r"\.{2,3}", first)], *others]
    elif name == "diff" and len(subjects) == 2 and _is_revision(first) and _is_file(subjects[1]):
        yield ["diff", f"git:{first}:./{subjects[1]}", subjects[1], *others]
    elif name == "diff" and len(subjects) == 2 and _is_revision(subjects[1]) and _is_file(first):
        yield ["diff", f"git:{subjects[1]}:./{first}", first, *others]
    elif name == "network" and first in ("zoo", ZOO) and not os.path.exists(first):
        yield ["zoo"]
    elif name in NETWORKS and any(map(_found, subjects)):
        yield [name, *_loose(name, [part for word in rest for part in (_found(word) or [word])], subjects)]
    elif name == "factor" and subjects == ["list"]:
        yield ["factor", "--list", *others]
    elif name == "factor" and (matrix := _matrix(" ".join(subjects)) or _kernel_name(" ".join(subjects))):
        yield ["factor", matrix, *[word for word in others if word not in _LABELS]]
    elif name == "factor" and {*others} & {*_LABELS}:
        yield ["factor", *subjects, *[word for word in others if word not in _LABELS]]
    elif name:
        yield [name, *_loose(name, rest, subjects)]
    elif re.match(r"[\w.]+\(", first) and kind_of(first.partition("(")[0]):
        yield ["layer", *_spec(rest)]
        yield from _example_layer(rest)
    elif matrix := _matrix(" ".join(subjects)):
        yield ["factor", matrix, *others]
    elif _is_network(first):
        yield ["network", _network(first), *beside]
    elif first and _is_kernel(first):
        yield ["factor", first, *others]
    elif kind := kind_of(first):
        if len(rest) == 1:
            yield ["kinds", kind]
        else:
            yield ["layer", *_spec(rest)]
            yield ["layer", EXAMPLE, *rest]
            yield from _example_layer(rest)
    elif words := zoo_near(first):
        yield ["network", *words, *beside]
    elif rest:
        yield from _example_layer(rest)


def _punctuated(subjects: Sequence[str]) -> str:
    """A one-line network with missing or wrong separators; empty where it is not one."""
    text = ", ".join(subjects) if len(subjects) > 1 and any(" " in word for word in subjects[1:]) else ""
    text = text or (subjects[0].replace(";", ",") if len(subjects) == 1 else "")
    if not SHAPE.match(text) or len(text) > 1000:
        return ""
    if "," not in text and "(" not in text:
        words = text.split()
        text = " ".join(f", {word}" if word in KINDS and at else word for at, word in enumerate(words))
        text = text.replace(" ,", ",")
    return _one_line([text]) if text.count(",") > 1 and text not in subjects else ""


def _begun(line: str, rest: Sequence[str], name: str) -> list[str]:
    """A one-line network without its input, which may stand beside it, or without the comma behind its input; empty
    where it is not one."""
    words = corrected(name, [word for word in rest if word != line])
    shape, _, layer = line.partition(" ")
    if SHAPE.fullmatch(shape) and "," not in line and kind_of(layer.split(" ")[0]):
        return [name, found, *words] if (found := _one_line([f"{shape}, {layer}"])) else []
    parts = [part.strip() for part in line.split(",")]
    if " " not in line or not parts[0] or SHAPE.match(parts[0]) or not kind_of(parts[0].split()[0]):
        return []
    at = words.index("--input") if "--input" in words[:-1] else -1
    if at < 0:
        found = _one_line([f"224x224x3, {line}"])
        return Example([name, found, *words]) if found else []
    found = _one_line([f"{words[at + 1]}, {line}"])
    return [name, found, *words[:at], *words[at + 2 :]] if found else []


def _example_layer(rest: Sequence[str]) -> Iterator[list[str]]:
    """A layer without a shape, on an example shape."""
    spec = [EXAMPLE, *rest]
    if readable(specification(spec))[1] is not None:
        yield Example([{"compare": "layer"}.get(name := of_spec(spec), name), *_spec(spec)])


def _without_yaml(rest: Sequence[str]) -> list[str] | None:
    """The arguments without ``--format yaml``; None where it is not there."""
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
    """A command that lists things, or shows one of them."""
    asked = [word for word in subjects if word not in _LISTED]
    others = [word for word in rest if word not in subjects and word not in _LISTED]
    first = asked[0] if len(asked) == 1 else ""
    if name == "zoo" and first and (words := zoo_near(first.removeprefix(ZOO))):
        yield ["network", *words, *others]
    elif name == "zoo" and first and is_network(first):
        yield ["network", first, *others]
    elif name == "kinds" and first and (kind := kind_of(first)):
        yield ["kinds", kind, *others]
    elif name == "kinds" and len(asked) > 1 and asked[0] in KINDS:
        if {*asked[1:]} <= {word for slot in KINDS[asked[0]].words() for word in slot}:
            yield ["kinds", asked[0], *others]  # norm batch
    elif name == "operators" and (ours := foreign.CHOICES["operators"].get(first.lower())):
        yield ["operators", ours, *others]
    elif name == "schema" and first in ("network", "yaml", "json"):
        yield ["schema", *others]
    elif name == "zoo" and first:
        yield ["zoo", *others]
    elif not asked or list(asked) == list(subjects):
        yield [name, *asked, *others]


def _loose(name: str, rest: Sequence[str], subjects: Sequence[str]) -> list[str]:
    """The arguments, with the missing option before a bare value: ``fit net.yaml macs=300M``."""
    options, result = options_of(name), list[str]()
    for at, word in enumerate(rest):
        metric, equals, value = word.partition("=")
        metric = re.split(r"[<=:]", word)[0] if "<" in word or equals else metric
        free = word in subjects and at and not os.path.exists(word)
        label = word[:1] == "-" and word not in options and not equals and foreign.flag(word, ("--baseline",)) == []
        if label and at + 1 < len(rest) and os.path.exists(rest[at + 1]):
            continue  # --model net.yaml
        if equals and word in subjects and os.path.exists(value) and not os.path.exists(word):
            result.append(value)  # old=net.yaml
            continue
        if free and "--rewrite" in options and variant(word.rpartition("=")[2]) in foreign.VARIANTS:
            result += ["--rewrite", word]
        elif free and (equals or "<" in word) and "--max" in options and metric_name(metric):
            result += ["--max", word]
        elif free and name == "fit" and re.fullmatch(r"[\d.]+[kMG]", word) and rest[at - 1][:1] != "-":
            result += ["--max", f"macs={word}"]
        elif free and equals and "--set" in options and metric.isidentifier():
            result += ["--set", word]
        else:
            result.append(word)
    return result


def _found(word: str) -> list[str]:
    """The network that a wrong word means: a file, a module, a network of the zoo. Empty where there is none."""
    if word[:1] == "-" or not _is_missing(word):
        return []
    return _file_of(word) or _module_of(word) or zoo_near(word.rpartition(".")[2])


def _is_missing(word: str) -> bool:
    """Whether a word looks like the name of a network but leads to none."""
    return not os.path.exists(word) and (not is_network(word) or of_suffix(word) is YAML)


def _file_of(word: str) -> list[str]:
    """The file of a network whose suffix is missing or different."""
    stem, suffix = os.path.splitext(word)
    stem = stem if suffix.lower() in SUFFIXES else word
    return next(([stem + one] for one in SUFFIXES if stem and os.path.isfile(stem + one)), [])


def _module_of(word: str) -> list[str]:
    """A PyTorch module written with a dot instead of its colon, where such a package exists."""
    if not re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", word) or os.path.splitext(word)[1].lower() in foreign.FILES:
        return []
    from importlib.util import find_spec

    package, _, name = word.rpartition(".")
    begin = package.partition(".")[0]
    try:
        found = os.path.isfile(f"{begin}.py") or os.path.isdir(begin) or find_spec(begin)
    except (ImportError, ValueError):
        return []
    return [f"{package}:{name}"] if found else []


def _kernel_name(text: str) -> str:
    """The named kernel that was meant: ``sobel_x``, ``gaussian 5x5``. Empty where there is none."""
    words = re.sub(r"(\d+)x\1\b", r"\1", text.lower().replace("_", " ").replace("-", " ")).split()
    words = [part for word in words for part in re.findall(r"[a-z]+|\d+", word)]
    names = [word for word in words if not word.isdigit()]
    sizes = [word for word in words if word.isdigit()]
    for name in ("-".join((*names, *sizes)), *([f"{names[0][:-1]}-{names[0][-1]}"] if len(names) == 1 else [])):
        if len(text) < 40 and name != text and _is_kernel(name):
            return name
    return ""


def _matrix(text: str) -> str:
    """A matrix in brackets, or with other separators, in our notation. Empty where it is not one."""
    if len(text) > 2000 or not re.search(r"[\[({/]|\n|\\n", text):
        return ""
    text = re.sub(r"[A-Za-z_][\w.]*\(", "(", text.replace("\\n", "\n"))  # np.array(
    text = text.replace("{", "[").replace("}", "]")
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
    """The arguments that are neither options nor their values."""
    valued = {option for option, takes in options_of(name or "network").items() if takes}
    forms = {word for word in rest if word[:1] == "-" and foreign.flag(word, valued)[:1] == ["--format"]}
    known = {word for word in rest if word[:1] == "-" and len(ours := foreign.flag(word, valued)) == 1 and ours}
    return [
        word
        for before, word in zip(["", *rest], rest, strict=False)
        if (word[:1] != "-" or word == "-")
        and before not in valued | known
        and not (before in forms and re.search(r"\.\w+$", word) and not is_network(word.removesuffix(".json")))
    ]


# --- what an argument is ----------------------------------------------------------------------------------------------


def _is_target(word: str) -> bool:
    """Whether a word is the file to write."""
    return word.endswith((".yaml", ".yml", ".json")) and not os.path.exists(word)


def _is_file(word: str) -> bool:
    return os.path.isfile(word)


def _is_network(word: str) -> bool:
    return bool(word) and word[:1] != "-" and (is_network(word) or bool(REVISION.fullmatch(word)) or _pickle(word))


def _pickle(word: str) -> bool:
    return os.path.splitext(word)[1].lower() in foreign.FILES


def _network(word: str) -> str:
    """A network argument in our notation."""
    if REVISION.fullmatch(word) and not os.path.exists(word):
        return f"git:{word}"
    return word


def _is_revision(word: str) -> bool:
    """Whether a word can be a git revision."""
    return bool(re.fullmatch(r"[A-Za-z][\w/~^-]*", word)) and not os.path.exists(word)


def _is_kernel(word: str) -> bool:
    if ";" in word or word.lower().endswith((".npy", ".csv")):
        return True
    from sepcalc.errors import Invalid
    from sepcalc.factoring.named import named

    try:
        named(word)
    except Invalid:
        return False
    return True


def kind_of(word: str) -> str:
    """The kind that a word means: ``conv2d`` is conv."""
    found = meant.kind(word)
    return found.split()[0] if found else ""


def is_spec(rest: Sequence[str]) -> bool:
    """Whether these words are a layer spec: a shape stands first."""
    subjects = [word for word in rest if word[:1] != "-"]
    first = subjects[0] if subjects else ""
    if re.search(r",\s*[A-Za-z]", first):  # a network on one line
        return False
    return bool(SHAPE.match(first)) or (first.isdigit() and len(subjects) > 1)


def readable(rest: Sequence[str]) -> tuple[Spec | None, Meant | None]:
    """The spec that the words are; or else None, and the line that was meant where one is known."""
    own = [*options_of("layer")]
    words = [word for word in rest if word.partition("=")[0] not in own]
    text = " ".join(words)
    try:
        return parse(text, ("multiplier", "rank"), own), None
    except InputError as error:
        return None, next((problem.meant for problem in error.problems if problem.meant), None)


def of_spec(rest: Sequence[str]) -> str:
    """The command for a spec: compare for a convolution, layer for any other kind."""
    spec, line = readable(specification(rest))
    if line is not None:
        if line.command:
            return "network"
        spec, _ = readable(line.line.split())
    return "compare" if spec is not None and spec.kind == "conv" and not spec.each else "layer"


def specification(rest: Sequence[str]) -> list[str]:
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
    spec = specification(rest)
    left = list(rest)
    for word in spec:
        left.remove(word)
    return left


def _spec(rest: Sequence[str]) -> list[str]:
    """The words of a spec as they were meant, and the command's own options."""
    words = specification(rest)
    _, line = readable(words)
    if line is not None:
        text = [line.line] if line.command else line.line.split()
        return [*text, *line.beside, *_beside(rest)]
    return [*words, *_beside(rest)]


def _one_line(rest: Sequence[str]) -> str:
    """Arguments that form a one-line network without its quotes; empty where they do not."""
    from sepcalc.document.loading import load_line

    text = " ".join(specification(rest))
    try:
        load_line(text)
    except InputError as error:
        found = next((problem.meant for problem in error.problems if problem.meant and problem.meant.given), None)
        return found.line if found else ""
    return text
