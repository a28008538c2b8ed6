"""Relations: which sums can be had in how many ways, for every assignment of a few variables.

Settings are counted without listing them: a variable is eliminated by adding up, over its values, what the factors and
relations that it stands in give together. Dechter, "Bucket Elimination", Artificial Intelligence 113 (1999)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepcalc.spaces.problem import WIDE, Factor

CHUNK = 1 << 22  # rows that are made at once
MAX_SPAN = 1 << 25  # keys of a convolution that is done by transforms


class Relation(NamedTuple):
    """Rows, sorted by ``cells`` and then by ``keys``: in a cell (an assignment of ``variables``, as one number) a key
    can be had in ``counts`` ways. ``bound``: no count is larger. ``made`` is how it came about."""

    variables: tuple[int, ...]
    cells: NDArray[np.int64]
    keys: NDArray[Any]
    counts: NDArray[Any]
    bound: int
    made: "Made | None" = None

    def rows(self, cell: int) -> slice:
        """The rows of a cell."""
        return slice(*np.searchsorted(self.cells, [cell, cell + 1]).tolist())

    def ways(self, cell: int, keys: NDArray[Any]) -> NDArray[Any]:
        """In how many ways each of some keys can be had in a cell."""
        rows = self.rows(cell)
        own, counts = self.keys[rows], self.counts[rows]
        if not len(own):
            return np.zeros(len(keys), dtype=np.int64)
        places = np.minimum(np.searchsorted(own, keys), len(own) - 1)
        return np.where((own[places] == keys).astype(np.bool_), counts[places], 0)


class Made(NamedTuple):
    """How a relation came about, out of a factor and relations: ``variable`` was eliminated. None: two relations were
    joined, or a factor was added to one."""

    variable: int | None
    factor: Factor | None
    sources: tuple[Relation, ...]


def unit(wide: bool) -> Relation:
    """The relation of nothing: one way to have 0."""
    zero = np.zeros(1, dtype=object if wide else np.int64)
    return Relation((), np.zeros(1, dtype=np.int64), zero, np.ones(1, dtype=np.int64), 1)


def grouped(
    cells: NDArray[np.int64], keys: NDArray[Any], counts: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    """Rows sorted by cell and key, those with the same of both as one."""
    if len(cells) == 0:
        return cells, keys, counts
    if keys.dtype != object:
        span = int(keys.max()) + 1
        if (int(cells.max()) + 1) * span < WIDE:
            both = cells * span + keys
            order = np.argsort(both, kind="stable")
            both, counts = both[order], counts[order]
            first = np.flatnonzero(np.concatenate(([True], both[1:] != both[:-1])))
            found = both[first]
            return found // span, found % span, np.add.reduceat(counts, first)
    order = np.lexsort((keys, cells))
    cells, keys, counts = cells[order], keys[order], counts[order]
    first = np.flatnonzero(np.concatenate(([True], (cells[1:] != cells[:-1]) | (keys[1:] != keys[:-1]))))
    return cells[first], keys[first], np.add.reduceat(counts, first)


def cells_of(variables: Sequence[int], among: Sequence[int], sizes: Sequence[int]) -> NDArray[np.int64]:
    """For every cell over ``among``, the number of the cell over ``variables``, which are some of them."""
    numbers = np.zeros([sizes[variable] for variable in among], dtype=np.int64)
    for variable in variables:
        spread = [-1 if other == variable else 1 for other in among]
        numbers = numbers * sizes[variable] + np.arange(sizes[variable], dtype=np.int64).reshape(spread)
    return numbers.ravel()


def counted(values: NDArray[Any], bound: int) -> NDArray[Any]:
    """Counts in a type that holds ``bound``."""
    return values.astype(object) if bound >= WIDE and values.dtype != object else values


def joined(one: Relation, two: Relation, sizes: Sequence[int]) -> Relation:
    """What two relations give together: keys add up, ways multiply."""
    variables = tuple(sorted({*one.variables, *two.variables}))
    bound = one.bound * two.bound
    cells = 1
    for variable in variables:
        cells *= sizes[variable]
    first, second = cells_of(one.variables, variables, sizes), cells_of(two.variables, variables, sizes)
    parts: list[tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]] = []
    for cell in range(cells):
        mine, theirs = one.rows(int(first[cell])), two.rows(int(second[cell]))
        keys, counts = convolved(
            one.keys[mine], counted(one.counts[mine], bound), two.keys[theirs], counted(two.counts[theirs], bound)
        )
        parts.append((np.full(len(keys), cell, dtype=np.int64), keys, counts))
    columns = [np.concatenate([part[at] for part in parts]) for at in range(3)]
    return Relation(variables, columns[0], columns[1], columns[2], bound, Made(None, None, (one, two)))


def convolved(
    keys: NDArray[Any], counts: NDArray[Any], other_keys: NDArray[Any], other_counts: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """All sums of a key of each, and in how many ways each can be had."""
    if len(keys) < len(other_keys):
        keys, counts, other_keys, other_counts = other_keys, other_counts, keys, counts
    if len(other_keys) == 0:
        return other_keys, other_counts
    wide = keys.dtype == object or other_keys.dtype == object
    pairs = len(keys) * len(other_keys)
    span = 0 if wide else int(keys[-1]) + int(other_keys[-1]) - int(keys[0]) - int(other_keys[0]) + 1
    if wide or pairs <= CHUNK or span > MAX_SPAN:
        return _paired(keys, counts, other_keys, other_counts)
    places, others = keys - keys[0], other_keys - other_keys[0]
    dense = transformed(places, counts, others, other_counts, span)
    found = np.flatnonzero(dense)
    return found + (int(keys[0]) + int(other_keys[0])), dense[found]


def _paired(
    keys: NDArray[Any], counts: NDArray[Any], other_keys: NDArray[Any], other_counts: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The same, pair by pair."""
    sums: NDArray[Any] = np.zeros(0, dtype=keys.dtype)
    ways: NDArray[Any] = np.zeros(0, dtype=counts.dtype)
    step = max(1, CHUNK // len(keys))
    for at in range(0, len(other_keys), step):
        more = (keys[:, None] + other_keys[None, at : at + step]).ravel()
        times = (counts[:, None] * other_counts[None, at : at + step]).ravel()
        sums, ways = np.concatenate([sums, more]), np.concatenate([ways, times])
        _, sums, ways = grouped(np.zeros(len(sums), dtype=np.int64), sums, ways)
    return sums, ways


def transformed(
    places: NDArray[np.int64], counts: NDArray[Any], others: NDArray[np.int64], other_counts: NDArray[Any], span: int
) -> NDArray[Any]:
    """The exact convolution of two sequences of whole numbers, by Fourier transforms in floating point.

    Counts are cut into parts so small that no result is off by half a unit: the error of a convolution of length 2^n is
    below the product of the norms times about 6 n eps. Source: Brent, Percival and Zimmermann, "Error bounds on complex
    floating-point multiplication", Math. Comp. 76 (2007), section 5; eight times as much is allowed for here."""
    length = 1 << (span - 1).bit_length()
    room = 0.25 / (48 * length.bit_length() * float(np.finfo(np.float64).eps))
    bits = 30
    while True:
        mine, theirs = _cut(counts, bits), _cut(other_counts, bits)
        largest = [max(float(np.linalg.norm(part)) for part in parts) for parts in (mine, theirs)]
        if largest[0] * largest[1] < room:
            break
        bits -= 1
    spectra = [
        [_spectrum(place, part, length) for part in parts] for place, parts in ((places, mine), (others, theirs))
    ]
    found: NDArray[Any] = np.zeros(span, dtype=counts.dtype)
    for at, one in enumerate(spectra[0]):
        for other_at, two in enumerate(spectra[1]):
            part = np.rint(np.fft.irfft(one * two, length)[:span]).astype(np.int64)
            found += part.astype(counts.dtype) << (bits * (at + other_at))
    return found


def _cut(counts: NDArray[Any], bits: int) -> list[NDArray[np.float64]]:
    """Counts as parts of so many bits, the lowest first."""
    parts = []
    while True:
        parts.append((counts & ((1 << bits) - 1)).astype(np.float64))
        counts = counts >> bits
        if not np.any(counts):
            return parts


def _spectrum(places: NDArray[np.int64], counts: NDArray[np.float64], length: int) -> NDArray[np.complex128]:
    dense = np.zeros(length)
    dense[places] = counts
    return np.fft.rfft(dense)


def dot(one: NDArray[Any], two: NDArray[Any]) -> int:
    """The exact sum of products of whole numbers from 0."""
    if one.dtype == object or two.dtype == object:
        return sum(mine * other for mine, other in zip(one.tolist(), two.tolist()))
    total = 0
    for first in range(0, len(one), 1 << 20):  # 2^20 products of two parts of 20 bits stay below 2^60
        parts = [
            [(numbers[first : first + (1 << 20)] >> shift) & 0xFFFFF for shift in (0, 20, 40, 60)]
            for numbers in (one, two)
        ]
        for at, mine in enumerate(parts[0]):
            for other_at, other in enumerate(parts[1]):
                if mine.any() and other.any():
                    total += int((mine * other).sum()) << 20 * (at + other_at)
    return total
