"""Quantization and dequantization, as PyTorch's quantizer of exported programs writes them."""

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.elements import applied, combined
from sepcalc.importers.aten.graph import Builder, Value
from sepcalc.importers.aten.reductions import reduced
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.layout import KEEPS, NONE
from sepcalc.ops.elementwise import Activation, Stored

_CLIP = Activation("clip")


def _computed(call: Call) -> list[Tensor]:
    """The scale and the zero point, where these depend on the data."""
    given = [call.maybe(names) for names in ("scale", "zero_point")]
    return [one for one in given if one is not None and one.live]


def _zero(builder: Builder, call: Call, value: Value) -> Value:
    """Adds a stored zero point, unless it is 0."""
    is_none = call.arguments.get("zero_point", call.arguments.get("zero_points")) in (0, None)
    return value if is_none else applied(builder, value, Stored("shift"), labels=["zero"])


def _quantize(builder: Builder, call: Call) -> Results:
    """Times a stored 1/scale, rounded (free), plus a zero point, clipped. By a computed scale it is divided"""
    value = builder.value(call.tensor("input"))
    if len(computed := _computed(call)) == 2:
        for how, one in zip(("divide", "add"), computed):
            value = combined(builder, how, [value, builder.loose(one)], how)
        return (applied(builder, value, _CLIP, labels=["clip"]),)
    value = _zero(builder, call, applied(builder, value, Stored("scale"), labels=["scale"]))
    return (applied(builder, value, _CLIP, labels=["clip"]),)


def _dequantize(builder: Builder, call: Call) -> Results:
    """Less a zero point, times a scale"""
    value = builder.value(call.tensor("input"))
    if len(computed := _computed(call)) == 2:
        for how, one in zip(("subtract", "multiply"), reversed(computed)):
            value = combined(builder, how, [value, builder.loose(one)], how)
        return (value,)
    return (applied(builder, _zero(builder, call, value), Stored("scale"), labels=["scale"]),)


def _ranged(builder: Builder, call: Call) -> Results:
    """By the data's range: scale = (max(x, 0) - min(x, 0))/255, zero = clip(round(0 - min/scale))"""
    value = builder.value(call.tensor("input"))
    low, high = (
        applied(builder, reduced(builder, how, value, None, (), how), Stored(f"{how}imum"), labels=[f"{how}imum"])
        for how in ("min", "max")
    )
    scale = applied(builder, combined(builder, "subtract", [high, low], "range"), Stored("scale"), labels=["scale"])
    quotient = combined(builder, "divide", [low, scale], "divide")
    return (scale, applied(builder, quotient, Stored("from"), _CLIP, labels=("zero", "clip")))


_LIBRARY = "quantized_decomposed"
QUANTIZED: dict[str, Operator] = {
    **{f"{_LIBRARY}::quantize_per_{what}": Operator(_quantize, KEEPS) for what in ("tensor", "channel", "token")},
    **{f"{_LIBRARY}::dequantize_per_{what}": Operator(_dequantize, KEEPS) for what in ("tensor", "channel", "token")},
    f"{_LIBRARY}::choose_qparams": Operator(_ranged, NONE),
}
