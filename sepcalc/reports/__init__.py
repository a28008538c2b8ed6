"""The content of each command's report, before it has a format: a module per command.

A report has three forms: sections for people, one document for machines, and flat records for machines. The renderers
know formats and nothing of layers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast, overload


class Column(NamedTuple):
    """A column. ``holds`` is the sort of its cells. Columns that are ``spare`` are left out where there is no room, the
    highest number first. One whose text ``folds`` takes the room that the others leave."""

    name: str
    holds: str = "text"
    spare: int = 0
    folds: bool = False


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
    """A table with a title. A format may fold it where ``folded`` is set, since it matters less. Where it is
    ``grouped``, an empty first cell stands for the one above."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    folded: bool = False
    grouped: bool = False

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


class Charts(NamedTuple):
    """Charts as data (``figures.py``). They are made when a renderer draws them; those that draw none skip them."""

    make: Callable[[], Iterable[Any]]


Written = Table | Lines
Section = Written | Charts


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


class Report(Protocol):
    """The interface of every report, as renderers use it."""

    def sections(self) -> list[Section]:
        """The sections for people."""

    def document(self) -> Mapping[str, Any]:
        """The document for machines: the output of ``--format json``."""

    def records(self) -> Iterable[Mapping[str, Any]]:
        """The rows for machines: the output of ``--format csv``. All rows have the same fields."""


def written(report: Report) -> list[Written]:
    """The sections of a report that are text."""
    return [section for section in report.sections() if not isinstance(section, Charts)]


def cases_of(report: Report) -> Sequence[Case]:
    """The verdicts of a report. Raises TypeError for a report without verdicts: no command offers these formats for
    it."""
    return cast(Sequence[Case], part(report, "cases"))


def part(report: Report, name: str) -> object:
    """A part that only some reports have."""
    if not hasattr(report, name):
        raise TypeError(f"{type(report).__name__} has no {name}")
    return getattr(report, name)()
