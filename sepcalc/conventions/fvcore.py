"""fvcore's FlopCountAnalysis: operators of a traced graph, a multiply-accumulate as one; the rest counts nothing."""

from math import prod

from sepcalc.conventions.seen import ACTS, Seen
from sepcalc.conventions.table import FREE, OTHERS, Counter, all_params, nothing, per, product, unknown, where, zero


def pads_by_name(one: Seen) -> bool:
    """Whether PyTorch pads by name: the traced operator is then another one, which it has no rule for."""
    return one.operator.endswith(".padding")


def _flat(one: Seen) -> bool:
    """Whether there are two spatial axes: its rules are for these operators alone."""
    return len(one.spatial) == 2


def by_first_operand(one: Seen) -> int:
    """Its product is the elements of the first operand times the last axis of the second: less where the first
    repeats."""
    return prod(one.layer.inputs[0]) * one.layer.output[-1] - one.macs


_NORM = where(
    lambda one: one.affine,
    per("norms at 5 per element", lambda one: 5 * one.x),
    per("norms at 4 per element", lambda one: 4 * one.x),
)

COUNTER = Counter(
    "fvcore",
    "0.1.5.post20221221",
    "fvcore/nn/flop_count.py, jit_handles.py",
    {
        "convolution": where(pads_by_name, nothing("convolutions with padding='same' counted 0")),
        **zero("transposed convolution", "linear layer"),
        "matrix product": product(per("matrix products by their first operand", by_first_operand)),
        "einsum": unknown("NumPy's estimate of an einsum has four digits alone"),
        "attention": nothing("fused attention counted 0"),
        "recurrent layer": nothing("recurrent layers counted 0"),
        "batch norm": where(
            lambda one: one.affine,
            per("batch norm at 2 per element", lambda one: 2 * one.x),
            per("batch norm at 1 per element", lambda one: one.x),
        ),
        **dict.fromkeys(("layer norm", "group norm", "instance norm"), _NORM),
        **zero("rms norm", "other norm", "softmax", *ACTS, "other activation"),
        **zero("max pool", "average pool", "other pool", "adaptive max pool", "global max pool"),
        **dict.fromkeys(
            ("adaptive average pool", "global average pool"),
            where(_flat, per("adaptive average pools at 1 per input", lambda one: one.x)),
        ),
        "nearest upsampling": where(_flat, per("nearest upsampling at 1 per output", lambda one: one.y)),
        "bilinear upsampling": where(_flat, per("bilinear upsampling at 4 per output", lambda one: 4 * one.y)),
        **zero("linear upsampling", "bicubic upsampling", "trilinear upsampling"),
        "grid sample": per("grid samples at 4 per output", lambda one: 4 * one.y),
        **FREE,
        **OTHERS,
    },
    all_params,
)
