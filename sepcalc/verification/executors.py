"""How every op runs, what its output must be, and how closely."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Embedding
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm, Softmax
from sepcalc.ops.pool import AdaptivePool, GridSample, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.repeat import Each, Scan
from sepcalc.shape import Shape
from sepcalc.verification import executors_elements, executors_products, references_elements, references_products
from sepcalc.verification.bench import Bench, Function
from sepcalc.verification.counting import Array


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
    Pool: lambda op: op.how == "avg",
    Reduce: lambda op: op.how in ("mean", "prod"),
    AdaptivePool: lambda op: op.how != "max",
    Upsample: lambda op: op.how != "nearest",
    GridSample: lambda op: op.how != "nearest",
    BatchNorm: _always,
    RowNorm: _always,
    LocalResponseNorm: _always,
    Activation: lambda op: op.how not in ("relu", "relu6", "clip", "prelu"),
    Elementwise: lambda op: op.how in ("divide", "power"),
    Stored: lambda op: op.how in ("over", "power"),
    Normalization: _always,
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


def _each(op: Each, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The op on one slice after another, its weights taken once."""
    run, made = EXECUTORS[type(op.op)].run, []
    for at in range(output[0]):
        with _taken_once(bench, at):
            made.append(np.asarray(run(op.op, [array[at] for array in inputs], output[1:], bench)))
    return np.stack(made)


@contextmanager
def _taken_once(bench: Bench, at: int) -> Iterator[None]:
    """Weights that are taken again after the first time are the same ones."""
    counts = bench.tally.counts
    before = counts["params"], counts["buffers"]
    yield
    if at:
        counts["params"], counts["buffers"] = before


def _each_reference(op: Each, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    reference = EXECUTORS[type(op.op)].reference
    return np.stack([reference(op.op, [a[at] for a in inputs], output[1:], bench) for at in range(output[0])])


def _scan(op: Scan, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return _scanned(op, inputs, bench, lambda part, *rest: EXECUTORS[type(part.op)].run(part.op, *rest))


def _scan_reference(op: Scan, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return _scanned(op, inputs, bench, lambda part, *rest: EXECUTORS[type(part.op)].reference(part.op, *rest))


def _scanned(op: Scan, inputs: Sequence[Array], bench: Bench, run: Callable[..., Array]) -> Array:
    """Step after step; each part of a step has a bench with weights of its own, and all count into one tally."""
    benches = []
    for at in range(len(op.body)):
        own = Bench(f"{bench.name} {at}", bench.seed, bench.tick)
        own.tally, own.array, own.dtype = bench.tally, bench.array, np.float64
        benches.append(own)
    shapes = op.tensors((inputs[0].shape,))
    states, steps = [np.zeros(state) for state in op.states], []
    for step, x in enumerate(inputs[0].astype(np.float64) / 4):
        with _taken_once(bench, step):
            tensors = [x, *states]
            for part, own in zip(op.body, benches, strict=True):
                sources = [tensors[source] for source in part.sources]
                tensors.append(np.asarray(run(part, sources, shapes[len(tensors)], own)))
            states = [tensors[carried] for carried in op.carried]
            steps.append(states[0])
    return steps[-1] if op.last else np.stack(steps)


EXECUTORS[Each] = Executor(_each, _each_reference, lambda op: EXECUTORS[type(op.op)].near(op.op))
EXECUTORS[Scan] = Executor(_scan, _scan_reference, _always)
