"""Recurrent layers of ONNX files: which axis is time and which the examples, several sequences in one example, and
the same layer on small integers, as ONNX Runtime's quantizer makes it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import graph, ints, node, saved, weight
from onnx import helper, numpy_helper

from sepcalc import load
from sepcalc.document.compacting import write_compact
from sepcalc.importers import Request
from sepcalc.importers.onnx import read
from sepcalc.network import Network
from sepcalc.verification import verify

F, H = 8, 4  # features, hidden units
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1, "DynamicQuantizeLSTM": 4}


def layer(cell: str, reads: str = "x", gives: str = "y", **settings: Any) -> tuple[Any, tuple[Any, ...]]:
    """A recurrent layer and what it stores."""
    outputs = ["" if name == "-" else name for name in gives.split()]
    if cell == "DynamicQuantizeLSTM":
        names = [reads, "w", "r", *[""] * 5, "ws", "wz", "rs", "rz"]
        made = helper.make_node(cell, names, outputs, domain="com.microsoft", hidden_size=H, **settings)
        tables = (weight("w", 1, F, 4 * H, kind=np.int8), weight("r", 1, H, 4 * H, kind=np.int8))
        scales = tuple(weight(name, 1) for name in ("ws", "rs"))
        return made, (*tables, *scales, *(weight(name, 1, kind=np.int8) for name in ("wz", "rz")))
    made = helper.make_node(cell, [reads, "w", "r"], outputs, hidden_size=H, **settings)
    return made, (weight("w", 1, GATES[cell] * H, F), weight("r", 1, GATES[cell] * H, H))


def step(cell: str) -> int:
    return GATES[cell] * H * (F + H)


def of(folder: Path, nodes: list[Any], shape: Any, stored: tuple[Any, ...], outputs: str = "y", **more: Any) -> Network:
    made = graph(nodes, {"x": shape}, outputs, stored)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    path = folder / "m.onnx"
    path.write_bytes(helper.make_model(made, opset_imports=opsets).SerializeToString())
    return read(str(path), Request(**more))


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("before", ["", "Relu", "MatMul"])
def test_the_first_axis_is_time(cell: str, before: str, tmp_path: Path) -> None:
    """Six steps of one example are six steps, whether the layer reads them at once or something before it does."""
    made, stored = layer(cell, "a" if before else "x")
    nodes = [node(before, "x m" if before == "MatMul" else "x", "a"), made] if before else [made]
    network = of(tmp_path, nodes, (6, 1, F), (*stored, weight("m", F, F)) if before == "MatMul" else stored)
    assert network.macs == 6 * step(cell) + (6 * F * F if before == "MatMul" else 0)
    assert (network.notes, network.guesses) == ((), ())


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("before", ["", "Relu"])
def test_the_second_axis_has_the_examples(cell: str, before: str, tmp_path: Path) -> None:
    made, stored = layer(cell, "a" if before else "x")
    network = of(tmp_path, [node(before, "x", "a"), made] if before else [made], (6, 2, F), stored)
    assert network.macs == 6 * step(cell)
    assert network.notes == ("the file has a fixed batch of 2: counts are for one of them",)


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "RNN"])
def test_the_layout_turns_both_axes(cell: str, tmp_path: Path) -> None:
    made, stored = layer(cell, layout=1)
    assert of(tmp_path, [made], (1, 6, F), stored).macs == 6 * step(cell)
    told = "the first axis of the input 'x' is 6, and nothing says whether it holds examples"
    network = of(tmp_path, [made], (6, 1, F), stored)
    assert ([one.message for one in network.guesses], network.macs) == ([told], step(cell))


def test_one_step_through_something_else_is_not_divided(tmp_path: Path) -> None:
    """What comes before the layer may read 1 x 6 as one example of six places: all are counted."""
    made, stored = layer("LSTM", "a")
    network = of(tmp_path, [node("Relu", "x", "a"), made], (1, 6, F), stored)
    assert (network.macs, network.notes) == (6 * step("LSTM"), ())


def test_open_states_have_the_examples_second(tmp_path: Path) -> None:
    """As PyTorch exports a layer with its state as inputs."""
    made = helper.make_node("LSTM", ["x", "w", "r", "", "n", "h", "c"], ["y", "hn", "cn"], hidden_size=H)
    inputs = [helper.make_tensor_value_info("x", 1, ["steps", "batch", F])]
    inputs += [helper.make_tensor_value_info(name, 1, [1, "batch", H]) for name in ("h", "c")]
    inputs.append(helper.make_tensor_value_info("n", onnx.TensorProto.INT32, ["batch"]))
    outputs = [helper.make_empty_tensor_value_info(name) for name in ("y", "hn", "cn")]
    made = helper.make_graph([made], "g", inputs, outputs, list(layer("LSTM")[1]))
    network = read(saved(tmp_path, made), Request(dims={"steps": "6"}))
    assert (network.macs, network.notes) == (6 * step("LSTM"), ())
    assert read(saved(tmp_path, made), Request(dims={"steps": "6"}, batch=3)).macs == 6 * step("LSTM")


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("gives", ["y", "- h", "y h"])
def test_several_sequences_of_one_example_are_each_counted(cell: str, gives: str, tmp_path: Path) -> None:
    """As dual-path networks have it: one example of three pieces, each of six steps."""
    made, stored = layer(cell, "t", gives)
    nodes = [node("Reshape", "x s", "p"), node("Transpose", "p", "t", perm=[1, 0, 2]), made]
    outputs = gives.removeprefix("- ")
    network = of(tmp_path, nodes, (1, 18, F), (*stored, ints("s", 3, 6, F)), outputs)
    assert (network.macs, network.params) == (18 * step(cell), step(cell))
    shapes = {"y": (6, 1, 3, H), "h": (1, 3, H)}
    assert [*network.outputs.values()] == [shapes[name] for name in outputs.split()]
    assert verify(network).ok
    path = tmp_path / "n.yaml"
    path.write_text(write_compact(network))
    assert load(path).cost == network.cost


# --- on small integers ------------------------------------------------------------------------------------------------

FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "backward": {"direction": "reverse"},
    "both ways": {"direction": "bidirectional"},
    "no bias": {"bias": False},
    "lengths": {"lengths": True},
    "first states": {"states": True},
    "peepholes": {"peephole": True},
    "all of it": {"direction": "bidirectional", "lengths": True, "states": True, "peephole": True},
    "open sizes": {"direction": "bidirectional", "lengths": True, "states": True, "sizes": ("steps", "batch")},
    "a batch": {"states": True, "direction": "bidirectional", "sizes": (5, 3)},
}


def lstm(
    direction: str = "forward",
    bias: bool = True,
    lengths: bool = False,
    states: bool = False,
    peephole: bool = False,
    sizes: tuple[Any, Any] = (5, 1),
) -> Any:
    ways = 2 if direction == "bidirectional" else 1
    shapes = {"w": (ways, 4 * H, F), "r": (ways, 4 * H, H)}
    shapes |= {"b": (ways, 8 * H)} if bias else {}
    shapes |= {"p": (ways, 3 * H)} if peephole else {}
    given = ["x", "w", "r", "b" if bias else "", "n" if lengths else "", *(["h", "c"] if states else ["", ""])]
    inputs = [helper.make_tensor_value_info("x", 1, (*sizes, F))]
    inputs += [helper.make_tensor_value_info("n", 6, sizes[1:])] if lengths else []
    for name in "hc" if states else "":
        inputs.append(helper.make_tensor_value_info(name, 1, (ways, sizes[1], H)))
    one = helper.make_node(
        "LSTM", [*given, "p" if peephole else ""], ["y", "hn", "cn"], "l", hidden_size=H, direction=direction
    )
    random = np.random.default_rng(0)
    made = helper.make_graph(
        [one],
        "g",
        inputs,
        [helper.make_tensor_value_info(name, 1, None) for name in ("y", "hn", "cn")],
        [numpy_helper.from_array(random.standard_normal(s).astype(np.float32), name) for name, s in shapes.items()],
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("channels", [False, True], ids=["one scale", "a scale for each gate"])
@pytest.mark.parametrize("form", FORMS)
def test_a_quantized_lstm_is_the_lstm_that_it_was_made_from(form: str, channels: bool, tmp_path: Path) -> None:
    quantization = pytest.importorskip("onnxruntime.quantization", reason="the quantizer is ONNX Runtime's")
    plain, small = tmp_path / "plain.onnx", tmp_path / "small.onnx"
    onnx.save(lstm(**FORMS[form]), plain)
    kind = quantization.QuantType.QInt8
    quantization.quantize_dynamic(str(plain), str(small), per_channel=channels, weight_type=kind)
    assert [one.op_type for one in onnx.load(small).graph.node] == ["DynamicQuantizeLSTM"]
    request = Request(dims={"steps": "5"} if form == "open sizes" else {})
    one, other = read(str(plain), request), read(str(small), request)
    ways = 2 if "direction" in FORMS[form] and FORMS[form]["direction"] == "bidirectional" else 1
    assert (other.macs, other.params) == (one.macs, one.params) == (5 * ways * step("LSTM"), one.params)
    assert other.cost.buffers == (2 * ways * 4 * H if channels else 2 * ways if ways > 1 else 0)  # the scales
    assert (one.notes, one.uncounted) == (other.notes, other.uncounted)
    assert verify(other).ok


def test_peepholes_on_small_integers_cost_what_peepholes_do(tmp_path: Path) -> None:
    """3H multiplications and 3H additions in each step more, no macs."""
    quantization = pytest.importorskip("onnxruntime.quantization", reason="the quantizer is ONNX Runtime's")
    found = []
    for peephole in (True, False):
        onnx.save(lstm(peephole=peephole), tmp_path / "plain.onnx")
        quantization.quantize_dynamic(str(tmp_path / "plain.onnx"), str(tmp_path / "small.onnx"))
        found.append(read(str(tmp_path / "small.onnx")).cost)
    more, less = found
    assert more._replace(activations=0) == less._replace(
        mults=less.mults + 5 * 3 * H, adds=less.adds + 5 * 3 * H, params=less.params + 3 * H, activations=0
    )
