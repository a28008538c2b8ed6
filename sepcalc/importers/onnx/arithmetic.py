"""Elementwise operators of two or more operands: sums, products, powers, comparisons, choices."""

from collections.abc import Sequence
from functools import partial
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.elementwise import raised, stored, with_stored
from sepcalc.importers.common.layout import KEEPS, same_rows
from sepcalc.importers.onnx.constants import by_element
from sepcalc.importers.onnx.evaluate import Evaluated, divided, function, powered, remainder, several
from sepcalc.importers.onnx.graph import Builder, Handler, Named
from sepcalc.importers.onnx.opsets import broadcast_along
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import broadcast
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Copy
from sepcalc.shape import Shape

MASKED = -10_000  # a mask adds this or less before a softmax: also the minimum of the type, or minus infinity


def trained(builder: Builder, value: Value) -> Value:
    """The value with only those stored tensors that are weights of an elementwise operator, such as a layer scale or a
    position table. Attention masks, recognized by their large negative numbers, and tables of angles are not
    weights."""
    data = value.data
    mask = data is not None and data.size and data.floating and min(data.numbers) <= MASKED
    if mask:
        builder.no_weights.update(value.roots)
    own = [root for root in value.roots if builder.is_weight(root) and root not in value.angles]
    return value._replace(roots=() if mask else tuple(own))


def _aligned(builder: Builder, values: Sequence[Value]) -> tuple[Value, list[Value]]:
    """The broadcast result of the operands (without a tensor yet), and the operands that are data, aligned to it."""
    shape = broadcast([value.sizes for value in values])
    rank = len(shape)
    live = [value for value in values if not value.constant]
    batches = {value.batch + rank - len(value.sizes) for value in live if value.batch is not None}
    if len(batches) > 1 and builder.batch > 1:
        raise builder.mixed
    batch = min(batches) if batches else None
    channels_first = any(value.channels_first and len(value.sizes) == rank for value in live)
    result = Value(shape, values[0].kind, None, None, channels_first, batch)
    operands = []
    for value in live:
        value = builder.laid(value, channels_first and len(value.sizes) == rank)
        wanted = _seen(builder, result, value.sizes)
        while wanted[:1] == (1,) and len(wanted) > len(builder.tensors[value.number or 0]):
            wanted = wanted[1:]
        operands.append(value._replace(number=builder.view(value.number, wanted)))
    return result, operands


def _seen(builder: Builder, result: Value, shape: Shape) -> Shape:
    """An operand's shape with the axes that the network has for the result."""
    padded = (1,) * (len(result.sizes) - len(shape)) + shape
    sizes = []
    for axis in builder.axes(result):
        size = padded[axis]
        if axis == result.batch and size > 1:
            size //= builder.batch
        sizes.append(size)
    return tuple(sizes) or (1,)


def combined(builder: Builder, call: Call, how: str, values: Sequence[Value]) -> Value:
    """Combines several operands: first the data with each other, then with each stored operand."""
    result, operands = _aligned(builder, values)
    number = operands[0].number
    if len(operands) > 1:
        number = builder.add(call.name, Elementwise(how), [operand.number for operand in operands])
    constant = with_stored(how, values[0].constant)
    for value in (value for value in values if value.constant):
        number = _by_stored(builder, call, constant, number, value, result)
    unscaled = how == "multiply" and all(value.unscaled for value in values)
    return result._replace(number=builder.view(number, builder.shape(result)), unscaled=unscaled)


def _by_stored(builder: Builder, call: Call, how: str, number: int | None, value: Value, result: Value) -> int:
    """Applies one stored operand: a constant, or weights per channel, per element or of another shape."""
    if _is_mask(builder, call, how, value):
        builder.no_weights.update(value.roots)
        value = value._replace(roots=())
    weights = trained(builder, value)
    seen = _seen(builder, result, value.sizes)
    own = [root for root in weights.roots if not builder.is_scale(root)]
    if prod(seen) < prod(value.sizes) == sum(builder.stored[root][0] for root in own):  # one weight per element
        raise builder.mixed
    while len(seen) > 1 and seen[0] == 1:
        seen = seen[1:]
    assert number is not None
    op = stored(how, bool(weights.roots), seen, builder.tensors[number], builder.shape(result))
    return builder.add(call.name, op, [number], [weights])


