"""GitHub's Markdown: for a pull request, a README, notes."""

from collections.abc import Sequence
from typing import Any

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import BAR, BYTES, COUNT, NUMBER, Report, Row, Table, Written, written

_SPECIAL = str.maketrans({char: f"\\{char}" for char in "\\`*_{}[]<>#|~!&"})


MAX_LENGTH = 60_000  # characters of a comment: GitHub refuses more than 65,536
_LESS = ((None, None), (20, 300), (3, 60))  # lines of a section, characters of a text; less where that is too long yet


def render(report: Report, style: Style) -> str:
    """The report's sections, with all digits and without bars. A report too long for a comment is shortened until it
    fits: first rows of its folded tables (of all, if none is folded), then lines, then letters."""
    sections = written(report)
    text = _joined(sections)
    if len(text) < MAX_LENGTH:
        return text
    for lines, letters in _LESS:
        cut = [_cut(section, lines, letters) for section in sections]
        few, many = 0, max([len(section.rows) for section in cut if isinstance(section, Table)] or [0])
        if len(_joined(cut, 0)) >= MAX_LENGTH:
            continue
        while few < many:  # as many rows as there is room for
            rows = (few + many + 1) // 2
            few, many = (rows, many) if len(_joined(cut, rows)) < MAX_LENGTH else (few, rows - 1)
        text = _joined(cut, few)
        break
    return text


def _joined(sections: Sequence[Written], rows: int | None = None) -> str:
    """The sections, with so many rows of each folded table; of each table, where none is folded."""
    folded = any(isinstance(section, Table) and section.folded for section in sections)
    return "\n".join(
        _table(section, rows if section.folded or not folded else None)
        if isinstance(section, Table)
        else _lines(*section[:2])
        for section in sections
    )


def _cut(section: Written, lines: int | None, letters: int | None) -> Written:
    """A section with fewer lines, and shorter texts."""
    if letters is None or lines is None:
        return section
    if isinstance(section, Table):
        rows = [
            row._replace(
                cells=tuple([_shortened(cell, letters) if isinstance(cell, str) else cell for cell in row.cells])
            )
            for row in section.rows
        ]
        return section._replace(title=_shortened(section.title, letters), rows=rows)
    said = [_shortened(line, letters) for line in section.lines[:lines]]
    if len(section.lines) > lines:
        said.append(_more(len(section.lines) - lines, "line"))
    return section._replace(title=_shortened(section.title, letters), lines=said)


def _shortened(text: Any, letters: int) -> Any:
    shown = printable(text) if isinstance(text, str) else ""
    return f"{shown[: letters - 1]}…" if len(shown) > letters else text


def _more(count: int, what: str) -> str:
    return f"… {count:,} more {what}{'s' if count > 1 else ''}: --format json has all"


def _lines(title: str, lines: Any) -> str:
    if not title:  # a paragraph each: a list would run into the one before
        return "\n".join(f"{_escaped(line)}\n" for line in lines)
    return f"**{_escaped(title)}**\n\n" + "".join(f"- {_escaped(line)}\n" for line in lines)


def _table(table: Table, most: int | None = None) -> str:
    """A table with at most ``most`` rows: the heaviest, and sums before all others."""
    rows, left = table.rows, 0
    if most is not None and most < len(rows):
        heaviest = sorted(range(len(rows)), key=lambda at: (not rows[at].total, -_weight(table, rows[at])))[:most]
        rows, left = [table.rows[at] for at in sorted(heaviest)], len(rows) - most
    kept = [at for at, column in enumerate(table.columns) if column.holds != BAR]
    columns = [table.columns[at] for at in kept]
    title = [] if table.folded or not table.title else [f"**{_escaped(table.title)}**\n"]
    lines = [f"<details><summary>{_escaped(table.title)}</summary>\n"] if table.folded else title
    lines.append(_row([_escaped(column.name) for column in columns]))
    lines.append(_row(["---:" if column.holds in (COUNT, BYTES, NUMBER) else "---" for column in columns]))
    lines += [_row(_cells(row, [(at, table.columns[at].holds) for at in kept])) for row in rows]
    if left:
        lines.append(f"\n{_more(left, 'row')}")
    if table.folded:
        lines.append("\n</details>")
    return "\n".join(lines) + "\n"


def _weight(table: Table, row: Row) -> int:
    """What a row weighs beside others: as it says itself, or its largest count."""
    counts = [cell for cell, column in zip(row.cells, table.columns) if column.holds == COUNT and isinstance(cell, int)]
    return row.weight or max(counts, default=0)


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
