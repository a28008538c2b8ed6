"""An op as the spec that builds it: the way back from a graph to the language.

The table goes by the names of the ops' types, so that none is loaded which the network does not have.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sepcalc.errors import InputError, Invalid
from sepcalc.kinds import KINDS
from sepcalc.ops.base import Op, Uncounted
from sepcalc.options import Value
from sepcalc.shape import Shape, Shapes, axis_letters
from sepcalc.spec import Spec, linked, outputs, parse

if TYPE_CHECKING:
    from sepcalc.ops.conv import Conv, Transposed
    from sepcalc.ops.elementwise import Activation, Stored
    from sepcalc.ops.move import Concat, Embedding, Pad, Slice
    from sepcalc.ops.norm import BatchNorm, RowNorm, Softmax
    from sepcalc.ops.pool import Pool, Reduce
    from sepcalc.ops.product import Attention
    from sepcalc.ops.recurrent import Recurrent
    from sepcalc.ops.rename import Rename

Parts = tuple[str, tuple[str, ...], dict[str, Value]]  # kind, words, options


def spec_of(op: Op, inputs: Shapes, output: Shape) -> Spec:
    """The spec that is this op on these inputs. Raises Invalid where the language has none: what the spec builds is
    held against the op, shape and cost."""
    if type(op).__name__ == "Each":
        inner = spec_of(_inner(op), tuple([shape[1:] for shape in inputs]), output[1:])
        return inner._replace(each=inner.each + 1)
    spec = supposed(op, inputs)
    links = linked(spec, inputs)
    built = links[0].op
    same = len(links) == 1 and outputs(links, inputs)[-1] == output
    if not (same and built.cost(inputs, output) == op.cost(inputs, output) and built.writes == op.writes):
        raise Invalid(f"{op.kind(inputs)} {op.detail(inputs)}".rstrip() + " has no spec")
    return spec


def _inner(op: Any) -> Op:
    """What an op on each slice is of one."""
    inner: Op = op.op
    return inner


def supposed(op: Op, inputs: Shapes) -> Spec:
    """The spec that should be this op on these inputs, for those who read it back. Raises Invalid where the language
    has no words for such an op."""
    if type(op).__name__ == "Each":
        inner = supposed(_inner(op), tuple([shape[1:] for shape in inputs]))
        return inner._replace(each=inner.each + 1)
    write = _WRITERS.get(type(op).__name__)
    if write is None:
        raise Invalid(f"{op.kind(inputs)} has no spec")
    kind, words, options = write(op, inputs)
    return Spec(kind, words, {name: value for name, value in options.items() if value is not None})


def line_of(op: Op, inputs: Shapes, output: Shape) -> str | None:
    """The op with its inputs as one line, ``12x12x3 conv -k5 -o256``, that parses back to it; None where there is
    none."""
    try:
        text = str(spec_of(op, inputs, output)._replace(inputs=inputs))
        again = parse(text)  # no name of an operator, no shape of many axes reads back
    except (Invalid, InputError):
        return None
    return text if (again.inputs, str(again)) == (inputs, text) else None


def _short(sizes: Shape, default: int = 0) -> Shape | None:
    """One size for all axes where they are equal, none where they are the default."""
    if not sizes:
        return None
    if sizes.count(sizes[0]) < len(sizes):
        return sizes
    return None if sizes[0] == default else sizes[:1]


def _padding(padding: Any) -> Value | None:
    if padding == "same":
        return "same"
    if not any(map(any, padding)):
        return None
    pairs: tuple[tuple[int, int], ...] = padding if len(set(padding)) > 1 else padding[:1]
    return pairs


def _window(op: Any) -> dict[str, Value]:
    options = dict[str, Value]()
    if (stride := _short(op.stride, 1)) is not None:
        options["stride"] = stride
    if (padding := _padding(op.padding)) is not None:
        options["padding"] = padding
    if (dilation := _short(op.dilation, 1)) is not None:
        options["dilation"] = dilation
    return options


def _flags(**flags: bool) -> dict[str, Value]:
    return {name.replace("_", "-"): True for name, value in flags.items() if value}


def _conv(op: "Conv", inputs: Shapes) -> Parts:
    channels = inputs[0][-1]
    options = _window(op)
    if op.bias:
        options["bias"] = True
    alone = op.groups == channels > 1 and op.out % channels == 0 and bool(op.kernel)
    if alone:
        several = {"multiplier": op.out // channels} if op.out > channels else {}
        return "depthwise", (), {"kernel": _short(op.kernel) or (1,), **options, **several}
    if op.groups > 1:
        options["groups"] = op.groups
    if all(k == 1 for k in op.kernel) and options.get("padding", "same") == "same":
        options = {name: value for name, value in options.items() if name not in ("padding", "dilation")}
        return "pointwise", (), {"out": op.out, **options}
    return "conv", (), {"kernel": _short(op.kernel) or (1,), "out": op.out, **options}


def _transposed(op: "Transposed", inputs: Shapes) -> Parts:
    options = _window(op) | _flags(bias=op.bias)
    if op.groups > 1:
        options["groups"] = op.groups
    if (extra := _short(op.output_padding)) is not None:
        options["output-padding"] = extra
    return "transposed", (), {"kernel": _short(op.kernel) or (1,), "out": op.out, **options}


def _attention(op: "Attention", inputs: Shapes) -> Parts:
    several = {"kv-heads": op.kv_heads} if op.kv_heads != op.heads else {}
    return "attention", (), {"heads": op.heads, **several, **_flags(mask=op.mask)}


def _uncounted(op: Uncounted, inputs: Shapes) -> Parts:
    counts: dict[str, Value] = {} if op.whole else {"counts": op.counts}
    return "uncounted", (op.called,), {"to": op.shape, **counts, **_flags(stops=op.stops)}


def _pool(op: "Pool", inputs: Shapes) -> Parts:
    window = {name: value for name, value in _window(op).items() if name != "stride"}
    stride = {} if op.stride == op.kernel else {"stride": _short(op.stride) or (1,)}
    flags = _flags(ceil=op.ceil, exclude_pad=op.exclude_pad)
    return "pool", (op.how,), {"kernel": _short(op.kernel) or (1,), **stride, **window, **flags}


def _reduce(op: "Reduce", inputs: Shapes) -> Parts:
    rank = len(inputs[0]) - 1
    if op.called == "pool" and op.axes == tuple(range(rank)):
        how = "max" if op.how == "max" else "avg"
        return ("pool", (how,), {"to": (1,) * rank}) if op.keep else ("pool", (how, "global"), {})
    letters = axis_letters(inputs[0])
    return "reduce", (op.how,), {"over": "".join(letters[axis] for axis in op.axes), **_flags(keep=op.keep)}


def _batch_norm(op: "BatchNorm", inputs: Shapes) -> Parts:
    return "norm", ("batch",), {**_denied(gain=op.gain, bias=op.bias), **_flags(unfolded=op.unfolded)}


def _denied(**flags: bool) -> dict[str, Value]:
    return {name: False for name, value in flags.items() if not value}


def _row_norm(op: "RowNorm", inputs: Shapes) -> Parts:
    options = _denied(gain=op.gain) | ({} if op.how == "rms" else _denied(bias=op.bias))
    if op.how == "group":
        options["groups"] = op.groups
    if op.axes > 1:
        options["axes"] = op.axes
    return "norm", (op.how,), options


def _activation(op: "Activation", inputs: Shapes) -> Parts:
    from sepcalc.ops.elementwise import ACTIVATIONS

    name = ACTIVATIONS[op.how].factor
    return "act", (op.how,), {**({name: op.factor} if name and op.factor != 1 else {}), **_flags(shared=op.shared)}


def _rename(op: "Rename", inputs: Shapes) -> Parts:
    options: dict[str, Value] = {}
    if op.how == "reshape" or op.how not in KINDS:  # any other order of the same elements
        return "reshape", (), {"to": op.output(inputs)}
    if op.how == "permute":
        options["to"] = op.to
    if op.how == "shuffle":
        options = {"groups": op.groups, **({"blocks": op.blocks} if op.blocks > 1 else {})}
    if op.how in ("pixel-shuffle", "pixel-unshuffle"):
        options["scale"] = (op.scale,)
    return op.how, (), options


def _stored(op: "Stored", inputs: Shapes) -> Parts:
    words = () if op.per == "shape" else (op.per,)
    options: dict[str, Value] = {"shape": op.shape} if op.shape else {}
    if op.how in ("scale", "shift"):
        return op.how, words, options
    return "stored", (op.how, *words), options


def _softmax(op: "Softmax", inputs: Shapes) -> Parts:
    return "log-softmax" if op.log else "softmax", (), _along(op.axis, inputs[0])


def _along(axis: int, shape: Shape) -> dict[str, Value]:
    """The letter of an axis, where it is not the last."""
    return {} if axis in (-1, len(shape) - 1) else {"axis": axis_letters(shape)[axis]}


def _concat(op: "Concat", inputs: Shapes) -> Parts:
    letters = axis_letters(inputs[0])
    letter = letters[op.axis]
    return "concat", (), {} if letter == "c" else {"axis": letter}


def _slice(op: "Slice", inputs: Shapes) -> Parts:
    return "slice", (), {"to": op.to, **({"start": op.start} if any(op.start) else {})}


def _embedding(op: "Embedding", inputs: Shapes) -> Parts:
    return "embedding", (f"bag-{op.bag}",) if op.bag else (), {"vocab": op.vocab, "out": op.out}


def _recurrent(op: "Recurrent", inputs: Shapes) -> Parts:
    options: dict[str, Value] = {"out": op.hidden}
    if op.bias_sets:
        options |= {"bias": True, "bias-sets": op.bias_sets}
    if op.projection:
        options["projection"] = op.projection
    if op.act != "tanh" and not op.relu:
        options["act"] = op.act
    if op.gate != "sigmoid" and op.cell != "rnn":
        options["gate"] = op.gate
    flags = _flags(peephole=op.peephole, reset_before=op.reset_before, bidirectional=op.bidirectional, last=op.last)
    return op.cell, ("relu",) if op.relu else (), options | flags


def _pad(op: "Pad", inputs: Shapes) -> Parts:
    pads: tuple[tuple[int, int], ...] = op.padding if len(set(op.padding)) > 1 else op.padding[:1]
    return "pad", (), {"padding": pads}


_WRITERS: dict[str, Callable[[Any, Shapes], Parts]] = {
    "Conv": _conv,
    "Transposed": _transposed,
    "Fold": lambda op, inputs: ("fold", (), {"kernel": _short(op.kernel) or (1,), "to": op.to, **_window(op)}),
    "Dense": lambda op, inputs: ("dense", (), {"out": op.out, **_flags(bias=op.bias)}),
    "Matmul": lambda op, inputs: ("matmul", (), _flags(transpose=op.transpose)),
    "Einsum": lambda op, inputs: ("einsum", (op.equation,), {}),
    "Attention": _attention,
    "Pool": _pool,
    "Reduce": _reduce,
    "AdaptivePool": lambda op, inputs: ("pool", (op.how,), {"to": op.to}),
    "Upsample": lambda op, inputs: ("upsample", (op.how,), {"to": op.to}),
    "GridSample": lambda op, inputs: (
        "grid-sample",
        (op.how,),
        _flags(align_corners=op.align_corners, stored=op.stored),
    ),
    "BatchNorm": _batch_norm,
    "RowNorm": _row_norm,
    "Normalization": lambda op, inputs: ("norm", ("input",), {"shape": op.stored} if op.stored else {}),
    "LocalResponseNorm": lambda op, inputs: ("norm", ("lrn",), {"size": op.size}),
    "Softmax": _softmax,
    "Cumulate": lambda op, inputs: (op.kind(inputs), (), _along(op.axis, inputs[0])),
    "Select": lambda op, inputs: ("select", (), {}),
    "Scatter": lambda op, inputs: ("scatter", (op.how,), {"to": op.to}),
    "Copy": lambda op, inputs: (
        "copy",
        (),
        {
            "to": op.to,
            **({"stride": _short(op.stride) or (1,)} if op.stride else {}),
            **({"start": op.start} if op.start else {}),
        },
    ),
    "Uncounted": _uncounted,
    "Random": lambda op, inputs: ("random", (), {"to": op.shape}),
    "Activation": _activation,
    "Elementwise": lambda op, inputs: (op.how, (), {}),
    "Stored": _stored,
    "Rename": _rename,
    "Concat": _concat,
    "Pad": _pad,
    "Slice": _slice,
    "Embedding": _embedding,
    "Token": lambda op, inputs: ("token", (), {"count": op.tokens}),
    "Constant": lambda op, inputs: (
        "constant",
        (),
        {"to": op.shape, **({} if op.learned is None else {"learned": op.learned}), **_flags(buffer=op.buffer)},
    ),
    "Recurrent": _recurrent,
}
