"""The table of all ops: how each runs, its reference, its tolerance and its sampling."""

from collections.abc import Sequence

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.shape import Shape
from sepcalc.verification.bench import Bench
from sepcalc.verification.conv import CONVOLUTIONS
from sepcalc.verification.counting import Array
from sepcalc.verification.elementwise import ELEMENTWISE
from sepcalc.verification.executor import Executor
from sepcalc.verification.move import MOVES
from sepcalc.verification.norm import NORMS
from sepcalc.verification.pool import POOLS
from sepcalc.verification.product import PRODUCTS
from sepcalc.verification.recurrent import RECURRENT
from sepcalc.verification.repeat import repeats

EXECUTORS: dict[type[Op], Executor] = CONVOLUTIONS | POOLS | NORMS | ELEMENTWISE | MOVES | PRODUCTS | RECURRENT
EXECUTORS |= repeats(EXECUTORS)


def run_op(op: Op, inputs: Sequence[Array], output: Shape, bench: Bench) -> tuple[Array, Array]:
    """The op's output, counted, and its reference."""
    executor = EXECUTORS[type(op)]
    found = np.asarray(executor.run(op, inputs, output, bench))
    bench.tally.counts["activations"] += found.size if op.writes else 0
    return found, np.asarray(executor.reference(op, inputs, output, bench))
