"""The layers by their amounts: areas in their blocks, and bars in the order in which they run.

Source of the areas: Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.renderers.charts.base import COLOURS, LETTER, LINE, WIDTH, Box, line, plain, rectangle, svg, title, words
from sepcalc.reports.figures import Treemap

HEIGHT, LOW = 420.0, 130.0  # of the areas, and of the bars
LEGEND = 24.0
MAX_AREAS = 40  # layers with an area of their own; the smaller ones of a block share one
OTHERS = "other kinds"


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


class Area(NamedTuple):
    """A layer, or several small ones: its amount, and the number of its colour."""

    name: str
    amount: int
    colour: int
    large: bool = True


def drawn(chart: Treemap) -> dict[str, str]:
    """For each measure the areas, and the bars below them. A measure of nothing is left out."""
    colours = _colours(chart)
    return {
        measure: _areas(chart, amounts, measure, colours) + _bars(chart, amounts, measure, colours)
        for measure, amounts in chart.measures.items()
        if any(amounts)
    }


def _colours(chart: Treemap) -> dict[str, int]:
    """The number of the colour of each kind. Those with the largest shares get one of their own."""
    shares = dict.fromkeys(chart.kinds, 0.0)
    for amounts in chart.measures.values():
        whole = sum(amounts) or 1
        for kind, amount in zip(chart.kinds, amounts, strict=True):
            shares[kind] += amount / whole
    ranked = sorted(shares, key=lambda kind: -shares[kind])
    return {kind: min(at, COLOURS - 1) for at, kind in enumerate(ranked)}


# --- areas


def _areas(chart: Treemap, amounts: Sequence[int], measure: str, colours: dict[str, int]) -> str:
    """An area for each layer, inside that of its block: the layers in a row that share the first part of their
    names."""
    whole = sum(amounts)
    large = {*sorted(range(len(amounts)), key=lambda at: -amounts[at])[:MAX_AREAS]}
    layers = [
        Area(name, amount, colours[kind], at in large)
        for at, (name, amount, kind) in enumerate(zip(chart.names, amounts, chart.kinds, strict=True))
        if amount
    ]
    blocks = _gathered([(head, [*run]) for head, run in groupby(layers, lambda layer: _head(layer.name))])
    sizes = [sum([area.amount for area in inside]) for _, inside in blocks]
    order = sorted(range(len(blocks)), key=lambda at: -sizes[at])
    boxes = squarified([sizes[at] for at in order], Box(0, 0, WIDTH, HEIGHT))
    parts = [part for at, box in zip(order, boxes) for part in _block(*blocks[at], sizes[at], box, whole, measure)]
    used = {colours[kind]: kind for kind, amount in zip(chart.kinds, amounts, strict=True) if amount}
    kinds = sum([number == COLOURS - 1 for number in colours.values()])
    parts += _legend([(at, OTHERS if at == COLOURS - 1 and kinds > 1 else used[at]) for at in sorted(used)])
    return svg(WIDTH, HEIGHT + LEGEND, f"{measure} by layer", parts)


def _gathered(blocks: list[tuple[str, list[Area]]]) -> list[tuple[str, list[Area]]]:
    """The blocks, those of small layers alone in one: a flat network may have thousands."""
    small = [block for block in blocks if not any(area.large for area in block[1])]
    if len(small) < 2:
        return blocks
    areas = [area for _, inside in small for area in inside]
    rest = _together(f"{quantity.exact(len(areas))} smaller layers", areas)
    return [*[block for block in blocks if any(area.large for area in block[1])], ("", [rest])]


def _together(name: str, areas: Sequence[Area]) -> Area:
    """Several layers as one area, of their colour if all have one."""
    colours = {area.colour for area in areas}
    colour = colours.pop() if len(colours) == 1 else COLOURS - 1
    return Area(name, sum([area.amount for area in areas]), colour)


def _head(name: str) -> str:
    return name.lstrip("/").partition("/")[0]


def _block(head: str, inside: list[Area], total: int, box: Box, whole: int, measure: str) -> Iterator[str]:
    """A block's frame and name, and its layers. Its small layers share an area."""
    titled = len(inside) > 1 and box.height > 2.2 * LINE and box.width > 40
    inner = Box(box.x + 1, box.y + 1, max(0.0, box.width - 2), max(0.0, box.height - 2))
    yield rectangle(_whole(box), "block")
    if titled:
        yield _label(head, total, whole, Box(box.x, box.y, box.width, LINE), "head")
        inner = inner._replace(y=inner.y + LINE, height=inner.height - LINE)
    small = [area for area in inside if not area.large]
    shown = [area for area in inside if area.large] if len(small) > 1 else inside[:]
    if len(small) > 1:
        shown.append(_together(f"{len(small)} smaller layers of {head}", small))
    shown.sort(key=lambda area: -area.amount)
    for (name, amount, colour, _), place in zip(shown, squarified([area.amount for area in shown], inner)):
        said = f"{name}: {quantity.exact(amount)} {measure}, {quantity.percent(amount, whole)}"
        yield f"<g>{title(said)}{rectangle(_whole(place), f'k{colour}')}"
        within = name.removeprefix("/").removeprefix(f"{head}/") if titled else name
        yield f"{_label(within, amount, whole, place, '')}</g>"


