"""Matrices as maps of heat: blue above 0, orange below, stronger the further from it."""

from collections.abc import Iterator
from math import floor, log10

from sepcalc.renderers.charts.base import LETTER, Box, rectangle, svg, title, words
from sepcalc.reports.figures import Heat, Map

SIDES = ((8, 42.0), (16, 20.0), (64, 11.0))  # up to so many columns, the side of a cell
WRITTEN = 42.0  # side of a cell that its number is written in
GAP, HEAD, FOOT = 56.0, 22.0, 26.0  # between maps, above and below them


def drawn(chart: Heat) -> str:
    """Rows of maps, each with its text above it and its scale below it."""
    most = max(len(row) for maps in chart.rows for one in maps for row in one.numbers)
    side = next(side for columns, side in SIDES if most <= columns)
    parts: list[str] = []
    top = right = 0.0
    for maps in chart.rows:
        left = 0.0
        high = max(len(one.numbers) for one in maps) * side
        for one in maps:
            wide = max(len(row) for row in one.numbers) * side
            if one.sign:
                gap = max(GAP, len(one.sign) * LETTER + 20)
                parts.append(words(one.sign, left + gap / 2, top + HEAD + high / 2 + 4, "head", "middle"))
                left += gap
            parts += _map(one, left, top + HEAD, high, side)
            left += max(wide, LETTER * len(one.text))
        top, right = top + HEAD + high + FOOT, max(right, left)
    return svg(right + 4, top, chart.title, parts, "chart fixed")


def _map(one: Map, left: float, top: float, high: float, side: float) -> Iterator[str]:
    """The text, a cell for each number, and the scale."""
    yield words(one.text, left, top - 7)
    scale = one.scale or 1.0
    down = (high - len(one.numbers) * side) / 2
    for at, row in enumerate(one.numbers):
        for column, number in enumerate(row):
            box = Box(left + column * side + 0.5, top + down + at * side + 0.5, side - 1, side - 1)
            style = "above" if number > 0 else "below"
            heat = rectangle(box, style).replace("/>", f' fill-opacity="{0.65 * min(1.0, abs(number) / scale):.2f}"/>')
            x, y = box.x + (side - 1) / 2, box.y + side / 2 + 3
            text = words(_short(number, scale), x, y, "cell", "middle") if side >= WRITTEN else ""
            yield f"<g>{title(spelt(number))}{heat}{text}</g>"
    if one.scale:
        yield words(f"±{spelt(one.scale)}", left, top + down + len(one.numbers) * side + 14, "faint")


def _short(number: float, scale: float) -> str:
    """A number with as many decimals as make three digits of the largest one, and as a cell has room for."""
    decimals = min(3, max(0, 2 - floor(log10(scale)))) if scale < 10**5 else -1
    if decimals < 0 or scale < 10**-2:
        return f"{number:.0e}" if number else "0"
    text = f"{number:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return ("~0" if number else "0") if text in ("0", "-0") else text


def spelt(number: float) -> str:
    """A number in three digits."""
    text = f"{number:.3g}"
    return "0" if text == "-0" else text
