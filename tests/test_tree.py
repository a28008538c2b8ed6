"""The network's table: nesting, folding, and rows that add up."""

import re
from typing import Any

import pytest
from helpers import PrintedRows, chain, printed_table
from hypothesis import given
from hypothesis import strategies as st

from sepcalc.cost import total
from sepcalc.network import Network
from sepcalc.renderers import Style, render
from sepcalc.reports.network import NetworkReport
from sepcalc.reports.tree import grown, walked

TEXTS = ["conv -k3 -o8 -p same", "pointwise -o8 --bias", "act relu", "norm batch", "depthwise -k3 -p same"]


def named(*layers: tuple[str, str]) -> Network:
    return chain((4, 4, 8), *[text for _, text in layers], names=[name for name, _ in layers])


def titles(net: Network, fold: bool = True) -> list[str]:
    return ["  " * depth + branch.title for branch, depth, _ in walked(grown(net.layers, fold))]


CONV, POINT, ACT, NORM, DEPTH = TEXTS


@pytest.mark.parametrize(
    ("layers", "shown"),
    [
        ([("a", ACT), ("b", ACT)], ["a", "b"]),
        ([("a/x", ACT), ("a/y", NORM)], ["a", "  x", "  y"]),
        ([("a/b/x", ACT), ("a/b/y", NORM), ("a/z", ACT)], ["a", "  b", "    x", "    y", "  z"]),
        ([("a/b/x", ACT), ("a/b/y", NORM)], ["a/b", "  x", "  y"]),  # a group of one is none
        ([("a/b", ACT)], ["a/b"]),
        ([("/a/x", ACT), ("/a/y", NORM)], ["a", "  x", "  y"]),
        ([("a/x", ACT), ("b", ACT), ("a/y", ACT)], ["a/x", "b", "a/y"]),  # only what stands together
        ([("a", ACT), ("a/x", ACT), ("a/y", NORM)], ["a", "a", "  x", "  y"]),
        ([("m[0]", ACT), ("m[1]", ACT), ("m[2]", ACT)], ["m[0..2] x3"]),
        ([("m9", ACT), ("m10", ACT)], ["m9..10 x2"]),
        ([("m[0]", ACT), ("m[2]", ACT)], ["m[0]", "m[2]"]),  # one is missing
        ([("m[0]", ACT), ("n[1]", ACT)], ["m[0]", "n[1]"]),
        ([("m[0]", ACT), ("m[1]", NORM), ("m[2]", NORM)], ["m[0]", "m[1..2] x2"]),
        ([("m", ACT), ("m", ACT)], ["m", "m"]),
        ([("m[0]/x", ACT), ("m[1]/x", ACT)], ["m[0..1]/x x2"]),
        ([("m[0]/x", ACT), ("m[1]/y", ACT)], ["m[0]/x", "m[1]/y"]),
        (
            [(f"m[{at}]/{part}", text) for at in (3, 4) for part, text in (("x", ACT), ("y", NORM))],
            ["m[3..4] x2", "  x x2", "  y x2"],
        ),
        (
            [(f"m[{at}]/n[{part}]", ACT) for at in (0, 1) for part in (0, 1, 2)],
            ["m[0..1]/n[0..2] x6"],
        ),
        ([(name, ACT) for name in ("a[0]", "b[0]", "a[1]", "b[1]")], ["a[0]", "b[0]", "a[1]", "b[1]"]),
        (
            [(name, ACT) for name in ("a[0]", "b[0]", "a[1]", "b[1]", "a[2]", "b[2]", "c")],
            ["a[0]..b[2] x3", "  a[0..2] x3", "  b[0..2] x3", "c"],
        ),
        (
            [(f"{kind[0]}[{at}]", kind) for at in range(3) for kind in (CONV, NORM, ACT)],
            ["c[0]..a[2] x3", "  c[0..2] x3", "  n[0..2] x3", "  a[0..2] x3"],
        ),
    ],
    ids=lambda value: None if isinstance(value, list) and isinstance(value[0], str) else value[0][0] + str(len(value)),
)
def test_what_the_table_shows(layers: list[tuple[str, str]], shown: list[str]) -> None:
    assert titles(named(*layers)) == shown


def test_what_differs_in_anything_is_not_folded() -> None:
    net = chain(
        (4, 4, 8),
        "conv -k1 -o8",
        "conv -k1 -o4",
        "conv -k1 -o4",
        "conv -k1 -o4 --bias",
        names=["m[0]", "m[1]", "m[2]", "m[3]"],
    )
    assert titles(net) == ["m[0]", "m[1]", "m[2]", "m[3]"]
    tall_then_wide = named(("m[0]", "conv -k3x1 -o8 -p same"), ("m[1]", "conv -k1x3 -o8 -p same"))
    assert titles(tall_then_wide) == ["m[0]", "m[1]"]
    nodes = [node._replace(weights="w") for node in named(("m[0]", CONV), ("m[1]", CONV), ("m[2]", CONV)).nodes]
    assert titles(Network("shared", {"input": (4, 4, 8)}, nodes)) == ["m[0]", "m[1..2] x2"]  # params count once


def test_unfolded_every_layer_has_a_row() -> None:
    assert titles(named(*[(f"m[{at}]", ACT) for at in range(3)]), fold=False) == ["m[0]", "m[1]", "m[2]"]


