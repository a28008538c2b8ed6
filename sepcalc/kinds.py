"""The kinds of layer: for each its words, its options, one line on how it is counted, and the module that builds it.
The parser, ``sepcalc kinds`` and the schema all read :data:`KINDS`. A module is loaded when a layer is made or a table
of it is needed, as most runs make few kinds."""

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.ops.arguments import Arguments, Options, Words
from sepcalc.ops.base import Builder, Chain, Op
from sepcalc.shape import Shapes


class Several(NamedTuple):
    """What a kind with several inputs says of them. There are no defaults: each such kind gives every field."""

    doubled: bool  # one shape before it in a spec stands for all its inputs
    joins: bool  # in a document its branches may stand below it, by their names
    alone: bool  # one input is enough: a line of layers may go on with it


class Kind(NamedTuple):
    """A kind of layer. ``counted`` says in one line how it is counted. ``module`` is the module of the package whose
    ``BUILD`` builds it. ``needs`` are the options that must be given, ``takes`` those that may be given. ``words`` are
    the choices for each word after the kind."""

    counted: str
    module: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    words: Callable[[], tuple[tuple[str, ...], ...]] = lambda: ()
    optional: int = 0  # how many of the last words may be left out
    free_word: str = ""  # a word that is not from a list: einsum's equation
    example: str = ""  # of such a word, after its kind
    form: Callable[[Words, Options], tuple[str, ...]] | None = None  # the options of this form of the kind, if fewer
    several: Several | None = None  # of more than one input
    begins: bool = False  # whether it takes none: a line of tensors begins with it
    bare: bool = False  # whether it may take none, where from: [] says so

    @property
    def options(self) -> tuple[str, ...]:
        """The names of all options that it takes."""
        return self.needs + self.takes


def build(kind: str, words: Words, options: Options, inputs: Shapes) -> Op | Chain:
    """The op that a layer of this kind is on these inputs, or the links of a layer that is a chain.

    Raises :class:`Invalid` where the options do not fit the inputs.
    """
    entry = KINDS[kind]
    if len(inputs) > 1 and not entry.several:
        raise Invalid(f"{kind} takes {'no' if entry.begins else 1} input, not {len(inputs)}")
    return _builder(kind)(Arguments(kind, words, options, inputs))


@cache
def _builder(kind: str) -> Builder:
    builders: dict[str, Builder] = _of(KINDS[kind].module, "BUILD")
    return builders[kind]


def _of(module: str, name: str) -> Any:
    """The object of this name in a module of the package."""
    return getattr(import_module(f"sepcalc.{module}"), name)


# --- words and forms that tables of ops say ---------------------------------------------------------------------------


def _pool_form(words: Words, options: Options) -> tuple[str, ...]:
    if "global" in words:
        return ()
    if "adaptive" in words or "to" in options:
        return ("to",)
    return tuple(name for name in KINDS["pool"].options if name != "to")


def _named(module: str, table: str) -> Callable[[], tuple[tuple[str, ...], ...]]:
    """One word, of those that a table of a module has."""
    return lambda: (tuple(_of(module, table)),)


def _act_form(words: Words, options: Options) -> tuple[str, ...]:
    factor: str = _of("ops.elementwise", "ACTIVATIONS")[words[0]].factor
    return (*(("shared",) if words[0] == "prelu" else filter(None, (factor,))), "fused")


def _stored_words() -> tuple[tuple[str, ...], ...]:
    return (tuple(how for how in _of("ops.elementwise", "STORED") if how not in ("scale", "shift")), _PER)


_PER = ("constant", "channel", "element")
_NORM_OPTIONS = {
    "batch": ("bias", "gain", "unfolded"),
    "layer": ("bias", "gain", "axes"),
    "group": ("bias", "gain", "groups"),
    "instance": ("bias", "gain"),
    "rms": ("gain", "axes"),
    "lrn": ("size",),
    "input": ("shape",),
}
_WINDOW = ("stride", "padding", "dilation")
# Of several inputs: equal ones, in branches; one that is enough; and each its own.
_EQUAL, _ENOUGH, _EACH = Several(True, True, False), Several(False, False, True), Several(False, False, False)
_STEPS = ("bias", "bias-sets", "bidirectional", "last", "act")

