"""Composes ONNX Runtime's own operators from ONNX's."""

from collections.abc import Sequence

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.quantized import ZERO_POINTS
from sepcalc.importers.onnx.standard import STANDARD
from sepcalc.importers.onnx.values import Call, Value
from sepcalc.ops.elementwise import Stored


def as_onnx(
    builder: Builder, call: Call, operator: str, *inputs: Value | None, part: str = "", **attributes: object
) -> Value:
    """The result of an ONNX operator on these inputs, as a part of this call."""
    name = f"{call.name}/{part}" if part else call.name
    made = Call(name, operator, inputs, call.outputs[:1], attributes, 13)
    return STANDARD[operator](builder, made)[0]


def split(builder: Builder, call: Call, value: Value, sizes: Sequence[int]) -> list[Value]:
    """Parts along the last axis. For a stored value, each part uses all stored tensors that it was made from."""
    if sum(sizes) != value.sizes[-1]:
        raise Invalid(f"parts {tuple(sizes)} are not the {value.sizes[-1]} of the last axis")
    if value.constant:
        return [value.cut((*value.sizes[:-1], size)) for size in sizes]
    parts = Call(
        f"{call.name}/split", "Split", (value,), tuple(map(str, sizes)), {"axis": -1, "split": tuple(sizes)}, 11
    )
    return list(STANDARD["Split"](builder, parts))


def scaled(builder: Builder, call: Call, value: Value, scales: Sequence[Value], bias: Value | None) -> Value:
    """Dequantizes sums of small integers: times the product of the scales, plus a bias."""
    builder.note(ZERO_POINTS)
    plain = [scale._replace(roots=()) for scale in scales]  # scales are not weights
    if any(not scale.constant for scale in plain):
        factor = combined(builder, call.part("scales"), "multiply", plain)
        value = combined(builder, call.part("scale"), "multiply", [value, factor])
    else:
        value = Named(builder, call.name).emit(Stored("scale"), value, label="scale")
    return value if bias is None else combined(builder, call.part("bias"), "add", [value, bias])
