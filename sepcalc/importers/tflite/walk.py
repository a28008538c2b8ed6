"""Walks the graphs of a file, operator by operator."""

import re
from collections.abc import Sequence
from functools import cache
from math import prod

from sepcalc.errors import printable, quoted
from sepcalc.importers.common.flatbuffer import Damaged
from sepcalc.importers.common.graph_builder import Broken
from sepcalc.importers.common.tensorflow.graph import Call, Misfit, Value
from sepcalc.importers.common.tensorflow.rows import Operator
from sepcalc.importers.common.tensorflow.walk import MAX_STEPS, Running
from sepcalc.importers.tflite.graph import Builder
from sepcalc.importers.tflite.model import Graph, Model, Tensor
from sepcalc.importers.tflite.operators import row_of

MAX_DEPTH = 20  # graphs in graphs
# What converters call the kernels in the names that they put together for a layer: the layer is called by its folder.
_KERNEL = re.compile(r"(conv|depthwise|matmul|biasadd|einsum)\w*", re.IGNORECASE)


class Walk(Running):
    """Turns the operators of one file into a network."""

    def __init__(self, builder: Builder, model: Model) -> None:
        super().__init__(builder)
        self.model, self.built = model, builder
        builder.model, builder.run = model, self.inner
        self.kept = cache(self._kept)
        self.calling: list[int] = []
        self.reads = 0

    def graph(self, graph: Graph, given: Sequence[Value], prefix: str = "") -> list[Value]:
        """The results of a graph on these values. Raises Misfit."""
        if graph.at in self.calling or len(self.calling) > MAX_DEPTH:
            raise Broken("a graph that runs itself never ends")
        if len(given) != len(graph.inputs):
            raise Broken(f"the graph {quoted(graph.name)} is given {len(given)} tensors: it takes {len(graph.inputs)}")
        self.calling.append(graph.at)
        try:
            return self.every(graph, given, prefix)
        finally:  # a branch may be given up, and the walk go on
            self.calling.pop()

    def inner(self, graph: int, given: Sequence[Value]) -> list[Value]:
        """The results of a graph that the current operator runs."""
        return self.graph(self.model.graph(graph), given, f"{self.builder.at}/")

    def every(self, graph: Graph, given: Sequence[Value], prefix: str) -> list[Value]:
        """The results of a graph, after each of its operators ran."""
        scope = dict(zip(graph.inputs, given))
        operations = list(graph)
        made = {tensor for one in operations for tensor in one.outputs}
        for number, one in enumerate(operations):
            if len(self.calling) == 1:
                self.place, self.among = str(number), graph.name if graph.at else None
            self.builder.steps += 1
            self.reads += len(one.inputs) + len(one.outputs)
            if self.builder.steps > MAX_STEPS or self.reads > 10 * MAX_STEPS:
                raise Broken(f"it unfolds to more than {MAX_STEPS:,} operators")
            outputs = tuple([graph.tensor(at) for at in one.outputs])
            name = prefix + _named(one.type, outputs)
            for at in one.outputs:
                if at in scope:
                    raise Misfit(printable(name), Broken(f"the tensor {quoted(graph.tensor(at).name)} is given twice"))
            inputs = tuple([None if at == -1 else self.value(graph, scope, made, at) for at in one.inputs])
            call = Call(name, one.type, inputs, outputs, one.options, one.raw, one.type)
            scope.update(zip(one.outputs, self.operator(call, row_of(one.type, one.custom))))
        return [self.value(graph, scope, made, at) for at in graph.outputs]

    def value(self, graph: Graph, scope: dict[int, Value], made: set[int], at: int) -> Value:
        """A tensor of a graph: an input, a result or a stored one."""
        if at in scope:
            return scope[at]
        tensor = graph.tensor(at)
        if at in made:
            raise Damaged(f"the tensor {quoted(tensor.name)} is read before it is given")
        value = Value(tensor.shape, tensor.type, name=tensor.name, tensor=tensor)
        if not tensor.variable and tensor.type.bits:
            data = self.model.numbers(tensor)
            root = self.built.root(tensor, self.model.stored(tensor.buffer)[1] > 0)
            value = value._replace(data=data, roots=((root, prod(tensor.shape)),))
        scope[at] = value
        return value

    def within(self, call: Call, row: Operator) -> list[Value]:
        return [value for name in row.graphs for value in self.kept(call.whole(name, 0))]

    def _kept(self, at: int) -> list[Value]:
        """The stored tensors of a graph."""
        graph = self.model.graph(at)
        self.builder.steps += len(graph)
        if self.builder.steps > MAX_STEPS:
            raise Broken(f"it has more than {MAX_STEPS:,} operators")
        operations = list(graph)
        given = {*graph.inputs, *(tensor for one in operations for tensor in one.outputs)}
        read = {tensor for one in operations for tensor in one.inputs if tensor >= 0 and tensor not in given}
        return [self.value(graph, {}, set(), tensor) for tensor in sorted(read)]


def _named(kind: str, outputs: Sequence[Tensor]) -> str:
    """The name of an operator: its result's. Of several names that a converter joined, it is the kernel's."""
    if not outputs:
        return kind.lower()
    parts = [part for part in outputs[0].name.split(";") if part] or [kind.lower()]
    for part in parts:
        folder, _, last = part.strip("/").rpartition("/")
        if folder and _KERNEL.match(last):
            return folder
    return parts[0].strip("/") or kind.lower()
