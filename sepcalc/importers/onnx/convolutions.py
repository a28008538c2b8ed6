"""Convolutions, and the windows that pools share with them."""

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.onnx.graph import Builder, Handler
from sepcalc.importers.onnx.moves import concat, moved
from sepcalc.importers.onnx.shapes import hold
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation
from sepcalc.shape import Pads, Shape, extent, show


def sizes_of(call: Call, name: str, axes: int, default: int = 1, least: int = 1) -> Shape:
    sizes = call.ints(name)
    if not sizes:
        return (default,) * axes
    if len(sizes) != axes or min(sizes) < least:
        raise Invalid(f"the attribute {name} of {call.type} is {sizes}: expected {axes} sizes from {least}")
    return sizes


def pads_of(call: Call, spatial: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """Padding before and after, per axis, from ``pads`` or ``auto_pad``."""
    auto = call.text("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = []
        for i, k, s, d in zip(spatial, kernel, stride, dilation):
            whole = max(0, (-(-i // s) - 1) * s + extent(k, d) - i)
            less, more = whole // 2, whole - whole // 2
            pads.append((less, more) if auto == "SAME_UPPER" else (more, less))
        return tuple(pads)
    if auto not in ("NOTSET", "VALID"):
        raise Invalid(f"the attribute auto_pad is {quoted(auto)}")
    given = sizes_of(call, "pads", 2 * len(spatial), 0, 0) if auto == "NOTSET" else (0,) * 2 * len(spatial)
    return tuple(zip(given[: len(spatial)], given[len(spatial) :], strict=True))


def image_of(builder: Builder, value: Value) -> tuple[Value, Shape, int]:
    """An input with its channels last for the network, its spatial sizes, and how many axes stand before those (a
    batch that holds more than examples)."""
    if len(value.sizes) < 3:
        raise Invalid(f"it needs a batch, channels and spatial axes, not {show(value.sizes)}")
    value = builder.image(value)
    spatial = value.sizes[2:]
    return value, spatial, len(builder.shape(value)) - len(spatial) - 1


def _conv(builder: Builder, call: Call) -> Results:
    return (convolved(builder, call, call.input(0), call.input(1), call.maybe(2)),)


def convolved(builder: Builder, call: Call, x: Value, weight: Value, bias: Value | None) -> Value:
    value, spatial, lead = image_of(builder, x)
    axes = len(spatial)
    if len(weight.sizes) != axes + 2:
        raise Invalid(f"a kernel of {show(weight.sizes) or 'one number'} does not fit an input of {show(value.sizes)}")
    out, per_group, *kernel = weight.sizes
    given = call.ints("kernel_shape")
    if given and given != tuple(kernel):
        raise Invalid(f"a kernel of {show(weight.sizes)} does not fit an input of {show(value.sizes)}")
    groups = call.whole("group", 1)
    if groups < 1 or per_group * groups != value.sizes[1]:
        raise Invalid(f"{groups} groups of {per_group} channels are not the {value.sizes[1]} channels of the input")
    hold(call, "a bias", bias, (out,))
    stride, dilation = sizes_of(call, "strides", axes), sizes_of(call, "dilations", axes)
    pads = pads_of(call, spatial, tuple(kernel), stride, dilation)
    ones = (1,) * lead
    op = Conv(
        (*ones, *kernel),
        out,
        (*ones, *stride),
        (*(((0, 0),) * lead), *pads),
        (*ones, *dilation),
        groups,
        bias is not None,
    )
    number = builder.add(call.name, op, [value.number], [weight, bias])
    sizes = builder.tensors[number][lead:-1]
    return builder.give(value, (value.sizes[0], out, *sizes), number=number, batch=value.batch, channels_first=True)


def _transposed(builder: Builder, call: Call) -> Results:
    value, spatial, lead = image_of(builder, call.input(0))
    weight, bias = call.input(1), call.maybe(2)
    axes = len(spatial)
    if len(weight.sizes) != axes + 2:
        raise Invalid(f"a kernel of {show(weight.sizes) or 'one number'} does not fit an input of {show(value.sizes)}")
    ins, per_group, *kernel = weight.sizes
    given = call.ints("kernel_shape")
    if ins != value.sizes[1] or (given and given != tuple(kernel)):
        raise Invalid(f"a kernel of {show(weight.sizes)} does not fit an input of {show(value.sizes)}")
    groups = call.whole("group", 1)
    hold(call, "a bias", bias, (per_group * groups,))
    stride, dilation = sizes_of(call, "strides", axes), sizes_of(call, "dilations", axes)
    extra = sizes_of(call, "output_padding", axes, 0, 0)
    auto, wanted = call.text("auto_pad", "NOTSET"), call.ints("output_shape")
    if wanted or auto in ("SAME_UPPER", "SAME_LOWER"):
        sizes = wanted[-axes:] if wanted else tuple([i * s for i, s in zip(spatial, stride)])
        pads, more = [], []
        for i, k, s, d, o, e in zip(spatial, kernel, stride, dilation, sizes, extra, strict=True):
            whole = s * (i - 1) + e + extent(k, d) - o
            less = max(0, whole) // 2
            after = max(0, whole) - less
            pads.append((less, after) if auto == "SAME_UPPER" else (after, less))
            more.append(e + max(0, -whole))
        extra = tuple(more)
        cut = tuple(pads)
    else:
        cut = pads_of(call, spatial, tuple(kernel), stride, dilation)
    ones = (1,) * lead
    op = Transposed(
        (*ones, *kernel),
        per_group * groups,
        (*ones, *stride),
        (*(((0, 0),) * lead), *cut),
        (*ones, *dilation),
        (*((0,) * lead), *extra),
        groups,
        bias is not None,
    )
    number = builder.add(call.name, op, [value.number], [weight, bias])
    shape = (value.sizes[0], op.out, *builder.tensors[number][lead:-1])
    return (builder.give(value, shape, number=number, batch=value.batch, channels_first=True),)


def _causal(builder: Builder, call: Call) -> Results:
    """A depthwise convolution of each position and those before it, the first of them a state from before (or zeros),
    and SiLU behind it if the attributes say so."""
    x, kernel = call.input(0), call.input(1)
    if len(x.sizes) != 3 or len(kernel.sizes) != 3:
        raise Invalid(f"a kernel of {show(kernel.sizes)} does not fit an input of {show(x.sizes)}")
    before = kernel.sizes[-1] - 1
    state = call.maybe(3)
    whole = x
    if state is not None and before:
        joined = call._replace(name=f"{call.name}/join", inputs=(state, x), attributes={"axis": 2})
        (whole,) = concat(builder, joined)
    pads = (0 if state is not None else before, 0)
    inner = call._replace(attributes={"group": x.sizes[1], "pads": pads})
    result = convolved(builder, inner, whole, kernel, call.maybe(2))
    if call.text("activation", "none") in ("silu", "swish"):
        result = result._replace(number=builder.add(f"{call.name}/silu", Activation("silu"), [result.number]))
    if len(call.outputs) < 2 or not call.outputs[1]:
        return (result,)
    return (result, moved(builder, call._replace(name=f"{call.name}/state"), whole, (*x.sizes[:2], before), x.batch))


CONVOLUTIONS: dict[str, Handler] = {
    "CausalConvWithState": _causal,
    "Conv": _conv,
    "ConvTranspose": _transposed,
}
