"""Branches that run instead of each other, and the stored tensors that layers use.

Where the data selects a branch, the network contains one of them; the costs of the others are measured.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar

from sepcalc.branches import Branch, Choice
from sepcalc.cost import COSTS
from sepcalc.errors import printable, quoted
from sepcalc.importers.common.graph_builder import GraphBuilder, Segment, Uses, numbered
from sepcalc.network import SUMS, Network, Node
from sepcalc.ops.base import Uncounted
from sepcalc.ops.move import Constant
from sepcalc.shape import Shape

Roots = tuple[tuple[str, int], ...]  # stored tensors by name, each with the most elements that may count
Given = TypeVar("Given")


class Elsewhere(Roots):
    """The stored tensors of a branch that is not part of the network. They count in a layer of their own, unless a
    layer of the network uses them."""

    __slots__ = ()


class Pasted(NamedTuple):
    """A branch that was put back: where it begins and ends, its total of each metric, and how it was chosen."""

    start: int
    end: int
    metrics: dict[str, int]
    choice: Choice | None = None


class StoredBuilder(GraphBuilder[Roots]):
    """A graph builder for files that store tensors by name. ``beside`` holds, for each node, the tensors that it uses
    as weights and the largest number of elements of each. ``stored`` maps a tensor's name to its number of elements and
    its element type."""

    def __init__(self, stored: MutableMapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.stored = stored
        self.metric = "macs"  # where the data selects a branch, the one with most of this metric is taken
        self.used = frozenset[str]()  # set at the end: the stored tensors that layers use
        self.partly: dict[str, int] = {}  # set at the end: how many elements of these no layer uses
        self.zeros: set[str] = set()  # biases whose elements in the file are all zero
        self.pasted: list[Pasted] = []

    def width(self, kind: int) -> int:
        """The width in bits of an element of this type."""
        raise NotImplementedError

    def is_buffer(self, root: str) -> bool:
        """Whether a stored tensor is a buffer, not a param."""
        return False

    def constant(self, shape: Shape, roots: Iterable[str]) -> Constant:
        """A constant computed from these stored tensors, which a layer reads in place of an input."""
        return Constant(shape, bool([*roots]))

    def unique(self, name: str) -> str:
        """The name of a node, with a number appended if the name is taken."""
        return numbered(self.names, printable(name).replace(" ", "_")[:200] or "layer")

    def back(self, count: int) -> None:
        """Truncate to the first ``count`` nodes, and forget the branches put back after them."""
        while self.pasted and self.pasted[-1].end > count:
            self.pasted.pop()
        super().back(count)

    def put(self, segment: Segment, metrics: dict[str, int]) -> None:
        """Puts back a branch whose total of each metric is known."""
        self.names.update(dict.fromkeys([node.name for node in segment.nodes], 1))
        self.pasted.append(Pasted(len(self.nodes), len(self.nodes) + len(segment.nodes), metrics))
        self.paste(segment)

    def finished(self, outputs: Mapping[str, int]) -> tuple[list[Node], dict[str, int], int]:
        """The nodes, the outputs, and the bytes of all used weights. Each element of a stored tensor counts in the
        first node that uses it, whatever the node's op says."""
        self._count_elsewhere()
        outputs = self.prune(outputs)
        sizes = {root: elements for root, (elements, _) in self.stored.items()}
        bits = {root: self.width(kind) for root, (_, kind) in self.stored.items()}
        uses = Uses(self.beside, sizes.__getitem__, self.is_buffer, _names())
        nodes = list(self.nodes)
        taken = {root: sum(takers.values()) for root, takers in self.count_once(nodes, uses).items()}
        self.used = frozenset(taken)
        self.partly = {root: sizes[root] - count for root, count in taken.items() if count < sizes[root]}
        for at, roots in enumerate(self.beside):
            if numbers := sum(most for _, most in roots):
                size = sum(-(-most * bits[root] // 8) for root, most in roots)
                zeros = any(root in self.zeros for root, _ in roots)
                nodes[at] = nodes[at]._replace(stored_width=(size, numbers), zero_bias=zeros)
        return nodes, outputs, sum(-(-count * bits[root] // 8) for root, count in taken.items())

    def _count_elsewhere(self) -> None:
        """Counts what the branches outside the network store besides, each stored tensor in the first branch that uses
        it."""
        used = {root for roots in self.beside if not isinstance(roots, Elsewhere) for root, _ in roots}
        first = len(self.tensors) - len(self.nodes)
        for at, roots in enumerate(self.beside):
            if isinstance(roots, Elsewhere):
                own = tuple([(root, most) for root, most in roots if root not in used])
                used.update(root for root, _ in own)
                shape = (sum(most for _, most in own) or 1,)
                constant = self.constant(shape, [root for root, _ in own])
                self.nodes[at] = self.nodes[at]._replace(op=constant, output=shape)
                self.tensors[first + at] = shape
                self.beside[at] = own


class Laid(NamedTuple):
    """A branch that was laid out once: its results, nodes, total of each metric, notes, and the choices inside it."""

    results: Any
    segment: Segment
    metrics: dict[str, int]
    peak: int
    notes: dict[str, None]
    choices: tuple[Choice, ...]


class Taken(NamedTuple, Generic[Given]):
    """The results of the chosen branch and of each other branch, and the branches that cannot run, each with the
    reason."""

    results: Given
    others: list[Given]
    failed: dict[str, Exception]


def lay_out(
    builder: StoredBuilder,
    name: str,
    runs: Mapping[str, Callable[[], Given]],
    errors: tuple[type[Exception], ...],
    fatal: Callable[[Exception], bool],
) -> Taken[Given]:
    """Lays out each branch once (so that nested branches take linear time), keeps the one with most of the builder's
    metric, and adds a note on the choice. What the other branches store counts in a layer of the choice. A branch that
    cannot run on these shapes, with an error that is not ``fatal``, is left out; if none can run, the first branch's
    error is raised."""
    mark, before = len(builder.nodes), builder.notes
    laid: dict[str, Laid] = {}
    failed: dict[str, Exception] = {}
    for which, run in runs.items():
        builder.notes = dict(before)
        try:
            results = run()
        except errors as error:
            if fatal(error):
                raise
            failed[which] = error
            builder.back(mark)
            continue
        wanted = builder.metric == "peak_memory" and len(builder.nodes) > mark
        peak = _from(builder, mark).peak_memory() if wanted else 0
        metrics = _measured(builder, mark)
        choices = tuple([one.choice for one in builder.pasted if one.start >= mark and one.choice])
        laid[which] = Laid(results, builder.cut(mark), metrics, peak, builder.notes, choices)
    builder.notes = before
    if not laid:
        raise next(iter(failed.values()))
    chosen = max(laid, key=lambda which: _weight(builder, laid[which]))
    results, segment, metrics, _, builder.notes, inner = laid[chosen]
    if not failed:
        which = chosen.partition("_")[0]
        builder.note(f"{printable(name)}: its branch depends on the data; {which}, which costs most, is counted")
    others = [one for which, one in laid.items() if which != chosen]
    alone = [_alone(builder, one.segment.nodes, len(builder.tensors)) for one in others]
    apart = tuple([Branch(part.layers, one.choices) for part, one in zip(alone, others)])
    builder.put(segment, metrics)
    row, at = name, len(builder.pasted) - 1
    for other in others:
        for node in other.segment.nodes:  # it may cost more than the one that is counted
            if isinstance(node.op, Uncounted):
                builder.grow(builder.unique(node.name), node.op, [], ())
        if roots := _roots(other.segment):
            row = builder.unique(name)
            builder.grow(row, Constant((1,), learned=True), [], roots)
    if apart:
        choice = Choice(row, frozenset([node.name for node in segment.nodes]), inner, apart)
        builder.pasted[at] = builder.pasted[at]._replace(choice=choice)
    return Taken(results, [one.results for one in others], failed)


def most_of(
    laid: Network, builder: StoredBuilder, other: Callable[[str], tuple[StoredBuilder, dict[str, int]]]
) -> dict[str, int]:
    """The metrics that are larger when other branches run than those in the network, and their values. ``other``
    returns the network whose branches have most of a metric, and its outputs."""
    most = laid.most_summed()
    if laid.choices:  # the peak is not a sum over layers: take the branch with the highest one
        found, outputs = other("peak_memory")
        nodes, ends, _ = found.finished(outputs)
        peak = Network("", found.inputs, nodes, ends, input_bits=found.input_bits).peak_memory()
        if peak > laid.peak_memory():
            most["peak_memory"] = peak
    return most


def _measured(builder: StoredBuilder, mark: int) -> dict[str, int]:
    """The totals from this node on of every metric that is a sum over layers; the totals of branches that were put back
    are known already."""
    totals = dict.fromkeys(SUMS, 0)
    end = len(builder.nodes)
    inner = [one[:3] for one in reversed(builder.pasted) if one.start >= mark]
    for start, after, metrics in [*inner, (mark, mark, {})]:
        for layer in _from(builder, after, end).layers:
            for metric, measure in SUMS.items():
                totals[metric] += measure(layer)
        for metric, count in metrics.items():
            totals[metric] += count
        end = start
    return totals


def _alone(builder: StoredBuilder, nodes: Sequence[Node], first: int) -> Network:
    """These nodes as a network of their own. ``first`` is the number of their first tensor; the earlier tensors that
    they read become inputs, and each node stores all that its op says."""
    outer = sorted({source for node in nodes for source in node.sources if source < first})
    place = {source: at for at, source in enumerate([*outer, *range(first, first + len(nodes))])}
    inner = [node._replace(sources=tuple([place[source] for source in node.sources])) for node in nodes]
    bits = {str(at): width for at in outer if (width := builder.bits(at)) is not None}
    return Network("", {str(at): builder.tensors[at] for at in outer}, inner, input_bits=bits)


def _from(builder: StoredBuilder, mark: int, end: int | None = None) -> Network:
    """The nodes from ``mark`` up to ``end`` as a network."""
    return _alone(builder, builder.nodes[mark:end], len(builder.tensors) - len(builder.nodes) + mark)


def _weight(builder: StoredBuilder, one: Laid) -> tuple[int, ...]:
    first = one.peak if builder.metric == "peak_memory" else one.metrics[builder.metric]
    return (first, *[one.metrics[name] for name in COSTS], len(one.segment.nodes))


def _names() -> Callable[[str], str]:
    """What stored tensors are called: each otherwise, though a long name is cut."""
    taken: dict[str, int] = {}
    return cache(lambda root: numbered(taken, quoted(root)[1:-1]))


def _roots(segment: Segment) -> Elsewhere:
    """The stored tensors that a branch uses as weights, with the number of elements of each."""
    most: dict[str, int] = {}
    for roots in segment.beside:
        for root, elements in roots:
            most[root] = max(elements, most.get(root, 0))
    return Elsewhere(most.items())
