"""Charts as SVG, without script: areas in a square, and a curve. They take their colours from the page around them.

Source of the treemap: Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from math import ceil, floor, log10
from typing import NamedTuple
from xml.sax.saxutils import escape

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.reports import BYTES
from sepcalc.reports.figures import Curve, Scatter

WIDTH, HEIGHT, LOW = 960.0, 420.0, 200.0  # of a treemap, and the height of a curve
HEAD, LETTER = 16.0, 6.6  # the height of a block's name, and the width of a letter
MAX_POINTS = 150  # of a curve, that tell their names
MAX_AREAS = 80  # layers with an area of their own; the smaller ones of a block share one


class Box(NamedTuple):
    """A rectangle: its left top corner, its width and height."""

    x: float
    y: float
    width: float
    height: float


def squarified(amounts: Sequence[float], box: Box) -> list[Box]:
    """A box for each amount, which fill the whole one in proportion, as square as may be. The amounts are above 0, the
    largest first."""
    boxes: list[Box] = []
    at, left = 0, sum(amounts)
    while at < len(amounts):
        side, unit = min(box.width, box.height), box.width * box.height / left
        end = at + 1
        while end < len(amounts) and _worst(amounts[at : end + 1], side, unit) <= _worst(amounts[at:end], side, unit):
            end += 1
        strip = sum(amounts[at:end])
        thick, offset = strip * unit / side if side else 0.0, 0.0
        for amount in amounts[at:end]:
            long = side * amount / strip
            if box.width >= box.height:
                boxes.append(Box(box.x, box.y + offset, thick, long))
            else:
                boxes.append(Box(box.x + offset, box.y, long, thick))
            offset += long
        wide = box.width >= box.height
        box = (
            Box(box.x + thick, box.y, max(0.0, box.width - thick), box.height)
            if wide
            else Box(box.x, box.y + thick, box.width, max(0.0, box.height - thick))
        )
        left -= strip
        at = end
    return boxes


def _worst(strip: Sequence[float], side: float, unit: float) -> float:
    """The largest ratio of two sides in a strip of boxes along this side."""
    area = sum(strip) * unit
    return max(side * side * max(strip) * unit / area**2, area**2 / (side * side * min(strip) * unit)) if side else 0.0


def treemap(names: Sequence[str], amounts: Sequence[int], measure: str) -> str:
    """An area for each layer, inside that of its block: the layers in a row that share the first part of their names.
    Empty where there is nothing to show."""
    whole = sum(amounts)
    if not whole:
        return ""
    blocks = [
        (head, [(name, amount) for _, name, amount in run])
        for head, run in groupby(
            [(_head(name), name, amount) for name, amount in zip(names, amounts, strict=True) if amount],
            lambda one: one[0],
        )
    ]
    blocks.sort(key=lambda block: -sum(amount for _, amount in block[1]))
    boxes = squarified([sum(amount for _, amount in inside) for _, inside in blocks], Box(0, 0, WIDTH, HEIGHT))
    least = sorted(amounts, reverse=True)[:MAX_AREAS][-1]
    parts = [
        part for (head, inside), box in zip(blocks, boxes) for part in _block(head, inside, box, whole, least, measure)
    ]
    return _svg(WIDTH, HEIGHT, f"{measure} by layer", parts)


def _head(name: str) -> str:
    return name.lstrip("/").partition("/")[0]


def _block(head: str, inside: list[tuple[str, int]], box: Box, whole: int, least: int, measure: str) -> Iterator[str]:
    """A block's frame and name, and its layers."""
    alone = len(inside) == 1
    total = sum(amount for _, amount in inside)
    titled = not alone and box.height > 2.2 * HEAD and box.width > 40
    inner = Box(box.x + 1, box.y + 1, max(0.0, box.width - 2), max(0.0, box.height - 2))
    yield _rectangle(box)
    if titled:
        yield _label(head, total, whole, Box(box.x, box.y, box.width, HEAD), "head")
        inner = inner._replace(y=inner.y + HEAD, height=inner.height - HEAD)
    small = [one for one in inside if one[1] < least]
    shown = sorted([one for one in inside if one[1] >= least], key=lambda one: -one[1])
    if small:
        shown.append((f"{len(small)} smaller layers of {head}", sum(amount for _, amount in small)))
        shown.sort(key=lambda one: -one[1])
    for (name, amount), place in zip(shown, squarified([amount for _, amount in shown], inner)):
        said = f"{name}: {quantity.exact(amount)} {measure}, {quantity.percent(amount, whole)}"
        yield f"<g>{_title(said)}{_rectangle(place)}"
        yield f"{_label(name.rpartition('/')[2] if titled else name, amount, whole, place, '')}</g>"


def _label(name: str, amount: int, whole: int, box: Box, style: str) -> str:
    """A name and its share, as far as there is room."""
    shown = printable(name)
    share = quantity.percent(amount, whole)
    text = f"{shown} {share}" if (len(shown) + len(share) + 1) * LETTER < box.width - 6 else shown
    if len(text) * LETTER > box.width - 6 or box.height < HEAD - 2:
        return ""
    styled = f' class="{style}"' if style else ""
    return f'<text{styled} x="{box.x + 4:.1f}" y="{box.y + 12:.1f}">{escape(text)}</text>'


