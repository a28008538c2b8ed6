"""The network that the tensors of a file become, TFLite's or TensorFlow's.

A value keeps the shape that the file gives it. The network sees it without a first axis of one, which is that of the
examples: ``1x224x224x3`` is ``224x224x3``. Channels are last in both.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from sepcalc.errors import Invalid, printable
from sepcalc.importers.common.attributes import Attributes
from sepcalc.importers.common.branching import Roots, StoredBuilder
from sepcalc.importers.common.graph_builder import MAX_AXES
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.move import Constant
from sepcalc.ops.rename import Rename
from sepcalc.shape import MAX_SIZE, Shape, show

SMALL = 1024  # elements of a stored tensor up to which they are read


class Type(NamedTuple):
    """A type of elements: its width in bits (0: not known), the letter of ``struct`` where one reads its numbers, and
    whether numbers of it may be weights by themselves."""

    name: str
    bits: int
    letter: str = ""
    weighs: bool = False

    @property
    def is_float(self) -> bool:
        return self.name.startswith(("float", "bfloat"))


INT32, NOTHING = Type("int32", 32, "i"), Type("", 0)


class Tensor(Protocol):
    """A tensor as the file says it: ``open`` are the axes whose sizes stand for any; ``ranked``: its shape is said."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def type(self) -> Type: ...
    @property
    def open(self) -> frozenset[int]: ...
    @property
    def ranked(self) -> bool: ...


class File(Protocol):
    """A file whose stored numbers may be looked at."""

    def all_zero(self, tensor: Any) -> bool:
        """Whether the file holds a tensor's numbers, all of them zero."""

    def least(self, tensor: Any, most: int) -> Any:
        """The least element of a stored tensor; None where they are more than ``most``, or not in the file."""


class Refused(Exception):
    """An operator, or a form of it, that cannot be counted; the text is the reason."""


class Misfit(Exception):
    """An error, and the operator that it is about."""

    def __init__(self, where: str, fact: Invalid) -> None:
        super().__init__(where)
        self.where, self.fact = where, fact


class Unknown(Exception):
    """The shape of a tensor depends on the data; the text is its name."""


class Value(NamedTuple):
    """A tensor. ``shape`` is None where it depends on the data; ``number`` is the network's (None: it does not depend
    on the inputs, and is prepared beforehand); ``data`` are its elements where they are few and known; ``roots`` are
    the stored tensors that a constant was made from; ``tensor`` is the file's own."""

    shape: Shape | None
    kind: Type
    number: int | None = None
    data: tuple[Any, ...] | None = None
    roots: Roots = ()
    name: str = ""
    tensor: Tensor | None = None
    items: Any = None  # of a list of tensors, whose own shape says nothing

    @property
    def constant(self) -> bool:
        return self.number is None

    @property
    def sizes(self) -> Shape:
        """The shape. Raises Unknown if it depends on the data."""
        if self.shape is None:
            raise Unknown(self.name)
        return self.shape

    def numbers(self, what: str) -> Shape:
        """Its elements as whole numbers. Raises Refused if they are not known."""
        if self.data is None:
            raise Refused(f"{what} computed from the data" if self.number is not None else f"{what} not in the file")
        return tuple([int(number) for number in self.data])


class _Call(NamedTuple):
    name: str
    type: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[Tensor, ...]
    options: Attributes
    raw: bytes = b""
    row: str = ""


class Call(_Call, Attributes):
    """One operator of the file with what it reads. ``type`` is the file's name of it, ``row`` the one of its row;
    ``raw`` the options of a custom operator."""

    __slots__ = ()

    def get(self, *keys: str) -> Any:
        return self.options.get(*keys)

    def input(self, at: int) -> Value:
        """A required input. Raises Invalid if it is missing."""
        if (value := self.maybe(at)) is None:
            raise Invalid(f"{self.type} lacks its input {at + 1}")
        return value

    def maybe(self, at: int) -> Value | None:
        return self.inputs[at] if at < len(self.inputs) else None

    @property
    def given(self) -> list[Value]:
        """The inputs that are present."""
        return [value for value in self.inputs if value is not None]

    def axis_at(self, axis: int, rank: int) -> int:
        """An axis as a position from 0. Raises Invalid."""
        if not -rank <= axis < rank:
            raise Invalid(f"the axis {axis} is none of {rank}")
        return axis % rank


def seen(shape: Shape) -> Shape:
    """The network's shape of a shape of the file: without a first axis of size 1."""
    return shape[1:] if len(shape) > 1 and shape[0] == 1 else shape or (1,)


