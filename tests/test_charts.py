"""The charts of pages: a golden picture of each kind, numbers of the report alone, and names that stay text."""

import os
import re
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sepcalc
from sepcalc import quantity
from sepcalc.cli import run
from sepcalc.gate import check
from sepcalc.gate.limits import read_limit
from sepcalc.network import Network
from sepcalc.renderers.charts import drawings
from sepcalc.renderers.charts.areas import LOW, MAX_AREAS
from sepcalc.renderers.charts.base import LETTER, WIDTH
from sepcalc.renderers.charts.graphs import MAX_BLOCKS
from sepcalc.reports.factor import FactorReport
from sepcalc.reports.figures import (
    Bar,
    Bars,
    Chart,
    Curve,
    Graph,
    Heat,
    Map,
    Point,
    Scatter,
    Treemap,
    Vertex,
)
from sepcalc.reports.network import NetworkReport
from sepcalc.reports.whatif import WhatifReport

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "</script></svg><img src=x onerror=alert(1)>\"' &amp; {{ 7*7 }} \x1b[31m"
SMALL = sepcalc.load(str(GOLDEN / "charts.yaml"))


def charts(network: Network = SMALL, balance: int | None = None, **limits: str) -> dict[str, Chart]:
    verdicts = check(network, [read_limit(name, text) for name, text in limits.items()])
    report = NetworkReport(network, budget=verdicts, balance=None if balance is None else Fraction(balance))
    return {chart.title: chart for chart in report.charts()}


def drawn(chart: Chart) -> list[ElementTree.Element]:
    """Its pictures, parsed as XML."""
    return [
        ElementTree.fromstring(text)
        for drawing in drawings(chart).values()
        for text in re.findall("<svg .*?</svg>", drawing, re.DOTALL)
    ]


def titles(chart: Chart) -> list[str]:
    return [one.text or "" for root in drawn(chart) for one in root.iter("title")]


def texts(chart: Chart) -> list[str]:
    return ["".join(one.itertext()) for root in drawn(chart) for one in root.iter("text")]


def numbers(text: str) -> list[int]:
    """The whole numbers of a text, in groups of three."""
    return [int(one.replace(",", "")) for one in re.findall(r"(?<![\w.])\d{1,3}(?:,\d{3})*(?![\w.,]*\d)", text)]


KINDS = {
    "areas": "Where the cost is",
    "curve": "Memory of the live tensors",
    "graph": "The network by its blocks",
    "roofline": "Arithmetic intensity",
    "budget": "Budget",
}


def golden() -> dict[str, Chart]:
    """A chart of each kind."""
    made = charts(SMALL, 20, macs="100k", params="10k")
    changed = sepcalc.whatif(SMALL, ["*=depthwise-separable"])
    (ranks,) = FactorReport(sepcalc.factor("1 2 1; 2 4 2; 1 2 0")).charts()
    rewritten = {chart.title: chart for chart in WhatifReport(changed).charts()}
    named = {name: made[title] for name, title in KINDS.items()}
    more = {"changes": "Layers by the change of their macs", "points": "Params and macs"}
    return {**named, **{name: rewritten[title] for name, title in more.items()}, "ranks": ranks}


