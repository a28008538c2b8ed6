"""What a network would cost with other convolutions, another width or another resolution.

A network goes in, a rewritten network comes out, with the same outer shapes where only layers were rewritten, and for
every layer what became of it, or why it was left alone. The rewrites are those of :mod:`sepcalc.rewrite`.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from sepcalc.errors import Invalid, bad_input, quoted
from sepcalc.options import read_sizes
from sepcalc.rewriting.rules import Change, Rewritten, Rule, read_rule, read_rules, resized_and_rewritten, rewrite
from sepcalc.shape import Shape

__all__ = ["Change", "Rewritten", "Rule", "read_rule", "read_rules", "resized_and_rewritten", "rewrite"]
MAX_WIDTH = 100
_NUMBER = re.compile(r"[0-9]+/[0-9]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")  # no power takes long


def said(width: object, resolution: object) -> str:
    """What was done to the whole of a network, in words."""
    parts = [] if width is None else [f"width x {width}"]
    return ", ".join(parts if resolution is None else [*parts, f"resolution {_text(resolution)}"])


def read_fraction(what: str, text: str, largest: int) -> Fraction:
    """A positive decimal or fraction. Raises InputError."""
    try:
        value = Fraction(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else Fraction(0)
    except ZeroDivisionError:
        value = Fraction(0)
    if not 0 < value <= largest:
        raise bad_input(f"{what} {quoted(text)}: expected a number above 0, up to {largest:,}")
    return value


def read_resolution(what: str, resolution: str | int | Sequence[int]) -> Shape:
    """One size, or one for each axis: ``192``, ``256x160``. Raises InputError."""
    try:
        return read_sizes(_text(resolution))
    except Invalid as fact:
        raise bad_input(f"{what}: {fact.message}", fact.hint) from fact


def _text(resolution: object) -> str:
    return "x".join(map(str, resolution)) if isinstance(resolution, list | tuple) else str(resolution)
