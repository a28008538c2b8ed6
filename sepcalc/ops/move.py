"""Ops that only move, look up or store elements: concat, pad, slice, embedding, constant. They compute nothing."""

from typing import NamedTuple, cast

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Arguments, Written, letter, short
from sepcalc.ops.base import Builder, Multiple, Op, Ties, Width, Window, renamed, require_spatial
from sepcalc.shape import Pads, Shape, Shapes, axis_letters, show


class _Concat(NamedTuple):
    axis: int = -1


class Concat(_Concat, Op):
    """Inputs side by side along one axis (channels), the other sizes equal. Moves only; y elements written."""

    __slots__ = ()
    label = "concat"
    most = 1000
    cost = Op.moved
    windows = Op.in_place
    resized = Op.unchanged

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

    def beside(self, inputs: Shapes) -> int | None:
        return range(len(inputs[0]))[self.axis]

    def written(self, inputs: Shapes) -> Written:
        return Written("concat", (), {"axis": letter(self.axis, inputs[0])})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        if self.beside(inputs) == len(output) - 1:
            return Ties(sums=tuple(range(len(inputs))))
        return self.passing(inputs, output)


class _Pad(NamedTuple):
    padding: Pads


class Pad(_Pad, Op):
    """Constant elements around the input. Moves only; y elements written."""

    __slots__ = ()
    apart = True
    label = "pad"
    cost = Op.moved
    ties = Op.passing
    resized = Op.unchanged

    def output(self, inputs: Shapes) -> Shape:
        require_spatial(inputs[0], "pad")
        *sizes, channels = inputs[0]
        return (*[size + before + after for size, (before, after) in zip(sizes, self.padding)], channels)

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return tuple([Window(1, start=-before) for before, _ in self.padding])

    def written(self, inputs: Shapes) -> Written:
        pads = self.padding if len(set(self.padding)) > 1 else self.padding[:1]
        return Written("pad", (), {"padding": pads})


class _Slice(NamedTuple):
    to: Shape
    start: Shape = ()


class Slice(_Slice, Op):
    """A part of the input: ``to`` sizes, from ``start`` (empty: the beginning). Moves only; y elements written."""

    __slots__ = ()
    apart = True
    label = "slice"
    cost = Op.moved

    def detail(self, inputs: Shapes) -> str:
        return f"from {show(self.start)}" if any(self.start) else ""

    def parts(self) -> list[slice]:
        """The slice of the input per axis."""
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

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return tuple([Window(1, start=first) for first in self.start[:-1]]) if any(self.start[:-1]) else ()

    def written(self, inputs: Shapes) -> Written:
        return Written("slice", (), {"to": self.to, "start": self.start if any(self.start) else None})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        whole, part = inputs[0][-1], output[-1]
        times = whole // part if whole % part == 0 else 1
        multiples = (Multiple(0, times, handed_on=True),) if times > 1 else ()
        return self.passing(inputs, output)._replace(multiples=multiples)

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        axes = zip(self.parts(), old[0], new[0])
        parts = [_part(range(part.start, part.stop), before, after) for part, before, after in axes]
        starts = tuple([part.start for part in parts])
        return self._replace(to=tuple([len(part) for part in parts]), start=starts if any(starts) else ())


class _Copy(NamedTuple):
    to: Shape
    stride: Shape = ()
    start: Shape = ()


