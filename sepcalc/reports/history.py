"""``sepcalc history``: what a network cost at each commit that changed it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc import quantity
from sepcalc.commands.history import PLOTTED, History, Point, Unread
from sepcalc.gate.limits import Limit
from sepcalc.gate.metrics import spoken
from sepcalc.reports import BAR, BYTES, COUNT, NUMBER, WARNING, Charts, Column, Lines, Row, Section, Table, columns
from sepcalc.reports.figures import Chart, Curve
from sepcalc.revision import Commit

SHORT = 10  # digits of a hash that people see


class HistoryReport(NamedTuple):
    """A row for each commit that changed a count, with a bar of its macs."""

    history: History

    def sections(self) -> list[Section]:
        history = self.history
        heads = columns(
            ("date", "text", 1), "commit", ("params", COUNT), ("macs", COUNT), ("", BAR, 3), ("change", NUMBER, 2),
            ("peak memory", BYTES),
        )  # fmt: skip
        heads.append(Column("subject", folds=True))
        most = max([point.cost.macs for point in history.points], default=0)
        before = [None, *history.points]
        rows = [_row(point, old, most) for point, old in zip(history.points, before, strict=False)]
        sections: list[Section] = [Table(history.name, heads, rows)] if rows else []
        if history.unread:
            sections.append(Lines("Not read", [_reason(one) for one in history.unread], alarm=True))
        count, changes = history.read - len(history.unread), max(0, len(history.points) - 1)
        read = f"{count:,} {'commit' if count == 1 else 'commits'}"
        said = f"{read} read, {changes:,} with other counts than the one before"
        sections.append(Lines("", [said, *map(self._held, history.limits), *history.notes]))
        return [*sections, Charts(self.charts)]

    def _held(self, limit: Limit) -> str:
        """How much of a limit of the budget the newest network takes."""
        at = PLOTTED.index(limit.metric)
        newest = self.history.points[-1].numbers[at] if self.history.points else 0
        over = [point for point in self.history.points if point.numbers[at] > limit.most.floor]
        used = quantity.percent(newest, limit.most.floor)
        text = f"budget: {spoken(limit.metric)} at most {limit.most.text}, {used} used"
        return f"{text}; over it at {', '.join(_short(one.commit.hash) for one in over)}" if over else text

    def charts(self) -> list[Chart]:
        """Each of the counts over the commits, with the limits of the newest budget."""
        points = self.history.points
        names = [f"{point.commit.date[:10]} {_short(point.commit.hash)} {point.commit.subject}" for point in points]
        charts: list[Chart] = []
        for at, metric in enumerate(PLOTTED):
            amounts = [point.numbers[at] for point in points]
            own = [one.most for one in self.history.limits if one.metric == metric]
            limits = [(f"budget {most.text}", most.floor) for most in own]
            said = f"{quantity.exact(amounts[0])} at first, {quantity.exact(amounts[-1])} now"
            holds = BYTES if metric == "peak-memory" else COUNT
            charts.append(Curve(spoken(metric), names, amounts, holds, len(points) - 1, said, limits))
        return charts

    def document(self) -> Mapping[str, Any]:
        history = self.history
        return {
            "format": "sepcalc-history/1",
            "file": history.name,
            "commits": [*self.records()],
            "unread": [
                {**_commit(one.commit), "problems": [str(problem) for problem in one.problems]}
                for one in history.unread
            ],
            "read": history.read,
            "complete": history.complete,
            "notes": [*history.notes],
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for point in self.history.points:
            yield {
                **_commit(point.commit),
                **point.cost._asdict(),
                "peak_memory": point.peak_memory,
                "complete": not point.incomplete,
            }


def _commit(commit: Commit) -> dict[str, str]:
    return {"commit": commit.hash, "date": commit.date, "subject": commit.subject}


def _short(commit: str) -> str:
    return commit[:SHORT]


def _reason(unread: Unread) -> str:
    """Why a commit was not read: the first problem, and how many more there are."""
    first, *more = unread.problems
    place = f"{first.place}: " if first.place else ""
    rest = f" (and {len(more)} more)" if more else ""
    return f"{_short(unread.commit.hash)} {unread.commit.date[:10]} {place}{first.message}{rest}"


def _row(point: Point, old: Point | None, most: int) -> Row:
    """A commit, with the change of its macs since the one before."""
    params, macs, memory = point.numbers
    change = _change(old.cost.macs, macs) if old else ""
    bar = macs / most if most else 0.0
    subject = point.commit.subject + (" (incomplete)" if point.incomplete else "")
    tone = WARNING if point.incomplete else ""
    day = point.commit.date[:10]
    return Row((day, _short(point.commit.hash), params, macs, bar, change, memory, subject), tone=tone)


def _change(old: int, new: int) -> str:
    """``+2.5 %``, ``-10 %``; empty where nothing changed."""
    if old == new:
        return ""
    return f"{'+' if new > old else '-'}{quantity.percent(abs(new - old), old)}" if old else "new"
