"""A row of an operator table: how an ONNX operator is counted, and everything else that depends on its name."""

from collections.abc import Callable
from typing import NamedTuple

from sepcalc.importers.common.layout import Layout
from sepcalc.importers.onnx.constants import Computed
from sepcalc.importers.onnx.graph import Builder, Handler
from sepcalc.importers.onnx.values import Call, Refused, Results
from sepcalc.shape import Shape

NO_COUNT = "no count is known for this operator"


class Operator(NamedTuple):
    """The row of an operator; ``reason`` says why it is not counted if ``handle`` is None. Numbers are positions of
    inputs."""

    handle: Handler | None
    layout: Layout
    reason: str = ""
    # Stored inputs that are settings, never weights: sizes, factors, bounds, statistics.
    settings: tuple[int, ...] = ()
    # The scales and zero points of quantized elements. One with a number per channel or block, of floating type, is a
    # buffer.
    scales: tuple[int, ...] = ()
    mask: int | None = None  # the input that is added to the scores of attention: a mask, or a trained bias
    states: tuple[int, ...] = ()  # the initial values: states, buffers that it fills, caches
    takes: bool = False  # selects some elements of its first input
    multiplies: bool = False  # also counts if all operands are stored
    random: bool = False  # gives other numbers in each run, also if all operands are stored
    # Gives a table of positions or angles, which is not a weight, if it has more elements than the weights it was made
    # from (each frequency at each position), or if data is added to it or multiplied by it; in a matmul it is a weight.
    table: bool = False
    free: bool = False  # costs nothing, even on a tensor whose shape depends on the data
    measures: bool = False  # reads only the sizes of its input
    like: tuple[int, ...] = ()  # inputs of which it reads only the shape and the type
    # If not counted, it still works on each example separately; along an axis (by default ``axis``) only if that is not
    # the batch.
    apart: bool = False
    axis: int | None = None
    shape: Callable[[Call], Shape | None] | None = None  # the shape of its first result, if it is not counted
    computed: Computed | None = None  # computes its results on small constants
    older: tuple[int, Callable[[Builder, Call], Call]] | None = (
        None  # before this opset: converts the call to its current form
    )

    def __call__(self, builder: Builder, call: Call) -> Results:
        """Adds the operator's layers to the network. Raises Refused with the reason if it is not counted."""
        if self.handle is None:
            raise Refused(self.reason or NO_COUNT)
        return self.handle(builder, call)
