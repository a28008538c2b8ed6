"""A network as YAML in which a part that repeats is written once, as a block."""

from collections.abc import Iterator, Sequence

from sepcalc.document.compact_text import CompactText
from sepcalc.document.graph import GROWTH, SLACK
from sepcalc.document.loading import load_yaml
from sepcalc.document.sorts import sorts_of
from sepcalc.document.writer import (
    write,
)
from sepcalc.errors import InputError, Invalid
from sepcalc.layer import Node
from sepcalc.network import Network
from sepcalc.nodes import Source
from sepcalc.ops.base import Op
from sepcalc.shape import Shapes

LARGE = 1000  # layers


def write_compact(network: Network) -> str:
    """The shortest text of a network. It tries blocks for parts that differ in numbers and for equal parts only, and
    parts of one chain and of several. A text that does not read back to the same layers is never taken: then the
    network is written flat.

    Raises InputError as :func:`~sepcalc.document.writer.write` does."""
    try:
        sorts = sorts_of(network)
    except Invalid:
        return write(network)  # which says what is wrong, of every layer
    joined = any(len(node.sources) > 1 for node in network.nodes)  # else there are no knots
    # of a large network whose layers nearly all differ, no parts are equal
    again = len(sorts) < LARGE or len(set(sorts)) < 0.9 * len(sorts)
    texts = dict[str, int]()  # each with the steps that it takes to unroll it
    for varied in (True, False) if network.nodes else ():
        writers = [CompactText(network, varied, knots, sorts) for knots in ((True, False) if joined else (True,))]
        texts |= {writer.text(): writer.steps for writer in writers}
        if not again or not writers[0].differs:  # parts that are equal are the same either way
            break
    for text in sorted(texts, key=lambda text: text.count("\n")):
        lines = text.count("\n")  # a flat list has two for every layer, and more
        written = text.count("- ") + text.count("[") + text.count(",")  # entries, at most
        readable = texts[text] <= SLACK + GROWTH * written  # what is read unrolls to no more
        short = lines <= 2 * len(sorts) or lines <= write(network).count("\n")
        if readable and short and _reads_back(text, network):
            return text
    return write(network)


def _reads_back(text: str, network: Network) -> bool:
    try:
        again = load_yaml(Source("", text)).network
    except InputError:
        return False
    if _ends(again) != _ends(network) or len(again.nodes) != len(network.nodes):
        return False
    if any(node.weights is not None or node.shared or node.buffers for node in network.nodes):
        same = [*_told(again)] == [*_told(network)]
    else:  # what a layer costs depends on nothing but itself
        same = _equal(again.nodes, network.nodes, network.tensors)
    return same and (again.stated_bytes == network.stated_bytes or again.param_bytes == network.param_bytes)


def _ends(network: Network) -> tuple[object, ...]:
    return network.name, [*network.inputs.items()], network.ends


def _told(network: Network) -> Iterator[tuple[object, ...]]:
    """For each layer, everything that must be the same when the text is read back."""
    for node, layer in zip(network.nodes, network.layers, strict=True):
        counts = (layer.cost, layer.effective_macs, layer.shared, layer.op.writes)
        yield node.sources, layer.kind, layer.output, counts


_GRAPH = ("sources", "output")


def _equal(ours: Sequence[Node], theirs: Sequence[Node], tensors: Shapes) -> bool:
    """Whether layers that share no params are the same. Most have equal ops, which need no counting; ops of different
    types may be equal as tuples."""
    if any(node.weights is not None or node.shared for node in ours):
        return False
    if any([getattr(node, name) for node in ours] != [getattr(node, name) for node in theirs] for name in _GRAPH):
        return False
    ops, others = [node.op for node in ours], [node.op for node in theirs]
    differ = [
        at
        for at, (one, other) in enumerate(zip(ops, others))
        if one != other or type(one) is not type(other) or one.holds
    ]
    return all(_alike(ops[at], others[at], theirs[at], tensors) for at in differ)


def _alike(one: Op, other: Op, node: Node, tensors: Shapes) -> bool:
    """Whether two ops at a place of the network count the same."""
    inputs, output = tuple([tensors[source] for source in node.sources]), node.output
    told = []
    for op in (one, other):
        cost = op.cost(inputs, output)
        told.append((op.kind(inputs), cost, op.effective_macs(inputs, output, cost.macs), op.writes))
    return told[0] == told[1]
