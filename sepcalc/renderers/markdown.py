"""GitHub's Markdown: for a pull request, a README, notes."""

from typing import Any

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import BAR, BYTES, COUNT, NUMBER, Report, Row, Table

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~!&"})


def render(report: Report, style: Style) -> str:
    """The report's sections; counts with all digits, no bars."""
    return "\n".join(
        _table(section) if isinstance(section, Table) else _lines(*section[:2]) for section in report.sections()
    )


def _lines(title: str, lines: Any) -> str:
    if not title:  # a paragraph each: a list would run into the one before
        return "\n".join(f"{_escaped(line)}\n" for line in lines)
    return f"**{_escaped(title)}**\n\n" + "".join(f"- {_escaped(line)}\n" for line in lines)


def _table(table: Table) -> str:
    kept = [at for at, column in enumerate(table.columns) if column.holds != BAR]
    columns = [table.columns[at] for at in kept]
    title = [] if table.folded or not table.title else [f"**{_escaped(table.title)}**\n"]
    lines = [f"<details><summary>{_escaped(table.title)}</summary>\n"] if table.folded else title
    lines.append(_row([_escaped(column.name) for column in columns]))
    lines.append(_row(["---:" if column.holds in (COUNT, BYTES, NUMBER) else "---" for column in columns]))
    lines += [_row(_cells(row, [(at, table.columns[at].holds) for at in kept])) for row in table.rows]
    if table.folded:
        lines.append("\n</details>")
    return "\n".join(lines) + "\n"


def _cells(row: Row, kept: list[tuple[int, str]]) -> list[str]:
    texts = [_text(row.cells[at], holds) for at, holds in kept]
    if row.depth:
        texts[0] = "&nbsp;" * 4 * row.depth + texts[0]
    return [f"**{text}**" if row.total and text else text for text in texts]


def _text(value: Any, holds: str) -> str:
    if value is None:
        return ""
    return quantity.exact(value) if holds == COUNT else quantity.size(value) if holds == BYTES else _escaped(value)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return printable(text).translate(_SPECIAL)
