"""The base class of all ops, and helpers that they share."""

from collections.abc import Callable
from math import prod
from typing import NamedTuple, cast

from sepcalc.cost import COUNTS, Cost, Naming, plain
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.ops.arguments import Arguments, Written, letter
from sepcalc.options import Value
from sepcalc.shape import Shape, Shapes, broadcast_shape, show


class Window(NamedTuple):
    """The input positions that an output position depends on, along one axis. Each output depends on ``span`` input
    positions. The next output depends on positions ``stride / upscale`` further on. The first window begins at input
    position ``start``: negative in padding, None if unknown."""

    span: int
    stride: int = 1
    upscale: int = 1
    start: int | None = 0


class Multiple(NamedTuple):
    """A rule: the channels of ``tensor`` must be a multiple of ``factor``. ``tensor`` is the number of an input, or -1
    for the output. A factor that is ``handed_on`` is multiplied by the factors of the output's channels."""

    tensor: int
    factor: int
    handed_on: bool = False


class Ties(NamedTuple):
    """How the channels of an output depend on those of the inputs.

    ``same``: the numbers of the inputs with as many channels as the output. ``sums``: the numbers of the inputs whose
    channels add up to the output's; a number may occur several times. ``own``: the op's settings give the channels.
    ``fixed``: the channels are the same at any width. ``multiples``: which channels must be divisible.
    """

    same: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()
    own: bool = False
    fixed: bool = False
    multiples: tuple[Multiple, ...] = ()


Width = Callable[[int], int]  # output channels of a layer -> output channels at another width


