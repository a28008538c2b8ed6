"""What every op has in common."""

from collections.abc import Callable
from math import prod
from typing import NamedTuple, cast

from sepcalc.cost import COUNTS, Cost, Naming, plain
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.ops.arguments import Arguments, Written
from sepcalc.shape import Shape, Shapes, broadcast_shape, show


class Window(NamedTuple):
    """How an output position looks at one axis of the input: ``span`` positions wide, each next output
    ``stride / upscale`` positions further; the first from position ``start`` on, below 0 in padding, None where that
    is not known."""

    span: int
    stride: int = 1
    upscale: int = 1
    start: int | None = 0


class Multiple(NamedTuple):
    """The channels of an input (by its number; -1: of the output) must be a multiple of ``factor``; where it is
    ``handed_on``, of ``factor`` times what the output's must be a multiple of."""

    tensor: int
    factor: int
    handed_on: bool = False


class Ties(NamedTuple):
    """How the channels of an output depend on those of the inputs, which are told by their numbers: they are the same
    as those of ``same``; or the sum of those of ``sums``, where an input may stand several times; or the op's ``own``
    to choose; or ``fixed`` at any width."""

    same: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()
    own: bool = False
    fixed: bool = False
    multiples: tuple[Multiple, ...] = ()


Width = Callable[[int], int]


class Op:
    """The base of all ops, which are tuples of their settings.

    ``label`` is the kind that reports name it by, ``least`` and ``most`` are how many inputs it takes, ``writes``
    is false where the output is the input renamed or reordered, so that nothing is computed and nothing stored,
    ``apart`` is true where no element of a position sees another's channel, ``drawn`` of random numbers.
    ``holds`` says that there are ops in it: as tuples, two of these may be equal though their ops are of other types.
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
        """What it is, however it was written: ``conv`` with a 1x1 kernel is a ``pointwise``."""
        return self.label

    def output(self, inputs: Shapes) -> Shape:
        """The shape of the output. Raises :class:`Invalid` when the op does not fit these inputs."""
        return inputs[0]

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        """The exact counts; with ``name=named`` each of them remembers its derivation. There is no default:
        a kind that does not say what it costs must not be worth zero."""
        raise TypeError(f"{type(self).__name__} does not say what it costs")

    def moved(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        """The cost of writing the output, where nothing is computed."""
        return Cost(activations=name("elements", *output))

    def detail(self, inputs: Shapes) -> str:
        """The settings that tell it from others of its kind, in a few words for a table."""
        return ""

    def effective_macs(self, inputs: Shapes, output: Shape, macs: int) -> int:
        """Those macs whose input element is not padding."""
        return macs

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        """Per spatial axis, what an output position sees of the first input; ``()`` when each sees its own
        position alone, ``None`` when each sees everything. There is no default: :meth:`in_place` and
        :meth:`everywhere` are what most ops say."""
        raise TypeError(f"{type(self).__name__} does not say what a position of its output sees")

    def in_place(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        """Each output position sees its own alone."""
        return ()

    def everywhere(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        """Each output position sees everything."""
        return None

    def beside(self, inputs: Shapes) -> int | None:
        """The axis along which its inputs lie one after another, so that an element sees one of them alone."""
        return None

    def written(self, inputs: Shapes) -> Written:
        """The layer that builds it on these inputs. Raises :class:`Invalid` where the language has no words for it."""
        raise Invalid(f"{self.kind(inputs)} has no spec")

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        """How the channels of the output depend on those of the inputs. There is no default: :meth:`passing` and
        :meth:`untied` are what most ops say."""
        raise TypeError(f"{type(self).__name__} does not say what a change of width does to it")

    def passing(self, inputs: Shapes, output: Shape) -> Ties:
        """The output has the channels of the inputs, but for those that are broadcast."""
        return Ties(tuple([at for at, shape in enumerate(inputs) if shape[-1] == output[-1]]))

    def untied(self, inputs: Shapes, output: Shape) -> Ties:
        """Nothing is known of the output's channels but that they follow from the shapes."""
        return Ties()

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> "Op":
        """The op on inputs ``new`` in place of ``old``, in a network of another width or resolution; ``wider`` says
        what becomes of channels that it makes. There is no default: :meth:`unchanged` is what most ops say. Raises
        :class:`Invalid` where that is not known."""
        raise TypeError(f"{type(self).__name__} does not say what a change of resolution does to it")

    def unchanged(self, old: Shapes, new: Shapes, wider: Width) -> "Op":
        """Its settings hold for inputs of any size."""
        return self

    def places(self, shape: Shape, output: Shape) -> tuple[int | None, ...] | None:
        """Where each axis of an input lies in the output, where that is said by what the op does to them; None for an
        axis that is no more one of its own. Of most ops each lies where it lay, and this is None."""
        return None


