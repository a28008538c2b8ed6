"""The builder of a network from an ONNX file.

Each value gets its layout in the network once, when it is made: without the batch, and with channels last if
convolutions read it (``channels_first``: the file has channels first). An operator that needs another layout gets it by
a free reshape or permute.
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

WEIGHTS = {*FLOATS, 2, 3, 21, 22, 25, 26}  # element types of weights, including quantized ones
# Names of stored tensors that are not weights: coordinates, masks of shifted windows, statistics; and the endings
# that ONNX Runtime gives to the scale and zero point of a quantized tensor.
_NO_WEIGHTS = ("coord", "attn_mask", "running_mean", "running_var", "moving_mean", "moving_variance")
_QUANTIZER = ("_scale", "_zero_point")


def _is_literal(root: str) -> bool:
    """Whether PyTorch's tracer names constants in the code this way; it never names a parameter so."""
    return "/Constant_" in root and root.endswith("output_0")


class Unrun(NamedTuple):
    """A branch that does not run: its node, which branch, why (empty: the condition is constant), and what it
    stores."""

    name: str
    which: str
    reason: str
    roots: frozenset[str]


class Builder(StoredBuilder):
    """The network under construction. ``beside`` holds, for each node, the stored tensors that it uses as weights and
    the largest number of elements of each."""

    def __init__(
        self,
        batch: int,
        stored: MutableMapping[str, tuple[int, int]],
        is_image: Callable[[str], bool],
        roles: Mapping[str, Role] | None = None,
    ) -> None:
        super().__init__(stored)
        self.batch = batch
        self.asked = False  # whether the user stated the batch
        self.is_image = is_image  # whether the tensor of this name is an image: convolutions, pools or the like read it
        self.roles = roles or {}  # the roles of stored tensors that the file states
        self.owners: dict[str, str] = {}  # the graph that owns the stored tensors of each name
        self.at = ""  # the current node of the file
        self.scores = set[str]()  # the inputs of softmax nodes
        self.windowed = False  # whether a convolution or a pool reads an input directly
        self.scales = set[str]()  # stored scales and zero points
        self.quantized = set[str]()  # stored tensors with quantized elements, of any type
        self.no_weights = set[str]()  # stored tensors that turned out not to be weights
        self.given = frozenset[str]()  # stored tensors that are also inputs: defaults that the caller may replace
        self.unrun: dict[str, Unrun] = {}  # by the name of the graph

    # --- shapes ---------------------------------------------------------------------------------------------------

    def axes(self, value: Value) -> list[int]:
        """The file's axes in the network's order; without the batch, unless that axis also holds other positions."""
        axes = list(range(len(value.sizes)))
        if value.channels_first:
            axes.append(axes.pop(1))
        if value.batch is not None and value.sizes[value.batch] == self.batch:
            axes.remove(value.batch)
        return axes

    def shape(self, value: Value) -> Shape:
        """The network's shape of a value."""
        sizes = value.sizes
        if value.batch is not None and sizes[value.batch] % self.batch:
            raise Mixed(f"{sizes[value.batch]} positions do not fall to {self.batch} examples")
        return tuple([sizes[axis] // (self.batch if axis == value.batch else 1) for axis in self.axes(value)]) or (1,)

    def place(self, value: Value, axis: int) -> int:
        """The network's position of this axis of the file."""
        axes = self.axes(value)
        if axis not in axes:
            raise Mixed(f"it works along the axis of the {self.batch} examples")
        return axes.index(axis)

    @property
    def mixed(self) -> Invalid:
        """The error if the examples of a batch are mixed."""
        return Mixed(f"it mixes the {self.batch} examples of a batch: export the model for one example")

    def along(self, value: Value, axis: int) -> Value:
        """The value with this axis present in the network, even if it is the batch (of one)."""
        if axis == value.batch:
            if self.batch > 1:
                raise self.mixed
            return self.give(value, value.sizes, value.number, None, value.channels_first)
        return value

    def laid(self, value: Value, channels_first: bool) -> Value:
        """The value with channels last in the network (``channels_first``), or with its axes in the file's order."""
        if value.channels_first == channels_first or len(value.sizes) < 3:
            return value
        moved = value._replace(channels_first=channels_first)
        return moved._replace(number=self.view(value.number, self.shape(moved)))

    def image(self, value: Value) -> Value:
        """The value with channels last in the network; a first axis of size one is the batch."""
        value = self.laid(value, True)
        if value.batch is None and value.sizes[:1] == (1,) and self.batch == 1 and len(value.sizes) > 2:
            return self.give(value, value.sizes, value.number, 0, True)
        return value

    def view(self, number: int | None, shape: Shape) -> int:
        if number is None:
            raise Refused("its first operand is stored, but another input is computed")
        return super().view(number, shape)

    def rename(self, op: Rename, number: int) -> int:
        """Adds a node for a free rename, named after the current node of the file."""
        return self.add(f"{self.at}/{op.how}" if self.at else op.how, op, [number])

    # --- nodes ----------------------------------------------------------------------------------------------------

    def add(self, name: str, op: Op, sources: Sequence[int | None], weights: Iterable[Value | None] = ()) -> int:
        """Adds a node and returns the number of its tensor."""
        numbers = [source for source in sources if source is not None]
        return self.grow(self.unique(name), op, numbers, self.roots_of(weights))

    def roots_of(self, weights: Iterable[Value | None]) -> Roots:
        """The stored tensors in these values that are weights, each once, with the largest number of its elements that
        counts."""
        found: dict[str, int] = {}
        for value in weights:
            for root in self.weights(value) if value is not None else ():
                elements = value.some.get(root, self.stored[root][0]) if value is not None else 0
                found[root] = max(elements, found.get(root, 0))
        return tuple(found.items())

    def root(self, name: str, owner: str) -> str:
        """The key of a stored tensor of a graph: its name, unless another graph has a tensor of that name."""
        return name if self.owners.setdefault(name, owner) == owner else f"{owner}{name}"

    def weights(self, value: Value) -> tuple[str, ...]:
        """The stored tensors in a value that are weights: numbers, more than one or owned by a module, and not bounds,
        factors or indices. A value that is exactly one stored tensor counts as a weight when it is used as one, unless
        the file marks it as a constant. Buffers that the file marks are included."""
        roots = [root for root in value.roots if not _is_literal(root) and not self.is_constant(root)]
        own = [root for root in roots if not self._says_scale(root)]
        if len(own) > 1:
            own = [root for root in own if self.is_weight(root)] or own[:1]
        return (*own, *[root for root in roots if self._says_scale(root) and self.is_weight(root)])

    def is_weight(self, root: str) -> bool:
        """Whether a stored tensor is a weight by its element type, size and name, and by what the file states."""
        elements, kind = self.stored[root]
        if root in self.roles:
            return not self.is_constant(root) and kind in WEIGHTS
        if self._says_scale(root):
            return kind in FLOATS and elements > 1
        own = "." in root and root.rpartition(".")[2].isidentifier() and "/" not in root and "lifted" not in root
        excluded = any(word in root for word in _NO_WEIGHTS)
        numbers = kind in WEIGHTS or root in self.quantized
        return numbers and (elements > 1 or own) and not _is_literal(root) and not excluded

    def is_scale(self, root: str) -> bool:
        """Whether it is a scale or zero point of floating type. With one number per channel or block, it is a
        buffer."""
        return self._says_scale(root) and self.stored[root][1] in FLOATS

    def _says_scale(self, root: str) -> bool:
        named = any(root.endswith(end) and f"{root.removesuffix(end)}_quantized" in self.stored for end in _QUANTIZER)
        return named or root in self.scales

    def is_constant(self, root: str) -> bool:
        """Whether the file marks it as a floating-point constant, neither a parameter nor a buffer."""
        role = self.roles.get(root)
        return role is Role.CONSTANT or (role is Role.BUFFER and self.stored[root][1] not in FLOATS)

    def is_buffer(self, root: str) -> bool:
        """Whether a stored tensor is a buffer: marked so by the file, or a scale."""
        role = self.roles.get(root)
        return self.is_scale(root) if role is None else role is Role.BUFFER and not self.is_constant(root)

    def width(self, kind: int) -> int:
        """The width in bits of an element of this type."""
        return BITS.get(kind, 32)

    def constant(self, shape: Shape, roots: Iterable[str]) -> Constant:
        """What is made of these stored tensors in place of an input."""
        learned = [not self.is_buffer(root) for root in roots]
        return Constant(shape, any(learned), bool(learned) and not any(learned))

    def standing(self, name: str, value: Value) -> Value:
        """A stored value as a tensor of the network, which a layer reads in place of an input; any other value
        unchanged."""
        if not value.constant:
            return value
        operand = value._replace(roots=tuple(filter(self.is_weight, value.roots)))
        constant = self.constant(self.shape(operand), operand.roots)
        mark = len(self.nodes)
        number = self.add(f"{name}/constant", constant, (), (operand,))
        self.widen(number, BITS.get(value.kind), mark)
        return operand._replace(number=number, data=None, roots=())

    def for_each(self, value: Value) -> Value:
        """A stored value with equal untrained numbers for each example, such as a zero state: its first axis becomes
        the batch."""
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
        """The value of this shape for a tensor, in the layout that the network uses for such a value. ``batch`` is the
        axis of the examples; the element type is that of ``like``, unless ``kind`` is given. Raises Invalid for a shape
        that a tensor cannot have."""
        if len(shape) > MAX_AXES or any(size < 1 or size > MAX_SIZE for size in shape):
            raise Invalid(f"a tensor would be {show(shape) or 'empty'}: expected sizes from 1 to 2^63-1")
        value = Value(shape, kind or like.kind, None, None, channels_first and len(shape) > 2, batch)
        return value._replace(number=self.view(number, self.shape(value)))

    def like(self, value: Value, number: int) -> Value:
        """A tensor of the network with the axes and the layout of a value, but its own sizes."""
        sizes = list(value.sizes)
        for axis, size in zip(self.axes(value), self.tensors[number]):
            sizes[axis] = size * self.batch if axis == value.batch else size
        return self.give(value, tuple(sizes), number, value.batch, value.channels_first)

    def uncounted(self, call: Call, reason: str, shape: Shape | None, weights: Sequence[Value]) -> Value:
        """Adds an operator that cannot be counted, with its reason and the weights that it stores."""
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
        """Adds those of these weights to the last layer since ``mark`` that no layer since then has, and that are not
        scales or constants."""
        found = {root for roots in self.beside[mark:] for root, _ in roots} | self.no_weights
        lost = [(root, most) for root, most in self.roots_of(values) if root not in found]
        for at in range(len(self.nodes) - 1, mark - 1, -1) if lost else ():
            if self.nodes[at].op.writes:
                self.beside[at] += tuple(lost)
                break

    def kept(self, name: str, value: Value) -> list[int]:
        """The weights in a constant as tensors of the network, for a layer whose op counts no params of its own."""
        made, mark = [], len(self.nodes)
        for root, most in self.roots_of([value]):
            made.append(self.add(f"{name}/{root}", self.constant((most,), [root]), [], [value._replace(roots=(root,))]))
            self.widen(made[-1], BITS.get(self.stored[root][1]), mark)
        return made


class Named(NamedTuple):
    """The builder as an emitter for ``importers/common``: it names its nodes after one node of the file."""

    builder: Builder
    name: str

    def seen(self, value: Value) -> Shape:
        """The network's shape of a value."""
        return self.builder.shape(value)

    def emit(self, op: Op, *values: Value, weights: Iterable[Value | None] = (), label: str = "") -> Value:
        """Adds a node; see ``common.values.Emitter``."""
        name = f"{self.name}/{label}" if label else self.name
        return self.builder.like(values[0], self.builder.add(name, op, [value.number for value in values], weights))


Handler = Callable[[Builder, Call], Results]
