"""What changed between two networks: their layers matched by name, then by place and shape."""

import re
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from sepcalc.cost import Cost
from sepcalc.gate.snapshots import Row, Snapshot

LARGEST = 4_000_000  # cells of the table that aligns two sequences of layers; beyond it they go by their order
_INDEX = re.compile(r"\[\d+\]")


class Pair(NamedTuple):
    """A layer before and after; None where there is none."""

    old: Row | None
    new: Row | None

    @property
    def status(self) -> str:
        """added, removed, changed, renamed or unchanged."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        if self.old[1:] != self.new[1:]:
            return "changed"
        return "unchanged" if self.old.name == self.new.name or _label(self.old) == _label(self.new) else "renamed"

    def growth(self, metric: str) -> int:
        """By how much a count of the layer grew."""
        zero = Cost()
        return int(
            getattr(self.new.cost if self.new else zero, metric) - getattr(self.old.cost if self.old else zero, metric)
        )


def matched(old: Snapshot, new: Snapshot) -> list[Pair]:
    """Every layer of both, in the order of the new network, what was removed where it stood.

    A name that was given (no ``[2]`` in it) matches itself. Names that are counted (``conv[2]``) shift when a layer
    comes between: those with the same words are aligned by what they are (kind, output, cost) in their order, and what
    is left between two aligned ones by kind and output, by name, by order. Layers whose names have gone match new ones
    of the same kind and output, in their order.
    """
    partner: dict[int, int] = {}  # of a new layer: the old one
    places = {row.name: at for at, row in enumerate(old.layers)}
    for at, row in enumerate(new.layers):
        if "[" not in row.name and row.name in places:
            partner[at] = places[row.name]
    taken = set(partner.values())
    before = _grouped([(at, row) for at, row in enumerate(old.layers) if at not in taken])
    after = _grouped([(at, row) for at, row in enumerate(new.layers) if at not in partner])
    for label, news in after.items():
        if label in before:
            partner.update(_aligned(before[label], news))
    _by_shape(old.layers, new.layers, partner)
    return _ordered(old.layers, new.layers, partner)


def _label(row: Row) -> str:
    return _INDEX.sub("", row.name)


Placed = Sequence[tuple[int, Row]]


def _grouped(rows: Placed) -> dict[str, list[tuple[int, Row]]]:
    groups: dict[str, list[tuple[int, Row]]] = {}
    for at, row in rows:
        groups.setdefault(_label(row), []).append((at, row))
    return groups


def _aligned(olds: Placed, news: Placed) -> Iterable[tuple[int, int]]:
    """Pairs (new, old) of layers with one label, the order kept where they are equal."""
    start, ends = 0, 0
    while start < min(len(olds), len(news)) and olds[start][1][1:] == news[start][1][1:]:
        start += 1
    while ends < min(len(olds), len(news)) - start and olds[-1 - ends][1][1:] == news[-1 - ends][1][1:]:
        ends += 1
    yield from zip([at for at, _ in news[:start]], [at for at, _ in olds[:start]])
    if ends:
        yield from zip([at for at, _ in news[-ends:]], [at for at, _ in olds[-ends:]])
    olds, news = olds[start : len(olds) - ends], news[start : len(news) - ends]
    done_old, done_new = 0, 0
    for at_new, at_old in [*_common(olds, news), (len(news), len(olds))]:
        yield from _nearest(olds[done_old:at_old], news[done_new:at_new])
        if at_new < len(news):
            yield news[at_new][0], olds[at_old][0]
        done_old, done_new = at_old + 1, at_new + 1


def _common(olds: Placed, news: Placed) -> list[tuple[int, int]]:
    """The longest common subsequence, as places (new, old)."""
    if not olds or not news or len(olds) * len(news) > LARGEST:
        return []
    width = len(olds) + 1
    longest = [[0] * width for _ in range(len(news) + 1)]
    for i in reversed(range(len(news))):
        row, below, signature = longest[i], longest[i + 1], news[i][1][1:]
        for j in reversed(range(len(olds))):
            row[j] = below[j + 1] + 1 if olds[j][1][1:] == signature else max(below[j], row[j + 1])
    pairs, i, j = [], 0, 0
    while i < len(news) and j < len(olds):
        if olds[j][1][1:] == news[i][1][1:]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return pairs


def _nearest(olds: Placed, news: Placed) -> Iterable[tuple[int, int]]:
    """Layers between two that are equal: by kind and output, then by name, then by their order."""
    left, right = list(olds), list(news)
    keys: tuple[Callable[[Row], Hashable], ...] = (lambda row: row[1:3], lambda row: row.name, lambda row: 0)
    for key in keys:
        waiting: dict[Hashable, deque[tuple[int, Row]]] = {}
        for item in left:
            waiting.setdefault(key(item[1]), deque()).append(item)
        kept = []
        used = set[int]()
        for at, row in right:
            queue = waiting.get(key(row))
            if queue:
                found = queue.popleft()
                used.add(found[0])
                yield at, found[0]
            else:
                kept.append((at, row))
        left, right = [item for item in left if item[0] not in used], kept


def _by_shape(olds: Sequence[Row], news: Sequence[Row], partner: dict[int, int]) -> None:
    """Layers whose names have gone, with new ones of the same kind and output."""
    taken = set(partner.values())
    waiting: dict[Hashable, deque[int]] = {}
    for at, row in enumerate(olds):
        if at not in taken:
            waiting.setdefault(row[1:3], deque()).append(at)
    for at, row in enumerate(news):
        queue = waiting.get(row[1:3])
        if at not in partner and queue:
            partner[at] = queue.popleft()


def _ordered(olds: Sequence[Row], news: Sequence[Row], partner: dict[int, int]) -> list[Pair]:
    pairs = []
    kept, gone = set(partner.values()), 0
    for at, row in enumerate(news):
        old = partner.get(at)
        if old is not None:
            while gone < old:
                if gone not in kept:
                    pairs.append(Pair(olds[gone], None))
                gone += 1
        pairs.append(Pair(None if old is None else olds[old], row))
    pairs += [Pair(olds[at], None) for at in range(gone, len(olds)) if at not in kept]
    return pairs
