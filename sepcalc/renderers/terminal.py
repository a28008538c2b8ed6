"""Colours and folded words, drawn by rich."""

import io
import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.renderers.grid import GAP, NARROWEST, RIGHT, Grid
from sepcalc.reports import BAD, BAR, GOOD, WARNING, Table, tone_of

TONES = {"": "", GOOD: "green", BAD: "red", WARNING: "yellow"}
UNLIMITED = 100_000  # for rich, which would cut what is wider; widths are chosen before


def table(section: Table, grid: Grid, style: Style) -> Iterator[str]:
    """The lines of a table that is laid out."""
    headed = any(column.name for column in grid.columns)
    # a gap is a column: rich before 14.3 counts a padding at the last column's edge that it does not draw
    drawn = RichTable(box=None, padding=0, show_header=headed, header_style="dim")
    for at, (column, width) in enumerate(zip(grid.columns, grid.widths, strict=True)):
        if at:
            drawn.add_column(width=GAP)
        drawn.add_column(
            Text(column.name),
            justify="right" if column.holds in RIGHT else "left",
            width=width,
            overflow="fold",
            style="cyan" if column.holds == BAR else "",
        )
    out, console = _console(style)
    for row, texts in zip(section.rows, list(zip(*grid.texts, strict=True))[1:], strict=True):
        cells = [
            Text(wrapped(text, wide, console), style=TONES[tone_of(text)])
            for text, wide in zip(texts, grid.widths, strict=True)
        ]
        gapped = [part for cell in cells for part in (None, cell)][1:]
        drawn.add_row(*gapped, style="bold" if row.total else TONES[row.tone] or ("dim" if row.depth else ""))
    _heading(console, printable(section.title))
    console.print(drawn)
    yield from out.getvalue().split("\n")[:-1]


def wrapped(text: str, width: int, console: Console) -> str:
    """The text in as many lines as it takes, each with the indent of the first."""
    if cell_len(text) <= width:
        return text
    indent = " " * min(len(text) - len(text.lstrip(" ")), max(0, width - NARROWEST))
    room = width - len(indent)
    parts = Text(folded(text.lstrip(" "), room)).wrap(console, room, overflow="fold")
    return "\n".join(f"{indent}{part.plain.rstrip()}" for part in parts)


def folded(text: str, width: int) -> str:
    """The text with a line end after a ``/`` in every word, a path, that is wider than a line. Rich breaks all else."""
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
        look = TONES[BAD if alarm else tone_of(line)]
        shown = wrapped(f"  {line}", style.width, console) if style.width else f"  {line}"
        for part in shown.split("\n"):
            console.print(Text(part, style=look))
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
