"""What a reader of a network's numbers must know, though nothing in it is wrong."""

from sepcalc.network import Network
from sepcalc.ops.conv import Conv
from sepcalc.ops.norm import RowNorm
from sepcalc.ops.pool import Pool
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.repeat import Scan
from sepcalc.spec import spread

_OF_SEQUENCES = (
    Attention,
    Matmul,
    Einsum,
    RowNorm,
    Recurrent,
    Scan,
)  # where these are, a dense layer for each position is meant


def spread_out(network: Network) -> tuple[str, ...]:
    """A sentence where dense layers run at each position of what a convolution or a pool gives, and that reaches an
    output of the network with its axes: flatten was forgotten, perhaps."""
    tensors, first = network.tensors, len(network.inputs)
    least = 3  # axes of what is taken for an image; of a signal, where nothing in the network is made for sequences
    windowed = any(isinstance(node.op, Conv | Pool) for node in network.nodes)
    if (
        windowed
        and all(len(shape) < 3 for shape in tensors)
        and not any(
            isinstance(node.op, _OF_SEQUENCES) or type(node.op).__name__ in ("Recurrent", "Scan")
            for node in network.nodes
        )
    ):
        least = 2
    from_dense: dict[int, int] = {}  # tensors with those axes, and the dense layer that they come from
    found: list[int] = []
    for at, node in enumerate(network.nodes):
        if not node.sources:
            continue
        if isinstance(node.op, Dense) and len(tensors[node.sources[0]]) >= least:
            found.append(at)
            from_dense[first + at] = at
        else:
            before = [from_dense[source] for source in node.sources if source in from_dense]
            if before and len(node.output) >= least:
                from_dense[first + at] = before[0]
    reached = {from_dense[end] for end in network.ends.values() if end in from_dense}
    if not reached:
        return ()
    first_of = network.nodes[found[0]]
    name = f"{first_of.name} (and {len(found) - 1} more)" if len(found) > 1 else first_of.name
    return (spread(tensors[first_of.sources[0]], name, least),)
