"""Everything of a network that can be held to a limit: one table."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from sepcalc.cost import COSTS
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.network import SUMS, Layer, Network


class Metric(NamedTuple):
    """How a metric is measured: of a whole network, and of one layer (None: it is of a whole network only)."""

    network: Callable[[Network], int]
    layer: Callable[[Layer], int] | None
    bytes: bool = False


def _count(at: int) -> Callable[[Network], int]:
    return lambda network: network.cost[at]


def _sum(measure: Callable[[Layer], int]) -> Callable[[Network], int]:
    return lambda network: sum(map(measure, network.layers))


_WHOLE = {name: _count(at) for at, name in enumerate(COSTS)}  # which a network has added up

METRICS = {
    **{name: Metric(_WHOLE.get(name, _sum(one)), one, name == "traffic") for name, one in SUMS.items()},
    "peak_memory": Metric(lambda network: network.peak_memory(), None, True),
    "params_bytes": Metric(lambda network: network.param_bytes, None, True),
}


_SUMS = {"flops": ("mults", "adds", "divs"), "effective_macs": ("macs",)}  # metrics that are made of counts


def unknown(metric: str, counts: Collection[str]) -> bool:
    """Whether a metric is not known in full where these counts are not."""
    return any(count in counts for count in _SUMS.get(metric, (metric,)))


def spoken(metric: str) -> str:
    """A metric as it is written in budgets and shown to people: ``peak-memory``."""
    return metric.replace("_", "-")


def read_metric(text: str) -> str:
    """The name of a metric, written with ``-`` or ``_``. Raises Invalid."""
    name = text.replace("-", "_")
    if name not in METRICS or name[:1] == "_":
        known = [*map(spoken, METRICS)]
        raise Invalid(f"unknown metric {quoted(text)}: expected {', '.join(known)}", near_miss(spoken(text), known))
    return name


def measured(network: Network, metric: str) -> int:
    """A metric of the whole network, the most that it may have where not always the same runs; bytes at 4 an element,
    but for params whose file has widths of its own."""
    return network.most.get(metric, 0) or METRICS[metric].network(network)
