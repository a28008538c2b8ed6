"""Numbers as people read and write them: 568.74 M, 1,228,800, 4.2M, 2.5 MiB."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, quoted

_DECIMAL = ((10**6, "M"), (10**9, "G"), (10**12, "T"), (10**15, "P"), (10**18, "E"))
_BINARY = ((2**10, "KiB"), (2**20, "MiB"), (2**30, "GiB"), (2**40, "TiB"), (2**50, "PiB"), (2**60, "EiB"))
_COUNTED = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BYTES = {"": 1, "B": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, **{unit: size for size, unit in _BINARY[:4]}}
_PRINTED = _COUNTED | {"B": 10**9}
_MAX_LENGTH = 40  # characters of a quantity


def exact(count: int) -> str:
    """All digits, in groups of three: ``1,228,800``."""
    return f"{count:,}"


def brief(count: int) -> str:
    """Two decimals and a suffix from a million on: ``568.74 M``; all digits below."""
    return exact(count) if count < 10**6 else _scaled(count, 1000, _DECIMAL) or f"{count:.2e}"


def about(count: int) -> str:
    """Three digits and a suffix from a million on: ``42.3 M``, ``61 M``; all digits below."""
    return exact(count) if count < 10**6 else _scaled(count, 1000, _DECIMAL, short=True) or f"{count:.2e}"


def size(count: int) -> str:
    """Bytes: ``612 B``, ``2.50 MiB``."""
    return f"{count} B" if count < 2**10 else _scaled(count, 1024, _BINARY) or f"{count:.2e} B"


def about_bytes(count: int) -> str:
    """Bytes in three digits: ``1.5 MiB``."""
    return f"{count} B" if count < 2**10 else _scaled(count, 1024, _BINARY, short=True) or f"{count:.2e}"


def _scaled(count: int, step: int, units: tuple[tuple[int, str], ...], short: bool = False) -> str:
    """Two decimals, or with ``short`` three digits, of the first unit that they stay below a step of when rounded, so
    never ``1000.00 M``; nothing when even the last unit is too small."""
    for factor, unit in units:
        value = count / factor
        digits = f"{value:.{2 if not short or value < 9.995 else 1 if value < 99.95 else 0}f}"
        if float(digits) < step:
            return f"{digits.rstrip('0').rstrip('.') if short and '.' in digits else digits} {unit}"
    return ""


def written(form: Callable[[Any], str], numbers: Sequence[Any]) -> list[str]:
    """Every number in this form; the form of equal ones is made once where many are equal."""
    known = {*numbers}
    if 2 * len(known) > len(numbers):
        return list(map(form, numbers))
    texts = {number: form(number) for number in known}
    return [texts[number] for number in numbers]


def byte_count(count: int) -> str:
    """``1 byte``, ``4 bytes``."""
    return f"{exact(count)} byte{'' if count == 1 else 's'}"


def times(count: int, base: int) -> str:
    """How ``count`` compares with ``base``, in words: ``22.8x fewer``, ``the same``, ``1.5x more``."""
    if count == base:
        return "the same"
    if not count or not base:
        return "none" if not count else "more"
    larger, smaller, word = (base, count, "fewer") if count < base else (count, base, "more")
    ratio = larger / smaller
    if ratio <= 1.0005:
        return f"nearly the same, {word}"
    return f"{ratio:,.1f}x {word}" if ratio >= 1.05 else f"{ratio:.3f}x {word}"


def share(part: int, whole: int) -> str:
    """Percent with two decimals, as in the papers' tables: ``94.86 %``."""
    return shares([part], whole)[0]


def shares(parts: Sequence[int], whole: int, none: str = "0.00 %") -> list[str]:
    """Each part's :func:`share`; ``none`` is what stands for a part of nothing."""
    if not whole:
        return [none] * len(parts)
    percents = [100 * part / whole for part in parts]  # those of a long table are tiny, and all the same
    return [f"{percent:.2f} %" if percent >= 0.005 else "0.00 %" if percent else none for percent in percents]


def percent(part: int, whole: int) -> str:
    """Percent with one decimal, or as many as show that it is not nothing: ``7.4 %``, ``0.003 %``."""
    value = 100 * part / whole
    for decimals in range(1, 7):
        if round(value, decimals):
            return f"{value:,.{decimals}f} %"
    return f"{value:.1g} %"


