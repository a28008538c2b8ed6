"""Variables of a problem eliminated one by one, until one relation of sums is left, or two that are not joined."""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepcalc.spaces.problem import MAX_CELLS, MEMORY, Factor, Packed, Unanswerable, together
from sepcalc.spaces.relations import CHUNK, MAX_SPAN, Made, Relation, cells_of, counted, grouped, joined, unit

Columns = tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]
Prune = Callable[[Columns], Columns]  # which rows of a new relation are kept
Room = tuple[tuple[int, int], ...]  # of each axis the least and the most that the rest of a problem adds
Known = dict[int, int]  # variables with the number of their value
ROW = 24  # bytes of a row


class Solved(NamedTuple):
    """What is left of a problem: two relations over the same variable, or over none. The sums of all settings are those
    of a row of ``one``, the smaller, and a row of ``two`` in the same cell, together."""

    packed: Packed
    one: Relation
    two: Relation


def eliminated(packed: Packed, prune: Prune | None = None, memory: int = MEMORY) -> Solved:
    """Eliminates all variables, but the last where two relations stand in it. ``prune`` drops rows that cannot matter
    to the answer. Raises Unanswerable."""
    sizes, names = packed.problem.sizes, packed.problem.names
    factors = [factor for factor in packed.factors if factor.variables]
    start = unit(packed.wide)
    if any(not factor.variables and not bool(factor.valid) for factor in packed.factors):
        start = Relation((), start.cells[:0], start.keys[:0], start.counts[:0], 0)
    relations = [start]
    left = {*range(len(sizes))}
    while left:
        variable = min(left, key=lambda one: _price(one, factors, relations, sizes))
        mine = [factor for factor in factors if variable in factor.variables]
        ours = [relation for relation in relations if variable in relation.variables]
        factors = [factor for factor in factors if variable not in factor.variables]
        relations = [relation for relation in relations if variable not in relation.variables]
        if len(left) == 1 and len(ours) == 2 and relations == [start] and len(start.keys):
            one, two = sorted(ours, key=lambda relation: len(relation.keys))
            return Solved(packed, _shifted(one, mine, packed), two)
        over = tuple(sorted({variable}.union(*[one.variables for one in mine], *[one.variables for one in ours])))
        cells = 1
        for other in over:
            cells *= sizes[other]
        if cells > MAX_CELLS:
            raise _too_large(names[variable], [names[other] for other in over if other != variable], cells)
        relations.append(_without(variable, over, mine, ours, [*factors, *relations], packed, prune, memory))
        left.discard(variable)
    relations.sort(key=lambda relation: len(relation.keys))
    while len(relations) > 2:
        one, two, *others = relations
        relations = sorted([_both(one, two, others, packed, prune, memory), *others], key=lambda one: len(one.keys))
    return Solved(packed, relations[0] if len(relations) > 1 else unit(packed.wide), relations[-1])


def whole(solved: Solved, prune: Prune | None = None, memory: int = MEMORY) -> Relation:
    """The relation of all settings."""
    packed, one, two = solved
    both = _both(one, two, [], packed, prune, memory)
    for variable in both.variables:
        both = _without(variable, (variable,), [], [both], [], packed, prune, memory)
    return both


def _both(
    one: Relation,
    two: Relation,
    others: Sequence[Factor | Relation],
    packed: Packed,
    prune: Prune | None,
    memory: int,
) -> Relation:
    """Two relations as one."""
    _affordable(one, two, memory, packed)
    both = joined(one, two, packed.problem.sizes)
    columns = _kept((both.cells, both.keys, both.counts), _room(others, packed), packed, prune)
    return Relation(both.variables, *columns, both.bound, both.made)


def _shifted(relation: Relation, factors: Sequence[Factor], packed: Packed) -> Relation:
    """A relation with factors over its own variable added."""
    factor = together(factors, relation.variables, packed.problem.sizes, packed.wide)
    good = factor.valid.ravel()[relation.cells]
    cells, counts = relation.cells[good], relation.counts[good]
    keys = relation.keys[good] + factor.keys.ravel()[cells]
    return Relation(relation.variables, cells, keys, counts, relation.bound, Made(None, factor, (relation,)))


