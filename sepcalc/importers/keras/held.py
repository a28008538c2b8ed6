"""The weights of layers that are not counted: the file says how many they are."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sepcalc.importers.keras.container import stored
from sepcalc.network import Node


def with_weights(nodes: list[Node], gaps: Mapping[int, tuple[str, int]], config: Any, path: str) -> list[Node]:
    """The nodes, of which those that are not counted have the params that the file stores for them, or that stand in
    their arguments. ``gaps`` are their numbers, each with the path of names of its layer and the latter."""
    if not gaps:
        return nodes
    groups, homes = stored(path) or [], dict(_groups(config, "", ""))
    done = set[str]()
    for at, (key, numbers) in sorted(gaps.items()):
        more = numbers if key in done else numbers + _held(groups, homes.get(key, ""), key.rpartition("/")[2])
        done.add(key)
        if more:
            nodes[at] = nodes[at]._replace(shared=-more)
    return nodes


def _held(groups: Sequence[tuple[str, str, int]], home: str, name: str) -> int:
    """How many weights the group of a layer holds: the one that has its name, in its place if there are several; else
    the one in its place, or in an older file the one that is called so."""
    named = {group: count for group, label, count in groups if label == name}
    if named:
        return named.get(home, named[min(named, key=lambda group: group.count("/"))])
    unnamed = {group: count for group, label, count in groups if not label}
    return unnamed.get(home, unnamed.get(f"model_weights/{name}", 0))


def _groups(model: Any, key: str, group: str) -> Iterator[tuple[str, str]]:
    """The paths of layers' names, and the groups that Keras 3 has for them: of each class the first, the second …"""
    config = model.get("config")
    layers = config.get("layers") if isinstance(config, dict) else None
    counts: dict[str, int] = {}
    for one in layers if isinstance(layers, list) else ():
        if not isinstance(one, dict):
            continue
        inner = one.get("config")
        name = str((inner if isinstance(inner, dict) else one).get("name", one.get("name", "")))
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
