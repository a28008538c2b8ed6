"""Which kernels separate, and what a layer gains by it.

A kernel is separable when it is an outer product of vectors, one along each axis. A convolution with it is then a chain
of convolutions along one axis each. Integers and fractions are answered exactly; real numbers by their singular values,
within a stated tolerance."""

import os
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from sepcalc.cost import Cost
from sepcalc.errors import Invalid, bad_input
from sepcalc.factoring import exact, schemes, spectra
from sepcalc.factoring.kernel import Array, Kernel, of_array, of_fractions
from sepcalc.factoring.reading import read
from sepcalc.shape import Shape
from sepcalc.shown import shown, telling


@telling
class Factoring(NamedTuple):
    """What there is to know of a kernel, or of a layer's kernels.

    ``rank`` is a matrix's rank (a layer's: the largest of any slice; None for a kernel of three axes that does not
    separate, whose rank nobody computes: ``unfoldings`` has those of its three unfoldings, and no rank is below the
    largest). ``factors`` and ``scale`` are exact: integers in lowest terms, the first nonzero of each but the last
    positive; None where the kernel does not separate, or was not given exactly. ``errors`` are those of the best
    kernels of rank 1, 2, …, relative to the whole (Frobenius norm). ``tolerance`` is what part of the largest singular
    value counts as zero; None where the rank is exact. ``vectors`` are real factors, one per axis, of a kernel that
    separates numerically. ``full`` is the cost of the whole convolution per output position, ``ways`` are the ways to
    run it cheaper, ``not_applicable`` says why others are not.
    """

    kernel: Kernel
    rank: int | None
    separable: bool
    factors: tuple[tuple[int, ...], ...] | None
    scale: Fraction | None
    errors: tuple[float, ...]
    unfoldings: tuple[int, ...]
    tolerance: float | None
    vectors: tuple[tuple[float, ...], ...] | None
    full: Cost
    ways: tuple[schemes.Scheme, ...]
    not_applicable: dict[str, str]

    def __str__(self) -> str:
        return shown(self)

    @property
    def shape(self) -> Shape:
        """The shape of the kernel."""
        return self.kernel.shape

    @property
    def separated(self) -> exact.Separated | None:
        """The exact factors with their scale."""
        if self.factors is None or self.scale is None:
            return None
        return exact.Separated(self.factors, self.scale)


class _Ranks(NamedTuple):
    rank: int | None
    unfoldings: tuple[int, ...] = ()
    tolerance: float | None = None


def factor(kernel: Any, *, layer: bool | None = None) -> Factoring:
    """Factors a kernel: text or a path as on the command line (``"sobel-x"``, ``"-1 0 1; -2 0 2; -1 0 1"``,
    ``"kernel.npy"``, ``"model.onnx:conv1.weight"``), an array, or nested lists of numbers (integers and Fractions are
    exact). Four axes are a layer's weights, outputs x inputs x kernel; three only with ``layer=True``.

    ``.factors`` are one vector per axis where it separates, ``.rank`` a matrix's rank, ``.errors`` those of the best
    kernels of rank 1, 2, …, relative to the whole. Raises InputError for what is no kernel.

    >>> found = sepcalc.factor("sobel-x")
    >>> found.separable, found.factors
    (True, ((1, 2, 1), (-1, 0, 1)))
    """
    if isinstance(kernel, str | os.PathLike):
        return factored(read(os.fspath(kernel), layer))
    try:
        return factored(_given(kernel, layer))
    except Invalid as fact:
        raise bad_input(f"the kernel {fact.message}", fact.hint) from fact


def _given(kernel: Any, layer: bool | None) -> Kernel:
    try:
        array = np.asarray(kernel)
    except ValueError:
        raise Invalid("is ragged: expected rows of the same length") from None
    if array.dtype.kind != "O":
        return of_array("kernel", array, layer)
    entries = array.ravel().tolist()
    if not entries or array.ndim > 3 or not all(isinstance(entry, int | Fraction) for entry in entries):
        raise Invalid("holds Python objects: expected numbers, Fractions for 1 to 3 axes")
    return of_fractions("kernel", array.shape, [Fraction(entry) for entry in entries])


