"""TensorFlow's operators one by one, in graphs written as text, with counts by hand."""

from pathlib import Path

import pytest

from sepcalc import InputError, load
from sepcalc.cost import Cost
from sepcalc.network import Network


def shape(*sizes: int) -> str:
    return " ".join(f"dim {{ size: {size} }}" for size in sizes)


def taken(name: str, *sizes: int) -> str:
    return (
        f'node {{ name: "{name}" op: "Placeholder" attr {{ key: "dtype" value {{ type: DT_FLOAT }} }} '
        f'attr {{ key: "shape" value {{ shape {{ {shape(*sizes)} }} }} }} }}'
    )


def stored(name: str, *sizes: int) -> str:
    """A constant whose numbers were taken out."""
    return (
        f'node {{ name: "{name}" op: "Const" attr {{ key: "dtype" value {{ type: DT_FLOAT }} }} '
        f'attr {{ key: "value" value {{ tensor {{ dtype: DT_FLOAT tensor_shape {{ {shape(*sizes)} }} }} }} }} }}'
    )


def numbers(name: str, *values: int, sizes: tuple[int, ...] = ()) -> str:
    """A constant of whole numbers, along one axis unless it has other sizes."""
    said = " ".join(f"int_val: {value}" for value in values)
    tensor = f"tensor {{ dtype: DT_INT32 tensor_shape {{ {shape(*(sizes or (len(values),)))} }} {said} }}"
    return (
        f'node {{ name: "{name}" op: "Const" attr {{ key: "dtype" value {{ type: DT_INT32 }} }} '
        f'attr {{ key: "value" value {{ {tensor} }} }} }}'
    )


def node(op: str, name: str, inputs: str, **attrs: object) -> str:
    """A node: attributes are texts, flags, whole numbers or lists of these."""
    reads = " ".join(f'input: "{one}"' for one in inputs.split())
    return f'node {{ name: "{name}" op: "{op}" {reads} {" ".join(map(attribute, attrs.items()))} }}'


def attribute(pair: tuple[str, object]) -> str:
    key, value = pair
    return f'attr {{ key: "{key}" value {{ {written(value)} }} }}'


def written(value: object) -> str:
    if isinstance(value, bool):
        return f"b: {str(value).lower()}"
    if isinstance(value, int):
        return f"i: {value}"
    if isinstance(value, list):
        return f"list {{ {' '.join(map(written, value))} }}"
    return f"type: {value}" if str(value).startswith("DT_") else f's: "{value}"'


def network(folder: Path, *nodes: str) -> Network:
    (folder / "net.pbtxt").write_text("\n".join(nodes))
    return load(folder / "net.pbtxt")


