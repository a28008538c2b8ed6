"""The kernel as it moves over a page: what is marked is what is read, and the counts are those of the report."""

import json
import re
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sepcalc
from sepcalc.renderers.walks import BETWEEN, placed, scenes
from sepcalc.reports.compare import CompareReport
from sepcalc.reports.walks import Walk, courses

SPECS = [
    "12x12x3 -k5 -o256",
    "20x8 conv -k3 -o8 -s2 -p1 -d2",
    "5x6x4x4 conv -k3 -o8 -p1 -s2x1x1",
    "9x13x8 conv -k3 -o8 -p same -d2 -g2",
    "9x8x4 conv -k3x2 -o6 -s1x2 -p 2/0x1/3",
    "7x7x3 depthwise -k3 -m2",
    "6x6x4 pointwise -o8",
    "8 pointwise -o4",
]


def read_by(walk: Walk, position: tuple[int, ...]) -> set[tuple[int, ...]]:
    """The elements of the input that an output position reads: windows over an array of the elements' own numbers."""
    numbers = np.pad(np.arange(prod(walk.sizes)).reshape(walk.sizes), walk.pads, constant_values=-1)
    spans = tuple([(k - 1) * d + 1 for k, d in zip(walk.kernel, walk.dilation)])
    window = np.lib.stride_tricks.sliding_window_view(numbers, spans)[
        tuple([at * s for at, s in zip(position, walk.stride)])
    ]
    seen = window[tuple([slice(None, None, d) for d in walk.dilation])]
    return {tuple(map(int, np.unravel_index(number, walk.sizes))) for number in seen.flat if number >= 0}


def element_at(x: float, y: float, unit: float, walk: Walk) -> tuple[int, ...]:
    """The element of the padded input at a place of the picture."""
    column, row = round(x / unit), round(y / unit)
    if len(walk.sizes) == 1:
        return (column,)
    if len(walk.sizes) == 2:
        return (row, column)
    wide = walk.sizes[2] + sum(walk.pads[2]) + BETWEEN
    return (column // wide, row, column % wide)


@pytest.mark.parametrize("spec", SPECS)
def test_the_marked_elements_are_those_that_are_read(spec: str) -> None:
    for course in courses(sepcalc.compare(spec, ["all"])):
        for walk, scene in zip(course.walks, scenes(course), strict=True):
            unit = placed(walk)[0].unit
            taps = [(float(x), float(y)) for x, y in re.findall(r'class="tap" x="([^"]*)" y="([^"]*)"', scene.svg)]
            for position in product(*map(range, walk.output)):
                right, down = [sum(move[way] * at for move, at in zip(scene.window, position)) for way in (0, 1)]
                marked = {element_at(x + right, y + down, unit, walk) for x, y in taps}
                begins = [before for before, _ in walk.pads]
                inside = {tuple(at - before for at, before in zip(element, begins)) for element in marked}
                real = {one for one in inside if all(0 <= at < size for at, size in zip(one, walk.sizes))}
                assert real == read_by(walk, position)


@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(1, 3),
    st.sampled_from([2, 4, 6]),
    st.sampled_from(["", "-s2", "-p same", "-p1 -d2", "-g2"]),
)
def test_the_steps_add_up_to_the_multiplications_of_the_report(
    sizes: tuple[int, int], kernel: int, channels: int, options: str
) -> None:
    shape = "x".join(map(str, (*[size + 4 for size in sizes], channels)))
    comparison = sepcalc.compare(f"{shape} conv -k{kernel} -o4 {options}", ["all"])
    for course, variant in zip(courses(comparison), comparison, strict=True):
        assert sum(walk.positions * walk.each for walk in course.walks) == course.total == variant.cost.mults
        assert [walk.ends for walk in course.walks][-1] == "x".join(map(str, variant.output))


def test_the_tutorial_ends_at_its_numbers() -> None:
    found = {course.name: course for course in courses(sepcalc.compare("12x12x3 -k5 -o256"))}
    assert found["normal"].total == 1_228_800
    assert found["depthwise-separable"].total == 53_952
    assert [walk.said for walk in found["depthwise-separable"].walks] == [
        "64 positions x 75 multiplications = 4,800",
        "64 positions x 768 multiplications = 49,152",
    ]
    assert [walk.lines for walk in found["depthwise-separable"].walks] == [
        ("3 kernels of 5x5x1", "3 groups"),
        ("256 kernels of 1x1x3",),
    ]


def test_the_page_has_what_the_script_moves() -> None:
    pytest.importorskip("jinja2")
    from sepcalc.renderers import Style, render

    page = render(CompareReport(sepcalc.compare("12x12x3 -k5 -o256")), "html", Style())
    moved = [json.loads(text.replace("&#34;", '"')) for text in re.findall(r'data-moved="([^"]*)"', page)]
    assert [sum(prod(step["sizes"]) * step["each"] for step in steps) for steps in moved] == [1228800, 614400, 53952]
    assert page.count("<figcaption>") == 5


def test_a_kernel_of_many_elements_is_an_outline() -> None:
    (normal, *_) = courses(sepcalc.compare("64x64x3 -k31 -o4"))
    (scene,) = scenes(normal)
    assert scene.svg.count('class="tap"') == 1
    assert "grid" not in scene.svg
