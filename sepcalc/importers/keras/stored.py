"""Compares the weights in a file with those of the counted layers. Uncounted layers get the number in the file; a note
tells of the rest."""

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

# Groups with the state of training, not the weights of layers.
_TRAINING = ("optimizer", "metric", "loss")
_WEIGHTS = "model_weights"  # the group of a Keras 2 HDF5 file with one subgroup per layer


class Weights:
    """The number of weights that a file stores for each layer. A layer's key is the path of its names."""

    def __init__(self, path: str, config: Any) -> None:
        self.path = path
        self.config = config

    @cached_property
    def homes(self) -> dict[str, str]:
        """The group of each layer in a Keras 3 file."""
        return dict(_groups(self.config, "", ""))

    @cached_property
    def layers(self) -> dict[str, None]:
        """The model's own layers, without nested ones."""
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
        """Why the numbers are not known; empty if they are."""
        return self._read[1]

    def group(self, key: str) -> str | None:
        """The group of a layer: the one with its name (at its position, if several match); else the one at its
        position, or in an older file the one with its own name."""
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
        """The number of weights of a layer; None if the file has no group for it."""
        group = self.group(key)
        return None if group is None else self._read[0][group][1]

    def layer(self, key: str) -> str:
        """The model's own layer that is, or contains, this layer."""
        while key not in self.layers and "/" in key:
            key = key.rpartition("/")[0]
        return key

    def outside(self) -> tuple[int, list[str]]:
        """The number of weights outside all layers' groups, and the groups that hold them."""
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
    """The nodes, with the params of uncounted ones set to what the file stores for them or their arguments hold. Notes
    on the rest go to the model. ``aside`` are layers that nothing calls; another note covers them."""
    given: dict[str, int | None] = {}  # per uncounted layer; None if the file has no group for it
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
                f"the weights of the uncounted layers are not known, and not in params: {weights.unknown} ({shown})"
            )
        return nodes
    return _rest(model, nodes, weights, given, firsts, aside)


def _named(node: Node) -> str:
    return f"{node.name} ({node.op.kind(())})"


class _Left(NamedTuple):
    """Weights in the file beyond those counted, of a layer or outside of all layers."""

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
    """The nodes; an uncounted one without a group gets the weights left over around it. Notes tell of the rest."""
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
                f"{printable(one.where)}: the file stores {one.stored:,} weights, but {one.more:,} are not counted"
            )
        else:
            unused.append(one)
    # weights stored elsewhere are not missing; the count in Normalization is an integer, not a weight
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
    """The number of counted weights for each of the model's own layers."""
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
    """The paths of layers' names, and their Keras 3 groups: numbered within each class."""
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
    """A class name in Keras' snake case: ``DepthwiseConv2D`` is ``depthwise_conv2d``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
