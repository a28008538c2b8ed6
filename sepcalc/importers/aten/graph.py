"""The network of a trace: its tensors, its nodes, and the parameters that each node uses.

A value keeps its PyTorch shape. The network has it without a leading axis of one example, and with channels last if
convolutions read or write it (``first``: the axis that has them in PyTorch). An operator that needs another layout gets
it by a free reshape or permute.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from sepcalc.cost import COUNTS
from sepcalc.errors import printable
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.common.graph_builder import GraphBuilder, Uses, numbered
from sepcalc.network import Node, Origin
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.move import Constant, Copy
from sepcalc.ops.norm import BatchNorm
from sepcalc.ops.rename import Rename
from sepcalc.shape import MAX_SIZE, Shape, show

# The axis of the channels in PyTorch, which the network has last: also the last one; the second one, behind the
# batch; or the first one, as in an image without a batch axis.
PLAIN, SECOND, LEADING = range(3)


class Value(NamedTuple):
    """A tensor: its shape in PyTorch, its tensor in the network (None: a constant, computed beforehand), the PyTorch
    axis that the network has last, and the parameters in a constant."""

    shape: Shape
    number: int | None = None
    first: int = PLAIN
    roots: tuple[int, ...] = ()

    @property
    def constant(self) -> bool:
        """Whether it does not depend on the inputs."""
        return self.number is None

    @property
    def node(self) -> int:
        """The network's tensor of a value that depends on the inputs."""
        assert self.number is not None
        return self.number


DROPPED = "dropout at inference draws random numbers, whose cost is not known"
COMPLEX = "complex numbers are not supported"


class Refused(Exception):
    """The reason why an operator, or this form of it, cannot be counted."""


def _called(call: Call) -> str:
    return printable(f"{call.library}::{call.op}" if call.library != "aten" else call.op)[:100]


def axes(shape: Shape, first: int) -> list[int]:
    """PyTorch's axes in the network's order, without a leading one of size 1."""
    order = list(range(len(shape)))
    if first == LEADING:
        return [*order[1:], 0]
    if first:
        order.append(order.pop(1))
    return order[1:] if len(order) > 1 and shape[0] == 1 else order


def fitting(first: int, rank: int) -> int:
    """The layout for a tensor of this rank: plain if there is nothing to reorder."""
    return first if rank > (1 if first == LEADING else 2) else PLAIN


def squeezed(shape: Shape, first: int, to: Shape) -> int | None:
    """The layout after a leading axis of one example is removed or added; None for any other change."""
    if shape == (1, *to) and first == SECOND:
        return fitting(LEADING, len(to))
    if to == (1, *shape) and first == LEADING:
        return fitting(SECOND, len(to))
    return None


def seen(shape: Shape, first: int = PLAIN) -> Shape:
    """The network's shape of a tensor."""
    return tuple([shape[axis] for axis in axes(shape, first)]) or (1,)


class Beside(NamedTuple):
    """Facts about a node: the path of its module, the number of that module's run, the parameters that it uses, and
    whether it only computes indices."""

    path: str
    run: int
    roots: tuple[int, ...]
    tells: bool = False


