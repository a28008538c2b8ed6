"""Quantization and dequantization, and layers on quantized tensors."""

from sepcalc.importers.common.elementwise import chain
from sepcalc.importers.common.layout import KEEPS, ROWS, WINDOWED
from sepcalc.importers.onnx.convolutions import convolved
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.products import multiplied
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.pool import Reduce

ZERO_POINTS = "the zero points of the inputs of quantized layers count as part of the stored bias"


def rescaled(builder: Builder, call: Call, value: Value, *parts: str) -> Value:
    """Quantizes or dequantizes: times a stored scale, rounded (free), plus a stored zero point, clipped."""
    ops: dict[str, Op] = {"scale": Stored("scale"), "zero": Stored("shift"), "clip": Activation("clip")}
    return chain(Named(builder, call.name), value, *[ops[part] for part in parts], labels=parts)._replace(kind=2)


def _quantize(builder: Builder, call: Call) -> Results:
    zero = call.maybe(2)
    value = rescaled(builder, call, call.input(0), *["scale", "zero"][: 1 if zero is None else 2])
    value = Named(builder, call.name).emit(Activation("clip"), value)
    return (value._replace(kind=zero.kind if zero is not None else 2),)


def _dequantize(builder: Builder, call: Call) -> Results:
    value = call.input(0) if call.maybe(2) is None else rescaled(builder, call, call.input(0), "zero")
    return (Named(builder, call.name).emit(Stored("scale"), value)._replace(kind=1),)


def _quantize_by_itself(builder: Builder, call: Call) -> Results:
    """Quantizes by the data's range: scale = (max(x, 0) - min(x, 0))/255, zero = clip(round(0 - min/scale)), then
    x/scale + zero, rounded and clipped."""
    value = call.input(0)
    every = tuple(range(len(builder.shape(value))))

    def add(part: str, op: Op, *sources: int | None) -> int:
        return builder.add(f"{call.name}/{part}", op, sources)

    high = add("max", Stored("maximum"), add("max", Reduce("max", every), value.number))
    low = add("min", Stored("minimum"), add("min", Reduce("min", every), value.number))
    scale = add("scale", Stored("scale"), add("range", Elementwise("subtract"), high, low))
    zero = add("zero", Stored("from"), add("zero", Elementwise("divide"), low, scale))
    zero = add("zero", Activation("clip"), zero)
    number = add("quotient", Elementwise("divide"), value.number, scale)
    number = add("clip", Activation("clip"), add("shift", Elementwise("add"), number, zero))
    single = Value((), 1, number=scale, unscaled=True)
    return (value._replace(number=number, kind=2), single, single._replace(number=zero, kind=2))


def _requantized(builder: Builder, call: Call, value: Value) -> Results:
    """Quantizes sums."""
    builder.note(ZERO_POINTS)
    return (rescaled(builder, call, value, "scale", "zero", "clip")._replace(kind=3),)


def _quantized_conv(builder: Builder, call: Call) -> Results:
    return _requantized(builder, call, convolved(builder, call, call.input(0), call.input(3), call.maybe(8)))


def _quantized_matmul(builder: Builder, call: Call) -> Results:
    return _requantized(builder, call, multiplied(builder, call, call.input(0), call.input(3)))


def _integer_conv(builder: Builder, call: Call) -> Results:
    builder.note(ZERO_POINTS)
    return (convolved(builder, call, call.input(0), call.input(1), None)._replace(kind=6, unscaled=True),)


def _integer_matmul(builder: Builder, call: Call) -> Results:
    builder.note(ZERO_POINTS)
    return (multiplied(builder, call, call.input(0), call.input(1))._replace(kind=6, unscaled=True),)


# The input positions of scales and zero points: for one operand and the result, and for two operands.
OPERAND, OPERANDS = (1, 2, 3, 4), (1, 2, 4, 5, 6, 7)
QUANTIZED: dict[str, Operator] = {
    "QuantizeLinear": Operator(_quantize, KEEPS, scales=(1, 2)),
    "DequantizeLinear": Operator(_dequantize, KEEPS, scales=(1, 2)),
    "DynamicQuantizeLinear": Operator(_quantize_by_itself, KEEPS),
    "QLinearConv": Operator(_quantized_conv, WINDOWED, scales=OPERANDS),
    "QLinearMatMul": Operator(_quantized_matmul, ROWS, scales=OPERANDS),
    "ConvInteger": Operator(_integer_conv, WINDOWED, scales=(2, 3)),
    "MatMulInteger": Operator(_integer_matmul, ROWS, scales=(2, 3)),
}
