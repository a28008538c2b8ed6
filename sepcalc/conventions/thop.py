"""thop (Lyken17): hooks on modules of exactly PyTorch's classes; what is called as a function counts nothing."""

from fractions import Fraction
from math import prod

from sepcalc.conventions.seen import ACTS, TORCH, YAML, Seen, Unknown, seen
from sepcalc.conventions.table import FREE, OTHERS, Counter, Row, module, nothing, per, unknown, where, zero
from sepcalc.network import Network
from sepcalc.ops.recurrent import Recurrent

RULED = frozenset(
    [
        "Conv",
        "ConvTranspose",
        "BatchNorm",
        "LayerNorm",
        "InstanceNorm",
        "PReLU",
        "Softmax",
        "ReLU",
        "ReLU6",
        "LeakyReLU",
        "MaxPool",
        "AdaptiveMaxPool",
        "AvgPool",
        "AdaptiveAvgPool",
        "Linear",
        "Dropout",
        "Upsample",
        "UpsamplingBilinear",
        "UpsamplingNearest",
        "RNNCell",
        "GRUCell",
        "LSTMCell",
        "RNN",
        "GRU",
        "LSTM",
        "SyncBatchNorm",
    ]
)
UPSAMPLED = {"linear": 5, "bilinear": 11, "bicubic": 259}


def modules(row: Row, text: str) -> Row:
    """A row for modules; functions count nothing."""
    return where(module, row, nothing(f"{text} that are called as functions counted 0"))


def norm(one: Seen) -> int:
    """A norm at 4 per element, or at 2 without a scale."""
    return (4 if one.affine else 2) * one.x if one.called else 0


def transposed(one: Seen) -> int:
    """It takes the outputs for the inputs, and the channels of an input group."""
    inputs, _, groups = one.channels
    return one.y * (inputs // groups) * one.kernel - one.macs


def softmax(one: Seen) -> int:
    """Rows of n at 3n - 1."""
    axis = getattr(one.layer.op, "axis", -1)
    return 3 * one.x - one.x // one.layer.inputs[0][axis]


def _adaptive(one: Seen) -> int:
    after = one.y // one.layer.output[-1]
    return int((Fraction(prod(one.spatial), after) + 1) * one.y) if one.called else 0


def recurrent(one: Seen) -> int:
    """What it counts for a recurrent layer beyond the products."""
    op = one.layer.op
    assert isinstance(op, Recurrent)
    if op.projection:
        raise Unknown(f"{one.layer.name}: a projection was not tried")
    gates, more = {"rnn": (1, 0), "gru": (3, 4), "lstm": (4, 4)}[op.cell]
    steps = prod(one.spatial) * (2 if op.bidirectional else 1)
    return (gates * (3 if op.bias_sets else 1) + more) * op.hidden * steps


def _params(network: Network) -> int | None:
    """Of modules that it has a rule for."""
    layers = [*seen(network)]
    if any(one.medium not in (TORCH, YAML) or one.layer.weights for one in layers):
        raise Unknown("modules are not known")
    return sum(one.layer.cost.params for one in layers if one.called in RULED)


def _resampled(how: str, times: int) -> Row:
    return where(module, per(f"{how} upsampling at {times} per output", lambda one: times * one.y))


_NORM = per("norms at 4 (affine) or 2 per element", norm)
_ATTENTION = where(
    lambda one: one.medium == YAML,
    unknown("whether PyTorch's attention module runs it is not said: known from the PyTorch module"),
    nothing("attention counted 0"),
)

COUNTER = Counter(
    "thop",
    "0.1.1.post2209072238",
    "thop/profile.py, vision/basic_hooks.py, vision/calc_func.py",
    {
        "convolution": modules((), "convolutions"),
        "transposed convolution": modules(
            where(module, per("transposed convolutions as if outputs were inputs", transposed)),
            "transposed convolutions",
        ),
        "linear layer": modules((), "linear layers"),
        "matrix product": nothing("matrix products counted 0"),
        "einsum": nothing("einsum counted 0"),
        "attention": _ATTENTION,
        "recurrent layer": per("recurrent layers: gates and biases", recurrent),
        **dict.fromkeys(("batch norm", "layer norm", "instance norm"), _NORM),
        **zero("group norm", "rms norm", "other norm"),
        "softmax": where(module, per("softmax at 3n - 1 per row", softmax)),
        **zero(*ACTS, "other activation"),
        "prelu": where(module, per("PReLU at 1 per element", lambda one: one.x)),
        **zero("max pool", "other pool", "adaptive max pool", "global max pool", "grid sample"),
        "average pool": where(module, per("average pools at 1 per output", lambda one: one.y)),
        **dict.fromkeys(
            ("adaptive average pool", "global average pool"),
            per("adaptive average pools at their windows and 1 per output", _adaptive),
        ),
        "nearest upsampling": where(module, per("nearest upsampling at 1 per output", lambda one: one.y)),
        **{f"{how} upsampling": _resampled(how, times) for how, times in UPSAMPLED.items()},
        **zero("trilinear upsampling"),
        **FREE,
        **OTHERS,
    },
    _params,
    by_parents=True,
)
