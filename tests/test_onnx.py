"""ONNX files as networks: real ones against published macs, small ones against numbers worked out by hand, and broken
ones against the sentence that says so."""

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from graphs import FLOAT, INT64, graph, ints, node, refusal, saved, weight
from onnx import TensorProto, helper, numpy_helper

from sepcalc import load
from sepcalc.cli import run
from sepcalc.errors import InputError
from sepcalc.importers import Request
from sepcalc.importers.common.isolated import run_apart
from sepcalc.importers.onnx import OPERATORS, read
from sepcalc.layer import Gap
from sepcalc.network import Network
from sepcalc.verification import verify

DATA = Path(__file__).parent / "data" / "onnx"


# --- real files -------------------------------------------------------------------------------------------------------

REAL = [  # macs as torchvision publishes them
    ("alexnet", 714_188_480, 61_100_840),
    ("mobilenet_v2", 300_774_272, None),
    ("mobilenet_v2.torchscript", 300_774_272, None),
    ("mobilenet_v3_small", 56_510_400, None),
    ("resnet18", 1_814_073_344, 11_689_512 - 9_600 + 960),
    ("shufflenet_v2_x0_5", 40_476_448, None),
]


@pytest.mark.parametrize(("name", "macs", "params"), REAL)
def test_real_files(name: str, macs: int, params: int | None) -> None:
    network = load(DATA / f"{name}.onnx")
    assert network.complete
    assert network.macs == macs
    # resnet18: 9,600 of its batch norms are folded away, and 960 biases, all equal, are stored once for each width
    assert params in (None, network.params)
    assert network.param_bytes == 4 * network.params


def test_both_exporters_give_the_same_macs_layer_by_layer() -> None:
    new, old = load(DATA / "mobilenet_v2.onnx"), load(DATA / "mobilenet_v2.torchscript.onnx")
    assert [(one.kind, one.output, one.cost.macs) for one in new.layers if one.cost.macs] == [
        (one.kind, one.output, one.cost.macs) for one in old.layers if one.cost.macs
    ]


def test_a_real_file_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", str(DATA / "mobilenet_v2.onnx"), "--top", "1", "--exact"]) == 0
    assert "300,774,272" in capsys.readouterr().out


# --- inputs -----------------------------------------------------------------------------------------------------------


def dense(*shape: Any) -> tuple[Any, ...]:
    return [node("MatMul", "x w", "y")], {"x": shape}, "y", (weight("w", 8, 4),)


def test_a_batch_that_is_open_is_one_example(tmp_path: Path) -> None:
    network = read(saved(tmp_path, *dense("batch", 5, 8)))
    assert (network.inputs, network.outputs, network.macs) == ({"x": (5, 8)}, {"y": (5, 4)}, 160)


def test_a_fixed_batch_is_divided_and_said(tmp_path: Path) -> None:
    network = read(saved(tmp_path, *dense(6, 5, 8)))
    assert (network.inputs, network.macs) == ({"x": (5, 8)}, 160)
    assert network.notes == ("the file has a fixed batch of 6: counts are for one of them",)
    network = read(saved(tmp_path, *dense("batch", 5, 8)), Request(dims={"batch": "6"}))
    assert (network.macs, network.notes) == (160, ("the inputs hold 6 examples: counts are for one of them",))


def test_examples_are_found_again_behind_other_axes(tmp_path: Path) -> None:
    nodes = [  # what PyTorch's attention makes: positions first, then rows of all positions and examples
        node("Transpose", "x", "t", perm=(1, 0, 2)),
        node("Reshape", "t rows", "r"),
        node("MatMul", "r w", "m"),
        node("Relu", "m", "a"),
        node("Reshape", "a apart", "s"),
        node("Transpose", "s", "y", perm=(1, 0, 2)),
    ]
    stored = (weight("w", 8, 6), ints("rows", 5 * 4, 8), ints("apart", 5, 4, 6))
    network = read(saved(tmp_path, nodes, {"x": (4, 5, 8)}, "y", stored))
    assert (network.inputs, network.outputs) == ({"x": (5, 8)}, {"y": (5, 6)})
    assert (network.macs, network.cost.compares) == (5 * 8 * 6, 5 * 6)


def test_a_table_of_places_in_all_examples_is_as_much_for_each(tmp_path: Path) -> None:
    nodes = [node("Reshape", "x flat", "f"), node("Gather", "f places", "g"), node("MatMul", "g w", "y")]
    places = np.zeros((4, 3, 8), np.int64) + 40 * np.arange(4)[:, None, None]  # of each the first of its own
    stored = (weight("w", 8, 6), ints("flat", 4 * 40), numpy_helper.from_array(places, "places"))
    network = read(saved(tmp_path, nodes, {"x": (4, 5, 8)}, "y", stored))
    assert (network.outputs, network.macs) == ({"y": (3, 6)}, 3 * 8 * 6)


WHOLE = "the first axis of the inputs, {}, does not hold examples: all of it is counted"


@pytest.mark.parametrize(("operator", "groups"), [("InstanceNormalization", 6), ("GroupNormalization", 3)])
def test_a_norm_of_two_images_that_one_example_holds(operator: str, groups: int, tmp_path: Path) -> None:
    """An image and its mirror image, 4x4x6 each, as networks that compare two have them: twice the rows of one, and
    the 6 gains and 6 shifts once. x = 192: rows are 2·groups, layer norm's formula."""
    attributes = {"num_groups": 3} if groups == 3 else {}
    nodes = [node("Concat", "a b", "c", axis=0), node(operator, "c gain shift", "y", **attributes)]
    stored = (weight("gain", 6), weight("shift", 6))
    network = read(saved(tmp_path, nodes, {"a": (1, 6, 4, 4), "b": (1, 6, 4, 4)}, "y", stored, opset=21))
    cost, x, rows = network.cost, 192, 2 * groups
    assert (cost.mults, cost.adds, cost.divs, cost.specials) == (2 * x + 2 * rows, 4 * x - rows, x, rows)
    assert network.params == 12
    assert list(network.outputs.values()) == [(2, 4, 4, 6)]
    assert verify(network, seed=0).ok


def test_what_mixes_its_first_axis_has_no_examples_along_it(tmp_path: Path) -> None:
    """The mean of 6 rows of 8: 40 sums, 8 products with a sixth. The most of 50 points in each of 3 columns."""
    network = read(saved(tmp_path, [node("ReduceMean", "x", "y", axes=[0])], {"x": (6, 8)}))
    assert (network.inputs, network.outputs, network.notes) == ({"x": (6, 8)}, {"y": (1, 8)}, (WHOLE.format(6),))
    assert (network.cost.adds, network.cost.mults) == (40, 8)
    network = read(saved(tmp_path, [node("ReduceMax", "x", "y", axes=[0], keepdims=0)], {"x": (50, 3)}))
    assert (network.outputs, network.cost.compares, network.notes) == ({"y": (3,)}, 49 * 3, (WHOLE.format(50),))


@pytest.mark.parametrize("shape", [(10, 8), (10, 1, 8)])
def test_attention_over_the_first_axis(shape: tuple[int, ...], tmp_path: Path) -> None:
    """10 positions of 8, alone or before a batch of one: a projection of 8x8, scores of 10x10, their sums."""
    nodes = [
        node("MatMul", "x w", "q"),
        *([node("Transpose", "q", "h", perm=(1, 0, 2))] if len(shape) == 3 else [node("Identity", "q", "h")]),
        node("Transpose", "h", "k", perm=(0, 2, 1) if len(shape) == 3 else (1, 0)),
        node("MatMul", "h k", "s"),
        node("Softmax", "s", "p"),
        node("MatMul", "p h", "y"),
    ]
    network = read(saved(tmp_path, nodes, {"x": shape}, "y", (weight("w", 8, 8),)))
    assert (network.inputs, network.macs) == ({"x": shape}, 10 * 64 + 2 * 10 * 10 * 8)
    assert network.complete
    assert network.notes == (WHOLE.format(10),)


def test_a_scan_over_the_first_axis(tmp_path: Path) -> None:
    body = helper.make_graph(
        [node("MatMul", "one w", "m"), node("Add", "h m", "k"), node("Identity", "k", "s")],
        "body",
        [helper.make_empty_tensor_value_info(name) for name in ("h", "one")],
        [helper.make_empty_tensor_value_info(name) for name in ("k", "s")],
    )
    nodes = [helper.make_node("Scan", ["zero", "x"], ["last", "y"], "scan", body=body, num_scan_inputs=1)]
    stored = (weight("w", 8, 4), weight("zero", 4))
    network = read(saved(tmp_path, nodes, {"x": (6, 8)}, "y", stored))
    assert (network.inputs, network.outputs, network.macs) == ({"x": (6, 8)}, {"y": (6, 4)}, 6 * 32)
    assert network.notes == (WHOLE.format(6),)


