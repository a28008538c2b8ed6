"""Whether a network keeps its budget and its published numbers, in a line for each."""

from collections.abc import Iterable

from sepcalc import quantity
from sepcalc.gate import Finding, Verdict
from sepcalc.gate.metrics import spoken
from sepcalc.reports import BAD, WARNING, Lines, toned


def published(findings: Iterable[Finding]) -> Lines:
    """The published numbers beside those that were counted."""
    lines = []
    for metric, printed, actual, source, passed, ratio in findings:
        verdict = "agrees" if passed else "DOES NOT AGREE"
        near = "" if ratio is None else f" ({100 * (ratio - 1):+.2f} %)"
        said = f"{spoken(metric)} {printed} ({source or 'no source given'})"
        lines.append(toned(f"{said}: {quantity.exact(actual)} {verdict}{near}", "" if passed else BAD))
    return Lines("Published", lines)


def budget(verdicts: Iterable[Verdict]) -> Lines:
    """The limits, and how much of each is left."""
    lines = []
    for verdict in verdicts:
        name, limit, actual = verdict.subject, verdict.limit, verdict.actual
        most, there = quantity.exact(limit), quantity.exact(actual)
        if verdict.unknown:
            lines.append(toned(f"{name} {there} <= {most}, but some of it is not counted: NO PASS", BAD))
        elif verdict.passed:
            lines.append(f"{name} {there} <= {most}, {quantity.exact(limit - actual)} left")
        else:
            over, share = quantity.exact(actual - limit), quantity.share(actual - limit, limit)
            warning = "" if verdict.fails else ", a warning"
            line = f"{name} {there} > {most}, OVER by {over} ({share}){warning}"
            lines.append(toned(line, BAD if verdict.fails else WARNING))
    return Lines("Budget", lines)
