"""Free renames: the same elements in another shape or order. It is a separate module because ``compare`` needs no other
op beside the convolution."""

from math import prod
from typing import NamedTuple, cast

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Arguments, Written, over_one
from sepcalc.ops.base import Builder, Multiple, Op, Ties, Width, Window, renamed, require_spatial
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
        if self.how == "permute":  # axes of equal size keep their order
            left = list(range(len(output)))
            for size in shape:
                left.append(left.pop(next(at for at, axis in enumerate(left) if output[axis] == size)))
            return tuple(left)
        if self.how not in ("flatten", "reshape"):
            return None
        return tuple([_place(shape, axis, output) for axis in range(len(shape))])

    def written(self, inputs: Shapes) -> Written:
        options: dict[str, Value | None] = {}
        if self.how == "reshape" or self.how not in KINDS:  # any order of the same elements
            return Written("reshape", (), {"to": self.output(inputs)})
        if self.how == "permute":
            options = {"to": self.to}
        if self.how == "shuffle":
            options = {"groups": self.groups, "blocks": over_one(self.blocks)}
        if self.how in ("pixel-shuffle", "pixel-unshuffle"):
            options = {"scale": (self.scale,)}
        return Written(self.how, (), options)

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        (shape,) = inputs
        kept = self.how != "permute" and (len(output) > 1 or len(shape) == 1)
        passing = self.passing(inputs, output) if kept else self.untied(inputs, output)
        if self.how == "reshape" and (cut := _cut(self.to, shape)):
            return passing._replace(multiples=(Multiple(0, prod(cut[0]), handed_on=True),))
        return passing._replace(multiples=(Multiple(0, self.groups * self.blocks),))

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        """Sizes of a reshape that equal an axis of the input, or all positions, do so again."""
        if self.how == "permute":
            return self._replace(to=renamed("permute", self.to, old, new))
        return self._replace(to=_reshaped(self.to, old[0], new[0])) if self.how == "reshape" and old != new else self


def _place(shape: Shape, axis: int, output: Shape) -> int | None:
    """The axis of the output with this size and with the same number of elements before it."""
    before, count = prod(shape[:axis]), 1
    for at, size in enumerate(output):
        if count == before and size == shape[axis]:
            return at
        count *= size
    return None


def _reshaped(to: Shape, old: Shape, new: Shape) -> Shape:
    known: dict[int, int] = {prod(old[:-1]): prod(new[:-1])}
    known.update(zip(old, new, strict=True))
    sizes = tuple([known.get(size, size) for size in to])
    if prod(sizes) == prod(new):
        return sizes
    loose = [axis for axis, size in enumerate(to) if size not in known]
    if len(loose) == 1:  # the only size that is a product of several axes takes the rest
        rest = prod(size for axis, size in enumerate(sizes) if axis != loose[0])
        if prod(new) % rest == 0:
            return tuple([prod(new) // rest if axis in loose else size for axis, size in enumerate(sizes)])
    if cut := _cut(to, old):
        parts, rest = prod(cut[0]), cut[1]
        channels = new[-1]
        if channels % parts:
            raise Invalid(f"reshape {show(to)} of {show(old)} cuts {channels} channels in {parts} equal parts")
        axes = dict(zip(old[:-1], new[:-1]))
        sizes = tuple([channels // parts if axis == rest else axes.get(size, size) for axis, size in enumerate(to)])
        if prod(sizes) == prod(new):
            return sizes
    raise Invalid(f"reshape {show(to)} of {show(old)} does not say what it is of {show(new)}")


def _cut(to: Shape, shape: Shape) -> tuple[list[int], int] | None:
    """How a reshape splits its input's channels into several axes: the sizes of all of these axes but the last, in
    order (queries, keys and values; heads), and the position of the last, which takes the rest (the size of a head).
    None if it does not split them so, or if another axis of the same size might be meant."""
    others = list(range(len(to)))
    for size in shape[:-1]:
        found = [axis for axis in others if to[axis] == size]
        if not found:
            return None
        others.remove(found[0])
    if len(others) < 2 or any(to[axis] in shape[:-1] and to[axis] > 1 for axis in others):
        return None
    return [to[axis] for axis in others[:-1]], others[-1]


# --- from words and options ------------------------------------------------------------------------------------------


def _rename(given: Arguments) -> Op:
    scale = cast(Shape, given.options.get("scale", (1,)))
    if len(set(scale)) > 1:
        raise Invalid(f"{given.kind} needs one factor for all axes", about="scale")
    return Rename(given.kind, given.sizes("to"), given.size("groups"), scale[0], given.size("blocks"))


KINDS = ("flatten", "reshape", "permute", "shuffle", "pixel-shuffle", "pixel-unshuffle", "identity", "dropout")
BUILD: dict[str, Builder] = dict.fromkeys(KINDS, _rename)
