"""What programs draw of a report, as data: graphs, pictures, charts. Only some reports have one; a renderer that draws
asks for it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

from sepcalc.reports import Report, part


class Vertex(NamedTuple):
    """A vertex of a graph: ``role`` is input, block or output; ``lines`` are its text, the name first."""

    role: str
    lines: Sequence[str]


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
    """A chart of areas: the layers by their names, in blocks, and for each measure the amount of every layer."""

    title: str
    names: Sequence[str]
    measures: Mapping[str, Sequence[int]]


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


class Scatter(NamedTuple):
    """A chart of points on two logarithmic axes, which have these names: the name of each point, and both amounts."""

    title: str
    axes: tuple[str, str]
    points: Sequence[tuple[str, int, int]]


Chart = Treemap | Curve | Scatter


class Amounts(NamedTuple):
    """A metric of every layer, by the layer's name, for programs that show amounts in a way of their own."""

    title: str
    metric: str
    layers: Sequence[tuple[str, int]]


def graph_of(report: Report) -> Graph:
    """The graph of a report. Raises TypeError for a report without one."""
    return cast(Graph, part(report, "graph"))


def picture_of(report: Report) -> Picture:
    """The picture of a report. Raises TypeError for a report without one."""
    return cast(Picture, part(report, "picture"))


def charts_of(report: Report) -> Sequence[Chart]:
    """The charts of a report; most have none."""
    charts: Sequence[Chart] = getattr(report, "charts", tuple)()
    return charts


def amounts_of(report: Report) -> Amounts:
    """The amounts of each layer that a report tells. Raises TypeError for a report without any."""
    return cast(Amounts, part(report, "amounts"))
