"""A row of an operator table: how a Keras layer class or operation is counted, and everything else that depends on its
name."""

from collections.abc import Callable
from typing import NamedTuple

from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.layout import Layout
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.shape import Shape

Results = Tensor | list[Tensor]
Handler = Callable[[Call], Results]
Last = Callable[[Settings, Shape], int]


class Operator(NamedTuple):
    """The row of a class; ``reason`` says why it is not counted if ``handle`` is None."""

    handle: Handler | None
    layout: Layout
    reason: str = ""
    shapes: Callable[[Call], list[Shape]] | None = None  # the output shapes, if it is not counted
    stores: bool = True  # whether it may store weights, if it is not counted
    last: Last | None = None  # the last size of its kernel for a given input shape
    tensorflow: str = ""  # TensorFlow's names of the operation, without modules

    def __call__(self, call: Call) -> Results:
        """Adds the layer's nodes to the network; an uncounted one gives tensors of the known shapes."""
        if self.handle is not None:
            return self.handle(call)
        shapes = [] if self.shapes is None else self.shapes(call)
        return call.uncounted(self.reason, shapes, stores=self.stores)
