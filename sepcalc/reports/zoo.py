"""``sepcalc zoo``: the networks that come with sepcalc, beside their published numbers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.gate import Finding
from sepcalc.network import Network
from sepcalc.reports import COUNT, NUMBER, Column, Lines, Row, Section, Table
from sepcalc.shape import show


class Exhibit(NamedTuple):
    """A network and its name in the zoo."""

    name: str
    network: Network
    published: Sequence[Finding]

    def printed(self, metric: str) -> str:
        """The published number of a metric, as it was printed; empty where none was published."""
        return next((finding.published for finding in self.published if finding.metric == metric), "")

    @property
    def source(self) -> str:
        """The sources of the published numbers, separated by semicolons."""
        return "; ".join(dict.fromkeys(finding.source for finding in self.published))


class ZooReport(NamedTuple):
    """A row for each network."""

    exhibits: Sequence[Exhibit]

    @property
    def passed(self) -> bool:
        """Whether all networks keep their published numbers."""
        return all(finding.passed for exhibit in self.exhibits for finding in exhibit.published)

    def sections(self) -> list[Section]:
        columns = [
            Column("zoo:"),
            Column("input"),
            Column("params", COUNT),
            Column("macs", COUNT),
            Column("published", NUMBER),
            Column("", NUMBER),
            Column("source", spare=True),
        ]
        rows = [
            Row(
                (
                    exhibit.name,
                    ", ".join(map(show, exhibit.network.inputs.values())),
                    exhibit.network.cost.params,
                    exhibit.network.cost.macs,
                    exhibit.printed("params"),
                    exhibit.printed("macs"),
                    exhibit.source,
                )
            )
            for exhibit in self.exhibits
        ]
        astray = [
            f"{exhibit.name}: {finding.metric} {finding.actual:,}, published {finding.published}"
            for exhibit in self.exhibits
            for finding in exhibit.published
            if not finding.passed
        ]
        table = Table("", columns, rows)
        return [table, Lines("Astray from what was published", astray, alarm=True)] if astray else [table]

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
        return {"format": "sepcalc-zoo/1", "networks": networks, "passed": self.passed}

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
