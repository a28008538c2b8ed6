"""Samples: a part of a layer as a layer of its own.

A piece is usually a smaller layer whose outputs are outputs of the whole: rows of a dense layer, query rows of
attention, channels of a global pool. Its formula is the layer's own, applied to what is sampled.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.shape import Shape, Shapes
from sepcalc.verification.counting import Array

MULTIPLIED = 2**27  # products of a sample: where it would be more, some output channels are left out


class Piece(NamedTuple):
    """A part of a layer as a layer of its own. ``positions`` are the output positions that run where not all do;
    ``what`` says what was sampled."""

    op: Op
    inputs: Sequence[Array]
    output: Shape
    positions: Array | None = None
    what: str = ""

    @property
    def running(self) -> Shape:
        """The shape of what runs."""
        return self.output if self.positions is None else (len(self.positions), self.output[-1])

    @property
    def shapes(self) -> Shapes:
        """The shapes of the inputs."""
        return tuple([array.shape for array in self.inputs])


Sampler: TypeAlias = Callable[[Any, Sequence[Array], Shape, int, np.random.Generator], Piece | None]
"""Takes about so many positions of an op with these inputs and this output, or what comes next to them; None where all
of it runs."""


def sample_of(whole: int, count: int, random: np.random.Generator) -> Array:
    """A sorted random sample that always includes both ends: what is wrong at a border is seen there."""
    if count == whole:
        return np.arange(whole)
    if count < 2:
        return random.integers(whole, size=1)
    inner = random.choice(whole - 2, count - 2, replace=False) + 1
    return np.array([0, *sorted(inner), whole - 1])


def part_of(count: int, whole: int, what: str) -> str:
    """``64 of 3,136 positions``."""
    return f"{count:,} of {whole:,} {what}"


def piece(op: Op, inputs: Sequence[Array], what: str) -> Piece:
    """The op on these inputs, all of them."""
    return Piece(op, inputs, op.output(tuple([array.shape for array in inputs])), None, what)


def narrowed(
    op: Op, whole: int, count: int, what: str, random: np.random.Generator, taken: Callable[[Array], Sequence[Array]]
) -> Piece | None:
    """A sample of ``count`` of ``whole``: ``taken`` gives the inputs for the chosen numbers. None where that is all."""
    return None if count >= whole else piece(op, taken(sample_of(whole, count, random)), part_of(count, whole, what))


def some_positions(
    op: Op, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some output positions of an op on all of its inputs; None where that is all."""
    whole = prod(output[:-1])
    if count >= whole:
        return None
    return Piece(op, inputs, output, sample_of(whole, count, random), part_of(count, whole, "positions"))


def some_rows(op: Op, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator) -> Piece | None:
    """The op on the rows of some positions; None where that is all. Only for ops whose rows are independent."""
    whole = prod(output[:-1])
    if count >= whole:
        return None
    chosen = sample_of(whole, count, random)
    rows = [array.reshape(-1, array.shape[-1])[chosen] for array in inputs]
    return Piece(op, rows, (count, output[-1]), None, part_of(count, whole, "positions"))
