"""What the conversion from one format to another changed in a network, in numbers and in words."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sepcalc.cost import Cost, total
from sepcalc.gate.accounts import Account, Biases, accounts
from sepcalc.gate.pairs import Pair, ordered
from sepcalc.gate.snapshots import Snapshot
from sepcalc.gate.structures import Alike, alike
from sepcalc.layer import ELEMENT_BYTES
from sepcalc.network import Layer, Network
from sepcalc.ops.elementwise import Activation
from sepcalc.ops.move import Pad


class Sum(NamedTuple):
    """The layers of one kind that lie between those that do work: how many, and what they cost together."""

    layers: int
    cost: Cost


class Between(NamedTuple):
    """A kind of layer on both sides."""

    kind: str
    old: Sum
    new: Sum


class Side(NamedTuple):
    """What one side alone has."""

    account: Account
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
    account = side.account
    shifts, others, zeros = account.biases
    return {
        "folded_norms": account.norms.layers,
        "folded_params": account.norms.params,
        "folded_buffers": account.norms.buffers,
        "folded_without_bias": account.bare,
        "biases": shifts.layers + others.layers,
        "bias_params": shifts.params + others.params,
        "biases_of_norms": shifts.layers,
        "zero_biases": zeros,
        "biases_apart": account.apart,
        "merged": account.once,
        "fused_activations": side.fused,
        "pads": side.pads,
        "element_bits": side.bits,
        "param_bits": side.param_bits,
        "spelled_norms": account.spelled.layers,
        "spelled_params": account.spelled.params,
        "spelled_buffers": account.spelled.buffers,
        "spelled_as": account.spelled_as,
        "folded_scales": account.scales.layers,
        "folded_scale_params": account.scales.params,
        "initial_states": account.states,
        "stored_slopes": account.slopes,
        "shared_layers": account.shared.layers,
        "shared_params": account.shared.params,
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
    *account, unexplained = accounts(old, new, found)
    pairs = _pairs(before, after, found) if structural else []
    unknown = not (old.complete and new.complete) or bool(old.choices or new.choices)
    matched = bool(found.partner or found.grouped)
    same = found.macs_equal and found.wired and not unexplained and not unknown and matched
    sums = [
        _sums([layer for at, layer in enumerate(network.layers) if at not in {*rows}])
        for network, rows in zip((old, new), found.rows)
    ]
    tables = [
        Between(kind, sums[0].get(kind, _NONE), sums[1].get(kind, _NONE))
        for kind in dict.fromkeys([*sums[0], *sums[1]])
    ]
    sides = [
        Side(
            account[side],
            sum(isinstance(layer.op, Activation) and layer.op.fused for layer in network.layers),
            sum(isinstance(layer.op, Pad) for layer in network.layers),
            _bits(network, found.rows[side]),
            round(8 * network.param_bytes / network.weights) if network.weights else 8 * ELEMENT_BYTES,
        )
        for side, network in enumerate((old, new))
    ]
    changed = [one for one in tables if one.old != one.new]
    return Conversion(structural, shared, found, pairs, changed, sides[0], sides[1], unexplained, same, unknown)


_NONE = Sum(0, Cost())


def _pairs(before: Snapshot, after: Snapshot, found: Alike) -> list[Pair]:
    """The layers that do work, matched."""
    places = [{at: place for place, at in enumerate(rows)} for rows in found.rows]
    partner = {places[1][new]: places[0][old] for new, old in found.partner.items()}
    grouped = [([places[0][at] for at in olds], [places[1][at] for at in news]) for olds, news in found.grouped]
    olds, news = [[side.layers[at] for at in rows] for side, rows in zip((before, after), found.rows)]
    return ordered(olds, news, partner, grouped)


def _bits(network: Network, rows: Sequence[int]) -> int:
    """The width of the elements that most of these layers give."""
    widths = Counter([network.layers[at].element_bits or 8 * ELEMENT_BYTES for at in rows])
    return max(widths, key=lambda bits: (widths[bits], bits), default=8 * ELEMENT_BYTES)


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
    olds, news = found.old.account, found.new.account
    for side, other, more in ((olds, "new", "fewer"), (news, "old", "more")):
        yield from _of_norms(side, other, more)
    for side, other, what, more in ((news, "old", "added", "more"), (olds, "new", "left out", "fewer")):
        yield from _of_biases(side.biases, what, more)
        if side.apart:
            yield f"Biases that are separate sums in the {other} network: {side.apart:,} params."
    for side, more in ((news, "more"), (olds, "fewer")):
        if side.slopes:
            yield f"Slopes of leaky activations stored: {side.slopes:,} params {more}."
        if side.states:
            yield f"Initial states stored, for steps of recurrent layers: {side.states:,} params {more}."
    if merged := news.once - olds.once:
        of, more = ("new", "fewer") if merged > 0 else ("old", "more")
        once = f"equal biases, scales and shifts are stored once in the {of} network"
        yield f"Merged: {once}, {abs(merged):,} params {more}."
    for side, of, other, more in ((olds, "old", "new", "more"), (news, "new", "old", "fewer")):
        if count := side.shared.layers:
            read = "reads" if count == 1 else "read"
            own = f"{_layers(count)} {read} weights of another in the {of} network, and not in the {other} one"
            yield f"Shared weights: {own}, {side.shared.params:,} params {more}."
    if (old := found.old.fused) != (new := found.new.fused):
        yield f"Activations fused into the layer before: {old:,} -> {new:,}."
    if found.found.macs_equal and (old := found.old.pads) != (new := found.new.pads):
        yield f"Pads that are separate layers, not padding of the next layer: {old:,} -> {new:,}."
    if (old := found.old.bits) != (new := found.new.bits):
        yield f"Output elements of most layers: {old} bits -> {new} bits."
    if (old := found.old.param_bits) != (new := found.new.param_bits):
        yield f"Mean width of stored numbers: {old} bits -> {new} bits."


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
        unknown = "some layers are not counted, or other branches may run"
        return f"It is not known whether this is the same network: all {equal}, but {unknown}."
    if found.unexplained:
        return f"Not the same network: all {equal}, but no change of format explains {found.unexplained:,} params."
    return f"Not the same network: all {equal}, but they read other layers."


def _of_norms(side: Account, other: str, more: str) -> Iterator[str]:
    if count := side.norms.layers:
        norms = "1 norm is" if count == 1 else f"{count:,} norms are"
        numbers = f"{side.norms.params:,} params and {side.norms.buffers:,} buffers {more}"
        bare = (
            f" ({side.bare:,} of these layers have no bias there, so the shift is zero, or gone)" if side.bare else ""
        )
        yield f"Norms folded: {norms} in the layer before in the {other} network, {numbers}{bare}."
    if count := side.spelled.layers:
        norms = "1 norm is a scale and a shift" if count == 1 else f"{count:,} norms are scales and shifts"
        yield (
            f"Norms spelled out: {norms} in the {other} network, {side.spelled_as:,} params in place of "
            f"{side.spelled.params:,} params and {side.spelled.buffers:,} buffers."
        )
    if count := side.scales.layers:
        scales = "1 scale with its shift is" if count == 1 else f"{count:,} scales with their shifts are"
        numbers = f"{side.scales.params:,} params {more}"
        yield f"Scales folded: {scales} in the layer before in the {other} network, {numbers}."


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
