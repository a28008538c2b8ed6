"""Layers that a model's file has and nothing calls: what they store is told."""

from collections.abc import Callable, Mapping
from typing import Any

from sepcalc.cost import Cost, total
from sepcalc.errors import InputError, printable
from sepcalc.importers.growing import never_used
from sepcalc.importers.keras.calls import Entry, build_shape, declared

CostOf = Callable[[dict[str, Any]], Cost]  # of a model's configuration. Raises InputError


def never_called(layers: Mapping[str, Entry], cost_of: CostOf) -> str:
    """The note on these layers, by their paths; empty where they store nothing."""
    costs = [(path, _stored(one, cost_of)) for path, one in layers.items() if one.class_name != "InputLayer"]
    known = [(path, cost) for path, cost in costs if cost is not None and (cost.params or cost.buffers)]
    unknown = ", ".join([path for path, cost in costs if cost is None])[:200]
    said = []
    if known:
        whole = total(cost for _, cost in known)
        said.append(never_used(whole.params, [path for path, _ in known], whole.buffers))
    if unknown:
        said.append(f"the file does not say what these layers store, which nothing calls: {printable(unknown)}")
    return "; ".join(said)


def _stored(one: Entry, cost_of: CostOf) -> Cost | None:
    """What a layer stores by the shape that it was built for; None where that is not known."""
    said = build_shape(one.raw) or declared(one.config)
    if said is None and not one.is_model:
        return None
    given = {"class_name": "InputLayer", "config": {"batch_shape": said, "name": "input"}}
    alone = {"class_name": "Sequential", "config": {"name": "alone", "layers": [given, one.raw]}}
    try:
        return cost_of(one.raw if one.is_model else alone)
    except InputError:
        return None