def test_a_name_of_any_depth_has_a_row() -> None:
    net = named(("a/" * 10_000 + "x", ACT), ("a/" * 10_000 + "y", NORM))
    assert len(titles(net)) == 3


def test_a_folded_row_sees_what_its_last_layer_sees() -> None:
    net = named(*[(f"m[{at}]", CONV) for at in range(3)], ("n", ACT))
    rows = NetworkReport(net).sections()[0].rows  # type: ignore[union-attr]
    assert [row.cells[0] for row in rows] == ["m[0..2] x3", "n", "total"]
    assert rows[0].cells[1:5] == ("conv 3x3 8 -> 8", "4x4x8", "7x7", "1")


# --- random networks --------------------------------------------------------------------------------------------------

trees = st.recursive(
    st.sampled_from(TEXTS),
    lambda inner: st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), inner), min_size=1, max_size=4),
    max_leaves=8,
)


def spelt(tree: Any, path: str = "") -> list[tuple[str, str]]:
    """The layers of a tree of (name, times, inside), numbered as the YAML reader does."""
    if isinstance(tree, str):
        return [(path.rstrip("/"), tree)]
    layers = []
    counts: dict[str, int] = {}
    for name, times, inside in tree:
        for _ in range(times):
            at = counts[name] = counts.get(name, -1) + 1
            layers += spelt(inside, f"{path}{name}[{at}]/")
    return layers


nested = st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), trees), min_size=1, max_size=4).map(spelt)


def number(text: str) -> int:
    return int(text.replace(",", ""))


def children(rows: PrintedRows, at: int) -> list[int]:
    """The rows one deeper, below this one."""
    found = []
    for below in range(at + 1, len(rows)):
        if rows[below][0] <= rows[at][0]:
            break
        if rows[below][0] == rows[at][0] + 1:
            found.append(below)
    return found


@given(nested, st.booleans(), st.sampled_from([None, 60, 100, 200]))
def test_printed_rows_add_up(layers: list[tuple[str, str]], full: bool, width: int | None) -> None:
    net = named(*layers)
    *rows, (_, _, whole) = printed_table(render(NetworkReport(net, full=full), "table", Style(width, exact=True)))
    for count in ("params", "macs"):
        assert number(whole[count]) == sum(getattr(layer.cost, count) for layer in net.layers)
        assert sum(number(cells[count]) for depth, _, cells in rows if depth == 0) == number(whole[count])
        for at, (_, _, cells) in enumerate(rows):
            if parts := children(rows, at):
                assert sum(number(rows[part][2][count]) for part in parts) == number(cells[count])
    leaves = [name for at, (_, name, _) in enumerate(rows) if not children(rows, at)]
    times = [int(match[1]) if (match := re.search(r" x(\d+)$", name)) else 1 for name in leaves]
    assert sum(times) == len(layers)
    assert not full or len(leaves) == len(layers)


@given(nested)
def test_unfolded_rows_spell_the_names(layers: list[tuple[str, str]]) -> None:
    net = named(*layers)
    path: list[str] = []
    found = []
    for branch, depth, _ in walked(grown(net.layers, fold=False)):
        path[depth:] = [branch.name]
        if not branch.children:
            found.append("/".join(path))
    assert found == [name for name, _ in layers]


@given(nested)
def test_every_branch_costs_what_its_layers_do(layers: list[tuple[str, str]]) -> None:
    net = named(*layers)
    branches = grown(net.layers)
    assert total(branch.cost for branch in branches) == net.cost
    assert sum(branch.layers for branch in branches) == len(layers)
    for branch, _, _ in walked(branches):
        if branch.children:
            assert total(child.cost for child in branch.children) == branch.cost


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_by_block_are_the_first_part_of_the_name() -> None:
    net = named(("a/x", ACT), ("b", CONV), ("a/y/z", CONV), ("/c/d", ACT))
    document = NetworkReport(net, by="block").document()
    groups = [(group["name"], group["layers"], group["macs"]) for group in document["by"]["block"]]
    macs = 4 * 4 * 8 * 72
    assert groups == [("a", 2, macs), ("b", 1, macs), ("c", 1, 0)]
    assert len(document["layers"]) == 4


def test_the_top_of_groups_is_for_machines_too() -> None:
    net = named(("a/x", ACT), ("b", CONV), ("c", POINT), ("b2", NORM))
    report = NetworkReport(net, by="block", top=2, sort="params")
    assert [group["name"] for group in report.document()["by"]["block"]] == ["b", "c"]
    assert [group["name"] for group in report.records()] == ["b", "c"]
    assert len(report.document()["layers"]) == 4
    rows = printed_table(render(report, "table", Style()))
    assert [(depth, name) for depth, name, _ in rows] == [(0, "b"), (0, "c"), (1, "2 more"), (0, "total")]
    assert [cells["layers"] for _, _, cells in rows] == ["1", "1", "2", "4"]


def test_machines_get_every_layer() -> None:
    net = named(*[(f"m[{at}]", ACT) for at in range(3)])
    assert [layer["name"] for layer in NetworkReport(net).document()["layers"]] == ["m[0]", "m[1]", "m[2]"]
    assert render(NetworkReport(net), "csv").count("\n") == 4
