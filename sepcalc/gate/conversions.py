"""What the conversion from one format to another changed in a network, in numbers and in words."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sepcalc.analysis.folded_norms import foldable
from sepcalc.cost import Cost, total
from sepcalc.gate.pairs import Pair, ordered
from sepcalc.gate.snapshots import Snapshot
from sepcalc.gate.structures import Alike, alike
from sepcalc.layer import ELEMENT_BYTES
from sepcalc.network import Layer, Network
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation
from sepcalc.ops.move import Pad
from sepcalc.ops.norm import BatchNorm, Normalization, RowNorm
from sepcalc.ops.repeat import Each


class Sum(NamedTuple):
    """The layers of one kind that lie between those that do work: how many, and what they cost together."""

    layers: int
    cost: Cost


class Between(NamedTuple):
    """A kind of layer on both sides."""

    kind: str
    old: Sum
    new: Sum


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


class Side(NamedTuple):
    """What one side alone has."""

    norms: Numbers  # that are in the layer before them on the other side
    bare: int  # of these layers there, those that have no bias
    biases: Biases
    stored_once: int  # numbers of biases, scales and shifts that equal others, which are stored
    written_apart: int  # numbers of biases that are sums of their own on the other side
    fused: int  # activations, fused into the layer before them
    pads: int
    bits: int  # of the elements that most of its layers give
    param_bits: int  # of a number stored, in the mean


class Conversion(NamedTuple):
    """Two networks beside each other, whichever format each is in. ``structural`` is whether their layers are matched
    by what they are, not by their names; ``shared`` how many layers that do work have a name of the other side.
    ``between`` are the kinds of other layers of which the two have not the same. ``unexplained`` are params that no
    change of format explains."""

    structural: bool
    shared: int
    found: Alike
    pairs: list[Pair]
    between: list[Between]
    old: Side
    new: Side
    unexplained: int
    same: bool
    unknown: bool

    def told(self) -> list[str]:
        """It in sentences."""
        return [*_told(self)]

    def record(self) -> dict[str, Any]:
        """What machines read."""
        old_only, new_only = self.found.single
        return {
            "matched_by": "structure" if self.structural else "names",
            "same_network": self.same,
            "equal": self.found.equal,
            "unequal": self.found.others,
            "old_only": old_only,
            "new_only": new_only,
            "unexplained_params": self.unexplained,
            "old": _record(self.old),
            "new": _record(self.new),
            "between": [{"kind": kind, "old": _summed(old), "new": _summed(new)} for kind, old, new in self.between],
        }


def _summed(one: Sum) -> dict[str, int]:
    return {"layers": one.layers, **one.cost._asdict()}


def _record(side: Side) -> dict[str, int]:
    shifts, others, zeros = side.biases
    return {
        "folded_norms": side.norms.layers,
        "folded_params": side.norms.params,
        "folded_buffers": side.norms.buffers,
        "folded_without_bias": side.bare,
        "biases": shifts.layers + others.layers,
        "bias_params": shifts.params + others.params,
        "biases_of_norms": shifts.layers,
        "zero_biases": zeros,
        "biases_apart": side.written_apart,
        "merged": side.stored_once,
        "fused_activations": side.fused,
        "pads": side.pads,
        "element_bits": side.bits,
        "param_bits": side.param_bits,
    }


def converted(
    old: Network, new: Network, before: Snapshot, after: Snapshot, named: Sequence[Pair]
) -> Conversion | None:
    """What a conversion changed; None where it is not about one. ``named`` are the layers matched by names.

    Layers are matched by structure where fewer than half of those that do work have a name of the other side (of the
    side that has fewer of them), and more of them find one of the same macs so. It is about a conversion where they
    are, or where either network comes from a model file and the macs are equal layer by layer.
    """
    written = old.claimed is not None and new.claimed is not None
    if all(pair.status == "unchanged" for pair in named):
        return None
    found = alike(old, new)
    sides = [[network.layers[at].name for at in rows] for network, rows in zip((old, new), found.rows)]
    shared = len({*sides[0]} & {*sides[1]})
    few = 2 * shared < min(map(len, sides))
    structural = few and found.equal > _equal(found, before, after, named)
    if not structural and (written or not found.macs_equal or not found.rows[0]):
        return None
    return _conversion(old, new, before, after, found, structural, shared)


def _equal(found: Alike, before: Snapshot, after: Snapshot, named: Sequence[Pair]) -> int:
    """How many layers that do work have one of the same macs beside them."""
    olds, news = [{id(snapshot.layers[at]) for at in rows} for snapshot, rows in zip((before, after), found.rows)]
    return sum(
        id(pair.old) in olds and id(pair.new) in news and pair.growth("macs") == 0 for pair in named if not pair.were
    )


def _conversion(
    old: Network, new: Network, before: Snapshot, after: Snapshot, found: Alike, structural: bool, shared: int
) -> Conversion:
    networks = old, new
    matches = [*[([one], [other]) for other, one in found.partner.items()], *found.grouped]
    working = [{*rows} for rows in found.rows]
    norms = [_norms(network) for network in networks]
    alone = [norms[side] - norms[1 - side] for side in (0, 1)]
    folded, taken = zip(*[_folded(network, own) for network, own in zip(networks, alone)])
    biases, once, bare = [Biases(), Biases()], [0, 0], [0, 0]
    unexplained = 0
    for match in matches:
        stored = [_stored([network.layers[at] for at in rows]) for network, rows in zip(networks, match)]
        kernels, own, elsewhere = zip(*stored)
        merged = elsewhere[1] - elsewhere[0]
        unexplained += abs(kernels[1] - kernels[0])
        if abs(merged) > max(own):
            unexplained += abs(merged)
        elif merged:
            once[merged > 0] += abs(merged)
        for side in (0, 1):
            bare[side] += not own[1 - side] and any(at in taken[side] for at in match[side])
        if own[0] != own[1]:
            more = int(own[1] > own[0])
            shift = any(at in taken[1 - more] for at in match[1 - more])
            zeros = any(networks[more].layers[at].zero_bias for at in match[more])
            biases[more] = _biased(biases[more], abs(own[1] - own[0]), shift, zeros)
    single = 0  # params of layers that have no match
    sums, loose = list[dict[str, Sum]](), [0, 0]  # loose: params of what is neither work nor a folded norm
    for side, network in enumerate(networks):
        alone_here = working[side] - {at for match in matches for at in match[side]}
        single += sum([network.layers[at].cost.params for at in alone_here])
        rest = [layer for at, layer in enumerate(network.layers) if at not in working[side]]
        sums.append(_sums(rest))
        stored = [_stored([layer]) for layer in rest]
        loose[side] = sum([kernels + biases for kernels, biases, _ in stored]) - folded[side].params
        once[side] += sum([elsewhere for *_, elsewhere in stored])
    moved = loose[1] - loose[0]
    apart = [0, 0]  # biases that stand as sums of their own on the other side
    apart[moved < 0] = min(abs(moved), biases[moved < 0].others.params)
    unexplained += single + abs(moved) - max(apart)
    pairs = _pairs(before, after, found) if structural else []
    unknown = not (old.complete and new.complete) or bool(old.choices or new.choices)
    same = found.macs_equal and found.wired and not unexplained and not unknown and bool(matches)
    tables = [
        Between(kind, sums[0].get(kind, _NONE), sums[1].get(kind, _NONE))
        for kind in dict.fromkeys([*sums[0], *sums[1]])
    ]
    own_sides = [
        Side(
            folded[side],
            bare[side],
            biases[side],
            once[side],
            apart[side],
            sum(isinstance(layer.op, Activation) and layer.op.fused for layer in network.layers),
            sum(isinstance(layer.op, Pad) for layer in network.layers),
            _bits(network, found.rows[side]),
            round(8 * network.param_bytes / network.weights) if network.weights else 8 * ELEMENT_BYTES,
        )
        for side, network in enumerate(networks)
    ]
    changed = [one for one in tables if one.old != one.new]
    return Conversion(structural, shared, found, pairs, changed, own_sides[0], own_sides[1], unexplained, same, unknown)


_NONE = Sum(0, Cost())


def _pairs(before: Snapshot, after: Snapshot, found: Alike) -> list[Pair]:
    """The layers that do work, matched."""
    places = [{at: place for place, at in enumerate(rows)} for rows in found.rows]
    partner = {places[1][new]: places[0][old] for new, old in found.partner.items()}
    grouped = [([places[0][at] for at in olds], [places[1][at] for at in news]) for olds, news in found.grouped]
    olds, news = [[side.layers[at] for at in rows] for side, rows in zip((before, after), found.rows)]
    return ordered(olds, news, partner, grouped)


def _biased(biases: Biases, count: int, shift: bool, zeros: bool) -> Biases:
    if shift:
        return biases._replace(shifts=biases.shifts.plus(count), zeros=biases.zeros + zeros)
    return biases._replace(others=biases.others.plus(count), zeros=biases.zeros + zeros)


def _bits(network: Network, rows: Sequence[int]) -> int:
    """The width of the elements that most of these layers give."""
    widths = Counter([network.layers[at].element_bits or 8 * ELEMENT_BYTES for at in rows])
    return max(widths, key=lambda bits: (widths[bits], bits), default=8 * ELEMENT_BYTES)


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


# --- norms -----------------------------------------------------------------------------------------------------------

Kind = tuple[str, int, int]  # what it is, its params and its buffers


def _kind(layer: Layer) -> Kind | None:
    if not isinstance(layer.op, BatchNorm | Normalization | RowNorm):
        return None
    whole = layer.op.cost(layer.inputs, layer.output)
    return layer.detail, whole.params, whole.buffers


def _norms(network: Network) -> Counter[Kind]:
    return Counter([kind for layer in network.layers if (kind := _kind(layer)) is not None])


def _folded(network: Network, alone: Counter[Kind]) -> tuple[Numbers, set[int]]:
    """Those of a network's norms that the other one lacks, and that can be in the layer before them; and the numbers of
    these layers."""
    if not alone:
        return Numbers(), set()
    owners, _ = foldable(network.nodes, len(network.inputs), network.ends.values())
    left, numbers, taken = Counter(alone), Numbers(), set[int]()
    for at, owner in owners.items():
        kind = _kind(network.layers[at])
        if kind is not None and left[kind]:
            left[kind] -= 1
            numbers = numbers.plus(*kind[1:])
            taken.add(owner)
    return numbers, taken


# --- what lies between -----------------------------------------------------------------------------------------------


def _sums(layers: Sequence[Layer]) -> dict[str, Sum]:
    """Layers that do no work, by kind."""
    costs: dict[str, list[Cost]] = {}
    for layer in layers:
        named = f"{layer.kind} {layer.detail}" if layer.op.label in ("act", "norm") else layer.kind
        costs.setdefault(named.strip(), []).append(layer.cost)
    return {kind: Sum(len(own), total(own)) for kind, own in costs.items()}


# --- in words --------------------------------------------------------------------------------------------------------


def _told(found: Conversion) -> Iterator[str]:
    if found.structural:
        fewer = min(map(len, found.found.rows))
        have = "1 has" if found.shared == 1 else f"{found.shared:,} have"
        yield (
            f"The layers are matched by what they are and what they read: of the {_layers(fewer)} that do work, {have} "
            "a name of the other network. What lies between them is compared in sums."
        )
    yield _verdict(found)
    for side, other, more in ((found.old, "new", "fewer"), (found.new, "old", "more")):
        if count := side.norms.layers:
            norms = "1 norm is" if count == 1 else f"{count:,} norms are"
            numbers = f"{side.norms.params:,} params and {side.norms.buffers:,} buffers {more}"
            lost = (
                f" ({side.bare:,} of these layers have no bias there, so the shift is zero, or gone)"
                if side.bare
                else ""
            )
            yield f"Norms folded: {norms} in the layer before in the {other} network, {numbers}{lost}."
    for side, other, what, more in ((found.new, "old", "added", "more"), (found.old, "new", "left out", "fewer")):
        yield from _of_biases(side.biases, what, more)
        if side.written_apart:
            yield f"Biases as sums of their own in the {other} network: {side.written_apart:,} params."
    if merged := found.new.stored_once - found.old.stored_once:
        of, more = ("new", "fewer") if merged > 0 else ("old", "more")
        once = f"equal biases, scales and shifts are stored once in the {of} network"
        yield f"Merged: {once}, {abs(merged):,} params {more}."
    if (old := found.old.fused) != (new := found.new.fused):
        yield f"Activations fused into the layer before: {old:,} -> {new:,}."
    if found.found.macs_equal and (old := found.old.pads) != (new := found.new.pads):
        yield f"Pads as layers of their own, not as padding of the layer behind: {old:,} -> {new:,}."
    if (old := found.old.bits) != (new := found.new.bits):
        yield f"Elements that most layers give: {old} bits -> {new} bits."
    if (old := found.old.param_bits) != (new := found.new.param_bits):
        yield f"Numbers stored, in the mean: {old} bits -> {new} bits."


def _verdict(found: Conversion) -> str:
    equal = f"{_layers(found.found.equal)} that do work have equal macs"
    if found.same:
        return f"Same network: all {equal}, and each difference in params is explained."
    if not found.found.macs_equal:
        alone = found.found.single
        parts = [
            f"{found.found.others:,} have other macs" if found.found.others else "",
            f"{alone[0]:,} are in the old network alone" if alone[0] else "",
            f"{alone[1]:,} in the new network alone" if alone[1] else "",
        ]
        return f"Not the same network: {equal}, {', '.join(filter(None, parts))}."
    if found.unknown:
        unknown = "something is not counted, or may run otherwise"
        return f"Whether it is the same network is not known: all {equal}, but {unknown}."
    if found.unexplained:
        return f"Not the same network: all {equal}, but no change of format explains {found.unexplained:,} params."
    return f"Not the same network: all {equal}, but they read other layers."


def _of_biases(biases: Biases, what: str, more: str) -> Iterator[str]:
    shifts, others, zeros = biases
    if not (count := shifts.layers + others.layers):
        return
    parts = [f"{shifts.layers:,} for the shift of a norm" if shifts.layers else ""]
    parts.append(f"{zeros:,} all zero in the file" if zeros else "")
    own = "; ".join([f"in {_layers(count)}", *filter(None, parts)])
    yield f"Biases {what}: {own}; {shifts.params + others.params:,} params {more}."


def _layers(count: int) -> str:
    return "1 layer" if count == 1 else f"{count:,} layers"
