"""The subject of a command: networks, layers, kernels and their names. Loaded only after an error."""

import os
import re
from collections.abc import Iterator, Sequence

from sepcalc import foreign, meant
from sepcalc.cli import COMMANDS
from sepcalc.cli.convert import file_name
from sepcalc.cli.corrections import SPECS, corrected, options_of
from sepcalc.cli.found import found, is_pickle, named
from sepcalc.cli.kernels import is_kernel, kernel_name, matrix
from sepcalc.errors import InputError, Meant
from sepcalc.importers.formats import of_suffix
from sepcalc.kinds import KINDS
from sepcalc.meant.words import near
from sepcalc.model_zoo import near as zoo_near
from sepcalc.source import GIT, REVISION, ZOO, is_network
from sepcalc.spec import Spec, parse
from sepcalc.strangers import is_baseline

NETWORKS = ("network", "check", "baseline", "convert", "whatif", "fit", "diff", "verify")
EXAMPLE = "12x12x3"
LIKE = 0.8  # how similar a word alone must be to what it means
_LISTED = ("list", "show", "all", "ls", "info", "names", "--list", "--all", "-l", "print")  # what a list is asked by
_KERNEL = re.compile(r"(?:1x1|3x3|5x5|7x7|9x9|11x11)(?![x\d])")
SHAPE = re.compile(r"[(\[]?\d+\s*[x×X*,]\s*\d[\dx×X*,\s]*[)\]]?")
_LABELS = ("--kernel", "--matrix", "--filter", "-k")  # of what stands without an option
NETWORK = f"{ZOO}mobilenet_v1"  # an example, too


class Example(list[str]):
    """A command that contains an example value, which the user did not give."""


def commands_for(name: str, rest: list[str]) -> Iterator[list[str]]:
    """The commands that fit what follows a command's name (no name: the words decide)."""
    subjects = positional(name, rest)
    first = subjects[0] if subjects else ""
    others = [word for word in rest if word not in subjects]
    beside = [word for word in rest if word != first]
    if name in ("network", "convert", "") and (plain := _without_yaml(rest)) is not None:
        yield ["convert", *plain]
    elif name in ("zoo", "kinds", "operators", "schema"):
        yield from _listing(name, rest, subjects)
    elif name == "help" and first:
        ours = next((one for one, words in foreign.COMMANDS.items() if first.lower() in words.split()), "")
        if page := ours or near(first, (*COMMANDS, *KINDS), LIKE) or kind_of(first):
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
    elif name in ("", *SPECS) and _KERNEL.fullmatch(first) and subjects[1:] and all(map(str.isdigit, subjects[1:])):
        yield from _of_kernel(name or "compare", subjects, others)
    elif name == "" and _KERNEL.match(first) and " ".join(rest) != first[:3]:
        yield from _example_layer(rest)
    elif name in ("", "compare", "layer", "network", "diff") and is_spec(rest):
        yield [of_spec(rest) if name in ("", "network", "diff") else name, *_spec(rest)]
    elif name in ("compare", "layer") and len(subjects) == 1 and is_network(first):
        yield ["network", ("," in first and _one_line([first])) or first, *others]
    elif name in ("compare", "layer") and len(subjects) == 2 and all(map(found, subjects)):
        yield ["diff", *found(first), *found(subjects[1]), *others]
    elif name in ("", "compare", "network", "layer") and len(subjects) == 2 and all(map(_is_network, subjects)):
        yield ["diff", *named(first), *named(subjects[1]), *others]
    elif name in ("convert", "baseline") and len(subjects) == 2 and _is_target(subjects[1]):
        yield [name, *named(first), "-o", file_name(subjects[1]) if name == "convert" else subjects[1], *others]
    elif name == "diff" and len(subjects) == 2 and any(map(is_baseline, subjects)):
        old, new = subjects if is_baseline(subjects[0]) else reversed(subjects)
        held = ["check", new, "--baseline", old]
        yield [*held, *others] if others else Example([*held, "--max-increase", "0%"])
    elif name == "diff" and len(subjects) == 1 and os.path.isfile(first):
        yield ["diff", f"git:HEAD:./{first}", first, *others]
    elif name == "diff" and len(subjects) == 2 and ".." in first and _is_file(subjects[1]):  # main..HEAD
        yield ["diff", *_in_git(subjects[1], *[one or "HEAD" for one in re.split(r"\.{2,3}", first)]), *others]
    elif name == "diff" and len(subjects) == 2 and _is_revision(first) and _is_file(subjects[1]):
        yield ["diff", *_in_git(subjects[1], first), subjects[1], *others]
    elif name == "diff" and len(subjects) == 2 and _is_revision(subjects[1]) and _is_file(first):
        yield ["diff", *_in_git(first, subjects[1]), first, *others]
    elif name == "diff" and len(subjects) == 3 and all(map(_is_revision, subjects[:2])) and _is_file(subjects[2]):
        yield ["diff", *_in_git(subjects[2], *subjects[:2]), *others]
    elif name == "network" and first in ("zoo", ZOO) and not os.path.exists(first):
        yield ["zoo"]
    elif name in NETWORKS and any(map(found, subjects)):
        yield [name, *_loose(name, [part for word in rest for part in (found(word) or [word])], subjects)]
    elif name == "factor" and subjects == ["list"]:
        yield ["factor", "--list", *others]
    elif name == "factor" and (kernel := matrix(" ".join(subjects)) or kernel_name(" ".join(subjects))):
        yield ["factor", kernel, *[word for word in others if word not in _LABELS]]
    elif name == "factor" and {*others} & {*_LABELS}:
        yield ["factor", *subjects, *[word for word in others if word not in _LABELS]]
    elif name:
        yield [name, *_loose(name, rest, subjects)]
    elif first.startswith(ZOO) and (words := zoo_near(first.removeprefix(ZOO))):  # zoo:mobilenet_v1@0.5
        yield ["network", *words, *beside]
    elif re.match(r"[\w.]+\(", first) and kind_of(first.partition("(")[0]):
        yield ["layer", *_spec(rest)]
        yield from _example_layer(rest)
    elif kernel := matrix(" ".join(subjects)):
        yield ["factor", kernel, *others]
    elif _is_network(first):
        yield ["network", *named(first), *beside]
    elif first and is_kernel(first):
        yield ["factor", first, *others]
    elif kind := kind_of(first) or (len(rest) == 1 and not near(first, COMMANDS, LIKE) and near(first, KINDS, LIKE)):
        if len(rest) == 1:
            yield ["kinds", kind]
        else:
            yield ["layer", *_spec(rest)]
            yield ["layer", EXAMPLE, *rest]
            yield from _example_layer(rest)
    elif words := found(first):
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
        return [name, whole, *words] if (whole := _one_line([f"{shape}, {layer}"])) else []
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
    """A layer without a shape, on an example shape. One word that only resembles a kind is none."""
    spec = [EXAMPLE, *rest]
    if not (len(rest) == 1 and rest[0].isalpha()) and readable(specification(spec))[1] is not None:
        yield Example([{"compare": "layer"}.get(name := of_spec(spec), name), *_spec(spec)])


