"""The layout of a table: its columns, their cells and widths.

The widest layout that fits is taken: all digits and long bars, then short bars, then abbreviations, then fewer columns,
then no bars. After that words are folded. Without a limit on the width nothing is left out."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from types import NoneType
from typing import Any, NamedTuple

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import BAR, BYTES, COUNT, NUMBER, TEXT, Column, Table, tone_of, toned

GAP = 2
EIGHTHS = " ▏▎▍▌▋▊▉█"
NARROWEST = 12  # cells that a column of words is left at least: a line too long loses nothing, a cut one does
RIGHT = (COUNT, BYTES, NUMBER)
FOLDED = 18  # cells that are room enough for a column that folds
_plain = re.compile("[ -~\u00b7-\u024f\u2026\u2580-\u259f]*").fullmatch


class Grid(NamedTuple):
    """A table that is laid out: for each column its heading, its cells and its width, and whether every character takes
    one cell."""

    columns: list[Column]
    texts: list[list[str]]
    widths: list[int]
    even: list[bool]
    fits: bool  # no cell is wider than its column
    left_out: list[str]  # columns for which there is no room, by their names


class _Layout(NamedTuple):
    exact: bool
    bar: int  # cells that the longest bars take, all together; 0: no bars
    spare: int  # columns that are spared sooner than this are left out


def _layouts(columns: Sequence[Column], exact: bool) -> Iterator[_Layout]:
    """All layouts, from wide to narrow; with ``exact``, only those with all digits."""
    levels = sorted({0, *[int(column.spare) for column in columns]}, reverse=True)
    for level in levels:
        abbreviated = ((False, 20),) if level == levels[0] else ()
        for digits, bar in ((True, 20), (True, 10), *abbreviated, (False, 10)):
            if digits or not exact:
                yield _Layout(digits, bar, level)
    yield _Layout(True, 0, 0)
    if not exact:
        yield _Layout(False, 0, 0)


def laid_out(table: Table, style: Style) -> Grid:
    """The table in the widest layout that fits. Empty columns are left out."""
    made: dict[tuple[int, bool | int], tuple[list[str], int, bool]] = {}
    columns, depths = table.cells, table.depths

    def cells(at: int, layout: _Layout) -> tuple[list[str], int, bool]:
        """A column's texts, heading first, the width of the widest, and whether every character takes one cell."""
        column = table.columns[at]
        form = layout.bar if column.holds == BAR else layout.exact
        if (at, form) not in made:
            texts = [column.name, *_texts(columns[at], column.holds, form)]
            if at == 0 and any(depths):
                texts[1:] = ["  " * depth + text for depth, text in zip(depths, texts[1:], strict=True)]
            even = one_cell_each(texts)
            made[at, form] = texts, max(map(len if even else width, texts)), even
        return made[at, form]

    for layout in _layouts(table.columns, style.exact):
        kept = [
            at
            for at, column in enumerate(table.columns)
            if column.spare <= layout.spare and (layout.bar or column.holds != BAR)
        ]
        bars = sum(table.columns[at].holds == BAR for at in kept)
        layout = layout._replace(bar=layout.bar // max(1, bars))
        kept = [at for at in kept if cells(at, layout)[1]]
        widths = [cells(at, layout)[1] for at in kept]
        gaps = GAP * (len(widths) - 1)
        least = [min(wide, FOLDED) if table.columns[at].folds else wide for at, wide in zip(kept, widths)]
        if style.width is None or sum(least) + gaps <= style.width:
            break
    shown = [table.columns[at] for at in kept]
    fits = style.width is None or not _narrow(widths, shown, style.width - gaps)
    left_out = [column.name for at, column in enumerate(table.columns) if column.spare > layout.spare and column.name]
    texts, even = [cells(at, layout)[0] for at in kept], [cells(at, layout)[2] for at in kept]
    return Grid(shown, texts, widths, even, fits, list(dict.fromkeys(left_out)))


def _narrow(widths: list[int], columns: Sequence[Column], room: int) -> bool:
    """Narrows the widest columns of words until the table fits, and says whether it narrowed any. Numbers and bars
    never fold."""
    words = [at for at, column in enumerate(columns) if column.holds == TEXT]
    before = sum(widths)
    for _ in range(before - room):
        widest = max(words, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    return sum(widths) < before


def _texts(values: Sequence[Any], holds: str, form: bool | int) -> list[str]:
    """The cells of a column. Plain values are made all at once."""
    types = {*map(type, values)}
    if types <= {str, NoneType}:
        texts = [value or "" for value in values] if NoneType in types else list(values)
        if "".join(texts).isprintable():
            return texts
    if types == {int} and holds != BYTES and holds != BAR:
        return quantity.written(quantity.exact if form else quantity.brief, values)
    if types <= {float, NoneType} and holds == BAR:
        eighths = [round(part * form * 8) or 1 if part and part > 0 else 0 for part in values]
        return quantity.written(partial(_drawn, form), eighths)
    return [_text(value, holds, form) for value in values]


def _text(value: object, holds: str, form: bool | int) -> str:
    """A cell. ``form``: whether counts have all digits, or the length of the longest bar."""
    if value is None:
        return ""
    if isinstance(value, str):
        return toned(printable(value), tone) if (tone := tone_of(value)) else printable(value)
    if holds == BAR and isinstance(value, int | float):
        return bar(value, form)
    if not isinstance(value, int):
        raise TypeError(f"a cell of {holds} cannot be {value!r}")
    if holds == BYTES:
        return quantity.size(value)
    return quantity.exact(value) if form else quantity.brief(value)


def bar(part: float, width: int) -> str:
    """A part of 1 as a bar of at most ``width`` cells, in eighths. Every part above 0 shows."""
    return _drawn(width, round(part * width * 8) or 1) if part > 0 else ""


@lru_cache(1024)
def _drawn(width: int, eighths: int) -> str:
    full, rest = divmod(max(0, min(8 * width, eighths)), 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def one_cell_each(texts: Sequence[str]) -> bool:
    """Whether every character of the texts takes one cell."""
    text = "".join(texts)
    return text.isascii() or bool(_plain(text))


def width(text: str) -> int:
    """The number of cells that a text takes in a terminal."""
    if text.isascii() or _plain(text):
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)
