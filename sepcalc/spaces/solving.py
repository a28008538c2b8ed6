"""Questions on a space, answered exactly without listing its networks."""

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from typing import Any, NamedTuple

import numpy as np

from sepcalc.errors import Invalid
from sepcalc.spaces.eliminating import Columns, Known, Prune, Solved, drawn, eliminated, traced, whole
from sepcalc.spaces.problem import MEMORY, Limits, Packed, Problem, packed
from sepcalc.spaces.relations import Relation, counted, dot, unit

Assignment = tuple[int | None, ...]
LEAST, MOST = "least", "most"
SENSES = (LEAST, MOST)
Wish = tuple[str, str]  # a sense and a metric


class Best(NamedTuple):
    """The best value of a metric, how many settings have it, and some settings in order, each with its value."""

    value: int
    ties: int
    settings: tuple[tuple[int, Assignment], ...]


class Point(NamedTuple):
    """A point of a front: its values, one setting that has them, and how many do."""

    values: tuple[int, int]
    setting: Assignment
    ties: int


class Bin(NamedTuple):
    """How many settings have a metric from ``low`` to ``high``, both included."""

    low: int
    high: int
    number: int


def size(problem: Problem, memory: int = MEMORY) -> int:
    """The number of settings that make a network."""
    return count(problem, {}, memory)


def count(problem: Problem, limits: Limits, memory: int = MEMORY) -> int:
    """The number of settings within the limits. Raises Unanswerable."""
    solved = eliminated(packed(problem, (), limits), None, memory)
    return _ways(solved, memory)


def _ways(solved: Solved, memory: int, low: int | None = None, high: int | None = None) -> int:
    """The number of settings within the limits; with ``low`` and ``high`` in place of those of the one axis."""
    axes = solved.packed.axes
    if len(axes) > 1:
        return int(_sum(whole(solved, None, memory).counts))
    if axes:
        low, high = axes[0].low if low is None else low, axes[0].high if high is None else high
    return dot(solved.one.counts, _partners(solved, low or 0, high or 0)[1])


def _partners(solved: Solved, low: int, high: int) -> tuple[Any, Any, Any]:
    """For each row of one relation, the first of those of the other with which it comes between two keys, and in how
    many ways; and the ways of the other, added up."""
    one, two = solved.one, solved.two
    counts = counted(two.counts, two.bound)
    running = np.concatenate([np.zeros(1, dtype=counts.dtype), np.cumsum(counts)])
    first, last = np.zeros(len(one.keys), dtype=np.int64), np.zeros(len(one.keys), dtype=np.int64)
    for cell in np.unique(one.cells).tolist():
        mine, theirs = one.rows(cell), two.rows(cell)
        first[mine] = theirs.start + np.searchsorted(two.keys[theirs], low - one.keys[mine], side="left")
        last[mine] = theirs.start + np.searchsorted(two.keys[theirs], high - one.keys[mine], side="right")
    last = np.maximum(first, last)
    return first, running[last] - running[first], running


def _sum(counts: Any) -> int:
    return sum(counts.tolist())


def best(problem: Problem, wish: Wish, limits: Limits, top: int = 1, memory: int = MEMORY) -> Best | None:
    """The least or the largest value of a metric within the limits, and the ``top`` settings; None where there is none.
    Raises Unanswerable."""
    sense, metric = wish
    if metric in problem.peaks:
        return _best_peak(problem, wish, limits, top, memory)
    made = packed(problem, [(metric, sense == MOST)], limits)
    prune: Prune | None = None  # what is too small as yet may be the answer
    if made.axes[0].low <= 0:
        prune = _first_ways(top) if len(made.axes) == 1 else _fronts(made, top) if _one_sided(made) else None
    found = whole(eliminated(made, prune, memory), None, memory)
    if not len(found.keys):
        return None
    values = made.part(found.keys, 0)
    ties = _sum(found.counts[values == values[0]])
    settings = islice(_settings(found, made), top)
    return Best(made.axes[0].metric(int(values[0])), ties, tuple(settings))


