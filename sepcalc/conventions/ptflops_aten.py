"""ptflops with its ATen backend: convolutions and matrix products as they are dispatched, and their biases."""

from math import prod

from sepcalc.conventions.fvcore import by_first_operand
from sepcalc.conventions.ptflops import BIAS
from sepcalc.conventions.seen import FAMILIES, TORCH, Seen
from sepcalc.conventions.table import OTHERS, Counter, all_params, nothing, per, unknown, where, zero
from sepcalc.conventions.torch_flops import lstm
from sepcalc.ops.recurrent import Recurrent


def _biases(one: Seen) -> int:
    op = one.layer.op
    assert isinstance(op, Recurrent)
    gates = {"rnn": 1, "gru": 3}[op.cell]
    return 2 * gates * op.hidden * prod(one.spatial) * (2 if op.bidirectional else 1) if op.bias_sets else 0


_QUIET = [name for name in FAMILIES if name not in OTHERS]

COUNTER = Counter(
    "ptflops-aten",
    "0.7.5",
    "ptflops/aten_ops.py, aten_engine.py",
    {
        **zero(*_QUIET),
        **dict.fromkeys(("convolution", "transposed convolution", "linear layer"), BIAS),
        "matrix product": per("matrix products by their first operand", by_first_operand),
        "attention": where(
            lambda one: one.medium == TORCH,
            nothing("fused attention counted 0"),
            unknown("whether attention is fused is not said: known from the PyTorch module"),
        ),
        "recurrent layer": where(lstm, nothing("LSTM counted 0"), per("biases at 1 per output", _biases)),
        **OTHERS,
    },
    all_params,
)
