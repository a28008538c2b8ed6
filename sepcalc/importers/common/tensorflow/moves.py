"""Operators that move elements: reshapes, slices, pads, joins, gathers. They compute nothing."""

from collections.abc import Sequence
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import KEEPS_FIRST, LISTED, NONE, PART, RESHAPED, TURNED, same_rows
from sepcalc.importers.common.moves import MASKS, padded, part, strided
from sepcalc.importers.common.tensorflow.constants import cut, joined, repeated, same_numbers, taken
from sepcalc.importers.common.tensorflow.elements import trained
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused, Value, seen
from sepcalc.importers.common.tensorflow.layers import fused
from sepcalc.importers.common.tensorflow.measures import MEASURES, SIZES, sizes_at
from sepcalc.importers.common.tensorflow.rows import Handler, Operator, Results
from sepcalc.ops.elementwise import Scatter
from sepcalc.ops.move import Concat, Copy, Embedding
from sepcalc.shape import MAX_SIZE, Shape, broadcast_shape, show


def renamed(builder: Builder, value: Value, shape: Shape) -> Value:
    """The same elements in another shape or order: free. Raises Invalid."""
    if prod(shape) != prod(value.sizes):
        raise Invalid(f"{show(value.sizes)} cannot be reshaped to {show(shape) or 'one number'}")
    if 0 in shape:
        return value._replace(shape=shape)
    return builder.give(builder.view(value.number, seen(shape)), shape)


def copied(builder: Builder, call: Call, shape: Shape, values: Sequence[Value]) -> Results:
    """Copies elements of these values into a shape. Stored values count with their weights."""
    live = [value.number for value in values if not value.constant]
    weights = [trained(builder, value) for value in values if value.constant]
    if not live:
        raise Refused("all of its inputs are stored")
    return (builder.give(builder.add(Copy(seen(shape)), live, weights), shape),)


def _reshape(builder: Builder, call: Call) -> Results:
    """reshape: free"""
    value, said = call.input(0), call.maybe(1)
    count = prod(value.sizes)
    target = call.ints("new_shape") if said is None else said.data
    if target is None or (said is not None and len(said.sizes) > 1):
        out = call.outputs[0]
        if said is None and not out.shape:
            target = ()
        elif builder.altered or out.open:
            raise Refused(f"{SIZES} computed from the data")
        else:
            target = out.shape
    sizes = [int(size) for size in target]
    if sizes.count(-1) > 1 or any(not -1 <= size <= MAX_SIZE for size in sizes):
        raise Invalid(f"{sizes} is no shape")
    rest = prod(size for size in sizes if size != -1)
    many = builder.batch
    if many > 1 and sizes and rest and (count % rest if -1 in sizes else count * many == rest):
        for at in (0, *range(1, len(sizes))):  # the first axis that has the examples in it
            if sizes[at] > 1 and sizes[at] % many == 0:
                sizes[at] //= many
                break
        rest = prod(size for size in sizes if size != -1)
    if -1 in sizes:
        if not rest or count % rest:
            raise Invalid(f"{show(value.sizes)} cannot be reshaped to {sizes}")
        sizes[sizes.index(-1)] = count // rest
    return (renamed(builder, value, tuple(sizes)),)


def _squeeze(builder: Builder, call: Call) -> Results:
    """reshape: free"""
    shape = call.input(0).sizes
    said = call.ints("squeeze_dims") or ()
    axes = {call.axis_at(axis, len(shape)) for axis in said} or {at for at, size in enumerate(shape) if size == 1}
    if any(shape[axis] != 1 for axis in axes):
        raise Invalid(f"axes {sorted(axes)} of {show(shape)} are not all of size 1")
    return (renamed(builder, call.input(0), tuple([size for at, size in enumerate(shape) if at not in axes])),)


def _expand(builder: Builder, call: Call) -> Results:
    """reshape: free"""
    shape = call.input(0).sizes
    (axis, *_) = call.input(1).numbers("the axis is") or (0,)
    axis = call.axis_at(axis, len(shape) + 1)
    return (renamed(builder, call.input(0), (*shape[:axis], 1, *shape[axis:])),)


