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


class _Limited(dict[str, Metric]):
    """Metrics by name. ``thop:macs``, the number that a counter prints, is one besides."""

    def __missing__(self, name: str) -> Metric:
        other, colon, metric = name.partition(":")
        if not colon:
            raise KeyError(name)
        return Metric(lambda network: printed_by(network, other, metric), None)


LIMITED = _Limited({**METRICS, "file_size": Metric(_file_size, None, True)})  # what a limit may be set to


def printed_by(network: Network, other: str, metric: str) -> int:
    """The macs, flops or params that another counter prints for a network. Raises InputError where they cannot be
    known."""
    from sepcalc.conventions import counted  # only such a limit needs it

    found = counted(network, other)
    number = found.params if metric == "params" else found.value
    if number is None:
        reason = found.reason or "it counts none"
        raise bad_input(f"{other}:{metric} is not known: {reason}")
    return number


def _read_printed(text: str) -> str:
    """``thop:macs``: a counter, and what it prints. Raises Invalid."""
    from sepcalc.conventions import COUNTERS, counter

    other, _, metric = text.partition(":")
    if other not in COUNTERS:
        known = ", ".join(COUNTERS)
        raise Invalid(f"unknown counter {quoted(other)}: expected {known}", near_miss(other, COUNTERS))
    found = counter(other)
    if metric not in found.prints:
        meant = f"did you mean {other}:{found.prints[0]}?"
        raise Invalid(f"{other} has no {quoted(metric)}: expected {' or '.join(found.prints)}", meant)
    return text


_SUMS = {"flops": ("mults", "adds", "divs"), "effective_macs": ("macs",)}  # metrics that are made of counts


def unknown(metric: str, counts: Collection[str]) -> bool:
    """Whether a metric is unknown where these counts are."""
    return any(count in counts for count in _SUMS.get(metric, (metric,)))


def spoken(metric: str) -> str:
    """The name of a metric in budgets and messages: ``peak-memory``."""
    return metric if ":" in metric else metric.replace("_", "-")


def read_metric(text: str, among: Mapping[str, Metric] = METRICS) -> str:
    """The name of a metric, written with ``-`` or ``_``. Raises Invalid."""
    if ":" in text and among is LIMITED:
        return _read_printed(text)
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