class _Uncounted(NamedTuple):
    called: str
    reason: str
    shape: Shape
    stops: bool = False
    counts: tuple[str, ...] = COUNTS


class Uncounted(_Uncounted, Op):
    """An operator of a model file that nobody here can count: its output's shape is known, its cost is not. What it
    is said to cost is what it writes; a network with one of them is incomplete, and says so. ``called`` is the
    operator's own name, ``reason`` why it is not counted and what it would take, ``stops`` whether nothing is known of
    what runs after it. ``counts`` are those that are not known, all if not said: sorting does nothing but compare, and
    only how often depends on the data."""

    __slots__ = ()
    least = 0
    most = 1000
    cost = Op.moved
    windows = Op.everywhere
    ties = Op.untied

    def kind(self, inputs: Shapes) -> str:
        return self.called

    def output(self, inputs: Shapes) -> Shape:
        return self.shape

    @property
    def whole(self) -> bool:
        """Whether none of its counts is known."""
        return self.counts == COUNTS

    def written(self, inputs: Shapes) -> Written:
        counts = None if self.whole else self.counts
        return Written("uncounted", (self.called,), {"to": self.shape, "counts": counts, "stops": self.stops or None})

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return self._replace(shape=renamed(self.called, self.shape, old, new))


class Link(NamedTuple):
    """One op of a layer that is several: ``sources`` count the layer's inputs first, then the links before it."""

    name: str
    op: Op
    sources: tuple[int, ...]


Chain = tuple[Link, ...]
Builder = Callable[[Arguments], Op | Chain]


def broadcast(shapes: Shapes, what: str) -> Shape:
    """The shape that all of these stretch to: aligned at the channels, sizes equal or 1 (NumPy's rule)."""
    result = broadcast_shape(shapes)
    if result is None:
        raise Invalid(
            f"{what} cannot combine {' and '.join(map(show, shapes))}",
            "sizes must be equal, or 1 on one side, counted from the channels",
        )
    return result


def renamed(what: str, to: Shape, old: Shapes, new: Shapes) -> Shape:
    """Sizes ``to`` that are each that of an axis of ``old``, as they are in ``new``. Raises :class:`Invalid` where two
    axes of one size differ now, so that which is meant is not known."""
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
    """A stored shape that broadcasts with ``old``, from the channels on, as one that does with ``new``."""
    common = min(len(shape), len(old))
    axes = zip(shape[-common:], old[-common:], new[-common:])
    return (*shape[:-common], *[now if size == before > 1 else size for size, before, now in axes])


def spatial(shape: Shape) -> int:
    """Spatial positions in all (1 for a vector)."""
    return prod(shape[:-1])


def require_spatial(shape: Shape, what: str) -> None:
    """Raises :class:`Invalid` where the shape is a vector; ``what`` is the kind that needs more."""
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
        raise Invalid("where macs are not known, nothing is", "leave out --counts", "counts")
    return Uncounted(given.words[0], "it is written as uncounted", given.sizes("to"), given.on("stops"), counts)


BUILD: dict[str, Builder] = {"uncounted": _uncounted}