def test_an_image_without_a_batch(tmp_path: Path) -> None:
    nodes = [node("Unsqueeze", "x zero", "one"), node("Conv", "one w", "y")]
    stored = (ints("zero", 0), weight("w", 4, 3, 3, 3))
    network = read(saved(tmp_path, nodes, {"x": (3, 8, 8)}, "y", stored))
    assert (network.outputs, network.macs, network.notes) == ({"y": (6, 6, 4)}, 36 * 4 * 27, ())
    assert network.inputs == {"x": (8, 8, 3)}
    assert verify(network).ok


def test_gathering_from_the_first_axis(tmp_path: Path) -> None:
    """What leaves a gap with examples and none without has none, nor what may meet where nothing is counted."""
    nodes = [node("Gather", "x places", "g", axis=0), node("MatMul", "g w", "y")]
    network = read(saved(tmp_path, nodes, {"x": (6, 8)}, "y", (weight("w", 8, 4), ints("places", 0, 2))))
    assert (network.complete, network.macs, network.notes) == (True, 2 * 32, (WHOLE.format(6),))
    nodes = [node("NonZero", "x", "z"), node("MatMul", "x w", "y")]
    network = read(saved(tmp_path, nodes, {"x": (6, 8)}, "y z", (weight("w", 8, 4),)))
    assert (network.macs, network.notes) == (192, (WHOLE.format(6),))  # nobody knows what NonZero finds


def test_weights_for_each_of_the_first_axis_make_it_none_of_examples(tmp_path: Path) -> None:
    """2 x 3 numbers, not 3 for one of two examples; what one example has is added to each."""
    nodes = [node("Add", "x b", "s"), node("Conv", "s w", "y")]
    network = read(saved(tmp_path, nodes, {"x": (2, 3, 8, 8)}, "y", (weight("b", 2, 3, 1, 1), weight("w", 4, 3, 3, 3))))
    assert (network.params, network.macs) == (6 + 108, 2 * 36 * 108)
    assert network.notes == (WHOLE.format(2),)
    network = read(saved(tmp_path, nodes, {"x": (2, 3, 8, 8)}, "y", (weight("b", 1, 3, 1, 1), weight("w", 4, 3, 3, 3))))
    assert (network.params, network.macs) == (3 + 108, 36 * 108)


def test_inputs_of_several_numbers_of_examples_are_counted_whole_and_that_is_said(tmp_path: Path) -> None:
    nodes = [node("Conv", "a w", "y"), node("Conv", "b w", "z")]
    network = read(saved(tmp_path, nodes, {"a": (4, 3, 8, 8), "b": (2, 3, 8, 8)}, "y z", (weight("w", 4, 3, 3, 3),)))
    assert network.macs == (4 + 2) * 36 * 108
    assert network.notes == (
        "the first axes of the inputs, 4 and 2, are different, so they are not a batch: everything is counted",
    )


@pytest.mark.parametrize(
    ("shape", "nodes", "weights", "macs", "params"),
    [
        ((4, 6), [node("Reshape", "x s", "r"), node("MatMul", "r w", "y")], {"s": [1, -1], "w": (24, 5)}, 120, 120),
        ((4, 6), [node("Transpose", "x", "r"), node("MatMul", "r w", "y")], {"w": (4, 3)}, 72, 12),
        ((4, 6), [node("MatMul", "w x", "y")], {"w": (3, 4)}, 72, 12),
        ((3, 10, 16), [node("MatMul", "x w", "y")], {"w": (3, 16, 8)}, 3 * 10 * 16 * 8, 3 * 16 * 8),
    ],
    ids=["reshaped", "transposed", "from the left", "weights for each"],
)
def test_a_product_over_the_first_axis_makes_it_none_of_examples(
    shape: tuple[int, ...], nodes: list[Any], weights: dict[str, Any], macs: int, params: int, tmp_path: Path
) -> None:
    stored = [
        ints(name, *given) if isinstance(given, list) else weight(name, *given) for name, given in weights.items()
    ]
    network = read(saved(tmp_path, nodes, {"x": shape}, "y", tuple(stored)))
    assert (network.macs, network.params, network.notes) == (macs, params, (WHOLE.format(shape[0]),))
    assert verify(network).ok


@pytest.mark.parametrize("low", [-np.inf, -1e4, np.finfo(np.float16).min])
def test_a_mask_is_no_weight_whatever_its_name(low: float, tmp_path: Path) -> None:
    mask = np.triu(np.full((4, 4), low, np.float32), 1)
    nodes = [node("MatMul", "x w", "s"), node("Add", "s m", "y")]
    stored = (weight("w", 8, 4), numpy_helper.from_array(mask, "m"))
    network = read(saved(tmp_path, nodes, {"x": (1, 4, 8)}, "y", stored))
    assert (network.params, network.cost.adds) == (32, 16 * 7 + 16)
    stored = (weight("w", 8, 4), numpy_helper.from_array(mask.clip(-9.0), "m"))
    assert read(saved(tmp_path, nodes, {"x": (1, 4, 8)}, "y", stored)).params == 32 + 16


@pytest.mark.parametrize(
    ("name", "shape", "params"), [("val_29", (4, 4), 0), ("val_29", (2, 4, 4), 32), ("attention.bias", (4, 4), 16)]
)
def test_a_mask_of_scores_may_be_stored_elsewhere(
    name: str, shape: tuple[int, ...], params: int, tmp_path: Path
) -> None:
    """What a bias that is trained has and a mask has not: a place for each head, or a module's name."""
    nodes = [node("MatMul", "a b", "s"), node("Add", f"s {name}", "t"), node("Softmax", "t", "y", axis=-1)]
    mask = weight(name, *shape)
    mask.ClearField("raw_data")
    mask.data_location = TensorProto.EXTERNAL
    place = mask.external_data.add()
    place.key, place.value = "location", "absent.bin"
    network = read(saved(tmp_path, nodes, {"a": (1, 2, 4, 8), "b": (1, 2, 8, 4)}, "y", (mask,)))
    assert (network.params, network.complete) == (params, True)


def test_weights_for_each_of_several_copies(tmp_path: Path) -> None:
    """Three experts on the same 10 x 16."""
    network = read(saved(tmp_path, [node("MatMul", "x w", "y")], {"x": (1, 10, 16)}, "y", (weight("w", 3, 16, 8),)))
    assert (network.outputs, network.macs, network.params) == ({"y": (3, 10, 8)}, 3 * 10 * 16 * 8, 3 * 16 * 8)
    assert verify(network).ok


def test_weights_without_elements_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, [node("MatMul", "x w", "y")], {"x": (1, 4, 6)}, "y", (weight("w", 6, 0),))
    assert refusal(path) == "FILE: 'matmul' (MatMul): an operand of a product is 6x0: expected sizes from 1"


def test_shapes_that_fill_any_memory_while_they_are_inferred_stay_unknown(tmp_path: Path) -> None:
    made = [node("Reshape", "k huge", "s"), node("Add", "s k", "t")]
    nodes = [*made, node("Reshape", "x t", "r"), node("Relu", "r", "y")]
    path = saved(tmp_path, nodes, {"x": (1, 8)}, "y", (ints("huge", 2**40 + 1), ints("k", 7)))
    assert [gap.kind for gap in read(path).uncounted] == ["Reshape", "Relu"]


def test_what_runs_apart_is_stopped() -> None:
    echo = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1] + sys.argv[1].encode())"
    bounds: Any = {"seconds": 20, "memory": 1 << 30}
    assert run_apart(echo, b"abc", ("-x",), **bounds) == b"cba-x"
    assert run_apart("raise SystemExit(1)", b"", **bounds) is None
    assert run_apart("import os; os.abort()", b"", **bounds) is None
    assert run_apart("held = bytes(2 << 30)", b"", **bounds) is None
    with pytest.raises(TimeoutError):
        run_apart("while True: pass", b"", seconds=0.3, memory=1 << 30)


def test_what_goes_neither_way_is_refused_as_a_batch(tmp_path: Path) -> None:
    nodes = [node("ReduceMean", "x", "m", axes=[0]), node("MatMul", "m w", "y")]
    assert refusal(saved(tmp_path, nodes, {"x": (6, 8)}, "y", (weight("w", 9, 4),))) == (
        "FILE: 'reducemean' (ReduceMean): it mixes the 6 examples of a batch: export the model for one example"
    )


def test_open_dimensions_are_asked_for_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path, *dense("batch", "length", 8))
    assert refusal(path) == (
        "FILE: the input 'x' leaves open: 'length'\n  hint: --input x=1x224x8, or --dim length=224, for example"
    )
    assert read(path, Request(dims={"length": "7"})).macs == 7 * 32
    assert read(path, Request(inputs={"x": "1x9x8"})).macs == 9 * 32
    assert read(path, Request(inputs={"": "9x8"})).macs == 9 * 32
    assert refusal(path, Request(dims={"lenght": "7", "length": "5"})) == (
        "FILE: it has no open dimension 'lenght'\n  hint: did you mean length?"
    )
    assert refusal(path, Request(inputs={"z": "7"})).startswith("FILE: it has no input 'z'\n  hint: it has 'x'")
    assert refusal(path, Request(inputs={"x": "7x8"})) == (
        "--input x: 7x8 has 2 axes, the input 3\n  hint: in the file's own layout"
    )


