"""Which tensors of a network must have the same channels, and how many they get at another width.

Each op says how its channels depend on its inputs' (``ties``): the two sides of a sum have the same, a concat has the
sum of its parts. A convolution whose output is added to a concat therefore takes its channels from there, one whose
output is added to a network's input keeps them, and one that feeds attention gives a multiple of the heads.
"""

from collections.abc import Callable, Collection
from math import lcm

from sepcalc.expression import make_divisible
from sepcalc.network import Network


class Channels:
    """The channels of every tensor of a network at another width. ``scaled`` takes the channels that a layer makes,
    and gives the scaled ones. Inputs, constants and ``heads`` (numbers of nodes) keep theirs."""

    def __init__(self, network: Network, heads: Collection[int], scaled: Callable[[int], int], divisor: int) -> None:
        self._network, self._scaled, self._divisor = network, scaled, divisor
        first, tensors = len(network.inputs), network.tensors
        nodes = [
            (at, node, node.op.ties(tuple([tensors[source] for source in node.sources]), node.output))
            for at, node in enumerate(network.nodes, first)
        ]
        self._tied = list(range(len(tensors)))
        for at, node, tie in nodes:
            for number in tie.same:
                self._tied[self._class(node.sources[number])] = self._class(at)
        fixed = [at for at, _, tie in nodes if tie.fixed]
        self._kept = {self._class(tensor) for tensor in (*range(first), *fixed, *[first + head for head in heads])}
        self._multiples: dict[int, int] = {}
        for at, node, tie in reversed(nodes):
            for number, factor, handed_on in tie.multiples:
                multiple = factor * self._multiples.get(self._class(at), 1) if handed_on else factor
                root = self._class(at if number < 0 else node.sources[number])
                self._multiples[root] = lcm(self._multiples.get(root, 1), multiple)
        self._sums: dict[int, list[int]] = {}  # classes whose channels are the sum of others'
        self._makers: dict[int, int] = {}  # the first tensor of a class whose producer says its channels
        for at, node, tie in nodes:
            if tie.sums:
                self._sums.setdefault(self._class(at), [self._class(node.sources[number]) for number in tie.sums])
            elif tie.own:
                self._makers.setdefault(self._class(at), at)
        self._found: dict[int, int | None] = {}
        for at in range(len(tensors)):  # in order, so that no chain of sums is walked at once
            self.of(at)

    def of(self, tensor: int) -> int | None:
        """The channels that a tensor must have; None where the layer that makes it is free to choose."""
        return self._of_class(self._class(tensor))

    def rounded(self, channels: int, tensor: int) -> int:
        """The scaled ``channels`` of the layer that makes a tensor, rounded to a multiple of what its readers need."""
        wanted = self._scaled(channels)
        multiple = self._multiples.get(self._class(tensor), 1)
        whole = lcm(multiple, self._divisor)
        return wanted if wanted % multiple == 0 or whole > 4 * wanted else make_divisible(wanted, whole)

    def _of_class(self, root: int) -> int | None:
        if root not in self._found:
            self._found[root] = None  # what depends on itself is no sum
            if root in self._kept:
                self._found[root] = self._network.tensors[root][-1]
            elif root in self._sums:
                parts = [self._value(part) for part in self._sums[root]]
                known = [part for part in parts if part is not None]
                self._found[root] = sum(known) if len(known) == len(parts) else None
        return self._found[root]

    def _value(self, root: int) -> int | None:
        """The channels of a class: as tied, or as its first producer rounds them."""
        tied = self._of_class(root)
        maker = self._makers.get(root)
        if tied is not None or maker is None:
            return tied
        return self.rounded(self._network.tensors[maker][-1], maker)

    def _class(self, tensor: int) -> int:
        while self._tied[tensor] != tensor:
            self._tied[tensor] = self._tied[self._tied[tensor]]
            tensor = self._tied[tensor]
        return tensor
