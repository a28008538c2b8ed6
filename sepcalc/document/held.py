"""What a document holds its network to: its budget, and what was published of it."""

from sepcalc.document.problems import Notes
from sepcalc.errors import Invalid
from sepcalc.gate import METRICS, Claim, Limit, Mark
from sepcalc.gate.limits import Written
from sepcalc.gate.limits import read_budget as gate_budget
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.quantity import read_printed


def read_budget(notes: Notes, node: Node | None) -> tuple[Limit, ...]:
    """``{params: 4.3M, layers: {"block*/expand": {macs: 10M}}, level: warn, message: …}``."""
    before = len(notes.problems)
    notes.mapping(node, "budget")  # says if it is none
    limits = gate_budget(_written(notes, node), notes.fact) if isinstance(node, MappingNode) else ()
    if node is not None and not limits and len(notes.problems) == before:
        notes.add("the budget is empty: it would hold nothing to anything", "for example {macs: 570M}", node)
    return limits


def _written(notes: Notes, node: MappingNode) -> list[Written]:
    """A mapping as names and texts, at any depth (of which YAML's reader has bounded it)."""
    entries = []
    for name, value in node.values.items():
        key = node.keys[name]
        mark = Mark(notes.source.name, key.line + 1, key.column + 1)
        inside: str | list[Written] | None = None
        if isinstance(value, Scalar):
            inside = value.text
        elif isinstance(value, MappingNode):
            inside = _written(notes, value)
        entries.append(Written(name, inside, key, value, mark))
    return entries


def read_published(notes: Notes, node: Node | None) -> tuple[Claim, ...]:
    values = notes.mapping(node, "published", ("source", "tolerance", *METRICS))
    source = notes.scalar(values.get("source"), "source") or ""
    tolerance, claims = None, []
    for name, value in values.items():
        if name not in METRICS and name != "tolerance":
            continue
        text = notes.scalar(value, name)
        try:
            if text is not None and name == "tolerance":
                tolerance = read_printed(text)
            elif text is not None:
                claims.append(Claim(name, read_printed(text), source))
        except Invalid as fact:
            notes.fact(fact, value)
    return tuple([claim._replace(tolerance=tolerance) for claim in claims])
