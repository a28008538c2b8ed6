"""Counts that are observed: every layer runs in NumPy, and what was executed is counted from the operands.

The layers run on arrays of :class:`Counted`, which sees every elementwise call with its operands and refuses all
that multiplies unseen (matmul, dot, einsum …). Beside each stands a reference, formulated another way and free to use
matmul.
Where a layer is made of products, sums and compares, data are small integers and the outputs must be equal; where
a root, an exponential or a stored reciprocal is in it, they agree within :data:`TOLERANCE`.

``sepcalc.verify(spec, claimed=cost)`` takes any claim, and finds it false.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from math import erf, erfc, prod, sqrt
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sepcalc.comparison import COMPARED, REWRITE_OPTIONS, compare
from sepcalc.cost import COSTS, Cost, total
from sepcalc.errors import InputError, Problem
from sepcalc.network import Layer, Network, of_spec
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Concat, Copy, Embedding, Pad, Rename, Slice, Token
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm, Softmax
from sepcalc.ops.pool import AdaptivePool, Cumulate, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.repeat import Each, Scan
from sepcalc.rewrite import VARIANTS
from sepcalc.shape import Pads, Shape, extent
from sepcalc.spec import Spec, parse

Array: TypeAlias = Any  # an ndarray: NumPy's own types do not follow shapes that are computed
Progress = Callable[[int, int, str], None]

TOLERANCE = 1e-9  # relative and absolute, in float64
BLOCK = 2**18  # products of one call: 1 MiB of int32, so that the calls themselves weigh little
BUFFER = 512  # elements: NumPy copies operands that are repeated along an axis shorter than its buffer
GATHERED = 2**20  # elements of an input that are laid out at a time
DRAWN = 2**20  # weights that are made at a time
COMPOSED = 2**21  # elements of a composed kernel
EPSILON = 1e-5

# --- counting ---------------------------------------------------------------------------------------------------------

_erf = np.frompyfunc(erf, 1, 1)  # NumPy has none
_COUNTED: dict[Any, str] = {
    np.multiply: "mults",
    np.square: "mults",
    np.add: "adds",
    np.subtract: "adds",
    np.maximum: "compares",
    np.minimum: "compares",
    np.greater: "compares",
    np.divide: "divs",
    np.sqrt: "specials",
    np.exp: "specials",
    np.log: "specials",
    np.tanh: "specials",
    np.power: "specials",
    np.sin: "specials",
    np.cos: "specials",
    _erf: "specials",
}
_FREE_UFUNCS = {
    np.negative,
    np.absolute,
    np.sign,
    np.floor,
    np.ceil,
    np.rint,
    np.logical_and,
    np.logical_not,
    np.bitwise_and,
}
_FREE_FUNCTIONS: set[Any] = {np.where, np.concatenate, np.reshape, np.transpose, np.moveaxis, np.pad, np.broadcast_to}


class Tally:
    """What was executed so far, operation by operation."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(COSTS, 0)
        self.in_product = False

    @contextmanager
    def products(self) -> Iterator[None]:
        """Multiplications in here are those of a sum of products: they are macs too."""
        self.in_product = True
        yield
        self.in_product = False

    def cost(self) -> Cost:
        return Cost(**self.counts)


class Counted(np.ndarray[Any, np.dtype[Any]]):
    """An array whose elementwise calls are counted by the sizes of their operands. See :func:`counting`."""

    tally: Tally

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        kind = type(self)
        counted = _COUNTED.get(ufunc)
        if (counted is None and ufunc not in _FREE_UFUNCS) or "where" in kwargs or "initial" in kwargs:
            raise TypeError(f"{ufunc.__name__} is not counted, so it may not run here")
        plain = [x.view(np.ndarray) if type(x) is kind else x for x in inputs]
        out = kwargs.get("out")
        if out is not None:
            kwargs["out"] = tuple([x.view(np.ndarray) if type(x) is kind else x for x in out])
        if method == "__call__":
            result = ufunc(*plain, **kwargs)
            done = np.size(result)
        elif method == "reduce" and counted:
            result = ufunc.reduce(*plain, **kwargs)
            done = plain[0].size - np.size(result)
        else:
            raise TypeError(f"{ufunc.__name__}.{method} is not counted, so it may not run here")
        if counted:
            counts = self.tally.counts
            counts[counted] += done
            if self.tally.in_product and counted == "mults":
                counts["macs"] += done
        return np.asarray(result).view(kind) if out is None else out[0]

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func not in _FREE_FUNCTIONS:
            raise TypeError(f"{func.__name__} is not counted, so it may not run here")
        result = super().__array_function__(func, types, args, kwargs)
        # np.where and others give plain arrays, whose calls nobody would see
        return result.view(type(self)) if isinstance(result, np.ndarray) else result


def counting(tally: Tally) -> type[Counted]:
    """A kind of array that counts into this tally: ``values.view(counting(tally))``."""
    return type("CountedHere", (Counted,), {"tally": tally})


# --- data and weights -------------------------------------------------------------------------------------------------


