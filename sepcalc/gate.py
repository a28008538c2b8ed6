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


class Tolerance(NamedTuple):
    """How far from a published number is still right: so much, or so many percent of it."""

    most: Printed
    percent: bool = False


class Claim(NamedTuple):
    """A number that was published, by whom, and how far from it is still right (None: half a unit of its last
    digit)."""

    metric: str
    printed: Printed
    source: str = ""
    tolerance: Tolerance | None = None


class Finding(NamedTuple):
    """A claim beside what there is."""

    metric: str
    published: str
    actual: int
    source: str
    passed: bool
    ratio: float | None = None  # of what there is to what was published


def read_metric(text: str) -> str:
    """The name of a metric. Raises Invalid."""
    if text not in METRICS:
        raise Invalid(f"unknown metric {quoted(text)}: expected {', '.join(METRICS)}", near_miss(text, METRICS))
    return text


def read_tolerance(text: str) -> Tolerance:
    """``0.1M``, ``5000``, ``1%``, ``0.5 %``. Raises Invalid."""
    if text.endswith("%"):
        number = text[:-1].rstrip(" ")
        if number[-1:].isdigit():
            return Tolerance(read_printed(number), percent=True)
    return Tolerance(read_printed(text))


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
        said = printed.digits * printed.unit  # over printed.below
        away = abs(actual * printed.below - said)
        if tolerance is None:
            passed = printed.rounds_from(actual)
        else:
            _, digits, below, unit = tolerance.most
            share = (said, 100) if tolerance.percent else (printed.below, 1)
            passed = away * below * share[1] <= digits * unit * share[0]
        ratio = round(actual * printed.below / said, 4) if said else None
        findings.append(Finding(metric, printed.text, actual, source, passed, ratio))
    return findings
