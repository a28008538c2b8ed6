"""Norms and softmax."""

from collections.abc import Sequence
from math import gcd, prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sepcalc.ops.base import Op
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm, Softmax
from sepcalc.shape import Shape, Shapes
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Array
from sepcalc.verification.executor import Executor, all_rows, near, no_rows, whole
from sepcalc.verification.sampling import Piece, narrowed

EPSILON = 1e-5
LRN = (2.0, 1e-1, 0.75)  # k, alpha, beta


def _trained(bench: Bench, role: str, shape: Shape, wanted: bool) -> Array | None:
    return bench.weights(role, shape).take().astype(np.float64) if wanted else None


def _look(bench: Bench, role: str, shape: Shape, wanted: bool, otherwise: float) -> Any:
    return bench.weights(role, shape).look().astype(np.float64) if wanted else otherwise


def _scaled(values: Any, gain: Array | None, shift: Array | None) -> Any:
    """The values times a gain, plus a shift, along the last axes. It works in place: nothing else uses the values."""
    values = values if gain is None else np.multiply(values, gain, out=values)
    return values if shift is None else np.add(values, shift, out=values)


def _wide(values: Any, *each: Array | None) -> tuple[Any, list[Any]]:
    """Several rows of channels as one row, with the per-channel arrays repeated: NumPy is slow on short rows."""
    channels = values.shape[-1]
    count = gcd(values.size // channels, max(1, 1024 // channels))
    return values.reshape(-1, count * channels), [None if one is None else np.tile(one, count) for one in each]


def statistics_of(bench: Bench, channels: int, take: bool) -> tuple[Array, Array]:
    """The mean and the reciprocal root of the variance for each channel, which the layer stores."""
    stored = bench.weights("statistics", (2, channels), "buffers")
    mean, spread = (stored.take() if take else stored.look()).astype(np.float64)
    return mean, 1 / np.sqrt(np.abs(spread) + 1 + EPSILON)


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


def _batch_norm_reference(op: BatchNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    mean, root = statistics_of(bench, output[-1], take=False)
    gain, shift = _look(bench, "gain", output[-1:], op.gain, 1), _look(bench, "shift", output[-1:], op.bias, 0)
    return np.asarray((inputs[0] - mean) * root * gain + shift)


def _normalization(op: Normalization, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Mean, variance and the count behind them are stored. Factor and term are prepared from them, uncounted."""
    stored = [bench.weights(role, op.stored or (1,), "buffers") for role in ("mean", "variance")]
    mean, variance = [each.take() if op.stored else each.look() for each in stored]
    if op.stored:
        bench.weights("count", (1,), "buffers").take()
    factor = 1 / np.sqrt(np.abs(variance.astype(np.float64)) + EPSILON)
    return np.add(np.multiply(bench.real(inputs[0]), factor), -mean * factor)


def _normalization_reference(op: Normalization, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    mean, variance = [bench.weights(role, op.stored or (1,)).look() for role in ("mean", "variance")]
    return np.asarray((inputs[0] - mean) / np.sqrt(np.abs(variance.astype(np.float64)) + EPSILON))


def norm_rows(op: RowNorm, array: Array) -> tuple[Array, tuple[int, ...]]:
    """The input with a row's elements along certain axes, and those axes."""
    if op.how == "group":
        return array.reshape(-1, op.groups, array.shape[-1] // op.groups), (0, 2)
    if op.how == "instance":
        return array.reshape(-1, array.shape[-1]), (0,)
    return array, tuple(range(array.ndim - op.axes, array.ndim))


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


def _row_norm_reference(op: RowNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows, axes = norm_rows(op, inputs[0].astype(np.float64))
    spread = (rows**2).mean(axis=axes, keepdims=True) if op.how == "rms" else rows.var(axis=axes, keepdims=True)
    centre = 0 if op.how == "rms" else rows.mean(axis=axes, keepdims=True)
    shape = output[-op.axes :] if op.how in ("layer", "rms") else output[-1:]
    gain, shift = _look(bench, "gain", shape, op.gain, 1), _look(bench, "shift", shape, op.bias, 0)
    return np.asarray(((rows - centre) / (spread + EPSILON) ** 0.5).reshape(output) * gain + shift)


def _alone(op: RowNorm, inputs: Shapes, output: Shape) -> Op | None:
    """A layer norm of the channels alone is one of rows."""
    return op if op.how in ("layer", "rms") and op.axes == 1 else None


def _some_normalized(
    op: RowNorm, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some rows, groups or channels: each is normalized by itself."""
    (array,) = inputs
    if op.how in ("layer", "rms"):
        rows = array.reshape(-1, *array.shape[array.ndim - op.axes :])
        return narrowed(
            op, len(rows), -(-count // prod(rows.shape[1:-1])), "rows", random, lambda chosen: [rows[chosen]]
        )
    parts, what = (op.groups, "groups") if op.how == "group" else (array.shape[-1], "channels")
    needed = -(-count // prod(array.shape[:-1]))
    split = array.reshape(*array.shape[:-1], parts, -1)
    small = op._replace(groups=needed) if op.how == "group" else op
    return narrowed(
        small, parts, needed, what, random, lambda chosen: [split[..., chosen, :].reshape(*array.shape[:-1], -1)]
    )


def _local_norm(op: LocalResponseNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    k, alpha, beta = LRN
    array = bench.real(inputs[0])
    squares = np.pad(np.multiply(array, array), [(0, 0)] * (array.ndim - 1) + [((op.size - 1) // 2, op.size // 2)])
    near = sliding_window_view(np.asarray(squares), op.size, axis=-1).view(bench.array)
    below = np.power(np.add(np.multiply(np.add.reduce(near, axis=-1), alpha / op.size), k), beta)
    return np.divide(array, below)


def _local_norm_reference(op: LocalResponseNorm, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    k, alpha, beta = LRN
    array = inputs[0].astype(np.float64)
    channels = array.shape[-1]
    far = np.arange(channels)[None] - np.arange(channels)[:, None]
    near = (far >= -((op.size - 1) // 2)) & (far <= op.size // 2)
    return np.asarray(array * (k + alpha / op.size * (array**2 @ near.T)) ** -beta)


def softmaxed(rows: Any) -> Any:
    """The softmax of each row, over the last axis."""
    lifted = np.exp(np.subtract(rows, np.maximum.reduce(rows, axis=-1, keepdims=True)))
    return np.divide(lifted, np.add.reduce(lifted, axis=-1, keepdims=True))


def _softmax(op: Softmax, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = np.moveaxis(bench.real(inputs[0]), op.axis, -1)
    if not op.log:
        return np.moveaxis(softmaxed(rows), -1, op.axis)
    below = np.subtract(rows, np.maximum.reduce(rows, axis=-1, keepdims=True))
    logs = np.subtract(below, np.log(np.add.reduce(np.exp(below), axis=-1, keepdims=True)))
    return np.moveaxis(logs, -1, op.axis)


def _softmax_reference(op: Softmax, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].astype(np.float64)
    logs = rows - np.logaddexp.reduce(rows, axis=op.axis, keepdims=True)
    return logs if op.log else np.asarray(np.exp(logs))


def _last(op: Softmax, inputs: Shapes, output: Shape) -> Op | None:
    """A softmax of the channels is one of rows."""
    return op._replace(axis=-1) if op.axis in (-1, len(output) - 1) else None


NORMS: dict[type[Op], Executor] = {
    BatchNorm: Executor(_batch_norm, _batch_norm_reference, near, all_rows, whole),
    Normalization: Executor(_normalization, _normalization_reference, near, no_rows, whole),
    RowNorm: Executor(_row_norm, _row_norm_reference, near, _alone, _some_normalized),
    LocalResponseNorm: Executor(_local_norm, _local_norm_reference, near, all_rows, whole),
    Softmax: Executor(_softmax, _softmax_reference, near, _last, whole),
}
