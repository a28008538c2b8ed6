"""Quantized numbers and back."""

from typing import Any

from sepcalc.importers.common.elementwise import chain
from sepcalc.importers.common.layout import KEEPS
from sepcalc.importers.common.tensorflow.elements import cast
from sepcalc.importers.common.tensorflow.graph import Builder, Call
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Stored


def _shifted(tensor: Any) -> bool:
    """Whether small integers have another zero point than 0."""
    return tensor is not None and any(tensor.quantized()[1])


def _quantize(builder: Builder, call: Call) -> Results:
    """x/scale + zero point, rounded and clipped: scale, shift (unless 0), act clip"""
    x, out = call.input(0), call.outputs[0]
    zero = _shifted(out) or (not x.kind.is_float and _shifted(x.tensor))
    shift = [(Stored("shift"), "zero")] if zero else []
    ops: list[tuple[Op, str]] = [(Stored("scale"), "scale"), *shift, (Activation("clip", fused=True), "clip")]
    return (chain(builder, x, *[op for op, _ in ops], labels=[label for _, label in ops]),)


def _dequantize(builder: Builder, call: Call) -> Results:
    """(x - zero point)·scale: shift (unless 0), scale; of half precision, copy"""
    x = call.input(0)
    if x.kind.is_float:
        return cast(builder, call)
    shift = [(Stored("shift"), "zero")] if _shifted(x.tensor) else []
    ops = [*shift, (Stored("scale"), "scale")]
    return (chain(builder, x, *[op for op, _ in ops], labels=[label for _, label in ops]),)


QUANTIZED: dict[str, Operator] = {
    "QUANTIZE": Operator(_quantize, KEEPS),
    "DEQUANTIZE": Operator(_dequantize, KEEPS),
    "DENSIFY": Operator(cast, KEEPS),
}
