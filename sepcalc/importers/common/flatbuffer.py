"""A flatbuffer, read step by step: a field when it is asked for, and no payload.

A table says where its vtable is, which says where each field lies; an offset leads forward, to another table, a text
or a vector with its length. Nothing of this is trusted: what lies outside the file is refused. Source: FlatBuffers,
"Internals".
"""

from collections.abc import Mapping
from functools import cache
from struct import Struct
from typing import Any, NamedTuple

from sepcalc.errors import Invalid

MAX_TEXT = 4096  # bytes of a name
MAX_SLOTS = 64  # fields of a table that are looked for: a damaged file says that each has 32,000


class Damaged(Invalid):
    """What is wrong with a file that is no flatbuffer of its schema."""


class Field(NamedTuple):
    """A field of a table: its slot in the vtable, its kind and what it is where it is not there. Kinds are a letter of
    ``struct``; ``s``, a text; ``*Name``, a table; ``u``, a table that another field tells; each after ``[`` in a
    vector."""

    slot: int
    kind: str
    default: Any


Fields = Mapping[str, Field]


@cache
def fields(text: str) -> Fields:
    """``stride_w:i dilation_w:i=1``: the fields of a table in their order."""
    found = {}
    for slot, word in enumerate(text.split()):
        name, _, rest = word.partition(":")
        kind, _, default = rest.partition("=")
        found[name] = Field(slot, kind, int(default or 0) if len(kind) == 1 and kind != "s" else None)
    return found


_struct = cache(lambda letters: Struct(f"<{letters}"))
_OFFSET, _BACK, _SLOT = Struct("<I").unpack_from, Struct("<i").unpack_from, Struct("<H").unpack_from


class Source:
    """The bytes of a file, the fields of the tables that its schema names, and the vtables that were read."""

    def __init__(self, data: Any, schema: Mapping[str, str]) -> None:
        self.data, self.size, self.schema = data, len(data), schema
        self.slots = cache(self._slots)

    def _slots(self, at: int) -> tuple[int, ...]:
        """Where the fields of a table lie, from its beginning on, by the vtable at this place."""
        if at < 0:
            raise Damaged("an offset leads out of the file")
        size = min(max(4, _SLOT(self.data, at)[0]), 4 + 2 * MAX_SLOTS)
        offsets: tuple[int, ...] = _struct(f"{(size - 4) // 2}H").unpack_from(self.data, at + 4)
        return offsets


class Table:
    """A table of a flatbuffer at a place, its fields by name."""

    __slots__ = ("at", "fields", "slots", "source")

    def __init__(self, source: Source, at: int, fields: Fields) -> None:
        self.source, self.at, self.fields = source, at, fields
        self.slots = source.slots(at - _BACK(source.data, at)[0])

    def place(self, name: str) -> int:
        """Where a field lies; 0 where it is not there."""
        slot = self.fields[name][0]
        offset = self.slots[slot] if slot < len(self.slots) else 0
        return self.at + offset if offset else 0

    def __getitem__(self, name: str) -> Any:
        """A number, a text or a table; None for what is none of them and not there."""
        _, kind, default = self.fields[name]
        at = self.place(name)
        if not at:
            return default
        data = self.source.data
        if kind[0] not in "us*":
            return _struct(kind).unpack_from(data, at)[0]
        return self._one(kind, at + _OFFSET(data, at)[0])

    def _one(self, kind: str, at: int) -> Any:
        if kind == "s":
            start, length = self._run(at, 1)
            return bytes(self.source.data[start : start + min(length, MAX_TEXT)]).decode("utf-8", "replace")
        return at if kind == "u" else Table(self.source, at, fields(self.source.schema[kind[1:]]))

    def _run(self, at: int, width: int) -> tuple[int, int]:
        """Where the elements of a vector begin, and how many there are."""
        (length,) = _OFFSET(self.source.data, at)
        if at + 4 + length * width > self.source.size:
            raise Damaged("a length leads out of the file")
        return at + 4, length

    def run(self, name: str) -> tuple[int, int]:
        """Where the elements of a vector lie, and how many there are; none where it is not there."""
        if not (at := self.place(name)):
            return 0, 0
        kind = self.fields[name].kind[1]
        return self._run(at + _OFFSET(self.source.data, at)[0], 4 if kind in "us*" else _struct(kind).size)

    def numbers(self, name: str, most: int) -> tuple[Any, ...]:
        """The numbers of a vector, which are ``most`` at most."""
        start, length = self.run(name)
        if length > most:
            raise Damaged(f"{name} has {length:,} values: expected {most:,} at most")
        return _struct(f"{length}{self.fields[name].kind[1]}").unpack_from(self.source.data, start) if length else ()

    def item(self, name: str, at: int) -> Any:
        """One table or text of a vector of them."""
        start, length = self.run(name)
        if not 0 <= at < length:
            raise Damaged(f"it has {length:,} {name}, and none with the number {at}")
        start += 4 * at
        return self._one(self.fields[name].kind[1:], start + _OFFSET(self.source.data, start)[0])

    def items(self, name: str, most: int) -> list[Any]:
        """All tables or texts of a vector of them, which are ``most`` at most."""
        count = self.run(name)[1]
        if count > most:
            raise Damaged(f"it has {count:,} {name}: expected {most:,} at most")
        return [self.item(name, at) for at in range(count)]
