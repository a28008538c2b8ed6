"""Elementwise operators, and softmax."""

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.graph import PLAIN, Builder, Refused, Value, axes, seen
from sepcalc.importers.aten.rows import Handler, Operator, Results
from sepcalc.importers.common.elementwise import (
    ELEMENTARY,
    TRIGONOMETRIC,
    bounded,
    chain,
    gated,
    raised,
    stored,
    with_stored,
)
from sepcalc.importers.common.layout import KEEPS, same_rows
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Copy
from sepcalc.ops.norm import Softmax
from sepcalc.shape import Shape, broadcast_shape

Number = int | float | bool

# --- one operand ------------------------------------------------------------------------------------------------------


def applied(builder: Builder, value: Value, *ops: Op, labels: Sequence[str] = ()) -> Value:
    """Applies unary functions one after the other."""
    return chain(builder, value, *ops, labels=labels)


def scaled(builder: Builder, value: Value, label: str) -> Value:
    """A value times a stored number."""
    return applied(builder, value, Stored("scale"), labels=[label])


def _act(builder: Builder, call: Call, how: str, option: str = "") -> Results:
    factor = float(call.get(option, 1.0)) if option else 1.0
    return (applied(builder, builder.value(call.given), Activation(how, factor)),)


def _gelu(builder: Builder, call: Call) -> Results:
    how = "gelu-tanh" if call.get("approximate", "none") == "tanh" else "gelu"
    return (applied(builder, builder.value(call.given), Activation(how)),)


def _elu(builder: Builder, call: Call) -> Results:
    if call.get("scale", 1) != 1 or call.get("input_scale", 1) != 1:
        raise Refused("an elu with other scales is not supported")
    return _act(builder, call, "elu", "alpha")


def _glu(builder: Builder, call: Call) -> Results:
    value = builder.value(call.given)
    place = builder.place(value, int(call.get("dim", -1)))
    return (gated(builder, value, place, ("a", "b", "sigmoid")),)


def _clamp(builder: Builder, call: Call) -> Results:
    value = builder.value(call.given)
    low, high = (call.get(*names) for names in (("min", call.get("min_val")), ("max", call.get("max_val"))))
    bounds = [bound for bound in (low, high) if bound is not None]
    if any(isinstance(bound, Tensor) and (bound.live or prod(bound.shape) > 1) for bound in bounds):
        for how, bound in (("maximum", low), ("minimum", high)):
            if isinstance(bound, Tensor):
                value = combined(builder, how, [value, builder.loose(bound)], how)
            elif bound is not None:
                value = applied(builder, value, Stored(how), labels=[how])
        return (value,)
    op = bounded(low, high)
    return (value if op is None else applied(builder, value, op),)


def _softmax(builder: Builder, call: Call, log: bool) -> Results:
    value = builder.value(call.given)
    if not value.shape:
        raise Refused("the softmax of one number is 1")
    axis = int(call.arguments["dim"])
    value = builder.along(value, axis)
    rank = len(builder.tensors[value.node])
    return (applied(builder, value, Softmax(log, builder.place(value, axis) - rank)),)


# --- two operands -----------------------------------------------------------------------------------------------------


def _broadcast(values: Sequence[Value]) -> Shape:
    """The broadcast shape of operands, which PyTorch has checked already."""
    return broadcast_shape([value.shape for value in values]) or ()


def _aligned(builder: Builder, values: Sequence[Value]) -> tuple[Value, list[int]]:
    """The broadcast result of the operands (without a tensor yet), and the operands that depend on the inputs, aligned
    to it."""
    shape = _broadcast(values)
    live = [value for value in values if not value.constant]
    first = max([value.first for value in live if len(value.shape) == len(shape)], default=PLAIN)
    result = Value(shape, None, first)
    numbers = []
    for value in live:
        value = builder.laid(value, first if len(value.shape) == len(shape) else PLAIN)
        numbers.append(builder.view(value.node, _within(result, value.shape, len(seen(value.shape, value.first)))))
    return result, numbers


