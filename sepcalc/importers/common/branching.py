"""A network of which parts run in place of others, and the stored tensors that its layers use.

Of the branches of a choice that depends on the data one is laid out; of the others it is known what they cost.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sepcalc.branches import Branch, Choice
from sepcalc.cost import COSTS
from sepcalc.errors import printable, quoted
from sepcalc.importers.common.graph_builder import GraphBuilder, Segment, Uses, numbered
from sepcalc.network import SUMS, Network, Node
from sepcalc.ops.base import Uncounted
from sepcalc.ops.move import Constant
from sepcalc.shape import Shape

Roots = tuple[tuple[str, int], ...]  # stored tensors by name, and how many elements of each at most
Given = TypeVar("Given")


class Elsewhere(Roots):
    """The stored tensors of a branch that is not laid out: they count in a layer of their own, as far as no layer that
    is laid out uses them."""

    __slots__ = ()


class Pasted(NamedTuple):
    """Where a branch that was put back begins and ends, what it has of every metric, and what it was taken for."""

    start: int
    end: int
    metrics: dict[str, int]
    choice: Choice | None = None


class StoredBuilder(GraphBuilder[Roots]):
    """A network whose file has stored tensors by name: beside each node stand those that it uses as weights, and how
    many elements of each at most. ``stored`` are their elements and the number of their type."""

    def __init__(self, stored: MutableMapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.stored = stored
        self.metric = "macs"  # of branches that depend on the data the one with more of it is laid out
        self.used = frozenset[str]()  # in the end: the stored tensors that layers have
        self.partly: dict[str, int] = {}  # of these, how many elements no layer has
        self.zeros: set[str] = set()  # biases of which the file holds nothing but zeros
        self.pasted: list[Pasted] = []

    def width(self, kind: int) -> int:
        """The bits of an element of this type."""
        raise NotImplementedError

    def is_buffer(self, root: str) -> bool:
        """Whether a stored tensor is no param, but a buffer."""
        return False

    def constant(self, shape: Shape, roots: Iterable[str]) -> Constant:
        """What is made of these stored tensors in place of an input."""
        return Constant(shape, bool([*roots]))

    def unique(self, name: str) -> str:
        """The name of a node, with a number behind it where it is taken."""
        return numbered(self.names, printable(name).replace(" ", "_")[:200] or "layer")

    def back(self, count: int) -> None:
        while self.pasted and self.pasted[-1].end > count:
            self.pasted.pop()
        super().back(count)

    def put(self, segment: Segment, metrics: dict[str, int]) -> None:
        """Puts back a branch, of which it is known what it has of every metric."""
        self.names.update(dict.fromkeys([node.name for node in segment.nodes], 1))
        self.pasted.append(Pasted(len(self.nodes), len(self.nodes) + len(segment.nodes), metrics))
        self.paste(segment)

    def finished(self, outputs: Mapping[str, int]) -> tuple[list[Node], dict[str, int], int]:
        """The nodes, each element of a stored tensor counted where it is used first, whatever the node's op says; the
        outputs; and the bytes of all weights that are used."""
        self._count_elsewhere()
        outputs = self.prune(outputs)
        sizes = {root: elements for root, (elements, _) in self.stored.items()}
        bits = {root: self.width(kind) for root, (_, kind) in self.stored.items()}
        uses = Uses(self.beside, sizes.__getitem__, self.is_buffer, lambda root: quoted(root)[1:-1])
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
        """What branches that are not laid out store besides, each stored tensor in the first of them."""
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
    """A branch as it was laid out once: what it gives, its nodes, what it has of every metric, what it notes, and the
    choices in it."""

    results: Any
    segment: Segment
    metrics: dict[str, int]
    peak: int
    notes: dict[str, None]
    choices: tuple[Choice, ...]


class Taken(NamedTuple, Generic[Given]):
    """What the branch that is laid out gives, and what each of the others does; those that cannot run, with why."""

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
    """Lays out the branch that has most of the builder's metric, which is said: each is laid out once, so that branches
    in branches take no longer than they are long. What the others store counts in a layer of the choice's own; one that
    cannot run on these shapes, by an error that is not ``fatal``, is left out. Raises the first branch's error where
    none can run."""
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
        builder.note(f"{printable(name)}: its branch depends on the data; counted is {which}, which costs most")
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
    """The metrics of which the network has more where other branches run than those laid out, and how much. ``other``
    gives the network whose branches have most of a metric, and its outputs."""
    most = laid.most_summed()
    if laid.choices:  # the peak is no sum: of branches the one with the highest is laid out
        found, outputs = other("peak_memory")
        nodes, ends, _ = found.finished(outputs)
        peak = Network("", found.inputs, nodes, ends, input_bits=found.input_bits).peak_memory()
        if peak > laid.peak_memory():
            most["peak_memory"] = peak
    return most


def _measured(builder: StoredBuilder, mark: int) -> dict[str, int]:
    """What the nodes from this one on have of every metric that is a sum over layers; of branches that were put back
    it is known."""
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
    """Nodes, whose own tensors are numbered from ``first`` on, as a network of which the others that they read are the
    inputs: each stores all that its op says."""
    outer = sorted({source for node in nodes for source in node.sources if source < first})
    place = {source: at for at, source in enumerate([*outer, *range(first, first + len(nodes))])}
    inner = [node._replace(sources=tuple([place[source] for source in node.sources])) for node in nodes]
    bits = {str(at): width for at in outer if (width := builder.bits(at)) is not None}
    return Network("", {str(at): builder.tensors[at] for at in outer}, inner, input_bits=bits)


def _from(builder: StoredBuilder, mark: int, end: int | None = None) -> Network:
    """The nodes from this one on, up to another one, as a network."""
    return _alone(builder, builder.nodes[mark:end], len(builder.tensors) - len(builder.nodes) + mark)


def _weight(builder: StoredBuilder, one: Laid) -> tuple[int, ...]:
    first = one.peak if builder.metric == "peak_memory" else one.metrics[builder.metric]
    return (first, *[one.metrics[name] for name in COSTS], len(one.segment.nodes))


def _roots(segment: Segment) -> Elsewhere:
    """The stored tensors that a branch uses as weights, and how many elements of each."""
    most: dict[str, int] = {}
    for roots in segment.beside:
        for root, elements in roots:
            most[root] = max(elements, most.get(root, 0))
    return Elsewhere(most.items())
