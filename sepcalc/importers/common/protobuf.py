"""A reader of the protobuf wire format, driven by a table of fields.

A message is a sequence of fields. Each field has a tag (its number and wire type), then a varint, 4 or 8 bytes, or a
length and that many bytes, which may be a nested message. Large payloads, such as the elements of a tensor, are
skipped; the message stores their position. Fields that are not in the table are skipped, as protobuf specifies. Source:
protobuf's "Encoding".
"""

import mmap
from collections.abc import Mapping, Sequence
from struct import iter_unpack, unpack_from
from typing import IO, Any, NamedTuple

MAX_DEPTH = 100  # of nested messages; protobuf's own limit
MAX_FIELDS = 1_500_000  # fields of a file, 15 for each of 100,000 nodes; bounds the time for a file that is not a model
MAX_MESSAGES = 400_000  # messages of a file that hold a field; bounds the memory, as each takes 250 bytes or more
SMALL = 4 << 20  # a file of at most this many bytes is read whole
BIG = 262_144  # longer packed fields are skipped, in bytes: 16,384 elements take up to 16 bytes each

Buffer = bytes | mmap.mmap


class Payload(NamedTuple):
    """Bytes of a file that the reader skipped: where they are."""

    data: Buffer
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start

    def read(self) -> bytes:
        """A copy of the bytes."""
        return self.data[self.start : self.end]


class Field(NamedTuple):
    """A field of a message: its name and type. ``kind`` is ``int`` (a signed varint), ``float``, ``double``, ``text``
    (UTF-8), ``bytes``, ``payload`` (bytes that are skipped) or the name of a message. A ``repeated`` field is a list; a
    ``light`` one is skipped if it has more than :data:`BIG` bytes."""

    name: str
    kind: str
    repeated: bool = False
    light: bool = False


class Message:
    """A message that was read. Its fields are attributes; a missing field has its default: 0, empty text, an empty list
    or an empty message."""

    fields: Mapping[int, Field] = {}

    def has(self, name: str) -> bool:
        """Whether the field is present."""
        return name in self.__dict__

    def replaced(self, **fields: Any) -> "Message":
        """A copy with these fields replaced."""
        copy = type(self)()
        copy.__dict__.update(self.__dict__, **fields)
        return copy


Schema = Mapping[str, type[Message]]
_DEFAULTS = {"int": 0, "float": 0.0, "double": 0.0, "text": "", "bytes": b"", "payload": Payload(b"", 0, 0)}
_NUMBERS = {"float": ("<f", 4, 5), "double": ("<d", 8, 1)}  # struct format, size in bytes, wire type


def fields(**numbered: str) -> dict[int, Field]:
    """Fields by number, each written ``number kind``; ``*`` marks a repeated field, ``~`` one whose large payloads are
    skipped."""
    found = {}
    for name, said in numbered.items():
        number, kind = said.split()
        found[int(number)] = Field(name, kind.strip("*~"), "*" in kind, "~" in kind)
    return found


def listed(text: str) -> dict[int, Field]:
    """The same of one text: ``name 1 text, input 3 text*``."""
    return fields(**dict(one.split(None, 1) for one in text.split(", ")))


def schema(messages: Mapping[str, Mapping[int, Field]]) -> Schema:
    """A class for each message of a table of fields by number. A message may refer to those listed before it."""
    classes: dict[str, type[Message]] = {}
    for name, fields in messages.items():
        classes[name] = type(name, (Message,), {"fields": fields})
    for made in classes.values():
        for field in made.fields.values():
            default = () if field.repeated else _DEFAULTS.get(field.kind)
            setattr(made, field.name, classes[field.kind]() if default is None else default)
    return classes


def read(file: IO[bytes], messages: Schema, kind: str, whole: bool = False) -> Any:
    """The message of this kind in a file. A file of more than :data:`SMALL` bytes is memory-mapped, so that only the
    pages with its fields are read; ``whole`` also reads packed numbers that are otherwise skipped. Raises OSError, and
    ValueError if the file holds no such message."""
    data: Buffer = file.read(SMALL + 1)
    if len(data) > SMALL:
        try:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError:  # a pipe
            data = bytes(data) + file.read()
    return parse(data, messages, kind, whole)


def parse(data: Buffer, messages: Schema, kind: str, whole: bool = False) -> Any:
    """The message of this kind in ``data``. Raises ValueError if it holds none."""
    return _Parser(data, messages, len(data) if whole else BIG).message(messages[kind](), 0, len(data), 0)


