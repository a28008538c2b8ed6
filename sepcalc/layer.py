"""A node of a network, its row in a report, and the gap of an uncounted layer."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sepcalc.cost import COSTS, COUNTS, Cost, derivation, named
from sepcalc.ops.base import Op, Uncounted
from sepcalc.shape import Shape, Shapes, volume
from sepcalc.shown import shown, telling

ELEMENT_BYTES = 4  # float32


class Origin(NamedTuple):
    """Where a node comes from, as far as its file states it: the operator, the path of the module that ran it, and the
    class of that module. ``node`` is the node of the file's main graph, as Model Explorer identifies it; ``graph`` the
    name of that graph, where it is not the first one of the file."""

    operator: str
    module: str | None = None
    class_name: str | None = None
    node: str | None = None
    graph: str | None = None

    def record(self) -> dict[str, str | None]:
        """The JSON fields."""
        return {"operator": self.operator, "module": self.module, "class": self.class_name}


class Node(NamedTuple):
    """One op of the graph.

    Tensors are numbered: the network's inputs first, then the output of each node. ``sources`` are the numbers of the
    tensors that it reads, ``output`` is the shape of its own (channels last, no batch).

    ``weights`` is the name of the weights that it shares with other nodes, where it shares all of them.
    ``shared`` is how many of its params are not counted here: other nodes count them (tied embeddings), or they are
    constants. It is below 0 where the node stores more params than its op says.
    ``owners`` are the names of the nodes that count them, each with how many. Params of ``shared`` without an owner are
    constants: repeats of other numbers, or numbers that nobody trains.
    ``buffers`` is how many constants it stores beside the buffers of its op: a fixed kernel, a mask of pruned weights.

    ``origin`` is where it comes from, ``element_bits`` the width of an output element in bits, ``stored_width`` a pair:
    so many bytes for so many stored numbers. Each is None where no file says so. ``zero_bias`` is true where its file
    holds nothing but zeros for its bias."""

    name: str
    op: Op
    sources: tuple[int, ...]
    output: Shape
    weights: str | None = None
    shared: int = 0
    owners: tuple[tuple[str, int], ...] = ()
    buffers: int = 0
    origin: Origin | None = None
    element_bits: int | None = None
    stored_width: tuple[int, int] | None = None
    zero_bias: bool = False


def size_in_bytes(elements: int, bits: int | None, element_bytes: int | None = None) -> int:
    """The bytes of a tensor with this many elements, rounded up.

    An element takes ``element_bytes``, where these are given; else its own width ``bits``, in bits; else 4 bytes."""
    bits = 8 * (element_bytes or ELEMENT_BYTES) if element_bytes or bits is None else bits
    return -(-elements * bits // 8)


class Gap(NamedTuple):
    """A layer that could not be counted: its name, its operator, the reason, and the counts that are not known."""

    name: str
    kind: str
    reason: str
    counts: tuple[str, ...] = COUNTS

    @property
    def whole(self) -> bool:
        """Whether none of its counts is known."""
        return self.counts == COUNTS

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}): {self.reason}"


def gap(name: str, op: Uncounted) -> Gap:
    """The gap that a layer of this name leaves."""
    return Gap(name, op.called, op.reason, op.counts)


def lacking(gaps: Iterable[Gap]) -> tuple[str, ...]:
    """The counts that are not known in full, in order."""
    missing = {count for one in gaps for count in one.counts}
    return tuple([count for count in COUNTS if count in missing])


@telling
class Layer(NamedTuple):
    """One row of a report: an op at its place in a network."""

    name: str
    op: Op
    inputs: Shapes
    output: Shape
    cost: Cost
    weights: str | None = None
    shared: int = 0  # params that it reads, but other layers count
    fixed: int = 0  # the buffers that it reads beyond those of its op
    origin: Origin | None = None
    element_bits: int | None = None  # of its output
    input_bits: tuple[int | None, ...] = ()  # of its inputs
    stored_width: tuple[int, int] | None = None  # a number of bytes, for a number of stored numbers
    zero_bias: bool = False  # its bias in the file is all zeros

    def __str__(self) -> str:
        return shown(self)

    @property
    def kind(self) -> str:
        """The kind that it is, however it was written."""
        return self.op.kind(self.inputs)

    @property
    def detail(self) -> str:
        """Its settings in a few words."""
        return self.op.detail(self.inputs)

    @property
    def effective_macs(self) -> int:
        """Macs whose input element is not padding."""
        return self.op.effective_macs(self.inputs, self.output, self.cost.macs)

    @property
    def stored(self) -> int:
        """The number of stored numbers that it reads as weights and counts: params, and the buffers in place of
        params."""
        return self.cost.params + self.fixed + (0 if self.op.writes else self.cost.buffers)

    @property
    def elsewhere(self) -> int:
        """The number of stored numbers that it reads as weights but that are not its params: other layers count them,
        or they are buffers."""
        return max(0, self.shared, self.fixed)

    def explain(self) -> dict[str, str]:
        """The derivation of every count that is not zero, by the name of the count."""
        counts = self.op.cost(self.inputs, self.output, named)._asdict()
        told = {name: derivation(counts[name]) for name, value in self.cost._asdict().items() if value}
        if self.fixed:
            own = f"{derivation(counts['buffers'])} + " if counts["buffers"] else ""
            told["buffers"] = f"{own}{self.fixed} stored, but not trained"
        return told

    def stored_bytes(self, element_bytes: int | None = None) -> int:
        """Bytes of its params, and of the buffers in place of params. The statistics of a norm do not count: they are
        part of its prepared scale and shift."""
        stored = self.cost.params + self.elsewhere
        if element_bytes or self.stored_width is None:
            return size_in_bytes(stored, None, element_bytes)
        size, of = self.stored_width
        return -(-stored * size // of)

    def traffic(self, element_bytes: int | None = None) -> int:
        """The least number of bytes that it moves: its inputs, its weights and its output, once each. A layer that only
        renames moves none. Elements have the widths of the file, or 4 bytes; ``element_bytes`` sets one width for
        all."""
        if not self.op.writes:
            return 0
        widths = self.input_bits or (None,) * len(self.inputs)
        read = [size_in_bytes(volume(shape), bits, element_bytes) for shape, bits in zip(self.inputs, widths)]
        written = size_in_bytes(volume(self.output), self.element_bits, element_bytes)
        return sum(read) + self.stored_bytes(element_bytes) + written


def _count(at: int) -> Callable[[Layer], int]:
    return lambda layer: layer.cost[at]


SUMS: Mapping[str, Callable[[Layer], int]] = {  # metrics of a network that are the sum over its layers
    **{name: _count(at) for at, name in enumerate(COSTS)},
    "flops": lambda layer: layer.cost.flops,
    "effective_macs": lambda layer: layer.effective_macs,
    "traffic": lambda layer: layer.traffic(),
}
