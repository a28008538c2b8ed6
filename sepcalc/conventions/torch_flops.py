"""PyTorch's FlopCounterMode on a processor, without gradients: two for a multiply-accumulate of convolutions and matrix
products as they are dispatched; nothing else."""

from sepcalc.conventions.seen import FAMILIES, FILE, KERAS, TFLITE, TORCH, YAML, Seen
from sepcalc.conventions.table import OTHERS, Counter, no_params, nothing, unknown, where, zero

_UNSAID = "whether attention is fused is not said: known from the PyTorch module, or its .pt2 file"


def _other(one: Seen) -> bool:
    return one.medium != TORCH


def lstm(one: Seen) -> bool:
    """Whether it is an LSTM: PyTorch runs it as one operator, other cells step by step."""
    return getattr(one.layer.op, "cell", "") == "lstm"


COUNTER = Counter(
    "torch",
    "2.13",
    "torch/utils/flop_counter.py",
    {
        **zero(*[name for name in FAMILIES if name not in OTHERS]),
        "linear layer": where(
            lambda one: one.fast or one.fused, nothing("linear layers in the fused fast path counted 0")
        ),
        "matrix product": where(lambda one: one.medium not in (TORCH, YAML), unknown(_UNSAID)),
        "attention": where(_other, unknown(_UNSAID), nothing("fused attention counted 0")),
        "recurrent layer": where(lstm, nothing("LSTM counted 0")),
        **OTHERS,
    },
    no_params,
    2,
    (TORCH, YAML, KERAS, TFLITE, FILE),
)
