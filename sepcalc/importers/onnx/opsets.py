"""Converts calls of older opsets to the current form: each function rewrites a call from before the opset that the
operator's row names.

Source: the change log of ONNX's operators.
"""

from collections.abc import Callable

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.tensors import NAMES
from sepcalc.importers.onnx.values import Call, Value
from sepcalc.shape import show


def broadcast_along(builder: Builder, call: Call) -> Call:
    """Aligns the second operand with the first from ``axis`` on, if the attributes ask for broadcasting."""
    if not call.whole("broadcast", 0) or "axis" not in call.attributes:
        return call
    a, b = call.input(0), call.input(1)
    after = len(a.sizes) - call.whole("axis", 0) % max(1, len(a.sizes)) - len(b.sizes)
    if after < 0:
        raise Invalid(f"{show(b.sizes)} does not broadcast to {show(a.sizes)} from axis {call.whole('axis', 0)} on")
    return call._replace(inputs=(a, _with_ones(builder, b, after), *call.inputs[2:]))


def _with_ones(builder: Builder, value: Value, count: int) -> Value:
    shape = (*value.sizes, *(1,) * count)
    if value.constant:
        return value._replace(shape=shape, data=None if value.data is None else value.data.reshaped(shape))
    return builder.give(value, shape, number=value.number, batch=value.batch, channels_first=len(shape) > 2)


def cast(builder: Builder, call: Call) -> Call:
    """A Cast whose target type is a name, as before opset 6."""
    name = call.text("to", "FLOAT")
    if name not in NAMES:
        raise Invalid(f"{quoted(name)} is not an element type")
    return call._replace(attributes={"to": NAMES.index(name)})


def renamed(old: str, new: str) -> Callable[[Builder, Call], Call]:
    """A call with the attribute ``old`` under its current name ``new``."""

    def rewrite(builder: Builder, call: Call) -> Call:
        return call._replace(attributes={new if name == old else name: one for name, one in call.attributes.items()})

    return rewrite


def concatenated(builder: Builder, call: Call) -> Call:
    """A Concat of an old opset, where the axis is 1 by default."""
    return call._replace(attributes={"axis": 1, **call.attributes})


def upsampled(builder: Builder, call: Call) -> Call:
    """An Upsample of opset 1, with its two scale attributes as ``scales``."""
    scales = (1.0, 1.0, call.number("height_scale", default=1.0), call.number("width_scale", default=1.0))
    return call._replace(attributes={**call.attributes, "scales": scales})