def _of_kernel(name: str, subjects: Sequence[str], others: Sequence[str]) -> Iterator[Example]:
    """A convolution by its kernel and the number of its outputs, or of its inputs and its outputs: 3x3 256."""
    kernel, *channels = subjects
    into = [EXAMPLE.rpartition("x")[0] + f"x{channels[0]}"] if len(channels) == 2 else [EXAMPLE]
    if len(channels) <= 2:
        yield Example([name, *into, "conv", f"-k{kernel.partition('x')[0]}", f"-o{channels[-1]}", *others])


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
        yield ["zoo", *[word for word in others if word in options_of(name)]]  # a search
    elif name == "zoo" and first and is_network(first):
        yield ["network", first, *others]
    elif name == "kinds" and first and (kind := kind_of(first)):
        yield ["kinds", kind, *others]
    elif name == "kinds" and len(asked) > 1 and asked[0] in KINDS:
        if {*asked[1:]} <= {word for slot in KINDS[asked[0]].words() for word in slot}:
            yield ["kinds", asked[0], *others]  # norm batch
        elif {*asked[1:]} <= {*KINDS}:
            yield ["kinds", *others]  # several: all of them
    elif name == "operators" and (ours := foreign.CHOICES["operators"].get(first.lower())):
        yield ["operators", ours, *others]
    elif name == "schema" and first in ("network", "yaml", "json"):
        yield ["schema", *others]
    elif name == "schema" and first in COMMANDS:
        yield ["schema", "--report", first, *others]
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
        if free and "--rewrite" in options and foreign.variant(word.rpartition("=")[2]):
            result += ["--rewrite", word]
        elif free and (equals or "<" in word) and "--max" in options and foreign.metric(metric):
            result += ["--max", word]
        elif free and name == "fit" and re.fullmatch(r"[\d.]+[kMG]", word) and rest[at - 1][:1] != "-":
            result += ["--max", f"macs={word}"]
        elif free and equals and f"--{metric}" in options:
            result += corrected(name, [f"--{metric}", value])
        elif free and equals and "--set" in options and metric.isidentifier():
            result += ["--set", word]
        else:
            result.append(word)
    return result


def positional(name: str, rest: Sequence[str]) -> list[str]:
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
    return (of_suffix(word) is not None or is_pickle(word)) and not os.path.exists(word)


def _is_file(word: str) -> bool:
    return os.path.isfile(word)


def _is_network(word: str) -> bool:
    return bool(word) and word[:1] != "-" and (is_network(word) or bool(REVISION.fullmatch(word)) or is_pickle(word))


def _is_revision(word: str) -> bool:
    """Whether a word can be a git revision."""
    return bool(re.fullmatch(rf"(?:{GIT})?[A-Za-z][\w/~^-]*", word)) and not os.path.exists(word)


def _in_git(path: str, *revisions: str) -> list[str]:
    """The file as each of these revisions has it."""
    return [f"{GIT}{one.removeprefix(GIT)}:./{path}" for one in revisions]


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
