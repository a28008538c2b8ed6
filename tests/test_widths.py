"""Where layers come from, and how wide their elements are: traffic and peak memory by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import node, saved
from onnx import TensorProto, helper, numpy_helper

import sepcalc
from sepcalc.cli import run
from sepcalc.layer import size_in_bytes

# 8x8x3, conv -k3 -o4: 192 elements read, 108 stored, 6x6x4 = 144 written
READ, STORED, WRITTEN = 192, 108, 144


def tensor(name: str, kind: int, *shape: int) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def model(folder: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], stored: list[Any]) -> sepcalc.Network:
    return sepcalc.load(saved(folder, helper.make_graph(nodes, "g", inputs, outputs, stored), opset=21))


def conv(folder: Path, kind: int, numbers: Any) -> sepcalc.Network:
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), numbers), "w")
    ends = [tensor("x", kind, 1, 3, 8, 8)], [tensor("y", kind, 1, 4, 6, 6)]
    return model(folder, [node("Conv", "x w", "y")], *ends, [weight])


@pytest.mark.parametrize(
    ("elements", "bits", "size"), [(3, 4, 2), (1, 1, 1), (8, 1, 1), (9, 1, 2), (5, 16, 10), (5, None, 20)]
)
def test_a_tensor_takes_whole_bytes(elements: int, bits: int | None, size: int) -> None:
    assert size_in_bytes(elements, bits) == size
    assert size_in_bytes(elements, bits, 2) == 2 * elements


KINDS = [(TensorProto.FLOAT, np.float32, 4), (TensorProto.FLOAT16, np.float16, 2), (TensorProto.DOUBLE, np.float64, 8)]


@pytest.mark.parametrize(("kind", "numbers", "width"), KINDS, ids=["float32", "float16", "float64"])
def test_a_file_s_own_widths(kind: int, numbers: Any, width: int, tmp_path: Path) -> None:
    network = conv(tmp_path, kind, numbers)
    (layer,) = network.layers
    assert (layer.element_bits, network.input_bits) == (8 * width, {"x": 8 * width})
    assert layer.traffic() == width * (READ + STORED + WRITTEN)
    assert network.peak_memory() == width * (READ + WRITTEN)
    assert (layer.traffic(4), network.peak_memory(4)) == (4 * (READ + STORED + WRITTEN), 4 * (READ + WRITTEN))


def test_the_command_says_which_widths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conv(tmp_path, TensorProto.FLOAT16, np.float16)
    file = str(tmp_path / "m.onnx")

    def printed(*more: str) -> str:
        assert run(["network", file, *more]) == 0
        return capsys.readouterr().out

    assert "at the widths of the file" in printed()
    assert "4 bytes an element" in printed("--element-bytes", "4")
    document = json.loads(printed("--format", "json"))
    (row,) = document["layers"]
    assert list(row)[-2:] == ["origin", "element_bits"]
    assert row["origin"] == {"operator": "Conv", "module": None, "class": None}
    assert (row["element_bits"], row["traffic"], document["totals"]["peak_memory"]) == (16, 888, 672)
    assert json.loads(printed("--format", "json", "--element-bytes", "4"))["layers"][0]["traffic"] == 1776
    assert printed("--format", "csv").splitlines()[1].endswith(",x,operator=Conv,16")


def test_an_int8_graph_of_quantize_and_dequantize(tmp_path: Path) -> None:
    stored = [
        numpy_helper.from_array(np.array(0.1, np.float32), "s"),
        numpy_helper.from_array(np.array(3, np.int8), "z"),
        numpy_helper.from_array(np.ones((4, 3, 3, 3), np.int8), "w_quantized"),
    ]
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("DequantizeLinear", "w_quantized s", "w"),
        node("Conv", "d w", "y"),
    ]
    ends = [tensor("x", TensorProto.FLOAT, 1, 3, 8, 8)], [tensor("y", TensorProto.FLOAT, 1, 4, 6, 6)]
    network = model(tmp_path, nodes, *ends, stored)
    quantized = next(layer for layer in network.layers if layer.detail.startswith("clip"))
    assert quantized.element_bits == 8
    convolution = network.layers[-1]
    assert (convolution.kind, convolution.element_bits, convolution.input_bits) == ("conv", 32, (32,))
    assert convolution.traffic() == 4 * READ + STORED + 4 * WRITTEN  # each weight takes one byte
    assert quantized.traffic() == 4 * READ + READ
    first = network.layers[network.layers.index(quantized) + 1]  # of the DequantizeLinear: int8 in
    assert first.input_bits == (8,)


def test_keyword_spotting_in_int8(tmp_path: Path) -> None:
    """The first layer of MLPerf Tiny's DS-CNN: 49x10 coefficients, 64 kernels of 10x4, stride 2: 25x5x64."""
    stored = [
        numpy_helper.from_array(np.array(0.1, np.float32), "s"),
        numpy_helper.from_array(np.array(3, np.int8), "z"),
        numpy_helper.from_array(np.ones((64, 1, 10, 4), np.int8), "w"),
        numpy_helper.from_array(np.ones(64, np.int32), "b"),
    ]
    pads = {"strides": [2, 2], "pads": [4, 1, 5, 1]}
    nodes = [node("QLinearConv", "x s z w s z s z b", "y", **pads)]
    ends = [tensor("x", TensorProto.INT8, 1, 1, 49, 10)], [tensor("y", TensorProto.INT8, 1, 64, 25, 5)]
    network = model(tmp_path, nodes, *ends, stored)
    first = network.layers[0]
    assert (first.output, first.cost.macs, first.cost.params) == ((25, 5, 64), 8000 * 40, 64 * 40 + 64)
    assert first.stored_bytes() == 64 * 40 + 4 * 64  # kernels of int8, a bias of int32
    assert first.traffic() == 490 + 64 * 40 + 4 * 64 + 8000
    assert {layer.element_bits for layer in network.layers} == {8}
    assert network.peak_memory() == 2 * 8000  # input and output of each step after the first


