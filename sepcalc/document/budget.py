"""The numbers that a document gives for its network: its budget, published numbers, and the bytes of its params."""

import re

from sepcalc.document.problems import Notes
from sepcalc.errors import Invalid, quoted
from sepcalc.gate import METRICS, Claim, Limit, Mark, read_tolerance
from sepcalc.gate.limits import Written
from sepcalc.gate.limits import read_budget as gate_budget
from sepcalc.gate.metrics import LIMITED, read_metric, spoken
from sepcalc.nodes import Mapping, Node, Scalar, Sequence
from sepcalc.quantity import read_printed

BYTES = "([0-9]{1,18})(?:/([0-9]{1,18}))?"  # of a param, or of so many


def read_budget(notes: Notes, node: Node | None) -> tuple[Limit, ...]:
    """``{params: 4.3M, layers: {"block*/expand": {macs: 10M}}, level: warn, message: …}``."""
    before = len(notes.problems)
    notes.mapping(node, "budget")  # says if it is none
    limits = gate_budget(_written(notes, node), notes.fact) if isinstance(node, Mapping) else ()
    if node is not None and not limits and len(notes.problems) == before:
        notes.add("the budget is empty: it would hold nothing to anything", "for example {macs: 570M}", node)
    return limits


def _written(notes: Notes, node: Mapping) -> list[Written]:
    """A mapping as names and texts. The reader of YAML has bounded its depth."""
    entries = []
    for name, value in node.values.items():
        key = node.keys[name]
        mark = Mark(notes.source.name, key.line + 1, key.column + 1)
        inside: str | list[Written] | None = None
        if isinstance(value, Scalar):
            inside = value.text
        elif isinstance(value, Mapping):
            inside = _written(notes, value)
        entries.append(Written(name, inside, key, value, mark))
    return entries


def read_param_bytes(notes: Notes, node: Node | None) -> tuple[int, int]:
    """``param-bytes: 2`` is (2, 1): each param takes 2 bytes. ``51/14`` is (51, 14): 14 params take 51 bytes. Without
    the key: (0, 1)."""
    text = None if node is None else notes.scalar(node, "param-bytes")
    if text is None:
        return 0, 1
    found = re.fullmatch(BYTES, text)
    size, of = (int(found[1]), int(found[2] or 1)) if found else (0, 0)
    if size < 1 or of < 1:
        hint = "2, or 51/14: 51 bytes for every 14 params"
        notes.add(f"param-bytes is {quoted(text)}: expected the bytes of a param, from 1", hint, node)
        return 0, 1
    if size * 8 < of:
        message = f"param-bytes is {quoted(text)}: less than a bit for each param"
        notes.add(message, "the bytes of all params stand before the slash, their number behind it", node)
    return size, of


def read_published(notes: Notes, node: Node | None) -> tuple[Claim, ...]:
    """``published``: metrics with their source, or a list of such mappings, one for each source."""
    if isinstance(node, Sequence):
        if not node.items:
            notes.add("published is empty: it would compare nothing", "for example {macs: 569M}", node)
        return tuple([claim for item in node.items for claim in _claims(notes, item)])
    return _claims(notes, node)


def _claims(notes: Notes, node: Node | None) -> tuple[Claim, ...]:
    values = notes.mapping(node, "published", ("source", "tolerance", "counter", *map(spoken, METRICS)), METRICS)
    if isinstance(node, Mapping) and not any(name.replace("-", "_") in METRICS for name in values):
        notes.add("published has no number: it would compare nothing", "for example {macs: 569M}", node)
    source = notes.scalar(values.get("source"), "source") or ""
    other = notes.scalar(values.get("counter"), "counter") or ""
    tolerance, claims = None, []
    for name, value in values.items():
        metric = name.replace("-", "_")
        if metric not in METRICS and name != "tolerance":
            continue
        text = notes.scalar(value, name)
        try:
            if other and metric in METRICS:
                metric = read_metric(f"{other}:{metric}", LIMITED)
            if text is not None and name == "tolerance":
                tolerance = read_tolerance(text)
            elif text is not None:
                claims.append(Claim(metric, read_printed(text), source))
        except Invalid as fact:
            notes.fact(fact, value)
    return tuple([claim._replace(tolerance=tolerance) for claim in claims])
