"""The kinds of layer: for each its words, its options, one line on how it is counted, and how a spec of it becomes
ops. The parser, ``sepcalc kinds`` and the schema all read :data:`KINDS`."""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, cast

from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.options import Pairs, Value
from sepcalc.rewrite import VARIANTS, Chain, Link, Settings, depthwise_separable
from sepcalc.shape import AXES, Padding, Shape, Shapes, show

Options = Mapping[str, Value]
Words = tuple[str, ...]


class Kind(NamedTuple):
    """``words`` are the choices for each word after the kind (in brackets: may be left out), ``needs`` the options
    that must be given, ``takes`` the others, ``counted`` how, in one line, ``build`` the ops for given inputs."""

    counted: str
    build: Callable[[Words, Options, Shapes], Op | Chain]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    words: Callable[[], tuple[tuple[str, ...], ...]] = lambda: ()
    optional: int = 0  # how many of the last words may be left out
    free_word: str = ""  # a word that is not from a list: einsum's equation
    example: str = ""  # of such a word, after its kind
    form: Callable[[Words, Options], tuple[str, ...]] | None = None  # the options of this form of the kind, if fewer
    several: bool = False  # whether it takes more than one input
    begins: bool = False  # whether it takes none: a line of tensors begins with it

    @property
    def options(self) -> tuple[str, ...]:
        return self.needs + self.takes


def accepted(kind: str, words: Words, options: Options) -> tuple[str, ...]:
    """The options that this form of the kind has a use for: ``pool max`` takes a kernel, ``pool max global`` none."""
    entry = KINDS[kind]
    return entry.form(words, options) if entry.form else entry.options


def build(kind: str, words: Words, options: Options, inputs: Shapes) -> Op | Chain:
    """The op that a layer of this kind is on these inputs, or the links of a layer that is a chain.

    Raises :class:`Invalid` where the options do not fit the inputs.
    """
    entry = KINDS[kind]
    if len(inputs) > 1 and not entry.several:
        raise Invalid(f"{kind} takes {'no' if entry.begins else 1} input, not {len(inputs)}")
    return entry.build(words, options, inputs)


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


def _conv(words: Words, options: Options, inputs: Shapes) -> Conv:
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


def _depthwise(words: Words, options: Options, inputs: Shapes) -> Op:
    channels = inputs[0][-1]
    return _windowed(options, inputs[0], channels * _size(options, "multiplier"), channels)


def _pointwise(words: Words, options: Options, inputs: Shapes) -> Op:
    return _windowed({**options, "kernel": (1,)}, inputs[0], _size(options, "out"), _size(options, "groups"))


def _separable(words: Words, options: Options, inputs: Shapes) -> Chain:
    return _chain(depthwise_separable, options, inputs)


def _rewritten(variant: str) -> Callable[[Words, Options, Shapes], Chain]:
    def build(words: Words, options: Options, inputs: Shapes) -> Chain:
        conv = _conv(words, options, inputs)
        if obstacle := VARIANTS[variant].obstacle(conv, inputs[0][-1]):
            raise Invalid(f"{variant} separates a kernel along its axes, but {obstacle}", about="kernel")
        return _chain(VARIANTS[variant].build, options, inputs)

    return build


def _chain(rewrite: Callable[[Conv, int, Settings], Chain], options: Options, inputs: Shapes) -> Chain:
    conv = _conv((), options, inputs)
    conv.output(inputs)  # what is wrong with the whole is said of the whole, not of its first link
    return rewrite(conv, inputs[0][-1], settings(options))


def settings(options: Options) -> Settings:
    """What the options tell the rewrites."""
    return Settings(_size(options, "multiplier"), cast("int | None", options.get("rank")))


def _transposed(words: Words, options: Options, inputs: Shapes) -> Op:
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


def _fold(words: Words, options: Options, inputs: Shapes) -> Op:
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


