"""The kind and the spec of every layer of a network, as a compact document has them."""

from sepcalc.document.writer import entry_of
from sepcalc.network import Network
from sepcalc.ops.base import Op
from sepcalc.ops.repeat import Scan
from sepcalc.shape import Shapes
from sepcalc.spec import EACH
from sepcalc.to_spec import supposed

STRIDED = ("conv", "depthwise", "pointwise", "transposed")  # whose stride is 1 where none is given
_UNIT_STRIDE = {kind: {"stride": (1,)} for kind in STRIDED}


def sorts_of(network: Network) -> list[tuple[str, str]]:
    """The kind and the spec of every layer, as they are read back; options in which blocks often differ come first.
    Raises Invalid for a layer that the language has no words for."""
    tensors, known = network.tensors, dict[tuple[type[Op], Op, Shapes], tuple[str, str]]()
    sorts = []
    for node in network.nodes:
        op, inputs = node.op, tuple([tensors[source] for source in node.sources])
        if isinstance(op, Scan):
            sorts.append(("scan", entry_of(op, inputs, node.output)))
        elif op.holds:
            sorts.append(_sort(op, inputs))
        else:
            key = (type(op), op, inputs)
            if key not in known:
                known[key] = _sort(op, inputs)
            sorts.append(known[key])
    return sorts


def _sort(op: Op, inputs: Shapes) -> tuple[str, str]:
    spec = supposed(op, inputs, _UNIT_STRIDE)
    return EACH if spec.each else spec.kind, str(spec)