@pytest.mark.parametrize("name", ["seq", "points", "time", "length", "height", "num_points", "nodes", "K"])
def test_an_open_first_axis_with_a_name_of_its_own_is_asked_for(name: str, tmp_path: Path) -> None:
    path = saved(tmp_path, *dense(name, 8))
    assert (
        refusal(path)
        == f"FILE: the input 'x' leaves open: '{name}'\n  hint: --input x=224x8, or --dim {name}=224, for example"
    )
    for request in (Request(dims={name: "7"}), Request(inputs={"x": "7x8"}), Request(inputs={"": "7x8"})):
        network = read(path, request)
        assert (network.inputs, network.outputs, network.macs) == ({"x": (7, 8)}, {"y": (7, 4)}, 7 * 32)
        assert network.notes == ()


@pytest.mark.parametrize(
    "name",
    ["batch", "batch_size", "N", "n", "b", "B", "bs", "unk__6", "?", "None", None, "s0", "s77", "x_dynamic_axes_1", "my-Batch"],
)  # fmt: skip
def test_an_open_first_axis_whose_name_says_nothing_is_one_example(name: str | None, tmp_path: Path) -> None:
    network = read(saved(tmp_path, *dense(name, 8)))
    assert (network.inputs, network.outputs, network.macs) == ({"x": (8,)}, {"y": (4,)}, 32)


def test_a_recurrent_layer_has_its_examples_second(tmp_path: Path) -> None:
    """Each step 4 gates of 8 from 16 and 8: 768 macs."""
    stored = (weight("w", 1, 32, 16), weight("r", 1, 32, 8))
    lstm = [node("LSTM", "x w r", "y", hidden_size=8)]
    for second in (1, "batch", None):
        path = saved(tmp_path, lstm, {"x": ("seq", second, 16)}, "y", stored)
        assert refusal(path).startswith("FILE: the input 'x' leaves open: 'seq'\n")
        for request in (Request(dims={"seq": "7"}), Request(inputs={"": "7x16"})):
            network = read(path, request)
            assert (network.inputs, network.macs, network.notes) == ({"x": (7, 16)}, 7 * 768, ())


def test_an_image_without_a_name_is_as_everywhere_else(tmp_path: Path) -> None:
    path = saved(tmp_path, [node("Conv", "x w", "y")], {"x": ("n", 3, "h", "w")}, "y", (weight("w", 4, 3, 3, 3),))
    network = read(path, Request(inputs={"": "10x12x3"}))
    assert (network.inputs, network.outputs) == ({"x": (10, 12, 3)}, {"y": (8, 10, 4)})
    assert read(path, Request(inputs={"x": "1x3x10x12"})).macs == network.macs == 80 * 4 * 27


# --- weights ----------------------------------------------------------------------------------------------------------


def test_shared_weights_count_once_and_half_precision_is_half_the_bytes(tmp_path: Path) -> None:
    nodes = [
        node("MatMul", "x w", "a"),
        node("MatMul", "a w", "b"),
        node("Identity", "w", "v"),
        node("MatMul", "b v", "y"),
    ]
    path = saved(tmp_path, nodes, {"x": (1, 8)}, "y", (weight("w", 8, 8, kind=np.float16),))
    network = read(path)
    assert (network.params, network.param_bytes, network.macs) == (64, 128, 192)
    assert [layer.weights for layer in network.layers] == ["w", "w", "w"]
    assert verify(network).ok


def test_params_in_numbers_and_in_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [node("MatMul", "x w", "y")], {"x": (1, 8)}, "y", (weight("w", 8, 4, kind=np.float16),)
    path = saved(tmp_path, *parts)
    assert run(["network", path]) == 0
    assert re.search(
        r"params bytes +64  bytes of the params in the file's own types \(64 B\)\n", capsys.readouterr().out
    )
    assert run(["network", path, "--format", "json"]) == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    assert (totals["params"], totals["params_bytes"]) == (32, 64)
    yaml = tmp_path / "m.yaml"
    assert run(["convert", path, "-o", str(yaml)]) == 0
    for file in (path, str(yaml)):
        assert run(["check", file, "--max", "params-bytes=64"]) == 0
        assert run(["check", file, "--max", "params-bytes=63"]) == 1


def test_tied_embeddings_and_biases_of_several_layers(tmp_path: Path) -> None:
    nodes = [
        node("Gather", "table i", "e"),
        node("MatMul", "e w", "h"),
        node("Add", "h b", "k"),
        node("Transpose", "table", "t", perm=[1, 0]),
        node("MatMul", "k t", "l"),
        node("Cast", "l", "y", to=10),
    ]
    made = graph(nodes, {}, "y", (weight("table", 100, 8), weight("w", 8, 8), weight("b", 8)))
    made.input.append(helper.make_tensor_value_info("i", INT64, (1, 5)))
    network = read(saved(tmp_path, made))
    assert network.params == 800 + 64 + 8
    assert [(one.kind, one.cost.params) for one in network.layers] == [
        ("embedding", 800), ("dense", 64), ("shift", 8), ("dense", 0),
    ]  # fmt: skip
    assert verify(network).ok


STORED_BESIDE = [  # what a layer that only copies holds, by hand: a row of its own for each stored tensor
    ([node("Concat", "x w", "y", axis=2)], (1, 4, 5), {"w": (1, 4, 3)}, [("concat/w", 12, 0), ("concat", 0, 4 * (20 + 12 + 32))]),
    ([node("Concat", "x w v", "y", axis=1)], (1, 4, 4), {"w": (1, 3, 4), "v": (1, 2, 4)}, [("concat/w", 12, 0), ("concat/v", 8, 0), ("concat", 0, 4 * (16 + 20 + 36))]),
    ([node("Concat", "x w", "z", axis=2), node("Concat", "z w", "y", axis=2)], (1, 4, 5), {"w": (1, 4, 3)}, [("concat/w", 12, 0), ("concat", 0, 4 * (20 + 12 + 32)), ("concat/w[1]", 0, 0), ("concat[1]", 0, 4 * (32 + 12 + 44))]),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "shape", "weights", "rows"), STORED_BESIDE)
def test_what_is_joined_to_an_input_counts_once_and_reads_back(
    nodes: list[Any], shape: tuple[int, ...], weights: dict[str, tuple[int, ...]], rows: list[Any], tmp_path: Path
) -> None:
    path = saved(tmp_path, nodes, {"x": shape}, "y", tuple(weight(name, *size) for name, size in weights.items()))
    network = read(path)
    assert all(one.shared >= 0 for one in network.nodes)
    assert [(one.name, one.cost.params) for one in network.layers] == [(name, params) for name, params, _ in rows]
    moved = [one.traffic() for one in network.layers]
    assert moved == [traffic for _, _, traffic in rows]
    assert verify(network).ok
    assert run(["convert", path, "-o", str(tmp_path / "net.yaml")]) == 0
    again = load(tmp_path / "net.yaml")
    assert [(one.kind, one.cost) for one in again.layers] == [(one.kind, one.cost) for one in network.layers]


def test_slices_of_one_stored_tensor_count_what_they_take(tmp_path: Path) -> None:
    """Of 8x12 numbers two layers take a third each: 64 params, none of them twice, and 256 bytes."""
    stored = (weight("w", 8, 12), *[ints(f"at{at}", at) for at in (0, 4, 8)], ints("axis", 1))
    nodes = [
        node("Slice", "w at0 at4 axis", "q"),
        node("Slice", "w at4 at8 axis", "k"),
        node("MatMul", "x q", "y"),
        node("MatMul", "x k", "z"),
    ]
    network = read(saved(tmp_path, nodes, {"x": (1, 8)}, "y z", stored))
    assert [(one.cost.params, one.shared) for one in network.layers] == [(32, 0), (32, 0)]
    assert network.param_bytes == 256


def test_quantized_weights_between_quantize_and_dequantize(tmp_path: Path) -> None:
    nodes = [node("DequantizeLinear", "w s", "v"), node("Conv", "x v", "y")]
    stored = (weight("w", 4, 3, 3, 3, kind=np.int8), numpy_helper.from_array(np.float32(0.5), "s"))
    network = read(saved(tmp_path, nodes, {"x": (1, 3, 8, 8)}, "y", stored))
    assert (network.params, network.param_bytes, network.macs) == (108, 108, 36 * 4 * 27)


