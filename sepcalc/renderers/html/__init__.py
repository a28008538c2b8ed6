"""One page of HTML that needs nothing else: no network, no font, no script to show its numbers.

Jinja2 escapes whatever comes from a file; the cells of tables, which are many, are escaped here. A small script sorts
and searches the tables where scripts run.
"""

import os
import shlex
from typing import TYPE_CHECKING, Any

from sepcalc import quantity
from sepcalc.errors import bad_input, printable
from sepcalc.extras import install
from sepcalc.renderers import Style
from sepcalc.renderers.charts import drawings
from sepcalc.renderers.html.tables import items, table
from sepcalc.reports import Report, Table, Written, written
from sepcalc.reports.figures import Chart, charts_of, picture_of

if TYPE_CHECKING:
    from sepcalc.reports.walks import Course

HERE = os.path.dirname(__file__)


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
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        optimized=False,  # it would take longer than the page
    )
    headline = printable(getattr(report, "headline", str)())
    sections = [_section(section, Markup) for section in written(report)]
    sections = [one for one in sections if one["lines"] != [headline]]
    titles = [printable(getattr(report, "title", str)()), *[one["title"] for one in sections]]
    title = next(filter(None, titles), type(report).__name__.removesuffix("Report"))
    charts = [_chart(chart, Markup) for chart in charts_of(report)]
    text = environment.get_template(template).render(
        title=title,
        headline=headline,
        command=printable(shlex.join(style.command)),
        alarms=[one for one in sections if one["alarm"]],
        sections=[one for one in sections if not one["alarm"]],
        **_pictured(report, Markup),
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


def _pictured(report: Report, markup: Any) -> dict[str, Any]:
    """The picture of a report and its steps, which only comparisons have."""
    if not hasattr(report, "picture"):
        return {"picture": "", "courses": []}
    from sepcalc.renderers.blocks import drawn
    from sepcalc.reports.walks import courses_of

    courses = [_course(course, markup) for course in courses_of(report)]
    return {"picture": markup(drawn(picture_of(report))), "courses": courses}


def _course(course: "Course", markup: Any) -> dict[str, Any]:
    """A course by its name: its drawings with their sentences, and what the script needs to move them."""
    import json

    from sepcalc.renderers.walks import scenes

    drawings = scenes(course)
    moved = [{"window": one.window, "mark": one.mark, "sizes": one.sizes, "each": one.each} for one in drawings]
    walks = [(markup(one.svg), walk.lines, walk.said) for one, walk in zip(drawings, course.walks)]
    return {"name": course.name, "walks": walks, "total": quantity.exact(course.total), "moved": json.dumps(moved)}


def _section(section: Written, markup: Any) -> dict[str, Any]:
    """A section as the template takes it: its title, its content, and what sort of section it is."""
    title = printable(section.title)
    if isinstance(section, Table):
        return {"title": title, "content": markup(table(section)), "table": True, "alarm": False, "lines": []}
    shown = {"title": title, "content": markup(items(section.lines)), "table": False}
    return {**shown, "alarm": section.alarm, "lines": [*section.lines]}
