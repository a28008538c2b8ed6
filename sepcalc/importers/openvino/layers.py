"""Operators with weights or windows: convolutions, products, pools, norms, recurrent layers, attention."""

from functools import partial
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import IMAGES, KEEPS_FIRST, ROWS, WINDOWED, same_rows
from sepcalc.importers.common.products import matmul_equation, parts_of
from sepcalc.importers.onnx.activations import ACTIVATIONS
from sepcalc.importers.onnx.attention import attended, form_of
from sepcalc.importers.onnx.convolutions import PLACES, convolved
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.products import contract
from sepcalc.importers.onnx.recurrent import given, sequences_of
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_first, hold
from sepcalc.importers.onnx.standard import STANDARD
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.importers.openvino.derived import said_in, said_out, stated, unread
from sepcalc.importers.openvino.rows import as_onnx, said, settings
from sepcalc.ops.norm import RowNorm
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Shape

MVN_AXES = "the .bin file is not read: a norm (MVN) is taken to run over the last axes, as many as it has"
FOLDED = "OpenVINO folds norms into the layers before them when it makes a file: what is left of them is a bias"


def _windows(call: Call) -> dict[str, Any]:
    """The settings of a window under ONNX's names."""
    found: dict[str, Any] = said(call, "strides", "dilations")
    auto = str(call.get("auto_pad") or "explicit").lower()
    found["auto_pad"] = auto if auto in ("same_upper", "same_lower", "valid") else "notset"
    pads = said(call, "pads_begin", "pads_end")
    if found["auto_pad"] == "notset" and len(pads) == 2:
        found["pads"] = pads["pads_begin"] + pads["pads_end"]
    return found


def _bias(call: Call, out: int) -> Value | None:
    """The bias that was added behind it, one number per channel."""
    if not call.get(".bias"):
        return None
    bias = call.inputs[-1]
    assert bias is not None
    return bias._replace(shape=(out,))


def _conv(groups: bool, builder: Builder, call: Call) -> Results:
    """conv"""
    weight, made = call.input(1), _windows(call)
    if groups:
        many, out, *rest = weight.sizes
        weight, made["group"] = weight._replace(shape=(many * out, *rest)), many
    inner = settings(call, **made)
    return (convolved(builder, inner, call.input(0), weight, _bias(call, weight.sizes[0])),)


def _transposed(groups: bool, builder: Builder, call: Call) -> Results:
    """transposed"""
    weight, made = call.input(1), _windows(call)
    if groups:
        many, ins, *rest = weight.sizes
        weight, made["group"] = weight._replace(shape=(many * ins, *rest)), many
    axes = len(weight.sizes) - 2
    if len(call.inputs) - bool(call.get(".bias")) > 2:
        made["output_shape"] = stated(call, "the size that it reaches")[-axes:]
    made["output_padding"] = said(call, "output_padding").get("output_padding", (0,) * axes)
    bias = _bias(call, weight.sizes[1] * made.get("group", 1))
    return STANDARD["ConvTranspose"](builder, settings(call, **made)._replace(inputs=(call.input(0), weight, bias)))


def _matmul(builder: Builder, call: Call) -> Results:
    """dense with stored weights; else matmul"""
    a, b = call.input(0), call.input(1)
    left, right, out = parts_of(matmul_equation(len(a.sizes), len(b.sizes)))
    if call.flag("transpose_a", False) and len(left) > 1:
        left = f"{left[:-2]}{left[-1]}{left[-2]}"
    if call.flag("transpose_b", False) and len(right) > 1:
        right = f"{right[:-2]}{right[-1]}{right[-2]}"
    bias = _bias(call, said_out(call)[-1]) if call.get(".bias") else None
    if a.constant or b.constant or bias is None:
        return (contract(builder, call, a, b, f"{left},{right}->{out}", bias),)
    product = contract(builder, call, a, b, f"{left},{right}->{out}")  # of weights that something was computed from
    return STANDARD["Add"](builder, settings(call)._replace(inputs=(product, bias)))


