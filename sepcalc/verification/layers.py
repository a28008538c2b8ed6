"""One layer, run on data of its own."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sepcalc.cost import Cost
from sepcalc.layer import Layer
from sepcalc.shape import volume
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Array, Tally
from sepcalc.verification.executors import EXECUTORS, run_op
from sepcalc.verification.sampling import Piece, some_rows
from sepcalc.verification.verdicts import Check

PIECE = 2**14  # elements of a piece: it stays in a core's cache from its data to its verdict
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
        """A bench for a layer, whose ticks show the progress; ``small`` keeps weights from -1 to 1."""
        bench = Bench(name, self.seed, lambda: None, small)
        if self.progress is not None:
            bench.tick = lambda: self.show(bench.tally, name)
        return bench

    def show(self, tally: Tally, name: str) -> None:
        """Says how far a layer is, at most 200 times in all."""
        at = min(self.whole, self.done + operations(tally.cost()))
        if self.progress is not None and self.whole > at > self.shown + self.whole // 200:
            self.shown = at
            self.progress(at, self.whole, name)

    def reach(self, at: int, name: str) -> None:
        """Shows progress by layers. It serves samples, whose time depends little on what the whole layers cost."""
        self.done = self.whole  # the layers themselves have nothing to say
        if self.progress is not None:
            self.progress(at, self.whole, name)

    def finish(self, cost: Cost) -> None:
        """Takes a layer as done."""
        self.done += operations(cost)


def operations(cost: Cost) -> int:
    """Multiplications, additions and all other operations together."""
    return sum(cost[1:6])


def agree(found: Array, reference: Array, near: bool) -> bool:
    """Whether an output is its reference: equal, or ``near`` it within TOLERANCE, absolute or relative."""
    if found.shape != reference.shape:
        return False
    if not near:
        return np.array_equal(found, reference)
    found, reference = np.asarray(found, np.float64), np.asarray(reference, np.float64)  # truths cannot be subtracted
    off, allowed = np.abs(np.subtract(found, reference)), np.abs(reference)
    allowed *= TOLERANCE
    allowed += TOLERANCE
    # infinities differ by NaN, and may yet be equal
    return bool((off <= allowed).all() or np.allclose(found, reference, TOLERANCE, TOLERANCE))


def pieces(layer: Layer, inputs: Sequence[Array]) -> Iterator[Piece]:
    """The whole layer: in pieces of a few rows where its rows are independent."""
    op = EXECUTORS[type(layer.op)].rows(layer.op, layer.inputs, layer.output)
    if op is None:
        yield Piece(layer.op, inputs, layer.output)
        return
    flat = [array.reshape(-1, array.shape[-1]) for array in inputs]
    some = max(1, PIECE // layer.output[-1])
    for at in range(0, len(flat[0]), some):
        rows = [array[at : at + some] for array in flat]
        yield Piece(op, rows, (len(rows[0]), layer.output[-1]))


def sampled(layer: Layer, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece:
    """About ``count`` positions of the layer, or the nearest to that which the op allows; else the whole layer."""
    executor = EXECUTORS[type(layer.op)]
    op = executor.rows(layer.op, layer.inputs, layer.output)
    if op is None:
        found = executor.sample(layer.op, inputs, layer.output, count, random)
    else:
        found = some_rows(op, inputs, layer.output, count, random)
    return found or Piece(layer.op, inputs, layer.output)


def check_layer(layer: Layer, run: Run, sample: int | None = None) -> Check:
    """Runs a layer on data of its own, all of it or a sample of its positions."""
    bench = run.bench(layer.name)
    inputs = [bench.data(f"input {at}", shape) for at, shape in enumerate(layer.inputs)]
    whole = layer.op.cost(layer.inputs, layer.output)
    if sample is None:
        parts, formula, what = pieces(layer, inputs), layer.cost, ""
    else:
        part = sampled(layer, inputs, sample, np.random.default_rng(bench.key("sample")))
        parts, what = iter([part]), part.what
        formula = part.op.cost(part.shapes, part.running) if what else whole
        # what other layers have counted of the same weights
        formula = formula._replace(
            params=max(0, formula.params - whole.params + layer.cost.params),
            buffers=max(0, formula.buffers - whole.buffers + layer.cost.buffers),
        )
    near = EXECUTORS[type(layer.op)].near(layer.op)
    written, right, shaped = 0, True, True
    for part in parts:
        bench.positions = part.positions
        found, reference = run_op(part.op, part.inputs, part.output, bench)
        shaped &= found.shape == part.running
        right &= agree(found, reference, near)
        written += found.size
    executed = bench.tally.cost()
    executed = executed._replace(
        params=max(0, executed.params - whole.params + layer.cost.params),
        buffers=max(0, executed.buffers - whole.buffers + layer.cost.buffers),
    )
    run.finish(executed)
    shaped &= bool(what) or written == volume(layer.output)
    return Check(layer.name, layer.kind, formula, executed, right, shaped, TOLERANCE if near else 0.0, what)
