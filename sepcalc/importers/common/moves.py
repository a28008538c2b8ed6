"""Ops for slices and padding. Axes are in the order of the network, channels last."""

from sepcalc.ops.base import Op
from sepcalc.ops.move import Copy, Pad, Slice
from sepcalc.shape import Pads, Shape


def part(to: Shape, start: Shape, step: Shape) -> Op:
    """A slice of shape ``to`` that begins at ``start`` (empty: unknown) with these steps; a negative step runs
    backwards."""
    if all(each == 1 for each in step):
        return Slice(to, start if any(start) else ())
    ahead = all(each > 0 for each in step)
    return Copy(to, tuple([abs(each) for each in step[:-1]]), start[:-1] if ahead else ())


def padded(sides: Pads, to: Shape) -> Op:
    """Pads before and after each axis, or crops where a side is negative; the result has shape ``to``."""
    if len(sides) > 1 and sides[-1] == (0, 0) and min(map(min, sides)) >= 0:
        return Pad(sides[:-1])
    return Copy(to, (1,) * (len(to) - 1))
