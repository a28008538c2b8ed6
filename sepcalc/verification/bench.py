"""Where a layer runs: its tally, its seeded data, and stored numbers that are made by block."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np

from sepcalc.shape import Shape
from sepcalc.verification.counting import Array, Counted, Tally, counting

DRAWN = 2**20  # weights that are made at a time


def drawn(key: Sequence[int], shape: Shape, limit: int) -> Array:
    """Integers from -limit to limit (at most 127), as int8; the same ones for the same key."""
    bytes_ = np.frombuffer(np.random.default_rng(key).bytes(prod(shape)), np.uint8)
    # the high byte of a product with the number of values: several times faster than drawing within bounds
    scaled = np.multiply(bytes_, np.uint16(2 * limit + 1), dtype=np.uint16)
    scaled >>= 8
    values = scaled.astype(np.int8)
    values -= limit
    return values.reshape(shape)


class Weights:
    """Stored numbers, small integers made by block: row by row along the first axis, the same ones every time."""

    def __init__(self, bench: "Bench", role: str, shape: Shape, count: str) -> None:
        self.bench = bench
        self.key = bench.key(role)
        self.shape = shape
        self.width = prod(shape[1:])
        self.count = count
        self.each = max(1, DRAWN // max(1, self.width))
        self.last: tuple[int, Array | None] = (-1, None)
        self.taken = np.zeros(shape[0] if shape else 1, bool)

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
        """The same rows for the execution: stored numbers of the layer, each of which counts when it is first used."""
        rows = self.look(start, stop)
        new = len(rows) - np.count_nonzero(self.taken[start:stop])
        self.taken[start:stop] = True
        self.bench.tally.counts[self.count] += int(new) * self.width
        return rows

    def _block(self, at: int) -> Array:
        if self.last[0] != at or self.last[1] is None:
            rows = min(self.each, self.shape[0] - at * self.each)
            self.last = at, drawn([*self.key, at], (rows, *self.shape[1:]), self.bench.weight_limit)
        return self.last[1]


class Bench:
    """Where one layer runs: its tally, its weights, its data. ``positions`` are the numbers of those output positions
    of a convolution or a pool that run, None for all."""

    def __init__(self, name: str, seed: int, tick: Callable[[], None], small: bool = False) -> None:
        self.name = name
        self.seed = seed
        self.tick = tick
        self.tally = Tally()
        self.array = counting(self.tally)
        self.weight_limit = 1 if small else 2
        self.positions: Array | None = None
        self._weights: dict[str, Weights] = {}
        self._scratch: Array = np.empty(0, np.int8)

    def key(self, role: str) -> list[int]:
        """What makes the data of one role in one layer differ from all others."""
        return [self.seed, crc32(self.name.encode()), crc32(role.encode())]

    def weights(self, role: str, shape: Shape, count: str = "params") -> Weights:
        """The stored numbers of a role; the same object, when they are asked for again."""
        found = self._weights.get(role)
        if found is None or found.shape != shape:
            found = self._weights[role] = Weights(self, role, shape, count)
        return found

    def data(self, role: str, shape: Shape, limit: int = 3) -> Array:
        """An input: integers from -limit to limit."""
        return drawn(self.key(role), shape, limit).astype(np.int32)

    def chosen(self, rows: Array) -> Array:
        """Those rows, one for each output position, whose positions run."""
        return rows if self.positions is None else rows[self.positions]

    def running(self, output: Shape) -> Shape:
        """The shape of what runs of this output: all of it, or a row for each of the positions."""
        return output if self.positions is None else (len(self.positions), output[-1])

    def scratch(self, shape: Shape, dtype: Any) -> Counted:
        """Counted room for products, the same memory whenever it suffices: new memory costs more than the products."""
        size = prod(shape)
        if self._scratch.dtype != dtype or self._scratch.size < size:
            self._scratch = np.empty(size, dtype)
        room: Counted = self._scratch[:size].reshape(shape).view(self.array)
        return room

    def real(self, values: Array) -> Counted:
        """Values as counted float64, a copy."""
        return np.array(values, np.float64).view(self.array)


Function: TypeAlias = Callable[[Any, Sequence[Array], Shape, Bench], Array]  # op, inputs, output shape
