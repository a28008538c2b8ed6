"""A layer class of Keras, or an operation, as a row of its room's table: how it is counted, and what else is known of
it by its name."""

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
    """What is known of a class; ``reason`` says why it is not counted where ``handle`` is None."""

    handle: Handler | None
    layout: Layout
    reason: str = ""
    shapes: Callable[[Call], list[Shape]] | None = None  # of what it gives where it is not counted
    stores: bool = True  # whether it may store weights where it is not counted
    last: Last | None = None  # the last size of its kernel, for an input of this shape
    tensorflow: str = ""  # TensorFlow's names of an operation, without its modules

    def __call__(self, call: Call) -> Results:
        """Adds its layers to the network; what is not counted gives tensors of the shapes that are known."""
        if self.handle is not None:
            return self.handle(call)
        shapes = [] if self.shapes is None else self.shapes(call)
        return call.uncounted(self.reason, shapes, stores=self.stores)
