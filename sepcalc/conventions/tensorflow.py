"""TensorFlow's profiler (tf.compat.v1.profiler, float_operation) on a Keras model in inference: two for a
multiply-accumulate, and the operations of the graph that have a rule."""

from sepcalc.conventions.ptflops import BIAS
from sepcalc.conventions.seen import FAMILIES, KERAS, YAML
from sepcalc.conventions.table import OTHERS, Counter, no_params, per, unknown, zero

_NOT_TRIED = unknown("the operations that TensorFlow makes of it were not tried")
_PLAIN = ("convolution", "linear layer", "relu", "relu6", "move")

COUNTER = Counter(
    "tensorflow",
    "2.21",
    "tensorflow/python/profiler/internal/flops_registry.py",
    {
        **dict.fromkeys(FAMILIES, _NOT_TRIED),
        **zero(*_PLAIN),
        **dict.fromkeys(("convolution", "linear layer"), BIAS),
        "batch norm": per(
            "batch norm at 2 per element and 6 per channel", lambda one: 2 * one.x + 6 * one.layer.output[-1]
        ),
        **dict.fromkeys(
            ("max pool", "average pool"), per("pools at their kernel per output", lambda one: one.kernel * one.y)
        ),
        "global average pool": per("global average pools at 1 per input", lambda one: one.x),
        "softmax": per("softmax at 5 per element", lambda one: 5 * one.x),
        **dict.fromkeys(("add", "multiply"), per("sums and products at 1 per output", lambda one: one.y)),
        **OTHERS,
    },
    no_params,
    2,
    (KERAS, YAML),
    "from the Keras model",
)
