"""What a document holds its network to: its budget, and what was published of it."""

from sepcalc.document.entries import key_of
from sepcalc.document.problems import Notes
from sepcalc.errors import Invalid
from sepcalc.gate import METRICS, Claim, Limit, read_limit
from sepcalc.nodes import Node
from sepcalc.quantity import read_printed


def read_budget(notes: Notes, node: Node | None) -> tuple[Limit, ...]:
    limits = []
    for metric, value in notes.mapping(node, "budget").items():
        text = notes.scalar(value, f"the budget of {metric}")
        try:
            limits.append(read_limit(metric.replace("-", "_"), "0" if text is None else text))
        except Invalid as fact:
            notes.fact(fact, key_of(node, metric) if fact.message.startswith("unknown") else value)
    if node is not None and not limits and not notes.problems:
        notes.add("the budget is empty: it would hold nothing to anything", "for example {macs: 570M}", node)
    return tuple(limits)


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
