"""TensorFlow's names in the graphs of Keras 2 (``TFOpLambda``, ``SlicingOpLambda``), and which operation each is."""

from typing import Any

from sepcalc.importers.keras.arguments import Handler
from sepcalc.importers.keras.operations import OPERATIONS, tf_gelu

_SAME = {
    "Add": "math.add __operators__.add __operators__.radd add",
    "Subtract": "math.subtract __operators__.sub __operators__.rsub subtract",
    "Multiply": "math.multiply __operators__.mul __operators__.rmul multiply",
    "TrueDivide": "math.divide math.truediv __operators__.truediv __operators__.rtruediv divide realdiv",
    "Maximum": "math.maximum maximum",
    "Minimum": "math.minimum minimum",
    "Greater": "math.greater __operators__.gt",
    "GreaterEqual": "math.greater_equal __operators__.ge",
    "Less": "math.less __operators__.lt",
    "LessEqual": "math.less_equal __operators__.le",
    "Equal": "math.equal",
    "NotEqual": "math.not_equal",
    "Power": "math.pow __operators__.pow pow",
    "Exp": "math.exp exp",
    "Log": "math.log",
    "Log1p": "math.log1p",
    "Sqrt": "math.sqrt sqrt",
    "Rsqrt": "math.rsqrt",
    "Reciprocal": "math.reciprocal",
    "Erf": "math.erf",
    "Sin": "math.sin sin",
    "Cos": "math.cos cos",
    "Square": "math.square square",
    "Absolute": "math.abs abs __operators__.abs",
    "Negative": "math.negative negative __operators__.neg",
    "Tanh": "math.tanh tanh nn.tanh",
    "Relu": "nn.relu",
    "Relu6": "nn.relu6",
    "Sigmoid": "math.sigmoid sigmoid nn.sigmoid",
    "Silu": "nn.silu nn.swish",
    "Softplus": "math.softplus nn.softplus",
    "Softsign": "nn.softsign",
    "Selu": "nn.selu",
    "Elu": "nn.elu",
    "LeakyRelu": "nn.leaky_relu",
    "Softmax": "nn.softmax",
    "LogSoftmax": "nn.log_softmax math.log_softmax",
    "Clip": "clip_by_value",
    "Identity": "identity stop_gradient cast",
    "Mean": "math.reduce_mean reduce_mean",
    "Sum": "math.reduce_sum reduce_sum",
    "Max": "math.reduce_max reduce_max",
    "Min": "math.reduce_min reduce_min",
    "Prod": "math.reduce_prod reduce_prod",
    "Argmax": "math.argmax",
    "Var": "math.reduce_variance",
    "Std": "math.reduce_std",
    "Normalize": "math.l2_normalize linalg.l2_normalize",
    "Where": "where compat.v1.where",
    "Matmul": "linalg.matmul matmul __operators__.matmul",
    "Einsum": "einsum",
    "Reshape": "reshape",
    "ExpandDims": "expand_dims",
    "Squeeze": "squeeze compat.v1.squeeze",
    "Transpose": "transpose compat.v1.transpose",
    "Concatenate": "concat",
    "Stack": "stack",
    "Split": "split",
    "Unstack": "unstack",
    "GetItem": "__operators__.getitem",
    "Tile": "tile",
    "Repeat": "repeat",
    "BroadcastTo": "broadcast_to",
    "Flip": "reverse",
    "Roll": "roll",
    "Pad": "pad compat.v1.pad",
    "Cumsum": "math.cumsum",
    "Resize": "image.resize compat.v1.image.resize",
}
FUNCTIONS: dict[str, Handler] = {name: OPERATIONS[ours] for ours, names in _SAME.items() for name in names.split()}
FUNCTIONS["nn.gelu"] = tf_gelu


def function_of(name: Any) -> Handler | None:
    """What counts a function of TensorFlow, by the name that a layer of Keras 2 stores."""
    return FUNCTIONS.get(name) if isinstance(name, str) else None
