"""The nodes of a model file and what they cost, for Model Explorer."""

from collections.abc import Callable, Iterable, Sequence

from sepcalc.errors import bad_input
from sepcalc.network import Network
from sepcalc.ops.base import Uncounted
from sepcalc.reports.figures import Marked

READ = ".onnx, .tflite and .pt2 files and frozen .pb graphs"


def marked(network: Network, metric: str, amounts: Sequence[int], together: Callable[[Iterable[int]], int]) -> Marked:
    """A metric of each node, the layers that a node became ``together``. Raises InputError for a network whose layers
    are no nodes of a file."""
    found: dict[str, list[int] | None] = {}
    for layer, amount in zip(network.layers, amounts, strict=True):
        node = layer.origin.node if layer.origin else None
        if node is None:
            continue
        before = found.get(node, [])
        unknown = isinstance(layer.op, Uncounted) and layer.op.whole
        found[node] = None if unknown or before is None else [*before, amount]
    if not found:
        raise bad_input(
            "--format model-explorer is for a file that Model Explorer reads too", f"{READ}; for others there is html"
        )
    graph = max([layer.origin.graph or "" for layer in network.layers if layer.origin and layer.origin.node])
    return Marked(metric, {node: None if parts is None else together(parts) for node, parts in found.items()}, graph)
