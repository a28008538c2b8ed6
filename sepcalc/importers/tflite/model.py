"""A TFLite file: its graphs, tensors and stored numbers, each read when it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from math import prod
from mmap import ACCESS_READ, mmap
from struct import Struct, calcsize, error
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Problem, printable, quoted
from sepcalc.importers.common.attributes import Attributes
from sepcalc.importers.common.flatbuffer import Damaged, Fields, Source, Table, fields
from sepcalc.importers.common.graph_builder import MAX_AXES
from sepcalc.importers.common.tensorflow.graph import SMALL, Type
from sepcalc.importers.tflite.schema import CUSTOM, LATER, NAMES, OPTIONS, SECOND, STRING, TABLES, TYPES
from sepcalc.shape import Shape, show

MAX_GRAPHS, MAX_OPERATORS, MAX_TENSORS = 1000, 20_000, 50_000  # of a file; of a graph
MAX_READ, MAX_READS = 10_000, 500_000  # tensors that an operator reads; that those of a graph read
MAX_RAW = 256  # bytes of the options of a custom operator

Key = tuple[int, int]  # what is stored: the number of a buffer, or of a graph and a tensor in it


class Tensor(NamedTuple):
    """A tensor as the file states it. ``open`` are the axes whose sizes stand for any; what is seldom asked for is read
    from its ``table`` then."""

    name: str
    shape: Shape
    kind: int
    at: Key
    buffer: int
    open: frozenset[int]
    ranked: bool
    table: Table

    @property
    def type(self) -> Type:
        return TYPES[self.kind]

    @property
    def variable(self) -> bool:
        """Whether it keeps its value from one run to the next."""
        return bool(self.table["is_variable"])

    @property
    def sparse(self) -> bool:
        """Whether the file stores only some of its elements."""
        return self.table.place("sparsity") > 0

    def quantized(self) -> tuple[tuple[float, ...], tuple[int, ...], int]:
        """The scales and zero points of quantized elements, and their axis; empty if it is not quantized."""
        table = self.table["quantization"]
        if not table:
            return (), (), 0
        return table.numbers("scale", 2**20), table.numbers("zero_point", 2**20), table["quantized_dimension"]


class Options(Attributes):
    """The options of an operator."""

    def __init__(self, table: Table | None, known: Fields) -> None:
        self.table, self.known = table, known

    def get(self, *keys: str) -> Any:
        key = keys[0]
        if key not in self.known:
            return None
        if self.known[key].kind[0] == "[":
            return self.table.numbers(key, MAX_AXES) if self.table and self.table.place(key) else None
        return self.table[key] if self.table else self.known[key].default


class Operation(NamedTuple):
    """An operator of a graph: its name, whether it is a custom one, the tensors that it reads (-1: none) and gives, its
    options."""

    type: str
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options
    raw: bytes  # the options of a custom operator


class Signature(NamedTuple):
    """A way to call a file: its name, the graph that runs, the names of that one's tensors."""

    name: str
    graph: int
    inputs: dict[int, str]
    outputs: dict[int, str]


class Graph:
    """One graph of a file."""

    def __init__(self, model: "Model", at: int) -> None:
        self.model, self.at, self.table = model, at, model.root.item("subgraphs", at)
        self.name: str = self.table["name"] or ""
        self.inputs: tuple[int, ...] = self.table.numbers("inputs", MAX_READ)
        self.outputs: tuple[int, ...] = self.table.numbers("outputs", MAX_READ)
        self.tensor = cache(self._tensor)
        for what, most in (("tensors", MAX_TENSORS), ("operators", MAX_OPERATORS)):
            if (count := self.table.run(what)[1]) > most:
                raise Damaged(f"it has {count:,} {what}: expected {most:,} at most")

    def __len__(self) -> int:
        return int(self.table.run("operators")[1])

    def __iter__(self) -> Iterator[Operation]:
        reads = 0  # operators may share one list of many
        for at in range(len(self)):
            table = self.table.item("operators", at)
            name, custom = self.model.operator(table["opcode_index"])
            raw, inputs = b"", table.numbers("inputs", MAX_READ)
            if (reads := reads + len(inputs)) > MAX_READS:
                raise Damaged(f"its operators read more than {MAX_READS:,} tensors")
            if custom:
                start, length = table.run("custom_options")
                raw = bytes(self.model.data[start : start + min(length, MAX_RAW)])
            options = Options(None, fields(""))
            if not custom and name in OPTIONS:
                number, text = OPTIONS[name]
                union = "builtin_options" if number < SECOND else "builtin_options_2"
                said, place = table[f"{union}_type"], table[union]
                if said not in (0, number % SECOND):
                    raise Damaged(f"an operator {name} has the options of another one")
                known = fields(text)
                options = Options(Table(self.model.source, place, known) if place and said else None, known)
            yield Operation(name, custom, inputs, table.numbers("outputs", MAX_READ), options, raw)

    def _tensor(self, at: int) -> Tensor:
        table = self.table.item("tensors", at)
        name, shape, kind = table["name"] or f"tensor{at}", table.numbers("shape", MAX_AXES), table["type"]
        signature = table.numbers("shape_signature", MAX_AXES)
        if not 0 <= kind < len(TYPES):
            raise Damaged(f"the tensor {quoted(name)} is of the type {kind}, which is not known")
        if (signature and len(signature) != len(shape)) or min(shape, default=0) < -1:
            raise Damaged(f"the tensor {quoted(name)} has the shape {list(shape)}")
        ranked = bool(shape) or bool(table["has_rank"]) or bool(self.model.stored(table["buffer"])[1])
        said = signature or shape
        free = frozenset([at for at, size in enumerate(said) if size < 0]) if min(said, default=0) < 0 else frozenset()
        sizes = tuple([1 if axis in free and size < 1 else size for axis, size in enumerate(shape)]) if free else shape
        return Tensor(name, sizes, kind, (self.at, at), table["buffer"], free, ranked, table)


