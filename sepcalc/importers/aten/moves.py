"""Operators that only move or rename elements, or leave them unchanged."""

from functools import partial
from math import prod

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.graph import DROPPED, PLAIN, SECOND, Builder, Refused, Value, axes, seen, squeezed
from sepcalc.importers.aten.layers import image
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.layout import IMAGES, KEEPS, NONE, PART, RESHAPED, TURNED, same_rows
from sepcalc.importers.common.moves import padded, part
from sepcalc.ops.base import Op
from sepcalc.ops.move import Concat, Constant, Copy, Slice, Token
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape


def _same(builder: Builder, call: Call) -> Results:
    return (builder.value(call.given),)


def _dropped(builder: Builder, call: Call) -> Results:
    if call.get("train", False):
        raise Refused(DROPPED)
    return _same(builder, call)


def _renamed(builder: Builder, call: Call) -> Results:
    """The same elements in another shape or order."""
    value, output = builder.value(call.given), call.outputs[0]
    if output.shape == value.shape:
        return (value,)
    return (builder.renamed(value, output),)


def _expanded(builder: Builder, call: Call) -> Results:
    """A view that repeats elements; an operator that broadcasts needs no copy of it."""
    before, output = builder.loose(call.given), call.outputs[0]
    if output.shape == before.shape:
        return (before,)
    builder.stretched[output.at] = before
    return ()


def _moved(builder: Builder, call: Call, output: Tensor, op: Op | None = None, label: str = "") -> Value:
    """Copies elements into another shape."""
    given = call.tensors()
    live = [builder.value(one) for one in given if one.live]
    first = builder.like(live[0], output)
    shape = seen(output.shape, first)
    stored = [builder.value(one) for one in given if not one.live]
    builder.give(live[0].node, live[0].shape, live[0].first)
    number = builder.add(op or Copy(shape), [one.node for one in live], stored, label=label)
    return builder.give(number, output.shape, first)


def copied(builder: Builder, call: Call) -> Results:
    return tuple([_moved(builder, call, output) for output in call.outputs])


def _parts(builder: Builder, call: Call) -> Results:
    """Splits a tensor into parts."""
    value = builder.value(call.given)
    begin, results = _begin(call), []
    axis = int(call.get("dim", 0)) % max(1, len(value.shape)) if call.op != "diagonal" else None
    for at, output in enumerate(call.outputs):
        label = f"{call.op}/{at}" if len(call.outputs) > 1 else ""
        empty = not all(output.shape)
        if empty:
            results.append(Value(output.shape))
        elif axis is None:
            results.append(_part(builder, value, output, label))
        else:
            results.append(_part(builder, value, output, label, axis, begin, int(call.get("step", 1))))
        if axis is not None:
            begin += output.shape[axis] if len(output.shape) == len(value.shape) else 1
    return results


def _begin(call: Call) -> int:
    """The start of the first part along its axis."""
    given = call.get("index", call.get("start", 0))
    begin = int(given) if isinstance(given, int) else 0
    size = call.given.shape[int(call.get("dim", 0))] if call.given.shape and call.op != "diagonal" else 0
    return min(max(0, begin + size if begin < 0 else begin), size)


def _part(
    builder: Builder, value: Value, output: Tensor, label: str, along: int | None = None, begin: int = 0, step: int = 1
) -> Value:
    """A part of a tensor: along an axis from ``begin`` with this step, or at unknown positions."""
    shape = output.shape
    if shape == value.shape:
        return value
    order, before = axes(value.shape, value.first), builder.tensors[value.node]
    start = tuple([begin if axis == along else 0 for axis in order]) if begin else ()
    if len(shape) == len(value.shape):
        to = tuple([shape[axis] for axis in order]) or (1,)
        if to == before:
            return value._replace(shape=shape)
        if shape[0] == 1 < value.shape[0]:  # the part is a single example
            to = seen(shape, value.first)
        op: Op = Copy(to)
        if len(to) == len(before):
            op = part(to, start or (0,) * len(order), tuple([step if axis == along else 1 for axis in order]))
        number = builder.add(op, [value.node], label=label)
        return builder.give(number, shape, value.first)
    # one position along an axis, which is removed
    axis = along
    if axis is None or value.shape[:axis] + value.shape[axis + 1 :] != shape:
        number = builder.add(Copy(seen(shape)), [value.node], label=label)
        return builder.give(number, shape)
    if value.shape[axis] == 1:
        return builder.renamed(value, output)
    place = tuple([1 if at == axis else value.shape[at] for at in order])
    left = seen(shape)
    number = builder.add(Slice(place, start) if len(place) == len(left) + 1 else Copy(left), [value.node], label=label)
    return builder.give(number, shape, builder.wants(output))


