"""Operators that move, choose or rename elements. What they move by mostly stands in the ``.bin`` file: it is derived
from the sizes on the ports."""

from functools import partial
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import (
    IMAGES,
    KEEPS_FIRST,
    LISTED,
    NONE,
    RESHAPED,
    TURNED,
    Layout,
    same_rows,
)
from sepcalc.importers.common.resampling import interpolation
from sepcalc.importers.onnx.convolutions import image_of
from sepcalc.importers.onnx.graph import Builder, Handler, Named
from sepcalc.importers.onnx.moves import MOVES, moved, part, repeated_to
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.sorting import SORTED
from sepcalc.importers.onnx.standard import STANDARD
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.importers.openvino import derived
from sepcalc.importers.openvino.derived import fits, said_in, said_out, stated, unread
from sepcalc.importers.openvino.rows import as_onnx, said, settings
from sepcalc.ops.base import Uncounted
from sepcalc.ops.move import Copy, Random
from sepcalc.ops.pool import Reduce, Upsample
from sepcalc.shape import Shape, show

STATE = "counts are for one run: states are as they are when the first one starts, and are kept for the next"


def _to(builder: Builder, call: Call, shape: Shape) -> Results:
    """The same elements in this shape."""
    inner = settings(call, shape=shape, allowzero=1)._replace(opset=1, inputs=call.inputs[:1])
    return MOVES["Reshape"](builder, inner)


def _reshape(builder: Builder, call: Call) -> Results:
    """reshape: free"""
    return _to(builder, call, derived.reshaped(builder, call))


def _ones(builder: Builder, call: Call) -> Results:
    """reshape: free"""
    return _to(builder, call, derived.with_ones(call))


def _transpose(builder: Builder, call: Call) -> Results:
    """permute: free"""
    inner = settings(call, perm=derived.order(builder, call))
    return MOVES["Transpose"](builder, inner._replace(inputs=call.inputs[:1]))


def _bits(call: Call, name: str, rank: int) -> list[bool]:
    mask = said(call, name).get(name, ())
    return [bool(one) for one in (*mask, *(0,) * rank)][:rank]


def _strided(builder: Builder, call: Call) -> Results:
    """slice: free, or copy of every n-th element"""
    value = call.input(0)
    rank, after = len(value.sizes), said_out(call)
    new_axes, lost = (_bits(call, f"{name}_axis_mask", rank) for name in ("new", "shrink"))
    if any(_bits(call, "ellipsis_mask", rank)):
        return (_cut(builder, call, value, _unaltered(call)),)
    count = (said_in(call, 1) or (rank,))[0]
    masks = zip(_bits(call, "begin_mask", rank), _bits(call, "end_mask", rank))
    whole = [(first and last) or at >= count for at, (first, last) in enumerate(masks)]
    if not any(new_axes) and not any(lost):
        return (_cut(builder, call, value, derived.cut(call, whole)),)
    if any(new_axes) and any(lost):
        return (_cut(builder, call, value, _unaltered(call)),)
    if any(new_axes):  # with nothing cut
        return _to(builder, call, derived.with_ones(call))
    inner = [1 if lost[axis] else None for axis in range(rank)]
    left = iter(after)
    full = tuple([one if one is not None else next(left, -1) for one in inner])
    ports = {".out": (full, *call.attributes[".out"][1:])}
    first = _cut(builder, call, value, derived.cut(call._replace(attributes={**call.attributes, **ports}), whole))
    return _to(builder, call._replace(inputs=(first,)), tuple([s for s, g in zip(first.sizes, lost) if not g]))


def _unaltered(call: Call) -> Shape:
    return stated(call, "the bounds of what it takes")


def _cut(builder: Builder, call: Call, value: Value, shape: Shape) -> Value:
    if len(shape) != len(value.sizes):
        return moved(builder, call, value, shape, None if builder.batch == 1 else 0)
    if any(new > old for new, old in zip(shape, value.sizes)):
        raise Invalid(f"{show(value.sizes)} has no slice of {show(shape)}")
    return part(builder, call, value, shape, call.name)


def _slice(builder: Builder, call: Call) -> Results:
    """slice: free"""
    return (_cut(builder, call, call.input(0), derived.cut(call, ())),)


