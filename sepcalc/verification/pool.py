"""Pools, reductions and resampling."""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.pool import CUBIC, AdaptivePool, Cumulate, GridSample, Pool, Reduce, Upsample
from sepcalc.shape import Shape
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Array
from sepcalc.verification.executor import Executor, exact, no_rows, whole
from sepcalc.verification.sampling import Piece, narrowed, some_positions
from sepcalc.verification.sums import GATHERED
from sepcalc.verification.windows import bordered, pads_of, windows_at, windows_of, windows_view


def _pool(op: Pool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = inputs[0].astype(np.float64)
    rows, index, offsets = windows_of(op, array, output, -np.inf if op.how == "max" else 0)
    factors = bench.chosen(np.broadcast_to(_sizes(op, array.shape, output), (len(index), 1)))
    index = bench.chosen(index)
    result = np.empty((len(index), array.shape[-1]))
    window = max(1, GATHERED // (len(offsets) * array.shape[-1]))
    for at in range(0, len(index), window):
        seen = rows[index[None, at : at + window] + offsets[:, None]].view(bench.array)
        if op.how == "max":
            result[at : at + window] = np.maximum.reduce(seen, axis=0)
        else:
            sums = np.add.reduce(seen, axis=0)
            result[at : at + window] = np.multiply(sums, 1 / factors[at : at + window]) if op.how == "avg" else sums
        bench.tick()
    return result.reshape(bench.running(output))


def _sizes(op: Pool, shape: Shape, output: Shape) -> Array:
    """The divisor of the average of every window: the number of all its elements, or of those in the input alone."""
    whole = np.full((1, 1), float(prod(op.kernel)))
    if op.how == "max" or not op.exclude_pad:
        return whole
    rows, index, offsets = windows_of(op, np.ones((*shape[:-1], 1)), output)
    counts = rows[index[:, None] + offsets[None, :]].sum(axis=1)
    return np.maximum(counts, 1)  # of a window in the padding alone, nothing is the average


def _pool_reference(op: Pool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array, pads = inputs[0].astype(np.float64), pads_of(op, inputs[0].shape, output)
    taps = tuple(range(-len(op.kernel), 0)) if bench.positions is None else -1

    def windows(values: Array, fill: float) -> Array:
        if bench.positions is None:
            return windows_view(op, bordered(values, pads, fill), output)
        return np.moveaxis(windows_at(op, values, output, bench.positions, fill), 1, -1)

    if op.how == "max":
        return np.asarray(windows(array, -np.inf).max(axis=taps))
    sums = windows(array, 0).sum(axis=taps)
    if op.how == "sum":
        return np.asarray(sums)
    if not op.exclude_pad:
        return np.asarray(sums / prod(op.kernel))
    return np.asarray(sums / np.maximum(windows(np.ones((*array.shape[:-1], 1)), 0).sum(axis=taps), 1))


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
    """The position of the first of the largest (smallest) elements, numbered along the axes, by one compare after
    another."""
    rest = [axis for axis in range(array.ndim) if axis not in op.axes]
    rows = array.transpose(*op.axes, *rest).reshape(-1, prod([array.shape[axis] for axis in rest]))  # an array each
    best, where = rows[0], np.zeros(rows.shape[1:], np.int64)
    for at in range(1, len(rows)):
        better = np.greater(rows[at], best) if op.how == "argmax" else np.greater(best, rows[at])
        best, where = np.where(better, rows[at], best), np.where(better, at, where)
    return np.asarray(where).reshape(output)


def _reduce_reference(op: Reduce, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    how: dict[str, Any] = {"max": np.max, "mean": np.mean, "sum": np.sum, "min": np.min, "prod": np.prod}
    if op.how in ("argmax", "argmin"):
        rest = [axis for axis in range(inputs[0].ndim) if axis not in op.axes]
        rows = inputs[0].transpose(*rest, *op.axes).reshape(*[inputs[0].shape[axis] for axis in rest], -1)
        return np.asarray((np.argmax if op.how == "argmax" else np.argmin)(rows, axis=-1)).reshape(output)
    return np.asarray(how[op.how](inputs[0].astype(np.float64), axis=op.axes)).reshape(output)


def _some_kept(
    op: Reduce, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some indices of the last axis that the op keeps."""
    (array,) = inputs
    kept = [axis for axis in range(array.ndim) if axis not in op.axes]
    if not kept:
        return None
    needed = -(-count // prod(array.shape[axis] for axis in kept[:-1]))
    what = "channels" if kept[-1] == array.ndim - 1 else "rows"
    return narrowed(op, array.shape[kept[-1]], needed, what, random, lambda chosen: [array.take(chosen, kept[-1])])


_CUMULATED: dict[str, Any] = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def _cumulate(op: Cumulate, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    moved = np.moveaxis(inputs[0].astype(np.int64), op.axis, 0)
    rows = moved.reshape(len(moved), -1)  # an array each, also of a vector
    result = [rows[0].view(bench.array)]
    for row in rows[1:]:
        result.append(_CUMULATED[op.how](result[-1], row))
    return np.moveaxis(np.stack([np.asarray(row) for row in result]).reshape(moved.shape), 0, op.axis)


def _cumulate_reference(op: Cumulate, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.asarray(_CUMULATED[op.how].accumulate(inputs[0].astype(np.int64), axis=op.axis))


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


def _adaptive_reference(op: AdaptivePool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Axis by axis: a mean of equal windows is the mean of means, a maximum that of maxima."""
    array = inputs[0].astype(np.float64)
    for axis, o in enumerate(op.to):
        i = array.shape[axis]
        parts = [array.take(range(j * i // o, -(-(j + 1) * i // o)), axis) for j in range(o)]
        array = np.stack([part.max(axis) if op.how == "max" else part.mean(axis) for part in parts], axis)
    return array


def _some_channels(
    op: AdaptivePool | Upsample, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some channels, each with all its positions."""
    (array,) = inputs
    needed = -(-count // prod(op.to))
    return narrowed(op, array.shape[-1], needed, "channels", random, lambda chosen: [array[..., chosen]])


def _upsample(op: Upsample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = bench.real(inputs[0])
    axes = [resampling_taps(op.how, size, to) for size, to in zip(array.shape, op.to)]
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


def _upsample_reference(op: Upsample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """One axis after another, by a matrix for each."""
    array = inputs[0].astype(np.float64)
    for axis, to in enumerate(op.to):
        where, weights = resampling_taps(op.how, array.shape[axis], to)
        matrix = np.zeros((to, array.shape[axis]))
        for tap in range(where.shape[1]):
            np.add.at(matrix, (np.arange(to), where[:, tap]), weights[:, tap])
        array = np.moveaxis(np.tensordot(matrix, array, (1, axis)), 0, axis)
    return array


def resampling_taps(how: str, size: int, to: int) -> tuple[Array, Array]:
    """For each output position along an axis, its input positions and their weights, both ``to x taps``. Pixel centres
    are at halves; the edge is repeated."""
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


def _grid_sample(op: GridSample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Coordinates, distances, weights and taps. For a stored grid all but the sums are prepared, uncounted."""
    image, grid = inputs[0].astype(np.float64), grid_of(inputs[1])
    grid = grid if op.stored else grid.view(bench.array)
    axes = grid.shape[-1]
    below, distances = [], []  # the last coordinate is that of the first spatial axis
    for axis, size in enumerate(image.shape[:-1]):
        centre = np.add(grid[..., axes - 1 - axis], 1.0)
        if op.align_corners:
            centre = np.multiply(centre, (size - 1) / 2)
        else:
            centre = np.subtract(np.multiply(centre, size / 2), 0.5)
        low = np.rint(centre) if op.how == "nearest" else np.floor(centre)
        below.append(np.asarray(low).astype(int))
        if op.how == "bicubic":
            distances.append(_cubic_weights(np.subtract(centre, np.asarray(low))))
        elif op.how != "nearest":
            distances.append((np.subtract(np.asarray(low) + 1, centre), np.subtract(centre, np.asarray(low))))
    if op.how == "nearest":
        return _read_at(image, below)
    steps = (-1, 0, 1, 2) if op.how == "bicubic" else (0, 1)
    weights = list(distances[0])
    for pair in distances[1:]:
        weights = [np.multiply(weight, part) for weight in weights for part in pair]
    taps = [_read_at(image, [low + step for low, step in zip(below, at)]) for at in product(steps, repeat=axes)]
    shares = np.stack([np.asarray(weight) for weight in weights])[..., None]
    return np.asarray(np.add.reduce(np.multiply(np.stack(taps).view(bench.array), shares), axis=0))


def _cubic_weights(t: Array) -> tuple[Array, ...]:
    """The weights of four neighbouring taps for a place that lies ``t`` behind the second."""

    def polynomial(d: Array, first: float, second: float) -> Array:
        return np.asarray(np.add(np.multiply(first, d), second)).view(type(t))

    def far(d: Array) -> Array:
        return np.add(np.multiply(np.add(np.multiply(polynomial(d, CUBIC, -5 * CUBIC), d), 8 * CUBIC), d), -4 * CUBIC)

    def near(d: Array) -> Array:
        return np.add(np.multiply(np.multiply(polynomial(d, CUBIC + 2, -CUBIC - 3), d), d), 1.0)

    return far(np.add(t, 1.0)), near(t), near(back := np.subtract(1.0, t)), far(np.add(back, 1.0))


def _read_at(image: Array, places: Sequence[Array]) -> Array:
    """The elements at these places of the spatial axes, zeros outside."""
    inside = np.ones(places[0].shape, bool)
    for where, size in zip(places, image.shape):
        inside &= (where >= 0) & (where < size)
    found = image[tuple([np.clip(where, 0, size - 1) for where, size in zip(places, image.shape)])]
    return np.where(inside[..., None], found, 0.0)


def grid_of(array: Array) -> Array:
    """Coordinates from the data: inside the image and outside, none halfway between two centres."""
    return array * 0.37 + 0.011


def _grid_sample_reference(op: GridSample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Position by position, by interpolation between two neighbours along one axis after another, on an image with a
    border of zeros."""
    if op.how == "bicubic":
        return _bicubic_reference(op, inputs).reshape(output)
    image = np.pad(inputs[0].astype(np.float64), [*[(1, 1)] * (inputs[0].ndim - 1), (0, 0)])
    grid = grid_of(inputs[1]).reshape(-1, inputs[1].shape[-1])
    found = np.zeros((len(grid), image.shape[-1]))
    for at, place in enumerate(grid):
        near = image
        for size, g in zip(inputs[0].shape[:-1], place[::-1]):
            first, last = (0.0, size - 1.0) if op.align_corners else (-0.5, size - 0.5)
            centre = first + (last - first) * (g + 1) / 2
            if not -1 < centre < size and (op.how != "nearest" or not -0.5 <= centre <= size - 0.5):
                near = np.zeros(near.shape[1:])
                continue
            if op.how == "nearest":
                near = near[round(centre) + 1]
                continue
            low = int(np.floor(centre)) + 1
            near = near[low] + (centre - np.floor(centre)) * (near[low + 1] - near[low])
        found[at] = near
    return found.reshape(output)


def _bicubic_reference(op: GridSample, inputs: Sequence[Array]) -> Array:
    """Position by position: every pixel is weighted by its distance, with 0 from a distance of 2 on."""
    image, grid = inputs[0].astype(np.float64), grid_of(inputs[1]).reshape(-1, 2)
    found = np.zeros((len(grid), image.shape[-1]))
    for at, place in enumerate(grid):
        weights = []
        for size, g in zip(image.shape[:-1], place[::-1]):
            first, last = (0.0, size - 1.0) if op.align_corners else (-0.5, size - 0.5)
            d = np.abs(first + (last - first) * (g + 1) / 2 - np.arange(size))
            inner, outer = 1.25 * d**3 - 2.25 * d**2 + 1, -0.75 * (d - 1) * (d - 2) ** 2
            weights.append(np.where(d <= 1, inner, np.where(d < 2, outer, 0.0)))
        found[at] = np.tensordot(np.outer(*weights), image, 2)
    return found


def _some_places(
    op: GridSample, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some positions of the grid."""
    image, grid = inputs
    rows = grid.reshape(-1, grid.shape[-1])
    return narrowed(op, len(rows), count, "positions", random, lambda chosen: [image, rows[chosen]])


POOLS: dict[type[Op], Executor] = {
    Pool: Executor(_pool, _pool_reference, lambda op: op.how == "avg", no_rows, some_positions),
    Reduce: Executor(_reduce, _reduce_reference, lambda op: op.how in ("mean", "prod"), no_rows, _some_kept),
    Cumulate: Executor(_cumulate, _cumulate_reference, exact, no_rows, whole),
    AdaptivePool: Executor(_adaptive, _adaptive_reference, lambda op: op.how != "max", no_rows, _some_channels),
    Upsample: Executor(_upsample, _upsample_reference, lambda op: op.how != "nearest", no_rows, _some_channels),
    GridSample: Executor(_grid_sample, _grid_sample_reference, lambda op: op.how != "nearest", no_rows, _some_places),
}
