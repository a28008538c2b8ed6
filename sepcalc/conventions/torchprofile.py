"""torchprofile: operators of a traced graph; a multiply-accumulate, an element of a norm and a product as one."""

from sepcalc.conventions.fvcore import pads_by_name
from sepcalc.conventions.seen import ACTS, TORCH, Seen
from sepcalc.conventions.table import FREE, OTHERS, Counter, no_params, nothing, per, unknown, where, zero
from sepcalc.conventions.torch_flops import lstm

_SIZES = "products of sizes in Python code count where they are traced, and are not known"


def _hooked(one: Seen) -> bool:
    return bool(one.called) or one.inside


def _transposed(one: Seen) -> int:
    """It takes the outputs for the inputs, and of as many channels in as out those of a group."""
    inputs, outputs, groups = one.channels
    each = outputs // groups if inputs == outputs else inputs
    return one.y * each * one.kernel - one.macs


_NORM = where(lambda one: one.affine, per("affine norms at 1 per element", lambda one: one.y))
_POOL = per("average pools and means at 1 per output", lambda one: one.y)
_MULTIPLY = where(
    lambda one: one.operator in ("", "mul"), per("products of elements at 1 per output", lambda one: one.y)
)

COUNTER = Counter(
    "torchprofile",
    "0.1.0",
    "torchprofile/handlers.py",
    {
        "convolution": where(pads_by_name, nothing("convolutions with padding='same' counted 0")),
        "transposed convolution": per("transposed convolutions as if outputs were inputs", _transposed),
        "linear layer": where(lambda one: one.medium == TORCH and not _hooked(one), unknown(_SIZES)),
        "matrix product": where(lambda one: one.medium == TORCH, unknown(_SIZES)),
        "attention": where(
            lambda one: one.fast,
            unknown("it fails on PyTorch's fused attention module"),
            where(
                lambda one: one.inside,
                per("sizes of attention modules, computed in the trace", lambda one: 4),
                where(lambda one: one.medium == TORCH, unknown(_SIZES)),
            ),
        ),
        "einsum": (),
        "recurrent layer": where(
            lstm,
            (),
            nothing("recurrent layers but LSTM counted 0"),
        ),
        **dict.fromkeys(("batch norm", "layer norm", "group norm", "instance norm"), _NORM),
        **zero("rms norm", "other norm", "softmax", *ACTS, "other activation"),
        "leaky-relu": per("LeakyReLU at 1 per element", lambda one: one.y),
        **zero("max pool", "other pool", "adaptive max pool", "global max pool"),
        **dict.fromkeys(("average pool", "adaptive average pool", "global average pool", "mean"), _POOL),
        "bilinear upsampling": per("bilinear upsampling at 4 per output", lambda one: 4 * one.y),
        **zero("nearest upsampling", "linear upsampling", "bicubic upsampling", "trilinear upsampling"),
        "grid sample": unknown("its number depends on the sampling mode as PyTorch numbers it"),
        **FREE,
        "mean": _POOL,
        **dict.fromkeys(("multiply", "scale"), _MULTIPLY),
        **OTHERS,
    },
    no_params,
)