def _within(result: Value, shape: Shape, least: int = 1) -> Shape:
    """An operand's shape with the axes that the network has for the result, without leading ones."""
    padded = (1,) * (len(result.shape) - len(shape)) + shape
    sizes = tuple([padded[axis] for axis in axes(result.shape, result.first)]) or (1,)
    while len(sizes) > least and sizes[0] == 1:
        sizes = sizes[1:]
    return sizes


def combined(builder: Builder, how: str, values: Sequence[Value], label: str = "") -> Value:
    """Combines several operands: first those that depend on the inputs, then each stored one."""
    result, numbers = _aligned(builder, values)
    number = numbers[0]
    if len(numbers) > 1:
        number = builder.add(Elementwise(how), numbers, label=label)
    constant = with_stored(how, values[0].constant)
    for value in values:
        if value.constant:
            sizes, whole = _within(result, value.shape), seen(result.shape, result.first)
            op = stored(constant, bool(value.roots), sizes, builder.tensors[number], whole)
            number = builder.add(op, [number], [value], label=label)
    return _spread(builder, number, result)


def _spread(builder: Builder, number: int, result: Value) -> Value:
    """The result in its full shape; it is smaller if all operands had been expanded."""
    return result._replace(number=builder.view(number, seen(result.shape, result.first)))


def _operand(builder: Builder, given: Any) -> Value:
    """A tensor, or a number as a stored tensor."""
    return builder.loose(given) if isinstance(given, Tensor) else Value(())


def _pair(builder: Builder, call: Call) -> tuple[Value, Value]:
    """Both operands."""
    other = call.arguments.get("other", call.arguments.get("exponent"))
    return _operand(builder, call.arguments["self"]), _operand(builder, other)


def binary(builder: Builder, call: Call, how: str) -> Results:
    """A binary operation; one operand may be stored."""
    a, b = _pair(builder, call)
    if call.get("alpha", 1) != 1 and not b.constant:
        b = scaled(builder, b, "alpha")
    return (_two(builder, how, a, b, call.outputs[0].shape),)


def _two(builder: Builder, how: str, a: Value, b: Value, shape: Shape, label: str = "") -> Value:
    value = combined(builder, how, [a, b], label)
    if value.shape != shape:  # both operands had been expanded
        number = builder.add(Copy(seen(shape, value.first)), [value.node], label="expand")
        value = Value(shape, number, value.first)
    return value


def _reversed(builder: Builder, call: Call) -> Results:
    """other - self."""
    a, b = _pair(builder, call)
    return (_two(builder, "subtract", b, a, call.outputs[0].shape),)


def _power(builder: Builder, call: Call) -> Results:
    one, exponent = call.arguments["self"], call.arguments["exponent"]
    if isinstance(exponent, Tensor) or not isinstance(one, Tensor):
        return binary(builder, call, "power")
    value, power = builder.value(one), float(exponent)
    if power == 0:
        return (applied(builder, value, Copy(builder.tensors[value.node])),)  # ones
    return (raised(builder, value, power, {0.5: "sqrt", -0.5: "rsqrt"}),)


def _where(builder: Builder, call: Call) -> Results:
    condition = builder.loose(call.tensor("condition"))
    return (_chosen(builder, [condition, *_pair(builder, call)], call.outputs[0].shape),)


def _masked_fill(builder: Builder, call: Call) -> Results:
    values = [builder.loose(call.tensor("mask")), builder.loose(call.given)]
    return (_chosen(builder, values, call.outputs[0].shape),)


def _chosen(builder: Builder, values: Sequence[Value], shape: Shape) -> Value:
    result, numbers = _aligned(builder, values)
    whole = seen(shape, result.first if len(shape) == len(result.shape) else PLAIN)
    op: Op = Select()
    if op.output(tuple([builder.tensors[number] for number in numbers])) != whole:
        op = Copy(whole)
    stored = [value for value in values if value.constant]
    return result._replace(shape=shape, number=builder.add(op, numbers, stored))