@pytest.mark.parametrize("name", [*KINDS, "changes", "points", "ranks"])
def test_each_kind_of_picture_is_drawn_as_before(name: str) -> None:
    path = GOLDEN / f"chart_{name}.svg"
    text = "".join(drawings(golden()[name]).values()).replace("><", ">\n<") + "\n"
    if os.environ.get("SEPCALC_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


# --- every number drawn is one of the report -------------------------------------------------------------------------

LAYERS = st.lists(
    st.sampled_from(["conv -k3 -o8 -p same", "conv -k1 -o5", "depthwise -k3 -m2 -p same", "act relu", "norm batch"]),
    min_size=1,
    max_size=9,
)


@given(LAYERS, st.integers(1, 200))
def test_every_number_of_a_network_is_one_of_its_report(lines: list[str], balance: int) -> None:
    network = sepcalc.load(f"9x9x3, {', '.join(lines)}")
    made = charts(network, balance)
    treemap = made["Where the cost is"]
    assert isinstance(treemap, Treemap)
    for measure, amounts in treemap.measures.items():
        told = [
            numbers(text.partition(f" {measure}")[0].rpartition(": ")[2])[-1]
            for text in titles(treemap)
            if f" {measure}," in text
        ]
        assert sum(told) == sum(amounts)
        assert {*told} <= {*amounts}
    lives = titles(made["Memory of the live tensors"])
    assert [numbers(text.rpartition(": ")[2]) for text in lives] == [[live] for live in network.live()]
    roofline = made["Arithmetic intensity"]
    layers = {layer.name: layer for layer in network.layers}
    for text in titles(roofline):
        name, _, said = text.partition(": ")
        macs, moved = layers[name].cost.macs, layers[name].traffic()
        assert f"{macs / moved:.2f} macs per byte" in said
        assert f"{macs:,} macs, {moved:,} bytes, " in said
        assert said.endswith("waits for memory" if macs < balance * moved else "at the speed of arithmetic")
    for text in titles(made["The network by its blocks"]):
        name = text.partition("   ")[0]
        assert name in {"input", "output", *layers}
        if "macs" in text:
            cost = layers[name].cost
            assert f"{quantity.about(cost.macs)} macs, {quantity.about(cost.params)} params" in text


def test_small_layers_share_an_area_and_none_is_lost() -> None:
    flat = sepcalc.load("9x9x3, " + ", ".join([f"conv -k3 -o{3 + at % 7} -p same" for at in range(200)]))
    treemap = charts(flat)["Where the cost is"]
    assert isinstance(treemap, Treemap)
    told = [text for text in titles(treemap) if " macs, " in text]
    assert len(told) == MAX_AREAS + 1
    assert [text for text in told if text.startswith(f"{200 - MAX_AREAS} smaller layers: ")]
    assert sum(numbers(text.partition(" macs")[0].rpartition(": ")[2])[-1] for text in told) == flat.macs


def test_a_bar_for_each_layer_in_order() -> None:
    treemap = charts()["Where the cost is"]
    assert isinstance(treemap, Treemap)
    for drawing, amounts in zip(drawings(treemap).values(), treemap.measures.values(), strict=True):
        bars = re.findall(r"M([\d.]+) \d+v-([\d.]+)", drawing)
        step, most = WIDTH / len(amounts), max(amounts)
        order = sorted((float(x), float(high)) for x, high in bars)
        there = [(at, amount) for at, amount in enumerate(amounts) if amount]
        assert [x for x, _ in order] == pytest.approx([(at + 0.5) * step for at, _ in there], abs=0.06)
        top = order[[amount for _, amount in there].index(most)][1]
        assert [high for _, high in order] == pytest.approx([max(1, top * one / most) for _, one in there], abs=0.06)
        assert top < LOW


def test_what_is_left_of_a_limit() -> None:
    budget = charts(macs="100k", params="10k")["Budget"]
    assert isinstance(budget, Bars)
    macs, params = SMALL.macs, SMALL.params
    assert [(bar.amounts, bar.limit) for bar in budget.bars] == [((macs,), 100_000), ((params,), 10_000)]
    assert [bar.said for bar in budget.bars] == [
        f"{100 * macs / 100_000:.1f} % of 100,000, {macs - 100_000:,} OVER",
        f"{100 * params / 10_000:.1f} % of 10,000, {10_000 - params:,} left",
    ]
    (root,) = drawn(budget)
    frame, over, _, used = root.iter("rect")
    assert [one.attrib["class"] for one in (frame, over, used)] == ["frame", "bad", "bar"]
    assert float(over.attrib["width"]) / float(frame.attrib["width"]) == pytest.approx(macs / 100_000, abs=0.001)


def test_changes_are_told_the_largest_first() -> None:
    chart = golden()["changes"]
    assert isinstance(chart, Bars)
    changed = sepcalc.whatif(SMALL, ["*=depthwise-separable"]).layers
    pairs = [(one.before.macs, one.after.macs) for one in changed if one.before.macs != one.after.macs]
    assert [bar.amounts for bar in chart.bars] == sorted(pairs, key=lambda pair: -abs(pair[0] - pair[1]))
    assert len(pairs) > 1


def test_a_diff_says_what_is_new_and_what_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["diff", "8x8x3, conv -k3 -o4, act relu", "8x8x3, conv -k3 -o4, conv -k1 -o9", "--format", "html"]) == 0
    page = capsys.readouterr().out
    assert "<title>macs: 3,888 -&gt; 5,184, +33.3 %</title>" in page
    assert re.search(r"<title>conv\[1\]: 1,296, new</title>", page)


