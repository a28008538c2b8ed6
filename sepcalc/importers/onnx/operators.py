"""The operators of all rooms: what is known of each by its name."""

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
    """The name of an operator's row: with its domain where that has another one of the name than ONNX."""
    own = f"{domain}.{operator}"
    return own if own in OPERATORS else operator


def row_at(node: Any) -> Operator:
    """What is known of the operator of a node."""
    return row_of(name_of(node.domain, node.op_type))


def row_of(name: str) -> Operator:
    """What is known of an operator; nothing of one that has no row."""
    return OPERATORS.get(name, UNKNOWN)