def _transpose(builder: Builder, call: Call) -> Results:
    """permute: free"""
    return (turned(builder, call.input(0), call.input(1).numbers("the order of axes is")),)


def turned(builder: Builder, value: Value, order: Sequence[int]) -> Value:
    """The axes in this order."""
    if sorted(order) != list(range(len(value.sizes))):
        raise Invalid(f"{list(order)} is no order of {len(value.sizes)} axes")
    return renamed(builder, value, tuple([value.sizes[axis] for axis in order]))


def _same(builder: Builder, call: Call) -> Results:
    """free: the same elements"""
    return (call.input(0),)


def _concat(builder: Builder, call: Call) -> Results:
    """concat; tensors without elements are left out"""
    values = [builder.standing(value) for value in call.given if 0 not in value.sizes] or call.given[:1]
    if not values:
        raise Invalid(f"{call.type} joins nothing")
    axis = call.axis_at(call.whole("axis", 0), len(values[0].sizes))
    return fused(builder, call, beside(builder, values, axis))


def beside(builder: Builder, values: Sequence[Value], axis: int) -> Value:
    """Tensors one after another along an axis."""
    first = values[0].sizes
    if len({len(value.sizes) for value in values}) > 1:
        raise Invalid(f"{' and '.join(show(value.sizes) for value in values)} cannot be joined")
    if len(values) == 1:
        return values[0]
    alone = int(axis > 0 and first[0] == 1)
    numbers = [builder.view(value.number, value.sizes[alone:]) for value in values]
    number = builder.add(Concat(axis - alone if axis < len(first) - 1 else -1), numbers)
    return builder.give(number, (*first[:axis], sum(value.sizes[axis] for value in values), *first[axis + 1 :]))


def _pack(builder: Builder, call: Call) -> Results:
    """concat along a new axis"""
    values = [builder.standing(value) for value in call.given]
    if not values or len({value.sizes for value in values}) > 1:
        raise Invalid(f"{call.type} joins {' and '.join(show(value.sizes) for value in values) or 'nothing'}")
    shape = values[0].sizes
    axis = call.axis_at(call.whole("axis", 0), len(shape) + 1)
    longer = (*shape[:axis], 1, *shape[axis:])
    return (beside(builder, [renamed(builder, value, longer) for value in values], axis),)


def sliced(builder: Builder, value: Value, start: Shape, to: Shape, step: Shape, label: str = "") -> Value:
    """The part of shape ``to`` that begins at ``start``; the value itself if that is all of it."""
    shape = value.sizes
    if 0 in to:
        return Value(to, value.kind, data=())
    if to == shape and min(step, default=1) > 0:
        return value
    alone = int(len(shape) > 1 and shape[0] == 1 == to[0])
    op = part(to[alone:] or (1,), start[alone:] or (0,), step[alone:] or (1,))
    return builder.give(builder.add(op, [builder.view(value.number, shape[alone:] or (1,))], label=label), to)


def _slice(builder: Builder, call: Call) -> Results:
    """slice"""
    value = call.input(0)
    start, size = [call.input(at).numbers("where it begins and ends is") for at in (1, 2)]
    if not len(start) == len(size) == len(value.sizes):
        raise Invalid(f"a slice of {len(start)} and {len(size)} sizes is not for {show(value.sizes)}")
    to = tuple([whole - at if one == -1 else one for whole, at, one in zip(value.sizes, start, size)])
    if builder.batch > 1 and to and to[0] == builder.batch * value.sizes[0]:
        to = (value.sizes[0], *to[1:])
    if any(at < 0 or one < 0 or at + one > whole for whole, at, one in zip(value.sizes, start, to)):
        raise Invalid(f"a slice of {list(to)} from {list(start)} is not a part of {show(value.sizes)}")
    return (sliced(builder, value, start, to, (1,) * len(to)),)


