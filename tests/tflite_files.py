"""TFLite files for tests: graphs of a few operators in few words, written by a small flatbuffer writer of their own."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sepcalc.importers.tflite.schema import CUSTOM, LATER, NAMES, OPTIONS, SECOND, TABLES

KINDS = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "string": 5, "bool": 6, "int16": 7}
KINDS |= {"int8": 9, "resource": 13, "int4": 17}
# What no count needs, but LiteRT does: options of operators, and the versions of operators that it has.
BESIDE = {"ARG_MAX": (40, "output_type:b"), "ARG_MIN": (57, "output_type:b"), "MIRROR_PAD": (77, "mode:b")}
VERSIONS = {"BROADCAST_TO": 2}


class T(NamedTuple):
    """A tensor: its shape, its numbers if it is stored (or how many bytes of them), its type, the shape that it may
    have, whether it is a variable, its scales and zero point."""

    shape: Sequence[int]
    data: Any = None
    kind: str = "float32"
    signature: Sequence[int] = ()
    variable: bool = False
    scales: Sequence[float] = ()
    zero: int = 0
    buffer: int = 0  # another's, counted from 1
    along: int = 0  # the axis of its scales


def stored(*shape: int, kind: str = "float32", **more: Any) -> T:
    """A stored tensor of ones."""
    return T(shape, np.ones(shape, kind), kind, **more)


def numbers(*values: int, shape: Sequence[int] | None = None, kind: str = "int32") -> T:
    """A stored list of whole numbers."""
    return T(shape if shape is not None else (len(values),), np.array(values, kind), kind)


class Op(NamedTuple):
    """An operator: its name (one that is none of TFLite's is a custom one), what it reads (``-``: nothing) and gives,
    its options (of a custom one, bytes)."""

    name: str
    reads: str
    gives: str
    options: Mapping[str, Any] | bytes = {}


class G(NamedTuple):
    """A graph."""

    ops: Sequence[Op]
    tensors: Mapping[str, T]
    inputs: str = "x"
    outputs: str = "y"


class _Writer:
    """A flatbuffer, each table before what it points to."""

    def __init__(self) -> None:
        self.data = bytearray(8)

    def pad(self, to: int, ahead: int = 0) -> None:
        self.data += bytes(-(len(self.data) + ahead) % to)

    def table(self, fields: str, values: Mapping[str, Any]) -> int:
        words = [word.partition("=")[0].split(":") for word in fields.split()]
        slots, inline = [0] * len(words), []
        for slot, (name, kind) in enumerate(words):
            if values.get(name) is not None:
                scalar = len(kind) == 1 and kind not in "su"
                inline.append((struct.calcsize(f"<{kind}") if scalar else 4, slot, kind if scalar else "", name))
        inline.sort(key=lambda one: -one[0])
        self.pad(8, 4 + 2 * len(words) + 4)
        vtable = len(self.data)
        at, size = 4, 4 + sum(one[0] for one in inline)
        for width, slot, _, _ in inline:
            slots[slot] = at
            at += width
        self.data += struct.pack(f"<HH{len(words)}H", 4 + 2 * len(words), size, *slots)
        start = len(self.data)
        self.data += struct.pack("<i", start - vtable)
        later = []
        for _, slot, kind, name in inline:
            if kind:
                self.data += struct.pack(f"<{kind}", values[name])
            else:
                later.append((len(self.data), words[slot][1], values[name]))
                self.data += bytes(4)
        for place, kind, value in later:
            self.point(place, self.value(kind, value))
        return start

    def point(self, place: int, to: int) -> None:
        struct.pack_into("<I", self.data, place, to - place)

    def value(self, kind: str, value: Any) -> int:
        if kind == "s":
            self.pad(4)
            start = len(self.data)
            text = value.encode() if isinstance(value, str) else value
            self.data += struct.pack("<I", len(text)) + text + b"\0"
            return start
        if kind == "u":
            return self.table(*value)
        if kind[0] == "*":
            return self.table(TABLES[kind[1:]], value)
        kind = kind[1:]
        if kind[0] in "s*":
            self.pad(4)
            start = len(self.data)
            self.data += struct.pack("<I", len(value)) + bytes(4 * len(value))
            for at, one in enumerate(value):
                self.point(start + 4 + 4 * at, self.value(kind, one))
            return start
        width = 16 if kind == "B" else struct.calcsize(f"<{kind}")
        self.pad(max(4, width), 4)
        start = len(self.data)
        if isinstance(value, bytes):
            self.data += struct.pack("<I", len(value)) + value
        else:
            self.data += struct.pack(f"<I{len(value)}{kind}", len(value), *value)
        return start


def written(
    *graphs: G,
    signatures: Sequence[tuple[str, int, Mapping[str, str], Mapping[str, str]]] = (),
    behind: Sequence[bytes] = (),
) -> bytes:
    """The bytes of a file of these graphs; a signature has a name, the number of its graph, and its tensors by names of
    its own. What is ``behind`` the flatbuffer are the last buffers."""
    buffers: list[dict[str, Any]] = [{}]
    codes: dict[str, int] = {}
    made = []
    for graph in graphs:
        at = {name: number for number, name in enumerate(graph.tensors)}
        tensors = []
        for name, one in graph.tensors.items():
            buffer = one.buffer
            if one.data is not None:
                data = one.data if isinstance(one.data, bytes) else np.asarray(one.data).tobytes()
                buffers.append({"data": data})
                buffer = len(buffers) - 1
            scaled = (
                {
                    "scale": list(one.scales),
                    "zero_point": [one.zero] * len(one.scales),
                    "quantized_dimension": one.along,
                }
                if one.scales
                else None
            )
            tensors.append(
                {
                    "name": name,
                    "shape": list(one.shape),
                    "type": KINDS[one.kind],
                    "buffer": buffer,
                    "shape_signature": list(one.signature) or None,
                    "is_variable": one.variable or None,
                    "quantization": scaled,
                    "has_rank": True,
                }
            )
        operators = []
        for op in graph.ops:
            code = codes.setdefault(op.name, len(codes))
            entry: dict[str, Any] = {"opcode_index": code}
            entry["inputs"] = [-1 if name == "-" else at[name] for name in op.reads.split()]
            entry["outputs"] = [at[name] for name in op.gives.split()]
            if isinstance(op.options, bytes):
                entry["custom_options"] = op.options
            elif known := {**OPTIONS, **BESIDE}.get(op.name):
                union = "builtin_options" if known[0] < SECOND else "builtin_options_2"
                entry[f"{union}_type"] = known[0] % SECOND
                entry[union] = (known[1], op.options)
            operators.append(entry)
        ends = {
            side: [at[name] for name in names.split()]
            for side, names in (("inputs", graph.inputs), ("outputs", graph.outputs))
        }
        made.append({"tensors": tensors, **ends, "operators": operators, "name": "main"})
    described = []
    for name in codes:
        number = NAMES.index(name) if name in NAMES else CUSTOM
        custom = {} if name in NAMES else {"custom_code": name}
        described.append(
            {
                "deprecated_builtin_code": min(number, LATER),
                "builtin_code": number,
                "version": VERSIONS.get(name, 1),
                **custom,
            }
        )
    called = [
        {
            "signature_key": name,
            "subgraph_index": number,
            **{
                side: [
                    {"name": own, "tensor_index": list(graphs[number].tensors).index(one)} for own, one in names.items()
                ]
                for side, names in (("inputs", inputs), ("outputs", outputs))
            },
        }
        for name, number, inputs, outputs in signatures
    ]
    model = {"version": 3, "operator_codes": described, "subgraphs": made, "buffers": buffers, "description": "test"}
    ahead: list[dict[str, Any]] = [{"offset": 2, "size": len(data)} for data in behind]
    buffers += ahead
    end = len(_flat(model, called)) if behind else 0
    for one, data in zip(ahead, behind):
        one["offset"] = end
        end += len(data)
    return _flat(model, called) + b"".join(behind)


def _flat(model: Mapping[str, Any], called: Sequence[Any]) -> bytes:
    writer = _Writer()
    root = writer.table(TABLES["Model"], {**model, "signature_defs": [*called] or None})
    struct.pack_into("<I4s", writer.data, 0, root, b"TFL3")
    return bytes(writer.data)


def saved(folder: Path, *graphs: G, name: str = "net.tflite", **more: Any) -> Path:
    """A file of these graphs."""
    path = folder / name
    path.write_bytes(written(*graphs, **more))
    return path