def curve(chart: Curve) -> str:
    """The amounts from the left to the right, as steps, with the marked one pointed at."""
    most = max(*chart.amounts, *[limit for _, limit in chart.limits], 1)
    count = len(chart.amounts)
    step, top = WIDTH / count, HEAD + 4
    heights = [top + (LOW - top) * (1 - amount / most) for amount in chart.amounts]
    points = "".join([f" H{at * step:.1f} V{y:.1f} H{(at + 1) * step:.1f}" for at, y in enumerate(heights)])
    form = quantity.size if chart.holds == BYTES else quantity.about
    middle = (chart.marked + 0.5) * step
    anchor = "start" if middle < WIDTH / 3 else "end" if middle > 2 * WIDTH / 3 else "middle"
    said = f"{form(chart.amounts[chart.marked])}: {printable(chart.names[chart.marked])}"
    parts = [
        f'<path class="area" d="M0 {LOW:.1f}{points} V{LOW:.1f} Z"/>',
        f'<line class="mark" x1="{middle:.1f}" x2="{middle:.1f}" y1="{top:.1f}" y2="{LOW:.1f}"/>',
        f'<text x="{middle:.1f}" y="{HEAD - 4:.1f}" text-anchor="{anchor}">{escape(said)}</text>',
    ]
    for words, limit in chart.limits:
        y = top + (LOW - top) * (1 - limit / most)
        parts.append(f'<line class="limit" x1="0" x2="{WIDTH:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="4" y="{y - 3:.1f}">{escape(printable(words))}</text>')
    if count <= MAX_POINTS:
        for at, (name, amount) in enumerate(zip(chart.names, chart.amounts, strict=True)):
            box = f'x="{at * step:.1f}" y="0" width="{step:.1f}" height="{LOW:.0f}"'
            parts.append(f'<g class="point">{_title(f"{name}: {quantity.exact(amount)}")}<rect {box}/></g>')
    return _svg(WIDTH, LOW, f"{chart.title}: {chart.said}", parts)


def scatter(chart: Scatter) -> str:
    """A point for each, on logarithmic axes with a line at each power of ten. Amounts of 0 stand at 1."""
    left, right, top, bottom = 64.0, WIDTH - 90, 12.0, HEIGHT - 36
    across = [max(x, 1) for _, x, _ in chart.points]
    up = [max(y, 1) for _, _, y in chart.points]
    (low, high), (least, most) = _decades(across), _decades(up)
    parts: list[str] = []
    for power in range(low, high + 1):
        x = left + (right - left) * (power - low) / (high - low)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>')
        parts.append(f'<text x="{x:.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{quantity.about(10**power)}</text>')
    for power in range(least, most + 1):
        y = bottom - (bottom - top) * (power - least) / (most - least)
        parts.append(f'<line class="axis" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{quantity.about(10**power)}</text>')
    parts.append(f'<text class="head" x="{right:.1f}" y="{HEIGHT - 4:.1f}" text-anchor="end">{chart.axes[0]}</text>')
    parts.append(f'<text class="head" x="4" y="{top + 4:.1f}">{chart.axes[1]}</text>')
    placed: list[Box] = []
    for (name, *amounts), one, two in zip(chart.points, across, up, strict=True):
        x = left + (right - left) * (log10(one) - low) / (high - low)
        y = bottom - (bottom - top) * (log10(two) - least) / (most - least)
        told = ", ".join([f"{quantity.exact(amount)} {axis}" for amount, axis in zip(amounts, chart.axes)])
        parts.append(f'<g>{_title(f"{name}: {told}")}<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        parts.append(f"{_named(printable(name), x, y, placed)}</g>")
    return _svg(WIDTH, HEIGHT, f"{chart.title}: {' against '.join(chart.axes)}", parts)


def _named(name: str, x: float, y: float, placed: list[Box]) -> str:
    """The name of a point on the first side of it that is free of the names ``placed`` before; nothing where none
    is."""
    wide = len(name) * LETTER
    for left, low in ((x + 7, y + 4), (x - 7 - wide, y + 4), (x - wide / 2, y - 7), (x - wide / 2, y + 16)):
        box = Box(left, low - 10, wide, 12)
        if not any(_overlap(box, other) for other in placed):
            placed.append(box)
            return f'<text x="{left:.1f}" y="{low:.1f}">{escape(name)}</text>'
    return ""


def _overlap(one: Box, two: Box) -> bool:
    beside = one.x + one.width <= two.x or two.x + two.width <= one.x
    return not (beside or one.y + one.height <= two.y or two.y + two.height <= one.y)


def _decades(amounts: Sequence[int]) -> tuple[int, int]:
    """The powers of ten around these amounts."""
    low = floor(log10(min(amounts)))
    return low, max(low + 1, ceil(log10(max(amounts))))


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    named = escape(printable(label), {'"': "&quot;"})
    head = f'<svg class="chart" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{named}">'
    return "".join([head, *parts, "</svg>"])


def _rectangle(box: Box) -> str:
    return f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"/>'


def _title(text: str) -> str:
    return f"<title>{escape(printable(text))}</title>"
