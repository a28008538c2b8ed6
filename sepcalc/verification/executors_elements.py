"""Layers without macs that count themselves: pools, resampling, norms, activations, moves."""

from collections.abc import Callable, Sequence
from itertools import product
from math import gcd, prod, sqrt
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Scatter, Select, Stored
from sepcalc.ops.move import Concat, Constant, Copy, Embedding, Pad, Random, Slice, Token
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm
from sepcalc.ops.pool import CUBIC, AdaptivePool, Cumulate, GridSample, Pool, Reduce, Upsample
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape
from sepcalc.verification.bench import Bench, Function
from sepcalc.verification.counting import Array, erf_of
from sepcalc.verification.executors_products import sigmoid, windows_of
from sepcalc.verification.layout import (
    EPSILON,
    LRN,
    SELU,
    SLOPE,
    argument_of,
    bordered,
    divisible,
    grid_of,
    norm_rows,
    order_of,
    resampling_taps,
    scattered,
    statistics_of,
    stored_data,
    stored_shape,
)
from sepcalc.verification.products import GATHERED


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
    """What an average divides by, for every window: all its elements, or those of the input alone."""
    whole = np.full((1, 1), float(prod(op.kernel)))
    if op.how == "max" or not op.exclude_pad:
        return whole
    rows, index, offsets = windows_of(op, np.ones((*shape[:-1], 1)), output)
    counts = rows[index[:, None] + offsets[None, :]].sum(axis=1)
    return np.maximum(counts, 1)  # of a window in the padding alone, nothing is the average


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
    rows = array.transpose(*op.axes, *rest).reshape(-1, prod([array.shape[axis] for axis in rest]))  # an array each
    best, where = rows[0], np.zeros(rows.shape[1:], np.int64)
    for at in range(1, len(rows)):
        better = np.greater(rows[at], best) if op.how == "argmax" else np.greater(best, rows[at])
        best, where = np.where(better, rows[at], best), np.where(better, at, where)
    return np.asarray(where).reshape(output)


