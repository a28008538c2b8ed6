"""The network of a TFLite file: its stored tensors by name, and which of them may be weights."""

from math import prod

from sepcalc.importers.common.graph_builder import numbered
from sepcalc.importers.common.tensorflow import graph
from sepcalc.importers.tflite.model import Key, Tensor
from sepcalc.importers.tflite.schema import INT32, TYPES


class Builder(graph.Builder):
    """A network under construction."""

    def __init__(self, batch: int = 1, altered: bool = False) -> None:
        super().__init__(batch, altered)
        self.roots: dict[Key, str] = {}
        self.buffers: dict[int, Key] = {}  # the first tensor that has each
        self.root_names: dict[str, int] = {}

    def root(self, tensor: Tensor, whole: bool) -> str:
        """The name of a stored tensor. Tensors of different graphs that have one buffer are one; ``whole``: the file
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
