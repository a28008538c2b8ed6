"""Keras' count_params: trained numbers, and the statistics of norms with them."""

from sepcalc.conventions import paper
from sepcalc.network import Network


def _params(network: Network) -> int | None:
    return network.params + network.cost.buffers


COUNTER = paper.COUNTER._replace(
    name="keras", version="3.15", source="keras/src/models/model.py, count_params", params=_params, only_params=True
)
