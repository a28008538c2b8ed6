"""The kernel of a convolution over its input, as SVG. A script moves the marked window and the marked output together.

One axis is a row. Of three axes, each slice of the first stands beside the last. A slice of padding is dashed. Where
elements would be too small to see, only outlines are drawn.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from sepcalc.reports.walks import Course, Walk
from sepcalc.shape import extent

SIZE = {1: 260.0, 2: 260.0, 3: 480.0}  # pixels of the longest side, by spatial axes: slices stand beside one another
CELL = 26.0  # pixels of an element at most
GRID = 5.0  # pixels of an element from which on single elements are drawn
TAPS = 200  # elements of a kernel that are drawn one by one
BETWEEN = 1  # elements between two slices
GAP, TEXT = 48.0, 22.0


class Place(NamedTuple):
    """Where elements lie: pixels of an element, and how far one step along each axis goes to the right and down."""

    unit: float
    moves: tuple[tuple[float, float], ...]

    def at(self, position: tuple[int, ...]) -> tuple[float, float]:
        """The left top corner of an element."""
        return (
            sum(move[0] * step for move, step in zip(self.moves, position)),
            sum(move[1] * step for move, step in zip(self.moves, position)),
        )


class Scene(NamedTuple):
    """A drawing of a walk, and what moves in it: by how many pixels the window and the mark go for one step along each
    axis of the output, the sizes of the output, and the multiplications of one position."""

    svg: str
    window: tuple[tuple[float, float], ...]
    mark: tuple[tuple[float, float], ...]
    sizes: tuple[int, ...]
    each: int


def scenes(course: Course) -> list[Scene]:
    """A drawing for each walk of a course."""
    return [_scene(walk) for walk in course.walks]


def placed(walk: Walk) -> tuple[Place, Place]:
    """Where the elements of the padded input and of the output lie. Both have one scale."""
    padded = [size + sum(pads) for size, pads in zip(walk.sizes, walk.pads)]
    unit = min(CELL, SIZE[len(padded)] / max(*_extent(padded), *_extent(walk.output)))
    return Place(unit, _moves(padded, unit)), Place(unit, _moves(walk.output, unit))


def _extent(sizes: Sequence[int]) -> tuple[int, int]:
    """How wide and how high elements lie, in elements."""
    if len(sizes) == 1:
        return sizes[0], 1
    if len(sizes) == 2:
        return sizes[1], sizes[0]
    return sizes[0] * (sizes[2] + BETWEEN) - BETWEEN, sizes[1]


def _moves(sizes: Sequence[int], unit: float) -> tuple[tuple[float, float], ...]:
    rows = ((0.0, unit), (unit, 0.0))
    if len(sizes) < 3:
        return rows[2 - len(sizes) :]
    return ((sizes[2] + BETWEEN) * unit, 0.0), *rows


def _scene(walk: Walk) -> Scene:
    before, after = placed(walk)
    unit = before.unit
    padded = [size + sum(pads) for size, pads in zip(walk.sizes, walk.pads)]
    width, height = [unit * size for size in _extent(padded)]
    wide, high = [unit * size for size in _extent(walk.output)]
    elements = [
        f'<text x="0" y="12">{walk.begins}</text><text x="{width + GAP:.1f}" y="12">{walk.ends}</text>',
        f'<g transform="translate(0 {TEXT:.0f})">',
        *_block("input", before, padded, walk.pads),
        f'<g class="moves">{"".join(_taps(walk, before))}</g>',
        "</g>",
        f'<g transform="translate({width + GAP:.1f} {TEXT:.0f})">',
        *_block("output", after, walk.output, ((0, 0),) * len(walk.output)),
        f'<g class="moves">{_rectangle("mark", 0, 0, unit, unit)}</g>',
        "</g>",
    ]
    right, bottom = width + GAP + max(wide, 60) + 2, TEXT + max(height, high) + 2
    label = f"{', '.join(walk.lines)}: from {walk.begins} to {walk.ends}"
    head = f'<svg viewBox="-1 0 {right:.0f} {bottom:.0f}" width="{right:.0f}" role="img" aria-label="{label}">'
    steps = tuple([(x * stride, y * stride) for (x, y), stride in zip(before.moves, walk.stride)])
    return Scene("".join([head, *elements, "</svg>"]), steps, after.moves, walk.output, walk.each)


def _block(role: str, place: Place, sizes: Sequence[int], pads: Sequence[tuple[int, int]]) -> Iterator[str]:
    """The slices of a block: the frame of the padded one, then what lies in it, with its grid."""
    slices = sizes[0] if len(sizes) == 3 else 1
    depth, (above, below), (left, end) = ((0, 0), (0, 0), *pads)[-3:]
    high, wide = (1, *sizes)[-2:]
    unit = place.unit
    for at in range(slices):
        x, y = place.at((at, 0, 0)) if len(sizes) == 3 else (0.0, 0.0)
        outside = len(sizes) == 3 and not depth[0] <= at < slices - depth[1]
        if outside or above or below or left or end:
            yield _rectangle("padding", x, y, wide * unit, high * unit)
        if outside:
            continue
        inner = (x + left * unit, y + above * unit, (wide - left - end) * unit, (high - above - below) * unit)
        yield _rectangle(role, *inner)
        if unit >= GRID:
            columns, rows = range(1, wide - left - end), range(1, high - above - below)
            lines = [f"M{inner[0] + n * unit:.1f} {inner[1]:.1f}v{inner[3]:.1f}" for n in columns]
            lines += [f"M{inner[0]:.1f} {inner[1] + n * unit:.1f}h{inner[2]:.1f}" for n in rows]
            yield f'<path class="grid" d="{"".join(lines)}"/>' if lines else ""


def _taps(walk: Walk, place: Place) -> Iterator[str]:
    """The elements that the kernel reads at its first position; of a very large kernel its outline."""
    taps = list(product(*[range(0, size * gap, gap) for size, gap in zip(walk.kernel, walk.dilation)]))
    if len(taps) > TAPS:
        spans = [extent(size, gap) for size, gap in zip(walk.kernel, walk.dilation)]
        for at in range(spans[0]) if len(spans) == 3 else [0]:
            x, y = place.at((at, 0, 0)) if len(spans) == 3 else (0.0, 0.0)
            yield _rectangle("tap", x, y, (1, *spans)[-1] * place.unit, (1, 1, *spans)[-2] * place.unit)
        return
    for tap in taps:
        yield _rectangle("tap", *place.at(tap), place.unit, place.unit)


def _rectangle(name: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
