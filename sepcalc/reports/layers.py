"""Shared parts of reports on layers: the links of a chain, and the derivation of each count."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sepcalc import quantity
from sepcalc.layer import ELEMENT_BYTES, Layer
from sepcalc.network import Network
from sepcalc.ops.base import Op
from sepcalc.reports import Row, Table, columns
from sepcalc.shape import Shapes

LATER_FIELDS = ("spec", "sources", "origin", "element_bits")  # of a layer, which came after the others
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


def whole(network: Network, element_bytes: int | None = None, spec: str | None = None) -> dict[str, Any]:
    """The links of a layer as the fields of one layer: counts and traffic (bytes) are sums, the receptive field is that
    of the last link. ``spec`` is the line that the layer was made from, where it has several links."""
    from sepcalc.to_spec import line_of  # not before a machine asks

    layers = network.layers
    alone = len(layers) == 1
    return {
        "name": network.name,
        "kind": layers[0].kind if alone else network.name,
        "inputs": tuple(network.inputs.values()),
        "output": layers[-1].output,
        **network.cost._asdict(),
        "effective_macs": sum(layer.effective_macs for layer in layers),
        "traffic": sum(layer.traffic(element_bytes) for layer in layers),
        "receptive_field": network.receptive_fields()[-1],
        "weights": None,
        "spec": spec or (line_of(layers[0].op, layers[0].inputs, layers[0].output) if alone else None),
        "sources": tuple(network.inputs),
        "origin": None,
        "element_bits": layers[-1].element_bits,
    }


def records(network: Network, element_bytes: int | None = None) -> Iterator[dict[str, Any]]:
    """The fields of every layer for machines, in their order. ``spec`` is one line that parses back to the layer (None
    if there is none). ``sources`` are the names of the inputs and layers that it reads. ``origin`` and ``element_bits``
    are what its file says of it."""
    from sepcalc.to_spec import line_of  # not before a machine asks

    names = (*network.inputs, *[node.name for node in network.nodes])
    lines: dict[tuple[type[Op], Op, Shapes], str | None] = {}
    for layer, node, field in zip(network.layers, network.nodes, network.receptive_fields()):
        op, inputs, output = layer.op, layer.inputs, layer.output
        key = (type(op), op, inputs)
        if key not in lines or op.holds:  # ops are tuples: what is in one may be equal to what is of another type
            lines[key] = line_of(op, inputs, output)
        yield {
            "name": layer.name,
            "kind": layer.kind,
            "inputs": inputs,
            "output": output,
            **layer.cost._asdict(),
            "effective_macs": layer.effective_macs,
            "traffic": layer.traffic(element_bytes),
            "receptive_field": field,
            "weights": layer.weights,
            "spec": lines[key],
            "sources": tuple([names[source] for source in node.sources]),
            "origin": layer.origin.record() if layer.origin else None,
            "element_bits": layer.element_bits,
        }


def within(name: str, network: Network, element_bytes: int | None = None) -> Iterator[dict[str, Any]]:
    """The fields of a layer's links. The name of a link begins with that of the layer."""
    for row in records(network, element_bytes):
        sources = [source if source in network.inputs else f"{name}/{source}" for source in row["sources"]]
        yield {**row, "name": f"{name}/{row['name']}", "sources": tuple(sources)}
