"""The options of a command that were meant, with their values. Loaded only when something is wrong."""

import re
from collections.abc import Iterable, Mapping, Sequence

import click

from sepcalc import foreign, meant
from sepcalc.cli import commands
from sepcalc.errors import near_miss
from sepcalc.foreign import plain
from sepcalc.options import OPTIONS

SPECS = ("compare", "layer", "verify")  # commands that take a spec
_LIMIT = re.compile(r"([A-Za-z][\w-]*)\s*(?:<=|=<|<|:|\s)\s*(\S+)")
_PREFIX = ("--max-", "--", "--limit-")


def root() -> click.Context:
    return click.Context(commands, info_name="sepcalc", **commands.context_settings)


def options_of(name: str) -> Mapping[str, bool]:
    """The options of a command, and whether each takes a value."""
    found = commands.get_command(root(), name)
    return {
        option: not (isinstance(parameter, click.Option) and parameter.is_flag)
        for parameter in (found.params if found else ())
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }


def near(word: str, known: Iterable[str]) -> str:
    return near_miss(word, known).removeprefix("did you mean ").removesuffix("?")


def corrected(name: str, rest: Sequence[str]) -> list[str]:
    """The arguments with the options that were meant."""
    options = options_of(name)
    result, at = list[str](), 0
    while at < len(rest):
        start = at
        option, equals, value = rest[at].partition("=")
        at += 1
        ours, known = _option(name, option, options, value or "".join(rest[at : at + 1]))
        if not ours:
            result.append(rest[start])
            continue
        if len(ours) > 1 or not options[ours[0]] or (not equals and at == len(rest)):  # a flag, or all that is said
            result += [rest[start]] if known else ours
            continue
        value, at = (value, at) if equals else (rest[at], at + 1)
        if (
            ours[0] in ("--max", "--set", "--max-increase")
            and re.fullmatch(r"[A-Za-z][\w-]*", value)
            and at < len(rest)
        ):
            value, at = (f"{value}={rest[at]}", at + 1) if re.match(r"[\d.]", rest[at]) else (value, at)
        spelled = _value(ours[0], f"{known}={value}" if known and known != ours[0] else value)
        result += rest[start:at] if known == ours[0] and spelled == value and at - start < 3 else [ours[0], spelled]
    return result


def _option(name: str, option: str, options: Mapping[str, bool], value: str) -> tuple[list[str], str]:
    """The option that was meant (with its value, where that is in the name), and: the option where it is right as it
    stands, or what goes before the value. Nothing where it is none of the command's."""
    if option in options:
        return [option], option
    if option[:1] != "-" or (name in SPECS and (len(option) == 2 or option[2:] in OPTIONS or option[2:3].isdigit())):
        return [], ""
    if "--max" in options and re.match(r"\d", value) and (metric := _metric_of(option)):
        return ["--max"], metric
    if option == "--width" and "--set" in options:
        return ["--set"], "width"
    ours = foreign.FLAGS.get(option, "").split() or foreign.FLAGS.get(f"--{option.lstrip('-')}", "").split()
    if ours and ours[0] in options:
        return ours, ""
    close = near(option, options) if option[:2] == "--" else ""
    return ([close], "") if close else ([], "")


def _metric_of(option: str) -> str:
    for prefix in _PREFIX:  # --max-macs, --macs
        if option.startswith(prefix) and (metric := metric_name(option.removeprefix(prefix))):
            return metric
    return ""


def metric_name(word: str) -> str:
    """The metric that a word means: ``parameters`` is params; nothing where it means none."""
    bare = plain(word)
    for ours, names in foreign.METRICS.items():
        if bare == ours.replace("-", "") or bare in names.split():
            return ours
    return ""


def _value(option: str, value: str) -> str:
    """A value of an option as it was meant."""
    match option:
        case "--format":
            forms = ("table", "json", "csv", "markdown", "github", "junit")
            return {"md": "markdown", "text": "table", "txt": "table"}.get(value.lower()) or (
                value if value in forms else near(value.lower(), forms) or value
            )
        case "--variant":
            return variant(value)
        case "--rewrite":
            pattern, equals, target = value.rpartition("=")
            words = target.split(None, 1)
            ours = variant(words[0]) if words and plain(words[0]) != "conv" else ""
            if ours not in foreign.VARIANTS or ours == "normal":
                return value
            return f"{pattern if equals else '*'}={' '.join((ours, *words[1:]))}"
        case "--sort":
            return metric_name(value) or value
        case "--by":
            return {"kinds": "kind", "type": "kind", "blocks": "block", "layer": "kind"}.get(value.lower(), value)
        case "--max" | "--max-increase":
            if limit := _LIMIT.fullmatch(value):
                value = f"{limit[1]}={limit[2]}"
            metric, equals, most = value.partition("=")
            if not equals and option == "--max" and re.match(r"\d", value):
                return f"macs={value}"
            return f"{metric_name(metric) or metric}={most}" if equals else value
        case "--input":
            name, equals, size = value.rpartition("=")
            shape = meant.shape(size)
            return f"{name}{equals}{shape}" if shape else value
        case "--set":
            return re.sub(r"^([A-Za-z_]\w*)\s*[:]\s*", r"\1=", value)
    return value


def variant(word: str) -> str:
    """The variant that a word means, or the word."""
    bare = plain(word)
    for ours, names in foreign.VARIANTS.items():
        if bare == ours.replace("-", "") or bare in names.split():
            return ours
    return word
