"""The options that were meant, with their values. Loaded only after an error."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import click

from sepcalc import foreign, meant
from sepcalc.cli import commands
from sepcalc.foreign import plain
from sepcalc.gate.metrics import METRICS, measured, spoken
from sepcalc.importers.common.input_values import EXAMPLE
from sepcalc.meant.words import channels_last, near, near_option
from sepcalc.network import Network
from sepcalc.options import OPTIONS
from sepcalc.renderers import FORMATS
from sepcalc.shape import Shape

SPECS = ("compare", "layer", "verify")  # commands that take a spec
_LIMIT = re.compile(r"([A-Za-z][\w-]*)\s*(?:<=|=<|<|:|=|\s)\s*(?:<=|=<|<)?\s*(\S.*)")
_AMOUNT = re.compile(r"(\d[\d.,_']*)\s*([A-Za-z]*)")
OPEN = re.compile(r"[?*…]|-1|None|[A-Za-z_]\w*\.\d+|[BDHLNSTW]|batch|height|width")  # a size that is left open
_PREFIXED = re.compile(r"([kmgt])(?:iga|ega|ilo|era)?([a-z]+)")
_PREFIX = ("--max-", "--", "--limit-")
_VALUES = re.compile(r"[^=]+=\s*(?:\w+:)?\s*\[.*")  # of an input of code, which alone takes some
_CODE = re.compile(r"[\w.]+:[A-Za-z_][\w.]*")
_LIMITS = ("--max", "--max-increase")


def root() -> click.Context:
    """A context of the whole command line."""
    return click.Context(commands, info_name="sepcalc", **commands.context_settings)


def options_of(name: str) -> Mapping[str, bool]:
    """The options of a command, each with whether it takes a value."""
    found = commands.get_command(root(), name)
    return {
        option: not (isinstance(parameter, click.Option) and parameter.is_flag)
        for parameter in (found.params if found else ())
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }


class About(NamedTuple):
    """What is known of the network that a command is about: its parameters, and the shape of its input, where it has
    one input."""

    parameters: Collection[str] = ()
    shape: Shape = ()
    network: Network | None = None


def corrected(name: str, rest: Sequence[str], about: About = About()) -> list[str]:
    """The arguments with the options that were meant."""
    options, parameters = options_of(name), about.parameters
    result, at = list[str](), 0
    while at < len(rest):
        start = at
        option, equals, value = rest[at].partition("=")
        at += 1
        after = value if equals else "".join(rest[at : at + 1])
        ours, known = _option(name, option, options, after, parameters)
        if not ours:
            result.append(rest[start])
            continue
        if ours[0] == "--format" and len(ours) > 1 and after[-5:].lower().endswith((".json", ".csv", ".md")):
            result += [*ours, "--output", after]  # --csv file.csv
            at += not equals
            continue
        if len(ours) > 1 or not options[ours[0]] or (not equals and at == len(rest)):  # a flag, or all that is said
            result += [rest[start]] if known else ours
            continue
        value, at = (value, at) if equals else (rest[at], at + 1)
        if ours[0] in (*_LIMITS, "--set") and re.fullmatch(r"[A-Za-z][\w-]*", value) and at < len(rest):
            value, at = (f"{value}={rest[at]}", at + 1) if re.match(r"[\d.]", rest[at]) else (value, at)
        while (
            ours[0] == "--input" and re.fullmatch(r"[\d,]+", value) and re.fullmatch(r"\d+", "".join(rest[at : at + 1]))
        ):  # 3 224 224
            value, at = f"{value},{rest[at]}", at + 1
        if ours[0] == "--input" and _VALUES.fullmatch(value) and any(map(_CODE.fullmatch, rest)):
            result += ["--input", value]
            continue
        said = f"{known}={value}" if known and known != ours[0] else value
        parts = re.split(r",\s*(?=[A-Za-z_][\w-]*\s*[=<:])", said) if ours[0] in (*_LIMITS, "--set") else [said]
        while ours[0] in _LIMITS and (more := _further_limit(rest[at : at + 2])):  # --max macs 1M params 2M
            parts, at = [*parts, more], at + (1 if "=" in rest[at] else 2)
        if ours[0] == "--top" and value.lower() in foreign.ENDLESS:
            continue
        spelled = [_value(ours[0], part, name, about) for part in parts]
        if known == ours[0] and spelled == [value] and at - start < 3:
            result += rest[start:at]
        else:
            result += [word for one in spelled for word in (ours[0], one)]
    return result


def _further_limit(words: Sequence[str]) -> str:
    """The limit that words behind another limit are, of another metric; empty where they are none."""
    metric, equals, most = words[0].partition("=") if words else ("", "", "")
    most = most if equals else "".join(words[1:])
    known = foreign.metric(metric) and not os.path.exists(words[0])
    return f"{metric}={most}" if known and re.match(r"\d", most) else ""


def _option(
    name: str, option: str, options: Mapping[str, bool], value: str, parameters: Collection[str]
) -> tuple[list[str], str]:
    """The option that was meant (with its value, where the name contains it), and either the same option where it is
    correct, or what goes before the value. None where it is not an option of the command."""
    if option in options:
        return [option], option
    if option[:1] != "-" or (name in SPECS and (len(option) == 2 or option[2:] in OPTIONS or option[2:3].isdigit())):
        return [], ""
    metric = _metric_of(option)
    if metric and "--max" in options and re.match(r"[<=\s]*\d", value):
        return ["--max"], metric
    if "--set" in options and (parameter := _parameter(option.lstrip("-"), parameters)):
        return ([f"--{parameter}"], "") if f"--{parameter}" in options else (["--set"], parameter)
    if metric and "--sort" in options and "=" not in value:
        return ["--sort", metric], ""
    if ours := foreign.flag(option, options) or foreign.flag(f"--{option.lstrip('-')}", options):
        return ours, ""
    close = near_option(option, options) if option[:2] == "--" else ""
    return ([close], "") if close else ([], "")


def _parameter(word: str, parameters: Collection[str]) -> str:
    """The network's parameter that a word means: ``alpha`` is width. Empty where it means none."""
    bare = plain(word)
    for ours in parameters:
        if plain(ours) == bare or bare in foreign.PARAMETERS.get(ours, "").split():
            return ours
    return ""


