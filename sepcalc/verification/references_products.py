"""Convolutions, matrix products, attention and recurrent cells, formulated another way, free to use matmul."""

from collections.abc import Callable, Sequence
from itertools import product
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Fold, Transposed
from sepcalc.ops.norm import Softmax
from sepcalc.ops.pool import Pool
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Shape, extent
from sepcalc.verification.bench import DRAWN, Bench, Function
from sepcalc.verification.counting import Array
from sepcalc.verification.layout import bordered, cells_of, mask_of, query_key_value
from sepcalc.verification.products import GATHERED


def _conv_reference(op: Conv, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    (array,) = inputs
    each = array.shape[-1] // op.groups
    kernel_of = bench.weights("kernel", (op.out, prod(op.kernel) * each))
    if bench.positions is not None:
        if output[:-1] != fitting(op, array.shape):
            return np.zeros(0)  # not so many windows fit: equal to nothing
        kind = _exact(op, array)
        rows = windows_at(op, array, output, bench.positions, 0).astype(kind)
        result = np.empty((len(rows), op.out), kind)
        _times(rows.reshape(len(rows), -1, op.groups, each), kernel_of.look, result)
    elif op.kernel and op.groups == op.out == array.shape[-1]:
        result = _shifted(op, array, output, kernel_of.look())
    else:
        result = correlate(op, array, output, kernel_of.look)
    return result + bench.weights("bias", (op.out,)).look() if op.bias else result


def fitting(op: Conv | Pool, shape: Shape) -> Shape:
    """How many windows fit along each axis, by stepping through the padded input."""
    axes = zip(shape, op.kernel, op.stride, op.dilation, op.pads(shape))
    return tuple([len(range(-p, i + q - d * (k - 1), s)) for i, k, s, d, (p, q) in axes])


def windows_at(op: Conv | Pool, array: Array, output: Shape, positions: Array, fill: float) -> Array:
    """``positions x taps x channels``: what windows at some positions see, each element looked up by its
    coordinates in the input, ``fill`` where these lie outside."""
    places: Any = np.zeros((len(positions), 1), np.int64)
    inside: Any = np.ones((len(positions), 1), bool)
    numbers = np.unravel_index(positions, output[:-1]) if op.kernel else ()
    for size, number, k, s, d, (before, _) in zip(
        array.shape, numbers, op.kernel, op.stride, op.dilation, op.pads(array.shape)
    ):
        seen = (number * s - before)[:, None] + d * np.arange(k)
        inside = (inside[:, :, None] & ((seen >= 0) & (seen < size))[:, None]).reshape(len(positions), -1)
        places = (places[:, :, None] * size + seen.clip(0, size - 1)[:, None]).reshape(len(positions), -1)
    return np.where(inside[..., None], array.reshape(-1, array.shape[-1])[places], fill)


def _exact(op: Conv, array: Array) -> Any:
    """float32 where it is exact for such sums, below 2^24, and twice as fast; else float64."""
    small = abs(array).max(initial=0) * 2 * prod(op.kernel) * array.shape[-1] < 2**24
    return np.float32 if small and array.dtype == np.int32 else np.float64


def _shifted(op: Conv, array: Array, output: Shape, kernels: Array) -> Array:
    """Depthwise: tap by tap the whole input, moved and weighted, is added to those outputs that it meets; what
    padding there is need not be there."""
    kind = _exact(op, array)
    values, result = array.astype(kind), np.zeros(output, kind)
    for tap, weights in zip(np.ndindex(op.kernel), kernels.astype(kind).T, strict=True):
        here, there = [], []
        axes = zip(array.shape, output, tap, op.stride, op.dilation, op.pads(array.shape))
        for size, out, t, s, d, (before, _) in axes:
            shift = d * t - before
            low, high = max(0, -(shift // s)), min(out, (size - 1 - shift) // s + 1)
            here.append(slice(low, max(low, high)))
            there.append(slice(low * s + shift, max(low, high) * s + shift - s + 1, s) if high > low else slice(0))
        result[tuple(here)] += values[tuple(there)] * weights
    return result


def _times(rows: Array, kernels: Callable[[int, int], Array], result: Array) -> None:
    """``positions x taps x groups x channels`` times the kernels, into ``positions x outputs``."""
    places, taps, groups, each = rows.shape
    outs = result.shape[1]
    if groups == 1:
        flat, some = rows.reshape(places, -1), max(1, DRAWN // max(1, taps * each))
        for low in range(0, outs, some):
            result[:, low : low + some] = flat @ kernels(low, min(outs, low + some)).astype(rows.dtype).T
        return
    kernel = kernels(0, outs).reshape(groups, outs // groups, -1).astype(rows.dtype)
    by_group = rows.transpose(2, 0, 1, 3).reshape(groups, places, -1)
    result[:] = (by_group @ kernel.transpose(0, 2, 1)).transpose(1, 0, 2).reshape(places, outs)


def correlate(op: Conv, array: Array, output: Shape, kernels: Callable[[int, int], Array]) -> Array:
    """Windows as a strided view, times the kernels as a matrix; exact for small integers."""
    kind = _exact(op, array)
    padded = bordered(array, op.pads(array.shape)).astype(kind)
    channels, axes = padded.shape[-1], len(op.kernel)
    spans = tuple([extent(k, d) for k, d in zip(op.kernel, op.dilation)])
    if axes:
        view: Any = sliding_window_view(padded, spans, axis=tuple(range(axes)))
        view = view[tuple([slice(0, (o - 1) * s + 1, s) for o, s in zip(output, op.stride)])]
        view = view[(..., *[slice(None, None, d) for d in op.dilation])]
    else:
        view = padded
    view = np.moveaxis(view, axes, -1)  # positions, taps, channels
    result = np.empty(output, kind)
    flat = result.reshape(-1, op.out)
    row = prod(output[1:-1]) if axes else 1
    slab = max(1, 2 * GATHERED // max(1, row * prod(op.kernel) * channels)) if axes else 1
    for start in range(0, output[0] if axes else 1, slab):
        rows: Any = view[start : start + slab] if axes else view
        rows = rows.reshape(-1, prod(op.kernel), op.groups, channels // op.groups)
        _times(rows, kernels, flat[start * row : start * row + len(rows)])
    return result


def _transposed_reference(op: Transposed, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Tap by tap, each output looks up the input that reaches it: that whose position, times the stride, lies so far
    before it as the tap."""
    (array,) = inputs
    *sizes, channels = array.shape
    kernel = bench.weights("kernel", (prod(op.kernel) * op.out, channels // op.groups))
    values = np.moveaxis(array.reshape(*sizes, op.groups, -1), -2, 0).astype(np.float64)  # group by group
    result: Any = np.zeros((op.groups, *output[:-1], op.out // op.groups))
    crops, _ = op.crops(array.shape)
    for number, tap in enumerate(np.ndindex(*op.kernel)):
        here, there = [], []
        for size, out, t, s, d, (before, _) in zip(sizes, output, tap, op.stride, op.dilation, crops):
            steps = np.arange(out) + before - d * t  # from the input that an output would look up to input 0
            reached = np.flatnonzero((steps % s == 0) & (steps >= 0) & (steps < size * s))
            here.append(reached)
            there.append(steps[reached] // s)
        weights = kernel.look(number * op.out, (number + 1) * op.out).reshape(op.groups, -1, values.shape[-1])
        looked_up = values[:, *np.ix_(*there)]
        flat = looked_up.reshape(op.groups, -1, values.shape[-1]) @ weights.transpose(0, 2, 1)
        result[:, *np.ix_(*here)] += flat.reshape(*looked_up.shape[:-1], weights.shape[1])
    result = np.moveaxis(result, 0, -2).reshape(output)
    return result + bench.weights("bias", (op.out,)).look() if op.bias else result


def _fold_reference(op: Fold, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Window after window, each added where it lay."""
    (array,) = inputs
    around = [(size + before + after) for size, (before, after) in zip(op.to, op.padding)]
    full = np.zeros((*around, output[-1]))
    for at in product(*map(range, array.shape[:-1])):
        axes = zip(at, op.stride, op.kernel, op.dilation)
        place = tuple([slice(u * s, u * s + d * (k - 1) + 1, d) for u, s, k, d in axes])
        full[place] += np.moveaxis(array[at].reshape(output[-1], *op.kernel), 0, -1)
    return full[tuple([slice(before, before + size) for size, (before, _) in zip(op.to, op.padding)])]


def _dense_reference(op: Dense, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].reshape(-1, inputs[0].shape[-1])
    conv = Conv((), op.out, (), (), (), 1)
    kernels = bench.weights("kernel", (op.out, rows.shape[1]))
    some = max(1, DRAWN // rows.shape[1])
    parts = [rows.astype(np.float64) @ kernels.look(low, min(op.out, low + some)).T for low in range(0, op.out, some)]
    result = np.concatenate(parts, axis=1).reshape(*inputs[0].shape[:-1], conv.out)
    return result + bench.weights("bias", (op.out,)).look() if op.bias else result


def _matmul_reference(op: Matmul, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    left, right = [array.astype(np.float64) for array in inputs]
    return np.asarray(left @ (np.swapaxes(right, -1, -2) if op.transpose else right)).reshape(output)


def _einsum_reference(op: Einsum, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.asarray(np.einsum(op.equation, *[array.astype(np.float64) for array in inputs])).reshape(output)


def _attention_reference(op: Attention, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    query, key, value = query_key_value(inputs)
    mask = mask_of(op, query, key, bench) if op.mask else 0
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


def _recurrent_reference(op: Recurrent, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Textbook form: matrices apart for input and state, one product each."""
    sequence = inputs[0].astype(np.float64)
    features, h = sequence.shape[1], op.hidden

    from sepcalc.verification.references_elements import NAMED

    def function(how: str) -> Callable[[Array], Array]:
        return (lambda x: x) if how == "linear" else lambda x: np.asarray(NAMED[how](x, 1.0))

    act, sigmoid = function(op.act), function(op.gate)
    directions = []
    for at, (kernel, biases, peep, project) in enumerate(cells_of(op, features, bench, take=False)):
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


REFERENCES: dict[type[Op], Function] = {
    Conv: _conv_reference,
    Transposed: _transposed_reference,
    Fold: _fold_reference,
    Dense: _dense_reference,
    Matmul: _matmul_reference,
    Einsum: _einsum_reference,
    Attention: _attention_reference,
    Softmax: _softmax_reference,
    Recurrent: _recurrent_reference,
}
