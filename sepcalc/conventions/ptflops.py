"""ptflops with its PyTorch backend: hooks on modules, and patched functions. A module whose forward calls a patched
function counts twice."""

from math import prod

from sepcalc.conventions.seen import YAML, Seen, Unknown
from sepcalc.conventions.table import (
    FREE,
    OTHERS,
    Counter,
    Row,
    all_params,
    module,
    nothing,
    per,
    product,
    unknown,
    where,
    zero,
)
from sepcalc.ops.product import Attention
from sepcalc.ops.recurrent import Recurrent

VAGUE_PRODUCT = "@ and torch.matmul leave one trace, and only torch.matmul is counted"
VAGUE_SOFTMAX = "softmax of torch and of torch.nn.functional leave one trace, and only the latter is counted"


def _hooked(one: Seen) -> bool:
    """Whether a module of PyTorch ran it, or it is inside of an attention module, which is counted as a whole."""
    return module(one) or one.inside


def _by_module(row: Row, text: str) -> Row:
    return where(_hooked, row, nothing(f"{text} that are called as functions counted 0"))


def _twice(text: str) -> Row:
    """Once by its module, and once by the function that this calls."""
    return where(
        module,
        per(f"{text} at 2 per element, by module and function", lambda one: 2 * one.x),
        per(f"{text} at 1 per element, by function", lambda one: 0 if one.bound else one.x),
    )


def _once(text: str) -> Row:
    return per(f"{text} at 1 per element", lambda one: one.x)


def _norm(one: Seen) -> int:
    return (2 if one.affine else 1) * one.x if one.called else 0


def gates_and_biases(one: Seen) -> int:
    """What it adds to the two products of a recurrent layer, for each step and direction."""
    op = one.layer.op
    assert isinstance(op, Recurrent)
    if op.projection:
        raise Unknown(f"{one.layer.name}: a projection was not tried")
    gates, more = {"rnn": (1, 1), "gru": (3, 7), "lstm": (4, 10)}[op.cell]
    steps = prod(one.spatial) * (2 if op.bidirectional else 1)
    return (more + (2 * gates if op.bias_sets else 0)) * op.hidden * steps


def _scores(one: Seen) -> int:
    """Scaled queries, and a softmax at 1 per score."""
    op = one.layer.op
    assert isinstance(op, Attention)
    queries, keys, size, _ = op.sizes(one.layer.inputs)
    return op.heads * queries * (size + keys)


BIAS = per("biases at 1 per output", lambda one: one.bias)
_ATTENTION = where(
    lambda one: one.medium == YAML,
    unknown("whether PyTorch's attention module runs it is not said: known from the PyTorch module"),
    where(
        lambda one: one.inside,
        per("attention modules: scale and softmax", _scores),
        nothing("fused attention counted 0"),
    ),
)
POOLS = (
    *("max pool", "average pool", "adaptive average pool", "adaptive max pool"),
    *("global average pool", "global max pool"),
)

COUNTER = Counter(
    "ptflops",
    "0.7.5",
    "ptflops/pytorch_ops.py, pytorch_engine.py",
    {
        "convolution": _by_module(where(_hooked, BIAS), "convolutions"),
        "transposed convolution": _by_module(where(_hooked, BIAS), "convolutions"),
        "linear layer": _by_module(where(_hooked, BIAS), "linear layers"),
        "matrix product": product(
            where(lambda one: one.operator in ("mm", "bmm", "baddbmm"), (), unknown(VAGUE_PRODUCT))
        ),
        "einsum": nothing("einsum counted 0"),
        "attention": _ATTENTION,
        "recurrent layer": per("recurrent layers: gates and biases", gates_and_biases),
        "batch norm": per("batch norm at 2 (affine) or 1 per element", _norm),
        "instance norm": per("instance norm at 2 (affine) or 1 per element", _norm),
        "group norm": per("group norm at 2 (affine) or 1 per element", _norm),
        "layer norm": where(module, per("layer norm at 1 per element", lambda one: one.x)),
        **zero("rms norm", "other norm", "other activation"),
        "softmax": where(module, per("softmax at 1 per element", lambda one: one.x), unknown(VAGUE_SOFTMAX)),
        "relu": _twice("ReLU"),
        "prelu": _twice("PReLU"),
        "elu": _twice("ELU"),
        "gelu": _twice("GELU"),
        "relu6": _once("ReLU6"),
        "silu": _once("SiLU"),
        "leaky-relu": where(module, per("LeakyReLU at 1 per element", lambda one: one.x)),
        **{pool: _twice("pools") for pool in POOLS},
        "other pool": (),
        **dict.fromkeys(
            [f"{how} upsampling" for how in ("nearest", "linear", "bilinear", "bicubic", "trilinear")],
            where(
                module,
                per("upsampling at 2 per output, by module and function", lambda one: 2 * one.y),
                per("upsampling at 1 per output, by function", lambda one: one.y),
            ),
        ),
        "grid sample": (),
        **FREE,
        **OTHERS,
    },
    all_params,
    by_parents=True,
)