def _joined(builder: Builder, call: Call) -> Results:
    """Concatenates along an axis."""
    output = call.outputs[0]
    given = [one for one in call.arguments["tensors"] if 0 not in one.shape]
    rank, axis = len(output.shape), int(call.get("dim", 0))
    axis %= rank
    values = [builder.value(one) for one in given]
    if call.op == "stack":
        values = [one if one.constant else _stacked(builder, one, axis) for one in values]
    live = [value for value in values if not value.constant]
    first = max(value.first for value in live)
    result = Value(output.shape, None, first)
    order = axes(output.shape, first)
    shapes = [tuple([value.shape[at] for at in order]) for value in live]
    numbers = [builder.view(builder.laid(value, first).node, shape) for value, shape in zip(live, shapes)]
    if len(live) == len(values):
        if len(live) == 1:
            return (result._replace(number=numbers[0]),)
        if axis not in order:
            raise Refused("it joins no tensors")
        return (result._replace(number=builder.add(Concat(order.index(axis)), numbers)),)
    weights = [value for value in values if value.constant]
    to = seen(output.shape, first)
    op: Op = Copy(to)
    if len(weights) == len(live) == 1 and weights[0].roots and len(to) == 2 and axis == order[0]:
        op = Token(to[0] - builder.tensors[numbers[0]][0])  # a class token, in front or at the end
    return (result._replace(number=builder.add(op, numbers, weights)),)


def _stacked(builder: Builder, value: Value, axis: int) -> Value:
    """A value with one more axis, for concatenation."""
    shape = (*value.shape[:axis], 1, *value.shape[axis:])
    first = squeezed(value.shape, value.first, shape)
    if first is not None:
        return value._replace(shape=shape, first=first)
    return builder.give(builder.laid(value, PLAIN).node, shape)


