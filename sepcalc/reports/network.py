"""``sepcalc network``: a network layer by layer, with totals, published numbers and budget."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc import quantity
from sepcalc.analysis.receptive_field import Stride
from sepcalc.cost import Cost, total
from sepcalc.gate import Finding, Verdict, check, compare_published
from sepcalc.gate.metrics import METRICS, spoken, unknown
from sepcalc.network import Network
from sepcalc.reports import (
    BAR,
    COUNT,
    NUMBER,
    Charts,
    Column,
    Lines,
    Row,
    Rows,
    Section,
    Table,
)  # fmt: skip
from sepcalc.reports.gaps import uncounted
from sepcalc.reports.groups import Share, by_block, by_kind
from sepcalc.reports.kept import budget, published
from sepcalc.reports.layers import MEANING, explanation, records, widths
from sepcalc.reports.tree import Branch, grown, walked
from sepcalc.shape import show

if TYPE_CHECKING:
    from fractions import Fraction

    from sepcalc.conventions import Counted
    from sepcalc.document import Document
    from sepcalc.reports.figures import Amounts, Chart, Graph, Marked

GROUPINGS = {"kind": by_kind, "block": by_block}
SHARED = ("params", "macs")  # the counts whose shares are shown, unless others are asked for
Cells = Sequence[Sequence[Any]]  # of columns
FOLDED = "xN: N equal layers or blocks after one another in one row, their numbers added up; --full shows each."


def held(
    network: Network, document: "Document | None", folded: bool = False
) -> tuple[Sequence[Finding], Sequence[Verdict], str]:
    """The published numbers and the budget of the network's document, compared with the network, and the reason why
    published numbers are not compared (with ``folded`` norms or other inputs)."""
    if document is None:
        return (), (), ""
    verdicts = check(network, document.budget)
    if not (document.altered or folded):
        return compare_published(network, document.published), verdicts, ""
    why = "the input or the parameters are not the file's own"
    why = why if document.altered else "it is of the network whose norms are not folded"
    return (), verdicts, f"What was published is not compared: {why}." if document.published else ""


class NetworkReport(NamedTuple):
    """A network, its findings, and what to show. By default: its layers as a tree, equal neighbours folded (``full``:
    not folded). Or at most ``top`` layers, sorted by the metric ``sort`` (empty: macs). Or groups of layers, ``by``
    kind or block."""

    network: Network
    published: Sequence[Finding] = ()
    budget: Sequence[Verdict] = ()
    by: str = ""
    sort: str = ""
    top: int | None = None
    explain: bool = False
    element_bytes: int | None = None
    remark: str = ""
    full: bool = False
    balance: "Fraction | None" = None
    convention: "Counted | None" = None

    @property
    def passed(self) -> bool:
        """Whether the network keeps its budget and its published numbers."""
        return not any(verdict.fails for verdict in self.budget) and all(finding.passed for finding in self.published)

    def chosen(self) -> list[int]:
        """The numbers of the layers in the machine formats, in their order there."""
        layers = self.network.layers
        order = list(range(len(layers)))
        if self.by:
            return order
        if self.sort or self.top is not None:
            amounts = self._amounts()
            order.sort(key=lambda at: -amounts[at])
        return order[: self.top]

    @property
    def _main(self) -> str:
        """The metric to sort by."""
        return self.sort or "macs"

    def _amounts(self) -> Sequence[int]:
        """That metric for every layer; for peak memory, the bytes that live while the layer runs."""
        network, metric = self.network, self._main
        if metric == "peak_memory":
            return network.live(self.element_bytes)
        if metric == "params_bytes":  # at their mean width
            size, params = network.param_bytes, network.params or 1
            return [size * layer.cost.params // params for layer in network.layers]
        if metric == "traffic":
            return [layer.traffic(self.element_bytes) for layer in network.layers]
        measure = METRICS[metric].layer
        assert measure is not None
        return list(map(measure, network.layers))

    def _together(self, amounts: Iterable[int]) -> int:
        """That metric for several layers together. Of peak memory this is the largest: tensors that live at different
        times share the space."""
        return max(amounts, default=0) if self._main == "peak_memory" else sum(amounts)

    def _all(self) -> int:
        """That metric for the whole network."""
        if self._main == "peak_memory":
            return self.network.peak_memory(self.element_bytes)
        return sum(self._amounts()) if self._main == "traffic" else METRICS[self._main].network(self.network)

    def graph(self) -> "Graph":
        """The network by its blocks."""
        from sepcalc.reports.graph import blocks

        return blocks(self.network)

    def headline(self) -> str:
        """What a page says first: the macs, the params and the peak memory in words."""
        network, cost = self.network, self.network.cost
        peak = quantity.size(network.peak_memory(self.element_bytes))
        counted = "" if network.complete else "at least "
        return f"{counted}{quantity.about(cost.macs)} macs, {quantity.about(cost.params)} params, {peak} peak memory"

    def charts(self) -> "list[Chart]":
        """The budget, where the cost is, the memory of the live tensors, and the blocks."""
        from sepcalc.reports.charts import charts

        drawn = self.network, self.element_bytes, self.budget, self.balance
        return list(charts(*drawn)) if self.network.layers else []

    def amounts(self) -> "Amounts":
        """The metric to sort by (macs, unless another is asked for), of every layer."""
        from sepcalc.reports.figures import Amounts

        names = [layer.name for layer in self.network.layers]
        return Amounts(self.network.name, spoken(self._main), list(zip(names, self._amounts())))

    def marked(self) -> "Marked":
        """The same metric of each node of the model file. Raises InputError for a network without one."""
        from sepcalc.reports.nodes import marked

        return marked(self.network, spoken(self._main), self._amounts(), self._together)

    def sections(self) -> list[Section]:
        return self._sections()

    def _sections(self) -> list[Section]:
        network = self.network
        layers, chosen = network.layers, self.chosen()
        shapes = [", ".join(map(show, ends.values())) for ends in (network.inputs, network.outputs)]
        title = f"{network.name or 'network'}   {shapes[0]} -> {shapes[1]}"
        sections: list[Section] = self._groups_table(title) if self.by else self._layers(title, chosen)
        if self.explain:
            sections.append(explanation((layers[at].name, layers[at]) for at in chosen))
        sections += uncounted(network.uncounted)
        sections.append(self._totals())
        if self.convention is not None:
            from sepcalc.reports.counters import printed

            sections.append(Lines("", printed(self.convention)))
        if self.published:
            sections.append(published(self.published))
        if self.budget:
            sections.append(budget(self.budget))
        if self.balance is not None:
            from sepcalc.reports.roofline import waiting

            sections.append(waiting(layers, self.balance, self.element_bytes))
        if remarks := [*network.notes, *filter(None, [self.remark])]:
            sections.append(Lines("", remarks))
        return [*sections, Charts(self.charts)]

    def document(self) -> Mapping[str, Any]:
        network = self.network
        rows = self._records()
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
                **({"file_size": network.file_size} if network.file_size and network.claimed is None else {}),
            },
            "complete": network.complete,
            "incomplete": list(network.incomplete),
            "layers": [self._explained(rows[at], at) for at in self.chosen()],
            "uncounted": [gap._asdict() for gap in network.uncounted],
            "notes": list(network.notes),
            "published": [finding._asdict() for finding in self.published],
            "budget": [verdict.record() for verdict in self.budget],
            "passed": self.passed and not any(verdict.unknown for verdict in self.budget),
            **({"stopped": network.stopped._asdict()} if network.stopped else {}),
        }
        if self.balance is not None:
            from sepcalc.reports.roofline import told

            document["speed"] = told(network.layers, self.balance, self.element_bytes)
        if self.convention is not None:
            document["convention"] = self.convention.record()
        if self.by:
            document["by"] = {self.by: [_fields(share) for share in self._groups()]}
        return document

    def records(self) -> Iterable[Mapping[str, Any]]:
        if self.by:
            return map(_fields, self._groups())
        rows = self._records()
        return [rows[at] for at in self.chosen()]

    def _records(self) -> list[dict[str, Any]]:
        """Every layer, for machines."""
        return list(records(self.network, self.element_bytes))

    def _explained(self, record: dict[str, Any], at: int) -> dict[str, Any]:
        return {**record, "explain": self.network.layers[at].explain()} if self.explain else record

    def _groups(self) -> list[Share]:
        """The groups in the order of the network, or the ``top`` ones, largest first."""
        groups = GROUPINGS[self.by](self.network.layers)
        return groups if self.top is None else self._ranked(groups)[: self.top]

    def _ranked(self, groups: Sequence[Share]) -> list[Share]:
        amounts = self._amounts()
        return sorted(groups, key=lambda group: -self._together(amounts[at] for at in group.members))

    def _shared(self) -> tuple[str, ...]:
        """The metrics whose shares are shown."""
        return SHARED if not self.sort or self.sort in SHARED else (self.sort,)

    def _columns(self, *first: Column) -> list[Column]:
        """Columns for params, macs and the metric to sort by, and for the shares and bars of :meth:`_shared`."""
        columns = list(first)
        shared = self._shared()
        for metric in dict.fromkeys((*SHARED, *shared)):
            columns.append(Column(spoken(metric), COUNT))
            if metric in shared:
                main = metric == self._main
                columns += [Column(f"% of {spoken(metric)}", NUMBER, 0 if main else 2), Column("", BAR)]
        return columns

    def _numbers(self, costs: Sequence[Cost], amounts: Sequence[int], whole: int, drawn: bool) -> list[Sequence[Any]]:
        """The cells of those columns, for rows of these costs and amounts of the metric to sort by; of that metric
        ``whole`` is the network's amount. ``drawn`` adds bars next to the longest one, and leaves out shares of
        zero."""
        shared, columns = self._shared(), list[Sequence[Any]]()
        for metric in dict.fromkeys((*SHARED, *shared)):
            main = metric == self._main
            parts = amounts if main else [*map(attrgetter(metric), costs)]
            columns.append(parts)
            if metric in shared:
                full = whole if main else getattr(self.network.cost, metric)
                columns.append(quantity.shares(parts, full, "" if drawn else "0.00 %"))
                longest = max(parts, default=0) if drawn else 0
                columns.append([part / longest for part in parts] if longest else [None] * len(parts))
        return columns

    def _rows(
        self,
        first: Cells,
        numbers: Cells,
        whole: int,
        depths: Sequence[int],
        rest: tuple[tuple[Any, ...], Cost, int],
    ) -> Rows:
        """The rows with their numbers, then the rest (if it has a name), then the total."""
        more, cost, amount = rest
        blank = [len(self.network.layers)] if self.by else [""] * (len(more) - 1)
        last = [*zip(more, ("total", *blank)), *self._numbers([cost, self.network.cost], [amount, whole], whole, False)]
        left = 0 if more[0] else 1
        columns = [[*column, *ends[left:]] for column, ends in zip([*first, *numbers], last, strict=True)]
        return Rows(columns, depths if left else [*depths, 1])

    def _layers(self, title: str, chosen: Sequence[int]) -> list[Section]:
        network, layers = self.network, self.network.layers
        flat = bool(self.sort) or self.top is not None
        amounts = self._amounts() if flat else ()
        branches = (
            [Branch(layers[at].name, at, 1, layers[at].cost, at) for at in chosen]
            if flat
            else grown(layers, not self.full)
        )
        titles, depths, fields, strides = list[str](), list[int](), list[str](), list[str]()
        # of each sort of branch what it is, gives and costs
        whats, outputs, costs, parts = list[str](), list[str](), list[Cost](), list[int]()
        sort_of, sorts = dict[tuple[int, int], int](), list[int]()
        reaches, before, field, stride = network.reaches, None, "", ""
        for branch, depth, last in walked(branches):
            name, _, _, cost, kind, children, times = branch
            titles.append(branch.title if times > 1 else name)
            depths.append(depth)
            sort = sort_of.setdefault((kind, times), len(costs))
            sorts.append(sort)
            if sort == len(costs):
                _, op, inputs, output, *_ = layers[last]
                what = f"{branch.layers:,} layers" if children else f"{op.kind(inputs)} {op.detail(inputs)}".rstrip()
                whats.append(what)
                outputs.append(show(output))
                costs.append(cost)
                parts.append(amounts[last] if flat else cost.macs)
            reach = reaches[last]
            if reach is not before:  # an activation sees what the layer before it does
                before, field, stride = reach, show(reach.extents), _spelt(reach.strides or ())
            fields.append(field)
            strides.append(stride)
        whole = self._all()
        numbers = self._numbers(costs, parts, whole, drawn=True)
        if len(costs) < len(sorts):
            whats, outputs = ([column[sort] for sort in sorts] for column in (whats, outputs))
            numbers = [[column[sort] for sort in sorts] for column in numbers]
        kept = set(chosen)
        left = [at for at in range(len(layers)) if at not in kept] if len(chosen) < len(layers) else []
        rest = total(layers[at].cost for at in left) if left else Cost()
        more = (f"{len(left):,} more" if left else "", "", "", "", "")
        first = (titles, whats, outputs, fields, strides)
        ends = (more, rest, self._together(amounts[at] for at in left))
        spare = (Column("kind", spare=1), Column("output"), Column("field", spare=3), Column("stride", spare=3))
        heads = self._columns(Column("layer"), *spare)
        table = Table(title, heads, self._rows(first, numbers, whole, depths, ends))
        return [table, Lines("", [FOLDED])] if any(times > 1 for _, times in sort_of) else [table]

    def _groups_table(self, title: str) -> list[Section]:
        groups, shown, amounts = GROUPINGS[self.by](self.network.layers), self._ranked(self._groups()), self._amounts()
        together = [self._together(amounts[at] for at in group.members) for group in shown]
        first, whole = ([group.name for group in shown], [group.layers for group in shown]), self._all()
        numbers = self._numbers([group.cost for group in shown], together, whole, drawn=True)
        kept = {group.name for group in shown}
        left = [group for group in groups if group.name not in kept]
        number, cost = sum(group.layers for group in left), total(group.cost for group in left) if left else Cost()
        amount = self._together(amounts[at] for group in left for at in group.members)
        more = (f"{len(left):,} more" if left else "", number)
        rows = self._rows(first, numbers, whole, [0] * len(shown), (more, cost, amount))
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
        width = widths(network, self.element_bytes)
        meaning = f"bytes of live tensors at most ({quantity.size(peak)}), {width}"
        rows.append(Row(("peak memory", quantity.exact(peak), meaning)))
        if (stored := network.stated_bytes) is not None:
            what = "params" if network.weights == network.params else "params, and of buffers in place of params,"
            meaning = f"bytes of the {what} in the file's own types ({quantity.size(stored)})"
            rows.append(Row(("params bytes", quantity.exact(stored), meaning)))
        title = "Totals" if network.complete else "Totals, INCOMPLETE: without what was not counted"
        if network.stopped is not None:
            title = "Totals, INCOMPLETE: up to where counting stopped"
        return Table(title, [Column("count"), Column("", NUMBER), Column("what it is")], rows)


def _fields(share: Share) -> dict[str, Any]:
    return {"name": share.name, "layers": share.layers, **share.cost._asdict()}


@lru_cache(1024)
def _spelt(strides: tuple[Stride, ...]) -> str:
    """``32``, or ``32x16`` where the axes differ; nothing without axes."""
    return "x".join(map(str, strides if len(set(strides)) > 1 else strides[:1]))
