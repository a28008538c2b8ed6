"""Operators with weights or windows: convolutions, pools, norms, recurrent layers, resampling, lookups."""

from collections.abc import Callable
from math import prod
from typing import Any

from sepcalc.importers.common.convolutions import convolution, same, windowed
from sepcalc.importers.common.layout import IMAGES, KEEPS, NONE, SEQUENCES, WINDOWED, Layout
from sepcalc.importers.torch.calls import Call, Tensor
from sepcalc.importers.torch.graph import LEADING, PLAIN, SECOND, Builder, Refused, Value, seen
from sepcalc.importers.torch.rows import Handler, Operator, Results
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Fold, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Concat, Copy, Embedding, Slice
from sepcalc.ops.norm import BatchNorm, RowNorm
from sepcalc.ops.pool import AdaptivePool, GridSample, Pool, Reduce, Upsample
from sepcalc.ops.product import Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Pads, Shape

# --- windows ----------------------------------------------------------------------------------------------------------


def per_axis(given: Any, axes: int, default: int = 1) -> Shape:
    """A setting for each axis: PyTorch takes one number for all of them, and an empty list for the default."""
    sizes = tuple(given) if isinstance(given, (list, tuple)) else () if given is None else (given,)
    sizes = sizes or (default,)
    return tuple(map(int, sizes * axes if len(sizes) == 1 else sizes))


def image(builder: Builder, value: Value, rank: int) -> Value:
    """An input with its channels last for the network."""
    return builder.laid(value, LEADING if len(value.shape) == rank + 1 else SECOND)


def _convolution(builder: Builder, call: Call, rank: int, transposed: bool, padding: Any) -> Results:
    x, weight, bias = builder.value(call.given), builder.value(call.tensor("weight")), call.maybe("bias")
    value = image(builder, builder.stored(x), rank)
    kernel, groups = weight.shape[2:], int(call.get("groups", 1))
    stride, dilation = per_axis(call.get("stride"), rank), per_axis(call.get("dilation"), rank)
    pads = _pads(padding, kernel, dilation)
    weights = [weight, None if bias is None else builder.value(bias)]
    if transposed:
        extra = per_axis(call.get("output_padding"), rank, 0)
        out = weight.shape[1] * groups
        op = Transposed(kernel, out, stride, pads, dilation, extra, groups, bias is not None)
        return (windowed(builder, op, value, weights),)
    made = convolution(
        builder,
        value,
        kernel,
        weight.shape[0],
        stride=stride,
        pads=pads,
        dilation=dilation,
        groups=groups,
        bias=bias is not None,
        weights=weights,
    )
    return (made,)


def _pads(padding: Any, kernel: Shape, dilation: Shape) -> Pads:
    """Before and after each axis; ``same`` is for a stride of 1 alone, as PyTorch has it."""
    ones = (1,) * len(kernel)
    if padding in ("same", "valid"):
        return same(ones, kernel, ones, dilation) if padding == "same" else ((0, 0),) * len(kernel)
    return tuple([(size, size) for size in per_axis(padding, len(kernel), 0)])


def _conv(rank: int, transposed: bool = False) -> Handler:
    return lambda builder, call: _convolution(builder, call, rank, transposed, call.get("padding", 0))


def _any_conv(builder: Builder, call: Call) -> Results:
    rank = len(call.tensor("weight").shape) - 2
    return _convolution(builder, call, rank, bool(call.get("transposed", False)), call.get("padding", 0))


def _pool(how: str, rank: int) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        kernel = per_axis(call.get("kernel_size"), rank)
        stride = per_axis(call.get("stride"), rank) if call.get("stride") else kernel
        pads, dilation = _pads(call.get("padding", 0), kernel, kernel), per_axis(call.get("dilation"), rank)
        exclude = how == "avg" and not call.get("count_include_pad", True)
        op = Pool(how, kernel, stride, pads, dilation, bool(call.get("ceil_mode", False)), exclude)
        return (windowed(builder, op, image(builder, builder.value(call.given), rank)),) * len(call.outputs)

    return handle


