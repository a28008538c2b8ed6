"""The graph of an ONNX file as it grows: nodes, stored tensors, and the layout of each tensor.

Shapes are ours: channels last, no batch. A tensor of the file has the batch as its first axis. Its channels follow at
once (``first``), as convolutions and pools have them, or are its last axis. A layer asks for the layout that it needs;
a Transpose stands between two layers that differ.
"""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sepcalc.exporters.onnx.weights import Numbers
from sepcalc.exporters.protobuf import Late, Part, message
from sepcalc.importers.common.protobuf import Message
from sepcalc.importers.onnx.schema import ONNX
from sepcalc.shape import Shape, Shapes

BATCH = "N"  # the name of the open first axis
FLOAT, INT64, BOOL = 1, 7, 9  # types of elements
LEAST_OPSET = 17
FREE = ("Transpose", "Reshape", "Unsqueeze", "Squeeze", "Cast")  # nodes around those that a layer is made of

Array = np.ndarray[Any, Any]


class Tensor(NamedTuple):
    """A tensor of the graph: its name, its shape (channels last, no batch), whether its channels come first, and the
    type of its elements."""

    name: str
    shape: Shape
    first: bool = False
    kind: int = FLOAT


class Graph:
    """The nodes and stored tensors so far. ``opset`` is the version that the file states. ``needed`` is the lowest one
    that has all of its operators."""

    def __init__(self, opset: int, numbers: Numbers) -> None:
        self.opset = self.needed = opset
        self.numbers = numbers
        self.nodes: list[dict[str, Any]] = []
        self.stored: dict[str, Any] = {}  # tensors by name
        self.turned: dict[tuple[str, bool], str] = {}
        self.names: set[str] = set()
        self.renamed: dict[str, str] = {}
        self.open: dict[str, bool | None] = {}  # sequences that are inputs: whether channels come first, once known

    def unique(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        found, at = name, 0
        while found in self.names:
            at += 1
            found = f"{name}[{at}]"
        self.names.add(found)
        return found

    def constant(self, values: Array) -> str:
        """The name of a stored tensor that is part of an operator's meaning: sizes, a number of a formula."""
        kind = {"float32": FLOAT, "int64": INT64, "bool": BOOL}[values.dtype.name]
        name = f"constant {values.dtype.name} {values.tolist()}"
        if name not in self.stored:
            self.stored[name] = tensor(name, kind, values.shape, values.tobytes())
        return name

    def end(self, name: str, output: str, inputs: Sequence[str]) -> None:
        """Give a tensor the name of an output. An input, or a tensor that is an output already, is copied."""
        if name in inputs or name in self.renamed:
            source = self.renamed.get(name, name)
            self.nodes.append(
                {"kind": "Identity", "inputs": [source], "outputs": [output], "attributes": {}, "name": output}
            )
            return
        self.renamed[name] = output
        for node in self.nodes:
            for side in ("inputs", "outputs"):
                node[side] = [output if one == name else one for one in node[side]]


def tensor(name: str, kind: int, shape: Shape, data: Part) -> Message:
    """A stored tensor of the file."""
    return message(ONNX["Tensor"], name=name, data_type=kind, dims=list(shape), raw_data=data)


class Call:
    """One layer that is written: its op, its inputs, and the nodes that it becomes.

    ``owner`` is the name under which its numbers are stored; layers that share weights have the same owner."""

    def __init__(self, graph: Graph, name: str, owner: str, op: Any, inputs: Sequence[Tensor], output: Shape) -> None:
        self.graph = graph
        self.name = name
        self.owner = owner
        self.op = op
        self.inputs = tuple(inputs)
        self.output = output
        self.begin = len(graph.nodes)
        self.ties = list[tuple[str, int]]()  # the layers that have some of its numbers, too, and how many

    @property
    def shapes(self) -> Shapes:
        """The shapes of the inputs."""
        return tuple([one.shape for one in self.inputs])

    def within(self, op: Any, inputs: Sequence[Tensor], output: Shape) -> "Call":
        """The same layer, with another op on other inputs: a part of it."""
        call = Call(self.graph, self.name, self.owner, op, inputs, output)
        call.begin, call.ties = self.begin, self.ties
        return call

    def needs(self, opset: int) -> None:
        """The layer's operators exist from this opset on."""
        self.graph.needed = max(self.graph.needed, opset)

    # --- nodes

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; the name of that output. Inputs that are left out are empty texts."""
        return self.several(kind, inputs, (True,), **attributes)[0]

    def several(self, kind: str, inputs: Sequence[str], outputs: Sequence[bool], **attributes: Any) -> list[str]:
        """Add a node with several outputs, of which some are left out; the names of the outputs."""
        names = [self.graph.unique(f"{self.name}/{kind.lower()}") if wanted else "" for wanted in outputs]
        given = {name: value for name, value in attributes.items() if value is not None}
        self.graph.nodes.append({"kind": kind, "inputs": [*inputs], "outputs": names, "attributes": given, "name": ""})
        return names

    def finish(self) -> None:
        """Name the nodes after the layer. If only one of them does more than change the layout, it has the layer's
        name."""
        added = self.graph.nodes[self.begin :]
        real = [node for node in added if node["kind"] not in FREE]
        for node in added:
            alone = len(real) == 1 and node is real[0]
            node["name"] = self.name if alone else node["outputs"][0] or f"{self.name}/{node['kind'].lower()}"

    # --- inputs in a layout

    def first(self, at: int = 0) -> str:
        """An input with its channels behind the batch."""
        return self.turned(self.inputs[at], True)

    def last(self, at: int = 0) -> str:
        """An input with its channels as the last axis."""
        return self.turned(self.inputs[at], False)

    def turned(self, given: Tensor, first: bool) -> str:
        """A tensor in this layout."""
        rank = len(given.shape)
        begins = given.first
        if given.name in self.graph.open:  # its first reader decides
            found = self.graph.open[given.name]
            self.graph.open[given.name] = begins = first if found is None else found
        if begins == first or rank < 2:
            return given.name
        known = self.graph.turned
        if (given.name, first) not in known:
            order = [0, rank, *range(1, rank)] if first else [0, *range(2, rank + 1), 1]
            known[given.name, first] = self.add("Transpose", given.name, perm=order)
            known[known[given.name, first], begins] = given.name
        return known[given.name, first]

    def axis(self, at: int, first: bool, shape: Shape | None = None) -> int:
        """The axis of a tensor of the file that an axis of ours is."""
        rank = len(self.shapes[0] if shape is None else shape)
        at = range(rank)[at]
        if not first or rank < 2:
            return at + 1
        return 1 if at == rank - 1 else at + 2

    def real(self, at: int, first: bool) -> str:
        """An input as floating-point numbers, in this layout."""
        name = self.turned(self.inputs[at], first)
        return name if self.inputs[at].kind == FLOAT else self.add("Cast", name, to=FLOAT)

    # --- stored numbers

    def number(self, value: float) -> str:
        """A number of a formula."""
        return self.graph.constant(np.array(value, np.float32))

    def sizes(self, values: Sequence[int]) -> str:
        """Sizes, axes or positions, as an input of an operator."""
        return self.graph.constant(np.array(values, np.int64))

    def floats(self, values: Sequence[float]) -> str:
        """Numbers as an input of an operator."""
        return self.graph.constant(np.array(values, np.float32))

    def reshaped(self, name: str, sizes: Sequence[int]) -> str:
        """The examples of a tensor in another shape, in the order of their elements."""
        return self.add("Reshape", name, self.sizes([0, *sizes]))

    def stored(
        self,
        role: str,
        shape: Shape,
        arrange: Callable[[Array], Array] = lambda array: array,
        part: str = "",
    ) -> str:
        """Trained or measured numbers of the layer, by their role and shape as :mod:`sepcalc.verification` has them;
        ``arrange`` brings them into the order of the file."""
        there = arrange(np.broadcast_to(np.zeros((), np.float32), shape)).shape
        for tie in self.ties:
            other = self.graph.stored.get(_stored_name(tie[0], part or role))
            if other is not None and tie[1] == prod(shape) and tuple(other.dims) == there:
                self.ties.remove(tie)
                return str(other.name)
        name = _stored_name(self.owner, part or role)
        if name not in self.graph.stored:
            owner, numbers = self.owner, self.graph.numbers

            def make() -> bytes:
                return np.ascontiguousarray(arrange(numbers(owner, role, shape)), "<f4").tobytes()

            self.graph.stored[name] = tensor(name, FLOAT, there, Late(4 * prod(there), make))
        return name

    def result(self, name: str, first: bool = False, kind: int = FLOAT) -> Tensor:
        """The output of the layer."""
        return Tensor(name, self.output, first and len(self.output) > 1, kind)


def _stored_name(owner: str, role: str) -> str:
    """The name of stored numbers. Readers name a layer after the module of its bias, which another may have, too: so
    none is called bias."""
    return f"{owner}.{'biases' if role == 'bias' else role.replace(' ', '_')}"


Handler = Callable[[Call], Tensor]


def attribute(name: str, value: Any) -> Message:
    """An attribute of a node."""
    make = ONNX["Attribute"]
    match value:
        case bool() | int():
            return message(make, name=name, i=int(value), type=2)
        case float():
            return message(make, name=name, f=value, type=1)
        case str():
            return message(make, name=name, s=value.encode(), type=3)
    values = [*value]
    if all(isinstance(one, str) for one in values) and values:
        return message(make, name=name, strings=[one.encode() for one in values], type=8)
    if any(isinstance(one, float) for one in values):
        return message(make, name=name, floats=values, type=6)
    return message(make, name=name, ints=values, type=7)


def node_of(given: Mapping[str, Any]) -> Message:
    """A node of the file."""
    return message(
        ONNX["Node"],
        op_type=given["kind"],
        name=given["name"],
        input=given["inputs"],
        output=given["outputs"],
        attribute=[attribute(name, value) for name, value in given["attributes"].items()],
    )


def described(name: str, kind: int, sizes: Sequence[int]) -> Message:
    """An input or output of the graph: its type, and its sizes behind the batch."""
    dims = [
        message(ONNX["Dimension"], dim_param=BATCH),
        *[message(ONNX["Dimension"], dim_value=size) for size in sizes],
    ]
    shape = message(ONNX["Shape"], dim=dims)
    typed = message(ONNX["TensorType"], elem_type=kind, shape=shape)
    return message(ONNX["ValueInfo"], name=name, type=message(ONNX["Type"], tensor_type=typed))
