"""Colours and folded words, drawn by rich."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import BAR, Table

if TYPE_CHECKING:
    from sepcalc.renderers.table import Grid

UNLIMITED = 100_000  # for rich, which would cut what is wider; widths are chosen before


def table(section: Table, grid: "Grid", gap: int, right: Sequence[str], style: Style) -> Iterator[str]:
    """The lines of a table that is laid out."""
    headed = any(column.name for column in grid.columns)
    # a gap is a column: rich before 14.3 counts a padding at the last column's edge that it does not draw
    drawn = RichTable(box=None, padding=0, show_header=headed, header_style="dim")
    for at, (column, width) in enumerate(zip(grid.columns, grid.widths, strict=True)):
        if at:
            drawn.add_column(width=gap)
        drawn.add_column(
            Text(column.name),
            justify="right" if column.holds in right else "left",
            width=width,
            overflow="fold",
            style="cyan" if column.holds == BAR else "",
        )
    for row, texts in zip(section.rows, list(zip(*grid.texts, strict=True))[1:], strict=True):
        cells = [Text(folded(text, wide)) for text, wide in zip(texts, grid.widths, strict=True)]
        gapped = [part for cell in cells for part in (None, cell)][1:]
        drawn.add_row(*gapped, style="bold" if row.total else "dim" if row.depth else None)
    out, console = _console(style)
    _heading(console, printable(section.title))
    console.print(drawn)
    yield from out.getvalue().split("\n")[:-1]


def folded(text: str, width: int) -> str:
    """The text with an end of line after a ``/`` wherever a word, a path, is wider than a line: it is read by its
    parts. All else is for rich to break."""
    room = width - (len(text) - len(text.lstrip(" ")))
    words = []
    for word in text.split(" "):
        lines = [""]
        for part in re.split("(?<=/)", word) if cell_len(word) > room else [word]:
            if lines[-1] and cell_len(lines[-1] + part) > room:
                lines.append("")
            lines[-1] += part
        words.append("\n".join(lines))
    return " ".join(words)


def lines(title: str, texts: Sequence[str], alarm: bool, style: Style) -> Iterator[str]:
    """Sentences, each in as many lines as it takes."""
    out, console = _console(style)
    _heading(console, title)
    for line in texts:
        text = Text(line, style="red" if alarm else "")
        for part in text.wrap(console, style.width - 2) if style.width else [text]:
            console.print(Text("  ") + part)
    yield from out.getvalue().split("\n")[:-1]


def _heading(console: Console, title: str) -> None:
    if title:
        console.print(Text(title, style="bold"))


def _console(style: Style) -> tuple[io.StringIO, Console]:
    out = io.StringIO()
    return out, Console(
        file=out,
        width=UNLIMITED,
        color_system="standard" if style.colour else None,
        force_terminal=style.colour,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=True,
        _environ={},
    )