def factored(kernel: Kernel) -> Factoring:
    """The answer for a kernel."""
    found = exact.separate(kernel.shape, kernel.exact) if kernel.exact is not None else None
    weights = spectra.scaled(schemes.squeezed(kernel.weights))
    slices = weights.reshape(-1, *weights.shape[2:])
    values = spectra.slice_values(slices) if slices.ndim == 3 else None
    ranks = (
        _separated_ranks(kernel, found) if found else _exact_ranks(kernel) or _numerical_ranks(kernel, slices, values)
    )
    errors = _errors(slices, values, ranks)
    found_ways, reasons = schemes.schemes(kernel, weights, errors)
    return Factoring(
        kernel,
        ranks.rank,
        ranks.rank is not None and ranks.rank <= 1,
        found.factors if found else None,
        found.scale if found else None,
        errors,
        ranks.unfoldings,
        ranks.tolerance,
        _vectors(kernel) if not kernel.layer and not found and ranks.rank == 1 and slices.ndim > 1 else None,
        schemes.cost(kernel, "normal"),
        tuple(found_ways),
        reasons,
    )


def _separated_ranks(kernel: Kernel, found: exact.Separated) -> _Ranks:
    rank = 1 if found.scale else 0
    return _Ranks(rank, (rank,) * 3 if len(kernel.size) == 3 else ())


def _exact_ranks(kernel: Kernel) -> _Ranks | None:
    """The ranks of an exact kernel that does not separate, unless they would take too long."""
    if kernel.exact is None:
        return None
    integers, _ = exact.whole(kernel.exact)
    largest = max(map(abs, integers))
    total, ranks = len(integers), []
    for axis, size in enumerate(kernel.shape):
        if not exact.feasible(size, total // size, largest):
            return None
        if axis and len(kernel.shape) == 2:
            break  # a matrix and its transpose have one rank
        ranks.append(exact.rank(exact.unfolded(kernel.shape, integers, axis)))
    return _Ranks(_matrix_rank(kernel, ranks), tuple(ranks) if len(kernel.shape) == 3 else ())


def _matrix_rank(kernel: Kernel, ranks: Sequence[int]) -> int | None:
    """The rank, where the ranks of the unfoldings tell it: at most two axes over 1, or an outer product."""
    most = max(ranks)
    return most if most <= 1 or sum(size > 1 for size in kernel.size) < 3 else None


def _numerical_ranks(kernel: Kernel, slices: Array, values: Array | None) -> _Ranks:
    """The ranks by singular values: the largest of any slice."""
    epsilon = kernel.epsilon or float(np.finfo(np.float64).eps)
    if slices.ndim < 3:  # a vector, or a number
        rank = int(bool(slices.any()))
        return _Ranks(rank, (rank,) * 3 if len(kernel.size) == 3 else (), epsilon)
    if values is not None:
        tolerance = max(slices.shape[1:]) * epsilon
        rank = spectra.numerical_rank(values, tolerance)
        unfoldings = tuple([rank if size > 1 else min(rank, 1) for size in kernel.size])
        return _Ranks(rank, unfoldings if len(kernel.size) == 3 else (), tolerance)
    tolerance = epsilon * max(slices[0].size // min(slices.shape[1:]), *slices.shape[1:])
    ranks = []
    for axis in range(1, 4):
        matrices = np.moveaxis(slices, axis, 1).reshape(len(slices), slices.shape[axis], -1)
        ranks.append(spectra.numerical_rank(spectra.slice_values(matrices), tolerance))
    return _Ranks(_matrix_rank(kernel, ranks), tuple(ranks), tolerance)


def _errors(slices: Array, values: Array | None, ranks: _Ranks) -> tuple[float, ...]:
    """The error of every rank; none at all from an exact rank on."""
    count = schemes.term_limit(slices.shape[1:])
    if ranks.tolerance is None and ranks.rank is not None and ranks.rank <= 1:
        return (0.0,) * count
    if slices.ndim < 3:
        return (0.0,)
    errors = spectra.tails(values**2) if values is not None else spectra.greedy_errors(slices, count)
    known = ranks.rank if ranks.tolerance is None else None
    return tuple([0.0 if known is not None and rank >= known else float(error) for rank, error in enumerate(errors, 1)])


def _vectors(kernel: Kernel) -> tuple[tuple[float, ...], ...]:
    """The best outer product, its magnitude in the last vector, its signs as those of exact factors."""
    vectors = [part[0, 0] for part in spectra.terms(schemes.squeezed(kernel.weights)[0], 1)]
    for at, vector in enumerate(vectors[:-1]):
        if vector[np.argmax(np.abs(vector) > np.abs(vector).max() * 1e-9)] < 0:
            vectors[at], vectors[-1] = -vector, -vectors[-1]
    along = iter(vectors)
    return tuple([tuple(next(along).tolist()) if size > 1 else (1.0,) for size in kernel.size])