def _cumulate(op: Cumulate, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    moved = np.moveaxis(inputs[0].astype(np.int64), op.axis, 0)
    rows = moved.reshape(len(moved), -1)  # an array each, also of a vector
    how = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[op.how]
    result = [rows[0].view(bench.array)]
    for row in rows[1:]:
        result.append(how(result[-1], row))
    return np.moveaxis(np.stack([np.asarray(row) for row in result]).reshape(moved.shape), 0, op.axis)


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


def _grid_sample(op: GridSample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Coordinates, distances, weights and taps; what a stored grid needs is made unseen."""
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
    """The weights of the taps before, at, and twice behind a place, t behind the second."""

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


def _trained(bench: Bench, role: str, shape: Shape, wanted: bool) -> Array | None:
    return bench.weights(role, shape).take().astype(np.float64) if wanted else None


def _scaled(values: Any, gain: Array | None, shift: Array | None) -> Any:
    """Times a gain and plus a shift, along the last axes; in place, the values are nobody else's."""
    values = values if gain is None else np.multiply(values, gain, out=values)
    return values if shift is None else np.add(values, shift, out=values)


def _wide(values: Any, *each: Array | None) -> tuple[Any, list[Any]]:
    """Several rows of channels as one, with what stands for each channel repeated: short rows are slow."""
    channels = values.shape[-1]
    count = gcd(values.size // channels, max(1, 1024 // channels))
    return values.reshape(-1, count * channels), [None if one is None else np.tile(one, count) for one in each]


def _batch_norm(op: BatchNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array, channels = bench.real(inputs[0]), (output[-1],)
    mean, root = statistics_of(bench, output[-1], take=True)
    gain, shift = _trained(bench, "gain", channels, op.gain), _trained(bench, "shift", channels, op.bias)
    if op.unfolded:
        values, (mean, root, gain, shift) = _wide(array, mean, root, gain, shift)
        values = np.multiply(np.subtract(values, mean, out=values), root, out=values)
    else:
        scale = root if gain is None else root * gain
        values, (gain, shift) = _wide(array, scale, (0 if shift is None else shift) - mean * scale)
    return np.asarray(_scaled(values, gain, shift)).reshape(output)


def _normalization(op: Normalization, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Mean and variance are stored, and so is how much they were made of; factor and term are prepared."""
    stored = [bench.weights(role, op.stored or (1,), "buffers") for role in ("mean", "variance")]
    mean, variance = [each.take() if op.stored else each.look() for each in stored]
    if op.stored:
        bench.weights("count", (1,), "buffers").take()
    factor = 1 / np.sqrt(np.abs(variance.astype(np.float64)) + EPSILON)
    return np.add(np.multiply(bench.real(inputs[0]), factor), -mean * factor)


def _row_norm(op: RowNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows, axes = norm_rows(op, bench.real(inputs[0]))
    count = prod(rows.shape[axis] for axis in axes)
    centred: Any = rows
    if op.how != "rms":
        centred = np.subtract(rows, np.multiply(np.add.reduce(rows, axis=axes, keepdims=True), 1 / count))
    spread = np.multiply(np.add.reduce(np.multiply(centred, centred), axis=axes, keepdims=True), 1 / count)
    normal = np.divide(centred, np.sqrt(np.add(spread, EPSILON))).reshape(output)
    shape = output[-op.axes :] if op.how in ("layer", "rms") else output[-1:]
    gain, shift = _trained(bench, "gain", shape, op.gain), _trained(bench, "shift", shape, op.bias)
    return np.asarray(_scaled(normal, gain, shift))


def _local_norm(op: LocalResponseNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    k, alpha, beta = LRN
    array = bench.real(inputs[0])
    squares = np.pad(np.multiply(array, array), [(0, 0)] * (array.ndim - 1) + [((op.size - 1) // 2, op.size // 2)])
    near = sliding_window_view(np.asarray(squares), op.size, axis=-1).view(bench.array)
    below = np.power(np.add(np.multiply(np.add.reduce(near, axis=-1), alpha / op.size), k), beta)
    return np.divide(array, below)


def _relu6(x: Any) -> Any:
    return np.minimum(np.maximum(x, 0.0), 6.0)


def _factor(x: Any, factor: float) -> Any:
    return x if factor == 1 else np.multiply(x, factor)


_MULT = np.multiply


ACTIVATED: dict[str, Callable[[Any, float], Any]] = {
    "relu": lambda x, _: np.maximum(x, 0.0),
    "relu6": lambda x, _: _relu6(x),
    "clip": lambda x, _: np.minimum(np.maximum(x, -1.0), 2.0),
    "leaky-relu": lambda x, _: np.where(np.greater(x, 0.0), x, _MULT(SLOPE, x)),
    "sigmoid": lambda x, _: sigmoid(x),
    "tanh": lambda x, _: np.tanh(x),
    "hard-sigmoid": lambda x, _: _MULT(_relu6(np.add(x, 3.0)), 1 / 6),
    "hard-swish": lambda x, _: _MULT(x, _MULT(_relu6(np.add(x, 3.0)), 1 / 6)),
    "silu": lambda x, _: _MULT(x, sigmoid(x)),
    "swish": lambda x, beta: _MULT(x, sigmoid(_factor(x, beta))),
    "gelu": lambda x, _: _MULT(_MULT(0.5, x), np.add(1.0, erf_of(_MULT(x, sqrt(0.5))).astype(float))),
    "gelu-tanh": lambda x, _: _MULT(
        _MULT(0.5, x),
        np.add(1.0, np.tanh(_MULT(sqrt(2 / np.pi), np.add(x, _MULT(0.044715, _MULT(_MULT(x, x), x)))))),
    ),
    "mish": lambda x, _: _MULT(x, np.tanh(np.log(np.add(1.0, np.exp(x))))),
    "elu": lambda x, alpha: np.where(np.greater(x, 0.0), x, _factor(np.subtract(np.exp(x), 1.0), alpha)),
    "selu": lambda x, _: _MULT(SELU[1], np.where(np.greater(x, 0.0), x, _MULT(SELU[0], np.subtract(np.exp(x), 1.0)))),
    "softplus": lambda x, beta: _factor(np.log(np.add(1.0, np.exp(_factor(x, beta)))), 1 / beta if beta else 1.0),
    "softsign": lambda x, _: np.divide(x, np.add(1.0, np.absolute(x))),
    "celu": lambda x, alpha: np.add(
        np.maximum(x, 0.0),
        np.minimum(0.0, _factor(np.subtract(np.exp(_factor(x, 1 / alpha if alpha else 1.0)), 1.0), alpha)),
    ),
    "log-sigmoid": lambda x, _: np.log(sigmoid(x)),
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
    "erf": lambda x, _: erf_of(x).astype(float),
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


def _activation(op: Activation, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = bench.real(argument_of(op, inputs[0]))
    if op.how == "prelu":
        slope = bench.weights("slope", (1 if op.shared else output[-1],)).take().astype(np.float64)
        return np.where(np.greater(array, 0.0), array, np.multiply(slope, array))
    return np.asarray(ACTIVATED[op.how](array, op.factor))


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


def _elementwise(op: Elementwise, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, *others = [array.view(bench.array) for array in divisible(op, inputs)]
    result: Any = first
    for other in others:
        result = _STEPS[op.how](result, other)
    return np.asarray(result)


def _stored(op: Stored, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    shape = stored_shape(op, output)
    values = np.full(op.shape, 3) if op.per == "constant" else bench.weights("stored", shape).take()
    array = stored_data(op, inputs[0]).view(bench.array)
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


def _scatter(op: Scatter, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The elements one after another to one place after another, over and over, as many at once as there are places."""
    result, put = scattered(op, inputs)
    for start in range(0, put.size, result.size):
        part = put[start : start + result.size].view(bench.array)
        result[: part.size] = np.asarray(_STEPS[op.how](result[: part.size], part))
    return result.reshape(output)


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
        return array.transpose(order_of(array.shape, output))
    if op.how == "pixel-unshuffle":
        parts = array.reshape(*[part for size in sizes for part in (size // op.scale, op.scale)], channels)
        order = [*range(0, 2 * axes, 2), 2 * axes, *range(1, 2 * axes, 2)]
        return parts.transpose(order).reshape(output)
    return array.reshape(output)


def _concat(op: Concat, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.concatenate(inputs, axis=op.axis)


def _pad(op: Pad, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return bordered(inputs[0], op.padding)


def _slice(op: Slice, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return inputs[0][tuple(op.parts())]


def _copy(op: Copy, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The elements of the inputs, one input after the other, over and over."""
    return np.resize(np.concatenate([array.reshape(-1) for array in inputs]), output)


def _embedding(op: Embedding, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    table = bench.weights("table", (op.vocab, op.out)).take().astype(np.float64).view(bench.array)
    found = table[np.abs(inputs[0]) % op.vocab]
    if op.bag:
        found = np.add.reduce(found, axis=-2)
        found = np.multiply(found, 1 / inputs[0].shape[-1]) if op.bag == "mean" else found
    return np.asarray(found)


def _token(op: Token, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.concatenate([bench.weights("tokens", (op.tokens, output[-1])).take(), inputs[0]])


def _constant(op: Constant, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    stored = bench.weights("constant", op.shape, "buffers" if op.buffer else "params")
    return stored.take() if op.learned or op.buffer else stored.look()


def _random(op: Random, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """What is drawn is not the network's work: any numbers stand for it."""
    return bench.weights("drawn", op.shape).look()


RUN: dict[type[Op], Function] = {
    Pool: _pool,
    Reduce: _reduce,
    Cumulate: _cumulate,
    AdaptivePool: _adaptive,
    Upsample: _upsample,
    GridSample: _grid_sample,
    BatchNorm: _batch_norm,
    Normalization: _normalization,
    RowNorm: _row_norm,
    LocalResponseNorm: _local_norm,
    Activation: _activation,
    Elementwise: _elementwise,
    Select: _select,
    Scatter: _scatter,
    Stored: _stored,
    Rename: _rename,
    Concat: _concat,
    Pad: _pad,
    Slice: _slice,
    Copy: _copy,
    Embedding: _embedding,
    Token: _token,
    Constant: _constant,
    Random: _random,
}
