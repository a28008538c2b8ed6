"""``sepcalc baseline``: the costs of networks, as a file to compare with later."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc import __version__
from sepcalc.commands.baseline import Baseline
from sepcalc.gate import baselines
from sepcalc.gate.metrics import METRICS, spoken
from sepcalc.reports import COUNT, Row, Section, Table, columns

SHOWN = ("params", "macs", "activations", "peak_memory")


class BaselineReport(NamedTuple):
    """The networks of a baseline."""

    baseline: Baseline

    def sections(self) -> list[Section]:
        heads = columns("network", *[(spoken(metric), COUNT) for metric in SHOWN])
        rows = [Row((one.file, *[one.snapshot.totals[metric] for metric in SHOWN])) for one in self.baseline.kept]
        return [Table("", heads, rows)]

    def document(self) -> Mapping[str, Any]:
        return baselines.document(self.baseline.kept, __version__)

    def records(self) -> Iterable[Mapping[str, Any]]:
        for one in self.baseline.kept:
            yield {"file": one.file, **{metric: one.snapshot.totals[metric] for metric in METRICS}}
