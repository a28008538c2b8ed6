"""The charts of a network: how much of its budget it takes, where its cost is, how much memory its tensors take, and
which layers wait for memory."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sepcalc import quantity
from sepcalc.gate import Verdict
from sepcalc.network import Network
from sepcalc.reports import BAD, BYTES, WARNING
from sepcalc.reports.figures import Bar, Bars, Chart, Curve, Treemap
from sepcalc.reports.graph import blocks
from sepcalc.shape import show

if TYPE_CHECKING:
    from fractions import Fraction


def charts(
    network: Network,
    element_bytes: int | None = None,
    verdicts: Sequence[Verdict] = (),
    balance: "Fraction | None" = None,
) -> Iterator[Chart]:
    """The budget; each layer's share of macs, params, activations and the bytes that it moves; its arithmetic intensity
    on a device of this ``balance``; the bytes that are live while it runs; the graph."""
    if verdicts:
        yield Bars("Budget", list(map(held, verdicts)))
    layers, names = network.layers, [layer.name for layer in network.layers]
    measures = {
        "macs": [layer.cost.macs for layer in layers],
        "params": [layer.cost.params for layer in layers],
        "activations": [layer.cost.activations for layer in layers],
        "bytes": [layer.traffic(element_bytes) for layer in layers],
    }
    said = "Areas by block and layer; below them a bar for each layer, in the order in which they run."
    yield Treemap("Where the cost is", names, measures, [layer.kind for layer in layers], said)
    if balance is not None:
        from sepcalc.reports.roofline import roofline

        yield roofline(layers, balance, element_bytes)
    lives = network.live(element_bytes)
    peak = max(range(len(lives)), key=lives.__getitem__)
    every = (*network.inputs, *names)
    live = [f"{every[at]} ({show(network.tensors[at])})" for at in network.live_at(peak)]
    said = f"{quantity.exact(lives[peak])} bytes while {names[peak]} runs: {', '.join(live)}"
    yield Curve("Memory of the live tensors", names, lives, BYTES, peak, said)
    yield blocks(network)._replace(title="The network by its blocks")


def held(verdict: Verdict) -> Bar:
    """A limit, how much of it is taken, and how much is left."""
    from sepcalc.reports.verdicts import about

    metric, limit, actual = verdict.metric, verdict.limit, verdict.actual
    part = f"{quantity.percent(actual, limit)} of {about(metric, limit)}" if limit else f"of {about(metric, limit)}"
    left = f"{about(metric, abs(limit - actual))} {'left' if actual <= limit else 'OVER'}"
    unknown = ", but not all is counted" if verdict.unknown else ""
    tone = BAD if verdict.fails or verdict.unknown else "" if verdict.passed else WARNING
    return Bar(verdict.subject, (actual,), f"{part}, {left}{unknown}", limit, tone)
