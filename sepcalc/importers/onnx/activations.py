"""Functions of each element of one operand, and softmax."""

from collections.abc import Sequence
from math import prod
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.arithmetic import combined
from sepcalc.importers.onnx.graph import Builder, Handler
from sepcalc.importers.onnx.shapes import hold_within
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Stored
from sepcalc.ops.norm import Softmax
from sepcalc.shape import show


def _applied(builder: Builder, call: Call, op: Op, weights: Sequence[Value | None] = (), kind: int = 0) -> Results:
    value = call.input(0)
    number = builder.add(call.name, op, [value.number], weights)
    return (value._replace(number=number, data=None, kind=kind or value.kind),)


def _act(how: str, option: str = "", default: float = 1.0, kind: int = 0) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        factor = call.decimal(option, default) if option else 1.0
        return _applied(builder, call, Activation(how, factor), kind=kind)

    return handle


def _gelu(builder: Builder, call: Call) -> Results:
    return _applied(builder, call, Activation("gelu-tanh" if call.text("approximate", "none") == "tanh" else "gelu"))


def _biased_gelu(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = call.input(0)
        if (bias := call.maybe(1)) is not None:
            value = combined(builder, call._replace(name=f"{call.name}/bias"), "add", [value, bias])
        return _applied(builder, call._replace(inputs=(value,)), Activation(how))

    return handle


def _gated(builder: Builder, call: Call) -> Results:
    """The swish of the first, times the second."""
    gate = _act("swish", "alpha", 1.0)(builder, call._replace(name=f"{call.name}/swish"))[0]
    return (combined(builder, call, "multiply", [gate, call.input(1)]),)


def _prelu(builder: Builder, call: Call) -> Results:
    value, slope = call.input(0), call.input(1)
    if not slope.constant:
        raise Refused("a slope that is computed has no count here")
    hold_within(call, "a slope", slope, value.sizes)
    rank = len(value.sizes)
    padded = (1,) * (rank - len(slope.sizes)) + slope.sizes
    count = prod(padded)
    axis = 1 if value.channels_first or rank < 3 else rank - 1
    if rank > 2 and not value.channels_first and count > 1 and padded[1] == count:
        value = builder.laid(value, True)
    elif count > 1 and padded[axis % rank] != count:
        raise Refused("a slope for each element has no count here")
    number = builder.add(call.name, Activation("prelu", 1.0, count == 1), [value.number], [slope])
    return (value._replace(number=number),)


def _clip(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    bounds: list[Any] = []
    for at, name in ((1, "min"), (2, "max")):
        bound = call.maybe(at)
        given = call.attributes.get(name) if call.opset < 11 else None
        if bound is not None and bound.constant:
            given = float(bound.data.reshape(-1)[0]) if bound.data is not None and bound.data.size else True
        bounds.append(bound if bound is not None and not bound.constant else given)
    low, high = bounds
    if isinstance(low, Value) or isinstance(high, Value):
        for bound, at, how in ((low, 1, "maximum"), (high, 2, "minimum")):
            if bound is not None:
                value = combined(builder, call._replace(name=f"{call.name}/{how}"), how, [value, call.input(at)])
        return (value,)
    if low is None and high is None:
        return (value,)
    if low is not None and high is not None:
        return _applied(builder, call, Activation("relu6" if (low, high) == (0.0, 6.0) else "clip"))
    return _applied(builder, call, Stored("maximum" if high is None else "minimum"))


def _shrink(builder: Builder, call: Call) -> Results:
    return _applied(builder, call, Activation("soft-shrink" if call.decimal("bias", 0.0) else "hard-shrink"))


def _softmax(log: bool) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = call.input(0)
        rank = len(value.sizes)
        axis = call.whole("axis", -1 if call.opset >= 13 else 1)
        if not -rank <= axis < rank:
            raise Invalid(f"axis {axis} is none of {show(value.sizes)}")
        axis %= rank
        if call.opset >= 13 or axis == rank - 1:
            value = builder.along(value, axis)
            number = builder.add(call.name, Softmax(log, builder.place(value, axis)), [value.number])
            return (value._replace(number=number),)
        # before 13 all axes from this one on are one row
        natural = builder.laid(value, False)
        seen = builder.shape(natural)
        rest = prod(natural.sizes[axis:])
        if natural.batch is not None and natural.batch >= axis:
            natural = builder.along(natural, natural.batch)
        flat = builder.view(natural.number, (prod(seen) // rest, rest))
        number = builder.view(builder.add(call.name, Softmax(log), [flat]), builder.shape(natural))
        return (natural._replace(number=number),)

    return handle


ACTIVATIONS: dict[str, Handler] = {
    "Relu": _act("relu"),
    "LeakyRelu": _act("leaky-relu"),
    "PRelu": _prelu,
    "Elu": _act("elu", "alpha", 1.0),
    "Celu": _act("celu", "alpha", 1.0),
    "Selu": _act("selu"),
    "Sigmoid": _act("sigmoid"),
    "HardSigmoid": _act("hard-sigmoid"),
    "HardSwish": _act("hard-swish"),
    "Tanh": _act("tanh"),
    "Softplus": _act("softplus"),
    "Softsign": _act("softsign"),
    "Mish": _act("mish"),
    "Swish": _act("swish", "alpha", 1.0),
    "Gelu": _gelu,
    "FastGelu": _biased_gelu("gelu-tanh"),
    "BiasGelu": _biased_gelu("gelu"),
    "QuickGelu": _act("swish", "alpha", 1.702),
    "ThresholdedRelu": _act("threshold"),
    "Shrink": _shrink,
    "Clip": _clip,
    "Exp": _act("exp"),
    "Log": _act("log"),
    "Sqrt": _act("sqrt"),
    "Reciprocal": _act("reciprocal"),
    "Erf": _act("erf"),
    "Sin": _act("sin"),
    "Cos": _act("cos"),
    "Abs": _act("abs"),
    "Neg": _act("neg"),
    "Sign": _act("sign"),
    "Floor": _act("floor"),
    "Ceil": _act("ceil"),
    "Round": _act("round"),
    "Not": _act("not"),
    "BitwiseNot": _act("not"),
    **dict.fromkeys(("IsNaN", "IsInf"), lambda builder, call: _applied(builder, call, Stored("compare"), kind=9)),
    "SwiGLU": _gated,
    "Softmax": _softmax(False),
    "LogSoftmax": _softmax(True),
}
