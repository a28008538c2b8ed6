"""``sepcalc layer``: everything about one layer."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc import quantity
from sepcalc.cost import COSTS
from sepcalc.network import Network
from sepcalc.reports import COUNT, NUMBER, Lines, Row, Section, Table, columns, row
from sepcalc.reports.layers import LATER_FIELDS, MEANING, explained, explanation, records, steps, whole, widths, within
from sepcalc.shape import show
from sepcalc.spec import Spec


class LayerReport(NamedTuple):
    """A layer as a network of its own: its op, or the links of its chain. ``called`` is its spec or its name."""

    called: Spec | str
    network: Network
    explain: bool = False
    element_bytes: int | None = None

    def sections(self) -> list[Section]:
        network, fields = self.network, self._whole()
        rows = [Row((name, quantity.exact(fields[name]), MEANING[name])) for name in COSTS]
        flops, traffic = network.cost.flops, fields["traffic"]
        rows.append(Row(("flops", quantity.exact(flops), "mults + adds + divs")))
        if network.cost.macs:
            seen = quantity.share(fields["effective_macs"], network.cost.macs)
            met = f"{seen} of macs meet input, not padding"
            rows.append(row("effective macs", quantity.exact(fields["effective_macs"]), met))
        moved = f"bytes at least: inputs, params, outputs once each, {widths(network, self.element_bytes)}"
        rows.append(row("traffic", quantity.exact(traffic), moved))
        intensity = f"{flops / traffic:.2f}" if traffic else "-"
        rows.append(Row(("arithmetic intensity", intensity, "flops per byte of traffic")))
        field = show(fields["receptive_field"]) or ("1" if fields["inputs"] else "-")
        rows.append(Row(("receptive field", field, "positions of the input that an output sees")))
        title = f"{self.called} -> {show(fields['output'])}"
        heads = columns("count", ("", NUMBER), "what it is")
        sections: list[Section] = [Table(f"{title}   ({fields['kind']})", heads, rows)]
        if len(network.layers) > 1:
            sections.append(self._links())
        if self.explain:
            sections.append(explanation((layer.name, layer) for layer in network.layers))
        if network.notes:
            sections.append(Lines("", network.notes))
        return sections

    def document(self) -> Mapping[str, Any]:
        links = list(records(self.network, self.element_bytes))
        fields = self._whole()
        if self.explain and len(links) == 1:
            fields = explained(fields, self.network.layers[0])
        chain = steps(self.network, links, self.explain) if len(links) > 1 else []
        later = {name: fields.pop(name) for name in LATER_FIELDS}  # new fields stand after the old ones
        return {"format": "sepcalc-layer/1", **fields, "steps": chain, **later, "notes": list(self.network.notes)}

    def records(self) -> Iterable[Mapping[str, Any]]:
        fields = self._whole()
        yield fields
        if len(self.network.layers) > 1:
            yield from within(fields["name"], self.network, self.element_bytes)

    def _whole(self) -> dict[str, Any]:
        spec = None if isinstance(self.called, str) else str(self.called)
        return whole(self.network, self.element_bytes, spec)

    def _links(self) -> Section:
        rows = [
            row(layer.name, layer.kind, show(layer.output), layer.cost.params, layer.cost.mults)
            for layer in self.network.layers
        ]
        return Table("What runs", columns("link", "kind", "output", ("params", COUNT), ("mults", COUNT)), rows)