def _price(
    variable: int, factors: Sequence[Factor], relations: Sequence[Relation], sizes: Sequence[int]
) -> tuple[int, float]:
    """What it takes to eliminate a variable: the cells that it leaves, and about how many rows. So a chain is
    eliminated from both its ends."""
    over = set[int]()
    rows = float(sizes[variable])
    for factor in factors:
        if variable in factor.variables:
            over.update(factor.variables)
    for relation in relations:
        if variable in relation.variables:
            over.update(relation.variables)
            own = 1
            for other in relation.variables:
                own *= sizes[other]
            rows *= max(1.0, len(relation.keys) / own)
    cells = 1
    for other in over - {variable}:
        cells *= sizes[other]
    return cells, rows * cells


def _without(
    variable: int,
    over: tuple[int, ...],
    factors: Sequence[Factor],
    relations: Sequence[Relation],
    others: Sequence[Factor | Relation],
    packed: Packed,
    prune: Prune | None,
    memory: int,
) -> Relation:
    """The relation that a variable leaves behind. ``others`` are those without it."""
    sizes = packed.problem.sizes
    source = None
    left = sorted(relations, key=lambda one: len(one.keys))
    for at, relation in enumerate(left):
        if source is not None:
            source = _both(source, relation, [*factors, *others, *left[at + 1 :]], packed, prune, memory)
        else:
            source = relation
    room = _room(others, packed)
    factor = together(factors, over, sizes, packed.wide)
    kept = tuple([other for other in over if other != variable])
    targets = cells_of(kept, over, sizes)
    valid = np.flatnonzero(factor.valid.ravel())
    keys = factor.keys.ravel()
    bound = sizes[variable] * (source.bound if source is not None else 1)
    made = Made(variable, factor, () if source is None else (source,))
    if source is None:
        ones = counted(np.ones(len(valid), dtype=np.int64), bound)
        columns = _kept(grouped(targets[valid], keys[valid], ones), room, packed, prune)
        return Relation(kept, *columns, bound, made)
    begins = cells_of(source.variables, over, sizes)[valid]
    starts, ends = np.searchsorted(source.cells, begins), np.searchsorted(source.cells, begins, side="right")
    lengths = ends - starts
    parts: list[Columns] = []
    held = 0
    edges = np.searchsorted(np.cumsum(lengths), np.arange(0, int(lengths.sum()) + CHUNK, CHUNK), side="left")
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), len(valid)]):
        last = max(last, first)
        if last == first:
            continue
        some, long = valid[first:last], lengths[first:last]
        offsets = np.arange(int(long.sum())) - np.repeat(np.cumsum(long) - long, long)
        rows = np.repeat(starts[first:last], long) + offsets
        columns = grouped(
            np.repeat(targets[some], long),
            source.keys[rows] + np.repeat(keys[some], long),
            counted(source.counts[rows], bound),
        )
        parts.append(_kept(columns, room, packed, prune))
        held += len(parts[-1][0])
        if held * ROW * 3 > memory:
            raise _too_many(packed.problem.names[variable])
        if len(parts) > 16 or last == len(valid):
            parts = [_merged(parts, room, packed, prune)]
            held = len(parts[0][0])
    columns = parts[0] if parts else (targets[:0], keys[:0], np.zeros(0, dtype=np.int64))
    if len(parts) > 1:
        columns = _merged(parts, room, packed, prune)
    return Relation(kept, *columns, bound, made)


def _room(parts: Sequence[Factor | Relation], packed: Packed) -> Room:
    """The least and the most that these add, by axis."""
    found = []
    for at in range(len(packed.axes)):
        columns = [packed.part(part.keys[part.valid] if isinstance(part, Factor) else part.keys, at) for part in parts]
        some = [column for column in columns if column.size]
        found.append((sum([int(column.min()) for column in some]), sum([int(column.max()) for column in some])))
    return tuple(found)


def _merged(parts: Sequence[Columns], room: Room, packed: Packed, prune: Prune | None) -> Columns:
    cells, keys, counts = [np.concatenate([part[at] for part in parts]) for at in range(3)]
    return _kept(grouped(cells, keys, counts), room, packed, prune)


def _kept(columns: Columns, room: Room, packed: Packed, prune: Prune | None) -> Columns:
    """The rows that may still come within the limits, and that ``prune`` does not drop."""
    cells, keys, counts = columns
    for at, (axis, (least, most)) in enumerate(zip(packed.axes, room, strict=True)):
        if axis.low > 0 or axis.high < axis.most:
            parts = packed.part(keys, at)
            good = ((parts + least <= axis.high) & (parts + most >= axis.low)).astype(np.bool_)
            cells, keys, counts = cells[good], keys[good], counts[good]
    return prune((cells, keys, counts)) if prune else (cells, keys, counts)


