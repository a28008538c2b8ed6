"""The interface between an importer and the family modules in ``importers/common``.

A family module gets the importer's own values (ONNX ``Value``, PyTorch ``Value``, Keras ``Tensor``) and an
:class:`Emitter`. It never looks into a value: it asks the emitter for the network's shape of it, and returns it to the
emitter with an op. So one function serves all importers, and each gets its own kind of value back.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from sepcalc.ops.base import Op
from sepcalc.shape import Shape

V = TypeVar("V")


class Emitter(Protocol[V]):
    """Adds a layer of a file to the network, as one node or several. Keras' ``Call`` and PyTorch's ``Builder`` are
    emitters; ONNX uses ``Named(builder, call.name)``."""

    def seen(self, value: V) -> Shape:
        """The network's shape of a value: without the batch, with channels last for an image. Several images of one
        example are axes in front of the spatial ones."""

    def emit(self, op: Op, *values: V, weights: Iterable[V | None] = (), label: str = "") -> V:
        """Adds a node that reads these values in their layout. Its result has the layout of the first value; the op
        determines the sizes. ``weights`` are the stored tensors that count in it; ``label`` distinguishes it from the
        layer's other nodes. Raises Invalid if the op does not accept these values."""
