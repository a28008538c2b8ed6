"""What a convolution's outputs see of the input, through what pads, rolls, flips, takes every second position, or puts
the axes in another order."""

import json
from pathlib import Path
from typing import Any

import pytest

from sepcalc import load
from sepcalc.document.compacting import write_compact
from sepcalc.ops.move import Slice

CHAINS = [  # of an input of 12x10x3; what the last layer sees
    ("copy --to 14x12x3 -s1, conv -k3 -o4", (3, 3)),
    ("copy --to 12x10x3 -s1, conv -k3 -o4, copy --to 10x8x4 -s1, conv -k3 -o4", (5, 5)),
    ("copy --to 6x5x3 -s2, conv -k3 -o4", (5, 5)),
    ("copy --to 12x5x3 -s1x2, conv -k3 -o4", (3, 5)),
    ("copy --to 12x10x3, conv -k3 -o4", (12, 10)),
    ("permute --to 3x12x10, act relu, permute --to 12x10x3, conv -k3 -o4", (3, 3)),
    ("conv -k3 -o4 -p1, permute --to 4x12x10, scale, permute --to 12x10x4, conv -k3 -o4", (5, 5)),
    ("conv -k3 -o4 -p1 -s2, permute --to 4x6x5, act relu, permute --to 6x5x4, conv -k3 -o4", (7, 7)),
    ("reshape --to 12x1x10x3, act relu, reshape --to 12x10x3, conv -k3 -o4", (3, 3)),
    ("reshape --to 1x12x10x3, conv -k1x3x3 -o4, reshape --to 10x8x4, conv -k3 -o4", (5, 5)),
    ("reshape --to 12x10x3x1, act relu, reshape --to 12x10x3, conv -k3 -o4", (3, 3)),
    ("permute --to 3x12x10, dense -o10, permute --to 12x10x3, conv -k3 -o4", (12, 10)),  # it mixes one of the axes
    ("permute --to 10x12x3, conv -k3x1 -o4", (1, 3)),
    ("reshape --to 120x3, conv -k3 -o4", (12, 10)),
    ("flatten, dense -o4", (12, 10)),
    ("softmax, conv -k3 -o4", (3, 3)),
    ("softmax --axis w, conv -k3 -o4", (12, 10)),  # it sees all along its axis: where, is lost
]


@pytest.mark.parametrize(("chain", "seen"), CHAINS)
def test_fields_follow_their_axes(chain: str, seen: tuple[int, ...]) -> None:
    assert load(f"12x10x3, {chain}").receptive_fields()[-1] == seen


def test_what_is_written_with_a_stride_reads_back() -> None:
    network = load("12x10x3, copy --to 6x5x3 -s2, copy --to 8x7x3 -s1, copy --to 4x5x3, conv -k3 -o4")
    from sepcalc.document.writer import write

    assert [line.strip(" -:") for line in write(network).split("\n") if "copy" in line and "name" not in line] == [
        "copy -s2 --to 6x5x3",
        "copy -s1 --to 8x7x3",
        "copy --to 4x5x3",
    ]


def onnx_helper() -> Any:
    from onnx import helper

    return helper


def onnx_network(nodes: list[Any], shape: tuple[int, ...], folder: Path, **stored: Any) -> Any:
    helper = onnx_helper()
    import numpy as np
    import onnx
    from onnx import numpy_helper

    weights = {"w": np.ones((4, 3, 3, 3), np.float32), **{name: np.array(value) for name, value in stored.items()}}
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, shape)],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    path = folder / "m.onnx"
    path.write_bytes(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)]).SerializeToString())
    return load(path)