def _is_mask(builder: Builder, call: Call, how: str, value: Value) -> bool:
    """Whether a stored tensor that is added before a softmax is a mask, though its values are not in the file: it is
    the same for all heads, unlike a trained bias, and is not named as a parameter."""
    scores = how == "shift" and any(output in builder.scores for output in call.outputs)
    same = len(value.sizes) > 1 and prod(value.sizes[:-2]) == 1
    return scores and same and not any("." in root for root in value.roots)


def _variadic(builder: Builder, call: Call, how: str) -> Results:
    values = [value for value in call.inputs if value is not None]
    if not values:
        raise Invalid(f"{call.type} has no inputs")
    return (combined(builder, call, how, values),)


def _mean(builder: Builder, call: Call) -> Results:
    (result,) = _variadic(builder, call, "add")
    number = builder.add(f"{call.name}/mean", Stored("scale"), [result.number])
    return (result._replace(number=number),)


def _ordered(builder: Builder, call: Call, how: str, kind: int = 0) -> Results:
    """Two operands whose order matters."""
    result = combined(builder, call, how, [call.input(0), call.input(1)])
    return (result._replace(kind=kind or result.kind),)


def _power(builder: Builder, call: Call) -> Results:
    x, exponent = call.input(0), call.input(1)
    if x.constant or exponent.data is None or exponent.data.size != 1:
        return _ordered(builder, call, "power")
    result, (operand,) = _aligned(builder, [x, exponent])
    return (power_of(builder, call, result._replace(number=operand.number), float(exponent.data.numbers[0])),)


def power_of(builder: Builder, call: Call, value: Value, power: float) -> Value:
    """Raises each element to a stored power."""
    return raised(Named(builder, call.name), value, power, {0.5: "sqrt"})


def _remainder(builder: Builder, call: Call) -> Results:
    """a - floor(a/b)·b; with fmod, rounded towards zero."""
    a, b = call.input(0), call.input(1)

    def do(operator: str, *inputs: Value) -> Value:
        return ARITHMETIC[operator](builder, call._replace(name=f"{call.name}/{operator.lower()}", inputs=inputs))[0]

    quotient = do("Div", a, b)
    whole = builder.add(f"{call.name}/floor", Activation("floor"), [quotient.number])
    return (do("Sub", a, do("Mul", quotient._replace(number=whole), b)),)


def _where(builder: Builder, call: Call) -> Results:
    values = [call.input(at) for at in range(3)]
    result, operands = _aligned(builder, values)
    shape = builder.shape(result)
    op: Op = Select()
    numbers = [operand.number for operand in operands]
    if op.output(tuple([builder.tensors[number or 0] for number in numbers])) != shape:
        op = Copy(shape)
    number = builder.add(call.name, op, numbers, [trained(builder, value) for value in values[1:]])
    return (result._replace(number=number, kind=values[1].kind),)


_ALONG = (7, broadcast_along)


def _row(handle: Handler, evaluated: Evaluated, old: bool = True) -> Operator:
    """The row of an operator that is also computed on constants; ``old`` marks one with other broadcasting in old
    opsets."""
    return Operator(handle, KEEPS, computed=by_element(evaluated), older=_ALONG if old else None)


_compare = partial(_ordered, how="compare", kind=9)
_logical = partial(_variadic, how="logical")
ARITHMETIC: dict[str, Operator] = {
    "Add": _row(partial(_variadic, how="add"), function("add")),
    "Sum": Operator(partial(_variadic, how="add"), KEEPS),
    "Mean": Operator(_mean, KEEPS),
    "Mul": _row(partial(_variadic, how="multiply"), function("multiply")),
    "Max": _row(partial(_variadic, how="maximum"), several("maximum"), old=False),
    "Min": _row(partial(_variadic, how="minimum"), several("minimum"), old=False),
    "Sub": _row(partial(_ordered, how="subtract"), function("subtract")),
    "Div": _row(partial(_ordered, how="divide"), divided),
    "Pow": _row(_power, powered),
    "Mod": _row(_remainder, remainder, old=False),
    **{name: _row(_logical, function(f"logical_{name.lower()}")) for name in ("And", "Or", "Xor")},
    **same_rows(Operator(_logical, KEEPS), "BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitShift"),
    **{name: _row(_compare, function(name.lower())) for name in ("Equal", "Greater", "Less")},
    "GreaterOrEqual": _row(_compare, function("greater_equal"), old=False),
    "LessOrEqual": _row(_compare, function("less_equal"), old=False),
    "Where": Operator(_where, KEEPS, computed=by_element(function("where", alike=False))),
}
