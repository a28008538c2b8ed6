"""Which tensors of a network must have the same channels, and how many they get at another width.

Sums and products tie their inputs together; what passes channels on ties its output to its input; a concat has the sum
of its parts. A convolution whose output is added to a concat therefore takes its channels from there, one whose output
is added to a network's input keeps them, and one that feeds attention gives what its heads divide.
"""

from collections.abc import Callable, Collection
from math import lcm, prod

from sepcalc.expression import make_divisible
from sepcalc.network import Network, Node
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Concat, Constant, Copy, Embedding, Pad, Random, Slice, Token
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, RowNorm, Softmax
from sepcalc.ops.pool import AdaptivePool, Cumulate, GridSample, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention, Dense
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape, Shapes

PASSING = (
    Activation, AdaptivePool, BatchNorm, Elementwise, LocalResponseNorm, Pad, Pool, RowNorm, Softmax, Stored, Token,
    Upsample, Select, Cumulate,
)  # fmt: skip


def depthwise(op: Op, shape: Shape) -> bool:
    """Whether it is a depthwise convolution of this input, and so follows its channels."""
    return isinstance(op, Conv) and op.groups == shape[-1] > 1


def produces(op: Op, inputs: Shapes) -> bool:
    """Whether the op itself says how many channels it gives."""
    if isinstance(op, Conv):
        return not depthwise(op, inputs[0])
    return isinstance(op, Transposed | Dense | Recurrent | Embedding)


def split(to: Shape, shape: Shape) -> tuple[list[int], int] | None:
    """What a reshape makes of its input's channels where it cuts them into several axes: the sizes of the others in
    their order (queries, keys and values; heads), and the axis that has the rest (the size of a head), their last. None
    where it does not cut them so, or where an axis of the same size might be meant."""
    others = list(range(len(to)))
    for size in shape[:-1]:
        found = [axis for axis in others if to[axis] == size]
        if not found:
            return None
        others.remove(found[0])
    if len(others) < 2 or any(to[axis] in shape[:-1] and to[axis] > 1 for axis in others):
        return None
    return [to[axis] for axis in others[:-1]], others[-1]


