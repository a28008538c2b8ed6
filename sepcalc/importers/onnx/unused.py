"""Finds stored tensors that no output depends on, by the names that nodes read and write."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.nodes import function_key, place
from sepcalc.importers.onnx.operators import Table
from sepcalc.importers.onnx.stored import attached, constants, initial

Functions = Mapping[tuple[str, str], Any]


_VALUES = ("Constant", "ConstantOfShape")  # whose attributes are their result


def unused(model: Any, functions: Functions, builder: Builder, used: Container[str], table: Table) -> list[str]:
    """The stored weights that no layer has because no output depends on them, or because their nodes never run, as
    those of training do not."""
    search, graph = _Search(functions, builder, table), model.graph
    search.through(graph.node, [one.name for one in graph.output], graph, "")
    for at, info in enumerate(model.training_info):
        search.dead(info.initialization.node, info.initialization, f"training/{at}/initialization/")
        search.dead(info.algorithm.node, info.algorithm, f"training/{at}/algorithm/")
    done = set[tuple[str, str]]()
    while todo := [key for key in search.called if key not in done]:
        for key in todo:
            done.add(key)
            search.through(functions[key].node, functions[key].output, None, f"{key[0]}.{key[1]}/")
    for key, function in functions.items():
        if key not in done:
            search.dead(function.node, None, f"{key[0]}.{key[1]}/")
    return [root for root in dict.fromkeys(search.found) if builder.is_weight(root) and root not in used]


class _Search:
    """The search through one file for stored tensors that are not used."""

    def __init__(self, functions: Functions, builder: Builder, table: Table) -> None:
        self.table = table
        self.functions = functions
        self.builder = builder
        self.called: dict[tuple[str, str], None] = {}
        self.found: list[str] = []

    def through(self, nodes: Sequence[Any], outputs: Iterable[str], graph: Any, owner: str) -> set[str]:
        """Visits nodes from last to first, and returns the names that are needed."""
        needed = set(outputs)
        for node in reversed(nodes):
            given = [name for name in node.output if name]
            if given and needed.isdisjoint(given):
                self.dead([node], None, owner)
                continue
            row = self.table.at(node) if node.domain in self.table.domains else None
            if row is None or not row.measures:
                needed.update([name for at, name in enumerate(node.input) if row is None or at not in row.like])
            if (key := function_key(node)) in self.functions:
                self.called[key] = None
            if row is not None and node.op_type not in _VALUES:  # no operator of ONNX reads a tensor from an attribute
                self.found += [root for value in attached(node, self.builder, owner) for root in value.roots]
            for part, inner in _graphs(node):
                at = place(owner, node, part)
                left = self.builder.unrun.get(at)
                if left is None:
                    needed |= self.through(inner.node, [one.name for one in inner.output], inner, at)
                elif not left.reason:  # otherwise the note on the branch says what it stores
                    self.dead(inner.node, inner, at)
        if graph is not None:
            stored = initial(graph, self.builder, owner)
            self.found += [root for name, value in stored.items() if name not in needed for root in value.roots]
        return needed

    def dead(self, nodes: Sequence[Any], graph: Any, owner: str) -> None:
        """Records everything inside nodes that do not run."""
        for value in initial(graph, self.builder, owner).values() if graph is not None else ():
            self.found += value.roots
        for node in nodes:
            self.found += [root for value in constants(node, self.builder, owner).values() for root in value.roots]
            for part, inner in _graphs(node):
                self.dead(inner.node, inner, place(owner, node, part))


def _graphs(node: Any) -> Iterator[tuple[str, Any]]:
    return ((attribute.name, attribute.g) for attribute in node.attribute if attribute.type == 5)
