"""How much of a kernel every rank leaves out: errors are relative, in the Frobenius norm (the root of the sum of
squares), which is also the error of the output on white noise.

Source: Eckart and Young, Psychometrika 1 (1936); Jaderberg et al., arXiv:1405.3866; De Lathauwer et al., SIAM J. Matrix
Anal. 21 (2000), for kernels of three axes.
"""

from collections.abc import Sequence

import numpy as np

from sepcalc.factoring.kernel import Array

LARGE = 1024  # a side from which on the spectrum comes from the Gram matrix, at half the time and half the digits
SWEEPS = 8  # of alternating least squares, for one term of three axes
STARTS = 3  # of it besides the one from an unfolding: from one start alone it may stay where it is
CHUNK = 2**22  # elements that are decomposed at a time
SHORT = 128  # the shorter side up to which a large batch is decomposed by its Gram matrices
GRAM = 1e-6  # part of a matrix's largest power below which its Gram matrix is not trusted


def singular_values(matrix: Array) -> Array:
    """The singular values of a matrix, largest first."""
    if min(matrix.shape) < LARGE:
        values: Array = np.linalg.svd(matrix, compute_uv=False)
        return values
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return np.sqrt(np.maximum(np.linalg.eigvalsh(wide @ wide.T)[::-1], 0))


def scaled(weights: Array) -> Array:
    """The weights, or a multiple of them whose squares neither overflow nor vanish."""
    peak = max(float(weights.max()), -float(weights.min()))
    return weights if not peak or 2.0**-99 < peak < 2.0**99 else weights / peak


def tails(powers: Array) -> Array:
    """From the powers (squares) of the parts, most important first: what is left out, relative, when the first 1, 2, …
    are taken. Powers of several matrices, one a row, are added up."""
    each = powers if powers.ndim == 1 else powers.reshape(-1, powers.shape[-1]).sum(axis=0)
    left = np.cumsum(each[::-1])[::-1]  # from the small ones up: a sum that ends at nothing is nothing
    return np.sqrt(np.append(left[1:], 0.0) / left[0]) if left[0] else np.zeros(len(each))


def numerical_rank(values: Array, tolerance: float) -> int:
    """The most singular values of any matrix (one a row) that are above the tolerance times its largest."""
    if not values.size:
        return 0
    return int((values > tolerance * values[..., :1]).sum(axis=-1).max())


def terms(tensors: Array, count: int) -> list[Array]:
    """The first ``count`` terms of every tensor (batch x axes) as a sum of outer products: per axis an array count x
    batch x size, the magnitude in the last axis.

    Of two axes it is the SVD, the best there is. Of three each term is the best found for what the ones before left
    over (a start from the unfoldings, then alternating least squares): not always the best sum.
    """
    sizes = tensors.shape[1:]
    if len(sizes) == 1:
        return [tensors[None]]
    if len(sizes) == 2:
        left, values, right = np.linalg.svd(tensors, full_matrices=False)
        first = np.moveaxis(left, -1, 0)[:count]
        return [first, (np.moveaxis(values, -1, 0)[..., None] * np.moveaxis(right, -2, 0))[:count]]
    rest = tensors.copy()
    found: list[list[Array]] = [[], [], []]
    for _ in range(count):
        vectors = _one_term(rest)
        rest -= np.einsum("ba,bc,bd->bacd", *vectors)
        for along, vector in zip(found, vectors, strict=True):
            along.append(vector)
    return [np.stack(along) for along in found]


def _one_term(rest: Array) -> list[Array]:
    batch, a, c, d = rest.shape
    first = np.linalg.svd(rest.reshape(batch, a, c * d), full_matrices=False)[0][..., 0]
    draw = np.random.default_rng(0)
    best: list[Array] = []
    for start in [first, *[np.broadcast_to(draw.standard_normal(a), (batch, a)) for _ in range(STARTS)]]:
        left, values, right = np.linalg.svd(np.einsum("ba,bacd->bcd", start, rest), full_matrices=False)
        found = _improved(rest, left[..., 0], values[..., :1] * right[..., 0, :])
        if best:
            better = np.linalg.norm(found[2], axis=-1) > np.linalg.norm(best[2], axis=-1)
            found = [np.where(better[:, None], new, old) for new, old in zip(found, best, strict=True)]
        best = found
    return best