def _fused(builder: Builder, call: Call, how: str) -> Results:
    """self + value · tensor1 · tensor2, or with a division by tensor2."""
    one, other = (builder.loose(call.tensor(name)) for name in ("tensor1", "tensor2"))
    base = builder.loose(call.given)
    if one.constant and other.constant:
        product = Value(_broadcast([one, other]), roots=(*one.roots, *other.roots))
    else:
        product = combined(builder, how, [one, other], how)
        if call.get("value", 1) != 1:
            product = scaled(builder, product, "scale")
    return (_two(builder, "add", base, product, call.outputs[0].shape),)


# --- composed of others -----------------------------------------------------------------------------------------------


def _same_shape(builder: Builder, how: str, a: Value, b: Value) -> Value:
    """A binary operation on two tensors of one shape that depend on the inputs."""
    return a._replace(number=builder.add(Elementwise(how), [a.node, b.node], label=how))


def _chain(*ops: Op) -> Handler:
    """Applies unary functions one after the other."""
    return lambda builder, call: (applied(builder, builder.value(call.given), *ops),)


def _logit(builder: Builder, call: Call) -> Results:
    """log(x / (1 - x)), with x clipped first if there is an eps."""
    value = builder.value(call.given)
    if call.get("eps") is not None:
        value = applied(builder, value, Activation("clip"), labels=["clip"])
    rest = applied(builder, value, Stored("from"), labels=["from"])
    return (applied(builder, _same_shape(builder, "divide", value, rest), Activation("log"), labels=["log"]),)


def _fraction(builder: Builder, call: Call) -> Results:
    """x - trunc(x)."""
    value = builder.value(call.given)
    whole = applied(builder, value, Activation("floor"), labels=["trunc"])
    return (_same_shape(builder, "subtract", value, whole),)


def _rest(builder: Builder, call: Call) -> Results:
    """a - b·floor(a / b); for fmod, rounded towards zero."""
    (a, b), shape = _pair(builder, call), call.outputs[0].shape
    quotient = _two(builder, "divide", a, b, shape, "divide")
    whole = applied(builder, quotient, Activation("floor"), labels=["floor"])
    product = _two(builder, "multiply", whole, b, shape, "multiply")
    return (_two(builder, "subtract", a, product, shape, "subtract"),)


def _hypotenuse(builder: Builder, call: Call) -> Results:
    """sqrt(a² + b²)."""
    a, b = [
        value if value.constant else applied(builder, value, Activation("square"), labels=["square"])
        for value in _pair(builder, call)
    ]
    total = _two(builder, "add", a, b, call.outputs[0].shape, "add")
    return (applied(builder, total, Activation("sqrt"), labels=["sqrt"]),)


def _log_add_exp(builder: Builder, call: Call) -> Results:
    """max(a, b) + log(1 + exp(-|a - b|))."""
    (a, b), shape = _pair(builder, call), call.outputs[0].shape
    most = _two(builder, "maximum", a, b, shape, "maximum")
    apart = _two(builder, "subtract", a, b, shape, "subtract")
    steps = ("abs", "neg", "exp", "log1p")
    rest = applied(builder, apart, *map(Activation, steps), labels=steps)
    return (_same_shape(builder, "add", most, builder.laid(rest, most.first)),)


def _x_log_y(builder: Builder, call: Call) -> Results:
    """x·log(y); the choice of 0 where x is 0 is free."""
    x, y = _pair(builder, call)
    if not y.constant:
        y = applied(builder, y, Activation("log"), labels=["log"])
    return (_two(builder, "multiply", x, y, call.outputs[0].shape),)


def _lerp(builder: Builder, call: Call) -> Results:
    """self + weight · (end - self)."""
    base, end = builder.loose(call.given), builder.loose(call.tensor("end"))
    weight = _operand(builder, call.arguments["weight"])
    if base.constant and end.constant:
        change = Value(_broadcast([base, end]), roots=(*base.roots, *end.roots))
    else:
        change = combined(builder, "subtract", [base, end], "subtract")
    moved = combined(builder, "multiply", [change, weight], "multiply")
    return (_two(builder, "add", base, moved, call.outputs[0].shape),)


_PLAIN = (*ELEMENTARY, *TRIGONOMETRIC, "relu", "relu6", "sigmoid", "silu", "mish", "selu", "abs", "neg", "threshold")
_SHORTER = ("hard-sigmoid", "hard-swish", "hard-shrink", "soft-shrink")  # names without the hyphen
_compare = partial(binary, how="compare")
_logical = partial(binary, how="logical")

