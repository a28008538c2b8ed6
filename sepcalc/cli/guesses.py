"""The whole command that was meant. Loaded only after an error."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from sepcalc import foreign
from sepcalc.cli import COMMANDS
from sepcalc.cli.corrections import OPEN, SPECS, About, corrected, options_of
from sepcalc.cli.found import is_module
from sepcalc.cli.reading import Reading
from sepcalc.cli.runnable import parses
from sepcalc.cli.subjects import (
    EXAMPLE,
    NETWORK,
    NETWORKS,
    SHAPE,
    Example,
    commands_for,
    is_spec,
    kind_of,
    of_spec,
    positional,
    readable,
    specification,
)
from sepcalc.errors import InputError, Meant
from sepcalc.importers.formats import YAML, of_suffix
from sepcalc.kinds import KINDS
from sepcalc.meant.words import near
from sepcalc.plain_files import inside
from sepcalc.shape import channels_first, misread, read_shape
from sepcalc.source import is_document
from sepcalc.strangers import EXAMPLE as INPUT

if TYPE_CHECKING:
    from sepcalc.document import Document

_VALUES = {"--max": "macs=300M", "--max-increase": "2%", "--sort": "macs", "--top": "10", "--sample": "64",
           "--rewrite": "*=depthwise-separable", "--variant": "depthwise-separable", "--width": "0.5", "--by": "width",
           "--resolution": "192", "--format": "json"}  # fmt: skip
_LIMIT, _RULE = "macs=300M", "*=depthwise-separable"  # examples, too
_NEEDS_QUOTES = re.compile(r"[^\w@%+=:,./-]")
_IN_FILE = re.compile(r":\d+:\d+$")
_IMAGE = re.compile(r"(?:1x)?[1-9]\d{0,5}(?:x[1-9]\d{0,5}){2}")
_ONE_EXAMPLE = re.compile(r"1(?:x[1-9]\d{0,5}){2,4}")
_FORMATS = ("onnx", "torch", "pytorch", "keras", "tensorflow", "tflite", "h5", "json")
_VERSION = ("-v", "-V", "version")


def spoken(args: Iterable[str]) -> str:
    """Arguments as one types them, quoted where a shell needs it."""
    return " ".join(("sepcalc", *map(_for_shell, args)))


def _for_shell(text: str) -> str:
    """The text as a shell reads it back: in quotes where it needs them."""
    if text and not _NEEDS_QUOTES.search(text):
        return text
    if re.search(r'["$`\\!]', text):
        return "'" + text.replace("'", "'\"'\"'") + "'"
    return f'"{text}"'


def told(error: InputError, args: Sequence[str]) -> str:
    """The message of bad input, with the whole command that was meant."""
    problems = list(error.problems)
    lines = sum(problem.meant is not None for problem in problems)
    listed = "".join(args[:1]) in ("compare", "layer") and any(
        re.match(r"[\dx]+, ", arg) for arg in args[1:2]
    )  # a network
    if (lines > 1 or listed) and (found := command(args, True)):
        problems = [problem._replace(hint="", meant=None) for problem in problems]
        problems[-1] = problems[-1]._replace(meant=found)
    elif lines:
        problems = [problem._replace(meant=whole(problem.meant, args)) for problem in problems]
    elif (
        any(arg.startswith("--input") for arg in args) or not any(_IN_FILE.search(one.place) for one in problems)
    ) and (found := command(args, True)):
        problems = [problem._replace(hint="") for problem in problems]
        problems[-1] = problems[-1]._replace(meant=found)
    return "\n".join(map(str, problems))


def whole(line: Meant | None, args: Sequence[str]) -> Meant | None:
    """The command with what was meant in place of what was given."""
    if line is None or not line.given:
        return line
    args = [word for arg in args for word in (arg.split("=", 1) if arg.startswith("--input=") else [arg])]
    rest = _without(args[1:], line.given)
    if rest is None:
        return line
    name, at, others = line.command or args[0], *rest
    split = line.line[:2] == "--" or (name in SPECS and line.given not in args[1:])
    words, example = line.line.split() if split else [line.line], line.example
    if name in ("check", "baseline") and os.path.isdir(line.given):
        words, example = inside(line.given), False
    kind = words[0].split()[0]
    if name in SPECS and kind in KINDS and not KINDS[kind].begins:
        words, example = [EXAMPLE, *line.line.split()], True
    others = [*corrected(name, others[:at]), *words, *corrected(name, [*others[at:], *line.beside])]
    if line.command:
        others = _fitting(name, others, {*words})
    return Meant("", spoken((name, *others)), example)


def _without(args: Sequence[str], given: str) -> tuple[int, list[str]] | None:
    """The arguments without the given ones, and their position. None where they are not among the arguments."""
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
    """The whole command that was meant; None where no runnable one is known. ``read`` says that the words were
    understood, so their order was not the mistake."""
    for words in _guesses(_joined(list(args))):
        same = sorted(words) == sorted(arg for arg in args if arg != "--") if read else words == list(args)
        if not same and parses(words, read):
            _, line = readable(specification(args[args[0] in COMMANDS :])) if words[0] in SPECS else (None, None)
            made_up = (line is not None and line.example) or (EXAMPLE in words and EXAMPLE not in args) or _opened(args)
            return Meant("", spoken(words), made_up or isinstance(words, Example))
    return None


def _guesses(args: list[str]) -> Iterator[list[str]]:
    if not args:
        return
    models = any(is_module(arg) or of_suffix(arg) not in (None, YAML) for arg in args)
    if models and (turned := _channels_last(args)) != args:
        yield turned
    for name, rest in _commands(args):
        for found in (*commands_for(name, rest), *_examples(name, rest)):
            words = [found[0], *corrected(found[0], found[1:], _about(found))]
            made_up = isinstance(found, Example)
            if words[0] == "fit" and not any(word.startswith("--max") for word in words):
                words, made_up = [*words, "--max", _LIMIT], True
            changing = ("--rewrite", "--width", "--resolution")
            if words[0] == "whatif" and not any(word.startswith(changing) for word in words):
                words, made_up = [*words, "--rewrite", _RULE], True
            words = _named_layers(words)
            if any(map(is_module, words[1:])) and "--input" not in words:
                words, made_up = [*words, *INPUT.split()], True
            for tried in (words, _channels_last(words), *_nameless(words)) if models else (words,):
                yield Example(tried) if made_up else tried


def _examples(name: str, rest: Sequence[str]) -> Iterator[list[str]]:
    """A command that lacks its subject, or has an option that it does not take."""
    if not rest and name in SPECS:
        yield Example([name, EXAMPLE, "conv", "-k5", "-o256"])
    elif rest and (value := _VALUES.get(rest[-1])) and rest[-1] in options_of(name):
        yield Example([name, *rest, value])
    elif name == "compare" and _variants(rest):  # conv and separable
        yield Example([name, EXAMPLE, "conv", "-k3", "-o64", *_variants(rest)])
    elif not rest and name == "baseline":
        yield Example([name, NETWORK])
    elif name in ("network", "convert", "whatif", "fit") and not positional(name, rest):
        yield Example([name, NETWORK, *rest])
    elif not name and rest and rest[0][:1] == "-":  # options alone
        yield Example(["network", NETWORK, *rest])
        yield Example(["check", NETWORK, *rest])
    elif name in SPECS and any(word.partition("=")[0] == "--sort" for word in rest):  # few rows, in their own order
        at = next(at for at, word in enumerate(rest) if word.partition("=")[0] == "--sort")
        yield [name, *rest[:at], *rest[at + (1 if "=" in rest[at] else 2) :]]
    elif "--sort" in rest[:-1] and not foreign.metric(word := rest[rest.index("--sort") + 1]):
        yield Example([name, *["macs" if one == word else one for one in rest]])
    elif name in SPECS and len(rest) == 1 and SHAPE.fullmatch(rest[0]) and "x" in rest[0]:
        image = misread(read_shape(rest[0])).rpartition(" ")[2] if _IMAGE.fullmatch(rest[0]) else ""
        yield Example([name, image or rest[0], "conv", "-k3", "-o64"])
    elif name in SPECS and rest and rest[0].isdigit():  # one size of an image, without the others
        yield Example([name, f"{rest[0]}x{rest[0]}x3", *rest[1:]])
    elif name in SPECS and readable(specification(rest))[0] is not None:  # no shape
        yield Example([name, EXAMPLE, *rest])


def _variants(rest: Sequence[str]) -> list[str]:
    """The variants that all of these words name, as options; empty where they name none, or but the normal one."""
    names = [word for word in rest if word not in ("vs", "vs.", "versus", "with", "and", "to", "or")]
    asked = [foreign.variant(word) or foreign.variant(kind_of(word)) for word in names]
    return [word for one in asked if one != "normal" for word in ("--variant", one)] if all(asked) else []


def _joined(args: list[str]) -> list[str]:
    """The arguments, with the words of a rule in one: --replace conv depthwise; and -v NAME as a variant."""
    for at, word in enumerate(args[1:-1], 1):
        if word in ("-v", "--to", "--with") and foreign.variant(args[at + 1]):
            return [*args[:at], "--variant", *args[at + 1 :]]
        old, *new = args[at + 1 : at + 3]
        if foreign.flag(word, ("--rewrite",)) and new and foreign.variant(new[0]) and "=" not in old:
            return [*args[:at], "--rewrite", f"{old}={new[0]}", *args[at + 3 :]]
    return args


def _network_in(words: Sequence[str]) -> "Document | None":
    """The network that a command is about, as its settings have it, or as it is written. None where there is none, or
    it is no file."""
    from sepcalc.importers import Request
    from sepcalc.source import read

    values: dict[str, list[str]] = {option: [] for option in ("--set", "--input", "--dim")}
    for before, word in pairwise(words):
        values.get(before, []).append(word)
    for word in words[1:]:
        if word != "-" and (os.path.isfile(word) or (is_document(word) and of_suffix(word) is not YAML)):
            with suppress(InputError):
                sets, inputs, dims = map(tuple, values.values())
                return read(word, Reading(sets, inputs, dims).request())
            with suppress(InputError):
                return read(word, Request())
            return None
    return None


def _about(words: Sequence[str]) -> About:
    """What is known of the network that a command is about."""
    found = _network_in(words) if words[0] in NETWORKS else None
    if found is None:
        return About()
    shapes = [*found.network.inputs.values()]
    return About(found.parameters, shapes[0] if len(shapes) == 1 else (), found.network)


def _named_layers(words: list[str]) -> list[str]:
    """The words, with layers by name where they were given by number, from 0."""
    at = words.index("--layers") + 1 if "--layers" in words[:-1] else 0
    if not at or not words[at].isdigit() or len(words[at]) > 9:
        return words
    found = _network_in(words)
    if found is None or int(words[at]) >= len(found.network.layers):
        return words
    return [*words[:at], found.network.layers[int(words[at])].name, *words[at + 1 :]]


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


def _opened(args: Sequence[str]) -> bool:
    """Whether an input leaves a size open beside its first, which is one example."""
    sizes = [list(filter(None, re.split(r"[x,()\[\]\s]+", arg.rpartition("=")[2]))) for arg in args]
    return any(any(map(OPEN.fullmatch, one[1:])) for one in sizes)


def _channels_last(args: list[str]) -> list[str]:
    """The arguments with an input shape as HxWxC where it was given in PyTorch's order: 3x64x64."""
    result = []
    for before, word in zip(["", *args], args, strict=False):
        option, equals, size = word.rpartition("=") if word.startswith("--input=") else ("", "", word)
        note = channels_first(read_shape(size)) if (before == "--input" or equals) and _IMAGE.fullmatch(size) else ""
        result.append(f"{option}{equals}{note.rpartition(' ')[2]}" if note else word)
    return result