class Builder(GraphBuilder[Beside]):
    """The network under construction."""

    def __init__(
        self, sizes: Sequence[int], trained: Sequence[bool], layouts: Mapping[int, int], read: Container[int]
    ) -> None:
        super().__init__()
        self.sizes = sizes  # the sizes of the parameters and buffers
        self.trained = trained  # which of them are parameters
        self.layouts = layouts  # the layouts of the trace's tensors with channels last in the network
        self.read = read  # the trace's tensors that are read
        self.classes: Mapping[str, str] = {}  # the classes of modules by path
        self.stored_bits: Sequence[int] = ()  # the element widths of the parameters and buffers
        self.listed = False  # whether a file lists the calls
        self.places: Container[int] = ()  # the trace's tensors that are only used as indices
        self.values: dict[int, Value] = {}
        self.stretched: dict[int, Value] = {}  # the original of each expanded tensor
        self.call = Call("", {}, (), "", 0)

    # --- values ---------------------------------------------------------------------------------------------------

    def feed(self, name: str, tensor: Tensor) -> None:
        """Adds an input."""
        first = self.wants(tensor)
        self.inputs[name] = seen(tensor.shape, first)
        if tensor.bits is not None:
            self.input_bits[name] = tensor.bits
        self.values[tensor.at] = Value(tensor.shape, len(self.tensors), first)
        self.tensors.append(self.inputs[name])

    def value(self, tensor: Tensor) -> Value:
        """A tensor of the trace; an expanded one becomes a copy."""
        if not tensor.live:
            return Value(tensor.shape, roots=tensor.roots)
        if tensor.at not in self.values:
            before = self.stretched[tensor.at]
            first = before.first if len(before.shape) == len(tensor.shape) else PLAIN
            number = self.add(Copy(seen(tensor.shape, first)), [before.node], label="expand")
            self.values[tensor.at] = Value(tensor.shape, number, first)
        return self.values[tensor.at]

    def weights(self, call: Call, *names: str) -> list[Value | None]:
        """The operands of these names, None for a missing one."""
        return [None if (one := call.maybe(name)) is None else self.value(one) for name in names]

    def loose(self, tensor: Tensor) -> Value:
        """A tensor of the trace before it was expanded, for an operator that broadcasts."""
        if tensor.live and tensor.at in self.stretched:
            return self.stretched[tensor.at]
        return self.value(tensor)

    def stored(self, value: Value) -> Value:
        """The value as a tensor of the network; a stored one is read in place of an input. Its parameters count here,
        unless an earlier node counts them."""
        if not value.constant:
            return value
        new = set(value.roots) - {root for origin in self.beside for root in origin.roots}
        learned = any(self.trained[root] for root in new)
        constant = Constant(seen(value.shape), learned, bool(new) and not learned)
        mark, bits = len(self.nodes), {self.stored_bits[root] for root in value.roots if self.stored_bits}
        number = self.add(constant, [], [value], label="stored")
        self.widen(number, bits.pop() if len(bits) == 1 else self.element_bits, mark)
        return value._replace(number=number, first=PLAIN)

    def laid(self, value: Value, first: int) -> Value:
        """The value in this layout: with channels last in the network, or with its axes in PyTorch's order."""
        first = fitting(first, len(value.shape))
        if value.first == first:
            return value
        return value._replace(first=first, number=self.view(value.node, seen(value.shape, first)))

    def place(self, value: Value, axis: int) -> int:
        """The network's position of this axis."""
        return axes(value.shape, value.first).index(axis % len(value.shape))

    def along(self, value: Value, *wanted: int) -> Value:
        """The value with these axes present in the network, even a leading one of size 1."""
        if wanted and not value.shape:
            raise Refused("it works along an axis of a single number")
        places = axes(value.shape, value.first)
        if all(axis % len(value.shape) in places for axis in wanted):
            return value
        raise Refused("it works along the axis of the examples")

    def give(self, number: int, shape: Shape, first: int = PLAIN) -> Value:
        """The value of this shape for a tensor of the network."""
        if any(size < 1 or size > MAX_SIZE for size in shape):
            raise Refused(f"a tensor of {show(shape)} is empty")
        first = fitting(first, len(shape))
        return Value(shape, self.view(number, seen(shape, first)), first)

    def seen(self, value: Value) -> Shape:
        """The network's shape of a value."""
        return seen(value.shape, value.first)

    def emit(self, op: Op, *values: Value, weights: Iterable[Value | None] = (), label: str = "") -> Value:
        """Adds a node; see ``common.values.Emitter``."""
        value, number = values[0], self.add(op, [one.node for one in values], weights, label)
        sizes = list(value.shape)
        for axis, size in zip(axes(value.shape, value.first), self.tensors[number]):
            sizes[axis] = size
        return self.give(number, tuple(sizes), value.first)

    def wants(self, tensor: Tensor) -> int:
        """The layout that the readers of a tensor need."""
        return fitting(self.layouts.get(tensor.at, PLAIN), len(tensor.shape))

    def like(self, value: Value, tensor: Tensor) -> int:
        """The layout of a result with the axes of a value: what its readers need, else the value's."""
        alike = value.first if len(value.shape) == len(tensor.shape) else PLAIN
        return self.wants(tensor) or fitting(alike, len(tensor.shape))

    def renamed(self, value: Value, tensor: Tensor) -> Value:
        """The same elements as another tensor of the trace."""
        first = squeezed(value.shape, value.first, tensor.shape)
        return self.give(value.node, tensor.shape, self.wants(tensor) if first is None else first)

    # --- nodes ----------------------------------------------------------------------------------------------------

    def rename(self, op: Rename, number: int) -> int:
        return self.add(op, [number], label=op.how)

    def add(
        self, op: Op, sources: Sequence[int], weights: Iterable[Value | None] = (), label: str = "", path: str = ""
    ) -> int:
        """Adds a node and returns the number of its tensor."""
        roots = dict.fromkeys(root for value in weights if value is not None for root in value.roots)
        made = [one.at for one in self.call.outputs]
        tells = bool(made) and all(at in self.places for at in made)
        beside = Beside(self.call.path, self.call.within, tuple(roots), tells)
        module, called = self.call.path.replace("/", "."), self.classes.get(self.call.path)
        overload = ".padding" if isinstance(self.call.arguments.get("padding"), str) else ""
        operator = printable(f"{self.call.library}::{self.call.op}{overload}")
        self.origin = Origin(operator, printable(module), called, self.call.node or None)
        self.element_bits = self.call.outputs[0].bits if self.call.outputs else None
        return self.grow(label or self.call.op.strip("_"), op, sources, beside)

    def uncounted(self, call: Call, reason: str, counts: tuple[str, ...] = COUNTS, along: int | None = None) -> None:
        """Adds an operator that cannot be counted, or not in these counts, with its reason. ``along`` is the only axis
        of the network along which it reads other positions, if known."""
        given = call.tensors()
        live = [self.value(one) for one in given if one.live]
        sources = [one.node for one in live]
        roots = [Value(one.shape, roots=one.roots) for one in given if not one.live]
        called = _called(call)
        number = None
        laid = {len(one.shape): one.first for one in live if one.first}
        for tensor in call.outputs:
            first = self.wants(tensor) or laid.get(len(tensor.shape), PLAIN)
            if not tensor.shape or min(tensor.shape) > 0:
                shape = seen(tensor.shape, first)
                op: Op = Copy(shape) if number is None or self.tensors[number] != shape else Copy.alongside(shape)
                if number is None:
                    op = Uncounted(called, reason, shape, counts=counts)
                    if along is not None and live and live[0].first == first:
                        op = op.along(along, (self.tensors[sources[0]],))
                number = self.add(op, sources if number is None else [number], roots)
                roots = []
                self.values[tensor.at] = Value(tensor.shape, number, first)
        if number is None:
            self.add(Uncounted(called, reason, (1,), counts=counts), sources, roots)

    def stop(self, call: Call, reason: str) -> int:
        """Ends the network at a call that cannot be followed; returns the number of the tensor that represents the
        rest."""
        self.call = call
        sources = [self.value(one).node for one in call.tensors() if one.live]
        weights = [Value(one.shape, roots=one.roots) for one in call.tensors() if not one.live]
        return self.add(Uncounted(_called(call), reason, (1,), stops=True), sources, weights)

    def back(self, count: int) -> None:
        super().back(count)
        known = len(self.tensors)
        self.values = {at: one for at, one in self.values.items() if one.number is None or one.number < known}

    # --- names and weights ----------------------------------------------------------------------------------------

    def finished(
        self, outputs: Mapping[str, int], leaves: Container[int], names: Sequence[str]
    ) -> tuple[list[Node], dict[str, int], set[int], set[int]]:
        """The nodes, named by module, with each parameter and buffer counted in the first node that uses it; the
        outputs; the used parameters and buffers; and those read as weights (all except the statistics of norms)."""
        outputs = self.prune(outputs)
        nodes = self._named(leaves)
        of_nodes = [[(root, self.sizes[root]) for root in origin.roots] for origin in self.beside]
        called = [printable(name) for name in names]
        uses = Uses(of_nodes, self.sizes.__getitem__, lambda root: not self.trained[root], called.__getitem__, True)
        takers = self.count_once(nodes, uses)
        for at, roots in enumerate(of_nodes):
            if (numbers := sum(most for _, most in roots)) and self.stored_bits:
                bits = sum(most * self.stored_bits[root] for root, most in roots)
                nodes[at] = nodes[at]._replace(stored_width=(bits // 8, numbers))
        norms = {at for at, node in enumerate(nodes) if isinstance(node.op, BatchNorm)}
        statistics = {
            root for root, taken in takers.items() if not self.trained[root] and next(iter(taken), -1) in norms
        }
        return nodes, outputs, set(takers), set(takers) - statistics

    def _named(self, leaves: Container[int]) -> list[Node]:
        """Names the nodes: the only node of a module gets the module's path; others append their kind."""
        writing: dict[int, int] = {}
        for node, (_, run, *_) in zip(self.nodes, self.beside):
            writing[run] = writing.get(run, 0) + node.op.writes
        taken: dict[str, int] = {}
        nodes = []
        for node, (path, run, *_) in zip(self.nodes, self.beside):
            alone = path and run in leaves and node.op.writes and writing[run] == 1
            name = path if alone else f"{path}/{node.name}" if path else node.name
            nodes.append(node._replace(name=numbered(taken, printable(name).replace(" ", "_")[:200] or "layer")))
        return nodes