KINDS = {
    "conv": Kind(
        "each output: (inputs/groups)·kernel products, summed; padded windows count in full",
        "ops.conv",
        ("kernel", "out"),
        (*_WINDOW, "groups", "bias"),
    ),
    "depthwise": Kind(
        "each output: one kernel's products over its own channel; multiplier kernels per channel",
        "ops.conv",
        ("kernel",),
        (*_WINDOW, "multiplier", "bias"),
    ),
    "pointwise": Kind(
        "a convolution with a 1x1 kernel: inputs/groups products for each output",
        "ops.conv",
        ("out",),
        ("stride", "groups", "bias"),
    ),
    "separable": Kind(
        "a depthwise convolution, then a pointwise one; the bias on the second",
        "rewrite",
        ("kernel", "out"),
        (*_WINDOW, "groups", "multiplier", "bias"),
    ),
    "spatial": Kind(
        "each slice of a kernel as a column, then a row: one link per axis",
        "rewrite",
        ("kernel", "out"),
        (*_WINDOW, "groups", "bias"),
    ),
    "factorized": Kind(
        "rank kernels along one axis, then the outputs along the next",
        "rewrite",
        ("kernel", "out"),
        (*_WINDOW, "groups", "rank", "bias"),
    ),
    "transposed": Kind(
        "each input position times each tap, also what is cropped; sums where contributions meet",
        "ops.conv",
        ("kernel", "out"),
        (*_WINDOW, "output-padding", "groups", "bias"),
    ),
    "fold": Kind("windows put back, sums where they overlap, cropped too", "ops.conv", ("kernel", "to"), _WINDOW),
    "dense": Kind(
        "rows · inputs · outputs products; rows are all axes but the last", "ops.product", ("out",), ("bias",)
    ),
    "matmul": Kind(
        "each result: inner products, summed; two inputs", "ops.product", (), ("transpose",), several=_EQUAL
    ),
    "einsum": Kind(
        "the product of all index sizes, in one sum; one input for each operand, as in einsum ij,jk->ik",
        "ops.product",
        free_word="EQUATION",
        example="einsum ij,jk->ik",
        several=Several(True, False, False),
    ),
    "attention": Kind(
        "scores, scale, softmax and weighted sum, of 1 to 3 projected inputs (queries, keys, values)",
        "ops.product",
        (),
        ("heads", "kv-heads", "mask"),
        several=Several(False, True, True),
    ),
    "multihead": Kind(
        "four dense layers and attention between them",
        "ops.product",
        ("heads",),
        ("kv-heads", "mask", "bias"),
        several=_ENOUGH,
    ),
    "pool": Kind(
        "max: window - 1 compares for each output; sum: as many additions; avg: one mult by 1/window more",
        "ops.pool",
        (),
        ("kernel", *_WINDOW, "ceil", "exclude-pad", "to"),
        lambda: (("max", "avg", "sum"), ("global", "adaptive")),
        1,
        form=_pool_form,
    ),
    "reduce": Kind(
        "over axes: inputs - outputs additions (max, min: compares; prod: mults); mean: one mult for each output",
        "ops.pool",
        (),
        ("over", "keep"),
        _named("ops.pool", "REDUCTIONS"),
    ),
    **{
        f"cum{how}": Kind(
            f"running {what} along an axis: {each} for every element but the first",
            "ops.pool",
            (),
            ("axis",),
        )
        for how, what, each in (
            ("sum", "sums", "an addition"),
            ("prod", "products", "a mult"),
            ("max", "maxima", "a compare"),
            ("min", "minima", "a compare"),
        )
    },
    "upsample": Kind(
        "nearest copies; others weigh 2, 4, 8 or 16 taps for each output",
        "ops.pool",
        (),
        ("scale", "to"),
        lambda: (("nearest", "linear", "bilinear", "trilinear", "bicubic"),),
    ),
    "grid-sample": Kind(
        "the first input read where the second says: 2 to 16 taps for each output, and their weights",
        "ops.pool",
        (),
        ("align-corners", "stored"),
        _named("ops.pool", "SAMPLED"),
        several=_EACH,
    ),
    "norm": Kind(
        "batch, input: one mult, one addition each (folded); the others with their own mean, variance and root",
        "ops.norm",
        (),
        ("gain", "bias", "unfolded", "groups", "axes", "size", "shape"),
        lambda: (tuple(_NORM_OPTIONS),),
        form=lambda words, options: _NORM_OPTIONS[words[0]],
    ),
    "softmax": Kind("max, subtract, exp, sum, divide, over an axis", "ops.norm", (), ("axis",)),
    "log-softmax": Kind("(x - max) - log of the sum of exp, over an axis", "ops.norm", (), ("axis",)),
    "act": Kind(
        "each element by its formula; relu is one compare",
        "ops.elementwise",
        (),
        ("alpha", "beta", "shared", "fused"),
        _named("ops.elementwise", "ACTIVATIONS"),
        form=_act_form,
    ),
    "add": Kind("one addition for each element, of two or more inputs", "ops.elementwise", several=_EQUAL),
    "subtract": Kind("one addition for each element, of two inputs", "ops.elementwise", several=_EQUAL),
    "multiply": Kind("one mult for each element, of two or more inputs", "ops.elementwise", several=_EQUAL),
    "divide": Kind("one division for each element, of two inputs", "ops.elementwise", several=_EQUAL),
    "maximum": Kind("one compare for each element, of two or more inputs", "ops.elementwise", several=_EQUAL),
    "minimum": Kind("one compare for each element, of two or more inputs", "ops.elementwise", several=_EQUAL),
    "compare": Kind("one compare for each element, of two inputs", "ops.elementwise", several=_EACH),
    "power": Kind("one special for each element, of two inputs", "ops.elementwise", several=_EACH),
    "logical": Kind("free: and, or, xor of two or more inputs", "ops.elementwise", several=_EACH),
    "scatter": Kind(
        "each element of the first input added to what stands at its place: one addition (or other step) each",
        "ops.elementwise",
        ("to",),
        words=_named("ops.elementwise", "SCATTERED"),
        several=_EACH,
    ),
    "select": Kind("free: elements of one or the other, where a first input says so", "ops.elementwise", several=_EACH),
    "scale": Kind(
        "one mult for each element by a stored number: constant, or trained per channel, element or shape",
        "ops.elementwise",
        takes=("shape",),
        words=lambda: (_PER,),
        optional=1,
    ),
    "shift": Kind(
        "one addition for each element of a stored number: constant, or trained per channel, element or shape",
        "ops.elementwise",
        takes=("shape",),
        words=lambda: (_PER,),
        optional=1,
    ),
    "stored": Kind(
        "one operation for each element with a stored number: from (a - x), over (a/x), maximum, compare, power …",
        "ops.elementwise",
        takes=("shape",),
        words=_stored_words,
        optional=1,
    ),
    "rnn": Kind(
        "each step: (inputs + hidden) · hidden products, tanh (or relu)",
        "ops.recurrent",
        ("out",),
        _STEPS,
        lambda: (("tanh", "relu"),),
        1,
    ),
    "lstm": Kind(
        "each step: four gates of (inputs + hidden) · hidden products, five exp or tanh each",
        "ops.recurrent",
        ("out",),
        (*_STEPS, "gate", "projection", "peephole"),
    ),
    "gru": Kind(
        "each step: three gates of (inputs + hidden) · hidden products, three exp or tanh each",
        "ops.recurrent",
        ("out",),
        (*_STEPS, "gate", "reset-before"),
    ),
    "embedding": Kind(
        "a lookup, free; a bag sums the rows of its last axis",
        "ops.move",
        ("vocab", "out"),
        words=lambda: (("bag-sum", "bag-mean"),),
        optional=1,
    ),
    "token": Kind("trained tokens before a sequence: params, nothing computed", "ops.move", (), ("count",)),
    "constant": Kind(
        "free: a stored tensor in place of an input; a learned one has params, a buffer buffers",
        "ops.move",
        ("to",),
        ("learned", "buffer"),
        begins=True,
    ),
    "random": Kind(
        "free: numbers drawn anew in each run; what drawing them takes is not known",
        "ops.move",
        ("to",),
        begins=True,
    ),
    "concat": Kind("moves only: inputs side by side", "ops.move", (), ("axis",), several=_EQUAL),
    "pad": Kind("moves only: constant elements around", "ops.move", ("padding",)),
    "slice": Kind(
        "moves only: a part of the input, along one axis (channels) or of a whole shape",
        "ops.move",
        (),
        ("start", "size", "axis", "to"),
        form=lambda words, options: ("to", "start") if "to" in options else ("start", "size", "axis"),
    ),
    "copy": Kind(
        "moves only: elements repeated, gathered or rolled into a shape; with a stride, neighbours stay neighbours",
        "ops.move",
        ("to",),
        ("stride", "start"),
        several=_ENOUGH,
    ),
    "flatten": Kind("free: the same elements as a vector", "ops.rename"),
    "reshape": Kind("free: the same elements in another shape", "ops.rename", ("to",)),
    "permute": Kind("free: axes in another order", "ops.rename", ("to",)),
    "shuffle": Kind("free: channels in another order", "ops.rename", ("groups",), ("blocks",)),
    "pixel-shuffle": Kind("free: channels to space", "ops.rename", ("scale",)),
    "pixel-unshuffle": Kind("free: space to channels", "ops.rename", ("scale",)),
    "identity": Kind("free: nothing at all", "ops.rename"),
    "dropout": Kind("free at inference: nothing at all", "ops.rename"),
    "uncounted": Kind(
        "an operator that cannot be counted: a network with one is incomplete, if perhaps in some counts alone",
        "ops.base",
        ("to",),
        ("counts", "stops", "axis"),
        free_word="OPERATOR",
        example="uncounted TopK --to 10",
        several=_EACH,
        bare=True,
    ),
}


def unknown_kind(word: str, others: Iterable[str] = ()) -> Invalid:
    """The fact that no kind has this name, and none of the ``others`` that may stand there. The hint names the kind
    that has it as a word (``relu``: ``act relu``), or the nearest name."""
    from sepcalc.foreign import block  # loaded only after an error

    homes = [name for name, kind in KINDS.items() if any(word in slot for slot in kind.words())]
    hint = f"did you mean {homes[0]} {word}?" if homes else near_miss(word, (*others, *KINDS))
    return Invalid(f"unknown kind {quoted(word)}", block(word) or hint or "sepcalc kinds lists them all")
