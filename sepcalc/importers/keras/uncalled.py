"""Layers in a file that nothing calls: a note tells what they store."""

from collections.abc import Callable, Mapping
from typing import Any

from sepcalc.cost import Cost, total
from sepcalc.errors import InputError, printable
from sepcalc.importers.common.graph_builder import never_used
from sepcalc.importers.keras.entries import Entry, build_shape, declared
from sepcalc.importers.keras.stored import Weights
from sepcalc.network import Network

Alone = Callable[[dict[str, Any]], Network]  # the network of a model's configuration; raises InputError


def never_called(layers: Mapping[str, Entry], alone: Alone, weights: Weights | None) -> str:
    """The note on these layers by path; empty if they store nothing."""
    others = {path: one for path, one in layers.items() if one.class_name != "InputLayer"}
    costs = [(path, _stored(path, one, alone, weights)) for path, one in others.items()]
    known = [(path, cost) for path, cost in costs if cost is not None and (cost.params or cost.buffers)]
    unknown = ", ".join([path for path, cost in costs if cost is None])[:200]
    said = []
    if known:
        whole = total(cost for _, cost in known)
        said.append(never_used(whole.params, [path for path, _ in known], whole.buffers))
    if unknown:
        said.append(f"nothing calls these layers, and the file does not say what they store: {printable(unknown)}")
    return "; ".join(said)


def _stored(path: str, one: Entry, alone: Alone, weights: Weights | None) -> Cost | None:
    """What a layer stores for the shape that it was built for, or the number of weights in the file; None if neither is
    known."""
    held = weights.of(path) if weights and not weights.unknown else None
    cost = _built(one, alone)
    if held is None or (cost is not None and cost.params + cost.buffers == held):
        return cost
    return Cost(params=held)


def _built(one: Entry, alone: Alone) -> Cost | None:
    said = build_shape(one.raw) or declared(one.config)
    if said is None and not one.is_model:
        return None
    given = {"class_name": "InputLayer", "config": {"batch_shape": said, "name": "input"}}
    sequence = {"class_name": "Sequential", "config": {"name": "alone", "layers": [given, one.raw]}}
    try:
        network = alone(one.raw if one.is_model else sequence)
    except InputError:
        return None
    return network.cost if network.complete else None
