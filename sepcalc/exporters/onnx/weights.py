"""The numbers that an exported network stores: random ones by a seed, or zeros."""

from collections.abc import Callable
from math import prod, sqrt
from typing import Any
from zlib import crc32

import numpy as np

from sepcalc.shape import Shape

Numbers = Callable[[str, str, Shape], "np.ndarray[Any, Any]"]  # layer, role, shape -> numbers

# role -> (offset, spread); of all other roles, numbers that keep the size of what they multiply
_AROUND = {"gain": (1.0, 0.1), "shift": (0.0, 0.1), "mean": (0.0, 0.1), "bias": (0.0, 0.1), "slope": (0.25, 0.05)}


def zeros(layer: str, role: str, shape: Shape) -> "np.ndarray[Any, Any]":
    """Zeros."""
    return np.zeros(shape, np.float32)


def random(seed: int) -> Numbers:
    """Random numbers, the same ones for the same seed, layer and role."""

    def draw(layer: str, role: str, shape: Shape) -> "np.ndarray[Any, Any]":
        source = np.random.default_rng([seed, crc32(layer.encode()), crc32(role.encode())])
        if role == "variance":
            return source.uniform(0.5, 1.5, shape).astype(np.float32)
        values = source.standard_normal(shape, np.float32)
        offset, spread = _AROUND.get(role, (0.0, 1 / sqrt(max(1, prod(shape[1:])))))
        values *= np.float32(spread)
        values += np.float32(offset)
        return values

    return draw
