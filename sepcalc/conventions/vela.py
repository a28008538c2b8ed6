"""Vela, Arm's compiler of TFLite files for Ethos-U: macs of kernels; a mean over an image runs as a depthwise
convolution."""

from sepcalc.conventions.seen import FAMILIES, TFLITE
from sepcalc.conventions.table import OTHERS, Counter, no_params, per, unknown, zero

COUNTER = Counter(
    "vela",
    "5.2.0",
    "ethos-u-vela, --verbose-performance: MAC Count",
    {
        **dict.fromkeys(FAMILIES, unknown("Vela's number for it was not tried")),
        **zero("convolution", "linear layer", "max pool", "softmax", "relu", "relu6", "other activation"),
        **zero("add", "scale", "shift", "move"),
        "global average pool": per("means as depthwise convolutions, at 1 per input", lambda one: one.x),
        **OTHERS,
    },
    no_params,
    media=(TFLITE,),
    known_from="from the TFLite file",
)
