"""The picture of a comparison: drawn to scale, with numbers of the report alone."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sepcalc
from sepcalc.cli import run
from sepcalc.renderers import render
from sepcalc.renderers.blocks import BACK, FRONT, THINNEST
from sepcalc.reports.compare import CompareReport

ROOT = Path(__file__).parent.parent
SVG = "{http://www.w3.org/2000/svg}"


def drawn(spec: str, *variants: str) -> ElementTree.Element:
    return ElementTree.fromstring(render(CompareReport(sepcalc.compare(spec, variants or None)), "svg"))


def texts(root: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def faces(root: ElementTree.Element, role: str) -> list[tuple[float, float]]:
    """The width and height of the front faces of blocks, in order."""
    found = []
    for group in root.iter(f"{SVG}g"):
        box = next(iter(group.iter(f"{SVG}rect")))
        if role in box.attrib["class"].split():
            found.append((float(box.attrib["width"]), float(box.attrib["height"])))
    return found


def test_the_tutorials_picture_is_that_of_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "12x12x3", "-k5", "-o256", "--format", "svg"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "compare.svg").read_text("utf-8")


def test_the_tutorials_numbers() -> None:
    """What the tutorial prints: 12x12x3 -> 3 kernels of 5x5x1 -> 8x8x3 -> 256 kernels of 1x1x3 -> 8x8x256."""
    words = [text for text in texts(drawn("12x12x3 -k5 -o256")) if text not in "*="]
    assert words == [
        *("normal", "12x12x3", "256 kernels of 5x5x3", "8x8x256"),
        "1,228,800 multiplications, 19,200 params",
        *("spatial", "12x12x3", "768 kernels of 5x1x1", "3 groups", "8x12x768", "256 kernels of 1x5x3", "256 groups"),
        *("8x8x256", "614,400 multiplications, 7,680 params", "2.0x fewer than the normal one"),
        *("depthwise-separable", "12x12x3", "3 kernels of 5x5x1", "3 groups", "8x8x3", "256 kernels of 1x1x3"),
        *("8x8x256", "53,952 multiplications, 843 params", "22.8x fewer than the normal one"),
    ]


def test_a_vector_is_one_position() -> None:
    words = [text for text in texts(drawn("8 pointwise -o4")) if text not in "*="]
    assert words == ["normal", "8", "4 kernels of 8", "4", "32 multiplications, 32 params"]


def test_blocks_are_drawn_to_scale() -> None:
    root, unit = drawn("12x12x3 -k5 -o256", "normal"), FRONT / 12
    for role, size in (("input", 12), ("kernel", 5), ("output", 8)):
        (face,) = faces(root, role)
        assert face == pytest.approx((size * unit, size * unit), abs=0.06)
    (_, top, side) = next(group for group in root.iter(f"{SVG}g"))[:3]
    assert (top.tag, side.tag) == (f"{SVG}polygon", f"{SVG}rect")
    back = [tuple(map(float, one.split(","))) for one in next(root.iter(f"{SVG}polygon")).attrib["points"].split()]
    assert back[1][0] - back[0][0] == pytest.approx(max(3 * BACK / 256, THINNEST) * 0.8, abs=0.06)


def test_padding_stride_dilation_and_groups_are_shown() -> None:
    root = drawn("12x12x4 -k3 -d3 -s2 -p 4 -o8 -g2", "normal")
    unit = FRONT / 20  # 12 elements and 4 of padding on each side
    (frame,) = [one for one in root.iter(f"{SVG}rect") if one.attrib["class"] == "padding"]
    assert [float(frame.attrib[name]) for name in ("x", "y", "width")] == pytest.approx(
        [-4 * unit, -4 * unit, 20 * unit], abs=0.06
    )
    (window,) = [one for one in root.iter(f"{SVG}rect") if one.attrib["class"] == "window"]
    (after,) = [one for one in root.iter(f"{SVG}rect") if one.attrib["class"] == "next"]
    assert float(window.attrib["width"]) == pytest.approx(7 * unit, abs=0.06)
    assert float(after.attrib["x"]) - float(window.attrib["x"]) == pytest.approx(2 * unit, abs=0.11)
    assert {"8 kernels of 3x3x2", "stride 2", "dilation 3", "2 groups"} <= {*texts(root)}
    cells = [one for one in root.iter(f"{SVG}rect") if one.attrib["class"] == "kernel"]
    assert len(cells) == 9
    assert float(cells[1].attrib["x"]) == pytest.approx(3 * unit, abs=0.06)


SPECS = st.builds(
    lambda sizes, channels, kernel, stride, padding, out: (
        f"{'x'.join(map(str, sizes))}x{channels} -k{kernel} -s{stride} -p {padding} -o{out}"
    ),
    st.lists(st.integers(9, 60), min_size=1, max_size=3),
    st.integers(1, 40),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["same", "0", "1"]),
    st.integers(1, 300),
)


@given(SPECS)
def test_every_number_is_one_of_the_report(spec: str) -> None:
    comparison = sepcalc.compare(spec, ["all"])
    root = drawn(spec, "all")
    written = "\n".join(texts(root))
    for variant in comparison:
        assert f"{variant.cost.mults:,} multiplications, {variant.cost.params:,} params" in written
    shapes = {size for variant in comparison for step in variant.steps for size in (*step.inputs[0], *step.output)}
    told = [text for text in texts(root) if re.fullmatch(r"\d+(?:x\d+)+", text)]
    assert {int(size) for text in told for size in text.split("x")} <= shapes
    box = [float(size) for size in root.attrib["viewBox"].split()]
    for one in root.iter(f"{SVG}text"):
        assert 0 <= float(one.attrib["x"]) <= box[2]
        assert 0 <= float(one.attrib["y"]) <= box[3]


def test_a_network_has_no_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", "zoo:unet", "--format", "svg"]) == 2
    assert "'svg' is not one of" in capsys.readouterr().err
