"""Two networks whose layers have other names: their layers matched by what they are, and by what they read.

The layers that are matched are those that do the work: convolutions, dense layers, products, attention, recurrent
cells, pools, resampling, embeddings. What lies between them (activations, norms, sums, pads, reshapes) is written in
another way by each format. So it is not matched.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from math import prod
from typing import NamedTuple

from sepcalc.gate.pairs import Group
from sepcalc.gate.sequences import common, ends, in_turn
from sepcalc.network import Layer, Network
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.move import Embedding
from sepcalc.ops.pool import AdaptivePool, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape, Shapes, volume

Key = tuple[Hashable, ...]  # the family of a layer, its options, its macs, its output
INPUT = -1  # what stands for the network's inputs among the works that are read


class Work(NamedTuple):
    """A layer that does work, or one of the two products of attention. ``row`` is the number of the layer, ``key`` what
    it is in any format, ``reads`` are the works whose results reach it, by number. ``above`` is the same of two works
    that are the same and read the same, up to the inputs; ``below`` of two whose results go the same way to the end."""

    row: int
    key: Key
    reads: tuple[int, ...]
    above: int
    below: int = 0

    @property
    def family(self) -> Hashable:
        """What could become it by a change of options: convolutions in groups are apart from others."""
        return self.key[0], len(self.key) > 4 and self.key[2] == 1

    @property
    def macs(self) -> int:
        """Its multiply-accumulates."""
        macs = self.key[-2]
        assert isinstance(macs, int)
        return macs

    @property
    def elements(self) -> int:
        """How many elements it gives."""
        output = self.key[-1]
        assert isinstance(output, tuple)
        return prod(output)


class Alike(NamedTuple):
    """The layers of two networks, matched. ``rows`` are the numbers of the layers that do work, old and new;
    ``partner`` is of a new one the old one, ``grouped`` are those of which one stands for several. ``equal`` is how
    many have a match of the same macs, ``others`` how many matches have not, ``single`` how many layers of each side
    have no match, and ``wired`` whether what matches reads what matches."""

    rows: tuple[list[int], list[int]]
    partner: dict[int, int]
    grouped: list[Group]
    equal: int
    others: int
    single: tuple[int, int]
    wired: bool

    @property
    def macs_equal(self) -> bool:
        """Whether each layer that does work has one of the same macs on the other side."""
        return not self.others and not any(self.single)


# --- what a layer is, whichever format wrote it ---------------------------------------------------------------------


def works(network: Network, known: dict[Hashable, int]) -> list[Work]:
    """The layers of a network that do work, in order. ``known`` numbers what is above and below those of both
    networks."""
    found: list[tuple[int, Key, tuple[int, ...]]] = []
    above = [1] * len(network.inputs)  # a bit for each work whose result reaches the tensor unworked; the first: inputs
    for at, (node, layer) in enumerate(zip(network.nodes, network.layers)):
        seen = [above[source] for source in node.sources]
        keys = [*_keys(layer)]
        late = seen.pop() if len(keys) > 1 and len(seen) > 2 else 0  # the values come in with the second product
        reached = _union(seen)
        for key in keys:
            found.append((at, key, tuple(_bits(reached))))
            reached, late = 1 << len(found) | late, 0
        above.append(reached)
    return placed(found, known)


def placed(found: Sequence[tuple[int, Key, tuple[int, ...]]], known: dict[Hashable, int]) -> list[Work]:
    """Works, of which row, key and reads are known."""
    made: list[Work] = []
    for row, key, reads in found:
        over = sorted([made[read].above if read >= 0 else INPUT for read in reads])
        made.append(Work(row, key, reads, known.setdefault((key, "above", *over), len(known))))
    users: list[list[int]] = [[] for _ in made]
    for at in reversed(range(len(made))):
        work = made[at]
        below = known.setdefault((work.key, "below", *sorted(users[at])), len(known))
        made[at] = work._replace(below=below)
        for read in work.reads:
            if read >= 0:
                users[read].append(below)
    return made


def _union(masks: Iterable[int]) -> int:
    whole = 0
    for mask in masks:
        whole |= mask
    return whole


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 2
        mask ^= low


def _keys(layer: Layer) -> Iterator[Key]:
    """What a layer is: none for what does no work, two for attention."""
    op, inputs, output = layer.op, layer.inputs, layer.output
    while isinstance(op, Each):
        op, inputs, output = op.op, tuple([shape[1:] for shape in inputs]), output[1:]
    if isinstance(op, Attention):
        queries, keys, size, value = op.sizes(inputs)
        times = layer.cost.macs // (op.heads * queries * keys * (size + value))  # of each
        scores = times * op.heads * queries * keys
        yield "product", scores * size, (scores,)
        yield "product", scores * value, (volume(layer.output),)
        return
    form = _form(op, inputs, output)
    if form is None and layer.cost.macs:
        form = (layer.kind,)
    if form is not None:
        windowed = len(form) > 1 and bool(form[1])
        given = tuple([size for size in layer.output if size > 1]) if windowed else (volume(layer.output),)
        yield *form, layer.cost.macs, given


def _form(op: Op, inputs: Shapes, output: Shape) -> Key | None:
    """The family of an op, and those of its options that every format states. None of what may be no work."""
    match op:
        case Dense():
            return ("conv", (), 1)
        case Conv():
            whole = prod(output[:-1]) == 1 and op.kernel == inputs[0][:-1]
            axes = () if whole else _axes(op.kernel, op.stride, op.dilation)
            return ("conv", axes, op.groups)
        case Transposed():
            return ("transposed", _axes(op.kernel, op.stride, op.dilation) or ("whole",), op.groups)
        case Matmul() | Einsum():
            return ("product",)
        case Pool():
            axes = _axes(op.kernel, op.stride, op.dilation)
            whole = prod(output[:-1]) == 1 and op.kernel == inputs[0][:-1]
            return ("pool", () if whole else axes, op.how) if axes else None
        case AdaptivePool():
            sizes = inputs[0][:-1]
            each = tuple([size // to for size, to in zip(sizes, op.to)])
            axes = _axes(each, each, (1,) * len(each))
            if any(size % to for size, to in zip(sizes, op.to)):
                axes = ("to", *op.to)
            return ("pool", () if prod(op.to) == 1 else axes, op.how) if axes else None
        case Reduce(how="mean" | "max" | "sum"):
            (shape,) = inputs
            spatial = {axis for axis, size in enumerate(shape[:-1]) if size > 1}
            if spatial and spatial <= set(op.axes) and len(shape) - 1 not in op.axes:
                return ("pool", (), "avg" if op.how == "mean" else op.how)
            return None
        case Upsample():
            return ("upsample", ("to", *output[:-1]))
        case Embedding():
            return ("embedding",)
    return None


def _axes(kernel: Shape, stride: Shape, dilation: Shape) -> Key:
    """Kernel, stride and dilation of each axis along which they do anything."""
    axes = zip(kernel, stride, dilation)
    return tuple([(k, s, d if k > 1 else 1) for k, s, d in axes if k > 1 or s > 1])


# --- matching --------------------------------------------------------------------------------------------------------


class Match(NamedTuple):
    """Works of two networks that match, by number: ``pairs`` one by one, ``groups`` one and several; and whether what
    matches reads what matches."""

    pairs: list[tuple[int, int]]
    groups: list[Group]
    wired: bool


def match(olds: Sequence[Work], news: Sequence[Work]) -> Match:
    """The works of two networks that match, each in one pair or group at most. Exchanged networks give the same pairs,
    exchanged.

    First those match that are the same and read the same, up to the inputs: all of them, where two networks are one
    under other names. Then comes the longest common subsequence of what they are, then what is the same anywhere. One
    that does what several do that read the same, matches these. What is left between two that match, goes by family and
    size of its output, then by its place alone.
    """
    found = _Found(olds, news)
    whole = sorted(map(_whole, olds)) == sorted(map(_whole, news))
    for place in (_whole, _above):
        left = found.left()
        found.take(in_turn([(place(olds[at]), at) for at in left[0]], [(place(news[at]), at) for at in left[1]]))
    left = found.left()
    found.take(_aligned([(olds[at].key, at) for at in left[0]], [(news[at].key, at) for at in left[1]]))
    left = found.left()
    found.take(in_turn([(olds[at].key, at) for at in left[0]], [(news[at].key, at) for at in left[1]]))
    found.group()
    for gap in found.gaps():
        before = [((olds[at].family, olds[at].elements), at) for at in gap[0]]
        after = [((news[at].family, news[at].elements), at) for at in gap[1]]
        found.take(in_turn(before, after))
    for first, second in found.gaps():
        if [olds[at].family for at in first] == [news[at].family for at in second]:
            found.take(zip(first, second))
    return Match(sorted(found.pairs.items()), found.groups, whole or found.wired())


def _whole(work: Work) -> tuple[int, int]:
    return work.above, work.below


def _above(work: Work) -> Hashable:
    return work.above


class _Found:
    """What has been matched so far. ``mark`` is, of a work on either side, the number that it shares with its match."""

    def __init__(self, olds: Sequence[Work], news: Sequence[Work]) -> None:
        self.sides = olds, news
        self.pairs: dict[int, int] = {}
        self.groups: list[Group] = []
        self.marks: tuple[dict[int, int], dict[int, int]] = ({INPUT: INPUT}, {INPUT: INPUT})

    def left(self) -> tuple[list[int], list[int]]:
        """The works of each side that have no match."""
        olds, news = self.sides
        return (
            [at for at in range(len(olds)) if at not in self.marks[0]],
            [at for at in range(len(news)) if at not in self.marks[1]],
        )

    def take(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Takes works as matches."""
        for old, new in pairs:
            self.pairs[old] = new
            self.marks[0][old] = self.marks[1][new] = old

    def group(self) -> None:
        """Matches one work with several that read what it reads, and have its macs together: three projections that
        are one in another format."""
        places: dict[Hashable, Group] = {}
        for side, left in enumerate(self.left()):
            for at in left:
                work = self.sides[side][at]
                reads = [self.marks[side].get(read) for read in work.reads]
                if work.macs and None not in reads:
                    places.setdefault((work.family, frozenset(reads)), ([], []))[side].append(at)
        for olds, news in places.values():
            macs = [sum([self.sides[side][at].macs for at in group]) for side, group in enumerate((olds, news))]
            if macs[0] == macs[1] and min(len(olds), len(news)) == 1:
                self.groups.append((olds, news))
                self.marks[0].update(dict.fromkeys(olds, olds[0]))
                self.marks[1].update(dict.fromkeys(news, olds[0]))

    def gaps(self) -> list[Group]:
        """What has no match on both sides behind the same match."""
        gaps: dict[int, Group] = {}
        for side, works in enumerate(self.sides):
            last = INPUT
            for at in range(len(works)):
                if at in self.marks[side]:
                    last = self.marks[side][at]
                else:
                    gaps.setdefault(last, ([], []))[side].append(at)
        return [gap for gap in gaps.values() if all(gap)]

    def wired(self) -> bool:
        """Whether what matches reads what matches."""
        read: tuple[dict[int, set[int | None]], dict[int, set[int | None]]] = ({}, {})
        for side, works in enumerate(self.sides):
            marks = self.marks[side]
            for at, work in enumerate(works):
                if at in marks:
                    mark = marks[at]
                    read[side].setdefault(mark, set()).update({marks.get(one) for one in work.reads} - {mark})
        return read[0] == read[1]


