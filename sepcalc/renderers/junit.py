"""JUnit's XML for Jenkins, GitLab and others. It fits Ant's schema (which wants every part) and Jenkins'. Counts have
no time of day, so the timestamp and the times are zero."""

from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import NOTE, Case, Report, cases_of

_COUNTED = {"failures": "failed", "errors": "error", "skipped": "skipped"}  # an attribute of a suite, and the outcome
_BESIDE = {"warned": "warning", NOTE: "note"}


def render(report: Report, style: Style) -> str:
    """A suite for each file or check, a case for each limit; notes stand in the suite's output."""
    root = Element("testsuites")
    for number, (name, cases) in enumerate(groupby(cases_of(report), key=lambda case: case.suite)):
        _suite(root, number, name, list(cases))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, number: int, name: str, told: list[Case]) -> None:
    cases = [case for case in told if case.outcome != NOTE]
    counts = {word: str(sum(case.outcome == outcome for case in cases)) for word, outcome in _COUNTED.items()}
    suite = SubElement(
        root,
        "testsuite",
        {"id": str(number), "package": "sepcalc", "name": _token(name), "tests": str(len(cases)), **counts},
        timestamp="1970-01-01T00:00:00",
        hostname="localhost",
        time="0",
    )
    SubElement(suite, "properties")
    for case in cases:
        _case(suite, case)
    beside = [f"{_BESIDE[case.outcome]}: {line}" for case in told if case.outcome in _BESIDE for line in _said(case)]
    SubElement(suite, "system-out").text = _text(beside)
    SubElement(suite, "system-err")


def _case(suite: Element, case: Case) -> None:
    element = SubElement(suite, "testcase", classname=_token(case.suite), name=_token(case.name), time="0")
    if case.outcome == "skipped":
        SubElement(element, "skipped")
    elif case.outcome in ("failed", "error"):
        tag, sort = ("failure", "budget") if case.outcome == "failed" else ("error", "refused")
        where = [f"{case.file}:{case.line}" if case.line else case.file] if case.file else []
        SubElement(element, tag, type=sort, message=_token(case.message)).text = _text([*where, *_said(case)])


def _said(case: Case) -> list[str]:
    return [case.message, *case.details]


def _token(text: str) -> str:
    """The value of an attribute: not empty, and without spaces at its ends."""
    return " ".join(printable(text).split()) or "-"


def _text(lines: list[str]) -> str:
    return "\n".join(map(printable, lines))
