"""ONNX Runtime's own operators: fused, channels last, or quantized forms of ONNX's. Each is counted as the operators
that it replaces. Source: ONNX Runtime's page of contributed operators.

A quantized element x represents s·(x - z), with stored s and z. Two scales in sequence fold into one stored number, and
so do the zero points of a sum: only stored numbers fold.
"""

from collections.abc import Sequence
from functools import partial
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import IMAGES_LAST, KEEPS, NONE, ROWS, SEQUENCES, WINDOWED, WINDOWED_LAST
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.decompose import as_onnx, scaled, split
from sepcalc.importers.onnx.dynamic import quantized_lstm
from sepcalc.importers.onnx.graph import Builder, Handler, Named
from sepcalc.importers.onnx.heads import CACHED
from sepcalc.importers.onnx.products import multiplied
from sepcalc.importers.onnx.quantized import OPERAND, OPERANDS, ZERO_POINTS, rescaled
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.standard import STANDARD
from sepcalc.importers.onnx.uncounted import UNCOUNTED
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Stored
from sepcalc.shape import show

_ACTIVATIONS = {
    "Relu": "relu", "LeakyRelu": "leaky-relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "HardSigmoid": "hard-sigmoid",
    "HardSwish": "hard-swish", "Clip": "clip", "Elu": "elu", "Softplus": "softplus", "Softsign": "softsign",
    "Gelu": "gelu",
}  # fmt: skip
_BITS = {2: 25, 4: 21, 8: 2}  # bits -> ONNX's number of the element type


# --- fused operators --------------------------------------------------------------------------------------------------


def _activated(builder: Builder, call: Call, value: Value) -> Value:
    how = call.text("activation", "")
    if not how:
        return value
    if how not in _ACTIVATIONS:
        raise Refused(f"its activation {how} is not supported")
    return Named(builder, call.name).emit(Activation(_ACTIVATIONS[how]), value, label=_ACTIVATIONS[how])


def _fused(operator: str, builder: Builder, call: Call) -> Results:
    """An operator with three inputs, an optional fourth that is added, and the activation that follows."""
    (result, *_) = STANDARD[operator](builder, call._replace(inputs=call.inputs[:3]))
    if (more := call.maybe(3)) is not None:
        result = combined(builder, call.part("add"), "add", [result, more])
    return (_activated(builder, call, result),)


def _ordered(builder: Builder, call: Call, value: Value, order: Sequence[int]) -> Value:
    """The same elements with their axes in this order."""
    if value.constant:
        return value._replace(shape=tuple([value.sizes[axis] for axis in order]), data=None)
    return as_onnx(builder, call, "Transpose", value, perm=tuple(order))


def _turned(builder: Builder, call: Call, at: int, side: str) -> Value:
    """An operand transposed for the product. If the attributes say so, its first axis moves before its last one; then
    the last two axes are swapped."""
    value = call.input(at)
    order = list(range(len(value.sizes)))
    if call.whole(f"transBatch{side}", 0):
        order.insert(-1, order.pop(0))
    if call.whole(f"trans{side}", 0) and len(order) > 1:
        order[-2:] = reversed(order[-2:])
    return _ordered(builder, call, value, order)


def _matmul(builder: Builder, call: Call) -> Results:
    a, b = _turned(builder, call, 0, "A"), _turned(builder, call, 1, "B")
    result = multiplied(builder, call, a, b)
    if call.number("alpha", default=1.0) != 1.0 and not (a.constant or b.constant):
        result = Named(builder, call.name).emit(Stored("scale"), result, label="alpha")
    return (_activated(builder, call, result),)


def _bias_add(builder: Builder, call: Call) -> Results:
    return (combined(builder, call, "add", [value for value in call.inputs if value is not None]),)


def _bias_softmax(builder: Builder, call: Call) -> Results:
    added = combined(builder, call.part("add"), "add", [call.input(0), call.input(1)])
    # all axes from this one on form one row, as before opset 13
    return STANDARD["Softmax"](builder, call._replace(inputs=(added,), opset=11))