CONV = ("Conv", "m w", "y", {})
IMAGE = (1, 3, 12, 10)
GRAPHS: list[tuple[str, tuple[int, ...], list[tuple[str, str, str, dict[str, Any]]], dict[str, Any]]] = [
    ("reflected", IMAGE, [("Pad", "x p", "m", {"mode": "reflect"}), CONV], {"p": [0, 0, 1, 1, 0, 0, 1, 1]}),
    ("replicated", IMAGE, [("Pad", "x p", "m", {"mode": "edge"}), CONV], {"p": [0, 0, 1, 1, 0, 0, 1, 1]}),
    ("circular", IMAGE, [("Pad", "x p", "m", {"mode": "wrap"}), CONV], {"p": [0, 0, 1, 1, 0, 0, 1, 1]}),
    ("other channels", (1, 2, 12, 10), [("Pad", "x p", "m", {}), CONV], {"p": [0, 1, 0, 0, 0, 0, 0, 0]}),
    ("flipped", IMAGE, [("Slice", "x s e a s", "m", {}), CONV], {"s": [-1], "e": [-(2**31)], "a": [3]}),
    (
        "rolled",
        IMAGE,
        [
            ("Slice", "x two end a", "b", {}),
            ("Slice", "x zero two a", "c", {}),
            ("Concat", "b c", "m", {"axis": 3}),
            CONV,
        ],
        {"two": [2], "zero": [0], "end": [100], "a": [3]},
    ),
    ("shuffled channels", IMAGE, [("Gather", "x i", "m", {"axis": 1}), CONV], {"i": [2, 0, 1]}),
    ("cropped", IMAGE, [("CenterCropPad", "x s", "m", {"axes": [2, 3]}), CONV], {"s": [8, 12]}),
    ("turned in time", IMAGE, [("ReverseSequence", "x l", "m", {"batch_axis": 0, "time_axis": 2}), CONV], {"l": [12]}),
    ("one image", (3, 12, 10), [("Unsqueeze", "x z", "m", {}), CONV], {"z": [0]}),
    (
        "one image, as in PyTorch",
        (3, 12, 10),
        [("Unsqueeze", "x z", "m", {}), ("Conv", "m w", "b", {}), ("Squeeze", "b z", "y", {})],
        {"z": [0]},
    ),
    (
        "squeezed within",
        IMAGE,
        [("Squeeze", "x z", "a", {}), ("Relu", "a", "b", {}), ("Unsqueeze", "b z", "m", {}), CONV],
        {"z": [0]},
    ),
]


@pytest.mark.parametrize(
    ("name", "shape", "nodes", "stored"), GRAPHS, ids=lambda case: case if isinstance(case, str) else ""
)
def test_fields_in_onnx(
    name: str, shape: tuple[int, ...], nodes: list[Any], stored: dict[str, Any], tmp_path: Path
) -> None:
    helper = onnx_helper()

    made = [helper.make_node(kind, reads.split(), gives.split(), **more) for kind, reads, gives, more in nodes]
    network = onnx_network(made, shape, tmp_path, **stored)
    assert len(next(iter(network.inputs.values()))) == 3
    assert next(field for layer, field in zip(network.layers, network.receptive_fields()) if layer.name == "conv") == (
        3,
        3,
    )


def test_axes_that_come_back(tmp_path: Path) -> None:
    """Between two convolutions the axes lie otherwise, as PyTorch's own norms of channels have them."""
    np = pytest.importorskip("numpy")
    helper = onnx_helper()

    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Transpose", ["a"], ["b"], perm=[0, 2, 3, 1]),
        helper.make_node("LayerNormalization", ["b", "g"], ["c"]),
        helper.make_node("Transpose", ["c"], ["d"], perm=[0, 3, 1, 2]),
        helper.make_node("Squeeze", ["d", "z"], ["e"]),
        helper.make_node("Relu", ["e"], ["f"]),
        helper.make_node("Unsqueeze", ["f", "z"], ["h"]),
        helper.make_node("Conv", ["h", "v"], ["y"]),
    ]
    more = {"g": np.ones(4, np.float32), "z": [0], "v": np.ones((2, 4, 3, 3), np.float32)}
    assert onnx_network(nodes, IMAGE, tmp_path, **more).receptive_fields()[-1] == (5, 5)


