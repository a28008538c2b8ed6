"""What a family's room in ``importers/common`` asks of an importer.

A room gets the importer's own values (ONNX ``Value``, PyTorch ``Value``, Keras ``Tensor``) and an :class:`Emitter`.
It never looks into a value: it asks the emitter how the network sees it, and hands it back to the emitter with an op.
So one function of a room serves all three importers, and gives each its own kind of value back.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from sepcalc.ops.base import Op
from sepcalc.shape import Shape

V = TypeVar("V")


class Emitter(Protocol[V]):
    """Writes one layer of a file into the network, as one node or several. Keras' ``Call`` and PyTorch's ``Builder``
    are emitters; ONNX has ``Named(builder, call.name)``."""

    def seen(self, value: V) -> Shape:
        """The sizes that the network has of a value: without the batch, and with the channels last where the value is
        laid out so; several images of one example are axes before the spatial ones."""

    def emit(self, op: Op, *values: V, weights: Iterable[V | None] = (), label: str = "") -> V:
        """A node that reads these values as they are laid out. Its result has the layout of the first of them, whose
        axes it keeps; the op says their new sizes. ``weights`` are the stored tensors that count in it; ``label``
        tells it from the layer's other nodes. Raises Invalid where the op does not take these."""
