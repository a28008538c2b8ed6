"""``sepcalc reconcile``: a row for each counter, and the terms that make the difference."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc import quantity
from sepcalc.commands.reconcile import Reconciled
from sepcalc.reports import COUNT, NUMBER, Charts, Column, Lines, Row, Section, Table
from sepcalc.reports.figures import Chart, Stacks

SHOWN = 6  # terms of a counter in a table


class ReconcileReport(NamedTuple):
    """The counters, beside the exact macs."""

    found: Reconciled

    def sections(self) -> list[Section]:
        found = self.found
        about = f" {found.layer}" if found.layer else ""
        title = f"{found.name or 'network'}{about}: {quantity.exact(found.macs)} macs"
        heads = [Column("counter"), Column("version", spare=1), Column("number", COUNT), Column("unit"),
                 Column("x macs", NUMBER), Column("terms")]  # fmt: skip
        rows: list[Row] = []
        for one in found.counters:
            ratio = f"{one.value / found.macs:.4f}" if one.value is not None and found.macs else ""
            terms = [f"{signed(value)}: {term}" for term, value in one.terms]
            more = len(terms) - SHOWN
            terms = [*terms[:SHOWN], *([f"and {more} more"] if more > 0 else [])]
            first = terms[0] if terms else "exact macs" if one.known else "not known"
            rows.append(Row((one.counter, one.version, one.value, one.unit, ratio, first)))
            rows += [Row(("", "", None, "", "", term)) for term in terms[1:]]
        sections: list[Section] = [Table(title, heads, rows)]
        if found.number:
            ways = [f"{one.name}: {quantity.exact(one.value)}" for one in found.matches]
            none = [f"No counter and no usual way to count gives {found.number}."]
            sections.append(Lines(f"What {found.number} may count" if ways else "", ways or none, alarm=not ways))
        unknown = list(dict.fromkeys(one.reason for one in found.counters if one.reason))
        lines = [
            f"{', '.join(one.counter for one in found.counters if one.reason == reason)}: not known. {reason}"
            for reason in unknown
        ]
        if lines or found.notes:
            sections.append(Lines("", [*lines, *found.notes]))
        return [*sections, Charts(self.charts)]

    def charts(self) -> list[Chart]:
        """The counters' numbers as bars, their terms stacked."""
        bars = [
            (one.counter, [("exact macs", self.found.macs), *one.terms]) for one in self.found.counters if one.known
        ]
        return [Stacks("Exact macs, and the terms of each counter", bars)] if bars and self.found.macs else []

    def document(self) -> Mapping[str, Any]:
        found = self.found
        return {
            "format": "sepcalc-reconcile/1",
            "name": found.name,
            "macs": found.macs,
            "counters": [
                {
                    "counter": one.counter,
                    "version": one.version,
                    "value": one.value,
                    "unit": one.unit,
                    "known": one.known,
                    "terms": [{"term": term, "value": value} for term, value in one.terms],
                    "reason": one.reason or None,
                }
                for one in found.counters
            ],
            **({"layer": found.layer} if found.layer else {}),
            **(
                {"number": {"text": found.number, "matches": [one._asdict() for one in found.matches]}}
                if found.number
                else {}
            ),
            "notes": list(found.notes),
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for one in self.found.counters:
            known = {"counter": one.counter, "version": one.version, "value": one.value, "unit": one.unit}
            yield {**known, "known": one.known, "difference": sum(value for _, value in one.terms)}


def signed(value: int) -> str:
    """``+26.7 M``, ``-618 k``."""
    return f"{'-' if value < 0 else '+'}{quantity.about(abs(value))}"
