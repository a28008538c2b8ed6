"""The content of each command's report, before it has a format: a module per command.

A report has three forms: sections for people, one document for machines, and flat records for machines. The renderers
know formats and nothing of layers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast, overload


class Column(NamedTuple):
    """A column. ``holds`` is the sort of its cells. Columns that are ``spare`` are left out where there is no room, the
    highest number first."""

    name: str
    holds: str = "text"
    spare: int = 0


def columns(*named: str | tuple[str, str] | tuple[str, str, int]) -> list[Column]:
    """Columns of texts, by name; or each by the fields of :class:`Column`."""
    return [Column(one) if isinstance(one, str) else Column(*one) for one in named]


TEXT = "text"  # str
COUNT = "count"  # int
BYTES = "bytes"  # int
NUMBER = "number"  # str, set to the right
BAR = "bar"  # a part of 1, drawn


GOOD, BAD, WARNING = "good", "bad", "warning"  # tones of a text, for who can show them


class Toned(str):
    """A text with its own tone: one of the above, or none."""

    tone = ""


def toned(text: str, tone: str) -> str:
    """The text with a tone."""
    result = Toned(text)
    result.tone = tone
    return result


def tone_of(text: str) -> str:
    """The tone of a text; empty for most texts."""
    return text.tone if isinstance(text, Toned) else ""


class Row(NamedTuple):
    """Cells in the order of the columns (None: empty). ``depth`` indents the first cell, ``total`` sets the row apart,
    ``tone`` colours the whole row. Where there is no room for all rows, those of the least ``weight`` are left out."""

    cells: tuple[Any, ...]
    depth: int = 0
    total: bool = False
    weight: int = 0
    tone: str = ""


def row(*cells: Any) -> Row:
    """A row of these cells, with nothing special to it."""
    return Row(cells)


class Rows(Sequence[Row]):
    """The rows of a table given by its columns, for a long one: few ever look at a row by itself. ``depths`` are those
    of the first rows, 0 for the rest; the last row is the total."""

    def __init__(self, columns: Sequence[Sequence[Any]], depths: Sequence[int]) -> None:
        self.columns = columns
        self.depths = [*depths, *[0] * (len(columns[0]) - len(depths))]

    def __len__(self) -> int:
        return len(self.depths)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...
    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return [self[number] for number in range(len(self))[at]]
        at = range(len(self))[at]
        return Row(tuple([column[at] for column in self.columns]), self.depths[at], at == len(self) - 1)


class Table(NamedTuple):
    """A table with a title. A format may fold it where ``folded`` is set, since it matters less."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    folded: bool = False

    @property
    def cells(self) -> list[Sequence[Any]]:
        """The cells of each column."""
        if isinstance(self.rows, Rows):
            return [*self.rows.columns]
        return list(zip(*[row.cells for row in self.rows], strict=True)) or [()] * len(self.columns)

    @property
    def depths(self) -> Sequence[int]:
        """The depth of each row."""
        return self.rows.depths if isinstance(self.rows, Rows) else [row.depth for row in self.rows]


class Lines(NamedTuple):
    """Sentences, one per line. With ``alarm`` every one says what went wrong; otherwise only those that have a tone."""

    title: str
    lines: Sequence[str]
    alarm: bool = False


Section = Table | Lines


NOTE = "note"  # a case that is no verdict, but what whoever reads the others must know


class Case(NamedTuple):
    """One verdict, for formats that list verdicts. ``outcome`` is passed, failed, warned, error or skipped, or NOTE.
    ``file`` and ``line`` (0: none) say where the limit is written."""

    suite: str
    name: str
    outcome: str
    message: str
    details: Sequence[str] = ()
    file: str = ""
    line: int = 0


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


class Report(Protocol):
    """The interface of every report, as renderers use it."""

    def sections(self) -> list[Section]:
        """The sections for people."""

    def document(self) -> Mapping[str, Any]:
        """The document for machines: the output of ``--format json``."""

    def records(self) -> Iterable[Mapping[str, Any]]:
        """The rows for machines: the output of ``--format csv``. All rows have the same fields."""


def cases_of(report: Report) -> Sequence[Case]:
    """The verdicts of a report. Raises TypeError for a report without verdicts: no command offers these formats for
    it."""
    return cast(Sequence[Case], _part(report, "cases"))


def graph_of(report: Report) -> Graph:
    """The graph of a report. Raises TypeError for a report without one."""
    return cast(Graph, _part(report, "graph"))


def picture_of(report: Report) -> Picture:
    """The picture of a report. Raises TypeError for a report without one."""
    return cast(Picture, _part(report, "picture"))


def charts_of(report: Report) -> Sequence[Chart]:
    """The charts of a report; most have none."""
    charts: Sequence[Chart] = getattr(report, "charts", tuple)()
    return charts


def amounts_of(report: Report) -> Amounts:
    """The amounts of each layer that a report tells. Raises TypeError for a report without any."""
    return cast(Amounts, _part(report, "amounts"))


def _part(report: Report, name: str) -> object:
    """A part that only some reports have."""
    if not hasattr(report, name):
        raise TypeError(f"{type(report).__name__} has no {name}")
    return getattr(report, name)()
