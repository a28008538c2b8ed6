"""The charts of a network: where its cost is, and how much memory its tensors take."""

from sepcalc import quantity
from sepcalc.network import Network
from sepcalc.reports import BYTES
from sepcalc.reports.figures import Chart, Curve, Treemap
from sepcalc.shape import show


def charts(network: Network, element_bytes: int | None = None) -> list[Chart]:
    """Each layer's share of macs, params, activations and the bytes that it moves, and the bytes that are live while
    each layer runs."""
    layers, names = network.layers, [layer.name for layer in network.layers]
    measures = {
        "macs": [layer.cost.macs for layer in layers],
        "params": [layer.cost.params for layer in layers],
        "activations": [layer.cost.activations for layer in layers],
        "bytes": [layer.traffic(element_bytes) for layer in layers],
    }
    lives = network.live(element_bytes)
    peak = max(range(len(lives)), key=lives.__getitem__)
    every = (*network.inputs, *names)
    live = [f"{every[at]} ({show(network.tensors[at])})" for at in network.live_at(peak)]
    said = f"{quantity.exact(lives[peak])} bytes while {names[peak]} runs: {', '.join(live)}"
    treemap = Treemap("Where the cost is", names, measures)
    return [treemap, Curve("Memory of the live tensors", names, lives, BYTES, peak, said)]
