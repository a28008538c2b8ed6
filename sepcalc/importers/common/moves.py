"""Ops for slices and padding. Axes are in the order of the network, channels last."""

from collections.abc import Mapping

from sepcalc.errors import Invalid
from sepcalc.ops.base import Op
from sepcalc.ops.move import Copy, Pad, Slice
from sepcalc.shape import Pads, Shape, show


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


MASKS = ("begin", "end", "ellipsis", "new_axis", "shrink_axis")


def strided(sizes: Shape, begin: Shape, end: Shape, step: Shape, masks: Mapping[str, int]) -> tuple[list[range], Shape]:
    """TensorFlow's strided slice: what it takes of each axis, and the shape that it gives. Each of the ``masks`` has a
    bit for each position: where it begins or ends is not said, all axes that are left, a new axis, an axis that goes.
    Raises Invalid."""
    if not len(begin) == len(end) == len(step) <= 32 or 0 in step:
        raise Invalid(f"a slice from {list(begin)} to {list(end)} in steps {list(step)} is none")
    parts, shape, left = list[range](), list[int](), list(sizes)
    for at, (first, last, by) in enumerate(zip(begin, end, step)):
        said = {what for what, mask in masks.items() if mask >> at & 1}
        if "ellipsis" in said:
            later = sum(not masks["new_axis"] >> place & 1 for place in range(at + 1, len(begin)))
            every = [range(left.pop(0)) for _ in range(len(left) - later)]
            parts += every
            shape += map(len, every)
        elif "new_axis" in said:
            shape.append(1)
        elif not left:
            raise Invalid(f"a slice of {len(begin)} axes is not for {show(sizes)}")
        elif "shrink_axis" in said:
            if not -(size := left.pop(0)) <= first < size:
                raise Invalid(f"position {first} is none of {size}")
            parts.append(range(first % size, first % size + 1))
        else:
            whole = range(left.pop(0))
            parts.append(whole[None if "begin" in said else first : None if "end" in said else last : by])
            shape.append(len(parts[-1]))
    return [*parts, *map(range, left)], (*shape, *left)