class Op:
    """The base of all ops, which are tuples of their settings.

    ``label`` is the kind's name in reports. ``least`` and ``most`` are the numbers of inputs that it accepts.
    ``writes`` is false if the output is the input renamed or reordered: nothing is computed or stored. ``apart`` is
    true if no element depends on another channel. ``drawn`` is true of random numbers. ``holds`` is true of an op that
    contains other ops: as tuples, two of these may be equal though they contain ops of different types.
    """

    __slots__ = ()
    label = ""
    least: int = 1
    most: int = 1
    writes: bool = True
    apart: bool = False
    holds = False
    drawn: bool = False

    def kind(self, inputs: Shapes) -> str:
        """The kind that it is, however it was written: ``conv`` with a 1x1 kernel is a ``pointwise``."""
        return self.label

    def output(self, inputs: Shapes) -> Shape:
        """The shape of the output. Raises :class:`Invalid` if the op does not fit these inputs."""
        return inputs[0]

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        """The exact counts. With ``name=named`` each of them records its derivation. There is no default, so that no op
        costs zero by omission."""
        raise TypeError(f"{type(self).__name__} does not say what it costs")

    def moved(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        """The cost of writing the output without computing anything."""
        return Cost(activations=name("elements", *output))

    def detail(self, inputs: Shapes) -> str:
        """The settings that distinguish it from others of its kind, in a few words for a table."""
        return ""

    def effective_macs(self, inputs: Shapes, output: Shape, macs: int) -> int:
        """The number of ``macs`` whose input element is not padding."""
        return macs

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        """The positions of the first input that an output position depends on, per spatial axis; ``()`` for only its
        own position, None for all positions. There is no default: most ops use :meth:`in_place` or
        :meth:`everywhere`."""
        raise TypeError(f"{type(self).__name__} does not say what a position of its output sees")

    def in_place(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        """Each output position depends only on its own position."""
        return ()

    def everywhere(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        """Each output position depends on all positions."""
        return None

    def looking(self, axis: int, shape: Shape) -> tuple[Window, ...] | None:
        """Each output position depends on its own position, and on all others along one axis of the input."""
        at = range(len(shape))[axis]
        return () if at == len(shape) - 1 or shape[at] == 1 else None

    def beside(self, inputs: Shapes) -> int | None:
        """The axis along which it joins its inputs, so that an element depends on only one input; None for most ops."""
        return None

    def written(self, inputs: Shapes) -> Written:
        """The layer that builds it on these inputs. Raises :class:`Invalid` if the language has no words for it."""
        raise Invalid(f"{self.kind(inputs)} has no spec")

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        """How the channels of the output depend on those of the inputs. There is no default: most ops use
        :meth:`passing` or :meth:`untied`."""
        raise TypeError(f"{type(self).__name__} does not say what a change of width does to it")

    def passing(self, inputs: Shapes, output: Shape) -> Ties:
        """The output has the channels of its inputs, except of those that broadcast."""
        return Ties(tuple([at for at, shape in enumerate(inputs) if shape[-1] == output[-1]]))

    def untied(self, inputs: Shapes, output: Shape) -> Ties:
        """The output's channels follow from the shapes of the inputs; nothing else is known of them."""
        return Ties()

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> "Op":
        """The op in a network of another width or resolution, with inputs ``new`` in place of ``old``. ``wider`` maps
        its old output channels to the new ones. There is no default: most ops use :meth:`unchanged`. Raises
        :class:`Invalid` if the new op is not known."""
        raise TypeError(f"{type(self).__name__} does not say what a change of resolution does to it")

    def unchanged(self, old: Shapes, new: Shapes, wider: Width) -> "Op":
        """Its settings fit inputs of any size."""
        return self

    def places(self, shape: Shape, output: Shape) -> tuple[int | None, ...] | None:
        """For each axis of an input, the axis of the output that it becomes; None for one that is merged into another.
        Most ops keep each axis, and return None for all."""
        return None


class _Uncounted(NamedTuple):
    called: str
    reason: str
    shape: Shape
    stops: bool = False
    counts: tuple[str, ...] = COUNTS
    axis: int | None = None


class Uncounted(_Uncounted, Op):
    """An operator of a model file that sepcalc cannot count: the shape of its output is known, its cost is not. Its
    cost is only that of writing the output; a network with such an operator is incomplete, and says so. ``called`` is
    the operator's own name. ``reason`` says why it is not counted, and what to use instead. ``stops`` is true if
    nothing is known of what runs after it. ``counts`` are the unknown counts, by default all; for sorting, only the
    compares. ``axis`` is the only axis along which an element depends on other positions, and whose size may change
    (the other axes are those of the first input); None if unknown."""

    __slots__ = ()
    least = 0
    most = 1000
    cost = Op.moved

    def kind(self, inputs: Shapes) -> str:
        return self.called

    def output(self, inputs: Shapes) -> Shape:
        return self.shape

    @property
    def whole(self) -> bool:
        """Whether none of its counts is known."""
        return self.counts == COUNTS

    def along(self, axis: int, inputs: Shapes) -> "Uncounted":
        """The same operator, with ``axis`` set if the sizes along the other axes are those of its first input."""
        like = inputs[0] if inputs else ()
        if len(like) != len(self.shape):
            return self
        at = range(len(like))[axis]
        return self._replace(axis=at) if (*like[:at], self.shape[at], *like[at + 1 :]) == self.shape else self

    def written(self, inputs: Shapes) -> Written:
        options: dict[str, Value | None] = {"to": self.shape, "counts": None if self.whole else self.counts}
        axis = None if self.axis is None else letter(self.axis, self.shape) or "c"
        return Written("uncounted", (self.called,), {**options, "stops": self.stops or None, "axis": axis})

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return None if self.axis is None else self.looking(self.axis, inputs[0])

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return self.untied(inputs, output) if self.axis is None else self.passing(inputs, output)

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        if self.axis is not None:
            sizes, at = list(new[0]), self.axis
            sizes[at] = sizes[at] if self.shape[at] == old[0][at] else self.shape[at]
            return self._replace(shape=tuple(sizes))
        return self._replace(shape=renamed(self.called, self.shape, old, new))


class Link(NamedTuple):
    """One op of a layer that is a chain. ``sources`` are the numbers of its inputs: the layer's inputs come first, then
    the earlier links."""

    name: str
    op: Op
    sources: tuple[int, ...]


Chain = tuple[Link, ...]
Builder = Callable[[Arguments], Op | Chain]


def broadcast(shapes: Shapes, what: str) -> Shape:
    """The shape to which all of these broadcast by NumPy's rule: aligned at the channels, with sizes equal or 1. Raises
    :class:`Invalid` if there is none; ``what`` is the name of the op in the message."""
    result = broadcast_shape(shapes)
    if result is None:
        raise Invalid(
            f"{what} cannot combine {' and '.join(map(show, shapes))}",
            "sizes must be equal, or 1 on one side, counted from the channels",
        )
    return result


def renamed(what: str, to: Shape, old: Shapes, new: Shapes) -> Shape:
    """The sizes ``to`` of a network at another width or resolution. Each is the size of an axis of ``old``, and becomes
    the size of that axis in ``new``. Raises :class:`Invalid` if axes of one size in ``old`` differ in ``new``."""
    if old == new:
        return to
    known: dict[int, set[int]] = {1: {1}}
    for before, after in zip(old, new, strict=True):
        for size, now in zip(before, after, strict=True):
            known.setdefault(size, set()).add(now)
    sizes = [known.get(size, set()) for size in to]
    if any(len(size) != 1 for size in sizes):
        raise Invalid(f"{what} to {show(to)} does not say what it is of {' and '.join(map(show, new))}")
    return tuple([min(size) for size in sizes])


def stretched(shape: Shape, old: Shape, new: Shape) -> Shape:
    """A stored shape that broadcasts with ``old`` (aligned at the channels), adapted to broadcast with ``new``."""
    common = min(len(shape), len(old))
    axes = zip(shape[-common:], old[-common:], new[-common:])
    return (*shape[:-common], *[now if size == before > 1 else size for size, before, now in axes])


def spatial(shape: Shape) -> int:
    """The number of spatial positions; 1 for a vector."""
    return prod(shape[:-1])


def require_spatial(shape: Shape, what: str) -> None:
    """Raises :class:`Invalid` if the shape is a vector; ``what`` is the kind that needs a spatial axis."""
    if len(shape) < 2:
        raise Invalid(f"{what} needs a spatial axis, but the input {show(shape)} is a vector")


def _uncounted(given: Arguments) -> Op:
    names = cast("tuple[str, ...]", given.options.get("counts", COUNTS))
    for name in names:
        if name not in COUNTS:
            expected = f"{quoted(name)} is no count: expected {', '.join(COUNTS)}"
            raise Invalid(expected, near_miss(name, COUNTS), "counts")
    counts = tuple([count for count in COUNTS if count in names])
    if COUNTS[0] in counts and counts != COUNTS:
        raise Invalid("if macs are unknown, all counts are", "leave out --counts", "counts")
    op = Uncounted(given.words[0], "it is written as uncounted", given.sizes("to"), given.on("stops"), counts)
    if "axis" not in given.options:
        return op
    kept = op.along(given.axis() if given.inputs else 0, given.inputs)
    if kept.axis is None:
        have = " and ".join(map(show, given.inputs)) or "none"
        expected = f"--axis keeps the sizes of the input along all other axes: {show(op.shape)} of {have}"
        raise Invalid(expected, about="axis")
    return kept


BUILD: dict[str, Builder] = {"uncounted": _uncounted}