def _settings(relation: Relation, made: Packed) -> Iterator[tuple[int, Assignment]]:
    """The settings behind all rows, in order, each with the metric of the first axis."""
    for key in relation.keys.tolist():
        value = made.axes[0].metric(int(made.part(key, 0)))
        for known in traced(relation, 0, key, {}, made):
            yield value, assignment(made.problem, known)


def assignment(problem: Problem, known: Known) -> Assignment:
    """A number for each variable, None where it does not occur."""
    numbers = [known[variable] for variable in range(len(problem.sizes))]
    occurs = problem.occurs
    return tuple([None if at in occurs and not occurs[at].at(numbers) else number for at, number in enumerate(numbers)])


def _first_ways(top: int) -> Prune:
    """Keeps, in each cell, the least keys that are had in ``top`` ways together, the last of them whole."""

    def prune(columns: Columns) -> Columns:
        cells, keys, counts = columns
        if not len(cells):
            return columns
        ways = np.minimum(counts, top).astype(np.int64)
        before = np.cumsum(ways) - ways
        first = np.flatnonzero(np.concatenate(([True], cells[1:] != cells[:-1])))
        lengths = np.diff(np.append(first, len(cells)))
        good = before - np.repeat(before[first], lengths) < top
        return cells[good], keys[good], counts[good]

    return prune


def _one_sided(made: Packed) -> bool:
    """Whether there is one limit, of one side, beside what is looked for: then what is worse in both is dropped."""
    return len(made.axes) == 2 and made.axes[1].low <= 0


def _fronts(made: Packed, layers: int) -> Prune:
    """Keeps, in each cell, the rows that fewer than ``layers`` others beat: a smaller first part, and a second part
    that is as small."""

    def prune(columns: Columns) -> Columns:
        cells, keys, counts = columns
        left = np.ones(len(cells), dtype=np.bool_)
        kept = np.zeros(len(cells), dtype=np.bool_)
        first, second = made.part(keys, 0), made.part(keys, 1)
        for _ in range(layers):
            places = np.flatnonzero(left)
            if not len(places):
                break
            good = _unbeaten(cells[places], first[places], second[places])
            kept[places[good]] = True
            left[places[good]] = False
        return cells[kept], keys[kept], counts[kept]

    return prune


def _unbeaten(cells: Any, first: Any, second: Any) -> Any:
    """The rows, sorted by cell, first and second part, with no row of the same cell that has a smaller first part and
    a second part that is as small."""
    groups = np.concatenate(([True], (cells[1:] != cells[:-1]) | (first[1:] != first[:-1])))
    starts = np.flatnonzero(groups)
    lows = second[starts]  # the least second part of each group: rows are sorted
    new = np.concatenate(([True], cells[starts][1:] != cells[starts][:-1]))
    before: Any = np.full(len(starts), int(second.max()) + 1)  # what beats nothing
    running = None
    for at, (fresh, low) in enumerate(zip(new.tolist(), lows.tolist())):
        if fresh or running is None:
            running = low
            continue
        before[at] = running
        running = min(running, low)
    lengths = np.diff(np.append(starts, len(cells)))
    return second < np.repeat(before, lengths)


