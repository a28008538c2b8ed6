"""``sepcalc diff``: what changed between two networks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.commands.diff import Difference
from sepcalc.cost import COSTS, Cost
from sepcalc.gate.conversions import Between, Sum
from sepcalc.gate.limits import Held
from sepcalc.gate.metrics import METRICS, spoken
from sepcalc.gate.pairs import Pair
from sepcalc.gate.snapshots import MORE, Snapshot
from sepcalc.gate.snapshots import Row as LayerRow
from sepcalc.layer import lacking
from sepcalc.reports import (
    BAD,
    BAR,
    COUNT,
    GOOD,
    NOTE,
    NUMBER,
    WARNING,
    Case,
    Charts,
    Column,
    Lines,
    Row,
    Section,
    Table,
    columns,
    toned,
)
from sepcalc.reports.gaps import uncounted
from sepcalc.reports.repeats import together
from sepcalc.reports.verdicts import about, sentence
from sepcalc.shape import Shape, show

if TYPE_CHECKING:
    from sepcalc.reports.figures import Chart

FIRST = ("params", "macs", "activations", "peak_memory")  # totals that are shown whether they changed or not
NAMED = 3  # layers that a line names
_HEAD = "git:HEAD:"
CHANGES = ("added", "removed", "changed", "renamed")
_TONES = {"added": GOOD, "removed": BAD}


class DiffReport(NamedTuple):
    """What changed between two networks."""

    found: Difference

    def sections(self) -> list[Section]:
        found = self.found
        pairs = found.pairs
        changed = [pair for pair in pairs if pair.status != "unchanged"]
        title = f"{found.names[0]} -> {found.names[1]}" + (", INCOMPLETE" if found.incomplete else "")
        sections: list[Section] = [Table(title, _totals_columns(), [*self._totals()])]
        if found.held:
            over = [one for one in found.held if not one.verdict.passed]
            good = f"{len(found.held)} limits to growth hold" if len(found.held) > 1 else sentence(found.held[0])
            lines = [toned(_growth(one), BAD if one.verdict.fails else WARNING) for one in over]
            sections.append(Lines("Growth", lines or [good]))
        if dict(found.old.inputs) != dict(found.new.inputs):
            sections.append(Lines("", [f"The inputs differ: {_shapes(found.old)} became {_shapes(found.new)}."]))
        sections += uncounted((*found.old.uncounted, *found.new.uncounted))
        if found.notes:
            sections.append(Lines("", found.notes))
        sections.append(Lines("", [_summary(pairs), *_differing(pairs), *([self._sameness()] if found.same else [])]))
        if changed:
            rows = together(changed)
            many = any(count > 1 for _, count, _ in rows)
            size = found.new.totals["macs"] or 1, found.new.totals["params"] or 1
            most = max([abs(_growth_of("macs", pairs)) for _, _, pairs in rows])
            shown = [_layer(name, count, pairs, many, size, most) for name, count, pairs in rows]
            sections.append(Table("Layers", _layer_columns(many), shown, folded=True))
        if found.conversion and found.conversion.structural and found.conversion.between:
            sections.append(_between(found.conversion.between))
        return [*sections, Charts(self.charts)]

    def headline(self) -> str:
        """What a page says first."""
        return _summary(self.found.pairs)

    def charts(self) -> Iterable["Chart"]:
        """The totals before and after, and the layers that changed, the largest change first."""
        from sepcalc.reports.changes import largest, totals

        old, new = self.found.old.totals, self.found.new.totals
        yield totals((metric, old[metric], new[metric]) for metric in FIRST)
        rows = together([pair for pair in self.found.pairs if pair.status != "unchanged"])
        for metric in ("macs", "params"):
            yield from largest(metric, [_sides(metric, name, pairs) for name, _, pairs in rows])

    def _totals(self) -> Iterable[Row]:
        for metric in (*FIRST, *[name for name in METRICS if name not in FIRST]):
            old, new = self.found.old.totals[metric], self.found.new.totals[metric]
            if metric in FIRST or old != new:
                yield Row((spoken(metric), old, new, _signed(new - old), _part(new - old, old)))

    def _sameness(self) -> str:
        """The note that both networks are the same file, and the likely reason."""
        said = "Both sides hold the same bytes."
        for name in self.found.names:
            if name.startswith(_HEAD):
                said += " In a pull request's CI HEAD is the pull request itself: name its base, "
                return f"{said}for example git:origin/main:{name.removeprefix(_HEAD)}."
        return said

    def document(self) -> Mapping[str, Any]:
        pairs = self.found.pairs
        return {
            "format": "sepcalc-diff/1",
            "old": _network(self.found.names[0], self.found.old),
            "new": _network(self.found.names[1], self.found.new),
            "totals": [self._total(metric) for metric in METRICS],
            "layers": [_record(pair) for pair in pairs if pair.status != "unchanged"],
            "unchanged": sum(pair.status == "unchanged" for pair in pairs),
            "differing": [record for pair in pairs for record in _records_of_differing(pair)],
            "complete": not self.found.incomplete,
            "incomplete": list(lacking((*self.found.old.uncounted, *self.found.new.uncounted))),
            "budget": [{**one.verdict.record(), "baseline": one.base} for one in self.found.held],
            "passed": self.found.passed,
            "same_bytes": self.found.same,
            "conversion": self.found.conversion.record() if self.found.conversion else None,
            "notes": self.found.notes,
        }

    def _total(self, metric: str) -> dict[str, Any]:
        old, new = self.found.old.totals[metric], self.found.new.totals[metric]
        return {"metric": metric, "old": old, "new": new, "change": new - old, "percent": _percent(new - old, old)}

    def records(self) -> Iterable[Mapping[str, Any]]:
        for pair in self.found.pairs:
            if pair.status != "unchanged":
                row = pair.row
                counts = {
                    f"{side}_{name}": getattr(of.cost, name) if of else None
                    for name in COSTS
                    for side, of in (("old", pair.old), ("new", pair.new))
                }
                old_name = pair.old.name if pair.old else None
                new_name = pair.new.name if pair.new else None
                parts = " ".join([part.name for part in (*pair.were, *pair.became)]) or None
                head = {"name": row.name, "status": pair.status, "old_name": old_name, "kind": row.kind}
                yield {**head, **counts, "new_name": new_name, "parts": parts}

    def cases(self) -> Sequence[Case]:
        """The verdicts on growth, for formats that list verdicts."""
        suite = f"{self.found.names[0]} -> {self.found.names[1]}"
        cases = []
        for one in self.found.held:
            outcome = "passed" if one.verdict.passed else "failed" if one.verdict.fails else "warned"
            if one.verdict.unknown and not self.found.allowed:
                outcome = "error"
            cases.append(Case(suite, f"growth of {spoken(one.verdict.metric)}", outcome, sentence(one)))
        if self.found.incomplete:
            lines = list(map(str, (*self.found.old.uncounted, *self.found.new.uncounted)))
            outcome = "warned" if self.found.allowed else "error"
            cases.append(Case(suite, "complete", outcome, "the totals are incomplete", lines))
        if self.found.same:
            cases.append(Case(suite, "difference", "passed", self._sameness()))
        elif not cases:
            pairs = self.found.pairs
            cases.append(Case(suite, "difference", "passed", _summary(pairs)))
        return [*cases, *[Case(suite, "note", NOTE, note) for note in self.found.notes]]


def _between(kinds: Sequence[Between]) -> Table:
    """What lies between the layers that do work, where the two networks have not the same of it."""
    names = ("layers", "params", "activations")
    shown = [Column(f"{side} {name}", COUNT) for name in names for side in ("old", "new")]
    rows = [
        Row(
            (kind, *[count for of in zip(_three(old), _three(new)) for count in of]),
            weight=abs(new.layers - old.layers),
        )
        for kind, old, new in kinds
    ]
    return Table("Between the layers that do work", [Column("kind"), *shown], rows, folded=True)


def _three(one: Sum) -> tuple[int, int, int]:
    return one.layers, one.cost.params, one.cost.activations


def _totals_columns() -> list[Column]:
    return columns("total", ("old", COUNT), ("new", COUNT), ("change", NUMBER), ("%", NUMBER))


def _layer_columns(many: bool) -> list[Column]:
    names = ("params", "macs")
    counts = [Column(f"{side} {name}", COUNT, spare=2) for name in names for side in ("old", "new")]
    changes = [Column("params", NUMBER), Column("%", NUMBER), Column("macs", NUMBER), Column("%", NUMBER)]
    times = [Column("layers", COUNT)] if many else []
    return [
        *[Column("layer"), *times, Column("what"), Column("kind", spare=2), Column("output", spare=1)],
        *counts,
        *changes,
        Column("", BAR),
    ]


def _layer(name: str, count: int, pairs: Sequence[Pair], many: bool, size: tuple[int, int], most: int) -> Row:
    """One change, or several equal ones with their counts added up. ``size`` is macs and params, to weigh it by;
    ``most`` the largest change of macs, which has the longest bar."""
    old, new, row = pairs[0].old, pairs[0].new, pairs[0].new or pairs[0].old
    assert row is not None
    kind = row.kind if old is None or old.kind == row.kind else f"{old.kind} -> {row.kind}"
    output = (
        show(row.output) if old is None or old.output == row.output else f"{show(old.output)} -> {show(row.output)}"
    )
    cells: list[Any] = [name, *([count] if many else []), pairs[0].status, kind, output]
    changes, weight = list[Any](), 0
    for metric, other in zip(("params", "macs"), size):
        before = sum([pair.old.count(metric) for pair in pairs if pair.old])
        after = sum([pair.new.count(metric) for pair in pairs if pair.new])
        cells += [before if old else None, after if new else None]
        same = after == before
        changes += [_signed(after - before), None if same and not (old and new) else _part(after - before, before)]
        weight += abs(after - before) * other
    drawn = abs(_growth_of("macs", pairs)) / most if most else None
    return Row((*cells, *changes, drawn), weight=weight, tone=_TONES.get(pairs[0].status, ""))


def _sides(metric: str, name: str, pairs: Sequence[Pair]) -> tuple[str, tuple[int | None, int | None]]:
    """A metric of equal changes before and after, added up."""
    old = [pair.old.count(metric) for pair in pairs if pair.old]
    new = [pair.new.count(metric) for pair in pairs if pair.new]
    return name, (sum(old) if old else None, sum(new) if new else None)


def _growth_of(metric: str, pairs: Sequence[Pair]) -> int:
    """How much a metric grew, over several pairs."""
    return sum([pair.growth(metric) for pair in pairs])


def _growth(held: Held) -> str:
    return f"{'NOT KNOWN' if held.verdict.unknown else 'OVER'}: {sentence(held)}"


def _signed(change: int) -> str:
    return f"{change:+,}" if change else "0"


def _part(change: int, old: int) -> str:
    """The change in percent of the old count, with its sign."""
    if not change:
        return "0.0 %"
    return f"{'+' if change > 0 else '-'}{quantity.percent(abs(change), old)}" if old else "from 0"


def _percent(change: int, old: int) -> float | None:
    return round(100 * change / old, 4) if old else None if change else 0.0


def _summary(pairs: Sequence[Pair]) -> str:
    counts = {status: sum(pair.status == status for pair in pairs) for status in (*CHANGES, "unchanged")}
    said = [f"{count} {status}" for status, count in counts.items() if count]
    return f"Layers: {', '.join(said)}"


def _differing(pairs: Sequence[Pair]) -> Iterable[str]:
    """What differs in layers that did not change, such as their traffic."""
    for metric in MORE:
        rows = together([pair for pair in pairs if metric in pair.differing])
        count = sum([count for _, count, _ in rows])
        if not count:
            continue
        told = [
            f"{name} {about(metric, sum([pair.old.count(metric) for pair in of if pair.old]))} -> "
            f"{about(metric, sum([pair.new.count(metric) for pair in of if pair.new]))}"
            for name, _, of in rows[:NAMED]
        ]
        more = f" and {len(rows) - NAMED:,} more" if len(rows) > NAMED else ""
        layers = "1 layer that is" if count == 1 else f"{count:,} layers that are"
        yield f"Other {spoken(metric)} in {layers} otherwise the same: {', '.join(told)}{more}"


def _records_of_differing(pair: Pair) -> Iterable[dict[str, Any]]:
    for metric in pair.differing:
        assert pair.old is not None
        assert pair.new is not None
        yield {
            "name": pair.new.name,
            "old_name": pair.old.name,
            "metric": metric,
            "old": pair.old.count(metric),
            "new": pair.new.count(metric),
        }


def _shapes(snapshot: Snapshot) -> str:
    return ", ".join(f"{name} {show(shape)}" for name, shape in snapshot.inputs.items())


def _network(argument: str, snapshot: Snapshot) -> dict[str, Any]:
    return {
        "network": argument,
        "name": snapshot.name,
        "inputs": snapshot.inputs,
        "totals": snapshot.totals,
        "complete": snapshot.complete,
        "incomplete": list(lacking(snapshot.uncounted)),
        "uncounted": [gap._asdict() for gap in snapshot.uncounted],
        **({"most": dict(snapshot.most)} if snapshot.most else {}),
        "notes": list(snapshot.notes),
    }


def _record(pair: Pair) -> dict[str, Any]:
    return {
        "name": pair.row.name,
        "status": pair.status,
        "old": _side(pair.old),
        "new": _side(pair.new),
        "change": {name: pair.growth(name) for name in COSTS},
        "percent": {name: _percent(pair.growth(name), getattr((pair.old or _NONE).cost, name)) for name in COSTS},
        "old_layers": [_side(row) for row in pair.were] or None,
        "new_layers": [_side(row) for row in pair.became] or None,
    }


_NONE = LayerRow("", "", (), Cost())


def _side(row: LayerRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    output: Shape = row.output
    return {"name": row.name, "kind": row.kind, "output": output, **row.cost._asdict()}
