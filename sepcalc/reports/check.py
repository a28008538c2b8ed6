"""``sepcalc check``: the verdict on each model, and why."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc import quantity
from sepcalc.errors import Problem
from sepcalc.gate.checks import Outcome, worst
from sepcalc.gate.limits import Held, Increase
from sepcalc.gate.metrics import spoken
from sepcalc.gate.reasons import Reasons
from sepcalc.reports import (
    BAD,
    BAR,
    COUNT,
    GOOD,
    NOTE,
    NUMBER,
    WARNING,
    Case,
    Lines,
    Row,
    Section,
    Table,
    columns,
    toned,
)
from sepcalc.reports.verdicts import because, sentence

MANY = 20  # checks, above which one that passed is a single row
FEW = 3  # limits to growth that hold, each in a row of its own


class CheckReport(NamedTuple):
    """The outcomes of all checks. ``quiet`` leaves out the checks that passed, ``why`` explains those too. ``folder``
    is put before the paths of annotations: the working folder, relative to the root of the repository."""

    outcomes: Sequence[Outcome]
    why: bool = False
    quiet: bool = False
    folder: str = ""
    told: bool = False  # the problems, elsewhere

    @property
    def code(self) -> int:
        """The exit code of all checks together."""
        return worst([outcome.code for outcome in self.outcomes])

    def sections(self) -> list[Section]:
        shown = [one for one in self.outcomes if not (self.quiet and one.status in ("passed", "skipped"))]
        if not shown:
            return []
        counts = ("actual", COUNT), ("limit", COUNT)
        heads = columns("check", "metric", *counts, "verdict", ("used", NUMBER, 1), ("", BAR))
        sections: list[Section] = [
            Table("", heads, [row for outcome in shown for row in self._rows(outcome)], grouped=True)
        ]
        for outcome in shown:
            lines = [*_lines(outcome, self.told)]
            lines += [f"note: {note}" for note in outcome.notes]
            if lines:
                sections.append(Lines(f"{outcome.name}: {_headline(outcome)}", lines))
        sections.append(Lines("", [self._summary()], alarm=self.code != 0))
        return sections

    def _rows(self, outcome: Outcome) -> Iterator[Row]:
        name = outcome.name
        if not outcome.held and not outcome.published:
            skipped = outcome.status == "skipped"
            word = f"{outcome.reason}, skipped" if skipped else toned(outcome.status, BAD if outcome.code else "")
            yield Row((name, "", None, None, word, *_NONE))
        if len(self.outcomes) > MANY and outcome.status == "passed" and not self.why:
            yield Row((name, f"{len(outcome.held)} limits", None, None, _OK, *_NONE))
            return
        calm = [one for one in outcome.held if isinstance(one.limit, Increase) and one.verdict.passed]
        for held in outcome.held:
            if len(calm) > FEW and held in calm:
                continue
            verdict = held.verdict
            known = verdict.limit and not verdict.unknown
            used = verdict.actual / verdict.limit if known else None
            share = None if used is None else quantity.percent(verdict.actual, verdict.limit)
            drawn = None if used is None else min(1.0, used)
            yield Row((name, verdict.subject, verdict.actual, verdict.limit, _word(held), share, drawn))
            name = ""
        if len(calm) > FEW:
            yield Row((name, f"growth of {len(calm)} metrics", None, None, _OK, *_NONE))
            name = ""
        for finding in outcome.published:
            not_so = f"NOT {finding.published} as published"
            word = toned("as published", GOOD) if finding.passed else toned(not_so, BAD)
            yield Row((name, spoken(finding.metric), finding.actual, None, word, *_NONE))
            name = ""

    def _summary(self) -> str:
        counts = Counter(outcome.status for outcome in self.outcomes)
        said = ", ".join(f"{count} {status}" for status, count in counts.items())
        return f"{len(self.outcomes)} checked: {said}"

    def title(self) -> str:
        """The title of a page."""
        return "Budgets" if len(self.outcomes) != 1 else self.outcomes[0].name

    def headline(self) -> str:
        """What a page says first."""
        return self._summary()

    def document(self) -> Mapping[str, Any]:
        return {
            "format": "sepcalc-check/1",
            "checks": [_record(outcome) for outcome in self.outcomes],
            "exit_code": self.code,
            "passed": self.code == 0,
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for outcome in self.outcomes:
            head = {"name": outcome.name, "file": outcome.file, "status": outcome.status}
            empty = {"metric": None, "scope": None, "limit": None, "actual": None, "passed": None, "level": None}
            notes = "; ".join(outcome.notes) or None
            if not outcome.held:
                yield {**head, **empty, "notes": notes}
            for held in outcome.held:
                yield {**head, **held.verdict.record(), "level": held.verdict.level, "notes": notes}

    def cases(self) -> Sequence[Case]:
        """The verdicts of all checks, for formats that list verdicts."""
        return [case for outcome in self.outcomes for case in self._cases(outcome)]

    def _cases(self, outcome: Outcome) -> Iterator[Case]:
        name, file = outcome.name, outcome.file
        if outcome.status == "skipped":
            yield Case(name, name, "skipped", outcome.reason, (), self._path(file))
        for problem in outcome.problems:
            at, line = _place(problem, outcome)
            message, *details = str(problem._replace(place="")).split("\n")
            result = "failed" if outcome.status == "failed" else "error"
            yield Case(name, name, result, message, details, self._path(at), line)
        for held, reasons in zip(outcome.held, outcome.reasons, strict=True):
            mark = held.limit.mark or outcome.mark
            result = "passed" if held.verdict.passed else "failed" if held.verdict.fails else "warned"
            if held.verdict.unknown and not outcome.allowed:
                result = "error"
            note = _note(outcome, held)
            details = [*(because(held, reasons) if reasons else ()), *([note] if note else [])]
            at, line = (mark.file, mark.line) if mark else (file, 0)
            title = f"{name}: {held.verdict.subject}{' increase' if isinstance(held.limit, Increase) else ''}"
            yield Case(name, title, result, sentence(held), details, self._path(at), line)
        for finding in outcome.published:
            result = "passed" if finding.passed else "failed"
            text = f"{spoken(finding.metric)} {quantity.exact(finding.actual)}, published {finding.published}"
            yield Case(name, f"{name}: published {spoken(finding.metric)}", result, text, (), self._path(file))
        if outcome.uncounted:
            result = NOTE if outcome.complete else "warned" if outcome.allowed else "error"
            yield Case(name, f"{name}: complete", result, *_incomplete(outcome), self._path(file))
        for note in outcome.notes:
            yield Case(name, name, NOTE, note, (), self._path(file))

    def _path(self, file: str) -> str:
        path = file.replace("\\", "/")
        return path if not self.folder or not path or path[:1] == "/" else posixpath.normpath(f"{self.folder}/{path}")


def _headline(outcome: Outcome) -> str:
    if outcome.status == "warned":
        return "a warning"
    if outcome.status == "failed" and outcome.problems:
        return "ITS BUDGET IS GONE"
    if outcome.status == "failed" and not any(held.verdict.fails for held in outcome.held):
        return "NOT AS PUBLISHED"
    return {
        "failed": "OVER BUDGET",
        "incomplete": "INCOMPLETE, no pass",
        "error": "NOT CHECKED",
        "bug": "NOT CHECKED, a bug in sepcalc",
    }.get(outcome.status, outcome.status)


def _word(held: Held) -> str:
    if held.verdict.unknown:
        return toned("not known", BAD)
    if held.verdict.passed:
        return _OK
    return toned("OVER", BAD) if held.verdict.fails else toned("over, a warning", WARNING)


_OK = toned("ok", GOOD)
_NONE = None, None  # how much of a limit is used


def _lines(outcome: Outcome, told: bool) -> Iterator[str]:
    for problem in () if told else outcome.problems:
        first, *more = str(problem).split("\n")
        yield toned(first, BAD)
        yield from more
    for held, reasons in zip(outcome.held, outcome.reasons, strict=True):
        if held.verdict.unknown:
            yield toned(sentence(held), BAD)
        if reasons is not None:
            tone = "" if held.verdict.passed else BAD if held.verdict.fails else WARNING
            yield toned(sentence(held), tone)
            yield from (f"  {line}" for line in because(held, reasons))
            note = _note(outcome, held)
            if note and not held.verdict.passed:
                yield f"  {note}"
    for finding in outcome.published:
        if not finding.passed:
            source = f" ({finding.source})" if finding.source else ""
            actual = f"{spoken(finding.metric)} {quantity.exact(finding.actual)}"
            yield toned(f"{actual}, published {finding.published}{source}", BAD)
    if outcome.uncounted:
        said, lines = _incomplete(outcome)
        yield toned(said, WARNING if outcome.allowed else BAD)
        yield from (f"  {line}" for line in lines)


def _note(outcome: Outcome, held: Held) -> str:
    return outcome.message if isinstance(held.limit, Increase) else held.limit.message


def _incomplete(outcome: Outcome) -> tuple[str, list[str]]:
    """The totals that are incomplete, and the layers that are not counted at all, if any."""
    gaps = [gap for gap in outcome.uncounted if gap.whole or outcome.complete]
    layers = "one layer was" if len(gaps) == 1 else f"{len(gaps)} layers were"
    lines = list(map(str, outcome.uncounted))
    if outcome.complete:
        counts = " and ".join(outcome.incomplete)
        return f"the total of {counts} is incomplete: {layers} not counted in {counts}", lines
    return f"the totals are incomplete: {layers} not counted", lines


def _place(problem: Problem, outcome: Outcome) -> tuple[str, int]:
    """The file and line of a problem."""
    parts = problem.place.rsplit(":", 2)
    while parts and len(parts) > 1 and not parts[1].isdigit():
        parts = [":".join(parts[:2]), *parts[2:]]
    if len(parts) > 1:
        return parts[0], int(parts[1])
    return (outcome.mark.file, outcome.mark.line) if outcome.mark else (problem.place or outcome.file, 0)


def _record(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "file": outcome.file,
        "status": outcome.status,
        "exit_code": outcome.code,
        "complete": outcome.complete,
        "incomplete": list(outcome.incomplete),
        "budget": [_verdict(held, why) for held, why in zip(outcome.held, outcome.reasons, strict=True)],
        "published": [finding._asdict() for finding in outcome.published],
        "uncounted": [gap._asdict() for gap in outcome.uncounted],
        "problems": [str(problem) for problem in outcome.problems],
        "notes": list(outcome.notes),
        "reason": outcome.reason or None,
    }


def _verdict(held: Held, reasons: Reasons | None) -> dict[str, Any]:
    limit, verdict, _, base = held
    mark = limit.mark
    record: dict[str, Any] = {
        **verdict.record(),
        "level": verdict.level,
        "over": max(0, verdict.actual - verdict.limit),
        "baseline": base,
        "file": mark.file if mark else None,
        "line": mark.line if mark and mark.line else None,
    }
    if reasons is not None:
        record["heaviest"] = [{"name": weight.layer, "amount": weight.amount} for weight in reasons.heaviest]
        record["grew"] = [{"name": grew.layer, "old": grew.old, "new": grew.new} for grew in reasons.grew]
        record["rewrites"] = [
            {"name": rewrite.layer, "variant": rewrite.variant, "saves": rewrite.saves} for rewrite in reasons.rewrites
        ]
        record["rewrites_together"] = reasons.together
    return record
