"""Operators with weights or windows: convolutions, pools, norms, recurrent layers, resampling, embeddings."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.graph import LEADING, PLAIN, SECOND, Builder, Refused, Value, seen
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.convolutions import folded, same, windowed
from sepcalc.importers.common.layout import IMAGES, KEEPS, NONE, SEQUENCES, WINDOWED, Layout, same_rows
from sepcalc.importers.common.resampling import interpolation, pooled_to
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Fold, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Copy, Embedding, Slice
from sepcalc.ops.norm import BatchNorm, RowNorm
from sepcalc.ops.pool import GridSample, Pool, Reduce, Upsample
from sepcalc.ops.product import Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Pads, Shape

# --- windows ----------------------------------------------------------------------------------------------------------


def per_axis(given: Any, axes: int, default: int = 1) -> Shape:
    """A setting per axis; PyTorch accepts one number for all axes, and an empty list for the default."""
    sizes = tuple(given) if isinstance(given, (list, tuple)) else () if given is None else (given,)
    sizes = sizes or (default,)
    return tuple(map(int, sizes * axes if len(sizes) == 1 else sizes))


def image(builder: Builder, value: Value, rank: int) -> Value:
    """An input with channels last in the network."""
    return builder.laid(value, LEADING if len(value.shape) == rank + 1 else SECOND)


def _conv(builder: Builder, call: Call) -> Results:
    weights = weight, bias = builder.weights(call, "weight", "bias")
    assert weight is not None
    kernel, groups = weight.shape[2:], int(call.get("groups", 1))
    rank = len(kernel)
    value = image(builder, builder.stored(builder.value(call.given)), rank)
    stride, dilation = per_axis(call.get("stride"), rank), per_axis(call.get("dilation"), rank)
    pads = _pads(call.get("padding", 0), kernel, dilation)
    op: Conv | Transposed = Conv(kernel, weight.shape[0], stride, pads, dilation, groups, bias is not None)
    if call.op.startswith("conv_transpose") or call.get("transposed", False):
        extra = per_axis(call.get("output_padding"), rank, 0)
        op = Transposed(kernel, weight.shape[1] * groups, stride, pads, dilation, extra, groups, bias is not None)
    return (windowed(builder, op, value, weights),)


def _pads(padding: Any, kernel: Shape, dilation: Shape) -> Pads:
    """Padding before and after each axis; as in PyTorch, ``same`` requires a stride of 1."""
    ones = (1,) * len(kernel)
    if padding in ("same", "valid"):
        return same(ones, kernel, ones, dilation) if padding == "same" else ((0, 0),) * len(kernel)
    return tuple([(size, size) for size in per_axis(padding, len(kernel), 0)])


def _pool(how: str, rank: int, builder: Builder, call: Call) -> Results:
    kernel = per_axis(call.get("kernel_size"), rank)
    stride = per_axis(call.get("stride"), rank) if call.get("stride") else kernel
    pads, dilation = _pads(call.get("padding", 0), kernel, kernel), per_axis(call.get("dilation"), rank)
    exclude = how == "avg" and not call.get("count_include_pad", True)
    op = Pool(how, kernel, stride, pads, dilation, bool(call.get("ceil_mode", False)), exclude)
    return (windowed(builder, op, image(builder, builder.value(call.given), rank)),) * len(call.outputs)


def _folded(builder: Builder, call: Call) -> Results:
    """Fold: puts windows back, ``images x C·K x positions``; several images are merged into the channels."""
    value = builder.value(call.given)
    shape = call.outputs[0].shape
    kernel, stride, dilation = (per_axis(call.get(name), 2) for name in ("kernel_size", "stride", "dilation"))
    op = Fold(kernel, shape[-2:], stride, _pads(call.get("padding", 0), kernel, dilation), dilation)
    number = builder.view(builder.laid(value, PLAIN).node, (*folded(op), prod(value.shape[:-1])))
    number = builder.add(op, [number])
    return (builder.give(number, shape, SECOND if len(shape) > 3 else LEADING),)


def _adaptive(how: str, rank: int, builder: Builder, call: Call) -> Results:
    value = image(builder, builder.value(call.given), rank)
    return (pooled_to(builder, how, value, call.outputs[0].shape[-rank:]),) * len(call.outputs)


def _upsample(mode: str, rank: int, builder: Builder, call: Call) -> Results:
    given = builder.value(call.given)
    shape = call.outputs[0].shape
    if shape == given.shape:
        return (given,)
    value = image(builder, given, rank)
    number = value.node
    if len(builder.seen(value)) > rank + 1:  # several images are merged into the channels
        number = builder.view(number, (*value.shape[2:], value.shape[0] * value.shape[1]))
    return (builder.give(builder.add(Upsample(interpolation(mode, rank), shape[2:]), [number]), shape, SECOND),)


def _grid_sample(builder: Builder, call: Call) -> Results:
    """Samples an image at the positions of a grid; several images, and their grids, are stacked."""
    x, grid = (builder.stored(builder.value(call.tensor(name))) for name in ("input", "grid"))
    n, channels, *sizes = x.shape
    how = interpolation(("linear", "nearest", "cubic")[int(call.get("interpolation_mode", 0))], len(sizes))
    image = builder.view(builder.laid(x, SECOND).node, (n * sizes[0], *sizes[1:], channels))
    places = builder.view(builder.laid(grid, PLAIN).node, (n * grid.shape[1], *grid.shape[2:]))
    op = GridSample(how, bool(call.get("align_corners", False)), not call.tensor("grid").live)
    return (builder.give(builder.add(op, [image, places]), call.outputs[0].shape, SECOND),)


def _affine_grid(builder: Builder, call: Call) -> Results:
    """The stored positions of an image, times a matrix per image."""
    theta, shape = builder.value(call.tensor("theta")), call.outputs[0].shape
    n, axes = shape[0], shape[-1]
    positions = builder.stored(Value((n, prod(shape[1:-1]), axes + 1)))
    lead = (n,) if n > 1 else ()
    matrix = builder.view(builder.laid(theta, PLAIN).node, (*lead, axes, axes + 1))
    return (builder.give(builder.add(Matmul(True), [positions.node, matrix]), shape),)


# --- norms ------------------------------------------------------------------------------------------------------------


def _batch_norm(builder: Builder, call: Call) -> Results:
    if call.op == "_native_batch_norm_legit" and call.maybe("running_mean") is None and call.given.shape[0] == 1:
        return _grouped(builder, call, "instance", 1)  # what PyTorch makes of an instance norm
    if call.get("training", False) or call.maybe("running_mean") is None:
        raise Refused("batch norm with the statistics of the batch: its cost depends on the batch")
    return _stored_norm(builder, call)


def _stored_norm(builder: Builder, call: Call) -> Results:
    value = builder.laid(builder.value(call.given), SECOND)
    weights = builder.weights(call, "weight", "bias")
    op = BatchNorm(*[one is not None for one in weights])
    statistics = [one for one in builder.weights(call, "running_mean", "running_var") if one is not None]
    if all(one.roots and not any(map(builder.trained.__getitem__, one.roots)) for one in statistics):
        weights += statistics  # its op counts these as buffers
    return (builder.emit(op, value, weights=weights),)


def _instance_norm(builder: Builder, call: Call) -> Results:
    if call.op == "instance_norm" and not call.get("use_input_stats", True):
        return _stored_norm(builder, call)
    return _grouped(builder, call, "instance", 1)


def _group_norm(builder: Builder, call: Call) -> Results:
    return _grouped(builder, call, "group", int(call.get("num_groups", call.get("group", 1))))


def _grouped(builder: Builder, call: Call, how: str, groups: int) -> Results:
    value = builder.laid(builder.value(call.given), SECOND)
    weights = builder.weights(call, "weight", "bias")
    n, channels, *spatial = value.shape
    number = value.node
    if n > 1:  # several images are merged into the channels
        number, groups = builder.view(number, (prod(spatial), n * channels)), groups * n if how == "group" else 1
    number = builder.add(RowNorm(how, groups, 1, *[one is not None for one in weights]), [number], weights)
    return (builder.give(number, value.shape, SECOND),)


def _layer_norm(how: str, builder: Builder, call: Call) -> Results:
    value = builder.laid(builder.value(call.given), PLAIN)
    weights = builder.weights(call, "weight", "bias")
    # a leading axis of size 1 may be normalized
    axes = min(len(call.get("normalized_shape", ())), len(builder.seen(value)))
    op = RowNorm(how, 1, axes, *[one is not None for one in weights])
    return (builder.emit(op, value, weights=weights),)


# --- recurrent --------------------------------------------------------------------------------------------------------


def _recurrent(cell: str, gates: int, relu: bool, builder: Builder, call: Call) -> Results:
    packed = "batch_sizes" in call.arguments  # packed: all steps in sequence, without padding
    x = builder.laid(builder.value(call.tensor("data") if packed else call.given), PLAIN)
    bias = bool(call.get("has_biases", False))
    layers, ways = int(call.get("num_layers", 1)), 2 if call.get("bidirectional", False) else 1
    params = [builder.value(one) for one in call.get("params")]
    each = len(params) // (layers * ways)
    hidden = params[0].shape[0] // gates
    projection = params[each - 1].shape[0] if each % 2 else 0
    n = call.outputs[1].shape[1]
    number = builder.view(x.node, (prod(x.shape[:-1]), x.shape[-1]))
    made = []
    for at in range(layers):
        op = Recurrent(cell, hidden, 2 * bias, projection, relu=relu, bidirectional=ways == 2)
        weights = [*params[at * ways * each : (at + 1) * ways * each], *([] if at else _initial(builder, call))]
        number = builder.add(op, [number], weights, label=cell if layers == 1 else f"{cell}{at}")
        made.append(number)
    if n > 1:
        builder.note(f"{n} sequences run in parallel: all of them are counted, as if they ran in sequence")
    return _steps(builder, call, made, ("state", "cell"))


def _steps(builder: Builder, call: Call, made: Sequence[int], parts: Sequence[str]) -> Results:
    """The result of the last of these layers, and those of their last states that are read."""
    results = [builder.give(made[-1], call.outputs[0].shape)]
    for part, (at, shape, *_) in zip(parts, call.outputs[1:]):
        read = at in builder.read
        taken = builder.give(builder.add(Copy(seen(shape)), made, label=part), shape) if read else Value(shape)
        results.append(taken)
    return results


def _initial(builder: Builder, call: Call) -> list[Value]:
    """The stored initial states: learned ones are params."""
    given = call.arguments["hx"]
    return [builder.value(one) for one in ([given] if isinstance(given, Tensor) else given) if not one.live]


def _cell(cell: str, gates: int, relu: bool, builder: Builder, call: Call) -> Results:
    given = call.given
    weights = [one for one in builder.weights(call, "w_ih", "w_hh", "b_ih", "b_hh") if one is not None]
    n, size = prod(given.shape[:-1]), given.shape[-1]
    op = Recurrent(cell, weights[0].shape[0] // gates, 2 if len(weights) > 2 else 0, relu=relu)
    x = builder.laid(builder.stored(builder.value(given)), PLAIN)
    weights += _initial(builder, call)
    number = builder.add(op, [builder.view(x.node, (n, size))], weights, label=cell)
    return _steps(builder, call, [number], ("cell",))


# --- lookups ----------------------------------------------------------------------------------------------------------


def _embedding(builder: Builder, call: Call) -> Results:
    weight, at = builder.value(call.tensor("weight")), builder.value(call.tensor("indices"))
    if not weight.constant or at.constant:
        sources = [one.node for one in (weight, at) if not one.constant]
        shape = call.outputs[0].shape
        return (builder.give(builder.add(Copy(seen(shape)), sources), shape),)
    vocab, size = weight.shape
    number = builder.add(Embedding(vocab, size), [builder.laid(at, PLAIN).node], [weight])
    return (builder.give(number, call.outputs[0].shape),)


def _embedding_bag(builder: Builder, call: Call) -> Results:
    weight, at = builder.value(call.tensor("weight")), builder.value(call.tensor("indices"))
    shape = call.outputs[0].shape
    bags, count = shape[0], prod(at.shape)
    factors = call.maybe("per_sample_weights")
    if not weight.constant or at.constant:
        raise Refused("bags of a computed table are not supported")
    vocab, size = weight.shape
    how = ("sum", "mean", "max")[int(call.get("mode", 0))]
    if call.tensor("offsets").live:
        builder.note("each bag is counted with at least one row: an empty bag counts one addition per element too many")
    if count < bags or (count % bags and (how == "max" or factors is not None)):
        raise Refused("bags of unequal length are supported only for sums")
    if count % bags:
        return (_unequal_bags(builder, builder.view(at.node, (count,)), bags, Embedding(vocab, size, how), weight),)
    each = count // bags
    rows = (each,) if bags == 1 else (bags, each)
    number = builder.view(at.node, rows)
    single = how == "max" or factors is not None
    number = builder.add(Embedding(vocab, size, "" if single else how), [number], [weight])
    if factors is not None:  # weighted rows: multiplied, then summed
        value = builder.value(factors)
        op: Op = Stored("scale", "constant", (*rows, 1)) if value.constant else Elementwise("multiply")
        others = [] if value.constant else [builder.view(value.node, (*rows, 1))]
        number = builder.add(op, [number, *others], [value], label="multiply")
    if single:
        number = builder.add(Reduce(how, (len(rows) - 1,)), [number], label=how)
    return (builder.give(number, shape),)


def _unequal_bags(builder: Builder, rows: int, bags: int, op: Embedding, weight: Value) -> Value:
    """Bags of any lengths cost the same in total: here all but the last have one row, and the last has the rest."""
    (count,) = builder.tensors[rows]
    ones = builder.view(builder.add(Slice((bags - 1,)), [rows], label="slice"), (bags - 1, 1))
    rest = builder.add(Slice((count - bags + 1,), (bags - 1,)), [rows], label="slice")
    parts = [builder.add(op, [ones], [weight]), builder.view(builder.add(op, [rest], [weight]), (1, op.out))]
    return builder.give(builder.add(Concat(0), parts, label="concat"), (bags, op.out))


def _prelu(builder: Builder, call: Call) -> Results:
    value, slope = builder.value(call.given), builder.value(call.tensor("weight"))
    if not slope.constant or value.constant:
        raise Refused("a computed slope is not supported")
    if len(value.shape) > 2 and prod(slope.shape) > 1:
        value = builder.laid(value, SECOND)
    number = builder.add(Activation("prelu", 1.0, prod(slope.shape) == 1), [value.node], [slope])
    return (value._replace(number=number),)


def _all_ranks(
    name: str, handle: Callable[[int, Builder, Call], Results], layout: Layout, multiplies: bool = False
) -> dict[str, Operator]:
    """A row for one, two and three spatial axes each."""
    return {name.format(axes): Operator(partial(handle, axes), layout, "", axes, multiplies) for axes in (1, 2, 3)}


# The op's cell, its number of gates, and whether it uses relu instead of tanh.
_CELLS = {
    "lstm": ("lstm", 4, False),
    "gru": ("gru", 3, False),
    "rnn_tanh": ("rnn", 1, False),
    "rnn_relu": ("rnn", 1, True),
}
LAYERS: dict[str, Operator] = {
    **{
        f"{name}{axes}d": Operator(_conv, WINDOWED, axes=axes, multiplies=True)
        for name in ("conv", "conv_transpose")
        for axes in (1, 2, 3)
    },
    **same_rows(Operator(_conv, WINDOWED, multiplies=True), "convolution", "_convolution"),
    **_all_ranks("max_pool{}d", partial(_pool, "max"), WINDOWED),
    **_all_ranks("max_pool{}d_with_indices", partial(_pool, "max"), WINDOWED),
    **_all_ranks("avg_pool{}d", partial(_pool, "avg"), WINDOWED),
    **_all_ranks("adaptive_avg_pool{}d", partial(_adaptive, "avg"), WINDOWED),
    "_adaptive_avg_pool2d": Operator(partial(_adaptive, "avg", 2), WINDOWED, axes=2),
    "_adaptive_avg_pool3d": Operator(partial(_adaptive, "avg", 3), WINDOWED, axes=3),
    **_all_ranks("adaptive_max_pool{}d", partial(_adaptive, "max"), WINDOWED),
    **_all_ranks("upsample_nearest{}d", partial(_upsample, "nearest"), IMAGES),
    **_all_ranks("_upsample_nearest_exact{}d", partial(_upsample, "nearest"), IMAGES),
    "upsample_linear1d": Operator(partial(_upsample, "linear", 1), IMAGES, axes=1),
    "upsample_bilinear2d": Operator(partial(_upsample, "linear", 2), IMAGES, axes=2),
    "upsample_trilinear3d": Operator(partial(_upsample, "linear", 3), IMAGES, axes=3),
    "upsample_bicubic2d": Operator(partial(_upsample, "cubic", 2), IMAGES, axes=2),
    "col2im": Operator(_folded, NONE),
    "grid_sampler": Operator(_grid_sample, IMAGES),
    "grid_sampler_2d": Operator(_grid_sample, IMAGES, axes=2),
    "grid_sampler_3d": Operator(_grid_sample, IMAGES, axes=3),
    "affine_grid_generator": Operator(_affine_grid, NONE),
    **same_rows(Operator(_batch_norm, IMAGES), "batch_norm", "native_batch_norm", "_native_batch_norm_legit"),
    "_native_batch_norm_legit_no_training": Operator(_stored_norm, IMAGES),
    "instance_norm": Operator(_instance_norm, IMAGES),
    **same_rows(Operator(_group_norm, IMAGES), "group_norm", "native_group_norm"),
    **same_rows(Operator(partial(_layer_norm, "layer"), KEEPS), "layer_norm", "native_layer_norm"),
    **same_rows(Operator(partial(_layer_norm, "rms"), KEEPS), "rms_norm", "_fused_rms_norm"),
    **{name: Operator(partial(_recurrent, *cell), SEQUENCES, multiplies=True) for name, cell in _CELLS.items()},
    **{f"{name}_cell": Operator(partial(_cell, *cell), NONE, multiplies=True) for name, cell in _CELLS.items()},
    "embedding": Operator(_embedding, NONE, whole=("indices",)),
    "embedding_bag": Operator(_embedding_bag, NONE, whole=("indices", "offsets"), places="offsets"),
    "_embedding_bag": Operator(_embedding_bag, NONE, whole=("indices",), places="offsets"),
    "_embedding_bag_forward_only": Operator(_embedding_bag, NONE, places="offsets"),
    **same_rows(Operator(_prelu, KEEPS), "prelu", "_prelu_kernel"),
}
