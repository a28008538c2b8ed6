"""What a tensor's elements see of the network's input: receptive fields, and how far apart neighbours look.

Going back through an op, n neighbours of its output see a number of its input's; composed along the way this gives
what they see of the network's input. Steps are kept as few as they can be without losing anything, so that a chain of
any length takes time in proportion.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import gcd, prod
from typing import Any, NamedTuple

from sepcalc.ops.base import Op, Window
from sepcalc.shape import MAX_SIZE, Shape, Shapes

MAX_STEPS = 64  # steps of one way back
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
    itself where they are its own spatial axes. ``starts``: the position of the input, below 0 in padding, from which
    on the first element sees, None along an axis where that is not known."""

    whole: tuple[int, ...]
    steps: tuple[tuple[Step, ...], ...] | None
    lie: tuple[int | None, ...] | None = None
    starts: tuple[int | None, ...] = ()

    @property
    def extents(self) -> tuple[int, ...]:
        """Input positions that one element sees."""
        whole, steps = self.whole, self.steps
        if steps is None:
            return whole
        if steps and steps.count(steps[0]) == len(steps):  # one way for all axes
            one = seen(steps[0], 1)
            if max(whole) <= one:
                return (one,) * len(whole)
        return tuple([max(least, seen(way, 1)) for least, way in zip(whole, steps)])

    @property
    def strides(self) -> tuple[Stride, ...] | None:
        """Input positions from one element to the next; None where positions are lost."""
        steps = self.steps
        if steps is None:
            return None
        if steps and steps.count(steps[0]) == len(steps):
            return (_stride(steps[0]),) * len(steps)
        return tuple(map(_stride, steps))


def reached(inputs: Shapes, layers: Iterable[tuple[Op, Sequence[int], Shape]]) -> list[Reach]:
    """What the output of each layer sees. A layer is its op, the numbers of the tensors that it reads (the inputs come
    first), and its output."""
    tensors = [*inputs]
    reaches = list(map(of_input, inputs))
    for op, sources, output in layers:
        shapes = tuple([tensors[source] for source in sources])
        if len(sources) == 1:
            (at,) = sources
            reaches.append(through(reaches[at], shapes[0], op, shapes, output))
        else:
            sides = [through(reaches[at], shape, op, shapes, output) for at, shape in zip(sources, shapes)]
            reaches.append(joined(sides, op.beside(shapes), len(output)))
        tensors.append(output)
    return reaches[len(inputs) :]


def of_input(shape: Shape) -> Reach:
    """An input sees itself."""
    rank = len(shape) - 1
    return Reach((1,) * rank, ((Step(),),) * rank, None, (0,) * rank)


def through(reach: Reach, shape: Shape, op: Op, inputs: Shapes, output: Shape) -> Reach:
    """What the output of an op sees, given what its input of this shape does."""
    whole, ways, lie, starts = reach
    if ways is None:
        return reach
    places = op.places(shape, output)
    if places is not None:
        return _moved(reach, shape, output, places)
    windows = op.windows(inputs, output)
    if windows == () and lie is None:
        return reach
    every = windows if lie is None or windows is None else _along(lie, len(shape), windows, op.apart)
    axes = len(ways)
    if every is None or len(every) != axes:
        return _lost(reach, shape)
    if not ways:
        return reach
    window, way, start = every[0], ways[0], starts[0]
    if every.count(window) == ways.count(way) == starts.count(start) == axes:  # square, as most are
        if window == OWN:
            return reach
        start, way = _started(way, start, window), _back(way, window)
        ways, starts = (way,) * axes, (start,) * axes
    else:
        starts = tuple(map(_started, ways, starts, every))
        ways = tuple(map(_back, ways, every))
        way = max(ways, key=len)
    return Reach(whole, ways, lie, starts) if len(way) <= MAX_STEPS else _lost(reach, shape)