def _split_gelu(builder: Builder, call: Call) -> Results:
    """The first half of the channels times the GELU of the second half."""
    added = combined(builder, call.part("add"), "add", [call.input(0), call.input(1)])
    first, second = split(builder, call, added, (added.sizes[-1] // 2,) * 2)
    return (combined(builder, call, "multiply", [first, as_onnx(builder, call, "Gelu", second, part="gelu")]),)


def _gemm_gelu(builder: Builder, call: Call) -> Results:
    product = multiplied(builder, call.part("matmul"), call.input(0), call.input(1), call.maybe(2))
    return (as_onnx(builder, call, "Gelu", product, approximate="tanh"),)


def _clamped_gate(builder: Builder, call: Call) -> Results:
    """g·sigmoid(alpha·g)·(l + beta), with g clipped from above and l from both sides if there is a limit. With one
    input, g and l are interleaved or concatenated in it."""
    gate, linear = call.input(0), call.maybe(1)
    if linear is None:
        gate, linear = split(builder, call, gate, (gate.sizes[-1] // 2,) * 2)
    steps: list[tuple[int, str, Op]] = []
    if call.number("limit", default=0.0) > 0:
        steps = [(0, "top", Stored("minimum")), (1, "clip", Activation("clip"))]
    steps.append((0, "swish", Activation("swish", call.number("activation_alpha", default=1.0))))
    if call.number("activation_beta", default=0.0):
        steps.append((1, "beta", Stored("shift")))
    both = [builder.standing(call.name, one) for one in (gate, linear)]
    for at, part, op in steps:
        both[at] = Named(builder, call.name).emit(op, both[at], label=part)
    return (combined(builder, call, "multiply", both),)


def _embedded(builder: Builder, call: Call) -> Results:
    """Embeddings of words, segments and positions, added, and a layer norm."""
    ids, segments, places = call.input(0), call.maybe(1), call.maybe(8)
    words, table = call.input(2), call.input(3)
    parts = [as_onnx(builder, call, "Gather", words, ids, part="words")]
    if segments is not None:
        parts.append(as_onnx(builder, call, "Gather", call.input(4), segments, part="segments"))
    if places is None:
        parts.append(table.cut((ids.sizes[-1], table.sizes[-1])))
    else:
        parts.append(as_onnx(builder, call, "Gather", table, places, part="places"))
    added = combined(builder, call.part("add"), "add", parts)
    normed = as_onnx(builder, call, "LayerNormalization", added, call.input(5), call.input(6), axis=-1)
    lengths = Value(None)
    if len(call.outputs) > 1 and call.outputs[1]:
        mask = call.maybe(7)
        lengths = Value(ids.sizes[:1], 6)
        if mask is not None and not mask.constant:
            lengths = as_onnx(builder, call, "ReduceSum", mask, part="lengths", axes=(1,), keepdims=0)
    return (normed, lengths, added)


# --- channels last ----------------------------------------------------------------------------------------------------


def _moved(builder: Builder, call: Call, value: Value | None, last: bool) -> Value | None:
    """The same elements with channels last, or with channels second."""
    if value is None or len(value.sizes) < 3:
        return value
    rank = len(value.sizes)
    return _ordered(builder, call, value, (0, *range(2, rank), 1) if last else (0, rank - 1, *range(1, rank - 1)))


def _channels_last(
    handler: Handler, builder: Builder, call: Call, always: bool = False, default: int = 0, also: Sequence[int] = ()
) -> Results:
    """An operator whose first input, the inputs ``also``, and first output have channels last."""
    if not (always or call.whole("channels_last", default)):
        return handler(builder, call)
    inputs = [
        _moved(builder, call, value, False) if at in (0, *also) else value for at, value in enumerate(call.inputs)
    ]
    results = [_moved(builder, call, one, True) for one in handler(builder, call._replace(inputs=tuple(inputs)))]
    return [one for one in results if one]


def _group_norm(builder: Builder, call: Call) -> Results:
    """Group norm of the sum of X, a skip and a bias, followed by SiLU if the attributes say so."""
    value, gain, shift = (call.input(at) for at in range(3))
    more = [_spread(value, one) for one in call.inputs[3:5] if one is not None]
    added = combined(builder, call.part("add"), "add", [value, *more]) if more else value
    result = as_onnx(builder, call, "GroupNormalization", added, gain, shift, num_groups=call.whole("groups", 1))
    if call.whole("activation", 0):
        result = Named(builder, call.name).emit(Activation("silu"), result, label="silu")
    return (result, added)


def _spread(value: Value, other: Value) -> Value:
    """A number per channel, reshaped so that it broadcasts with a value whose channels are second."""
    if len(other.sizes) == len(value.sizes):
        return other
    if other.constant and len(other.sizes) == 1:
        return other._replace(shape=(*other.sizes, *(1,) * (len(value.sizes) - 2)), data=None)
    raise Refused("a skip with other axes than the input is not supported")


# --- quantized --------------------------------------------------------------------------------------------------------


def _each_rescaled(builder: Builder, call: Call, places: Sequence[int], *parts: str) -> list[Value]:
    """The inputs at these positions; those that depend on the network's inputs are rescaled."""
    values = map(call.input, places)
    return [value if value.constant else rescaled(builder, call, value, *parts) for value in values]


def _quantized_pair(how: str, before: str, after: Sequence[str], builder: Builder, call: Call) -> Results:
    """A sum, a·A + b·B + t, or a product, c·(A - a)·(B - b) + z; then clipped."""
    operands = _each_rescaled(builder, call, (0, 3), before)
    return (rescaled(builder, call, combined(builder, call, how, operands), *after),)


def _quantized_mean(operator: str, builder: Builder, call: Call) -> Results:
    """The mean (both scales fold into the stored 1/n), plus a zero point, clipped."""
    (result, *_) = STANDARD[operator](builder, call._replace(type=operator, inputs=call.inputs[:1], opset=13))
    return (rescaled(builder, call, result, "zero", "clip"),)


def _quantized_function(operator: str, builder: Builder, call: Call) -> Results:
    """Dequantize, apply the function, quantize; counted as written, though a table of 256 results could replace it."""
    value = rescaled(builder, call, call.input(0), "zero", "scale")
    (result,) = STANDARD[operator](builder, call._replace(inputs=(value,), opset=call.whole("opset", 13)))
    return (rescaled(builder, call, result, "scale", "zero", "clip"),)


def _quantized_concat(builder: Builder, call: Call) -> Results:
    """Rescales each part to the common scale and zero point; a part that has them already is only moved."""
    scale, zero = call.input(0), call.input(1)
    pieces = []
    for at in range(2, len(call.inputs), 3):
        piece = call.input(at)
        if not piece.constant and not (_same(call.maybe(at + 1), scale) and _same(call.maybe(at + 2), zero)):
            piece = rescaled(builder, call, piece, "scale", "zero", "clip")
        pieces.append(piece)
    return STANDARD["Concat"](builder, call._replace(inputs=tuple(pieces)))


def _same(one: Value | None, other: Value | None) -> bool:
    """Whether both are the same known number."""
    if one is None or other is None or one.data is None or other.data is None:
        return False
    return prod(one.sizes) == 1 == prod(other.sizes) and bool(one.data.numbers[0] == other.data.numbers[0])


def _quantized_where(builder: Builder, call: Call) -> Results:
    pieces = _each_rescaled(builder, call, (1, 4), "scale", "zero", "clip")
    return STANDARD["Where"](builder, call._replace(inputs=(call.input(0), *pieces)))


def _quantized_gemm(builder: Builder, call: Call) -> Results:
    builder.note(ZERO_POINTS)
    inputs = (call.input(0), call.input(3), call.maybe(6))
    (result,) = STANDARD["Gemm"](builder, call._replace(inputs=inputs))
    parts = ("scale",) if call.maybe(7) is None else ("scale", "zero", "clip")
    return (rescaled(builder, call, result, *parts),)


def _integers_to_numbers(builder: Builder, call: Call) -> Results:
    result = multiplied(builder, call, call.input(0), call.input(1))
    return (scaled(builder, call, result, [call.input(2), call.input(3)], call.maybe(6)),)


def _dynamic_matmul(builder: Builder, call: Call) -> Results:
    """Finds the range of A, quantizes A, then multiplies as above."""
    quantized, scale, _ = STANDARD["DynamicQuantizeLinear"](builder, call.part("quantize", call.input(0)))
    result = multiplied(builder, call, quantized, call.input(1))
    return (scaled(builder, call, result, [scale, call.input(2)], call.maybe(4)),)


def _packed(builder: Builder, weight: Value, elements: int, bits: int) -> None:
    """Sets the number of packed weights to the number of weights that they represent, not the number of bytes."""
    if len(weight.roots) == 1 and prod(weight.sizes) * 8 >= elements * bits:
        builder.stored[weight.roots[0]] = (elements, _BITS[bits])


def _few_rows(builder: Builder, call: Call) -> Results:
    """Rows from a table of a few bits per element, packed into bytes; unpacking happens beforehand."""
    table, bits = call.input(0), call.whole("bits", 4)
    if bits not in _BITS or not table.sizes:
        raise Invalid(f"{call.type} has a table of {bits} bits")
    each = 8 // bits if table.kind == 2 else 1
    shape = (*table.sizes[:-1], table.sizes[-1] * each)
    if each > 1:
        _packed(builder, table, prod(shape), bits)
    unpacked = table._replace(shape=shape, data=None)
    inner = {"axis": call.whole("gather_axis", 0)}
    return STANDARD["Gather"](builder, call._replace(inputs=(unpacked, call.input(1)), attributes=inner))


def _few_bits(bias: int, builder: Builder, call: Call) -> Results:
    """A product with N x K weights of a few bits each, packed into bytes in blocks; what unpacks them is prepared."""
    outs, ins, bits = call.whole("N", 0), call.whole("K", 0), call.whole("bits", 4)
    weight = call.input(1)
    if outs < 1 or ins < 1 or bits not in _BITS:
        raise Invalid(f"{call.type} has {outs} x {ins} weights of {bits} bits")
    if not weight.constant or not call.whole("transB", 1):
        raise Refused("packed weights that are computed, or in another order, are not supported")
    if prod(weight.sizes) * (8 if weight.kind in (2, 3) else 32) < outs * ins * bits:
        raise Invalid(f"weights of {show(weight.sizes)} are not the {outs} x {ins} of {bits} bits that it says")
    _packed(builder, weight, outs * ins, bits)
    unpacked = weight._replace(shape=(ins, outs), data=None)
    return (multiplied(builder, call, call.input(0), unpacked, call.maybe(bias) if bias else None),)


MICROSOFT: dict[str, Operator] = {
    **CACHED,
    **UNCOUNTED,
    "FusedConv": Operator(partial(_fused, "Conv"), WINDOWED, multiplies=True),
    "FusedGemm": Operator(partial(_fused, "Gemm"), NONE, multiplies=True),
    "FusedMatMul": Operator(_matmul, NONE, multiplies=True),
    "FusedMatMulActivation": Operator(_matmul, NONE),
    "TransposeMatMul": Operator(_matmul, NONE),
    "BiasAdd": Operator(_bias_add, NONE),
    "BiasSoftmax": Operator(_bias_softmax, KEEPS),
    "BiasSplitGelu": Operator(_split_gelu, NONE),
    "GemmFastGelu": Operator(_gemm_gelu, NONE),
    "com.microsoft.SwiGLU": Operator(_clamped_gate, KEEPS),
    "EmbedLayerNormalization": Operator(_embedded, NONE),
    "NhwcConv": Operator(partial(_channels_last, partial(_fused, "Conv"), always=True), WINDOWED_LAST),
    "NhwcFusedConv": Operator(partial(_channels_last, partial(_fused, "Conv"), always=True, also=(3,)), WINDOWED_LAST),
    "NhwcMaxPool": Operator(partial(_channels_last, STANDARD["MaxPool"].__call__, always=True), WINDOWED_LAST),
    "GroupNorm": Operator(partial(_channels_last, _group_norm, default=1), IMAGES_LAST),
    "SkipGroupNorm": Operator(partial(_channels_last, _group_norm, default=1, also=(3,)), IMAGES_LAST),
    "com.microsoft.QLinearConv": Operator(
        partial(_channels_last, STANDARD["QLinearConv"].__call__), WINDOWED, scales=OPERANDS
    ),
    "QLinearAdd": Operator(partial(_quantized_pair, "add", "scale", ("zero", "clip")), KEEPS, scales=OPERANDS),
    "QLinearMul": Operator(
        partial(_quantized_pair, "multiply", "zero", ("scale", "zero", "clip")), KEEPS, scales=OPERANDS
    ),
    "QLinearAveragePool": Operator(
        partial(_channels_last, partial(_quantized_mean, "AveragePool")), WINDOWED, scales=OPERAND
    ),
    "QLinearGlobalAveragePool": Operator(
        partial(_channels_last, partial(_quantized_mean, "GlobalAveragePool")),
        WINDOWED,
        scales=OPERAND,
    ),
    "QLinearReduceMean": Operator(partial(_quantized_mean, "ReduceMean"), NONE, scales=OPERAND),
    "QLinearLeakyRelu": Operator(partial(_quantized_function, "LeakyRelu"), KEEPS, scales=OPERAND),
    "QLinearSigmoid": Operator(partial(_quantized_function, "Sigmoid"), KEEPS, scales=OPERAND),
    "QLinearSoftmax": Operator(partial(_quantized_function, "Softmax"), KEEPS, scales=OPERAND),
    "QLinearConcat": Operator(_quantized_concat, KEEPS, scales=tuple([at for at in range(1000) if at % 3 != 2])),
    "QLinearWhere": Operator(_quantized_where, KEEPS, scales=(2, 3, 5, 6, 7, 8)),
    "QGemm": Operator(_quantized_gemm, NONE, scales=(1, 2, 4, 5, 7, 8)),
    "MatMulIntegerToFloat": Operator(_integers_to_numbers, ROWS, scales=(2, 3, 4, 5)),
    "DynamicQuantizeMatMul": Operator(_dynamic_matmul, ROWS, scales=(2, 3)),
    "DynamicQuantizeLSTM": Operator(quantized_lstm, SEQUENCES, scales=(8, 9, 10, 11), states=(5, 6)),
    "MatMulNBits": Operator(partial(_few_bits, 5), ROWS, settings=(4,), scales=(2, 3)),
    "MatMulBnb4": Operator(partial(_few_bits, 0), ROWS, scales=(2,)),
    "GatherBlockQuantized": Operator(_few_rows, NONE, scales=(2, 3)),
}
