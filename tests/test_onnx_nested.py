"""Ifs in Ifs, in loops, scans and functions, and loops in Ifs: what is laid out, what the other branches store, and the
numbers that limits are held against, all worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graphs import node, saved, weight
from onnx import helper, numpy_helper

from sepcalc.importers.onnx import read

ZERO = weight("zero")
THRICE = (numpy_helper.from_array(np.array(3, np.int64), "n"), numpy_helper.from_array(np.array(True), "on"))


def of(nodes: list[Any], gives: str, stored: tuple[Any, ...] = (), reads: tuple[Any, ...] = ()) -> Any:
    outputs = [helper.make_tensor_value_info(name, 1, None) for name in gives.split()]
    return helper.make_graph(nodes, "branch", list(reads), outputs, list(stored))


def product(of_what: str, table: str, gives: str, size: int = 8) -> Any:
    return of([node("MatMul", f"{of_what} {table}", gives)], gives, (weight(table, size, size),))


def sums(of_what: str) -> Any:
    """21 additions of 8 elements each."""
    more = [node("Add", f"a{at} {of_what}", f"a{at + 1}") for at in range(20)]
    return of([node("Add", f"{of_what} {of_what}", "a0"), *more], "a20")


def choice(of_what: str, then: Any, other: Any, gives: str) -> list[Any]:
    """A condition on the data, which takes 7 additions and a compare, and its branches."""
    name = f"{gives}_"
    return [
        node("ReduceSum", of_what, f"{name}s", keepdims=0),
        node("Greater", f"{name}s zero", f"{name}c"),
        helper.make_node("If", [f"{name}c"], [gives], then_branch=then, else_branch=other),
    ]


def loop(then: Any, other: Any) -> list[Any]:
    """Three times either branch, of the state ``st``."""
    state = [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in (("at", 7, []), ("go", 9, []))]
    state.append(helper.make_tensor_value_info("st", 1, [1, 8]))
    inner = [*choice("st", then, other, "new"), node("Identity", "go", "still")]
    return [helper.make_node("Loop", ["n", "on", "x"], ["y"], body=of(inner, "still new", (), tuple(state)))]


def scan(then: Any, other: Any) -> list[Any]:
    """Either branch for each row ``row`` of five."""
    row = (helper.make_tensor_value_info("row", 1, [1, 8]),)
    body = of(choice("row", then, other, "new"), "new", (), row)
    return [helper.make_node("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)]


RELU = of([node("Relu", "x", "r")], "r")
TWICE = of([node("MatMul", "x a", "p"), node("MatMul", "p b", "q")], "q", (weight("a", 8, 8), weight("b", 8, 8)))
NESTED = of(choice("x", product("x", "w", "t"), TWICE, "in"), "in")
# a product of 8 x 8: 64 macs, 56 additions; what is read, what counts, and of what another branch has more
CASES: dict[str, tuple[list[Any], tuple[int, ...], dict[str, int], dict[str, int]]] = {
    "an If in an If, of which the inner other costs most": (choice("x", NESTED, product("x", "v", "e"), "y"), (1, 8), {"macs": 128, "params": 4 * 64, "adds": 2 * 7 + 112}, {}),
    "an If in the other branch": (choice("x", product("x", "w", "t"), of(choice("x", RELU, sums("x"), "in"), "in"), "y"), (1, 8), {"macs": 64, "params": 64, "adds": 7 + 56}, {"adds": 2 * 7 + 168, "compares": 2 + 8}),
    "an If in a loop": (loop(product("st", "w", "t"), product("st", "v", "e")), (1, 8), {"macs": 3 * 64, "params": 2 * 64, "adds": 3 * 63}, {}),
    "an If in a loop, of which the other adds more": (loop(product("st", "w", "t"), sums("st")), (1, 8), {"macs": 3 * 64, "params": 64, "adds": 3 * 63}, {"adds": 3 * (7 + 168)}),
    "an If in a scan": (scan(product("row", "w", "t"), product("row", "v", "e")), (5, 1, 8), {"macs": 5 * 64, "params": 2 * 64, "adds": 5 * 63}, {}),
    "an If in a scan, of which the other adds more": (scan(product("row", "w", "t"), sums("row")), (5, 1, 8), {"macs": 5 * 64, "params": 64, "adds": 5 * 63}, {"adds": 5 * (7 + 168)}),
    "a loop in an If": (choice("x", of(loop(product("st", "w", "t"), product("st", "u", "e2")), "y"), product("x", "v", "e"), "z"), (1, 8), {"macs": 3 * 64, "params": 3 * 64, "adds": 7 + 3 * 63}, {}),
}  # fmt: skip


@pytest.mark.parametrize("what", CASES)
def test_what_runs_and_what_might(what: str, tmp_path: Path) -> None:
    nodes, shape, counts, most = CASES[what]
    network = read(saved(tmp_path, nodes, {"x": shape}, nodes[-1].output[0], (ZERO, *THRICE)))
    assert {metric: getattr(network.cost, metric) for metric in counts} == counts
    told = {metric: count for metric, count in network.most.items() if metric in ("macs", "params", "adds", "compares")}
    assert told == most
    notes = [note for note in network.notes if note.startswith("another branch may run and cost more")]
    assert len(notes) == bool(network.most)
    assert all(f"{metric} {count:,}" in notes[0] for metric, count in most.items())


def test_an_if_in_a_function_that_runs_twice(tmp_path: Path) -> None:
    body = [
        node("ReduceSum", "x", "s", keepdims=0),
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        node("Greater", "s zero", "c"),
        helper.make_node(
            "If",
            ["c"],
            ["y"],
            then_branch=of([node("MatMul", "x w", "t")], "t"),
            else_branch=of([node("MatMul", "x v", "e")], "e"),
        ),
    ]
    made = helper.make_function("local", "F", ["x", "w", "v"], ["y"], body, [helper.make_opsetid("", 17)])
    nodes = [node("F", "x w v", "a", domain="local"), node("F", "a w v", "y", domain="local")]
    stored = (weight("w", 8, 8), weight("v", 8, 8))
    network = read(saved(tmp_path, nodes, {"x": (1, 8)}, "y", stored, functions=(made,)))
    assert (network.macs, network.params, network.cost.adds) == (128, 128, 2 * 63)


def test_a_branch_in_a_branch_that_cannot_run_is_told(tmp_path: Path) -> None:
    inner = of(choice("x", product("x", "w", "t"), product("x", "bad", "e", 9), "in"), "in")
    network = read(saved(tmp_path, choice("x", inner, RELU, "y"), {"x": (1, 8)}, "y", (ZERO,)))
    assert (network.macs, network.params) == (64, 64)
    told = (
        "if/if: its branch else cannot run on these shapes ('if/if/matmul' (MatMul): sizes 8 and 9 do not fit in a "
        "product); it stores 81 params, which are not counted"
    )
    assert told in network.notes