def test_ranks_add_up_to_the_kernel() -> None:
    kernel = [[1, 2, 1], [2, 4, 2], [1, 2, 0]]
    (heat,) = FactorReport(sepcalc.factor(kernel)).charts()
    assert isinstance(heat, Heat)
    first, *ranks = heat.rows
    assert first[0].numbers == kernel
    for best, rest in ranks:
        for row, one, other in zip(kernel, best.numbers, rest.numbers, strict=True):
            assert [a + b for a, b in zip(one, other)] == pytest.approx(row, abs=1e-9)
    errors = sepcalc.factor(kernel).errors
    assert [rest.text for _, rest in ranks] == [f"what it leaves, {100 * errors[0]:.1f} %", "it leaves nothing"]
    assert [one.scale for _, one in ranks][-1] == 0


def test_exact_factors_are_drawn_exactly() -> None:
    (heat,) = FactorReport(sepcalc.factor("gaussian-3")).charts()
    assert isinstance(heat, Heat)
    _, *factors = heat.rows[0]
    assert [one.numbers for one in factors] == [[[1.0], [2.0], [1.0]], [[1.0, 2.0, 1.0]]]
    assert [one.sign for one in factors] == ["= 1/16 x", "x"]
    assert len(heat.rows) == 2  # one rank, which leaves nothing


@pytest.mark.parametrize("kernel", ["1 2 3", "1 2; 3 4 | 5 6; 7 8", "box-3", "log"])
def test_kernels_of_any_axes_have_a_picture(kernel: str) -> None:
    for heat in FactorReport(sepcalc.factor(kernel)).charts():
        assert drawn(heat)


def test_of_a_layer_the_heaviest_kernel_is_drawn() -> None:
    weights = np.arange(36.0).reshape(2, 2, 3, 3)
    (heat,) = FactorReport(sepcalc.factor(weights)).charts()
    assert isinstance(heat, Heat)
    assert heat.rows[0][0].text == "the heaviest kernel, [1, 1], 3x3"
    assert heat.rows[0][0].numbers == weights[1, 1].tolist()


@pytest.mark.parametrize("scale", [1e-9, 0.003, 0.05, 0.7, 8, 640, 4e4, 3e7, 1e300])
def test_numbers_fit_into_their_cells(scale: float) -> None:
    (heat,) = FactorReport(sepcalc.factor(np.array([[1, -0.456789], [-0.0123, 0.5]]) * -scale)).charts()
    written = [
        text for root in drawn(heat) for one in root.iter("text") if one.get("class") == "cell" and (text := one.text)
    ]
    assert len(written) == 4 + 2 + 2 + 4 * 4
    assert max(map(len, written)) <= 7 if scale != 1e300 else 8


def test_a_kernel_too_large_to_be_seen_has_none() -> None:
    assert FactorReport(sepcalc.factor([[1] * 33] * 33)).charts() == []


# --- pictures that can be read ---------------------------------------------------------------------------------------

POINTS = st.lists(
    st.tuples(
        st.text("abc/", min_size=1, max_size=30), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(1, 9)
    ),
    min_size=1,
    max_size=30,
)


