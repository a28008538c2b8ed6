"""Operators that only move, rename or leave things as they are."""

from typing import Any

from sepcalc.importers.torch.calls import RANDOM, Call, Tensor
from sepcalc.importers.torch.graph import COMPLEX, DROPPED, Builder, Refused, Value, axes, seen
from sepcalc.importers.torch.layers import Handler, Results, image
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
    return (builder.give(value.node, output.shape, builder.wants(output)),)


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
    first = builder.wants(output) or (live[0].first and len(live[0].shape) == len(output.shape) > 2)
    shape = seen(output.shape, first)
    stored = [builder.value(one) for one in given if not one.live]
    builder.give(live[0].node, live[0].shape, live[0].first)
    number = builder.add(op or Copy(shape), [one.node for one in live], stored, label=label)
    return builder.give(number, output.shape, first)


def _copied(builder: Builder, call: Call) -> Results:
    return tuple([_moved(builder, call, output) for output in call.outputs])


def _written(builder: Builder, call: Call) -> Results:
    """Elements put elsewhere; some forms combine those that meet."""
    if call.get("accumulate", False) or call.get("reduce") is not None:
        raise Refused(_MET)
    return _copied(builder, call)


def _parts(builder: Builder, call: Call) -> Results:
    """Parts of one tensor."""
    value = builder.value(call.given)
    results = []
    for at, output in enumerate(call.outputs):
        label = f"{call.op}/{at}" if len(call.outputs) > 1 else ""
        empty = not all(output.shape)
        results.append(Value(output.shape) if empty else _part(builder, value, output, label))
    return results


def _part(builder: Builder, value: Value, output: Tensor, label: str) -> Value:
    shape = output.shape
    if shape == value.shape:
        return value
    if len(shape) == len(value.shape):
        to = tuple([shape[axis] for axis in axes(value.shape, value.first)]) or (1,)
        if to == builder.tensors[value.node]:
            return value._replace(shape=shape)
        if shape[0] == 1 < value.shape[0]:  # one of several passes is one example
            to = seen(shape, value.first)
        op = Slice(to) if len(to) == len(builder.tensors[value.node]) else Copy(to)
        number = builder.add(op, [value.node], label=label)
        return builder.give(number, shape, value.first)
    # one position of an axis, which goes
    plain = value
    for axis in range(len(value.shape)):
        if value.shape[:axis] + value.shape[axis + 1 :] == shape:
            break
    else:
        number = builder.add(Copy(seen(shape)), [value.node], label=label)
        return builder.give(number, shape)
    if value.shape[axis] == 1:
        return builder.give(value.node, shape, builder.wants(output))
    to = tuple([1 if at == axis else size for at, size in enumerate(value.shape)])
    place = tuple([to[at] for at in axes(plain.shape, plain.first)])
    left = seen(shape)
    number = builder.add(Slice(place) if len(place) == len(left) + 1 else Copy(left), [value.node], label=label)
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
            one if one.constant else builder.give(builder.laid(one, False).node, shape)
            for one, shape in zip(values, shapes)
        ]
    else:
        values = [builder.value(one) for one in given]
    live = [value for value in values if not value.constant]
    first = any(value.first for value in live)
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


def _padded(builder: Builder, call: Call) -> Results:
    value, output = builder.value(call.given), call.outputs[0]
    if output.shape == value.shape:
        return (value,)
    if (
        call.get("mode", "constant") != "constant"
        or "pad" not in call.arguments
        or len(output.shape) != len(value.shape)
    ):
        return _copied(builder, call)
    given = [int(size) for size in call.arguments["pad"]]
    rank = len(value.shape)
    around = {rank - 1 - at: (given[2 * at], given[2 * at + 1]) for at in range(len(given) // 2)}
    order = axes(value.shape, value.first)
    sides = [around.get(axis, (0, 0)) for axis in order]
    if len(order) == len(axes(output.shape, value.first)):
        op: Op = Copy(seen(output.shape, value.first))
        if len(order) > 1 and sides[-1] == (0, 0) and min(map(min, sides)) >= 0:
            op = Pad(tuple(sides[:-1]))
        return (builder.give(builder.add(op, [value.node]), output.shape, value.first),)
    return _copied(builder, call)


def _pixels(up: bool) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value, lead = image(builder, builder.value(call.given), 2)
        if lead:
            return _renamed(builder, call)
        scale = int(call.get("upscale_factor" if up else "downscale_factor", 1))
        number = builder.add(Rename("pixel-shuffle" if up else "pixel-unshuffle", scale=scale), [value.node])
        return (builder.give(number, call.outputs[0].shape, True),)

    return handle


def _channels(builder: Builder, call: Call) -> Results:
    value = builder.laid(builder.value(call.given), True)
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
    number = builder.add(Copy(seen(output.shape)), [builder.laid(value, False).node])
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
    first = live[0].first and _alike(live[0], output.shape)
    number = builder.add(Copy(seen(output.shape, first)), [value.node for value in live], values, label="copy")
    return (builder.give(number, output.shape, first),)


def _alike(value: Value, shape: Shape) -> bool:
    return value.first and value.shape == shape


def _size(shape: Shape) -> int:
    size = 1
    for one in shape:
        size *= one
    return size


def _names(handler: Any, *names: str) -> dict[str, Handler]:
    return dict.fromkeys(names, handler)


_SORTED = "how often it compares depends on the data and the method"
_SAMPLED = "it samples where the data says: the weights of its taps are computed, and their cost is not known here"
_SMOOTHED = "resampling with antialiasing weighs as many taps as the sizes say; only plain resampling counts"
_DRAWN = "random numbers: what drawing them costs is not known"
_MET = "a scatter that combines what meets has no count here: what meets depends on the data"

# Why an operator is not counted, where more can be said than that there is no rule for it.
REASONS: dict[str, str] = {
    **dict.fromkeys(("sort", "topk", "argsort", "kthvalue", "median", "nanmedian", "mode", "msort"), _SORTED),
    **dict.fromkeys(("grid_sampler", "grid_sampler_2d", "grid_sampler_3d", "affine_grid_generator"), _SAMPLED),
    **dict.fromkeys(("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "_upsample_lanczos2d_aa"), _SMOOTHED),
    **dict.fromkeys(("scatter_add", "scatter_reduce", "index_add", "index_reduce"), _MET),
    **dict.fromkeys(RANDOM, _DRAWN),
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
    **_names(_padded, "pad", "constant_pad_nd"),
    **_names(_copied, "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "replication_pad1d", "index"),
    **_names(_copied, "replication_pad2d", "replication_pad3d", "_pad_circular", "index_select", "gather", "take"),
    **_names(_copied, "take_along_dim", "roll", "flip", "rot90", "repeat", "tile", "repeat_interleave", "unfold"),
    **_names(_copied, "im2col", "as_strided", "tril", "triu", "diag_embed", "slice_scatter", "select_scatter"),
    **_names(_copied, "index_fill", "index_copy", "masked_scatter", "one_hot", "max_unpool2d"),
    **_names(_copied, "copysign", "block_diag", "max_unpool3d", "fill", "zero", "slice_copy", "_pack_padded_sequence"),
    **_names(_written, "scatter", "index_put", "put"),
    "copy": _overwritten,
    "aliased": _aliased,
    "pixel_shuffle": _pixels(True),
    "pixel_unshuffle": _pixels(False),
    "channel_shuffle": _channels,
    "native_channel_shuffle": _channels,
}
