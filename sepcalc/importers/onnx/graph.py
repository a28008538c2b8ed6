"""The network that the values of a file become.

What the network sees of a value is decided once, where it is made: without the batch, and with the channels last where
convolutions read it (``channels_first``: the file has them first). Whoever needs it otherwise gets it through a free
reshape or permute.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import NamedTuple

from sepcalc.errors import Invalid, printable
from sepcalc.importers.common.branching import Roots as Roots
from sepcalc.importers.common.branching import StoredBuilder
from sepcalc.importers.common.graph_builder import MAX_AXES
from sepcalc.importers.onnx.provenance import Role
from sepcalc.importers.onnx.tensors import BITS, FLOATS
from sepcalc.importers.onnx.values import Call, Mixed, Refused, Results, Value
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.move import Constant
from sepcalc.ops.rename import Rename
from sepcalc.shape import MAX_SIZE, Shape, show

WEIGHTS = {*FLOATS, 2, 3, 21, 22, 25, 26}  # element types of weights, quantized ones too
# What names of stored tensors say that are no weights: coordinates, masks of shifted windows, statistics; and with what
# endings ONNX Runtime names what goes with a quantized one.
_NO_WEIGHTS = ("coord", "attn_mask", "running_mean", "running_var", "moving_mean", "moving_variance")
_QUANTIZER = ("_scale", "_zero_point")


def _is_literal(root: str) -> bool:
    """Whether its name is one that PyTorch's tracer gives to what stands in the code itself, never to a parameter."""
    return "/Constant_" in root and root.endswith("output_0")


class Unrun(NamedTuple):
    """A branch that does not run: of which node, which one, why (empty: its condition is constant), what it stores."""

    name: str
    which: str
    reason: str
    roots: frozenset[str]


