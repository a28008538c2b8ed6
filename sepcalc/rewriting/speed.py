"""Fewer multiplications are not the same as less time: what a device does that moves bytes as well as it multiplies.

A device of ``balance`` macs per byte computes that many macs while it moves one byte. A layer of lower arithmetic
intensity waits for memory there, whatever its macs; its time is at least the larger of the two.
Source: Williams, Waterman and Patterson, "Roofline", CACM 2009.
"""

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from sepcalc.layer import Layer


class Load(NamedTuple):
    """What some layers compute and move, and of it what those do that wait for memory at this balance. ``time`` is in
    the time that one byte takes."""

    macs: int
    traffic: int
    layers: int
    bound: int
    time: Fraction

    @property
    def intensity(self) -> Fraction:
        """Macs per byte."""
        return Fraction(self.macs, self.traffic) if self.traffic else Fraction(0)

    def record(self) -> dict[str, int | float]:
        """The JSON fields."""
        return {
            "macs": self.macs,
            "traffic": self.traffic,
            "intensity": round(float(self.intensity), 4),
            "layers": self.layers,
            "memory_bound": self.bound,
            "time": round(float(self.time), 4),
        }


def load(layers: Iterable[Layer], balance: Fraction, element_bytes: int | None = None) -> Load:
    """The layers one after another: macs, bytes, how many of them are memory-bound, and the least time that they take.
    What moves nothing takes none."""
    macs = traffic = count = bound = 0
    time = Fraction(0)
    for layer in layers:
        moved = layer.traffic(element_bytes)
        if not moved:
            continue
        macs, traffic, count = macs + layer.cost.macs, traffic + moved, count + 1
        bound += layer.cost.macs < balance * moved
        time += max(layer.cost.macs / balance, Fraction(moved))
    return Load(macs, traffic, count, bound, time)
