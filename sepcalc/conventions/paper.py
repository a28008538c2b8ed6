"""Papers: multiply-accumulates of every layer, biases, norms and activations left out; params that are trained."""

from sepcalc.conventions.seen import FAMILIES, FILE, KERAS, TFLITE, TORCH, YAML
from sepcalc.conventions.table import OTHERS, Counter, all_params, zero

COUNTER = Counter(
    "paper",
    "",
    "Howard et al., arXiv:1704.04861, section 3.1: Mult-Adds",
    {
        **zero(*[name for name in FAMILIES if name not in OTHERS]),
        "repeated layer": (),
        "uncounted operator": OTHERS["uncounted operator"],
    },
    all_params,
    media=(TORCH, YAML, KERAS, TFLITE, FILE),
)
