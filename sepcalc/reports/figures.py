"""What programs draw of a report, as data: graphs, pictures, charts. Only some reports have one; a renderer that draws
asks for it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from sepcalc.reports import Charts, Report, part


class Vertex(NamedTuple):
    """A vertex of a graph: ``role`` is input, block or output; ``lines`` are its text, the name first; ``share`` is its
    part of the network's macs, up to 1."""

    role: str
    lines: Sequence[str]
    share: float = 0.0


class Graph(NamedTuple):
    """A picture of a network as data: its vertices, and edges by the numbers of both ends, with a text each."""

    title: str
    vertices: Sequence[Vertex]
    edges: Sequence[tuple[int, int, str]]


class Solid(NamedTuple):
    """A block of numbers in a picture. ``role`` is input, kernel or output; ``sizes`` are its spatial sizes and
    ``depth`` its channels, ``copies`` how many equal ones there are. ``border`` are the padded elements at both ends of
    each axis; a kernel has ``gaps``, its dilation, and ``steps``, its stride. ``lines`` are its text."""

    role: str
    sizes: tuple[int, ...]
    depth: int
    lines: tuple[str, ...]
    copies: int = 1
    border: tuple[tuple[int, int], ...] = ()
    gaps: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()


class Strip(NamedTuple):
    """A row of a picture, from the left: blocks, and the sentences below them."""

    title: str
    solids: Sequence[Solid]
    lines: Sequence[str]


class Picture(NamedTuple):
    """A picture as data."""

    title: str
    strips: Sequence[Strip]


class Treemap(NamedTuple):
    """A chart of areas and of bars: the layers by their names in blocks, for each measure the amount of every layer,
    and the kind of each."""

    title: str
    names: Sequence[str]
    measures: Mapping[str, Sequence[int]]
    kinds: Sequence[str]
    said: str = ""


class Curve(NamedTuple):
    """A chart of one amount, of layers or of commits in their order: the name of each, and its amount. ``marked`` is
    the number of the one to point at, ``said`` a sentence about it, ``limits`` are lines to draw, with their texts."""

    title: str
    names: Sequence[str]
    amounts: Sequence[int]
    holds: str
    marked: int
    said: str
    limits: Sequence[tuple[str, int]] = ()


class Point(NamedTuple):
    """A point of a chart. ``weight`` is what its area stands for, ``said`` more about it, ``joined`` the number of the
    point that it became. Where it is ``named``, its name is drawn if there is room."""

    name: str
    x: float
    y: float
    weight: float = 1
    said: str = ""
    tone: str = ""
    joined: int | None = None
    named: bool = True


class Scatter(NamedTuple):
    """A chart of points on two logarithmic axes, which have these names. ``weighed``: the points have areas. ``roof``
    is the balance of a device in macs per byte: what it computes at most at each arithmetic intensity. ``limits`` are
    lines: a text, the number of the axis, and the amount on it. ``diagonal`` are the ends of a line on which both
    amounts are equal."""

    title: str
    axes: tuple[str, str]
    points: Sequence[Point]
    said: str = ""
    weighed: bool = False
    roof: float | None = None
    limits: Sequence[tuple[str, int, float]] = ()
    diagonal: tuple[float, float] | None = None


class Bar(NamedTuple):
    """A row of a chart of bars: one amount, perhaps with its limit; or an amount before and after, None where there was
    none. ``said`` are a few words behind it."""

    name: str
    amounts: tuple[int | None, ...]
    said: str
    limit: int | None = None
    tone: str = ""


class Bars(NamedTuple):
    """A chart of bars. They are ``shared`` where all have one scale; else each row has its own."""

    title: str
    bars: Sequence[Bar]
    said: str = ""
    shared: bool = False


class Map(NamedTuple):
    """A matrix: its text, its numbers by row (a row without any is a gap), the magnitude that the strongest colour
    stands for, and the sign before it."""

    text: str
    numbers: Sequence[Sequence[float]]
    scale: float
    sign: str = ""


class Heat(NamedTuple):
    """Matrices as maps of heat, in rows."""

    title: str
    rows: Sequence[Sequence[Map]]
    said: str = ""


class Stacks(NamedTuple):
    """A chart of bars in parts: the name of each, and what is stacked in it, with words; parts below 0 stand on the
    other side of the line."""

    title: str
    bars: Sequence[tuple[str, Sequence[tuple[str, int]]]]


Chart = Treemap | Curve | Scatter | Bars | Heat | Graph | Stacks


class Amounts(NamedTuple):
    """A metric of every layer, by the layer's name, for programs that show amounts in a way of their own."""

    title: str
    metric: str
    layers: Sequence[tuple[str, int]]


class Marked(NamedTuple):
    """A metric of each node of a model file, by the node's name in Model Explorer; None where it is not counted.
    ``graph`` is the name of their graph, empty for the file's first one."""

    metric: str
    nodes: Mapping[str, int | None]
    graph: str = ""


def graph_of(report: Report) -> Graph:
    """The graph of a report. Raises TypeError for a report without one."""
    return cast(Graph, part(report, "graph"))


def picture_of(report: Report) -> Picture:
    """The picture of a report. Raises TypeError for a report without one."""
    return cast(Picture, part(report, "picture"))


def charts_of(report: Report) -> Sequence[Chart]:
    """The charts of a report; most have none."""
    return [chart for section in report.sections() if isinstance(section, Charts) for chart in section.make()]


def amounts_of(report: Report) -> Amounts:
    """The amounts of each layer that a report tells. Raises TypeError for a report without any."""
    return cast(Amounts, part(report, "amounts"))


def marked_of(report: Report) -> Marked:
    """A metric of the nodes of a report's file. Raises TypeError for a report without a file."""
    return cast(Marked, part(report, "marked"))