def largest(holds: Callable[[int], bool]) -> int:
    """The largest whole number from 1 that something holds of, 0 where it holds of none. It holds of all below one that
    it holds of, and not of every number."""
    from bisect import bisect_left  # few commands look for a number

    high = 1
    while holds(high):
        high *= 2
    return bisect_left(range(high // 2 + 1, high), True, key=lambda number: not holds(number)) + high // 2


class Printed(NamedTuple):
    """A number as a paper prints it, exactly: ``digits`` (all of them, without the point) over ``below``, times
    ``unit``."""

    text: str
    digits: int
    below: int
    unit: int

    @property
    def floor(self) -> int:
        """The largest whole number that is not above it."""
        return self.digits * self.unit // self.below

    def rounds_from(self, actual: int) -> bool:
        """Whether the exact number is within half a unit of the last printed digit."""
        return 2 * abs(actual * self.below - self.digits * self.unit) <= self.unit

    def cut_from(self, actual: int) -> bool:
        """Whether the printed digits are the first of the exact number, without rounding."""
        return actual * self.below // self.unit == self.digits


def _parsed(text: str, whole: str, unit: str) -> tuple[str, ...] | None:
    """The digits before the point, those behind it and the unit, each perhaps empty; ``whole`` and ``unit`` are
    patterns. None where the text is something else."""
    match = re.fullmatch(rf"({whole})(?:\.([0-9]+))?(?:{unit})?", text, re.ASCII) if len(text) <= _MAX_LENGTH else None
    return match.groups("") if match else None


def _printed(text: str, whole: str, decimals: str, unit: int) -> Printed:
    return Printed(text, int(whole.replace(",", "") + decimals), 10 ** len(decimals), unit)


def read_printed(text: str) -> Printed:
    """``4.2M``, ``569M``, ``1,550M``, ``568740352``: a decimal number, then perhaps k, M, G (or B) or T. Raises
    Invalid."""
    parts = _parsed(text, "[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+", " *([kKMGBT])")
    if not parts:
        raise Invalid(
            f"{quoted(text)} is not a quantity: expected digits, perhaps a point, and k, M, G or T",
            "for example 4.2M, 569M or 568740352",
        )
    return _printed(text, parts[0], parts[1], _PRINTED[parts[2]])


def read_amount(text: str, of_bytes: bool = False) -> Printed:
    """A limit: ``570M``, ``4.3 M``, ``568,740,352``; of bytes also ``2.5 MiB``. What could be read in two ways
    (``1,5M``, ``1,550``, ``5 m``, ``2 MB``, ``010``) is refused. Raises Invalid."""
    units = _BYTES if of_bytes else _COUNTED
    expected = "k, M, G or T; KiB, MiB, GiB or TiB" if of_bytes else "k, M, G or T"
    shown = quoted(text)
    example = "for example 512KiB, 2.5MiB or 1048576" if of_bytes else "for example 4.2M, 569M or 568740352"
    parts = _parsed(text, "0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}", " ?([A-Za-z]+)")
    if not parts:
        if text[:1] == "-":
            raise Invalid(f"{shown} is negative: a limit is 0 or more")
        if re.fullmatch(r"[0-9.,_' ]*[0-9][0-9.,_' ]*[A-Za-z]*", text[:_MAX_LENGTH], re.ASCII):
            raise Invalid(f"{shown} could be read in more than one way", f"digits, perhaps a point: {example[12:]}")
        if text[-1:] == "%":
            example = f"a limit is a count, {example}; --max-increase takes percents, of a --baseline"
        raise Invalid(f"{shown} is not a quantity: expected digits, perhaps a point, and {expected}", example)
    whole, decimals, unit = parts
    if "," in whole and (decimals or unit):
        raise Invalid(f"{shown} could be read in more than one way", f"digits, perhaps a point: {example[12:]}")
    if unit not in units:
        raise Invalid(f"{shown} has an unknown unit {quoted(unit)}: expected {expected}", _unit_hint(unit, of_bytes))
    return _printed(text, whole, decimals, units[unit])


def _unit_hint(unit: str, of_bytes: bool) -> str:
    if of_bytes:
        prefix = unit[:1].upper()
        power = "k" if prefix == "K" else prefix
        return f"{power} is a power of 1,000, {prefix}iB one of 1,024" if unit in _TWO_WAYS else ""
    if unit.endswith("iB"):
        return "this metric is a count, not bytes"
    return {"m": "M is a million", "g": "G is a thousand millions", "B": "G is a thousand millions"}.get(unit, "")


_TWO_WAYS = ("K", "kB", "KB", "MB", "GB", "TB")


def read_percent(text: str) -> Printed:
    """``2%`` or ``0.5 %``. Raises Invalid."""
    parts = _parsed(text, "0|[1-9][0-9]*", " ?(%)")
    if not parts or not parts[2]:
        raise Invalid(f"{quoted(text)} is not a percentage: expected digits, perhaps a point, and %", "for example 2%")
    return _printed(text, parts[0], parts[1], 1)


_SECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9}  # in nanoseconds


def read_duration(text: str) -> Printed:
    """``5ms``, ``1.5 s``, ``20s``: in nanoseconds. Raises Invalid."""
    parts = _parsed(text, "0|[1-9][0-9]*", " ?([a-z]+)")
    if not parts or parts[2] not in _SECONDS:
        expected = "digits, perhaps a point, and ns, us, ms, s or min"
        raise Invalid(f"{quoted(text)} is no time: expected {expected}", "for example 5ms or 20s")
    return _printed(text, parts[0], parts[1], _SECONDS[parts[2]])
