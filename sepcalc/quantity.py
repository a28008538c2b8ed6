"""Numbers as people read and write them: 568.74 M, 1,228,800, 4.2M, 2.5 MiB."""

from typing import NamedTuple

from sepcalc.errors import Invalid, quoted

_DECIMAL = ((10**6, "M"), (10**9, "G"), (10**12, "T"), (10**15, "P"), (10**18, "E"))
_BINARY = ((2**10, "KiB"), (2**20, "MiB"), (2**30, "GiB"), (2**40, "TiB"), (2**50, "PiB"), (2**60, "EiB"))
_SUFFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}


def exact(count: int) -> str:
    """All digits, in groups of three: ``1,228,800``."""
    return f"{count:,}"


def brief(count: int) -> str:
    """Two decimals and a suffix from a million on: ``568.74 M``; all digits below."""
    if count < 10**6:
        return exact(count)
    return _scaled(count, 1000, _DECIMAL) or f"{count:.2e}"


def size(count: int) -> str:
    """Bytes: ``612 B``, ``2.50 MiB``."""
    return f"{count} B" if count < 2**10 else _scaled(count, 1024, _BINARY) or f"{count:.2e} B"


def times(count: int, base: int) -> str:
    """How ``count`` compares with ``base``, in words: ``22.8x fewer``, ``the same``, ``1.5x more``."""
    if count == base:
        return "the same"
    if not count or not base:
        return "none" if not count else "more"
    larger, smaller, word = (base, count, "fewer") if count < base else (count, base, "more")
    ratio = larger / smaller
    if ratio < 1.0005:
        return f"nearly the same, {word}"
    return f"{ratio:,.1f}x {word}" if ratio >= 1.05 else f"{ratio:.3f}x {word}"


def share(part: int, whole: int) -> str:
    """Percent with two decimals, as in the papers' tables: ``94.86 %``."""
    return f"{100 * part / whole:.2f} %" if whole else "0.00 %"


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


def read_printed(text: str) -> Printed:
    """``4.2M``, ``569M``, ``1,550M``, ``568740352``: a decimal number, then perhaps k, M, G (or B) or T."""
    number, unit = (text[:-1].rstrip(" "), text[-1]) if text[-1:] in _SUFFIXES and text else (text, "")
    whole, point, decimals = number.partition(".")
    groups = whole.split(",")
    grouped = len(groups) == 1 or (0 < len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]))
    digits = "".join(groups) + decimals
    if not (
        grouped
        and whole
        and bool(point) == bool(decimals)
        and digits.isascii()
        and digits.isdigit()
        and len(text) <= 40
    ):
        raise Invalid(
            f"{quoted(text)} is not a quantity: expected digits, perhaps a point, and k, M, G or T",
            "for example 4.2M, 569M or 568740352",
        )
    return Printed(text, int(digits), 10 ** len(decimals), _SUFFIXES[unit])


def _scaled(count: int, step: int, units: tuple[tuple[int, str], ...]) -> str:
    """Two decimals of the first unit that they stay below a step of when rounded, so never ``1000.00 M``; nothing
    when even the last unit is too small."""
    for factor, unit in units:
        digits = f"{count / factor:.2f}"
        if float(digits) < step:
            return f"{digits} {unit}"
    return ""
