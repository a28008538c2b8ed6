"""The row of an op: how it runs, its reference, the tolerance between the two, and how it is sampled."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.shape import Shape, Shapes
from sepcalc.verification.bench import Function
from sepcalc.verification.counting import Array
from sepcalc.verification.sampling import Sampler


class Executor(NamedTuple):
    """How an op is verified. No field has a default: every op has a row that gives all of them.

    ``run`` executes the op on counted arrays. ``reference`` computes the same output in another way. ``near``: the two
    agree within a tolerance; otherwise they are equal. ``rows``: if each output row (all channels of a position)
    depends on the input rows of that position alone, the op for a matrix of such rows; else None. ``sample`` samples an
    op without such rows."""

    run: Function
    reference: Function
    near: Callable[[Any], bool]
    rows: Callable[[Any, Shapes, Shape], Op | None]
    sample: Sampler


def exact(op: Any) -> bool:
    """The outputs are equal: sums and products of integers."""
    return False


def near(op: Any) -> bool:
    """The outputs agree within a tolerance: a root, an exponential or a stored reciprocal is in them."""
    return True


def no_rows(op: Any, inputs: Shapes, output: Shape) -> Op | None:
    """An output row depends on more than the input rows of its position."""
    return None


def all_rows(op: Any, inputs: Shapes, output: Shape) -> Op | None:
    """An output row depends on the input rows of its position alone."""
    found: Op = op
    return found


def whole(op: Any, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator) -> None:
    """No sample: it runs in full, as every op that only moves."""
