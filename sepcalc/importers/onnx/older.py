"""Older opsets: what their operators said otherwise, said as it is today; and operators that are no more.

Source: the change log of ONNX's operators, and for the experimental ones that of opset 1.
"""

from collections.abc import Callable

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.onnx.activations import ACTIVATIONS
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.constants import array, known
from sepcalc.importers.onnx.graph import Builder, Handler
from sepcalc.importers.onnx.moves import MOVES
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.shape import show

_FLOAT = 1  # ONNX's element type


def modern(builder: Builder, call: Call) -> Call:
    """The call in the words of a newer opset. Raises Invalid."""
    changed, rewrite = _CHANGES.get(call.type, (0, None))
    return rewrite(builder, call)._replace(opset=changed) if rewrite and call.opset < changed else call


def _broadcast(builder: Builder, call: Call) -> Call:
    """The second operand lay from ``axis`` on along the first, where that was asked for."""
    if not call.whole("broadcast", 0) or "axis" not in call.attributes:
        return call
    a, b = call.input(0), call.input(1)
    after = len(a.sizes) - call.whole("axis", 0) % max(1, len(a.sizes)) - len(b.sizes)
    if after < 0:
        raise Invalid(f"{show(b.sizes)} does not lie along {show(a.sizes)} from axis {call.whole('axis', 0)} on")
    return call._replace(inputs=(a, _with_ones(builder, b, after), *call.inputs[2:]))


def _with_ones(builder: Builder, value: Value, count: int) -> Value:
    shape = (*value.sizes, *(1,) * count)
    if value.constant:
        return value._replace(shape=shape, data=None if value.data is None else value.data.reshape(shape))
    return builder.give(value, shape, number=value.number, batch=value.batch, channels_first=len(shape) > 2)


def _cast(builder: Builder, call: Call) -> Call:
    from onnx import TensorProto

    name = call.text("to", "FLOAT")
    try:
        kind = TensorProto.DataType.Value(name)
    except ValueError as error:
        raise Invalid(f"{quoted(name)} is no type of elements") from error
    return call._replace(attributes={"to": kind})


def _renamed(old: str, new: str) -> Callable[[Builder, Call], Call]:
    def rewrite(builder: Builder, call: Call) -> Call:
        return call._replace(attributes={new if name == old else name: one for name, one in call.attributes.items()})

    return rewrite


def _concat(builder: Builder, call: Call) -> Call:
    return call._replace(attributes={"axis": 1, **call.attributes})


def _upsample(builder: Builder, call: Call) -> Call:
    scales = (1.0, 1.0, call.decimal("height_scale", 1.0), call.decimal("width_scale", 1.0))
    return call._replace(attributes={**call.attributes, "scales": scales})


# Since which opset an operator says it otherwise, and how it says what it said before.
_CHANGES: dict[str, tuple[int, Callable[[Builder, Call], Call]]] = {
    **dict.fromkeys(
        ("Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Equal", "Greater", "Less"), (7, _broadcast)
    ),
    "Cast": (6, _cast),
    "Concat": (4, _concat),
    "Pad": (2, _renamed("paddings", "pads")),
    "Upsample": (7, _upsample),
}


def _per_channel(builder: Builder, call: Call, value: Value, how: str, numbers: tuple[float, ...]) -> Value:
    """Sums or products with numbers that no one trained: one for each channel, or one for all."""
    shape = (len(numbers), *(1,) * (len(value.sizes) - 2)) if len(numbers) > 1 else ()
    label = call._replace(name=f"{call.name}/{how}")
    return combined(builder, label, how, [value, known(array(_FLOAT, numbers, shape))])


def _scaled(builder: Builder, call: Call) -> Results:
    """x·scale + bias, scale and bias being constants: ImageScaler, Affine, Scale."""
    factor = call.decimal("alpha" if call.type == "Affine" else "scale", 1.0)
    value = _per_channel(builder, call, call.input(0), "multiply", (factor,))
    added = call.attributes.get("bias", ()) if call.type == "ImageScaler" else (call.decimal("beta", 0.0),)
    if call.type == "Scale" or not added:
        return (value,)
    if not isinstance(added, tuple) or len(added) not in (1, value.sizes[min(1, len(value.sizes) - 1)]):
        raise Invalid("its bias is not one number for each channel")
    return (_per_channel(builder, call, value, "add", added),)


def _scaled_tanh(builder: Builder, call: Call) -> Results:
    """alpha·tanh(beta·x)."""
    value = _per_channel(builder, call, call.input(0), "multiply", (call.decimal("beta", 1.0),))
    (value,) = ACTIVATIONS["Tanh"](builder, call._replace(inputs=(value,)))
    return (_per_channel(builder, call, value, "multiply", (call.decimal("alpha", 1.0),)),)


def _crop(builder: Builder, call: Call) -> Results:
    """Images without their border (left, top, right, bottom), or of the size ``scale`` from its left and top on."""
    value = call.input(0)
    border, size = call.ints("border"), call.ints("scale")
    if len(value.sizes) != 4 or border is None or len(border) != 4 or (size is not None and len(size) != 2):
        raise Invalid("it needs images, and four numbers of border")
    left, top, right, bottom = border
    height, width = value.sizes[2:]
    ends = (top + size[0], left + size[1]) if size else (height - bottom, width - right)
    taken = {"starts": (top, left), "ends": ends, "axes": (2, 3)}
    if not (0 <= top < ends[0] <= height and 0 <= left < ends[1] <= width):
        raise Invalid(f"it takes more than there is of {show(value.sizes)}")
    return MOVES["Slice"](builder, call._replace(type="Slice", inputs=(value,), attributes=taken, opset=1))


# Operators of opset 1 that were experimental, and were taken back: files of that time have them.
OLDER: dict[str, Handler] = {
    "ImageScaler": _scaled,
    "Affine": _scaled,
    "Scale": _scaled,
    "ScaledTanh": _scaled_tanh,
    "Crop": _crop,
}
