"""What a graph computes for itself: numbers worked out by hand from ONNX's definitions, in the opsets in which these
differ, and bounds that no file can pass."""

import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sepcalc.errors import Invalid
from sepcalc.importers.onnx import read
from sepcalc.importers.onnx.constants import SMALL, elements_of, known, strict
from sepcalc.importers.onnx.operators import OPERATORS, TABLE
from sepcalc.importers.onnx.tensors import of_array, of_numbers
from sepcalc.importers.onnx.values import Call, Value

W, F, B, U8 = np.int64, np.float32, np.bool_, np.uint8


def a(values: Any, kind: Any = W) -> Any:
    return np.array(values, kind)


def constant(array: Any) -> Value:
    elements = of_array(array)
    assert elements is not None
    return known(elements)


def computed(operator: str, *arrays: Any, opset: int = 21, **attributes: Any) -> Any:
    inputs = tuple([None if given is None else constant(given) for given in arrays])
    attributes = {name: of_array(one) if isinstance(one, np.ndarray) else one for name, one in attributes.items()}
    with strict():
        results = elements_of(Call("it", operator, inputs, ("y",), attributes, opset), TABLE.of(operator).computed, {})
    return None if results is None else results[0].array


LEAST = -(2**63)
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = [
    ("Identity", (a([1, 2]),), {}, a([1, 2])),
    ("Dropout", (a([1, 2], F), a(0.5, F), a(True, B)), {}, a([1, 2], F)),  # of a constant there is nothing to train
    # towards zero, whatever the reference does
    ("Div", (a([7, -7, 7, -7, 6, -6]), a([2, 2, -2, -2, 3, 3])), {}, a([3, -3, -3, 3, 2, -2])),
    ("Div", (a(-7), a(2)), {"opset": 7}, a(-3)),
    ("Div", (a([200, 7], U8), a([3, 2], U8)), {}, a([66, 3], U8)),
    ("Div", (a([2**62 + 1]), a([-1])), {}, a([-(2**62) - 1])),
    ("Div", (a([7], F), a([2], F)), {}, a([3.5], F)),
    ("Div", (a([7]), a([0])), {}, None),
    ("Div", (a([LEAST]), a([-1])), {}, None),
    ("Div", (a([7]), a([2], np.uint64)), {}, None),
    ("Mod", (a([7, -7, 7, -7]), a([3, 3, -3, -3])), {}, a([1, 2, -2, -1])),
    ("Mod", (a([7, -7, 7, -7]), a([3, 3, -3, -3])), {"fmod": 1}, a([1, -1, 1, -1])),
    ("Mod", (a([-4.5], F), a([2], F)), {"fmod": 1}, a([-0.5], F)),
    ("Add", (a([[1], [2]]), a([10, 20])), {}, a([[11, 21], [12, 22]])),
    ("Add", (a([[1, 2], [3, 4]]), a([10, 20])), {"opset": 6, "broadcast": 1, "axis": 0}, None),
    ("Add", (a([1]), a([1], F)), {}, None),
    ("Sub", (a(1), a(3)), {}, a(-2)),
    ("Mul", (a([3]), a([4])), {}, a([12])),
    ("Pow", (a([2, 3]), a([10, 2])), {}, a([1024, 9])),
    ("Pow", (a([4], F), a([0.5], F)), {}, a([2], F)),
    ("Pow", (a([2]), a([-1])), {}, None),
    ("Max", (a(3), a(5), a(4)), {}, a(5)),
    ("Min", (a([3, 9]), a([5, 1])), {}, a([3, 1])),
    ("Clip", (a([-2, 3, 9]), a(0), a(5)), {}, a([0, 3, 5])),
    ("Clip", (a(-2.5, F), a(0, F)), {}, a(0, F)),
    ("Relu", (a([-2, 3]),), {}, a([0, 3])),
    ("CumSum", (a([1, 2, 3]), a(0)), {"exclusive": 1}, a([0, 1, 3])),
    ("Neg", (a([3]),), {}, a([-3])),
    ("Abs", (a([-3]),), {}, a([3])),
    ("Sign", (a([-3, 0, 2]),), {}, a([-1, 0, 1])),
    ("Floor", (a([-1.5], F),), {}, a([-2], F)),
    ("Ceil", (a([-1.5], F),), {}, a([-1], F)),
    ("Round", (a([0.5, 1.5, 2.5, -2.5], F),), {}, a([0, 2, 2, -2], F)),
    ("Sqrt", (a([9], F),), {}, a([3], F)),
    ("Exp", (a([0], F),), {}, a([1], F)),
    ("Exp", (a([1000], F),), {}, None),
    ("Log", (a([1], F),), {}, a([0], F)),
    ("Log", (a([0], F),), {}, None),
    ("Reciprocal", (a([4], F),), {}, a([0.25], F)),
    ("Equal", (a([1, -1]), a([-1])), {}, a([False, True], B)),
    ("Greater", (a(1), a(0)), {}, a(True, B)),
    ("GreaterOrEqual", (a(1), a(1)), {}, a(True, B)),
    ("Less", (a(1), a(0)), {}, a(False, B)),
    ("LessOrEqual", (a(1), a(1)), {}, a(True, B)),
    ("And", (a([True, False], B), a(True, B)), {}, a([True, False], B)),
    ("Or", (a([True, False], B), a(False, B)), {}, a([True, False], B)),
    ("Xor", (a([True, False], B), a(True, B)), {}, a([False, True], B)),
    ("Not", (a([True, False], B),), {}, a([False, True], B)),
    ("Where", (a([True, False], B), a([1, 2]), a([3, 4])), {}, a([1, 4])),
    ("Cast", (a([1.9, -1.9], F),), {"to": 7}, a([1, -1])),
    ("Cast", (a([1e30], F),), {"to": 6}, None),
    ("Cast", (a([300.0], F),), {"to": 17}, None),  # an eight-bit float
    # bfloat16 has 8 bits: from 256 on even numbers alone, a half goes to the even one of these
    ("Cast", (a([60, 255, 257, 259, -257, 1000]),), {"to": 16}, a([60, 255, 256, 260, -256, 1000], F)),
    ("Cast", (a([1.0, -0.0, 0.1], F),), {"to": 16}, a([1.0, -0.0, 0.10009765625], F)),
    ("Cast", (a([2]),), {}, None),
    ("Reshape", (a(range(6)), a([3, -1])), {}, a([[0, 1], [2, 3], [4, 5]])),
    ("Reshape", (a([[1, 2]]), a([0, 2])), {}, a([[1, 2]])),
    ("Reshape", (np.zeros((0, 3), W), a([3, 0])), {"allowzero": 1}, np.zeros((3, 0), W)),
    ("Reshape", (np.zeros((0, 3), W), a([3, 0])), {"opset": 13}, None),
    ("Reshape", (a([1, 2]),), {"opset": 1, "shape": (2, 1)}, a([[1], [2]])),
    ("Flatten", (np.arange(24).reshape(2, 3, 4),), {"axis": -1}, np.arange(24).reshape(6, 4)),
    ("Flatten", (np.arange(24).reshape(2, 3, 4),), {"axis": 0}, np.arange(24).reshape(1, 24)),
    # axes before opset 13 stand in any order; from it on they are an input
    ("Unsqueeze", (np.arange(6).reshape(2, 3),), {"opset": 11, "axes": (2, 0)}, np.arange(6).reshape(1, 2, 1, 3)),
    ("Unsqueeze", (np.arange(6).reshape(2, 3),), {"opset": 11, "axes": (-3, 3)}, np.arange(6).reshape(2, 1, 3, 1)),
    ("Unsqueeze", (a(5), a([0])), {}, a([5])),
    ("Unsqueeze", (a(5), a([0, 0])), {}, None),
    ("Squeeze", (np.arange(5).reshape(1, 1, 1, 5, 1),), {"opset": 1, "axes": (2, 1, 0)}, np.arange(5).reshape(5, 1)),
    ("Squeeze", (a([[[1, 2]]]), a([-3])), {}, a([[1, 2]])),
    ("Squeeze", (a([[[1]]]),), {}, a(1)),
    ("Transpose", (a([[1, 2, 3]]),), {}, a([[1], [2], [3]])),
    ("Transpose", (np.zeros((2, 3, 4), W),), {"perm": (1, 0, 2)}, np.zeros((3, 2, 4), W)),
    ("Slice", (a(range(5)), a([1]), a([-1])), {}, a([1, 2, 3])),
    ("Slice", (a(range(5)), a([-1]), a([LEAST]), a([0]), a([-2])), {}, a([4, 2, 0])),
    ("Slice", (a(range(5)), a([3]), a([0]), None, a([-1])), {}, a([3, 2, 1])),
    ("Slice", (a(range(5)), a([9]), a([2**63 - 1])), {}, a([])),
    ("Slice", (np.arange(6).reshape(2, 3),), {"opset": 9, "starts": (1,), "ends": (3,), "axes": (1,)}, a([[1, 2], [4, 5]])),
    ("Slice", (a(range(5)), a([1, 2]), a([3])), {}, None),
    ("Slice", (a(range(5)), a([0]), a([3]), a([0]), a([0])), {}, None),
    ("Split", (a([[1, 2], [3, 4]]), a([2])), {"axis": 1}, a([[1, 2], [3, 4]])),
    ("Split", (a([1, 2]), a([1])), {}, None),
    ("Split", (a([1, 2]), a([3])), {}, None),
    ("Split", (a([1, 2]), a(2)), {}, None),
    ("Gather", (a([10, 20, 30]), a(-1)), {}, a(30)),
    ("Gather", (a([[1, 2], [3, 4]]), a([1])), {"axis": 1}, a([[2], [4]])),
    ("Gather", (a([10]), a(1)), {}, None),
    ("Concat", (a([1]), a([2, 3])), {"axis": 0}, a([1, 2, 3])),
    ("Concat", (a([1]), a([], W)), {"axis": -1}, a([1])),
    ("Concat", (a([1]), a([2])), {"axis": 1}, None),
    ("Range", (a(5), a(0), a(-2)), {}, a([5, 3, 1])),
    ("Range", (a(0, F), a(1, F), a(0.375, F)), {}, a([0, 0.375, 0.75], F)),
    ("Range", (a(0), a(5), a(0)), {}, None),
    ("ConstantOfShape", (a([2]),), {"value": a([7])}, a([7, 7])),
    ("ConstantOfShape", (a([2]),), {}, a([0, 0], F)),
    ("ConstantOfShape", (a([], W),), {"value": a([7])}, a(7)),
    ("ConstantOfShape", (a([-1]),), {}, None),
    ("Expand", (a([[1], [2]]), a([3])), {}, a([[1, 1, 1], [2, 2, 2]])),
    ("Expand", (a([True], B), a([2])), {}, a([True, True], B)),
    ("Tile", (a([1, 2]), a([2])), {}, a([1, 2, 1, 2])),
    ("ScatterND", (a([1, 2, 3]), a([[2], [0]]), a([9, 8])), {}, a([8, 2, 9])),
    ("ScatterND", (a([1, 2, 3]), a([[2], [2]]), a([9, 8])), {"reduction": "add"}, a([1, 2, 20])),
    ("ScatterND", (a([1, 2, 3]), a([[4]]), a([9])), {}, None),
    ("ReduceProd", (a([[2, 3], [4, 5]]),), {"keepdims": 0}, a(120)),
    ("ReduceProd", (a([[2, 3], [4, 5]]), a([1])), {}, a([[6], [20]])),
    ("ReduceSum", (a([[2, 3], [4, 5]]),), {"opset": 11, "axes": (0,)}, a([[6, 8]])),
    ("ReduceSum", (a([2, 3]),), {"noop_with_empty_axes": 1}, a([2, 3])),
    ("ReduceMax", (a([2, 3]), a([], W)), {}, a([3])),
    ("ReduceMin", (a([2, 3]),), {"opset": 13, "axes": ()}, a([2])),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{at}-{case[0]}" for at, case in enumerate(CASES)])
@pytest.mark.filterwarnings("error")
def test_constants_worked_out_by_hand(case: Any, capfd: pytest.CaptureFixture[str]) -> None:
    operator, arrays, settings, expected = case
    found = computed(operator, *arrays, **settings)
    if expected is None:
        assert found is None
    else:
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert np.array_equal(found, expected)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("count", "opset", "sizes", "settings", "expected"), [
    (3, 13, None, {}, [[1, 2], [3, 4], [5, 6]]),
    (2, 13, a([4, 2]), {}, [[1, 2, 3, 4], [5, 6]]),
    (2, 11, None, {"split": (1, 5), "axis": 0}, [[1], [2, 3, 4, 5, 6]]),
    (4, 18, None, {"num_outputs": 4}, [[1, 2], [3, 4], [5, 6], []]),
    (2, 13, a([4, 3]), {}, None),
    (2, 13, a([-1, 7]), {}, None),
])  # fmt: skip
def test_a_constant_is_split_in_parts(count: int, opset: int, sizes: Any, settings: Any, expected: Any) -> None:
    inputs = [constant(a([1, 2, 3, 4, 5, 6])), *([] if sizes is None else [constant(sizes)])]
    outputs = tuple([f"y{at}" if at != 1 else "" for at in range(count)])  # of one that nothing reads there is no name
    with strict():
        results = elements_of(
            Call("it", "Split", tuple(inputs), outputs, settings, opset), TABLE.of("Split").computed, {}
        )
    assert (results and [one.array.tolist() for one in results]) == expected