def _nameless(args: list[str]) -> Iterator[list[str]]:
    """The arguments with an input shape without its one example, channels last or first: 1x3x224x8."""
    for at, word in enumerate(args[1:], 1):
        sizes = word.split("x")
        if args[at - 1] == "--input" and _ONE_EXAMPLE.fullmatch(word):
            orders = [[*sizes[2:], sizes[1]], sizes[1:]]
            for order in orders if len(sizes) > 3 else orders[::-1]:
                yield [*args[:at], "x".join(order), *args[at + 1 :]]


def _commands(args: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The command that was meant, and the words after it."""
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
    called = first if first in known else first.rpartition(".")[2]  # thop.profile
    if called in known and not os.path.exists(first):
        name, rest = known[called], args[1:]
        if name == "network" and rest and is_spec(rest):
            name = of_spec(rest)
        if rest or not kind_of(first):
            yield name, rest
    needs = (*NETWORKS, *SPECS, "factor")
    if (close := near(first, COMMANDS)) and (args[1:] or close not in needs):
        yield close, args[1:]
    if first[:1] == "-" or not foreign.unneeded(first):
        yield "", args


def usage(args: Sequence[str]) -> str:
    """The hint for a command line that cannot be parsed, or an empty text."""
    if args and args[0] == "convert" and any(word.lower().lstrip(".") in _FORMATS for word in args[1:]):
        return "  hint: convert writes YAML, or ONNX with --output model.onnx"
    if args and args[0] not in COMMANDS and (says := _refused(args[0])):
        return f"  hint: {says}"
    found = command(args)
    return f"  hint: {found}" if found else _unneeded(args)


def _refused(word: str) -> str:
    """The reason why another tool's file is not read, and what works instead. Empty for any other word."""
    from sepcalc.strangers import refuse

    suffix = os.path.splitext(word)[1].lower()
    if suffix != ".py" and suffix not in foreign.FILES:
        return ""
    try:
        refuse(word)
    except InputError as error:
        problem = error.problems[0]
        return str(whole(problem.meant, ["network", word]) or f"{problem.message}; {problem.hint}")
    return ""


def _unneeded(args: Sequence[str]) -> str:
    """The reason why a given option does not exist."""
    options = options_of(args[0]) if args and args[0] in COMMANDS else {}
    for at, word in enumerate(args):
        name = word.partition("=")[0]
        if (word[:1] != "-" and (at or word in COMMANDS)) or name in options:
            continue
        bare = name.lstrip("-")
        if why := foreign.unneeded(name):
            return f"  hint: {why}"
        number = re.match(r"[\d.]", word.partition("=")[2] or "".join(args[args.index(word) + 1 :][:1]))
        if "--set" in options and number and re.fullmatch(r"[a-z_]+", bare) and (known := _about(args).parameters):
            return f"  hint: --set NAME=VALUE sets a parameter of the network; it has {', '.join(known)}"
    return ""
