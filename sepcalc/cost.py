"""What a layer costs, and how each count was computed.

A count is written once, as arithmetic over named sizes. Given plain sizes it is an integer; given :class:`Named`
ones, the same expression is the same integer and remembers its own derivation: ``--explain`` cannot drift from it.
"""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any, NamedTuple

from sepcalc.shown import telling


@telling
class Cost(NamedTuple):
    """Exact counts of one example's inference (batch 1), as ``docs/opcounts.md`` defines them.

    ``macs`` are the multiply-accumulates of convolutions and products; ``mults`` to ``specials`` every operation of
    the kind, macs included; ``params`` and ``buffers`` numbers stored; ``activations`` elements written.
    """

    macs: int = 0
    mults: int = 0
    adds: int = 0
    compares: int = 0
    divs: int = 0
    specials: int = 0
    params: int = 0
    buffers: int = 0
    activations: int = 0

    def __add__(self, other: tuple[Any, ...]) -> "Cost":
        return Cost(*map(int.__add__, self, other))

    @property
    def flops(self) -> int:
        """mults + adds + divs, exact. Twice the macs is another convention, not this one."""
        return self.mults + self.adds + self.divs


COSTS = Cost._fields
COUNTS = COSTS[: COSTS.index("params")]

Naming = Callable[..., int]


def plain(label: str, *sizes: int) -> int:
    """The product of the sizes: what :func:`named` is when nobody asks why."""
    return prod(sizes)


class Named(int):
    """An integer with the text of the expression that made it; ``loose`` if that text is a sum."""

    text: str
    loose: bool

    def __new__(cls, value: int, text: str, loose: bool = False) -> "Named":
        self = super().__new__(cls, value)
        self.text = text
        self.loose = loose
        return self

    def __mul__(self, other: int) -> "Named":
        return _product(self, other)

    def __rmul__(self, other: int) -> "Named":
        return _product(other, self)

    def __add__(self, other: int) -> "Named":
        return _sum(self, "+", other)

    def __radd__(self, other: int) -> "Named":
        return _sum(other, "+", self)

    def __sub__(self, other: int) -> "Named":
        return _sum(self, "-", other)

    def __rsub__(self, other: int) -> "Named":
        return _sum(other, "-", self)


def named(label: str, *sizes: int) -> Named:
    """A size that keeps its name: ``named("positions", 8, 8)`` is 64, shown as ``8·8 positions``."""
    return Named(prod(sizes), f"{'·'.join(map(str, sizes))} {label}" if sizes else "")


def derivation(count: int) -> str:
    """How a count computed from named sizes came about: ``256 kernels x 5·5·3 each x 8·8 positions``."""
    return _text(count)


def _text(value: int) -> str:
    return value.text if isinstance(value, Named) else str(int(value))


def _factor(value: int) -> str:
    return f"({_text(value)})" if isinstance(value, Named) and value.loose else _text(value)


def _unwritten(value: int) -> bool:
    """A factor that would only say "times one": the number itself, or a size of no axes."""
    return value == 1 and (not isinstance(value, Named) or not value.text)


def _product(left: int, right: int) -> Named:
    value = int(left) * int(right)
    if value == 0:
        return Named(0, "0")
    if _unwritten(left):
        return right if isinstance(right, Named) else Named(value, _text(right))
    if _unwritten(right):
        return left if isinstance(left, Named) else Named(value, _text(left))
    return Named(value, f"{_factor(left)} x {_factor(right)}")


def _sum(left: int, sign: str, right: int) -> Named:
    value = int(left) + int(right) if sign == "+" else int(left) - int(right)
    if right == 0:
        return left if isinstance(left, Named) else Named(value, _text(left))
    if left == 0 and sign == "+":
        return right if isinstance(right, Named) else Named(value, _text(right))
    tail = _factor(right) if sign == "-" else _text(right)
    return Named(value, f"{_text(left) or '1'} {sign} {tail or '1'}", loose=True)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of the costs, count by count."""
    return Cost(*map(sum, zip(*costs)))
