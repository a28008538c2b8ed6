"""A module per format, each with one function: ``render(report, style) -> str``."""

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from sepcalc.reports import Report


class Style(NamedTuple):
    """What the place that the text goes to can show. ``width`` is None where nothing limits it (a pipe, a file);
    ``exact`` asks for all digits everywhere. ``command`` is the command that made the report, word by word; without
    words none did."""

    width: int | None = None
    colour: bool = False
    exact: bool = False
    command: tuple[str, ...] = ()


FORMATS = {
    "table": "sepcalc.renderers.table",
    "json": "sepcalc.renderers.json",
    "csv": "sepcalc.renderers.csv",
    "markdown": "sepcalc.renderers.markdown",
    "github": "sepcalc.renderers.github",
    "junit": "sepcalc.renderers.junit",
    "dot": "sepcalc.renderers.dot",
    "mermaid": "sepcalc.renderers.mermaid",
    "folded": "sepcalc.renderers.folded",
    "model-explorer": "sepcalc.renderers.model_explorer",
    "svg": "sepcalc.renderers.svg",
    "html": "sepcalc.renderers.html",
}
GENERAL = ("table", "json", "csv", "markdown", "html")  # of every report
VERDICTS = ("github", "junit")  # of reports with verdicts
PICTURES = ("svg",)  # of a comparison
GRAPHS = ("dot", "mermaid", "folded", "model-explorer")  # of a network


def render(report: Report, form: str, style: Style = Style()) -> str:
    """The report as text in one of :data:`FORMATS`, with a line end at its end."""
    renderer: Callable[[Report, Style], str] = import_module(FORMATS[form]).render
    return renderer(report, style)