def _started(steps: Sequence[Step], start: int | None, window: Window) -> int | None:
    """Where the first element behind a window begins to see."""
    first = window.start
    if not first or start is None:
        return None if first is None else start
    at = start + first * prod([step.stride for step in steps])  # what is scaled up has no start
    return at if abs(at) <= MAX_SIZE else None


def _along(lies: Sequence[int | None], rank: int, windows: Sequence[Window], apart: bool) -> Sequence[Window] | None:
    """The windows along the axes of the network's input, which lie so; None where that is not known."""
    found = []
    for lie in lies:
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


def joined(reaches: Sequence[Reach], beside: int | None = None, rank: int = 0) -> Reach:
    """What the result of several inputs sees: from the first position that any of them does to the last, where it is
    known where they begin; else the most that any of them does, and so along the axis ``beside`` of a result of this
    rank, where an element sees one of them alone."""
    if not reaches:  # a constant sees nothing
        return Reach((), None)
    axes = max(len(reach.whole) for reach in reaches)
    widest = [reach for reach in reaches if len(reach.whole) == axes]
    whole = tuple([max(sizes) for sizes in zip(*[reach.whole for reach in widest])])
    some = [reach for reach in widest if reach.steps is not None]
    if not some:
        return Reach(whole, None)
    lie = some[0].lie
    made = dict[Any, tuple[tuple[Step, ...], int | None]]()
    found = list[tuple[tuple[Step, ...], int | None]]()
    for axis in range(len(whole)):
        ways = [(reach.steps or ())[axis] for reach in some]
        starts = [reach.starts[axis] for reach in some]
        at = axis if lie is None else lie[axis]
        apart = beside is not None and at is not None and at % rank == beside
        key = (tuple(map(id, ways)), tuple(starts), apart)  # one way for all axes stays one
        if key not in made:
            made[key] = _met(ways, starts, apart)
        found.append(made[key])
    return Reach(whole, tuple([steps for steps, _ in found]), lie, tuple([start for _, start in found]))


def _met(
    ways: Sequence[tuple[Step, ...]], starts: Sequence[int | None], apart: bool
) -> tuple[tuple[Step, ...], int | None]:
    """The way back from what several see along an axis, and where it begins."""
    longest = max(ways, key=lambda steps: seen(steps, 1))
    if all(start == starts[0] for start in starts):
        return longest, starts[0]
    known = [start for start in starts if start is not None]
    if apart or len(known) < len(starts) or len(set(map(_stride, ways))) > 1:
        return longest, None
    first, most = min(known), seen(longest, 1)
    more = max(start + seen(steps, 1) for start, steps in zip(known, ways)) - first - most
    near = longest[0]
    return (_capped(near._replace(span=near.span + more)), *longest[1:]), first


def seen(steps: Sequence[Step], count: int) -> int:
    """Input positions that so many neighbours see."""
    for stride, offset, upscale, span in reversed(steps):
        count = -(-((count - 1) * stride + offset) // upscale) + span
    return count if count < MAX_SIZE else MAX_SIZE


def _back(steps: tuple[Step, ...], window: Window) -> tuple[Step, ...]:
    """The way back from behind a window."""
    wide, apart, between, _ = window
    if apart == between == 1:  # the most frequent one only looks further
        stride, offset, upscale, span = steps[-1]
        offset += (wide - 1) * stride
        return (*steps[:-1], Step(stride, offset if offset < MAX_SIZE else MAX_SIZE, upscale, span))
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
    return step if max(step) <= MAX_SIZE else Step(*[min(number, MAX_SIZE) for number in step])


def _stride(steps: Sequence[Step]) -> Stride:
    if len(steps) == 1:
        return _ratio(steps[0].stride, steps[0].upscale)
    return _ratio(prod([step.stride for step in steps]), prod([step.upscale for step in steps]))


@lru_cache(1024)
def _ratio(positions: int, outputs: int) -> Stride:
    common = gcd(positions, outputs)
    return Stride(positions // common, outputs // common)
