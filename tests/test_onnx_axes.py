"""Every operator that keeps its axes, before a convolution: what the network then reads is an image, as before Relu."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sepcalc import convert, load, whatif
from sepcalc.importers.common.layout import KEEPS, KEEPS_FIRST
from sepcalc.importers.onnx import OPERATORS, read
from sepcalc.importers.onnx.rows import Operator
from sepcalc.network import Network

SHAPE = (1, 3, 32, 32)
OWN = ("FastGelu", "BiasGelu", "QuickGelu", "SimplifiedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax", "QLinearWhere", "BiasSoftmax")  # fmt: skip
SCALE, ZERO = np.float32(0.5), np.uint8(3)
Q = (SCALE, ZERO)
# what stands beside x where that is not enough: stored arrays, "x" again, None; and attributes
BESIDE: dict[str, tuple[list[Any], dict[str, Any]]] = {
    **{name: (["x", "x"], {}) for name in ("Sub", "Div", "Pow", "Mod", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift", "SwiGLU", "CastLike")},
    "Where": (["x", "x", "x"], {}),
    "PRelu": (["x", np.ones((3, 1, 1), np.float32)], {}),
    "Cast": (["x"], {"to": 1}),
    "Concat": (["x"], {"axis": 2}),
    "Split": (["x"], {"axis": 2, "num_outputs": 1}),
    "Slice": (["x", np.array([0]), np.array([32]), np.array([2])], {}),
    "Pad": (["x", np.array([0, 0, 0, 0, 0, 0, 0, 0])], {}),
    "Expand": (["x", np.array(SHAPE)], {}),
    "Tile": (["x", np.array([1, 1, 1, 1])], {}),
    "CenterCropPad": (["x", np.array([32, 32])], {"axes": [2, 3]}),
    "ReverseSequence": (["x", np.array([1])], {"batch_axis": 0, "time_axis": 1}),
    "QuantizeLinear": (["x", *Q], {}),
    "DequantizeLinear": (["x", *Q], {}),
    "LayerNormalization": (["x", np.ones(32, np.float32)], {}),
    "RMSNormalization": (["x", np.ones(32, np.float32)], {}),
    "SimplifiedLayerNormalization": (["x", np.ones(32, np.float32)], {}),
    "SkipLayerNormalization": (["x", "x", np.ones(32, np.float32)], {}),
    "SkipSimplifiedLayerNormalization": (["x", "x", np.ones(32, np.float32)], {}),
    **{name: (["x", np.array(3)], {}) for name in ("CumSum", "CumProd")},
    "Scatter": (["x", np.zeros(SHAPE, np.int64), "x"], {"axis": 2}),
    "ScatterElements": (["x", np.zeros(SHAPE, np.int64), "x"], {"axis": 2}),
    "ScatterND": (["x", np.zeros((1, 4), np.int64), np.ones(1, np.float32)], {}),
    "TensorScatter": (["x", np.ones((1, 3, 1, 32), np.float32)], {}),
    "GatherElements": (["x", np.zeros(SHAPE, np.int64)], {"axis": 2}),
    "TopK": (["x", np.array([32])], {"axis": 3}),
    "QLinearAdd": (["x", *Q, "x", *Q, *Q], {}),
    "QLinearMul": (["x", *Q, "x", *Q, *Q], {}),
    "QLinearConcat": ([*Q, "x", *Q], {"axis": 2}),
    "QLinearWhere": (["x", "x", *Q, "x", *Q, *Q], {}),
    "BiasSoftmax": (["x", "x"], {"axis": 3}),
    **{name: (["x", *Q, *Q], {}) for name in ("QLinearLeakyRelu", "QLinearSigmoid", "QLinearSoftmax")},
    "Affine": (["x"], {"alpha": 2.0, "beta": 1.0}),
    "Scale": (["x"], {"scale": 2.0}),
    "ScaledTanh": (["x"], {"alpha": 2.0, "beta": 0.5}),
}  # fmt: skip
KEEPING = sorted(name for name, row in OPERATORS.items() if row.handle and row.layout in (KEEPS, KEEPS_FIRST))
# Those whose elements depend on others along an axis, or on their place.
LOOKING = {
    "Bernoulli", "BiasSoftmax", "CumProd", "CumSum", "DynamicQuantizeLinear", "GatherElements", "Hardmax",
    "LayerNormalization", "LogSoftmax",
    "LpNormalization", "QLinearSoftmax", "RMSNormalization", "Scatter", "ScatterElements", "ScatterND", "Softmax",
    "SimplifiedLayerNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization", "TensorScatter",
    "TopK", "Trilu",
}  # fmt: skip
HALVED = "com.microsoft.SwiGLU"  # gives half of its last axis
NAMES = [name for name in KEEPING if not name.startswith("Reduce") and name != HALVED]


# Those that look along an axis, here that of the channels: a position sees itself alone.
ALONG: dict[str, tuple[list[Any], dict[str, Any]]] = {
    **{name: (["x"], {"axis": 1}) for name in ("Softmax", "LogSoftmax", "Hardmax")},
    **{name: (["x", np.array(1)], {}) for name in ("CumSum", "CumProd")},
    "TopK": (["x", np.array([3])], {"axis": 1}),
}


def before_a_convolution(operator: str, folder: Path, along: bool = False) -> Network:
    """x -> the operator -> a 3x3 convolution of 4 kernels."""
    beside, settings = (ALONG if along else BESIDE).get(operator, (["x"], {}))
    names, stored = [], [numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")]
    for at, one in enumerate(beside):
        names.append("x" if isinstance(one, str) else f"t{at}")
        if not isinstance(one, str):
            stored.append(numpy_helper.from_array(np.asarray(one), names[-1]))
    domain = "com.microsoft" if operator in OWN else ""
    nodes = [
        helper.make_node(operator, names, ["m", "i"][: 1 + (operator == "TopK")], "it", domain=domain, **settings),
        helper.make_node("Conv", ["m", "w"], ["y"], "conv"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_empty_tensor_value_info("y")],
        stored,
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    path = folder / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return read(str(path))


@pytest.mark.parametrize("operator", NAMES)
def test_what_keeps_its_axes_is_read_as_relu_is(operator: str, tmp_path: Path) -> None:
    network, relu = before_a_convolution(operator, tmp_path), before_a_convolution("Relu", tmp_path)
    assert network.inputs == relu.inputs == {"x": (32, 32, 3)}
    assert network.outputs == relu.outputs == {"y": (30, 30, 4)}
    assert network["conv"].cost == relu["conv"].cost
    if operator not in LOOKING:
        assert network.receptive_fields()[-1] == relu.receptive_fields()[-1] == (3, 3)
        assert whatif(network, resolution="16x16").after["conv"].cost.params == 108


@pytest.mark.parametrize("operator", ALONG)
def test_what_looks_along_the_channels_is_read_as_relu_is(operator: str, tmp_path: Path) -> None:
    """Also at a resolution with unequal sides, in YAML too."""
    network = before_a_convolution(operator, tmp_path, along=True)
    (tmp_path / "m.yaml").write_text(convert(network))
    for one in (network, load(tmp_path / "m.yaml")):
        assert one.receptive_fields()[-1] == (3, 3)
        assert whatif(one, resolution="16x24").after["conv"].output == (14, 22, 4)


def test_hardmax_and_running_products_are_counted(tmp_path: Path) -> None:
    """Of 3 channels at 32 x 32 positions: two compares to find the greatest, or two mults."""
    hardmax, cumprod = [before_a_convolution(name, tmp_path, along=True) for name in ("Hardmax", "CumProd")]
    assert hardmax.complete
    assert cumprod.complete
    assert (hardmax.cost.compares, cumprod.cost.mults - hardmax.cost.mults) == (2 * 1024, 2 * 1024)


def test_no_operator_that_keeps_its_axes_is_uncounted() -> None:
    assert [name for name, row in OPERATORS.items() if not row.handle and row.layout in (KEEPS, KEEPS_FIRST)] == []


@pytest.mark.parametrize("operator", [name for name in KEEPING if name.startswith("Reduce")])
def test_reductions_that_keep_their_axes_are_read_so(operator: str, tmp_path: Path) -> None:
    """Of means over all positions a convolution with a 1x1 kernel makes gates, as of what a pool gives."""
    nodes = [
        helper.make_node(operator, ["x"], ["m"], "it", axes=[2, 3], keepdims=1),
        helper.make_node("Conv", ["m", "w"], ["y"], "conv"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")],
    )
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]).SerializeToString())
    network = read(str(path))
    assert network.inputs == {"x": (32, 32, 3)}
    assert network["conv"].cost.macs == network["conv"].cost.params == 12


def test_an_operator_without_a_layout_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="layout"):
        Operator(None)  # type: ignore[call-arg]
