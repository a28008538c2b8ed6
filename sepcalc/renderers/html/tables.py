"""Tables and lists as HTML. Every text of them is escaped here: templates take more time for so many cells."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sepcalc import quantity
from sepcalc.renderers.charts.base import plain
from sepcalc.reports import BAR, BYTES, COUNT, NUMBER, Row, Table, tone_of

DEEPEST = 10  # the last depth that is indented further
SEARCHED = 12  # rows of a table from which on it can be searched


def items(lines: Iterable[str]) -> str:
    """Sentences as a list, each with its tone."""
    listed = [f'<li class="{tone}">' if (tone := tone_of(line)) else "<li>" for line in lines]
    return "\n".join(["<ul>", *[f"{begun}{plain(line)}" for begun, line in zip(listed, lines, strict=True)], "</ul>"])


def table(section: Table) -> str:
    """A table without its empty columns. Cells, rows and items have no end, as HTML allows."""
    filled = [any(cell not in (None, "") for cell in cells) for cells in section.cells]
    columns = [column for column, some in zip(section.columns, filled) if some]
    right = [column.holds in (COUNT, BYTES, NUMBER) for column in columns]
    cells = [_cells(cells, column.holds) for cells, column, some in zip(section.cells, section.columns, filled) if some]
    if section.grouped:
        cells[0] = _repeated(cells[0])
    rows = list(map(_row, section.rows, zip(*cells, strict=True)))
    classes = [*[f"n{at}" for at, number in enumerate(right, 1) if number], *["searched"] * (len(rows) >= SEARCHED)]
    heads = [
        f'<th scope="col"{" class=number" * number}>{plain(column.name)}' if column.name else "<td>"
        for column, number in zip(columns, right)
    ]
    head = ["<thead><tr>", *heads, "</thead>"] if any(column.name for column in columns) else []
    return "\n".join([f'<table class="{" ".join(classes)}">', "".join(head), "<tbody>", *rows, "</tbody>", "</table>"])


def _repeated(cells: Sequence[str]) -> list[str]:
    """The first cells of a grouped table, each in full: its rows may be sorted."""
    made, last = list[str](), "<td>"
    for cell in cells:
        last = cell if cell != "<td>" else last
        made.append(cell if cell != "<td>" else last.replace("<td>", '<td class="again">', 1))
    return made


def _row(row: Row, cells: Iterable[str]) -> str:
    """A row with its classes. Cells and rows have no end, as HTML allows."""
    style = filter(None, (row.tone, "total" if row.total else "", f"d{min(row.depth, DEEPEST)}" if row.depth else ""))
    classes = " ".join(style)
    return "".join([f'<tr class="{classes}">' if classes else "<tr>", *cells])


def _cells(cells: Sequence[Any], holds: str) -> list[str]:
    """The cells of a column: a number in all its digits, a bar of so many percent, or a text with its tone. A cell of
    bytes is sorted by their number."""
    return ["<td>" if cell is None else _CELLS.get(holds, _text)(cell) for cell in cells]


def _bar(part: float) -> str:
    return f"<td><i style=width:{100 * part:.0f}%></i>" if part >= 0.005 else "<td>"


def _text(text: Any) -> str:
    tone = tone_of(text) if isinstance(text, str) else ""
    return f'<td class="{tone}">{plain(str(text))}' if tone else f"<td>{plain(str(text))}"


_CELLS: Mapping[str, Callable[[Any], str]] = {
    BAR: _bar,
    COUNT: lambda count: f"<td>{quantity.exact(count)}",
    BYTES: lambda count: f'<td data-order="{count}">{quantity.size(count)}',
}