class Builder(StoredBuilder):
    """The network so far; beside each node stand the stored tensors that it uses as weights, and how many elements of
    each at most."""

    def __init__(
        self,
        batch: int,
        stored: MutableMapping[str, tuple[int, int]],
        is_image: Callable[[str], bool],
        roles: Mapping[str, Role] | None = None,
    ) -> None:
        super().__init__(stored)
        self.batch = batch
        self.asked = False  # whether whoever asks for the network said so
        self.is_image = is_image  # whether convolutions and their like read the tensor of this name
        self.roles = roles or {}  # what a stored tensor is, where the file says so
        self.owners: dict[str, str] = {}  # the graphs that have stored tensors of these names
        self.at = ""  # the node of the file that is on its way
        self.scores = set[str]()  # what a softmax reads
        self.windowed = False  # whether a convolution or a pool reads an input as it was given
        self.scales = set[str]()  # stored tensors that say what quantized elements stand for
        self.quantized = set[str]()  # those that stand for other numbers, of any type
        self.no_weights = set[str]()  # stored tensors of which it was decided that they are none
        self.given = frozenset[str]()  # stored tensors that are inputs, too: others may be given in their place
        self.unrun: dict[str, Unrun] = {}  # by the graph that it is

    # --- shapes ---------------------------------------------------------------------------------------------------

    def axes(self, value: Value) -> list[int]:
        """The file's axes in the order in which the network has them; without the batch, unless more lies in it."""
        axes = list(range(len(value.sizes)))
        if value.channels_first:
            axes.append(axes.pop(1))
        if value.batch is not None and value.sizes[value.batch] == self.batch:
            axes.remove(value.batch)
        return axes

    def shape(self, value: Value) -> Shape:
        """What the network sees of a value of this shape."""
        sizes = value.sizes
        if value.batch is not None and sizes[value.batch] % self.batch:
            raise Mixed(f"{sizes[value.batch]} positions do not fall to {self.batch} examples")
        return tuple([sizes[axis] // (self.batch if axis == value.batch else 1) for axis in self.axes(value)]) or (1,)

    def place(self, value: Value, axis: int) -> int:
        """Where the network has this axis of the file."""
        axes = self.axes(value)
        if axis not in axes:
            raise Mixed(f"it works along the axis of the {self.batch} examples")
        return axes.index(axis)

    @property
    def mixed(self) -> Invalid:
        """What is wrong where the examples of a batch meet each other."""
        return Mixed(f"it mixes the {self.batch} examples of a batch: export the model for one example")

    def along(self, value: Value, axis: int) -> Value:
        """The value so that this axis is one of the network's, even if it is the batch (of one)."""
        if axis == value.batch:
            if self.batch > 1:
                raise self.mixed
            return self.give(value, value.sizes, value.number, None, value.channels_first)
        return value

    def laid(self, value: Value, channels_first: bool) -> Value:
        """The value with its channels last for the network (``channels_first``), or its axes in the file's order."""
        if value.channels_first == channels_first or len(value.sizes) < 3:
            return value
        moved = value._replace(channels_first=channels_first)
        return moved._replace(number=self.view(value.number, self.shape(moved)))

    def image(self, value: Value) -> Value:
        """The value with its channels last for the network; a first axis of one is that of the examples."""
        value = self.laid(value, True)
        if value.batch is None and value.sizes[:1] == (1,) and self.batch == 1 and len(value.sizes) > 2:
            return self.give(value, value.sizes, value.number, 0, True)
        return value

    def view(self, number: int | None, shape: Shape) -> int:
        if number is None:
            raise Refused("what it works on is stored, while another of its inputs is computed")
        return super().view(number, shape)

    def rename(self, op: Rename, number: int) -> int:
        return self.add(f"{self.at}/{op.how}" if self.at else op.how, op, [number])

    # --- nodes ----------------------------------------------------------------------------------------------------

    def add(self, name: str, op: Op, sources: Sequence[int | None], weights: Iterable[Value | None] = ()) -> int:
        """A node of the network; gives the number of its tensor."""
        numbers = [source for source in sources if source is not None]
        return self.grow(self.unique(name), op, numbers, self.roots_of(weights))

    def roots_of(self, weights: Iterable[Value | None]) -> Roots:
        """The stored tensors in these that are weights, each once, and how many elements of it at most."""
        found: dict[str, int] = {}
        for value in weights:
            for root in self.weights(value) if value is not None else ():
                elements = value.some.get(root, self.stored[root][0]) if value is not None else 0
                found[root] = max(elements, found.get(root, 0))
        return tuple(found.items())

    def root(self, name: str, owner: str) -> str:
        """What a stored tensor of a graph is called: by its name, unless another graph has one of that name."""
        return name if self.owners.setdefault(name, owner) == owner else f"{owner}{name}"

    def weights(self, value: Value) -> tuple[str, ...]:
        """The stored tensors in it that are weights: numbers, and more than one or a module's own; no bounds, factors
        or indices. What is one stored tensor, whatever it is, is the weight that it is used as, unless the file says
        that it is a constant; a buffer of the file's is one, too."""
        roots = [root for root in value.roots if not _is_literal(root) and not self.is_constant(root)]
        own = [root for root in roots if not self._says_scale(root)]
        if len(own) > 1:
            own = [root for root in own if self.is_weight(root)] or own[:1]
        return (*own, *[root for root in roots if self._says_scale(root) and self.is_weight(root)])

    def is_weight(self, root: str) -> bool:
        elements, kind = self.stored[root]
        if root in self.roles:
            return not self.is_constant(root) and kind in WEIGHTS
        if self._says_scale(root):
            return kind in FLOATS and elements > 1
        own = "." in root and root.rpartition(".")[2].isidentifier() and "/" not in root and "lifted" not in root
        told = any(word in root for word in _NO_WEIGHTS)
        numbers = kind in WEIGHTS or root in self.quantized
        return numbers and (elements > 1 or own) and not _is_literal(root) and not told

    def is_scale(self, root: str) -> bool:
        """Whether it says what quantized elements stand for, by numbers of floating type: a buffer, where it has one
        for each channel or block."""
        return self._says_scale(root) and self.stored[root][1] in FLOATS

    def _says_scale(self, root: str) -> bool:
        named = any(root.endswith(end) and f"{root.removesuffix(end)}_quantized" in self.stored for end in _QUANTIZER)
        return named or root in self.scales

    def is_constant(self, root: str) -> bool:
        """Whether the file says that it is neither trained nor a buffer, which is of floating type."""
        role = self.roles.get(root)
        return role is Role.CONSTANT or (role is Role.BUFFER and self.stored[root][1] not in FLOATS)

    def is_buffer(self, root: str) -> bool:
        told = self.roles.get(root)
        return self.is_scale(root) if told is None else told is Role.BUFFER and not self.is_constant(root)

    def width(self, kind: int) -> int:
        return BITS.get(kind, 32)

    def constant(self, shape: Shape, roots: Iterable[str]) -> Constant:
        """What is made of these stored tensors in place of an input."""
        learned = [not self.is_buffer(root) for root in roots]
        return Constant(shape, any(learned), bool(learned) and not any(learned))

    def standing(self, name: str, value: Value) -> Value:
        """A stored value as a tensor of the network, which a layer reads in place of an input; others as they are."""
        if not value.constant:
            return value
        operand = value._replace(roots=tuple(filter(self.is_weight, value.roots)))
        constant = self.constant(self.shape(operand), operand.roots)
        mark = len(self.nodes)
        number = self.add(f"{name}/constant", constant, (), (operand,))
        self.widen(number, BITS.get(value.kind), mark)
        return operand._replace(number=number, data=None, roots=())

    def for_each(self, value: Value) -> Value:
        """A stored value that holds the same numbers, which nobody trains, for each of the examples, as a state of
        zeros does: its first axis is theirs."""
        many = self.batch > 1 and value.sizes[:1] == (self.batch,)
        if not many or value.data is None or any(map(self.is_weight, value.roots)):
            return value
        numbers = value.data.numbers
        if numbers != numbers[: len(numbers) // self.batch] * self.batch:
            return value
        return value._replace(batch=0)

    def give(
        self,
        like: Value,
        shape: Shape,
        number: int | None,
        batch: int | None,
        channels_first: bool = False,
        kind: int = 0,
    ) -> Value:
        """The value of this shape that a tensor is, seen as the network sees such a value. ``batch`` is the axis of
        the examples; the type of elements is that of ``like``, unless ``kind`` says another. Raises Invalid for a shape
        that no tensor may have."""
        if len(shape) > MAX_AXES or any(size < 1 or size > MAX_SIZE for size in shape):
            raise Invalid(f"a tensor would be {show(shape) or 'empty'}: expected sizes from 1 to 2^63-1")
        value = Value(shape, kind or like.kind, None, None, channels_first and len(shape) > 2, batch)
        return value._replace(number=self.view(number, self.shape(value)))

    def like(self, value: Value, number: int) -> Value:
        """A tensor of the network that has the axes of a value, in its layout, and sizes of its own."""
        sizes = list(value.sizes)
        for axis, size in zip(self.axes(value), self.tensors[number]):
            sizes[axis] = size * self.batch if axis == value.batch else size
        return self.give(value, tuple(sizes), number, value.batch, value.channels_first)

    def uncounted(self, call: Call, reason: str, shape: Shape | None, weights: Sequence[Value]) -> Value:
        """What cannot be counted is listed, with its reason and the weights that it stores."""
        sources = [value.number for value in call.inputs if value is not None and not value.constant]
        known = shape if shape and all(size > 0 for size in shape) else None
        batch = 0 if known and len(known) > 1 and known[0] == self.batch else None
        channels_first = known is not None and len(known) > 2 and any(map(self.is_image, call.outputs))
        value = Value(known, 1, None, None, channels_first, batch)
        seen = self.shape(value) if known else (1,)
        number = self.add(call.name, Uncounted(printable(call.type)[:100], reason, seen), sources[:1000], weights)
        return value._replace(number=number)

    # --- weights --------------------------------------------------------------------------------------------------

    def keep(self, mark: int, values: Sequence[Value]) -> None:
        """Adds to the last layer since ``mark`` those of these weights that no layer since then has, and that nobody
        took for something else."""
        found = {root for roots in self.beside[mark:] for root, _ in roots} | self.no_weights
        lost = [(root, most) for root, most in self.roots_of(values) if root not in found]
        for at in range(len(self.nodes) - 1, mark - 1, -1) if lost else ():
            if self.nodes[at].op.writes:
                self.beside[at] += tuple(lost)
                break

    def kept(self, name: str, value: Value) -> list[int]:
        """The stored tensors in a constant that are weights, as tensors of the network: for what reads them and says
        no params of its own."""
        made, mark = [], len(self.nodes)
        for root, most in self.roots_of([value]):
            made.append(self.add(f"{name}/{root}", self.constant((most,), [root]), [], [value._replace(roots=(root,))]))
            self.widen(made[-1], BITS.get(self.stored[root][1]), mark)
        return made


class Named(NamedTuple):
    """The builder as the rooms of ``importers/common`` have it: its nodes are named after one of the file."""

    builder: Builder
    name: str

    def seen(self, value: Value) -> Shape:
        return self.builder.shape(value)

    def emit(self, op: Op, *values: Value, weights: Iterable[Value | None] = (), label: str = "") -> Value:
        name = f"{self.name}/{label}" if label else self.name
        return self.builder.like(values[0], self.builder.add(name, op, [value.number for value in values], weights))


Handler = Callable[[Builder, Call], Results]
