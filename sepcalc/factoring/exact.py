"""Exact separability of kernels of integers and fractions: no rounding anywhere, so no tolerance either."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from math import gcd, lcm, prod
from typing import NamedTuple

from sepcalc.shape import Shape

WORK = 2**22  # products of machine words that an elimination may take: about a second


class Separated(NamedTuple):
    """A kernel as ``scale`` times the outer product of ``factors``, one per axis: integers in lowest terms, the first
    nonzero of each but the last positive. A kernel of zeros is 0 times zeros."""

    factors: tuple[tuple[int, ...], ...]
    scale: Fraction


def whole(entries: Sequence[Fraction]) -> tuple[list[int], int]:
    """The entries as integers over their least common denominator."""
    below = lcm(*[entry.denominator for entry in entries])
    return [entry.numerator * (below // entry.denominator) for entry in entries], below


def separate(shape: Shape, entries: Sequence[Fraction]) -> Separated | None:
    """The factors of a kernel (entries in C order), or nothing when it is not an outer product.

    A nonzero entry p is the pivot; a kernel of n axes is an outer product if and only if every entry times p^(n-1) is
    the product of the entries of the fibres through the pivot, one along each axis.
    """
    integers, below = whole(entries)
    at = next((index for index, entry in enumerate(integers) if entry), None)
    if at is None:
        return Separated(tuple([(0,) * size for size in shape]), Fraction(0))
    steps = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    origin = [at // step % size for step, size in zip(steps, shape)]
    fibres = [
        [integers[at + (along - start) * step] for along in range(size)]
        for start, step, size in zip(origin, steps, shape)
    ]
    power = integers[at] ** (len(shape) - 1)
    if any(entry * power != prod(parts) for entry, parts in zip(integers, product(*fibres))):
        return None
    factors = [_lowest(fibre, signed=axis == len(shape) - 1) for axis, fibre in enumerate(fibres)]
    # The pivot is the first nonzero entry of each of its fibres: the last factor, which keeps its sign, has all of it.
    scale = Fraction(integers[at], below * prod([factor[start] for factor, start in zip(factors, origin)]))
    return Separated(tuple(factors), scale)


def _lowest(fibre: Sequence[int], signed: bool) -> tuple[int, ...]:
    divisor = gcd(*fibre)
    if not signed and next(entry for entry in fibre if entry) < 0:
        divisor = -divisor
    return tuple([entry // divisor for entry in fibre])


def feasible(rows: int, columns: int, largest: int) -> bool:
    """Whether :func:`rank` of such a matrix, no entry beyond ``largest``, is a matter of a second."""
    less, more = sorted((rows, columns))
    words = max(1, less * max(1, largest.bit_length()) // 512)
    return less * less * more * words <= WORK


def rank(matrix: Sequence[Sequence[int]]) -> int:
    """The rank of an integer matrix, by fraction-free elimination: every entry stays a minor of the matrix.

    Source: Bareiss, Math. Comp. 22 (1968), 565-578.
    """
    if len(matrix) > len(matrix[0]):
        matrix = list(zip(*matrix))
    rows = [list(row) for row in matrix]
    found, divisor = 0, 1
    for column in range(len(rows[0])):
        pivot = next((at for at in range(found, len(rows)) if rows[at][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        top = rows[found]
        head = top[column]
        for at in range(found + 1, len(rows)):
            lead = rows[at][column]
            rows[at] = [(head * entry - lead * above) // divisor for entry, above in zip(rows[at], top)]
        divisor = head
        found += 1
        if found == len(rows):
            break
    return found


def unfolded(shape: Shape, integers: Sequence[int], axis: int) -> list[list[int]]:
    """The matrix whose rows are the kernel's slices across an axis."""
    step, size = prod(shape[axis + 1 :]), shape[axis]
    rows: list[list[int]] = [[] for _ in range(size)]
    for at, entry in enumerate(integers):
        rows[at // step % size].append(entry)
    return rows