ELEMENTS: dict[str, Operator] = {
    **{name: Operator(partial(_act, how=name), KEEPS) for name in _PLAIN},
    **same_rows(Operator(_clamp, KEEPS), "hardtanh", "clamp", "clip", "clamp_min", "clamp_max"),
    **{how.replace("-", ""): Operator(partial(_act, how=how), KEEPS) for how in _SHORTER},
    **same_rows(Operator(partial(_act, how="leaky-relu"), KEEPS), "leaky_relu", "rrelu", "rrelu_with_noise"),
    "elu": Operator(_elu, KEEPS),
    "celu": Operator(partial(_act, how="celu", option="alpha"), KEEPS),
    "softplus": Operator(partial(_act, how="softplus", option="beta"), KEEPS),
    **same_rows(Operator(partial(_act, how="log-sigmoid"), KEEPS), "log_sigmoid", "log_sigmoid_forward"),
    "gelu": Operator(_gelu, KEEPS),
    "glu": Operator(_glu, KEEPS),
    "trunc": Operator(partial(_act, how="floor"), KEEPS),
    "sgn": Operator(partial(_act, how="sign"), KEEPS),
    **same_rows(Operator(partial(_act, how="log"), KEEPS), "log2", "log10"),
    "exp2": Operator(partial(_act, how="exp"), KEEPS),
    "logical_not": Operator(partial(_act, how="not"), KEEPS),
    "bitwise_not": Operator(partial(_act, how="not"), KEEPS, truth=("self",)),
    "softmax": Operator(partial(_softmax, log=False), KEEPS, mixes=("dim",)),
    "_softmax": Operator(partial(_softmax, log=False), KEEPS),
    "log_softmax": Operator(partial(_softmax, log=True), KEEPS, mixes=("dim",)),
    "_log_softmax": Operator(partial(_softmax, log=True), KEEPS),
    "add": Operator(partial(binary, how="add"), KEEPS),
    "sub": Operator(partial(binary, how="subtract"), KEEPS),
    "rsub": Operator(_reversed, KEEPS),
    "mul": Operator(partial(binary, how="multiply"), KEEPS),
    **same_rows(Operator(partial(binary, how="divide"), KEEPS), "div", "floor_divide"),
    **same_rows(Operator(partial(binary, how="maximum"), KEEPS), "maximum", "fmax"),
    **same_rows(Operator(partial(binary, how="minimum"), KEEPS), "minimum", "fmin"),
    "pow": Operator(_power, KEEPS),
    **same_rows(Operator(_compare, KEEPS), "eq", "ne", "lt", "le", "gt", "ge", "heaviside"),
    **same_rows(Operator(_chain(Stored("compare")), KEEPS), "isnan", "isinf", "isposinf", "isneginf", "signbit"),
    "erfc": Operator(_chain(Activation("erf"), Stored("from")), KEEPS),
    "logit": Operator(_logit, KEEPS),
    "frac": Operator(_fraction, KEEPS),
    **same_rows(Operator(_chain(Stored("scale")), KEEPS), "deg2rad", "rad2deg"),
    **same_rows(Operator(_rest, KEEPS), "remainder", "fmod"),
    "hypot": Operator(_hypotenuse, KEEPS),
    "logaddexp": Operator(_log_add_exp, KEEPS),
    "xlogy": Operator(_x_log_y, KEEPS),
    **same_rows(Operator(_logical, KEEPS), "logical_and", "logical_or", "logical_xor"),
    **same_rows(
        Operator(_logical, KEEPS, whole=("self", "other")),
        *("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift"),
        *("__lshift__", "__rshift__"),
    ),
    "where": Operator(_where, KEEPS),
    "masked_fill": Operator(_masked_fill, KEEPS, truth=("mask",)),
    "addcmul": Operator(partial(_fused, how="multiply"), KEEPS),
    "addcdiv": Operator(partial(_fused, how="divide"), KEEPS),
    "lerp": Operator(_lerp, KEEPS),
}
