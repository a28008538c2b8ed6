"""The table of all ONNX operators, by name."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sepcalc.importers.common.layout import NONE
from sepcalc.importers.onnx.microsoft import MICROSOFT
from sepcalc.importers.onnx.older import OLDER
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.standard import STANDARD

DOMAINS = ("", "ai.onnx", "com.microsoft")
OPERATORS: dict[str, Operator] = {**STANDARD, **OLDER, **MICROSOFT}
UNKNOWN = Operator(None, NONE)


class Table(NamedTuple):
    """The operators of a format whose graphs are walked as ONNX's are: their rows by name, and the domains whose
    operators have one."""

    rows: Mapping[str, Operator]
    domains: tuple[str, ...] = ("",)

    def name(self, domain: str, operator: str) -> str:
        """The key of an operator's row: with its domain, if the table has another operator of this name."""
        own = f"{domain}.{operator}"
        return own if own in self.rows else operator

    def of(self, name: str) -> Operator:
        """The row of an operator; an empty row for an unknown one."""
        return self.rows.get(name, UNKNOWN)

    def at(self, node: Any) -> Operator:
        """The row of a node's operator."""
        return self.of(self.name(node.domain, node.op_type))


TABLE = Table(OPERATORS, DOMAINS)
