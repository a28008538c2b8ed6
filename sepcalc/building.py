"""From a layer's words, its options and the shapes of its inputs to the op that it is, or the links of a chain. An op's
module is loaded where the op is made, as most runs make few kinds."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import cast

from sepcalc.cost import COUNTS
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.options import Pairs, Value
from sepcalc.rewrite import VARIANTS, Chain, Link, Settings, depthwise_separable
from sepcalc.shape import Padding, Shape, Shapes, axis_letters, show

Options = Mapping[str, Value]
Words = tuple[str, ...]

# --- reading options -------------------------------------------------------------------------------------------------


def _per_axis(options: Options, name: str, shape: Shape, default: int = 1) -> Shape:
    """A size for every spatial axis of the input, from one for all or one for each."""
    rank = len(shape) - 1
    sizes = cast(Shape, options.get(name))
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


def _pads(options: Options, shape: Shape) -> Padding:
    rank = len(shape) - 1
    padding = options.get("padding", "valid")
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
        f"padding has {len(pairs)} axes, but the input {show(shape)} has {rank}",
        f"give one for all axes, or {rank}" if rank else "",
        "padding",
    )


def _size(options: Options, name: str, default: int = 1) -> int:
    return cast(int, options.get(name, default))


def _on(options: Options, name: str, default: bool = False) -> bool:
    return cast(bool, options.get(name, default))


def _target(options: Options, shape: Shape, what: str) -> Shape:
    """The spatial size to resample to, from ``--to`` or ``--scale``."""
    if ("to" in options) == ("scale" in options):
        raise Invalid(f"{what} needs --to or --scale, one of them", about="to" if "to" in options else "")
    if "to" in options:
        return _per_axis(options, "to", shape)
    return tuple([size * factor for size, factor in zip(shape, _per_axis(options, "scale", shape))])


# --- convolutions ----------------------------------------------------------------------------------------------------


def convolution(words: Words, options: Options, inputs: Shapes) -> Conv:
    return _windowed(options, inputs[0], _size(options, "out"), _size(options, "groups"))


def _windowed(options: Options, shape: Shape, out: int, groups: int) -> Conv:
    get = options.get
    try:  # few windows, many layers
        window = _window(get("kernel"), get("stride"), get("padding", "valid"), get("dilation"), len(shape))
    except Invalid:  # said of another shape with as many axes
        window = _axis_by_axis(options, shape)
    kernel, stride, padding, dilation = window
    return Conv(kernel, out, stride, padding, dilation, groups, _on(options, "bias"))


Windowed = tuple[Shape, Shape, Padding, Shape]


@lru_cache(1024)
def _window(
    kernel: Value | None, stride: Value | None, padding: Value, dilation: Value | None, length: int
) -> Windowed:
    """The window that options make on shapes of this length."""
    given = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    return _axis_by_axis({name: value for name, value in given.items() if value is not None}, (1,) * length)


def _axis_by_axis(options: Options, shape: Shape) -> Windowed:
    return (
        _per_axis(options, "kernel", shape),
        _per_axis(options, "stride", shape),
        _pads(options, shape),
        _per_axis(options, "dilation", shape),
    )


def depthwise(words: Words, options: Options, inputs: Shapes) -> Op:
    channels = inputs[0][-1]
    return _windowed(options, inputs[0], channels * _size(options, "multiplier"), channels)


def pointwise(words: Words, options: Options, inputs: Shapes) -> Op:
    return _windowed({**options, "kernel": (1,)}, inputs[0], _size(options, "out"), _size(options, "groups"))


def separable(words: Words, options: Options, inputs: Shapes) -> Chain:
    return _chain(depthwise_separable, options, inputs)


def rewritten(variant: str) -> Callable[[Words, Options, Shapes], Chain]:
    def build(words: Words, options: Options, inputs: Shapes) -> Chain:
        conv = convolution(words, options, inputs)
        if obstacle := VARIANTS[variant].obstacle(conv, inputs[0][-1]):
            raise Invalid(f"{variant} separates a kernel along its axes, but {obstacle}", about="kernel")
        return _chain(VARIANTS[variant].build, options, inputs)

    return build


def _chain(rewrite: Callable[[Conv, int, Settings], Chain], options: Options, inputs: Shapes) -> Chain:
    conv = convolution((), options, inputs)
    conv.output(inputs)  # what is wrong with the whole is said of the whole, not of its first link
    return rewrite(conv, inputs[0][-1], settings(options))


def settings(options: Options) -> Settings:
    """What the options tell the rewrites."""
    return Settings(_size(options, "multiplier"), cast("int | None", options.get("rank")))


def transposed(words: Words, options: Options, inputs: Shapes) -> Op:
    (shape,) = inputs
    return Transposed(
        _per_axis(options, "kernel", shape),
        _size(options, "out"),
        _per_axis(options, "stride", shape),
        _pads(options, shape),
        _per_axis(options, "dilation", shape),
        _per_axis(options, "output-padding", shape, 0),
        _size(options, "groups"),
        _on(options, "bias"),
    )


def fold(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.conv import Fold

    (shape,) = inputs
    padding = _pads(options, shape)
    if isinstance(padding, str):
        raise Invalid("fold needs a number of elements, not same", "for example 1", "padding")
    return Fold(
        _per_axis(options, "kernel", shape),
        cast(Shape, options["to"]),
        _per_axis(options, "stride", shape),
        padding,
        _per_axis(options, "dilation", shape),
    )


# --- products --------------------------------------------------------------------------------------------------------


def dense(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Dense

    return Dense(_size(options, "out"), _on(options, "bias"))


def matmul(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Matmul

    return Matmul(_on(options, "transpose"))


def einsum(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Einsum

    return Einsum(words[0])


def attention(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Attention

    heads = _size(options, "heads")
    return Attention(heads, _size(options, "kv-heads", heads), _on(options, "mask"))


def multihead(words: Words, options: Options, inputs: Shapes) -> Chain:
    """Queries, keys and values by a dense layer each, attention, and a dense layer: of the first input on the second
    (keys and values), or on itself. Source: Vaswani et al., arXiv:1706.03762, section 3.2.2."""
    from sepcalc.ops.product import Dense

    if len(inputs) > 2:
        raise Invalid(f"multihead takes 1 to 2 inputs, not {len(inputs)}")
    channels = inputs[0][-1]
    heads = _size(options, "heads")
    kv_heads = _size(options, "kv-heads", heads)
    if channels % heads:
        raise Invalid(f"{heads} heads do not divide the {channels} channels", about="heads")
    query = Dense(channels, _on(options, "bias"))
    key = query._replace(out=channels // heads * kv_heads)
    first = len(inputs)
    return (
        Link("query", query, (0,)),
        Link("key", key, (first - 1,)),
        Link("value", key, (first - 1,)),
        Link("attention", attention(words, options, inputs), (first, first + 1, first + 2)),
        Link("output", query, (first + 3,)),
    )


# --- pools and resampling --------------------------------------------------------------------------------------------


def pool(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import AdaptivePool, Pool, Reduce

    (shape,) = inputs
    how = words[0]
    if how == "sum" and (len(words) > 1 or "to" in options):
        raise Invalid("pool sum needs --kernel: the size of its window", "reduce sum sums over whole axes")
    if "global" in words:
        if len(shape) < 2:
            raise Invalid(f"pool needs a spatial axis, but the input {show(shape)} is a vector")
        return Reduce("max" if how == "max" else "mean", tuple(range(len(shape) - 1)), called="pool")
    if "to" in options or "adaptive" in words:
        if "to" not in options:
            raise Invalid("pool adaptive needs --to: the size to reach")
        return AdaptivePool(how, _per_axis(options, "to", shape))
    if "kernel" not in options:
        raise Invalid("pool needs --kernel: the size of its window", f"or pool {how} global, or pool {how} --to 7x7")
    kernel = _per_axis(options, "kernel", shape)
    return Pool(
        how,
        kernel,
        _per_axis(options, "stride", shape) if "stride" in options else kernel,
        _pads(options, shape),
        _per_axis(options, "dilation", shape),
        _on(options, "ceil"),
        _on(options, "exclude-pad"),
    )


def reduce(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import Reduce

    (shape,) = inputs
    letters = axis_letters(shape)
    over = cast(str, options.get("over", letters[:-1] or letters))
    if not over or set(over) - set(letters) or len(set(over)) < len(over):
        raise Invalid(f"{quoted(over)} does not name axes of {show(shape)}: expected some of {letters}", about="over")
    return Reduce(words[0], tuple(sorted(letters.index(letter) for letter in over)), _on(options, "keep"))


def upsample(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import Upsample

    return Upsample(words[0], _target(options, inputs[0], "upsample"))


def grid_sample(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import GridSample

    return GridSample(words[0], _on(options, "align-corners"), _on(options, "stored"))


# --- norms, activations, element by element --------------------------------------------------------------------------


def norm(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm

    how = words[0]
    if how == "lrn":
        return LocalResponseNorm(_size(options, "size", 5))
    if how == "input":
        return Normalization(cast(Shape, options.get("shape", ())))
    gain, bias = _on(options, "gain", True), _on(options, "bias", how != "rms")
    if how == "batch":
        return BatchNorm(gain, bias, _on(options, "unfolded"))
    if how == "group" and "groups" not in options:
        raise Invalid("norm group needs --groups: how many rows the channels form", "32 in its paper")
    return RowNorm(how, _size(options, "groups"), _size(options, "axes"), gain, bias)


def softmax(log: bool) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.norm import Softmax

        return Softmax(log, _axis(options, inputs[0]) if "axis" in options else -1)

    return build


def activation(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.elementwise import ACTIVATIONS, Activation

    how = words[0]
    return Activation(how, cast(float, options.get(ACTIVATIONS[how].factor, 1.0)), _on(options, "shared"))


def elementwise(how: str) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.elementwise import Elementwise

        return Elementwise(how)

    return build


def stored(how: str) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.elementwise import Stored

        shape = cast(Shape, options.get("shape", ()))
        if shape and words and words[0] != "constant":
            raise Invalid(f"--shape says what is stored: leave out {words[0]}, or say constant", about="shape")
        return Stored(how, words[0] if words else "shape" if shape else "constant", shape)

    return build


def any_stored(words: Words, options: Options, inputs: Shapes) -> Op:
    return stored(words[0])(words[1:], options, inputs)


def select(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.elementwise import Select

    return Select()


def scatter(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.elementwise import Scatter

    return Scatter(words[0], cast(Shape, options["to"]))


# --- moves -----------------------------------------------------------------------------------------------------------


def rename(how: str) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.rename import Rename

        scale = cast(Shape, options.get("scale", (1,)))
        if len(set(scale)) > 1:
            raise Invalid(f"{how} needs one factor for all axes", about="scale")
        return Rename(
            how, cast(Shape, options.get("to", ())), _size(options, "groups"), scale[0], _size(options, "blocks")
        )

    return build


def _axis(options: Options, shape: Shape) -> int:
    """The axis that ``--axis`` names: channels, if it is not given."""
    letters = axis_letters(shape)
    axis = cast(str, options.get("axis", "c"))
    if len(axis) != 1 or axis not in letters:
        raise Invalid(f"{quoted(axis)} is no axis of {show(shape)}: expected one of {letters}", about="axis")
    return letters.index(axis)


def concat(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Concat

    return Concat(_axis(options, inputs[0]))


def copy(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Copy

    to = cast(Shape, options["to"])
    stride = _per_axis(options, "stride", to) if "stride" in options else ()
    start = cast(Shape, options.get("start", ()))
    if start and len(start) != len(stride):
        raise Invalid(f"--start {show(start)} is not for {len(stride)} strides", "one for each spatial axis", "start")
    return Copy(to, stride, start)


def uncounted(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.base import Uncounted

    reason = "it is written as uncounted"
    names = cast("tuple[str, ...]", options.get("counts", COUNTS))
    for name in names:
        if name not in COUNTS:
            expected = f"{quoted(name)} is no count: expected {', '.join(COUNTS)}"
            raise Invalid(expected, near_miss(name, COUNTS), "counts")
    counts = tuple([count for count in COUNTS if count in names])
    if COUNTS[0] in counts and counts != COUNTS:
        raise Invalid("where macs are not known, nothing is", "leave out --counts", "counts")
    return Uncounted(words[0], reason, cast(Shape, options["to"]), _on(options, "stops"), counts)


def cumulated(how: str) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.pool import Cumulate

        return Cumulate(_axis(options, inputs[0]), how)

    return build


def pad(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Pad

    if options["padding"] in ("same", "valid"):
        raise Invalid("pad needs a number of elements, not same or valid", "for example 1, or 0/1x0/1", "padding")
    return Pad(cast(Pairs, _pads(options, inputs[0])))


def part(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Slice

    (shape,) = inputs
    start = cast(Shape, options.get("start", ()))
    if "to" in options:
        return Slice(cast(Shape, options["to"]), start)
    if not options.keys() & {"start", "size"}:
        raise Invalid("slice needs --start or --size, or --to: the whole shape", "for example slice --start 58")
    if len(start) > 1:
        raise Invalid("one axis is sliced: expected one start", "or --to, the whole shape", "start")
    axis = _axis(options, shape)
    first = start[0] if start else 0
    size = cast(int, options.get("size", shape[axis] - first))
    if first + size > shape[axis] or size < 1:
        raise Invalid(
            f"{max(size, 1)} from {first} is not a part of the {shape[axis]} along {axis_letters(shape)[axis]}",
            about="start" if first else "size",
        )
    sizes = (*shape[:axis], size, *shape[axis + 1 :])
    return Slice(sizes, tuple([first if at == axis else 0 for at in range(len(shape))]) if first else ())


def embedding(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Embedding

    return Embedding(_size(options, "vocab"), _size(options, "out"), words[0].removeprefix("bag-") if words else "")


def token(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Token

    return Token(_size(options, "count"))


def constant(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Constant

    learned, buffer = cast("bool | None", options.get("learned")), _on(options, "buffer")
    if learned and buffer:
        raise Invalid("a constant is learned or a buffer, not both", about="buffer")
    return Constant(cast(Shape, options["to"]), learned, buffer)


def random(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Random

    return Random(cast(Shape, options["to"]))


def recurrent(cell: str) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.elementwise import ACTIVATIONS
        from sepcalc.ops.recurrent import Recurrent

        for option in ("act", "gate"):
            how = cast(str, options.get(option, "linear"))
            if how not in (*ACTIVATIONS, "linear"):
                raise Invalid(f"{quoted(how)} is no activation", near_miss(how, [*ACTIVATIONS, "linear"]), option)
        if words and "act" in options:
            raise Invalid(f"{cell} {words[0]} says its function already", about="act")
        sets = _size(options, "bias-sets", 2 if cell == "gru" and not _on(options, "reset-before") else 1)
        if sets > 2 or ("bias-sets" in options and not _on(options, "bias")):
            raise Invalid("bias sets are 1 or 2, and only with --bias", about="bias-sets")
        return Recurrent(
            cell,
            _size(options, "out"),
            sets if _on(options, "bias") else 0,
            cast(int, options.get("projection", 0)),
            _on(options, "peephole"),
            _on(options, "reset-before"),
            "relu" in words,
            _on(options, "bidirectional"),
            _on(options, "last"),
            cast(str, options.get("act", "tanh")),
            cast(str, options.get("gate", "sigmoid")),
        )

    return build
