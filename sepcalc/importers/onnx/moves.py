"""Operators that only move or rename elements, or leave them unchanged."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import IMAGES, KEEPS, KEEPS_FIRST, NONE, RESHAPED, TURNED
from sepcalc.importers.common.moves import padded
from sepcalc.importers.common.moves import part as part_of
from sepcalc.importers.onnx.arithmetic import trained
from sepcalc.importers.onnx.constants import (
    EXPANDED,
    FILLED,
    JOINED,
    RANGED,
    SLICED,
    SPLIT,
    TILED,
    by_element,
    reshape,
    same,
    shrinking,
)
from sepcalc.importers.onnx.evaluate import cast as cast_elements
from sepcalc.importers.onnx.evaluate import transposed
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.opsets import cast, concatenated, renamed
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_first, broadcast, flattened, reshaped, squeezed, unsqueezed
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.move import Concat, Copy, Token
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape, show


def _same(builder: Builder, call: Call) -> Results:
    return (call.input(0), call.input(0)._replace(kind=9))


def _cast(builder: Builder, call: Call) -> Results:
    return (call.input(0)._replace(kind=call.whole("to", 1)),)


def _renamed(builder: Builder, call: Call, shape: Shape) -> Results:
    """The same elements in another shape; the batch is the axis with the same number of elements before it."""
    value = call.input(0)
    if prod(shape) != prod(value.sizes):
        raise Invalid(f"{show(value.sizes)} cannot be reshaped to {show(shape) or 'one number'}")
    batch, outer = None, 1
    if value.batch is not None:
        found = list(_examples(prod(value.sizes[: value.batch]) * value.outer, builder.batch, shape))
        if not found and builder.batch > 1:
            raise builder.mixed
        batch, outer = min(found, key=lambda place: place[1]) if found else (None, 1)
    channels_first = batch in (0, None) and len(shape) > 2 and any(map(builder.is_image, call.outputs))
    return (
        builder.give(value, shape, number=value.number, batch=batch, channels_first=channels_first)._replace(
            outer=outer
        ),
    )


def _examples(before: int, batch: int, shape: Shape) -> Iterator[tuple[int, int]]:
    """The possible axes of the examples, given ``before`` elements in front of them, each with the number of positions
    before the examples within that axis. A batch of one must be at the beginning of an axis."""
    count = 1
    for axis, size in enumerate(shape):
        outer, rest = divmod(before, count)
        if not rest and size % (outer * batch) == 0 and (outer == 1 if batch == 1 else size > 1):
            yield axis, outer
        count *= size


def _renaming(reached: Callable[[Call, Shape], Shape]) -> Operator:
    """The row of an operator that reshapes to the shape that ``reached`` gives."""

    def handle(builder: Builder, call: Call) -> Results:
        return _renamed(builder, call, reached(call, call.input(0).sizes))

    return Operator(handle, RESHAPED, free=True, computed=reshape(reached))


def _transpose(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    order = call.ints("perm") or tuple(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise Invalid(f"perm {order} is no order of {rank} axes")
    shape = tuple([value.sizes[axis] for axis in order])
    batch = order.index(value.batch) if value.batch is not None else None
    moved = Value(shape, value.kind, None, None, False, batch)
    before = builder.axes(value)
    trial = moved._replace(channels_first=rank > 2 and batch in (0, None) and any(map(builder.is_image, call.outputs)))
    if [order[axis] for axis in builder.axes(trial)] == before:  # the network already has this order
        return (trial._replace(number=value.number),)
    return (trial._replace(number=builder.view(value.number, builder.shape(trial))),)


def moved(
    builder: Builder,
    call: Call,
    value: Value,
    shape: Shape,
    batch: int | None,
    weights: Sequence[Value] = (),
    near: bool = False,
) -> Value:
    """Copies elements into another shape; ``near`` says that all elements stay near their position along the spatial
    axes."""
    result = Value(shape, value.kind, None, None, False, batch)
    if batch in (0, None) and len(shape) > 2 and (value.channels_first or any(map(builder.is_image, call.outputs))):
        result = result._replace(channels_first=True)
    if any(size < 1 for size in shape):
        raise Invalid(f"a tensor would be {show(shape)}: expected sizes from 1")
    sources = [one.number for one in call.inputs if one is not None and not one.constant][:1000]
    sources += [number for one in weights for number in builder.kept(call.name, one)]
    seen = builder.shape(result)
    near = near and sources == [value.number] and result.channels_first == value.channels_first
    return result._replace(number=builder.add(call.name, Copy(seen, (1,) * (len(seen) - 1) if near else ()), sources))


def _kept(builder: Builder, value: Value, shape: Shape) -> int | None:
    """The batch axis if its size stays, else None (for a batch of one)."""
    if value.batch is None or (len(shape) == len(value.sizes) and shape[value.batch] == value.sizes[value.batch]):
        return value.batch
    if builder.batch > 1:
        raise builder.mixed
    return None


def part(
    builder: Builder, call: Call, value: Value, shape: Shape, name: str, start: Shape = (), step: Shape = ()
) -> Value:
    """A slice of the value from ``start`` with these steps; negative steps run backwards. An empty slice is a
    constant."""
    if 0 in shape:
        return Value(shape, value.kind)
    batch = _kept(builder, value, shape)
    if batch is None and value.batch is not None:
        value = builder.along(value, value.batch)
    if shape == value.sizes and all(each == 1 for each in step):
        return value
    result = value._replace(shape=shape, data=None, batch=batch)
    if any(size < 1 for size in shape):
        raise Invalid(f"a tensor would be {show(shape)}: expected sizes from 1")
    seen, axes = builder.shape(result), builder.axes(result)
    first, steps = (tuple([one[axis] for axis in axes]) if one and axes else () for one in (start, step))
    return result._replace(number=builder.add(name, part_of(seen, first, steps), [value.number]))


def _slice(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    if call.opset < 10:
        starts, ends, axes, steps = call.ints("starts"), call.ints("ends"), call.ints("axes"), None
    else:
        given = [call.maybe(at) for at in range(1, 5)]
        starts, ends, axes, steps = (
            None if one is None else one.numbers("its bounds are computed from the data") for one in given
        )
    if starts is None or ends is None:
        raise Invalid("Slice lacks its starts or ends")
    axes = axes if axes is not None else tuple(range(len(starts)))
    steps = steps if steps is not None else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or any(not -rank <= axis < rank for axis in axes):
        raise Invalid("Slice has lists of different lengths")
    shape, begins, every = list(value.sizes), [0] * rank, [1] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps):
        if not step:
            raise Invalid("Slice has a step of 0")
        size = shape[axis]
        if step < 0 and builder.batch > 1 and axis % rank == value.batch:
            raise builder.mixed
        taken = range(*slice(start, end if step > 0 or end >= -size else None, step).indices(size))
        shape[axis], every[axis] = len(taken), step if len(taken) > 1 else 1
        begins[axis] = taken[0] if taken else 0
    return (part(builder, call, value, tuple(shape), call.name, tuple(begins), tuple(every)),)


def _split(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    axis = call.axis_of(value, 0)
    given, count, size = call.maybe(1), len(call.outputs), value.sizes[axis]
    parts = call.ints("split") if given is None else given.numbers("the parts are computed from the data")
    if parts is None:
        each = -(-size // count)
        parts = (*(each,) * (count - 1), size - each * (count - 1))
    if sum(parts) != size or len(parts) != count:
        raise Invalid(f"parts {parts} are not the {size} of the axis")
    results, before = [], 0
    for at, some in enumerate(parts):
        shape = tuple([some if place == axis % rank else one for place, one in enumerate(value.sizes)])
        start = tuple([before if place == axis % rank else 0 for place in range(rank)])
        results.append(part(builder, call, value, shape, f"{call.name}/{at}" if count > 1 else call.name, start))
        before += some
    return results


def concat(builder: Builder, call: Call) -> Results:
    values = [value for value in call.inputs if value is not None and 0 not in value.sizes]
    rank = len(values[0].sizes)
    axis = call.whole("axis", 0)
    if not -rank <= axis < rank or any(len(value.sizes) != rank for value in values):
        raise Invalid(f"axis {axis} is not one of all of {', '.join(show(value.sizes) for value in values)}")
    axis %= rank
    live = [value for value in values if not value.constant]
    batch = next((value.batch for value in live if value.batch is not None), None)
    if builder.batch > 1 and any(value.batch != batch for value in live):
        raise builder.mixed
    if batch == axis:
        live = [builder.along(value, axis) for value in live]
        batch = None
    channels_first = any(value.channels_first for value in live)
    rest = {value.sizes[:axis] + value.sizes[axis + 1 :] for value in values}
    if len(rest) > 1:
        raise Invalid(f"{' and '.join(show(value.sizes) for value in values)} cannot be joined along axis {axis}")
    shape = (*values[0].sizes[:axis], sum(value.sizes[axis] for value in values), *values[0].sizes[axis + 1 :])
    result = Value(shape, live[0].kind, None, None, channels_first and rank > 2, batch)
    numbers = []
    for value in live:
        like = builder.laid(value, channels_first)._replace(batch=batch)
        numbers.append(builder.view(like.number, builder.shape(like)))
    if len(live) == len(values):
        if len(live) == 1:
            return (result._replace(number=numbers[0]),)
        op: Op = Concat(builder.place(result, axis))
        return (result._replace(number=builder.add(call.name, op, numbers)),)
    weights = [trained(builder, value) for value in values if value.constant]
    seen = builder.shape(result)
    if len(weights) == len(live) == 1 and len(seen) == 2 and weights[0].roots and builder.place(result, axis) == 0:
        tokens = Token(weights[0].sizes[axis])  # a class token, in front or at the end
        return (result._replace(number=builder.add(call.name, tokens, numbers, weights)),)
    numbers += [number for value in weights for number in builder.kept(call.name, value)]
    return (result._replace(number=builder.add(call.name, Copy(builder.shape(result)), numbers)),)


def _pad(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    pads = call.ints("pads")
    if call.opset >= 11:
        pads = call.input(1).numbers("the padding is computed from the data")
    axes = tuple(range(rank))
    if (some := call.maybe(3)) is not None:
        axes = tuple([axes[axis] for axis in some.numbers("the axes to pad are computed from the data")])
    if pads is None or len(pads) != 2 * len(axes):
        raise Invalid(f"padding {pads} does not fit {show(value.sizes)}")
    around = {axis: (pads[at], pads[at + len(axes)]) for at, axis in enumerate(axes)}
    shape = tuple([size + sum(around.get(axis, (0, 0))) for axis, size in enumerate(value.sizes)])
    if not any(map(any, around.values())):
        return (value,)
    batch = _kept(builder, value, shape)
    if value.batch is not None and (batch is None or any(around.get(value.batch, ()))):
        value, batch = builder.along(value, value.batch), None
    result = value._replace(shape=shape, batch=batch)
    order = builder.axes(value)
    op = padded(tuple([around.get(axis, (0, 0)) for axis in order]), builder.shape(result))
    return (result._replace(number=builder.add(call.name, op, [value.number])),)


def _expand(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    wanted = call.input(1).numbers("the target shape is not known")
    if any(size < 1 for size in wanted):
        raise Invalid(f"a tensor would be {show(wanted)}: expected sizes from 1")
    return repeated_to(builder, call, broadcast([value.sizes, wanted]))


def repeated_to(builder: Builder, call: Call, shape: Shape) -> Results:
    """Elements repeated along axes to this shape."""
    value = call.input(0)
    if shape == value.sizes:
        return (value,)
    at = None if value.batch is None else value.batch + len(shape) - len(value.sizes)
    if builder.batch > 1 and at is not None and shape[at] != value.sizes[value.batch or 0]:
        raise builder.mixed
    return (moved(builder, call, value, shape, at),)


def _tile(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    times = call.input(1).numbers("the number of repeats is not known", len(value.sizes))
    return repeated_to(builder, call, tuple([size * count for size, count in zip(value.sizes, times)]))


def _centered(builder: Builder, call: Call) -> Results:
    """Crops or zero-pads axes around their middle."""
    value = call.input(0)
    target = call.input(1).numbers("the target sizes are computed from the data")
    axes = call.ints("axes") or tuple(range(len(value.sizes)))
    shape = list(value.sizes)
    for axis, size in zip(axes, target, strict=True):
        shape[axis] = size
    if tuple(shape) == value.sizes:
        return (value,)
    batch = _kept(builder, value, tuple(shape))
    return (moved(builder, call, value, tuple(shape), batch, near=True),)


def _triangle(builder: Builder, call: Call) -> Results:
    """The same shape; the elements on one side of a diagonal of the last two axes are replaced."""
    value = call.input(0)
    if builder.batch > 1 and value.batch is not None and value.batch >= len(value.sizes) - 2:
        raise builder.mixed
    return (moved(builder, call, value, value.sizes, value.batch),)


def _reversed(builder: Builder, call: Call) -> Results:
    """The same shape; the elements of each example are reversed along the time axis."""
    value = call.input(0)
    if builder.batch > 1 and value.batch == call.whole("time_axis", 0):
        raise builder.mixed
    return (moved(builder, call, value, value.sizes, value.batch, near=True),)


def _pixels(builder: Builder, call: Call, how: str) -> Results:
    value, block = builder.laid(call.input(0), True), call.whole("blocksize", 0)
    if len(value.sizes) != 4 or block < 1 or len(builder.shape(value)) != 3:
        raise Refused("it needs images, with one batch axis")
    return (Named(builder, call.name).emit(Rename(how, scale=block), value),)


_MEASURED = "the sizes of what it measures depend on the data"
MOVES: dict[str, Operator] = {
    "Identity": Operator(_same, KEEPS, free=True, computed=same),
    "Dropout": Operator(_same, KEEPS, free=True, computed=same),
    "BitCast": Operator(_cast, KEEPS, free=True),
    "Cast": Operator(_cast, KEEPS, free=True, computed=by_element(cast_elements), older=(6, cast)),
    "CastLike": Operator(_same, KEEPS_FIRST, like=(1,)),
    "Reshape": _renaming(reshaped),
    "Flatten": _renaming(flattened),
    "Squeeze": _renaming(squeezed),
    "Unsqueeze": _renaming(unsqueezed),
    "Transpose": Operator(_transpose, TURNED, free=True, computed=shrinking(transposed)),
    "Slice": Operator(_slice, KEEPS, takes=True, free=True, computed=SLICED),
    "Split": Operator(_split, KEEPS, takes=True, free=True, computed=SPLIT),
    "Concat": Operator(concat, KEEPS, free=True, computed=JOINED, older=(4, concatenated)),
    "Pad": Operator(_pad, KEEPS, settings=(1, 2, 3), older=(2, renamed("paddings", "pads"))),
    "Expand": Operator(_expand, KEEPS, free=True, computed=EXPANDED),
    "Tile": Operator(_tile, KEEPS, computed=TILED),
    "CenterCropPad": Operator(_centered, KEEPS, takes=True),
    "Trilu": Operator(_triangle, KEEPS),
    "ReverseSequence": Operator(_reversed, KEEPS),
    "Shape": Operator(None, NONE, _MEASURED, measures=True),
    "Size": Operator(None, NONE, _MEASURED, measures=True),
    "ConstantOfShape": Operator(None, NONE, settings=(0,), computed=FILLED),
    "EyeLike": Operator(None, NONE, like=(0,), shape=as_first),
    "Range": Operator(None, NONE, settings=(0, 1, 2), computed=RANGED),
    "DepthToSpace": Operator(partial(_pixels, how="pixel-shuffle"), IMAGES),
    "SpaceToDepth": Operator(partial(_pixels, how="pixel-unshuffle"), IMAGES),
}