@pytest.mark.parametrize(
    ("kind", "size", "said"),
    [  # 108 numbers in the kernel, 4 in the bias: those in 4 bytes each, 16
        (TensorProto.FLOAT, 4 * 108 + 16, None),
        (TensorProto.FLOAT16, 2 * 108 + 16, "29/14"),
        (TensorProto.INT8, 108 + 16, "31/28"),
        (TensorProto.INT4, 108 // 2 + 16, "5/8"),
    ],
)
def test_yaml_keeps_what_params_of_several_types_take(kind: int, size: int, said: str | None, tmp_path: Path) -> None:
    kernel = helper.make_tensor("w", kind, (4, 3, 3, 3), [1] * 108)
    scale = numpy_helper.from_array(np.float32(0.5), "s")
    whole = kind in (TensorProto.INT8, TensorProto.INT4)
    nodes = [node("DequantizeLinear", "w s", "v") if whole else node("Cast", "w", "v", to=FLOAT)]
    nodes.append(node("Conv", "x v b", "y"))
    path = saved(tmp_path, nodes, {"x": (1, 3, 8, 8)}, "y", (kernel, scale, weight("b", 4)), opset=21)
    assert (read(path).params, read(path).param_bytes) == (112, size)
    assert run(["convert", path, "-o", str(tmp_path / "net.yaml")]) == 0
    lines = (tmp_path / "net.yaml").read_text("utf-8").split("\n")
    assert [line for line in lines if line.startswith("param-bytes")] == ([f"param-bytes: {said}"] if said else [])
    for file in (path, str(tmp_path / "net.yaml")):
        assert run(["check", file, "--max", f"params-bytes={size}"]) == 0
        assert run(["check", file, "--max", f"params-bytes={size - 1}"]) == 1


def test_what_is_no_weight_is_no_param(tmp_path: Path) -> None:
    nodes = [node("Reshape", "x to", "a"), node("Clip", "a low high", "b"), node("Mul", "b half", "y")]
    stored = (
        ints("to", 1, 4, 6),
        *[numpy_helper.from_array(np.float32(at), name) for at, name in ((0, "low"), (6, "high"), (0.5, "half"))],
    )
    assert read(saved(tmp_path, nodes, {"x": (1, 24)}, "y", stored)).params == 0


# --- what graphs compute for themselves, functions, branches, loops ---------------------------------------------------


@pytest.mark.parametrize("listed", [True, False])
def test_the_file_itself_may_say_which_tensors_are_trained(listed: bool, tmp_path: Path) -> None:
    """What torch.onnx.export writes of ``((x - mean) / area) @ w @ fixed``, layer norm of ones without parameters, and
    a transposed parameter: only ``w`` (8·8) and ``l.weight`` (8·8) are any. All stand elsewhere, as with dynamo."""
    nodes = [
        node("Sub", "x mean", "a"),
        node("Div", "a area", "b"),
        node("MatMul", "b w", "c"),
        node("MatMul", "c fixed", "d"),
        node("LayerNormalization", "d val_2", "e"),
        node("MatMul", "e val_3", "y"),
    ]
    shapes = {"mean": (8,), "area": (5, 8), "w": (8, 8), "fixed": (8, 8), "val_2": (8,), "val_3": (8, 8)}
    stored = [weight(name, *shape) for name, shape in shapes.items()]
    for one in stored:
        one.ClearField("raw_data")
        one.data_location = TensorProto.EXTERNAL
        place = one.external_data.add()
        place.key, place.value = "location", "m.onnx.data"
    made = graph(nodes, {"x": (1, 5, 8)}, "y", tuple(stored))
    if listed:
        signature = made.metadata_props.add()
        signature.key = "pkg.torch.export.ExportedProgram.graph_signature"
        signature.value = (
            "\n# inputs\np_w: PARAMETER target='w'\np_l_weight: PARAMETER target='l.weight'\n"
            "b_mean: BUFFER target='mean' persistent=True\nb_fixed: BUFFER target='fixed' persistent=False\n"
            "x: USER_INPUT\n\n# outputs\ny: USER_OUTPUT\n"
        )
        for name, sources in (
            ("area", "['arange', 'mul']"),
            ("val_2", "['val_0', 'val_1']"),
            ("val_3", "['l.weight']"),
        ):
            folded = made.value_info.add(name=name).metadata_props.add()
            folded.key, folded.value = "pkg.onnxscript.optimizer.folded_from", sources
    network = read(saved(tmp_path, made))
    assert network.params == (2 * 64 if listed else 8 + 40 + 3 * 64 + 8)
    assert network.cost.buffers == (8 if listed else 0)  # the persistent one
    assert network.param_bytes == 4 * (network.params + network.cost.buffers)
    assert network.macs == 3 * 5 * 8 * 8  # a product with what nobody trains is one all the same
    assert verify(network, seed=0).ok


def test_a_reshape_computed_in_the_graph(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n"),
        node("Unsqueeze", "n axes", "m"),
        node("Concat", "m minus", "to", axis=0),
        node("Reshape", "x to", "flat"),
        node("MatMul", "flat w", "y"),
    ]
    stored = (numpy_helper.from_array(np.int64(0), "zero"), ints("axes", 0), ints("minus", -1), weight("w", 24, 4))
    assert read(saved(tmp_path, nodes, {"x": (1, 4, 6)}, "y", stored)).macs == 96


def test_a_function_is_unfolded_and_may_not_call_itself(tmp_path: Path) -> None:
    body = [node("MatMul", "a b", "c"), node("Relu", "c", "d")]
    block = helper.make_function("local", "Block", ["a", "b"], ["d"], body, [helper.make_opsetid("", 17)])
    call = helper.make_node("Block", ["x", "w"], ["y"], "block", domain="local")
    path = saved(tmp_path, [call], {"x": (1, 8)}, "y", (weight("w", 8, 4),), functions=(block,))
    assert [layer.name for layer in read(path).layers] == ["block/matmul", "block/relu"]
    again = helper.make_node("Block", ["a", "b"], ["d"], "again", domain="local")
    loop = helper.make_function("local", "Block", ["a", "b"], ["d"], [again], [helper.make_opsetid("", 17)])
    path = saved(tmp_path, [call], {"x": (1, 8)}, "y", (weight("w", 8, 4),), functions=(loop,))
    assert refusal(path) == "FILE: 'block/again' (Block): a function that calls itself never ends"


def named(*names: str) -> list[Any]:
    return [helper.make_empty_tensor_value_info(name) for name in names]


def inside(what: str) -> tuple[list[Any], list[Any]]:
    """A convolution of the images x that stands in a function, a branch or a body; and the functions."""
    conv = node("Conv", "h w", "k", pads=[1, 1, 1, 1])
    if what == "function":  # that calls one; of whose inputs only the second is an image
        opset = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
        inner = helper.make_function("my", "Inner", ["w", "h"], ["k"], [conv], opset)
        call = helper.make_node("Inner", ["w", "r"], ["k"], domain="my")
        outer = helper.make_function("my", "Outer", ["h", "w"], ["k"], [node("Relu", "h", "r"), call], opset)
        return [helper.make_node("Outer", ["x", "w"], ["y"], domain="my")], [inner, outer]
    if what == "branch":
        branch = helper.make_graph([node("Conv", "x w", "k", pads=[1, 1, 1, 1])], "b", [], named("k"))
        return [helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)], []
    if what == "loop":
        body = helper.make_graph([conv], "b", named("i", "go", "h"), named("go", "k"))
        return [helper.make_node("Loop", ["one", "", "x"], ["y"], body=body)], []
    body = helper.make_graph([conv], "b", named("h", "step"), named("k"))
    return [helper.make_node("Scan", ["x", "steps"], ["y"], body=body, num_scan_inputs=1)], []


@pytest.mark.parametrize("what", ["function", "branch", "loop", "scan"])
def test_images_that_only_a_function_or_a_body_convolves_have_their_channels_last(what: str, tmp_path: Path) -> None:
    nodes, functions = inside(what)
    flags = [numpy_helper.from_array(np.bool_(True), "yes"), numpy_helper.from_array(np.int64(1), "one")]
    stored = (weight("w", 4, 4, 3, 3), *flags, weight("steps", 1, 2))
    network = read(saved(tmp_path, nodes, {"x": (1, 4, 8, 6)}, "y", stored, functions=tuple(functions)))
    assert (network.inputs, network.outputs) == ({"x": (8, 6, 4)}, {"y": (8, 6, 4)})
    assert [layer.kind for layer in network.layers if layer.kind != "act"] == ["conv"]
    assert (network.macs, network.receptive_fields()[-1]) == (8 * 6 * 4 * 4 * 9, (3, 3))


