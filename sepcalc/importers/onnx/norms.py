"""Norms with stored statistics, or with statistics of the data."""

from functools import partial

from sepcalc.errors import Invalid
from sepcalc.importers.common.elementwise import chain
from sepcalc.importers.common.layout import IMAGES, KEEPS_FIRST
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_first, hold, hold_within
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, RowNorm
from sepcalc.ops.pool import Reduce


def _batch_norm(builder: Builder, call: Call) -> Results:
    if call.whole("training_mode", 0):
        raise Refused("batch norm in training mode computes statistics of the batch")
    value = builder.laid(call.input(0), True)
    if len(value.sizes) < 2:
        raise Invalid("batch norm needs a batch and channels")
    if any(part.sizes != (value.sizes[1],) for part in map(call.input, range(1, 5))):
        raise Invalid(f"batch norm needs {value.sizes[1]} numbers of each kind, one per channel")
    return (Named(builder, call.name).emit(BatchNorm(), value, weights=call.inputs[1:3]),)


def _row_norm(how: str, builder: Builder, call: Call) -> Results:
    value = builder.image(call.input(0))
    if len(value.sizes) < 3:
        raise Refused("a norm over groups or instances of vectors is not supported")
    groups = call.size("num_groups", default=1) if how == "group" else 1
    each = [(value.sizes[1],)]
    if how == "group":
        if value.sizes[1] % groups:
            raise Invalid(f"{groups} groups do not divide the {value.sizes[1]} channels")
        each += [(groups,)] if call.opset < 21 else []  # one per group in these opsets
    for at, what in ((1, "a scale"), (2, "a shift")):
        hold(call, what, call.input(at), *each)
    many = value.sizes[0] if len(builder.shape(value)) == len(value.sizes) else 1
    if many > 1 and builder.batch > 1:
        raise Refused("a norm over more than one example at once is not supported")
    seen = _side_by_side(builder, value) if many > 1 else value
    op = RowNorm(how, groups * many if how == "group" else 1)
    result = Named(builder, call.name).emit(op, seen, weights=call.inputs[1:3])
    if many == 1:
        return (result,)
    result = builder.laid(result, False)
    return (builder.give(value, value.sizes, result.number, value.batch, value.channels_first),)


def _side_by_side(builder: Builder, value: Value) -> Value:
    """Merges several images of one example, such as two that a network compares, into one image with the channels of
    all."""
    many, channels, *positions = value.sizes
    plain = builder.laid(value, False)
    return builder.laid(builder.give(plain, (1, many * channels, *positions), plain.number, 0), True)


def _layer_norm(how: str, builder: Builder, call: Call) -> Results:
    value = builder.laid(call.input(0), False)
    axis = call.axis_of(value, -1)
    gain, bias = call.maybe(1), call.maybe(2) if how == "layer" else None
    axes = len(value.sizes) - axis
    for part, what in ((gain, "a scale"), (bias, "a shift")):
        hold_within(call, what, part, value.sizes[axis:])
    if axes > len(builder.shape(value)):
        value = builder.along(value, value.batch or 0)
    op = RowNorm(how, 1, axes, gain is not None, bias is not None)
    return (Named(builder, call.name).emit(op, value, weights=[gain, bias]),)


def _mean_variance(builder: Builder, call: Call) -> Results:
    """Instance norm, or layer norm over a whole example, without trained numbers."""
    value = call.input(0)
    rank = len(value.sizes)
    axes = {axis % rank for axis in call.ints("axes") or (0, *range(2, rank))}
    if value.batch in axes and builder.batch > 1:
        raise builder.mixed
    if 0 in axes and value.sizes[0] > 1:
        raise Refused("a norm over more than one example at once is not supported")
    if axes - {0} == set(range(2, rank)) and (value := builder.image(value)).batch == 0:
        op = RowNorm("instance", gain=False, bias=False)
    elif axes - {0} == set(range(1, rank)):
        value = builder.laid(value, False)
        op = RowNorm("layer", 1, rank - 1, False, False)
    else:
        raise Refused("a norm over these axes is not supported")
    return (Named(builder, call.name).emit(op, value),)


def _skip_norm(how: str, builder: Builder, call: Call) -> Results:
    """ONNX Runtime's fused sum of two tensors, an optional bias, and a norm."""
    after = 4 if how == "layer" else 3
    parts = [call.input(0), call.input(1), *filter(None, [call.maybe(after)])]
    added = combined(builder, call.part("add"), "add", parts)
    inputs = (added, call.input(2), *([call.maybe(3)] if how == "layer" else []))
    (result,) = _layer_norm(how, builder, call._replace(inputs=inputs, attributes={}))
    return (result, Value(None), Value(None), added)


def _local_norm(builder: Builder, call: Call) -> Results:
    value = builder.laid(call.input(0), True)
    return (Named(builder, call.name).emit(LocalResponseNorm(call.size("size")), value),)


def _length_norm(builder: Builder, call: Call) -> Results:
    """x divided along an axis by the root of the sum of its squares, or by the sum of its absolute values."""
    axis = call.axis_of(call.input(0), -1)
    value = builder.along(call.input(0), axis)
    place, power = builder.place(value, axis), call.whole("p", 2)
    first, emitter = "square" if power == 2 else "abs", Named(builder, call.name)
    ops: list[Op] = [Activation(first), Reduce("sum", (place,), True), Activation("sqrt")]
    length = chain(emitter, value, *ops[: 3 if power == 2 else 2], labels=(first, "sum", "root"))
    return (emitter.emit(Elementwise("divide"), value, length),)


NORMS: dict[str, Operator] = {
    "BatchNormalization": Operator(_batch_norm, IMAGES, settings=(3, 4), shape=as_first),
    "InstanceNormalization": Operator(partial(_row_norm, "instance"), IMAGES, shape=as_first),
    "GroupNormalization": Operator(partial(_row_norm, "group"), IMAGES, shape=as_first),
    "LayerNormalization": Operator(partial(_layer_norm, "layer"), KEEPS_FIRST, shape=as_first),
    "RMSNormalization": Operator(partial(_layer_norm, "rms"), KEEPS_FIRST, shape=as_first),
    "SimplifiedLayerNormalization": Operator(partial(_layer_norm, "rms"), KEEPS_FIRST, shape=as_first),
    "SkipLayerNormalization": Operator(partial(_skip_norm, "layer"), KEEPS_FIRST),
    "SkipSimplifiedLayerNormalization": Operator(partial(_skip_norm, "rms"), KEEPS_FIRST),
    "MeanVarianceNormalization": Operator(_mean_variance, IMAGES, shape=as_first),
    "LRN": Operator(_local_norm, IMAGES),
    "LpNormalization": Operator(_length_norm, KEEPS_FIRST),
}
