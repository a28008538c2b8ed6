"""``sepcalc operators``: the operators that an importer counts, and those that it lists as uncounted."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc.reports import Row, Section, Table, columns


class OperatorsReport(NamedTuple):
    """The operators in an importer's table: how each is counted, and the reasons of those that are not counted."""

    source: str
    hows: Mapping[str, str]
    reasons: Mapping[str, str]

    def sections(self) -> list[Section]:
        return [
            Table(
                f"{len(self.hows)} operators of {self.source} are counted, or free where they only move",
                columns("operator", "how it is counted"),
                [Row(pair) for pair in self.hows.items()],
            ),
            Table(
                "Uncounted, as is every operator that is not named here",
                columns("operator", "why"),
                [Row(pair) for pair in self.reasons.items()],
            ),
        ]

    def document(self) -> Mapping[str, Any]:
        return {
            "format": "sepcalc-operators/1",
            "source": self.source,
            "counted": list(self.hows),
            "uncounted": [{"name": name, "reason": reason} for name, reason in self.reasons.items()],
            "how": dict(self.hows),
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for name in self.hows:
            yield {"name": name, "counted": True}
        for name in self.reasons:
            yield {"name": name, "counted": False}
