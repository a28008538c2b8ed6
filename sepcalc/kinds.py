"""The kinds of layer: for each its words, its options, one line on how it is counted, and what builds it. The parser,
``sepcalc kinds`` and the schema all read :data:`KINDS`."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sepcalc import building
from sepcalc.building import Options, Words
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.ops.base import Op
from sepcalc.rewrite import Chain
from sepcalc.shape import Shapes


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
    bare: bool = False  # whether it may take none, where from: [] says so

    @property
    def options(self) -> tuple[str, ...]:
        return self.needs + self.takes


def build(kind: str, words: Words, options: Options, inputs: Shapes) -> Op | Chain:
    """The op that a layer of this kind is on these inputs, or the links of a layer that is a chain.

    Raises :class:`Invalid` where the options do not fit the inputs.
    """
    entry = KINDS[kind]
    if len(inputs) > 1 and not entry.several:
        raise Invalid(f"{kind} takes {'no' if entry.begins else 1} input, not {len(inputs)}")
    return entry.build(words, options, inputs)


# --- words and forms that tables of ops say ---------------------------------------------------------------------------


def _pool_form(words: Words, options: Options) -> tuple[str, ...]:
    if "global" in words:
        return ()
    if "adaptive" in words or "to" in options:
        return ("to",)
    return tuple(name for name in KINDS["pool"].options if name != "to")


def _reductions() -> tuple[tuple[str, ...], ...]:
    from sepcalc.ops.pool import REDUCTIONS

    return (tuple(REDUCTIONS),)


def _samplings() -> tuple[tuple[str, ...], ...]:
    from sepcalc.ops.pool import SAMPLED

    return (tuple(SAMPLED),)


def _scatterings() -> tuple[tuple[str, ...], ...]:
    from sepcalc.ops.elementwise import SCATTERED

    return (SCATTERED,)


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
_STEPS = ("bias", "bias-sets", "bidirectional", "last", "act")

KINDS = {
    "conv": Kind(
        "each output: (inputs/groups)·kernel products, summed; padded windows count in full",
        building.convolution,
        ("kernel", "out"),
        (*_WINDOW, "groups", "bias"),
    ),
    "depthwise": Kind(
        "each output: one kernel's products over its own channel; multiplier kernels per channel",
        building.depthwise,
        ("kernel",),
        (*_WINDOW, "multiplier", "bias"),
    ),
    "pointwise": Kind(
        "a convolution with a 1x1 kernel: inputs/groups products for each output",
        building.pointwise,
        ("out",),
        ("stride", "groups", "bias"),
    ),
    "separable": Kind(
        "a depthwise convolution, then a pointwise one; the bias on the second",
        building.separable,
        ("kernel", "out"),
        (*_WINDOW, "groups", "multiplier", "bias"),
    ),
    "spatial": Kind(
        "each slice of a kernel as a column, then a row: one link per axis",
        building.rewritten("spatial"),
        ("kernel", "out"),
        (*_WINDOW, "groups", "bias"),
    ),
    "factorized": Kind(
        "rank kernels along one axis, then the outputs along the next",
        building.rewritten("factorized"),
        ("kernel", "out"),
        (*_WINDOW, "groups", "rank", "bias"),
    ),
    "transposed": Kind(
        "each input position times each tap, also what is cropped; sums where contributions meet",
        building.transposed,
        ("kernel", "out"),
        (*_WINDOW, "output-padding", "groups", "bias"),
    ),
    "fold": Kind("windows put back, sums where they overlap, cropped too", building.fold, ("kernel", "to"), _WINDOW),
    "dense": Kind(
        "rows · inputs · outputs products; rows are all axes but the last", building.dense, ("out",), ("bias",)
    ),
    "matmul": Kind(
        "each result: inner products, summed; two inputs", building.matmul, (), ("transpose",), several=True
    ),
    "einsum": Kind(
        "the product of all index sizes, in one sum; one input for each operand, as in einsum ij,jk->ik",
        building.einsum,
        free_word="EQUATION",
        example="einsum ij,jk->ik",
        several=True,
    ),
    "attention": Kind(
        "scores, scale, softmax and weighted sum, of 1 to 3 projected inputs (queries, keys, values)",
        building.attention,
        (),
        ("heads", "kv-heads", "mask"),
        several=True,
    ),
    "multihead": Kind(
        "four dense layers and attention between them",
        building.multihead,
        ("heads",),
        ("kv-heads", "mask", "bias"),
        several=True,
    ),
    "pool": Kind(
        "max: window - 1 compares for each output; sum: as many additions; avg: one mult by 1/window more",
        building.pool,
        (),
        ("kernel", *_WINDOW, "ceil", "exclude-pad", "to"),
        lambda: (("max", "avg", "sum"), ("global", "adaptive")),
        1,
        form=_pool_form,
    ),
    "reduce": Kind(
        "over axes: inputs - outputs additions (max, min: compares; prod: mults); mean: one mult for each output",
        building.reduce,
        (),
        ("over", "keep"),
        _reductions,
    ),
    **{
        f"cum{how}": Kind(
            f"running {what} along an axis: {each} for every element but the first",
            building.cumulated(how),
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
        building.upsample,
        (),
        ("scale", "to"),
        lambda: (("nearest", "linear", "bilinear", "trilinear", "bicubic"),),
    ),
    "grid-sample": Kind(
        "the first input read where the second says: 2 to 16 taps for each output, and their weights",
        building.grid_sample,
        (),
        ("align-corners", "stored"),
        _samplings,
        several=True,
    ),
    "norm": Kind(
        "batch, input: one mult, one addition each (folded); the others with their own mean, variance and root",
        building.norm,
        (),
        ("gain", "bias", "unfolded", "groups", "axes", "size", "shape"),
        lambda: (tuple(_NORM_OPTIONS),),
        form=lambda words, options: _NORM_OPTIONS[words[0]],
    ),
    "softmax": Kind("max, subtract, exp, sum, divide, over an axis", building.softmax(False), (), ("axis",)),
    "log-softmax": Kind("(x - max) - log of the sum of exp, over an axis", building.softmax(True), (), ("axis",)),
    "act": Kind(
        "each element by its formula; relu is one compare",
        building.activation,
        (),
        ("alpha", "beta", "shared"),
        _activations,
        form=_act_form,
    ),
    "add": Kind("one addition for each element, of two or more inputs", building.elementwise("add"), several=True),
    "subtract": Kind("one addition for each element, of two inputs", building.elementwise("subtract"), several=True),
    "multiply": Kind(
        "one mult for each element, of two or more inputs", building.elementwise("multiply"), several=True
    ),
    "divide": Kind("one division for each element, of two inputs", building.elementwise("divide"), several=True),
    "maximum": Kind(
        "one compare for each element, of two or more inputs", building.elementwise("maximum"), several=True
    ),
    "minimum": Kind(
        "one compare for each element, of two or more inputs", building.elementwise("minimum"), several=True
    ),
    "compare": Kind("one compare for each element, of two inputs", building.elementwise("compare"), several=True),
    "power": Kind("one special for each element, of two inputs", building.elementwise("power"), several=True),
    "logical": Kind("free: and, or, xor of two or more inputs", building.elementwise("logical"), several=True),
    "scatter": Kind(
        "each element of the first input added to what stands at its place: one addition (or other step) each",
        building.scatter,
        ("to",),
        words=_scatterings,
        several=True,
    ),
    "select": Kind("free: elements of one or the other, where a first input says so", building.select, several=True),
    "scale": Kind(
        "one mult for each element by a stored number: constant, or trained per channel, element or shape",
        building.stored("scale"),
        takes=("shape",),
        words=lambda: (("constant", "channel", "element"),),
        optional=1,
    ),
    "shift": Kind(
        "one addition for each element of a stored number: constant, or trained per channel, element or shape",
        building.stored("shift"),
        takes=("shape",),
        words=lambda: (("constant", "channel", "element"),),
        optional=1,
    ),
    "stored": Kind(
        "one operation for each element with a stored number: from (a - x), over (a/x), maximum, compare, power …",
        building.any_stored,
        takes=("shape",),
        words=_stored_words,
        optional=1,
    ),
    "rnn": Kind(
        "each step: (inputs + hidden) · hidden products, tanh (or relu)",
        building.recurrent("rnn"),
        ("out",),
        _STEPS,
        lambda: (("tanh", "relu"),),
        1,
    ),
    "lstm": Kind(
        "each step: four gates of (inputs + hidden) · hidden products, five exp or tanh each",
        building.recurrent("lstm"),
        ("out",),
        (*_STEPS, "gate", "projection", "peephole"),
    ),
    "gru": Kind(
        "each step: three gates of (inputs + hidden) · hidden products, three exp or tanh each",
        building.recurrent("gru"),
        ("out",),
        (*_STEPS, "gate", "reset-before"),
    ),
    "embedding": Kind(
        "a lookup, free; a bag sums the rows of its last axis",
        building.embedding,
        ("vocab", "out"),
        words=lambda: (("bag-sum", "bag-mean"),),
        optional=1,
    ),
    "token": Kind("trained tokens before a sequence: params, nothing computed", building.token, (), ("count",)),
    "constant": Kind(
        "free: a stored tensor in place of an input; a learned one has params, a buffer buffers",
        building.constant,
        ("to",),
        ("learned", "buffer"),
        begins=True,
    ),
    "random": Kind(
        "free: numbers drawn anew in each run; what drawing them takes is not known",
        building.random,
        ("to",),
        begins=True,
    ),
    "concat": Kind("moves only: inputs side by side", building.concat, (), ("axis",), several=True),
    "pad": Kind("moves only: constant elements around", building.pad, ("padding",)),
    "slice": Kind(
        "moves only: a part of the input, along one axis (channels) or of a whole shape",
        building.part,
        (),
        ("start", "size", "axis", "to"),
        form=lambda words, options: ("to", "start") if "to" in options else ("start", "size", "axis"),
    ),
    "copy": Kind(
        "moves only: elements repeated, gathered or rolled into a shape; with a stride, neighbours stay neighbours",
        building.copy,
        ("to",),
        ("stride", "start"),
        several=True,
    ),
    "flatten": Kind("free: the same elements as a vector", building.rename("flatten")),
    "reshape": Kind("free: the same elements in another shape", building.rename("reshape"), ("to",)),
    "permute": Kind("free: axes in another order", building.rename("permute"), ("to",)),
    "shuffle": Kind("free: channels in another order", building.rename("shuffle"), ("groups",), ("blocks",)),
    "pixel-shuffle": Kind("free: channels to space", building.rename("pixel-shuffle"), ("scale",)),
    "pixel-unshuffle": Kind("free: space to channels", building.rename("pixel-unshuffle"), ("scale",)),
    "identity": Kind("free: nothing at all", building.rename("identity")),
    "dropout": Kind("free at inference: nothing at all", building.rename("dropout")),
    "uncounted": Kind(
        "an operator that cannot be counted: a network with one is incomplete, if perhaps in some counts alone",
        building.uncounted,
        ("to",),
        ("counts", "stops"),
        free_word="OPERATOR",
        example="uncounted TopK --to 10",
        several=True,
        bare=True,
    ),
}


def unknown_kind(word: str, others: Iterable[str] = ()) -> Invalid:
    """The fact that neither a kind nor one of the others that may stand there is called so; what is a word of a kind,
    ``relu``, may have been meant by it."""
    homes = [name for name, kind in KINDS.items() if any(word in slot for slot in kind.words())]
    hint = f"did you mean {homes[0]} {word}?" if homes else near_miss(word, (*others, *KINDS))
    return Invalid(f"unknown kind {quoted(word)}", hint or "sepcalc kinds lists them all")