def test_a_functions_own_names_say_nothing_of_those_outside(tmp_path: Path) -> None:
    conv = node("Conv", "x w", "y", pads=[1, 1, 1, 1])
    block = helper.make_function("my", "Block", ["x", "w"], ["y"], [conv], [helper.make_opsetid("", 17)])
    call = helper.make_node("Block", ["images", "w"], ["y"], domain="my")
    nodes = [call, node("MatMul", "x v", "z")]
    stored = (weight("w", 4, 4, 3, 3), weight("v", 6, 2))
    inputs = {"images": (1, 4, 8, 6), "x": (1, 4, 8, 6)}
    network = read(saved(tmp_path, nodes, inputs, "y z", stored, functions=(block,)))
    assert network.inputs == {"images": (8, 6, 4), "x": (4, 8, 6)}
    assert [layer.kind for layer in network.layers] == ["conv", "dense"]


def calling(count: int, times: int) -> list[Any]:
    """So many functions, each calling the one before ``times`` times, with its inputs the other way round."""
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    body = [node("Relu", "a", "c"), node("Relu", "b", "d")]
    functions = [helper.make_function("my", "F0", ["a", "b"], ["c", "d"], body, opset)]
    ways = [(["a", "b"], ["p", "q"]), (["q", "p"], ["c", "d"])][2 - times :]
    for at in range(1, count):
        calls = [helper.make_node(f"F{at - 1}", *way, f"f{at - 1}", domain="my") for way in ways]
        body = calls if times == 2 else [node("Identity", "a", "q"), node("Identity", "b", "p"), *calls]
        functions.append(helper.make_function("my", f"F{at}", ["a", "b"], ["c", "d"], body, opset))
    return functions


@pytest.mark.parametrize(
    ("count", "times", "said"),
    [(39, 2, "it unfolds to more than"), (100, 1, "functions and branches are nested more than 40 deep")],
)
def test_functions_in_functions_without_end_are_refused(
    count: int, times: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sepcalc.importers.onnx.walk.MAX_NODES", 2_000)
    nodes = [helper.make_node(f"F{count - 1}", ["x", "x"], ["c", "d"], domain="my"), node("Conv", "c w", "y")]
    stored = (weight("w", 4, 4, 3, 3),)
    path = saved(tmp_path, nodes, {"x": (1, 4, 8, 6)}, "y", stored, functions=tuple(calling(count, times)))
    assert said in refusal(path)


def branches(stored: tuple[Any, ...] = ()) -> Any:
    small = helper.make_graph([node("MatMul", "x w", "p")], "then", [], [helper.make_empty_tensor_value_info("p")])
    twice = [node("MatMul", "x w", "q0"), node("MatMul", "q0 w", "q")]
    large = helper.make_graph(twice, "else", [], [helper.make_empty_tensor_value_info("q")])
    nodes = [helper.make_node("If", ["c"], ["y"], "if", then_branch=small, else_branch=large)]
    made = graph(nodes, {"x": (1, 8)}, "y", (weight("w", 8, 8), *stored))
    if not stored:
        made.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, ()))
    return made


def test_of_two_branches_the_one_that_costs_most_counts(tmp_path: Path) -> None:
    network = read(saved(tmp_path, branches()))
    assert (network.macs, network.params) == (128, 64)
    assert network.notes == ("if: its branch depends on the data; else, which costs most, is counted",)
    known = read(saved(tmp_path, branches((numpy_helper.from_array(np.bool_(True), "c"),))))
    assert (known.macs, known.notes) == (64, ())


@pytest.mark.parametrize("unknown", ["then_branch", "else_branch"])
def test_what_no_branch_may_hide_is_listed(unknown: str, tmp_path: Path) -> None:
    """An unknown operator in the branch that does not count: what it costs may be more than the one that does."""
    other = {"then_branch": "else_branch", "else_branch": "then_branch"}[unknown]
    bodies = {
        unknown: [helper.make_node("Wizard", ["x"], ["z"], "wizard", domain="acme")],
        other: [node("MatMul", "x w", "z")],
    }
    graphs = {which: graph(nodes, {}, "z", name=which) for which, nodes in bodies.items()}
    made = graph([helper.make_node("If", ["c"], ["y"], "if", **graphs)], {"x": (1, 8)}, "y", (weight("w", 8, 8),))
    made.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, ()))
    network = read(saved(tmp_path, made))
    assert (network.macs, network.complete) == (64, False)
    assert [(gap.name, gap.kind) for gap in network.uncounted] == [("if/wizard", "acme.Wizard")]


def looped(times: Any) -> Any:
    body = helper.make_graph(
        [node("MatMul", "h w", "k"), node("Identity", "go", "on")],
        "body",
        [
            helper.make_tensor_value_info("i", INT64, ()),
            helper.make_tensor_value_info("go", TensorProto.BOOL, ()),
            helper.make_tensor_value_info("h", FLOAT, None),
        ],
        [helper.make_empty_tensor_value_info("on"), helper.make_empty_tensor_value_info("k")],
    )
    made = graph(
        [helper.make_node("Loop", ["n", "", "x"], ["y"], "loop", body=body)],
        {"x": (1, 8)},
        "y",
        (weight("w", 8, 8), *times),
    )
    if not times:
        made.input.append(helper.make_tensor_value_info("n", INT64, ()))
    return made


def test_a_loop_counts_each_run_and_is_not_counted_where_their_number_is_unknown(tmp_path: Path) -> None:
    network = read(saved(tmp_path, looped((numpy_helper.from_array(np.int64(5), "n"),))))
    assert (network.macs, network.params) == (5 * 64, 64)
    open_loop = read(saved(tmp_path, looped(())))
    assert open_loop.uncounted == (Gap("loop", "Loop", "its number of runs depends on the data"),)
    assert open_loop.macs == 0


@pytest.mark.parametrize("times", [0, -1])
def test_a_loop_that_never_runs_gives_what_it_was_given(times: int, tmp_path: Path) -> None:
    body = helper.make_graph(
        [node("MatMul", "h w", "k"), node("Identity", "go", "on"), node("Identity", "k", "s")],
        "body",
        [helper.make_empty_tensor_value_info(name) for name in ("i", "go", "h")],
        [
            *[helper.make_empty_tensor_value_info(name) for name in ("on", "k")],
            helper.make_tensor_value_info("s", FLOAT, (1, 8)),
        ],
    )
    nodes = [
        helper.make_node("Loop", ["n", "", "x"], ["h", "all"], "loop", body=body),
        node("MatMul", "h w", "y"),
        node("Shape", "all", "sizes"),
        node("Gather", "sizes zero", "runs", axis=0),
        node("Cast", "runs", "none", to=1),
        node("Add", "y none", "z"),
    ]
    stored = (weight("w", 8, 8), numpy_helper.from_array(np.int64(times), "n"), ints("zero", 0))
    network = read(saved(tmp_path, nodes, {"x": (1, 8)}, "z", stored))
    assert network.complete
    assert (network.macs, network.params, network.notes) == (64, 64, ())


def test_what_cannot_be_counted_is_listed_and_exits_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [
        node("TopK", "x k", "v i"),
        node("Relu", "v", "y"),
        helper.make_node("Magic", ["x"], ["z"], "m", domain="my"),
    ]
    path = saved(tmp_path, nodes, {"x": (1, 8)}, "y z", (ints("k", 3),))
    assert run(["network", path]) == 3
    out = capsys.readouterr().out
    assert "topk (TopK): the number of compares depends on the data and the library" in out
    assert "m (my.Magic): no count is known for this operator" in out
    assert run(["network", path, "--allow-uncounted"]) == 0
    assert run(["verify", path]) == 3


def test_what_makes_data_from_nothing_reads_nothing_in_yaml_either(tmp_path: Path) -> None:
    noise = helper.make_node("RandomNormal", [], ["z"], "noise", shape=[1, 8])
    path = saved(tmp_path, [node("Relu", "x", "r"), noise, node("Add", "r z", "y")], {"x": (1, 8)}, "y")
    assert run(["convert", path, "-o", str(tmp_path / "net.yaml")]) == 0
    for network in (read(path), load(tmp_path / "net.yaml")):
        assert [one.sources for one in network.nodes] == [(0,), (), (1, 2)]


@pytest.mark.parametrize(
    "words", ["network", "network --expand", "convert", "whatif --resolution 12", "fit --by resolution --max macs=1M"]
)
def test_every_command_on_a_network_exits_3_or_only_warns(words: str, tmp_path: Path) -> None:
    nodes = [node("Conv", "x w", "c", pads=[1, 1, 1, 1]), helper.make_node("Magic", ["c"], ["y"], "m", domain="my")]
    made = graph(nodes, {"x": (1, 3, 8, 8)}, "y", (weight("w", 4, 3, 3, 3),))
    made.input[0].type.tensor_type.shape.dim[2].dim_param = "side"
    command, *options = words.split()
    line = [command, saved(tmp_path, made), *options, "--dim", "side=8"]
    assert run(line) == 3
    assert run([*line, "--allow-uncounted"]) == 0


# --- stored tensors alone ---------------------------------------------------------------------------------------------

ALONE = "{} macs have only stored tensors as operands: they are counted, as every run computes them"


