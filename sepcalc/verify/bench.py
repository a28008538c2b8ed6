"""Where a layer runs: its tally, its seeded data, and stored numbers that are made by block."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np

from sepcalc.shape import Shape
from sepcalc.verify.counting import Array, Counted, Tally, counting

DRAWN = 2**20  # weights that are made at a time


class Weights:
    """Stored numbers, small integers made by block: row by row along the first axis, the same ones every time."""

    def __init__(self, bench: "Bench", role: str, shape: Shape, count: str = "params") -> None:
        self.bench = bench
        self.key = [bench.seed, crc32(bench.name.encode()), crc32(role.encode())]
        self.shape = shape
        self.width = prod(shape[1:])
        self.count = count
        self.each = max(1, DRAWN // max(1, self.width))
        self.last: tuple[int, Array | None] = (-1, None)

    def look(self, start: int = 0, stop: int | None = None) -> Array:
        """Rows ``start`` to ``stop``, uncounted: for references."""
        stop = self.shape[0] if stop is None else stop
        parts = []
        while start < stop:
            at = start // self.each
            block = self._block(at)
            end = min(stop, (at + 1) * self.each)
            parts.append(block[start - at * self.each : end - at * self.each])
            start = end
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def take(self, start: int = 0, stop: int | None = None) -> Array:
        """The same rows for the execution: they are stored numbers of the layer, and counted so."""
        rows = self.look(start, stop)
        self.bench.tally.counts[self.count] += rows.size
        return rows

    def _block(self, at: int) -> Array:
        if self.last[0] != at or self.last[1] is None:
            rows = min(self.each, self.shape[0] - at * self.each)
            low, high = self.bench.weight_range
            drawn = np.random.default_rng([*self.key, at]).integers(low, high, (rows, *self.shape[1:]), np.int8, True)
            self.last = at, drawn
        return self.last[1]


class Bench:
    """Where one layer runs: its tally, its weights, its data."""

    def __init__(self, name: str, seed: int, tick: Callable[[], None], small: bool = False) -> None:
        self.name = name
        self.seed = seed
        self.tick = tick
        self.tally = Tally()
        self.array = counting(self.tally)
        self.weight_range = (-1, 1) if small else (-2, 2)
        self.dtype: Any = np.int32

    def weights(self, role: str, shape: Shape, count: str = "params") -> Weights:
        return Weights(self, role, shape, count)

    def data(self, role: str, shape: Shape, limit: int = 3) -> Array:
        """An input: integers from -limit to limit."""
        key = [self.seed, crc32(self.name.encode()), crc32(role.encode())]
        return np.random.default_rng(key).integers(-limit, limit, shape, np.int8, True).astype(np.int32)

    def real(self, values: Array) -> Counted:
        """Values as counted float64."""
        return np.asarray(values, np.float64).view(self.array)


Function: TypeAlias = Callable[[Any, Sequence[Array], Shape, Bench], Array]  # op, inputs, output shape
