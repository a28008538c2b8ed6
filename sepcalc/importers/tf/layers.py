"""Layers with kernels, pools and norms, images with channels last or first."""

from typing import NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import windowed
from sepcalc.importers.common.layout import KEEPS_FIRST, ROWS, WINDOWED_LAST, same_rows
from sepcalc.importers.common.products import Operand, matrix_product
from sepcalc.importers.common.tensorflow import graph
from sepcalc.importers.common.tensorflow.elements import combined
from sepcalc.importers.common.tensorflow.graph import INT32, Call, Refused, Value, seen
from sepcalc.importers.common.tensorflow.layers import require_rank, stored_kernel, transposed
from sepcalc.importers.common.tensorflow.rows import Handler, Operator, Results
from sepcalc.importers.tf.graph import Builder
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Activation
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm
from sepcalc.ops.pool import Pool
from sepcalc.ops.product import Dense
from sepcalc.shape import Padding, Shape, show

FUSED = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Elu": "elu",
    "LeakyRelu": "leaky-relu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
}
FUSED |= {"GeluExact": "gelu", "GeluApproximate": "gelu-tanh", "_FusedSwish": "silu", "_FusedHardSwish": "hard-swish"}


class Image(NamedTuple):
    """An image with channels last; where the file has them, and its spatial axes."""

    value: Value
    first: bool
    axes: slice

    def turned(self, builder: graph.Builder, value: Value) -> Value:
        """A result with channels last, as the file has it."""
        if not self.first:
            return value
        many, *sides, channels = value.sizes
        return builder.give(builder.view(value.number, seen(value.sizes)), (many, channels, *sides))

    def listed(self, call: Call, name: str, default: Shape = ()) -> Shape:
        """A number for each spatial axis, of a list with one for every axis."""
        said = call.ints(name) or default
        rank = len(self.value.sizes)
        if len(said) == 1 < rank and not call.type.startswith("Conv3D"):
            said = said * rank
        if len(said) != rank or min(said) < 1 or said[0] != 1 or said[1 if self.first else -1] != 1:
            raise Invalid(f"{name} is {list(said)}: expected {rank} numbers, 1 for examples and channels")
        return said[self.axes]

    def padding(self, call: Call) -> Padding:
        """Its padding: SAME, none, or as much as is said for each side."""
        how = call.text("padding", "VALID")
        axes = len(self.value.sizes) - 2
        if how == "SAME":
            return "same"
        if how == "VALID":
            return ((0, 0),) * axes
        said = call.ints("explicit_paddings") or ()
        if how != "EXPLICIT" or len(said) != 2 * axes + 4 or min(said) < 0:
            raise Invalid(f"padding is {how}, {list(said)}")
        return tuple(zip(said[::2], said[1::2]))[self.axes]


def image_of(builder: graph.Builder, call: Call, x: Value, rank: int) -> Image:
    """An image of ``rank`` axes, turned where the file has its channels first."""
    sizes = require_rank(call, x, rank)
    form = call.text("data_format", "")
    if form not in ("", "NHWC", "NDHWC", "NCHW", "NCDHW"):
        raise Refused(f"its layout {form} is not known")
    first = form.startswith("NC")
    if first:
        last = (sizes[0], *sizes[2:], sizes[1])
        x = builder.give(builder.view(x.number, seen(last)), last, x.kind)
    return Image(x, first, slice(2, rank) if first else slice(1, rank - 1))


def _windowed(builder: graph.Builder, op: Conv | Pool, x: Value, weights: list[Value | None]) -> Value:
    """A convolution or a pool over an image; over a sequence where one side is a new axis of 1."""
    base = builder.tensors[builder.plain.get(x.number, x.number)] if x.number is not None else ()
    sizes = x.sizes
    for at in (0, 1) if len(sizes) == 4 and sizes[0] == 1 and base == (sizes[1] * sizes[2], sizes[3]) else ():
        flat = op.padding == "same" or op.padding[at] == (0, 0)
        if sizes[1 + at] == op.kernel[at] == 1 and flat:
            one = slice(1 - at, 2 - at)
            pads = op.padding if isinstance(op.padding, str) else op.padding[one]
            thin = op._replace(kernel=op.kernel[one], stride=op.stride[one], padding=pads, dilation=op.dilation[one])
            made = windowed(builder, thin, x._replace(shape=(1, *base)), weights)
            length, channels = made.sizes[1:]
            return builder.give(
                builder.view(made.number, made.sizes[1:]), (1, *((1, length) if at == 0 else (length, 1)), channels)
            )
    return windowed(builder, op, x, weights)


