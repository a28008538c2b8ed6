"""What a document holds its network to: its budget, and what was published of it."""

from sepcalc.document.entries import key_of
from sepcalc.document.problems import Notes
from sepcalc.errors import Invalid
from sepcalc.gate import METRICS, Claim, Limit, read_limit, read_tolerance
from sepcalc.nodes import Mapping, Node, Sequence
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
    """``published``: a mapping of metrics, with their source; or a list of such, one for each source."""
    if isinstance(node, Sequence):
        if not node.items:
            notes.add("published is empty: it would compare nothing", "for example {macs: 569M}", node)
        return tuple([claim for item in node.items for claim in _claims(notes, item)])
    return _claims(notes, node)


def _claims(notes: Notes, node: Node | None) -> tuple[Claim, ...]:
    values = notes.mapping(node, "published", ("source", "tolerance", *METRICS))
    if isinstance(node, Mapping) and not any(name.replace("-", "_") in METRICS for name in values):
        notes.add("published has no number: it would compare nothing", "for example {macs: 569M}", node)
    source = notes.scalar(values.get("source"), "source") or ""
    tolerance, claims = None, []
    for name, value in values.items():
        metric = name.replace("-", "_")
        if metric not in METRICS and name != "tolerance":
            continue
        text = notes.scalar(value, name)
        try:
            if text is not None and name == "tolerance":
                tolerance = read_tolerance(text)
            elif text is not None:
                claims.append(Claim(metric, read_printed(text), source))
        except Invalid as fact:
            notes.fact(fact, value)
    return tuple([claim._replace(tolerance=tolerance) for claim in claims])
