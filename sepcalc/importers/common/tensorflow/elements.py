"""Functions of each element: activations, arithmetic of two operands, casts."""

from collections.abc import Sequence

from sepcalc.errors import Invalid
from sepcalc.importers.common.elementwise import ELEMENTARY, TRIGONOMETRIC, chain, raised, stored, with_stored
from sepcalc.importers.common.layout import KEEPS, same_rows
from sepcalc.importers.common.tensorflow.constants import by_element, same_numbers
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused, Value, seen
from sepcalc.importers.common.tensorflow.layers import fused
from sepcalc.importers.common.tensorflow.rows import Handler, Operator, Results
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Copy
from sepcalc.shape import Shape, broadcast_shape, show

MASKED = -10_000  # what masks add before a softmax: this, the least of a type, or minus infinity
MASK = 2**20  # elements of a stored tensor up to which it is looked at as a mask


def _act(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        return (builder.emit(Activation(how), call.input(0)),)

    handle.__doc__ = f"act {how}"
    return handle


def _prelu(builder: Builder, call: Call) -> Results:
    """act prelu"""
    x, slope = call.input(0), call.input(1)
    if not slope.constant:
        raise Refused("its slopes are computed from the data")
    if broadcast_shape([x.sizes, slope.sizes]) != x.sizes:
        raise Invalid(f"slopes of {show(slope.sizes)} do not fit {show(x.sizes)}")
    return (builder.emit(Activation("prelu", shared=max(slope.sizes, default=1) == 1), x, weights=[slope]),)


def _gelu(builder: Builder, call: Call) -> Results:
    """act gelu, or gelu-tanh if it is approximate"""
    return (builder.emit(Activation("gelu-tanh" if call.flag("approximate", False) else "gelu"), call.input(0)),)


def aligned(builder: Builder, values: Sequence[Value]) -> tuple[Shape, list[int], list[Shape]]:
    """The shape that operands have together, the data among them as tensors of the network, and the shapes of the
    stored ones."""
    shape = broadcast_shape([value.sizes for value in values])
    if shape is None:
        raise Invalid(f"{' and '.join(show(value.sizes) for value in values)} do not fit each other element by element")
    alone = len(shape) > 1 and shape[0] == 1
    numbers, others = [], []
    for value in values:
        own = ((1,) * (len(shape) - len(value.sizes)) + value.sizes)[alone:] or (1,)
        if value.number is None:
            while len(own) > 1 and own[0] == 1:
                own = own[1:]
            others.append(own)
            continue
        while len(own) > 1 and own[0] == 1 and len(own) > len(builder.tensors[value.number]):
            own = own[1:]
        numbers.append(builder.view(value.number, own))
    return shape, numbers, others


def trained(builder: Builder, value: Value) -> Value:
    """A stored operand with its weights. A mask is no weight: it holds numbers below -10,000."""
    model = builder.model
    for root, _ in value.roots if model is not None else ():
        assert model is not None
        if builder.files[root].type.is_float and builder.stored[root][0] > 1:
            least = model.least(builder.files[root], MASK)
            if least is not None and least <= MASKED:
                builder.no_weights.add(root)
    return value._replace(roots=builder.weights(value))


def combined(builder: Builder, call: Call, how: str, values: Sequence[Value], label: str = "") -> Value:
    """Combines the computed operands with each other, then with each stored one."""
    shape, numbers, others = aligned(builder, values)
    if not numbers:
        raise Refused("all of its inputs are stored")
    number = numbers[0]
    if len(numbers) > 1:
        number = builder.add(Elementwise(how), numbers, label=label)
    first = values[0].constant
    for value, own in zip([value for value in values if value.constant], others):
        weights = trained(builder, value)
        op = stored(with_stored(how, first), bool(weights.roots), own, builder.tensors[number], seen(shape))
        number = builder.add(op, [number], [weights], label)
    return builder.give(number, shape)


def _arithmetic(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        many = call.row == "ADD_N"
        value = combined(builder, call, how, call.given if many else [call.input(0), call.input(1)])
        return fused(builder, call, value)

    handle.__doc__ = f"{how}; with a stored operand: {with_stored(how)}"
    return handle


def _spelled(*steps: str) -> Handler:
    """A binary operator, then functions of each element."""

    def handle(builder: Builder, call: Call) -> Results:
        value = combined(builder, call, steps[0], [call.input(0), call.input(1)], steps[0])
        return (chain(builder, value, *map(Activation, steps[1:]), labels=steps[1:]),)

    handle.__doc__ = f"{steps[0]}, act {', act '.join(steps[1:])}"
    return handle


def _remainder(builder: Builder, call: Call) -> Results:
    """a - floor(a/b)·b: divide, act floor, multiply, subtract"""
    a, b = call.input(0), call.input(1)
    whole = chain(builder, combined(builder, call, "divide", [a, b], "divide"), Activation("floor"), labels=["floor"])
    return (combined(builder, call, "subtract", [a, combined(builder, call, "multiply", [whole, b], "multiply")]),)


def _complement(builder: Builder, call: Call) -> Results:
    """1 - erf(x): act erf, from"""
    return (chain(builder, call.input(0), Activation("erf"), Stored("from"), labels=("erf", "from")),)


def _power(builder: Builder, call: Call) -> Results:
    """power; of a stored whole exponent, repeated squaring"""
    x, exponent = call.input(0), call.input(1)
    if x.constant or exponent.data is None or len(exponent.data) != 1:
        return (combined(builder, call, "power", [x, exponent]),)
    return (raised(builder, x, float(exponent.data[0]), {0.5: "sqrt"}),)


def _select(builder: Builder, call: Call) -> Results:
    """select: to choose is free"""
    values = [call.input(at) for at in range(3)]
    if call.row == "SELECT" and len(values[0].sizes) == 1 < len(values[1].sizes):  # a choice for each row
        values[0] = values[0]._replace(shape=(*values[0].sizes, *(1,) * (len(values[1].sizes) - 1)))
    shape, numbers, _ = aligned(builder, values)
    op: Op = Select()
    if op.output(tuple([builder.tensors[number] for number in numbers])) != seen(shape):
        op = Copy(seen(shape))
    number = builder.add(op, numbers, [trained(builder, value) for value in values[1:] if value.constant])
    return (builder.give(number, shape),)


def _fake(builder: Builder, call: Call) -> Results:
    """quantized and back: scale, shift, act clip, shift, scale"""
    ops: list[tuple[Op, str]] = [(Stored("scale"), "scale"), (Stored("shift"), "zero"), (Activation("clip"), "clip")]
    ops += [(Stored("shift"), "zero"), (Stored("scale"), "scale")]
    return (chain(builder, call.input(0), *[op for op, _ in ops], labels=[label for _, label in ops]),)


def cast(builder: Builder, call: Call) -> Results:
    """copy if the width of its elements changes"""
    x = call.input(0)
    if x.kind.bits == call.outputs[0].type.bits:
        return (x,)
    return (builder.emit(Copy(seen(x.sizes), (1,) * (len(seen(x.sizes)) - 1)), x),)


_NAMES = {"LOGISTIC": "sigmoid", "RELU_N1_TO_1": "clip", "RELU_0_TO_1": "clip", "LOGICAL_NOT": "not"}
_PLAIN = ("relu", "relu6", "tanh", "leaky-relu", "hard-swish", "elu", "selu", "softplus", "softsign", "abs", "neg")

ELEMENTS: dict[str, Operator] = {
    **{how.upper().replace("-", "_"): Operator(_act(how), KEEPS) for how in (*_PLAIN, *ELEMENTARY, *TRIGONOMETRIC)},
    **{name: Operator(_act(how), KEEPS) for name, how in _NAMES.items()},
    "GELU": Operator(_gelu, KEEPS),
    "PRELU": Operator(_prelu, KEEPS),
    **{
        name: Operator(_arithmetic(how), KEEPS, computed=by_element)
        for name, how in (
            *(("ADD", "add"), ("ADD_N", "add"), ("MUL", "multiply"), ("SUB", "subtract"), ("DIV", "divide")),
            *(("MAXIMUM", "maximum"), ("MINIMUM", "minimum"), ("LOGICAL_AND", "logical"), ("LOGICAL_OR", "logical")),
        )
    },
    **same_rows(Operator(_arithmetic("logical"), KEEPS), "BITWISE_XOR", "RIGHT_SHIFT", "LOGICAL_XOR"),
    **same_rows(
        Operator(_arithmetic("compare"), KEEPS, computed=by_element),
        *("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"),
    ),
    "SQUARED_DIFFERENCE": Operator(_spelled("subtract", "square"), KEEPS),
    "ATAN2": Operator(_spelled("divide", "atan"), KEEPS),
    "FLOOR_DIV": Operator(_spelled("divide", "floor"), KEEPS, computed=by_element),
    "FLOOR_MOD": Operator(_remainder, KEEPS, computed=by_element),
    "ERFC": Operator(_complement, KEEPS),
    "POW": Operator(_power, KEEPS),
    **same_rows(Operator(_select, KEEPS), "SELECT", "SELECT_V2"),
    "FAKE_QUANT": Operator(_fake, KEEPS),
    "CAST": Operator(cast, KEEPS, computed=same_numbers),
}
