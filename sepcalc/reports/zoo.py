"""``sepcalc zoo``: the networks that come with sepcalc, beside their published numbers."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc.commands.zoo import Zoo
from sepcalc.reports import COUNT, NUMBER, Charts, Lines, Section, Table, columns, row
from sepcalc.reports.figures import Chart, Point, Scatter
from sepcalc.shape import show


class ZooReport(NamedTuple):
    """A row for each network."""

    exhibits: Zoo

    def sections(self) -> list[Section]:
        counts = [("params", COUNT), ("macs", COUNT), ("published", NUMBER), ("", NUMBER)]
        rows = []
        for exhibit in self.exhibits:
            shapes, cost = ", ".join(map(show, exhibit.network.inputs.values())), exhibit.network.cost
            printed = exhibit.printed("params"), exhibit.printed("macs")
            rows.append(row(exhibit.name, shapes, cost.params, cost.macs, *printed, exhibit.source))
        astray = [
            f"{exhibit.name}: {finding.metric} {finding.actual:,}, published {finding.published}"
            for exhibit in self.exhibits
            for finding in exhibit.published
            if not finding.passed
        ]
        table = Table("", columns("zoo:", "input", *counts, ("source", "text", 1)), rows)
        wrong = [Lines("Astray from what was published", astray, alarm=True)] if astray else []
        return [table, *wrong, Charts(self.charts)]

    def charts(self) -> list[Chart]:
        """Params against macs."""
        costs = [(exhibit.name, exhibit.network.cost) for exhibit in self.exhibits]
        points = [Point(name, cost.params, cost.macs) for name, cost in costs]
        return [Scatter("Params and macs", ("params", "macs"), points)]

    def document(self) -> Mapping[str, Any]:
        networks = [
            {
                "name": exhibit.name,
                "title": exhibit.network.name,
                "inputs": exhibit.network.inputs,
                "outputs": exhibit.network.outputs,
                "params": exhibit.network.cost.params,
                "macs": exhibit.network.cost.macs,
                "published": [finding._asdict() for finding in exhibit.published],
            }
            for exhibit in self.exhibits
        ]
        return {"format": "sepcalc-zoo/1", "networks": networks, "passed": self.exhibits.passed}

    def records(self) -> Iterable[Mapping[str, Any]]:
        for exhibit in self.exhibits:
            yield {
                "name": exhibit.name,
                "title": exhibit.network.name,
                "inputs": list(exhibit.network.inputs.values()),
                "params": exhibit.network.cost.params,
                "macs": exhibit.network.cost.macs,
                "published_params": exhibit.printed("params"),
                "published_macs": exhibit.printed("macs"),
                "source": exhibit.source,
            }
