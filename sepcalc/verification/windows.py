"""Windows of convolutions and pools on an input with its border."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sepcalc.ops.conv import Conv
from sepcalc.ops.pool import Pool
from sepcalc.shape import Pads, Shape, extent
from sepcalc.verification.counting import Array


def bordered(array: Array, pads: Pads, fill: float = 0) -> Array:
    """The input, spatial axes by channels, with ``pads`` elements before and after each spatial axis."""
    return np.pad(array, [*pads, (0, 0)], constant_values=fill)


def pads_of(op: Conv | Pool, shape: Shape, output: Shape) -> Pads:
    """The padding of an input of this shape, with what the last windows of ceil mode need behind it."""
    reach = [(o - 1) * s + extent(k, d) for o, s, k, d in zip(output, op.stride, op.kernel, op.dilation)]
    return tuple([(p, max(q, r - size - p)) for (p, q), r, size in zip(op.pads(shape), reach, shape)])


def _grid(sizes: Shape, starts: Shape, steps: Shape) -> Array:
    """The flat positions of a grid in an array of ``sizes``: ``starts`` by axis, ``steps`` apart."""
    flat = np.zeros((), np.int64)
    for size, count, step in zip(sizes, starts, steps):
        flat = flat[..., None] * size + np.arange(count) * step
    return flat.reshape(-1)


def windows_of(op: Conv | Pool, array: Array, output: Shape, fill: float = 0) -> tuple[Array, Array, Array]:
    """The padded input as rows of channels; the row where each window begins; how far from there each tap is."""
    padded = bordered(array, pads_of(op, array.shape, output), fill)
    sizes = padded.shape[:-1]
    rows = padded.reshape(-1, padded.shape[-1])
    return rows, _grid(sizes, output[:-1], op.stride), _grid(sizes, op.kernel, op.dilation)


def fitting(op: Conv | Pool, shape: Shape) -> Shape:
    """How many windows fit along each axis, found by stepping through the padded input."""
    axes = zip(shape, op.kernel, op.stride, op.dilation, op.pads(shape))
    return tuple([len(range(-p, i + q - d * (k - 1), s)) for i, k, s, d, (p, q) in axes])


def windows_at(op: Conv | Pool, array: Array, output: Shape, positions: Array, fill: float) -> Array:
    """``positions x taps x channels``: what windows at some positions see, each element looked up by its
    coordinates in the input, ``fill`` where these lie outside."""
    places: Any = np.zeros((len(positions), 1), np.int64)
    inside: Any = np.ones((len(positions), 1), bool)
    numbers = np.unravel_index(positions, output[:-1]) if op.kernel else ()
    for size, number, k, s, d, (before, _) in zip(
        array.shape, numbers, op.kernel, op.stride, op.dilation, op.pads(array.shape)
    ):
        seen = (number * s - before)[:, None] + d * np.arange(k)
        inside = (inside[:, :, None] & ((seen >= 0) & (seen < size))[:, None]).reshape(len(positions), -1)
        places = (places[:, :, None] * size + seen.clip(0, size - 1)[:, None]).reshape(len(positions), -1)
    return np.where(inside[..., None], array.reshape(-1, array.shape[-1])[places], fill)


def windows_view(op: Conv | Pool, padded: Array, output: Shape) -> Array:
    """The windows that an output of at least one spatial axis sees in a padded input, as a view: ``spatial axes of the
    output x channels x kernel``."""
    spans = tuple([extent(k, d) for k, d in zip(op.kernel, op.dilation)])
    view: Any = sliding_window_view(padded, spans, axis=tuple(range(len(spans))))
    view = view[tuple([slice(0, (o - 1) * s + 1, s) for o, s in zip(output, op.stride)])]
    return view[(..., *[slice(None, None, d) for d in op.dilation])]