def front(problem: Problem, wishes: tuple[Wish, Wish], limits: Limits, memory: int = MEMORY) -> tuple[Point, ...]:
    """The exact Pareto front of two counts within the limits, ascending in the first. Raises Unanswerable, and Invalid
    where both counts are the same."""
    if wishes[0][1] == wishes[1][1]:
        raise Invalid(f"a front needs two different counts, not {wishes[0][1]} twice")
    for at, (_, metric) in enumerate(wishes):
        if metric in problem.peaks:
            return _peak_front(problem, wishes, at, limits, memory)
    made = packed(problem, [(metric, sense == MOST) for sense, metric in wishes], limits)
    prune = _staircase(made) if len(made.axes) == 2 and all(axis.low <= 0 for axis in made.axes) else None
    found = whole(eliminated(made, prune, memory), None, memory)
    points: list[Point] = []
    lowest = None
    firsts, seconds = made.part(found.keys, 0), made.part(found.keys, 1)
    at = 0
    while at < len(found.keys):
        key, second = found.keys[at], int(seconds[at])
        same = at + 1
        while same < len(found.keys) and firsts[same] == firsts[at] and seconds[same] == second:
            same += 1
        if lowest is None or second < lowest:
            lowest = second
            values = made.axes[0].metric(int(firsts[at])), made.axes[1].metric(second)
            known = next(traced(found, 0, int(key), {}, made))
            points.append(Point(values, assignment(problem, known), _sum(found.counts[at:same])))
        at = same
    return tuple(sorted(points))


def _staircase(made: Packed) -> Prune:
    """Keeps, in each cell, the rows that no other one is better than in one part and as good in the other."""

    def prune(columns: Columns) -> Columns:
        cells, keys, counts = columns
        second = made.part(keys, 1)
        kept = np.zeros(len(cells), dtype=np.bool_)
        before, lowest = -1, 0
        for at, (cell, low) in enumerate(zip(cells.tolist(), second.tolist())):
            if cell != before or low < lowest:
                before, lowest = cell, low
                kept[at] = True
        return cells[kept], keys[kept], counts[kept]

    return prune


