"""Bars in parts beside one another: what is below 0 goes to the left of the line."""

from collections.abc import Sequence

from sepcalc import quantity
from sepcalc.renderers.charts.base import COLOURS, LETTER, WIDTH, Box, line, rectangle, svg, title, words
from sepcalc.reports.figures import Stacks

HIGH = 26.0  # of a row


def drawn(chart: Stacks) -> str:
    """A row for each bar, all on one scale; equal words have one colour."""
    colours = _colours(chart)
    left = max([len(name) for name, _ in chart.bars]) * LETTER + 14
    ups = [sum(amount for _, amount in parts if amount > 0) for _, parts in chart.bars]
    downs = [-sum(amount for _, amount in parts if amount < 0) for _, parts in chart.bars]
    unit = (WIDTH - left) / max(1, max(ups) + max(downs))
    zero = left + max(downs) * unit
    drawing: list[str] = []
    for at, (name, parts) in enumerate(chart.bars):
        drawing.append(words(name, 0, at * HIGH + 18))
        drawing += _row(name, parts, colours, zero, unit, at * HIGH + 4)
    bottom = HIGH * len(chart.bars) + 4
    drawing.append(line(zero, 0, zero, bottom, "axis"))
    return svg(WIDTH, bottom, chart.title, drawing)


def _colours(chart: Stacks) -> dict[str, int]:
    names = dict.fromkeys(text for _, parts in chart.bars for text, _ in parts)
    return {name: min(at, COLOURS - 1) for at, name in enumerate(names)}


def _row(
    name: str, parts: Sequence[tuple[str, int]], colours: dict[str, int], zero: float, unit: float, top: float
) -> list[str]:
    ends, drawing = [zero, zero], list[str]()
    for text, amount in parts:
        wide = abs(amount) * unit
        x = ends[0] - wide if amount < 0 else ends[1]
        ends = [x, ends[1]] if amount < 0 else [ends[0], x + wide]
        box = rectangle(Box(x, top, wide, HIGH - 8), f"k{colours[text]}")
        drawing.append(f"<g>{title(f'{name}: {text}, {quantity.exact(amount)}')}{box}</g>")
    return drawing
