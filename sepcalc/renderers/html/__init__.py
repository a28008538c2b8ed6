"""One page of HTML that needs nothing else: no network, no font, no script to show its numbers.

Jinja2 escapes whatever comes from a file; the cells of tables, which are many, are escaped here. A small script sorts
and searches the tables where scripts run.
"""

import json
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sepcalc import quantity
from sepcalc.errors import bad_input, printable
from sepcalc.extras import install
from sepcalc.renderers import Style
from sepcalc.renderers.blocks import drawn
from sepcalc.renderers.charts import drawings
from sepcalc.renderers.charts.base import plain
from sepcalc.renderers.walks import scenes
from sepcalc.reports import BAR, BYTES, COUNT, NUMBER, Report, Row, Table, tone_of
from sepcalc.reports.figures import Chart, charts_of, picture_of
from sepcalc.reports.walks import Course, courses_of

HERE = os.path.dirname(__file__)
DEEPEST = 10  # the last depth that is indented further
SEARCHED = 12  # rows of a table from which on it can be searched


def render(report: Report, style: Style) -> str:
    """The page of a report. Raises InputError where Jinja2 is not installed."""
    return _filled("page.html", report, style, "chart")


def cell(report: Report, prefix: str) -> str:
    """The page's body without a script, for a notebook; ``prefix`` begins the names of its switches, which no other
    cell may have. Raises InputError where Jinja2 is not installed."""
    return _filled("cell.html", report, Style(), prefix)


def _filled(template: str, report: Report, style: Style, prefix: str) -> str:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError:
        raise bad_input("--format html needs Jinja2", install("html")) from None
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    headline = printable(getattr(report, "headline", str)())
    sections = [_section(section, Markup) for section in report.sections()]
    sections = [one for one in sections if [text for text, _ in one.get("lines", ())] != [headline]]
    titles = [printable(getattr(report, "title", str)()), *[one["title"] for one in sections]]
    title = next(filter(None, titles), type(report).__name__.removesuffix("Report"))
    charts = [_chart(chart, Markup) for chart in charts_of(report)]
    text = environment.get_template(template).render(
        title=title,
        headline=headline,
        command=printable(shlex.join(style.command)),
        sections=sections,
        picture=Markup(drawn(picture_of(report))) if hasattr(report, "picture") else "",
        courses=[_course(course, Markup) for course in courses_of(report)],
        charts=[one for one in charts if one],
        style=Markup(_file("page.css")),
        script=Markup(_file("page.js")),
        prefix=prefix,
    )
    return text.rstrip("\n") + "\n"


def _file(name: str) -> str:
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return file.read()


def _chart(chart: Chart, markup: Any) -> dict[str, Any]:
    """A chart by its title, with a drawing for each measure; nothing where there is nothing to draw."""
    choices = {name: markup(text) for name, text in drawings(chart).items()}
    said, kind = printable(getattr(chart, "said", "")), type(chart).__name__.lower()
    return {"title": printable(chart.title), "kind": kind, "choices": choices, "said": said} if choices else {}


def _course(course: Course, markup: Any) -> dict[str, Any]:
    """A course by its name: its drawings with their sentences, and what the script needs to move them."""
    drawings = scenes(course)
    moved = [{"window": one.window, "mark": one.mark, "sizes": one.sizes, "each": one.each} for one in drawings]
    walks = [(markup(one.svg), walk.lines, walk.said) for one, walk in zip(drawings, course.walks)]
    return {"name": course.name, "walks": walks, "total": quantity.exact(course.total), "moved": json.dumps(moved)}


def _section(section: Any, markup: Any) -> dict[str, Any]:
    """A section as the template takes it."""
    if not isinstance(section, Table):
        lines = [(printable(line), tone_of(line)) for line in section.lines]
        return {"title": printable(section.title), "lines": lines, "alarm": section.alarm}
    filled = [any(cell not in (None, "") for cell in cells) for cells in section.cells]
    columns = [column for column, some in zip(section.columns, filled) if some]
    heads = [(printable(column.name), column.holds in (COUNT, BYTES, NUMBER)) for column in columns]
    cells = [_cells(cells, column.holds) for cells, column, some in zip(section.cells, section.columns, filled) if some]
    if section.grouped:
        cells[0] = _repeated(cells[0])
    rows = list(map(_row, section.rows, zip(*cells, strict=True)))
    numbers = " ".join([f"n{at}" for at, (_, right) in enumerate(heads, 1) if right])
    table = {"heads": heads, "rows": markup("\n".join(rows)), "numbers": numbers, "long": len(rows) >= SEARCHED}
    return {"title": printable(section.title), **table}


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
