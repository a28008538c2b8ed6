"""calflops: patched functions of PyTorch, two for a multiply-accumulate; what the model calls otherwise counts
nothing."""

from math import prod

from sepcalc.conventions.ptflops import POOLS, VAGUE_PRODUCT, VAGUE_SOFTMAX, gates_and_biases
from sepcalc.conventions.seen import ACTS, Seen, Unknown
from sepcalc.conventions.table import (
    FREE,
    OTHERS,
    Counter,
    all_params,
    module,
    nothing,
    per,
    product,
    unknown,
    where,
    zero,
)
from sepcalc.ops.conv import Transposed
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import extent

_SIZED = "it counts 1 per input for a factor, and the spatial outputs alone for a size: which was given is not known"


def _transposed(one: Seen) -> int:
    """It divides by the groups twice, and forgets them in the bias."""
    op = one.layer.op
    assert isinstance(op, Transposed)
    inputs, outputs, groups = one.channels
    counted = prod(one.spatial) * inputs * one.kernel * (outputs // groups // groups)
    places = 1
    if op.padding == "same":
        raise Unknown(f"{one.layer.name}: its padding is not PyTorch's")
    for size, kernel, stride, dilation, (before, after) in zip(
        one.spatial, op.kernel, op.stride, op.dilation, op.padding
    ):
        if before != after:
            raise Unknown(f"{one.layer.name}: its padding is not PyTorch's")
        places *= (size + before + after - extent(kernel, dilation)) // stride + 1
    bias = outputs // groups * places if op.bias else 0
    return 2 * counted + bias - 2 * one.macs


def _recurrent(one: Seen) -> int:
    op = one.layer.op
    assert isinstance(op, Recurrent)
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[op.cell]
    steps = prod(one.spatial) * (2 if op.bidirectional else 1)
    return gates_and_biases(one) - 2 * gates * op.hidden * steps


_NORM = where(
    lambda one: one.affine,
    per("norms at 5 per element", lambda one: 5 * one.x),
    per("norms at 4 per element", lambda one: 4 * one.x),
)

COUNTER = Counter(
    "calflops",
    "0.3.2",
    "calflops/pytorch_ops.py",
    {
        "convolution": per("biases of convolutions at 1 per output", lambda one: one.bias),
        "transposed convolution": per("transposed convolutions, divided by their groups twice", _transposed),
        "linear layer": (),
        "matrix product": product(
            where(lambda one: one.operator in ("mm", "bmm"), nothing("bmm and mm counted 0"), unknown(VAGUE_PRODUCT))
        ),
        "einsum": unknown("NumPy's estimate of an einsum has four digits alone"),
        "attention": nothing("fused attention counted 0"),
        "recurrent layer": per("recurrent layers: gates and biases", _recurrent),
        "batch norm": where(
            lambda one: one.affine,
            per("batch norm at 2 per element", lambda one: 2 * one.x),
            per("batch norm at 1 per element", lambda one: one.x),
        ),
        **dict.fromkeys(("layer norm", "group norm", "instance norm"), _NORM),
        **zero("rms norm", "other norm", "other activation"),
        "softmax": where(module, per("softmax at 1 per element", lambda one: one.x), unknown(VAGUE_SOFTMAX)),
        **{act: per(f"{act} at 1 per element", lambda one: 0 if one.bound else one.x) for act in ACTS},
        "relu6": where(module, (), per("relu6 at 1 per element", lambda one: one.x)),
        **dict.fromkeys(POOLS, per("pools at 1 per input", lambda one: one.x)),
        "other pool": (),
        **dict.fromkeys(
            [f"{how} upsampling" for how in ("nearest", "linear", "bilinear", "bicubic", "trilinear")], unknown(_SIZED)
        ),
        "grid sample": (),
        **FREE,
        **OTHERS,
    },
    all_params,
    2,
    by_parents=True,
)