def _pool(how: str, builder: Builder, call: Call) -> Results:
    """pool"""
    made = _windows(call) | {"kernel_shape": said(call, "kernel").get("kernel")}
    rounding = str(call.get("rounding_type") or "floor").lower()
    spatial, kernel = call.input(0).sizes[2:], made["kernel_shape"] or ()
    pads = made.get("pads", (0,) * 2 * len(kernel))
    if rounding == "ceil" and made["auto_pad"] == "notset" and len(kernel) == len(spatial) == len(pads) // 2:
        strides, dilations = (made.get(name, (1,) * len(kernel)) for name in ("strides", "dilations"))
        more = [
            -(size + before + after - (k - 1) * d - 1) % s  # a window that begins in the padding runs, too
            for size, before, after, k, d, s in zip(
                spatial, pads[: len(kernel)], pads[len(kernel) :], kernel, dilations, strides, strict=True
            )
        ]
        made["pads"] = (*pads[: len(kernel)], *map(sum, zip(pads[len(kernel) :], more)))
    made["ceil_mode"] = int(rounding == "ceil_torch")
    made["count_include_pad"] = int(not call.flag("exclude-pad", True))
    return STANDARD["MaxPool" if how == "max" else "AveragePool"](builder, settings(call, **made))


def _adaptive(how: str, builder: Builder, call: Call) -> Results:
    """pool to a size"""
    from sepcalc.importers.common.resampling import pooled_to

    to = said_out(call)[2:]
    if -1 in to:
        raise unread("the size that it reaches")
    result = pooled_to(Named(builder, call.name), how, builder.image(call.input(0)), to)
    return (result, result)


def _batch_norm(builder: Builder, call: Call) -> Results:
    """norm batch"""
    inputs = call.inputs
    if call.get(".version") in ("opset1", "opset2", "opset3", "opset4"):
        inputs = (inputs[2], inputs[0], inputs[1], *inputs[3:])
    return STANDARD["BatchNormalization"](builder, settings(call)._replace(inputs=inputs))


def _mvn(builder: Builder, call: Call) -> Results:
    """norm layer, or norm instance over spatial axes, without trained numbers"""
    x = call.input(0)
    rank = len(x.sizes)
    if call.maybe(1) is None:  # opset 1
        count = rank - 1 if call.flag("across_channels", False) else rank - 2
    else:
        axes = said_in(call, 1)
        count = axes[0] if axes else 1
        if count < rank - 1:
            builder.note(MVN_AXES)
    if not 1 <= count <= rank:
        raise Invalid(f"a norm over {count} axes of {rank}")
    if not call.flag("normalize_variance", True):
        raise Refused("a norm without a variance is not supported")
    if rank > 2 and count == rank - 2 and x.channels_first:
        return (Named(builder, call.name).emit(RowNorm("instance", gain=False, bias=False), builder.image(x)),)
    value = builder.laid(x, False)
    if count > len(builder.shape(value)):
        value = builder.along(value, value.batch or 0)
    return (Named(builder, call.name).emit(RowNorm("layer", 1, count, False, False), value),)


def _local(call: Call) -> Call:
    return settings(call, size=call.size("size"))


def _rms(builder: Builder, call: Call) -> Results:
    """norm rms"""
    count = (said_in(call, 1) or (1,))[0]
    gain = call.maybe(2)
    inner = settings(call, axis=len(call.input(0).sizes) - count)
    return STANDARD["RMSNormalization"](builder, inner._replace(inputs=(call.input(0), gain)))


# --- recurrent --------------------------------------------------------------------------------------------------------

_GATES = {"lstm": 4, "gru": 3, "rnn": 1}
_USUAL = {"lstm": ("sigmoid", "tanh", "tanh"), "gru": ("sigmoid", "tanh"), "rnn": ("tanh",)}


def _recurrent(cell: str, sequence: bool, builder: Builder, call: Call) -> Results:
    """lstm, gru or rnn, of one step or of a sequence"""
    states = 2 if cell == "lstm" else 1
    first = 1 + states + sequence
    kernel, state, bias = call.input(first), call.input(first + 1), call.maybe(first + 2)
    x = call.input(0)
    if not sequence:
        kernel, state = [one._replace(shape=(1, *one.sizes)) for one in (kernel, state)]
        bias = bias._replace(shape=(1, *bias.sizes)) if bias is not None else None
        x = builder.laid(x, False)
        x = builder.give(x, (x.sizes[0], 1, *x.sizes[1:]), x.number, x.batch)
    hidden, directions, words = call.size("hidden_size"), state.sizes[0], call.get("activations")
    both = str(call.get("direction") or "forward").lower() == "bidirectional"
    usual = [part.strip().lower() for part in str(words).split(",")] if words else [*_USUAL[cell]]
    relu = cell == "rnn" and set(usual) == {"relu"}
    if directions != 1 + both or not (relu or usual == [*_USUAL[cell]]):
        raise Refused("directions that do not fit, or other functions than the usual ones, are not supported")
    if call.number("clip", default=0.0) not in (0.0, float("inf")):
        raise Refused("clipping is not supported")
    after = cell == "gru" and call.flag("linear_before_reset", False)
    rows = _GATES[cell] * hidden
    hold(call, "a kernel", kernel, (directions, rows, x.sizes[2]))
    hold(call, "a kernel of the state", state, (directions, rows, hidden))
    hold(call, "a bias", bias, (directions, rows), (directions, rows + hidden * after))
    inner = settings(call, layout=1)._replace(inputs=(x, *call.inputs[1:]))
    read = sequences_of(builder, inner, state)
    sets = int(bias is not None) + after
    op = Recurrent(cell, hidden, sets, reset_before=cell == "gru" and not after, relu=relu, bidirectional=both)
    number = builder.add(call.name, read.each(op), [read.number], [kernel, state, bias])
    last = inner._replace(outputs=("", *(call.outputs[1:] if sequence else call.outputs)))
    _, *ends = given(builder, last, read, number, directions, hidden)
    if not sequence:  # one step: no axis of directions
        many = (x.sizes[0], hidden)
        return [one if one.number is None else builder.give(x, many, one.number, x.batch) for one in ends]
    seen = builder.view(number, read.shape(read.steps, directions, hidden))
    whole = (x.sizes[0], directions, read.steps, hidden)
    turned = builder.view(seen, read.shape(directions, read.steps, hidden))
    return (builder.give(x, whole, turned, 0 if read.examples else None), *ends)