def _improved(rest: Array, v: Array, w: Array) -> list[Array]:
    w = _unit(w)
    for _ in range(SWEEPS):
        u = _unit(np.einsum("bacd,bc,bd->ba", rest, v, w))
        v = _unit(np.einsum("bacd,ba,bd->bc", rest, u, w))
        w = _unit(np.einsum("bacd,ba,bc->bd", rest, u, v))
    return [u, v, np.einsum("bacd,ba,bc->bd", rest, u, v)]


def _unit(vectors: Array) -> Array:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths, lengths, 1)


def slice_values(matrices: Array) -> Array:
    """The singular values of a batch, a part at a time.

    Those of a large batch of short matrices come from their Gram matrices, at two thirds of the time or less. A power
    is then known to about 1e-16 of the largest: what is above :data:`GRAM` of it, to nine digits. Matrices with
    less than that are decomposed themselves, so that no rank is mistaken, and the errors of every rank are those of the
    matrices' own decomposition to 1e-11.
    """
    step = max(1, CHUNK // (matrices.shape[-1] * matrices.shape[-2]))
    parts = [matrices[at : at + step] for at in range(0, len(matrices), step)]
    by_gram = matrices.size >= CHUNK and min(matrices.shape[-2:]) <= SHORT
    return np.concatenate([_gram_values(part) if by_gram else np.linalg.svd(part, compute_uv=False) for part in parts])


def _gram_values(matrices: Array) -> Array:
    tall = matrices if matrices.shape[-2] >= matrices.shape[-1] else matrices.swapaxes(-1, -2)
    powers = np.linalg.eigvalsh(tall.swapaxes(-1, -2) @ tall)[..., ::-1]
    values: Array = np.sqrt(np.maximum(powers, 0))
    blurred = powers[:, -1] < GRAM * powers[:, 0]
    if blurred.any():
        values[blurred] = np.linalg.svd(tall[blurred], compute_uv=False)
    return values


def greedy_errors(tensors: Array, count: int) -> Array:
    """The errors of sums of 1, 2, … ``count`` outer products for tensors of three axes, all of them together."""
    whole = float((tensors**2).sum())
    if not whole:
        return np.zeros(count)
    left = np.zeros(count)
    step = max(1, CHUNK // int(np.prod(tensors.shape[1:])))
    for at in range(0, len(tensors), step):
        rest = tensors[at : at + step]
        for index, term in enumerate(zip(*terms(rest, count), strict=True)):
            rest = rest - np.einsum("ba,bc,bd->bacd", *term)
            left[index] += float((rest**2).sum())
    return np.sqrt(left / whole)


def train(weights: Array, rank: int, start: tuple[Array, Array] | None = None) -> tuple[list[Array], float]:
    """A chain of convolutions, one along each axis, through ``rank`` channels between: kernels rank x inputs x size,
    rank x rank x size …, outputs x rank x size, and the power (square) of what they leave out.

    ``weights`` are outputs x inputs x axes. Of two axes it is the best there is (Jaderberg's scheme 2); of three at
    most √2 times the best. Source: Oseledets, SIAM J. Sci. Comput. 33 (2011), the tensor train.
    """
    sizes = weights.shape[2:]
    carry = weights if start else np.moveaxis(weights, 0, -1)
    kernels: list[Array] = []
    lost, channels = 0.0, weights.shape[1]
    for order, size in enumerate(sizes[:-1]):
        if order == 0 and start:
            left, below = start
        else:
            left, values, right = np.linalg.svd(carry.reshape(channels * size, -1), full_matrices=False)
            below = values[:, None] * right
        lost += float((below[rank:] ** 2).sum())
        kernel = np.zeros((rank, channels, size))
        kept = min(rank, len(below))
        kernel[:kept] = left[:, :kept].T.reshape(kept, channels, size)
        carry = np.zeros((rank, below.shape[1]))
        carry[:kept] = below[:kept]
        kernels.append(kernel)
        channels = rank
    kernels.append(carry.reshape(rank, sizes[-1], -1).transpose(2, 0, 1))
    return kernels, lost


def first_split(weights: Array) -> tuple[Array, Array]:
    """What every rank's :func:`train` begins with: the SVD across the first axis."""
    inputs, size = weights.shape[1:3]
    left, values, right = np.linalg.svd(np.moveaxis(weights, 0, -1).reshape(inputs * size, -1), full_matrices=False)
    return left, values[:, None] * right


def chosen_ranks(most: int, also: Sequence[int] = ()) -> list[int]:
    """Ranks enough to see a curve by: powers of two, the largest, and those of ``also``."""
    return sorted({*[2**power for power in range(most.bit_length()) if 2**power <= most], most, *also} - {0})
