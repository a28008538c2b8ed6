"""Layers with kernels: convolutions, dense layers; and pools."""

from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import windowed
from sepcalc.importers.common.layout import ROWS, WINDOWED_LAST
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Value, seen
from sepcalc.importers.common.tensorflow.layers import fused, hold, require_rank, stored_kernel, transposed
from sepcalc.importers.common.tensorflow.rows import Handler, Operator, Results
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.pool import Pool
from sepcalc.ops.product import Dense, Matmul
from sepcalc.shape import Padding, Shape, show


def steps(call: Call, what: str, axes: int) -> Shape:
    """Strides, dilations or the sides of a window, one for each axis."""
    return tuple([call.size(f"{what}_{axis}") for axis in "dhw"[3 - axes :]])


def padding_of(call: Call, axes: int) -> Padding:
    """The padding of a window over this many axes: SAME, or none."""
    said = call.whole("padding", 0)
    if said not in (0, 1):
        raise Invalid(f"padding is {said}: expected SAME (0) or VALID (1)")
    return ((0, 0),) * axes if said else "same"


def _conv(builder: Builder, call: Call) -> Results:
    """conv; depthwise if its groups are the channels"""
    volume = call.type == "CONV_3D"  # its kernel has the inputs and the outputs last
    rank = 5 if volume else 4
    x, kernel, bias = call.input(0), stored_kernel(call, 1), call.maybe(2)
    channels, sizes = require_rank(call, x, rank)[-1], require_rank(call, kernel, rank)
    if call.type == "DEPTHWISE_CONV_2D":
        outs, each, groups = sizes[-1], 1, channels
        said = call.whole("depth_multiplier", 0)
        if sizes[0] != 1 or outs % channels or (said and said * channels != outs):
            raise Invalid(f"a kernel of {show(sizes)} with the multiplier {said} does not fit {channels} channels")
    else:
        outs, each = (sizes[4], sizes[3]) if volume else (sizes[0], sizes[3])
        groups = channels // max(1, each)
        if not each or channels % each or outs % groups:
            raise Invalid(f"a kernel of {show(sizes)} does not fit {channels} channels")
    hold(call, "its bias", bias, (outs,))
    window, axes = sizes[:3] if volume else sizes[1:3], rank - 2
    op = Conv(
        *(window, outs, steps(call, "stride", axes), padding_of(call, axes), steps(call, "dilation", axes)),
        *(groups, builder.biased(bias)),
    )
    return fused(builder, call, windowed(builder, op, x, [kernel, bias]))


def transposed_of(
    builder: Builder, call: Call, x: Value, kernel: Value, bias: Value | None, to: Shape, same: bool
) -> Value:
    """A transposed convolution with a kernel of outputs x sides x inputs (of volumes sides x outputs x inputs)."""
    rank = len(x.sizes)
    sizes = require_rank(call, kernel, rank)
    outs, window = (sizes[0], sizes[1:3]) if rank == 4 else (sizes[3], sizes[:3])
    if sizes[-1] != x.sizes[-1] or len(to) != rank or to[-1] != outs or to[0] != x.sizes[0]:
        raise Invalid(f"a kernel of {show(sizes)} does not make {show(to)} of {show(x.sizes)}")
    hold(call, "its bias", bias, (outs,))
    return transposed(builder, x, window, to, steps(call, "stride", rank - 2), same, [kernel, bias])


def _transposed(builder: Builder, call: Call) -> Results:
    """transposed"""
    x = call.input(2)
    require_rank(call, x, 4 if call.type == "TRANSPOSE_CONV" else 5)
    to = list(call.input(0).numbers("the size to reach is"))
    if builder.batch > 1 and to and to[0] == x.sizes[0] * builder.batch:
        to[0] = x.sizes[0]
    if builder.altered and len(to) == len(x.sizes):
        to[0] = x.sizes[0]
    kernel = stored_kernel(call, 1)
    same = padding_of(call, 2) == "same"
    return fused(builder, call, transposed_of(builder, call, x, kernel, call.maybe(3), tuple(to), same))


def _dense(builder: Builder, call: Call) -> Results:
    """dense; matmul if the weights are computed"""
    x, weights, bias = builder.standing(call.input(0)), call.input(1), call.maybe(2)
    outs, ins = require_rank(call, weights, 2)
    elements = prod(x.sizes)
    keep = call.flag("keep_num_dims", False)
    if elements % ins or (keep and x.sizes[-1:] != (ins,)):
        raise Invalid(f"weights for {ins} inputs do not fit {show(x.sizes)}")
    hold(call, "its bias", bias, (outs,), (1, outs), (1, 1, outs), (1, 1, 1, outs))
    shape = (*x.sizes[:-1], outs) if keep else (elements // ins, outs)
    rows = builder.view(x.number, seen((*shape[:-1], ins)))
    if weights.constant:
        made = builder.add(Dense(outs, builder.biased(bias)), [rows], [weights, bias])
        return fused(builder, call, builder.give(made, shape))
    rows = builder.view(x.number, (elements // ins, ins))
    made = builder.add(Matmul(True), [rows, builder.view(weights.number, (outs, ins))])
    if bias is not None and bias.constant:
        made = builder.add(Stored("shift", "channel"), [made], [bias], "bias")
    elif bias is not None:
        made = builder.add(Elementwise("add"), [made, builder.view(bias.number, (outs,))], label="bias")
    return fused(builder, call, builder.give(made, shape))


def pool_of(builder: Builder, call: Call, how: str, x: Value) -> Value:
    """Pools images."""
    require_rank(call, x, 4)
    sides = steps(call, "filter", 2)
    op = Pool(how, sides, steps(call, "stride", 2), padding_of(call, 2), (1, 1), exclude_pad=how == "avg")
    return windowed(builder, op, x)


def _pool(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        x = call.input(0)
        if how != "l2":
            return fused(builder, call, pool_of(builder, call, how, x))
        squares = builder.emit(Activation("square"), x, label="square")
        return fused(
            builder, call, builder.emit(Activation("sqrt"), pool_of(builder, call, "avg", squares), label="root")
        )

    handle.__doc__ = f"pool {how}" if how != "l2" else "act square, pool avg, act sqrt"
    return handle


LAYERS: dict[str, Operator] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D"), Operator(_conv, WINDOWED_LAST, multiplies=True)),
    **dict.fromkeys(("TRANSPOSE_CONV", "CONV_3D_TRANSPOSE"), Operator(_transposed, WINDOWED_LAST, multiplies=True)),
    "FULLY_CONNECTED": Operator(_dense, ROWS, multiplies=True),
    "AVERAGE_POOL_2D": Operator(_pool("avg"), WINDOWED_LAST),
    "MAX_POOL_2D": Operator(_pool("max"), WINDOWED_LAST),
    "L2_POOL_2D": Operator(_pool("l2"), WINDOWED_LAST),
}
