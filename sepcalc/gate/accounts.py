"""The params of two networks, and which of their differences a change of format explains."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sepcalc.analysis.folded_norms import foldable
from sepcalc.gate.structures import Alike
from sepcalc.network import Layer, Network
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Stored
from sepcalc.ops.move import Constant, Copy
from sepcalc.ops.norm import BatchNorm, Normalization, RowNorm
from sepcalc.ops.product import Dense
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.rename import Rename
from sepcalc.ops.repeat import Each


class Numbers(NamedTuple):
    """``layers`` of a network, with so many ``params`` and ``buffers`` in all."""

    layers: int = 0
    params: int = 0
    buffers: int = 0

    def plus(self, params: int, buffers: int = 0) -> "Numbers":
        """With one layer more."""
        return Numbers(self.layers + 1, self.params + params, self.buffers + buffers)


class Biases(NamedTuple):
    """Biases that one side alone has: those that take in the shift of a norm, others, and of both those of which the
    file says that they hold nothing but zeros (with how many layers)."""

    shifts: Numbers = Numbers()
    others: Numbers = Numbers()
    zeros: int = 0


class Account(NamedTuple):
    """What one side alone has. ``norms`` are in the layer before them on the other side, ``bare`` is how many of these
    layers have no bias there; ``spelled`` are norms that are a scale and a shift of their own there, with the params
    of these as ``spelled_as``. ``scales`` are scales and shifts that are in the layer before them on the other side.
    ``once`` are the numbers of biases, scales and shifts that equal others, which are
    stored; ``shared`` are layers that read weights of another, but have their own on the other side; ``apart`` are
    numbers of biases that are sums of their own on the other side."""

    norms: Numbers = Numbers()
    bare: int = 0
    spelled: Numbers = Numbers()
    spelled_as: int = 0
    scales: Numbers = Numbers()
    biases: Biases = Biases()
    once: int = 0
    shared: Numbers = Numbers()
    apart: int = 0
    states: int = 0
    slopes: int = 0

    @property
    def more(self) -> int:
        """The params that the side has for these, less those that the other side has."""
        biases = self.biases.shifts.params + self.biases.others.params - self.apart
        norms = self.norms.params + self.spelled.params - self.spelled_as + self.scales.params
        return norms + biases - self.once - self.shared.params + self.states + self.slopes


def accounts(old: Network, new: Network, found: Alike) -> tuple[Account, Account, int]:
    """What each of two networks alone has, and the params that no change of format explains. ``found`` are their
    layers, matched."""
    return _Books(old, new, found).closed()


class _Books:
    """The accounts of both sides, while they are made. ``loose`` are the params of what neither does work nor is
    explained otherwise."""

    def __init__(self, old: Network, new: Network, found: Alike) -> None:
        self.networks = old, new
        self.matches = [*[([one], [other]) for other, one in found.partner.items()], *found.grouped]
        self.working = [{*rows} for rows in found.rows]
        self.partners = {old: new for new, old in found.partner.items()}, found.partner
        self.sides = [Account(), Account()]
        self.readers = [_readers(network) for network in self.networks]
        self.tails = [_tails(*of) for of in zip(self.networks, self.working, self.readers)]
        self.taken: tuple[set[int], set[int]] = set(), set()  # layers that take in a norm on the other side
        self.stepping: tuple[set[int], set[int]] = set(), set()  # layers of a recurrent layer's steps
        self.moved_on = [0, 0]  # channels of norms that are folded into layers without a bias
        self.loose = [0, 0]
        self.again = [0, 0]  # params of these that other layers count
        self.unexplained = 0

    def closed(self) -> tuple[Account, Account, int]:
        """Goes through norms, matches and the rest."""
        norms = [_norms(network) for network in self.networks]
        for side in (0, 1):
            self._norms(side, norms[side] - norms[1 - side])
        for match in self.matches:
            self._match(match)
        for side in (0, 1):
            self._rest(side)
        moved = self.loose[1] - self.loose[0]
        counted = moved - self.again[1] + self.again[0]
        if abs(counted) < abs(moved):  # what is read again stands nowhere on the other side
            moved = counted
        else:
            for side in (0, 1):
                self._note(side, once=self.sides[side].once + self.again[side])
        less, left = int(moved < 0), abs(moved)
        states = max(0, min(left, self._states(1 - less) - self._states(less)))
        self._note(1 - less, states=self.sides[1 - less].states + states)
        slopes = max(0, min(left - states, self._slopes(1 - less)))
        self._note(1 - less, slopes=slopes)
        left -= states + slopes
        if left and left == self.moved_on[less]:  # their shifts stand behind a sum
            self._note(less, bare=0)
            self._biased(1 - less, left, True, False)
            left = 0
        apart = min(left, self.sides[less].biases.others.params)  # they are sums of their own on the other side
        self._note(less, apart=apart)
        self.unexplained += left - apart
        return self.sides[0], self.sides[1], self.unexplained

    def _states(self, side: int) -> int:
        """The params that the first step of a recurrent layer reads in place of states: constants that layers which do
        work read, and what a gate is multiplied by."""
        network, readers, working = self.networks[side], self.readers[side], self.working[side]
        first, found = len(network.inputs), 0
        for at, (node, layer) in enumerate(zip(network.nodes, network.layers)):
            if isinstance(layer.op, Constant) and not working.isdisjoint(readers.get(at, ())):
                found += layer.cost.params
            elif isinstance(layer.op, Stored) and layer.op.how == "scale" and node.sources[0] >= first:
                gate = network.layers[node.sources[0] - first].op
                found += layer.cost.params if isinstance(gate, Activation) and gate.how == "sigmoid" else 0
        return found

    def _slopes(self, side: int) -> int:
        """How many leaky activations of the other side have a stored slope here."""
        kinds = [
            Counter(
                [
                    layer.op.how
                    for layer in network.layers
                    if isinstance(layer.op, Activation) and not layer.cost.params > 1
                ]
            )
            for network in self.networks
        ]
        own, other = kinds[side], kinds[1 - side]
        return min(own["prelu"] - other["prelu"], other["leaky-relu"] - own["leaky-relu"])

    def _note(self, side: int, **fields: Any) -> None:
        self.sides[side] = self.sides[side]._replace(**fields)

    def _norms(self, side: int, alone: Counter["Kind"]) -> None:
        """Norms that this side alone has: in the layer before them on the other side, or spelled out behind it."""
        network = self.networks[side]
        owners, _ = foldable(network.nodes, len(network.inputs), network.ends.values()) if alone else ({}, {})
        for at, owner in owners.items():
            kind = _kind(network.layers[at])
            if kind is None or not alone[kind]:
                continue
            alone[kind] -= 1
            _, params, buffers = kind
            self.loose[side] -= params
            account, partner = self.sides[side], self.partners[side].get(owner)
            scale, shift = self.tails[1 - side].pop(partner, (0, 0)) if partner is not None else (0, 0)
            self.loose[1 - side] -= scale + shift
            if scale:
                spelled = account.spelled.plus(params, buffers)
                self._note(side, spelled=spelled, spelled_as=account.spelled_as + scale + shift)
                continue
            self.taken[side].add(owner)
            bare = partner is not None and not shift and not _stored([self.networks[1 - side].layers[partner]])[1]
            self._note(side, norms=account.norms.plus(params, buffers), bare=account.bare + bare)
            self.moved_on[side] += network.layers[at].output[-1] if bare else 0
            if shift:
                self._biased(1 - side, shift, True, False)

    def _match(self, match: tuple[list[int], list[int]]) -> None:
        layers = [[network.layers[at] for at in rows] for network, rows in zip(self.networks, match)]
        for side in (0, 1):
            if len(layers[side]) < len(layers[1 - side]) and isinstance(layers[side][0].op, Recurrent):
                self._steps(side, layers, match[1 - side])
                return
        stored = [_stored(side) for side in layers]
        for side in (0, 1):
            if isinstance(layers[side][0].op, Recurrent) and (states := max(0, -layers[side][0].shared)):
                kernels, biases, elsewhere = stored[side]
                stored[side] = kernels - states, biases, elsewhere
                self._note(side, states=self.sides[side].states + states)
        own = [biases for _, biases, _ in stored]
        self.unexplained += abs(stored[1][0] - stored[0][0])
        merged = stored[1][2] - stored[0][2]
        less = int(merged > 0)
        if abs(merged) > max(own):
            self._note(less, shared=self.sides[less].shared.plus(abs(merged)))
        else:
            self._note(less, once=self.sides[less].once + abs(merged))
        tails = [[self.tails[side].get(at, (0, 0)) for at in match[side]] for side in (0, 1)]
        scales, shifts = [[sum([tail[which] for tail in own_tails]) for own_tails in tails] for which in (0, 1)]
        for side in (0, 1):
            if scales[side] and not scales[1 - side] and isinstance(layers[1 - side][0].op, Conv | Transposed | Dense):
                params = scales[side] + shifts[side]
                self.loose[side] -= params
                self._note(side, scales=self.sides[side].scales.plus(params))
                self.taken[side].update(match[side])
            elif own[side] and shifts[side] and all(layer.zero_bias for layer in layers[side]):
                self._biased(side, own[side], False, True)  # the real one stands behind it
                own[side] = 0
        if own[0] != own[1]:
            more = int(own[1] > own[0])
            shift = any(at in self.taken[1 - more] for at in match[1 - more])
            self._biased(more, abs(own[1] - own[0]), shift, any(layer.zero_bias for layer in layers[more]))

    def _steps(self, side: int, layers: Sequence[Sequence[Layer]], steps: Sequence[int]) -> None:
        """A recurrent layer, and the products of its steps: all steps read the same weights, and biases stand apart."""
        _, biases, _ = _stored(layers[side])
        ((cell,), products) = layers[side], layers[1 - side]
        apart = cell.cost.params - sum([layer.cost.params for layer in products])
        biased = min(max(apart, 0), biases)
        self.unexplained += abs(apart - biased)
        if biased:
            self._biased(side, biased, False, False)
        behind = [at for at in self.working[1 - side] if at > max(steps)]
        self.stepping[1 - side].update(range(min(steps), min(behind, default=len(self.networks[1 - side].layers))))

    def _biased(self, side: int, count: int, shift: bool, zeros: bool) -> None:
        """A bias that this side alone has."""
        biases = self.sides[side].biases
        biases = biases._replace(zeros=biases.zeros + zeros)
        if shift:
            self._note(side, biases=biases._replace(shifts=biases.shifts.plus(count)))
        else:
            self._note(side, biases=biases._replace(others=biases.others.plus(count)))

    def _rest(self, side: int) -> None:
        """Layers that do work and have no match, and all that do none."""
        network = self.networks[side]
        single = self.working[side] - {at for match in self.matches for at in match[side]}
        self.unexplained += sum([network.layers[at].cost.params for at in single])
        rest = [(at, layer) for at, layer in enumerate(network.layers) if at not in self.working[side]]
        constants = {layer.weights for _, layer in rest if isinstance(layer.op, Constant)}
        stepping, once = self.stepping[side], 0
        for at, layer in rest:
            node = network.nodes[at]
            untrained = layer.shared and not node.owners and node.weights is None
            state = isinstance(layer.op, Constant) or (node.weights is not None and node.weights in constants)
            alone = untrained or state or at in stepping
            kernels, biases, elsewhere = (layer.cost.params, 0, 0) if alone else _stored([layer])
            self.loose[side] += kernels + biases
            once += elsewhere
        self.again[side] = once


# --- what a layer stores ---------------------------------------------------------------------------------------------


def _stored(layers: Sequence[Layer]) -> tuple[int, int, int]:
    """The numbers that layers store: their kernels, their biases, and how many of both count elsewhere."""
    kernels = biases = elsewhere = 0
    for layer in layers:
        whole = layer.op.cost(layer.inputs, layer.output).params
        bare = _bare(layer.op).cost(layer.inputs, layer.output).params
        kernels += bare + max(0, layer.cost.params - whole)
        biases += whole - bare
        elsewhere += max(0, whole - layer.cost.params)
    return kernels, biases, elsewhere


def _bare(op: Any) -> Op:
    """An op without its bias."""
    if isinstance(op, Each):
        return Each(_bare(op.op))
    names = [name for name in ("bias", "bias_sets") if name in getattr(op, "_fields", ())]
    bare: Op = op._replace(**dict.fromkeys(names, 0)) if names else op
    return bare


Kind = tuple[str, int, int]  # what a norm is, its params and its buffers


def _kind(layer: Layer) -> Kind | None:
    if not isinstance(layer.op, BatchNorm | Normalization | RowNorm):
        return None
    whole = layer.op.cost(layer.inputs, layer.output)
    return layer.detail, whole.params, whole.buffers


def _norms(network: Network) -> Counter[Kind]:
    return Counter([kind for layer in network.layers if (kind := _kind(layer)) is not None])


def _readers(network: Network) -> dict[int, list[int]]:
    """The numbers of the layers that read what a layer gives, by its number."""
    first = len(network.inputs)
    readers: dict[int, list[int]] = {}
    for at, node in enumerate(network.nodes):
        for source in node.sources:
            readers.setdefault(source - first, []).append(at)
    return readers


def _tails(network: Network, rows: set[int], readers: dict[int, list[int]]) -> dict[int, tuple[int, int]]:
    """The params of the scales and of the shifts that follow a layer that does work and read nothing else, by its
    number; what only moves may lie between."""
    tails: dict[int, tuple[int, int]] = {}
    for row in rows:
        scale = shift = 0
        at = row
        while len(readers.get(at, ())) == 1:
            (at,) = readers[at]
            layer = network.layers[at]
            if not isinstance(layer.op, Stored | Rename | Copy):
                break
            params = layer.op.cost(layer.inputs, layer.output).params
            if isinstance(layer.op, Stored) and layer.op.how == "scale" and not shift:
                scale += params
            elif isinstance(layer.op, Stored) and layer.op.how == "shift":
                shift += params
            elif isinstance(layer.op, Stored):
                break
        if scale or shift:
            tails[row] = scale, shift
    return tails