def _split(builder: Builder, call: Call) -> Results:
    """slices: free"""
    value, before = call.input(0), said_in(call)
    outs = [said_out(call, at) for at in range(len(call.outputs))]
    rank = len(value.sizes)
    if len(outs) == 1:
        return (value,)
    ranked = all(len(one) == rank for one in (before, *outs))
    axes = [axis for axis in range(rank) if ranked and len({one[axis] for one in (before, *outs)}) > 1]
    if len(axes) != 1:
        raise unread("the axis along which it splits")
    (axis,) = axes
    sizes = [out[axis] for out in outs]
    if -1 in sizes or not fits((before[axis],), (value.sizes[axis],)):
        if value.sizes[axis] % len(outs) or call.type != "Split":
            raise unread("how much each part has")
        sizes = [value.sizes[axis] // len(outs)] * len(outs)
    return STANDARD["Split"](builder, settings(call, axis=axis, split=tuple(sizes))._replace(opset=11, inputs=(value,)))


def _gather(builder: Builder, call: Call) -> Results:
    """embedding of a stored table; else slice or copy"""
    data, at = call.input(0), call.input(1)
    axis, lead = derived.gathered(call), call.whole("batch_dims", 0)
    if lead % max(1, len(at.sizes) or 1):
        return (moved(builder, call, data, _unaltered(call), data.batch),)
    if not data.constant and not at.sizes and not said_in(call, 1) and axis != data.batch and at.constant:
        shape = tuple([1 if each == axis else size for each, size in enumerate(data.sizes)])
        taken = part(builder, call, data, shape, call.name)
        return _to(builder, call._replace(inputs=(taken,)), (*shape[:axis], *shape[axis + 1 :]))
    return STANDARD["Gather"](builder, settings(call, axis=axis)._replace(inputs=(data, at)))


def _elements(name: str, builder: Builder, call: Call) -> Results:
    """copy"""
    inner = settings(call, axis=call.whole("axis", 0), batch_dims=call.whole("batch_dims", 0))
    return STANDARD[name](builder, inner._replace(type=name))


def _spread(builder: Builder, call: Call) -> Results:
    """copy"""
    return repeated_to(builder, call, derived.spread(call, "the shape that it reaches"))


def _padded(builder: Builder, call: Call) -> Results:
    """copy"""
    value, before, after = call.input(0), said_in(call), said_out(call)
    sizes = []
    for a, b, size in zip(before, after, value.sizes, strict=True):
        if a == b == -1 or (a == -1 and b != -1 and size != 1):
            raise unread("how much it adds")
        sizes.append(b if a == -1 else size + b - a)
    return (moved(builder, call, value, tuple(sizes), _stays(builder, value, sizes), near=True),)


def _stays(builder: Builder, value: Value, sizes: Any) -> int | None:
    if value.batch is not None and sizes[value.batch] != value.sizes[value.batch] and builder.batch > 1:
        raise builder.mixed
    return value.batch


def _moved(builder: Builder, call: Call) -> Results:
    """copy"""
    value = builder.standing(call.name, call.input(0))
    if builder.batch > 1 and call.type in ("Reverse", "Roll"):
        raise Refused("the axes along which it moves stand in the .bin file, which is not read")
    return (moved(builder, call._replace(inputs=(value, *call.inputs[1:])), value, value.sizes, value.batch),)


def _same(builder: Builder, call: Call) -> Results:
    """free"""
    return (call.input(0),)


def _stated(builder: Builder, call: Call) -> Results:
    """copy"""
    value = call.input(0)
    if builder.batch > 1:
        raise Refused("it moves elements between the examples of a batch")
    return (moved(builder, call, value, stated(call, "the shape that it reaches"), value.batch),)


def _pixels(how: str, builder: Builder, call: Call) -> Results:
    """free"""
    return STANDARD[how](builder, settings(call, blocksize=call.whole("block_size", 1)))


def _resize(builder: Builder, call: Call) -> Results:
    """upsample, or a resampling to a smaller size"""
    value, before, after = call.input(0), said_in(call), said_out(call)
    mode = str(call.get("mode")).removesuffix("_onnx")
    if call.get("antialias"):
        raise Refused("with antialiasing the number of taps depends on the sizes; only plain resampling is supported")
    scales = call.get("shape_calculation_mode") == "scales"
    sizes = []
    for a, b, size in zip(before, after, value.sizes, strict=True):
        if a == size and b != -1:
            sizes.append(b)
        elif a == b and len(sizes) < 2:
            sizes.append(size)
        elif b != -1 and not scales:
            sizes.append(b)
        elif -1 in (a, b):
            raise unread("the size that it reaches")
        elif call.get("shape_calculation_mode") and a and size * b % a == 0:
            sizes.append(size * b // a)
        else:
            raise unread("the size that it reaches")
    if tuple(sizes) == value.sizes:
        return (value,)
    if len(sizes) > 2 and sizes[1] != value.sizes[1] and sizes[-1] == value.sizes[-1]:  # the channels stand last
        turned = _turned(builder, call, value, (0, len(sizes) - 1, *range(1, len(sizes) - 1)))
        larger = _resampled(builder, call, turned, [sizes[0], sizes[-1], *sizes[1:-1]], mode)
        return (_turned(builder, call, larger, (0, *range(2, len(sizes)), 1)),)
    return (_resampled(builder, call, value, sizes, mode),)


def _turned(builder: Builder, call: Call, value: Value, order: tuple[int, ...]) -> Value:
    """A value with its axes in another order."""
    (turned,) = STANDARD["Transpose"](builder, settings(call, perm=order)._replace(inputs=(value,)))
    return turned


def _resampled(builder: Builder, call: Call, value: Value, sizes: list[int], mode: str) -> Value:
    image, spatial = image_of(builder, value)
    word = interpolation(mode, len(spatial))
    lead = builder.shape(image)[: -1 - len(spatial)]
    if tuple(sizes[:2]) != value.sizes[:2] or not word or (lead and word != "nearest"):
        raise Refused(f"resampling {call.get('mode')} over these axes is not supported")
    return Named(builder, call.name).emit(Upsample(word, (*lead, *sizes[2:])), image)


def _top(builder: Builder, call: Call) -> Results:
    """reduce argmax of one; of several sorting, whose compares depend on the data"""
    value = call.input(0)
    axis, after = call.axis_of(value, -1), said_out(call)
    if not after or after[axis] == -1:
        raise unread("how many it takes")
    value = builder.along(value, axis)
    if after[axis] == 1 and value.sizes[axis] > 1:  # the largest, and where it is
        found = Reduce("argmax", (builder.place(value, axis),), True)
        number = builder.add(call.name, found, [value.number])
        shape = (*value.sizes[:axis], 1, *value.sizes[axis + 1 :])
        largest = builder.give(value, shape, number, value.batch, value.channels_first)
        return (largest, largest)
    result = value._replace(shape=(*value.sizes[:axis], after[axis], *value.sizes[axis + 1 :]), data=None)
    op = Uncounted(call.type, SORTED, builder.shape(result), counts=("compares",))
    first = builder.add(call.name, op.along(builder.place(value, axis), (builder.shape(value),)), [value.number])
    places = builder.add(f"{call.name}/places", Copy.alongside(builder.shape(result)), [first])
    return (result._replace(number=first), result._replace(number=places))


def _one_hot(builder: Builder, call: Call) -> Results:
    """copy: choosing is free"""
    at, axis = call.input(0), call.whole("axis", -1)
    place = axis if axis >= 0 else len(at.sizes) + 1 + axis
    depth = said_out(call)[place]
    if depth == -1:
        raise unread("how many classes there are")
    shape = (*at.sizes[:place], depth, *at.sizes[place:])
    return (moved(builder, call, at, shape, None if at.batch is None else at.batch + (place <= at.batch)),)


def _drawn(builder: Builder, call: Call) -> Results:
    """random numbers: what drawing them takes is not counted"""
    shape = said_out(call)
    if not shape or min(shape) < 1:
        raise unread("the shape that it reaches")
    value = Value(shape, 1, batch=0 if len(shape) > 1 and shape[0] == builder.batch else None)
    return (value._replace(number=builder.add(call.name, Random(builder.shape(value)), [])),)


def _made(builder: Builder, call: Call) -> Results:
    """free: prepared beforehand"""
    shape = said_out(call)
    if -1 in shape:
        raise unread("the shape that it reaches")
    return (Value(shape),)


def _state(builder: Builder, call: Call) -> Results:
    """copy of a constant, as it is before the first run"""
    builder.note(STATE)
    shape, start = said_out(call), call.maybe(0)
    if start is not None and start.shape is not None:
        if not start.constant or 0 in start.shape:
            return (start,)
        return (builder.standing(call.name, start._replace(roots=())),)
    if 0 in shape:
        return (Value(shape),)
    if not shape or -1 in shape:
        raise Refused("nothing says how large its state is before the first run")
    return (_standing(builder, call, shape),)


def _standing(builder: Builder, call: Call, shape: Shape) -> Value:
    return builder.standing(call.name, Value(shape, batch=0 if shape[0] == builder.batch else None))


def _row(handle: Handler, layout: Layout, *given: int, free: bool = False, takes: bool = False) -> Operator:
    return Operator(handle, layout, settings=given, free=free, takes=takes)


_MOVED = _row(_moved, KEEPS_FIRST)
MOVING: dict[str, Operator] = {
    "Reshape": _row(_reshape, RESHAPED, 1, free=True),
    **same_rows(_row(_ones, RESHAPED, 1, free=True), "Squeeze", "Unsqueeze"),
    "Transpose": _row(_transpose, TURNED, 1, free=True),
    "Concat": as_onnx("Concat"),
    "StridedSlice": _row(_strided, NONE, 1, 2, 3, free=True, takes=True),
    "Slice": _row(_slice, KEEPS_FIRST, 1, 2, 3, 4, free=True, takes=True),
    **same_rows(_row(_split, KEEPS_FIRST, 1, 2, free=True, takes=True), "Split", "VariadicSplit"),
    "Gather": Operator(_gather, LISTED, settings=(2,), takes=True),
    "GatherElements": as_onnx("GatherElements", handle=partial(_elements, "GatherElements")),
    "GatherND": as_onnx("GatherND", handle=partial(_elements, "GatherND")),
    **same_rows(_row(_spread, KEEPS_FIRST, 1, 2), "Broadcast", "Tile"),
    "Pad": _row(_padded, KEEPS_FIRST, 1, 2, 3),
    **same_rows(_MOVED, "ScatterNDUpdate", "ScatterUpdate", "ScatterElementsUpdate", "ReverseSequence"),
    **same_rows(_MOVED, "Reverse", "Roll", "InverseRoll"),
    **same_rows(_row(_same, KEEPS_FIRST, free=True), "Convert", "ConvertLike", "Identity", "Result", "ShuffleChannels"),
    "Assign": _row(_same, KEEPS_FIRST, free=True),
    "ReadValue": Operator(_state, KEEPS_FIRST, settings=(0,), random=True),
    "DepthToSpace": as_onnx("DepthToSpace", handle=partial(_pixels, "DepthToSpace")),
    "SpaceToDepth": as_onnx("SpaceToDepth", handle=partial(_pixels, "SpaceToDepth")),
    **same_rows(_row(_stated, NONE, 1, 2, 3), "SpaceToBatch", "BatchToSpace", "ExtractImagePatches"),
    "Interpolate": Operator(_resize, IMAGES, settings=(1, 2, 3), apart=True),
    "TopK": Operator(_top, KEEPS_FIRST, settings=(1,), takes=True, axis=-1),
    "OneHot": _row(_one_hot, NONE, 1, 2, 3),
    "RandomUniform": Operator(_drawn, NONE, settings=(0, 1, 2), random=True),
    **same_rows(_row(_made, NONE, 0, 1, 2, 3), "Range", "Eye", "PriorBox", "PriorBoxClustered"),
    **same_rows(Operator(None, NONE, "the sizes of what it measures depend on the data", measures=True), "ShapeOf"),
    "GridSample": STANDARD["GridSample"],
}


def _first(builder: Builder, call: Call) -> Results:
    """The first axis at another place."""
    rank, axis = len(call.input(0).sizes), call.whole("axis", 0)
    order = [*range(1, rank)]
    order.insert(axis % rank, 0)
    return MOVES["Transpose"](builder, settings(call, perm=tuple(order)))


AXES: dict[str, Operator] = {  # around the parts that a loop takes and gives
    "axis.Unsqueeze": MOVES["Unsqueeze"]._replace(older=None),
    "axis.Squeeze": MOVES["Squeeze"]._replace(older=None),
    "axis.Move": Operator(_first, TURNED, free=True),
}
