"""What a network was: its counts, by metric and layer by layer, in a form that a file can keep."""

from collections.abc import Mapping
from typing import NamedTuple

from sepcalc.cost import Cost
from sepcalc.gate.metrics import METRICS
from sepcalc.network import Gap, Network
from sepcalc.shape import Shape


class Row(NamedTuple):
    """A layer and what it costs."""

    name: str
    kind: str
    output: Shape
    cost: Cost


class Snapshot(NamedTuple):
    """A network's counts. ``uncounted`` are the layers that they leave out, ``stopped`` is whether they go up to some
    place only, ``most`` the totals that are larger where it runs otherwise, ``notes`` what a reader of them must
    know."""

    name: str
    inputs: Mapping[str, Shape]
    totals: dict[str, int]
    layers: tuple[Row, ...]
    uncounted: tuple[Gap, ...] = ()
    stopped: bool = False
    most: Mapping[str, int] = {}
    notes: tuple[str, ...] = ()

    @property
    def largest(self) -> dict[str, int]:
        """Every metric as limits are held against it."""
        return {**self.totals, **self.most}


def taken(network: Network) -> Snapshot:
    """Every metric of the network, and every layer."""
    return Snapshot(
        network.name,
        network.inputs,
        {name: metric.network(network) for name, metric in METRICS.items()},
        tuple([Row(layer.name, layer.kind, layer.output, layer.cost) for layer in network.layers]),
        network.uncounted,
        network.stopped is not None,
        network.most,
        network.notes,
    )
