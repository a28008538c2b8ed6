"""``sepcalc network``: a network layer by layer, with totals and what it is held to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc import quantity
from sepcalc.cost import COSTS, Cost, total
from sepcalc.gate import Finding, Verdict
from sepcalc.network import ELEMENT_BYTES, Layer, Network, by_kind, records
from sepcalc.reports import BAR, COUNT, NUMBER, Column, Lines, Row, Section, Table
from sepcalc.reports.layers import MEANING, explanation
from sepcalc.shape import show

SORTS = COSTS


class NetworkReport(NamedTuple):
    """A network, what was found of it, and what to show: ``top`` layers at most, by ``sort`` (a count; the order of
    the network if empty), or grouped ``by`` kind."""

    network: Network
    published: Sequence[Finding] = ()
    budget: Sequence[Verdict] = ()
    by: str = ""
    sort: str = ""
    top: int | None = None
    explain: bool = False
    element_bytes: int = ELEMENT_BYTES
    remark: str = ""

    @property
    def passed(self) -> bool:
        """Whether it keeps within its budget and to what was published."""
        return not any(verdict.fails for verdict in self.budget) and all(finding.passed for finding in self.published)

    def chosen(self) -> list[int]:
        """The numbers of the layers shown, in the order in which they are."""
        layers = self.network.layers
        order = list(range(len(layers)))
        count = self.sort or ("macs" if self.top is not None else "")
        if count:
            field = COSTS.index(count)
            order.sort(key=lambda at: -layers[at].cost[field])
        return order[: self.top]

    def sections(self) -> list[Section]:
        network = self.network
        layers, chosen = network.layers, self.chosen()
        shapes = [", ".join(map(show, ends.values())) for ends in (network.inputs, network.outputs)]
        title = f"{network.name or 'network'}   {shapes[0]} -> {shapes[1]}"
        sections: list[Section] = [self._kinds(title) if self.by else self._layers(title, layers, chosen)]
        if self.explain:
            sections.append(explanation((layers[at].name, layers[at]) for at in chosen))
        if network.uncounted:
            sections.append(self._uncounted())
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
            "totals": {**network.cost._asdict(), "peak_memory": network.peak_memory(self.element_bytes)},
            "complete": network.complete,
            "layers": [self._explained(rows[at], at) for at in self.chosen()],
            "uncounted": [gap._asdict() for gap in network.uncounted],
            "published": [finding._asdict() for finding in self.published],
            "budget": [verdict.record() for verdict in self.budget],
            "passed": self.passed,
        }
        if self.by:
            document["by"] = {self.by: list(self._groups())}
        return document

    def records(self) -> Iterable[Mapping[str, Any]]:
        if self.by:
            return self._groups()
        rows = list(records(self.network, self.element_bytes))
        return [rows[at] for at in self.chosen()]

    def _explained(self, record: dict[str, Any], at: int) -> dict[str, Any]:
        return {**record, "explain": self.network.layers[at].explain()} if self.explain else record

    def _groups(self) -> Iterable[dict[str, Any]]:
        for share in by_kind(self.network.layers):
            yield {"name": share.name, "layers": share.layers, **share.cost._asdict()}

    def _columns(self, *first: Column) -> list[Column]:
        shared = self.sort or "macs"
        return [
            *first,
            Column("params", COUNT),
            Column("macs", COUNT),
            *([] if shared in ("params", "macs") else [Column(shared, COUNT)]),
            Column(f"% of {shared}", NUMBER),
            Column("", BAR),
        ]

    def _numbers(self, cost: Cost, most: int) -> tuple[Any, ...]:
        """The counts of a row, its share, and its bar beside the longest."""
        shared = self.sort or "macs"
        part, whole = getattr(cost, shared), getattr(self.network.cost, shared)
        more = () if shared in ("params", "macs") else (part,)
        return (cost.params, cost.macs, *more, quantity.share(part, whole), part / most if most else 0)

    def _total_row(self, *first: str) -> Row:
        numbers = self._numbers(self.network.cost, 0)
        return Row((*first, *numbers[:-1], None), total=True)

    def _layers(self, title: str, layers: Sequence[Layer], chosen: Sequence[int]) -> Table:
        shared = self.sort or "macs"
        most = max([getattr(layers[at].cost, shared) for at in chosen], default=0)
        rows = [
            Row(
                (
                    layer.name,
                    f"{layer.kind} {layer.detail}".rstrip(),
                    show(layer.output),
                    *self._numbers(layer.cost, most),
                )
            )
            for layer in [layers[at] for at in chosen]
        ]
        if left := len(layers) - len(chosen):
            kept = set(chosen)
            rest = total(layer.cost for at, layer in enumerate(layers) if at not in kept)
            rows.append(Row((f"{left} more", "", "", *self._numbers(rest, 0)[:-1], None), depth=1))
        rows.append(self._total_row("total", "", ""))
        first = (Column("layer"), Column("kind", spare=True), Column("output"))
        return Table(title, self._columns(*first), rows)

    def _kinds(self, title: str) -> Table:
        groups = by_kind(self.network.layers)
        field = COSTS.index(self.sort or "macs")
        groups.sort(key=lambda group: -group.cost[field])
        most = groups[0].cost[field] if groups else 0
        rows = [Row((group.name, group.layers, *self._numbers(group.cost, most))) for group in groups]
        rows.append(self._total_row("total", len(self.network.layers)))  # type: ignore[arg-type]
        columns = self._columns(Column("kind"), Column("layers", COUNT))
        columns.insert(3, Column("% of params", NUMBER))
        cells = [
            row._replace(cells=(*row.cells[:3], quantity.share(row.cells[2], self.network.cost.params), *row.cells[3:]))
            for row in rows
        ]
        return Table(title, columns, cells)

    def _totals(self) -> Table:
        cost, network = self.network.cost, self.network
        rows = [Row((name, quantity.exact(count), MEANING[name])) for name, count in cost._asdict().items()]
        rows.append(Row(("flops", quantity.exact(cost.flops), "mults + adds + divs")))
        effective = sum(layer.effective_macs for layer in network.layers)
        if cost.macs:
            seen = quantity.share(effective, cost.macs)
            rows.append(Row(("effective macs", quantity.exact(effective), f"{seen} of macs meet input, not padding")))
        peak = network.peak_memory(self.element_bytes)
        meaning = f"bytes of live tensors at most ({quantity.size(peak)}), {self.element_bytes} bytes an element"
        rows.append(Row(("peak memory", quantity.exact(peak), meaning)))
        title = "Totals" if network.complete else "Totals, INCOMPLETE: without what was not counted"
        return Table(title, [Column("count"), Column("", NUMBER), Column("what it is")], rows)

    def _uncounted(self) -> Lines:
        lines = [f"{name} ({kind}): {reason}" for name, kind, reason in self.network.uncounted]
        return Lines("Not counted", lines, alarm=True)

    def _published(self) -> Lines:
        lines = []
        for metric, printed, actual, source, passed in self.published:
            verdict = "agrees" if passed else "DOES NOT AGREE"
            lines.append(f"{metric} {printed} ({source or 'no source given'}): {quantity.exact(actual)} {verdict}")
        return Lines("Published", lines, alarm=not all(finding.passed for finding in self.published))

    def _budget(self) -> Lines:
        lines = []
        for verdict in self.budget:
            name, limit, actual = verdict.subject, verdict.limit, verdict.actual
            most, there = quantity.exact(limit), quantity.exact(actual)
            if verdict.passed:
                lines.append(f"{name} {there} <= {most}, {quantity.exact(limit - actual)} left")
            else:
                over, share = quantity.exact(actual - limit), quantity.share(actual - limit, limit)
                warning = "" if verdict.fails else ", a warning"
                lines.append(f"{name} {there} > {most}, OVER by {over} ({share}){warning}")
        return Lines("Budget", lines, alarm=not all(verdict.passed for verdict in self.budget))
