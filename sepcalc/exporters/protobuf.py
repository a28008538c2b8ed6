"""A writer of the protobuf wire format, driven by the tables of fields that the reader has
(``importers/common/protobuf.py``). Source: protobuf's "Encoding"."""

from collections.abc import Callable, Iterable, Iterator
from struct import pack
from typing import Any, NamedTuple, TypeAlias

from sepcalc.importers.common.protobuf import Field, Message


class Late(NamedTuple):
    """Bytes that are made when they are written: their number, and the function that makes them."""

    size: int
    make: Callable[[], bytes]

    def __len__(self) -> int:
        return self.size


Part: TypeAlias = bytes | Late


def message(kind: type[Message], **fields: Any) -> Message:
    """A message with these fields; None and empty lists are left out."""
    return kind().replaced(**{name: value for name, value in fields.items() if value is not None and value != []})


def encoded(found: Message) -> list[Part]:
    """The bytes of a message, in parts."""
    parts: list[Part] = []
    for number, field in sorted(found.fields.items()):
        if found.has(field.name):
            value = getattr(found, field.name)
            if field.repeated and field.kind in _PACKED:
                parts += _sized(number, [b"".join(map(_PACKED[field.kind], value))])
                continue
            for one in value if field.repeated else [value]:
                parts += _single(number, field, one)
    return parts


def size_of(parts: Iterable[Part]) -> int:
    """The number of bytes that the parts have."""
    return sum(map(len, parts))


def made(parts: Iterable[Part]) -> Iterator[bytes]:
    """The bytes of the parts, one after another; late ones are made now."""
    for part in parts:
        yield part.make() if isinstance(part, Late) else part


def _single(number: int, field: Field, value: Any) -> list[Part]:
    match field.kind:
        case "int":
            return [_varint(number << 3) + _varint(value)]
        case "float":
            return [_varint(number << 3 | 5) + pack("<f", value)]
        case "double":
            return [_varint(number << 3 | 1) + pack("<d", value)]
        case "text":
            return _sized(number, [value.encode()])
        case "bytes" | "payload":
            return _sized(number, [value])
    return _sized(number, encoded(value))


def _sized(number: int, parts: list[Part]) -> list[Part]:
    return [_varint(number << 3 | 2) + _varint(size_of(parts)), *parts]


def _varint(value: int) -> bytes:
    """7 bits per byte, lowest first; the highest bit says that more follow. Negative numbers as 64 bits."""
    value &= (1 << 64) - 1
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


_PACKED: dict[str, Callable[[Any], bytes]] = {
    "int": _varint,
    "float": lambda value: pack("<f", value),
    "double": lambda value: pack("<d", value),
}