def _affordable(one: Relation, two: Relation, memory: int, packed: Packed) -> None:
    """Raises Unanswerable where two relations are too large to be joined."""
    if not len(one.keys) or not len(two.keys):
        return
    cells = max(len(np.unique(one.cells)), len(np.unique(two.cells)))
    rows = len(one.keys) * len(two.keys) // cells
    if one.keys.dtype != object:
        span = int(one.keys.max()) + int(two.keys.max()) + 1
        if rows > CHUNK * cells and span <= MAX_SPAN:
            rows = cells * span
    if rows * ROW * 2 > memory:
        names = [packed.problem.names[variable] for variable in (*one.variables, *two.variables)]
        raise _too_many(names[0] if names else "")


def _too_large(name: str, others: Sequence[str], cells: int) -> Unanswerable:
    told = ", ".join(others[:5]) + (f" and {len(others) - 5:,} more" if len(others) > 5 else "")
    return Unanswerable(
        f"{name} depends on too many choices at once ({told}): {cells:,} cells",
        "fix some of them with --set, or ask of --least or --most of one count",
    )


def _too_many(name: str) -> Unanswerable:
    where = f", where {name} is added up" if name else ""
    return Unanswerable(
        f"there are too many different sums to count them exactly in this memory{where}",
        "give more --memory, fewer limits, or ask of --least or --most, which keep the best alone",
    )


# --- back to settings


def traced(relation: Relation, cell: int, key: int, known: Known, packed: Packed) -> Iterator[Known]:
    """The settings behind a row of a relation; ``known`` are the variables of its cell."""
    if relation.made is None:
        yield known
        return
    for source_cells, more, _ in _origins(relation, key, known, packed):
        if not source_cells:
            yield {**known, **more}
            continue
        (first, first_cell, first_key), *others = source_cells
        for found in traced(first, first_cell, first_key, {**known, **more}, packed):
            if not others:
                yield found
                continue
            second, second_cell, second_key = others[0]
            yield from traced(second, second_cell, second_key, found, packed)


def drawn(relation: Relation, cell: int, key: int, known: Known, packed: Packed, rng: random.Random) -> Known:
    """One of the settings behind a row, each as likely as any other."""
    if relation.made is None:
        return known
    at = rng.randrange(int(relation.ways(cell, _alone(key, relation))[0]))
    for source_cells, more, ways in _origins(relation, key, known, packed):
        if at < ways:
            found = {**known, **more}
            for source, source_cell, source_key in source_cells:
                found = drawn(source, source_cell, source_key, found, packed, rng)
            return found
        at -= ways
    raise AssertionError("a row has the ways of its origins")


Origin = tuple[list[tuple[Relation, int, int]], Known, int]


def _origins(relation: Relation, key: int, known: Known, packed: Packed) -> Iterator[Origin]:
    """Out of which rows a row was made, with which value of the variable that was eliminated, and in how many ways."""
    assert relation.made is not None
    variable, factor, sources = relation.made
    sizes = packed.problem.sizes
    if variable is None and factor is not None:
        (source,) = sources
        cell = number_of(source.variables, known, sizes)
        before = key - int(factor.keys.ravel()[cell])
        yield [(source, cell, before)], {}, int(source.ways(cell, _alone(before, source))[0])
        return
    if variable is None:
        one, two = sources
        rows = one.rows(number_of(one.variables, known, sizes))
        other = number_of(two.variables, known, sizes)
        ways = two.ways(other, key - one.keys[rows])
        for at in np.flatnonzero(ways).tolist():
            mine = int(one.keys[rows.start + at])
            first = one, number_of(one.variables, known, sizes), mine
            yield [first, (two, other, key - mine)], {}, int(one.counts[rows.start + at]) * int(ways[at])
        return
    assert factor is not None
    for value in range(sizes[variable]):
        inside = {**known, variable: value}
        place = tuple([inside[other] for other in factor.variables])
        if not factor.valid[place]:
            continue
        before = key - int(factor.keys[place])
        if not sources:
            if before == 0:
                yield [], {variable: value}, 1
            continue
        (source,) = sources
        cell = number_of(source.variables, inside, sizes)
        if before >= 0 and (number := int(source.ways(cell, _alone(before, source))[0])):
            yield [(source, cell, before)], {variable: value}, number


def _alone(key: int, relation: Relation) -> NDArray[Any]:
    return np.array([key], dtype=relation.keys.dtype)


def number_of(variables: Sequence[int], known: Known, sizes: Sequence[int]) -> int:
    """The number of a cell."""
    number = 0
    for variable in variables:
        number = number * sizes[variable] + known[variable]
    return number