def test_every_second_position_is_seen_further_apart(tmp_path: Path) -> None:
    helper = onnx_helper()

    steps = {"s": [0, 0], "e": [100, 100], "a": [2, 3], "t": [2, 2]}
    nodes = [helper.make_node("Slice", ["x", "s", "e", "a", "t"], ["m"]), helper.make_node("Conv", ["m", "w"], ["y"])]
    network = onnx_network(nodes, IMAGE, tmp_path, **steps)
    assert network.receptive_fields()[-1] == (5, 5)
    assert network.strides()[-1] == ((2, 1), (2, 1))


FOCUS = [(0, 0), (1, 0), (0, 1), (1, 1)]


def focus(cut: Any, shape: tuple[int, ...], folder: Path, kernel: int = 3, **more: Any) -> Any:
    """Four parts of the image, from (row, column) on, each made by ``cut``; joined, then a convolution."""
    np = pytest.importorskip("numpy")
    helper = onnx_helper()

    nodes = [made for at, (row, column) in enumerate(FOCUS) for made in cut(at, row, column)]
    pads = [kernel // 2] * 4
    nodes += [
        helper.make_node("Concat", ["m0", "m1", "m2", "m3"], ["m"], axis=1),
        helper.make_node("Conv", ["m", "v"], ["y"], pads=pads),
    ]
    return onnx_network(nodes, shape, folder, v=np.ones((2, 12, kernel, kernel), np.float32), **more)


BOUNDS = {"zero": [0], "one": [1], "two": [2], "end": [100], "rows": [2], "columns": [3]}


def sliced(at: int, row: int, column: int) -> list[Any]:
    """As PyTorch's exporter has it: one axis after the other."""
    helper = onnx_helper()
    starts = ["zero", "one"]
    return [
        helper.make_node("Slice", ["x", starts[row], "end", "rows", "two"], [f"r{at}"]),
        helper.make_node("Slice", [f"r{at}", starts[column], "end", "columns", "two"], [f"m{at}"]),
    ]


def gathered(at: int, row: int, column: int) -> list[Any]:
    helper = onnx_helper()
    return [
        helper.make_node("Gather", ["x", ["even", "odd"][row]], [f"r{at}"], axis=2),
        helper.make_node("Gather", [f"r{at}", ["even", "odd"][column]], [f"m{at}"], axis=3),
    ]


@pytest.mark.parametrize(("kernel", "field"), [(1, 2), (3, 6), (5, 10)])
def test_slices_that_interleave_see_the_image_together(kernel: int, field: int, tmp_path: Path) -> None:
    """YOLOv5's Focus: each output sees two neighbours per axis, k of those beside each other 2·k."""
    network = focus(sliced, (1, 3, 12, 10), tmp_path, kernel, **BOUNDS)
    assert (network.receptive_fields()[-1], network.strides()[-1]) == ((field, field), ((2, 1), (2, 1)))
    assert load(yaml_of(network, tmp_path)).receptive_fields()[-1] == (field, field)


def test_places_that_are_even_are_a_slice(tmp_path: Path) -> None:
    network = focus(gathered, (1, 3, 8, 8), tmp_path, even=[0, 2, 4, 6], odd=[1, 3, -3, 7])
    assert network.receptive_fields()[-1] == (6, 6)


def test_space_to_depth_is_what_its_slices_are(tmp_path: Path) -> None:
    np = pytest.importorskip("numpy")
    helper = onnx_helper()
    nodes = [
        helper.make_node("SpaceToDepth", ["x"], ["m"], blocksize=2),
        helper.make_node("Conv", ["m", "v"], ["y"]),
    ]
    network = onnx_network(nodes, (1, 3, 12, 10), tmp_path, v=np.ones((2, 12, 3, 3), np.float32))
    assert network.receptive_fields()[-1] == (6, 6)


def test_a_sum_of_shifted_parts_sees_all_of_them(tmp_path: Path) -> None:
    """x[:-4] + x[4:] sees 5 rows, each of its own column; a 3x3 convolution behind it 7 of 3."""
    helper = onnx_helper()
    nodes = [
        helper.make_node("Slice", ["x", "zero", "less", "rows"], ["a"]),
        helper.make_node("Slice", ["x", "four", "end", "rows"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["m"]),
        helper.make_node("Conv", ["m", "w"], ["y"]),
    ]
    network = onnx_network(nodes, IMAGE, tmp_path, **BOUNDS, less=[-4], four=[4])
    assert network.receptive_fields()[-1] == (7, 3)


SHIFTED = [
    # a convolution with all its padding before sees back, the other ahead: 2·(k - 1) + 1
    ("12x3, add: {a: [conv -k3 -o3 -p2/0], b: [conv -k3 -o3 -p0/2]}", (5,)),
    ("12x3, add: {a: [conv -k3 -o3 -p1], b: [conv -k3 -o3 -p1]}", (3,)),
    ("12x3, add: {a: [conv -k3 -o3 -p1], b: []}", (3,)),
    ("12x3, add: {a: [conv -k3 -o3], b: [slice --to 10x3 --start 1x0]}", (3,)),
    ("12x3, add: {a: [conv -k3 -o3], b: [slice --to 10x3]}", (3,)),
    ("12x3, add: {a: [conv -k3 -o3 -p0/4], b: [pad -p4/0, conv -k3 -o3]}", (7,)),
    ("12x3, add: {a: [pool max -k3 -s2 -p1], b: [conv -k5 -o3 -s2 -p4/0]}", (6,)),  # -1 to 1, and -4 to 0
    ("12x3, concat: {a: [copy --to 6x3 -s2 --start 0], b: [copy --to 6x3 -s2 --start 1]}, conv -k3 -o4", (6,)),
]  # fmt: skip


@pytest.mark.parametrize(("chain", "field"), SHIFTED)
def test_what_is_joined_sees_from_the_first_position_to_the_last(
    chain: str, field: tuple[int, ...], tmp_path: Path
) -> None:
    shape, _, rest = chain.partition(", ")
    path = tmp_path / "n.yaml"
    join, end, behind = rest.partition("]}")
    lines = [join + end, *filter(None, behind.split(", "))]
    path.write_text(f"input: {shape}\nlayers:\n" + "".join(f"  - {line}\n" for line in lines))
    assert load(str(path)).receptive_fields()[-1] == field


def test_parts_that_lie_beside_each_other_are_seen_alone(tmp_path: Path) -> None:
    """Two parts joined along the rows they were cut from: an element sees one of them."""
    helper = onnx_helper()
    nodes = [
        helper.make_node("Slice", ["x", "zero", "two", "rows"], ["a"]),
        helper.make_node("Slice", ["x", "two", "end", "rows"], ["b"]),
        helper.make_node("Concat", ["b", "a"], ["m"], axis=2),
        helper.make_node("Conv", ["m", "w"], ["y"]),
    ]
    assert onnx_network(nodes, IMAGE, tmp_path, **BOUNDS).receptive_fields()[-1] == (3, 3)


def test_parts_begin_where_they_do(tmp_path: Path) -> None:
    helper = onnx_helper()

    nodes = [
        helper.make_node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2),
        helper.make_node("Slice", ["b", "two", "end", "axis"], ["y"]),
    ]
    network = onnx_network(nodes, (1, 4, 12, 10), tmp_path, two=[2], end=[9], axis=[3])
    assert [layer.op for layer in network.layers] == [
        Slice((2, 12, 10)),
        Slice((2, 12, 10), (2, 0, 0)),
        Slice((2, 12, 7), (0, 0, 2)),
    ]


def yaml_of(network: Any, folder: Path) -> str:
    path = folder / "converted.yaml"
    path.write_text(write_compact(network))
    return str(path)


def keras_network(calls: list[tuple[str, str, dict[str, Any], dict[str, Any]]], folder: Path) -> Any:
    """x (12x10x4) -> calls, one after another: class, module, config, keyword arguments of the call."""
    layers: list[Any] = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 12, 10, 4], "name": "x"}, "name": "x"}
    ]
    before = "x"
    for at, (kind, module, config, given) in enumerate(calls):
        name = f"{kind.lower()}_{at}"
        tensor = {"class_name": "__keras_tensor__", "config": {"shape": [], "keras_history": [before, 0, 0]}}
        layers.append(
            {
                "class_name": kind,
                "module": module,
                "config": {"name": name, **config},
                "name": name,
                "inbound_nodes": [{"args": [tensor], "kwargs": given}],
            }
        )
        before = name
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [[before, 0, 0]]}
    path = folder / "m.json"
    path.write_text(json.dumps({"class_name": "Functional", "module": "keras", "config": config}))
    return load(path)


