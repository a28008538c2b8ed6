"""``sepcalc baseline``: the costs of networks, as a file to compare with later."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.gate import baselines
from sepcalc.gate.metrics import METRICS, spoken
from sepcalc.reports import COUNT, Column, Row, Section, Table

SHOWN = ("params", "macs", "activations", "peak_memory")


class BaselineReport(NamedTuple):
    """The networks of a baseline, and the version of sepcalc that counted them."""

    kept: Sequence[baselines.Kept]
    version: str

    def sections(self) -> list[Section]:
        columns = [Column("network"), *[Column(spoken(metric), COUNT) for metric in SHOWN]]
        rows = [Row((one.file, *[one.snapshot.totals[metric] for metric in SHOWN])) for one in self.kept]
        return [Table("", columns, rows)]

    def document(self) -> Mapping[str, Any]:
        return baselines.document(self.kept, self.version)

    def records(self) -> Iterable[Mapping[str, Any]]:
        for one in self.kept:
            yield {"file": one.file, **{metric: one.snapshot.totals[metric] for metric in METRICS}}