def _dense(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Dense

    return Dense(_size(options, "out"), _on(options, "bias"))


def _matmul(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Matmul

    return Matmul(_on(options, "transpose"))


def _einsum(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Einsum

    return Einsum(words[0])


def _attention(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.product import Attention

    heads = _size(options, "heads")
    return Attention(heads, _size(options, "kv-heads", heads), _on(options, "mask"))


def _multihead(words: Words, options: Options, inputs: Shapes) -> Chain:
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
        Link("attention", _attention(words, options, inputs), (first, first + 1, first + 2)),
        Link("output", query, (first + 3,)),
    )


# --- pools and resampling --------------------------------------------------------------------------------------------


def _pool(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import AdaptivePool, Pool, Reduce

    (shape,) = inputs
    how = words[0]
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


def _pool_form(words: Words, options: Options) -> tuple[str, ...]:
    if "global" in words:
        return ()
    if "adaptive" in words or "to" in options:
        return ("to",)
    return tuple(name for name in KINDS["pool"].options if name != "to")


def _reduce(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import Reduce

    (shape,) = inputs
    letters = _letters(shape)
    over = cast(str, options.get("over", letters[:-1] or letters))
    if not over or set(over) - set(letters) or len(set(over)) < len(over):
        raise Invalid(f"{quoted(over)} does not name axes of {show(shape)}: expected some of {letters}", about="over")
    return Reduce(words[0], tuple(sorted(letters.index(letter) for letter in over)), _on(options, "keep"))


def _reductions() -> tuple[tuple[str, ...], ...]:
    from sepcalc.ops.pool import REDUCTIONS

    return (tuple(REDUCTIONS),)


def _letters(shape: Shape) -> str:
    if len(shape) - 1 not in AXES:
        raise Invalid(f"the axes of {show(shape)} have no letters: expected at most 3 spatial ones")
    return AXES[len(shape) - 1] + "c"


def _upsample(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import Upsample

    return Upsample(words[0], _target(options, inputs[0], "upsample"))


# --- norms, activations, element by element --------------------------------------------------------------------------


def _norm(words: Words, options: Options, inputs: Shapes) -> Op:
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


_NORM_OPTIONS = {
    "batch": ("bias", "gain", "unfolded"),
    "layer": ("bias", "gain", "axes"),
    "group": ("bias", "gain", "groups"),
    "instance": ("bias", "gain"),
    "rms": ("gain", "axes"),
    "lrn": ("size",),
    "input": ("shape",),
}


def _softmax(log: bool) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.norm import Softmax

        return Softmax(log, _axis(options, inputs[0]) if "axis" in options else -1)

    return build


def _act(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.elementwise import ACTIVATIONS, Activation

    how = words[0]
    return Activation(how, cast(float, options.get(ACTIVATIONS[how].factor, 1.0)), _on(options, "shared"))


def _act_form(words: Words, options: Options) -> tuple[str, ...]:
    from sepcalc.ops.elementwise import ACTIVATIONS

    return ("shared",) if words[0] == "prelu" else tuple(filter(None, (ACTIVATIONS[words[0]].factor,)))


def _stored_words() -> tuple[tuple[str, ...], ...]:
    from sepcalc.ops.elementwise import STORED

    kinds_of_their_own = ("scale", "shift")
    return (tuple(how for how in STORED if how not in kinds_of_their_own), ("constant", "channel", "element"))


def _activations() -> tuple[tuple[str, ...], ...]:
    from sepcalc.ops.elementwise import ACTIVATIONS

    return (tuple(ACTIVATIONS),)


def _elementwise(how: str) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.elementwise import Elementwise

        return Elementwise(how)

    return build


def _stored(how: str) -> Callable[[Words, Options, Shapes], Op]:
    def build(words: Words, options: Options, inputs: Shapes) -> Op:
        from sepcalc.ops.elementwise import Stored

        shape = cast(Shape, options.get("shape", ()))
        if shape and words and words[0] != "constant":
            raise Invalid(f"--shape says what is stored: leave out {words[0]}, or say constant", about="shape")
        return Stored(how, words[0] if words else "shape" if shape else "constant", shape)

    return build


def _any_stored(words: Words, options: Options, inputs: Shapes) -> Op:
    return _stored(words[0])(words[1:], options, inputs)


def _select(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.elementwise import Select

    return Select()


# --- moves -----------------------------------------------------------------------------------------------------------


def _rename(how: str) -> Callable[[Words, Options, Shapes], Op]:
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
    letters = _letters(shape)
    axis = cast(str, options.get("axis", "c"))
    if len(axis) != 1 or axis not in letters:
        raise Invalid(f"{quoted(axis)} is no axis of {show(shape)}: expected one of {letters}", about="axis")
    return letters.index(axis)


def _concat(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Concat

    return Concat(_axis(options, inputs[0]))


def _copy(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Copy

    return Copy(cast(Shape, options["to"]))


def _uncounted(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.base import Uncounted

    return Uncounted(words[0], "it is written as uncounted", cast(Shape, options["to"]))


def _cumsum(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.pool import Cumulate

    return Cumulate(_axis(options, inputs[0]))


def _pad(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Pad

    if options["padding"] in ("same", "valid"):
        raise Invalid("pad needs a number of elements, not same or valid", "for example 1, or 0/1x0/1", "padding")
    return Pad(cast(Pairs, _pads(options, inputs[0])))


def _slice(words: Words, options: Options, inputs: Shapes) -> Op:
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
            f"{max(size, 1)} from {first} is not a part of the {shape[axis]} along {_letters(shape)[axis]}",
            about="start" if first else "size",
        )
    sizes = (*shape[:axis], size, *shape[axis + 1 :])
    return Slice(sizes, tuple([first if at == axis else 0 for at in range(len(shape))]) if first else ())


def _embedding(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Embedding

    return Embedding(_size(options, "vocab"), _size(options, "out"), words[0].removeprefix("bag-") if words else "")


def _token(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Token

    return Token(_size(options, "count"))


def _constant(words: Words, options: Options, inputs: Shapes) -> Op:
    from sepcalc.ops.move import Constant

    return Constant(cast(Shape, options["to"]), _on(options, "learned"))


def _recurrent(cell: str) -> Callable[[Words, Options, Shapes], Op]:
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


_WINDOW = ("stride", "padding", "dilation")
_STEPS = ("bias", "bias-sets", "bidirectional", "last", "act")

KINDS = {
    "conv": Kind(
        "each output: (inputs/groups)·kernel products, summed; padded windows count in full",
        _conv,
        ("kernel", "out"),
        (*_WINDOW, "groups", "bias"),
    ),
    "depthwise": Kind(
        "each output: one kernel's products over its own channel; multiplier kernels per channel",
        _depthwise,
        ("kernel",),
        (*_WINDOW, "multiplier", "bias"),
    ),
    "pointwise": Kind(
        "a convolution with a 1x1 kernel: inputs/groups products for each output",
        _pointwise,
        ("out",),
        ("stride", "groups", "bias"),
    ),
    "separable": Kind(
        "a depthwise convolution, then a pointwise one; the bias on the second",
        _separable,
        ("kernel", "out"),
        (*_WINDOW, "groups", "multiplier", "bias"),
    ),
    "spatial": Kind(
        "each slice of a kernel as a column, then a row: one link per axis",
        _rewritten("spatial"),
        ("kernel", "out"),
        (*_WINDOW, "groups", "bias"),
    ),
    "factorized": Kind(
        "rank kernels along one axis, then the outputs along the next",
        _rewritten("factorized"),
        ("kernel", "out"),
        (*_WINDOW, "groups", "rank", "bias"),
    ),
    "transposed": Kind(
        "each input position times each tap, also what is cropped; sums where contributions meet",
        _transposed,
        ("kernel", "out"),
        (*_WINDOW, "output-padding", "groups", "bias"),
    ),
    "fold": Kind("windows put back, sums where they overlap, cropped too", _fold, ("kernel", "to"), _WINDOW),
    "dense": Kind("rows · inputs · outputs products; rows are all axes but the last", _dense, ("out",), ("bias",)),
    "matmul": Kind("each result: inner products, summed; two inputs", _matmul, (), ("transpose",), several=True),
    "einsum": Kind(
        "the product of all index sizes; two inputs, as in einsum ij,jk->ik",
        _einsum,
        free_word="EQUATION",
        example="einsum ij,jk->ik",
        several=True,
    ),
    "attention": Kind(
        "scores, scale, softmax and weighted sum, of 1 to 3 projected inputs (queries, keys, values)",
        _attention,
        (),
        ("heads", "kv-heads", "mask"),
        several=True,
    ),
    "multihead": Kind(
        "four dense layers and attention between them",
        _multihead,
        ("heads",),
        ("kv-heads", "mask", "bias"),
        several=True,
    ),
    "pool": Kind(
        "max: window - 1 compares for each output; avg: as many additions, and one mult by 1/window",
        _pool,
        (),
        ("kernel", *_WINDOW, "ceil", "exclude-pad", "to"),
        lambda: (("max", "avg"), ("global", "adaptive")),
        1,
        form=_pool_form,
    ),
    "reduce": Kind(
        "over axes: inputs - outputs additions (max, min: compares; prod: mults); mean: one mult for each output",
        _reduce,
        (),
        ("over", "keep"),
        _reductions,
    ),
    "cumsum": Kind("running sums along an axis: an addition for every element but the first", _cumsum, (), ("axis",)),
    "upsample": Kind(
        "nearest copies; others weigh 2, 4, 8 or 16 taps for each output",
        _upsample,
        (),
        ("scale", "to"),
        lambda: (("nearest", "linear", "bilinear", "trilinear", "bicubic"),),
    ),
    "norm": Kind(
        "batch, input: one mult, one addition each (folded); the others with their own mean, variance and root",
        _norm,
        (),
        ("gain", "bias", "unfolded", "groups", "axes", "size", "shape"),
        lambda: (tuple(_NORM_OPTIONS),),
        form=lambda words, options: _NORM_OPTIONS[words[0]],
    ),
    "softmax": Kind("max, subtract, exp, sum, divide, over an axis", _softmax(False), (), ("axis",)),
    "log-softmax": Kind("(x - max) - log of the sum of exp, over an axis", _softmax(True), (), ("axis",)),
    "act": Kind(
        "each element by its formula; relu is one compare",
        _act,
        (),
        ("alpha", "beta", "shared"),
        _activations,
        form=_act_form,
    ),
    "add": Kind("one addition for each element, of two or more inputs", _elementwise("add"), several=True),
    "subtract": Kind("one addition for each element, of two inputs", _elementwise("subtract"), several=True),
    "multiply": Kind("one mult for each element, of two or more inputs", _elementwise("multiply"), several=True),
    "divide": Kind("one division for each element, of two inputs", _elementwise("divide"), several=True),
    "maximum": Kind("one compare for each element, of two or more inputs", _elementwise("maximum"), several=True),
    "minimum": Kind("one compare for each element, of two or more inputs", _elementwise("minimum"), several=True),
    "compare": Kind("one compare for each element, of two inputs", _elementwise("compare"), several=True),
    "power": Kind("one special for each element, of two inputs", _elementwise("power"), several=True),
    "logical": Kind("free: and, or, xor of two or more inputs", _elementwise("logical"), several=True),
    "select": Kind("free: elements of one or the other, where a first input says so", _select, several=True),
    "scale": Kind(
        "one mult for each element by a stored number: constant, or trained per channel, element or shape",
        _stored("scale"),
        takes=("shape",),
        words=lambda: (("constant", "channel", "element"),),
        optional=1,
    ),
    "shift": Kind(
        "one addition for each element of a stored number: constant, or trained per channel, element or shape",
        _stored("shift"),
        takes=("shape",),
        words=lambda: (("constant", "channel", "element"),),
        optional=1,
    ),
    "stored": Kind(
        "one operation for each element with a stored number: from (a - x), over (a/x), maximum, compare, power …",
        _any_stored,
        takes=("shape",),
        words=_stored_words,
        optional=1,
    ),
    "rnn": Kind(
        "each step: (inputs + hidden) · hidden products, tanh (or relu)",
        _recurrent("rnn"),
        ("out",),
        _STEPS,
        lambda: (("tanh", "relu"),),
        1,
    ),
    "lstm": Kind(
        "each step: four gates of (inputs + hidden) · hidden products, five exp or tanh each",
        _recurrent("lstm"),
        ("out",),
        (*_STEPS, "gate", "projection", "peephole"),
    ),
    "gru": Kind(
        "each step: three gates of (inputs + hidden) · hidden products, three exp or tanh each",
        _recurrent("gru"),
        ("out",),
        (*_STEPS, "gate", "reset-before"),
    ),
    "embedding": Kind(
        "a lookup, free; a bag sums the rows of its last axis",
        _embedding,
        ("vocab", "out"),
        words=lambda: (("bag-sum", "bag-mean"),),
        optional=1,
    ),
    "token": Kind("trained tokens before a sequence: params, nothing computed", _token, (), ("count",)),
    "constant": Kind(
        "free: a stored tensor in place of an input; a learned one has params",
        _constant,
        ("to",),
        ("learned",),
        begins=True,
    ),
    "concat": Kind("moves only: inputs side by side", _concat, (), ("axis",), several=True),
    "pad": Kind("moves only: constant elements around", _pad, ("padding",)),
    "slice": Kind(
        "moves only: a part of the input, along one axis (channels) or of a whole shape",
        _slice,
        (),
        ("start", "size", "axis", "to"),
        form=lambda words, options: ("to", "start") if "to" in options else ("start", "size", "axis"),
    ),
    "copy": Kind("moves only: elements repeated, gathered or rolled into a shape", _copy, ("to",), several=True),
    "flatten": Kind("free: the same elements as a vector", _rename("flatten")),
    "reshape": Kind("free: the same elements in another shape", _rename("reshape"), ("to",)),
    "permute": Kind("free: axes in another order", _rename("permute"), ("to",)),
    "shuffle": Kind("free: channels in another order", _rename("shuffle"), ("groups",), ("blocks",)),
    "pixel-shuffle": Kind("free: channels to space", _rename("pixel-shuffle"), ("scale",)),
    "pixel-unshuffle": Kind("free: space to channels", _rename("pixel-unshuffle"), ("scale",)),
    "identity": Kind("free: nothing at all", _rename("identity")),
    "dropout": Kind("free at inference: nothing at all", _rename("dropout")),
    "uncounted": Kind(
        "an operator that cannot be counted: a network with one is incomplete",
        _uncounted,
        ("to",),
        free_word="OPERATOR",
        example="uncounted TopK --to 10",
        several=True,
    ),
}


def unknown_kind(word: str, others: Iterable[str] = ()) -> Invalid:
    """The fact that neither a kind nor one of the others that may stand there is called so; what is a word of a kind,
    ``relu``, may have been meant by it."""
    homes = [name for name, kind in KINDS.items() if any(word in slot for slot in kind.words())]
    hint = f"did you mean {homes[0]} {word}?" if homes else near_miss(word, (*others, *KINDS))
    return Invalid(f"unknown kind {quoted(word)}", hint or "sepcalc kinds lists them all")
