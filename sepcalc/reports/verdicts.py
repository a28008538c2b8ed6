"""What the gate's reports share: a verdict in words."""

from collections.abc import Iterator

from sepcalc import quantity
from sepcalc.gate.limits import NETWORK, Held, Increase
from sepcalc.gate.metrics import LIMITED
from sepcalc.gate.reasons import Reasons


def about(metric: str, count: int) -> str:
    """A count of a metric with three digits: ``42.3 M``, or ``1.5 MiB`` of bytes."""
    return quantity.about_bytes(count) if LIMITED[metric].bytes else quantity.about(count)


def sentence(held: Held) -> str:
    """``macs 612,345,678 > 570,000,000, over by 42.3 M, 7.4 %``."""
    limit, verdict, layers, base = held
    actual, most = quantity.exact(verdict.actual), quantity.exact(verdict.limit)
    together = f" ({len(layers)} layers)" if verdict.scope != NETWORK and len(layers) > 1 else ""
    within = verdict.passed or verdict.actual <= verdict.limit
    text = f"{verdict.subject}{together} {actual} {'<=' if within else '>'} {most}"
    if base is not None and isinstance(limit, Increase):
        text += f" ({limit.most.text} over {quantity.exact(base)} before)"
    if verdict.unknown:
        return f"{text}, but some of it is not counted: no pass"
    if verdict.passed:
        return f"{text}, {about(verdict.metric, verdict.limit - verdict.actual)} left"
    over = verdict.actual - verdict.limit
    part = f", {quantity.percent(over, verdict.limit)}" if verdict.limit else ""
    return f"{text}, over by {about(verdict.metric, over)}{part}"


def because(held: Held, reasons: Reasons) -> Iterator[str]:
    """The layers that weigh most, those that grew, and the rewrites that would fit."""
    metric = held.verdict.metric
    heaviest = [
        f"{layer} {about(metric, amount)} ({quantity.percent(amount, whole)})"
        for layer, amount, whole in reasons.heaviest
    ]
    if heaviest and metric == "peak_memory":
        heaviest = [f"{layer} {quantity.about(amount)}" for layer, amount, _ in reasons.heaviest]
        yield f"most activations: {', '.join(heaviest)}"
    elif heaviest:
        yield f"heaviest: {', '.join(heaviest)}"
    grew = [
        f"{layer} by {about(metric, new - old)} ({about(metric, old)} -> {about(metric, new)})"
        if old
        else f"{layer} is new, {about(metric, new)}"
        for layer, old, new in reasons.grew
    ]
    if grew:
        yield f"grew: {', '.join(grew)}"
    saved = [
        f"{layer} as {variant.replace('-', ' ')} saves {about(metric, saves)}"
        for layer, variant, saves in reasons.rewrites
    ]
    if saved and reasons.together:
        yield f"would fit together: {', '.join(saved)}"
    elif saved:
        yield f"would fit: {', or '.join(saved)}"