def histogram(problem: Problem, metric: str, bins: int, limits: Limits, memory: int = MEMORY) -> tuple[Bin, ...]:
    """How many settings within the limits have which values of a metric, in ``bins`` of equal width from the least to
    the largest. Raises Unanswerable."""
    low, high = [best(problem, (sense, metric), limits, 1, memory) for sense in SENSES]
    if low is None or high is None:
        return ()
    span = high.value - low.value + 1
    bins = min(bins, span)
    edges = [low.value + span * at // bins for at in range(bins + 1)]
    if metric in problem.peaks:
        below = [count(problem, {**limits, metric: _within(limits, metric, edge - 1)}, memory) for edge in edges]
        return tuple([Bin(begin, end - 1, b - a) for begin, end, a, b in zip(edges, edges[1:], below, below[1:])])
    made = packed(problem, [(metric, False)], limits)
    (axis, *others) = made.axes
    solved = eliminated(made, None, memory)
    if others:
        found = whole(solved, None, memory)
        values = [axis.metric(int(value)) for value in made.part(found.keys, 0).tolist()]
        ways = np.zeros(bins, dtype=object)
        for value, number in zip(values, found.counts.tolist()):
            ways[np.searchsorted(edges, value, side="right") - 1] += number
        return tuple([Bin(begin, end - 1, int(number)) for begin, end, number in zip(edges, edges[1:], ways)])
    found_bins = []
    for begin, end in pairwise(edges):
        first, last = -((axis.base - begin) // axis.step), (end - 1 - axis.base) // axis.step
        found_bins.append(Bin(begin, end - 1, _ways(solved, memory, max(axis.low, first), min(axis.high, last))))
    return tuple(found_bins)


def _within(limits: Limits, metric: str, most: int) -> tuple[int | None, int | None]:
    least, before = limits.get(metric, (None, None))
    return least, most if before is None else min(most, before)


def sample(problem: Problem, number: int, seed: int, limits: Limits, memory: int = MEMORY) -> tuple[Assignment, ...]:
    """Settings within the limits, drawn one by one, each as likely as any other. Raises Unanswerable."""
    rng = random.Random(seed)
    made = packed(problem, (), limits)
    solved = eliminated(made, None, memory)
    if len(made.axes) > 1:
        solved = Solved(made, unit(made.wide), whole(solved, None, memory))
    one, two = solved.one, solved.two
    low, high = 0, int(two.keys[-1]) if len(two.keys) else 0
    if len(made.axes) == 1:
        low, high = made.axes[0].low, made.axes[0].high
    first, ways, running = _partners(solved, low, high)
    rows = np.flatnonzero(ways)
    if not len(rows):
        return ()
    totals = np.cumsum(one.counts[rows].astype(object) * ways[rows]).tolist()
    found = []
    for _ in range(number):
        row = int(rows[bisect_right(totals, rng.randrange(totals[-1]))])
        at = int(np.searchsorted(running, int(running[first[row]]) + rng.randrange(int(ways[row])), side="right")) - 1
        cell = int(one.cells[row])
        known = dict.fromkeys(one.variables, cell)  # there is one at most
        known = drawn(one, cell, int(one.keys[row]), known, made, rng)
        known = drawn(two, cell, int(two.keys[at]), known, made, rng)
        found.append(assignment(problem, known))
    return tuple(found)


# --- the largest of tables


def _values_of(problem: Problem, metric: str, limits: Limits) -> list[int]:
    """The values within the limits that a peak may have, ascending."""
    values = sorted({value for table in problem.peaks[metric] for value in table.values} | {0})
    least, most = limits.get(metric, (None, None))
    return [value for value in values if (least is None or value >= least) and (most is None or value <= most)]


def _best_peak(problem: Problem, wish: Wish, limits: Limits, top: int, memory: int) -> Best | None:
    sense, metric = wish
    values = _values_of(problem, metric, limits)
    least, most = limits.get(metric, (None, None))

    def number(value: int) -> int:
        return count(problem, {**limits, metric: (least, value) if sense == LEAST else (value, most)}, memory)

    order = values if sense == LEAST else values[::-1]
    low, high = 0, len(order)
    while low < high:  # the first value up to which there are some
        middle = (low + high) // 2
        if number(order[middle]):
            high = middle
        else:
            low = middle + 1
    if low == len(order):
        return None
    value = order[low]
    ties = count(problem, {**limits, metric: (value, value)}, memory)
    settings: list[tuple[int, Assignment]] = []
    for other in order[low:]:
        made = packed(problem, (), {**limits, metric: (other, other)})
        found = whole(eliminated(made, None, memory), None, memory)
        for key in found.keys.tolist():
            some = islice(traced(found, 0, key, {}, made), top - len(settings))
            settings += [(other, assignment(problem, known)) for known in some]
        if len(settings) >= top:
            break
    return Best(value, ties, tuple(settings[:top]))


def _peak_front(problem: Problem, wishes: tuple[Wish, Wish], at: int, limits: Limits, memory: int) -> tuple[Point, ...]:
    """A front of which one count is a peak: for each value of the peak, the best of the other up to it."""
    (sense, metric), other = wishes[at], wishes[1 - at]
    values = _values_of(problem, metric, limits)
    points: list[Point] = []
    before: int | None = None
    for value in values if sense == LEAST else values[::-1]:
        found = best(problem, other, {**limits, metric: (value, value)}, 1, memory)
        if found is None:
            continue
        better = before is None or (found.value < before if other[0] == LEAST else found.value > before)
        if better:
            before = found.value
            pair = (value, found.value) if at == 0 else (found.value, value)
            points.append(Point(pair, found.settings[0][1], found.ties))
    return tuple(sorted(points))


def nearest(problem: Problem, limits: Limits, memory: int = MEMORY) -> Mapping[str, int]:
    """Where nothing keeps all limits: for each metric the nearest value that can be had within the other limits, or
    within none of them if these cannot be kept together either. Raises Unanswerable."""
    found = {}
    for metric, (least, most) in limits.items():
        others = {name: ends for name, ends in limits.items() if name != metric}
        for sense, bound in ((LEAST, most), (MOST, least)):
            if bound is None:
                continue
            one = best(problem, (sense, metric), others, 1, memory) or best(problem, (sense, metric), {}, 1, memory)
            if one is not None and (one.value > bound if sense == LEAST else one.value < bound):
                found[metric] = one.value
    return found
