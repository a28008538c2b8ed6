"""Converts the words and options of a layer to the settings of an op, and back. Only this module knows that an option
may be given once for all axes or once per axis."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, cast

from sepcalc.errors import Invalid, quoted
from sepcalc.options import Pairs, Value
from sepcalc.shape import Padding, Shape, Shapes, axis_letters, show

Options = Mapping[str, Value]
Words = tuple[str, ...]
Windowed = tuple[Shape, Shape, Padding, Shape]


class Arguments(NamedTuple):
    """A layer as written, and the shapes of its inputs. All methods raise :class:`Invalid` if an option does not fit
    the input."""

    kind: str
    words: Words
    options: Options
    inputs: Shapes

    @property
    def shape(self) -> Shape:
        """The shape of the first input."""
        return self.inputs[0]

    def size(self, name: str, default: int = 1) -> int:
        """An option with one number."""
        return cast(int, self.options.get(name, default))

    def sizes(self, name: str) -> Shape:
        """A shape as given; empty if missing."""
        return cast(Shape, self.options.get(name, ()))

    def on(self, name: str, default: bool = False) -> bool:
        """Whether a flag is set."""
        return cast(bool, self.options.get(name, default))

    def per_axis(self, name: str, default: int = 1, shape: Shape = ()) -> Shape:
        """A size for every spatial axis of a shape (by default the first input's), given once for all axes or once per
        axis."""
        shape = shape or self.shape
        rank = len(shape) - 1
        sizes = cast(Shape, self.options.get(name))
        if sizes is None:
            return (default,) * rank
        if len(sizes) == rank:
            return sizes
        if len(sizes) == 1:
            if rank == 0 and sizes[0] > 1:
                raise Invalid(
                    f"{name} {sizes[0]} needs a spatial axis, but the input {show(shape)} is a vector", about=name
                )
            return sizes * rank
        raise Invalid(
            f"{name} {show(sizes)} has {len(sizes)} axes, but the input {show(shape)} has {rank}",
            f"give one number for all axes, or {rank}" if rank else "",
            name,
        )

    def pads(self) -> Padding:
        """The padding before and after each spatial axis, or ``same``."""
        rank = len(self.shape) - 1
        padding = self.options.get("padding", "valid")
        if padding == "same":
            return "same"
        if padding == "valid":
            return ((0, 0),) * rank
        pairs = cast(Pairs, padding)
        if len(pairs) == rank:
            return pairs
        if len(pairs) == 1:
            return pairs * rank
        raise Invalid(
            f"padding has {len(pairs)} axes, but the input {show(self.shape)} has {rank}",
            f"give one for all axes, or {rank}" if rank else "",
            "padding",
        )

    def window(self) -> Windowed:
        """Kernel, stride, padding and dilation."""
        return self.per_axis("kernel"), self.per_axis("stride"), self.pads(), self.per_axis("dilation")

    def axis(self) -> int:
        """The axis that ``--axis`` names; the channels by default."""
        letters = axis_letters(self.shape)
        axis = cast(str, self.options.get("axis", "c"))
        if len(axis) != 1 or axis not in letters:
            raise Invalid(
                f"{quoted(axis)} is not an axis of {show(self.shape)}: expected one of {letters}", about="axis"
            )
        return letters.index(axis)


# --- op to layer -----------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """An op as a layer: its kind, words and options (None: left out), and the number of leading axes that it runs
    along."""

    kind: str
    words: Words = ()
    options: Mapping[str, Value | None] = {}
    each: int = 0


def short(sizes: Shape, default: int = 0) -> Shape | None:
    """One size if all axes have the same; None if that is the default."""
    if not sizes:
        return None
    if sizes.count(sizes[0]) < len(sizes):
        return sizes
    return None if sizes[0] == default else sizes[:1]


@lru_cache(1024)
def windowed(kernel: Shape, stride: Shape, padding: Padding, dilation: Shape) -> MappingProxyType[str, Value | None]:
    """The options of a window."""
    pads: Value | None = padding
    if not isinstance(padding, str):
        pads = None if not any(map(any, padding)) else padding if len(set(padding)) > 1 else padding[:1]
    kernel, steps = short(kernel) or (1,), short(stride, 1)
    return MappingProxyType({"kernel": kernel, "stride": steps, "padding": pads, "dilation": short(dilation, 1)})


def letter(axis: int, shape: Shape) -> str | None:
    """The letter of an axis, or None for the last one."""
    return None if axis in (-1, len(shape) - 1) else axis_letters(shape)[axis]


def over_one(count: int) -> int | None:
    """A number, or None for 1."""
    return count if count > 1 else None


def denied(flag: bool) -> bool | None:
    """False for a flag that is off; None for one that is on, which is the default."""
    return None if flag else False
