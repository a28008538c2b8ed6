"""``sepcalc operators``: the operators that an importer counts, and those that it lists as uncounted."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc.reports import Lines, Row, Section, Table, columns


class OperatorsReport(NamedTuple):
    """The names in an importer's table, and the reasons of the operators that are not counted."""

    source: str
    names: tuple[str, ...]
    reasons: Mapping[str, str]

    def sections(self) -> list[Section]:
        return [
            Lines(
                f"{len(self.names)} operators of {self.source} are counted, or free where they only move", self.names
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
            "counted": list(self.names),
            "uncounted": [{"name": name, "reason": reason} for name, reason in self.reasons.items()],
        }

    def records(self) -> Iterable[Mapping[str, Any]]:
        for name in self.names:
            yield {"name": name, "counted": True}
        for name in self.reasons:
            yield {"name": name, "counted": False}
