"""The table of metrics: everything of a network that can be limited."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from sepcalc.cost import COSTS
from sepcalc.errors import Invalid, bad_input, near_miss, quoted
from sepcalc.layer import SUMS, Layer
from sepcalc.network import Network


class Metric(NamedTuple):
    """A metric: how it is measured of a network, and of one layer (None: of a whole network only)."""

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


def _file_size(network: Network) -> int:
    if network.file_size is None:
        raise bad_input("file-size is the size of a file, and this network was not read from a file")
    return network.file_size


LIMITED = {**METRICS, "file_size": Metric(_file_size, None, True)}  # what a limit may be set to

_SUMS = {"flops": ("mults", "adds", "divs"), "effective_macs": ("macs",)}  # metrics that are made of counts


def unknown(metric: str, counts: Collection[str]) -> bool:
    """Whether a metric is unknown where these counts are."""
    return any(count in counts for count in _SUMS.get(metric, (metric,)))


def spoken(metric: str) -> str:
    """The name of a metric in budgets and messages: ``peak-memory``."""
    return metric.replace("_", "-")


def read_metric(text: str, among: Mapping[str, Metric] = METRICS) -> str:
    """The name of a metric, written with ``-`` or ``_``. Raises Invalid."""
    name = text.replace("-", "_")
    if name not in among or name[:1] == "_":
        known = [*map(spoken, among)]
        from sepcalc import foreign

        ours = foreign.metric(text)
        hint = f"did you mean {ours}?" if ours in known else foreign.uncounted(text) or near_miss(spoken(text), known)
        raise Invalid(f"unknown metric {quoted(text)}: expected {', '.join(known)}", hint)
    return name


def measured(network: Network, metric: str) -> int:
    """A metric of the whole network. Where the network has choices, it is the most of any. Bytes are those of 4-byte
    elements, but for params whose file has its own widths."""
    return network.most.get(metric, 0) or LIMITED[metric].network(network)