def test_indices_and_truths_have_widths_of_their_own(tmp_path: Path) -> None:
    stored = [numpy_helper.from_array(np.array([2], np.int64), "k")]
    nodes = [node("TopK", "x k", "v i"), node("Greater", "x x", "t")]
    outputs = [tensor("v", 1, 1, 2), tensor("i", 7, 1, 2), tensor("t", 9, 1, 8)]
    network = model(tmp_path, nodes, [tensor("x", 1, 1, 8)], outputs, stored)
    bits = {name: network.tensor_bits[at] for name, at in network.ends.items()}
    assert bits == {"v": 32, "i": 64, "t": 8}


def test_int4_weights_take_half_a_byte(tmp_path: Path) -> None:
    packed = helper.make_tensor("w_quantized", TensorProto.INT4, (3, 5), [1] * 15)
    stored = [packed, numpy_helper.from_array(np.array(0.1, np.float32), "s")]
    nodes = [node("DequantizeLinear", "w_quantized s", "w"), node("MatMul", "x w", "y")]
    network = model(tmp_path, nodes, [tensor("x", 1, 1, 3)], [tensor("y", 1, 1, 5)], stored)
    layer = network.layers[-1]
    assert (layer.cost.params, layer.stored_bytes()) == (15, 8)
    assert layer.traffic() == 4 * 3 + 8 + 4 * 5


def test_the_exporter_s_modules_are_kept(tmp_path: Path) -> None:
    made = node("Conv", "x w", "y")
    classes = [
        "net.Net",
        "torch.nn.modules.container.Sequential",
        "torch.nn.modules.conv.Conv2d",
        "aten.conv2d.default",
    ]
    for key, value in (("class_hierarchy", classes), ("name_scopes", ["", "stem", "stem.0", "conv2d"])):
        one = made.metadata_props.add()
        one.key, one.value = f"pkg.torch.onnx.{key}", str(value)
    weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    ends = [tensor("x", 1, 1, 3, 8, 8)], [tensor("y", 1, 1, 4, 6, 6)]
    (layer,) = model(tmp_path, [made], *ends, [weight]).layers
    assert layer.origin is not None
    assert layer.origin.record() == {
        "operator": "Conv",
        "module": "stem.0",
        "class": "torch.nn.modules.conv.Conv2d",
    }


def test_a_rewritten_network_keeps_its_widths(tmp_path: Path) -> None:
    network = conv(tmp_path, TensorProto.FLOAT16, np.float16)
    after = sepcalc.whatif(network, "*=depthwise-separable").after
    assert [layer.element_bits for layer in after.layers] == [16, 16]
    assert [layer.traffic() for layer in after.layers] == [2 * (192 + 27 + 108), 2 * (108 + 12 + 144)]
    assert after.peak_memory() == 2 * (192 + 108)


def test_yaml_says_no_widths() -> None:
    (layer,) = sepcalc.load("8x8x3, conv -k3 -o4").layers
    assert (layer.origin, layer.element_bits, layer.traffic()) == (None, None, 4 * (READ + STORED + WRITTEN))


