"""How every op runs, what its output must be, and how closely."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise
from sepcalc.ops.move import Embedding
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, RowNorm, Softmax
from sepcalc.ops.pool import AdaptivePool, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Shape
from sepcalc.verify import executors_elements, executors_products, references_elements, references_products
from sepcalc.verify.bench import Bench, Function
from sepcalc.verify.counting import Array


class Executor(NamedTuple):
    """How an op runs, what its output must be, and whether the two are equal or only near."""

    run: Function
    reference: Function
    near: Callable[[Any], bool]


def _never(op: Any) -> bool:
    return False


def _always(op: Any) -> bool:
    return True


_NEAR: dict[type[Op], Callable[[Any], bool]] = {
    Attention: _always,
    Softmax: _always,
    Recurrent: _always,
    Pool: lambda op: op.how != "max",
    Reduce: lambda op: op.how == "mean",
    AdaptivePool: lambda op: op.how != "max",
    Upsample: lambda op: op.how != "nearest",
    BatchNorm: _always,
    RowNorm: _always,
    LocalResponseNorm: _always,
    Activation: lambda op: op.how not in ("relu", "relu6", "clip", "prelu"),
    Elementwise: lambda op: op.how == "divide",
    Embedding: lambda op: op.bag == "mean",
}

# Every op that there is: none runs unverified.
EXECUTORS: dict[type[Op], Executor] = {
    op: Executor(run, references[op], _NEAR.get(op, _never))
    for runs, references in (
        (executors_products.RUN, references_products.REFERENCES),
        (executors_elements.RUN, references_elements.REFERENCES),
    )
    for op, run in runs.items()
}


def run_op(op: Op, inputs: Sequence[Array], output: Shape, bench: Bench) -> tuple[Array, Array]:
    """The op's output, counted, and its reference."""
    executor = EXECUTORS[type(op)]
    found = np.asarray(executor.run(op, inputs, output, bench))
    bench.tally.counts["activations"] += found.size if op.writes else 0
    return found, np.asarray(executor.reference(op, inputs, output, bench))
