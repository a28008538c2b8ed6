"""Every operator of Keras and PyTorch that keeps its axes, before a convolution: what the network then reads is an
image, and what the convolution sees is its own window, as behind relu. (ONNX: tests/test_onnx_axes.py.)"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from sepcalc import convert, load, parse, whatif
from sepcalc.errors import InputError
from sepcalc.importers.common.layout import KEEPS
from sepcalc.importers.keras.activation import SIMPLE
from sepcalc.importers.keras.table import LAYERS, OPERATIONS
from sepcalc.network import Network

# --- Keras ------------------------------------------------------------------------------------------------------------

# Those that keep the axes, and take other operands than one or two of one shape, or another kernel behind them.
OTHERS = {
    "Argsort", "Argpartition", "Sort", "TopK", "Digitize", "BroadcastTo", "Concatenate", "Cumsum", "Cumprod", "Glu",
    "LayerNorm", "RMSNorm", "LogSoftmax", "Softmax", "Normalize", "Pad", "Repeat", "Split", "Tile", "CRelu", "Hsplit",
    "Hstack", "Slice", "TakeAlongAxis", "Vsplit", "Vstack", "BatchNorm",
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


ALIKE = {name for name, row in OPERATIONS.items() if row.layout is KEEPS}
KERAS = [
    *[(name, "keras.src.ops.numpy", MORE.get(name, {})) for name in sorted(ALIKE - OTHERS)],
    *[("Activation", "keras.layers", {"activation": name}) for name in sorted(SIMPLE)],
    *[(name, "keras.layers", config) for name, config in LAYERED.items()],
]
GAPS = [  # not counted, or not in compares; a position sees itself alone all the same
    *[(name, "keras.src.ops.numpy", {}) for name in ("Sort", "Argsort")],
    ("TopK", "keras.src.ops.math", {"k": 3}),
    ("Activation", "keras.layers", {"activation": "wizard"}),
]


@pytest.mark.parametrize(("kind", "module", "config"), KERAS, ids=[f"{kind} {config}" for kind, _, config in KERAS])
def test_keras(kind: str, module: str, config: dict[str, Any], tmp_path: Path) -> None:
    as_behind_relu(keras_network(kind, module, config, tmp_path, "channels_last"), "conv")


@pytest.mark.parametrize(("kind", "module", "config"), GAPS)
def test_what_keras_does_not_count_hides_no_window(
    kind: str, module: str, config: dict[str, Any], tmp_path: Path
) -> None:
    network = keras_network(kind, module, config, tmp_path, "channels_last")
    (tmp_path / "m.yaml").write_text(convert(network))
    for one in (network, load(tmp_path / "m.yaml")):
        assert one.receptive_fields()[-1] == (3, 3)
        assert whatif(one, resolution="16x24").after["conv"].output == (14, 22, 4)


def test_what_is_written_as_uncounted_says_along_which_axis_it_sees() -> None:
    said = "uncounted Wizard --to {} --axis {}"
    assert str(parse(f"32x32x3 {said.format('32x32x5', 'c')}")) == f"32x32x3 {said.format('32x32x5', 'c')}"
    network = load(f"32x32x3, {said.format('32x32x5', 'c')}, conv -k3 -o4")
    assert network.receptive_fields() == [(1, 1), (3, 3)]
    assert whatif(network, resolution="16x24").after.layers[0].output == (16, 24, 5)
    assert load(f"32x32x3, {said.format('32x32x3', 'h')}, conv -k3 -o4").receptive_fields() == [(32, 32), (32, 32)]
    wrong = "--axis keeps the sizes of the input along all other axes: 30x32x5 of 32x32x3"
    with pytest.raises(InputError, match=wrong):
        parse(f"32x32x3 {said.format('30x32x5', 'c')}")


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
    assert ALIKE >= OTHERS


# --- PyTorch ----------------------------------------------------------------------------------------------------------

if find_spec("torch"):
    import torch

    from sepcalc import from_torch
    from sepcalc.importers.aten.elements import ELEMENTS
    from sepcalc.importers.aten.operators import OPERATORS as ATEN

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
        **{name: (lambda x, name=name: getattr(torch.ops.aten, name)(x.int(), 1).float()) for name in (
            "bitwise_left_shift", "bitwise_right_shift")},
        **{name: (lambda x, name=name: getattr(torch.nn.functional, name)(x)) for name in (
            "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "mish", "relu6", "silu",
            "softplus", "softshrink")},
        "log_sigmoid": torch.nn.functional.logsigmoid, "log_softmax": lambda x: x.log_softmax(1),
        "softmax": lambda x: x.softmax(1),
    }  # fmt: skip
    INNER = ("glu", "log_sigmoid_forward", "rrelu_with_noise")
    KEEPING = sorted(
        name for name, row in ATEN.items() if row.layout is KEEPS and row.handle and not name.startswith("_")
    )
    TORCH = [name for name in KEEPING if name in ELEMENTS and name not in INNER]
    PLACES = torch.zeros(1, 3, 32, 32, dtype=torch.int64)
    ROWS = torch.arange(32)
    # Those that keep the axes, and look along them, or at other elements.
    LOOKING: dict[str, Any] = {
        **{name: (lambda x, name=name: getattr(torch.ops.aten, name)(x)) for name in (
            "contiguous", "clone", "detach", "alias", "lift", "lift_fresh", "positive", "resolve_conj", "resolve_neg",
            "zero", "argsort", "msort", "bernoulli")},
        **{name: (lambda x, name=name: getattr(torch, name)(x, 0.5, False)) for name in (
            "dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")},
        **{name: (lambda x, name=name: getattr(torch.nn.functional, name)(x, x, reduction="none")) for name in (
            "mse_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
            "soft_margin_loss")},
        **{name: (lambda x, name=name: getattr(torch.ops.aten, name)(x, [0, 0] * int(name[-2]))) for name in (
            "reflection_pad2d", "replication_pad2d")},
        **{name: (lambda x, name=name: getattr(torch, name)(x, 3)) for name in (
            "cumsum", "cumprod", "logcumsumexp")},
        **{name: (lambda x, name=name: getattr(torch, name)(x, 3)[0]) for name in ("cummax", "cummin", "sort")},
        **{name: (lambda x, name=name: getattr(torch, name)(x)) for name in ("tril", "triu")},
        **{name: (lambda x, name=name: getattr(torch, name)((x[:, :1], x[:, 1:]), 1)) for name in (
            "cat", "concat", "concatenate")},
        **{name: (lambda x, name=name: getattr(torch, name)(x, 1, 2)[0]) for name in ("chunk", "unsafe_chunk")},
        **{name: (lambda x, name=name: getattr(torch, name)(x, 32, 2)[0]) for name in ("split", "unsafe_split")},
        **{name: (lambda x, name=name: getattr(torch, name)(x, [32], 2)[0]) for name in (
            "split_with_sizes", "unsafe_split_with_sizes")},
        **{name: (lambda x, name=name: getattr(x, name)(x)) for name in ("type_as", "expand_as", "copysign")},
        **{name: (lambda x, name=name: getattr(x, name)(1, 1, 1, 1)) for name in ("repeat", "tile")},
        **{name: (lambda x, name=name: getattr(x, name)((1, 3, 32, 32))) for name in ("expand", "broadcast_to")},
        "gather": lambda x: x.gather(2, PLACES), "take_along_dim": lambda x: x.take_along_dim(PLACES, 2),
        **{name: (lambda x, name=name: getattr(x, name)(2, ROWS, x)) for name in ("index_add", "index_copy")},
        **{name: (lambda x, name=name: getattr(x, name)(2, PLACES, x)) for name in ("scatter", "scatter_add")},
        "scatter_reduce": lambda x: x.scatter_reduce(2, PLACES, x, "sum"),
        "index_reduce": lambda x: x.index_reduce(2, ROWS, x, "prod"),
        "index_put": lambda x: x.index_put((torch.tensor([0]),), x[:1]), "put": lambda x: x.put(PLACES, x),
        "index_fill": lambda x: x.index_fill(2, ROWS, 1.0), "index_select": lambda x: x.index_select(2, ROWS),
        "index": lambda x: x[:, :, ROWS], "slice": lambda x: x[:, :, :64], "narrow": lambda x: x.narrow(2, 0, 32),
        "slice_copy": lambda x: torch.slice_copy(x, 2), "tensor_split": lambda x: x.tensor_split(1, 2)[0],
        "slice_scatter": lambda x: x.slice_scatter(x, 2),
        "select_scatter": lambda x: x.select_scatter(x[:, :, 0], 2, 0),
        "masked_scatter": lambda x: x.masked_scatter(x > 0, x), "fill": lambda x: torch.fill(x, 1.0),
        "to": lambda x: x.to(torch.float64).float(), "pad": lambda x: torch.ops.aten.pad(x, [0, 0]),
        "constant_pad_nd": lambda x: torch.constant_pad_nd(x, [0, 0]), "roll": lambda x: x.roll(1, 2),
        "flip": lambda x: x.flip(2), "rot90": lambda x: x.rot90(1, (2, 3)), "copy": lambda x: x.clone().copy_(x),
        "repeat_interleave": lambda x: x.repeat_interleave(1, 2),
        "bucketize": lambda x: torch.bucketize(x, ROWS.float()),
        "topk": lambda x: x.topk(32, 3)[0], "layer_norm": lambda x: torch.layer_norm(x, [32]),
        "native_layer_norm": lambda x: torch.native_layer_norm(x, [32], None, None, 1e-5)[0],
        "rms_norm": lambda x: torch.rms_norm(x, [32]), "prelu": lambda x: torch.prelu(x, torch.full((3,), 0.25)),
    }  # fmt: skip
    ALONG: dict[str, Any] = {  # that leave one position along the axes that they look along
        **{name: (lambda x, name=name: getattr(x, name)((2, 3), keepdim=True)) for name in (
            "mean", "sum", "amax", "amin", "var", "std", "logsumexp", "nansum")},
        **{name: (lambda x, name=name: getattr(x, name)(2, keepdim=True)) for name in (
            "prod", "argmax", "argmin", "any", "all")},
        **{name: (lambda x, name=name: getattr(x, name)(2, keepdim=True)[0]) for name in (
            "max", "min", "median", "nanmedian", "mode")},
        "kthvalue": lambda x: x.kthvalue(1, 2, keepdim=True)[0],
        "aminmax": lambda x: x.aminmax(dim=2, keepdim=True)[0],
        "linalg_vector_norm": lambda x: torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True),
        "norm": lambda x: x.norm(dim=(2, 3), keepdim=True),
        "var_mean": lambda x: torch.var_mean(x, (2, 3), keepdim=True)[0],
        "std_mean": lambda x: torch.std_mean(x, (2, 3), keepdim=True)[0],
    }  # fmt: skip
    # Of images with another number of axes, of PyTorch's own, or without the axes that they count along.
    WITHOUT = {
        "aliased",
        "count_nonzero",
        "reflection_pad1d",
        "reflection_pad3d",
        "replication_pad1d",
        "replication_pad3d",
        *INNER,
    }

    class Before(torch.nn.Module):
        """The operator, then a convolution."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name
            self.conv = torch.nn.Conv2d(3, 4, 1 if name in ALONG else 3, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            spelled = {**SPELLED, **LOOKING, **ALONG}
            given = spelled[self.name](x) if self.name in spelled else getattr(torch, self.name)(x)
            return self.conv(given.float() if given.dtype != torch.float32 else given)

    class AlongChannels(Before):
        """The operator along the channels, then a convolution."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found = getattr(x, self.name)(*[3] if self.name == "topk" else [], 1)
            return self.conv((found if isinstance(found, torch.Tensor) else found[0]).float())

    @pytest.mark.parametrize("name", TORCH)
    def test_torch(name: str) -> None:
        as_behind_relu(from_torch(Before(name).eval(), torch.ones(1, 3, 32, 32)), "conv")

    @pytest.mark.parametrize("name", [*LOOKING, *ALONG])
    def test_torch_that_looks_along_axes(name: str) -> None:
        network = from_torch(Before(name).eval(), torch.ones(1, 3, 32, 32))
        size = 1 if name in ALONG else 900
        assert list(network.inputs.values()) == [(32, 32, 3)]
        assert next(iter(network.outputs.values()))[-1] == 4
        assert network["conv"].cost.params == (12 if name in ALONG else 108)
        assert network["conv"].cost.macs >= size * network["conv"].cost.params

    @pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "softmax", "sort", "argsort", "topk"])
    def test_torch_that_looks_along_the_channels(name: str) -> None:
        network = from_torch(AlongChannels(name).eval(), torch.ones(1, 3, 32, 32))
        assert network.receptive_fields()[-1] == (3, 3)
        assert whatif(network, resolution="16x24").after["conv"].output == (14, 22, 4)

    def test_every_operator_of_torch_that_keeps_its_axes_was_tried() -> None:
        assert [name for name, row in ATEN.items() if row.layout is KEEPS and not row.handle] == []
        quantized = {name for name in KEEPING if "::" in name}  # of files alone: tests/test_pt2.py has these
        assert {*TORCH, *LOOKING, *ALONG} == set(KEEPING) - WITHOUT - quantized
