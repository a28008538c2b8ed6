"""``check``: a network held to limits."""

import os

from sepcalc.commands.baseline import Baseline
from sepcalc.commands.demands import Amounts, Globs, increases_of, limits_of
from sepcalc.commands.subjects import Given, subject
from sepcalc.document import Document
from sepcalc.errors import bad_input, printable
from sepcalc.gate.checks import NOTHING, Demand, Outcome, examine

_LIMITS = "max=, layers=, or baseline= with max_increase=; or a budget in its file"


def check(
    network: Given,
    *,
    max: Amounts | None = None,  # noqa: A002 - as the option is called
    layers: Globs | None = None,
    max_increase: str | Amounts | None = None,
    baseline: Baseline | str | os.PathLike[str] | None = None,
    allow_uncounted: bool = False,
    why: bool = False,
) -> Outcome:
    """Holds a network to its own budget and to these limits. ``.passed`` is the answer, ``.verdicts`` are one per
    limit, ``.notes`` what a reader of the numbers must know.

    ``network`` is a network, or an argument as :func:`sepcalc.load` takes it. ``max`` is the most that a metric may be:
    an integer or a text, ``{"macs": "300M", "peak-memory": "2MiB"}``; bytes for traffic, peak-memory and params-bytes.
    ``layers`` limits layers by glob: ``{"block*/expand": {"macs": 10**7}}``. ``max_increase`` is the most that metrics
    may grow beyond a ``baseline`` (one from :func:`sepcalc.baseline`, or its file): ``"2%"``, ``{"params": 10_000}``.
    ``allow_uncounted`` passes a network in which some operators could not be counted; ``why`` explains every verdict.
    A value equal to its limit passes. Raises InputError with every problem, also where there is no limit at all.

    >>> sepcalc.check("specs/mobilenet_v1.yaml", max={"macs": "570M"}).passed
    True
    >>> [verdict.actual for verdict in sepcalc.check("8x8x3, conv -k3 -o4", max={"macs": 1000}).verdicts]
    [3888]
    """
    limits, increases = limits_of(max, layers), increases_of(max_increase)
    if increases and baseline is None:
        raise bad_input("max_increase needs baseline=, the numbers to compare with", "or use sepcalc.diff")
    if baseline is not None and not (increases or limits):
        raise bad_input("baseline= alone limits nothing", 'say how much, for example max_increase="2%"')
    found = subject(network)
    demand = demanded(found.document, Demand(limits, increases=increases))
    if demand.empty:
        raise bad_input(f"{printable(found.argument)}: {NOTHING}", _LIMITS)
    if baseline is not None:
        past = baseline if isinstance(baseline, Baseline) else Baseline.read(baseline)
        demand = demand._replace(then=past.then([found.argument], found.settings))
    return examine(found.argument, found.argument, found.document.network, demand, allow_uncounted, why)


def demanded(document: Document, asked: Demand) -> Demand:
    """What is asked of a network, beside the budget in its own file and what was published of it."""
    return asked._replace(
        limits=(*document.budget, *asked.limits), claims=() if document.altered else document.published
    )