Keyed = Sequence[tuple[Key, int]]


def _aligned(olds: Keyed, news: Keyed) -> Iterator[tuple[int, int]]:
    """The longest common subsequence of two sequences of keys, as pairs (old, new)."""
    first, last = ends([key for key, _ in olds], [key for key, _ in news])
    yield from [(old, new) for (_, old), (_, new) in zip(olds[:first], news[:first])]
    yield from [(old, new) for (_, old), (_, new) in zip(olds[len(olds) - last :], news[len(news) - last :])]
    olds, news = olds[first : len(olds) - last], news[first : len(news) - last]
    before, after = [key for key, _ in olds], [key for key, _ in news]
    # Of several longest ones the choice depends on the side, so the sides go in an order of their own.
    if (len(before), repr(before)) <= (len(after), repr(after)):
        pairs = [(old, new) for new, old in common(before, after)]
    else:
        pairs = common(after, before)
    yield from [(olds[old][1], news[new][1]) for old, new in pairs]


def alike(old: Network, new: Network) -> Alike:
    """The layers of two networks that do work, matched by what they are and what they read (see :func:`match`)."""
    known: dict[Hashable, int] = {}
    olds, news = works(old, known), works(new, known)
    found = match(olds, news)
    rows = sorted({work.row for work in olds}), sorted({work.row for work in news})
    partner, grouped = dict[int, int](), list[Group]()
    for before, after in _rows(olds, news, found):
        if len(before) == len(after) == 1:
            partner[after[0]] = before[0]
        elif min(len(before), len(after)) == 1:
            grouped.append((before, after))
    matches = [*[([before], [after]) for after, before in partner.items()], *grouped]
    layers = old.layers, new.layers
    macs = [[sum([layers[side][at].cost.macs for at in group[side]]) for side in (0, 1)] for group in matches]
    equal = sum(before == after for before, after in macs)
    single = [len(rows[side]) - sum([len(group[side]) for group in matches]) for side in (0, 1)]
    return Alike(rows, partner, grouped, equal, len(matches) - equal, (single[0], single[1]), found.wired)


def _rows(olds: Sequence[Work], news: Sequence[Work], found: Match) -> Iterator[Group]:
    """The layers that matching works are of, together where a layer has several works."""
    links = [*[([old], [new]) for old, new in found.pairs], *found.groups]
    near: dict[tuple[int, int], set[tuple[int, int]]] = {}  # layers of both sides, by side and number
    for before, after in links:
        ends = [*[(0, olds[at].row) for at in before], *[(1, news[at].row) for at in after]]
        for end in ends:
            near.setdefault(end, set()).update(ends)
    done: set[tuple[int, int]] = set()
    for start in sorted(near):
        if start in done:
            continue
        waiting, group = [start], set[tuple[int, int]]()
        while waiting:
            end = waiting.pop()
            if end not in group:
                group.add(end)
                waiting += near[end]
        done |= group
        yield sorted([at for side, at in group if not side]), sorted([at for side, at in group if side])
