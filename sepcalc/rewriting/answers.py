"""What a way to fit came to, and whether a network keeps its limits."""

from collections.abc import Mapping
from typing import NamedTuple

from sepcalc.cost import Cost
from sepcalc.network import Network
from sepcalc.shown import shown, telling

Limits = Mapping[str, int]


@telling
class Answer(NamedTuple):
    """The network that fits, by one way: what was changed, what was kept of the params, what given up. ``network`` is
    None where the way leads to none, for a ``reason``. The answer of :func:`fit` has the network ``before``, its
    ``limits``, and what all ``ways`` came to."""

    way: str
    network: Network | None
    change: str
    reason: str = ""
    layers: tuple[str, ...] = ()  # those that were separated
    before: Network | None = None
    limits: Mapping[str, int] = {}
    ways: tuple["Answer", ...] = ()

    def __str__(self) -> str:
        return shown(self)


def count_of(cost: Cost, metric: str) -> int:
    """A linear count of a layer or a network."""
    return int(getattr(cost, metric))


def largest_of(network: Network, metric: str) -> int:
    """A linear count of a network, the most where not always the same runs: as the gate has it."""
    return network.most.get(metric, 0) or count_of(network.cost, metric)


def fits(network: Network, limits: Limits) -> bool:
    """Whether every limit is kept; equal to it is."""
    return all(largest_of(network, metric) <= most for metric, most in limits.items())