def _padded(builder: Builder, call: Call) -> Results:
    """Pads with a constant or with elements of the tensor, or crops."""
    value, output = builder.value(call.given), call.outputs[0]
    if output.shape == value.shape:
        return (value,)
    given = call.get("pad", call.get("padding"))
    order = axes(value.shape, value.first)
    if given is None or len(output.shape) != len(value.shape) or len(order) != len(axes(output.shape, value.first)):
        return copied(builder, call)
    given = [int(size) for size in given]
    rank = len(value.shape)
    around = {rank - 1 - at: (given[2 * at], given[2 * at + 1]) for at in range(len(given) // 2)}
    sides = tuple([around.get(axis, (0, 0)) for axis in order])
    to = seen(output.shape, value.first)
    op = padded(sides, to)
    if max(map(max, sides)) <= 0:
        op = Slice(to, tuple([-before for before, _ in sides]))
    return (builder.give(builder.add(op, [value.node]), output.shape, value.first),)


def _shifted(builder: Builder, call: Call) -> Results:
    """The same elements, shifted or reversed: neighbours stay neighbours."""
    value = builder.value(call.given)
    shape = builder.tensors[value.node]
    return (value._replace(number=builder.add(Copy(shape, (1,) * (len(shape) - 1)), [value.node])),)


def _turned(builder: Builder, call: Call) -> Results:
    """A rotation by right angles; two of them are a flip along both axes."""
    return copied(builder, call) if int(call.get("k", 1)) % 2 else _shifted(builder, call)


def _chosen_channels(builder: Builder, call: Call) -> Results:
    """Gathers or repeats elements; along only the channels, every position stays separate."""
    if not call.given.live:
        return copied(builder, call)
    value = builder.value(call.given)
    output = call.outputs[0]
    others = [one for one in call.tensors() if one.live and one.at != call.given.at]
    to = seen(output.shape, value.first)
    before = builder.tensors[value.node]
    if others or len(output.shape) != len(value.shape) or len(to) != len(before) or to[:-1] != before[:-1]:
        return copied(builder, call)
    places = _indexed(call)
    last = axes(value.shape, value.first)[-1]
    if places is not None and places != [last]:
        return copied(builder, call)
    stored = [builder.value(one) for one in call.tensors() if not one.live]
    number = builder.add(Copy(to, (1,) * (len(to) - 1)), [value.node], stored)
    return (builder.give(number, output.shape, value.first),)


def _indexed(call: Call) -> list[int] | None:
    """The axes along which elements are chosen; None if they are repeated."""
    if call.op == "index":
        return [axis for axis, places in enumerate(call.arguments["indices"]) if places is not None]
    if call.op == "index_select":
        return [int(call.arguments["dim"]) % len(call.given.shape)]
    return None


def _pixels(builder: Builder, call: Call, up: bool) -> Results:
    value = image(builder, builder.value(call.given), 2)
    if len(builder.seen(value)) > 3:  # several images
        return _renamed(builder, call)
    scale = int(call.get("upscale_factor" if up else "downscale_factor", 1))
    return (builder.emit(Rename("pixel-shuffle" if up else "pixel-unshuffle", scale=scale), value),)


def _channels(builder: Builder, call: Call) -> Results:
    value = builder.laid(builder.value(call.given), SECOND)
    number = builder.add(Rename("shuffle", groups=int(call.get("groups", 1))), [value.node])
    return (value._replace(number=number),)


def _overwritten(builder: Builder, call: Call) -> Results:
    """A tensor with all elements replaced."""
    output = call.outputs[0]
    source = call.maybe("src") or call.maybe("value")
    if source is None or not source.live:
        return (_moved(builder, call, output),)
    value = builder.loose(source)
    if value.shape == output.shape:
        return (value,)
    number = builder.add(Copy(seen(output.shape)), [builder.laid(value, PLAIN).node])
    return (builder.give(number, output.shape),)


def _aliased(builder: Builder, call: Call) -> Results:
    """A tensor whose storage was written through another view."""
    before, written, output = call.given, call.tensor("written"), call.outputs[0]
    size = prod(output.shape)
    if written.live and prod(written.shape) >= size:
        value = builder.value(written)
        if prod(written.shape) == size:
            return (builder.give(value.node, output.shape, builder.wants(output) or _alike(value, output.shape)),)
        if len(written.shape) == len(output.shape) and all(map(int.__le__, output.shape, written.shape)):
            return (_part(builder, value, output, "slice"),)
    values = [builder.value(one) for one in (before, written)]
    live = [value for value in values if not value.constant]
    first = _alike(live[0], output.shape)
    number = builder.add(Copy(seen(output.shape, first)), [value.node for value in live], values, label="copy")
    return (builder.give(number, output.shape, first),)


def _stored_elsewhere(builder: Builder, call: Call) -> Results:
    """What a branch stores that is not counted."""
    values = [builder.value(one) for one in call.tensors()]
    learned = any(builder.trained[root] for value in values for root in value.roots)
    shape = (sum(prod(value.shape) for value in values),)
    builder.add(Constant(shape, learned, not learned), [], values, label="cond")
    return ()


def _alike(value: Value, shape: Shape) -> int:
    return value.first if value.shape == shape else PLAIN


MOVES: dict[str, Operator] = {
    **same_rows(Operator(_same, KEEPS), "contiguous", "clone", "detach", "alias", "_to_copy", "lift_fresh", "lift"),
    **same_rows(Operator(_same, KEEPS), "positive", "resolve_conj", "resolve_neg"),
    **same_rows(Operator(_same, KEEPS, like=True), "to", "type_as"),
    **same_rows(Operator(_dropped, KEEPS), "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
    **same_rows(Operator(_renamed, RESHAPED), "view", "reshape", "_unsafe_view", "_reshape_alias", "ravel"),
    **same_rows(Operator(_renamed, RESHAPED), "flatten", "unflatten", "squeeze", "unsqueeze"),
    **same_rows(Operator(_renamed, RESHAPED, like=True), "view_as", "reshape_as"),
    **same_rows(Operator(_renamed, TURNED), "permute", "transpose", "t", "swapaxes", "movedim"),
    **same_rows(Operator(_expanded, KEEPS), "expand", "broadcast_to"),
    "expand_as": Operator(_expanded, KEEPS, like=True),
    **same_rows(Operator(_parts, KEEPS, parts=True), "slice", "narrow", "split", "split_with_sizes", "chunk"),
    **same_rows(Operator(_parts, KEEPS), "unsafe_chunk", "unsafe_split_with_sizes"),
    "unsafe_split": Operator(_parts, KEEPS, parts=True),
    "tensor_split": Operator(_parts, KEEPS, parts=True, cuts={"tensor_indices_or_sections": 1}),
    **same_rows(Operator(_parts, PART, parts=True), "select", "unbind"),
    "diagonal": Operator(_parts, NONE, mixes=("dim1", "dim2")),
    **same_rows(Operator(_joined, KEEPS, joins=True), "cat", "concat", "concatenate"),
    "stack": Operator(_joined, NONE, joins=True),
    **same_rows(Operator(copied, NONE, reads="sizes"), "nonzero", "nonzero_numpy", "argwhere"),  # of a known tensor
    "masked_select": Operator(copied, NONE, truth=("mask",), reads="sizes"),
    **same_rows(Operator(_padded, KEEPS, mixes=("pad",)), "pad", "constant_pad_nd", "_pad_circular"),
    **same_rows(Operator(_padded, KEEPS, mixes=("pad",)), "reflection_pad1d", "reflection_pad2d", "reflection_pad3d"),
    **same_rows(
        Operator(_padded, KEEPS, mixes=("pad",)), "replication_pad1d", "replication_pad2d", "replication_pad3d"
    ),
    **same_rows(Operator(_shifted, KEEPS, mixes=("dims",)), "roll", "flip"),
    "rot90": Operator(_turned, KEEPS, mixes=("dims",)),
    "index": Operator(_chosen_channels, KEEPS, whole=("indices",), places="indices", mixes=("indices",)),
    "index_select": Operator(_chosen_channels, KEEPS, whole=("index",), places="index", mixes=("dim",)),
    **same_rows(Operator(_chosen_channels, KEEPS), "repeat", "tile"),
    "repeat_interleave": Operator(_chosen_channels, KEEPS, cuts={"self_Tensor": 1, "Tensor": 0}),
    "gather": Operator(copied, KEEPS, whole=("index",), places="index", mixes=("dim",)),
    "take_along_dim": Operator(copied, KEEPS, whole=("indices",), places="indices", mixes=("dim",)),
    "take": Operator(copied, NONE, whole=("index",)),
    "unfold": Operator(copied, NONE, mixes=("dimension",)),
    "im2col": Operator(copied, NONE, axes=2),
    "as_strided": Operator(copied, NONE, mixes=("dim",)),
    **same_rows(Operator(copied, NONE), "diag_embed", "block_diag"),
    **same_rows(Operator(copied, KEEPS), "tril", "triu", "slice_copy", "copysign"),
    **same_rows(Operator(copied, KEEPS, mixes=("dim",)), "slice_scatter", "select_scatter"),
    **same_rows(Operator(copied, KEEPS), "fill", "zero"),
    "index_fill": Operator(copied, KEEPS, whole=("index",), mixes=("dim",)),
    "index_copy": Operator(copied, KEEPS, whole=("index",), places="index", mixes=("dim",), puts=True),
    "masked_scatter": Operator(copied, KEEPS, truth=("mask",), mixes=("dim",)),
    "one_hot": Operator(copied, NONE, whole=("self",)),
    "max_unpool2d": Operator(copied, IMAGES, axes=2),
    "max_unpool3d": Operator(copied, IMAGES, axes=3),
    "_pack_padded_sequence": Operator(copied, NONE, cuts={"default": 1}),
    "copy": Operator(_overwritten, KEEPS),
    "aliased": Operator(_aliased, KEEPS),
    "branches": Operator(_stored_elsewhere, NONE),
    "pixel_shuffle": Operator(partial(_pixels, up=True), IMAGES, axes=2),
    "pixel_unshuffle": Operator(partial(_pixels, up=False), IMAGES, axes=2),
    **same_rows(Operator(_channels, IMAGES, mixes=(1,)), "channel_shuffle", "native_channel_shuffle"),
}
