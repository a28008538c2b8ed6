"""Elementwise functions of one operand, and softmax."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

from sepcalc.importers.common.elementwise import TRIGONOMETRIC, bounded
from sepcalc.importers.common.layout import KEEPS, KEEPS_FIRST
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.constants import by_element
from sepcalc.importers.onnx.evaluate import clipped, function
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_first, hold_within
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Select, Stored
from sepcalc.ops.norm import Softmax
from sepcalc.ops.pool import Reduce


def _applied(builder: Builder, call: Call, op: Op, weights: Sequence[Value | None] = (), kind: int = 0) -> Results:
    value = call.input(0)
    number = builder.add(call.name, op, [value.number], weights)
    return (value._replace(number=number, data=None, kind=kind or value.kind),)


def _act(builder: Builder, call: Call, how: str, option: str = "", default: float = 1.0) -> Results:
    return _applied(builder, call, Activation(how, call.number(option, default=default) if option else 1.0))


def _gelu(builder: Builder, call: Call) -> Results:
    return _applied(builder, call, Activation("gelu-tanh" if call.text("approximate", "none") == "tanh" else "gelu"))


def _biased_gelu(builder: Builder, call: Call, how: str) -> Results:
    value = call.input(0)
    if (bias := call.maybe(1)) is not None:
        value = combined(builder, call._replace(name=f"{call.name}/bias"), "add", [value, bias])
    return _applied(builder, call._replace(inputs=(value,)), Activation(how))


def _gated(builder: Builder, call: Call) -> Results:
    """The swish of the first operand, times the second."""
    (gate,) = _act(builder, call._replace(name=f"{call.name}/swish"), "swish", "alpha")
    return (combined(builder, call, "multiply", [gate, call.input(1)]),)


def _prelu(builder: Builder, call: Call) -> Results:
    value, slope = call.input(0), call.input(1)
    if not slope.constant:
        raise Refused("a computed slope is not supported")
    hold_within(call, "a slope", slope, value.sizes)
    rank = len(value.sizes)
    padded = (1,) * (rank - len(slope.sizes)) + slope.sizes
    count = prod(padded)
    axis = 1 if value.channels_first or rank < 3 else rank - 1
    if rank > 2 and not value.channels_first and count > 1 and padded[1] == count:
        value = builder.laid(value, True)
    elif count > 1 and padded[axis % rank] != count:
        raise Refused("a slope per element is not supported")
    number = builder.add(call.name, Activation("prelu", 1.0, count == 1), [value.number], [slope])
    return (value._replace(number=number),)


def _clip(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    bounds: list[Any] = []
    for at, name in ((1, "min"), (2, "max")):
        bound = call.maybe(at)
        given = call.attributes.get(name) if call.opset < 11 else None
        if bound is not None and bound.constant:
            given = float(bound.data.numbers[0]) if bound.data is not None and bound.data.size else True
        bounds.append(bound if bound is not None and not bound.constant else given)
    low, high = bounds
    if isinstance(low, Value) or isinstance(high, Value):
        for bound, at, how in ((low, 1, "maximum"), (high, 2, "minimum")):
            if bound is not None:
                value = combined(builder, call._replace(name=f"{call.name}/{how}"), how, [value, call.input(at)])
        return (value,)
    op = bounded(low, high)
    return (value,) if op is None else _applied(builder, call, op)


def _shrink(builder: Builder, call: Call) -> Results:
    return _applied(builder, call, Activation("soft-shrink" if call.number("bias", default=0.0) else "hard-shrink"))


def _softmax(builder: Builder, call: Call, log: bool) -> Results:
    return _in_rows(builder, call, lambda axis, number: builder.add(call.name, Softmax(log, axis), [number]))


def _hardmax(builder: Builder, call: Call) -> Results:
    """One where the greatest of a row is, else zero."""

    def chosen(axis: int, number: int) -> int:
        at = range(len(builder.tensors[number]))[axis]
        greatest = builder.add(f"{call.name}/argmax", Reduce("argmax", (at,), True), [number])
        return builder.add(call.name, Select(), [greatest, number])

    return _in_rows(builder, call, chosen)


def _in_rows(builder: Builder, call: Call, add: Callable[[int, int], int]) -> Results:
    """What ``add`` makes, along an axis, of a tensor by its number."""
    value = call.input(0)
    rank = len(value.sizes)
    axis = call.axis_of(value, -1 if call.opset >= 13 else 1)
    if call.opset >= 13 or axis == rank - 1:
        value = builder.along(value, axis)
        number = add(builder.place(value, axis), builder.view(value.number, builder.shape(value)))
        return (value._replace(number=number),)
    # before opset 13 all axes from this one on form one row
    natural = builder.laid(value, False)
    seen = builder.shape(natural)
    rest = prod(natural.sizes[axis:])
    if natural.batch is not None and natural.batch >= axis:
        natural = builder.along(natural, natural.batch)
    flat = builder.view(natural.number, (prod(seen) // rest, rest))
    number = builder.view(add(-1, flat), builder.shape(natural))
    return (natural._replace(number=number),)


def _is(builder: Builder, call: Call) -> Results:
    return _applied(builder, call, Stored("compare"), kind=9)


_PLAIN = ("leaky-relu", "selu", "sigmoid", "hard-sigmoid", "hard-swish", "tanh", "softplus", "softsign", "mish", "erf")
# The functions that are also computed on constants.
_OF_CONSTANTS = {
    "relu": function("maximum", 0),
    "neg": function("negative"),
    **{how: function(how) for how in ("exp", "log", "sqrt", "reciprocal", "abs", "sign", "floor", "ceil", "round")},
}

ACTIVATIONS: dict[str, Operator] = {
    **{how.title().replace("-", ""): Operator(partial(_act, how=how), KEEPS) for how in _PLAIN},
    **{
        how.title(): Operator(partial(_act, how=how), KEEPS, computed=by_element(made))
        for how, made in _OF_CONSTANTS.items()
    },
    "PRelu": Operator(_prelu, KEEPS, shape=as_first),
    "Elu": Operator(partial(_act, how="elu", option="alpha"), KEEPS),
    "Celu": Operator(partial(_act, how="celu", option="alpha"), KEEPS),
    "Swish": Operator(partial(_act, how="swish", option="alpha"), KEEPS),
    "Gelu": Operator(_gelu, KEEPS),
    "FastGelu": Operator(partial(_biased_gelu, how="gelu-tanh"), KEEPS),
    "BiasGelu": Operator(partial(_biased_gelu, how="gelu"), KEEPS),
    "QuickGelu": Operator(partial(_act, how="swish", option="alpha", default=1.702), KEEPS),
    "ThresholdedRelu": Operator(partial(_act, how="threshold"), KEEPS),
    "Shrink": Operator(_shrink, KEEPS),
    "Clip": Operator(_clip, KEEPS, settings=(1, 2), computed=by_element(clipped)),
    **{how.title(): Operator(partial(_act, how=how), KEEPS, table=True) for how in ("sin", "cos")},
    **{how.title(): Operator(partial(_act, how=how), KEEPS) for how in TRIGONOMETRIC},
    "Not": Operator(partial(_act, how="not"), KEEPS, free=True, computed=by_element(function("logical_not"))),
    "BitwiseNot": Operator(partial(_act, how="not"), KEEPS),
    **dict.fromkeys(("IsNaN", "IsInf"), Operator(_is, KEEPS)),
    "SwiGLU": Operator(_gated, KEEPS),
    "Softmax": Operator(partial(_softmax, log=False), KEEPS),
    "LogSoftmax": Operator(partial(_softmax, log=True), KEEPS),
    "Hardmax": Operator(_hardmax, KEEPS_FIRST),
}
