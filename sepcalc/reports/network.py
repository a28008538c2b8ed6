"""``sepcalc network``: a network layer by layer, with totals and what it is held to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.cost import COSTS, Cost, total
from sepcalc.gate import Finding, Verdict, check, compare_published
from sepcalc.gate.metrics import spoken, unknown
from sepcalc.network import ELEMENT_BYTES, Network, Share, by_block, by_kind, no_search_for_cycles, records
from sepcalc.reach import Stride
from sepcalc.reports import BAR, COUNT, NUMBER, Column, Lines, Row, Section, Table
from sepcalc.reports.gaps import uncounted
from sepcalc.reports.layers import MEANING, explanation
from sepcalc.reports.tree import Branch, grown, walked
from sepcalc.shape import show

if TYPE_CHECKING:
    from sepcalc.document import Document

GROUPINGS = {"kind": by_kind, "block": by_block}
SHARED = ("params", "macs")  # the counts whose shares are shown, unless others are asked for
FOLDED = "xN: N equal layers or blocks after one another in one row, their numbers added up; --full shows each."


def held(
    network: Network, document: "Document | None", folded: bool = False
) -> tuple[Sequence[Finding], Sequence[Verdict], str]:
    """What a network is held to by the document that it was read from, its norms ``folded`` or not: what was published,
    its budget, and why what was published is not compared."""
    if document is None:
        return (), (), ""
    verdicts = check(network, document.budget)
    if not (document.altered or folded):
        return compare_published(network, document.published), verdicts, ""
    why = "the input or the parameters are not the file's own"
    why = why if document.altered else "it is of the network whose norms are not folded"
    return (), verdicts, f"What was published is not compared: {why}." if document.published else ""


class NetworkReport(NamedTuple):
    """A network, what was found of it, and what to show: its layers nested, equal ones folded (but for ``full``);
    or ``top`` layers at most, by ``sort`` (a count; macs if empty); or groups of them, ``by`` kind or block."""

    network: Network
    published: Sequence[Finding] = ()
    budget: Sequence[Verdict] = ()
    by: str = ""
    sort: str = ""
    top: int | None = None
    explain: bool = False
    element_bytes: int = ELEMENT_BYTES
    remark: str = ""
    full: bool = False

    @property
    def passed(self) -> bool:
        """Whether it keeps within its budget and to what was published."""
        return not any(verdict.fails for verdict in self.budget) and all(finding.passed for finding in self.published)

    def chosen(self) -> list[int]:
        """The numbers of the layers that machines are given, in the order in which they are."""
        layers = self.network.layers
        order = list(range(len(layers)))
        if self.by:
            return order
        if self.sort or self.top is not None:
            field = COSTS.index(self.sort or "macs")
            order.sort(key=lambda at: -layers[at].cost[field])
        return order[: self.top]

    def sections(self) -> list[Section]:
        network = self.network
        layers, chosen = network.layers, self.chosen()
        shapes = [", ".join(map(show, ends.values())) for ends in (network.inputs, network.outputs)]
        title = f"{network.name or 'network'}   {shapes[0]} -> {shapes[1]}"
        sections: list[Section] = self._groups_table(title) if self.by else self._layers(title, chosen)
        if self.explain:
            sections.append(explanation((layers[at].name, layers[at]) for at in chosen))
        sections += uncounted(network.uncounted)
        sections.append(self._totals())
        if self.published:
            sections.append(self._published())
        if self.budget:
            sections.append(self._budget())
        if remarks := [*network.notes, *filter(None, [self.remark])]:
            sections.append(Lines("", remarks))
        return sections

    def document(self) -> Mapping[str, Any]:
        network = self.network
        rows = list(records(network, self.element_bytes))
        document: dict[str, Any] = {
            "format": "sepcalc-network/1",
            "name": network.name,
            "inputs": network.inputs,
            "outputs": network.outputs,
            "totals": {
                **network.cost._asdict(),
                "peak_memory": network.peak_memory(self.element_bytes),
                **({} if network.stated_bytes is None else {"params_bytes": network.stated_bytes}),
                "flops": network.cost.flops,
                "effective_macs": sum(row["effective_macs"] for row in rows),
            },
            "complete": network.complete,
            "incomplete": list(network.incomplete),
            "layers": [self._explained(rows[at], at) for at in self.chosen()],
            "uncounted": [gap._asdict() for gap in network.uncounted],
            **({"notes": list(network.notes)} if network.notes else {}),
            "published": [finding._asdict() for finding in self.published],
            "budget": [verdict.record() for verdict in self.budget],
            "passed": self.passed and not any(verdict.unknown for verdict in self.budget),
            **({"stopped": network.stopped._asdict()} if network.stopped else {}),
        }
        if self.by:
            document["by"] = {self.by: [_fields(share) for share in self._groups()]}
        return document

    def records(self) -> Iterable[Mapping[str, Any]]:
        if self.by:
            return map(_fields, self._groups())
        rows = list(records(self.network, self.element_bytes))
        return [rows[at] for at in self.chosen()]

    def _explained(self, record: dict[str, Any], at: int) -> dict[str, Any]:
        return {**record, "explain": self.network.layers[at].explain()} if self.explain else record

    def _groups(self) -> list[Share]:
        """The groups asked for, in the order of the network, or the ``top`` of them, those with most first."""
        groups = GROUPINGS[self.by](self.network.layers)
        return groups if self.top is None else self._ranked(groups)[: self.top]

    def _ranked(self, groups: Sequence[Share]) -> list[Share]:
        field = COSTS.index(self.sort or "macs")
        return sorted(groups, key=lambda group: -group.cost[field])

    def _shared(self) -> tuple[str, ...]:
        """The counts whose shares are shown."""
        return SHARED if not self.sort or self.sort in SHARED else (self.sort,)

    def _columns(self, *first: Column) -> list[Column]:
        """Params, macs and what is sorted by; beside those of :meth:`_shared`, parts of the total and bars."""
        columns = list(first)
        shared = self._shared()
        for count in dict.fromkeys((*SHARED, *shared)):
            columns.append(Column(count, COUNT))
            if count in shared:
                main = count == (self.sort or "macs")
                columns += [Column(f"% of {count}", NUMBER, 0 if main else 2), Column("", BAR)]
        return columns

    def _numbers(self, cost: Cost, most: Cost | None = None) -> list[Any]:
        """The cells of a row in those columns, its bars beside the longest."""
        whole, shared, cells = self.network.cost._asdict(), self._shared(), list[Any]()
        for count in dict.fromkeys((*SHARED, *shared)):
            part = getattr(cost, count)
            cells.append(part)
            if count in shared:
                longest = getattr(most, count) if most else 0
                cells += [
                    quantity.share(part, whole[count]) if part or not most else "",
                    part / longest if longest else None,
                ]
        return cells

    def _total_row(self, *first: Any) -> Row:
        return Row((*first, *self._numbers(self.network.cost)), total=True)

    def _layers(self, title: str, chosen: Sequence[int]) -> list[Section]:
        layers = self.network.layers
        flat = bool(self.sort) or self.top is not None
        with no_search_for_cycles():
            branches = (
                [Branch(layers[at].name, at, at, layers[at].cost, 0) for at in chosen]
                if flat
                else grown(layers, not self.full)
            )
        most = _most(branch.cost for branch in branches)
        rows = []
        folded = False
        for branch, depth in walked(branches):
            last, folded = layers[branch.last], folded or branch.times > 1
            kind = f"{branch.layers:,} layers" if branch.children else f"{last.kind} {last.detail}".rstrip()
            reach = self.network.reach(branch.last)
            field, pace = reach.extents, reach.strides
            seen = (show(field) if field else "", _spelt(pace) if pace else "")
            cells = (branch.title, kind, show(last.output), *seen, *self._numbers(branch.cost, most))
            rows.append(Row(cells, depth))
        if left := len(layers) - len(chosen):
            kept = set(chosen)
            rest = total(layer.cost for at, layer in enumerate(layers) if at not in kept)
            rows.append(Row((f"{left:,} more", "", "", "", "", *self._numbers(rest)), depth=1))
        rows.append(self._total_row("total", "", "", "", ""))
        spare = (Column("kind", spare=1), Column("output"), Column("field", spare=3), Column("stride", spare=3))
        table = Table(title, self._columns(Column("layer"), *spare), rows)
        return [table, Lines("", [FOLDED])] if folded else [table]

    def _groups_table(self, title: str) -> list[Section]:
        groups, shown = GROUPINGS[self.by](self.network.layers), self._ranked(self._groups())
        most = _most(group.cost for group in shown)
        rows = [Row((group.name, group.layers, *self._numbers(group.cost, most))) for group in shown]
        if left := len(groups) - len(shown):
            kept = {group.name for group in shown}
            rest = [group for group in groups if group.name not in kept]
            number, cost = sum(group.layers for group in rest), total(group.cost for group in rest)
            rows.append(Row((f"{left:,} more", number, *self._numbers(cost)), depth=1))
        rows.append(self._total_row("total", len(self.network.layers)))
        return [Table(title, self._columns(Column(self.by), Column("layers", COUNT)), rows)]

    def _totals(self) -> Table:
        cost, network = self.network.cost, self.network
        meant = {**MEANING, "flops": "mults + adds + divs"}
        for name in meant if network.complete else ():
            if unknown(name, network.incomplete):
                meant[name] += ", INCOMPLETE: without what was not counted"
        rows = [Row((name, quantity.exact(count), meant[name])) for name, count in cost._asdict().items()]
        rows.append(Row(("flops", quantity.exact(cost.flops), meant["flops"])))
        effective = sum(layer.effective_macs for layer in network.layers)
        if cost.macs:
            seen = quantity.share(effective, cost.macs)
            rows.append(Row(("effective macs", quantity.exact(effective), f"{seen} of macs meet input, not padding")))
        peak = network.peak_memory(self.element_bytes)
        meaning = f"bytes of live tensors at most ({quantity.size(peak)}), {self.element_bytes} bytes an element"
        rows.append(Row(("peak memory", quantity.exact(peak), meaning)))
        if (stored := network.stated_bytes) is not None:
            meaning = f"bytes of the params in the file's own types ({quantity.size(stored)})"
            rows.append(Row(("params bytes", quantity.exact(stored), meaning)))
        title = "Totals" if network.complete else "Totals, INCOMPLETE: without what was not counted"
        if network.stopped is not None:
            title = "Totals, INCOMPLETE: up to where counting stopped"
        return Table(title, [Column("count"), Column("", NUMBER), Column("what it is")], rows)

    def _published(self) -> Lines:
        lines = []
        for metric, printed, actual, source, passed, ratio in self.published:
            verdict = "agrees" if passed else "DOES NOT AGREE"
            near = "" if ratio is None else f" ({100 * (ratio - 1):+.2f} %)"
            said = f"{spoken(metric)} {printed} ({source or 'no source given'})"
            lines.append(f"{said}: {quantity.exact(actual)} {verdict}{near}")
        return Lines("Published", lines, alarm=not all(finding.passed for finding in self.published))

    def _budget(self) -> Lines:
        lines = []
        for verdict in self.budget:
            name, limit, actual = verdict.subject, verdict.limit, verdict.actual
            most, there = quantity.exact(limit), quantity.exact(actual)
            if verdict.unknown:
                lines.append(f"{name} {there} <= {most}, but some of it is not counted: NO PASS")
            elif verdict.passed:
                lines.append(f"{name} {there} <= {most}, {quantity.exact(limit - actual)} left")
            else:
                over, share = quantity.exact(actual - limit), quantity.share(actual - limit, limit)
                warning = "" if verdict.fails else ", a warning"
                lines.append(f"{name} {there} > {most}, OVER by {over} ({share}){warning}")
        return Lines("Budget", lines, alarm=not all(verdict.passed for verdict in self.budget))


def _fields(share: Share) -> dict[str, Any]:
    return {"name": share.name, "layers": share.layers, **share.cost._asdict()}


def _most(costs: Iterable[Cost]) -> Cost:
    """The largest of each count."""
    return Cost(*map(max, zip(*costs, strict=True))) if (costs := list(costs)) else Cost()


def _spelt(strides: Sequence[Stride]) -> str:
    """``32``, or ``32x16`` where the axes differ."""
    return "x".join(map(str, strides if len(set(strides)) > 1 else strides[:1]))
