"""Convolutions, and the sliding windows that pools share with them."""

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import same, windowed
from sepcalc.importers.common.layout import WINDOWED
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.moves import concat, moved
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import hold
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation
from sepcalc.shape import Pads, Shape, extent, positions, show

_AUTO = ("notset", "valid", "same_upper", "same_lower")


def pads_of(call: Call, spatial: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """Padding before and after each axis, from ``pads`` or ``auto_pad``."""
    auto = call.word("auto_pad", _AUTO, "notset")
    if auto.startswith("same"):
        pads = same(spatial, kernel, stride, dilation)
        return pads if auto == "same_upper" else tuple([(after, before) for before, after in pads])
    both = 2 * len(spatial)
    given = call.sizes("pads", rank=both, default=0, least=0) if auto == "notset" else (0,) * both
    return tuple(zip(given[: len(spatial)], given[len(spatial) :], strict=True))


def steps_of(call: Call, axes: int) -> tuple[Shape, Shape]:
    """Stride and dilation along this many axes."""
    return call.sizes("strides", rank=axes, default=1), call.sizes("dilations", rank=axes, default=1)


def image_of(builder: Builder, value: Value) -> tuple[Value, Shape]:
    """An input with channels last for the network, and its spatial sizes."""
    if len(value.sizes) < 3:
        raise Invalid(f"it needs a batch, channels and spatial axes, not {show(value.sizes)}")
    return builder.image(value), value.sizes[2:]


def _slid(builder: Builder, call: Call, x: Value, weight: Value) -> tuple[Value, Shape, Shape, Shape]:
    """The image that a kernel slides over, the kernel's sizes, stride and dilation."""
    value, spatial = image_of(builder, x)
    kernel, given = weight.sizes[2:], call.ints("kernel_shape")
    if len(weight.sizes) != len(value.sizes) or (given and given != kernel):
        raise Invalid(f"a kernel of {show(weight.sizes) or 'one number'} does not fit an input of {show(value.sizes)}")
    return value, kernel, *steps_of(call, len(spatial))


def _conv(builder: Builder, call: Call) -> Results:
    return (convolved(builder, call, call.input(0), call.input(1), call.maybe(2)),)


def convolved(builder: Builder, call: Call, x: Value, weight: Value, bias: Value | None) -> Value:
    """A convolution of ``x`` (batch, channels, spatial axes) with ``weight`` and perhaps a bias. Raises Invalid if they
    do not match."""
    value, kernel, stride, dilation = _slid(builder, call, x, weight)
    out, per_group = weight.sizes[:2]
    groups = call.size("group", default=1)
    if per_group * groups != value.sizes[1]:
        raise Invalid(f"{groups} groups of {per_group} channels are not the {value.sizes[1]} channels of the input")
    hold(call, "a bias", bias, (out,))
    pads = pads_of(call, value.sizes[2:], kernel, stride, dilation)
    op = Conv(kernel, out, stride, pads, dilation, groups, bias is not None)
    return windowed(Named(builder, call.name), op, value, [weight, bias])


def _transposed(builder: Builder, call: Call) -> Results:
    weight, bias = call.input(1), call.maybe(2)
    value, kernel, stride, dilation = _slid(builder, call, call.input(0), weight)
    if weight.sizes[0] != value.sizes[1]:
        raise Invalid(f"a kernel of {show(weight.sizes)} does not fit an input of {show(value.sizes)}")
    groups, spatial = call.size("group", default=1), value.sizes[2:]
    out = weight.sizes[1] * groups
    hold(call, "a bias", bias, (out,))
    extra = call.sizes("output_padding", rank=len(spatial), default=0, least=0)
    auto, wanted = call.word("auto_pad", _AUTO, "notset"), call.ints("output_shape")
    if wanted or auto.startswith("same"):
        sizes = wanted[-len(spatial) :] if wanted else tuple([i * s for i, s in zip(spatial, stride)])
        pads, more = [], []
        for i, k, s, d, o, e in zip(spatial, kernel, stride, dilation, sizes, extra, strict=True):
            whole = s * (i - 1) + e + extent(k, d) - o
            less = max(0, whole) // 2
            after = max(0, whole) - less
            pads.append((less, after) if auto == "same_upper" else (after, less))
            more.append(e + max(0, -whole))
        extra, cut = tuple(more), tuple(pads)
    else:
        cut = pads_of(call, spatial, kernel, stride, dilation)
    op = Transposed(kernel, out, stride, cut, dilation, extra, groups, bias is not None)
    return (windowed(Named(builder, call.name), op, value, [weight, bias]),)


def _causal(builder: Builder, call: Call) -> Results:
    """A depthwise convolution of each position and those before it; the positions before the first are a state, or
    zeros. SiLU follows if the attributes say so."""
    x, kernel = call.input(0), call.input(1)
    if len(x.sizes) != 3 or len(kernel.sizes) != 3:
        raise Invalid(f"a kernel of {show(kernel.sizes)} does not fit an input of {show(x.sizes)}")
    before, state, whole = kernel.sizes[-1] - 1, call.maybe(3), x
    if state is not None and before:
        (whole,) = concat(builder, call.part("join", state, x, attributes={"axis": 2}))
    pads = (0 if state is not None else before, 0)
    inner = call._replace(attributes={"group": x.sizes[1], "pads": pads})
    result = convolved(builder, inner, whole, kernel, call.maybe(2))
    if call.text("activation", "none") in ("silu", "swish"):
        result = Named(builder, call.name).emit(Activation("silu"), result, label="silu")
    if not any(call.outputs[1:2]):
        return (result,)
    return (result, moved(builder, call.part("state"), whole, (*x.sizes[:2], before), x.batch))


def _slid_over(call: Call) -> Shape | None:
    """The image that the convolution gives."""
    image, kernel = call.input(0).shape, call.input(1).shape
    if image is None or kernel is None:
        return None
    axes = len(image) - 2
    stride, dilation = (call.sizes(name, rank=axes, default=1) for name in ("strides", "dilations"))
    pads = pads_of(call, image[2:], kernel[2:], stride, dilation)
    sizes = zip(image[2:], kernel[2:], stride, dilation, pads, strict=True)
    return (image[0], kernel[0], *[positions(i, extent(k, d), s, sum(pad)) for i, k, s, d, pad in sizes])


# Why an operator that samples an image at computed positions is not counted.
PLACES = "it samples at positions from the data, and each library computes the weights of the taps by its own formula"
CONVOLUTIONS: dict[str, Operator] = {
    "CausalConvWithState": Operator(_causal, WINDOWED, states=(3,)),
    "DeformConv": Operator(None, WINDOWED, PLACES, apart=True, shape=_slid_over),
    "Conv": Operator(_conv, WINDOWED, multiplies=True),
    "ConvTranspose": Operator(_transposed, WINDOWED, multiplies=True),
}