class Channels:
    """The channels of every tensor of a network whose producers' are scaled by ``wider``, those of its inputs, of its
    constants and of ``heads`` (numbers of nodes) kept."""

    def __init__(self, network: Network, heads: Collection[int], scaled: Callable[[int], int], divisor: int) -> None:
        self._network, self._scaled, self._divisor = network, scaled, divisor
        first, tensors = len(network.inputs), network.tensors
        self._tied = list(range(len(tensors)))
        for at, node in enumerate(network.nodes, first):
            for source in self._passed(node):
                self._tied[self._class(source)] = self._class(at)
        stored = [at for at, node in enumerate(network.nodes, first) if isinstance(node.op, Constant | Random)]
        self._kept = {self._class(tensor) for tensor in (*range(first), *stored, *[first + head for head in heads])}
        self._multiples: dict[int, int] = {}
        self._sums: dict[int, list[int]] = {}  # classes whose channels are the sum of others'
        for at in range(len(tensors) - 1, first - 1, -1):
            node = network.nodes[at - first]
            for source, multiple in self._demands(node, at):
                root = self._class(source)
                self._multiples[root] = lcm(self._multiples.get(root, 1), multiple)
        self._makers: dict[int, int] = {}  # the first tensor of a class whose producer says its channels
        for at, node in enumerate(network.nodes, first):
            root, parts = self._class(at), [self._class(source) for source in node.sources]
            if isinstance(node.op, Concat) and _last(node.op.axis, tensors[at]):
                self._sums.setdefault(root, parts)
            elif times := _multiplied(node, tensors):
                self._sums.setdefault(root, parts * times)
            elif produces(node.op, tuple([tensors[source] for source in node.sources])):
                self._makers.setdefault(root, at)
        self._found: dict[int, int | None] = {}
        for at in range(len(tensors)):  # in order, so that no chain of sums is walked at once
            self.of(at)

    def of(self, tensor: int) -> int | None:
        """The channels that a tensor must have; None where nothing but its producer says."""
        return self._of_class(self._class(tensor))

    def rounded(self, channels: int, tensor: int) -> int:
        """A producer's channels, scaled, in multiples of what reads them."""
        wanted = self._scaled(channels)
        multiple = self._multiples.get(self._class(tensor), 1)
        whole = lcm(multiple, self._divisor)
        return wanted if wanted % multiple == 0 or whole > 4 * wanted else make_divisible(wanted, whole)

    def _of_class(self, root: int) -> int | None:
        if root not in self._found:
            self._found[root] = None  # what depends on itself is no sum
            if root in self._kept:
                self._found[root] = self._network.tensors[root][-1]
            elif root in self._sums:
                parts = [self._value(part) for part in self._sums[root]]
                known = [part for part in parts if part is not None]
                self._found[root] = sum(known) if len(known) == len(parts) else None
        return self._found[root]

    def _value(self, root: int) -> int | None:
        """The channels of a class: as tied, or as its first producer rounds them."""
        tied = self._of_class(root)
        maker = self._makers.get(root)
        if tied is not None or maker is None:
            return tied
        return self.rounded(self._network.tensors[maker][-1], maker)

    def _class(self, tensor: int) -> int:
        while self._tied[tensor] != tensor:
            self._tied[tensor] = self._tied[self._tied[tensor]]
            tensor = self._tied[tensor]
        return tensor

    def _passed(self, node: Node) -> list[int]:
        """The sources whose channels the output has."""
        op, tensors = node.op, self._network.tensors
        if not node.sources:
            return []
        shapes = [tensors[source] for source in node.sources]
        same = [source for source in node.sources if tensors[source][-1] == node.output[-1]]
        if isinstance(op, PASSING) or (isinstance(op, Concat) and not _last(op.axis, node.output)):
            return same
        if isinstance(op, Rename):
            return same if op.how != "permute" and (len(node.output) > 1 or len(shapes[0]) == 1) else []
        if isinstance(op, Slice | Copy):
            return same
        if isinstance(op, GridSample):
            return [node.sources[0]]
        if isinstance(op, Reduce):
            return same if len(shapes[0]) - 1 not in op.axes else []
        if isinstance(op, Attention):
            return same if op.heads == op.kv_heads else []
        return same if depthwise(op, shapes[0]) and not _multiplied(node, tensors) else []

    def _demands(self, node: Node, at: int) -> list[tuple[int, int]]:
        """Tensors whose channels must be multiples of something."""
        op, sources = node.op, node.sources
        if isinstance(op, Attention):
            return [(source, op.kv_heads if order else op.heads) for order, source in enumerate(sources)]
        if isinstance(op, Slice):
            whole, part = self._network.tensors[sources[0]][-1], node.output[-1]
            times = whole // part if whole % part == 0 else 1
            return [(sources[0], times * self._multiples.get(self._class(at), 1))] if times > 1 else []
        if isinstance(op, Conv | Transposed) and not depthwise(op, self._network.tensors[sources[0]]):
            return [(sources[0], op.groups), (at, op.groups)] if op.groups > 1 else []
        if isinstance(op, Recurrent) and op.bidirectional:
            return [(at, 2)]
        if isinstance(op, RowNorm) and op.groups > 1:
            return [(sources[0], op.groups)]
        if isinstance(op, Rename):
            cut = split(op.to, self._network.tensors[sources[0]]) if op.how == "reshape" else None
            if cut is not None:
                return [(sources[0], prod(cut[0]) * self._multiples.get(self._class(at), 1))]
            return [(sources[0], op.groups * op.blocks)] if op.groups * op.blocks > 1 else []
        return []


def _last(axis: int, shape: Shape) -> bool:
    return range(len(shape))[axis] == len(shape) - 1


def _multiplied(node: Node, tensors: Shapes) -> int:
    """The depth multiplier, where it is over 1; else 0."""
    channels = tensors[node.sources[0]][-1] if node.sources else 0
    if not (node.sources and depthwise(node.op, tensors[node.sources[0]])):
        return 0
    times = node.output[-1] // channels
    return times if times > 1 else 0
