"""The notes on what a document excludes from a count, shared by all reports."""

from collections.abc import Collection, Iterable, Mapping

from sepcalc.errors import printable
from sepcalc.layer import Layer, Node
from sepcalc.ops.move import Constant
from sepcalc.shape import volume


def may_claim(node: Node) -> bool:
    """Whether a document may exclude a part of this node from a count: only shared weights and constants."""
    return bool(node.shared or node.owners) or node.weights is not None or isinstance(node.op, Constant)


def claim_notes(
    layers: Iterable[Layer], owned: Mapping[str, int], constants: Collection[str], size: int, standard: int
) -> tuple[str, ...]:
    """The sentences on these layers. ``owned`` maps a layer's name to the number of its params that other layers count.
    ``constants`` are the tensors that products read and that the document declares not to be weights. ``size`` is the
    bytes of all weights, ``standard`` their bytes at the default width."""
    found: dict[str, list[tuple[str, int]]] = {}
    for layer in layers:
        name, shared = layer.name, layer.shared
        if shared > 0:
            others = min(shared, owned.get(name, 0))
            found.setdefault("that layers share", []).append((name, others))
            found.setdefault("by constant-params", []).append((name, shared - others))
        elif isinstance(layer.op, Constant) and name in constants:
            how = "by --buffer" if layer.op.buffer else "by --no-learned"
            found.setdefault(how, []).append((name, volume(layer.output)))
        elif isinstance(layer.op, Constant) and not (layer.op.learned or layer.op.buffer):
            found.setdefault("in constants, neither learned nor buffers", []).append((name, volume(layer.output)))
    parts = [_part(how, [one for one in counts if one[1]]) for how, counts in sorted(found.items())]
    parts = [part for part in parts if part]
    notes = [f"not counted in params, as the file says: {', '.join(parts)}"] if parts else []
    if size < standard:
        notes.append(f"params-bytes is {size:,}, as the file says by param-bytes: it is {standard:,} at 4 bytes each")
    return tuple(notes)


def _part(how: str, counts: list[tuple[str, int]]) -> str:
    """The number, the reason, and the layers."""
    if not counts:
        return ""
    more = f" and {len(counts) - 1:,} more" if len(counts) > 1 else ""
    return f"{sum(count for _, count in counts):,} {how} ({printable(counts[0][0])}{more})"