class _Parser:
    """The state of parsing a file: its bytes, and how many fields were read."""

    def __init__(self, data: Buffer, messages: Schema, big: int) -> None:
        self.data = data
        self.messages = messages
        self.big = big  # longer packed fields are skipped, in bytes
        self.count = 0
        self.nested = 0
        self.empty = {kind: made() for kind, made in messages.items()}  # one of each kind, however many a file holds

    def message(self, message: Message, at: int, end: int, depth: int) -> Message:
        """Adds the fields between two offsets of the data to a message, and returns it. Raises ValueError."""
        self.nested += 1
        if self.nested > MAX_MESSAGES:
            raise ValueError("it has too many messages")
        if depth > MAX_DEPTH:
            raise ValueError("messages are nested too deeply")
        data, fields, values = self.data, message.fields, message.__dict__
        count = 0
        while at < end:
            count += 1
            if count > MAX_FIELDS:
                break
            tag = data[at]
            at += 1
            if tag > 127:
                tag, at = self.varint(at - 1, end)
            number, wire = tag >> 3, tag & 7
            field = fields.get(number)
            value: Any
            if wire == 2:
                length = data[at] if at < end else 128
                at += 1
                if length > 127:
                    length, at = self.varint(at - 1, end)
                start, at = at, at + length
                if at > end:
                    raise ValueError("a field ends after the end of its message")
                if field is None:
                    continue
                kind = field.kind
                if kind == "text":
                    value = str(data[start:at], "utf-8")
                elif kind == "bytes":
                    value = data[start:at]
                elif kind == "payload":
                    value = Payload(data, start, at)
                elif kind in _DEFAULTS:
                    if not field.repeated:
                        raise ValueError("one number is packed as several")
                    if not (field.light and length > self.big):
                        values.setdefault(field.name, []).extend(self.packed(field, start, at))
                    continue
                else:  # a message that occurs twice is merged
                    before = None if field.repeated else values.get(field.name)
                    if not length:
                        value = before or self.empty[kind]
                    else:
                        if before is None or before is self.empty[kind]:
                            before = self.messages[kind]()
                        value = self.message(before, start, at, depth + 1)
            elif wire == 0:
                value = data[at] if at < end else 128
                at += 1
                if value > 127:
                    value, at = self.varint(at - 1, end)
                    if value >> 63:
                        value -= 1 << 64
            elif wire in (1, 5):
                size = 8 if wire == 1 else 4
                if at + size > end:
                    raise ValueError("a field ends after the end of its message")
                value = data[at : at + size]
                at += size
            else:
                raise ValueError(f"no field has the wire type {wire}")
            if not number:
                raise ValueError("there is no field 0")
            if field is None:
                continue
            if wire != 2:
                value = _single(field, wire, value)
            if not field.repeated:
                values[field.name] = value
            elif field.name in values:
                values[field.name].append(value)
            else:
                values[field.name] = [value]
        self.count += count
        if self.count > MAX_FIELDS:
            raise ValueError("it has too many fields")
        return message

    def packed(self, field: Field, start: int, end: int) -> Sequence[Any]:
        """The numbers of a packed repeated field. Raises ValueError."""
        if field.kind in _NUMBERS:
            how, size, _ = _NUMBERS[field.kind]
            if (end - start) % size:
                raise ValueError("a packed field ends within a number")
            if (end - start) // size > max(MAX_FIELDS, self.big):
                raise ValueError("it has too many fields")
            return [number for (number,) in iter_unpack(how, self.data[start:end])]
        numbers = []
        while start < end:
            number, start = self.varint(start, end)
            numbers.append(number - (1 << 64) if number >> 63 else number)
            if len(numbers) > MAX_FIELDS - self.count:  # before there are many in memory
                raise ValueError("it has too many fields")
        self.count += len(numbers)
        return numbers

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """A varint (7 bits per byte, lowest first; the highest bit says that more follow), and the offset after it.
        Raises ValueError."""
        value = shift = 0
        while shift < 70 and at < end:
            byte = self.data[at]
            at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value & (1 << 64) - 1, at
            shift += 7
        raise ValueError("a number does not end")


def _single(field: Field, wire: int, value: Any) -> Any:
    """One number of a field. Raises ValueError if the field holds another type."""
    if wire == 0:
        if field.kind != "int":
            raise ValueError("a field holds an invalid whole number")
        return value
    how, _, expected = _NUMBERS.get(field.kind, ("", 0, 0))
    if wire != expected:
        raise ValueError("a field holds a number of another width")
    return unpack_from(how, value)[0]
