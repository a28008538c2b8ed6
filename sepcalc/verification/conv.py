"""Convolutions, transposed convolutions and folds."""

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Fold, Transposed
from sepcalc.shape import Pads, Shape, extent
from sepcalc.verification.bench import DRAWN, Bench, Weights
from sepcalc.verification.counting import Array
from sepcalc.verification.executor import Executor, exact, no_rows, whole
from sepcalc.verification.sampling import MULTIPLIED, Piece, part_of, piece, sample_of, some_positions
from sepcalc.verification.sums import BLOCK, GATHERED, sums_of_products
from sepcalc.verification.windows import bordered, fitting, windows_at, windows_of, windows_view

MAX_PRODUCTS = 2**22  # products of one output row of a depthwise convolution
SCATTERED = 2**24  # products of a sample of a transposed convolution, and elements that they are scattered to


def _conv(op: Conv, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    (array,) = inputs
    kernels = bench.weights("kernel", (op.out, prod(op.kernel) * (array.shape[-1] // op.groups)))
    plain = op.kernel and op.groups == op.out == array.shape[-1] and bench.positions is None
    if plain and prod(op.kernel) * prod(output[1:]) <= MAX_PRODUCTS:
        sums = _depthwise(op, array, output, kernels, bench)
    else:
        rows, index, offsets = windows_of(op, array, output)
        sums = sums_of_products(bench, rows, bench.chosen(index), offsets, op.groups, op.out, kernels)
    return biased(op.bias, sums, bench).reshape(bench.running(output))


def _depthwise(op: Conv, array: Array, output: Shape, kernels: Weights, bench: Bench) -> Any:
    """Each channel by itself: for every tap, the part of the input that it sees, in bands of output rows."""
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


def biased(bias: bool, sums: Any, bench: Bench) -> Any:
    """The sums with a bias for each output channel, if there is one."""
    if not bias:
        return sums
    stored = bench.weights("bias", (sums.shape[-1],)).take().astype(sums.dtype)
    return np.add(sums, stored)


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


def _exact(op: Conv, array: Array) -> Any:
    """The float type in which such sums are exact: float32 below 2^24, which is twice as fast, else float64."""
    small = abs(array).max(initial=0) * 2 * prod(op.kernel) * array.shape[-1] < 2**24
    return np.float32 if small and array.dtype == np.int32 else np.float64


def _shifted(op: Conv, array: Array, output: Shape, kernels: Array) -> Array:
    """Depthwise: for every tap, the whole input is moved, weighted and added to the outputs that it meets. Padding adds
    nothing, so it is left out."""
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
    """The windows of ``array``, as a strided view, times the kernels as a matrix: ``spatial sizes x out``. Exact for
    small integers. ``kernels`` gives rows of ``taps · C/groups`` numbers."""
    kind = _exact(op, array)
    padded = bordered(array, op.pads(array.shape)).astype(kind)
    channels, axes = padded.shape[-1], len(op.kernel)
    view = np.moveaxis(windows_view(op, padded, output) if axes else padded, axes, -1)  # positions, taps, channels
    result = np.empty(output, kind)
    flat = result.reshape(-1, op.out)
    row = prod(output[1:-1]) if axes else 1
    slab = max(1, 2 * GATHERED // max(1, row * prod(op.kernel) * channels)) if axes else 1
    for start in range(0, output[0] if axes else 1, slab):
        rows: Any = view[start : start + slab] if axes else view
        rows = rows.reshape(-1, prod(op.kernel), op.groups, channels // op.groups)
        _times(rows, kernels, flat[start * row : start * row + len(rows)])
    return result


def _some_positions(
    op: Conv, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some output positions. If those are too many products, also only some output channels."""
    found = some_positions(op, inputs, output, count, random)
    if found is None:
        return None
    products = count * prod(op.kernel) * (inputs[0].shape[-1] // op.groups)
    small, array, few = _few(op, inputs[0], MULTIPLIED // products, random)
    return found._replace(
        op=small, inputs=[array], output=(*output[:-1], small.out), what=", ".join([found.what, *few])
    )


def _few(op: Any, array: Array, most: int, random: np.random.Generator) -> tuple[Any, Array, list[str]]:
    """A convolution with about ``most`` output channels at most, in fewer groups where it has groups. Gives the op, the
    part of the input that it reads, and what to say of it."""
    groups, outs = op.groups, op.out // op.groups
    some, kept = max(1, min(outs, most)), max(1, min(groups, most // outs))
    if (some, kept) == (outs, groups):
        return op, array, []
    split = array.reshape(*array.shape[:-1], groups, -1)[..., sample_of(groups, kept, random), :]
    small = op._replace(out=some * kept, groups=kept)
    return small, split.reshape(*array.shape[:-1], -1), [part_of(small.out, op.out, "output channels")]


def _transposed(op: Transposed, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Every input position goes through the kernel. Contributions are added where they meet; then the border is cut."""
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
    return biased(op.bias, cropped(op.crops()[0], sums, output).view(bench.array), bench)


def _fold(op: Fold, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """All windows, tap after tap, added where they meet; then the border is cut."""
    (array,) = inputs
    taps = array.reshape(*array.shape[:-1], output[-1], prod(op.kernel))
    parts = (taps[..., at].view(bench.array) for at in range(prod(op.kernel)))
    return cropped(op.padding, _met(op, parts, array.shape[:-1], output[-1], array.dtype, bench), output)


def _met(op: Transposed | Fold, parts: Iterable[Array], sizes: Shape, channels: int, dtype: Any, bench: Bench) -> Array:
    """The sum of the parts, one for each tap and of every input position, on the grid before its border is cut."""
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


def cropped(crops: Pads, full: Array, output: Shape) -> Array:
    """The sums without their border. Positions of output padding that nothing reaches are zero."""
    result = np.zeros(output, full.dtype)
    kept = [(before, min(size - before, out)) for (before, _), size, out in zip(crops, full.shape, output)]
    source = tuple([slice(before, before + count) for before, count in kept])
    result[tuple([slice(0, count) for _, count in kept])] = np.asarray(full)[source]
    return result


def _transposed_reference(op: Transposed, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """For every tap, each output looks up the input that reaches it: its position times the stride, plus the tap, is
    the output's."""
    (array,) = inputs
    *sizes, channels = array.shape
    kernel = bench.weights("kernel", (prod(op.kernel) * op.out, channels // op.groups))
    values = np.moveaxis(array.reshape(*sizes, op.groups, -1), -2, 0).astype(np.float64)  # group by group
    result: Any = np.zeros((op.groups, *output[:-1], op.out // op.groups))
    crops, _ = op.crops()
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
    """Each window is added where it lay."""
    (array,) = inputs
    around = [(size + before + after) for size, (before, after) in zip(op.to, op.padding)]
    full = np.zeros((*around, output[-1]))
    for at in product(*map(range, array.shape[:-1])):
        axes = zip(at, op.stride, op.kernel, op.dilation)
        place = tuple([slice(u * s, u * s + d * (k - 1) + 1, d) for u, s, k, d in axes])
        full[place] += np.moveaxis(array[at].reshape(output[-1], *op.kernel), 0, -1)
    return full[tuple([slice(before, before + size) for size, (before, _) in zip(op.to, op.padding)])]


def _some_box(
    op: Transposed, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """A box of input positions, with all outputs that they reach. If those are too many, also only some output
    channels."""
    (array,) = inputs
    *sizes, channels = array.shape
    side = max(1, round(count ** (1 / len(sizes)))) if sizes else 1
    while True:
        box = [min(size, side) for size in sizes]
        if box == sizes:
            break
        if min(op._replace(padding=((0, 0),) * len(box)).output(((*box, channels),))[:-1]) > max(
            map(sum, op.crops()[0])
        ):
            break  # the border that is cut leaves something
        side += 1
    grid = prod((i - 1) * s + extent(k, d) for i, s, k, d in zip(box, op.stride, op.kernel, op.dilation))
    products = prod(box) * prod(op.kernel) * (channels // op.groups)
    op, array, few = _few(op, array, SCATTERED // max(grid, products), random)
    if box == sizes and not few:
        return None
    at = [int(random.integers(size - part + 1)) for size, part in zip(sizes, box)]
    part = array[tuple([slice(start, start + size) for start, size in zip(at, box)])]
    said = [] if box == sizes else [part_of(prod(box), prod(sizes), "input positions")]
    return piece(op, [part], ", ".join([*said, *few]))


CONVOLUTIONS: dict[type[Op], Executor] = {
    Conv: Executor(_conv, _conv_reference, exact, no_rows, _some_positions),
    Transposed: Executor(_transposed, _transposed_reference, exact, no_rows, _some_box),
    Fold: Executor(_fold, _fold_reference, exact, no_rows, whole),
}