class Copy(_Copy, Op):
    """Elements of the inputs, each any number of times, in a given shape: expand, tile, roll, gather, scatter. A
    ``stride`` per spatial axis says that neighbours stay neighbours at this distance in the input: 1 for a roll or a
    flip, 2 for every second row; ``start`` is the position of the first of them per spatial axis, if known. Moving and
    indexing are free; y elements written."""

    __slots__ = ()
    apart = True
    label = "copy"
    most = 1000
    cost = Op.moved
    ties = Op.passing

    def detail(self, inputs: Shapes) -> str:
        return f"stride {show(self.stride)}" if any(step > 1 for step in self.stride) else ""

    def output(self, inputs: Shapes) -> Shape:
        if self.stride and any(len(shape) != len(self.to) for shape in inputs):
            raise Invalid(
                f"copy with a stride keeps the axes: {show(self.to)} of {' and '.join(map(show, inputs))}", about="to"
            )
        return self.to

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        starts = self.start or (None,) * len(self.stride)
        return tuple([Window(1, step, 1, first) for step, first in zip(self.stride, starts)]) or None

    def written(self, inputs: Shapes) -> Written:
        return Written("copy", (), {"to": self.to, "stride": short(self.stride), "start": self.start or None})

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        """Keeps the stride up to the end of the new size; without one, keeps the proportion of its sizes. Where
        channels were added to its input's, and these are scaled, its own are scaled as those of any layer."""
        if self.stride and len(old) == 1 and self.to[-1] >= old[0][-1]:
            axes = [*zip(self.start or (0,) * len(self.stride), self.stride)]
            before, after = [
                tuple([len(range(first, size, step)) for size, (first, step) in zip(shape, axes)])
                for (shape,) in (old, new)
            ]
            whole = self.to[:-1] == old[0][:-1] and not self.start
            if whole or (self.start and before == self.to[:-1]):
                sizes = new[0][:-1] if whole else after
                return self._replace(to=(*sizes, self._channels(old[0][-1], new[0][-1], wider)))
        if self.stride and old == (self.to,):
            return self._replace(to=new[0])
        return self._replace(to=renamed("copy", self.to, old, new))

    def _channels(self, old: int, new: int, wider: Width) -> int:
        """Its channels for ``new`` ones in place of ``old``. Raises Invalid where padded channels, which may be any
        number, cannot be told from repeated ones, which may not."""
        own = self.to[-1]
        if own == old or new == old:
            return new if own == old else own
        wanted = wider(own)
        if wanted < new or (own % old == 0 and old > 1 and wanted * old != new * own):
            raise Invalid(
                f"its {old:,} channels become {new:,}, and the {own:,} that it makes of them {wanted:,}: "
                "whether it pads or repeats channels is not known",
                "a width or a divisor that keeps the proportion",
            )
        return wanted

    @classmethod
    def alongside(cls, shape: Shape) -> "Copy":
        """A companion of each element of a tensor of this shape, such as the index of a maximum."""
        return cls(shape, (1,) * (len(shape) - 1))


class _Embedding(NamedTuple):
    vocab: int
    out: int
    bag: str = ""


class Embedding(_Embedding, Op):
    """A row of a V x D table for each element of the input: a lookup, not a one-hot product, and free. A bag sums the n
    rows of the last axis, (n-1)·y additions; a mean bag takes y mults more. Params V·D."""

    __slots__ = ()
    label = "embedding"
    windows = Op.everywhere

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

    def written(self, inputs: Shapes) -> Written:
        return Written("embedding", (f"bag-{self.bag}",) if self.bag else (), {"vocab": self.vocab, "out": self.out})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(own=True)

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return self._replace(out=wider(self.out))


class _Token(NamedTuple):
    tokens: int = 1


class Token(_Token, Op):
    """Trained tokens put before a sequence: a class token. Moves only; params tokens·C, y elements written.
    Source: Dosovitskiy et al., arXiv:2010.11929, equation 1."""

    __slots__ = ()
    label = "token"
    windows = Op.everywhere
    ties = Op.passing
    resized = Op.unchanged

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

    def written(self, inputs: Shapes) -> Written:
        return Written("token", (), {"count": self.tokens})


class _Random(NamedTuple):
    shape: Shape


class Random(_Random, Op):
    """Random numbers in place of an input, drawn anew in each run: noise. The cost of drawing them is not known, and is
    no arithmetic on the network's numbers; y elements written."""

    __slots__ = ()
    label = "random"
    least = 0
    most = 0
    drawn = True
    cost = Op.moved
    windows = Op.everywhere
    resized = Op.unchanged

    def output(self, inputs: Shapes) -> Shape:
        return self.shape

    def written(self, inputs: Shapes) -> Written:
        return Written("random", (), {"to": self.shape})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(fixed=True)


class _Constant(NamedTuple):
    shape: Shape
    learned: bool | None = False
    buffer: bool = False