def _metric_of(option: str) -> str:
    for prefix in _PREFIX:  # --max-macs, --macs
        if option.startswith(prefix) and (metric := foreign.metric(option.removeprefix(prefix))):
            return metric
    return ""


def _limited(text: str) -> str:
    """``METRIC=LIMIT`` as it was meant: ``parameters < 5 million`` is ``params=5M``, ``gflops=0.3`` is
    ``flops=0.3G``."""
    limit = _LIMIT.fullmatch(text)
    if not limit:
        return text
    word, most = limit[1], limit[2].strip()
    metric, unit = foreign.metric(word), ""
    if (prefixed := _PREFIXED.fullmatch(plain(word))) and foreign.metric(prefixed[2]) and metric != "params":
        metric, unit = foreign.metric(prefixed[2]), {"k": "k"}.get(prefixed[1], prefixed[1].upper())
    amount = _AMOUNT.fullmatch(most)
    if not metric or not amount:
        return f"{metric or word}={most}"
    number, ours = amount[1], foreign.UNITS.get(amount[2].lower(), amount[2])
    bytes_ = re.fullmatch(r"([kKMGT])i?B", amount[2])
    if bytes_ and metric == "params":  # what a file of them takes
        metric = "params-bytes"
    counted = not METRICS[metric.replace("-", "_")].bytes
    if bytes_ and (counted or (amount[2][1:] == "B" and word != metric)):
        ours = bytes_[1].replace("K", "k")
    kept = ours == amount[2] and not unit
    return f"{metric}={most if kept else number + (ours or unit)}"


