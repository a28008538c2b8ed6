"""The weights that a file stores, held against those of the layers that were counted: layers that are not counted have
what the file has for them, and whatever is left over is told."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from sepcalc.errors import printable
from sepcalc.importers.common.graph_builder import never_used
from sepcalc.importers.keras.build import Builder
from sepcalc.importers.keras.container import stored
from sepcalc.network import Node
from sepcalc.ops.norm import Normalization

# What a file stores beside the weights of layers: those of training.
_TRAINING = ("optimizer", "metric", "loss")
_WEIGHTS = "model_weights"  # the group of an HDF5 file of Keras 2 that has one for each layer


class Weights:
    """How many weights a file stores for each layer. Layers are called by the path of their names."""

    def __init__(self, path: str, config: Any) -> None:
        self.path = path
        self.config = config

    @cached_property
    def homes(self) -> dict[str, str]:
        """The group that each layer has in a file of Keras 3."""
        return dict(_groups(self.config, "", ""))

    @cached_property
    def layers(self) -> dict[str, None]:
        """The model's own layers, not those inside of them."""
        return {key: None for key, home in self.homes.items() if home.count("/") == 1}

    @cached_property
    def _names(self) -> set[str]:
        return {key.rpartition("/")[2] for key in self.homes}

    @cached_property
    def _read(self) -> tuple[dict[str, tuple[str, int]], str]:
        found = stored(self.path)
        if isinstance(found, str):
            return {}, found
        return {
            group.replace("_layer_checkpoint_dependencies", "layers"): (printable(name), count)
            for group, name, count in found
            if not any(word in group.partition("/")[0] for word in _TRAINING)
        }, ""

    @property
    def unknown(self) -> str:
        """Why it is not known, or nothing."""
        return self._read[1]

    def group(self, key: str) -> str | None:
        """The group of a layer: the one that has its name, in its place if there are several; else the one in its
        place, or in an older file the one that is called so."""
        groups, home, name = self._read[0], self.homes.get(key, ""), key.rpartition("/")[2]
        named = [group for group, (label, _) in groups.items() if label == name]
        if named:
            return home if home in named else min(named, key=lambda group: group.count("/"))
        if home in groups and groups[home][0] not in self._names:
            return home
        if f"{_WEIGHTS}/{key}" in groups:
            return f"{_WEIGHTS}/{key}"
        outer = f"{_WEIGHTS}/{self.layer(key)}/"
        inner = [group for group in groups if group.startswith(outer) and group.endswith(f"/{name}")]
        return min(inner, key=lambda group: group.count("/"), default=None)

    def of(self, key: str) -> int | None:
        """How many a layer has; None where the file has no group for it."""
        group = self.group(key)
        return None if group is None else self._read[0][group][1]

    def layer(self, key: str) -> str:
        """The model's own layer that a layer is, or is inside of."""
        while key not in self.layers and "/" in key:
            key = key.rpartition("/")[0]
        return key

    def outside(self) -> tuple[int, list[str]]:
        """How many stand in no layer's group, and the groups where they do."""
        groups = self._read[0]
        root = f"{_WEIGHTS}/" if _WEIGHTS in groups else ""
        own = {group for key in self.layers if (group := self.group(key)) is not None}
        homes = {"/".join(group.split("/")[:at]) for group in own for at in range(group.count("/") + 2)}
        homes |= {"", "layers", _WEIGHTS}
        seen = {
            group.removeprefix(root): count
            for group, (_, count) in groups.items()
            if count and group.startswith(root) and group not in homes and group.rpartition("/")[0] in homes - own
        }
        return sum(seen.values()), [*seen]


def with_weights(model: Builder, nodes: list[Node], weights: Weights | None, aside: Sequence[str]) -> list[Node]:
    """The nodes, of which those that are not counted have the params that the file stores for them, or that stand in
    their arguments. Notes on the rest go to the model; ``aside`` are layers that nothing calls, told elsewhere."""
    given: dict[str, int | None] = {}  # of each layer that is not counted; None where the file has no group for it
    for at, gap in sorted(model.gaps.items()):
        more = gap.numbers if gap.key not in given else 0
        if gap.key not in given:
            given[gap.key] = weights.of(gap.key) if weights and gap.stores and not weights.unknown else None
            more += given[gap.key] or 0
        if more:
            nodes[at] = nodes[at]._replace(shared=-more)
    if weights is None:
        return nodes
    firsts = {gap.key: at for at, gap in sorted(model.gaps.items(), reverse=True) if gap.stores}
    if weights.unknown:
        if firsts:
            names = [_named(nodes[at]) for at in sorted(firsts.values())]
            shown = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
            model.note(
                f"the weights of what is not counted are not known, and not in params: {weights.unknown} ({shown})"
            )
        return nodes
    return _rest(model, nodes, weights, given, firsts, aside)


