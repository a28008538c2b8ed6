"""Charts as SVG, without script: areas in a square, and a curve. They take their colours from the page around them.

Source of the treemap: Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple
from xml.sax.saxutils import escape

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.reports import BYTES, Curve

WIDTH, HEIGHT, LOW = 960.0, 420.0, 200.0  # of a treemap, and the height of a curve
HEAD, LETTER = 16.0, 6.6  # the height of a block's name, and the width of a letter
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
    most, count = max(chart.amounts) or 1, len(chart.amounts)
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
    return _svg(WIDTH, LOW, f"{chart.title}: {chart.said}", parts)


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    named = escape(printable(label), {'"': "&quot;"})
    head = f'<svg class="chart" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{named}">'
    return "".join([head, *parts, "</svg>"])


def _rectangle(box: Box) -> str:
    return f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"/>'


def _title(text: str) -> str:
    return f"<title>{escape(printable(text))}</title>"