class Weights:
    """Stored numbers, small integers made by block: row by row along the first axis, the same ones every time."""

    def __init__(self, bench: "Bench", role: str, shape: Shape, count: str = "params") -> None:
        self.bench = bench
        self.key = [bench.seed, crc32(bench.name.encode()), crc32(role.encode())]
        self.shape = shape
        self.width = prod(shape[1:])
        self.count = count
        self.each = max(1, DRAWN // max(1, self.width))
        self.last: tuple[int, Array | None] = (-1, None)

    def look(self, start: int = 0, stop: int | None = None) -> Array:
        """Rows ``start`` to ``stop``, uncounted: for references."""
        stop = self.shape[0] if stop is None else stop
        parts = []
        while start < stop:
            at = start // self.each
            block = self._block(at)
            end = min(stop, (at + 1) * self.each)
            parts.append(block[start - at * self.each : end - at * self.each])
            start = end
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def take(self, start: int = 0, stop: int | None = None) -> Array:
        """The same rows for the execution: they are stored numbers of the layer, and counted so."""
        rows = self.look(start, stop)
        self.bench.tally.counts[self.count] += rows.size
        return rows

    def _block(self, at: int) -> Array:
        if self.last[0] != at or self.last[1] is None:
            rows = min(self.each, self.shape[0] - at * self.each)
            low, high = self.bench.weight_range
            drawn = np.random.default_rng([*self.key, at]).integers(low, high, (rows, *self.shape[1:]), np.int8, True)
            self.last = at, drawn
        return self.last[1]


class Bench:
    """Where one layer runs: its tally, its weights, its data."""

    def __init__(self, name: str, seed: int, tick: Callable[[], None], small: bool = False) -> None:
        self.name = name
        self.seed = seed
        self.tick = tick
        self.tally = Tally()
        self.array = counting(self.tally)
        self.weight_range = (-1, 1) if small else (-2, 2)
        self.dtype: Any = np.int32

    def weights(self, role: str, shape: Shape, count: str = "params") -> Weights:
        return Weights(self, role, shape, count)

    def data(self, role: str, shape: Shape, limit: int = 3) -> Array:
        """An input: integers from -limit to limit."""
        key = [self.seed, crc32(self.name.encode()), crc32(role.encode())]
        return np.random.default_rng(key).integers(-limit, limit, shape, np.int8, True).astype(np.int32)

    def real(self, values: Array) -> Counted:
        """Values as counted float64."""
        return np.asarray(values, np.float64).view(self.array)


class _Stored(NamedTuple):
    """Rows that are data, not weights: the second operand of a matrix product."""

    rows: Array

    def take(self, start: int, stop: int) -> Array:
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
                elif at:  # made anew for further positions, they are the same ones
                    _uncount(bench, kernels, kernel)
            weight = np.ascontiguousarray(kernel.transpose(2, 0, 1)).astype(rows.dtype)  # terms x groups x outs
            block = result[at : at + len(seen), :, low:high]
            if positions_inside:
                block[...] = _inside(bench, laid, weight, BLOCK).transpose(2, 0, 1)
            else:
                block[...] = _outside(bench, laid, weight, BLOCK)
    return result.reshape(len(index), outs).view(bench.array)


def _uncount(bench: Bench, kernels: Weights | _Stored, kernel: Array) -> None:
    if isinstance(kernels, Weights):
        bench.tally.counts[kernels.count] -= kernel.size


def _inside(bench: Bench, laid: Array, weight: Array, block: int) -> Array:
    """Sums with the positions innermost: ``terms x groups x positions`` by ``terms x groups x outs`` to
    ``groups x outs x positions``."""
    _, groups, places = laid.shape
    outs = weight.shape[2]
    result = np.empty((groups, outs, places), laid.dtype)
    across = min(places, 8192)
    some = min(outs, max(1, block // 8 // across))
    several = min(groups, max(1, block // 8 // (across * some)))
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
    some = min(outs, 8192)
    several = min(groups, max(1, 8192 // some))
    across = min(places, max(1, block // 8 // (some * several)))
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
    """Products along the first axis, summed: ``deep`` of them in each call."""
    scratch: Any = np.empty(np.broadcast_shapes(left[:deep].shape, right[:deep].shape), left.dtype).view(bench.array)
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


# --- layers that count themselves -------------------------------------------------------------------------------------


def _padded(array: Array, pads: Pads, fill: float = 0) -> Array:
    return np.pad(array, [*pads, (0, 0)], constant_values=fill)


def _grid(sizes: Shape, starts: Shape, steps: Shape) -> Array:
    """Flat numbers of the positions of a grid of ``starts`` by axis, ``steps`` apart, in an array of ``sizes``."""
    flat = np.zeros((), np.int64)
    for size, count, step in zip(sizes, starts, steps):
        flat = flat[..., None] * size + np.arange(count) * step
    return flat.reshape(-1)


def _windows(op: Conv | Pool, array: Array, output: Shape, fill: float = 0) -> tuple[Array, Array, Array]:
    """The padded input as rows of channels, where each window begins, and how far on each tap is."""
    pads = op.pads(array.shape)
    reach = [(o - 1) * s + extent(k, d) for o, s, k, d in zip(output, op.stride, op.kernel, op.dilation)]
    further = [(p, max(q, r - size - p)) for (p, q), r, size in zip(pads, reach, array.shape)]  # ceil mode
    padded = _padded(array, tuple(further), fill)
    sizes = padded.shape[:-1]
    rows = padded.reshape(-1, padded.shape[-1])
    return rows, _grid(sizes, output[:-1], op.stride), _grid(sizes, op.kernel, op.dilation)


def _conv(op: Conv, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    (array,) = inputs
    rows, index, offsets = _windows(op, array, output)
    kernels = bench.weights("kernel", (op.out, prod(op.kernel) * (array.shape[-1] // op.groups)))
    sums = sums_of_products(bench, rows, index, offsets, op.groups, op.out, kernels)
    return _biased(op.bias, sums, bench).reshape(output)


def _biased(bias: bool, sums: Any, bench: Bench) -> Any:
    if not bias:
        return sums
    stored = bench.weights("bias", (sums.shape[-1],)).take().astype(sums.dtype)
    return np.add(sums, stored)


def _transposed(op: Transposed, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Every input position through the kernel, added up where contributions meet; then the border is cut."""
    (array,) = inputs
    *sizes, channels = array.shape
    full = [(i - 1) * s + extent(k, d) for i, k, s, d in zip(sizes, op.kernel, op.stride, op.dilation)]
    sums = np.zeros((*full, op.out), array.dtype).view(bench.array)
    reached = np.zeros(full, bool)
    rows = array.reshape(-1, channels)
    kernels = bench.weights("kernel", (prod(op.kernel) * op.out, channels // op.groups))
    everywhere, here = np.arange(len(rows)), np.zeros(1, np.int64)
    for at, tap in enumerate(product(*map(range, op.kernel))):
        part = sums_of_products(bench, rows, everywhere, here, op.groups, op.out, kernels, at * op.out)
        part = part.reshape(*sizes, op.out)
        place = tuple(
            [slice(d * t, d * t + (i - 1) * s + 1, s) for d, t, i, s in zip(op.dilation, tap, sizes, op.stride)]
        )
        met = reached[place]
        if met.all():
            sums[place] = np.add(sums[place], part)
        else:
            sums[place][met] = np.add(sums[place][met], part[met])
            sums[place][~met] = part[~met]
        reached[place] = True
    return _biased(op.bias, _cropped(op, sums, output).view(bench.array), bench)


def _cropped(op: Transposed, full: Array, output: Shape) -> Array:
    """The border cut away, zeros where output padding adds positions that nothing reaches."""
    crops, _ = op.crops((*[0] * len(op.kernel), 0))
    result = np.zeros(output, full.dtype)
    kept = [(before, min(size - before, out)) for (before, _), size, out in zip(crops, full.shape, output)]
    source = tuple([slice(before, before + count) for before, count in kept])
    result[tuple([slice(0, count) for _, count in kept])] = np.asarray(full)[source]
    return result


def _dense(op: Dense, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].reshape(-1, inputs[0].shape[-1])
    kernels = bench.weights("kernel", (op.out, rows.shape[1]))
    sums = sums_of_products(bench, rows, np.arange(len(rows)), np.zeros(1, np.int64), 1, op.out, kernels)
    return _biased(op.bias, sums, bench).reshape(output)


def _by_matrix(bench: Bench, left: Any, right: Any) -> Any:
    """``m x k`` by ``n x k``: every row with every row."""
    here = np.zeros(1, np.int64)
    left, right = np.asarray(left), np.asarray(right)
    return sums_of_products(bench, left, np.arange(len(left)), here, 1, len(right), _Stored(right))


def _matmul(op: Matmul, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    left, right = inputs
    right = right if op.transpose else np.swapaxes(right, -1, -2)
    outer = output[:-2]
    lefts = np.broadcast_to(left, (*outer, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
    rights = np.broadcast_to(right, (*outer, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
    return np.stack([np.asarray(_by_matrix(bench, one, other)) for one, other in zip(lefts, rights)]).reshape(output)


def _einsum(op: Einsum, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Products over all indices at once, then sums over those that the output lacks; cut along the output."""
    sizes, named = op.sizes(tuple([array.shape for array in inputs]))
    order = named + "".join(index for index in sizes if index not in named)
    operands = op.equation.partition("->")[0].split(",")
    whole = []
    for indices, array in zip(operands, inputs):
        arranged = array.transpose([indices.index(index) for index in order if index in indices])
        whole.append(arranged.reshape([sizes[index] if index in indices else 1 for index in order]))
    result = np.empty([sizes[index] for index in named], bench.dtype)
    cut, left = 0, prod(sizes.values())
    while cut < len(named) and left > GATHERED:
        left //= sizes[named[cut]]
        cut += 1
    summed = tuple(range(len(named) - cut, len(order) - cut))
    for at in product(*[range(sizes[index]) for index in named[:cut]]):
        parts = [array[tuple([i if array.shape[axis] > 1 else 0 for axis, i in enumerate(at)])] for array in whole]
        with bench.tally.products():
            products = np.multiply(*[part.astype(bench.dtype).view(bench.array) for part in parts])
        result[at] = np.add.reduce(products, axis=summed, dtype=bench.dtype) if summed else products
        bench.tick()
    return result.reshape(output)


def _attention(op: Attention, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    query, key, value = _three(inputs)
    _, _, size, _ = op.sizes(tuple([array.shape for array in inputs]))
    mask = _mask(op, query, key, bench)
    parts = []
    for head in range(op.heads):
        q, k, v = _heads(op, query, key, value, head)
        scores = np.multiply(_by_matrix(bench, q, k), 1 / sqrt(size))
        if op.mask:
            scores = np.add(scores, mask)
        parts.append(np.asarray(_by_matrix(bench, _softmaxed(scores), np.ascontiguousarray(v.T))))
    return np.concatenate(parts, axis=-1).reshape(output)


def _three(inputs: Sequence[Array]) -> list[Array]:
    arrays = [inputs[0], *([inputs[1], inputs[2]] if len(inputs) == 3 else [inputs[-1]] * 2)]
    return [array.reshape(-1, array.shape[-1]).astype(np.float64) for array in arrays]


def _mask(op: Attention, query: Array, key: Array, bench: Bench) -> Array:
    return bench.data("mask", (len(query), len(key))).astype(np.float64)


def _heads(op: Attention, query: Array, key: Array, value: Array, head: int) -> tuple[Array, Array, Array]:
    """A head's queries, and the keys and values that its group of heads shares."""
    shared = head // (op.heads // op.kv_heads)
    q = np.split(query, op.heads, axis=1)[head]
    return q, np.split(key, op.kv_heads, axis=1)[shared], np.split(value, op.kv_heads, axis=1)[shared]


def _softmaxed(rows: Any) -> Any:
    lifted = np.exp(np.subtract(rows, np.maximum.reduce(rows, axis=-1, keepdims=True)))
    return np.divide(lifted, np.add.reduce(lifted, axis=-1, keepdims=True))


def _softmax(op: Softmax, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = np.moveaxis(bench.real(inputs[0]), op.axis, -1)
    if not op.log:
        return np.moveaxis(_softmaxed(rows), -1, op.axis)
    below = np.subtract(rows, np.maximum.reduce(rows, axis=-1, keepdims=True))
    logs = np.subtract(below, np.log(np.add.reduce(np.exp(below), axis=-1, keepdims=True)))
    return np.moveaxis(logs, -1, op.axis)


def _pool(op: Pool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = inputs[0].astype(np.float64)
    rows, index, offsets = _windows(op, array, output, -np.inf if op.how == "max" else 0)
    factors = np.broadcast_to(_sizes(op, array.shape, output), (len(index), 1))
    result = np.empty((len(index), array.shape[-1]))
    window = max(1, GATHERED // (len(offsets) * array.shape[-1]))
    for at in range(0, len(index), window):
        seen = rows[index[None, at : at + window] + offsets[:, None]].view(bench.array)
        if op.how == "max":
            result[at : at + window] = np.maximum.reduce(seen, axis=0)
        else:
            result[at : at + window] = np.multiply(np.add.reduce(seen, axis=0), 1 / factors[at : at + window])
        bench.tick()
    return result.reshape(output)


def _sizes(op: Pool, shape: Shape, output: Shape) -> Array:
    """What an average divides by, for every window: all its elements, or those of the input alone."""
    whole = np.full((1, 1), float(prod(op.kernel)))
    if op.how == "max" or not op.exclude_pad:
        return whole
    rows, index, offsets = _windows(op, np.ones((*shape[:-1], 1)), output)
    return rows[index[:, None] + offsets[None, :]].sum(axis=1)


def _reduce(op: Reduce, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = bench.real(inputs[0])
    if op.how in ("argmax", "argmin"):
        return _found(op, array, output)
    ufunc: Any = {"max": np.maximum, "min": np.minimum, "prod": np.multiply}.get(op.how, np.add)
    result = ufunc.reduce(array, axis=op.axes)
    if op.how == "mean":
        result = np.multiply(result, 1 / (array.size // max(1, result.size)))
    return np.asarray(result).reshape(output)


def _found(op: Reduce, array: Any, output: Shape) -> Array:
    """Where the first of the largest (smallest) elements is, numbered along the axes, compare by compare."""
    rest = [axis for axis in range(array.ndim) if axis not in op.axes]
    rows = array.transpose(*op.axes, *rest).reshape(-1, *[array.shape[axis] for axis in rest])
    best, where = rows[0], np.zeros(rows.shape[1:], np.int64)
    for at in range(1, len(rows)):
        better = np.greater(rows[at], best) if op.how == "argmax" else np.greater(best, rows[at])
        best, where = np.where(better, rows[at], best), np.where(better, at, where)
    return np.asarray(where).reshape(output)


def _cumulate(op: Cumulate, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = np.moveaxis(inputs[0].astype(np.int64), op.axis, 0)
    result = [rows[0].view(bench.array)]
    for row in rows[1:]:
        result.append(np.add(result[-1], row))
    return np.moveaxis(np.stack([np.asarray(row) for row in result]), 0, op.axis)


def _adaptive(op: AdaptivePool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = bench.real(inputs[0])
    result = np.empty(output)
    axes = tuple(range(len(op.to)))
    for at in product(*map(range, op.to)):
        window = array[tuple([slice(j * i // o, -(-(j + 1) * i // o)) for j, i, o in zip(at, array.shape, op.to)])]
        if op.how == "max":
            result[at] = np.maximum.reduce(window, axis=axes)
        else:
            result[at] = np.multiply(np.add.reduce(window, axis=axes), 1 / prod(window.shape[:-1]))
    return result


def _taps(how: str, size: int, to: int) -> tuple[Array, Array]:
    """For each output of an axis its input positions and their weights: half-pixel centres, edges repeated."""
    where = (np.arange(to) + 0.5) * size / to - 0.5
    if how == "nearest":
        return np.minimum((np.arange(to) * size) // to, size - 1)[:, None], np.ones((to, 1))
    whole = np.floor(where)
    part = where - whole
    if how == "bicubic":
        near = np.stack([1 + part, part, 1 - part, 2 - part], axis=1)
        a = -0.75
        weights = np.where(
            near <= 1, (a + 2) * near**3 - (a + 3) * near**2 + 1, a * near**3 - 5 * a * near**2 + 8 * a * near - 4 * a
        )
        steps = np.arange(-1, 3)
    else:
        weights, steps = np.stack([1 - part, part], axis=1), np.arange(2)
    return np.clip(whole[:, None].astype(int) + steps, 0, size - 1), weights


def _upsample(op: Upsample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = bench.real(inputs[0])
    axes = [_taps(op.how, size, to) for size, to in zip(array.shape, op.to)]
    taps, weights = [], []
    for at in product(*[range(where.shape[1]) for where, _ in axes]):
        taps.append(np.asarray(array[np.ix_(*[where[:, t] for (where, _), t in zip(axes, at)])]))
        weight = np.ones(())
        for (_, each), t in zip(axes, at):
            weight = weight[..., None] * each[:, t]
        weights.append(weight[..., None])
    if op.how == "nearest":
        return taps[0]
    products = np.multiply(np.stack(taps).view(bench.array), np.stack(weights))
    return np.add.reduce(products, axis=0)


def _trained(bench: Bench, role: str, shape: Shape, wanted: bool) -> Array | None:
    return bench.weights(role, shape).take().astype(np.float64) if wanted else None


def _scaled(values: Any, gain: Array | None, shift: Array | None) -> Any:
    values = values if gain is None else np.multiply(values, gain)
    return values if shift is None else np.add(values, shift)


def _statistics(bench: Bench, channels: int, take: bool) -> tuple[Array, Array]:
    stored = bench.weights("statistics", (2, channels), "buffers")
    mean, spread = (stored.take() if take else stored.look()).astype(np.float64)
    return mean, 1 / np.sqrt(np.abs(spread) + 1 + EPSILON)


def _batch_norm(op: BatchNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array, channels = bench.real(inputs[0]), (output[-1],)
    mean, root = _statistics(bench, output[-1], take=True)
    gain, shift = _trained(bench, "gain", channels, op.gain), _trained(bench, "shift", channels, op.bias)
    if op.unfolded:
        return np.asarray(_scaled(np.multiply(np.subtract(array, mean), root), gain, shift))
    scale = root if gain is None else root * gain
    return np.asarray(_scaled(array, scale, (0 if shift is None else shift) - mean * scale))


def _normalization(op: Normalization, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Mean and variance are stored, and so is how much they were made of; factor and term are prepared."""
    stored = [bench.weights(role, op.stored or (1,), "buffers") for role in ("mean", "variance")]
    mean, variance = [each.take() if op.stored else each.look() for each in stored]
    if op.stored:
        bench.weights("count", (1,), "buffers").take()
    factor = 1 / np.sqrt(np.abs(variance.astype(np.float64)) + EPSILON)
    return np.add(np.multiply(bench.real(inputs[0]), factor), -mean * factor)


def _rows(op: RowNorm, array: Array) -> tuple[Array, tuple[int, ...]]:
    """The input with a row's elements along certain axes, and those axes."""
    if op.how == "group":
        return array.reshape(-1, op.groups, array.shape[-1] // op.groups), (0, 2)
    if op.how == "instance":
        return array.reshape(-1, array.shape[-1]), (0,)
    return array, tuple(range(array.ndim - op.axes, array.ndim))


def _row_norm(op: RowNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows, axes = _rows(op, bench.real(inputs[0]))
    count = prod(rows.shape[axis] for axis in axes)
    centred: Any = rows
    if op.how != "rms":
        centred = np.subtract(rows, np.multiply(np.add.reduce(rows, axis=axes, keepdims=True), 1 / count))
    spread = np.multiply(np.add.reduce(np.multiply(centred, centred), axis=axes, keepdims=True), 1 / count)
    normal = np.divide(centred, np.sqrt(np.add(spread, EPSILON))).reshape(output)
    shape = output[-op.axes :] if op.how in ("layer", "rms") else output[-1:]
    gain, shift = _trained(bench, "gain", shape, op.gain), _trained(bench, "shift", shape, op.bias)
    return np.asarray(_scaled(normal, gain, shift))


_LRN = (2.0, 1e-1, 0.75)  # k, alpha, beta


def _local_norm(op: LocalResponseNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    k, alpha, beta = _LRN
    array = bench.real(inputs[0])
    squares = np.pad(np.multiply(array, array), [(0, 0)] * (array.ndim - 1) + [((op.size - 1) // 2, op.size // 2)])
    near = sliding_window_view(np.asarray(squares), op.size, axis=-1).view(bench.array)
    below = np.power(np.add(np.multiply(np.add.reduce(near, axis=-1), alpha / op.size), k), beta)
    return np.divide(array, below)


def _sigmoid(x: Any) -> Any:
    return np.divide(1.0, np.add(1.0, np.exp(np.negative(x))))


def _relu6(x: Any) -> Any:
    return np.minimum(np.maximum(x, 0.0), 6.0)


def _factor(x: Any, factor: float) -> Any:
    return x if factor == 1 else np.multiply(x, factor)


_SLOPE, _SELU = 0.01, (1.6732632423543772, 1.0507009873554805)
_MULT = np.multiply
_ACTIVATED: dict[str, Callable[[Any, float], Any]] = {
    "relu": lambda x, _: np.maximum(x, 0.0),
    "relu6": lambda x, _: _relu6(x),
    "clip": lambda x, _: np.minimum(np.maximum(x, -1.0), 2.0),
    "leaky-relu": lambda x, _: np.where(np.greater(x, 0.0), x, _MULT(_SLOPE, x)),
    "sigmoid": lambda x, _: _sigmoid(x),
    "tanh": lambda x, _: np.tanh(x),
    "hard-sigmoid": lambda x, _: _MULT(_relu6(np.add(x, 3.0)), 1 / 6),
    "hard-swish": lambda x, _: _MULT(x, _MULT(_relu6(np.add(x, 3.0)), 1 / 6)),
    "silu": lambda x, _: _MULT(x, _sigmoid(x)),
    "swish": lambda x, beta: _MULT(x, _sigmoid(_factor(x, beta))),
    "gelu": lambda x, _: _MULT(_MULT(0.5, x), np.add(1.0, _erf(_MULT(x, sqrt(0.5))).astype(float))),
    "gelu-tanh": lambda x, _: _MULT(
        _MULT(0.5, x),
        np.add(1.0, np.tanh(_MULT(sqrt(2 / np.pi), np.add(x, _MULT(0.044715, _MULT(_MULT(x, x), x)))))),
    ),
    "mish": lambda x, _: _MULT(x, np.tanh(np.log(np.add(1.0, np.exp(x))))),
    "elu": lambda x, alpha: np.where(np.greater(x, 0.0), x, _factor(np.subtract(np.exp(x), 1.0), alpha)),
    "selu": lambda x, _: _MULT(_SELU[1], np.where(np.greater(x, 0.0), x, _MULT(_SELU[0], np.subtract(np.exp(x), 1.0)))),
    "softplus": lambda x, beta: _factor(np.log(np.add(1.0, np.exp(_factor(x, beta)))), 1 / beta if beta else 1.0),
    "softsign": lambda x, _: np.divide(x, np.add(1.0, np.absolute(x))),
    "celu": lambda x, alpha: np.add(
        np.maximum(x, 0.0),
        np.minimum(0.0, _factor(np.subtract(np.exp(_factor(x, 1 / alpha if alpha else 1.0)), 1.0), alpha)),
    ),
    "log-sigmoid": lambda x, _: np.log(_sigmoid(x)),
    "threshold": lambda x, _: np.where(np.greater(x, 1.0), x, 0.5),
    "hard-shrink": lambda x, _: np.where(np.greater(x, 0.5), x, np.where(np.greater(-0.5, x), x, 0.0)),
    "soft-shrink": lambda x, _: np.where(
        np.greater(x, 0.5), np.subtract(x, 0.5), np.where(np.greater(-0.5, x), np.add(x, 0.5), 0.0)
    ),
    "tanh-shrink": lambda x, _: np.subtract(x, np.tanh(x)),
    "exp": lambda x, _: np.exp(x),
    "expm1": lambda x, _: np.subtract(np.exp(x), 1.0),
    "log": lambda x, _: np.log(x),
    "log1p": lambda x, _: np.log(np.add(1.0, x)),
    "sqrt": lambda x, _: np.sqrt(x),
    "rsqrt": lambda x, _: np.divide(1.0, np.sqrt(x)),
    "reciprocal": lambda x, _: np.divide(1.0, x),
    "erf": lambda x, _: _erf(x).astype(float),
    "sin": lambda x, _: np.sin(x),
    "cos": lambda x, _: np.cos(x),
    "square": lambda x, _: _MULT(x, x),
    "cube": lambda x, _: _MULT(_MULT(x, x), x),
    "pow": lambda x, _: np.power(x, 0.3),
    "abs": lambda x, _: np.absolute(x),
    "neg": lambda x, _: np.negative(x),
    "sign": lambda x, _: np.sign(x),
    "floor": lambda x, _: np.floor(x),
    "ceil": lambda x, _: np.ceil(x),
    "round": lambda x, _: np.rint(x),
    "not": lambda x, _: np.logical_not(x),
}
_POSITIVE = ("log", "log1p", "sqrt", "rsqrt", "reciprocal", "pow")  # defined above zero
_BETWEEN = ("floor", "ceil", "round")  # nothing to do on whole numbers


def _argument(op: Activation, array: Array) -> Array:
    """Data where the function is defined, and does something."""
    if op.how in _POSITIVE:
        return np.abs(array) + 0.5
    return array / 4 if op.how in _BETWEEN else array


def _activation(op: Activation, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = bench.real(_argument(op, inputs[0]))
    if op.how == "prelu":
        slope = bench.weights("slope", (1 if op.shared else output[-1],)).take().astype(np.float64)
        return np.where(np.greater(array, 0.0), array, np.multiply(slope, array))
    return np.asarray(_ACTIVATED[op.how](array, op.factor))


_STEPS: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "compare": np.greater,
    "power": np.power,
    "logical": np.bitwise_and,
}


def _nonzero(op: Elementwise, inputs: Sequence[Array]) -> list[Array]:
    """Integers of 64 bits; what is divided by is not zero, what is raised to a power above it."""
    arrays = [array.astype(np.int64 if op.how not in ("divide", "power") else np.float64) for array in inputs]
    if op.how == "power":
        return [np.abs(arrays[0]) + 1, arrays[1]]
    return arrays if op.how != "divide" else [arrays[0], np.where(arrays[1] == 0, 7, arrays[1])]


def _elementwise(op: Elementwise, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, *others = [array.view(bench.array) for array in _nonzero(op, inputs)]
    result: Any = first
    for other in others:
        result = _STEPS[op.how](result, other)
    return np.asarray(result)


def _stored(op: Stored, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    shape = _stored_shape(op, output)
    values = np.full(op.shape, 3) if op.per == "constant" else bench.weights("stored", shape).take()
    array = _stored_data(op, inputs[0]).view(bench.array)
    match op.how:
        case "scale":
            return np.asarray(np.multiply(array, values))
        case "shift":
            return np.asarray(np.add(array, values))
        case "from":
            return np.asarray(np.subtract(values, array))
        case "over":
            return np.asarray(np.divide(values, array))
        case "power":
            return np.asarray(np.power(np.abs(values) + 1.0, array))
    return np.asarray(_STEPS[op.how](array, values.astype(np.int32)))


def _stored_shape(op: Stored, output: Shape) -> Shape:
    return {"constant": (), "channel": output[-1:], "element": output, "shape": op.shape}[op.per]


def _stored_data(op: Stored, array: Array) -> Array:
    """What is divided by is not zero."""
    return np.where(array == 0, 7.0, array) if op.how == "over" else array


def _select(op: Select, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, second, third = [*inputs, np.array(5), np.array(-5)][:3]
    return np.broadcast_to(np.where(first != 0, second, third), output)


def _rename(op: Rename, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    (array,) = inputs
    *sizes, channels = array.shape
    if op.how == "shuffle":
        parts = array.reshape(*sizes, op.blocks, op.groups, channels // (op.blocks * op.groups))
        return np.swapaxes(parts, -1, -2).reshape(output)
    axes = len(sizes)
    if op.how == "pixel-shuffle":
        parts = array.reshape(*sizes, channels // op.scale**axes, *[op.scale] * axes)
        order = [axis for at in range(axes) for axis in (at, axes + 1 + at)]
        return parts.transpose(*order, axes).reshape(output)
    if op.how == "permute":
        return array.transpose(_order(array.shape, output))
    if op.how == "pixel-unshuffle":
        parts = array.reshape(*[part for size in sizes for part in (size // op.scale, op.scale)], channels)
        order = [*range(0, 2 * axes, 2), 2 * axes, *range(1, 2 * axes, 2)]
        return parts.transpose(order).reshape(output)
    return array.reshape(output)


def _order(shape: Shape, output: Shape) -> list[int]:
    """An order of the axes that gives the output's sizes."""
    left = list(range(len(shape)))
    order = []
    for size in output:
        order.append(next(axis for axis in left if shape[axis] == size))
        left.remove(order[-1])
    return order


def _concat(op: Concat, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.concatenate(inputs, axis=op.axis)


def _pad(op: Pad, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return _padded(inputs[0], op.padding)


def _slice(op: Slice, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return inputs[0][tuple(map(slice, op.to))]


def _copy(op: Copy, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The elements of the inputs, one input after the other, over and over."""
    return np.resize(np.concatenate([array.reshape(-1) for array in inputs]), output)


def _copy_reference(op: Copy, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    every = [element for array in inputs for element in array.flat]
    return np.fromfunction(np.vectorize(lambda at: every[int(at) % len(every)]), (prod(output),)).reshape(output)


def _embedding(op: Embedding, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    table = bench.weights("table", (op.vocab, op.out)).take().astype(np.float64).view(bench.array)
    found = table[np.abs(inputs[0]) % op.vocab]
    if op.bag:
        found = np.add.reduce(found, axis=-2)
        found = np.multiply(found, 1 / inputs[0].shape[-1]) if op.bag == "mean" else found
    return np.asarray(found)


def _token(op: Token, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.concatenate([bench.weights("tokens", (op.tokens, output[-1])).take(), inputs[0]])


class _Cell(NamedTuple):
    """The stored numbers of a recurrent layer in one direction."""

    kernel: Array  # gates·H x (I + P): what is multiplied with the input, then with the state
    biases: Array  # sets x gates·H
    peep: Array  # 3 x H
    project: Array  # P x H


_GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def _cells(op: Recurrent, features: int, bench: Bench, take: bool) -> list[_Cell]:
    gates, size = _GATES[op.cell], op.projection or op.hidden

    def draw(role: str, rows: int, columns: int) -> Array:
        if not rows:
            return np.zeros((0, columns))
        stored = bench.weights(role, (rows, columns))
        return (stored.take() if take else stored.look()).astype(np.float64) / 8

    return [
        _Cell(
            draw(f"{at} kernel", gates * op.hidden, features + size),
            draw(f"{at} bias", op.bias_sets, gates * op.hidden),
            draw(f"{at} peep", 3 if op.peephole else 0, op.hidden),
            draw(f"{at} project", op.projection, op.hidden),
        )
        for at in range(2 if op.bidirectional else 1)
    ]


def _recurrent(op: Recurrent, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    sequence = inputs[0].astype(np.float64)
    directions = []
    for at, cell in enumerate(_cells(op, sequence.shape[1], bench, take=True)):
        steps = _run_cell(op, sequence[::-1] if at else sequence, cell, bench)
        directions.append(steps[-1] if op.last else np.stack(steps[::-1] if at else steps))
    return np.concatenate(directions, axis=-1).reshape(output)


def _function(how: str) -> Callable[[Any], Any]:
    return (lambda x: x) if how == "linear" else lambda x: _ACTIVATED[how](x, 1.0)


def _run_cell(op: Recurrent, sequence: Array, cell: _Cell, bench: Bench) -> list[Array]:
    """Step by step, every gate's sum of products in one, as opcounts.md has it."""
    features, size = sequence.shape[1], op.hidden
    state: Any = np.zeros(op.projection or size).view(bench.array)
    inner: Any = np.zeros(size).view(bench.array)
    merged = cell.biases.sum(axis=0) if op.bias_sets else None
    act, sigmoid = _function(op.act), _function(op.gate)
    result = []

    def gate(at: int, seen: Any) -> Any:
        rows = slice(at * size, (at + 1) * size)
        sums = _by_matrix(bench, seen[None], cell.kernel[rows])[0]
        return sums if merged is None else np.add(sums, merged[rows])

    for x in sequence:
        seen = np.concatenate([x, np.asarray(state)])
        if op.cell == "rnn":
            state = np.maximum(gate(0, seen), 0.0) if op.relu else act(gate(0, seen))
        elif op.cell == "lstm":
            into, forget, new, out = [gate(at, seen) for at in range(4)]
            if op.peephole:
                into = np.add(into, np.multiply(cell.peep[0], inner))
                forget = np.add(forget, np.multiply(cell.peep[1], inner))
            inner = np.add(np.multiply(sigmoid(forget), inner), np.multiply(sigmoid(into), act(new)))
            if op.peephole:
                out = np.add(out, np.multiply(cell.peep[2], inner))
            state = np.multiply(sigmoid(out), act(inner))
            if op.projection:
                state = _by_matrix(bench, state[None], cell.project)[0]
        else:
            reset, update = sigmoid(gate(0, seen)), sigmoid(gate(1, seen))
            if op.reset_before:
                new = gate(2, np.concatenate([x, np.asarray(np.multiply(reset, state))]))
            else:
                new = _reset_after(op, cell, x, state, reset, bench, features)
            new = act(new)
            state = np.add(np.multiply(np.subtract(1.0, update), new), np.multiply(update, state))
        result.append(np.asarray(state))
    return result


def _reset_after(op: Recurrent, cell: _Cell, x: Array, state: Any, reset: Any, bench: Bench, features: int) -> Any:
    """W·x + b1 + r·(U·h + b2): the second bias cannot merge with the first."""
    rows = cell.kernel[2 * op.hidden :]
    from_input = _by_matrix(bench, x[None], rows[:, :features])[0]
    from_state = _by_matrix(bench, state[None], np.ascontiguousarray(rows[:, features:]))[0]
    if op.bias_sets:
        from_input = np.add(from_input, cell.biases[0, 2 * op.hidden :])
        from_state = np.add(from_state, cell.biases[-1, 2 * op.hidden :])
    return np.add(from_input, np.multiply(reset, from_state))


# --- references: the same layers, formulated another way --------------------------------------------------------------


def _conv_reference(op: Conv, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    kernel_of = bench.weights("kernel", (op.out, prod(op.kernel) * (inputs[0].shape[-1] // op.groups)))
    result = _correlate(op, inputs[0], output, kernel_of.look)
    return result + bench.weights("bias", (op.out,)).look() if op.bias else result


def _correlate(op: Conv, array: Array, output: Shape, kernels: Callable[[int, int], Array]) -> Array:
    """Windows as a strided view, times the kernels as a matrix; exact in float64 for small integers."""
    # float32 is exact below 2^24, and twice as fast
    small = abs(array).max(initial=0) * 2 * prod(op.kernel) * array.shape[-1] < 2**24
    kind = np.float32 if small and array.dtype == np.int32 else np.float64
    padded = _padded(array, op.pads(array.shape)).astype(kind)
    channels = padded.shape[-1]
    axes, each, per_group = len(op.kernel), channels // op.groups, op.out // op.groups
    spans = tuple([extent(k, d) for k, d in zip(op.kernel, op.dilation)])
    if axes:
        view: Any = sliding_window_view(padded, spans, axis=tuple(range(axes)))
        view = view[tuple([slice(0, (o - 1) * s + 1, s) for o, s in zip(output, op.stride)])]
        view = view[(..., *[slice(None, None, d) for d in op.dilation])]
    else:
        view = padded
    view = np.moveaxis(view, axes, -1)  # positions, taps, channels
    result = np.empty(output, kind)
    flat = result.reshape(-1, op.out) if axes else result.reshape(1, op.out)
    slab = max(1, 2 * GATHERED // max(1, prod(output[1:-1]) * prod(op.kernel) * channels)) if axes else 1
    some = max(1, DRAWN // max(1, prod(op.kernel) * each))
    row = prod(output[1:-1]) if axes else 1
    for start in range(0, output[0] if axes else 1, slab):
        rows: Any = (view[start : start + slab] if axes else view).reshape(-1, prod(op.kernel), op.groups, each)
        if op.groups == 1:
            rows = rows.reshape(len(rows), -1)
            for low in range(0, op.out, some):
                kernel = kernels(low, min(op.out, low + some)).astype(kind)
                flat[start * row : start * row + len(rows), low : low + some] = rows @ kernel.T
            continue
        kernel = kernels(0, op.out).reshape(op.groups, per_group, -1).astype(kind)
        rows = rows.transpose(2, 0, 1, 3).reshape(op.groups, len(rows), -1)
        found = (rows @ kernel.transpose(0, 2, 1)).transpose(1, 0, 2)
        flat[start * row : start * row + rows.shape[1]] = found.reshape(rows.shape[1], op.out)
    return result


def _transposed_reference(op: Transposed, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """A convolution with the mirrored kernel over the input with zeros between its elements."""
    (array,) = inputs
    *sizes, channels = array.shape
    stuffed = np.zeros((*[(i - 1) * s + 1 for i, s in zip(sizes, op.stride)], channels))
    stuffed[tuple([slice(None, None, s) for s in op.stride])] = array
    around = tuple([(d * (k - 1), d * (k - 1)) for k, d in zip(op.kernel, op.dilation)])
    ones = (1,) * len(op.kernel)
    conv = Conv(op.kernel, op.out, ones, around, op.dilation, op.groups)
    kernel = bench.weights("kernel", (prod(op.kernel) * op.out, channels // op.groups)).look()
    mirrored = kernel.reshape(prod(op.kernel), op.out, -1)[::-1].transpose(1, 0, 2).reshape(op.out, -1)
    full = _correlate(conv, stuffed, conv.output((stuffed.shape,)), lambda low, high: mirrored[low:high])
    result = _cropped(op, full, output)
    return result + bench.weights("bias", (op.out,)).look() if op.bias else result


def _dense_reference(op: Dense, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].reshape(-1, inputs[0].shape[-1])
    conv = Conv((), op.out, (), (), (), 1)
    kernels = bench.weights("kernel", (op.out, rows.shape[1]))
    some = max(1, DRAWN // rows.shape[1])
    parts = [rows.astype(np.float64) @ kernels.look(low, min(op.out, low + some)).T for low in range(0, op.out, some)]
    result = np.concatenate(parts, axis=1).reshape(*inputs[0].shape[:-1], conv.out)
    return result + bench.weights("bias", (op.out,)).look() if op.bias else result


def _attention_reference(op: Attention, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    query, key, value = _three(inputs)
    mask = _mask(op, query, key, bench) if op.mask else 0
    shared = op.heads // op.kv_heads
    q = query.reshape(len(query), op.heads, -1)
    k = np.repeat(key.reshape(len(key), op.kv_heads, -1), shared, axis=1)
    v = np.repeat(value.reshape(len(value), op.kv_heads, -1), shared, axis=1)
    scores = np.einsum("nhd,mhd->hnm", q, k) / sqrt(q.shape[-1]) + mask
    weights = np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))
    return np.einsum("hnm,mhd->nhd", weights, v).reshape(output)


def _softmax_reference(op: Softmax, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].astype(np.float64)
    logs = rows - np.logaddexp.reduce(rows, axis=op.axis, keepdims=True)
    return logs if op.log else np.asarray(np.exp(logs))


def _pool_reference(op: Pool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = inputs[0].astype(np.float64)
    pads = op.pads(array.shape)
    reach = [(o - 1) * s + extent(k, d) for o, s, k, d in zip(output, op.stride, op.kernel, op.dilation)]
    further = tuple([(p, max(q, r - size - p)) for (p, q), r, size in zip(pads, reach, array.shape)])
    axes = len(op.kernel)

    def windows(values: Array, fill: float) -> Array:
        view: Any = sliding_window_view(
            _padded(values, further, fill),
            tuple([extent(k, d) for k, d in zip(op.kernel, op.dilation)]),
            axis=tuple(range(axes)),
        )
        view = view[tuple([slice(0, (o - 1) * s + 1, s) for o, s in zip(output, op.stride)])]
        return view[(..., *[slice(None, None, d) for d in op.dilation])]

    last = tuple(range(-axes, 0))
    if op.how == "max":
        return np.asarray(windows(array, -np.inf).max(axis=last))
    sizes = windows(np.ones((*array.shape[:-1], 1)), 0).sum(axis=last) if op.exclude_pad else prod(op.kernel)
    return np.asarray(windows(array, 0).sum(axis=last) / sizes)


def _reduce_reference(op: Reduce, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    how: dict[str, Any] = {"max": np.max, "mean": np.mean, "sum": np.sum, "min": np.min, "prod": np.prod}
    if op.how in ("argmax", "argmin"):
        rest = [axis for axis in range(inputs[0].ndim) if axis not in op.axes]
        rows = inputs[0].transpose(*rest, *op.axes).reshape(*[inputs[0].shape[axis] for axis in rest], -1)
        return np.asarray((np.argmax if op.how == "argmax" else np.argmin)(rows, axis=-1)).reshape(output)
    return np.asarray(how[op.how](inputs[0].astype(np.float64), axis=op.axes)).reshape(output)


def _cumulate_reference(op: Cumulate, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.asarray(np.cumsum(inputs[0].astype(np.int64), axis=op.axis))


def _adaptive_reference(op: AdaptivePool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Axis by axis: a mean of equal windows is the mean of means, a maximum that of maxima."""
    array = inputs[0].astype(np.float64)
    for axis, o in enumerate(op.to):
        i = array.shape[axis]
        parts = [array.take(range(j * i // o, -(-(j + 1) * i // o)), axis) for j in range(o)]
        array = np.stack([part.max(axis) if op.how == "max" else part.mean(axis) for part in parts], axis)
    return array


def _upsample_reference(op: Upsample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Axis by axis, a matrix for each."""
    array = inputs[0].astype(np.float64)
    for axis, to in enumerate(op.to):
        where, weights = _taps(op.how, array.shape[axis], to)
        matrix = np.zeros((to, array.shape[axis]))
        for tap in range(where.shape[1]):
            np.add.at(matrix, (np.arange(to), where[:, tap]), weights[:, tap])
        array = np.moveaxis(np.tensordot(matrix, array, (1, axis)), 0, axis)
    return array


def _look(bench: Bench, role: str, shape: Shape, wanted: bool, otherwise: float) -> Any:
    return bench.weights(role, shape).look().astype(np.float64) if wanted else otherwise


def _batch_norm_reference(op: BatchNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    mean, root = _statistics(bench, output[-1], take=False)
    gain, shift = _look(bench, "gain", output[-1:], op.gain, 1), _look(bench, "shift", output[-1:], op.bias, 0)
    return np.asarray((inputs[0] - mean) * root * gain + shift)


def _normalization_reference(op: Normalization, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    mean, variance = [bench.weights(role, op.stored or (1,)).look() for role in ("mean", "variance")]
    return np.asarray((inputs[0] - mean) / np.sqrt(np.abs(variance.astype(np.float64)) + EPSILON))


def _row_norm_reference(op: RowNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows, axes = _rows(op, inputs[0].astype(np.float64))
    spread = (rows**2).mean(axis=axes, keepdims=True) if op.how == "rms" else rows.var(axis=axes, keepdims=True)
    centre = 0 if op.how == "rms" else rows.mean(axis=axes, keepdims=True)
    shape = output[-op.axes :] if op.how in ("layer", "rms") else output[-1:]
    gain, shift = _look(bench, "gain", shape, op.gain, 1), _look(bench, "shift", shape, op.bias, 0)
    return np.asarray(((rows - centre) / (spread + EPSILON) ** 0.5).reshape(output) * gain + shift)


def _local_norm_reference(op: LocalResponseNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    k, alpha, beta = _LRN
    array = inputs[0].astype(np.float64)
    channels = array.shape[-1]
    far = np.arange(channels)[None] - np.arange(channels)[:, None]
    near = (far >= -((op.size - 1) // 2)) & (far <= op.size // 2)
    return np.asarray(array * (k + alpha / op.size * (array**2 @ near.T)) ** -beta)


_NAMED: dict[str, Callable[[Array, float], Any]] = {
    "relu": lambda x, _: x * (x > 0),
    "relu6": lambda x, _: np.clip(x, 0, 6),
    "clip": lambda x, _: np.clip(x, -1, 2),
    "leaky-relu": lambda x, _: np.maximum(x, 0) + _SLOPE * np.minimum(x, 0),
    "sigmoid": lambda x, _: 0.5 * (1 + np.tanh(x / 2)),
    "tanh": lambda x, _: 1 - 2 / (np.exp(2 * x) + 1),
    "hard-sigmoid": lambda x, _: np.clip(x / 6 + 0.5, 0, 1),
    "hard-swish": lambda x, _: x * np.clip(x / 6 + 0.5, 0, 1),
    "silu": lambda x, _: x / (1 + np.exp(-x)),
    "swish": lambda x, beta: x / (1 + np.exp(-beta * x)),
    "gelu": lambda x, _: x / 2 * (2 - np.vectorize(erf)(-x / 2**0.5) - 1),
    "gelu-tanh": lambda x, _: x / (1 + np.exp(-2 * (2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
    "mish": lambda x, _: x * np.tanh(np.logaddexp(0, x)),
    "elu": lambda x, alpha: np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)),
    "selu": lambda x, _: _SELU[1] * (np.maximum(x, 0) + _SELU[0] * np.expm1(np.minimum(x, 0))),
    "softplus": lambda x, beta: np.logaddexp(0, beta * x) / (beta or 1),
    "softsign": lambda x, _: np.sign(x) - np.sign(x) / (1 + abs(x)),
    "celu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / (alpha or 1))),
    "log-sigmoid": lambda x, _: -np.logaddexp(0, -x),
    "threshold": lambda x, _: x * (x > 1) + 0.5 * (x <= 1),
    "hard-shrink": lambda x, _: x * (abs(x) > 0.5),
    "soft-shrink": lambda x, _: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    "tanh-shrink": lambda x, _: x - 1 + 2 / (np.exp(2 * x) + 1),
    "exp": lambda x, _: np.e**x,
    "expm1": lambda x, _: np.expm1(x),
    "log": lambda x, _: np.log2(x) / np.log2(np.e),
    "log1p": lambda x, _: np.log1p(x),
    "sqrt": lambda x, _: x**0.5,
    "rsqrt": lambda x, _: x**-0.5,
    "reciprocal": lambda x, _: x**-1.0,
    "erf": lambda x, _: 1 - np.vectorize(erfc)(x),
    "sin": lambda x, _: np.exp(1j * x).imag,
    "cos": lambda x, _: np.exp(1j * x).real,
    "square": lambda x, _: abs(x) ** 2,
    "cube": lambda x, _: x**3,
    "pow": lambda x, _: np.exp(0.3 * np.log(x)),
    "abs": lambda x, _: np.maximum(x, -x),
    "neg": lambda x, _: 0 - x,
    "sign": lambda x, _: (x > 0) * 1.0 - (x < 0),
    "floor": lambda x, _: -np.ceil(-x),
    "ceil": lambda x, _: -np.floor(-x),
    "round": lambda x, _: np.round(x),
    "not": lambda x, _: x == 0,
}


def _activation_reference(op: Activation, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = _argument(op, inputs[0]).astype(np.float64)
    if op.how == "prelu":
        slope = bench.weights("slope", (1 if op.shared else output[-1],)).look()
        return np.asarray(np.maximum(array, 0) + slope * np.minimum(array, 0))
    return np.asarray(_NAMED[op.how](array, op.factor))


def _elementwise_reference(op: Elementwise, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    arrays = [np.broadcast_to(array, output) for array in _nonzero(op, inputs)]
    stack = np.stack(arrays)
    how: dict[str, Callable[[Array], Any]] = {
        "add": lambda all_: all_.sum(axis=0),
        "subtract": lambda all_: all_[0] + -all_[1],
        "multiply": lambda all_: all_.prod(axis=0),
        "divide": lambda all_: all_[0] * (1 / all_[1]),
        "maximum": lambda all_: all_.max(axis=0),
        "minimum": lambda all_: all_.min(axis=0),
        "compare": lambda all_: all_[0] > all_[1],
        "power": lambda all_: np.exp(all_[1] * np.log(all_[0])),
        "logical": lambda all_: np.bitwise_and.reduce(all_, axis=0),
    }
    return np.asarray(how[op.how](stack))


def _stored_reference(op: Stored, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    shape = _stored_shape(op, output)
    values = 3 if op.per == "constant" else bench.weights("stored", shape).look().astype(np.int64)
    array = np.broadcast_to(_stored_data(op, inputs[0]), output)
    how: dict[str, Callable[[Any, Any], Any]] = {
        "scale": lambda x, a: x * a,
        "shift": lambda x, a: x - -a,
        "from": lambda x, a: a + -x,
        "over": lambda x, a: a * x**-1.0,
        "maximum": lambda x, a: np.where(x > a, x, a),
        "minimum": lambda x, a: np.where(x < a, x, a),
        "compare": lambda x, a: x > a,
        "power": lambda x, a: np.exp(x * np.log(np.abs(a) + 1.0)),
        "logical": lambda x, a: x & a,
    }
    return np.asarray(how[op.how](array, values))


def _select_reference(op: Select, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, second, third = [np.broadcast_to(array, output) for array in (*inputs, 5, -5)][:3]
    chosen = (first != 0) * 1
    return np.asarray(chosen * second + (1 - chosen) * third)


def _rename_reference(op: Rename, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Element by element: where each one of the output comes from."""
    (array,) = inputs
    if op.how in ("flatten", "reshape", "identity", "dropout"):
        return np.array(list(array.flat), array.dtype).reshape(output)
    if op.how == "permute":
        result = np.empty(output, array.dtype)
        order = _order(array.shape, output)
        for place in np.ndindex(*output):
            result[place] = array[tuple([place[order.index(axis)] for axis in range(array.ndim)])]
        return result
    *sizes, channels = array.shape
    at = np.indices(output)
    if op.how == "shuffle":
        part = channels // op.blocks
        block, inside = at[-1] // part, at[-1] % part
        source = block * part + inside % op.groups * (part // op.groups) + inside // op.groups
        return array[(*at[:-1], source)]
    scale, axes = op.scale, len(sizes)
    if op.how == "pixel-shuffle":
        source = at[-1]
        for axis in range(axes):
            source = source * scale + at[axis] % scale
        return array[(*[at[axis] // scale for axis in range(axes)], source)]
    inside = at[-1] % scale**axes
    where = [at[axis] * scale + inside // scale ** (axes - 1 - axis) % scale for axis in range(axes)]
    return array[(*where, at[-1] // scale**axes)]


def _concat_reference(op: Concat, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    result, at = np.zeros(output, inputs[0].dtype), 0
    for array in inputs:
        np.moveaxis(result, op.axis, 0)[at : at + array.shape[op.axis]] = np.moveaxis(array, op.axis, 0)
        at += array.shape[op.axis]
    return result


def _pad_reference(op: Pad, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    result = np.zeros(output, inputs[0].dtype)
    place = [slice(before, before + size) for (before, _), size in zip(op.padding, inputs[0].shape)]
    result[tuple(place)] = inputs[0]
    return result


def _slice_reference(op: Slice, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return inputs[0][np.ix_(*map(range, output))]


def _embedding_reference(op: Embedding, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """A one-hot product, which the layer itself is not."""
    hot = np.eye(op.vocab)[np.abs(inputs[0]) % op.vocab]
    found = hot @ bench.weights("table", (op.vocab, op.out)).look().astype(np.float64)
    return np.asarray({"": found, "sum": found.sum(axis=-2), "mean": found.mean(axis=-2)}[op.bag])


def _token_reference(op: Token, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    result = np.zeros(output, np.int64)
    result[: op.tokens] = bench.weights("tokens", (op.tokens, output[-1])).look()
    result[op.tokens :] = inputs[0]
    return result


def _recurrent_reference(op: Recurrent, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Textbook form: matrices apart for input and state, one product each."""
    sequence = inputs[0].astype(np.float64)
    features, h = sequence.shape[1], op.hidden

    def function(how: str) -> Callable[[Array], Array]:
        return (lambda x: x) if how == "linear" else lambda x: np.asarray(_NAMED[how](x, 1.0))

    act, sigmoid = function(op.act), function(op.gate)
    directions = []
    for at, (kernel, biases, peep, project) in enumerate(_cells(op, features, bench, take=False)):
        w, u = kernel[:, :features], kernel[:, features:]
        b = biases[0] if op.bias_sets else np.zeros(len(w))
        b2 = biases[-1] if op.bias_sets and (op.bias_sets == 2 or op.cell == "gru") else np.zeros(len(w))
        peeps = peep if op.peephole else np.zeros((3, h))
        state, inner, steps = np.zeros(u.shape[1]), np.zeros(h), []
        for x in sequence[::-1] if at else sequence:
            if op.cell == "rnn":
                z = w @ x + u @ state + b + b2
                state = z.clip(0) if op.relu else act(z)
            elif op.cell == "lstm":
                i, f, g, o = np.split(w @ x + u @ state + b + b2, 4)
                inner, before = np.zeros(h), inner
                inner = sigmoid(f + peeps[1] * before) * before + sigmoid(i + peeps[0] * before) * act(g)
                state = sigmoid(o + peeps[2] * inner) * act(inner)
                state = project @ state if op.projection else state
            else:
                both = b[: 2 * h] + (b2[: 2 * h] if op.bias_sets == 2 else 0)
                r, z = np.split(sigmoid((w @ x)[: 2 * h] + (u @ state)[: 2 * h] + both), 2)
                if op.reset_before:
                    last = b[2 * h :] + (b2[2 * h :] if op.bias_sets == 2 else 0)
                    n = act(w[2 * h :] @ x + u[2 * h :] @ (r * state) + last)
                else:
                    n = act(w[2 * h :] @ x + b[2 * h :] + r * (u[2 * h :] @ state + b2[2 * h :]))
                state = n + z * (state - n)
            steps.append(state)
        directions.append(steps[-1] if op.last else np.stack(steps[::-1] if at else steps))
    return np.concatenate(directions, axis=-1).reshape(output)


def _matmul_reference(op: Matmul, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    left, right = [array.astype(np.float64) for array in inputs]
    return np.asarray(left @ (np.swapaxes(right, -1, -2) if op.transpose else right)).reshape(output)


def _einsum_reference(op: Einsum, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.asarray(np.einsum(op.equation, *[array.astype(np.float64) for array in inputs])).reshape(output)


def _each(op: Each, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The op on one slice after another, its weights taken once."""
    run, made = EXECUTORS[type(op.op)].run, []
    for at in range(output[0]):
        with _taken_once(bench, at):
            made.append(np.asarray(run(op.op, [array[at] for array in inputs], output[1:], bench)))
    return np.stack(made)


@contextmanager
def _taken_once(bench: Bench, at: int) -> Iterator[None]:
    """Weights that are taken again after the first time are the same ones."""
    counts = bench.tally.counts
    before = counts["params"], counts["buffers"]
    yield
    if at:
        counts["params"], counts["buffers"] = before


def _each_reference(op: Each, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    reference = EXECUTORS[type(op.op)].reference
    return np.stack([reference(op.op, [a[at] for a in inputs], output[1:], bench) for at in range(output[0])])


def _scan(op: Scan, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return _scanned(op, inputs, bench, lambda part, *rest: EXECUTORS[type(part.op)].run(part.op, *rest))


def _scan_reference(op: Scan, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return _scanned(op, inputs, bench, lambda part, *rest: EXECUTORS[type(part.op)].reference(part.op, *rest))


def _scanned(op: Scan, inputs: Sequence[Array], bench: Bench, run: Callable[..., Array]) -> Array:
    """Step after step; each part of a step has a bench with weights of its own, and all count into one tally."""
    benches = []
    for at in range(len(op.body)):
        own = Bench(f"{bench.name} {at}", bench.seed, bench.tick)
        own.tally, own.array, own.dtype = bench.tally, bench.array, np.float64
        benches.append(own)
    shapes = op.tensors((inputs[0].shape,))
    states, steps = [np.zeros(state) for state in op.states], []
    for step, x in enumerate(inputs[0].astype(np.float64) / 4):
        with _taken_once(bench, step):
            tensors = [x, *states]
            for part, own in zip(op.body, benches, strict=True):
                sources = [tensors[source] for source in part.sources]
                tensors.append(np.asarray(run(part, sources, shapes[len(tensors)], own)))
            states = [tensors[carried] for carried in op.carried]
            steps.append(states[0])
    return steps[-1] if op.last else np.stack(steps)


class Executor(NamedTuple):
    """How an op runs, what its output must be, and whether the two are equal or only near."""

    run: Callable[[Any, Sequence[Array], Shape, Bench], Array]
    reference: Callable[[Any, Sequence[Array], Shape, Bench], Array]
    near: Callable[[Any], bool]


def _exactly(op: Any) -> bool:
    return False


def _nearly(op: Any) -> bool:
    return True


# Every op that there is: none runs unverified.
EXECUTORS: dict[type[Op], Executor] = {
    Conv: Executor(_conv, _conv_reference, _exactly),
    Transposed: Executor(_transposed, _transposed_reference, _exactly),
    Dense: Executor(_dense, _dense_reference, _exactly),
    Matmul: Executor(_matmul, _matmul_reference, _exactly),
    Einsum: Executor(_einsum, _einsum_reference, _exactly),
    Attention: Executor(_attention, _attention_reference, _nearly),
    Pool: Executor(_pool, _pool_reference, lambda op: op.how != "max"),
    Reduce: Executor(_reduce, _reduce_reference, lambda op: op.how in ("mean", "prod")),
    Cumulate: Executor(_cumulate, _cumulate_reference, _exactly),
    AdaptivePool: Executor(_adaptive, _adaptive_reference, lambda op: op.how != "max"),
    Upsample: Executor(_upsample, _upsample_reference, lambda op: op.how != "nearest"),
    BatchNorm: Executor(_batch_norm, _batch_norm_reference, _nearly),
    Normalization: Executor(_normalization, _normalization_reference, _nearly),
    RowNorm: Executor(_row_norm, _row_norm_reference, _nearly),
    LocalResponseNorm: Executor(_local_norm, _local_norm_reference, _nearly),
    Softmax: Executor(_softmax, _softmax_reference, _nearly),
    Activation: Executor(
        _activation, _activation_reference, lambda op: op.how not in ("relu", "relu6", "clip", "prelu")
    ),
    Elementwise: Executor(_elementwise, _elementwise_reference, lambda op: op.how in ("divide", "power")),
    Select: Executor(_select, _select_reference, _exactly),
    Stored: Executor(_stored, _stored_reference, lambda op: op.how in ("over", "power")),
    Rename: Executor(_rename, _rename_reference, _exactly),
    Concat: Executor(_concat, _concat_reference, _exactly),
    Pad: Executor(_pad, _pad_reference, _exactly),
    Slice: Executor(_slice, _slice_reference, _exactly),
    Copy: Executor(_copy, _copy_reference, _exactly),
    Embedding: Executor(_embedding, _embedding_reference, lambda op: op.bag == "mean"),
    Token: Executor(_token, _token_reference, _exactly),
    Recurrent: Executor(_recurrent, _recurrent_reference, _nearly),
    Each: Executor(_each, _each_reference, lambda op: EXECUTORS[type(op.op)].near(op.op)),
    Scan: Executor(_scan, _scan_reference, _nearly),
}

# --- verdicts ---------------------------------------------------------------------------------------------------------

Difference = tuple[str, int, int]


def _differences(said: Cost, done: Cost) -> tuple[Difference, ...]:
    return tuple([(name, a, b) for name, a, b in zip(COSTS, said, done) if a != b])


class Check(NamedTuple):
    """One layer: what the formula says, what was executed; ``tolerance`` is 0 where the outputs must be equal."""

    name: str
    kind: str
    formula: Cost
    executed: Cost
    output_matches: bool
    shape_matches: bool
    tolerance: float

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Counts that are not as the formula says: name, formula, executed."""
        return _differences(self.formula, self.executed)

    @property
    def ok(self) -> bool:
        return self.output_matches and self.shape_matches and not self.differences


class RewriteCheck(NamedTuple):
    """A variant: whether its chain gives what the normal convolution with the composed kernel does."""

    name: str
    matches: bool

    @property
    def ok(self) -> bool:
        return self.matches


class Verification(NamedTuple):
    """What was found. ``executed`` is everything that ran, variants too; ``claim`` what of a claimed cost is not so
    (None without a claim)."""

    layers: tuple[Check, ...]
    rewrites: tuple[RewriteCheck, ...]
    executed: Cost
    seconds: float
    seed: int
    claim: tuple[Difference, ...] | None = None

    @property
    def ok(self) -> bool:
        fine = all(check.ok for check in self.layers) and all(check.ok for check in self.rewrites)
        return fine and not self.claim


class _Run:
    """One verification: its seed and its progress."""

    def __init__(self, seed: int, whole: int, progress: Progress | None) -> None:
        self.seed = seed
        self.whole = max(1, whole)
        self.progress = progress
        self.done = 0
        self.shown = 0

    def bench(self, name: str, small: bool = False) -> Bench:
        bench = Bench(name, self.seed, lambda: None, small)
        if self.progress is not None:
            bench.tick = lambda: self.show(bench.tally, name)
        return bench

    def show(self, tally: Tally, name: str) -> None:
        at = min(self.whole, self.done + _operations(tally.cost()))
        if self.progress is not None and at - self.shown > self.whole // 200:
            self.shown = at
            self.progress(at, self.whole, name)

    def finish(self, cost: Cost) -> None:
        self.done += _operations(cost)


def _operations(cost: Cost) -> int:
    return sum(cost[1:6])


def _run_op(op: Op, inputs: Sequence[Array], output: Shape, bench: Bench) -> tuple[Array, Array]:
    """The op's output, counted, and its reference."""
    executor = EXECUTORS[type(op)]
    found = np.asarray(executor.run(op, inputs, output, bench))
    bench.tally.counts["activations"] += found.size if op.writes else 0
    return found, np.asarray(executor.reference(op, inputs, output, bench))


def _agree(found: Array, reference: Array, near: bool) -> bool:
    if found.shape != reference.shape:
        return False
    return bool(np.allclose(found, reference, TOLERANCE, TOLERANCE) if near else np.array_equal(found, reference))


def _innermost(op: Op) -> Op:
    """What an op on each slice is, slice by slice."""
    while isinstance(op, Each):
        op = op.op
    return op


def _check_layer(layer: Layer, run: _Run) -> Check:
    """Runs a layer on data of its own."""
    bench = run.bench(layer.name)
    if isinstance(_innermost(layer.op), Attention):
        bench.dtype = np.float64
    inputs = [bench.data(f"input {at}", shape) for at, shape in enumerate(layer.inputs)]
    if isinstance(_innermost(layer.op), Embedding):
        inputs = [bench.data("input 0", layer.inputs[0], 100)]
    found, reference = _run_op(layer.op, inputs, layer.output, bench)
    executed = bench.tally.cost()
    if layer.weights is not None and not layer.cost.params:  # counted where they are used first
        executed = executed._replace(params=0, buffers=0)
    run.finish(executed)
    near = EXECUTORS[type(layer.op)].near(layer.op)
    return Check(
        layer.name,
        layer.kind,
        layer.cost,
        executed,
        _agree(found, reference, near),
        found.shape == layer.output,
        TOLERANCE if near else 0.0,
    )


def _check_variant(
    name: str, conv: Conv, settings: Any, network: Network, run: _Run
) -> tuple[list[Check], RewriteCheck]:
    """Runs a chain on one input, each link on what the one before gave, and the normal convolution with the composed
    kernel beside it. The outputs of a spatial chain are cut into slabs, since what lies between is outputs times
    inputs wide; every output has its own part of it."""
    (shape,) = network.inputs.values()
    channels, per_group = shape[-1], conv.out // conv.groups
    within = 1 if name != "spatial" else channels
    area = prod(network.layers[-1].output[:-1])
    composed = channels * within * conv.groups * prod(conv.kernel)
    slab = max(1, min(4 * GATHERED // max(1, area * within), COMPOSED // composed)) if name == "spatial" else per_group
    sums = [Cost()] * len(network.layers)
    right = [True] * len(network.layers)
    whole_right = True
    numbers = {layer.name: at for at, layer in enumerate(network.layers)}  # a slab of one output needs no shuffle
    start = run.bench(name, small=True).data("input", shape, 1)
    for low in range(0, per_group, slab):
        part = conv._replace(out=min(slab, per_group - low) * conv.groups)
        chain = VARIANTS[name].build(part, channels, settings)
        array, kernels = start, []
        for link in chain:
            at = numbers[link.name]
            bench = run.bench(f"{name}/{link.name}/{low}", small=True)
            output = link.op.output((array.shape,))
            array = array.astype(np.int64 if at and array.size and abs(array).max() > 2**12 else np.int32)
            found, reference = _run_op(link.op, [array], output, bench)
            right[at] &= _agree(found, reference, near=False)
            sums[at] = sums[at] + bench.tally.cost()
            run.finish(bench.tally.cost())
            kernels.append((link.op, bench, array.shape[-1]))
            array = np.asarray(found)
        if len(chain) > 1:  # a chain of one link is the normal convolution, and has its own reference
            expected = _composed_reference(part, kernels, start)
            whole_right &= _agree(array, expected, near=False)
    checks = []
    for layer, executed, fine in zip(network.layers, sums, right, strict=True):
        label = f"{name}/{layer.name}" if len(network.layers) > 1 else name
        checks.append(Check(label, layer.kind, layer.cost, executed, fine, True, 0.0))
    return checks, RewriteCheck(name, whole_right)


def _composed_reference(conv: Conv, links: Sequence[tuple[Op, Bench, int]], start: Array) -> Array:
    """The normal convolution with the one kernel that the chain's kernels make together."""
    channels, axes = start.shape[-1], len(conv.kernel)
    # outputs x inputs x taps: at first every channel is itself
    kernel = np.eye(channels).reshape(channels, channels, *[1] * axes)
    bias = None
    for op, bench, before in links:
        if isinstance(op, Rename):
            order = _rename_reference(op, [np.arange(before)], (before,), bench)
            kernel = kernel[order]
            continue
        if not isinstance(op, Conv):
            raise TypeError(f"{type(op).__name__} is no link of a convolution's rewrite")
        each = before // op.groups
        stored = bench.weights("kernel", (op.out, prod(op.kernel) * each)).look().astype(np.float64)
        own = stored.reshape(op.groups, op.out // op.groups, *op.kernel, each)
        below = kernel.reshape(op.groups, each, channels, *kernel.shape[2:])
        taps, inner = "stuv"[:axes], "wxyz"[:axes]
        both = "".join(a + b for a, b in zip(taps, inner))
        made = np.einsum(f"go{taps}c,gci{inner}->goi{both}", own, below, optimize=True)
        sizes = [k * size for k, size in zip(op.kernel, kernel.shape[2:])]
        kernel = made.reshape(op.out, channels, *sizes)
        if op.bias:
            bias = bench.weights("bias", (op.out,)).look()
    dense = np.moveaxis(kernel, 1, -1).reshape(conv.out, -1)
    whole = conv._replace(groups=1, bias=False)
    result = _correlate(whole, start, whole.output((start.shape,)), lambda low, high: dense[low:high])
    return result if bias is None else result + bias


# Which variant a kind is itself.
_OWN = {"separable": "depthwise-separable", "spatial": "spatial", "factorized": "factorized"}


def verify(
    target: Spec | Network | str,
    claimed: Cost | None = None,
    *,
    seed: int = 0,
    variants: Sequence[str] | None = None,
    layers: Sequence[str] = (),
    progress: Progress | None = None,
) -> Verification:
    """Runs a layer spec with every variant (or those named), or a network's layers (or those that match a glob).

    ``claimed`` is what the spec, or all those layers together, are said to cost; anything else makes the verification
    fail. ``progress`` is called with operations done, operations in all, and the layer's name. Raises InputError for
    a spec that is wrong, an unknown variant, a glob that matches nothing.
    """
    begun = time.perf_counter()
    buffered = np.setbufsize(BUFFER)
    try:
        checks, rewrites, own = _verified(target, seed, variants, layers, progress)
    finally:
        np.setbufsize(buffered)
    if progress is not None:
        whole = sum(_operations(check.executed) for check in checks)
        progress(whole, whole, "done")
    executed = total(check.executed for check in checks) if checks else Cost()
    claim = None
    if claimed is not None:
        claim = _differences(Cost(*claimed), total(check.executed for check in own) if own else Cost())
    return Verification(tuple(checks), tuple(rewrites), executed, time.perf_counter() - begun, seed, claim)


def _verified(
    target: Spec | Network | str,
    seed: int,
    variants: Sequence[str] | None,
    layers: Sequence[str],
    progress: Progress | None,
) -> tuple[Sequence[Check], Sequence[RewriteCheck], Sequence[Check]]:
    """The checks, the rewrites, and those checks that are of the target itself."""
    if isinstance(target, str):
        target = parse(target, also=REWRITE_OPTIONS)
    if isinstance(target, Spec) and target.kind in COMPARED:
        return _verify_variants(target, seed, variants, progress)
    network = of_spec(target) if isinstance(target, Spec) else target
    chosen = _chosen(network, layers)
    run = _Run(seed, sum(_operations(layer.cost) for layer in chosen), progress)
    checks = [_check_layer(layer, run) for layer in chosen]
    return checks, [], checks


def _chosen(network: Network, globs: Sequence[str]) -> Sequence[Layer]:
    """The layers that match any of the globs, in their order; all, without one. Those that nobody can count have
    nothing to be verified: the network says that it is incomplete."""
    matching = {layer.name for glob in globs for layer in network.select(glob)}
    chosen = [layer for layer in network.layers if not globs or layer.name in matching]
    counted = [layer for layer in chosen if not isinstance(layer.op, Uncounted)]
    if chosen and not counted:
        raise InputError([Problem(f"{chosen[0].name} cannot be counted, so there is nothing to verify")])
    return counted


def _verify_variants(
    spec: Spec, seed: int, variants: Sequence[str] | None, progress: Progress | None
) -> tuple[list[Check], list[RewriteCheck], list[Check]]:
    from sepcalc.kinds import settings

    itself = _OWN.get(spec.kind, "normal")
    comparison = compare(spec, [*(variants or ["all"]), itself])
    run = _Run(seed, sum(_operations(variant.cost) for variant in comparison), progress)
    checks, rewrites, own = [], [], []
    for variant in comparison:
        found, rewrite = _check_variant(variant.name, comparison.conv, settings(spec.options), variant.network, run)
        checks += found
        if variant.name == itself:
            own = found
        if variant.name != "normal":
            rewrites.append(rewrite)
    return checks, rewrites, own


class _Callable(ModuleType):
    """``sepcalc.verify(...)``: the module stands for the function that it is named after."""

    def __call__(self, *args: Any, **kwargs: Any) -> Verification:
        return verify(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