@pytest.mark.parametrize(
    ("dtype", "bits", "stored"),
    [
        ("float32", 32, 4),
        ("float16", 16, 2),
        ("bfloat16", 16, 2),
        ("mixed_float16", 16, 4),
        ({"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}, 16, 4),
        (None, None, 4),
    ],
)
def test_keras_has_a_policy_for_each_layer(dtype: Any, bits: int | None, stored: int, tmp_path: Path) -> None:
    settings = {"filters": 4, "kernel_size": [3, 3], "use_bias": False, "activation": "linear", "dtype": dtype}
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8, 8, 3], "dtype": "uint8"}},
        {"class_name": "Conv2D", "module": "keras.layers", "config": {"name": "conv", **settings}},
    ]
    file = tmp_path / "net.json"
    file.write_text(json.dumps({"class_name": "Sequential", "config": {"name": "net", "layers": layers}}))
    network = sepcalc.load(file)
    (layer,) = network.layers
    assert network.input_bits == {"in": 8}
    assert layer.element_bits == bits
    assert layer.traffic() == READ + stored * STORED + (bits or 32) // 8 * WRITTEN
    assert layer.origin is not None
    assert layer.origin.record() == {"operator": "Conv2D", "module": "conv", "class": "keras.layers.Conv2D"}


def test_pytorch_has_types() -> None:
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.ReLU()).half()
    network = sepcalc.from_torch(net, torch.ones(1, 3, 8, 8, dtype=torch.float16))
    first = network.layers[0]
    assert [layer.element_bits for layer in network.layers] == [16, 16]
    assert (first.traffic(), network.peak_memory()) == (2 * (READ + STORED + WRITTEN), 2 * (READ + WRITTEN))
    assert first.origin is not None
    assert first.origin.record() == {
        "operator": "aten::conv2d",
        "module": "0",
        "class": "torch.nn.modules.conv.Conv2d",
    }
    ids = sepcalc.from_torch(torch.nn.Embedding(10, 4), torch.ones(1, 5, dtype=torch.int64))
    assert [*ids.input_bits.values()] == [64]
    assert ids.peak_memory() == 8 * 5 + 4 * 5 * 4


# --- the gate --------------------------------------------------------------------------------------------------------


def test_a_baseline_keeps_widths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    conv(tmp_path, TensorProto.FLOAT16, np.float16)
    sepcalc.baseline("m.onnx").write("base.json")
    assert sepcalc.check("m.onnx", baseline="base.json", max_increase="0%").passed
    conv(tmp_path, TensorProto.FLOAT, np.float32)
    outcome = sepcalc.check("m.onnx", baseline="base.json", max_increase={"traffic": "0%", "peak-memory": "99%"})
    assert [(one.metric, one.limit, one.actual, one.passed) for one in outcome.verdicts] == [
        ("traffic", 888, 1776, False),
        ("peak_memory", 1337, 1344, False),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"element_bits": 16', '"element_bits": 32', "a layer's traffic must be what it reads, stores and writes"),
        ('"element_bits": 16', '"element_bits": 0', "widths must be bits from 1 to 128, or null"),
        (
            '"stored_bytes": 216',
            '"stored_bytes": 217',
            "a layer's traffic must be what it reads, stores and writes",
        ),
        ('{"x": 16}', '{"x": 8}', "a layer's traffic must be what it reads, stores and writes"),
        ('{"x": 16}', '{"z": 16}', "input_bits must be widths of inputs by name"),
    ],
)
def test_a_baseline_s_widths_are_held_to_its_numbers(
    old: str, new: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    conv(tmp_path, TensorProto.FLOAT16, np.float16)
    sepcalc.baseline("m.onnx").write("base.json")
    text = Path("base.json").read_text()
    assert text.count(old) == 1
    Path("base.json").write_text(text.replace(old, new))
    with pytest.raises(sepcalc.InputError) as caught:
        sepcalc.check("m.onnx", baseline="base.json", max_increase="0%")
    assert f"the baseline is not as sepcalc wrote it: {said}" in str(caught.value)


def test_a_baseline_cannot_be_of_wider_elements_than_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    conv(tmp_path, TensorProto.DOUBLE, np.float64)
    sepcalc.baseline("m.onnx").write("base.json")
    conv(tmp_path, TensorProto.FLOAT, np.float32)
    with pytest.raises(sepcalc.InputError, match=r"bytes for each number|has elements of 64 bits"):
        sepcalc.check("m.onnx", baseline="base.json", max_increase="0%")