def conv(builder: graph.Builder, call: Call) -> Results:
    """conv; depthwise where its groups are the channels"""
    rank = 5 if call.type == "Conv3D" else 4
    image, kernel = image_of(builder, call, call.input(0), rank), stored_kernel(call, 1)
    *window, ins, outs = require_rank(call, kernel, rank)
    channels, groups = image.value.sizes[-1], 1
    if "Depthwise" in call.type:
        ins, outs, groups = 1, ins * outs, ins
        fits = groups == channels
    else:
        groups = channels // max(1, ins)
        fits = bool(ins) and channels == groups * ins and outs % max(1, groups) == 0
    if not fits:
        raise Invalid(f"a kernel of {show(kernel.sizes)} does not fit {channels} channels")
    stride, dilation = image.listed(call, "strides"), image.listed(call, "dilations", (1,) * rank)
    op = Conv(tuple(window), outs, stride, image.padding(call), dilation, groups, False)
    return (image.turned(builder, _windowed(builder, op, image.value, [kernel])),)


def back(builder: graph.Builder, call: Call) -> Results:
    """transposed"""
    rank = 5 if call.type.startswith("Conv3D") else 4
    image, kernel = image_of(builder, call, call.input(2), rank), stored_kernel(call, 1)
    *window, outs, ins = require_rank(call, kernel, rank)
    to = list(call.input(0).numbers("the size to reach is"))
    if len(to) != rank:
        raise Invalid(f"the size to reach has {len(to)} values: expected {rank}")
    if image.first:
        to = [to[0], *to[2:], to[1]]
    to[0] = image.value.sizes[0] if to[0] == image.value.sizes[0] * builder.batch or builder.altered else to[0]
    if image.value.sizes[-1] != ins or to[-1] != outs:
        raise Invalid(f"a kernel of {show(kernel.sizes)} does not make {show(tuple(to))} of {show(image.value.sizes)}")
    if set(image.listed(call, "dilations", (1,) * rank)) != {1} or call.text("padding", "") == "EXPLICIT":
        raise Refused("a transposed convolution with dilation or explicit padding is not supported")
    same = image.padding(call) == "same"
    made = transposed(
        builder, image.value, tuple(window), tuple(to), image.listed(call, "strides"), same, [kernel, None]
    )
    return (image.turned(builder, made),)


def dense(builder: graph.Builder, call: Call) -> Results:
    """dense; of weights that are data, matmul"""
    x, weights = builder.standing(call.input(0)), call.input(1)
    turned = [call.flag(name, False) for name in ("transpose_a", "transpose_b")]
    outs, ins = require_rank(call, weights, 2) if turned[1] else require_rank(call, weights, 2)[::-1]
    rows, own = require_rank(call, x, 2)[::-1] if turned[0] else x.sizes
    if own != ins:
        raise Invalid(f"weights for {ins} inputs do not fit {show(x.sizes)}")
    number = builder.view(x.number, seen((rows, ins)))
    if weights.constant:
        return (builder.give(builder.add(Dense(outs, False), [number], [weights]), (rows, outs)),)
    left = Operand(builder.view(number, (rows, ins)), {"i": rows, "k": ins})
    held = {"j": outs, "k": ins} if turned[1] else {"k": ins, "j": outs}
    made = matrix_product(
        builder, builder.add, left, Operand(builder.view(weights.number, tuple(held.values())), held), "ij"
    )
    return (builder.give(made.number or 0, (rows, outs)),)


def bias(builder: graph.Builder, call: Call) -> Results:
    """the bias of the layer before it, the shift of a norm; else add"""
    assert isinstance(builder, Builder)
    x, by = call.input(0), call.input(1)
    first = call.text("data_format", "").startswith("NC")
    if call.type == "BiasAdd" and (len(by.sizes) != 1 or x.sizes[1 if first else -1 :][:1] != by.sizes):
        raise Invalid(f"a bias of {show(by.sizes)} does not fit {show(x.sizes)}")
    for one, other in ((x, by), (by, x)):
        if not one.constant and other.constant and builder.shift(one, other):
            return (one,)
    if not first:
        return (combined(builder, call, "add", [x, by]),)
    image = image_of(builder, call, x, len(x.sizes))
    return (image.turned(builder, combined(builder, call, "add", [image.value, by])),)


