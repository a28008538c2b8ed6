"""Groups of layers: by kind, by block."""

from collections.abc import Iterable
from typing import NamedTuple

from sepcalc.cost import Cost, total
from sepcalc.layer import Layer


class Share(NamedTuple):
    """A group of layers and what they cost together; ``members`` are their numbers."""

    name: str
    layers: int
    cost: Cost
    members: tuple[int, ...] = ()


def by_kind(layers: Iterable[Layer]) -> list[Share]:
    """The layers grouped by kind, in the order of their first appearance."""
    return _grouped((layer.kind, layer.cost) for layer in layers)


def by_block(layers: Iterable[Layer]) -> list[Share]:
    """The layers grouped by the first part of their path, in the order of their first appearance."""
    return _grouped((layer.name.lstrip("/").partition("/")[0], layer.cost) for layer in layers)


def _grouped(costs: Iterable[tuple[str, Cost]]) -> list[Share]:
    groups: dict[str, list[tuple[int, Cost]]] = {}
    for at, (name, cost) in enumerate(costs):
        groups.setdefault(name, []).append((at, cost))
    return [
        Share(name, len(group), total(cost for _, cost in group), tuple([at for at, _ in group]))
        for name, group in groups.items()
    ]
