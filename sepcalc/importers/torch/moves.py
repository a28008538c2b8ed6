"""Operators that only move, rename or leave things as they are."""

from typing import Any

from sepcalc.importers.torch.calls import Call, Tensor
from sepcalc.importers.torch.graph import COMPLEX, DROPPED, PLAIN, SECOND, Builder, Refused, Value, axes, seen, squeezed
from sepcalc.importers.torch.layers import Handler, Results, image
from sepcalc.importers.torch.sorting import DRAWN
from sepcalc.ops.base import Op
from sepcalc.ops.move import Concat, Copy, Pad, Slice, Token
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape


def _same(builder: Builder, call: Call) -> Results:
    return (builder.value(call.given),)


def _dropped(builder: Builder, call: Call) -> Results:
    if call.get("train", False):
        raise Refused(DROPPED)
    return _same(builder, call)


def _renamed(builder: Builder, call: Call) -> Results:
    """The same elements under another shape or in another order."""
    value, output = builder.value(call.given), call.outputs[0]
    if output.shape == value.shape:
        return (value,)
    return (builder.renamed(value, output),)


def _expanded(builder: Builder, call: Call) -> Results:
    """A view that repeats elements; whoever broadcasts needs no copy of it."""
    before, output = builder.loose(call.given), call.outputs[0]
    if output.shape == before.shape:
        return (before,)
    builder.stretched[output.at] = before
    return ()


def _moved(builder: Builder, call: Call, output: Tensor, op: Op | None = None, label: str = "") -> Value:
    """Elements copied into another shape."""
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
    """Parts of one tensor."""
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
    """Where the first part begins along its axis."""
    given = call.get("index", call.get("start", 0))
    begin = int(given) if isinstance(given, int) else 0
    size = call.given.shape[int(call.get("dim", 0))] if call.given.shape and call.op != "diagonal" else 0
    return min(max(0, begin + size if begin < 0 else begin), size)


def _part(
    builder: Builder, value: Value, output: Tensor, label: str, along: int | None = None, begin: int = 0, step: int = 1
) -> Value:
    """A part of a tensor, which lies ``along`` an axis from where it begins, so far apart; or somewhere."""
    shape = output.shape
    if shape == value.shape:
        return value
    order, before = axes(value.shape, value.first), builder.tensors[value.node]
    start = tuple([begin if axis == along else 0 for axis in order]) if begin else ()
    if len(shape) == len(value.shape):
        to = tuple([shape[axis] for axis in order]) or (1,)
        if to == before:
            return value._replace(shape=shape)
        if shape[0] == 1 < value.shape[0]:  # one of several passes is one example
            to = seen(shape, value.first)
        op: Op = Copy(to)
        if len(to) == len(before):
            op = Slice(to, start)
            if step > 1:
                steps = tuple([step if axis == along else 1 for axis in order[:-1]])
                op = Copy(to, steps, (start or (0,) * len(order))[:-1])
        number = builder.add(op, [value.node], label=label)
        return builder.give(number, shape, value.first)
    # one position of an axis, which goes
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
    """Side by side along an axis."""
    output = call.outputs[0]
    given = [one for one in call.arguments["tensors"] if 0 not in one.shape]
    rank, axis = len(output.shape), int(call.get("dim", 0))
    axis %= rank
    if call.op == "stack":
        shapes = [(*one.shape[:axis], 1, *one.shape[axis:]) for one in given]
        values = [builder.value(one) for one in given]
        values = [
            one if one.constant else _stacked(builder, one, shape) for one, shape in zip(values, shapes, strict=True)
        ]
    else:
        values = [builder.value(one) for one in given]
    live = [value for value in values if not value.constant]
    first = max(value.first for value in live)
    result = Value(output.shape, None, first)
    order = axes(output.shape, first)
    numbers = []
    for value in live:
        shape = tuple([value.shape[at] for at in order])
        numbers.append(builder.view(builder.laid(value, first).node, shape))
    if len(live) == len(values):
        if len(live) == 1:
            return (result._replace(number=numbers[0]),)
        if axis not in order:
            raise Refused("it joins nothing")
        return (result._replace(number=builder.add(Concat(order.index(axis)), numbers)),)
    weights = [value for value in values if value.constant]
    to = seen(output.shape, first)
    op: Op = Copy(to)
    if len(weights) == len(live) == 1 and weights[0].roots and len(to) == 2 and axis == order[0]:
        op = Token(to[0] - builder.tensors[numbers[0]][0])  # a class token, before or behind
    return (result._replace(number=builder.add(op, numbers, weights)),)


def _stacked(builder: Builder, value: Value, shape: Shape) -> Value:
    """A value with one more axis, along which it is to be joined."""
    first = squeezed(value.shape, value.first, shape)
    if first is not None:
        return value._replace(shape=shape, first=first)
    return builder.give(builder.laid(value, PLAIN).node, shape)


def _padded(builder: Builder, call: Call) -> Results:
    """Elements put around, constant ones or others of the tensor itself, or taken away there."""
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
    sides = [around.get(axis, (0, 0)) for axis in order]
    to = seen(output.shape, value.first)
    op: Op = Copy(to, (1,) * (len(to) - 1))
    if len(order) > 1 and sides[-1] == (0, 0) and min(map(min, sides)) >= 0:
        op = Pad(tuple(sides[:-1]))
    elif max(map(max, sides)) <= 0:
        op = Slice(to, tuple([-before for before, _ in sides]))
    return (builder.give(builder.add(op, [value.node]), output.shape, value.first),)