class Model:
    """A file that is open: ``data`` are its bytes, none of them read but those that are asked for."""

    def __init__(self, data: Any) -> None:
        self.data = data
        start = Struct("<I").unpack_from(data)[0]
        self.source = Source(data, TABLES)
        self.root = Table(self.source, start, fields(TABLES["Model"]))
        self.graph = cache(self._graph)
        self.operator = cache(self._operator)
        self.stored = cache(self._stored)
        # By the place of the numbers: many tensors may share them, but not lie over each other.
        self.looked = 0
        self.unpacked, self.zeros, self.lowest = cache(self._unpacked), cache(self._zeros), cache(self._lowest)
        self.count: int = self.root.run("subgraphs")[1]

    def _graph(self, at: int) -> Graph:
        if not 0 <= at < min(self.count, MAX_GRAPHS):
            raise Damaged(f"it has {self.count:,} graphs, and none with the number {at}")
        return Graph(self, at)

    def signatures(self) -> list[Signature]:
        """The ways to call it."""
        found, names = list[Signature](), 0  # signatures may share one list of many
        for one in self.root.items("signature_defs", MAX_GRAPHS):
            if (names := names + one.run("inputs")[1] + one.run("outputs")[1]) > MAX_TENSORS:
                raise Damaged(f"its signatures name more than {MAX_TENSORS:,} tensors")
            sides = [
                {item["tensor_index"]: item["name"] or "" for item in one.items(side, MAX_READ)}
                for side in ("inputs", "outputs")
            ]
            found.append(Signature(one["signature_key"] or "", one["subgraph_index"], *sides))
        return found

    def _operator(self, at: int) -> tuple[str, bool]:
        """The name of an operator, and whether it is a custom one: old files say its number in one byte."""
        table = self.root.item("operator_codes", at)
        code = max(table["builtin_code"], table["deprecated_builtin_code"])
        if not 0 <= code < len(NAMES) or code == LATER:
            raise Damaged(f"the operator {code} is not known")
        return (table["custom_code"] or "custom", True) if code == CUSTOM else (NAMES[code], False)

    def _stored(self, buffer: int) -> tuple[int, int]:
        """Where the bytes of a buffer lie, and how many there are: none where they were taken out of the file."""
        if not buffer:
            return 0, 0
        table = self.root.item("buffers", buffer)
        start, length = table.run("data")
        if not length and table["offset"] > 1:  # behind the flatbuffer, of a file of more than 2 GiB
            start, length = table["offset"], table["size"]
            if start + length > len(self.data):
                raise Damaged("a buffer leads out of the file")
        return start, length

    def numbers(self, tensor: Tensor, most: int = SMALL) -> tuple[Any, ...] | None:
        """The elements of a stored tensor; None where they are many, or not in the file. Raises Damaged where it does
        not hold as many as its shape says."""
        start, length = self.stored(tensor.buffer)
        count, kind = prod(tensor.shape), tensor.type
        if not length or tensor.sparse or tensor.kind == STRING:
            return None if count else ()
        if length != -(-count * kind.bits // 8):
            raise Damaged(
                f"the stored tensor {quoted(tensor.name)} has {length:,} bytes: its shape "
                f"{show(tensor.shape) or 'of one number'} of {kind.name} takes {-(-count * kind.bits // 8):,}"
            )
        return self.unpacked(start, count, kind.letter) if kind.letter and count <= most else None

    def _look(self, start: int, length: int) -> bytes:
        """Some bytes of the file, each of which is looked at a few times at most."""
        self.looked += length
        if self.looked > 3 * len(self.data):
            raise Damaged("its stored tensors lie over each other")
        return bytes(self.data[start : start + length])

    def _unpacked(self, start: int, count: int, letter: str) -> tuple[Any, ...]:
        form = Struct(f"<{count}{letter}")
        return form.unpack(self._look(start, form.size))

    def all_zero(self, tensor: Tensor) -> bool:
        """Whether the file holds a tensor's numbers, all of them zero."""
        return self.zeros(*self.stored(tensor.buffer))

    def _zeros(self, start: int, length: int) -> bool:
        return 0 < length <= 2**22 and not self._look(start, length).strip(b"\0")

    def least(self, tensor: Tensor, most: int) -> Any:
        """The least element of a stored tensor; None where they are many, or not in the file."""
        start, length = self.stored(tensor.buffer)
        count, letter = prod(tensor.shape), tensor.type.letter
        if not count or count > most or tensor.sparse or not letter or length != count * calcsize(f"<{letter}"):
            return None
        return self.lowest(start, count, letter)

    def _lowest(self, start: int, count: int, letter: str) -> Any:
        return min(self._unpacked(start, count, letter))


@contextmanager
def opened(path: str) -> Iterator[Model]:
    """The model of a file, while it is open. Raises InputError."""
    shown = printable(path)
    try:
        with open(path, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            yield Model(data)
    except Damaged as fact:
        raise InputError([Problem(f"{shown}: this is no TFLite model, or it is damaged: {fact.message}")]) from fact
    except InputError:  # a ValueError, which says itself what is wrong
        raise
    except (error, ValueError) as fact:
        raise InputError([Problem(f"{shown}: this is no TFLite model, or it is damaged")]) from fact
    except OSError as fact:
        raise InputError([Problem(f"{shown}: cannot be read: {fact.strerror}")]) from fact
