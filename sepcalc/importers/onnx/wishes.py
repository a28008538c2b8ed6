"""Which tensors of a file are images with their channels first: those that convolutions and their like read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sepcalc.importers.onnx.walk import DEEPEST

MOST_VISITS = 8  # of one function, each with other wishes of those who call it

# Operators through which the wish for channels last goes back to their inputs.
_WINDOWED = {
    "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "BatchNormalization",
    "InstanceNormalization", "GroupNormalization", "LRN", "QLinearConv", "ConvInteger", "DepthToSpace", "SpaceToDepth",
    "MeanVarianceNormalization", "Resize", "Upsample", "LpPool", "GlobalLpPool", "GridSample", "RoiAlign", "MaxRoiPool",
    "MaxUnpool", "FusedConv", "QLinearAveragePool", "QLinearGlobalAveragePool",
}  # fmt: skip
_THROUGH = {
    "Relu", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Identity", "Dropout",
    "Cast", "Add", "Sub", "Mul", "Div", "Concat", "Split", "Slice", "Pad", "Gelu", "Mish", "Softplus", "Selu", "Sum",
    "QuantizeLinear", "DequantizeLinear", "Max", "Min", "Pow", "Where", "Expand", "Tile", "Swish", "QLinearAdd",
    "ImageScaler", "Affine", "Scale", "ScaledTanh", "Crop", "QLinearMul", "QLinearConcat", "QLinearLeakyRelu",
    "QLinearSigmoid", "QLinearWhere",
}  # fmt: skip


class Wishes:
    """The tensors that are read by convolutions and their like, at once or through what keeps the order of axes: those
    of the graph, and ``everywhere`` those of the functions that it calls, too. A branch or body shares the names of
    what is around it; a function has names of its own."""

    def __init__(self, graph: Any, functions: Mapping[tuple[str, str], Any]) -> None:
        self._functions = functions
        self._visits: dict[tuple[str, str], dict[frozenset[str], set[str]]] = {}
        self.graph = set[str]()
        self._back(graph.node, self.graph, 0)
        self.everywhere = self.graph.union(*[names for visits in self._visits.values() for names in visits.values()])

    def _back(self, nodes: Sequence[Any], wanted: set[str], depth: int) -> None:
        """Through the nodes from the last to the first; ``wanted`` gains the names."""
        if depth > DEEPEST:  # the walk says so
            return
        for node in reversed(nodes):
            key = (node.domain, node.op_type)
            if key in self._functions:
                self._called(key, node, wanted, depth)
                continue
            for graph in [attribute.g for attribute in node.attribute if attribute.type == 5]:
                self._body(node, graph, wanted, depth)
            if node.op_type in _WINDOWED:
                if not any(one.name == "channels_last" and one.i for one in node.attribute):
                    wanted.update(node.input[:1])
            elif node.op_type in _THROUGH and any(output in wanted for output in node.output):
                wanted.update(node.input)

    def _called(self, key: tuple[str, str], node: Any, wanted: set[str], depth: int) -> None:
        function = self._functions[key]
        asked = frozenset(inner for inner, outer in zip(function.output, node.output) if outer in wanted)
        visits = self._visits.setdefault(key, {})
        if asked not in visits and len(visits) < MOST_VISITS:
            visits[asked] = set(asked)  # stands there already for one that calls itself
            self._back(function.node, visits[asked], depth + 1)
        inner = visits.get(asked, ())
        wanted.update(outer for name, outer in zip(function.input, node.input) if name in inner)

    def _body(self, node: Any, graph: Any, wanted: set[str], depth: int) -> None:
        given, taken = _passed(node, graph)
        wanted.update(inner for inner, outer in given if outer in wanted)
        self._back(graph.node, wanted, depth + 1)
        wanted.update(outer for inner, outer in taken if inner in wanted)


def _passed(node: Any, graph: Any) -> tuple[Iterable[tuple[str, str]], Iterable[tuple[str, str]]]:
    """What a branch or body gives to its node's outputs, and what it takes of its inputs: names inside and outside.
    What a loop gathers over its runs, or scans, has another axis."""
    inputs, outputs = [one.name for one in graph.input], [one.name for one in graph.output]
    if node.op_type == "Loop":
        return zip(outputs[1:][: len(inputs) - 2], node.output), zip(inputs[2:], node.input[2:])
    if node.op_type == "Scan":
        scanned = sum(one.i for one in node.attribute if one.name == "num_scan_inputs")
        states = max(0, len(inputs) - scanned)
        return zip(outputs[:states], node.output), zip(inputs[:states], node.input)
    return zip(outputs, node.output), ()
