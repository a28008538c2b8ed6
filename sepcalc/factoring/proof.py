"""The chains really run: what their outputs differ by from the whole convolution's, beside what was predicted.

The input is an impulse: a one in one channel of an image of one position, padded so that every tap of the kernel meets
it. The output is then the kernels themselves, so over all input channels the outputs differ by as much as the kernels
do. Every product is made one by one and counted from its operands, by whatever ``Counter`` makes the arrays.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import product
from typing import Any, NamedTuple, Protocol

import numpy as np

from sepcalc.cost import Cost
from sepcalc.factoring import exact
from sepcalc.factoring.chains import composed, links
from sepcalc.factoring.kernel import Array, Kernel
from sepcalc.factoring.schemes import SLICES, Step, chain, convolution, repeats
from sepcalc.network import of_chain
from sepcalc.ops.conv import Conv
from sepcalc.ops.rename import Rename
from sepcalc.shape import Pads

BUDGET = 2**27  # products of a whole convolution that are executed for one comparison: above it, channels are sampled
TOLERANCE = 1e-7  # absolute, of relative errors: large spectra are known to half the digits of float64


class Tally(Protocol):
    """What was executed so far."""

    def products(self) -> AbstractContextManager[None]:
        """Multiplications in here are those of a sum of products."""

    def cost(self) -> Cost:
        """The counts."""


Counter = Callable[
    [], tuple[Tally, Callable[[Array], Array]]
]  # a new tally, and what makes an array that counts into it


class Proof(NamedTuple):
    """A way at a rank, executed: the error of its kernels as predicted by the spectrum and as composed from the chain's
    kernels; of the channels that ran, the outputs' difference as composed and as measured; the multiplications by the
    formula and as executed."""

    variant: str
    rank: int
    predicted: float
    composed: float
    expected: float
    measured: float
    channels: int
    formula: int
    executed: int

    @property
    def ok(self) -> bool:
        """Whether both errors are as predicted within TOLERANCE, and every count was executed."""
        close = abs(self.predicted - self.composed) <= TOLERANCE and abs(self.expected - self.measured) <= TOLERANCE
        return close and self.formula == self.executed


def prove(kernel: Kernel, steps: Iterable[Step], counter: Counter, seed: int = 0) -> Iterator[Proof]:
    """Runs every step beside the whole convolution, all input channels or a sample of them."""
    pads = tuple([(size - 1, size - 1) for size in kernel.size])
    weights = kernel.weights / (np.abs(kernel.weights).max() or 1.0)
    scaled = kernel._replace(values=weights if kernel.layer else weights[0, 0])
    inputs = weights.shape[1]
    ones = (1,) * len(kernel.size)
    full = of_chain("normal", chain(kernel, "normal", 1, pads), ((*ones, inputs),)).cost
    count = min(inputs, max(1, BUDGET // full.macs))
    channels = np.sort(np.random.default_rng(seed).choice(inputs, count, replace=False))
    impulses = np.zeros((count, *ones, inputs))
    impulses[np.arange(count), ..., channels] = 1.0
    _, counted = counter()
    whole = np.asarray(_run(convolution(kernel, pads), counted(impulses), weights))
    for step in steps:
        parts = links(scaled, step.variant, step.rank)
        chained = composed(scaled, step.variant, parts)
        tally, counted = counter()
        terms = [[part.array[at] for part in parts] for at in range(step.rank)] if step.variant == SLICES else []
        output = None
        for arrays in terms or [[part.array for part in parts]]:
            with tally.products():
                term = np.asarray(_run_chain(scaled, step, counted(impulses), arrays, pads))
            output = term if output is None else output + term
        links_cost = of_chain(step.variant, chain(kernel, step.variant, step.rank, pads), ((*ones, inputs),)).cost
        yield Proof(
            step.variant,
            step.rank,
            step.error,
            _apart(weights, chained),
            _apart(weights[:, channels], chained[:, channels]),
            _apart(whole, output),
            count,
            links_cost.mults * repeats(step.variant, step.rank) * count,
            tally.cost().mults,
        )


def _apart(one: Array, other: Array) -> float:
    """The norm of the difference, relative to the first."""
    norm = float(np.linalg.norm(one))
    return float(np.linalg.norm(one - other)) / norm if norm else 0.0


def _run_chain(kernel: Kernel, step: Step, array: Array, arrays: Sequence[Array], pads: Pads) -> Array:
    left = iter(arrays)
    for link in chain(kernel, step.variant, step.rank, pads):
        if isinstance(link.op, Conv):
            array = _run(link.op, array, next(left))
        elif isinstance(link.op, Rename):  # a channel shuffle
            split = np.reshape(array, (*array.shape[:-1], link.op.groups, -1))
            array = np.reshape(np.moveaxis(split, -1, -2), array.shape)
    return array


def _run(op: Conv, array: Array, kernels: Array) -> Array:
    """A convolution of stride 1 over a batch (batch x axes x channels), product by product: a call for each tap and
    each input of a group."""
    batch, groups = len(array), op.groups
    zero = np.zeros((), array.dtype)  # among Python's integers one of them: NumPy's would overflow
    padded = np.pad(array, [(0, 0), *op.pads(array.shape[1:]), (0, 0)], constant_values=zero)
    sizes = [size - k + 1 for size, k in zip(padded.shape[1:-1], op.kernel, strict=True)]
    per_group = padded.shape[-1] // groups
    split = np.reshape(padded, (*padded.shape[:-1], groups, per_group))
    shaped = kernels.reshape(groups, op.out // groups, per_group, *op.kernel)
    total: Any = None
    for tap in product(*map(range, op.kernel)):
        window = split[(slice(None), *[slice(start, start + size) for start, size in zip(tap, sizes, strict=True)])]
        for channel in range(per_group):
            part = np.multiply(window[..., channel, None], shaped[(slice(None), slice(None), channel, *tap)])
            total = part if total is None else np.add(total, part, out=total)
    return np.reshape(total, (batch, *sizes, op.out))


def exactly(kernel: Kernel, separated: exact.Separated, counter: Counter, seed: int = 0) -> bool:
    """Whether the chain of exact factors gives, on random integers, exactly what the whole kernel gives. Python's own
    integers: nothing is rounded, nothing overflows."""
    if kernel.exact is None:
        raise TypeError("the kernel is not exact")
    image = np.random.default_rng(seed).integers(-9, 10, (1, *[size + 2 for size in kernel.size], 1)).astype(object)
    integers, below = exact.whole(kernel.exact)
    _, counted = counter()
    whole = _along(kernel, counted(image), kernel.size, integers)
    array = counted(image)
    for axis, factor in enumerate(separated.factors):
        array = _along(kernel, array, [len(factor) if at == axis else 1 for at in range(len(kernel.size))], factor)
    scale = separated.scale * below
    return bool((np.asarray(whole) * scale.denominator == np.asarray(array) * scale.numerator).all())


def _along(kernel: Kernel, array: Array, size: Sequence[int], taps: Sequence[int]) -> Array:
    pads = tuple([(k - 1, k - 1) for k in size])
    op = convolution(kernel, pads)._replace(kernel=tuple(size))
    return _run(op, array, np.array(list(taps), object).reshape(1, 1, *size))
