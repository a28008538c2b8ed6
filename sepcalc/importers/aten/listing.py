"""Calls that a file lists: each with the names of PyTorch's schemas, and the shapes of its results."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.composites import ALIASES, parts_of
from sepcalc.importers.aten.defaults import complete
from sepcalc.importers.aten.ledger import Ledger, place_of
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.common.layout import PART, RESHAPED, TURNED
from sepcalc.shape import Shape

# Operators whose result may be their operand itself, beside those that rename axes or take parts.
_VIEWS = (
    *("alias", "detach", "contiguous", "to", "type_as", "lift_fresh", "expand", "expand_as", "broadcast_to"),
    *("diagonal", "unfold", "as_strided", "positive", "dropout", "feature_dropout", "alpha_dropout"),
)


class Laid(NamedTuple):
    """A tensor of a file: its name, its shape, its strides and the number of its first element in its storage (None if
    they are not known), the kind of its elements and their width in bits."""

    name: str
    shape: Shape
    strides: Sequence[int] | None
    offset: int
    kind: str
    bits: int | None


class Listing(Ledger):
    """The tensors and calls of a file."""

    def add(
        self, laid: Laid, live: bool, roots: tuple[int, ...], origins: frozenset[str] = frozenset(), storage: Any = None
    ) -> Tensor:
        """A tensor, in a storage of its own or in this one."""
        place = None
        if laid.strides is not None:
            place = place_of(laid.name if storage is None else storage, laid.shape, laid.strides, laid.offset)
        return self.new(Tensor(0, laid.shape, laid.kind, live, roots, origins, laid.bits), place)

    def called(self, call: Call, overload: str, results: Sequence[Laid]) -> tuple[list[Tensor], Tensor | None]:
        """Adds a call. Returns its results, and the argument that the first one was written into. Raises Invalid for
        results that an operator cannot have."""
        name = call.op.removesuffix("_") if not call.op.startswith("__") else call.op
        into = "out" if overload == "out" else "self" if name != call.op else ""
        aten = call.library == "aten"
        name = ALIASES.get(name, name) if aten else name
        call = call._replace(op=name, arguments=complete(name, call.arguments) if aten else call.arguments)
        if aten and (parts := parts_of(self, call)) is not None:
            for part, one in zip(parts, results):
                if part.shape != one.shape:
                    raise Invalid(f"{one.name} is {list(one.shape)}: {name} gives {list(part.shape)}")
            return list(parts), None
        live, roots, origins = facts = self.facts(call.key, call.arguments)
        storage = self._storage(call, into)
        made = [self.add(one, live and 0 not in one.shape, roots, origins, storage) for one in results]
        gap = live and not row_of(call.key).handle and not aten
        if (made or not aten) and (self.matters(call.key, facts, made) or gap):
            self.note(call._replace(outputs=tuple(made)))
        written = call.maybe(into) if made else None
        if written is not None:
            self.written(made[0])
        return made, written

    def _storage(self, call: Call, into: str) -> Any:
        """The storage in which the results of a call lie, where it is that of an argument."""
        given, row = call.maybe(into or ("self" if "self" in call.arguments else "input")), row_of(call.key)
        shares = into or row.layout in (RESHAPED, TURNED, PART) or row.parts or call.op in _VIEWS
        place = self.places[given.at] if given is not None and shares else None
        return place.storage if place is not None else None


def operator_of(target: str) -> tuple[str, str, str]:
    """The library, the name and the overload of ``torch.ops.aten.add.Tensor``; no library for a function of Python."""
    parts = target.split(".")
    if parts[:2] != ["torch", "ops"] or len(parts) < 4:
        return "", parts[-1], ""
    return parts[2], parts[3], parts[4] if len(parts) > 4 else ""


def is_checked(library: str, name: str) -> bool:
    """Whether an operator only checks something, or asks for a size."""
    return library in ("", "prim", "profiler") or name.startswith(("_assert", "_functional_assert", "sym_"))


def tensors_in(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are tensors, or lists of them."""
    return {name: one for name, one in arguments.items() if isinstance(one, (Tensor, list))}
