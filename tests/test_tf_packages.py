"""TensorFlow itself runs a graph of every operator that is counted: the shapes of its results are those that sepcalc
gives. In an environment of its own (.ci/run), where tensorflow is; elsewhere it is skipped."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs tensorflow")

from sepcalc import load
from sepcalc.importers.tf.operators import OPERATORS

o = tf.raw_ops
F = np.float32
Made = Callable[..., Any]
IMAGE, VOLUME, ROWS = (1, 8, 8, 4), (1, 6, 8, 8, 4), (1, 6, 8)
STEP = [1, 1, 1, 1]


def c(*shape: int, kind: Any = F) -> Any:
    return tf.constant((np.arange(int(np.prod(shape))).reshape(shape) % 7 / 8 + 0.1).astype(kind))


def i(*numbers: int) -> Any:
    return tf.constant(np.array(numbers, np.int32))


def ints(x: Any) -> Any:
    return tf.cast(x, tf.int32)


def _named(names: str, shape: tuple[int, ...] = ROWS) -> dict[str, tuple[Sequence[tuple[int, ...]], Made]]:
    """Operators of one input, which is called as each of them calls it."""
    return {name: ([shape], lambda x, name=name: _one(name, x)) for name in names.split()}


def _one(name: str, x: Any) -> Any:
    for key in ("x", "features", "input", "logits"):
        try:
            return getattr(o, name)(**{key: x})
        except TypeError:
            continue
    raise TypeError(name)


def _two(names: str, prepare: Made = lambda x: x) -> dict[str, tuple[Sequence[tuple[int, ...]], Made]]:
    return {
        name: ([ROWS, (1, 1, 8)], lambda a, b, name=name: getattr(o, name)(x=prepare(a), y=prepare(b)))
        for name in names.split()
    }


def _norm(version: str) -> Made:
    return lambda x: (
        getattr(o, f"FusedBatchNorm{version}")(
            x=x, scale=c(4), offset=c(4), mean=c(4), variance=c(4), is_training=False
        ).y
    )


def _while(x: Any) -> Any:
    return tf.while_loop(lambda at, _: at < 3, lambda at, y: (at + 1, tf.nn.relu(y)), (0, x))[1]


def _array(x: Any) -> Any:
    rows = tf.TensorArray(tf.float32, 6).unstack(tf.transpose(x, [1, 0, 2]))
    out = tf.TensorArray(tf.float32, 6)
    for at in range(6):
        out = out.write(at, tf.nn.relu(rows.read(at)))
    return out.stack()


# The operator -> shapes of its inputs, and what makes it.
CASES: dict[str, tuple[Sequence[tuple[int, ...]], Made]] = {
    "Conv2D": ([IMAGE], lambda x: o.Conv2D(input=x, filter=c(3, 3, 4, 6), strides=[1, 2, 1, 1], padding="SAME")),
    "Conv2D explicit": (
        [IMAGE],
        lambda x: o.Conv2D(
            input=x,
            filter=c(3, 3, 4, 6),
            strides=STEP,
            padding="EXPLICIT",
            explicit_paddings=[0, 0, 1, 2, 0, 1, 0, 0],
            dilations=[1, 2, 1, 1],
        ),
    ),
    "Conv2D grouped": ([IMAGE], lambda x: o.Conv2D(input=x, filter=c(3, 3, 2, 6), strides=STEP, padding="VALID")),
    "Conv3D": ([VOLUME], lambda x: o.Conv3D(input=x, filter=c(3, 3, 2, 4, 6), strides=[1, 1, 2, 1, 1], padding="SAME")),
    "DepthwiseConv2dNative": (
        [IMAGE],
        lambda x: o.DepthwiseConv2dNative(input=x, filter=c(3, 3, 4, 2), strides=[1, 2, 2, 1], padding="VALID"),
    ),
    "Conv2DBackpropInput": (
        [IMAGE],
        lambda x: o.Conv2DBackpropInput(
            input_sizes=i(1, 16, 16, 6), filter=c(3, 3, 6, 4), out_backprop=x, strides=[1, 2, 2, 1], padding="SAME"
        ),
    ),
    "Conv3DBackpropInputV2": (
        [VOLUME],
        lambda x: o.Conv3DBackpropInputV2(
            input_sizes=i(1, 12, 16, 16, 6),
            filter=c(3, 3, 3, 6, 4),
            out_backprop=x,
            strides=[1, 2, 2, 2, 1],
            padding="SAME",
        ),
    ),
    "MatMul": ([(1, 8)], lambda x: o.MatMul(a=x, b=c(5, 8), transpose_b=True)),
    "BatchMatMul": ([ROWS], lambda x: o.BatchMatMul(x=x, y=c(1, 8, 5))),
    "BatchMatMulV2": ([ROWS, ROWS], lambda a, b: o.BatchMatMulV2(x=a, y=b, adj_y=True)),
    "BatchMatMulV3": ([ROWS], lambda x: o.BatchMatMulV3(x=x, y=c(8, 5), Tout=tf.float32)),
    "Einsum": ([ROWS, ROWS], lambda a, b: o.Einsum(inputs=[a, b], equation="bij,bkj->bik")),
    "BiasAdd": ([IMAGE], lambda x: o.BiasAdd(value=x, bias=c(4))),
    "MaxPool": ([IMAGE], lambda x: o.MaxPool(input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME")),
    "MaxPoolV2": ([IMAGE], lambda x: o.MaxPoolV2(input=x, ksize=i(1, 2, 2, 1), strides=i(1, 2, 2, 1), padding="VALID")),
    "MaxPoolWithArgmax": (
        [IMAGE],
        lambda x: o.MaxPoolWithArgmax(input=x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID").output,
    ),
    "MaxPool3D": (
        [VOLUME],
        lambda x: o.MaxPool3D(input=x, ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="VALID"),
    ),
    "AvgPool": ([IMAGE], lambda x: o.AvgPool(value=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME")),
    "AvgPool3D": (
        [VOLUME],
        lambda x: o.AvgPool3D(input=x, ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="SAME"),
    ),
    "FusedBatchNorm": ([IMAGE], _norm("")),
    "FusedBatchNormV2": (
        [IMAGE],
        lambda x: o.FusedBatchNormV2(x=x, scale=c(4), offset=c(4), mean=c(4), variance=c(4), is_training=False).y,
    ),
    "FusedBatchNormV3": ([IMAGE], _norm("V3")),
    "LRN": ([IMAGE], lambda x: o.LRN(input=x, depth_radius=2)),
    "LeakyRelu": ([ROWS], lambda x: o.LeakyRelu(features=x, alpha=0.1)),
    "FakeQuantWithMinMaxArgs": ([ROWS], lambda x: o.FakeQuantWithMinMaxArgs(inputs=x)),
    "FakeQuantWithMinMaxVars": (
        [ROWS],
        lambda x: o.FakeQuantWithMinMaxVars(inputs=x, min=tf.constant(0.0), max=tf.constant(6.0)),
    ),
    "FakeQuantWithMinMaxVarsPerChannel": (
        [ROWS],
        lambda x: o.FakeQuantWithMinMaxVarsPerChannel(inputs=x, min=-c(8), max=c(8)),
    ),
    **{
        f"QuantizeAndDequantize{v}": (
            [ROWS],
            lambda x, v=v: getattr(o, f"QuantizeAndDequantize{v}")(
                input=x,
                input_min=tf.constant(0.0),
                input_max=tf.constant(1.0),
                **({"num_bits": i(8)[0]} if v == "V3" else {}),
            ),
        )
        for v in ("V2", "V3", "V4")
    },
    "AddN": ([ROWS, ROWS, ROWS], lambda a, b, d: o.AddN(inputs=[a, b, d])),
    "AccumulateNV2": ([ROWS, ROWS], lambda a, b: o.AccumulateNV2(inputs=[a, b], shape=[1, 6, 8])),
    **_two(
        "Add AddV2 Sub Mul Div RealDiv Maximum Minimum Pow SquaredDifference Atan2 Greater GreaterEqual Less LessEqual"
    ),
    **_two("Equal NotEqual FloorDiv FloorMod"),
    **_two("Mod TruncateDiv TruncateMod BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift", lambda x: ints(x) + 1),
    **_two("LogicalAnd LogicalOr", lambda x: x > 0.5),
    "LogicalNot": ([ROWS], lambda x: o.LogicalNot(x=x > 0.5)),
    **_named(
        "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Elu Erf Erfc Exp Expm1 Floor Inv Log Log1p LogSoftmax"
    ),
    **_named("Neg Reciprocal Relu Relu6 Rint Round Rsqrt Selu Sigmoid Sign Sin Sinh Softmax Softplus Softsign Sqrt"),
    **_named("Square Tan Tanh Identity StopGradient Snapshot OnesLike ZerosLike DeepCopy PreventGradient"),
    "IdentityN": ([ROWS], lambda x: o.IdentityN(input=[x])[0]),
    "Cast": ([ROWS], lambda x: o.Cast(x=x, DstT=tf.float16)),
    "Bitcast": ([ROWS], lambda x: o.Bitcast(input=x, type=tf.int32)),
    "CheckNumerics": ([ROWS], lambda x: o.CheckNumerics(tensor=x, message="")),
    "EnsureShape": ([ROWS], lambda x: o.EnsureShape(input=x, shape=[1, 6, 8])),
    "PlaceholderWithDefault": ([ROWS], lambda x: o.PlaceholderWithDefault(input=x, shape=[1, 6, 8])),
    **{
        how: ([IMAGE], lambda x, how=how: getattr(o, how)(input=x, axis=i(1, 2), keep_dims=how == "Mean"))
        for how in ("Mean", "Sum", "Max", "Min", "Prod")
    },
    **{
        how: ([ROWS], lambda x, how=how: getattr(o, how)(input=x > 0.5, axis=i(1), keep_dims=False))
        for how in ("All", "Any")
    },
    **{how: ([ROWS], lambda x, how=how: getattr(o, how)(input=x, dimension=2)) for how in ("ArgMax", "ArgMin")},
    "Cumsum": ([ROWS], lambda x: o.Cumsum(x=x, axis=1)),
    "SegmentSum": ([(6, 8)], lambda x: o.SegmentSum(data=x, segment_ids=i(0, 0, 1, 1, 2, 2))),
    **{
        f"UnsortedSegment{how}": (
            [(6, 8)],
            lambda x, how=how: getattr(o, f"UnsortedSegment{how}")(
                data=x, segment_ids=i(0, 0, 1, 1, 2, 2), num_segments=tf.constant(3)
            ),
        )
        for how in ("Sum", "Max", "Min", "Prod")
    },
    "TopKV2": ([ROWS], lambda x: o.TopKV2(input=x, k=tf.constant(3)).values),
    "Reshape": ([ROWS], lambda x: o.Reshape(tensor=x, shape=i(1, 6, 2, 4))),
    "Squeeze": ([(1, 6, 1, 8)], lambda x: o.Squeeze(input=x, axis=[2])),
    "ExpandDims": ([ROWS], lambda x: o.ExpandDims(input=x, axis=tf.constant(2))),
    "Transpose": ([ROWS], lambda x: o.Transpose(x=x, perm=i(0, 2, 1))),
    "Concat": ([ROWS, ROWS], lambda a, b: o.Concat(concat_dim=tf.constant(2), values=[a, b])),
    "ConcatV2": ([ROWS, ROWS], lambda a, b: o.ConcatV2(values=[a, b], axis=tf.constant(1))),
    "Pack": ([ROWS, ROWS], lambda a, b: o.Pack(values=[a, b], axis=2)),
    "Unpack": ([ROWS], lambda x: o.Unpack(value=x, num=6, axis=1)[1]),
    "Split": ([ROWS], lambda x: o.Split(axis=tf.constant(2), value=x, num_split=2)[1]),
    "SplitV": ([ROWS], lambda x: o.SplitV(value=x, size_splits=i(2, 4), axis=tf.constant(1), num_split=2)[1]),
    "Slice": ([ROWS], lambda x: o.Slice(input=x, begin=i(0, 1, 2), size=i(1, 4, -1))),
    "StridedSlice": ([ROWS], lambda x: x[:, 1:6:2, tf.newaxis, ::-1]),
    "Gather": ([ROWS], lambda x: o.Gather(params=c(9, 8), indices=ints(x))),
    "GatherV2": ([ROWS], lambda x: o.GatherV2(params=x, indices=i(0, 2, 4), axis=tf.constant(1))),
    "GatherNd": ([(6, 8)], lambda x: o.GatherNd(params=x, indices=tf.constant([[0], [2]]))),
    "ScatterNd": ([(2, 8)], lambda x: o.ScatterNd(indices=tf.constant([[0], [2]]), updates=x, shape=i(6, 8))),
    "Tile": ([ROWS], lambda x: o.Tile(input=x, multiples=i(1, 2, 3))),
    "BroadcastTo": ([(1, 6, 1)], lambda x: o.BroadcastTo(input=x, shape=i(1, 6, 8))),
    "Pad": ([IMAGE], lambda x: o.Pad(input=x, paddings=tf.constant([[0, 0], [1, 2], [0, 1], [0, 0]]))),
    "PadV2": (
        [IMAGE],
        lambda x: o.PadV2(input=x, paddings=tf.constant([[0, 0], [1, 2], [0, 1], [0, 0]]), constant_values=1.0),
    ),
    "MirrorPad": (
        [IMAGE],
        lambda x: o.MirrorPad(input=x, paddings=tf.constant([[0, 0], [1, 2], [0, 1], [0, 0]]), mode="REFLECT"),
    ),
    "ReverseV2": ([ROWS], lambda x: o.ReverseV2(tensor=x, axis=i(1))),
    "ReverseSequence": ([ROWS], lambda x: o.ReverseSequence(input=x, seq_lengths=i(3), seq_dim=1)),
    "DepthToSpace": ([IMAGE], lambda x: o.DepthToSpace(input=x, block_size=2)),
    "SpaceToDepth": ([IMAGE], lambda x: o.SpaceToDepth(input=x, block_size=2)),
    "SpaceToBatchND": (
        [IMAGE],
        lambda x: o.BatchToSpaceND(
            input=o.Conv2D(
                input=o.SpaceToBatchND(input=x, block_shape=i(2, 2), paddings=tf.constant([[2, 2], [2, 2]])),
                filter=c(3, 3, 4, 6),
                strides=STEP,
                padding="VALID",
            ),
            block_shape=i(2, 2),
            crops=tf.constant([[0, 0], [0, 0]]),
        ),
    ),
    "ResizeBilinear": ([IMAGE], lambda x: o.ResizeBilinear(images=x, size=i(16, 12))),
    "ResizeBicubic": ([IMAGE], lambda x: o.ResizeBicubic(images=x, size=i(16, 12))),
    "ResizeNearestNeighbor": ([IMAGE], lambda x: o.ResizeNearestNeighbor(images=x, size=i(5, 4))),
    "OneHot": ([(1, 6)], lambda x: o.OneHot(indices=ints(x), depth=tf.constant(5), on_value=1.0, off_value=0.0)),
    "Select": ([ROWS, ROWS], lambda a, b: o.Select(condition=a > b, x=a, y=b)),
    "SelectV2": ([ROWS, ROWS], lambda a, b: o.SelectV2(condition=a > b, t=a, e=b)),
    "MatrixDiag": ([ROWS], lambda x: o.MatrixDiag(diagonal=x)),
    "MatrixSetDiag": ([(1, 6, 6), (1, 6)], lambda a, b: o.MatrixSetDiag(input=a, diagonal=b)),
    "SparseToDense": (
        [(2,)],
        lambda x: o.SparseToDense(sparse_indices=i(1, 3), output_shape=i(6), sparse_values=x, default_value=0.0),
    ),
    "While": ([ROWS], _while),
    "TensorListStack": ([ROWS], _array),
}
# Rows that no graph here runs, and why.
WITHOUT = {
    # what a graph has no result of, or hands on unchanged
    *("NoOp", "Assert", "Print", "PrintV2", "_Retval", "Exit", "Enter", "RefEnter", "RefExit", "RefIdentity"),
    *("NextIteration", "RefNextIteration", "LoopCond", "Switch", "RefSwitch", "RemoteCall", "SymbolicGradient"),
    *("PartitionedCall", "StatefulPartitionedCall", "TPUPartitionedCall", "If", "StatelessIf", "StatelessWhile"),
    *("Case", "StatelessCase"),
    # variables, which a frozen graph has none of: tests/test_tf.py reads them in SavedModels
    *("Variable", "VariableV2", "VarHandleOp", "ReadVariableOp", "AssignVariableOp", "AssignAddVariableOp", "Assign"),
    *("ResourceGather",),
    # what only prepares sizes
    *("Shape", "Size", "Rank", "Range", "Fill", "BroadcastArgs"),
    "LogicalXor",  # TensorFlow writes it by And, Or and Not; TFLite has it
    # what only TensorFlow's own optimizer writes
    *("_FusedConv2D", "_FusedDepthwiseConv2dNative", "_FusedMatMul", "FusedDepthwiseConv2dNative"),
}
LISTS = ("TensorArray", "TensorList", "EmptyTensorList")  # by the names of rows: While and TensorListStack run them


def function_of(name: str) -> Any:
    shapes, make = CASES[name]
    made = tf.function(lambda *inputs: tf.identity(make(*inputs), name="y"))
    return made.get_concrete_function(
        *[tf.TensorSpec(shape, tf.float32, name=f"x{at}") for at, shape in enumerate(shapes)]
    )


def alone(shape: Sequence[int]) -> list[int]:
    """The sizes of one example, in any order."""
    return sorted(size for size in (shape[1:] if shape[:1] == (1,) else shape) if size > 1)


def test_every_operator_that_is_counted_has_a_graph() -> None:
    counted = {name for name, row in OPERATORS.items() if row.handle is not None and not name.startswith(LISTS)}
    missing = counted - {name.split()[0] for name in CASES} - WITHOUT - {"BatchToSpaceND"}
    assert sorted(missing) == []
    assert sorted(WITHOUT - OPERATORS.keys()) == []


@pytest.mark.parametrize("name", CASES)
def test_an_operators_shape_is_that_of_the_runtime(name: str, tmp_path: Path) -> None:
    function = function_of(name)
    (tmp_path / "net.pb").write_bytes(function.graph.as_graph_def().SerializeToString())
    inputs = [tf.fill(shape, 0.5) for shape in CASES[name][0]]
    found = function(*inputs)
    shape = tuple((found[0] if isinstance(found, list | tuple) else found).shape)
    network = load(tmp_path / "net.pb", batch=1)
    (output,) = network.outputs.values()
    assert sorted(size for size in output if size > 1) == alone(shape)
    assert [gap.kind for gap in network.uncounted] in ([], ["TopKV2"])


@pytest.mark.parametrize("name", CASES)
def test_an_operators_shape_is_the_same_of_an_open_batch(name: str, tmp_path: Path) -> None:
    shapes, make = CASES[name]
    specs = [
        tf.TensorSpec((None, *shape[1:]) if shape[0] == 1 else shape, tf.float32, name=f"x{at}")
        for at, shape in enumerate(shapes)
    ]
    try:
        made = tf.function(lambda *inputs: tf.identity(make(*inputs), name="y")).get_concrete_function(*specs)
    except (ValueError, TypeError):
        pytest.skip("TensorFlow takes no open batch here")
    (tmp_path / "open.pb").write_bytes(made.graph.as_graph_def().SerializeToString())
    (tmp_path / "fixed.pb").write_bytes(function_of(name).graph.as_graph_def().SerializeToString())
    found, fixed = load(tmp_path / "open.pb"), load(tmp_path / "fixed.pb", batch=1)
    assert [sorted(one) for one in found.outputs.values()] == [sorted(one) for one in fixed.outputs.values()]
    assert (found.macs, found.params) == (fixed.macs, fixed.params)


def models() -> dict[str, Made]:
    layers, models = tf.keras.layers, tf.keras.Sequential
    return {
        "norms": lambda: models(
            [
                layers.Input((12, 12, 3)),
                layers.Conv2D(8, 3, padding="same", use_bias=False),
                layers.BatchNormalization(),
                layers.ReLU(6.0),
                layers.DepthwiseConv2D(3, strides=2),
                layers.SeparableConv2D(16, 3, activation="swish"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(10, activation="softmax"),
            ]
        ),
        "transposed": lambda: models(
            [
                layers.Input((8, 8, 4)),
                layers.Conv2DTranspose(6, 3, strides=2),
                layers.UpSampling2D(2),
                layers.Cropping2D(1),
            ]
        ),
        "dilated": lambda: models(
            [
                layers.Input((16, 16, 4)),
                layers.Conv2D(6, 3, dilation_rate=2),
                layers.DepthwiseConv2D(3, dilation_rate=2),
            ]
        ),
        "lstm": lambda: models([layers.Input((6, 8)), layers.LSTM(5, return_sequences=True), layers.LSTM(4)]),
        "gru": lambda: models([layers.Input((6, 8)), layers.GRU(5), layers.Dense(3)]),
        "sequence": lambda: models(
            [layers.Input((20, 4)), layers.Conv1D(6, 3), layers.MaxPooling1D(2), layers.LayerNormalization()]
        ),
        "attention": _attention,
    }


def _attention() -> Any:
    layers = tf.keras.layers
    tokens = layers.Input((6, 16))
    mixed = layers.LayerNormalization()(tokens + layers.MultiHeadAttention(4, 4)(tokens, tokens))
    return tf.keras.Model(tokens, layers.Dense(5)(mixed))


STATES = {"lstm": 2 * (5 + 4), "gru": 5}  # zeros that the first step reads: a frozen graph does not say what is trained


@pytest.mark.parametrize("name", models())
def test_a_frozen_model_of_keras_has_its_macs(name: str, tmp_path: Path) -> None:
    """What Keras' own file says of the same model, and what a frozen graph says."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    model = models()[name]()
    (tmp_path / "model.json").write_text(model.to_json())
    spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name="x")
    frozen = convert_variables_to_constants_v2(tf.function(model).get_concrete_function(spec))
    (tmp_path / "frozen.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
    tf.saved_model.save(model, str(tmp_path / "saved"))
    said, frozen_graph = load(tmp_path / "model.json"), load(tmp_path / "frozen.pb", batch=1)
    saved = load(tmp_path / "saved")
    assert frozen_graph.macs == saved.macs == said.macs
    stored = said.params + said.cost.buffers
    assert saved.params + saved.cost.buffers == stored
    assert frozen_graph.params + frozen_graph.cost.buffers == stored + STATES.get(name, 0)