def _value(option: str, value: str, name: str, about: About) -> str:
    """The value of an option as it was meant."""
    rows, (parameters, shape, network) = foreign.CHOICES.get(option, {}), about
    match option:
        case "--format":
            return rows.get(value.lower()) or (value if value in FORMATS else near(value.lower(), FORMATS) or value)
        case "--variant":
            return foreign.variant(value) or near(value, foreign.VARIANTS) or value
        case "--rewrite":
            if rule := re.fullmatch(r"([^\s=:>]+?)\s*(?:->|=>|:|\s)\s*([a-z][a-z-]*(?:\s+-.*)?)", value):
                value = f"{rule[1]}={rule[2]}" if foreign.variant(rule[2].split()[0]) else value
            pattern, equals, target = value.rpartition("=")
            if pattern in ("all", "every", "any", "layers"):
                pattern, value = "*", f"*={target}"
            words = target.split(None, 1)
            ours = foreign.variant(words[0]) if words and plain(words[0]) != "conv" else ""
            if ours in ("", "normal"):
                return value
            return f"{pattern if equals else '*'}={' '.join((ours, *words[1:]))}"
        case "--sort":
            return foreign.metric(value) or near(value, map(spoken, METRICS)) or value
        case "--by":
            return rows.get(value.lower(), value) if name == "fit" or value.lower() not in ("res", "width") else value
        case "--max":
            limit = _limited(f"macs={value}" if value[:1].isdigit() else value)
            return _share(limit, network) if name == "fit" and network else limit
        case "--max-increase":
            if re.fullmatch(r"[1-9]\d*", value):
                return f"{value}%"
            metric, equals, most = (f"{said[1]}={said[2]}" if (said := _LIMIT.fullmatch(value)) else value).partition(
                "="
            )
            return f"{foreign.metric(metric) or metric}={most}" if equals else value
        case "--input":
            name, equals, size = value.rpartition("=")
            if (
                re.fullmatch(r"[1-9]\d+", size) and int(size[:9]) > 15 and len(shape) == 3 and not name
            ):  # of a square image
                return f"{size}x{size}x{shape[-1]}"
            if not shape and (closed := _closed(size)) is not None:
                return f"{name}{equals}{closed}"
            found = meant.shape(size)
            if found and found != size and not name:  # as a framework writes it
                found = channels_last(found) or found
            return f"{name}{equals}{found}" if found else value
        case "--resolution":
            share = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value)
            sizes = [Fraction(share[1]) * size / 100 for size in shape[:-1]] if share else []
            if sizes and all(size.denominator == 1 and size > 0 for size in sizes):
                return "x".join(map(str, sizes if len({*sizes}) > 1 else sizes[:1]))
            return meant.shape(value) or value if "," in value else value
        case "--set":
            value = re.sub(r"^([A-Za-z_]\w*)\s*[:]\s*", r"\1=", value)
            name, equals, number = value.partition("=")
            if not equals or not parameters or name in parameters:
                return value
            ours = _parameter(name, parameters) or near(name, parameters) or name
            return f"{ours}={number}"
        case "--width" if share := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%|x|X)", value):
            return share[1] if share[2] != "%" else f"{float(share[1]) / 100:g}"
    return value


def _share(limit: str, network: Network) -> str:
    """``macs=50%`` and ``macs=0.5x`` as the number that it is of what the network has."""
    metric, _, text = limit.partition("=")
    found = re.fullmatch(r"x?(\d+(?:\.\d+)?)\s*(%|x?)", text)
    if not found or foreign.metric(metric) != metric or not (found[2] or text[0] == "x"):
        return limit
    part = Fraction(found[1]) / (100 if found[2] == "%" else 1)
    return f"{metric}={int(part * measured(network, metric.replace('-', '_')))}" if 0 < part < 1 else limit


def _closed(size: str) -> str | None:
    """The shape of a model's input with one example along its open first axis, and a size for each further open one:
    ``?x3x?x32`` is ``1x3x224x32``. None where no axis is open."""
    axes = re.split(r"\s*[x,]\s*", size.strip(" ()[]"))
    opened = [OPEN.fullmatch(axis) is not None for axis in axes]
    if len(axes) < 2 or not any(opened):
        return None
    examples = ["1", *[str(EXAMPLE)] * len(axes)]
    return "x".join([one if is_open else axis for axis, is_open, one in zip(axes, opened, examples)])