def _folded(builder: Builder, call: Call) -> Results:
    """Windows put back, ``pictures x C·K x positions``; several pictures side by side in the channels."""
    value = builder.value(call.given)
    shape = call.outputs[0].shape
    kernel, stride, dilation = (per_axis(call.get(name), 2) for name in ("kernel_size", "stride", "dilation"))
    pads, to = _pads(call.get("padding", 0), kernel, dilation), shape[-2:]
    axes = zip(to, pads, kernel, stride, dilation)
    windows = tuple([(size + sum(around) - d * (k - 1) - 1) // s + 1 for size, around, k, s, d in axes])
    number = builder.view(builder.laid(value, PLAIN).node, (*windows, prod(value.shape[:-1])))
    number = builder.add(Fold(kernel, to, stride, pads, dilation), [number])
    return (builder.give(number, shape, SECOND if len(shape) > 3 else LEADING),)


def _adaptive(how: str, rank: int) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = image(builder, builder.value(call.given), rank)
        to, lead = call.outputs[0].shape[-rank:], builder.seen(value)[: -rank - 1]
        op: Op = AdaptivePool(how, (*lead, *to))
        if set(to) == {1}:
            op = Reduce("mean" if how == "avg" else how, tuple(range(len(lead), len(lead) + rank)), True, "pool")
        return (builder.emit(op, value),) * len(call.outputs)

    return handle


def _upsample(how: str, rank: int) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        given = builder.value(call.given)
        shape = call.outputs[0].shape
        if shape == given.shape:
            return (given,)
        value = image(builder, given, rank)
        number = value.node
        if len(builder.seen(value)) > rank + 1:  # pictures side by side in the channels
            number = builder.view(number, (*value.shape[2:], value.shape[0] * value.shape[1]))
        return (builder.give(builder.add(Upsample(how, shape[2:]), [number]), shape, SECOND),)

    return handle


def _grid_sample(builder: Builder, call: Call) -> Results:
    """Read where the grid says; several pictures one below the other, as are their grids."""
    x, grid = (builder.stored(builder.value(call.tensor(name))) for name in ("input", "grid"))
    n, channels, *sizes = x.shape
    how = ("bilinear" if len(sizes) == 2 else "trilinear", "nearest", "bicubic")[int(call.get("interpolation_mode", 0))]
    image = builder.view(builder.laid(x, SECOND).node, (n * sizes[0], *sizes[1:], channels))
    places = builder.view(builder.laid(grid, PLAIN).node, (n * grid.shape[1], *grid.shape[2:]))
    op = GridSample(how, bool(call.get("align_corners", False)), not call.tensor("grid").live)
    return (builder.give(builder.add(op, [image, places]), call.outputs[0].shape, SECOND),)


def _affine_grid(builder: Builder, call: Call) -> Results:
    """The positions of a picture, stored, times a matrix for each picture."""
    theta, shape = builder.value(call.tensor("theta")), call.outputs[0].shape
    n, axes = shape[0], shape[-1]
    positions = builder.stored(Value((n, prod(shape[1:-1]), axes + 1)))
    lead = (n,) if n > 1 else ()
    matrix = builder.view(builder.laid(theta, PLAIN).node, (*lead, axes, axes + 1))
    return (builder.give(builder.add(Matmul(True), [positions.node, matrix]), shape),)


# --- norms ------------------------------------------------------------------------------------------------------------


def _batch_norm(builder: Builder, call: Call) -> Results:
    if call.get("training", False) or call.maybe("running_mean") is None:
        raise Refused("batch norm over the statistics of the batch itself: its cost depends on the batch")
    return _stored_norm(builder, call)


def _stored_norm(builder: Builder, call: Call) -> Results:
    value = builder.laid(builder.value(call.given), SECOND)
    weights = [call.maybe("weight"), call.maybe("bias")]
    op = BatchNorm(weights[0] is not None, weights[1] is not None)
    kept = [builder.value(one) for one in weights if one is not None]
    statistics = [builder.value(one) for name in ("running_mean", "running_var") if (one := call.maybe(name))]
    if all(one.roots and not any(map(builder.trained.__getitem__, one.roots)) for one in statistics):
        kept += statistics  # the buffers that its op says
    number = builder.add(op, [value.node], kept)
    return (value._replace(number=number),)


def _instance_norm(builder: Builder, call: Call) -> Results:
    if call.op == "instance_norm" and not call.get("use_input_stats", True):
        return _stored_norm(builder, call)
    return _grouped(builder, call, "instance", 1)


def _group_norm(builder: Builder, call: Call) -> Results:
    return _grouped(builder, call, "group", int(call.get("num_groups", call.get("group", 1))))


def _grouped(builder: Builder, call: Call, how: str, groups: int) -> Results:
    value = builder.laid(builder.value(call.given), SECOND)
    weights = [call.maybe("weight"), call.maybe("bias")]
    n, channels, *spatial = value.shape
    number = value.node
    if n > 1:  # pictures side by side in the channels
        number, groups = builder.view(number, (prod(spatial), n * channels)), groups * n if how == "group" else 1
    op = RowNorm(how, groups, 1, weights[0] is not None, weights[1] is not None)
    number = builder.add(op, [number], [builder.value(one) for one in weights if one is not None])
    return (builder.give(number, value.shape, SECOND),)


def _layer_norm(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = builder.laid(builder.value(call.given), PLAIN)
        gain, bias = call.maybe("weight"), call.maybe("bias")
        axes = len(call.get("normalized_shape", ()))
        number = value.node
        if axes > len(seen(value.shape)):  # the leading axis of size 1 is one of them
            axes = len(seen(value.shape))
        op = RowNorm(how, 1, axes, gain is not None, bias is not None)
        number = builder.add(op, [number], [builder.value(one) for one in (gain, bias) if one is not None])
        return (value._replace(number=number),)

    return handle


# --- recurrent --------------------------------------------------------------------------------------------------------


def _recurrent(cell: str, gates: int, relu: bool = False) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        packed = "batch_sizes" in call.arguments  # its steps one after the other, without padding
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
            builder.note(f"{n} sequences run beside each other: all of them are counted, as if one after the other")
        results = [builder.give(number, call.outputs[0].shape)]
        for part, output in zip(("state", "cell"), call.outputs[1:]):
            shape = output.shape
            if output.at not in builder.read:
                results.append(Value(shape))
                continue
            size = seen(shape)
            taken = builder.add(Copy(size), made, label=part)
            results.append(builder.give(taken, shape))
        return results

    return handle


def _initial(builder: Builder, call: Call) -> list[Value]:
    """The states that it begins with, where they are stored: learned ones are params."""
    given = call.arguments["hx"]
    return [builder.value(one) for one in ([given] if isinstance(given, Tensor) else given) if not one.live]


def _cell(cell: str, gates: int, relu: bool = False) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        given = call.given
        names = ("w_ih", "w_hh", "b_ih", "b_hh")
        weights = [builder.value(one) for name in names if (one := call.maybe(name)) is not None]
        hidden = weights[0].shape[0] // gates
        n, size = prod(given.shape[:-1]), given.shape[-1]
        op = Recurrent(cell, hidden, 2 if len(weights) > 2 else 0, relu=relu)
        x = builder.stored(builder.value(given))
        weights += _initial(builder, call)
        number = builder.add(op, [builder.view(builder.laid(x, PLAIN).node, (n, size))], weights, label=cell)
        results = [builder.give(number, call.outputs[0].shape)]
        for output in call.outputs[1:]:
            taken = number
            if output.at in builder.read:
                taken = builder.add(Copy(seen(output.shape)), [number], label="cell")
            results.append(builder.give(taken, output.shape))
        return results

    return handle


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
        raise Refused("bags of a table that is computed have no count here")
    vocab, size = weight.shape
    how = ("sum", "mean", "max")[int(call.get("mode", 0))]
    if call.tensor("offsets").live:
        builder.note("each bag is counted as if it had a row: for one without, one addition of each element more")
    if count < bags or (count % bags and (how == "max" or factors is not None)):
        raise Refused("bags of unequal length that are not summed alone have no count here")
    if count % bags:
        return (_unequal_bags(builder, builder.view(at.node, (count,)), bags, Embedding(vocab, size, how), weight),)
    each = count // bags
    rows = (each,) if bags == 1 else (bags, each)
    number = builder.view(at.node, rows)
    single = how == "max" or factors is not None
    number = builder.add(Embedding(vocab, size, "" if single else how), [number], [weight])
    if factors is not None:  # the rows are multiplied, then summed
        value = builder.value(factors)
        op: Op = Stored("scale", "constant", (*rows, 1)) if value.constant else Elementwise("multiply")
        others = [] if value.constant else [builder.view(value.node, (*rows, 1))]
        number = builder.add(op, [number, *others], [value], label="multiply")
    if single:
        number = builder.add(Reduce(how, (len(rows) - 1,)), [number], label=how)
    return (builder.give(number, shape),)


def _unequal_bags(builder: Builder, rows: int, bags: int, op: Embedding, weight: Value) -> Value:
    """Bags of any lengths cost the same together: here all but the last have one row, and the last has the rest."""
    (count,) = builder.tensors[rows]
    ones = builder.view(builder.add(Slice((bags - 1,)), [rows], label="slice"), (bags - 1, 1))
    rest = builder.add(Slice((count - bags + 1,), (bags - 1,)), [rows], label="slice")
    parts = [builder.add(op, [ones], [weight]), builder.view(builder.add(op, [rest], [weight]), (1, op.out))]
    return builder.give(builder.add(Concat(0), parts, label="concat"), (bags, op.out))


def _prelu(builder: Builder, call: Call) -> Results:
    value, slope = builder.value(call.given), builder.value(call.tensor("weight"))
    if not slope.constant or value.constant:
        raise Refused("a slope that is computed has no count here")
    if len(value.shape) > 2 and prod(slope.shape) > 1:
        value = builder.laid(value, SECOND)
    number = builder.add(Activation("prelu", 1.0, prod(slope.shape) == 1), [value.node], [slope])
    return (value._replace(number=number),)


def _all_ranks(
    name: str, make: Callable[[int], Handler], layout: Layout, multiplies: bool = False
) -> dict[str, Operator]:
    """A row for images of one, two and three spatial axes each."""
    return {name.format(axes): Operator(make(axes), layout, axes=axes, multiplies=multiplies) for axes in (1, 2, 3)}


LAYERS: dict[str, Operator] = {
    **_all_ranks("conv{}d", _conv, WINDOWED, multiplies=True),
    **_all_ranks("conv_transpose{}d", lambda rank: _conv(rank, True), WINDOWED, multiplies=True),
    "convolution": Operator(_any_conv, WINDOWED, multiplies=True),
    "_convolution": Operator(_any_conv, WINDOWED, multiplies=True),
    **_all_ranks("max_pool{}d", lambda rank: _pool("max", rank), WINDOWED),
    **_all_ranks("max_pool{}d_with_indices", lambda rank: _pool("max", rank), WINDOWED),
    **_all_ranks("avg_pool{}d", lambda rank: _pool("avg", rank), WINDOWED),
    **_all_ranks("adaptive_avg_pool{}d", lambda rank: _adaptive("avg", rank), WINDOWED),
    "_adaptive_avg_pool2d": Operator(_adaptive("avg", 2), WINDOWED, axes=2),
    "_adaptive_avg_pool3d": Operator(_adaptive("avg", 3), WINDOWED, axes=3),
    **_all_ranks("adaptive_max_pool{}d", lambda rank: _adaptive("max", rank), WINDOWED),
    **_all_ranks("upsample_nearest{}d", lambda rank: _upsample("nearest", rank), IMAGES),
    **_all_ranks("_upsample_nearest_exact{}d", lambda rank: _upsample("nearest", rank), IMAGES),
    "col2im": Operator(_folded, NONE),
    "grid_sampler": Operator(_grid_sample, IMAGES),
    "grid_sampler_2d": Operator(_grid_sample, IMAGES, axes=2),
    "grid_sampler_3d": Operator(_grid_sample, IMAGES, axes=3),
    "affine_grid_generator": Operator(_affine_grid, NONE),
    "upsample_linear1d": Operator(_upsample("linear", 1), IMAGES, axes=1),
    "upsample_bilinear2d": Operator(_upsample("bilinear", 2), IMAGES, axes=2),
    "upsample_trilinear3d": Operator(_upsample("trilinear", 3), IMAGES, axes=3),
    "upsample_bicubic2d": Operator(_upsample("bicubic", 2), IMAGES, axes=2),
    "batch_norm": Operator(_batch_norm, IMAGES),
    "native_batch_norm": Operator(_batch_norm, IMAGES),
    "_native_batch_norm_legit": Operator(_batch_norm, IMAGES),
    "_native_batch_norm_legit_no_training": Operator(_stored_norm, IMAGES),
    "instance_norm": Operator(_instance_norm, IMAGES),
    "group_norm": Operator(_group_norm, IMAGES),
    "native_group_norm": Operator(_group_norm, IMAGES),
    "layer_norm": Operator(_layer_norm("layer"), KEEPS),
    "native_layer_norm": Operator(_layer_norm("layer"), KEEPS),
    "rms_norm": Operator(_layer_norm("rms"), KEEPS),
    "_fused_rms_norm": Operator(_layer_norm("rms"), KEEPS),
    "lstm": Operator(_recurrent("lstm", 4), SEQUENCES, multiplies=True),
    "gru": Operator(_recurrent("gru", 3), SEQUENCES, multiplies=True),
    "rnn_tanh": Operator(_recurrent("rnn", 1), SEQUENCES, multiplies=True),
    "rnn_relu": Operator(_recurrent("rnn", 1, True), SEQUENCES, multiplies=True),
    "lstm_cell": Operator(_cell("lstm", 4), NONE, multiplies=True),
    "gru_cell": Operator(_cell("gru", 3), NONE, multiplies=True),
    "rnn_tanh_cell": Operator(_cell("rnn", 1), NONE, multiplies=True),
    "rnn_relu_cell": Operator(_cell("rnn", 1, True), NONE, multiplies=True),
    "embedding": Operator(_embedding, NONE, whole=("indices",)),
    "embedding_bag": Operator(_embedding_bag, NONE, whole=("indices", "offsets")),
    "_embedding_bag": Operator(_embedding_bag, NONE, whole=("indices",)),
    "_embedding_bag_forward_only": Operator(_embedding_bag, NONE),
    "prelu": Operator(_prelu, KEEPS),
    "_prelu_kernel": Operator(_prelu, KEEPS),
}
