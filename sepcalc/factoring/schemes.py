"""The ways to run a kernel, or a layer, through cheaper convolutions: for each rank the error and the cost.

A way is a variant of ``rewrite.py``; what it costs is the cost of the chain that the variant builds, per output
position (one output position of an input padded as ``same``). The sum of several chains costs so many times one.
"""

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from sepcalc.cost import Cost
from sepcalc.factoring import spectra
from sepcalc.factoring.kernel import Array, Kernel
from sepcalc.network import of_chain
from sepcalc.ops.base import Chain
from sepcalc.ops.conv import Conv
from sepcalc.quantity import largest
from sepcalc.rewrite import VARIANTS, Settings
from sepcalc.shape import Pads, Shape

SLICES, BASIS, DEPTHWISE = "spatial", "factorized", "depthwise-separable"
MAX_TERMS = 32  # of a kernel of three axes


class Step(NamedTuple):
    """A way at one rank: the relative error of the kernels that it composes to, and the cost per output position."""

    variant: str
    rank: int
    error: float
    cost: Cost


class Scheme(NamedTuple):
    """A way at all of its ranks; ``cheapest`` is the largest rank that still costs less than the whole convolution,
    0 if none does."""

    variant: str
    steps: tuple[Step, ...]
    cheapest: int


def convolution(kernel: Kernel, padding: Pads | None = None) -> Conv:
    """The convolution that the kernel stands for; without ``padding`` as many outputs as inputs."""
    ones = (1,) * len(kernel.size)
    return Conv(kernel.size, kernel.weights.shape[0], ones, padding or "same", ones)


def chain(kernel: Kernel, variant: str, rank: int, padding: Pads | None = None) -> Chain:
    """The convolutions that a variant runs at a rank (:data:`SLICES`: those of each of ``rank`` terms)."""
    settings = Settings(multiplier=rank, rank=rank)
    return VARIANTS[variant].build(convolution(kernel, padding), kernel.weights.shape[1], settings)


def repeats(variant: str, rank: int) -> int:
    """How many chains are added up."""
    return rank if variant == SLICES else 1


def cost(kernel: Kernel, variant: str, rank: int = 1) -> Cost:
    """What the variant costs per output position; ``normal`` is the convolution itself."""
    inputs: Shape = (*[1] * len(kernel.size), kernel.weights.shape[1])
    one = of_chain(variant, chain(kernel, variant, rank), (inputs,)).cost
    return Cost(*[count * repeats(variant, rank) for count in one])


def _costs(kernel: Kernel, variant: str, ranks: Sequence[int]) -> dict[int, Cost]:
    """:func:`cost` at every rank. It is a polynomial of degree two at most in the rank, which a convolution of the
    chain has for its inputs, its outputs or both: where it meets a line at three ranks, it is that line."""
    if len(ranks) > 3:
        first, second, last = [cost(kernel, variant, rank) for rank in (1, 2, ranks[-1])]
        slopes = [high - low for low, high in zip(first, second, strict=True)]
        line = {
            rank: Cost(*[low + slope * (rank - 1) for low, slope in zip(first, slopes, strict=True)]) for rank in ranks
        }
        if line[ranks[-1]] == last:
            return line
    return {rank: cost(kernel, variant, rank) for rank in ranks}


def obstacle(kernel: Kernel, variant: str) -> str:
    """Why a variant has no use here, or nothing."""
    return VARIANTS[variant].obstacle(convolution(kernel), kernel.weights.shape[1])


def squeezed(weights: Array) -> Array:
    """Outputs x inputs x those axes along which the kernel extends."""
    return weights.reshape(*weights.shape[:2], *[size for size in weights.shape[2:] if size > 1])


def schemes(kernel: Kernel, weights: Array, slice_errors: Sequence[float]) -> tuple[list[Scheme], dict[str, str]]:
    """Every way that applies, and the reason for each that does not. A kernel alone has one way only. ``weights`` are
    the kernel's, squeezed and scaled."""
    found, reasons = [], dict[str, str]()
    zero = "" if weights.any() else "every number is zero: nothing needs to run"
    for variant in (SLICES, BASIS, DEPTHWISE) if kernel.layer else (SLICES,):
        if reason := obstacle(kernel, variant) or zero:
            reasons[variant] = reason
            continue
        if variant == SLICES:
            errors = dict(enumerate(slice_errors, 1))
        elif variant == BASIS:
            errors = _basis_errors(kernel, weights)
        else:
            errors = _depthwise_errors(weights)
        full = cost(kernel, "normal").macs
        costs = _costs(kernel, variant, list(errors))
        steps = [Step(variant, rank, float(errors[rank]), one) for rank, one in costs.items()]
        found.append(Scheme(variant, tuple(steps), _cheapest(kernel, variant, full)))
    return found, reasons


def step_at(kernel: Kernel, way: Scheme, rank: int) -> Step:
    """A way at this rank, or at its last one where that is less."""
    steps = {step.rank: step for step in way.steps}
    rank = min(rank, way.steps[-1].rank)
    if rank not in steps:  # between the ranks that were tried along three axes
        weights = squeezed(kernel.weights)
        norm = float(np.linalg.norm(weights)) or 1.0
        error = float(np.sqrt(spectra.train(weights / norm, rank)[1]))
        return Step(way.variant, rank, error, cost(kernel, way.variant, rank))
    return steps[rank]


def _cheapest(kernel: Kernel, variant: str, full: int) -> int:
    """The largest rank that costs less than the convolution; costs only grow with the rank."""
    return largest(lambda rank: cost(kernel, variant, rank).macs < full)


def _basis_errors(kernel: Kernel, weights: Array) -> dict[int, float]:
    outputs, inputs, *sizes = weights.shape
    if len(sizes) == 2:
        matrix = weights.transpose(1, 2, 0, 3).reshape(inputs * sizes[0], outputs * sizes[1])
        return dict(enumerate(spectra.tails(spectra.singular_values(matrix) ** 2).tolist(), 1))
    # Along three axes each rank has a second decomposition of its own: some ranks have to do.
    first, whole = spectra.first_split(weights), float((weights**2).sum())
    splits = [(inputs * sizes[0], sizes[1] * sizes[2] * outputs), (inputs * prod(sizes[:2]), sizes[2] * outputs)]
    largest = max(map(min, splits))
    below = _cheapest(kernel, BASIS, cost(kernel, "normal").macs)
    lost = {rank: spectra.train(weights, rank, first)[1] for rank in spectra.chosen_ranks(min(largest, max(1, below)))}
    return {rank: float(np.sqrt(power / whole)) if whole else 0.0 for rank, power in lost.items()}


def _depthwise_errors(weights: Array) -> dict[int, float]:
    outputs, inputs = weights.shape[:2]
    matrices = weights.swapaxes(0, 1).reshape(inputs, outputs, -1)
    return dict(enumerate(spectra.tails(spectra.slice_values(matrices) ** 2).tolist(), 1))


def term_limit(sizes: Sequence[int]) -> int:
    """How many outer products a sum for a kernel of these axes may have at most here: of two axes as many as can be
    needed; of three, those that cost less than the kernel (at least one)."""
    if len(sizes) < 2:
        return 1
    return min(sizes) if len(sizes) == 2 else min(MAX_TERMS, max(1, (prod(sizes) - 1) // sum(sizes)))
