"""Workflow commands for GitHub Actions: an annotation for whatever is not right, a plain line for the rest.

Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import NOTE, Case, Report, cases_of

_COMMANDS = {"failed": "error", "error": "error", "warned": "warning", "skipped": "notice", NOTE: "notice"}


def render(report: Report, style: Style) -> str:
    """A line for each case of the report. A line begins with ``::`` only if it is meant as a command."""
    return "".join([f"{_line(case)}\n" for case in cases_of(report)])


def _line(case: Case) -> str:
    if case.outcome not in _COMMANDS:
        return f"sepcalc: {printable(case.suite)}: {printable(case.message)}"
    properties = [("title", f"sepcalc: {case.name}")]
    if case.file:
        properties = [("file", case.file), *([("line", str(case.line))] if case.line else []), *properties]
    text = "\n".join(map(printable, [case.message, *case.details]))
    listed = ",".join(f"{name}={_property(printable(value))}" for name, value in properties)
    return f"::{_COMMANDS[case.outcome]} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
