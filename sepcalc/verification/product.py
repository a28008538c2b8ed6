"""Dense layers, matrix products, sums of products over named indices, attention."""

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import product
from math import prod, sqrt

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.shape import Shape
from sepcalc.verification.bench import DRAWN, Bench
from sepcalc.verification.conv import biased
from sepcalc.verification.counting import Array
from sepcalc.verification.executor import Executor, exact, near, no_rows
from sepcalc.verification.norm import softmaxed
from sepcalc.verification.sampling import MULTIPLIED, Piece, narrowed, part_of, some_rows
from sepcalc.verification.sums import GATHERED, by_matrix, sums_of_products


def _dense(op: Dense, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].reshape(-1, inputs[0].shape[-1])
    kernels = bench.weights("kernel", (op.out, rows.shape[1]))
    sums = sums_of_products(bench, rows, np.arange(len(rows)), np.zeros(1, np.int64), 1, op.out, kernels)
    return biased(op.bias, sums, bench).reshape(output)


def _dense_reference(op: Dense, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    rows = inputs[0].reshape(-1, inputs[0].shape[-1])
    kernels = bench.weights("kernel", (op.out, rows.shape[1]))
    some = max(1, DRAWN // rows.shape[1])
    parts = [rows.astype(np.float64) @ kernels.look(low, min(op.out, low + some)).T for low in range(0, op.out, some)]
    result = np.concatenate(parts, axis=1).reshape(*inputs[0].shape[:-1], op.out)
    return result + bench.weights("bias", (op.out,)).look() if op.bias else result


def _some_outputs(
    op: Dense, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some positions. If those are too many products, also only some output channels."""
    found = some_rows(op, inputs, output, count, random)
    (rows,) = found.inputs if found else inputs
    most = max(1, MULTIPLIED // rows.size)
    if op.out <= most:
        return found
    said = [*([found.what] if found else []), part_of(most, op.out, "output channels")]
    return Piece(op._replace(out=most), [rows], (*rows.shape[:-1], most), None, ", ".join(said))


def _matmul(op: Matmul, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    left, right = inputs
    right = right if op.transpose else np.swapaxes(right, -1, -2)
    outer = output[:-2]
    lefts = np.broadcast_to(left, (*outer, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
    rights = np.broadcast_to(right, (*outer, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
    return np.stack([np.asarray(by_matrix(bench, one, other)) for one, other in zip(lefts, rights)]).reshape(output)


def _matmul_reference(op: Matmul, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    left, right = [array.astype(np.float64) for array in inputs]
    return np.asarray(left @ (np.swapaxes(right, -1, -2) if op.transpose else right)).reshape(output)


def _some_left(
    op: Matmul, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some rows of the left operand, in every matrix of a stack."""
    left, right = inputs
    needed = -(-count // max(prod(left.shape[:-2]), prod(right.shape[:-2])))
    return narrowed(op, left.shape[-2], needed, "rows", random, lambda chosen: [left[..., chosen, :], right])


def _einsum(op: Einsum, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Products of all operands over all indices, then sums over the indices that the output lacks. Large ones run in
    parts along the output."""
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
    kind = np.result_type(*inputs)
    result = np.empty([sizes[index] for index in named], kind)
    cut, left = 0, prod(sizes.values())
    while cut < len(named) and left > GATHERED:
        left //= sizes[named[cut]]
        cut += 1
    summed = tuple(range(len(named) - cut, len(order) - cut))
    for at in product(*[range(sizes[index]) for index in named[:cut]]):
        parts = [array[tuple([i if array.shape[axis] > 1 else 0 for axis, i in enumerate(at)])] for array in whole]
        terms, *others = [part.astype(kind).view(bench.array) for part in parts]
        full = tuple([sizes[index] for index in order[cut:]])
        for factor in others[:-1]:
            terms = np.multiply(np.broadcast_to(terms, full), factor)
        for factor in others[-1:]:
            with bench.tally.products() if summed else nullcontext():  # else there is nothing to accumulate
                terms = np.multiply(np.broadcast_to(terms, full), factor)
        result[at] = np.add.reduce(terms, axis=summed, dtype=kind) if summed else terms
        bench.tick()
    return result.reshape(output)


def _einsum_reference(op: Einsum, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.asarray(np.einsum(op.equation, *[array.astype(np.float64) for array in inputs])).reshape(output)


def _some_of_index(
    op: Einsum, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some values of the output's longest index."""
    sizes, named = op.sizes(tuple([array.shape for array in inputs]))
    if not named:
        return None
    index = max(named, key=sizes.__getitem__)
    needed = -(-count * sizes[index] // prod(sizes[name] for name in named))

    def taken(chosen: Array) -> Sequence[Array]:
        cut = []
        for array, operand in zip(inputs, op.equation.partition("->")[0].split(","), strict=True):
            for axis in [axis for axis, letter in enumerate(operand) if letter == index]:
                array = array.take(chosen, axis)
            cut.append(array)
        return cut

    return narrowed(op, sizes[index], needed, f"values of {index}", random, taken)


def query_key_value(inputs: Sequence[Array]) -> list[Array]:
    """Queries, keys and values as matrices, positions by channels, of one, two or three inputs."""
    arrays = [inputs[0], *([inputs[1], inputs[2]] if len(inputs) == 3 else [inputs[-1]] * 2)]
    return [array.reshape(-1, array.shape[-1]).astype(np.float64) for array in arrays]


def mask_of(op: Attention, query: Array, key: Array, bench: Bench) -> Array:
    """What is added to the scores: queries by keys."""
    return bench.data("mask", (len(query), len(key))).astype(np.float64)


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
        parts.append(np.asarray(by_matrix(bench, softmaxed(scores), np.ascontiguousarray(v.T))))
    return np.concatenate(parts, axis=-1).reshape(output)


def _heads(op: Attention, query: Array, key: Array, value: Array, head: int) -> tuple[Array, Array, Array]:
    """A head's queries, and the keys and values that its group of heads shares."""
    shared = head // (op.heads // op.kv_heads)
    q = np.split(query, op.heads, axis=1)[head]
    return q, np.split(key, op.kv_heads, axis=1)[shared], np.split(value, op.kv_heads, axis=1)[shared]


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


def _some_queries(
    op: Attention, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some queries, each with all keys."""
    query = inputs[0].reshape(-1, inputs[0].shape[-1])
    others = inputs[-2:] if len(inputs) == 3 else [inputs[-1]] * 2
    return narrowed(op, len(query), count, "queries", random, lambda chosen: [query[chosen], *others])


PRODUCTS: dict[type[Op], Executor] = {
    Dense: Executor(_dense, _dense_reference, exact, no_rows, _some_outputs),
    Matmul: Executor(_matmul, _matmul_reference, exact, no_rows, _some_left),
    Einsum: Executor(_einsum, _einsum_reference, exact, no_rows, _some_of_index),
    Attention: Executor(_attention, _attention_reference, near, no_rows, _some_queries),
}
