"""torchinfo: the params of modules without modules in them, times positions; what holds its params elsewhere, and
what is called as a function, counts nothing."""

from math import prod

from sepcalc.conventions.seen import ACTS, TORCH, YAML, Seen, Unknown
from sepcalc.conventions.table import FREE, OTHERS, Counter, Row, all_params, nothing, per, unknown, where, zero
from sepcalc.network import Network


def _leaf(one: Seen) -> bool:
    """Whether a module without modules in it ran it."""
    if one.medium == TORCH and one.leaf and one.own and not (one.called or one.base):
        raise Unknown(f"{one.layer.name}: the names of its class's params are not known")
    return one.leaf and bool(one.called or one.base)


def _elsewhere(one: Seen) -> int:
    """Nothing, unless a module holds its params itself."""
    return 0 * _leaf(one)


def _params(network: Network) -> int | None:
    """All params; those of a module with several parents more than once."""
    if any(layer.weights for layer in network.layers):
        raise Unknown("a module that runs again counts its params for each of its parents, which are not known")
    return all_params(network)


def _by_position(one: Seen) -> int:
    """Weights and biases at every output position: for a transposed convolution too."""
    return one.own * (one.y // one.layer.output[-1]) - one.macs


def _leaves(row: Row, text: str) -> Row:
    return where(_leaf, row, nothing(f"{text} outside of such modules counted 0"))


_PARAMS = where(_leaf, per("params of norms and slopes, once", lambda one: one.own))
_ATTENTION = where(
    lambda one: one.medium == YAML,
    unknown("whether PyTorch's attention module runs it is not said: known from the PyTorch module"),
    nothing("attention counted 0"),
)

COUNTER = Counter(
    "torchinfo",
    "1.8.0",
    "torchinfo/layer_info.py, calculate_macs",
    {
        "convolution": _leaves(where(_leaf, per("biases at 1 per output", _by_position)), "convolutions"),
        "transposed convolution": _leaves(
            where(_leaf, per("transposed convolutions as if outputs were inputs, with biases", _by_position)),
            "transposed convolutions",
        ),
        "linear layer": _leaves(
            where(
                _leaf,
                (
                    *per("linear layers once, not for each row", lambda one: one.own - one.macs - _bias(one)),
                    *per("biases at 1 per output", lambda one: _bias(one)),
                ),
            ),
            "linear layers",
        ),
        "matrix product": nothing("matrix products counted 0"),
        "einsum": nothing("einsum counted 0"),
        "attention": _ATTENTION,
        "recurrent layer": per("recurrent layers: biases", lambda one: prod(one.spatial) * one.own - one.macs),
        **dict.fromkeys(("batch norm", "layer norm", "group norm", "instance norm", "rms norm", "prelu"), _PARAMS),
        **zero("other norm", "softmax", *[act for act in ACTS if act != "prelu"], "other activation"),
        **zero("max pool", "average pool", "other pool", "adaptive average pool", "adaptive max pool"),
        **zero("global average pool", "global max pool", "grid sample"),
        **zero(*[f"{how} upsampling" for how in ("nearest", "linear", "bilinear", "bicubic", "trilinear")]),
        **FREE,
        **dict.fromkeys(("scale", "shift", "other elementwise", "move"), per("params of modules", _elsewhere)),
        "embedding": where(_leaf, per("embeddings: their params, once", lambda one: one.own)),
        **OTHERS,
    },
    _params,
)


def _bias(one: Seen) -> int:
    return one.layer.output[-1] if one.bias else 0
