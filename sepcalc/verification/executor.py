"""A row of the table of ops: how an op runs, what its output must be, how closely, and what of it runs at a time."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.shape import Shape, Shapes
from sepcalc.verification.bench import Function
from sepcalc.verification.counting import Array
from sepcalc.verification.sampling import Sampler


class Executor(NamedTuple):
    """What verification knows of an op. It has no defaults: every op says all of it.

    ``run`` executes the op on counted arrays; ``reference`` gives the same output, formulated another way. ``near``
    says whether the two agree within a tolerance, not exactly. ``rows`` gives the op of a matrix whose rows are the
    positions, where an output row (all channels of a position) comes from the input rows of that position alone; else
    None. ``sample`` takes a sample of an op that is not of rows.
    """

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
    """Positions need others than themselves, or there are none."""
    return None


def all_rows(op: Any, inputs: Shapes, output: Shape) -> Op | None:
    """Every position is computed by itself."""
    found: Op = op
    return found


def whole(op: Any, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator) -> None:
    """It runs in full, as what only moves does."""
