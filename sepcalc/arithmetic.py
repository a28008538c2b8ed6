"""Exact numbers: a whole number is an int, any other a Fraction, and what a network's text may compute with them."""

from collections.abc import Callable, Mapping
from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, Union

from sepcalc.errors import Invalid

if TYPE_CHECKING:  # importing it takes 4 ms, and most networks hold whole numbers only
    from fractions import Fraction

LIMIT = 2**256  # numerators and denominators stay below

Number: TypeAlias = Union[int, "Fraction"]  # a whole number is always an int
Value: TypeAlias = Union[int, "Fraction", bool]
Names: TypeAlias = Mapping[str, Value]


def as_text(value: Value) -> str:
    """The exact value, as it can be read again: ``58``, ``0.29``, ``1/3``, ``true``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    for places in range(1, 21) if value.denominator != 1 else ():
        if 10**places % value.denominator == 0:
            digits = str(abs(value.numerator) * 10**places // value.denominator).zfill(places + 1)
            return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
    return str(value)


def make_divisible(v: Number, divisor: Number = 8) -> int:
    """The multiple of ``divisor`` nearest to ``v``, halves up; at least one divisor; the next multiple if that lost
    more than a tenth of ``v``.

    The rule of the MobileNets, here in exact arithmetic: ``_make_divisible`` in
    https://github.com/tensorflow/models/blob/master/research/slim/nets/mobilenet/mobilenet.py
    """
    if not isinstance(divisor, int) or divisor < 1:
        raise Invalid(f"the divisor must be a whole number from 1, not {as_text(divisor)}")
    nearest = max(divisor, (2 * v + divisor) // (2 * divisor) * divisor)
    return nearest + divisor if 10 * nearest < 9 * v else nearest


MAX_ARGUMENTS = 1000  # of a function


class Function(NamedTuple):
    """A function of the language: how it runs, how it is written, and how many arguments it takes."""

    run: Callable[..., Number]
    signature: str
    least: int  # arguments
    most: int
    keyword: str = ""  # by which the last argument may be given


FUNCTIONS = {
    "int": Function(int, "int(a)", 1, 1),  # towards zero
    "round": Function(round, "round(a)", 1, 1),  # halves to the even neighbour
    "ceil": Function(ceil, "ceil(a)", 1, 1),
    "floor": Function(floor, "floor(a)", 1, 1),
    "min": Function(min, "min(a, b, ...)", 2, MAX_ARGUMENTS),
    "max": Function(max, "max(a, b, ...)", 2, MAX_ARGUMENTS),
    "make_divisible": Function(make_divisible, "make_divisible(a, divisor=8)", 1, 2, "divisor"),
}


def settled(value: Number) -> Number:
    """The number as it is kept: an int if it is whole, and within the limits."""
    if type(value) is not int and value.denominator == 1:
        value = value.numerator
    if -LIMIT < value.numerator < LIMIT and value.denominator < LIMIT:
        return value
    raise Invalid("the result is out of range: expected a numerator and a denominator below 2^256")


def quotient(left: Number, right: Number) -> Number:
    """``left / right``, exactly. Raises ZeroDivisionError."""
    if type(left) is int and type(right) is int and right and left % right == 0:
        return left // right
    from fractions import Fraction

    return Fraction(left, right)