class Builder(StoredBuilder):
    """The network so far; beside each node stand the stored tensors that it uses as weights. ``batch`` is by how many
    examples its inputs were divided; ``altered`` whether they are of other sizes than in the file. ``stored`` has the
    number of elements and their width in bits."""

    def __init__(self, batch: int = 1, altered: bool = False) -> None:
        super().__init__({})
        self.batch, self.altered = batch, altered
        self.run: Callable[[Any, Sequence[Value]], list[Value]]  # a graph, by its number or name, on these values
        self.model: File | None = None  # the file, where its numbers may be looked at
        self.at = "layer"  # what the nodes of the operator on its way are called
        self.files: dict[str, Any] = {}  # the stored tensors by name
        self.no_weights: set[str] = set()  # those of which it was decided that they are none
        self.biases: set[str] = set()
        self.steps, self.choices = 0, 0  # operators that were walked; of those, choices between graphs

    # --- nodes ----------------------------------------------------------------------------------------------------

    def rename(self, op: Rename, number: int) -> int:
        return self.grow(self.unique(f"{self.at}/{op.how}"), op, [number], ())

    def width(self, kind: int) -> int:
        return kind

    def view(self, number: int | None, shape: Shape) -> int:
        if number is None:
            raise Refused("its first input is stored, but another input is computed")
        return super().view(number, shape)

    def add(self, op: Op, numbers: Sequence[int | None], weights: Iterable[Value | None] = (), label: str = "") -> int:
        """Adds a node, and returns the number of its tensor."""
        name = self.unique(f"{self.at}/{label}" if label else self.at)
        return self.grow(name, op, [one for one in numbers if one is not None], merged(weights, self.weighs))

    def seen(self, value: Value) -> Shape:
        return seen(value.sizes)

    def emit(self, op: Op, *values: Value, weights: Iterable[Value | None] = (), label: str = "") -> Value:
        """A node that reads these values, as the rooms of ``importers/common`` want it: what it gives has the axes of
        the first of them."""
        number = self.add(op, [self.view(value.number, seen(value.sizes)) for value in values], weights, label)
        shape, first = self.tensors[number], values[0].sizes
        alike = first if shape == seen(first) else (1, *shape) if first != seen(first) else shape
        return values[0]._replace(number=number, data=None, roots=(), shape=alike)

    def give(self, number: int, shape: Shape, kind: Type = NOTHING) -> Value:
        """The value of this shape in the file that a tensor of the network is."""
        if len(shape) > MAX_AXES or any(not 1 <= size <= MAX_SIZE for size in shape):
            raise Invalid(f"a tensor would be {show(shape)}: expected sizes from 1 to 2^63-1")
        return Value(shape, kind, self.view(number, seen(shape)))

    def standing(self, value: Value, weighs: bool = True) -> Value:
        """A stored value as a tensor of the network, which a layer reads in place of an input; others as they are."""
        if not value.constant:
            return value
        own = value._replace(roots=self.weights(value) if weighs else ())
        bits, self.element_bits = self.element_bits, value.kind.bits or None
        number = self.add(Constant(seen(value.sizes), bool(own.roots)), (), [own], "constant")
        self.element_bits = bits
        return value._replace(number=number, roots=(), data=None)

    def uncounted(self, call: Call, reason: str, shape: Shape | None) -> Value:
        """Lists an operator that is not counted, with the reason and the weights that it stores."""
        known = shape if shape is not None and all(1 <= size <= MAX_SIZE for size in shape) else None
        op = Uncounted(printable(call.type)[:100], reason, seen(known) if known is not None else (1,))
        numbers = list(dict.fromkeys(value.number for value in call.given if value.number is not None))[:1000]
        stored = [value._replace(roots=self.weights(value)) for value in call.given if value.constant]
        return Value(known, NOTHING, self.add(op, numbers, stored), name=call.name)

    # --- weights --------------------------------------------------------------------------------------------------

    def weighs(self, root: str) -> bool:
        """Whether elements of its type may be weights. Integers of 32 and 64 bits are indices and sizes."""
        kind: Type = self.files[root].type
        return kind.weighs

    def weights(self, value: Value) -> Roots:
        """The stored tensors in it that are weights where no role says so: of more than one element."""
        own = [(root, most) for root, most in value.roots if self.weighs(root) and root not in self.no_weights]
        return tuple([(root, most) for root, most in own if self.stored[root][0] > 1])

    def lost(self, root: str) -> bool:
        """Whether it may be a weight and no layer uses it."""
        own = self.weighs(root) and self.stored[root][0] > 1
        return own and root not in self.used and root not in self.no_weights

    def biased(self, bias: Value | None) -> bool:
        """Whether a layer has a bias. Stored biases of zeros are remembered."""
        for root, _ in bias.roots if bias is not None else ():
            self.biases.add(root)
            if self.model is not None and self.model.all_zero(self.files[root]):
                self.zeros.add(root)
        return bias is not None

    def keep(self, mark: int, values: Iterable[Value]) -> None:
        """Adds to the last layer since ``mark`` those of these weights that no layer since then has."""
        found = {root for roots in self.beside[mark:] for root, _ in roots} | self.no_weights
        every = merged([value._replace(roots=self.weights(value)) for value in values if value.constant])
        lost = [(root, most) for root, most in every if root not in found]
        for at in range(len(self.nodes) - 1, mark - 1, -1) if lost else ():
            if self.nodes[at].op.writes:
                self.beside[at] += tuple(lost)
                break


def merged(values: Iterable[Value | None], weighs: Any = None) -> Roots:
    """The stored tensors in these, each once, with the most elements that one of them has."""
    found: dict[str, int] = {}
    for value in values:
        for root, most in value.roots if value is not None else ():
            if weighs is None or weighs(root):
                found[root] = max(most, found.get(root, 0))
    return tuple(found.items())
