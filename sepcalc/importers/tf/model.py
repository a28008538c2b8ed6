"""A TensorFlow file: its nodes, functions, signatures, variables and stored numbers."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import prod
from struct import Struct
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, bad_input, printable, quoted
from sepcalc.importers.common.attributes import Attributes
from sepcalc.importers.common.graph_builder import MAX_AXES, MAX_NODES
from sepcalc.importers.common.protobuf import Message, read
from sepcalc.importers.common.protobuf_text import MAX_TEXT, read_text
from sepcalc.importers.common.tensorflow.graph import SMALL, Type
from sepcalc.importers.tf.schema import NUMBERS, TENSORFLOW, type_of
from sepcalc.shape import Shape, show

# The fields of a tensor that hold its numbers, by the letter of their type.
_FIELDS = {"f": "float_val", "d": "double_val", "q": "int64_val", "?": "bool_val", "I": "uint32_val", "Q": "uint64_val"}


FLOATS = 16  # numbers up to which those of floats are looked at: axes and sizes are whole


# Of operators of loops and branches, how many tensors each reads at least.
_LEAST = {"Switch": 2, "RefSwitch": 2, "NextIteration": 1, "RefNextIteration": 1, "Exit": 1, "Identity": 1}


class Tensor(NamedTuple):
    """A tensor as the file says it: sizes that are open stand as 1."""

    name: str
    shape: Shape
    type: Type
    open: frozenset[int] = frozenset()
    ranked: bool = True
    content: Any = None  # of a constant


def message_of(value: Any, key: str, kind: str) -> Any:
    """A value that is a message of this kind, or None. Raises Invalid for any other."""
    if value is not None and not isinstance(value, TENSORFLOW[kind]):
        raise Invalid(f"{key} is no {kind.lower()}")
    return value


class Attrs(Attributes):
    """The attributes of a node; ``bound`` are those of the function that it stands in."""

    def __init__(self, every: Iterable[Message], bound: "Attrs | None" = None) -> None:
        self.every: Mapping[str, Any] = {one.key: one.value for one in every}  # type: ignore[attr-defined]  # by schema
        self.bound = bound

    def message(self, key: str, kind: str) -> Any:
        """A message of this kind; None where it is missing. Raises Invalid."""
        return message_of(self.get(key), key, kind)

    def within(self, bound: "Attrs | None") -> "Attrs":
        """The same in a function that has these."""
        copy = Attrs((), bound)
        copy.every = self.every
        return copy

    def get(self, *keys: str) -> Any:
        value = next((self.every[key] for key in keys if key in self.every), None)
        if value is None:
            return None
        if value.has("placeholder"):
            return self.bound.get(value.placeholder) if self.bound is not None else None
        if value.has("list"):
            return next((tuple(map(_plain, items)) for items in value.list.__dict__.values()), ())
        kind, found = next(iter(value.__dict__.items()), ("", None))
        return bool(found) if kind == "b" else _plain(found)


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class Node(NamedTuple):
    """A node: its inputs are those of data, then the nodes that it waits for."""

    name: str
    op: str
    inputs: tuple[str, ...]
    waits: tuple[str, ...]
    attrs: Attrs


class Body:
    """A graph, or the body of a function: ``inputs`` are names that are given, ``outputs`` references."""

    def __init__(
        self, name: str, nodes: Iterable[Any], inputs: Iterable[str] = (), outputs: Iterable[str] = ()
    ) -> None:
        self.name, self.inputs, self.outputs = name, [*inputs], [*outputs]
        self.nodes: dict[str, Any] = {}
        for one in nodes:
            if not one.name or one.name in self.nodes:
                raise Invalid(f"the name {quoted(one.name)} stands for more than one node")
            self.nodes[one.name] = one
        self.made: dict[str, Node] = {}

    def node(self, name: str) -> Node:
        """The node of this name. Raises Invalid."""
        if name not in self.made:
            if (one := self.nodes.get(name)) is None:
                raise Invalid(f"there is no node {quoted(name)}")
            data = tuple([given for given in one.input if given[:1] != "^"])
            waits = tuple([given[1:] for given in one.input if given[:1] == "^"])
            if len(data) < _LEAST.get(one.op, 0):
                raise Invalid(f"{quoted(name)}, {one.op}, reads too few tensors")
            self.made[name] = Node(name, one.op, data, waits, Attrs(one.attr))
        return self.made[name]

    def __iter__(self) -> Iterator[Node]:
        return map(self.node, self.nodes)


class Signature(NamedTuple):
    """A way to call a file: what it takes and gives by name, as references to tensors with what is said of them."""

    name: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


_OWN = ("__saved_model_init_op", "__saved_model_train_op")  # signatures that nobody calls


class Model:
    """A file that was read."""

    def __init__(self, graph: Any, signatures: Iterable[Any] = (), variables: Iterable[Any] = ()) -> None:
        if len(graph.node) > MAX_NODES:  # before anything looks at each
            raise Invalid(f"it has {len(graph.node):,} nodes", f"expected at most {MAX_NODES:,}")
        self.graph = Body("", graph.node)
        self.library: dict[str, Any] = {one.signature.name: one for one in graph.library.function}
        self.bodies: dict[str, Body] = {}
        self.signatures = [
            Signature(
                one.key, *[{info.key: info.value for info in side} for side in (one.value.inputs, one.value.outputs)]
            )
            for one in signatures
            if one.key not in _OWN
        ]
        named = [one.variable for one in variables if one.variable.name]
        self.variables: dict[str, Any] = {one.name: one for one in named}
        self.trained_variables = [one for one in named if one.trainable]

    def body(self, name: str) -> Body:
        """A function of the library. Raises Invalid."""
        if name not in self.bodies:
            if (one := self.library.get(name)) is None:
                raise Invalid(f"there is no function {quoted(name)}")
            said = {ret.key: ret.value for ret in one.ret}
            outputs = [said.get(arg.name, "") for arg in one.signature.output_arg]
            inputs = [arg.name for arg in one.signature.input_arg]
            self.bodies[name] = Body(name, one.node_def, inputs, outputs)
        return self.bodies[name]

    def all_zero(self, tensor: Tensor) -> bool:
        """No: biases of zeros are those of a model that is not trained yet, as no converter adds them."""
        return False

    def least(self, tensor: Tensor, most: int) -> Any:
        return min(numbers(tensor, most, most) or (None,)) if prod(tensor.shape) <= most else None

    @cached_property
    def trained(self) -> bool:
        """Whether the file says which variables are trained."""
        return bool(self.variables)


def shaped(name: str, shape: Any, kind: Type, content: Any = None) -> Tensor:
    """A tensor of a shape of the file. Raises Invalid."""
    sizes = tuple([one.size for one in shape.dim])
    if len(sizes) > MAX_AXES or min(sizes, default=0) < -1:
        raise Invalid(f"{quoted(name)} has the shape {list(sizes)[:MAX_AXES]}")
    left = frozenset([at for at, size in enumerate(sizes) if size < 0])
    return Tensor(
        name, tuple([max(1, size) if size < 0 else size for size in sizes]), kind, left, not shape.unknown_rank, content
    )


def stored(name: str, content: Any) -> Tensor:
    """The tensor of a constant. Raises Invalid for one that leaves sizes open."""
    tensor = shaped(name, content.tensor_shape, type_of(content.dtype), content)
    if tensor.open or not tensor.ranked:
        raise Invalid(f"the constant {quoted(name)} has no shape of its own")
    return tensor


def numbers(tensor: Tensor, most: int = SMALL, floats: int = FLOATS) -> tuple[Any, ...] | None:
    """The elements of a constant; None where they are many, or not in the file. Raises Invalid where it does not hold
    as many as its shape says."""
    said, count, letter = tensor.content, prod(tensor.shape), tensor.type.letter
    if count > (floats if tensor.type.is_float else most) or not letter or said is None:
        return None if count else ()
    raw = said.tensor_content
    form = Struct(f"<{count}{letter}")
    if len(raw):
        if len(raw) != form.size:
            raise Invalid(
                f"the constant {quoted(tensor.name)} has {len(raw):,} bytes: its shape "
                f"{show(tensor.shape) or 'of one number'} of {tensor.type.name} takes {form.size:,}"
            )
        return form.unpack(raw.read())
    listed: list[Any] = getattr(said, "half_val" if letter == "e" else _FIELDS.get(letter, "int_val"))
    if letter == "e":
        listed = [Struct("<e").unpack(Struct("<H").pack(bits & 0xFFFF))[0] for bits in listed]
    if not listed:  # nothing at all stands for zeros, or was taken out of the file
        return (0,) * count if not tensor.type.is_float and not said.elsewhere else None if count else ()
    if len(listed) > count:
        raise Invalid(f"the constant {quoted(tensor.name)} has {len(listed):,} numbers: its shape has {count:,}")
    return (*listed, *listed[-1:] * (count - len(listed)))


def opened(path: str) -> Model:
    """The model of a file. Raises InputError, and Invalid for what is damaged."""
    shown = printable(path)
    try:
        with open(path, "rb") as file:
            if path.lower().endswith(".pbtxt"):
                return Model(read_text(file.read(MAX_TEXT + 1), TENSORFLOW, "Graph", NUMBERS))
            head = file.read(3)
            file.seek(0)
            if head == b"\x08\x01\x12":
                every = read(file, TENSORFLOW, "SavedModel").meta_graphs
            elif path.lower().endswith(".meta"):
                every = [read(file, TENSORFLOW, "MetaGraph")]
            else:
                return Model(read(file, TENSORFLOW, "Graph"))
    except OSError as error:
        raise bad_input(f"{shown}: cannot be read: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        if isinstance(error, Invalid):
            raise
        raise bad_input(f"{shown}: this is no TensorFlow graph, or it is damaged: {error}") from error
    served = next((one for one in every if "serve" in one.meta_info_def.tags), every[0] if every else None)
    if served is None:
        raise bad_input(f"{shown}: it holds no graph")
    return Model(served.graph_def, served.signature_def, served.object_graph_def.nodes)
