"""Builds the network: its nodes, tensors that know Keras' layout, and the calls of layers."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.graph_builder import GraphBuilder, numbered
from sepcalc.network import Node, Origin
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.rename import Rename
from sepcalc.ops.repeat import each
from sepcalc.shape import MAX_SIZE, Shape, show, volume


class Tensor(NamedTuple):
    """A tensor of the network by number. ``shape`` is Keras' shape without the batch; ``channels_first`` says that
    channels are first in it (the network has them last); ``sure`` is false if an unknown layer made the tensor and the
    file does not state its shape."""

    number: int
    shape: Shape
    channels_first: bool = False
    sure: bool = True

    @property
    def own(self) -> Shape:
        """The network's shape, channels last; a scalar has one element."""
        shape = (*self.shape[1:], self.shape[0]) if self.channels_first else self.shape
        return shape or (1,)


class Gap(NamedTuple):
    """A node that is not counted: the key of its weights, how many numbers its arguments hold, and whether the file may
    store weights for it (not for a function)."""

    key: str
    numbers: int
    stores: bool


class Builder(GraphBuilder[str]):
    """A network under construction; ``beside`` holds the key of each node's weights. Nodes with the same key share
    weights."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self.request = request
        self.gaps: dict[int, Gap] = {}
        self.unsure = set[str]()  # nodes with guessed weights, because the shape of their input is guessed
        self.batch: int | None = None  # the size of the inputs' first axis, if the file fixes it
        self.outer: tuple[int, ...] = ()  # the axes over which the current layers are distributed
        self.channels_first = False  # whether a layer reads images with channels first
        self.depth = 0
        self.stored_width: tuple[int, int] | None = None  # of the current layer
        self.run: Callable[[Any, str, str, list[Any], dict[str, Any]], list[Tensor]]  # runs a layer inside a wrapper

    def input(self, name: str, shape: Shape, channels_first: bool) -> Tensor:
        """Adds an input; all inputs come before the first node."""
        if name in self.inputs:
            raise Invalid(f"two inputs are called {quoted(name)}")
        tensor = Tensor(len(self.inputs), shape, channels_first)
        _check(tensor.own)
        self.inputs[name] = tensor.own
        self.tensors.append(tensor.own)
        return tensor

    def widen_input(self, name: str, dtype: Any) -> None:
        """Sets the element width of an input, if the file states it."""
        if (bits := policy(dtype)[0]) is not None:
            self.input_bits[name] = bits

    def add(self, name: str, key: str, op: Op, sources: Sequence[Tensor]) -> tuple[int, Shape]:
        """Adds a node; returns the number and the shape of its result (channels last, without the outer axes)."""
        outer = self.outer if sources else ()  # a node without inputs exists once
        inner = op.output(tuple([tensor.own for tensor in sources]))
        _check((*outer, *inner))
        if isinstance(op, Uncounted):  # it is recognized inside an Each, too
            op = op._replace(shape=(*outer, *inner))
        else:
            for size in range(len(outer)):
                op = each(op, (*outer[len(outer) - size :], *inner))
        number = self.grow(numbered(self.names, name), op, [tensor.number for tensor in sources], key)
        self.nodes[-1] = self.nodes[-1]._replace(stored_width=self.stored_width)
        return number, inner

    def back(self, count: int) -> None:
        super().back(count)
        self.gaps = {at: gap for at, gap in self.gaps.items() if at < count}

    @contextmanager
    def of_layer(self, class_name: str, module: Any, path: str, dtype: Any) -> Iterator[None]:
        """Sets the origin, and the element widths of the dtype policy, for the nodes of a layer."""
        before = self.origin, self.element_bits, self.stored_width
        package = f"{module}." if isinstance(module, str) and module else ""
        self.origin = Origin(printable(class_name), path, printable(f"{package}{class_name}"))
        self.element_bits, stored = policy(dtype)
        self.stored_width = None if stored is None else (stored, 8)  # in bytes per 8 numbers
        try:
            yield
        finally:
            self.origin, self.element_bits, self.stored_width = before

    @contextmanager
    def nesting(self) -> Iterator[None]:
        """Enters a layer that contains layers. Raises Invalid if they are nested too deeply."""
        if self.depth >= 30:
            raise Invalid("layers are nested more than 30 deep")
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def finished(self) -> list[Node]:
        """The nodes; those that share weights with others are marked."""
        users = Counter(self.beside)

        def shared(node: Node, key: str) -> bool:
            return users[key] > 1 and bool((cost := self.cost(node)).params or cost.buffers)

        both = zip(self.nodes, self.beside, strict=True)
        return [node._replace(weights=key) if shared(node, key) else node for node, key in both]


_BITS = {"bfloat16": 16, "bool": 8, "int4": 4, "float8": 8}


def policy(dtype: Any) -> tuple[int | None, int | None]:
    """The widths in bits of a dtype policy for a layer's results and for its weights; None if not stated.
    ``mixed_float16`` computes in float16 and stores float32."""
    config = dtype.get("config") if isinstance(dtype, dict) else None
    name = config.get("name") if isinstance(config, dict) else dtype
    if not isinstance(name, str):
        return None, None
    name, mixed = name.removeprefix("mixed_"), name.startswith("mixed_")
    said = re.fullmatch(r"(?:u?int|float|complex)(8|16|32|64|128)", name)
    bits = int(said[1]) if said else _BITS.get(name)
    return bits, 32 if mixed else bits


def _check(shape: Shape) -> None:
    if any(not 1 <= size <= MAX_SIZE for size in shape) or volume(shape) > MAX_SIZE:
        raise Invalid(f"a tensor would be {show(shape)[:200]}: expected sizes of at least 1, and at most 2^63-1 in all")


class Call:
    """One call of a layer: its arguments and settings, and the methods that add its nodes."""

    def __init__(
        self,
        model: Builder,
        name: str,
        class_name: str,
        config: dict[str, Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        *,
        expected: Sequence[Shape | None] = (),
        key: str = "",
    ) -> None:
        self.model = model
        self.name = name
        self.key = key or name
        self.class_name = class_name
        self.settings = Settings(config)
        self.args = args
        self.kwargs = kwargs
        self.expected = expected  # the output shapes that the file states
        self.tensors = list(tensors_in([args, {k: v for k, v in kwargs.items() if k not in ("mask", "training")}]))

    @property
    def x(self) -> Tensor:
        """The first input. Raises Invalid if there is none."""
        if not self.tensors:
            raise Invalid("it has no input tensor")
        return self.tensors[0]

    def inside(self, link: str, class_name: str, config: dict[str, Any], *args: Any, **kwargs: Any) -> "Call":
        """The call of a layer that is part of this one."""
        path, key = self.under(link)
        return Call(self.model, path, class_name, config, args, kwargs, key=key)

    def under(self, link: str) -> tuple[str, str]:
        """The path of a part of this layer, and the key of its weights."""
        return (f"{self.name}/{link}", f"{self.key}/{link}") if link else (self.name, self.key)

    def add(self, op: Op, *sources: Tensor, link: str = "") -> Tensor:
        """Adds a node that reads tensors of one layout and gives a tensor of the same layout. ``link`` names it inside
        the layer."""
        path, key = self.under(link)
        channels_first = bool(sources) and sources[0].channels_first
        number, own = self.model.add(path, key, op, sources)
        shape = (own[-1], *own[:-1]) if channels_first else own
        if not (sure := all(tensor.sure for tensor in sources)):
            self.model.unsure.add(key)
        return Tensor(number, shape, channels_first, sure)

    def seen(self, tensor: Tensor) -> Shape:
        """The network's shape of a tensor."""
        return tensor.own

    def emit(self, op: Op, *values: Tensor, weights: Iterable[Tensor | None] = (), label: str = "") -> Tensor:
        """Adds a node; see ``common.values.Emitter``. The layer's key identifies its weights."""
        return self.add(op, *values, link=label)

    def free(self, how: str, tensor: Tensor, shape: Shape, link: str = "", channels_first: bool = False) -> Tensor:
        """The tensor in another shape, or with its axes in another order (``permute``): free."""
        own = (*shape[1:], shape[0]) if channels_first else shape
        made = self.add(Rename(how, own or (1,)), tensor, link=link)
        return made._replace(shape=shape, channels_first=channels_first)

    def shaped(self, tensor: Tensor, shape: Shape, link: str) -> Tensor:
        """The tensor in this shape: a free node, unless it has that shape."""
        return tensor if tensor.shape == shape else self.free("reshape", tensor, shape, link)

    def plain(self, tensor: Tensor, link: str = "layout") -> Tensor:
        """The tensor in Keras' layout."""
        return self.free("permute", tensor, tensor.shape, link) if tensor.channels_first else tensor

    def channels_first(self, tensor: Tensor, link: str = "layout") -> Tensor:
        """A tensor whose Keras layout has channels first, as the network has images."""
        return tensor if tensor.channels_first else self.free("permute", tensor, tensor.shape, link, True)

    def alike(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Tensors that one op reads together, in a common layout."""
        if len({(tensor.channels_first, len(tensor.shape)) for tensor in tensors}) < 2:
            return list(tensors)
        return [self.plain(tensor) for tensor in tensors]

    def image(self, rank: int | None = None) -> Tensor:
        """The input in the layout of ``data_format``. Raises Invalid if the rank is wrong."""
        tensor = self.x
        if rank is not None and len(tensor.shape) != rank + 1:
            raise Invalid(
                f"it needs {rank} spatial {'axis' if rank == 1 else 'axes'} and channels, not {show(tensor.own)}"
            )
        choices = ("channels_last", "channels_first")
        channels_first = self.settings.word("data_format", choices, "channels_last") == "channels_first"
        return self.channels_first(tensor) if channels_first else self.plain(tensor)

    def uncounted(
        self,
        reason: str,
        shapes: Sequence[Shape] = (),
        link: str = "",
        called: str = "",
        stores: bool = True,
        axis: int | None = None,
    ) -> list[Tensor]:
        """Outputs of a layer that is not counted, with the given shapes, else the file's, else the input's. ``stores``
        says whether it may have weights; ``axis`` is the only axis along which it reads other positions, if known."""
        if not self.tensors:
            raise Invalid("it has no input tensor")
        known = list(shapes) or [shape for shape in self.expected if shape is not None]
        sources = [self.plain(tensor) for tensor in self.tensors[:1000]]
        sure = bool(known)
        if not sure:
            known = [sources[0].shape]
            reason += "; the file does not state its output shape, so the input shape is assumed"
        outputs = []
        for at, shape in enumerate(known):
            op = Uncounted(printable(called or self.class_name), reason, shape or (1,))
            op = op if axis is None else op.along(axis, (sources[0].shape or (1,),))
            made = self.add(op, *sources, link=link if not at else f"{link or 'output'}{at}")
            outputs.append(made._replace(shape=shape, channels_first=False, sure=sure))
        gap = Gap(self.under(link)[1], numbers_in([self.args, self.kwargs]), stores)
        self.model.gaps[outputs[0].number - len(self.model.inputs)] = gap
        return outputs


def tensors_in(value: Any, depth: int = 0) -> Iterable[Tensor]:
    """The tensors among arguments, in order."""
    if isinstance(value, Tensor):
        yield value
    elif depth < 50:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
            yield from tensors_in(item, depth + 1)


def numbers_in(value: Any, depth: int = 0) -> int:
    """How many numbers the arguments store: floating-point arrays with more than one element."""
    if isinstance(value, dict) and value.get("class_name") in ("__tensor__", "__numpy__"):
        config = value.get("config")
        flat = list(_flat(config.get("value") if isinstance(config, dict) else None))
        return len(flat) if len(flat) > 1 and any(isinstance(one, float) for one in flat) else 0
    if depth > 50 or isinstance(value, Tensor):
        return 0
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return sum(numbers_in(item, depth + 1) for item in items)


def _flat(value: Any, depth: int = 0) -> Iterator[Any]:
    if isinstance(value, list) and depth < 50:
        for item in value:
            yield from _flat(item, depth + 1)
    elif value is not None:
        yield value
