"""An operator of ONNX as a row of its room's table: how it is counted, and all else that is known of it by its name."""

from collections.abc import Callable
from typing import NamedTuple

from sepcalc.importers.common.layout import Layout
from sepcalc.importers.onnx.constants import Computed
from sepcalc.importers.onnx.graph import Builder, Handler
from sepcalc.importers.onnx.values import Call, Refused, Results
from sepcalc.shape import Shape

NO_COUNT = "no count is known for this operator"


class Operator(NamedTuple):
    """What is known of an operator; ``reason`` says why it is not counted where ``handle`` is None. Numbers are places
    of inputs."""

    handle: Handler | None
    layout: Layout
    reason: str = ""
    # Stored inputs that set how it works, and are no weights whatever they hold: sizes, factors, bounds, statistics.
    settings: tuple[int, ...] = ()
    # Those that say what quantized elements stand for: scales and zero points. What has one for each channel or block,
    # of floating type, is a buffer.
    scales: tuple[int, ...] = ()
    mask: int | None = None  # is added to the scores of attention: a mask, or a bias that is trained
    states: tuple[int, ...] = ()  # what it begins with: states, buffers that are filled, caches
    takes: bool = False  # takes some elements of its first input, and leaves the others
    multiplies: bool = False  # counts on stored tensors alone, too
    random: bool = False  # makes other numbers in each run, from stored tensors alone too
    # Gives a table of places or angles, no weight, where it has more elements than the weights that it was made from
    # (each frequency at each place), or is added to data or multiplied with it; in a product it is a weight.
    table: bool = False
    free: bool = False  # costs nothing, on a tensor whose shape depends on the data too
    measures: bool = False  # reads no elements: only how many there are
    like: tuple[int, ...] = ()  # inputs of which it reads the shape and the type alone
    # Works on each example by itself where it is not counted; along an axis (by default ``axis``) only if that is not
    # the examples'.
    apart: bool = False
    axis: int | None = None
    shape: Callable[[Call], Shape | None] | None = None  # of its first result where it is not counted
    computed: Computed | None = None  # what it gives of small constants, if that is computed at all
    older: tuple[int, Callable[[Builder, Call], Call]] | None = None  # before this opset: the call as it is said today

    def __call__(self, builder: Builder, call: Call) -> Results:
        """Adds the operator's layers to the network. Raises Refused with the reason where it is not counted."""
        if self.handle is None:
            raise Refused(self.reason or NO_COUNT)
        return self.handle(builder, call)
