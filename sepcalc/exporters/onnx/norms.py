"""Norms and softmax."""

from math import prod

from sepcalc.errors import Invalid
from sepcalc.exporters.onnx.elementwise import placed
from sepcalc.exporters.onnx.graph import Call, Handler, Tensor
from sepcalc.exporters.onnx.pools import reduced
from sepcalc.ops.base import Op
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, Normalization, RowNorm, Softmax
from sepcalc.verification.norm import EPSILON, LRN


def _batch_norm(call: Call) -> Tensor:
    op = call.op
    if op.unfolded:
        raise Invalid("ONNX's batch norm is one operator: leave out --unfolded")
    if not op.gain or not op.bias:
        raise Invalid("ONNX's batch norm always stores a scale and a shift")
    stored = [call.stored(role, (call.output[-1],)) for role in ("gain", "shift", "mean", "variance")]
    return call.result(call.add("BatchNormalization", call.real(0, True), *stored, epsilon=EPSILON), True)


def _normalization(call: Call) -> Tensor:
    if call.op.stored:
        raise Invalid("ONNX keeps no count of examples")
    (given,) = call.inputs
    scaled = call.add("Mul", call.real(0, given.first), call.number(1.0))
    return call.result(call.add("Add", scaled, call.number(0.0)), given.first)


def _row_norm(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    shape = given.shape
    rank = len(shape)
    if op.how in ("layer", "rms"):
        each = shape[-op.axes :]
        if op.how == "layer" and op.gain:
            stored = [call.stored("gain", each), *([call.stored("shift", each)] if op.bias else [])]
            name = call.add("LayerNormalization", call.real(0, False), *stored, axis=-op.axes, epsilon=EPSILON)
            return call.result(name)
        name = _normalized(call, call.real(0, False), [rank - at for at in range(op.axes)][::-1], op.how == "rms")
        return call.result(_trained(call, name, each, False))
    first, name = rank > 1, call.real(0, True)
    if op.how == "instance":
        if op.gain and op.bias and first:
            stored = [call.stored(role, shape[-1:]) for role in ("gain", "shift")]
            return call.result(call.add("InstanceNormalization", name, *stored, epsilon=EPSILON), True)
        name = _normalized(call, name, [*range(2, rank + 1)], False)
        return call.result(_trained(call, name, shape[-1:], first), first)
    if op.gain and op.bias and first:
        call.needs(21)
        stored = [call.stored(role, shape[-1:]) for role in ("gain", "shift")]
        name = call.add("GroupNormalization", name, *stored, num_groups=op.groups, epsilon=EPSILON)
        return call.result(name, True)
    rows = call.reshaped(name, (op.groups, shape[-1] // op.groups * prod(shape[:-1])))
    name = call.reshaped(_normalized(call, rows, [2], False), (shape[-1], *shape[:-1]))
    return call.result(_trained(call, name, shape[-1:], first), first)


def _normalized(call: Call, name: str, axes: list[int], plain: bool) -> str:
    """The rows over these axes of the file: minus their mean, unless ``plain``; over their spread."""
    if not axes:
        raise Invalid("a row of one element has no spread")
    centred = name if plain else call.add("Sub", name, reduced(call, "ReduceMean", name, axes))
    spread = reduced(call, "ReduceMean", call.add("Mul", centred, centred), axes)
    return call.add("Div", centred, call.add("Sqrt", call.add("Add", spread, call.number(EPSILON))))


def _trained(call: Call, name: str, shape: tuple[int, ...], first: bool) -> str:
    """The values times a gain, plus a shift, as far as the layer has them."""
    whole = call.output
    for role, wanted, kind in (("gain", call.op.gain, "Mul"), ("shift", call.op.bias, "Add")):
        if wanted:
            name = call.add(kind, name, call.stored(role, shape, lambda array: placed(array, whole, first)))
    return name


def _local_norm(call: Call) -> Tensor:
    k, alpha, beta = LRN
    name = call.add("LRN", call.real(0, True), size=call.op.size, bias=k, alpha=alpha, beta=beta)
    return call.result(name, True)


def _softmax(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    kind = "LogSoftmax" if op.log else "Softmax"
    axis = call.axis(op.axis, given.first)
    return call.result(call.add(kind, call.real(0, given.first), axis=axis), given.first)


NORMS: dict[type[Op], Handler] = {
    BatchNorm: _batch_norm,
    Normalization: _normalization,
    RowNorm: _row_norm,
    LocalResponseNorm: _local_norm,
    Softmax: _softmax,
}
