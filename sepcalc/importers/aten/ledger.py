"""The calls of a run or of a file, and what becomes of each tensor when its storage is written through another one."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.importers.aten.calls import Call, Tensor, every
from sepcalc.importers.aten.operators import row_of
from sepcalc.shape import Shape

MAX_CALLS = 200_000

Facts = tuple[bool, tuple[int, ...], frozenset[str]]  # live, roots and origins of a Tensor


class Place(NamedTuple):
    """Where a tensor lies: its storage, the first element there, and the one behind the last."""

    storage: Hashable
    start: int
    end: int


def place_of(storage: Hashable, shape: Shape, strides: Sequence[int], offset: int) -> Place:
    """The place of a tensor with these strides."""
    reach = sum((size - 1) * abs(step) for size, step in zip(shape, strides) if size)
    return Place(storage, offset, offset + reach + 1)


class Ledger:
    """Numbers the tensors and collects the calls, in order. It raises ``full`` if these are too many to follow."""

    def __init__(self, full: BaseException) -> None:
        self.full = full
        self.calls: list[Call] = []
        self.places: list[Place | None] = []  # of each tensor by its number
        self.writes: dict[Hashable, list[Tensor]] = {}  # storage -> what was written there, in order
        self.seen: dict[int, int] = {}  # tensor -> the number of writes to its storage that it has

    def new(self, tensor: Tensor, place: Place | None) -> Tensor:
        """The tensor with a number of its own. ``place`` is None for one that shares no storage."""
        made = tensor._replace(at=len(self.places))
        self.places.append(place)
        if place is not None:
            self.seen[made.at] = len(self.writes.get(place.storage, ()))
        return made

    def current(self, found: Tensor, path: str, run: int) -> Tensor:
        """The tensor after all writes to its storage; a call stands for those that depend on the inputs."""
        place = self.places[found.at]
        if place is None:
            return found
        for written in self.writes.get(place.storage, [])[self.seen[found.at] :]:
            other = self.places[written.at]
            if other is None or other.start >= place.end or other.end <= place.start:
                continue
            live, roots, origins = joined(found, written)
            made = self.new(found._replace(live=live, roots=roots, origins=origins), place)
            if made.live:
                self.note(Call("aliased", {"self": found, "written": written}, (made,), path, run))
            found = made
        return found

    def written(self, tensor: Tensor) -> None:
        """Records that an operator wrote this result into its storage."""
        if (place := self.places[tensor.at]) is not None:
            self.writes.setdefault(place.storage, []).append(tensor)
            self.seen[tensor.at] = len(self.writes[place.storage])

    def facts(self, name: str, arguments: Mapping[str, Any]) -> Facts:
        """On what the results of an operator depend."""
        row = row_of(name)
        if row.measures:
            return row.random, (), frozenset()
        live, roots, origins = joined(*every([arguments["self"]] if row.like else arguments.values()))
        return live or row.random, roots, origins

    def matters(self, name: str, facts: Facts, made: Sequence[Tensor]) -> bool:
        """Whether a call with these results belongs to the network."""
        depends = facts[0] or bool(facts[1]) or row_of(name).multiplies
        return depends and (not made or any(0 not in one.shape for one in made))

    def note(self, call: Call) -> None:
        """Adds a call."""
        if len(self.calls) >= MAX_CALLS:
            raise self.full
        self.calls.append(call)


def joined(*tensors: Tensor) -> Facts:
    """On what a result of these tensors depends."""
    roots = tuple(dict.fromkeys(root for one in tensors for root in one.roots))
    return any(one.live for one in tensors), roots, frozenset[str]().union(*[one.origins for one in tensors])
