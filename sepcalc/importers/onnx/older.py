"""Experimental operators of opset 1 that were later removed; files of that time use them.

Source: the change log of ONNX's operators, opset 1.
"""

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import IMAGES, KEEPS
from sepcalc.importers.onnx.activations import ACTIVATIONS
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.constants import known
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.moves import MOVES
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.tensors import of_numbers
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.shape import show

_FLOAT = 1  # ONNX's element type


def _per_channel(builder: Builder, call: Call, value: Value, how: str, numbers: tuple[float, ...]) -> Value:
    """Sums or products with untrained numbers: one per channel, or one for all."""
    shape = (len(numbers), *(1,) * (len(value.sizes) - 2)) if len(numbers) > 1 else ()
    label = call._replace(name=f"{call.name}/{how}")
    return combined(builder, label, how, [value, known(of_numbers(_FLOAT, numbers, shape))])


def _scaled(builder: Builder, call: Call) -> Results:
    """x·scale + bias with constant scale and bias: ImageScaler, Affine, Scale."""
    factor = call.number("alpha" if call.type == "Affine" else "scale", default=1.0)
    value = _per_channel(builder, call, call.input(0), "multiply", (factor,))
    added = call.attributes.get("bias", ()) if call.type == "ImageScaler" else (call.number("beta", default=0.0),)
    if call.type == "Scale" or not added:
        return (value,)
    if not isinstance(added, tuple) or len(added) not in (1, value.sizes[min(1, len(value.sizes) - 1)]):
        raise Invalid("its bias is not one number per channel")
    return (_per_channel(builder, call, value, "add", added),)


def _scaled_tanh(builder: Builder, call: Call) -> Results:
    """alpha·tanh(beta·x)."""
    value = _per_channel(builder, call, call.input(0), "multiply", (call.number("beta", default=1.0),))
    (value,) = ACTIVATIONS["Tanh"](builder, call._replace(inputs=(value,)))
    return (_per_channel(builder, call, value, "multiply", (call.number("alpha", default=1.0),)),)


def _crop(builder: Builder, call: Call) -> Results:
    """Images without their border (left, top, right, bottom), or of the size ``scale`` from its left top corner."""
    value = call.input(0)
    border, size = call.ints("border"), call.ints("scale")
    if len(value.sizes) != 4 or border is None or len(border) != 4 or (size is not None and len(size) != 2):
        raise Invalid("it needs images, and four border sizes")
    left, top, right, bottom = border
    height, width = value.sizes[2:]
    ends = (top + size[0], left + size[1]) if size else (height - bottom, width - right)
    taken = {"starts": (top, left), "ends": ends, "axes": (2, 3)}
    if not (0 <= top < ends[0] <= height and 0 <= left < ends[1] <= width):
        raise Invalid(f"it crops more than {show(value.sizes)} has")
    return MOVES["Slice"](builder, call._replace(type="Slice", inputs=(value,), attributes=taken, opset=1))


OLDER: dict[str, Operator] = {
    "ImageScaler": Operator(_scaled, IMAGES),
    "Affine": Operator(_scaled, KEEPS),
    "Scale": Operator(_scaled, KEEPS),
    "ScaledTanh": Operator(_scaled_tanh, KEEPS),
    "Crop": Operator(_crop, IMAGES),
}
