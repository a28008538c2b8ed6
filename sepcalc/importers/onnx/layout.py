"""Finds the tensors of a file that are images with channels first: those that convolutions, pools or the like read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sepcalc.importers.common.layout import Layout
from sepcalc.importers.onnx.nodes import function_key
from sepcalc.importers.onnx.operators import Table
from sepcalc.importers.onnx.tensors import EXTERNAL, stored_elements
from sepcalc.importers.onnx.walk import MAX_DEPTH

MAX_VISITS = 8  # visits of one function, one for each set of results that are images


class Layouts:
    """The tensors that convolutions, pools or the like read, directly or through operators that keep the order of axes:
    ``images`` of the graph, and ``everywhere`` also those of the functions that it calls. A branch or body shares the
    names of the graph around it; a function has its own names."""

    def __init__(self, graph: Any, functions: Mapping[tuple[str, str], Any], table: Table) -> None:
        self._functions = functions
        self._table = table
        self._visits: dict[tuple[str, str], dict[frozenset[str], set[str]]] = {}
        self.graph = set[str]()
        self.single = set[str]()  # single images, to which the graph adds a batch axis
        self._stored = {one.name: one for one in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant" and node.output:
                self._stored.update((node.output[0], one.t) for one in node.attribute if one.name == "value")
        self._back(graph.node, self.graph, 0)
        self.everywhere = self.graph.union(*[names for visits in self._visits.values() for names in visits.values()])

    def _back(self, nodes: Sequence[Any], images: set[str], depth: int) -> None:
        """Visits the nodes from the last to the first, and adds names to ``images``."""
        if depth > MAX_DEPTH:  # the walk reports it
            return
        for node in reversed(nodes):
            key = function_key(node)
            if key in self._functions:
                self._called(key, node, images, depth)
                continue
            for graph in [attribute.g for attribute in node.attribute if attribute.type == 5]:
                self._body(node, graph, images, depth)
            if images is self.graph:
                self._lone(node)
            said = {one.name: one.i for one in node.attribute if one.name in ("channels_last", "keepdims")}
            layout = self._table.at(node).layout
            if layout.of_images:
                if not said.get("channels_last", layout in (Layout.WINDOWED_LAST, Layout.IMAGES_LAST)):
                    images.update(node.input[:1])
            elif any(output in images for output in node.output) and said.get("keepdims", 1):
                if layout is Layout.KEEPS:
                    images.update(node.input)
                elif layout is Layout.KEEPS_FIRST or (layout is Layout.LISTED and self._list(node)):
                    images.update(node.input[:1])

    def _lone(self, node: Any) -> None:
        """Goes back from the operator that adds a batch axis to an image to the operator that removes it."""
        given = node.output[:1]
        if node.op_type == "Unsqueeze" and self.graph.intersection(given) and _axes_of(node, self._stored) == [0]:
            self.single.update(node.input[:1])
        elif self.single.intersection(given):
            if self._table.at(node).layout is Layout.KEEPS:
                self.single.update(node.input)
            elif node.op_type == "Squeeze" and _axes_of(node, self._stored) == [0]:
                self.graph.update(node.input[:1])

    def _list(self, node: Any) -> bool:
        """Whether it gathers by a stored list of indices, which keeps the axes."""
        stored = self._stored.get(node.input[1]) if len(node.input) > 1 else None
        return stored is not None and len(stored.dims) == 1

    def _called(self, key: tuple[str, str], node: Any, images: set[str], depth: int) -> None:
        function = self._functions[key]
        results = frozenset(inner for inner, outer in zip(function.output, node.output) if outer in images)
        visits = self._visits.setdefault(key, {})
        if results not in visits and len(visits) < MAX_VISITS:
            visits[results] = set(results)  # set first, in case the function calls itself
            self._back(function.node, visits[results], depth + 1)
        inner = visits.get(results, ())
        images.update(outer for name, outer in zip(function.input, node.input) if name in inner)

    def _body(self, node: Any, graph: Any, images: set[str], depth: int) -> None:
        given, taken = _passed(node, graph)
        images.update(inner for inner, outer in given if outer in images)
        self._back(graph.node, images, depth + 1)
        images.update(outer for inner, outer in taken if inner in images)


def _axes_of(node: Any, stored: Mapping[str, Any]) -> Sequence[int]:
    """The axes that an Unsqueeze adds or a Squeeze removes."""
    given = [list(one.ints) for one in node.attribute if one.name == "axes"]
    tensor = stored.get(node.input[1]) if len(node.input) > 1 else None
    if tensor is None or tensor.data_location == EXTERNAL:
        return given[0] if given else ()
    try:
        axes = stored_elements(tensor, tuple(tensor.dims))
    except ValueError:  # the walk reports the error
        return ()
    return [] if axes is None else [int(axis) for axis in axes.numbers]


def _passed(node: Any, graph: Any) -> tuple[Iterable[tuple[str, str]], Iterable[tuple[str, str]]]:
    """The pairs of names inside and outside of a branch or body: for the outputs of its node, and for its inputs.
    Outputs that a loop stacks, and inputs that it scans, have another axis and are left out."""
    inputs, outputs = [one.name for one in graph.input], [one.name for one in graph.output]
    if node.op_type == "Loop":
        return zip(outputs[1:][: len(inputs) - 2], node.output), zip(inputs[2:], node.input[2:])
    if node.op_type == "Scan":
        scanned = sum(one.i for one in node.attribute if one.name == "num_scan_inputs")
        states = max(0, len(inputs) - scanned)
        return zip(outputs[:states], node.output), zip(inputs[:states], node.input)
    return zip(outputs, node.output), ()
