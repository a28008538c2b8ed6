"""Two networks whose layers have other names: their layers matched by what they are, and by what they read.

The layers that are matched are those that do the work: convolutions, dense layers, products, attention, recurrent
cells, pools, resampling, embeddings. What lies between them (activations, norms, sums, pads, reshapes) is written in
another way by each format. So it is not matched.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from sepcalc.gate.pairs import Group
from sepcalc.gate.sequences import common, ends, in_turn
from sepcalc.gate.works import CELL, INPUT, Key, Work, works
from sepcalc.network import Network


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
    found.cells()
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

    def cells(self) -> None:
        """Matches a recurrent layer with the products of its steps, which another format writes out: those of its
        sizes, in their order, that have its macs together."""
        for gap in self.gaps():
            for side in (0, 1):
                for at in gap[side]:
                    cell = self.sides[side][at]
                    if cell.key[0] == CELL and at not in self.marks[side]:
                        others = [one for one in gap[1 - side] if one not in self.marks[1 - side]]
                        steps = _steps(cell, [(one, self.sides[1 - side][one]) for one in others])
                        if steps:
                            group = ([at], steps) if side == 0 else (steps, [at])
                            self.groups.append(group)
                            self.marks[0].update(dict.fromkeys(group[0], group[0][0]))
                            self.marks[1].update(dict.fromkeys(group[1], group[0][0]))

    def gaps(self) -> list[Group]:
        """What has no match on both sides behind the same match."""
        gaps: dict[int, Group] = {}
        for side, own in enumerate(self.sides):
            last = INPUT
            for at in range(len(own)):
                if at in self.marks[side]:
                    last = self.marks[side][at]
                else:
                    gaps.setdefault(last, ([], []))[side].append(at)
        return [gap for gap in gaps.values() if all(gap)]

    def wired(self) -> bool:
        """Whether what matches reads what matches."""
        read: tuple[dict[int, set[int | None]], dict[int, set[int | None]]] = ({}, {})
        for side, own in enumerate(self.sides):
            marks = self.marks[side]
            for at, work in enumerate(own):
                if at in marks:
                    mark = marks[at]
                    read[side].setdefault(mark, set()).update({marks.get(one) for one in work.reads} - {mark})
        return read[0] == read[1]


def _steps(cell: Work, others: Iterable[tuple[int, Work]]) -> list[int]:
    """The products that make up a recurrent layer, by number; none where some are not there."""
    sizes = cell.key[2]
    assert isinstance(sizes, tuple)
    _, features, hidden, projection = sizes
    state = projection or hidden
    left, steps = cell.macs, list[int]()
    for at, work in others:
        inner, rest = divmod(work.macs, work.elements)
        fits = work.elements % hidden == 0 or (projection and work.elements % projection == 0)
        if work.macs and not rest and fits and inner in (features, state, features + state, hidden):
            left -= work.macs
            steps.append(at)
            if left <= 0:
                break
    return steps if left == 0 else []


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
