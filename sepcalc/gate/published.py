"""What was published of a network, beside what there is."""

from collections.abc import Iterable
from typing import NamedTuple

from sepcalc.gate.metrics import measured
from sepcalc.network import Network
from sepcalc.quantity import Printed


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