OPS = "keras.src.ops.numpy"
K = ("Conv2D", "keras.layers", {"filters": 5, "kernel_size": [3, 3]}, {})
KERAS: list[tuple[str, tuple[str, str, dict[str, Any], dict[str, Any]]]] = [
    ("reflected", ("Pad", OPS, {}, {"pad_width": [[0, 0], [1, 1], [1, 1], [0, 0]], "mode": "reflect"})),
    ("channels padded", ("Pad", OPS, {}, {"pad_width": [[0, 0], [1, 1], [1, 1], [0, 2]]})),
    ("flipped", ("Flip", OPS, {}, {"axis": 2})),
    ("rolled", ("Roll", OPS, {}, {"shift": 2, "axis": 1})),
    ("cropped", ("Cropping2D", "keras.layers", {"cropping": [[1, 0], [0, 2]]}, {})),
    ("glu", ("Activation", "keras.layers", {"activation": "glu"}, {})),
]


@pytest.mark.parametrize(("name", "call"), KERAS, ids=[name for name, _ in KERAS])
def test_fields_in_keras(name: str, call: Any, tmp_path: Path) -> None:
    assert keras_network([call, K], tmp_path).receptive_fields()[-1] == (3, 3)


def test_both_halves_of_a_gate_are_halves(tmp_path: Path) -> None:
    """The first half times the sigmoid of the second: they begin where they do."""
    network = keras_network([("Activation", "keras.layers", {"activation": "glu"}, {})], tmp_path)
    assert [layer.op for layer in network.layers[:2]] == [Slice((12, 10, 2)), Slice((12, 10, 2), (0, 0, 2))]