def norm(builder: graph.Builder, call: Call) -> Results:
    """norm batch"""
    x = call.input(0)
    image = image_of(builder, call, x, 5 if call.text("data_format", "").find("D") > 0 else len(x.sizes))
    if call.flag("is_training", not call.type.startswith("_Fused")):
        raise Refused("in training mode it computes statistics of the batch")
    stored, channels = [call.input(at) for at in range(1, 5)], image.value.sizes[-1]
    if any(one.sizes != (channels,) for one in stored):
        raise Invalid(f"batch norm needs {channels} numbers of each kind, one per channel")
    for one in stored[2:]:
        builder.no_weights.update(root for root, _ in one.roots)
    made = builder.emit(BatchNorm(), image.value, weights=stored[:2])
    value = image.turned(builder, made)
    return (value, *[Value((channels,), INT32, None)] * 5)


def pool(how: str) -> Handler:
    def handle(builder: graph.Builder, call: Call) -> Results:
        rank = 5 if call.type.endswith("3D") else 4
        image = image_of(builder, call, call.input(0), rank)
        if call.type == "MaxPoolV2":
            sides, stride = [call.input(at).numbers("its window is")[image.axes] for at in (1, 2)]
        else:
            sides, stride = image.listed(call, "ksize"), image.listed(call, "strides")
        op = Pool(how, sides, stride, image.padding(call), (1,) * (rank - 2), exclude_pad=how == "avg")
        made = image.turned(builder, windowed(builder, op, image.value))
        return (made, made) if call.type == "MaxPoolWithArgmax" else (made,)

    handle.__doc__ = f"pool {how}"
    return handle


def fused(first: Handler) -> Handler:
    """A layer, then what is fused into it."""

    def handle(builder: graph.Builder, call: Call) -> Results:
        (value,) = first(builder, call._replace(inputs=call.inputs[:2]))
        left = list(call.inputs[2:])
        assert isinstance(builder, Builder)
        for does in call.get("fused_ops") or ():
            builder.readers = 1
            if does in ("BiasAdd", "Add") and left:
                (value,) = bias(builder, call._replace(inputs=(value, left.pop(0))))
            elif does == "FusedBatchNorm" and len(left) >= 4:
                value = norm(builder, call._replace(inputs=(value, *left[:4])))[0]
                del left[:4]
            elif does in FUSED:
                value = value._replace(
                    number=builder.add(Activation(FUSED[does], fused=True), [value.number], label=FUSED[does])
                )
            else:
                raise Refused(f"{does}, which is fused into it, is not known")
        return (value,)

    handle.__doc__ = f"{first.__doc__}, with its bias, norm and activation"
    return handle


def lrn(builder: graph.Builder, call: Call) -> Results:
    """norm lrn"""
    return (builder.emit(LocalResponseNorm(2 * call.size("depth_radius", default=5, least=0) + 1), call.input(0)),)


LAYERS: dict[str, Operator] = {
    **same_rows(Operator(conv, WINDOWED_LAST, multiplies=True), "Conv2D", "Conv3D", "DepthwiseConv2dNative"),
    **same_rows(Operator(back, WINDOWED_LAST, multiplies=True), "Conv2DBackpropInput", "Conv3DBackpropInputV2"),
    **same_rows(
        Operator(fused(conv), WINDOWED_LAST, multiplies=True),
        *("_FusedConv2D", "_FusedDepthwiseConv2dNative", "FusedDepthwiseConv2dNative"),
    ),
    "_FusedMatMul": Operator(fused(dense), ROWS, multiplies=True),
    "MatMul": Operator(dense, ROWS, multiplies=True),
    "BiasAdd": Operator(bias, KEEPS_FIRST),
    **same_rows(Operator(norm, KEEPS_FIRST), "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"),
    **same_rows(Operator(pool("max"), WINDOWED_LAST), "MaxPool", "MaxPoolV2", "MaxPool3D", "MaxPoolWithArgmax"),
    **same_rows(Operator(pool("avg"), WINDOWED_LAST), "AvgPool", "AvgPool3D"),
    "LRN": Operator(lrn, KEEPS_FIRST),
}
