"""Shared parts of reports on layers: the links of a chain, and the derivation of each count."""

from collections.abc import Iterable, Mapping
from typing import Any

from sepcalc import quantity
from sepcalc.network import ELEMENT_BYTES, Layer, Network
from sepcalc.reports import Row, Table, columns

MEANING = {
    "macs": "multiply-accumulates",
    "mults": "multiplications in all",
    "adds": "additions and subtractions",
    "compares": "comparisons",
    "divs": "divisions by a computed value",
    "specials": "sqrt, exp, erf, tanh …, one each",
    "params": "numbers trained",
    "buffers": "other numbers stored",
    "activations": "elements written",
}


def widths(network: Network, element_bytes: int | None) -> str:
    """How wide elements are taken to be, in words."""
    if element_bytes is None and any(bits is not None for bits in network.tensor_bits):
        return "at the widths of the file"
    return f"{quantity.byte_count(element_bytes or ELEMENT_BYTES)} an element"


def explanation(layers: Iterable[tuple[str, Layer]]) -> Table:
    """Every count of every layer with its factors, from the formula that computes it."""
    rows = []
    for title, layer in layers:
        counts = layer.cost._asdict()
        reasons: dict[str, list[str]] = {}
        for count, text in layer.explain().items():
            reasons.setdefault(f"{text} = {quantity.exact(counts[count])}", []).append(count)
        for at, (reason, named) in enumerate(reasons.items()):
            rows.append(Row((title if at == 0 else "", ", ".join(named), reason)))
        if not reasons:
            rows.append(Row((title, "", "nothing is computed, nothing stored")))
    return Table("How each count came about", columns("layer", "count", "factors"), rows)


def explained(record: dict[str, Any], layer: Layer) -> dict[str, Any]:
    """A record for machines, with derivations beside its counts."""
    return {**record, "explain": layer.explain()}


def steps(network: Network, records: Iterable[dict[str, Any]], explain: bool) -> list[Mapping[str, Any]]:
    """The records of a chain's links, with derivations where they were asked for."""
    if not explain:
        return list(records)
    return [explained(record, layer) for record, layer in zip(records, network.layers, strict=True)]