def test_cropping_and_splitting_begin_where_they_do(tmp_path: Path) -> None:
    crop = ("Cropping2D", "keras.layers", {"cropping": [[1, 2], [3, 0]]}, {})
    split = ("Split", OPS, {}, {"indices_or_sections": 2, "axis": 3})
    network = keras_network([crop, split], tmp_path)
    assert [layer.op for layer in network.layers] == [
        Slice((9, 7, 4), (1, 3, 0)),
        Slice((9, 7, 2)),
        Slice((9, 7, 2), (0, 0, 2)),
    ]


def test_slices_in_keras_that_interleave_see_the_image_together(tmp_path: Path) -> None:
    """Two parts of every second row and column, the first from (0, 0) on, the other from (1, 1)."""

    def cut(start: int) -> list[Any]:
        part = {"class_name": "__slice__", "config": {"start": start, "stop": None, "step": 2}}
        whole = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": None}}
        return [whole, part, part, whole]

    def tensor(name: str) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"shape": [], "keras_history": [name, 0, 0]}}

    layers: list[Any] = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 12, 10, 4], "name": "x"}, "name": "x"}
    ]
    calls = [
        ("a", "GetItem", {"key": cut(0)}, [tensor("x")], OPS),
        ("b", "GetItem", {"key": cut(1)}, [tensor("x")], OPS),
        ("c", "Concatenate", {}, [[tensor("a"), tensor("b")]], "keras.layers"),
        ("d", "Conv2D", {}, [tensor("c")], "keras.layers"),
    ]
    for name, kind, given, args, module in calls:
        config = {"name": name, **(K[2] if kind == "Conv2D" else {})}
        nodes = [{"args": args, "kwargs": given}]
        layers.append({"class_name": kind, "module": module, "config": config, "name": name, "inbound_nodes": nodes})
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"class_name": "Functional", "module": "keras", "config": config}))
    assert load(path).receptive_fields()[-1] == (6, 6)
