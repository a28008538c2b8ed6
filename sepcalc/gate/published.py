"""Published numbers of a network, and how they compare."""

from collections.abc import Iterable
from typing import NamedTuple

from sepcalc.gate.metrics import measured
from sepcalc.network import Network
from sepcalc.quantity import Printed, read_printed


class Tolerance(NamedTuple):
    """Tolerance of a published number, absolute or in percent."""

    most: Printed
    percent: bool = False


class Claim(NamedTuple):
    """A published number: its metric, its source, and its tolerance (None: half a unit of its last digit)."""

    metric: str
    printed: Printed
    source: str = ""
    tolerance: Tolerance | None = None


class Finding(NamedTuple):
    """A claim and the actual number."""

    metric: str
    published: str
    actual: int
    source: str
    passed: bool
    ratio: float | None = None  # of what there is to what was published


def read_tolerance(text: str) -> Tolerance:
    """``0.1M``, ``5000``, ``1%``, ``0.5 %``. Raises Invalid."""
    if text.endswith("%"):
        number = text[:-1].rstrip(" ")
        if number[-1:].isdigit():
            return Tolerance(read_printed(number), percent=True)
    return Tolerance(read_printed(text))


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
