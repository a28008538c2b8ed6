"""What a network is held to: the limits of its budget, and the numbers that were published of it."""

from collections.abc import Iterable
from typing import NamedTuple

from sepcalc.cost import COSTS
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.network import Network
from sepcalc.quantity import Printed, read_printed

METRICS = (*COSTS, "flops", "peak_memory")


class Limit(NamedTuple):
    """The most that a metric of the whole network may be."""

    metric: str
    most: Printed


class Verdict(NamedTuple):
    """A limit beside what there is; equal to it passes."""

    metric: str
    scope: str
    limit: int
    actual: int
    passed: bool


class Claim(NamedTuple):
    """A number that was published, by whom, and how far from it is still right (None: half a unit of its last
    digit)."""

    metric: str
    printed: Printed
    source: str = ""
    tolerance: Printed | None = None


class Finding(NamedTuple):
    """A claim beside what there is."""

    metric: str
    published: str
    actual: int
    source: str
    passed: bool


def read_metric(text: str) -> str:
    """The name of a metric. Raises Invalid."""
    if text not in METRICS:
        raise Invalid(f"unknown metric {quoted(text)}: expected {', '.join(METRICS)}", near_miss(text, METRICS))
    return text


def read_limit(metric: str, text: str) -> Limit:
    """``macs`` and ``570M``. Raises Invalid."""
    return Limit(read_metric(metric), read_printed(text))


def measured(network: Network, metric: str) -> int:
    """A metric of the whole network; peak memory in bytes, at 4 an element."""
    return network.peak_memory() if metric == "peak_memory" else int(getattr(network.cost, metric))


def check(network: Network, limits: Iterable[Limit]) -> list[Verdict]:
    """Every limit, held against the network."""
    verdicts = []
    for metric, most in limits:
        actual = measured(network, metric)
        passed = actual * most.below <= most.digits * most.unit
        verdicts.append(Verdict(metric, "network", most.floor, actual, passed))
    return verdicts


def compare_published(network: Network, claims: Iterable[Claim]) -> list[Finding]:
    """Every published number, beside the network's own."""
    findings = []
    for metric, printed, source, tolerance in claims:
        actual = measured(network, metric)
        if tolerance is None:
            passed = printed.rounds_from(actual)
        else:
            away = abs(actual * printed.below - printed.digits * printed.unit)
            passed = away * tolerance.below <= tolerance.digits * tolerance.unit * printed.below
        findings.append(Finding(metric, printed.text, actual, source, passed))
    return findings