def test_a_product_of_stored_tensors_counts_once_and_what_it_gives_is_free(tmp_path: Path) -> None:
    """A table of positions through a small network, times a constant, added to what depends on the input."""
    nodes = [
        node("Gemm", "coords w b", "h", transB=1),
        node("Relu", "h", "r"),
        node("MatMul", "r v", "t"),
        node("Mul", "t half", "s"),
        node("Add", "x s", "y"),
    ]
    stored = (
        weight("coords", 9, 2), weight("w", 16, 2), weight("b", 16), weight("v", 16, 4),
        numpy_helper.from_array(np.float32(0.5), "half"),
    )  # fmt: skip
    network = read(saved(tmp_path, nodes, {"x": (1, 9, 4)}, "y", stored))
    assert [(one.kind, one.cost.macs, one.cost.params) for one in network.layers] == [
        ("constant", 0, 0), ("dense", 288, 48), ("constant", 0, 0), ("dense", 576, 64), ("shift", 0, 0),
    ]  # fmt: skip
    assert (network.macs, network.params, network.notes) == (864, 112, (ALONE.format(864),))
    assert network.cost.adds == 9 * 16 * 2 + 9 * 4 * 15 + 36
    assert verify(network).ok


@pytest.mark.parametrize(
    ("name", "other", "macs"),
    [
        ("/rnn/Constant_output_0", 0, 64 + 48),
        ("made", 0, 64 + 48),
        ("/rnn/Constant_output_0", 1, 3 * 64 + 48),
        ("cell.zeros", 0, 3 * 64 + 48),
    ],
)
def test_a_state_that_is_the_same_for_each_example_counts_for_one(
    name: str, other: int, macs: int, tmp_path: Path
) -> None:
    """The first step of an RNN, 6 to 8, of 3 examples: its state of zeros stands in the code, or is made as large as
    the batch. What differs from row to row, or has a weight's name, is no such state."""
    zeros = np.zeros((3, 8), np.float32)
    zeros[1] = other
    made = [
        node("Shape", "x", "s", start=0, end=1),
        node("Concat", "s units", "t", axis=0),
        node("ConstantOfShape", "t", "made"),
        node("Constant", "", "/rnn/Constant_output_0", value=numpy_helper.from_array(zeros)),
    ]
    nodes = [*made, node("MatMul", f"{name} u", "a"), node("MatMul", "x w", "b"), node("Add", "a b", "y")]
    stored = (weight("u", 8, 8), weight("w", 6, 8), ints("units", 8), numpy_helper.from_array(zeros, "cell.zeros"))
    network = read(saved(tmp_path, nodes, {"x": (3, 6)}, "y", stored))
    assert network.macs == macs
    assert verify(network, seed=0).ok


def test_a_learned_operand_of_a_stored_product_is_a_param(tmp_path: Path) -> None:
    nodes = [node("MatMul", "down up", "w"), node("MatMul", "x w", "y")]
    network = read(saved(tmp_path, nodes, {"x": (1, 8)}, "y", (weight("down", 8, 2), weight("up", 2, 8))))
    assert (network.macs, network.params) == (8 * 2 * 8 + 64, 32)
    assert network.notes == (ALONE.format(128),)


def test_weights_that_are_only_moved_are_no_product(tmp_path: Path) -> None:
    nodes = [
        node("Transpose", "w", "t"),
        node("Cast", "t", "c", to=1),
        node("Mul", "c two", "d"),
        node("MatMul", "x d", "y"),
    ]
    two = numpy_helper.from_array(np.full((8,), 2, np.float32), "two")
    network = read(saved(tmp_path, nodes, {"x": (1, 4)}, "y", (weight("w", 8, 4, kind=np.float16), two)))
    assert [one.kind for one in network.layers] == ["dense"]
    assert (network.macs, network.notes) == (32, ())


def test_a_convolution_of_stored_tensors_counts(tmp_path: Path) -> None:
    nodes = [node("Conv", "table k", "c"), node("Add", "x c", "y")]
    stored = (weight("table", 1, 3, 8, 8), weight("k", 4, 3, 3, 3))
    network = read(saved(tmp_path, nodes, {"x": (1, 4, 6, 6)}, "y", stored))
    assert (network.macs, network.params) == (36 * 4 * 27, 192 + 108)


def test_attention_among_stored_tensors_and_with_a_stored_query(tmp_path: Path) -> None:
    stored = tuple(weight(name, 1, 2, 6, 4) for name in "qkv")
    nodes = [node("Attention", "q k v", "a"), node("Add", "x a", "y")]
    network = read(saved(tmp_path, nodes, {"x": (1, 2, 6, 4)}, "y", stored, opset=23))
    assert (network.macs, network.params) == (2 * 36 * 8, 3 * 48)
    network = read(saved(tmp_path, [node("Attention", "q x x", "y")], {"x": (1, 2, 10, 4)}, "y", stored[:1], opset=23))
    assert (network.macs, network.params, network.outputs) == (2 * 60 * 8, 48, {"y": (2, 6, 4)})


def test_a_stored_product_that_cannot_be_counted_is_listed(tmp_path: Path) -> None:
    stored = (weight("table", 1, 2, 6, 4), weight("w", 2, 2, 1, 1))
    fused = node("FusedConv", "table w", "a", domain="com.microsoft", activation="Swirl")
    network = read(saved(tmp_path, [fused, node("Add", "x a", "y")], {"x": (1, 2, 6, 4)}, "y", stored))
    assert [gap.kind for gap in network.uncounted] == ["FusedConv", "Add"]  # nor is it known how large its result is


def test_a_product_of_three_is_one_of_two_and_the_third(tmp_path: Path) -> None:
    """Of stored tensors alone, too: 2·6·6·4, twice. Examples are told apart, or not met by others."""
    stored = tuple(weight(name, 1, 2, 6, 4) for name in "qkv")
    three = node("Einsum", "q k v", "a", equation="abij,abkj,abkl->abil")
    network = read(saved(tmp_path, [three, node("Add", "x a", "y")], {"x": (1, 2, 6, 4)}, "y", stored))
    assert (network.complete, network.macs, network.params) == (True, 2 * 36 * (4 + 4), 3 * 48)
    assert network.cost.mults == network.macs
    nodes = [node("Einsum", "x w x", "y", equation="bij,jk,bkl->lbi")]
    network = read(saved(tmp_path, nodes, {"x": (3, 4, 4)}, "y", (weight("w", 4, 4),)))
    assert (network.macs, network.outputs, network.params) == (2 * 4**3, {"y": (4, 4)}, 16)
    assert verify(network).ok
    nodes = [node("Einsum", "x x x", "y", equation="bij,bjk,bkl->il")]
    network = read(saved(tmp_path, nodes, {"x": (3, 4, 4)}))
    assert (network.macs, network.notes) == (3 * 2 * 4**3, (WHOLE.format(3),))


def test_attention_in_windows_with_a_cache_and_its_refusals(tmp_path: Path) -> None:
    nodes = [node("Reshape", "x to", "q"), node("Attention", "q q q", "y")]
    network = read(saved(tmp_path, nodes, {"x": (1, 16, 24)}, "y", (ints("to", 8, 2, 6, 4),), opset=23))
    assert (network.macs, network.outputs) == (8 * 2 * 36 * 8, {"y": (8, 2, 6, 4)})
    assert verify(network).ok
    cached = [node("Attention", "x x x - p p", "y keys values")]
    inputs = {"x": (1, 2, 1, 4), "p": (1, 2, 9, 4)}
    network = read(saved(tmp_path, cached, inputs, "y keys values", opset=23))
    assert network.macs == 2 * 1 * 10 * 8
    assert network.outputs == {"y": (2, 1, 4), "keys": (2, 10, 4), "values": (2, 10, 4)}
    capped = [node("Reshape", "x to", "q"), node("Attention", "q q q", "y keys values s", softcap=2.0)]
    outputs = "y keys values s"
    network = read(saved(tmp_path, capped, {"x": (1, 16, 24)}, outputs, (ints("to", 8, 2, 6, 4),), opset=23))
    assert (network.macs, network.outputs["s"]) == (8 * 2 * 36 * 8, (8, 2, 6, 6))
    assert network.cost.specials == 8 * 2 * 36 * 2
    assert verify(network).ok


def test_a_stored_image_under_a_computed_kernel_is_listed(tmp_path: Path) -> None:
    nodes = [node("Conv", "table x", "y")]
    network = read(saved(tmp_path, nodes, {"x": (4, 3, 3, 3)}, "y", (weight("table", 1, 3, 8, 8),)))
    assert network.uncounted[0].reason == "its first operand is stored, but another input is computed"


def test_dots_of_an_einsum(tmp_path: Path) -> None:
    nodes = [node("Einsum", "x z", "y", equation="...ij,kj->...ik")]
    network = read(saved(tmp_path, nodes, {"x": (1, 3, 4, 5), "z": (6, 5)}))
    assert (network.macs, network.outputs) == (3 * 4 * 5 * 6, {"y": (3, 4, 6)})
    nodes = [node("Einsum", "x z", "y", equation="...ij,...jk")]
    network = read(saved(tmp_path, nodes, {"x": (1, 3, 4, 5), "z": (1, 3, 5, 2)}))
    assert (network.macs, network.outputs) == (3 * 4 * 5 * 2, {"y": (3, 4, 2)})


