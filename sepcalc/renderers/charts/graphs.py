"""A network's blocks in the order in which they run, one below the other. What does not go to the next block goes
beside the others, as an arc."""

from collections.abc import Iterator, Sequence

from sepcalc.errors import printable
from sepcalc.renderers.charts.base import LETTER, plain, rectangle, svg, title, words
from sepcalc.renderers.charts.base import Box as Place
from sepcalc.reports.figures import Graph, Vertex

MAX_BLOCKS = 60  # that are drawn
HIGH, STEP, LANE = 24.0, 46.0, 13.0  # of a box, from a box to the next, between arcs
MOST = 620.0  # pixels at most of a box
LEFT = 2.0


def drawn(graph: Graph) -> str:
    """The graph. Empty for one with too many blocks to be looked at."""
    vertices, edges = graph.vertices, graph.edges
    if sum([vertex.role == "block" for vertex in vertices]) > MAX_BLOCKS:
        return ""
    wide = min(MOST, max([len(_text(vertex)) for vertex in vertices], default=1) * LETTER + 24)
    parts: list[str] = []
    arcs = sorted([edge for edge in edges if edge[1] - edge[0] > 1], key=lambda edge: (edge[1] - edge[0], edge[0]))
    lanes = _lanes(arcs)
    for at, vertex in enumerate(vertices):
        parts += _vertex(vertex, at * STEP + 1, wide)
    for source, to, shape in edges:
        if to - source == 1:
            x, y = LEFT + wide / 2, source * STEP + 1 + HIGH
            parts.append(_arrow(f"M{x:.1f} {y:.1f}V{y + STEP - HIGH - 5:.1f}", x, y + STEP - HIGH, "down"))
            parts.append(words(shape, x + 8, y + 15, "faint"))
    for (source, to, shape), lane in zip(arcs, lanes, strict=True):
        parts += _arc(graph, source, to, shape, LEFT + wide, 18 + LANE * lane)
    right = LEFT + wide + (24 + LANE * (max(lanes) + 1) if arcs else 4)
    return svg(
        right, (len(vertices) - 1) * STEP + HIGH + 3, f"{graph.title or 'network'} by blocks", parts, "chart fixed"
    )


def _text(vertex: Vertex) -> str:
    return "   ".join(map(printable, _lines(vertex)))


def _lines(vertex: Vertex) -> list[str]:
    """Its lines, each once: a layer may be called what it is."""
    return [*dict.fromkeys(vertex.lines)]


def _vertex(vertex: Vertex, y: float, wide: float) -> Iterator[str]:
    """A box with its name in bold, and what it is behind that."""
    name, *more = map(printable, _lines(vertex))
    room = int((wide - 20) / LETTER) - sum([len(text) + 3 for text in more])
    shown = name if len(name) <= room else f"…{name[1 - max(room, 9) :]}"
    rest = "".join([f'<tspan dx="12">{plain(text)}</tspan>' for text in more])
    yield f"<g>{title(_text(vertex))}{rectangle(Place(LEFT, y, wide, HIGH), f'vertex {vertex.role}')}"
    if vertex.share:
        yield rectangle(Place(LEFT + 1, y + HIGH - 4, (wide - 2) * vertex.share, 3), "bar")
    yield f'<text x="{LEFT + 10:.1f}" y="{y + 16:.1f}"><tspan class="head">{plain(shown)}</tspan>{rest}</text></g>'


def _lanes(arcs: Sequence[tuple[int, int, str]]) -> list[int]:
    """The lane of each arc, from the boxes outwards: no two arcs in a lane overlap. Shorter ones come first."""
    taken: list[list[tuple[int, int]]] = []
    lanes = []
    for source, to, _ in arcs:
        free = (at for at, lane in enumerate(taken) if all(to <= one or two <= source for one, two in lane))
        lane = next(free, len(taken))
        if lane == len(taken):
            taken.append([])
        taken[lane].append((source, to))
        lanes.append(lane)
    return lanes


def _arc(graph: Graph, source: int, to: int, shape: str, x: float, out: float) -> Iterator[str]:
    """An arc from the lower half of a box to the upper half of another."""
    y, end = source * STEP + 1 + HIGH - 6, to * STEP + 1 + 6
    bend = min(out, 16.0)
    path = (
        f"M{x:.1f} {y:.1f}h{out - bend:.1f}q{bend:.1f} 0 {bend:.1f} {bend:.1f}V{end - bend:.1f}"
        f"q0 {bend:.1f} -{bend:.1f} {bend:.1f}H{x + 5:.1f}"
    )
    said = f"{graph.vertices[source].lines[0]} to {graph.vertices[to].lines[0]}: {shape}"
    yield f"<g>{title(said)}{_arrow(path, x, end, 'left')}</g>"


def _arrow(path: str, x: float, y: float, way: str) -> str:
    """A line that ends in a point."""
    head = f"M{x - 4:.1f} {y - 6:.1f}h8l-4 6z" if way == "down" else f"M{x + 6:.1f} {y - 4:.1f}v8l-6 -4z"
    return f'<path class="edge" d="{path}"/><path class="tip" d="{head}"/>'