class Constant(_Constant, Op):
    """A stored tensor that a layer reads in place of an input: a table of positions, the factors of a low-rank update.
    It has no input, costs nothing, and takes no memory among the live tensors: it is stored with the weights, and its
    readers read it. The elements of a learned constant are params, those of a buffer are buffers, also if only training
    reads them. ``learned`` is None if nothing states it, as in a document; then a product that reads it makes it a
    weight. Sources: Liu et al., arXiv:2111.09883, section 3.3 (a network on a table of positions); Hu et al.,
    arXiv:2106.09685, section 4.1 (B·A); Miyato et al., arXiv:1802.05957, algorithm 1 (the state u of spectral
    normalization)."""

    __slots__ = ()
    label = "constant"
    least = 0
    most = 0
    writes = False
    windows = Op.everywhere
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        return "learned" if self.learned else "buffer" if self.buffer else ""

    def output(self, inputs: Shapes) -> Shape:
        return self.shape

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        elements = name("elements", *output)
        return Cost(params=elements if self.learned else 0, buffers=elements if self.buffer else 0)

    def written(self, inputs: Shapes) -> Written:
        return Written("constant", (), {"to": self.shape, "learned": self.learned, "buffer": self.buffer or None})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(fixed=True)


def _part(part: range, before: int, after: int) -> range:
    """The same part of an axis at another size: a part in proportion stays in proportion, one element stays the same
    element, a crop removes the same from each end."""
    start, left = part.start, before - part.stop
    if before == after:
        return part
    if len(part) == 1 and min(start, left) == 0 and before > 2:  # a class token, or the last step
        return range(1) if start == 0 else range(after - 1, after)
    crop = start == left > 0 or (left == 0 and start == 1)
    if not crop and start * after % before == 0 and part.stop * after % before == 0:
        return range(start * after // before, part.stop * after // before)
    if crop and start + left < after:
        return range(start, after - left)
    raise Invalid(f"slice {start} to {part.stop} of {before} has no whole counterpart of {after}")


# --- from words and options ------------------------------------------------------------------------------------------


def _pad(given: Arguments) -> Op:
    if given.options["padding"] in ("same", "valid"):
        raise Invalid("pad needs a number of elements, not same or valid", "for example 1, or 0/1x0/1", "padding")
    return Pad(cast(Pads, given.pads()))


def _slice(given: Arguments) -> Op:
    shape, options, start = given.shape, given.options, given.sizes("start")
    if "to" in options:
        return Slice(given.sizes("to"), start)
    if not options.keys() & {"start", "size"}:
        raise Invalid("slice needs --start or --size, or --to: the whole shape", "for example slice --start 58")
    if len(start) > 1:
        raise Invalid("one axis is sliced: expected one start", "or --to, the whole shape", "start")
    axis = given.axis()
    first = start[0] if start else 0
    size = given.size("size", shape[axis] - first)
    if first + size > shape[axis] or size < 1:
        raise Invalid(
            f"{max(size, 1)} from {first} is not a part of the {shape[axis]} along {axis_letters(shape)[axis]}",
            about="start" if first else "size",
        )
    sizes = (*shape[:axis], size, *shape[axis + 1 :])
    return Slice(sizes, tuple([first if at == axis else 0 for at in range(len(shape))]) if first else ())


def _copy(given: Arguments) -> Op:
    to, start = given.sizes("to"), given.sizes("start")
    stride = given.per_axis("stride", shape=to) if "stride" in given.options else ()
    if start and len(start) != len(stride):
        raise Invalid(f"--start {show(start)} is not for {len(stride)} strides", "one for each spatial axis", "start")
    return Copy(to, stride, start)


def _embedding(given: Arguments) -> Op:
    bag = given.words[0].removeprefix("bag-") if given.words else ""
    return Embedding(given.size("vocab"), given.size("out"), bag)


def _constant(given: Arguments) -> Op:
    learned, buffer = cast("bool | None", given.options.get("learned")), given.on("buffer")
    if learned and buffer:
        raise Invalid("a constant is learned or a buffer, not both", about="buffer")
    return Constant(given.sizes("to"), learned, buffer)


BUILD: dict[str, Builder] = {
    "concat": lambda given: Concat(given.axis()),
    "pad": _pad,
    "slice": _slice,
    "copy": _copy,
    "embedding": _embedding,
    "token": lambda given: Token(given.size("count")),
    "constant": _constant,
    "random": lambda given: Random(given.sizes("to")),
}