def test_a_padding_made_of_parts_is_known(tmp_path: Path) -> None:
    """As tf2onnx writes a transposed convolution of one axis: the ends of the padding change places in parts."""
    whole = helper.make_node("Split", ["pads"], [f"p{at}" for at in range(6)], axis=0)
    turned = helper.make_node("Concat", ["p0", "p2", "p1", "p3", "p5", "p4"], ["turned"], axis=0)
    nodes = [whole, turned, helper.make_node("Pad", ["x", "turned"], ["y"])]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 4, 9))
    stored = [numpy_helper.from_array(a([0, 1, 0, 0, 2, 0]), "pads")]
    path = tmp_path / "m.onnx"
    graph = helper.make_graph(nodes, "g", [given], [helper.make_empty_tensor_value_info("y")], stored)
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString())
    assert [(layer.kind, layer.output) for layer in read(str(path)).layers] == [("copy", (4, 12))]


def test_every_operator_was_worked_out() -> None:
    assert {operator for operator, _, _, expected in CASES if expected is not None} == {
        name for name, row in OPERATORS.items() if row.computed
    }


HUGE = [
    ("Range", (a(0), a(2**62), a(1)), {}),
    ("Range", (a(0, F), a(np.inf, F), a(1, F)), {}),
    ("Range", (a(0, F), a(np.nan, F), a(1, F)), {}),
    ("ConstantOfShape", (a([2**40, 2**40]),), {}),
    ("ConstantOfShape", (a([2**40, 0]),), {}),
    ("ConstantOfShape", (a([SMALL + 1]),), {}),
    ("ConstantOfShape", (np.full(SMALL, 2**62),), {}),
    ("Expand", (a([1]), a([2**40])), {}),
    ("Expand", (a(range(SMALL)), a([2, 1])), {}),
    ("Tile", (a([1]), a([2**40])), {}),
    ("Tile", (a([1]), np.full(SMALL, 2**62)), {}),
    ("Add", (np.zeros((SMALL, 1), W), np.zeros((1, SMALL), W)), {}),
    ("Where", (np.zeros((SMALL, 1), B), a(1), np.zeros((1, SMALL), W)), {}),
    ("Max", (np.zeros((SMALL, 1), W), a(1), np.zeros((1, SMALL), W)), {}),
    ("Gather", (np.zeros((2, SMALL // 2), W), np.zeros(SMALL, W)), {}),
    ("Concat", (np.zeros(SMALL, W), a([1])), {"axis": 0}),
    ("Neg", (np.zeros(SMALL + 1, W),), {}),
    ("ReduceSum", (np.zeros((2**40, 0), W), a([1])), {}),
    ("ScatterND", (a([1]), np.zeros((2**40, 0), W), a([1])), {}),
    ("Reshape", (a([1]), np.full(SMALL, 1)), {}),
    ("Squeeze", (np.zeros(2**20, W),), {}),
]


@pytest.mark.parametrize("case", HUGE, ids=[f"{at}-{case[0]}" for at, case in enumerate(HUGE)])
def test_what_would_be_large_is_not_computed(case: Any) -> None:
    operator, arrays, settings = case
    begun = time.process_time()
    assert computed(operator, *arrays, **settings) is None
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("case", [
    ("Expand", (np.zeros((1, SMALL), W), a([1, SMALL])), {}),
    ("Add", (np.zeros((SMALL, 1), W), np.zeros((SMALL, 1), W)), {}),
    ("Gather", (np.zeros(SMALL, W), np.zeros(SMALL, W)), {}),
    ("Concat", (np.zeros(SMALL - 1, W), a([1])), {"axis": 0}),
    ("Pow", (np.full(SMALL, 3), np.full(SMALL, 2**62)), {}),  # whole numbers of 64 bits: it wraps, and ends
], ids=lambda case: case[0])  # fmt: skip
def test_what_is_just_small_enough_is_computed(case: Any) -> None:
    operator, arrays, settings = case
    assert computed(operator, *arrays, **settings).size == SMALL


def test_what_is_computed_again_is_not_taken_for_another() -> None:
    seen: dict[Any, Any] = {}

    def again(operator: str, *arrays: Any, **attributes: Any) -> list[Any]:
        settings = {name: of_array(one) if isinstance(one, np.ndarray) else one for name, one in attributes.items()}
        call = Call("it", operator, tuple(map(constant, arrays)), ("y",), settings, 21)
        results = elements_of(call, TABLE.of(operator).computed, seen)
        assert results is not None
        values: list[Any] = results[0].array.tolist()
        return values

    assert again("Neg", a([1, 2])) == [-1, -2] == again("Neg", a([1, 2]))
    assert len(seen) == 1
    assert again("Neg", a([[1, 2]])) == [[-1, -2]]
    assert again("Neg", a([1.0, 2.0], F)) == [-1, -2]
    assert again("Neg", a([2, 1])) == [-2, -1]
    assert again("Abs", a([1, 2])) == [1, 2]
    assert again("Gather", a([[1, 2]]), a(0)) == [1, 2]
    assert again("Gather", a([[1, 2]]), a(0), axis=1) == [1]
    assert again("ConstantOfShape", a([1]), value=a([1 + 1e-12], np.float64)) == [1 + 1e-12]
    assert again("ConstantOfShape", a([1]), value=a([1 + 2e-12], np.float64)) == [1 + 2e-12]
    assert len(seen) == 9


def test_numbers_that_no_tensor_holds_are_refused() -> None:
    for numbers in ((2**63,), ("text",)):
        with pytest.raises(Invalid, match="no tensor of numbers can hold"):
            of_numbers(TensorProto.INT64, numbers)


def test_a_file_computes_only_so_much(tmp_path: Path) -> None:
    """A thousand sums of 16,384 elements, 64 MiB: most of them are not known."""
    nodes = [helper.make_node("Add", [f"c{at}", "c0"], [f"c{at + 1}"]) for at in range(1_000)]
    nodes.append(helper.make_node("Relu", ["x"], ["y"]))
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 8))
    made = helper.make_empty_tensor_value_info("y")
    stored = [numpy_helper.from_array(np.ones(SMALL, F), "c0")]
    path = tmp_path / "m.onnx"
    graph = helper.make_graph(nodes, "g", [given], [made], stored)
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())
    tracemalloc.start()
    network = read(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [layer.name for layer in network.layers] == ["relu"]
    assert peak < 32 * 2**20


def test_large_tables_leave_the_arithmetic_of_sizes_its_own_budget(tmp_path: Path) -> None:
    """300 tables of 16,384 elements are more than is computed of a file; the target of the reshape is."""
    nodes = [helper.make_node("Add", ["table", f"c{at}"], [f"s{at}"]) for at in range(300)]
    tables = [numpy_helper.from_array(np.full((128, 128), at, np.float32), f"c{at}") for at in range(300)]
    tables += [numpy_helper.from_array(np.zeros((128, 128), np.float32), "table")]
    tables += [
        numpy_helper.from_array(np.array(given, np.int64), name) for name, given in (("two", [1, 2]), ("four", [1, 4]))
    ]
    nodes += [helper.make_node("Mul", ["two", "four"], ["to"]), helper.make_node("Reshape", ["x", "to"], ["y"])]
    ends = [helper.make_tensor_value_info("x", 1, (1, 2, 4)), helper.make_tensor_value_info("y", 1, None)]
    model = helper.make_model(helper.make_graph(nodes, "net", ends[:1], ends[1:], tables))
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    network = read(str(tmp_path / "net.onnx"))
    assert network.complete
    assert [*network.outputs.values()] == [(8,)]
