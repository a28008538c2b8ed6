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


class Row(NamedTuple):
    """Cells in the order of the columns (None: empty); ``depth`` indents the first, ``total`` is set apart."""

    cells: tuple[Any, ...]
    depth: int = 0
    total: bool = False


class Table(NamedTuple):
    """A table with a title over it."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]


class Lines(NamedTuple):
    """Sentences below each other; ``alarm`` marks what went wrong."""

    title: str
    lines: Sequence[str]
    alarm: bool = False


Section = Table | Lines


class Report(Protocol):
    """What every renderer is given."""

    def sections(self) -> list[Section]:
        """For people."""

    def document(self) -> Mapping[str, Any]:
        """For machines: what ``--format json`` prints."""

    def records(self) -> Iterable[Mapping[str, Any]]:
        """For machines: the rows of ``--format csv``, all with the same fields."""