def _shifted(builder: Builder, call: Call) -> Results:
    """The same elements, all of them moved in one way or in reversed order: neighbours stay neighbours."""
    value = builder.value(call.given)
    shape = builder.tensors[value.node]
    return (value._replace(number=builder.add(Copy(shape, (1,) * (len(shape) - 1)), [value.node])),)


def _turned(builder: Builder, call: Call) -> Results:
    """Turned by right angles; by two of them it is a flip along both axes."""
    return copied(builder, call) if int(call.get("k", 1)) % 2 else _shifted(builder, call)


def _chosen_channels(builder: Builder, call: Call) -> Results:
    """Elements gathered or repeated; where only the channels are, every position keeps to itself."""
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
    """The axes along which elements are chosen; None where they are repeated."""
    if call.op == "index":
        return [axis for axis, places in enumerate(call.arguments["indices"]) if places is not None]
    if call.op == "index_select":
        return [int(call.arguments["dim"]) % len(call.given.shape)]
    return None


def _pixels(up: bool) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = image(builder, builder.value(call.given), 2)
        if len(builder.seen(value)) > 3:  # several pictures
            return _renamed(builder, call)
        scale = int(call.get("upscale_factor" if up else "downscale_factor", 1))
        return (builder.emit(Rename("pixel-shuffle" if up else "pixel-unshuffle", scale=scale), value),)

    return handle


def _channels(builder: Builder, call: Call) -> Results:
    value = builder.laid(builder.value(call.given), SECOND)
    number = builder.add(Rename("shuffle", groups=int(call.get("groups", 1))), [value.node])
    return (value._replace(number=number),)


def _overwritten(builder: Builder, call: Call) -> Results:
    """A tensor whose elements are all replaced."""
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
    """A tensor of a storage of which another view was written."""
    before, written, output = call.given, call.tensor("written"), call.outputs[0]
    size = _size(output.shape)
    if written.live and _size(written.shape) >= size:
        value = builder.value(written)
        if _size(written.shape) == size:
            return (builder.give(value.node, output.shape, builder.wants(output) or _alike(value, output.shape)),)
        if len(written.shape) == len(output.shape) and all(map(int.__le__, output.shape, written.shape)):
            return (_part(builder, value, output, "slice"),)
    values = [builder.value(one) for one in (before, written)]
    live = [value for value in values if not value.constant]
    first = _alike(live[0], output.shape)
    number = builder.add(Copy(seen(output.shape, first)), [value.node for value in live], values, label="copy")
    return (builder.give(number, output.shape, first),)


def _alike(value: Value, shape: Shape) -> int:
    return value.first if value.shape == shape else PLAIN


def _size(shape: Shape) -> int:
    size = 1
    for one in shape:
        size *= one
    return size


def _names(handler: Any, *names: str) -> dict[str, Handler]:
    return dict.fromkeys(names, handler)


_SMOOTHED = "resampling with antialiasing weighs as many taps as the sizes say; only plain resampling counts"

# Why an operator is not counted, where more can be said than that there is no rule for it.
REASONS: dict[str, str] = {
    **dict.fromkeys(("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "_upsample_lanczos2d_aa"), _SMOOTHED),
    **dict.fromkeys(("multinomial", "poisson"), DRAWN),
    **dict.fromkeys(("stft", "istft"), COMPLEX),
    "embedding_renorm": "which rows are longer than max_norm is for the data to tell",
}

MOVES: dict[str, Handler] = {
    **_names(_same, "contiguous", "clone", "detach", "alias", "to", "_to_copy", "type_as", "lift_fresh"),
    **_names(_same, "positive", "resolve_conj", "resolve_neg", "lift"),
    **_names(_dropped, "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"),
    **_names(_renamed, "view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze", "permute"),
    **_names(_renamed, "transpose", "t", "_reshape_alias", "view_as", "reshape_as", "swapaxes", "movedim", "ravel"),
    **_names(_expanded, "expand", "expand_as", "broadcast_to"),
    **_names(_parts, "slice", "narrow", "select", "split", "split_with_sizes", "chunk", "unbind", "unsafe_split"),
    **_names(_parts, "unsafe_chunk", "unsafe_split_with_sizes", "tensor_split", "diagonal"),
    **_names(_joined, "cat", "concat", "concatenate", "stack"),
    **_names(copied, "nonzero", "nonzero_numpy", "argwhere", "masked_select"),  # of values that are known
    **_names(_padded, "pad", "constant_pad_nd", "_pad_circular", "reflection_pad1d", "reflection_pad2d"),
    **_names(_padded, "reflection_pad3d", "replication_pad1d", "replication_pad2d", "replication_pad3d"),
    **_names(_shifted, "roll", "flip"),
    **_names(_chosen_channels, "index", "index_select", "repeat", "tile", "repeat_interleave"),
    **_names(copied, "gather", "take", "take_along_dim", "unfold"),
    "rot90": _turned,
    **_names(copied, "im2col", "as_strided", "tril", "triu", "diag_embed", "slice_scatter", "select_scatter"),
    **_names(copied, "index_fill", "index_copy", "masked_scatter", "one_hot", "max_unpool2d"),
    **_names(copied, "copysign", "block_diag", "max_unpool3d", "fill", "zero", "slice_copy", "_pack_padded_sequence"),
    "copy": _overwritten,
    "aliased": _aliased,
    "pixel_shuffle": _pixels(True),
    "pixel_unshuffle": _pixels(False),
    "channel_shuffle": _channels,
    "native_channel_shuffle": _channels,
}
