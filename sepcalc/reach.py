"""What a tensor's elements see of the network's input: receptive fields, and how far apart neighbours look.

Going back through an op, n neighbours of its output see a number of its input's; composed along the way this gives
what they see of the network's input. Steps are kept as few as they can be without losing anything, so that a chain of
any length takes time in proportion.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from math import gcd, prod
from operator import is_
from typing import NamedTuple

from sepcalc.ops.base import Window
from sepcalc.shape import LARGEST, Shape

LONGEST = 64  # steps of one way back
OWN = Window(1)  # each sees its own position


class Stride(NamedTuple):
    """How far one output step goes along an axis of the network's input: ``positions`` in so many ``steps``."""

    positions: int
    steps: int = 1

    def __str__(self) -> str:
        return str(self.positions) if self.steps == 1 else f"{self.positions}/{self.steps}"


class Step(NamedTuple):
    """A way back from a tensor towards the input, along one axis: ``count`` neighbours see
    ceil(((count - 1)·stride + offset) / upscale) + span positions."""

    stride: int = 1
    offset: int = 0
    upscale: int = 1
    span: int = 1


class Reach(NamedTuple):
    """What part of the network's input a tensor's elements see, per spatial axis of that input: where ``steps`` lead
    back to (None once positions are lost), and what any element sees, ``whole`` positions."""

    whole: tuple[int, ...]
    steps: tuple[tuple[Step, ...], ...] | None

    @property
    def extents(self) -> tuple[int, ...]:
        """Input positions that one element sees."""
        if self.steps is None:
            return self.whole
        if len(set(map(id, self.steps))) == 1:  # one way for all axes
            one = seen(self.steps[0], 1)
            return tuple([max(whole, one) for whole in self.whole])
        return tuple([max(whole, seen(steps, 1)) for whole, steps in zip(self.whole, self.steps)])

    @property
    def strides(self) -> tuple[Stride, ...] | None:
        """Input positions from one element to the next; None where positions are lost."""
        if self.steps is None:
            return None
        if len(set(map(id, self.steps))) == 1:  # one way for all axes
            return (_stride(self.steps[0]),) * len(self.steps)
        return tuple(map(_stride, self.steps))


def of_input(shape: Shape) -> Reach:
    """An input sees itself."""
    rank = len(shape) - 1
    return Reach((1,) * rank, ((Step(),),) * rank)


def through(reach: Reach, shape: Shape, windows: Sequence[Window] | None) -> Reach:
    """What the output of an op sees, given what its input of this shape does."""
    if windows == () or reach.steps is None:
        return reach
    if windows is not None and len(windows) == len(reach.steps):
        first, way = (windows[0], reach.steps[0]) if windows else (OWN, ())
        alike = windows.count(first) == len(windows)
        if alike and first == OWN:
            return reach
        if alike and all(map(partial(is_, way), reach.steps)):  # square, as most are: one axis for all
            steps = (_back(reach.steps[0], windows[0]),) * len(windows)
        else:
            steps = tuple([_back(steps, window) for steps, window in zip(reach.steps, windows)])
        if max(map(len, steps)) <= LONGEST:
            return Reach(reach.whole, steps)
    return Reach(tuple([seen(steps, size) for steps, size in zip(reach.steps, shape)]), None)


def joined(reaches: Sequence[Reach]) -> Reach:
    """What the result of several inputs sees: the most that any of them does."""
    if not reaches:  # a constant sees nothing
        return Reach((), None)
    axes = max(len(reach.whole) for reach in reaches)
    widest = [reach for reach in reaches if len(reach.whole) == axes]
    whole = tuple([max(sizes) for sizes in zip(*[reach.whole for reach in widest], strict=True)])
    ways = [reach.steps for reach in widest if reach.steps is not None]
    if not ways:
        return Reach(whole, None)
    return Reach(whole, tuple([max(axis, key=lambda steps: seen(steps, 1)) for axis in zip(*ways, strict=True)]))


def seen(steps: Sequence[Step], count: int) -> int:
    """Input positions that so many neighbours see."""
    for stride, offset, upscale, span in reversed(steps):
        count = -(-((count - 1) * stride + offset) // upscale) + span
    return min(count, LARGEST)


def _back(steps: tuple[Step, ...], window: Window) -> tuple[Step, ...]:
    """The way back from behind a window."""
    if window.stride == window.upscale == 1:  # the most frequent one only looks further
        stride, offset, upscale, span = steps[-1]
        return (*steps[:-1], Step(stride, min(offset + (window.span - 1) * stride, LARGEST), upscale, span))
    way = [*steps, _capped(_reduced(Step(window.stride, 0, window.upscale, window.span)))]
    while len(way) > 1 and (merged := _merged(*way[-2:])):
        way[-2:] = [_capped(_reduced(merged))]
    return tuple(way)


def _merged(near: Step, far: Step) -> Step | None:
    """Two steps as one, ``near`` the one at the input, where that is the same for any count."""
    if far.upscale == 1:  # a whole number of positions for each neighbour
        start = far.offset + far.span - 1
        return Step(near.stride * far.stride, near.offset + start * near.stride, near.upscale, near.span)
    if near.stride == 1:  # rounding up twice is rounding up once
        offset = far.offset + (far.span - 1 + near.offset) * far.upscale
        return Step(far.stride, offset, near.upscale * far.upscale, near.span)
    return None


def _reduced(step: Step) -> Step:
    """The same step in lowest terms."""
    common = gcd(step.stride, step.upscale)
    return Step(step.stride // common, -(-step.offset // common), step.upscale // common, step.span)


def _capped(step: Step) -> Step:
    """No number above the largest size there is: a field as large as that is only said to be so."""
    return step if max(step) <= LARGEST else Step(*[min(number, LARGEST) for number in step])


def _stride(steps: Iterable[Step]) -> Stride:
    return _ratio(prod([step.stride for step in steps]), prod([step.upscale for step in steps]))


@lru_cache(1024)
def _ratio(positions: int, outputs: int) -> Stride:
    common = gcd(positions, outputs)
    return Stride(positions // common, outputs // common)
