"""``keras.ops`` and TensorFlow's functions in the graphs of Keras: what Keras wrote, held against its own shapes,
counted by hand and by execution."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from test_keras import fits, keras2, network, stored, tensorflow

from sepcalc.cost import Cost
from sepcalc.errors import InputError
from sepcalc.importers.keras.operations import OPERATIONS
from sepcalc.network import Network
from sepcalc.verification import verify

FUNCTIONS: dict[str, Any] = stored("functions.json.gz")  # on 4x6x8 mostly: 192 elements
SORTED = ("ops sort", "ops argsort", "ops top", "ops argpart", "ops take_along")


def read(name: str, folder: Path) -> Network:
    return network(FUNCTIONS[name]["model"], folder)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gives_the_shape_that_keras_says_and_what_is_executed(name: str, tmp_path: Path) -> None:
    net = read(name, tmp_path)
    (shape,) = net.outputs.values()
    assert net.complete
    assert fits(shape, FUNCTIONS[name]["output"][1:])
    assert net.incomplete == (("compares",) if name.startswith(SORTED) else ())
    assert verify(net).ok


COSTS = {
    **{f"ops {name}": {} for name in ("sign", "floor", "ceil", "round", "negative", "absolute", "trunc", "d2s", "any")},
    **{f"tf math.{name}": {} for name in ("sign", "floor", "ceil", "round", "rint", "abs", "negative")},
    "tf math.square": {"mults": 192},
    "tf math.rsqrt": {"divs": 192, "specials": 192},
    "tf m2.minimum": {"compares": 192},
    "tf m2.squared_difference": {"mults": 192, "adds": 192},
    **{f"ops {name}": {"specials": 192} for name in ("tan", "sinh")},
    "ops mod": {"mults": 192, "adds": 192, "divs": 192},
    "ops mod_num": {"mults": 2 * 192, "adds": 192},  # by a number: times its reciprocal
    "ops hypot": {"mults": 2 * 192, "adds": 192, "specials": 192},
    "ops logaddexp": {"adds": 3 * 192, "compares": 192, "specials": 2 * 192},
    "ops logsumexp": {"adds": 192 + 160 + 32, "compares": 160, "specials": 192 + 32},  # 32 rows of 6
    "ops ptp": {"adds": 32, "compares": 2 * 160},
    "ops diff": {"adds": 3 * 48 + 2 * 48},
    "ops moments1": {"mults": 8 + 192 + 8, "adds": 184 + 192 + 184},
    "ops count_nonzero": {"adds": 160, "compares": 192},
    "ops cumprod": {"mults": 160},
    "ops nansum": {"adds": 160, "compares": 192},
    "ops nan": {"compares": 3 * 192},
    "ops gray": {"mults": 108, "adds": 72},
    "ops conv": {"macs": 36 * 2 * 27, "mults": 36 * 2 * 27, "adds": 36 * 2 * 26, "params": 54},
    "ops rms": {"mults": 192 + 24, "adds": 192, "divs": 192, "specials": 24},
    "tf mm": {"macs": 24 * 8 * 3, "mults": 24 * 8 * 3, "adds": 24 * 7 * 3, "params": 24},
    "tf conv": {"macs": 16 * 72, "mults": 16 * 72, "adds": 16 * 71, "params": 144},
    "tf depthwise": {"macs": 192 * 9, "mults": 192 * 9, "adds": 192 * 8, "params": 72},
    "tf maxpool": {"compares": 48 * 3},
    "tf avgpool": {"mults": 48, "adds": 48 * 3},
    "tf nn.crelu": {"compares": 2 * 192},
    "tf bias": {"adds": 192},
}


@pytest.mark.parametrize("name", COSTS)
def test_a_function_costs_what_its_formula_says(name: str, tmp_path: Path) -> None:
    cost = read(name, tmp_path).cost
    assert cost._replace(activations=0) == Cost(**COSTS[name])


@pytest.mark.parametrize("home", ["", "math.", "compat.v1.", "compat.v1.math."])
def test_a_function_of_tensorflow_has_several_names(home: str, tmp_path: Path) -> None:
    model = keras2(tensorflow("f", f"{home}rsqrt", [["x", 0, 0, {}]]), outputs=[["f", 0, 0]])
    net = network(model, tmp_path)
    assert (net.complete, net.cost.specials) == (True, 144)


def test_a_place_that_depends_on_data_is_no_choice(tmp_path: Path) -> None:
    model = keras2(tensorflow("f", "where", [["x", 0, 0, {}]]), outputs=[["f", 0, 0]])
    (gap,) = network(model, tmp_path).uncounted
    assert gap.reason.startswith("the positions of true elements depend on the data: use ")


ANYTHING: list[Any] = [None, True, 0, 1, -1, 2, 2**63, 1.5, "same", [], [1], [0, 2, 1], [[1.0, 2.0]] * 3, {"a": 1}]
NAMES = ("axis", "axes", "shape", "size", "begin", "block_size", "strides", "kernel", "top_padding", "offset", "n")


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_function_is_given(seed: int, tmp_path: Path) -> None:
    """Counted, uncounted or refused: never a crash. The seed is fixed, the number bounded."""
    random = Random(seed)
    for _ in range(150):
        shape = random.choice([[None], [None, 3], [None, 4, 4, 3], [2, 5, 3]])
        x = {"class_name": "__keras_tensor__", "config": {"shape": shape, "keras_history": ["x", 0, 0]}}
        config = {random.choice(NAMES): random.choice(ANYTHING) for _ in range(random.randrange(4))}
        args = [x, *[random.choice([x, *ANYTHING]) for _ in range(random.randrange(3))]]
        layers = [
            {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "x"}, "name": "x"},
            {
                "class_name": random.choice(sorted(OPERATIONS)),
                "module": "keras.src.ops.numpy",
                "config": {"name": "it", **config},
                "name": "it",
                "inbound_nodes": [{"args": args, "kwargs": {}}],
            },
        ]
        whole = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["it", 0, 0]]}
        with suppress(InputError):
            network({"class_name": "Functional", "module": "keras", "config": whole}, tmp_path).receptive_fields()


@pytest.mark.parametrize(
    ("function", "axis", "said"),
    [
        ("Concatenate", [], "axis has 0 values: expected one axis"),
        ("Cumsum", [1, 2], "axis has 2 values: expected one axis"),
    ],
)
def test_an_axis_is_one(function: str, axis: list[int], said: str, tmp_path: Path) -> None:
    x = {"class_name": "__keras_tensor__", "config": {"shape": [None, 5, 3], "keras_history": ["x", 0, 0]}}
    node = {"args": [x], "kwargs": {"axis": axis}}
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 5, 3], "name": "x"}, "name": "x"},
        {"class_name": function, "module": "keras.src.ops.numpy", "config": {"name": "it"}, "inbound_nodes": [node]},
    ]
    whole = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["it", 0, 0]]}
    with pytest.raises(InputError) as caught:
        network({"class_name": "Functional", "module": "keras", "config": whole}, tmp_path)
    assert str(caught.value) == f"{tmp_path / 'model.json'}: layer 'it' ({function}): {said}"


def placed(shape: Sequence[int | None]) -> dict[str, Any]:
    history = {"shape": shape, "dtype": "float32", "keras_history": ["x", 0, 0]}
    return {"class_name": "__keras_tensor__", "config": history}


@pytest.mark.parametrize(("name", "settings", "whole"), [
    ("Flip", {"axis": 0}, False), ("Flip", {"axis": -2}, False), ("Flip", {"axis": None}, False),
    ("Flip", {"axis": 1}, True), ("Roll", {"shift": 1, "axis": 0}, False), ("Roll", {"shift": 1, "axis": None}, False),
    ("Roll", {"shift": 1, "axis": 1}, True), ("TakeAlongAxis", {"axis": 0}, False),
    ("Softmax", {"axis": None}, False), ("Softmax", {"axis": -1}, True), ("LogSoftmax", {"axis": None}, False),
])  # fmt: skip
def test_what_moves_elements_across_examples_is_not_counted(
    name: str, settings: dict[str, Any], whole: bool, tmp_path: Path
) -> None:
    x = placed([4, 8])
    args = [x, [[0] * 8] * 4] if name == "TakeAlongAxis" else [x]
    given = {"class_name": "InputLayer", "name": "x", "config": {"batch_shape": [4, 8], "name": "x"}}
    moved = {"class_name": name, "name": "y", "config": {"name": "y", **settings}, "module": "keras.src.ops.numpy"}
    layers = [{**given, "inbound_nodes": []}, {**moved, "inbound_nodes": [{"args": args, "kwargs": {}}]}]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["y", 0, 0]]}
    net = network({"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}, tmp_path)
    assert net.complete is whole


def broadcast(inner: list[int], target: list[int | None], batch: int | None, tmp_path: Path) -> Network:
    """A model that broadcasts its input, and gives the result to a Dense layer of 10 units."""
    x, y = placed([batch, *inner]), placed(target)
    y["config"]["keras_history"] = ["b", 0, 0]
    given = {"class_name": "InputLayer", "name": "x", "config": {"batch_shape": [batch, *inner], "name": "x"}}
    spread = {"class_name": "BroadcastTo", "name": "b", "config": {"name": "b"}, "module": "keras.src.ops.numpy"}
    dense = {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 10}, "module": "keras.layers"}
    layers = [
        {**given, "inbound_nodes": []},
        {**spread, "inbound_nodes": [{"args": [x, target], "kwargs": {}}]},
        {**dense, "inbound_nodes": [{"args": [y], "kwargs": {}}]},
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}
    return network({"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}, tmp_path)


@pytest.mark.parametrize(("batch", "inner", "target", "macs"), [
    (None, [1, 8], [None, 4, 8], 320), (None, [1, 8], [1, 4, 8], 320), (None, [2, 8], [None, None, 8], 160),
    (None, [1, 1], [None, 4, 8], 320), (1, [1, 8], [1, 4, 8], 320), (5, [1, 8], [5, 4, 8], 320),
    (5, [1, 8], [None, 4, 8], 320),
])  # fmt: skip
def test_a_broadcast_within_each_example_is_counted(
    batch: int | None, inner: list[int], target: list[int | None], macs: int, tmp_path: Path
) -> None:
    """A Dense layer of 10 units on rows of 8 numbers takes 80 macs a row: 4 rows, or 2."""
    net = broadcast(inner, target, batch, tmp_path)
    assert (net.complete, net.cost.macs, net.layers[0].output) == (True, macs, (macs // 80, 8))


@pytest.mark.parametrize(("batch", "inner", "target"), [
    (None, [1, 8], [2, 4, 8]), (1, [1, 8], [5, 4, 8]), (5, [1, 8], [10, 4, 8]), (None, [8], [4, 8]),
    (None, [8], [3, 4, 8]),
])  # fmt: skip
def test_a_broadcast_to_another_number_of_examples_is_not_counted(
    batch: int | None, inner: list[int], target: list[int | None], tmp_path: Path
) -> None:
    (gap,) = broadcast(inner, target, batch, tmp_path).uncounted
    assert gap.reason == "it works across the examples of a batch: use an axis other than the batch"


@pytest.mark.parametrize(("inner", "target", "says"), [
    ([2, 8], [None, 3, 8], "its input of 2x8 does not broadcast to 3x8"),
    ([4, 8], [None, 1, 8], "its input of 4x8 does not broadcast to 1x8"),
    ([1, 8], [None, None, 8], "its shape leaves open how often an axis is repeated: expected a size"),
])  # fmt: skip
def test_a_broadcast_that_cannot_run_is_refused(
    inner: list[int], target: list[int | None], says: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        broadcast(inner, target, None, tmp_path)
    assert str(caught.value) == f"{tmp_path / 'model.json'}: layer 'b' (BroadcastTo): {says}"
