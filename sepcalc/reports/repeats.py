"""Equal changes of repeated blocks, as one: ``b[0..2]/conv[1]``."""

import re
from collections.abc import Hashable, Sequence
from itertools import product
from math import prod

from sepcalc.gate.pairs import Pair

_INDEX = re.compile(r"\[([0-9]{1,9})\]")
_RANGE = re.compile(r"\[[0-9]{1,9}(?:\.\.[0-9]{1,9})?\]")
Together = tuple[str, int, list[Pair]]  # what they are called, how many there are, and these


def together(pairs: Sequence[Pair]) -> list[Together]:
    """Changes in their order. Changes that differ only in the indices of their names become one, at the place of the
    first. Names with and without an index (``b[1]/conv`` and ``b/conv``) stay apart, since no range covers both."""
    groups: dict[Hashable, list[Pair]] = {}
    for pair in pairs:
        sides = [side and (_INDEX.sub("[]", side.name), *side[1:]) for side in (pair.old, pair.new)]
        groups.setdefault((pair.status, *sides), []).append(pair)
    found = [one for group in groups.values() for one in _boxes(group)]
    places = {id(pair): at for at, pair in enumerate(pairs)}
    return sorted(found, key=lambda one: places[id(one[2][0])])


def _boxes(group: list[Pair]) -> list[Together]:
    """The group, split into parts that one range per index describes."""
    waiting, found = [group], list[Together]()
    while waiting:
        part = waiting.pop()
        if len(part) == 1 or _is_box(part):
            found.append((_called(part), len(part), part))
        else:
            waiting += _parted(part)
    return found


def _is_box(part: list[Pair]) -> bool:
    """Whether the indices are all those of a range, or all combinations of several ranges, in the same order on both
    sides."""
    orders = []
    for names in _names(part):
        rows = [_indices(name) for name in names]
        spans = [(min(numbers), max(numbers)) for numbers in zip(*rows)]
        if len({*rows}) != len(rows) or prod(high - low + 1 for low, high in spans) != len(rows):
            return False
        orders.append(sorted(range(len(rows)), key=rows.__getitem__))
    return orders[0] == orders[-1]


def _parted(part: list[Pair]) -> list[list[Pair]]:
    """The group in smaller parts: split by the first index that differs, into runs of consecutive numbers where there
    are several."""
    rows = [sum(map(_indices, names), ()) for names in zip(*_names(part))]
    ranges = [sorted({*numbers}) for numbers in zip(*rows)]
    for step, (at, numbers) in product((1, 0), enumerate(ranges)):  # gaps first
        run, runs = 0, dict[int, int]()  # the number of the run that an index is in
        for before, number in zip([numbers[0], *numbers], numbers):
            run += number > before + step
            runs[number] = run
        if run:
            parts: list[list[Pair]] = [[] for _ in range(run + 1)]
            for pair, row in zip(part, rows):
                parts[runs[row[at]]].append(pair)
            return parts
    return [[pair] for pair in part]


def _names(part: list[Pair]) -> list[list[str]]:
    """The names of the layers, on each side that exists."""
    sides = ([pair.old for pair in part], [pair.new for pair in part])
    return [[row.name for row in rows if row] for rows in sides if rows[0]]


def _indices(name: str) -> tuple[int, ...]:
    return tuple(map(int, _INDEX.findall(name)))


def _called(part: list[Pair]) -> str:
    """The name of the layers. Where it changed, both names. A layer that is counted on one side only has the name of
    that side."""
    before, *others = map(_ranged, _names(part))
    after = others[0] if others else before
    counts = len(_RANGE.findall(before)), len(_RANGE.findall(after))
    if _RANGE.sub("", before) == _RANGE.sub("", after) and counts[0] != counts[1]:
        return max(before, after, key=len)
    return before if before == after else f"{before} -> {after}"


def _ranged(names: list[str]) -> str:
    """One name for several names that differ only in indices."""
    spans = [(min(numbers), max(numbers)) for numbers in zip(*map(_indices, names))]
    texts = iter([f"[{low}]" if low == high else f"[{low}..{high}]" for low, high in spans])
    return _INDEX.sub(lambda _: next(texts), names[0])
