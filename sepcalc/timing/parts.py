"""What the layers of a network take by the profile of an engine, whose operators are not quite the network's."""

from collections.abc import Sequence
from typing import NamedTuple

from sepcalc.network import Network


class Part(NamedTuple):
    """Layers that an engine runs as one operator, or as several: the one of the most macs gives the name and the kind.
    ``fused`` are the names of the others."""

    name: str
    kind: str
    macs: int
    seconds: float
    fused: tuple[str, ...] = ()


def parts(network: Network, told: Sequence[tuple[str, str, float]]) -> tuple[tuple[Part, ...], float]:
    """The parts of a network in their order, and the seconds of what belongs to no layer. ``told`` are the name, the
    operator and the seconds of all that an engine ran.

    An engine names what it fused after the last layer in it. So a layer without a time of its own belongs to the next
    one that has one, if that reads it."""
    inputs = len(network.inputs)
    # What is fused with the last layer has the name of the network's output.
    numbers = {end: number - inputs for end, number in network.ends.items() if number >= inputs} | network.numbers
    took, between = dict[int, float](), 0.0
    for name, _, seconds in told:
        at = _layer(name, numbers)
        if at is None:
            between += seconds
        else:
            took[at] = took.get(at, 0.0) + seconds
    owner = dict[int, int]()
    for at in took:
        waiting = [at]
        while waiting:
            one = waiting.pop()
            if one in owner:
                continue
            owner[one] = at
            before = [source - inputs for source in network.nodes[one].sources if source >= inputs]
            waiting += [number for number in before if number not in took]
    groups = dict[int, list[int]]()
    for one in sorted(owner):
        groups.setdefault(owner[one], []).append(one)
    found = []
    for at, members in sorted(groups.items()):
        layers = [network.layers[one] for one in members]
        main = max(layers, key=lambda layer: (layer.cost.macs, layer.name == network.nodes[at].name))
        others = tuple([layer.name for layer in layers if layer is not main])
        found.append(Part(main.name, main.kind, sum(layer.cost.macs for layer in layers), took[at], others))
    return tuple(found), between


def _layer(name: str, numbers: dict[str, int]) -> int | None:
    """The number of the layer that an operator of this name belongs to."""
    name = name.removesuffix("_nchwc")  # ONNX Runtime's, of what runs in its own layout
    while name:
        if name in numbers:
            return numbers[name]
        name = name.rpartition("/")[0]
    return None
