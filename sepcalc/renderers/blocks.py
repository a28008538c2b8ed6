"""A picture of blocks as SVG: the input, the kernels and the output of each variant, drawn to scale.

The front face of a block has its height and width, on one scale in the whole picture. Its channels go back in depth, on
a scale of their own: 256 channels beside 12 rows would be a rod. The dashed frame is padding; the marked windows on
an input are the first two positions of the kernel.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from sepcalc.errors import printable
from sepcalc.reports.figures import Picture, Solid, Strip

FRONT, BACK = 130.0, 90.0  # pixels of the largest spatial size, and of the most channels
ALONG = (0.8, -0.5)  # where a channel goes back to, in pixels right and down for each pixel of depth
TEXT, LETTER, GAP, MARGIN = 16, 7.2, 44, 24  # height of a line, width of a letter, between blocks, around
MAX_COPIES = 3  # equal kernels that are drawn behind one another
MAX_SLICES = 4  # slices of three spatial axes that are drawn
MAX_CELLS = 16  # elements along an axis whose grid is drawn
THINNEST = 3.0  # pixels of the shortest edge
STYLE = """\
  text { font: 13px system-ui, sans-serif; fill: #24292f; text-anchor: middle }
  .title { font-weight: 600; text-anchor: start } .told { text-anchor: start } .sign { font-size: 20px }
  .input, .output { fill: #cfe3f7; stroke: #1f5f99 } .output { fill: #d8efd9; stroke: #2c6e31 }
  .kernel { fill: #fbe3c0; stroke: #9a5b00 } .back { fill-opacity: .55 } .loose { fill-opacity: .25 }
  .padding { fill: none; stroke: #6e7781; stroke-dasharray: 4 3 } .window { fill: #fbe3c0; stroke: #9a5b00 }
  .next { fill: none; stroke: #9a5b00; stroke-dasharray: 3 2 }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .input { fill: #173a5e; stroke: #7db8f0 }
    .output { fill: #1d4023; stroke: #86d58c } .kernel, .window { fill: #5c3a05; stroke: #f2b457 }
    .next { stroke: #f2b457 } .padding { stroke: #9198a1 } }
"""


class Scale(NamedTuple):
    """Pixels of one element along the spatial axes, and of one channel."""

    front: float
    back: float


class Drawn(NamedTuple):
    """Elements of SVG around the left top corner of a front face, and the pixels that they take on each side of it."""

    elements: list[str]
    left: float
    right: float
    above: float
    below: float


def drawn(picture: Picture) -> str:
    """The picture, a strip below another."""
    title, strips = picture
    solids = [solid for strip in strips for solid in strip.solids]
    scale = Scale(
        FRONT / max(size + sum(border) for solid in solids for size, border in _padded(solid)),
        BACK / max(solid.depth for solid in solids),
    )
    parts, top, right = list[str](), float(MARGIN), 0.0
    for strip in strips:
        elements, wide, high = _strip(strip, scale, top)
        parts += elements
        top, right = top + high + MARGIN, max(right, wide)
    width, height = round(right + MARGIN), round(top)
    label = escape(printable(title))
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}">'
    return "\n".join([head, f"<style>\n{STYLE}</style>", *parts, "</svg>", ""])


def _padded(solid: Solid) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each spatial size, with its padding."""
    borders = solid.border or ((0, 0),) * len(solid.sizes)
    spans = [(size - 1) * gap + 1 for size, gap in zip(solid.sizes, solid.gaps or (1,) * len(solid.sizes))]
    return zip(spans, borders, strict=True)


def _strip(strip: Strip, scale: Scale, top: float) -> tuple[list[str], float, float]:
    """The elements of a strip, its width and its height."""
    blocks = [_solid(solid, scale, _after(strip.solids, at)) for at, solid in enumerate(strip.solids)]
    above, below = max(one.above for one in blocks), max(one.below for one in blocks)
    lines = max(len(solid.lines) for solid in strip.solids)
    floor = top + TEXT + above + below
    elements = [_text("title", MARGIN, top + TEXT - 4, strip.title)]
    left = float(MARGIN)
    for solid, one in zip(strip.solids, blocks):
        wide = max(one.left + one.right, *[len(line) * LETTER for line in solid.lines])
        x, y = left + (wide - one.left - one.right) / 2 + one.left, top + TEXT + above
        elements += [f'<g transform="translate({x:.1f} {y:.1f})">', *one.elements, "</g>"]
        elements += [_text("", left + wide / 2, floor + TEXT * at, line) for at, line in enumerate(solid.lines, 1)]
        left += wide + GAP
        sign = {"input": "*", "kernel": "="}.get(solid.role, "*") if solid is not strip.solids[-1] else ""
        elements += [_text("sign", left - GAP / 2, y + below / 2, sign)] if sign else []
    floor += TEXT * (lines + 0.5)
    elements += [_text("told", MARGIN, floor + TEXT * at, line) for at, line in enumerate(strip.lines, 1)]
    return elements, left - GAP, floor + TEXT * (len(strip.lines) + 0.5) - top


def _after(solids: Sequence[Solid], at: int) -> Solid | None:
    """The kernel that moves over this block, if one does."""
    return solids[at + 1] if at + 1 < len(solids) and solids[at].role != "kernel" else None


def _solid(solid: Solid, scale: Scale, kernel: Solid | None) -> Drawn:
    """One block: copies of a kernel behind one another, slices of three spatial axes beside one another."""
    *slices, high, wide = (1, 1, *[span for span, _ in _padded(solid)])[-3:]
    count = min(solid.copies, MAX_COPIES) if solid.role == "kernel" else 1
    count = max(count, min(*slices, MAX_SLICES)) if len(solid.sizes) == 3 else count
    width, height = max(wide * scale.front, THINNEST), max(high * scale.front, THINNEST)
    depth = max(solid.depth * scale.back, THINNEST)
    right, up = depth * ALONG[0], -depth * ALONG[1]
    step = (10 + right * 0.35, 10 + up * 0.35)
    elements: list[str] = []
    role = f"{solid.role} loose" if max(solid.gaps, default=1) > 1 else solid.role
    for at in reversed(range(count)):
        elements += _box(role, at * step[0], -at * step[1], width, height, right, up)
    elements += _cells(solid, width, height, scale)
    elements += _padding(solid, scale, width, height) if any(map(any, solid.border)) else []
    elements += _windows(kernel, solid, scale) if kernel is not None else []
    more = (count - 1) * step[0], (count - 1) * step[1]
    upper, sides = [(0, 0), *[border for _, border in _padded(solid)]][-2:]
    before, after, above, below = [pads * scale.front for pads in (*sides, *upper)]
    beside = max(width + right + more[0], width + after)
    return Drawn(elements, before, beside, max(up + more[1], above), height + below)


def _box(role: str, x: float, y: float, width: float, height: float, right: float, up: float) -> Iterator[str]:
    """The three faces of a block that one sees."""
    corners = {
        "top": [(x, y), (x + right, y - up), (x + width + right, y - up), (x + width, y)],
        "side": [
            (x + width, y),
            (x + width + right, y - up),
            (x + width + right, y + height - up),
            (x + width, y + height),
        ],
    }
    for points in corners.values():
        yield f'<polygon class="{role} back" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'
    yield _rectangle(role, x, y, width, height)


def _cells(solid: Solid, width: float, height: float, scale: Scale) -> Iterator[str]:
    """The elements of a small kernel's front face; those of a dilated one stand apart."""
    high, wide = (1, *solid.sizes)[-2:]
    if solid.role != "kernel" or max(high, wide) > MAX_CELLS or max(high, wide) == 1:
        return
    rows, columns = (1, *(solid.gaps or (1,) * len(solid.sizes)))[-2:]
    for row in range(high):
        for column in range(wide):
            x, y = column * columns * scale.front, row * rows * scale.front
            side = max(scale.front, THINNEST)
            yield _rectangle(solid.role, x, y, min(side, width), min(side, height))


def _padding(solid: Solid, scale: Scale, width: float, height: float) -> list[str]:
    """The frame around the padded front face."""
    (above, below), (left, right) = [(0, 0), *solid.border][-2:]
    unit = scale.front
    size = width + (left + right) * unit, height + (above + below) * unit
    return [_rectangle("padding", -left * unit, -above * unit, *size)]


def _windows(kernel: Solid, solid: Solid, scale: Scale) -> Iterator[str]:
    """The kernel's first position on the front face, and the second along the last axis."""
    if kernel.role != "kernel":
        return
    above, left = [before for before, _ in [(0, 0), *solid.border]][-2:]
    high, wide = (1, *[span for span, _ in _padded(kernel)])[-2:]
    unit, step = scale.front, (kernel.steps or (1,))[-1]
    box = (max(wide * unit, THINNEST), max(high * unit, THINNEST))
    if wide + step <= solid.sizes[-1] + sum(solid.border[-1] if solid.border else (0, 0)):
        yield _rectangle("next", (step - left) * unit, -above * unit, *box)
    yield _rectangle("window", -left * unit, -above * unit, *box)


def _rectangle(name: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _text(name: str, x: float, y: float, text: str) -> str:
    style = f' class="{name}"' if name else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}">{escape(printable(text), quote=False)}</text>'