def _whole(box: Box) -> Box:
    """The box with its edges at whole pixels."""
    x, y = round(box.x), round(box.y)
    return Box(x, y, round(box.x + box.width) - x, round(box.y + box.height) - y)


def _fitting(name: str, room: float) -> str:
    """As many parts of a name, from its end, as there is room for."""
    shown = printable(name)
    while len(shown) * LETTER > room and "/" in shown:
        shown = shown.partition("/")[2]
    return shown


def _label(name: str, amount: int, whole: int, box: Box, style: str) -> str:
    """A name and its share, as far as there is room."""
    shown, share = _fitting(name, box.width - 6), quantity.percent(amount, whole)
    wide = len(shown) + len(share) + 1 if box.height < 2 * LINE else 0
    text = f"{shown} {share}" if wide and wide * LETTER < box.width - 6 else shown
    if len(text) * LETTER > box.width - 6 or box.height < LINE - 2:
        return ""
    below = (
        ""
        if wide or len(share) * LETTER > box.width - 6
        else words(share, round(box.x) + 4, round(box.y) + 27, "faint")
    )
    return words(text, round(box.x) + 4, round(box.y) + 12, style) + below


def _legend(kinds: Sequence[tuple[int, str]]) -> Iterator[str]:
    """A square of each colour, and the kind of layer that has it."""
    left = 0.0
    for colour, kind in kinds:
        yield rectangle(Box(left, HEIGHT + 8, 11, 11), f"k{colour}")
        yield f'<text x="{left + 16:.1f}" y="{HEIGHT + 17.5:.1f}">{plain(kind)}</text>'
        left += 16 + LETTER * len(printable(kind)) + 14


# --- bars


def _bars(chart: Treemap, amounts: Sequence[int], measure: str, colours: dict[str, int]) -> str:
    """A bar for each layer, in their order from the left."""
    most, step = max(amounts), WIDTH / len(amounts)
    top = LINE + 6
    paths = dict[int, list[str]]()
    for at, (kind, amount) in enumerate(zip(chart.kinds, amounts, strict=True)):
        if amount:
            high = max(1.0, (LOW - top) * amount / most)
            paths.setdefault(colours[kind], []).append(f"M{(at + 0.5) * step:.1f} {LOW:.0f}v-{high:.1f}")
    width = min(28.0, step * 0.8)
    parts = [
        f'<path class="s{colour}" stroke-width="{width:.2f}" d="{"".join(path)}"/>'
        for colour, path in sorted(paths.items())
    ]
    largest = amounts.index(most)
    middle = (largest + 0.5) * step
    anchor = "" if middle < WIDTH / 3 else "end" if middle > 2 * WIDTH / 3 else "middle"
    edge = {"": max(0.0, middle - step / 2), "end": middle + step / 2, "middle": middle}[anchor]
    said = f"{quantity.exact(most)} {measure}: {chart.names[largest]}"
    parts += [words(said, edge, LINE - 2, "", anchor), line(0, LOW, WIDTH, LOW, "axis")]
    return svg(WIDTH, LOW + 1, f"{measure} of each layer, in order", parts)