@given(POINTS)
def test_names_of_points_do_not_cover_each_other(points: list[tuple[str, int, int, int]]) -> None:
    chart = Scatter("points", ("params", "macs"), [Point(*point) for point in points], weighed=True)
    (root,) = drawn(chart)
    size = [float(one) for one in root.attrib["viewBox"].split()]
    boxes = []
    for group in root.iter("g"):
        for one in group.iter("text"):
            x, y = float(one.attrib["x"]), float(one.attrib["y"])
            boxes.append((x, y - 10, x + len(one.text or "") * LETTER, y + 2))
    for at, (left, top, right, bottom) in enumerate(boxes):
        assert left >= 0
        assert right <= size[2] + 0.1
        assert all(
            right <= other[0] + 0.11 or other[2] <= left + 0.11 or bottom <= other[1] + 0.11 or other[3] <= top + 0.11
            for other in boxes[at + 1 :]
        )
    circles = [*root.iter("circle")]
    assert len(circles) == len(points)
    assert all(0 <= float(one.attrib["cx"]) <= size[2] and 0 <= float(one.attrib["cy"]) <= size[3] for one in circles)


def test_skips_are_arcs_in_lanes_of_their_own() -> None:
    edges = [(0, 1, "a"), (1, 2, "b"), (2, 3, "c"), (3, 4, "d"), (0, 4, "far"), (1, 3, "near"), (2, 4, "next")]
    chart = Graph("skips", [Vertex("block", (str(at),)) for at in range(5)], edges)
    arcs = re.findall(
        r'<g><title>(\d) to (\d): (\w+)</title><path class="edge" d="M[\d.]+ [\d.]+h([\d.]+)', drawings(chart)[""]
    )
    out = {shape: float(far) for _, _, shape, far in arcs}
    assert {(one, two) for one, two, *_ in arcs} == {("0", "4"), ("1", "3"), ("2", "4")}
    assert out["far"] > max(out["near"], out["next"])
    assert out["near"] != out["next"]


def test_a_graph_of_many_blocks_is_not_drawn() -> None:
    many = [Vertex("block", (str(at),)) for at in range(MAX_BLOCKS + 1)]
    assert drawings(Graph("many", many, [])) == {}
    assert drawings(Graph("some", many[1:], [])) != {}


# --- names stay text -------------------------------------------------------------------------------------------------

HOSTILE_CHARTS: list[Chart] = [
    Treemap(HOSTILE, [HOSTILE, f"{HOSTILE}/a", f"{HOSTILE}/b"], {"macs": [900, 400, 300]}, [HOSTILE] * 3),
    Curve(HOSTILE, [HOSTILE], [1], "count", 0, HOSTILE, [(HOSTILE, 1)]),
    Scatter(HOSTILE, ("params", "macs"), [Point(HOSTILE, 1, 2, said=HOSTILE)], HOSTILE, limits=[(HOSTILE, 0, 3)]),
    Bars(HOSTILE, [Bar(HOSTILE, (1, None), HOSTILE), Bar(HOSTILE, (1,), HOSTILE, 3)], HOSTILE),
    Heat(HOSTILE, [[Map(HOSTILE, [[1.0]], 1.0, HOSTILE)]], HOSTILE),
    Graph(HOSTILE, [Vertex("block", (HOSTILE, HOSTILE))] * 3, [(0, 1, HOSTILE), (0, 2, HOSTILE)]),
]
TAGS = {"svg", "g", "title", "text", "tspan", "rect", "line", "path", "circle", "polyline"}


@pytest.mark.parametrize("chart", HOSTILE_CHARTS, ids=lambda chart: type(chart).__name__)
def test_names_stay_text_in_every_picture(chart: Chart) -> None:
    text = "".join(drawings(chart).values())
    assert "\x1b" not in text
    assert "<script" not in text
    assert "<img" not in text
    found = drawn(chart)
    assert len(found) == text.count("<svg ")
    for root in found:
        for one in root.iter():
            assert one.tag in TAGS
            assert not [name for name in one.attrib if name.startswith("on")]
        assert root.attrib["aria-label"]
