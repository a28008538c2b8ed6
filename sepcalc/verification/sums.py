"""Sums of products, one multiplication and one addition at a time, in blocks that stay in a core's cache."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from sepcalc.verification.bench import DRAWN, Bench, Weights
from sepcalc.verification.counting import Array

BLOCK = 2**17  # products of one call: 512 KiB of int32 stay in a core's cache, and the calls themselves weigh little


FEW = 4  # positions for which it does not pay to lay kernels out anew
ACROSS = 4096  # elements of a row of products: what they add up to stays in the innermost cache
GATHERED = 2**20  # elements of an input that are laid out at a time


class _Stored(NamedTuple):
    """The second operand of a matrix product: rows of data, in the place of weights."""

    rows: Array

    def take(self, start: int, stop: int) -> Array:
        """Rows ``start`` to ``stop``."""
        return self.rows[start:stop]


def sums_of_products(
    bench: Bench,
    rows: Array,
    index: Array,
    offsets: Array,
    groups: int,
    outs: int,
    kernels: Weights | _Stored,
    first: int = 0,
) -> Any:
    """Every sum of products of a convolution, each product by a multiplication, each sum by additions.

    ``rows`` are input elements, ``P x C``; an output position sees the rows ``index + offset`` for every offset (one
    for each tap). ``kernels`` give ``outs`` rows from ``first`` on, each of ``taps · C/groups`` numbers, tap by tap.
    Gives ``len(index) x outs``. Work is cut into blocks that stay in a core's cache.
    """
    taps, per_group, each = len(offsets), outs // groups, rows.shape[1] // groups
    terms = taps * each
    if groups == 1 and len(index) <= FEW:
        return _along(bench, rows[index[:, None] + offsets].reshape(len(index), terms), outs, kernels, first)
    result = np.empty((len(index), groups, per_group), rows.dtype)
    window = max(1, GATHERED // max(1, taps * rows.shape[1]))
    keep = outs * terms <= 4 * GATHERED or len(index) <= window
    kept: dict[int, Array] = {}
    for at in range(0, len(index), window):
        seen = index[at : at + window]
        # terms x positions x groups: one row for each term of the sums
        laid = rows[seen[None, :] + offsets[:, None]].reshape(taps, len(seen), groups, each)
        laid = np.ascontiguousarray(laid.transpose(0, 3, 1, 2).reshape(terms, len(seen), groups))
        positions_inside = len(seen) >= (per_group if per_group > 1 else groups)
        if positions_inside:
            laid = np.ascontiguousarray(laid.transpose(0, 2, 1))
        step = max(1, 4 * DRAWN // max(1, terms)) if groups == 1 else per_group
        for low in range(0, per_group, step):
            high = min(per_group, low + step)
            kernel = kept.get(low)
            if kernel is None:
                start, stop = (first + low, first + high) if groups == 1 else (first, first + outs)
                kernel = kernels.take(start, stop).reshape(groups, -1, terms)
                if keep:
                    kept[low] = kernel
            weight = np.ascontiguousarray(kernel.transpose(2, 0, 1)).astype(rows.dtype)  # terms x groups x outs
            block = result[at : at + len(seen), :, low:high]
            if positions_inside:
                block[...] = _inside(bench, laid, weight, BLOCK).transpose(2, 0, 1)
            else:
                block[...] = _outside(bench, laid, weight, BLOCK)
    return result.reshape(len(index), outs).view(bench.array)


def _along(bench: Bench, laid: Array, outs: int, kernels: Weights | _Stored, first: int) -> Any:
    """Sums with their terms innermost, as kernels lie in memory. It serves few positions: ``positions x terms``."""
    places, terms = laid.shape
    result = np.empty((places, outs), laid.dtype)
    some = max(1, BLOCK // max(1, terms))
    scratch = bench.scratch((min(some, outs), terms), laid.dtype)
    for low in range(0, outs, some):
        high = min(outs, low + some)
        kernel = kernels.take(first + low, first + high).astype(laid.dtype).reshape(high - low, terms)
        for at in range(places):
            with bench.tally.products():
                products = np.multiply(kernel, laid[at], out=scratch[: high - low])
            result[at, low:high] = np.add.reduce(products, axis=1, dtype=laid.dtype)
        bench.tick()
    return result.view(bench.array)


def _inside(bench: Bench, laid: Array, weight: Array, block: int) -> Array:
    """Sums with the positions innermost: ``terms x groups x positions`` by ``terms x groups x outs`` to
    ``groups x outs x positions``."""
    _, groups, places = laid.shape
    outs = weight.shape[2]
    result = np.empty((groups, outs, places), laid.dtype)
    across = -(-places // -(-places // ACROSS))
    some = min(outs, max(1, ACROSS // across))
    several = min(groups, max(1, ACROSS // (across * some)))
    deep = max(1, block // (across * some * several))
    for p, g, o in product(range(0, places, across), range(0, groups, several), range(0, outs, some)):
        left = laid[:, g : g + several, None, p : p + across]
        right = weight[:, g : g + several, o : o + some, None]
        result[g : g + several, o : o + some, p : p + across] = _summed(bench, left, right, deep)
    return result


def _outside(bench: Bench, laid: Array, weight: Array, block: int) -> Array:
    """Sums with the channels innermost: ``terms x positions x groups`` by ``terms x groups x outs`` to
    ``positions x groups x outs``."""
    _, places, groups = laid.shape
    outs = weight.shape[2]
    result = np.empty((places, groups, outs), laid.dtype)
    some = min(outs, ACROSS)
    several = min(groups, max(1, ACROSS // some))
    across = min(places, max(1, 4 * ACROSS // (some * several)))
    deep = max(1, block // (across * some * several))
    for p, g, o in product(range(0, places, across), range(0, groups, several), range(0, outs, some)):
        left = laid[:, p : p + across, g : g + several]
        right = weight[:, None, g : g + several, o : o + some]
        if outs == 1:
            part = _summed(bench, left, right[..., 0], deep)[..., None]
        else:
            part = _summed(bench, left[..., None], right, deep)
        result[p : p + across, g : g + several, o : o + some] = part
    return result


def _summed(bench: Bench, left: Array, right: Array, deep: int) -> Array:
    """Products summed along the first axis, ``deep`` of them in each call."""
    scratch = bench.scratch(np.broadcast_shapes(left[:deep].shape, right[:deep].shape), left.dtype)
    sums: Any = None
    with bench.tally.products():
        for at in range(0, len(left), deep):
            one = left[at : at + deep]
            products = scratch if len(one) == len(scratch) else scratch[: len(one)]
            np.multiply(one, right[at : at + deep], out=products)
            part = np.add.reduce(products, axis=0, dtype=scratch.dtype)
            sums = part if sums is None else np.add(sums, part, out=sums)
    bench.tick()
    return np.asarray(sums.view(np.ndarray))


def by_matrix(bench: Bench, left: Any, right: Any) -> Any:
    """``m x k`` by ``n x k``: the sum of products of every row with every row, ``m x n``."""
    here = np.zeros(1, np.int64)
    left, right = np.asarray(left), np.asarray(right)
    return sums_of_products(bench, left, np.arange(len(left)), here, 1, len(right), _Stored(right))
