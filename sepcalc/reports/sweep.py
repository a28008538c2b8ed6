"""``sepcalc sweep``: networks side by side, and answers on a space of them."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from sepcalc import quantity
from sepcalc.commands.sweep import Answered, Sweep
from sepcalc.expression import as_text
from sepcalc.gate.metrics import spoken
from sepcalc.reports import COUNT, GOOD, NUMBER, Charts, Column, Lines, Row, Section, Table
from sepcalc.reports.figures import Bar, Bars, Chart, Point, Scatter
from sepcalc.shape import show

MAX_NAMED = 12  # choices that have a column of their own; of more, settings are one text
MAX_TOLD = 20  # networks whose settings are told in a text; JSON and CSV have all
EMPTY = ""


class SweepReport(NamedTuple):
    """The answer, or a row for each network."""

    found: Sweep

    def sections(self) -> list[Section]:
        found = self.found
        lines = [f"{found.size:,} networks" + (f" of {_choices(found)}" if found.parameters else "")]
        if found.within is not None:
            part = Fraction(found.within, found.size) if found.size else Fraction(0)
            lines.append(f"within the limits: {found.within:,}, {float(100 * part):.6g} %")
        if found.wish is not None and found.best is not None:
            sense, metric = found.wish
            ties = f", which {found.best[1]:,} networks have" if found.best[1] != 1 else ", which one network has"
            lines.append(f"{sense} {spoken(metric)}: {found.best[0]:,}{ties}")
        sections: list[Section] = [Lines("", lines)]
        if found.rows:
            sections += self._rows(found.rows, "")
        if found.front and found.wishes is not None:
            title = f"Front: {', '.join(f'{sense} {spoken(metric)}' for sense, metric in found.wishes)}"
            sections += self._rows(found.front, title, ties=True)
        if found.histogram:
            heads = [Column("from", COUNT), Column("to", COUNT), Column("networks", COUNT), Column("% of all", NUMBER)]
            total = sum(one.number for one in found.histogram)
            rows = [
                Row((one.low, one.high, one.number, f"{float(Fraction(100 * one.number, total)):.4f} %"))
                for one in found.histogram
            ]
            sections.append(Table(f"Networks by {spoken(found.about)}", heads, rows))
        if not found.found:
            near = [f"the nearest {spoken(metric)} is {value:,}" for metric, value in found.nearest.items()]
            sections.append(
                Lines("No network is within the limits", near or ["no setting makes a network"], alarm=True)
            )
        if found.gaps:
            sections.append(Lines("Not counted", [f"{gap} is not counted" for gap in found.gaps], alarm=True))
        return [*sections, Charts(self.charts)]

    def _rows(self, rows: Sequence[Answered], title: str, ties: bool = False) -> list[Section]:
        """A row for each network: its settings, its counts, and the ratio of its macs to those of the first. Many
        settings stand in lines below the table."""
        found = self.found
        names = list(dict.fromkeys(name for row in rows for name in row.settings))
        apart = len(names) <= MAX_NAMED
        heads = [Column("network")] if found.several else []
        heads += [Column(name) for name in names] if apart else [Column("", NUMBER)]
        heads += [Column(spoken(metric), COUNT) for metric in found.metrics]
        ratio = "macs" in found.metrics and len(rows) > 1 and not ties
        heads += [Column("x macs", NUMBER)] if ratio else []
        heads += [Column("ties", COUNT)] if ties else []
        broken = any(row.reason for row in rows)
        heads += [Column("why not")] if broken else []
        first = next((row.counts for row in rows if row.counts), ())
        at = found.metrics.index("macs") if "macs" in found.metrics else 0
        lines = []
        below = []
        for number, row in enumerate(rows, 1):
            cells: list[Any] = [row.network] if found.several else []
            told = {name: said(value) for name, value in row.settings.items()}
            cells += [told.get(name, EMPTY) for name in names] if apart else [str(number)]
            below.append(f"{number}: {_settings(told)}")
            cells += row.counts or [None] * len(found.metrics)
            if ratio:
                cells.append(f"{row.counts[at] / first[at]:.4f}" if row.counts and first[at] else EMPTY)
            cells += [row.ties] if ties else []
            cells += [row.reason] if broken else []
            lines.append(Row(tuple(cells)))
        table = Table(title, heads, lines)
        return [table] if apart else [table, Lines("Their settings", below[:MAX_TOLD])]

    def charts(self) -> list[Chart]:
        """Networks as points, or a histogram as bars."""
        found = self.found
        if found.histogram:
            bars = [Bar(f"{one.low:,}", (one.number,), f"to {one.high:,}") for one in found.histogram]
            return [Bars(f"Networks by {spoken(found.about)}", bars, shared=True)]
        rows = found.front or found.rows
        pair = [metric for _, metric in found.wishes] if found.wishes else ["params", "macs"]
        if len(rows) < 2 or not all(metric in found.metrics for metric in pair):
            return []
        x, y = [found.metrics.index(metric) for metric in pair]
        points = []
        for row in rows:
            if row.counts and row.counts[x] and row.counts[y]:  # both axes are logarithmic
                name = _settings({name: said(value) for name, value in row.settings.items()}) or row.network
                points.append(Point(name, row.counts[x], row.counts[y], named=len(rows) <= 20))
        if found.front:  # a line through its points, and other networks around it
            last = len(points) - 1
            points = [one._replace(joined=at + 1 if at < last else None, tone=GOOD) for at, one in enumerate(points)]
            others = [row.counts for row in found.cloud if row.counts[x] and row.counts[y]]
            points += [Point("a network", counts[x], counts[y], named=False) for counts in others]
        title = "The front" if found.front else "Params and macs"
        return [Scatter(title, (spoken(pair[0]), spoken(pair[1])), points)]

    def document(self) -> Mapping[str, Any]:
        found = self.found
        parameters = {name: [plain(value) for value in values] for name, values in found.parameters.items()}
        answer: dict[str, Any] = {"format": "sepcalc-sweep/1", "size": found.size, "parameters": parameters}
        if found.within is not None:
            answer["count"] = {"within": found.within, "of": found.size}
        if found.wish is not None:
            value, ties = found.best or (None, 0)
            sense, metric = found.wish
            answer["best"] = {"sense": sense, "metric": metric, "value": value, "ties": ties}
        if found.wishes is not None:
            answer["front"] = [{**self._record(row), "ties": row.ties} for row in found.front]
        elif found.about:
            answer["histogram"] = [
                {"metric": found.about, "from": one.low, "to": one.high, "count": one.number} for one in found.histogram
            ]
        elif found.within is None:
            answer["rows"] = [self._record(row) for row in found.rows]
        if found.nearest:
            answer["nearest"] = dict(found.nearest)
        answer["incomplete"] = list(found.gaps)
        return answer

    def _record(self, row: Answered) -> dict[str, Any]:
        settings = {name: plain(value) for name, value in row.settings.items()}
        counts = dict(zip(self.found.metrics, row.counts)) if row.counts else dict.fromkeys(self.found.metrics)
        return {"network": row.network, "settings": settings, **counts, "reason": row.reason or None}

    def records(self) -> Iterable[Mapping[str, Any]]:
        if self.found.histogram:
            for one in self.found.histogram:
                yield {"metric": self.found.about, "from": one.low, "to": one.high, "count": one.number}
            return
        if self.found.within is not None:
            yield {"within": self.found.within, "of": self.found.size}
            return
        for row in self.found.front or self.found.rows:
            record = self._record(row)
            settings = record.pop("settings")
            yield {"network": record.pop("network"), **settings, **record}


def said(value: Any) -> str:
    """A value of a choice as a person writes it."""
    if isinstance(value, tuple):
        return show(value)
    return value if isinstance(value, str) else as_text(value)


def plain(value: Any) -> Any:
    """A value of a choice in JSON: a number, true or false, or text."""
    if isinstance(value, tuple):
        return show(value)
    if isinstance(value, Fraction):
        return float(value) if Fraction(str(float(value))) == value else as_text(value)
    return value


def _settings(told: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in told.items())


def _choices(found: Sweep) -> str:
    names = list(found.parameters)
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4:,} more" if len(names) > 4 else "")
    return f"{quantity.exact(len(names))} choice{'' if len(names) == 1 else 's'}: {shown}"
