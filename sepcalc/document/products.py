"""What a product makes of a constant: its weights."""

from collections.abc import Callable, Sequence

from sepcalc.layer import Node
from sepcalc.ops.move import Constant, Embedding
from sepcalc.ops.product import Attention, Einsum, Matmul


def weights_of_products(nodes: Sequence[Node], first: int) -> list[int]:
    """The constants of which nobody says whether they are learned, and that a product reads: its weights are learned.
    ``first`` is the number of the first node's tensor."""
    return _read_by_products(nodes, first, lambda op: op.learned is None and not op.buffer)


def said_to_be_none(nodes: Sequence[Node], first: int) -> frozenset[str]:
    """The names of the constants that a product reads, and of which somebody says that they are not learned."""
    return frozenset([nodes[at].name for at in _read_by_products(nodes, first, lambda op: not op.learned)])


def _read_by_products(nodes: Sequence[Node], first: int, meant: Callable[[Constant], bool]) -> list[int]:
    """The constants of a sort that a product reads, at once or through layers that read nothing but constants, none of
    which multiplies them with weights of its own or looks them up."""
    within: dict[int, frozenset[int]] = {}  # the constants that a tensor is made of alone
    found: set[int] = set()
    for at, node in enumerate(nodes):
        if isinstance(node.op, Constant):
            within[first + at] = frozenset({at}) if meant(node.op) else frozenset()
            continue
        if not within:
            continue
        parts = [within[source] for source in node.sources if source in within]
        if isinstance(node.op, Matmul | Einsum | Attention):
            found.update(*parts)
        elif parts and len(parts) == len(node.sources) and not _data(node, nodes, first):
            within[first + at] = frozenset().union(*parts)
    return sorted(found)


def _data(node: Node, nodes: Sequence[Node], first: int) -> bool:
    """Whether constants are the data of a layer that reads them: its params are a matrix or a table, not a norm's."""
    inputs = tuple([nodes[source - first].output for source in node.sources])
    cost = node.op.cost(inputs, node.output)
    return cost.params > 0 and (cost.macs > 0 or isinstance(node.op, Embedding))
