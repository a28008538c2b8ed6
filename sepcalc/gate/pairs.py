"""Layers of two networks side by side, and the order in which they are told."""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from sepcalc.cost import total
from sepcalc.gate.snapshots import MORE, Row

INDEX = re.compile(r"\[\d+\]")
Group = tuple[list[int], list[int]]  # layers, old and new, of which one stands for all of the other side


class Pair(NamedTuple):
    """A layer before and after; None where there is none. Where one became several, ``became`` are these, and ``new``
    is their sum; where several became one, ``were`` are these, and ``old`` is their sum."""

    old: Row | None
    new: Row | None
    were: tuple[Row, ...] = ()
    became: tuple[Row, ...] = ()

    @property
    def status(self) -> str:
        """added, removed, changed, renamed or unchanged."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "removed"
        if self.were or self.became or what(self.old) != what(self.new):
            return "changed"
        return "unchanged" if self.old.name == self.new.name or label(self.old) == label(self.new) else "renamed"

    @property
    def differing(self) -> list[str]:
        """The metrics beside its counts that differ in a layer that did not change: its traffic, for example, where the
        file has other element widths."""
        if self.old is None or self.new is None or self.status not in ("unchanged", "renamed"):
            return []
        return [metric for metric in MORE if self.growth(metric)]

    @property
    def row(self) -> Row:
        """What it is called after: the new layer, but the old one where several have taken its place."""
        row = self.old if self.new is None or self.became else self.new
        assert row is not None
        return row

    @property
    def layers(self) -> tuple[Row, ...]:
        """The layers that there are now."""
        return self.became or ((self.new,) if self.new else ())

    def growth(self, metric: str) -> int:
        """By how much a count of the layer grew."""
        return (self.new.count(metric) if self.new else 0) - (self.old.count(metric) if self.old else 0)


def label(row: Row) -> str:
    """A layer's name without the numbers of what is counted in it."""
    return INDEX.sub("", row.name)


def what(row: Row) -> Hashable:
    """What it is: the same of two layers that are equal."""
    return row[1:4]


def ordered(
    olds: Sequence[Row], news: Sequence[Row], partner: Mapping[int, int], grouped: Sequence[Group]
) -> list[Pair]:
    """Every layer of both, in the order of the new ones, what was removed where it stood. ``partner`` is of a new layer
    the old one."""
    groups = {after[0]: (before, after) for before, after in grouped}
    told = {at for _, after in grouped for at in after[1:]}  # with the first of their group
    kept = {*partner.values(), *[at for before, _ in grouped for at in before]}
    pairs, gone = list[Pair](), 0
    for at, row in enumerate(news):
        before, after = groups.get(at) or ([partner[at]] if at in partner else [], [at])
        while before and gone < before[0]:
            if gone not in kept:
                pairs.append(Pair(olds[gone], None))
            gone += 1
        if len(after) > 1:
            became = tuple([news[place] for place in after])
            pairs.append(Pair(olds[before[0]], summed(became, olds[before[0]]), became=became))
        elif len(before) > 1:
            were = tuple([olds[place] for place in before])
            pairs.append(Pair(summed(were, row), row, were=were))
        elif at not in told:
            pairs.append(Pair(olds[before[0]] if before else None, row))
    pairs += [Pair(olds[at], None) for at in range(gone, len(olds)) if at not in kept]
    return pairs


def summed(parts: Sequence[Row], other: Row) -> Row:
    """Several layers as one, beside the one on the other side. They are called as the block that they make up, or as
    all of them in the block that the other is in, too."""
    paths = [part.name.split("/") for part in parts]
    shared = 0
    while all(len(path) > shared + 1 and path[shared] == paths[0][shared] for path in paths):
        shared += 1
    name = "/".join(paths[0][:shared])
    if shared <= other.name.count("/"):
        name = "/".join(filter(None, [name, " + ".join(["/".join(path[shared:]) for path in paths])]))
    return Row(
        name,
        " + ".join([part.kind for part in parts]),
        parts[-1].output,
        total(part.cost for part in parts),
        sum([part.effective_macs for part in parts]),
        sum([part.traffic for part in parts]),
    )
