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

from sepcalc.ops.base import Op, Window
from sepcalc.shape import LARGEST, Shape, Shapes

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
    back to (None once positions are lost), and what any element sees, ``whole`` positions. ``lie``: the axes of the
    tensor, counted from its end, that these lie along, None for one that is no more (of one position); it is None
    itself where they are its own spatial axes."""

    whole: tuple[int, ...]
    steps: tuple[tuple[Step, ...], ...] | None
    lie: tuple[int | None, ...] | None = None

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


def through(reach: Reach, shape: Shape, op: Op, inputs: Shapes, output: Shape) -> Reach:
    """What the output of an op sees, given what its input of this shape does."""
    if reach.steps is None:
        return reach
    places = op.places(shape, output)
    if places is not None:
        return _moved(reach, shape, output, places)
    windows = op.windows(inputs, output)
    if windows == () and reach.lie is None:
        return reach
    if windows is not None and (every := _along(reach, len(shape), windows, op.apart)) is not None:
        first, way = (every[0], reach.steps[0]) if every else (OWN, ())
        alike = every.count(first) == len(every)
        if alike and first == OWN:
            return reach
        if alike and all(map(partial(is_, way), reach.steps)):  # square, as most are: one axis for all
            steps = (_back(reach.steps[0], first),) * len(every)
        else:
            steps = tuple([_back(steps, window) for steps, window in zip(reach.steps, every)])
        if max(map(len, steps)) <= LONGEST:
            return reach._replace(steps=steps)
    return _lost(reach, shape)


def _along(reach: Reach, rank: int, windows: Sequence[Window], apart: bool) -> Sequence[Window] | None:
    """The windows along the axes of the network's input; None where that is not known."""
    assert reach.steps is not None
    if reach.lie is None:
        return windows if len(windows) == len(reach.steps) else None
    found = []
    for lie in reach.lie:
        axis = None if lie is None else rank + lie
        if axis == rank - 1 and not apart:  # channels meet each other
            return None
        if axis is None or axis == rank - 1 or windows == ():
            found.append(OWN)
        elif 0 <= axis < len(windows):
            found.append(windows[axis])
        else:
            return None
    return found


def _moved(reach: Reach, shape: Shape, output: Shape, places: Sequence[int | None]) -> Reach:
    """The same elements under another shape."""
    assert reach.steps is not None
    rank, lie = len(shape), list[int | None]()
    for before in reach.lie or range(-len(reach.steps) - 1, -1):
        axis = None if before is None else rank + before
        if axis is not None and not 0 <= axis < rank:
            return _lost(reach, shape)
        place = None if axis is None else places[axis]
        if axis is not None and place is None and shape[axis] > 1:
            return _lost(reach, shape)
        lie.append(None if place is None else place - len(output))
    own = len(output) == len(reach.steps) + 1 and lie == [*range(-len(reach.steps) - 1, -1)]
    return reach._replace(lie=None if own else tuple(lie))


def _lost(reach: Reach, shape: Shape) -> Reach:
    """Positions are no more: an element sees what all together do."""
    assert reach.steps is not None
    lie = reach.lie or range(-len(reach.steps) - 1, -1)
    sizes = [1 if at is None or len(shape) + at < 0 else shape[at] for at in lie]
    return Reach(tuple([seen(steps, size) for steps, size in zip(reach.steps, sizes)]), None)


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
    lie = next(reach.lie for reach in widest if reach.steps is not None)
    return Reach(whole, tuple([max(axis, key=lambda steps: seen(steps, 1)) for axis in zip(*ways, strict=True)]), lie)


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
