"""A network as a graph of its blocks, for programs that draw graphs."""

from itertools import groupby

from sepcalc import quantity
from sepcalc.cost import total
from sepcalc.layer import Layer
from sepcalc.network import Network
from sepcalc.reports.figures import Graph, Vertex
from sepcalc.shape import show


def blocks(network: Network) -> Graph:
    """The inputs, the blocks and the outputs of a network, in order, and what flows between them. A block is a run of
    layers that share the first part of their names."""
    first, whole = len(network.inputs), network.cost.macs
    home = list(range(first))  # the vertex of each tensor
    vertices = [Vertex("input", (name, show(shape))) for name, shape in network.inputs.items()]
    for _, run in groupby(enumerate(network.layers), lambda numbered: _head(numbered[0], numbered[1].name)):
        layers = [layer for _, layer in run]
        home += [len(vertices)] * len(layers)
        vertices.append(_block(layers, whole))
    edges = {
        (home[source], home[first + at]): show(network.tensors[source])
        for at, node in enumerate(network.nodes)
        for source in node.sources
        if home[source] != home[first + at]
    }
    for name, tensor in network.ends.items():
        edges[home[tensor], len(vertices)] = show(network.tensors[tensor])
        vertices.append(Vertex("output", (name,)))
    return Graph(network.name, vertices, [(source, to, shape) for (source, to), shape in edges.items()])


def _head(at: int, name: str) -> str | int:
    """The first part of a name, or the layer's number where it has one part."""
    head, slash, _ = name.lstrip("/").partition("/")
    return head if slash else at


def _block(layers: list[Layer], whole: int) -> Vertex:
    cost, first = total(layer.cost for layer in layers), layers[0]
    head = first.name.lstrip("/").partition("/")[0] if len(layers) > 1 else first.name
    what = first.kind if len(layers) == 1 else f"{len(layers)} layers"
    counts = f"{quantity.about(cost.macs)} macs, {quantity.about(cost.params)} params"
    lines = [head, what, counts] if cost.macs or cost.params else [head, what]
    return Vertex("block", list(dict.fromkeys(lines)), cost.macs / whole if whole else 0.0)