_CELLS = {
    f"{cell.upper()}{end}": Operator(
        partial(_recurrent, cell, bool(end == "Sequence")), KEEPS_FIRST, states=(1, 2) if cell == "lstm" else (1,)
    )
    for cell in _GATES
    for end in ("Cell", "Sequence")
}


def _attention(builder: Builder, call: Call) -> Results:
    """attention"""
    query, key, value = [builder.standing(call.name, call.input(at)) for at in range(3)]
    if builder.batch == 1:  # one example may lie along any axis
        query, key, value = [builder.along(one, one.batch) if one.batch else one for one in (query, key, value)]
    mask = call.maybe(3)
    if mask is not None and not mask.sizes:  # one number stands for no mask
        mask = None
    rank = len(query.sizes)
    heads, kv_heads = (query.sizes[1], key.sizes[1]) if rank == 4 else (1, 1)
    if call.maybe(5) is not None:
        raise Refused("attention with a sink is not supported")
    result, _ = attended(builder, call, query, key, value, form_of(settings(call), heads, kv_heads, mask))
    return (result,)


def _same_size(call: Call) -> Shape | None:
    shape = said_out(call)
    return shape if shape and -1 not in shape else None


LAYERS: dict[str, Operator] = {
    "Convolution": as_onnx("Conv", handle=partial(_conv, False)),
    "GroupConvolution": as_onnx("Conv", handle=partial(_conv, True)),
    "ConvolutionBackpropData": as_onnx("ConvTranspose", handle=partial(_transposed, False), settings=(2,)),
    "GroupConvolutionBackpropData": as_onnx("ConvTranspose", handle=partial(_transposed, True), settings=(2,)),
    "DeformableConvolution": Operator(None, WINDOWED, PLACES, apart=True, shape=_same_size),
    "BinaryConvolution": Operator(
        None, WINDOWED, "it compares bits in place of multiplying numbers", apart=True, shape=_same_size
    ),
    "MatMul": Operator(_matmul, ROWS, multiplies=True),
    "MaxPool": Operator(partial(_pool, "max"), WINDOWED),
    "AvgPool": Operator(partial(_pool, "avg"), WINDOWED),
    "AdaptiveAvgPool": Operator(partial(_adaptive, "avg"), WINDOWED, settings=(1,)),
    "AdaptiveMaxPool": Operator(partial(_adaptive, "max"), WINDOWED, settings=(1,)),
    "BatchNormInference": Operator(_batch_norm, IMAGES, shape=as_first),
    "MVN": Operator(_mvn, KEEPS_FIRST, settings=(1,), shape=as_first),
    "GroupNormalization": as_onnx("GroupNormalization"),
    "RMS": Operator(_rms, KEEPS_FIRST, settings=(1,), shape=as_first),
    "LRN": as_onnx("LRN", lambda builder, call: _local(call), settings=(1,)),
    "ScaledDotProductAttention": Operator(_attention, KEEPS_FIRST, mask=3, settings=(4,), multiplies=True, apart=True),
    **_CELLS,
    **same_rows(ACTIVATIONS["Softmax"], "SoftMax", "Softmax"),
    "LogSoftmax": ACTIVATIONS["LogSoftmax"],
    "Einsum": as_onnx("Einsum"),
}