def test_computed_bounds_are_compared_with(tmp_path: Path) -> None:
    nodes = [node("ReduceMax", "x", "m", keepdims=0), node("Clip", "x zero m", "y")]
    stored = (numpy_helper.from_array(np.float32(0), "zero"),)
    network = read(saved(tmp_path, nodes, {"x": (1, 24)}, "y", stored))
    assert network.complete
    assert network.cost.compares == 23 + 24 + 24


def test_what_names_say_is_no_weight(tmp_path: Path) -> None:
    """Masks, what stands in the code itself, and an ONNX Runtime quantizer's scale beside its tensor."""
    nodes = [
        node("Add", "x blocks.1.attn_mask", "a"),
        node("Add", "a /layer/Constant_output_0", "b"),
        node("Mul", "b fc.weight_scale", "c"),
        node("Mul", "c fc.logit_scale", "d"),
        node("MatMul", "d fc.weight_quantized", "y"),
    ]
    stored = (
        weight("blocks.1.attn_mask", 4, 8), weight("/layer/Constant_output_0", 8), weight("fc.weight_scale", 1),
        weight("fc.logit_scale", 1), weight("fc.weight_quantized", 8, 8),
    )  # fmt: skip
    network = read(saved(tmp_path, nodes, {"x": (1, 4, 8)}, "y", stored))
    assert [one.cost.params for one in network.layers] == [0, 0, 0, 1, 64]


def test_a_table_of_angles_is_no_weight(tmp_path: Path) -> None:
    nodes = [node("Sin", "places", "s"), node("Add", "x s", "y")]
    assert read(saved(tmp_path, nodes, {"x": (1, 4, 8)}, "y", (weight("places", 4, 8),))).params == 0


# --- ONNX Runtime's own operators -------------------------------------------------------------------------------------


def test_what_is_blocked_for_one_processor_is_listed_with_a_way_out(tmp_path: Path) -> None:
    blocked = helper.make_node("Conv", ["x", "w"], ["y"], "c", domain="com.microsoft.nchwc")
    network = read(saved(tmp_path, [blocked], {"x": (1, 8, 4, 4)}, "y", (weight("w", 8, 8, 1, 1),)))
    assert network.uncounted == (Gap("c", "com.microsoft.nchwc.Conv", OPERATORS["com.microsoft.nchwc"].reason),)


def test_an_lstm_that_quantizes_by_itself_multiplies_as_an_lstm_does(tmp_path: Path) -> None:
    """As onnxruntime's quantize_dynamic writes an LSTM: its kernels are turned, and of small integers."""
    stored = (weight("w", 1, 3, 16, kind=np.int8), weight("r", 1, 4, 16, kind=np.int8), weight("b", 1, 32))
    quantized = helper.make_node(
        "DynamicQuantizeLSTM", ["x", "w", "r", "b"], ["y"], "l", domain="com.microsoft", hidden_size=4
    )
    network = read(saved(tmp_path, [quantized], {"x": (5, 1, 3)}, "y", stored))
    plain = helper.make_node("LSTM", ["x", "w", "r", "b"], ["y"], "l", hidden_size=4)
    kernels = (weight("w", 1, 16, 3), weight("r", 1, 16, 4), weight("b", 1, 32))
    lstm = read(saved(tmp_path, [plain], {"x": (5, 1, 3)}, "y", kernels))
    assert network.complete
    assert (network.macs, network.params, network.outputs) == (lstm.macs, lstm.params, lstm.outputs)
    assert network.cost.specials == lstm.cost.specials
    assert network["l"].kind == "lstm"


MICROSOFT = [  # what is not counted of them, and why
    ("FusedConv", "x w", {"activation": "Swirl"}, "its activation Swirl is not supported"),
    ("MultiHeadAttention", "q q q - - - w w w", {"num_heads": 2}, "how far the buffer of its keys is filled depends on the data"),
    ("Attention", "q m - - w", {"num_heads": 2, "past_present_share_buffer": 1}, "how far the buffer of its keys is filled depends on the data"),
    ("DecoderMaskedMultiHeadAttention", "q q q", {"num_heads": 2, "past_present_share_buffer": 1}, "how far the buffer of its keys is filled depends on the data"),
    ("GroupQueryAttention", "q q q w w", {"num_heads": 2, "kv_num_heads": 2, "sliding_window_cache": 1}, "how far the buffer of its keys is filled depends on the data"),
    ("GroupQueryAttention", "q q q w w", {"num_heads": 2, "kv_num_heads": 2, "k_quant_type": "PER_TENSOR"}, "attention on a quantized cache is not supported"),
    ("MatMulNBits", "q q w", {"K": 8, "N": 8}, "packed weights that are computed, or in another order, are not supported"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "inputs", "settings", "reason"), MICROSOFT, ids=str)
