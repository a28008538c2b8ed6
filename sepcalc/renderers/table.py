"""Tables for a terminal, a pipe, a CI log: drawn by rich, laid out here so that no number is ever cut.

The widest layout that fits is taken: all digits before abbreviations, then long bars before short ones, then columns
that can be spared, then no bars; then words are folded. Where nothing limits the width, nothing is left out.
"""

import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import BAR, BYTES, COUNT, NUMBER, TEXT, Column, Report, Row, Section, Table

GAP = 2
EIGHTHS = " ▏▎▍▌▋▊▉█"
NARROWEST = (
    12  # cells that a column of words is left, whatever the place: a line too long loses nothing, a cut one does
)
UNLIMITED = 100_000  # for rich, which would cut what is wider; widths are chosen here


class _Layout(NamedTuple):
    exact: bool
    bar: int  # cells of the longest; 0: no bars
    spare: bool


_LAYOUTS = (
    _Layout(True, 20, True),
    _Layout(False, 20, True),
    _Layout(False, 10, True),
    _Layout(True, 10, False),
    _Layout(False, 10, False),
    _Layout(True, 0, False),
    _Layout(False, 0, False),
)


def render(report: Report, style: Style) -> str:
    """The report's sections, one below the other."""
    out = io.StringIO()
    console = Console(
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
    for at, section in enumerate(report.sections()):
        if at:
            console.print()
        _draw(console, section, style)
    # rich fills every line up with spaces; a copied table, a diff and a log want none
    return "".join([line.rstrip() + "\n" for line in out.getvalue().split("\n")[:-1]])


def _draw(console: Console, section: Section, style: Style) -> None:
    if section.title:
        console.print(Text(printable(section.title), style="bold"))
    if isinstance(section, Table):
        console.print(_grid(section, style))
        return
    for line in section.lines:
        text = Text(printable(line), style="red" if section.alarm else "")
        for part in text.wrap(console, style.width - 2) if style.width else [text]:
            console.print(Text("  ") + part)


def _grid(table: Table, style: Style) -> Grid:
    layouts = [layout for layout in _LAYOUTS if layout.exact or not style.exact]
    for layout in layouts:
        columns, cells = _cells(table, layout)
        widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        if style.width is None or sum(widths) + GAP * (len(widths) - 1) <= style.width:
            break
    if style.width is not None:
        _narrow(widths, columns, style.width - GAP * (len(widths) - 1))
    headed = any(column.name for column in columns)
    grid = Grid(box=None, padding=(0, GAP, 0, 0), pad_edge=False, show_header=headed, header_style="dim")
    for column, width in zip(columns, widths, strict=True):
        grid.add_column(
            Text(column.name),
            justify="right" if column.holds in (COUNT, BYTES, NUMBER) else "left",
            width=width,
            overflow="fold",
            style="cyan" if column.holds == BAR else "",
        )
    for row, texts in zip(table.rows, cells[1:], strict=True):
        grid.add_row(*map(Text, texts), style="bold" if row.total else "dim" if row.depth else None)
    return grid


def _narrow(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Takes from the widest columns of words what the table is too wide by. Numbers and bars never fold."""
    words = [at for at, column in enumerate(columns) if column.holds == TEXT]
    for _ in range(sum(widths) - room):
        widest = max(words, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1


def _cells(table: Table, layout: _Layout) -> tuple[list[Column], list[list[str]]]:
    """The columns that this layout shows, and their texts, headings first."""
    kept = [
        at
        for at, column in enumerate(table.columns)
        if (layout.spare or not column.spare) and (layout.bar or column.holds != BAR)
    ]
    columns = [table.columns[at] for at in kept]
    return columns, [[column.name for column in columns], *_texts(table.rows, columns, kept, layout)]


def _texts(rows: Sequence[Row], columns: Sequence[Column], kept: Sequence[int], layout: _Layout) -> Iterator[list[str]]:
    for row in rows:
        texts = [_text(row.cells[at], column.holds, layout) for at, column in zip(kept, columns, strict=True)]
        texts[0] = "  " * row.depth + texts[0]
        yield texts


def _text(value: Any, holds: str, layout: _Layout) -> str:
    if value is None:
        return ""
    if holds == COUNT:
        return quantity.exact(value) if layout.exact else quantity.brief(value)
    if holds == BYTES:
        return quantity.size(value)
    return bar(value, layout.bar) if holds == BAR else printable(value)


def bar(part: float, width: int) -> str:
    """A part of 1 as a bar of at most ``width`` cells, in eighths; what is there at all is seen."""
    eighths = min(8 * width, max(1, round(part * width * 8))) if part > 0 else 0
    return "█" * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")
