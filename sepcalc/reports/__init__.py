"""What each command tells, before it has a format: a module per command.

A report knows itself in three ways: as sections for people, as one document and as flat records for machines. The
renderers know formats and nothing of layers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class Column(NamedTuple):
    """A column: ``holds`` says what its cells are, ``spare`` that it may be left out where there is no room (of several
    such the highest first)."""

    name: str
    holds: str = "text"
    spare: int = 0


TEXT = "text"  # str
COUNT = "count"  # int
BYTES = "bytes"  # int
NUMBER = "number"  # str, set to the right
BAR = "bar"  # a part of 1, drawn


GOOD, BAD, WARNING = "good", "bad", "warning"  # tones of a text, for who can show them


class Toned(str):
    """A text with a tone of its own: one of the above, or none."""

    tone = ""


def toned(text: str, tone: str) -> str:
    """The text with a tone."""
    result = Toned(text)
    result.tone = tone
    return result


def tone_of(text: str) -> str:
    """The tone of a text; none of most."""
    return text.tone if isinstance(text, Toned) else ""


class Row(NamedTuple):
    """Cells in the order of the columns (None: empty); ``depth`` indents the first, ``total`` is set apart, ``tone`` is
    the whole row's. Where there is no room for all rows, those of the least ``weight`` are left out."""

    cells: tuple[Any, ...]
    depth: int = 0
    total: bool = False
    weight: int = 0
    tone: str = ""


class Table(NamedTuple):
    """A table with a title over it; ``folded`` where a format can (it matters less)."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    folded: bool = False


class Lines(NamedTuple):
    """Sentences below each other; with ``alarm`` all of them say what went wrong, else those that have a tone."""

    title: str
    lines: Sequence[str]
    alarm: bool = False


Section = Table | Lines


NOTE = "note"  # a case that is no verdict, but what whoever reads the others must know


class Case(NamedTuple):
    """One verdict, for formats that list verdicts: ``outcome`` is passed, failed, warned, error or skipped, or NOTE;
    ``file`` and ``line`` (0: none) are where what it was held to is written."""

    suite: str
    name: str
    outcome: str
    message: str
    details: Sequence[str] = ()
    file: str = ""
    line: int = 0


class Report(Protocol):
    """What every renderer is given."""

    def sections(self) -> list[Section]:
        """For people."""

    def document(self) -> Mapping[str, Any]:
        """For machines: what ``--format json`` prints."""

    def records(self) -> Iterable[Mapping[str, Any]]:
        """For machines: the rows of ``--format csv``, all with the same fields."""


def cases_of(report: Report) -> Sequence[Case]:
    """The verdicts of a report. Raises TypeError where it has none: no command offers these formats for it."""
    cases: Sequence[Case] | None = getattr(report, "cases", lambda: None)()
    if cases is None:
        raise TypeError(f"{type(report).__name__} has no verdicts")
    return cases
