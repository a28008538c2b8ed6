"""Ops that repeat others: one op on each slice, and the layers of a step on one slice after another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.repeat import Each, Scan
from sepcalc.shape import Shape
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Array
from sepcalc.verification.executor import Executor, near, no_rows, whole


def repeats(executors: Mapping[type[Op], Executor]) -> dict[type[Op], Executor]:
    """The executors of ops that repeat others. ``executors`` is the table of all ops, which may hold these, too."""

    def of(op: Op) -> Executor:
        return executors[type(op)]

    def each(op: Each, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
        """The op on one slice after another, its weights taken once."""
        made = []
        for at in range(output[0]):
            with _taken_once(bench, at):
                made.append(np.asarray(of(op.op).run(op.op, [array[at] for array in inputs], output[1:], bench)))
        return np.stack(made)

    def each_reference(op: Each, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
        reference = of(op.op).reference
        return np.stack([reference(op.op, [a[at] for a in inputs], output[1:], bench) for at in range(output[0])])

    def scan(op: Scan, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
        return _scanned(op, inputs, bench, lambda part, *rest: of(part).run(part, *rest))

    def scan_reference(op: Scan, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
        return _scanned(op, inputs, bench, lambda part, *rest: of(part).reference(part, *rest))

    return {
        Each: Executor(each, each_reference, lambda op: of(op.op).near(op.op), no_rows, whole),
        Scan: Executor(scan, scan_reference, near, no_rows, whole),
    }


@contextmanager
def _taken_once(bench: Bench, at: int) -> Iterator[None]:
    """Counts stored numbers in the first round (``at`` 0) alone: later rounds use the same ones."""
    counts = bench.tally.counts
    before = counts["params"], counts["buffers"]
    yield
    if at:
        counts["params"], counts["buffers"] = before


def _scanned(op: Scan, inputs: Sequence[Array], bench: Bench, run: Callable[..., Array]) -> Array:
    """Runs the steps. Each part of a step has its own weights; all parts count into one tally."""
    benches = []
    for at in range(len(op.body)):
        own = Bench(f"{bench.name} {at}", bench.seed, bench.tick)
        own.tally, own.array = bench.tally, bench.array
        benches.append(own)
    shapes = op.tensors((inputs[0].shape,))
    states, steps = [np.zeros(state) for state in op.states], []
    for step, x in enumerate(inputs[0].astype(np.float64) / 4):
        with _taken_once(bench, step):
            tensors = [x, *states]
            for part, own in zip(op.body, benches, strict=True):
                sources = [tensors[source] for source in part.sources]
                tensors.append(np.asarray(run(part.op, sources, shapes[len(tensors)], own)))
            states = [tensors[carried] for carried in op.carried]
            steps.append(states[0])
    return steps[-1] if op.last else np.stack(steps)
