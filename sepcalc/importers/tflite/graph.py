"""The network that the tensors of a TFLite file become: which of its stored tensors are one, and which are weights."""

from math import prod

from sepcalc.importers.common.graph_builder import numbered
from sepcalc.importers.common.tensorflow import graph
from sepcalc.importers.tflite.model import Key, Tensor
from sepcalc.importers.tflite.schema import INT32, TYPES


class Builder(graph.Builder):
    """The network so far."""

    def __init__(self, batch: int = 1, altered: bool = False) -> None:
        super().__init__(batch, altered)
        self.roots: dict[Key, str] = {}
        self.buffers: dict[int, Key] = {}  # the first tensor that has each
        self.root_names: dict[str, int] = {}

    def root(self, tensor: Tensor, whole: bool) -> str:
        """What a stored tensor is called. Tensors of different graphs that have one buffer are one; ``whole``: the file
        holds its numbers."""
        graph, _ = tensor.at
        if whole and (first := self.buffers.setdefault(tensor.buffer, tensor.at))[0] != graph:
            return self.roots[first]
        if tensor.at not in self.roots:
            self.roots[tensor.at] = root = numbered(self.root_names, tensor.name)
            self.stored[root], self.files[root] = (prod(tensor.shape), tensor.type.bits), tensor
        return self.roots[tensor.at]

    def weighs(self, root: str) -> bool:
        tensor: Tensor = self.files[root]
        return super().weighs(root) or (tensor.type == TYPES[INT32] and bool(tensor.quantized()[0]))
