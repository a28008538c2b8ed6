"""Every operator of Keras and PyTorch that keeps its axes, before a convolution: what the network then reads is an
image, and what the convolution sees is its own window, as behind relu. (ONNX: tests/test_onnx_axes.py.)"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sepcalc import load, whatif
from sepcalc.importers.keras.activation import SIMPLE
from sepcalc.importers.keras.table import LAYERS, OPERATIONS
from sepcalc.network import Network

# --- Keras ------------------------------------------------------------------------------------------------------------

# Of the operations on one tensor those that give another shape, need more, or look along an axis.
OTHERS = {
    "Amax", "Amin", "Argmax", "Argmin", "Argsort", "AveragePool", "BroadcastTo", "Concatenate", "Cumsum", "Digitize",
    "DotProductAttention", "Einsum", "ExpandDims", "GetItem", "Glu", "LayerNorm", "LogSoftmax", "Matmul", "Max",
    "MaxPool", "Mean", "Min", "Moveaxis", "Norm", "Normalize", "Pad", "Prod", "Repeat", "Reshape", "Resize",
    "SearchSorted", "Softmax", "Sort", "Split", "Squeeze", "Stack", "Std", "Sum", "Swapaxes", "Take", "Tile", "TopK",
    "Transpose", "Unstack", "Var",
    "AdaptiveAveragePool", "AdaptiveMaxPool", "All", "Any", "Argpartition", "Average", "CRelu", "Conv", "CountNonzero",
    "CropImages", "Cumprod", "DepthToSpace", "DepthwiseConv", "Diagonal", "Diff", "Dot", "ExtractPatches", "Hsplit",
    "Logsumexp", "Moments", "Nanmax", "Nanmin", "Nanprod", "Nansum", "OneHot", "PadImages", "Ptp", "RGBToGrayscale",
    "RMSNorm", "Slice", "SpaceToDepth", "TakeAlongAxis", "Tensordot", "Unfold", "Vsplit", "Vstack", "Hstack",
}  # fmt: skip
TWO = {
    "Add", "Divide", "Equal", "Greater", "GreaterEqual", "Less", "LessEqual", "LogicalAnd", "LogicalOr", "LogicalXor",
    "Maximum", "Minimum", "Multiply", "NotEqual", "Power", "Subtract", "TrueDivide",
    "BitwiseAnd", "BitwiseOr", "BitwiseXor", "DivideNoNan", "FloorDivide", "Fmax", "Fmin", "Fmod", "Heaviside", "Hypot",
    "Logaddexp", "Logaddexp2", "Mod", "SquaredDifference",
}  # fmt: skip
MORE: dict[str, dict[str, Any]] = {
    "Cast": {"dtype": "float32"}, "SaturateCast": {"dtype": "float32"}, "Clip": {"x_min": 0.0, "x_max": 6.0},
    "Flip": {"axis": 2}, "Roll": {"shift": 1, "axis": 2},
}  # fmt: skip
LAYERED: dict[str, dict[str, Any]] = {
    **{key: {} for key in ("ReLU", "LeakyReLU", "ELU", "ActivityRegularization", "Identity")},
    **{key: {"rate": 0.5} for key in ("Dropout", "SpatialDropout2D")},
    "PReLU": {"shared_axes": [1, 2]},
    "GaussianNoise": {"stddev": 1.0},
    "Rescaling": {"scale": 0.5},
}


def keras_network(kind: str, module: str, config: dict[str, Any], folder: Path, data_format: str) -> Network:
    """x -> the layer, or the operation on it (and on itself) -> a 3x3 convolution of 4 kernels."""
    shape = [None, 32, 32, 3] if data_format == "channels_last" else [None, 3, 32, 32]
    x = {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": ["x", 0, 0]}}
    it = {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": ["it", 0, 0]}}
    given, settings = [x, x] if kind in TWO and "layers" not in module else [x], dict(config)
    if kind == "Where":
        given = [x, x, x]
    conv = {"name": "conv", "filters": 4, "kernel_size": [3, 3], "data_format": data_format, "use_bias": False}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "x"}, "name": "x"},
        {
            "class_name": kind,
            "module": module,
            "config": {"name": "it", **settings},
            "name": "it",
            "inbound_nodes": [{"args": given, "kwargs": settings if "ops" in module else {}}],
        },
        {
            "class_name": "Conv2D",
            "module": "keras.layers",
            "config": conv,
            "name": "conv",
            "inbound_nodes": [{"args": [it], "kwargs": {}}],
        },
    ]
    whole = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["conv", 0, 0]]}
    path = folder / "m.json"
    path.write_text(json.dumps({"class_name": "Functional", "module": "keras", "config": whole}))
    return load(path)


def as_behind_relu(network: Network, convolution: str) -> None:
    assert network.complete
    assert list(network.inputs.values()) == [(32, 32, 3)]
    assert list(network.outputs.values()) == [(30, 30, 4)]
    assert network[convolution].cost.macs == 900 * 108
    names = [layer.name for layer in network.layers]
    assert network.receptive_fields()[names.index(convolution)] == (3, 3)
    assert whatif(network, resolution="16x16").after[convolution].cost.params == 108


KERAS = [
    *[(name, "keras.src.ops.numpy", MORE.get(name, {})) for name in sorted(OPERATIONS.keys() - OTHERS)],
    *[("Activation", "keras.layers", {"activation": name}) for name in sorted(SIMPLE)],
    *[(name, "keras.layers", config) for name, config in LAYERED.items()],
]


@pytest.mark.parametrize(("kind", "module", "config"), KERAS, ids=[f"{kind} {config}" for kind, _, config in KERAS])
def test_keras(kind: str, module: str, config: dict[str, Any], tmp_path: Path) -> None:
    as_behind_relu(keras_network(kind, module, config, tmp_path, "channels_last"), "conv")


@pytest.mark.parametrize(
    ("kind", "module", "config"),
    [case for case in KERAS if case[0] not in ("Flip", "Fliplr", "Roll", "PReLU")],
    ids=[f"{kind} {config}" for kind, _, config in KERAS if kind not in ("Flip", "Fliplr", "Roll", "PReLU")],
)
def test_keras_with_channels_first(kind: str, module: str, config: dict[str, Any], tmp_path: Path) -> None:
    network = keras_network(kind, module, config, tmp_path, "channels_first")
    assert list(network.inputs.values()) == [(32, 32, 3)]
    assert network["conv"].cost.macs == 900 * 108
    names = [layer.name for layer in network.layers]
    assert network.receptive_fields()[names.index("conv")] == (3, 3)


def test_the_layers_of_this_table_are_keras_own() -> None:
    assert set(LAYERED) <= set(LAYERS)
    assert set(OPERATIONS) >= OTHERS


# --- PyTorch ----------------------------------------------------------------------------------------------------------

if find_spec("torch"):
    import torch

    from sepcalc import from_torch
    from sepcalc.importers.torch.elements import ELEMENTS

    # names that have another in Python, operands beside x, and what is no function of x alone
    SPELLED: dict[str, Any] = {
        "add": lambda x: x + x, "sub": lambda x: x - 1, "rsub": lambda x: 1 - x, "mul": lambda x: x * x,
        "div": lambda x: x / (x + 1), "pow": lambda x: x**2, "addcdiv": lambda x: torch.addcdiv(x, x, x + 1),
        "addcmul": lambda x: torch.addcmul(x, x, x), "clamp": lambda x: x.clamp(0, 6), "clip": lambda x: x.clip(0, 6),
        "clamp_min": lambda x: x.clamp(min=0), "clamp_max": lambda x: x.clamp(max=6), "lerp": lambda x: x.lerp(x, 0.5),
        "where": lambda x: torch.where(x > 0, x, -x), "masked_fill": lambda x: x.masked_fill(x > 0, 0.0),
        "threshold": lambda x: torch.nn.functional.threshold(x, 0.0, 1.0), "rrelu": torch.nn.functional.rrelu,
        "heaviside": lambda x: torch.heaviside(x, x), "logit": lambda x: x.logit(0.1),
        **{name: (lambda x, name=name: getattr(torch, name)(x, x).float()) for name in (
            "eq", "ne", "lt", "le", "gt", "ge", "maximum", "minimum", "fmax", "fmin", "fmod", "remainder", "hypot",
            "floor_divide", "logaddexp", "xlogy", "logical_and", "logical_or", "logical_xor")},
        **{name: (lambda x, name=name: getattr(torch, name)((x > 0), (x > 1)).float()) for name in (
            "bitwise_and", "bitwise_or", "bitwise_xor")},
        "bitwise_not": lambda x: (~(x > 0)).float(),
        **{name: (lambda x, name=name: getattr(torch.nn.functional, name)(x)) for name in (
            "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "relu6", "silu",
            "softplus", "softshrink")},
        "log_sigmoid": torch.nn.functional.logsigmoid, "log_softmax": lambda x: x.log_softmax(1),
        "softmax": lambda x: x.softmax(1),
    }  # fmt: skip
    INNER = ("glu", "log_sigmoid_forward", "rrelu_with_noise")
    TORCH = sorted(name for name in ELEMENTS if not name.startswith("_") and name not in INNER)

    class Before(torch.nn.Module):
        """The operator, then a convolution."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name
            self.conv = torch.nn.Conv2d(3, 4, 3, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            given = SPELLED[self.name](x) if self.name in SPELLED else getattr(torch, self.name)(x)
            return self.conv(given.float() if given.dtype != torch.float32 else given)

    @pytest.mark.parametrize("name", TORCH)
    def test_torch(name: str) -> None:
        as_behind_relu(from_torch(Before(name).eval(), torch.ones(1, 3, 32, 32)), "conv")
