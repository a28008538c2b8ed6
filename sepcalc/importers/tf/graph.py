"""The network that the tensors of a TensorFlow file become: which of its stored tensors are what norms store."""

from collections.abc import Sequence
from math import prod

from sepcalc.importers.common.branching import Roots
from sepcalc.importers.common.graph_builder import numbered
from sepcalc.importers.common.tensorflow import graph
from sepcalc.importers.common.tensorflow.graph import Call, Value
from sepcalc.importers.tf.model import Model, Tensor
from sepcalc.network import Node
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Stored
from sepcalc.ops.norm import BatchNorm, Normalization
from sepcalc.ops.product import Dense

_STATISTICS = ("moving_mean", "moving_variance", "/mean", "/variance", "/count")


class Builder(graph.Builder):
    """The network so far. A norm is often spelled out: ``x·s + t``, where s is 1/sqrt(variance + epsilon)·gain and t is
    shift - mean·s. ``variances``, ``shifted`` and ``gains`` are the stored tensors in these places."""

    def __init__(self, batch: int = 1, altered: bool = False) -> None:
        super().__init__(batch, altered)
        self.reads = 0  # inputs of nodes that were walked
        self.readers = 0  # how many read the first input of the node on its way
        self.variances, self.shifted, self.gains = set[str](), set[str](), set[str]()
        self.squared = set[str]()  # those of which the square root is taken
        self.roots: dict[tuple[str, str], str] = {}  # by the function, and the name in it
        self.root_names: dict[str, int] = {}

    def root(self, name: tuple[str, str], tensor: Tensor) -> Roots:
        """A stored tensor by the function in which it stands, and its name."""
        if name not in self.roots:
            self.roots[name] = root = numbered(self.root_names, name[1])
            self.stored[root], self.files[root] = (prod(tensor.shape), tensor.type.bits), tensor
        return ((self.roots[name], prod(tensor.shape)),)

    def learn(self, call: Call, values: Sequence[Value]) -> None:
        """Looks at what a node does with stored tensors: which of them norms store."""
        roots = [{root for root, _ in value.roots} for value in call.given]
        alone = all(value.constant for value in call.given)
        if call.type == "Rsqrt" and alone:
            self.variances |= roots[0]
        elif call.type == "Sqrt" and alone:
            self.squared |= roots[0]
        elif call.type in ("Sub", "Neg") and alone and roots[-1] & self.variances:
            self.shifted |= roots[-1]
        elif call.type == "Mul" and not alone:
            self.gains |= set().union(*roots)

    def is_buffer(self, root: str) -> bool:
        model = self.model
        if isinstance(model, Model) and (said := model.variables.get(root)) is not None and not said.trainable:
            return bool(root.endswith(_STATISTICS))
        return root in self.variances or (root in self.shifted and root not in self.gains)

    def _made_by(self, value: Value) -> int:
        """The node that gives a value, under another shape perhaps; -1 for an input, or where others read it too."""
        if value.number is None or self.readers != 1:
            return -1
        return self.plain.get(value.number, value.number) - (len(self.tensors) - len(self.nodes))

    def shift(self, x: Value, by: Value) -> bool:
        """Whether a stored number for each channel that is added to a value fits into the layer that gives it: as the
        bias of a convolution or a dense layer, as the shift of a norm. The layer has it then."""
        if (at := self._made_by(x)) < 0 or not by.constant:
            return False
        node = self.nodes[at]
        channels = prod(by.sizes)
        if node.output[-1] != channels or by.sizes[-1:] != (channels,):
            return False
        if isinstance(node.op, (Conv, Transposed, Dense)) and not node.op.bias and by.sizes == (channels,):
            self.biased(by)
            self.nodes[at] = node._replace(op=node.op._replace(bias=True))
            self.beside[at] += self.weights(by) or by.roots
            return True
        return isinstance(node.op, Stored) and self._norm(at, node, by)

    def _norm(self, at: int, node: Node, by: Value) -> bool:
        """Whether a stored scale and shift are a batch norm that is spelled out, which the node becomes then."""
        scale, shift = dict(self.beside[at]), dict(self.weights(by))
        variance = [root for root in scale if root in self.variances]
        gain = [root for root in scale if root not in self.variances]
        mean = [root for root in shift if root in self.shifted and root not in scale]
        bias = [root for root in shift if root not in mean and root not in scale]
        every = [self.stored[root][0] for root in (*variance, *gain, *mean, *bias)]
        fits = node.op == Stored("scale", "channel") and set(every) == {node.output[-1]}
        if not fits or len(variance) != 1 or len(mean) != 1 or len(gain) > 1 or len(bias) > 1:
            return False
        self.nodes[at] = node._replace(op=BatchNorm(bool(gain), bool(bias)))
        self.beside[at] = tuple([(root, node.output[-1]) for root in (*gain, *bias)])
        self.no_weights.update(variance, mean)
        return True

    def normalizes(self, x: Value, by: Value) -> bool:
        """Whether a stored number that is subtracted and the root of one by which that is divided are Keras'
        Normalization, which the node that subtracts becomes then."""
        roots = self.weights(by)
        if (at := self._made_by(x)) < 0 or len(roots) != 1 or roots[0][0] not in self.squared:
            return False
        node, many = self.nodes[at], roots[0][1]
        if not isinstance(node.op, Stored) or node.op.how != "shift" or [most for _, most in self.beside[at]] != [many]:
            return False
        self.nodes[at] = node._replace(op=Normalization((many,)))
        self.no_weights.update(root for root, _ in (*self.beside[at], *roots))
        self.beside[at] = ()
        return True
