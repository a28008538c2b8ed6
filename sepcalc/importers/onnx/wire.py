"""An ONNX file without its weights, before anything parses it.

A file is a protobuf message: fields, each a number with its wire type, then a varint, 4 or 8 bytes, or a length and as
many bytes, which may be a message again. All of it is copied but the payloads of large tensors, which are stepped over
untouched, so that a file takes the memory of its graph. Sources: protobuf's "Encoding"; the field numbers are
onnx.proto's.
"""

import mmap
from typing import BinaryIO

SMALL = 4 << 20  # bytes of a file that is read whole
BIG = (
    262_144  # bytes of a tensor that are left out: 16,384 elements, which are few enough to be read, take up to 16 each
)
MAX_DEPTH = 100  # messages within each other, as protobuf itself has it
MAX_FIELDS = 300_000  # fields of a message, so that what is no model does not take forever

# Which fields of a message are messages that hold tensors, and which field of a tensor is its payload.
_HOLDERS = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_PAYLOADS = {4, 5, 6, 7, 9, 10, 11}


def read_graph(file: BinaryIO) -> bytes:
    """The model in a file: whole where it is small, else without its weights. Raises OSError, and ValueError where the
    file is no such message."""
    start = file.read(SMALL + 1)
    if len(start) <= SMALL:
        return start
    try:
        return without_weights(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except OSError:  # a pipe
        return without_weights(memoryview(start + file.read()))


def without_weights(data: memoryview, kind: str = "model", depth: int = 0) -> bytes:
    """The message, its small tensors whole, its large ones empty. Raises ValueError where it is none."""
    if depth > MAX_DEPTH:
        raise ValueError("messages stand in each other too deep")
    holders = _HOLDERS[kind]
    parts: list[bytes | memoryview] = []
    copied = at = fields = 0
    while at < len(data):
        first, fields = at, fields + 1
        head, at = _varint(data, at)
        number, wire = head >> 3, head & 7
        if not number or fields > MAX_FIELDS:
            raise ValueError("there is no field 0, and none after so many")
        if wire == 2:
            length, at = _varint(data, at)
            start, at = at, at + length
            if length > BIG and at <= len(data):
                if number in holders:
                    inner = without_weights(data[start:at], holders[number], depth + 1)
                    parts += [data[copied:first], _as_varint(head), _as_varint(len(inner)), inner]
                    copied = at
                elif kind == "tensor" and number in _PAYLOADS:
                    parts.append(data[copied:first])
                    copied = at
        elif wire == 0:
            _, at = _varint(data, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise ValueError(f"no field has the wire type {wire}")
        if at > len(data):
            raise ValueError("a field ends behind its message")
    return b"".join([*parts, data[copied:]])


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, the lowest first, whose highest bit says that more follow; and where it ends."""
    value = shift = 0
    while shift < 70 and at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("a number does not end")


def _as_varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)