def _named(node: Node) -> str:
    return f"{node.name} ({node.op.kind(())})"


class _Left(NamedTuple):
    """What the file stores more than was counted: of a layer, or outside of all."""

    where: str
    stored: int
    more: int


def _rest(
    model: Builder,
    nodes: list[Node],
    weights: Weights,
    given: dict[str, int | None],
    firsts: dict[str, int],
    aside: Sequence[str],
) -> list[Node]:
    """The nodes, of which one that is not counted, and has no group, has what is left over around it. The rest is told
    in notes."""
    counted = _counted(model, weights)
    open_ones: dict[str, list[str]] = {}
    for key, count in given.items():
        layer = weights.layer(key)
        counted[layer] = counted.get(layer, 0) + (count or 0)
        if count is None and key in firsts:
            open_ones.setdefault(layer, []).append(key)
    left, short, missing = list[_Left](), list[_Left](), 0
    for layer in weights.layers:
        more = (held := weights.of(layer) or 0) - counted.get(layer, 0)
        missing -= min(more, 0)
        if more > 0 and layer not in aside:
            left.append(_Left(layer, held, more))
        elif more < 0 and weights.group(layer) is not None:
            short.append(_Left(layer, held, more))
    more, groups = weights.outside()
    if more > missing:
        left.append(_Left("", more, more - missing))
    unused = list[_Left]()
    unsure = {weights.layer(key) for key in [*given, *model.unsure]}
    for one in left:
        keys = open_ones.get(one.where, []) if one.where else [key for keys in open_ones.values() for key in keys]
        if len(keys) == 1:
            at = firsts[keys[0]]
            nodes[at] = nodes[at]._replace(shared=nodes[at].shared - one.more)
        elif one.where in unsure:
            model.note(
                f"{printable(one.where)}: the file stores {one.stored:,} weights, of which {one.more:,} are not counted"
            )
        else:
            unused.append(one)
    # what is stored elsewhere is not missing; the count that Normalization keeps is an integer, and none of the weights
    exempt = {weights.layer(key) for node, key in zip(nodes, model.beside) if isinstance(node.op, Normalization)}
    for one in [] if more else short:
        if one.where not in unsure | exempt:
            counts = f"the file stores {one.stored:,} weights, but {one.stored - one.more:,} are counted"
            model.note(f"{printable(one.where)}: {counts}")
    if unused:
        names = [name for one in unused for name in ([one.where] if one.where else groups)]
        model.note(never_used(sum(one.more for one in unused), names))
    return nodes


def _counted(model: Builder, weights: Weights) -> dict[str, int]:
    """How many weights were counted of each of the model's own layers."""
    counted: dict[str, int] = {}
    seen = set[str]()
    for node, key in zip(model.nodes, model.beside, strict=True):
        cost = model.cost(node)
        if (many := cost.params + cost.buffers) and key not in seen:
            seen.add(key)
            layer = weights.layer(key)
            counted[layer] = counted.get(layer, 0) + many
    return counted


def _groups(model: Any, key: str, group: str) -> Iterator[tuple[str, str]]:
    """The paths of layers' names, and the groups that Keras 3 has for them: of each class the first, the second …"""
    config = model.get("config")
    layers = config.get("layers") if isinstance(config, dict) else config
    counts: dict[str, int] = {}
    for one in layers if isinstance(layers, list) else ():
        if not isinstance(one, dict):
            continue
        inner = one.get("config")
        name = printable(str(one.get("name", (inner if isinstance(inner, dict) else one).get("name", ""))))
        kind = _snake(str(one.get("class_name", "")).split(">")[-1])
        before = counts.get(kind, 0)
        counts[kind] = before + 1
        own = f"{group}layers/{kind}_{before}" if before else f"{group}layers/{kind}"
        path = f"{key}/{name}" if key else name
        yield path, own
        yield from _groups(one, path, f"{own}/")


def _snake(name: str) -> str:
    """As Keras writes a class: ``DepthwiseConv2D`` is ``depthwise_conv2d``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
