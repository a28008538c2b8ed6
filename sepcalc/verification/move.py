"""Layers that move, take and give stored numbers: renaming, joining, padding, embeddings."""

from collections.abc import Sequence
from math import prod

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.move import Concat, Constant, Copy, Embedding, Pad, Random, Slice, Token
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape
from sepcalc.verification.bench import DRAWN, Bench
from sepcalc.verification.counting import Array
from sepcalc.verification.executor import Executor, exact, no_rows, whole
from sepcalc.verification.sampling import Piece, narrowed
from sepcalc.verification.windows import bordered


def order_of(shape: Shape, output: Shape) -> list[int]:
    """An order of the axes of ``shape`` that gives the sizes of ``output``."""
    left = list(range(len(shape)))
    order = []
    for size in output:
        order.append(next(axis for axis in left if shape[axis] == size))
        left.remove(order[-1])
    return order


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


def rename_reference(op: Rename, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """For each element of the output, the element of the input that it is."""
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


def _concat(op: Concat, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.concatenate(inputs, axis=op.axis)


def _concat_reference(op: Concat, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    result, at = np.zeros(output, inputs[0].dtype), 0
    for array in inputs:
        np.moveaxis(result, op.axis, 0)[at : at + array.shape[op.axis]] = np.moveaxis(array, op.axis, 0)
        at += array.shape[op.axis]
    return result


def _pad(op: Pad, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return bordered(inputs[0], op.padding)


def _pad_reference(op: Pad, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    result = np.zeros(output, inputs[0].dtype)
    place = [slice(before, before + size) for (before, _), size in zip(op.padding, inputs[0].shape)]
    result[tuple(place)] = inputs[0]
    return result


def _slice(op: Slice, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return inputs[0][tuple(op.parts())]


def _slice_reference(op: Slice, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    ranges = [range(first, first + size) for first, size in zip(op.start or (0,) * len(output), output)]
    return inputs[0][np.ix_(*ranges)]


def _copy(op: Copy, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The elements of the inputs, one input after the other, over and over."""
    return np.resize(np.concatenate([array.reshape(-1) for array in inputs]), output)


def _copy_reference(op: Copy, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    every = [element for array in inputs for element in array.flat]
    return np.fromfunction(np.vectorize(lambda at: every[int(at) % len(every)]), (prod(output),)).reshape(output)


def _embedding(op: Embedding, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    table = bench.weights("table", (op.vocab, op.out)).take().astype(np.float64).view(bench.array)
    found = table[numbers_of(op, inputs[0])]
    if op.bag:
        found = np.add.reduce(found, axis=-2)
        found = np.multiply(found, 1 / inputs[0].shape[-1]) if op.bag == "mean" else found
    return np.asarray(found)


def _embedding_reference(op: Embedding, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The product of one-hot rows and the table, by blocks of the table."""
    numbers, table = numbers_of(op, inputs[0]), bench.weights("table", (op.vocab, op.out))
    found = np.zeros((*numbers.shape, op.out))
    some = max(1, DRAWN // (op.out + numbers.size))
    for low in range(0, op.vocab, some):
        high = min(op.vocab, low + some)
        found += (numbers[..., None] == np.arange(low, high)).astype(np.float64) @ table.look(low, high)
    return np.asarray({"": found, "sum": found.sum(axis=-2), "mean": found.mean(axis=-2)}[op.bag])


def _some_lookups(
    op: Embedding, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some lookups, or some bags."""
    (array,) = inputs
    rows = array.reshape(-1, array.shape[-1]) if op.bag else array.reshape(-1)
    return narrowed(op, len(rows), count, "bags" if op.bag else "lookups", random, lambda chosen: [rows[chosen]])


def numbers_of(op: Embedding, array: Array) -> Array:
    """Rows of the table, as numbers that lie further apart than those of the input."""
    return (np.abs(array) + 7 * np.arange(array.size).reshape(array.shape)) % op.vocab


def _token(op: Token, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.concatenate([bench.weights("tokens", (op.tokens, output[-1])).take(), inputs[0]])


def _token_reference(op: Token, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    result = np.zeros(output, np.int64)
    result[: op.tokens] = bench.weights("tokens", (op.tokens, output[-1])).look()
    result[op.tokens :] = inputs[0]
    return result


def _constant(op: Constant, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    stored = bench.weights("constant", op.shape, "buffers" if op.buffer else "params")
    return stored.take() if op.learned or op.buffer else stored.look()


def _constant_reference(op: Constant, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return bench.weights("constant", op.shape).look().reshape(output)


def _random(op: Random, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Drawing numbers is not counted as work: any numbers stand for them."""
    return bench.weights("drawn", op.shape).look()


def _random_reference(op: Random, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return bench.weights("drawn", op.shape).look().reshape(output)


MOVES: dict[type[Op], Executor] = {
    Rename: Executor(_rename, rename_reference, exact, no_rows, whole),
    Concat: Executor(_concat, _concat_reference, exact, no_rows, whole),
    Pad: Executor(_pad, _pad_reference, exact, no_rows, whole),
    Slice: Executor(_slice, _slice_reference, exact, no_rows, whole),
    Copy: Executor(_copy, _copy_reference, exact, no_rows, whole),
    Embedding: Executor(_embedding, _embedding_reference, lambda op: op.bag == "mean", no_rows, _some_lookups),
    Token: Executor(_token, _token_reference, exact, no_rows, whole),
    Constant: Executor(_constant, _constant_reference, exact, no_rows, whole),
    Random: Executor(_random, _random_reference, exact, no_rows, whole),
}