def _strided(builder: Builder, call: Call) -> Results:
    """slice, or copy with a stride"""
    value = call.input(0)
    begin, end, step = [call.input(at).numbers("where it begins and ends is") for at in (1, 2, 3)]
    if call.flag("offset", False):
        end = tuple([first + more for first, more in zip(begin, end, strict=True)])
    parts, shape = strided(value.sizes, begin, end, step, {what: call.whole(f"{what}_mask", 0) for what in MASKS})
    start, by = tuple([part.start for part in parts]), tuple([part.step for part in parts])
    return (renamed(builder, sliced(builder, value, start, tuple(map(len, parts)), by), shape),)


def _split(builder: Builder, call: Call) -> Results:
    """slice for each part"""
    by_sizes = call.row == "SPLIT_V"
    value, axes = (call.input(0), call.input(2)) if by_sizes else (call.input(1), call.input(0))
    (axis, *_) = axes.numbers("the axis is") or (0,)
    axis = call.axis_at(axis, len(value.sizes))
    whole, many = value.sizes[axis], len(call.outputs)
    sizes = list(call.input(1).numbers("the sizes of its parts are") if by_sizes else [whole // max(1, many)] * many)
    if -1 in sizes:
        sizes[sizes.index(-1)] = whole - sum(size for size in sizes if size > 0)
    if sum(sizes) != whole or len(sizes) != many or min(sizes, default=0) < 0:
        raise Invalid(f"{show(value.sizes)} cannot be cut into {many} parts along its axis {axis}")
    return parts(builder, value, axis, sizes)


def parts(builder: Builder, value: Value, axis: int, sizes: Sequence[int]) -> list[Value]:
    """Parts of these sizes along an axis."""
    found, first, rank = [], 0, len(value.sizes)
    for at, size in enumerate(sizes):
        start = tuple([first if each == axis else 0 for each in range(rank)])
        to = (*value.sizes[:axis], size, *value.sizes[axis + 1 :])
        found.append(sliced(builder, value, start, to, (1,) * rank, f"part{at}"))
        first += size
    return found


def _unpack(builder: Builder, call: Call) -> Results:
    """slice for each position"""
    value = call.input(0)
    axis = call.axis_at(call.whole("axis", 0), len(value.sizes))
    if value.sizes[axis] != len(call.outputs):
        raise Invalid(f"{show(value.sizes)} has no {len(call.outputs)} positions along its axis {axis}")
    shape = (*value.sizes[:axis], *value.sizes[axis + 1 :])
    return [renamed(builder, one, shape) for one in parts(builder, value, axis, [1] * len(call.outputs))]


def _pairs(call: Call, rank: int) -> list[tuple[int, int]]:
    numbers = call.input(1).numbers("how much it adds is")
    if len(numbers) != 2 * rank or min(numbers, default=0) < 0:
        raise Invalid(f"what it adds, {list(numbers)}, is not for {rank} axes")
    return list(zip(numbers[::2], numbers[1::2]))


def _pad(builder: Builder, call: Call) -> Results:
    """pad"""
    value = call.input(0)
    sides = _pairs(call, len(value.sizes))
    to = tuple([size + before + after for size, (before, after) in zip(value.sizes, sides)])
    alone = int(len(to) > 1 and value.sizes[0] == 1 == to[0])
    if to == value.sizes:
        return (value,)
    number = builder.view(value.number, value.sizes[alone:])
    return (builder.give(builder.add(padded(tuple(sides[alone:]), to[alone:]), [number]), to),)


def _mirror(builder: Builder, call: Call) -> Results:
    """copy"""
    value = call.input(0)
    sides = _pairs(call, len(value.sizes))
    return copied(builder, call, tuple([size + sum(both) for size, both in zip(value.sizes, sides)]), [value])


def _gather(builder: Builder, call: Call) -> Results:
    """embedding of a stored table; else copy"""
    lookup = call.row == "EMBEDDING_LOOKUP"
    data, at = (call.input(1), call.input(0)) if lookup else (call.input(0), call.input(1))
    rank = len(data.sizes)
    axis = 0 if lookup else call.axis_at(call.whole("axis", 0), rank)
    batches = 0 if lookup else call.whole("batch_dims", 0)
    if not 0 <= batches <= min(axis, len(at.sizes)) or data.sizes[:batches] != at.sizes[:batches]:
        raise Invalid(f"{batches} axes of {show(data.sizes)} and {show(at.sizes)} are not the same")
    shape = (*data.sizes[:axis], *at.sizes[batches:], *data.sizes[axis + 1 :])
    if data.constant and axis == 0 and rank > 1 and not at.constant:
        number = builder.add(Embedding(data.sizes[0], prod(data.sizes[1:])), [at.number], [data])
        return (builder.give(number, shape),)
    return copied(builder, call, shape, [data, at])


def _gather_nd(builder: Builder, call: Call) -> Results:
    """copy"""
    data, at = call.input(0), call.input(1)
    deep = at.sizes[-1] if at.sizes else 0
    if not 0 < deep <= len(data.sizes):
        raise Invalid(f"places of {show(at.sizes)} are none of {show(data.sizes)}")
    return copied(builder, call, (*at.sizes[:-1], *data.sizes[deep:]), [data, at])


def _tile(builder: Builder, call: Call) -> Results:
    """copy"""
    times = call.input(1).numbers("how often it repeats is")
    shape = call.input(0).sizes
    if len(times) != len(shape):
        raise Invalid(f"{len(times)} repeats are not for {show(shape)}")
    return copied(builder, call, tuple([size * many for size, many in zip(shape, times)]), [call.input(0)])


def _broadcast(builder: Builder, call: Call) -> Results:
    """copy"""
    to, value = sizes_at(call, 1), call.input(0)
    if builder.batch > 1 and to[:1] == (builder.batch,):
        to = (1, *to[1:])
    if broadcast_shape([value.sizes, to]) != to:
        raise Invalid(f"{show(value.sizes)} does not stretch to {show(to)}")
    return copied(builder, call, to, [value]) if to != value.sizes else (value,)


def _shaped(at: int) -> Handler:
    """A copy of the other inputs, into the shape that the input ``at`` states."""

    def handle(builder: Builder, call: Call) -> Results:
        values = [value for place, value in enumerate(call.given) if place != at]
        return copied(builder, call, sizes_at(call, at), values)

    handle.__doc__ = "copy"
    return handle


def _like(at: int) -> Handler:
    """A copy into the shape of the input ``at``."""

    def handle(builder: Builder, call: Call) -> Results:
        return copied(builder, call, call.input(at).sizes, call.given)

    handle.__doc__ = "copy"
    return handle


def _segments(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = builder.standing(call.input(0))
        if call.row == "SEGMENT_SUM":
            segments = call.input(1).numbers("how many segments there are is")
            count = max(segments, default=-1) + 1
        else:
            (count, *_) = call.input(2).numbers("how many segments there are is") or (0,)
        shape = (count, *value.sizes[len(call.input(1).sizes) :])
        read = [value.number, call.input(1).number]
        return (builder.give(builder.add(Scatter(how, seen(shape)), read), shape),)

    handle.__doc__ = f"scatter {how}"
    return handle


def _one_hot(builder: Builder, call: Call) -> Results:
    """copy: to choose is free"""
    at, (depth, *_) = call.input(0), call.input(1).numbers("how many classes there are is") or (0,)
    rank = len(at.sizes) + 1
    axis = call.axis_at(call.whole("axis", -1), rank)
    return copied(builder, call, (*at.sizes[:axis], depth, *at.sizes[axis:]), [at])


def _batches(to_space: bool) -> Handler:
    """SpaceToBatch: pads images, and makes an image of each place in a block. BatchToSpace: the reverse, then crops."""

    def handle(builder: Builder, call: Call) -> Results:
        value = call.input(0)
        block = call.input(1).numbers("the block is")
        sides = call.input(2).numbers("how much it adds is")
        axes, shape = len(block), value.sizes
        if len(shape) < axes + 1 or len(sides) != 2 * axes or min(block, default=0) < 1:
            raise Invalid(f"blocks of {list(block)} are not for {show(shape)}")
        around = [sides[2 * at] + sides[2 * at + 1] for at in range(axes)]
        many = prod(block)
        if to_space:
            sizes = [size * each - cut for size, each, cut in zip(shape[1:], block, around)]
        else:
            sizes = [(size + more) // each for size, each, more in zip(shape[1:], block, around)]
        uneven = shape[0] % many if to_space else any((s + m) % b for s, b, m in zip(shape[1:], block, around))
        if uneven or min(sizes) < 1:
            raise Invalid(f"blocks of {show(block)} do not fit {show(shape)}")
        to = (shape[0] // many if to_space else shape[0] * many, *sizes, *shape[axes + 1 :])
        return (renamed(builder, value, to),) if prod(to) == prod(shape) else copied(builder, call, to, [value])

    handle.__doc__ = "copy, where it adds or cuts; else permute: free"
    return handle


def _diagonal(builder: Builder, call: Call) -> Results:
    """copy"""
    shape = call.input(0).sizes
    return copied(builder, call, (*shape, shape[-1]) if shape else (1, 1), [call.input(0)])


MOVES: dict[str, Operator] = {
    **MEASURES,
    "RESHAPE": Operator(_reshape, RESHAPED, computed=same_numbers),
    "SQUEEZE": Operator(_squeeze, RESHAPED, computed=same_numbers),
    "EXPAND_DIMS": Operator(_expand, RESHAPED, computed=same_numbers),
    "TRANSPOSE": Operator(_transpose, TURNED),
    "CONCATENATION": Operator(_concat, KEEPS_FIRST, computed=joined),
    "PACK": Operator(_pack, NONE, computed=joined),
    "UNPACK": Operator(_unpack, PART, computed=cut),
    **same_rows(Operator(_split, KEEPS_FIRST, computed=cut), "SPLIT", "SPLIT_V"),
    "SLICE": Operator(_slice, KEEPS_FIRST, computed=taken),
    "STRIDED_SLICE": Operator(_strided, KEEPS_FIRST, computed=taken),
    "PAD": Operator(_pad, KEEPS_FIRST),
    "PADV2": Operator(_pad, KEEPS_FIRST),
    "MIRROR_PAD": Operator(_mirror, KEEPS_FIRST),
    "GATHER": Operator(_gather, LISTED, computed=taken),
    "EMBEDDING_LOOKUP": Operator(_gather, LISTED),
    "GATHER_ND": Operator(_gather_nd, NONE),
    "TILE": Operator(_tile, KEEPS_FIRST),
    "BROADCAST_TO": Operator(_broadcast, KEEPS_FIRST),
    "FILL": Operator(_shaped(0), NONE, computed=repeated),
    "SCATTER_ND": Operator(_shaped(2), NONE),
    "SPARSE_TO_DENSE": Operator(_shaped(1), NONE),
    **same_rows(Operator(_like(0), KEEPS_FIRST), "REVERSE_V2", "REVERSE_SEQUENCE", "MATRIX_SET_DIAG"),
    "DYNAMIC_UPDATE_SLICE": Operator(_like(0), KEEPS_FIRST),
    "SEGMENT_SUM": Operator(_segments("add"), NONE),
    "UNSORTED_SEGMENT_SUM": Operator(_segments("add"), NONE),
    "UNSORTED_SEGMENT_PROD": Operator(_segments("multiply"), NONE),
    "UNSORTED_SEGMENT_MAX": Operator(_segments("maximum"), NONE),
    "UNSORTED_SEGMENT_MIN": Operator(_segments("minimum"), NONE),
    "ONE_HOT": Operator(_one_hot, NONE),
    "SPACE_TO_BATCH_ND": Operator(_batches(False), NONE),
    "BATCH_TO_SPACE_ND": Operator(_batches(True), NONE),
    "MATRIX_DIAG": Operator(_diagonal, NONE),
}
