"""One layer, run on data of its own."""

from collections.abc import Callable

import numpy as np

from sepcalc.cost import Cost
from sepcalc.network import Layer
from sepcalc.ops.move import Embedding
from sepcalc.ops.product import Attention
from sepcalc.verify.bench import Bench
from sepcalc.verify.counting import Array, Tally
from sepcalc.verify.executors import EXECUTORS, run_op
from sepcalc.verify.verdicts import Check

TOLERANCE = 1e-9  # relative and absolute, in float64


Progress = Callable[[int, int, str], None]


class Run:
    """One verification: its seed and its progress."""

    def __init__(self, seed: int, whole: int, progress: Progress | None) -> None:
        self.seed = seed
        self.whole = max(1, whole)
        self.progress = progress
        self.done = 0
        self.shown = 0

    def bench(self, name: str, small: bool = False) -> Bench:
        bench = Bench(name, self.seed, lambda: None, small)
        if self.progress is not None:
            bench.tick = lambda: self.show(bench.tally, name)
        return bench

    def show(self, tally: Tally, name: str) -> None:
        at = min(self.whole, self.done + operations(tally.cost()))
        if self.progress is not None and at - self.shown > self.whole // 200:
            self.shown = at
            self.progress(at, self.whole, name)

    def finish(self, cost: Cost) -> None:
        self.done += operations(cost)


def operations(cost: Cost) -> int:
    return sum(cost[1:6])


def agree(found: Array, reference: Array, near: bool) -> bool:
    if found.shape != reference.shape:
        return False
    return bool(np.allclose(found, reference, TOLERANCE, TOLERANCE) if near else np.array_equal(found, reference))


def check_layer(layer: Layer, run: Run) -> Check:
    """Runs a layer on data of its own."""
    bench = run.bench(layer.name)
    if isinstance(layer.op, Attention):
        bench.dtype = np.float64
    inputs = [bench.data(f"input {at}", shape) for at, shape in enumerate(layer.inputs)]
    if isinstance(layer.op, Embedding):
        inputs = [bench.data("input 0", layer.inputs[0], 100)]
    found, reference = run_op(layer.op, inputs, layer.output, bench)
    executed = bench.tally.cost()
    if layer.weights is not None and not layer.cost.params:  # counted where they are used first
        executed = executed._replace(params=0, buffers=0)
    run.finish(executed)
    near = EXECUTORS[type(layer.op)].near(layer.op)
    return Check(
        layer.name,
        layer.kind,
        layer.cost,
        executed,
        agree(found, reference, near),
        found.shape == layer.output,
        TOLERANCE if near else 0.0,
    )
