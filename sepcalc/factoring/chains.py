"""The kernels of the chains: what a way runs at a rank, as arrays in PyTorch's layout (outputs x inputs of a group x
axes), and what they compose to."""

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np

from sepcalc.factoring import spectra
from sepcalc.factoring.exact import Separated
from sepcalc.factoring.kernel import Array, Kernel
from sepcalc.factoring.schemes import BASIS, SLICES, Step, chain, squeezed
from sepcalc.ops.conv import Conv
from sepcalc.shape import Shape


class Link(NamedTuple):
    """The kernels of one convolution of a chain. Where several chains are added up (``spatial``), the first axis
    counts them."""

    name: str
    array: Array


def links(kernel: Kernel, variant: str, rank: int) -> list[Link]:
    """The convolutions' kernels, in the order in which they run. What moves channels between has none."""
    weights = squeezed(kernel.weights)
    names = [link.name for link in chain(kernel, variant, rank) if isinstance(link.op, Conv)]
    shapes = [link.op.kernel for link in chain(kernel, variant, rank) if isinstance(link.op, Conv)]
    if variant == SLICES:
        arrays = _slices(weights, rank, shapes)
    elif variant == BASIS:
        kernels = spectra.train(weights, rank)[0]
        arrays = [array.reshape(*array.shape[:2], *shape) for array, shape in zip(kernels, shapes, strict=True)]
    else:
        arrays = _depthwise(weights, rank, shapes)
    return [Link(name, array) for name, array in zip(names, arrays, strict=True)]


def _slices(weights: Array, rank: int, shapes: list[Shape]) -> list[Array]:
    outputs, inputs, *sizes = weights.shape
    parts = spectra.terms(weights.reshape(outputs * inputs, *sizes), rank)
    arrays = []
    for order, (part, shape) in enumerate(zip(parts, shapes, strict=True)):
        split = part.reshape(len(part), outputs, inputs, part.shape[-1])
        if order < len(shapes) - 1:  # a channel for each slice, those of one input together
            arrays.append(split.swapaxes(1, 2).reshape(len(part), inputs * outputs, 1, *shape))
        else:
            arrays.append(split.reshape(len(part), outputs, inputs, *shape))
    return arrays


def _depthwise(weights: Array, rank: int, shapes: list[Shape]) -> list[Array]:
    outputs, inputs = weights.shape[:2]
    left, values, right = np.linalg.svd(weights.swapaxes(0, 1).reshape(inputs, outputs, -1), full_matrices=False)
    spatial = np.zeros((inputs, rank, right.shape[-1]))
    mixing = np.zeros((inputs, rank, outputs))
    kept = min(rank, values.shape[-1])
    spatial[:, :kept] = right[:, :kept]
    mixing[:, :kept] = (left * values[:, None]).swapaxes(1, 2)[:, :kept]
    depthwise = spatial.reshape(inputs * rank, 1, *shapes[0])
    return [depthwise, mixing.reshape(inputs * rank, outputs).T.reshape(outputs, inputs * rank, *shapes[1])]


def composed(kernel: Kernel, variant: str, parts: list[Link]) -> Array:
    """The kernels that a chain amounts to: outputs x inputs x axes, as :attr:`Kernel.weights`."""
    outputs, inputs = kernel.weights.shape[:2]
    arrays = [part.array for part in parts]
    if variant == SLICES:
        terms = arrays[0].shape[0]
        whole = arrays[-1].reshape(terms, outputs, inputs, -1)
        for array in reversed(arrays[:-1]):
            before = array.reshape(terms, inputs, outputs, -1).swapaxes(1, 2)
            whole = (before[..., None] * whole[..., None, :]).reshape(terms, outputs, inputs, -1)
        whole = whole.sum(axis=0)
    elif variant == BASIS:
        whole = arrays[-1].reshape(*arrays[-1].shape[:2], -1)
        for array in reversed(arrays[:-1]):  # rank x inputs x taps, then outputs x rank x the taps after
            before = array.reshape(*array.shape[:2], -1)
            whole = np.einsum("rit,ors->oits", before, whole, optimize=True).reshape(outputs, before.shape[1], -1)
    else:
        spatial = arrays[0].reshape(inputs, -1, int(np.prod(kernel.size)))
        mixing = arrays[1].reshape(outputs, inputs, -1)
        whole = np.einsum("imk,oim->oik", spatial, mixing, optimize=True)
    result: Array = whole.reshape(kernel.weights.shape)
    return result


def arrays(kernel: Kernel, separated: Separated | None, steps: Sequence[Step]) -> list[tuple[str, Array, str]]:
    """What is worth saving, each with the name of its file and a word on it: the exact factors as 64-bit integers with
    their scale, where they are given and fit; else the kernels of every step's chain."""
    if separated:
        numbers = [*separated.factors, (separated.scale.numerator, separated.scale.denominator)]
        if all(abs(number) < 2**63 for numbers_ in numbers for number in numbers_):
            says = [f"the integer factor along axis {axis}" for axis in range(1, len(numbers))]
            names = [f"factor-{axis}" for axis in range(1, len(numbers))]
            return [
                (name, np.array(along, np.int64), word)
                for name, along, word in zip(
                    [*names, "scale"], numbers, [*says, "what their product is scaled by: a numerator, a denominator"]
                )
            ]
    found = []
    for step in steps:
        parts = links(kernel, step.variant, step.rank)
        terms = "; the first axis counts the terms of the sum" if step.variant == SLICES else ""
        for at, part in enumerate(parts, 1):
            name = f"{step.variant}-rank{step.rank}-{at}"
            found.append((name, part.array, f"{part.name}, outputs x inputs of a group x kernel{terms}"))
    return found


class Written(NamedTuple):
    """A file that is written, and what is in it."""

    path: str
    shape: Shape
    says: str


def stored(array: Array) -> bytes:
    """The array as a ``.npy`` file."""
    file = BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()
