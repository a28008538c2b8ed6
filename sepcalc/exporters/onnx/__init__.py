"""A network as an ONNX file: channels first, an open batch, names as they are, random or zero weights."""

from collections.abc import Sequence

from sepcalc.errors import InputError, Invalid, Problem, bad_input
from sepcalc.exporters.onnx.graph import FLOAT, INT64, LEAST_OPSET, Call, Graph, Tensor, described, node_of
from sepcalc.exporters.onnx.operators import OPERATORS
from sepcalc.exporters.onnx.weights import Numbers, random, zeros
from sepcalc.exporters.protobuf import Part, encoded, message, size_of
from sepcalc.importers.common.protobuf import Message
from sepcalc.importers.onnx.schema import ONNX
from sepcalc.layer import Node
from sepcalc.network import Network
from sepcalc.ops.base import Op
from sepcalc.ops.move import Embedding

# The IR version of each opset's release. Source: onnx's page on versioning.
_IR = {17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10}
MAX_BYTES = 2**31 - 1  # of a protobuf message


def export(network: Network, weights: str = "random", seed: int = 0) -> list[Part]:
    """The bytes of an ONNX file, in parts. ``weights`` is random (by ``seed``) or zero.

    The file states the lowest opset from 17 that has all of its operators. Raises InputError with every layer for which
    ONNX has no equivalent."""
    return written(network, random(seed) if weights == "random" else zeros)


def written(network: Network, numbers: Numbers) -> list[Part]:
    """The same, with any numbers."""
    opset = 0
    graph = Graph(LEAST_OPSET, numbers)
    while opset < graph.needed:  # a higher opset than thought: some operators are written otherwise there
        opset = graph.needed
        graph = Graph(opset, numbers)
        model = _model(network, graph)
    parts = encoded(model)
    if size_of(parts) > MAX_BYTES:
        raise bad_input(f"the ONNX file would have {size_of(parts):,} bytes: it may have at most {MAX_BYTES:,}")
    return parts


def _model(network: Network, graph: Graph) -> Message:
    tensors = _inputs(network, graph)
    ends = {name: graph.unique(name) for name in network.ends}
    problems = []
    for node in network.nodes:
        call = Call(
            graph, node.name, node.weights or node.name, node.op, [tensors[at] for at in node.sources], node.output
        )
        try:
            tensors.append(_layer(node, call))
        except Invalid as fact:
            problems.append(Problem(f"{node.name} ({node.op.kind(call.shapes)}): {fact.message}", fact.hint))
            tensors.append(Tensor("", node.output))
        call.finish()
    if problems:
        raise InputError(problems)
    inputs = [
        described(one.name, one.kind, _sizes(one._replace(first=graph.open.get(one.name) or one.first)))
        for one in tensors[: len(network.inputs)]
    ]
    outputs = []
    for name, number in network.ends.items():
        found = tensors[number]
        graph.end(found.name, ends[name], [one.name for one in tensors[: len(network.inputs)]])
        outputs.append(described(ends[name], found.kind, _sizes(found)))
    body = message(
        ONNX["Graph"],
        name=network.name or "network",
        node=[node_of(node) for node in graph.nodes],
        initializer=[*graph.stored.values()],
        input=inputs,
        output=outputs,
    )
    opset = message(ONNX["Opset"], version=graph.opset)
    return message(ONNX["Model"], ir_version=_IR[graph.opset], graph=body, opset_import=[opset])


def _inputs(network: Network, graph: Graph) -> list[Tensor]:
    """The inputs: images and volumes with their channels first, whole numbers where they are looked up in a table."""
    readers: list[list[Op]] = [[] for _ in network.inputs]
    for node in network.nodes:
        for source in node.sources:
            if source < len(readers):
                readers[source].append(node.op)
    found = []
    for (name, shape), ops in zip(network.inputs.items(), readers):
        kind = INT64 if ops and all(isinstance(op, Embedding) for op in ops) else FLOAT
        found.append(Tensor(graph.unique(name), shape, len(shape) > 2, kind))
        if len(shape) == 2:
            graph.open[found[-1].name] = None
    return found


def _layer(node: Node, call: Call) -> Tensor:
    """The output of a layer. Raises Invalid where ONNX has no equivalent."""
    if not node.weights:
        call.ties = [*node.owners]
    found = OPERATORS[type(node.op)](call)
    told = sum(count for _, count in node.owners)
    if call.ties or node.buffers or (node.shared != told and not node.weights):
        raise Invalid("some of its numbers are constants, or are counted elsewhere")
    return found


def _sizes(tensor: Tensor) -> Sequence[int]:
    """The sizes of a tensor of the file behind its batch."""
    shape = tensor.shape
    return (shape[-1], *shape[:-1]) if tensor.first and len(shape) > 1 else shape
