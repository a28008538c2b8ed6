"""Layers made of products that count themselves: convolutions, matrix products, attention, recurrent cells."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from itertools import product
from math import prod, sqrt
from typing import Any

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Fold, Transposed
from sepcalc.ops.norm import Softmax
from sepcalc.ops.pool import Pool
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Shape, extent
from sepcalc.verification.bench import Bench, Function, Weights
from sepcalc.verification.counting import Array
from sepcalc.verification.layout import Cell, bordered, cells_of, cropped, mask_of, query_key_value
from sepcalc.verification.products import BLOCK, GATHERED, by_matrix, sums_of_products

MAX_PRODUCTS = 2**22  # products of one output row of a depthwise convolution


def _grid(sizes: Shape, starts: Shape, steps: Shape) -> Array:
    """Flat numbers of the positions of a grid of ``starts`` by axis, ``steps`` apart, in an array of ``sizes``."""
    flat = np.zeros((), np.int64)
    for size, count, step in zip(sizes, starts, steps):
        flat = flat[..., None] * size + np.arange(count) * step
    return flat.reshape(-1)


def windows_of(op: Conv | Pool, array: Array, output: Shape, fill: float = 0) -> tuple[Array, Array, Array]:
    """The padded input as rows of channels, where each window begins, and how far on each tap is."""
    pads = op.pads(array.shape)
    reach = [(o - 1) * s + extent(k, d) for o, s, k, d in zip(output, op.stride, op.kernel, op.dilation)]
    further = [(p, max(q, r - size - p)) for (p, q), r, size in zip(pads, reach, array.shape)]  # ceil mode
    padded = bordered(array, tuple(further), fill)
    sizes = padded.shape[:-1]
    rows = padded.reshape(-1, padded.shape[-1])
    return rows, _grid(sizes, output[:-1], op.stride), _grid(sizes, op.kernel, op.dilation)


def _conv(op: Conv, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    (array,) = inputs
    kernels = bench.weights("kernel", (op.out, prod(op.kernel) * (array.shape[-1] // op.groups)))
    plain = op.kernel and op.groups == op.out == array.shape[-1] and bench.positions is None
    if plain and prod(op.kernel) * prod(output[1:]) <= MAX_PRODUCTS:
        sums = _depthwise(op, array, output, kernels, bench)
    else:
        rows, index, offsets = windows_of(op, array, output)
        sums = sums_of_products(bench, rows, bench.chosen(index), offsets, op.groups, op.out, kernels)
    return _biased(op.bias, sums, bench).reshape(bench.running(output))


def _depthwise(op: Conv, array: Array, output: Shape, kernels: Weights, bench: Bench) -> Any:
    """Each channel by itself: the input is seen through every tap as it lies, in bands of output rows."""
    padded = bordered(array, op.pads(array.shape))
    weights = kernels.take().astype(array.dtype).T  # taps x channels
    tall, inner, taps = output[0], output[1:], list(product(*map(range, op.kernel)))
    if len(op.kernel) > 1 and op.stride[-1] == 1:  # repeated along a row, so that a row is one run of elements
        weights = np.repeat(weights[:, None], output[-2], axis=1)
    sums = np.empty(output, array.dtype)
    band = max(1, BLOCK // (len(taps) * prod(inner)))
    for low in range(0, tall, band):
        high = min(tall, low + band)
        products = bench.scratch((len(taps), high - low, *inner), array.dtype)
        starts = [(low, high), *[(0, size) for size in inner[:-1]]]
        with bench.tally.products():
            for at, tap in enumerate(taps):
                place = [
                    slice(a * s + d * t, (b - 1) * s + d * t + 1, s)
                    for (a, b), s, d, t in zip(starts, op.stride, op.dilation, tap)
                ]
                np.multiply(padded[tuple(place)], weights[at], out=products[at])
        sums[low:high] = np.add.reduce(products, axis=0, dtype=array.dtype)
        bench.tick()
    return sums.view(bench.array)


def _biased(bias: bool, sums: Any, bench: Bench) -> Any:
    if not bias:
        return sums
    stored = bench.weights("bias", (sums.shape[-1],)).take().astype(sums.dtype)
    return np.add(sums, stored)


def _transposed(op: Transposed, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Every input position through the kernel, added up where contributions meet; then the border is cut."""
    (array,) = inputs
    *sizes, channels = array.shape
    rows = array.reshape(-1, channels)
    kernels = bench.weights("kernel", (prod(op.kernel) * op.out, channels // op.groups))
    everywhere, here = np.arange(len(rows)), np.zeros(1, np.int64)
    parts = (
        sums_of_products(bench, rows, everywhere, here, op.groups, op.out, kernels, at * op.out).reshape(*sizes, op.out)
        for at in range(prod(op.kernel))
    )
    sums = _met(op, parts, tuple(sizes), op.out, array.dtype, bench)
    return _biased(op.bias, cropped(op, sums, output).view(bench.array), bench)


def _fold(op: Fold, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Tap after tap of all windows, added up where they meet; then the border is cut."""
    (array,) = inputs
    taps = array.reshape(*array.shape[:-1], output[-1], prod(op.kernel))
    parts = (taps[..., at].view(bench.array) for at in range(prod(op.kernel)))
    return cropped(op, _met(op, parts, array.shape[:-1], output[-1], array.dtype, bench), output)


def _met(op: Transposed | Fold, parts: Iterable[Array], sizes: Shape, channels: int, dtype: Any, bench: Bench) -> Array:
    """What every tap gives for every input position, summed on the uncropped grid."""
    full = [(i - 1) * s + extent(k, d) for i, k, s, d in zip(sizes, op.kernel, op.stride, op.dilation)]
    sums = np.zeros((*full, channels), dtype).view(bench.array)
    reached = np.zeros(full, bool)
    for tap, part in zip(product(*map(range, op.kernel)), parts):
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
    return sums


def _dense(op: Dense, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].reshape(-1, inputs[0].shape[-1])
    kernels = bench.weights("kernel", (op.out, rows.shape[1]))
    sums = sums_of_products(bench, rows, np.arange(len(rows)), np.zeros(1, np.int64), 1, op.out, kernels)
    return _biased(op.bias, sums, bench).reshape(output)


def _matmul(op: Matmul, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    left, right = inputs
    right = right if op.transpose else np.swapaxes(right, -1, -2)
    outer = output[:-2]
    lefts = np.broadcast_to(left, (*outer, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
    rights = np.broadcast_to(right, (*outer, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
    return np.stack([np.asarray(by_matrix(bench, one, other)) for one, other in zip(lefts, rights)]).reshape(output)


def _einsum(op: Einsum, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Products of all operands over all indices, then sums over those that the output lacks; cut along the output."""
    sizes, named = op.sizes(tuple([array.shape for array in inputs]))
    order = named + "".join(index for index in sizes if index not in named)
    whole = []
    for indices, array in zip(op.equation.partition("->")[0].split(","), inputs):
        for index in [index for at, index in enumerate(indices) if index in indices[:at]]:
            one, other = indices.index(index), indices.rindex(index)
            array = array.diagonal(axis1=one, axis2=other)
            indices = indices[:one] + indices[one + 1 : other] + indices[other + 1 :] + index
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
        terms, *others = [part.astype(bench.dtype).view(bench.array) for part in parts]
        full = tuple([sizes[index] for index in order[cut:]])
        for factor in others[:-1]:
            terms = np.multiply(np.broadcast_to(terms, full), factor)
        for factor in others[-1:]:
            with bench.tally.products() if summed else nullcontext():  # else there is nothing to accumulate
                terms = np.multiply(np.broadcast_to(terms, full), factor)
        result[at] = np.add.reduce(terms, axis=summed, dtype=bench.dtype) if summed else terms
        bench.tick()
    return result.reshape(output)


def _attention(op: Attention, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    query, key, value = query_key_value(inputs)
    _, _, size, _ = op.sizes(tuple([array.shape for array in inputs]))
    mask = mask_of(op, query, key, bench)
    parts = []
    for head in range(op.heads):
        q, k, v = _heads(op, query, key, value, head)
        scores = np.multiply(by_matrix(bench, q, k), 1 / sqrt(size))
        if op.mask:
            scores = np.add(scores, mask)
        parts.append(np.asarray(by_matrix(bench, _softmaxed(scores), np.ascontiguousarray(v.T))))
    return np.concatenate(parts, axis=-1).reshape(output)


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


def _recurrent(op: Recurrent, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    sequence = inputs[0].astype(np.float64)
    directions = []
    for at, cell in enumerate(cells_of(op, sequence.shape[1], bench, take=True)):
        steps = _run_cell(op, sequence[::-1] if at else sequence, cell, bench)
        directions.append(steps[-1] if op.last else np.stack(steps[::-1] if at else steps))
    return np.concatenate(directions, axis=-1).reshape(output)


def _function(how: str) -> Callable[[Any], Any]:
    from sepcalc.verification.executors_elements import ACTIVATED

    return (lambda x: x) if how == "linear" else lambda x: ACTIVATED[how](x, 1.0)


def _run_cell(op: Recurrent, sequence: Array, cell: Cell, bench: Bench) -> list[Array]:
    """Step by step, every gate's sum of products in one: I + H products, and one merged bias."""
    features, size = sequence.shape[1], op.hidden
    state: Any = np.zeros(op.projection or size).view(bench.array)
    inner: Any = np.zeros(size).view(bench.array)
    merged = cell.biases.sum(axis=0) if op.bias_sets else None
    act, sigmoid = _function(op.act), _function(op.gate)
    result = []

    def gate(at: int, seen: Any) -> Any:
        rows = slice(at * size, (at + 1) * size)
        sums = by_matrix(bench, seen[None], cell.kernel[rows])[0]
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
                state = by_matrix(bench, state[None], cell.project)[0]
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


def _reset_after(op: Recurrent, cell: Cell, x: Array, state: Any, reset: Any, bench: Bench, features: int) -> Any:
    """W·x + b1 + r·(U·h + b2): the second bias cannot merge with the first."""
    rows = cell.kernel[2 * op.hidden :]
    from_input = by_matrix(bench, x[None], rows[:, :features])[0]
    from_state = by_matrix(bench, state[None], np.ascontiguousarray(rows[:, features:]))[0]
    if op.bias_sets:
        from_input = np.add(from_input, cell.biases[0, 2 * op.hidden :])
        from_state = np.add(from_state, cell.biases[-1, 2 * op.hidden :])
    return np.add(from_input, np.multiply(reset, from_state))


def sigmoid(x: Any) -> Any:
    return np.divide(1.0, np.add(1.0, np.exp(np.negative(x))))


RUN: dict[type[Op], Function] = {
    Conv: _conv,
    Transposed: _transposed,
    Fold: _fold,
    Dense: _dense,
    Matmul: _matmul,
    Einsum: _einsum,
    Attention: _attention,
    Softmax: _softmax,
    Recurrent: _recurrent,
}
