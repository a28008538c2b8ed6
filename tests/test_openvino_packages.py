"""OpenVINO's runtime runs a graph of every operator that is counted: the shapes of its results are those that sepcalc
gives, from the sizes that stand in the file, and from open ones with ``--input``. In an environment of its own
(.ci/run), where openvino is; elsewhere it is skipped."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ov = pytest.importorskip("openvino", reason="needs openvino")

from openvino import opset1, opset4, opset5, opset8, opset10, opset12, opset13, opset15

from sepcalc import load
from sepcalc.importers.openvino.operators import OPERATORS

F = np.float32
Made = Callable[..., Any]


def c(*shape: int, kind: Any = F) -> Any:
    return opset13.constant((np.arange(int(np.prod(shape))).reshape(shape) % 7 / 8 + 0.1).astype(kind))


def i(*numbers: int) -> Any:
    return opset13.constant(np.array(numbers, np.int64))


def n(number: float, kind: Any = F) -> Any:
    return opset13.constant(np.array(number, kind))


IMAGE, ROWS, MATRIX = (1, 4, 8, 8), (1, 6, 8), (2, 3)
o = opset13
SPAN = ([1, 1], [0, 0], [0, 0])
# The operator -> shapes of its inputs (their type: float, unless a case is in TYPES), and what makes it.
CASES: dict[str, tuple[Sequence[tuple[int, ...]], Made]] = {
    "Convolution": ([IMAGE], lambda x: o.convolution(x, c(6, 4, 3, 3), [2, 1], [1, 0], [1, 2], [1, 2])),
    "GroupConvolution": ([IMAGE], lambda x: o.group_convolution(x, c(2, 3, 2, 3, 3), [1, 1], [1, 1], [1, 1], [1, 1])),
    "ConvolutionBackpropData": (
        [IMAGE],
        lambda x: o.convolution_backprop_data(x, c(4, 5, 3, 3), [2, 2], None, [1, 1], [1, 1], [1, 1], None, [1, 1]),
    ),
    "GroupConvolutionBackpropData": (
        [IMAGE],
        lambda x: o.group_convolution_backprop_data(x, c(2, 2, 3, 4, 4), [2, 2], None, [1, 1], [1, 1], [1, 1]),
    ),
    "MatMul": ([ROWS], lambda x: o.matmul(x, c(5, 8), False, True)),
    "MaxPool": ([IMAGE], lambda x: opset8.max_pool(x, [2, 2], [1, 1], [0, 0], [1, 1], [3, 3], "ceil").output(0)),
    "AvgPool": ([IMAGE], lambda x: opset1.avg_pool(x, [3, 3], [1, 1], [1, 1], [2, 2], True, "ceil")),
    "AdaptiveAvgPool": ([IMAGE], lambda x: opset8.adaptive_avg_pool(x, i(3, 2))),
    "AdaptiveMaxPool": ([IMAGE], lambda x: opset8.adaptive_max_pool(x, i(3, 2), "i32").output(0)),
    "BatchNormInference": ([IMAGE], lambda x: opset5.batch_norm_inference(x, c(4), c(4), c(4), c(4), 1e-5)),
    "MVN": ([ROWS], lambda x: o.mvn(x, i(-1), True, 1e-5, "INSIDE_SQRT")),
    "GroupNormalization": ([IMAGE], lambda x: opset12.group_normalization(x, c(4), c(4), 2, 1e-5)),
    "LRN": ([IMAGE], lambda x: o.lrn(x, i(1), 1, 0.5, 1, 5)),
    "ScaledDotProductAttention": ([(1, 2, 6, 8)] * 3, lambda q, k, v: o.scaled_dot_product_attention(q, k, v)),
    "LSTMSequence": (
        [ROWS],
        lambda x: o.lstm_sequence(
            x, c(1, 2, 5), c(1, 2, 5), i(6), c(2, 20, 8), c(2, 20, 5), c(2, 20), 5, "bidirectional"
        ).output(0),
    ),
    "GRUSequence": (
        [ROWS],
        lambda x: o.gru_sequence(
            x, c(1, 1, 5), i(6), c(1, 15, 8), c(1, 15, 5), c(1, 20), 5, "forward", linear_before_reset=True
        ).output(0),
    ),
    "RNNSequence": (
        [ROWS],
        lambda x: opset5.rnn_sequence(x, c(1, 1, 5), i(6), c(1, 5, 8), c(1, 5, 5), c(1, 5), 5, "forward").output(0),
    ),
    "LSTMCell": ([(1, 8)], lambda x: opset4.lstm_cell(x, c(1, 5), c(1, 5), c(20, 8), c(20, 5), c(20), 5).output(0)),
    "GRUCell": ([(1, 8)], lambda x: o.gru_cell(x, c(1, 5), c(15, 8), c(15, 5), c(15), 5)),
    "RNNCell": ([(1, 8)], lambda x: o.rnn_cell(x, c(1, 5), c(5, 8), c(5, 5), c(5), 5, ["tanh"], [], [])),
    "SoftMax": ([ROWS], lambda x: opset8.softmax(x, -1)),
    "LogSoftmax": ([ROWS], lambda x: o.log_softmax(x, 1)),
    "Einsum": ([ROWS, ROWS], lambda a, b: o.einsum([a, b], "bij,bkj->bik")),
    "Clamp": ([ROWS], lambda x: o.clamp(x, 0, 6)),
    "Swish": ([ROWS], lambda x: opset4.swish(x)),
    "Gelu": ([ROWS], lambda x: o.gelu(x, "tanh")),
    "PReLU": ([IMAGE], lambda x: o.prelu(x, c(4))),
    "Power": ([ROWS], lambda x: o.power(x, n(2))),
    "Mod": ([ROWS], lambda x: o.mod(x, c(8))),
    "FloorMod": ([ROWS], lambda x: o.floor_mod(x, c(8))),
    "Elu": ([ROWS], lambda x: o.elu(x, 0.5)),
    "Selu": ([ROWS], lambda x: o.selu(x, n(1.6), n(1.05))),
    "HardSigmoid": ([ROWS], lambda x: o.hard_sigmoid(x, n(0.2), n(0.5))),
    "FakeQuantize": ([IMAGE], lambda x: o.fake_quantize(x, n(0), n(1), n(0), n(1), 256)),
    "FakeConvert": ([IMAGE], lambda x: o.fake_convert(x, n(1.0), n(0.0))),
    "Select": ([ROWS, ROWS], lambda a, b: o.select(o.greater(a, b), a, b)),
    "CumSum": ([(1, 6)], lambda x: o.cum_sum(x, n(1, np.int64))),
    "NormalizeL2": ([(1, 6)], lambda x: o.normalize_l2(x, i(1), 1e-5, "add")),
    "SquaredDifference": ([ROWS, (8,)], lambda a, b: o.squared_difference(a, b)),
    **{
        f"Reduce{how}": ([IMAGE], lambda x, how=how: getattr(o, f"reduce_{how.lower()}")(x, i(2, 3), how != "Max"))
        for how in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2")
    },
    "ReduceLogicalAnd": ([ROWS], lambda x: o.reduce_logical_and(o.greater(x, n(0)), i(1), False)),
    "ReduceLogicalOr": ([ROWS], lambda x: o.reduce_logical_or(o.greater(x, n(0)), i(2), True)),
    "Reshape": ([ROWS], lambda x: o.reshape(x, i(0, 0, 2, 4), True)),
    "Squeeze": ([(1, 6, 1, 8)], lambda x: o.squeeze(x, i(2))),
    "Unsqueeze": ([ROWS], lambda x: o.unsqueeze(x, i(3))),
    "Transpose": ([ROWS], lambda x: o.transpose(x, i(0, 2, 1))),
    "Concat": ([ROWS, ROWS], lambda a, b: o.concat([a, b], 1)),
    "StridedSlice": ([ROWS], lambda x: o.strided_slice(x, i(0, 1, 0), i(0, 4, 0), i(1, 1, 1), [1, 0, 1], [1, 0, 1])),
    "Slice": ([ROWS], lambda x: opset8.slice(x, i(1), i(5), i(2), i(1))),
    "Split": ([ROWS], lambda x: o.split(x, n(2, np.int64), 2).output(1)),
    "VariadicSplit": ([ROWS], lambda x: o.variadic_split(x, n(1, np.int64), i(2, 4)).output(1)),
    "Gather": ([ROWS], lambda x: opset8.gather(x, i(0, 2), n(1, np.int64))),
    "GatherElements": ([ROWS], lambda x: o.gather_elements(x, o.constant(np.zeros((1, 6, 3), np.int64)), 2)),
    "GatherND": ([ROWS], lambda x: opset8.gather_nd(x, o.constant(np.zeros((1, 2, 1), np.int64)), 1)),
    "Broadcast": ([(1, 6, 1)], lambda x: o.broadcast(x, i(1, 6, 8))),
    "Tile": ([ROWS], lambda x: o.tile(x, i(1, 2, 1))),
    "Pad": ([IMAGE], lambda x: o.pad(x, i(0, 0, 1, 1), i(0, 0, 2, 1), "constant")),
    "ScatterNDUpdate": ([ROWS], lambda x: _nd(x)),
    "ScatterUpdate": ([ROWS], lambda x: o.scatter_update(x, i(1, 2), c(1, 2, 8), n(1, np.int64))),
    "ScatterElementsUpdate": (
        [ROWS],
        lambda x: opset12.scatter_elements_update(
            x, o.constant(np.zeros((1, 2, 8), np.int64)), c(1, 2, 8), n(1, np.int64)
        ),
    ),
    "ReverseSequence": ([ROWS], lambda x: o.reverse_sequence(x, i(3), 0, 1)),
    "Roll": ([ROWS], lambda x: o.roll(x, i(2), i(1))),
    "Convert": ([ROWS], lambda x: o.convert(x, "f16")),
    "ConvertLike": ([ROWS, ROWS], lambda a, b: o.convert_like(a, b)),
    "ShuffleChannels": ([IMAGE], lambda x: o.shuffle_channels(x, 1, 2)),
    "DepthToSpace": ([IMAGE], lambda x: o.depth_to_space(x, "blocks_first", 2)),
    "SpaceToDepth": ([IMAGE], lambda x: o.space_to_depth(x, "blocks_first", 2)),
    "SpaceToBatch": ([IMAGE], lambda x: o.space_to_batch(x, i(1, 1, 2, 2), i(0, 0, 0, 0), i(0, 0, 0, 0))),
    "BatchToSpace": ([(4, 3, 4, 4)], lambda x: o.batch_to_space(x, i(1, 1, 2, 2), i(0, 0, 0, 0), i(0, 0, 0, 0))),
    "ExtractImagePatches": ([IMAGE], lambda x: o.extract_image_patches(x, [2, 2], [2, 2], [1, 1], "valid")),
    "Interpolate": (
        [IMAGE],
        lambda x: o.interpolate(x, i(16, 12), "nearest", "sizes", [0, 0], [0, 0], axes=i(2, 3)),
    ),
    "TopK": ([ROWS], lambda x: o.topk(x, n(3, np.int64), 2, "max", "value").output(0)),
    "OneHot": ([ROWS], lambda x: o.one_hot(o.convert(x, "i64"), n(5, np.int64), n(1.0), n(0.0), -1)),
    "GridSample": ([IMAGE, (1, 5, 6, 2)], lambda x, g: o.grid_sample(x, g, {})),
    "ShapeOf": ([ROWS], lambda x: o.add(x, o.convert(o.reduce_prod(o.shape_of(x), i(0), False), "f32"))),
    "IsNaN": ([ROWS], lambda x: opset10.is_nan(x)),
    "IsInf": ([ROWS], lambda x: opset10.is_inf(x)),
    "IsFinite": ([ROWS], lambda x: opset10.is_finite(x)),
    "LogicalNot": ([ROWS], lambda x: o.logical_not(o.greater(x, n(0)))),
    "LogicalXor": ([ROWS], lambda x: o.logical_xor(o.greater(x, n(0)), o.greater(x, n(1)))),
    "Identity": ([ROWS], lambda x: opset15.identity(x) if hasattr(opset15, "identity") else o.relu(x)),
    **{
        name: ([ROWS, (1, 1, 8)], lambda a, b, how=how: getattr(o, how)(a, b))
        for name, how in (
            *(("Add", "add"), ("Subtract", "subtract"), ("Multiply", "multiply"), ("Divide", "divide")),
            *(("Maximum", "maximum"), ("Minimum", "minimum"), ("Equal", "equal"), ("NotEqual", "not_equal")),
            *(("Greater", "greater"), ("GreaterEqual", "greater_equal")),
            *(("Less", "less"), ("LessEqual", "less_equal")),
        )
    },
    **{
        name: ([ROWS, ROWS], lambda a, b, how=how: getattr(o, how)(o.greater(a, b), o.less(a, b)))
        for name, how in (("LogicalAnd", "logical_and"), ("LogicalOr", "logical_or"))
    },
    **{
        name: ([ROWS], lambda x, how=how or name.lower(): getattr(o, how)(x))
        for name, how in (
            *(("ReLU", "relu"), ("Negative", "negative"), ("Ceiling", "ceiling"), ("HSwish", "hswish")),
            *(("HSigmoid", "hsigmoid"), ("SoftPlus", "softplus"), ("SoftSign", "softsign"), ("Sqrt", "sqrt")),
            *(("Sigmoid", ""), ("Tanh", ""), ("Erf", ""), ("Exp", ""), ("Log", ""), ("Abs", ""), ("Sign", "")),
            *(("Floor", ""), ("Mish", ""), ("Sin", ""), ("Cos", ""), ("Tan", ""), ("Asin", ""), ("Acos", "")),
            *(("Atan", ""), ("Sinh", ""), ("Cosh", ""), ("Asinh", ""), ("Acosh", ""), ("Atanh", "")),
        )
    },
    "Round": ([ROWS], lambda x: o.round(x, "half_to_even")),
}
# Rows that no graph here runs: what prepares constants, keeps states, ends a graph, or is OpenVINO's own inside.
WITHOUT = {
    *("Result", "Assign", "ReadValue", "Range", "Eye", "PriorBox", "PriorBoxClustered", "RandomUniform", "RMS"),
    *("Softmax", "InverseRoll", "Reverse", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"),
    *("BitwiseLeftShift", "BitwiseRightShift"),
}
# Operators whose results depend on what stands in the .bin file where the sizes are open.
STORED = {
    *("AdaptiveAvgPool", "AdaptiveMaxPool", "StridedSlice", "Slice", "Split", "VariadicSplit", "Broadcast", "Tile"),
    *("Pad", "Interpolate", "Gather", "GatherND", "SpaceToBatch", "BatchToSpace", "ExtractImagePatches", "MVN"),
    *(
        "TopK",
        "Squeeze",
        "ReduceLogicalAnd",
        "ReduceMax",
        "LSTMCell",
        "CumSum",
        "NormalizeL2",
        "Power",
        "ShapeOf",
        "Reshape",
    ),
}


def _zeros(*shape: int) -> Any:
    return o.constant(np.zeros(shape, np.int64))


def _nd(x: Any) -> Any:
    return o.scatter_nd_update(x, o.constant(np.zeros((2, 2), np.int64)), c(2, 8))


def model_of(name: str) -> Any:
    shapes, make = CASES[name]
    inputs = [o.parameter(list(shape), F, name=f"x{at}") for at, shape in enumerate(shapes)]
    return ov.Model([o.result(make(*inputs))], inputs, "net")


def run(model: Any, shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    made = ov.Core().compile_model(model, "CPU")([np.full(shape, 0.5, F) for shape in shapes])
    return tuple(next(iter(made.values())).shape)


def alone(shape: Sequence[int]) -> list[int]:
    """The sizes of one example, in any order."""
    return sorted(shape[1:] if shape[:1] == (1,) else shape) or [1]


def given(network: Any) -> list[int]:
    (shape,) = network.outputs.values()
    return sorted(shape)


def test_every_operator_that_is_counted_has_a_graph() -> None:
    counted = {name for name, row in OPERATORS.items() if row.handle is not None and "." not in name}
    assert counted | {"ShapeOf"} == CASES.keys() | WITHOUT


@pytest.mark.parametrize("name", CASES)
def test_an_operators_shape_is_that_of_the_runtime(name: str, tmp_path: Path) -> None:
    model = model_of(name)
    ov.serialize(model, tmp_path / "net.xml")
    (tmp_path / "net.bin").unlink()
    network = load(tmp_path / "net.xml", batch=1)
    assert [size for size in given(network) if size > 1] == [
        size for size in alone(run(model, CASES[name][0])) if size > 1
    ]
    assert not [gap for gap in network.uncounted if name not in ("TopK", "Power")]


@pytest.mark.parametrize("name", CASES)
def test_an_operators_shape_is_the_same_from_open_sizes(name: str, tmp_path: Path) -> None:
    shapes = CASES[name][0]
    model = model_of(name)
    ov.serialize(model, tmp_path / "fixed.xml")
    try:
        model.reshape({one: ov.PartialShape([-1] * len(shape)) for one, shape in zip(model.inputs, shapes)})
    except RuntimeError:
        pytest.skip("OpenVINO takes no open sizes here")
    ov.serialize(model, tmp_path / "net.xml")
    sizes = {f"x{at}": "x".join(map(str, shape)) for at, shape in enumerate(shapes)}
    fixed, network = load(tmp_path / "fixed.xml", batch=1), load(tmp_path / "net.xml", batch=1, input=sizes)
    if name in STORED and network.uncounted:
        reasons = [gap.reason for gap in network.uncounted]
        assert any(".bin" in reason or name == "TopK" for reason in reasons)
        assert all(".bin" in reason or "is not known" in reason or name == "TopK" for reason in reasons)
        return
    assert given(network) == given(fixed)
    assert network.cost == fixed.cost