STEP = [1, 1, 1, 1]
X, XF = taken("x", 1, 8, 8, 4), taken("x", 1, 4, 8, 8)  # channels last and first
CASES = {  # the nodes, the output (channels last), macs, params
    "Conv2D": (
        [X, stored("w", 3, 3, 4, 6), node("Conv2D", "y", "x w", strides=STEP, padding="VALID")], (6, 6, 6), 7_776, 216
    ),
    "Conv2D of stride 2, same": (
        [X, stored("w", 3, 3, 4, 6), node("Conv2D", "y", "x w", strides=[1, 2, 2, 1], padding="SAME")],
        (4, 4, 6), 3_456, 216,
    ),
    "Conv2D, channels first": (
        [XF, stored("w", 3, 3, 4, 6), node("Conv2D", "y", "x w", strides=STEP, padding="SAME", data_format="NCHW")],
        (6, 8, 8), 13_824, 216,
    ),
    "Conv2D, explicit padding": (
        [
            X, stored("w", 3, 3, 4, 6),
            node("Conv2D", "y", "x w", strides=STEP, padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 2, 0, 0, 0]),
        ],
        (7, 8, 6), 12_096, 216,
    ),
    "Conv2D, dilated": (
        [X, stored("w", 3, 3, 4, 6), node("Conv2D", "y", "x w", strides=STEP, padding="VALID", dilations=[1, 2, 2, 1])],
        (4, 4, 6), 3_456, 216,
    ),
    "Conv2D in groups": (
        [X, stored("w", 3, 3, 2, 6), node("Conv2D", "y", "x w", strides=STEP, padding="VALID")],
        (6, 6, 6), 3_888, 108,
    ),
    "DepthwiseConv2dNative": (
        [X, stored("w", 3, 3, 4, 2), node("DepthwiseConv2dNative", "y", "x w", strides=STEP, padding="VALID")],
        (6, 6, 8), 2_592, 72,
    ),
    "Conv2DBackpropInput": (
        [
            X, numbers("to", 1, 16, 16, 3), stored("w", 2, 2, 3, 4),
            node("Conv2DBackpropInput", "y", "to w x", strides=[1, 2, 2, 1], padding="VALID"),
        ],
        (16, 16, 3), 3_072, 48,
    ),
    "MatMul": ([taken("x", 1, 8), stored("w", 8, 5), node("MatMul", "y", "x w")], (5,), 40, 40),
    "MatMul, transposed": (
        [taken("x", 1, 8), stored("w", 5, 8), node("MatMul", "y", "x w", transpose_b=True)], (5,), 40, 40
    ),
    "BiasAdd": (
        [
            X, stored("w", 3, 3, 4, 6), stored("b", 6), node("Conv2D", "c", "x w", strides=STEP, padding="VALID"),
            node("BiasAdd", "y", "c b"),
        ],
        (6, 6, 6), 7_776, 222,
    ),
    "MaxPool": (
        [X, node("MaxPool", "y", "x", ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID")], (4, 4, 4), 0, 0
    ),
    "Mean": ([X, numbers("axes", 1, 2), node("Mean", "y", "x axes")], (4,), 0, 0),
    "BatchMatMulV2": (
        [taken("x", 1, 3, 8), taken("z", 1, 8, 5), node("BatchMatMulV2", "y", "x z")], (3, 5), 120, 0
    ),
    "Einsum": (
        [taken("x", 1, 3, 8), stored("w", 8, 5), node("Einsum", "y", "x w", equation="abc,cd->abd")], (3, 5), 120, 40
    ),
    "SpaceToBatchND": (
        [
            X, numbers("block", 2, 2), stored("w", 3, 3, 4, 6),
            numbers("pads", 2, 2, 2, 2, sizes=(2, 2)), numbers("crops", 0, 0, 0, 0, sizes=(2, 2)),
            node("SpaceToBatchND", "s", "x block pads"),
            node("Conv2D", "c", "s w", strides=STEP, padding="VALID"),
            node("BatchToSpaceND", "y", "c block crops"),
        ],
        (8, 8, 6), 13_824, 216,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_operator_has_its_counts(case: tuple[list[str], tuple[int, ...], int, int], tmp_path: Path) -> None:
    nodes, output, macs, params = case
    found = network(tmp_path, *nodes)
    assert found.complete
    assert (next(iter(found.outputs.values())), found.macs, found.params) == (output, macs, params)


@pytest.mark.parametrize("op", ["_FusedDepthwiseConv2dNative", "FusedDepthwiseConv2dNative"])
def test_a_fused_depthwise_layer_is_the_same_with_its_parts(op: str, tmp_path: Path) -> None:
    """As TensorFlow.js' converter fuses them: 6x6 positions, 9 macs for each of 4 channels of multiplier 2."""
    weights = [X, stored("w", 3, 3, 4, 2), stored("b", 8)]
    how = {"strides": STEP, "padding": "VALID"}
    whole = network(tmp_path, *weights, node(op, "y", "x w b", fused_ops=["BiasAdd", "Relu6"], **how))
    parts = network(
        tmp_path, *weights, node("DepthwiseConv2dNative", "c", "x w", **how), node("BiasAdd", "d", "c b"),
        node("Relu6", "y", "d"),
    )  # fmt: skip
    assert (whole.macs, whole.params) == (2_592, 80)
    assert [layer.kind for layer in whole.layers] == ["depthwise", "act"]
    assert whole.cost._replace(activations=0) == parts.cost._replace(activations=0)


def test_a_norm_has_its_statistics_as_buffers(tmp_path: Path) -> None:
    norm = node("FusedBatchNormV3", "y", "x g b m v", is_training=False)
    found = network(tmp_path, X, *[stored(name, 4) for name in "gbmv"], norm)
    assert (found.params, found.cost.buffers, found.macs) == (8, 8, 0)


def test_what_is_unknown_is_uncounted_with_its_weights(tmp_path: Path) -> None:
    found = network(tmp_path, X, stored("w", 3, 5), node("Wizard", "y", "x w"))
    assert not found.complete
    assert found.params == 15


REFUSED = {
    "a circle": ([X, node("AddV2", "a", "x b"), node("Relu", "b", "a"), node("Relu", "y", "a")], "circle|itself"),
    "a node that is not there": ([X, node("AddV2", "y", "x nosuch")], "nosuch"),
    "a name twice": ([X, X, node("Relu", "y", "x")], "stands for more than one node"),
    "weights that do not fit": (
        [X, stored("w", 3, 3, 5, 6), node("Conv2D", "y", "x w", strides=STEP, padding="VALID")], "y"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_with_a_sentence(case: tuple[list[str], str], tmp_path: Path) -> None:
    nodes, word = case
    with pytest.raises(InputError, match=word):
        network(tmp_path, *nodes)


def test_an_empty_cost_is_no_network(tmp_path: Path) -> None:
    assert network(tmp_path, X, node("Identity", "y", "x")).cost == Cost()
