"""Why a network is over a limit, and what helps: the heaviest layers, those that grew, and rewrites of single
convolutions that make it fit."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sepcalc.branches import largest
from sepcalc.errors import Invalid
from sepcalc.gate.limits import NETWORK, Held, Limit
from sepcalc.gate.metrics import LIMITED, METRICS
from sepcalc.gate.pairs import Pair
from sepcalc.layer import Layer
from sepcalc.network import Network, matches, of_chain
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv
from sepcalc.rewrite import VARIANTS, Settings
from sepcalc.shape import Shapes

SHOWN = 3  # layers of each sort
TOGETHER = 8  # rewrites that are proposed together at most
SOUGHT = 1000  # convolutions at most, the heaviest, whose rewrites are looked at


Saving = tuple[str, int]  # a variant, and how much less of a metric it has


class Weight(NamedTuple):
    """A layer's part of a metric, and the whole."""

    layer: str
    amount: int
    whole: int


class Growth(NamedTuple):
    """A layer's part of a metric, now and before."""

    layer: str
    old: int
    new: int


class Rewrite(NamedTuple):
    """A variant of a layer, and how much it saves of a metric."""

    layer: str
    variant: str
    saves: int


class Reasons(NamedTuple):
    """The explanation of one verdict. Each of the ``rewrites`` fits the limit by itself, or all of them do
    ``together``."""

    heaviest: tuple[Weight, ...] = ()
    grew: tuple[Growth, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    together: bool = False


def explained(held: Held, network: Network, pairs: Iterable[Pair] = ()) -> Reasons:
    """The explanation of a verdict on a network; ``pairs`` are its layers before."""
    _, verdict, own, _ = held
    layers = own or network.layers
    measure = LIMITED[verdict.metric].layer
    if measure is None:
        return Reasons(_heaviest("activations", layers) if verdict.metric == "peak_memory" else ())
    run = _run(held, network)
    heaviest = _heaviest(verdict.metric, run)
    grew = _grew(verdict.metric, layers, pairs)
    over = verdict.actual - verdict.limit
    if over <= 0 or not {one.name for one in run} <= {one.name for one in layers}:  # others count than are rewritten
        return Reasons(heaviest, grew)
    rewrites, together = _fitting(verdict.metric, layers, over)
    return Reasons(heaviest, grew, rewrites, together)


def _run(held: Held, network: Network) -> Sequence[Layer]:
    """The layers that a verdict counts: of branches, those of the one with the most."""
    limit, metric = held.limit, held.verdict.metric
    measure = METRICS[metric].layer
    assert measure is not None
    if isinstance(limit, Limit) and limit.each:
        return held.layers
    pattern = limit.scope if isinstance(limit, Limit) and limit.scope != NETWORK else ""

    def counted(layer: Layer) -> int:
        return measure(layer) if not pattern or matches(layer.name, pattern) else 0

    return list(filter(counted, largest(network.layers, network.choices, metric, counted)))


def _heaviest(metric: str, layers: Sequence[Layer]) -> tuple[Weight, ...]:
    measure = METRICS[metric].layer
    assert measure is not None
    amounts = [(measure(layer), layer.name) for layer in layers]
    whole = sum(amount for amount, _ in amounts)
    heaviest = sorted(amounts, key=lambda pair: -pair[0])[:SHOWN]
    return tuple([Weight(name, amount, whole) for amount, name in heaviest if amount])


def _grew(metric: str, layers: Sequence[Layer], pairs: Iterable[Pair]) -> tuple[Growth, ...]:
    names = {layer.name for layer in layers}
    grown = [(pair.growth(metric), pair) for pair in pairs if any(row.name in names for row in pair.layers)]
    found = sorted([item for item in grown if item[0] > 0], key=lambda item: -item[0])[:SHOWN]
    return tuple(
        [
            Growth(pair.row.name, pair.old.count(metric) if pair.old else 0, pair.new.count(metric) if pair.new else 0)
            for _, pair in found
        ]
    )


def _fitting(metric: str, layers: Sequence[Layer], over: int) -> tuple[tuple[Rewrite, ...], bool]:
    """The rewrites of one layer that save enough, the smallest saving of each layer first; else those that save enough
    together, the largest first."""
    fitting, most = list[Rewrite](), list[Rewrite]()
    for layer, savings in _sought(metric, layers):
        if not savings:
            continue
        most.append(Rewrite(layer, *max(savings, key=lambda saving: saving[1])))
        enough = [saving for saving in savings if saving[1] >= over]
        if enough:
            fitting.append(Rewrite(layer, *min(enough, key=lambda saving: saving[1])))
    if fitting:
        return tuple(sorted(fitting, key=lambda rewrite: rewrite.saves)[:SHOWN]), False
    chosen: list[Rewrite] = []
    for rewrite in sorted(most, key=lambda rewrite: -rewrite.saves)[:TOGETHER]:
        chosen.append(rewrite)
        over -= rewrite.saves
        if over <= 0:
            return tuple(chosen), True
    return (), False


def _sought(metric: str, layers: Sequence[Layer]) -> Iterator[tuple[str, list[Saving]]]:
    """The heaviest convolutions in order, with the savings of their variants. Equal convolutions are looked at once."""
    measure = METRICS[metric].layer
    assert measure is not None
    # shared weights are not one layer's to rewrite
    convs = [
        (measure(layer), at) for at, layer in enumerate(layers) if isinstance(layer.op, Conv) and not layer.weights
    ]
    known: dict[tuple[Op, Shapes, int], list[Saving]] = {}
    kept = list[int]()
    for before, at in sorted(convs, key=lambda pair: -pair[0]):
        alike = layers[at].op, layers[at].inputs, before
        if alike not in known:
            if len(known) == SOUGHT:
                continue
            known[alike] = _savings(metric, layers[at], before)
        kept.append(at)
    for at in sorted(kept):
        layer = layers[at]
        yield layer.name, known[layer.op, layer.inputs, measure(layer)]


def _savings(metric: str, layer: Layer, before: int) -> list[Saving]:
    """How much each variant of a convolution saves of a metric, where it saves any."""
    conv = layer.op
    assert isinstance(conv, Conv)
    channels = layer.inputs[0][-1]
    savings = []
    for name, variant in VARIANTS.items():
        if name == "normal" or variant.obstacle(conv, channels):
            continue
        try:
            network = of_chain(name, variant.build(conv, channels, Settings()), layer.inputs)
        except Invalid:  # a variant that does not fit this one
            continue
        saves = before - METRICS[metric].network(network)
        if saves > 0:
            savings.append((name, saves))
    return savings
