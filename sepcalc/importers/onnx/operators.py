"""The table of all ONNX operators, by name."""

from typing import Any

from sepcalc.importers.common.layout import NONE
from sepcalc.importers.onnx.microsoft import MICROSOFT
from sepcalc.importers.onnx.older import OLDER
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.standard import STANDARD

DOMAINS = ("", "ai.onnx", "com.microsoft")
OPERATORS: dict[str, Operator] = {**STANDARD, **OLDER, **MICROSOFT}
UNKNOWN = Operator(None, NONE)


def name_of(domain: str, operator: str) -> str:
    """The key of an operator's row: with its domain, if ONNX has another operator of this name."""
    own = f"{domain}.{operator}"
    return own if own in OPERATORS else operator


def row_at(node: Any) -> Operator:
    """The row of a node's operator."""
    return row_of(name_of(node.domain, node.op_type))


def row_of(name: str) -> Operator:
    """The row of an operator; an empty row for an unknown one."""
    return OPERATORS.get(name, UNKNOWN)
