"""Pools, resampling, norms, activations and moves, formulated another way."""

from collections.abc import Callable, Sequence
from math import erf, erfc, prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Scatter, Select, Stored
from sepcalc.ops.move import Concat, Constant, Copy, Embedding, Pad, Random, Slice, Token
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm
from sepcalc.ops.pool import AdaptivePool, Cumulate, GridSample, Pool, Reduce, Upsample
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape, extent
from sepcalc.verification.bench import DRAWN, Bench, Function
from sepcalc.verification.counting import Array
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
from sepcalc.verification.references_products import windows_at


def _pool_reference(op: Pool, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = inputs[0].astype(np.float64)
    if bench.positions is not None:
        return _pool_at(op, array, output, bench.positions)
    pads = op.pads(array.shape)
    reach = [(o - 1) * s + extent(k, d) for o, s, k, d in zip(output, op.stride, op.kernel, op.dilation)]
    further = tuple([(p, max(q, r - size - p)) for (p, q), r, size in zip(pads, reach, array.shape)])
    axes = len(op.kernel)

    def windows(values: Array, fill: float) -> Array:
        view: Any = sliding_window_view(
            bordered(values, further, fill),
            tuple([extent(k, d) for k, d in zip(op.kernel, op.dilation)]),
            axis=tuple(range(axes)),
        )
        view = view[tuple([slice(0, (o - 1) * s + 1, s) for o, s in zip(output, op.stride)])]
        return view[(..., *[slice(None, None, d) for d in op.dilation])]

    last = tuple(range(-axes, 0))
    if op.how == "max":
        return np.asarray(windows(array, -np.inf).max(axis=last))
    sums = windows(array, 0).sum(axis=last)
    if op.how == "sum":
        return np.asarray(sums)
    if not op.exclude_pad:
        return np.asarray(sums / prod(op.kernel))
    return np.asarray(sums / np.maximum(windows(np.ones((*array.shape[:-1], 1)), 0).sum(axis=last), 1))


def _pool_at(op: Pool, array: Array, output: Shape, positions: Array) -> Array:
    if op.how == "max":
        return np.asarray(windows_at(op, array, output, positions, -np.inf).max(axis=1))
    sums = windows_at(op, array, output, positions, 0).sum(axis=1)
    if op.how == "sum":
        return np.asarray(sums)
    if not op.exclude_pad:
        return np.asarray(sums / prod(op.kernel))
    sizes = windows_at(op, np.ones((*array.shape[:-1], 1)), output, positions, 0).sum(axis=1)
    return np.asarray(sums / np.maximum(sizes, 1))


def _reduce_reference(op: Reduce, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    how: dict[str, Any] = {"max": np.max, "mean": np.mean, "sum": np.sum, "min": np.min, "prod": np.prod}
    if op.how in ("argmax", "argmin"):
        rest = [axis for axis in range(inputs[0].ndim) if axis not in op.axes]
        rows = inputs[0].transpose(*rest, *op.axes).reshape(*[inputs[0].shape[axis] for axis in rest], -1)
        return np.asarray((np.argmax if op.how == "argmax" else np.argmin)(rows, axis=-1)).reshape(output)
    return np.asarray(how[op.how](inputs[0].astype(np.float64), axis=op.axes)).reshape(output)


def _cumulate_reference(op: Cumulate, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    how = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}[op.how]
    return np.asarray(how.accumulate(inputs[0].astype(np.int64), axis=op.axis))


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
        where, weights = resampling_taps(op.how, array.shape[axis], to)
        matrix = np.zeros((to, array.shape[axis]))
        for tap in range(where.shape[1]):
            np.add.at(matrix, (np.arange(to), where[:, tap]), weights[:, tap])
        array = np.moveaxis(np.tensordot(matrix, array, (1, axis)), 0, axis)
    return array


def _grid_sample_reference(op: GridSample, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Position by position: from one neighbour to the next along an axis, then along the next axis, on an image with
    zeros around it; the place of -1 and that of 1, and what lies between."""
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
    """Position by position: every pixel by how far it is from there, which is 0 from 2 on."""
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


def _look(bench: Bench, role: str, shape: Shape, wanted: bool, otherwise: float) -> Any:
    return bench.weights(role, shape).look().astype(np.float64) if wanted else otherwise


def _batch_norm_reference(op: BatchNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    mean, root = statistics_of(bench, output[-1], take=False)
    gain, shift = _look(bench, "gain", output[-1:], op.gain, 1), _look(bench, "shift", output[-1:], op.bias, 0)
    return np.asarray((inputs[0] - mean) * root * gain + shift)


def _normalization_reference(op: Normalization, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    mean, variance = [bench.weights(role, op.stored or (1,)).look() for role in ("mean", "variance")]
    return np.asarray((inputs[0] - mean) / np.sqrt(np.abs(variance.astype(np.float64)) + EPSILON))


def _row_norm_reference(op: RowNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows, axes = norm_rows(op, inputs[0].astype(np.float64))
    spread = (rows**2).mean(axis=axes, keepdims=True) if op.how == "rms" else rows.var(axis=axes, keepdims=True)
    centre = 0 if op.how == "rms" else rows.mean(axis=axes, keepdims=True)
    shape = output[-op.axes :] if op.how in ("layer", "rms") else output[-1:]
    gain, shift = _look(bench, "gain", shape, op.gain, 1), _look(bench, "shift", shape, op.bias, 0)
    return np.asarray(((rows - centre) / (spread + EPSILON) ** 0.5).reshape(output) * gain + shift)


def _local_norm_reference(op: LocalResponseNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    k, alpha, beta = LRN
    array = inputs[0].astype(np.float64)
    channels = array.shape[-1]
    far = np.arange(channels)[None] - np.arange(channels)[:, None]
    near = (far >= -((op.size - 1) // 2)) & (far <= op.size // 2)
    return np.asarray(array * (k + alpha / op.size * (array**2 @ near.T)) ** -beta)


NAMED: dict[str, Callable[[Array, float], Any]] = {
    "relu": lambda x, _: x * (x > 0),
    "relu6": lambda x, _: np.clip(x, 0, 6),
    "clip": lambda x, _: np.clip(x, -1, 2),
    "leaky-relu": lambda x, _: np.maximum(x, 0) + SLOPE * np.minimum(x, 0),
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
    "selu": lambda x, _: SELU[1] * (np.maximum(x, 0) + SELU[0] * np.expm1(np.minimum(x, 0))),
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
    array = argument_of(op, inputs[0]).astype(np.float64)
    if op.how == "prelu":
        slope = bench.weights("slope", (1 if op.shared else output[-1],)).look()
        return np.asarray(np.maximum(array, 0) + slope * np.minimum(array, 0))
    return np.asarray(NAMED[op.how](array, op.factor))


def _elementwise_reference(op: Elementwise, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    arrays = [np.broadcast_to(array, output) for array in divisible(op, inputs)]
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
    shape = stored_shape(op, output)
    values = 3 if op.per == "constant" else bench.weights("stored", shape).look().astype(np.int64)
    array = np.broadcast_to(stored_data(op, inputs[0]), output)
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


def _scatter_reference(op: Scatter, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Place by place: what stands there, and all that is put to it."""
    before, put = scattered(op, inputs)
    hows: dict[str, Any] = {"add": sum, "multiply": prod, "maximum": max, "minimum": min}
    found = [hows[op.how]([one, *map(int, put[at :: before.size])]) for at, one in enumerate(map(int, before))]
    return np.array(found, before.dtype).reshape(output)


def _select_reference(op: Select, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, second, third = [np.broadcast_to(array, output) for array in (*inputs, 5, -5)][:3]
    chosen = (first != 0) * 1
    return np.asarray(chosen * second + (1 - chosen) * third)


def rename_reference(op: Rename, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Element by element: where each one of the output comes from."""
    (array,) = inputs
    if op.how in ("flatten", "reshape", "identity", "dropout"):
        return np.fromiter(array.flat, array.dtype, array.size).reshape(output)
    if op.how == "permute":
        result = np.empty(output, array.dtype)
        order = order_of(array.shape, output)
        for place in np.ndindex(*output):
            result[place] = array[tuple([place[order.index(axis)] for axis in range(array.ndim)])]
        return result
    *sizes, channels = array.shape
    if op.how == "shuffle":
        part, channel = channels // op.blocks, np.arange(channels)
        block, inside = channel // part, channel % part
        return array[..., block * part + inside % op.groups * (part // op.groups) + inside // op.groups]
    at = np.indices(output)
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
    ranges = [range(first, first + size) for first, size in zip(op.start or (0,) * len(output), output)]
    return inputs[0][np.ix_(*ranges)]


def _copy_reference(op: Copy, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    every = [element for array in inputs for element in array.flat]
    return np.fromfunction(np.vectorize(lambda at: every[int(at) % len(every)]), (prod(output),)).reshape(output)


def _embedding_reference(op: Embedding, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """A one-hot product, which the layer itself is not; by blocks of the table."""
    numbers, table = np.abs(inputs[0]) % op.vocab, bench.weights("table", (op.vocab, op.out))
    found = np.zeros((*numbers.shape, op.out))
    some = max(1, DRAWN // (op.out + numbers.size))
    for low in range(0, op.vocab, some):
        high = min(op.vocab, low + some)
        found += (numbers[..., None] == np.arange(low, high)).astype(np.float64) @ table.look(low, high)
    return np.asarray({"": found, "sum": found.sum(axis=-2), "mean": found.mean(axis=-2)}[op.bag])


def _token_reference(op: Token, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    result = np.zeros(output, np.int64)
    result[: op.tokens] = bench.weights("tokens", (op.tokens, output[-1])).look()
    result[op.tokens :] = inputs[0]
    return result


def _constant_reference(op: Constant, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return bench.weights("constant", op.shape).look().reshape(output)


def _random_reference(op: Random, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return bench.weights("drawn", op.shape).look().reshape(output)


REFERENCES: dict[type[Op], Function] = {
    Pool: _pool_reference,
    Reduce: _reduce_reference,
    Cumulate: _cumulate_reference,
    AdaptivePool: _adaptive_reference,
    Upsample: _upsample_reference,
    GridSample: _grid_sample_reference,
    BatchNorm: _batch_norm_reference,
    Normalization: _normalization_reference,
    RowNorm: _row_norm_reference,
    LocalResponseNorm: _local_norm_reference,
    Activation: _activation_reference,
    Elementwise: _elementwise_reference,
    Select: _select_reference,
    Scatter: _scatter_reference,
    Stored: _stored_reference,
    Rename: rename_reference,
    Concat: _concat_reference,
    Pad: _pad_reference,
    Slice: _slice_reference,
    Copy: _copy_reference,
    Embedding: _embedding_reference,
    Token: _token_reference,
    Constant: _constant_reference,
    Random: _random_reference,
}
