"""JUnit's XML, as Jenkins, GitLab and others read it: it fits both Ant's schema (which wants every part) and Jenkins'.

Exact counts have no time of day and take none worth telling: the timestamp and the times are zero.
"""

from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import NOTE, Case, Report, cases_of

_NO_TIME = 'timestamp="1970-01-01T00:00:00" hostname="localhost" time="0"'


def render(report: Report, style: Style) -> str:
    """A suite for each file or check, a case for each limit; notes stand in the suite's output."""
    suites = [list(cases) for _, cases in groupby(cases_of(report), key=lambda case: case.suite)]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for number, cases in enumerate(suites):
        lines += _suite(number, cases)
    return "\n".join([*lines, "</testsuites>\n"])


def _suite(number: int, told: list[Case]) -> list[str]:
    cases = [case for case in told if case.outcome != NOTE]
    counts = {
        word: sum(case.outcome == outcome for case in cases)
        for word, outcome in (("failures", "failed"), ("errors", "error"), ("skipped", "skipped"))
    }
    listed = " ".join(f'{word}="{count}"' for word, count in counts.items())
    name = _attribute(told[0].suite)
    lines = [f'  <testsuite id="{number}" package="sepcalc" name={name} tests="{len(cases)}" {listed} {_NO_TIME}>']
    lines.append("    <properties/>")
    for case in cases:
        lines += _case(case)
    words = {"warned": "warning", NOTE: "note"}
    beside = [f"{words[case.outcome]}: {line}" for case in told if case.outcome in words for line in _said(case)]
    lines.append(f"    <system-out>{_text(beside)}</system-out>")
    return [*lines, "    <system-err/>", "  </testsuite>"]


def _case(case: Case) -> list[str]:
    head = f'    <testcase classname={_attribute(case.suite)} name={_attribute(case.name)} time="0"'
    if case.outcome == "skipped":
        return [f"{head}>", "      <skipped/>", "    </testcase>"]
    if case.outcome not in ("failed", "error"):
        return [f"{head}/>"]
    element, sort = ("failure", "budget") if case.outcome == "failed" else ("error", "refused")
    where = [f"{case.file}:{case.line}" if case.line else case.file] if case.file else []
    body = _text([*where, *_said(case)])
    return [
        f"{head}>",
        f'      <{element} type="{sort}" message={_attribute(case.message)}>{body}</{element}>',
        "    </testcase>",
    ]


def _said(case: Case) -> list[str]:
    return [case.message, *case.details]


def _attribute(text: str) -> str:
    """In quotes; nothing that a token may not have at its ends, and never empty."""
    return quoteattr(" ".join(printable(text).split()) or "-")


def _text(lines: list[str]) -> str:
    return escape("\n".join(map(printable, lines)))
