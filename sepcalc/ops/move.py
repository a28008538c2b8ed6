"""What only moves, renames or looks up: concat, flatten, shuffle, pad, slice, embedding. Nothing is computed."""

from math import prod
from typing import NamedTuple

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.base import Op, Window, require_spatial
from sepcalc.shape import Pads, Shape, Shapes, show


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
    Source: opcounts.md, "moves only"; Shi et al., arXiv:1609.05158 for the pixel shuffle."""

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
                return tuple([Window(1, 1, self.scale)] * len(self.to or output[:-1]))
            case "pixel-unshuffle":
                return tuple([Window(self.scale, self.scale)] * len(output[:-1]))
        return ()


class _Concat(NamedTuple):
    axis: int = -1


class Concat(_Concat, Op):
    """Inputs side by side along one axis (channels), the other sizes equal. Moves only; y elements written."""

    __slots__ = ()
    label = "concat"
    most = 1000

    def output(self, inputs: Shapes) -> Shape:
        first = inputs[0]
        axis = range(len(first))[self.axis]
        for shape in inputs[1:]:
            if len(shape) != len(first) or shape[:axis] + shape[axis + 1 :] != first[:axis] + first[axis + 1 :]:
                raise Invalid(
                    f"concat cannot join {' and '.join(map(show, inputs))}",
                    "every size but the joined one must be equal",
                )
        return (*first[:axis], sum(shape[axis] for shape in inputs), *first[axis + 1 :])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        return Cost(activations=name("elements", *output))


class _Pad(NamedTuple):
    padding: Pads


class Pad(_Pad, Op):
    """Constant elements around the input. Moves only; y elements written."""

    __slots__ = ()
    label = "pad"

    def output(self, inputs: Shapes) -> Shape:
        require_spatial(inputs[0], "pad")
        *sizes, channels = inputs[0]
        return (*[size + before + after for size, (before, after) in zip(sizes, self.padding)], channels)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        return Cost(activations=name("elements", *output))


class _Slice(NamedTuple):
    to: Shape
    start: Shape = ()


class Slice(_Slice, Op):
    """A part of the input: ``to`` sizes, from ``start`` (empty: the beginning). Moves only; y elements written."""

    __slots__ = ()
    label = "slice"

    def detail(self, inputs: Shapes) -> str:
        return f"from {show(self.start)}" if any(self.start) else ""

    def parts(self) -> list[slice]:
        """Per axis, what it takes of the input."""
        return [slice(first, first + size) for first, size in zip(self.start or (0,) * len(self.to), self.to)]

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if (
            len(self.to) != len(shape)
            or len(self.start) not in (0, len(shape))
            or any(part.stop > whole for part, whole in zip(self.parts(), shape))
        ):
            first = f" from {show(self.start)}" if any(self.start) else ""
            raise Invalid(f"{show(self.to)}{first} is not a part of {show(shape)}", about="to")
        return self.to

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        return Cost(activations=name("elements", *output))


class _Copy(NamedTuple):
    to: Shape


class Copy(_Copy, Op):
    """Elements of the inputs, some of them or some several times, in a given shape: expand, tile, roll, gather,
    scatter. Moves only; y elements written. Source: opcounts.md, rule 6."""

    __slots__ = ()
    label = "copy"
    most = 1000

    def output(self, inputs: Shapes) -> Shape:
        return self.to

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        return Cost(activations=name("elements", *output))

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return None


class _Embedding(NamedTuple):
    vocab: int
    out: int
    bag: str = ""


class Embedding(_Embedding, Op):
    """A row of a V x D table for each element of the input: a lookup, not a one-hot product, and free. A bag sums
    the n rows of the last axis, (n-1)·y additions; a mean bag y mults more. Params V·D. Source: opcounts.md."""

    __slots__ = ()
    label = "embedding"

    def detail(self, inputs: Shapes) -> str:
        return f"{self.vocab} -> {self.out}"

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        return (*shape[:-1], self.out) if self.bag else (*shape, self.out)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        y = name("outputs", *output)
        params = name("rows", self.vocab) * name("each", self.out)
        if not self.bag:
            return Cost(params=params, activations=y)
        adds = (name("rows per bag", inputs[0][-1]) - 1) * y
        return Cost(mults=y if self.bag == "mean" else 0, adds=adds, params=params, activations=y)

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return None


class _Token(NamedTuple):
    tokens: int = 1


class Token(_Token, Op):
    """Trained tokens put before a sequence: a class token. Moves only; params tokens·C, y elements written.
    Source: Dosovitskiy et al., arXiv:2010.11929, equation 1."""

    __slots__ = ()
    label = "token"

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if len(shape) != 2:
            raise Invalid(
                f"token needs a sequence (LxC), not {show(shape)}", "flatten the positions with reshape first"
            )
        return (shape[0] + self.tokens, shape[1])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        return Cost(
            params=name("tokens", self.tokens) * name("channels", output[-1]), activations=name("elements", *output)
        )

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return None
