"""The input under another shape or in another order: a module of its own, since the spatial variant needs no more."""

from math import prod
from typing import NamedTuple, cast

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Arguments, Written, over_one
from sepcalc.ops.base import Builder, Op, Window, require_spatial
from sepcalc.options import Value
from sepcalc.shape import Shape, Shapes, show


class _Rename(NamedTuple):
    how: str
    to: Shape = ()
    groups: int = 1
    scale: int = 1
    blocks: int = 1


class Rename(_Rename, Op):
    """The input under another shape or in another order: identity, dropout, flatten, reshape, permute (the axes in
    another order; which, its sizes say as far as a count needs it), shuffle (channels in
    ``groups`` groups, transposed; each of ``blocks`` equal parts by itself), pixel-shuffle and pixel-unshuffle
    (channels to space and back). Costs nothing and writes nothing.
    Source: Shi et al., arXiv:1609.05158 for the pixel shuffle."""

    __slots__ = ()
    writes = False

    def kind(self, inputs: Shapes) -> str:
        return self.how

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        *sizes, channels = shape
        scale, block = self.scale, self.scale ** len(sizes)
        match self.how:
            case "flatten":
                return (prod(shape),)
            case "reshape":
                if prod(self.to) != prod(shape):
                    raise Invalid(
                        f"reshape cannot turn {show(shape)} ({prod(shape):,} elements) into "
                        f"{show(self.to)} ({prod(self.to):,})",
                        about="to",
                    )
                return self.to
            case "permute":
                if sorted(self.to) != sorted(shape):
                    raise Invalid(f"{show(self.to)} does not have the sizes of {show(shape)} in any order", about="to")
                return self.to
            case "shuffle":
                if channels % (self.groups * self.blocks):
                    raise Invalid(f"groups {self.groups} do not divide the {channels} channels", about="groups")
            case "pixel-shuffle":
                require_spatial(shape, self.how)
                if channels % block:
                    raise Invalid(
                        f"pixel-shuffle by {scale} needs channels in multiples of {block}, not {channels}",
                        about="scale",
                    )
                return (*[size * scale for size in sizes], channels // block)
            case "pixel-unshuffle":
                require_spatial(shape, self.how)
                if any(size % scale for size in sizes):
                    raise Invalid(
                        f"pixel-unshuffle by {scale} needs sizes in multiples of {scale}, not {show(shape)}",
                        about="scale",
                    )
                return (*[size // scale for size in sizes], channels * block)
        return shape

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        return Cost()

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        match self.how:
            case "flatten" | "reshape" | "permute":
                return None
            case "pixel-shuffle":
                return tuple([Window(1, 1, self.scale, None)] * len(self.to or output[:-1]))
            case "pixel-unshuffle":
                return tuple([Window(self.scale, self.scale)] * len(output[:-1]))
        return ()

    def places(self, shape: Shape, output: Shape) -> tuple[int | None, ...] | None:
        if self.how == "permute":  # of axes of one size, in their order
            left = list(range(len(output)))
            for size in shape:
                left.append(left.pop(next(at for at, axis in enumerate(left) if output[axis] == size)))
            return tuple(left)
        if self.how not in ("flatten", "reshape"):
            return None
        return tuple([_place(shape, axis, output) for axis in range(len(shape))])

    def written(self, inputs: Shapes) -> Written:
        options: dict[str, Value | None] = {}
        if self.how == "reshape" or self.how not in KINDS:  # any other order of the same elements
            return Written("reshape", (), {"to": self.output(inputs)})
        if self.how == "permute":
            options = {"to": self.to}
        if self.how == "shuffle":
            options = {"groups": self.groups, "blocks": over_one(self.blocks)}
        if self.how in ("pixel-shuffle", "pixel-unshuffle"):
            options = {"scale": (self.scale,)}
        return Written(self.how, (), options)


def _place(shape: Shape, axis: int, output: Shape) -> int | None:
    """The axis of the output of that size before which the same elements stand."""
    before, count = prod(shape[:axis]), 1
    for at, size in enumerate(output):
        if count == before and size == shape[axis]:
            return at
        count *= size
    return None


# --- from words and options ------------------------------------------------------------------------------------------


def _rename(given: Arguments) -> Op:
    scale = cast(Shape, given.options.get("scale", (1,)))
    if len(set(scale)) > 1:
        raise Invalid(f"{given.kind} needs one factor for all axes", about="scale")
    return Rename(given.kind, given.sizes("to"), given.size("groups"), scale[0], given.size("blocks"))


KINDS = ("flatten", "reshape", "permute", "shuffle", "pixel-shuffle", "pixel-unshuffle", "identity", "dropout")
BUILD: dict[str, Builder] = dict.fromkeys(KINDS, _rename)