def test_forms_that_are_not_counted(
    operator: str, inputs: str, settings: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    one = node(operator, inputs, "y", domain="com.microsoft", **settings)
    stored = (weight("w", 4, 8, 1, 1), weight("m", 8, 24))
    network = read(saved(tmp_path, [one], {"x": (1, 8, 4, 4), "q": (1, 6, 8)}, "y", stored))
    assert [gap.reason for gap in network.uncounted] == [reason]


def test_packed_weights_are_counted_in_numbers_and_bytes(tmp_path: Path) -> None:
    packed = numpy_helper.from_array(np.zeros((64, 4, 16), np.uint8), "w")
    one = node("MatMulNBits", "x w s", "y", domain="com.microsoft", K=128, N=64, bits=4, block_size=32)
    network = read(saved(tmp_path, [one], {"x": (1, 128)}, "y", (packed, weight("s", 64 * 4))))
    assert (network.macs, network.params, network.cost.buffers) == (128 * 64, 128 * 64, 64 * 4)
    assert network.param_bytes == 64 * 64 + 64 * 4 * 4  # four bits each, and a scale of four bytes for each block


# --- broken files -----------------------------------------------------------------------------------------------------

BROKEN = [
    ([node("Relu", "b", "a"), node("Relu", "a", "b")], "'relu' (Relu): it reads 'b', which nothing before it gives\n  hint: nodes run in the order of the file: the graph may have a cycle, or lack an input"),
    ([node("Relu", "x", "y"), node("Tanh", "x", "y")], "2 nodes, inputs or stored tensors give the tensor 'y'"),
    ([node("Relu", "x", "z")], "nothing gives the output 'y'"),
    ([node("Conv", "x", "y")], "'conv' (Conv): Conv lacks its input 2"),
    ([node("MaxPool", "x", "y", kernel_shape=[9, 9])], "'maxpool' (MaxPool): the output would be empty: a kernel spanning 9 does not fit into the height 4\n  hint: take a smaller kernel or dilation, or --padding same"),
    ([node("Flatten", "x", "y", axis=9)], "'flatten' (Flatten): 1x2x4x4 has no axis 9"),
    ([node("MaxPool", "x", "y")], "'maxpool' (MaxPool): kernel_shape is missing"),
    ([node("MaxPool", "x", "y", kernel_shape=[2, 2, 2])], "'maxpool' (MaxPool): kernel_shape has 3 values: expected 2"),
    ([node("MaxPool", "x", "y", kernel_shape=[2, 0])], "'maxpool' (MaxPool): kernel_shape is 0: expected a whole number from 1 to 2^63-1"),
    ([node("MaxPool", "x", "y", kernel_shape=[2, 2], auto_pad="SOME")], "'maxpool' (MaxPool): auto_pad is 'SOME': expected notset or valid or same_upper or same_lower"),
    ([node("LRN", "x", "y")], "'lrn' (LRN): size is missing"),
    ([node("LpNormalization", "x", "y", axis=7)], "'lpnormalization' (LpNormalization): 1x2x4x4 has no axis 7"),
    ([node("Softmax", "x", "y", axis="last")], "'softmax' (Softmax): axis is 'last': expected a whole number"),
    ([node("Relu", "x", "y", name="a\x1b[31m")], ""),
]  # fmt: skip


def test_several_images_of_one_example_are_read_where_their_grids_say(tmp_path: Path) -> None:
    """Two images and grids cost twice one of each: 2·(4·60 + 6·20) mults."""
    path = saved(tmp_path, [node("GridSample", "x g", "y")], {"x": (2, 3, 8, 7), "g": (2, 4, 5, 2)}, opset=20)
    found = read(path, Request(batch=1))
    assert (found.cost.mults, found.complete) == (2 * (4 * 60 + 6 * 20), True)


@pytest.mark.parametrize(("nodes", "message"), BROKEN, ids=str)
def test_graphs_that_do_not_fit_together(nodes: list[Any], message: str, tmp_path: Path) -> None:
    path = saved(tmp_path, nodes, {"x": (1, 2, 4, 4)})
    if message:
        assert refusal(path) == f"FILE: {message}"
    else:
        assert read(path).layers[0].name == "a\\x1b[31m"


def test_a_name_of_two_tensors_is_refused(tmp_path: Path) -> None:
    """What runs would be one of them, and runtimes differ in which."""
    product, twice = node("MatMul", "x w", "y"), (weight("w", 8, 8), weight("w", 8, 1))
    said = "FILE: several stored tensors of different shapes are called 'w'"
    assert refusal(saved(tmp_path, [product], {"x": (1, 8)}, "y", twice)) == said
    said = "FILE: 2 nodes, inputs or stored tensors give the tensor 'y'"
    assert refusal(saved(tmp_path, [product], {"x": (1, 8)}, "y", (weight("w", 8, 8), weight("y", 1, 8)))) == said
    same = saved(tmp_path, [product], {"x": (1, 8)}, "y", (weight("w", 8, 8), weight("w", 8, 8)))
    assert (read(same).macs, read(same).params) == (64, 64)


def test_functions_that_differ_in_their_overload_are_two(tmp_path: Path) -> None:
    imports = [helper.make_opsetid("", 17)]
    product, sums = [
        helper.make_function(
            "acme", "F", ["a", "b"], ["c"], [helper.make_node(kind, ["a", "b"], ["c"])], imports, overload=overload
        )
        for kind, overload in (("MatMul", "product"), ("Add", "sum"))
    ]
    nodes = [
        helper.make_node("F", ["x", "w"], ["h"], domain="acme", overload="product"),
        helper.make_node("F", ["h", "v"], ["y"], domain="acme", overload="sum"),
    ]
    net = read(
        saved(tmp_path, nodes, {"x": (1, 8)}, "y", (weight("w", 8, 8), weight("v", 8)), functions=(product, sums))
    )
    assert (net.complete, net.macs, net.params, net.cost.adds) == (True, 64, 72, 64)


def test_a_name_of_two_functions_or_of_an_operator_is_refused(tmp_path: Path) -> None:
    def function(domain: str, name: str, operator: str) -> Any:
        imports = [helper.make_opsetid("", 17)]
        read_by = ["a", "b"][: 2 if operator == "MatMul" else 1]
        return helper.make_function(
            domain, name, ["a", "b"], ["c"], [helper.make_node(operator, read_by, ["c"])], imports
        )

    def told(domain: str, name: str, *operators: str) -> str:
        one = helper.make_node(name, ["x", "w"], ["y"], domain=domain)
        functions = tuple(function(domain, name, operator) for operator in operators)
        return refusal(saved(tmp_path, [one], {"x": (1, 8)}, "y", (weight("w", 8, 8),), functions=functions))

    assert told("acme", "F", "MatMul", "Identity") == "FILE: several functions are called 'acme.F': expected one"
    for domain, shown in (("", "ai.onnx"), ("ai.onnx", "ai.onnx"), ("com.microsoft", "com.microsoft")):
        assert told(domain, "MatMul", "Identity") == (
            f"FILE: a function is called '{shown}.MatMul', as an operator is: runtimes differ in which runs\n"
            "  hint: give it another name, or a domain of its own"
        )


def test_files_that_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"no model at all")
    assert refusal(str(path)) == "FILE: this is not an ONNX model, or it is damaged"
    path.write_bytes(b"")
    assert refusal(str(path)) == "FILE: it holds no graph of operators"
    old = saved(tmp_path, [node("Relu", "x", "y")], {"x": (1, 2)}, opset=99)
    assert refusal(old) == "FILE: opset 99 is not known\n  hint: expected 1 to 40"
    sized = saved(tmp_path, [node("Relu", "x", "y")], {"x": (1, -2)})
    assert refusal(sized) == "FILE: the input 'x' is 1x-2: expected sizes from 1"


def test_a_shape_that_the_file_says_otherwise_is_refused(tmp_path: Path) -> None:
    made = graph([node("Relu", "x", "y")], {"x": (1, 8)})
    made.output[0].CopyFrom(helper.make_tensor_value_info("y", FLOAT, (1, 9)))
    assert refusal(saved(tmp_path, made)) == "FILE: the file says that 'y' is 1x9, its operators give 1x8"


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Cut off, bits turned, bytes replaced, or a piece copied elsewhere."""
    broken = bytearray(data)
    match chance.randrange(4):
        case 0:
            return data[: chance.randrange(len(data))]
        case 1:
            for _ in range(chance.choice([1, 1, 3, 20])):
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        case 2:
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        case _:
            here, there = chance.randrange(len(broken)), chance.randrange(len(broken))
            broken[here : here + 40] = broken[there : there + 40]
    return bytes(broken)


def answer(path: str) -> Network | str:
    """A network with its cost, or why there is none."""
    try:
        network = read(path)
        _ = network.cost
    except InputError as error:
        return str(error)
    return network


@pytest.mark.parametrize("name", ["alexnet", "resnet18"])
def test_damaged_files_are_answered(name: str, tmp_path: Path) -> None:
    data, chance, path = (DATA / f"{name}.onnx").read_bytes(), random.Random(name), tmp_path / "m.onnx"
    refused = 0
    for _ in range(150):
        path.write_bytes(mutated(data, chance))
        found = answer(str(path))
        refused += isinstance(found, str)
        if isinstance(found, str):
            assert re.sub(r"\n  hint: ", "", found).isprintable()
    assert refused > 50


def test_weights_are_not_read(tmp_path: Path) -> None:
    model = onnx.load(DATA / "alexnet.onnx", load_external_data=False)
    outside = [tensor for tensor in model.graph.initializer if tensor.data_location == TensorProto.EXTERNAL]
    assert outside
    assert not any((DATA / entry.value).exists() for tensor in outside for entry in tensor.external_data)


@pytest.mark.parametrize("name", ["mobilenet_v2.torchscript", "resnet18", "mobilenet_v3_small", "alexnet"])
def test_converted_files_read_back_to_the_same_counts(name: str, tmp_path: Path) -> None:
    network, target = load(DATA / f"{name}.onnx"), tmp_path / "net.yaml"
    assert run(["convert", str(DATA / f"{name}.onnx"), "-o", str(target)]) == 0
    again = load(target)
    assert [(one.kind, one.output, one.cost) for one in again.layers] == [
        (one.kind, one.output, one.cost) for one in network.layers
    ]
    assert again.cost == network.cost


SCANS = [  # axes of what is scanned and of what is given, whether backwards, and the shapes
    ([1], [1], [0], (8, 6), (4, 6)),
    ([-1], [0], [1], (8, 6), (6, 4)),
    ([0], [-1], [0], (6, 8), (4, 6)),
    ([1], [], [], (8, 6), (6, 4)),
]


@pytest.mark.parametrize(("inputs", "outputs", "turned", "shape", "given"), SCANS)
def test_a_scan_along_another_axis(
    inputs: list[int], outputs: list[int], turned: list[int], shape: Any, given: Any, tmp_path: Path
) -> None:
    """Products of 8x4 weights with what each of six runs reads; shapes are what ONNX Runtime gives."""
    body = helper.make_graph(
        [node("MatMul", "one w", "m"), node("Add", "h m", "k"), node("Identity", "k", "s")],
        "body",
        [helper.make_tensor_value_info("h", FLOAT, (4,)), helper.make_tensor_value_info("one", FLOAT, (8,))],
        [helper.make_tensor_value_info("k", FLOAT, (4,)), helper.make_tensor_value_info("s", FLOAT, (4,))],
    )
    said = {"scan_input_axes": inputs, "scan_output_axes": outputs, "scan_input_directions": turned}
    more = {name: value for name, value in said.items() if value}
    nodes = [helper.make_node("Scan", ["zero", "x"], ["last", "y"], "scan", body=body, num_scan_inputs=1, **more)]
    made = graph(nodes, {"x": shape}, "y", (weight("w", 8, 4), weight("zero", 4)))
    made.output[0].CopyFrom(helper.make_tensor_value_info("y", FLOAT, None))
    path = saved(tmp_path, made)
    network = read(path, Request(batch=1))
    assert (network.macs, network.params) == (6 * 32, 32 + 4)
    assert network.outputs["y"] == given
    assert verify(network).ok
    steps = [layer.op for layer in network.layers if "step" in layer.name]
    starts = [max(op.start, default=0) for op in steps]
    assert starts == (list(range(6))[::-1] if turned == [1] else list(range(6)))
    runtime = pytest.importorskip("onnxruntime", reason="executing a scan needs onnxruntime")
    model = onnx.load(path)
    model.ir_version = 10
    session = runtime.InferenceSession(model.SerializeToString())
    assert session.run(None, {"x": np.zeros(shape, np.float32)})[0].shape == given
