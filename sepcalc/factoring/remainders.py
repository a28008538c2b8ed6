"""What each rank of a kernel gives, and what it leaves: for pictures."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sepcalc.factoring import spectra
from sepcalc.factoring.kernel import Array, Kernel

ROUNDING = 1e-12  # of the largest number: less than that is none


class Remainder(NamedTuple):
    """A rank: the vectors of its last term, the sum of all its terms, what the kernel has beyond them, and how much
    that is of the kernel, in the Frobenius norm."""

    rank: int
    vectors: tuple[Array, ...]
    sum: Array
    rest: Array
    error: float


def heaviest(kernel: Kernel) -> tuple[Array, tuple[int, int] | None]:
    """The kernel; or of a layer's kernels the one with the largest sum of squares, and its output and input."""
    if not kernel.layer:
        return kernel.values, None
    weights = spectra.scaled(kernel.weights)
    powers = (weights.reshape(*weights.shape[:2], -1) ** 2).sum(axis=-1)
    at, source = divmod(int(powers.argmax()), weights.shape[1])
    return kernel.values[at, source], (at, source)


def remainders(values: Array, most: int) -> Iterator[Remainder]:
    """Ranks 1, 2, … of a kernel of two or three axes over 1, ``most`` at most: until nothing is left."""
    sizes = [size for size in values.shape if size > 1]
    if len(sizes) < 2:
        return
    scale = float(np.abs(values).max()) or 1.0
    whole = (values / scale).reshape(sizes)
    found = spectra.terms(whole[None], min(most, min(sizes)))
    total = np.zeros_like(whole)
    for rank, vectors in enumerate(zip(*[along[:, 0] for along in found], strict=True), 1):
        term = vectors[0]
        for vector in vectors[1:]:
            term = np.multiply.outer(term, vector)
        total = total + term
        rest = _rounded(whole - total)
        error = float(np.linalg.norm(rest) / (np.linalg.norm(whole) or 1.0))
        back = [(part * scale).reshape(values.shape) for part in (_rounded(total), rest)]
        yield Remainder(rank, _signed(vectors, scale), back[0], back[1], error)
        if not rest.any():
            return


def _rounded(part: Array) -> Array:
    return np.where(np.abs(part) < ROUNDING, 0.0, part)


def _signed(vectors: Sequence[Array], scale: float) -> tuple[Array, ...]:
    """The vectors with their largest numbers above 0; the last one has the sign and the size."""
    signs = [1.0 if vector[np.abs(vector).argmax()] > 0 else -1.0 for vector in vectors[:-1]]
    turned = [_rounded(vector * sign) for vector, sign in zip(vectors, signs, strict=False)]
    return (*turned, _rounded(vectors[-1] * float(np.prod(signs))) * scale)
