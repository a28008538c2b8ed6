"""Operators element by element, reductions, and all that only moves."""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.graph import Builder, Call, Refused, Value
from sepcalc.importers.onnx.shapes import RENAMED, broadcast
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Concat, Copy, Embedding, Pad, Slice, Token
from sepcalc.ops.norm import Softmax
from sepcalc.ops.pool import Cumulate, Reduce
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape, show

Results = Sequence[Value]
Handler = Callable[[Builder, Call], Results]


def trained(builder: Builder, value: Value) -> Value:
    """The stored tensors in it that are weights of an elementwise operator (a layer scale, a position table)."""
    return value._replace(roots=tuple(filter(builder.is_weight, value.roots)))


# --- two operands -----------------------------------------------------------------------------------------------------


def _aligned(builder: Builder, values: Sequence[Value]) -> tuple[Value, list[Value]]:
    """The value that operands make together (without a number), and the operands that are data, as it needs them."""
    shape = broadcast([value.sizes for value in values])
    rank = len(shape)
    live = [value for value in values if not value.constant]
    batches = {value.batch + rank - len(value.sizes) for value in live if value.batch is not None}
    if len(batches) > 1 and builder.batch > 1:
        raise Invalid(f"it mixes the {builder.batch} examples of a batch: export the model for one example")
    batch = min(batches) if batches else None
    first = any(value.first and len(value.sizes) == rank for value in live)
    result = Value(shape, values[0].kind, None, None, first, batch)
    operands = []
    for value in live:
        value = builder.laid(value, first and len(value.sizes) == rank)
        wanted = _seen(builder, result, value.sizes)
        while wanted[:1] == (1,) and len(wanted) > len(builder.tensors[value.number or 0]):
            wanted = wanted[1:]
        operands.append(value._replace(number=builder.view(value.number, wanted)))
    return result, operands


def _seen(builder: Builder, result: Value, shape: Shape) -> Shape:
    """An operand's shape where the network has the axes of the result."""
    padded = (1,) * (len(result.sizes) - len(shape)) + shape
    sizes = []
    for axis in builder.axes(result):
        size = padded[axis]
        if axis == result.batch and size > 1:
            size //= builder.batch
        sizes.append(size)
    return tuple(sizes) or (1,)


def combined(builder: Builder, call: Call, how: str, values: Sequence[Value]) -> Value:
    """Several operands: those that are data with each other, then with each that is stored."""
    result, operands = _aligned(builder, values)
    number = operands[0].number
    if len(operands) > 1:
        number = builder.add(call.name, Elementwise(how), [operand.number for operand in operands])
    stored = {"add": "shift", "multiply": "scale"}.get(how, how)
    for value in (value for value in values if value.constant):
        number = with_stored(builder, call, stored, number, value, result)
    return result._replace(number=builder.view(number, builder.shape(result)))


def with_stored(builder: Builder, call: Call, how: str, number: int | None, value: Value, result: Value) -> int:
    """One operand that is stored: a constant, or weights per channel, per element or of another shape."""
    weights = trained(builder, value)
    seen = _seen(builder, result, value.sizes)
    while len(seen) > 1 and seen[0] == 1:
        seen = seen[1:]
    assert number is not None
    before = builder.tensors[number]
    whole = builder.shape(result)
    if prod(seen) == 1:
        op = Stored(how) if not weights.roots else Stored(how, "shape", (1,))
    elif not weights.roots:
        op = Stored(how) if before == whole else Stored(how, "constant", seen)
    elif before == whole and seen == whole[-1:]:
        op = Stored(how, "channel")
    elif seen == whole == before:
        op = Stored(how, "element")
    else:
        op = Stored(how, "shape", seen)
    return builder.add(call.name, op, [number], [weights])


def _variadic(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        values = [value for value in call.inputs if value is not None]
        if not values:
            raise Invalid(f"{call.type} has no inputs")
        return (combined(builder, call, how, values),)

    return handle


def _mean(builder: Builder, call: Call) -> Results:
    (result,) = _variadic("add")(builder, call)
    number = builder.add(f"{call.name}/mean", Stored("scale"), [result.number])
    return (result._replace(number=number),)


def _ordered(data: str, right: str, left: str, kind: int = 0) -> Handler:
    """Two operands that may not change places: what two inputs do, and what one does with a stored second or first."""

    def handle(builder: Builder, call: Call) -> Results:
        a, b = call.input(0), call.input(1)
        result, operands = _aligned(builder, [a, b])
        if len(operands) == 2:
            number = builder.add(call.name, Elementwise(data), [operand.number for operand in operands])
        else:
            how, stored = (left, a) if a.constant else (right, b)
            number = with_stored(builder, call, how, operands[0].number, stored, result)
        return (result._replace(number=builder.view(number, builder.shape(result)), kind=kind or result.kind),)

    return handle


def _power(builder: Builder, call: Call) -> Results:
    x, exponent = call.input(0), call.input(1)
    if x.constant or exponent.data is None or exponent.data.size != 1:
        return _ordered("power", "power", "power")(builder, call)
    result, (operand,) = _aligned(builder, [x, exponent])
    power = float(exponent.data.reshape(-1)[0])
    number = operand.number
    if power != int(power) or abs(power) > 64 or not power:
        number = builder.add(call.name, Activation("sqrt" if power == 0.5 else "pow"), [number])
        return (result._replace(number=number),)
    number = _whole_power(builder, call.name, number, abs(int(power)))
    if power < 0:
        number = builder.add(f"{call.name}/reciprocal", Activation("reciprocal"), [number])
    return (result._replace(number=number),)


def _whole_power(builder: Builder, name: str, number: int | None, power: int) -> int:
    """By repeated squaring."""
    assert number is not None
    if power == 3:
        return builder.add(name, Activation("cube"), [number])
    made, square = None, number
    while power:
        if power & 1:
            made = square if made is None else builder.add(name, Elementwise("multiply"), [made, square])
        power >>= 1
        if power:
            square = builder.add(name, Activation("square"), [square])
    assert made is not None
    return made


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


# --- one operand ------------------------------------------------------------------------------------------------------


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


def _prelu(builder: Builder, call: Call) -> Results:
    value, slope = call.input(0), call.input(1)
    if not slope.constant:
        raise Refused("a slope that is computed has no count here")
    rank = len(value.sizes)
    padded = (1,) * (rank - len(slope.sizes)) + slope.sizes
    count = prod(padded)
    axis = 1 if value.first or rank < 3 else rank - 1
    if rank > 2 and not value.first and count > 1 and padded[1] == count:
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


def _quantize(builder: Builder, call: Call) -> Results:
    """x times a stored 1/scale, rounded (free), plus a zero point, clipped."""
    value = call.input(0)
    number = builder.add(f"{call.name}/scale", Stored("scale"), [value.number])
    if call.maybe(2) is not None:
        number = builder.add(f"{call.name}/zero", Stored("shift"), [number])
    number = builder.add(call.name, Activation("clip"), [number])
    zero = call.maybe(2)
    return (value._replace(number=number, kind=zero.kind if zero is not None else 2),)


def _dequantize(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    number = value.number
    if call.maybe(2) is not None:
        number = builder.add(f"{call.name}/zero", Stored("shift"), [number])
    number = builder.add(call.name, Stored("scale"), [number])
    return (value._replace(number=number, kind=1),)


def _quantize_by_itself(builder: Builder, call: Call) -> Results:
    """Range from the data: scale = (max(x, 0) - min(x, 0))/255, zero = clip(round(0 - min/scale)), then x/scale + zero
    rounded and clipped."""
    value = call.input(0)
    every = tuple(range(len(builder.shape(value))))

    def add(part: str, op: Op, *sources: int | None) -> int:
        return builder.add(f"{call.name}/{part}", op, sources)

    high = add("max", Stored("maximum"), add("max", Reduce("max", every), value.number))
    low = add("min", Stored("minimum"), add("min", Reduce("min", every), value.number))
    scale = add("scale", Stored("scale"), add("range", Elementwise("subtract"), high, low))
    zero = add("zero", Stored("from"), add("zero", Elementwise("divide"), low, scale))
    zero = add("zero", Activation("clip"), zero)
    number = add("quotient", Elementwise("divide"), value.number, scale)
    number = add("clip", Activation("clip"), add("shift", Elementwise("add"), number, zero))
    single = Value((), 1, number=scale)
    return (value._replace(number=number, kind=2), single, single._replace(number=zero, kind=2))


# --- reductions -------------------------------------------------------------------------------------------------------


def _reduced(builder: Builder, call: Call, how: str, value: Value, name: str, axes: tuple[int, ...] | None) -> Value:
    rank = len(value.sizes)
    if axes is None:
        axes = tuple(range(rank))
    if any(not -rank <= axis < rank for axis in axes):
        raise Invalid(f"axes {axes} are not all axes of {show(value.sizes)}")
    axes = tuple(sorted({axis % rank for axis in axes}))
    if value.batch in axes:
        value = builder.along(value, value.batch or 0)
    keep = bool(call.whole("keepdims", 1))
    places = tuple(sorted(builder.place(value, axis) for axis in axes))
    number = builder.add(name, Reduce(how, places, keep), [value.number])
    if keep:
        shape = tuple([1 if axis in axes else size for axis, size in enumerate(value.sizes)])
        return builder.give(value, shape, number=number, batch=value.batch, first=value.first)
    shape = tuple([size for axis, size in enumerate(value.sizes) if axis not in axes])
    batch = value.batch
    if batch is not None:
        batch -= sum(axis < batch for axis in axes)
    first = value.first and len(shape) > 2 and not {0, 1} & set(axes)
    flat = Value(shape, value.kind, None, None, first, batch)
    return flat._replace(number=builder.view(number, builder.shape(flat)))


def _axes_of(call: Call) -> tuple[int, ...] | None:
    given = call.maybe(1)
    if given is not None and given.sizes != (0,):
        if given.data is None:
            raise Refused("the axes to reduce are computed from the data")
        return tuple(int(axis) for axis in given.data.reshape(-1))
    return call.ints("axes") or (() if call.whole("noop_with_empty_axes", 0) else None)


def _reduce(how: str, before: str = "", after: Sequence[str] = ()) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value, axes = call.input(0), _axes_of(call)
        if before:
            number = builder.add(f"{call.name}/{before}", Activation(before), [value.number])
            value = value._replace(number=number)
        result = _reduced(builder, call, how, value, call.name, axes) if axes != () else value
        for function in after:
            number = builder.add(f"{call.name}/{function}", Activation(function), [result.number])
            result = result._replace(number=number)
        return (result,)

    return handle


def _stable_log_sum(builder: Builder, call: Call) -> Results:
    """log of the sum of exp, as it is written."""
    return _reduce("sum", "exp", ("log",))(builder, call)


def _arg(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        result = _reduced(builder, call, how, call.input(0), call.name, (call.whole("axis", 0),))
        return (result._replace(kind=7),)

    return handle


def _cumsum(builder: Builder, call: Call) -> Results:
    value, axis = call.input(0), call.input(1)
    if axis.data is None or axis.data.size != 1:
        raise Refused("the axis is computed from the data")
    at = range(len(value.sizes))[int(axis.data.reshape(-1)[0])]
    value = builder.along(value, at)
    return (value._replace(number=builder.add(call.name, Cumulate(builder.place(value, at)), [value.number])),)


# --- moves ------------------------------------------------------------------------------------------------------------


def _same(builder: Builder, call: Call) -> Results:
    return (call.input(0), call.input(0)._replace(kind=9))


def _cast(builder: Builder, call: Call) -> Results:
    return (call.input(0)._replace(kind=call.whole("to", 1)),)


def _renamed(builder: Builder, call: Call, shape: Shape) -> Results:
    """The same elements in another shape; the examples lie along the axis before which the same elements stand."""
    value = call.input(0)
    if prod(shape) != prod(value.sizes):
        raise Invalid(f"{show(value.sizes)} cannot be reshaped to {show(shape) or 'one number'}")
    batch, outer = None, 1
    if value.batch is not None:
        found = list(_examples(prod(value.sizes[: value.batch]) * value.outer, builder.batch, shape))
        if not found and builder.batch > 1:
            raise Invalid(f"it mixes the {builder.batch} examples of a batch: export the model for one example")
        batch, outer = min(found, key=lambda place: place[1]) if found else (None, 1)
    first = batch in (0, None) and len(shape) > 2 and any(map(builder.wanted, call.outputs))
    return (builder.give(value, shape, number=value.number, batch=batch, first=first)._replace(outer=outer),)


def _examples(before: int, batch: int, shape: Shape) -> Iterator[tuple[int, int]]:
    """The axes that the examples, with so many elements before them, may lie along, and after how many positions of
    the axis; one example alone only at an axis's beginning."""
    count = 1
    for axis, size in enumerate(shape):
        outer, rest = divmod(before, count)
        if not rest and size % (outer * batch) == 0 and (outer == 1 if batch == 1 else size > 1):
            yield axis, outer
        count *= size


def _rename(reached: Callable[[Call, Shape], Shape]) -> Handler:
    return lambda builder, call: _renamed(builder, call, reached(call, call.input(0).sizes))


def _transpose(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    order = call.ints("perm") or tuple(reversed(range(rank)))
    if sorted(order) != list(range(rank)):
        raise Invalid(f"perm {order} is no order of {rank} axes")
    shape = tuple([value.sizes[axis] for axis in order])
    batch = order.index(value.batch) if value.batch is not None else None
    moved = Value(shape, value.kind, None, None, False, batch)
    before = builder.axes(value)
    trial = moved._replace(first=rank > 2 and batch in (0, None) and any(map(builder.wanted, call.outputs)))
    if [order[axis] for axis in builder.axes(trial)] == before:  # the network has them in that order already
        return (trial._replace(number=value.number),)
    return (trial._replace(number=builder.view(value.number, builder.shape(trial))),)


def _moved(
    builder: Builder, call: Call, value: Value, shape: Shape, batch: int | None, weights: Sequence[Value] = ()
) -> Value:
    """Elements copied into another shape."""
    result = Value(shape, value.kind, None, None, False, batch)
    if batch in (0, None) and len(shape) > 2 and (value.first or any(map(builder.wanted, call.outputs))):
        result = result._replace(first=True)
    if any(size < 1 for size in shape):
        raise Invalid(f"a tensor would be {show(shape)}: expected sizes from 1")
    sources = [one.number for one in call.inputs if one is not None and not one.constant][:1000]
    sources += [number for one in weights for number in builder.kept(call.name, one)]
    return result._replace(number=builder.add(call.name, Copy(builder.shape(result)), sources))


def _kept(builder: Builder, value: Value, shape: Shape) -> int | None:
    """The examples' axis where its size stays, else none (of one example)."""
    if value.batch is None or (len(shape) == len(value.sizes) and shape[value.batch] == value.sizes[value.batch]):
        return value.batch
    if builder.batch > 1:
        raise Invalid(f"it mixes the {builder.batch} examples of a batch: export the model for one example")
    return None


def _part(builder: Builder, call: Call, value: Value, shape: Shape, name: str) -> Value:
    """A part of the value; what is empty is nothing that the inputs decide."""
    if 0 in shape:
        return Value(shape, value.kind)
    batch = _kept(builder, value, shape)
    if batch is None and value.batch is not None:
        value = builder.along(value, value.batch)
    if shape == value.sizes:
        return value
    result = value._replace(shape=shape, data=None, batch=batch)
    if any(size < 1 for size in shape):
        raise Invalid(f"a tensor would be {show(shape)}: expected sizes from 1")
    return result._replace(number=builder.add(name, Slice(builder.shape(result)), [value.number]))


def _slice(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    if call.opset < 10:
        starts, ends, axes, steps = call.ints("starts"), call.ints("ends"), call.ints("axes"), None
    else:
        lists = []
        for at in range(1, 5):
            given = call.maybe(at)
            if given is not None and given.data is None:
                raise Refused("what to take is computed from the data")
            lists.append(None if given is None else tuple(int(number) for number in given.data.reshape(-1)))
        starts, ends, axes, steps = lists
    if starts is None or ends is None:
        raise Invalid("Slice lacks its starts or ends")
    axes = axes if axes is not None else tuple(range(len(starts)))
    steps = steps if steps is not None else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or any(not -rank <= axis < rank for axis in axes):
        raise Invalid("Slice has lists that do not fit each other")
    shape = list(value.sizes)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        if not step:
            raise Invalid("Slice has a step of 0")
        size = shape[axis]
        shape[axis] = len(range(*slice(start, end if step > 0 or end >= -size else None, step).indices(size)))
    return (_part(builder, call, value, tuple(shape), call.name),)


def _split(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    axis = call.whole("axis", 0)
    if not -rank <= axis < rank:
        raise Invalid(f"axis {axis} is none of {show(value.sizes)}")
    given, count, size = call.maybe(1), len(call.outputs), value.sizes[axis]
    parts = call.ints("split")
    if given is not None and given.data is not None:
        parts = tuple(int(part) for part in given.data.reshape(-1))
    elif given is not None:
        raise Refused("the parts are computed from the data")
    if parts is None:
        each = -(-size // count)
        parts = (*(each,) * (count - 1), size - each * (count - 1))
    if sum(parts) != size or len(parts) != count:
        raise Invalid(f"parts {parts} are not the {size} of the axis")
    results = []
    for at, part in enumerate(parts):
        shape = tuple([part if place == axis % rank else one for place, one in enumerate(value.sizes)])
        results.append(_part(builder, call, value, shape, f"{call.name}/{at}" if count > 1 else call.name))
    return results


def _gather(builder: Builder, call: Call) -> Results:
    data, at = call.input(0), call.input(1)
    rank = len(data.sizes)
    axis = call.whole("axis", 0)
    if not -rank <= axis < rank:
        raise Invalid(f"axis {axis} is none of {show(data.sizes)}")
    axis %= rank
    shape = (*data.sizes[:axis], *at.sizes, *data.sizes[axis + 1 :])
    if data.constant:
        batch = at.batch + axis if at.batch is not None else None
        if axis == 0 and rank > 1:
            weights = [data]
            op = Embedding(data.sizes[0], prod(data.sizes[1:]))
            number = builder.add(call.name, op, [builder.laid(at, False).number], weights)
            result = Value(shape, data.kind, None, None, False, batch)
            return (result._replace(number=builder.view(number, builder.shape(result))),)
        return (_moved(builder, call, data, shape, batch, [trained(builder, data)]),)
    batch = data.batch
    if batch == axis and not (builder.batch > 1 and at.sizes and at.sizes[0] % builder.batch == 0):
        data, batch = builder.along(data, axis), None  # else: places in all examples, as many in each
    elif batch is not None and batch > axis:
        batch += len(at.sizes) - 1
    if builder.batch > 1 and at.batch is not None:
        raise Refused("examples are gathered by indices of their own")
    return (_moved(builder, call, data, shape, batch),)


def _by_elements(builder: Builder, call: Call) -> Results:
    data, at = call.input(0), call.input(1)
    if call.type == "GatherND":
        lead, depth = call.whole("batch_dims", 0), at.sizes[-1]
        shape = (*at.sizes[:-1], *data.sizes[lead + depth :])
    else:
        shape = at.sizes
    if builder.batch > 1:
        raise Refused("elements are gathered from a batch")
    return (_moved(builder, call, data, shape, None),)


def _scattered(builder: Builder, call: Call) -> Results:
    if call.text("reduction", "none") != "none":
        raise Refused("a scatter that combines what meets has no count here: what meets depends on the data")
    data = call.input(0)
    return (_moved(builder, call, data, data.sizes, data.batch if not data.constant else None),)


def _concat(builder: Builder, call: Call) -> Results:
    values = [value for value in call.inputs if value is not None and 0 not in value.sizes]
    rank = len(values[0].sizes)
    axis = call.whole("axis", 0)
    if not -rank <= axis < rank or any(len(value.sizes) != rank for value in values):
        raise Invalid(f"axis {axis} is not one of all of {', '.join(show(value.sizes) for value in values)}")
    axis %= rank
    live = [value for value in values if not value.constant]
    batch = next((value.batch for value in live if value.batch is not None), None)
    if builder.batch > 1 and any(value.batch != batch for value in live):
        raise Invalid(f"it mixes the {builder.batch} examples of a batch: export the model for one example")
    if batch == axis:
        live = [builder.along(value, axis) for value in live]
        batch = None
    first = any(value.first for value in live)
    rest = {value.sizes[:axis] + value.sizes[axis + 1 :] for value in values}
    if len(rest) > 1:
        raise Invalid(f"{' and '.join(show(value.sizes) for value in values)} cannot be joined along axis {axis}")
    shape = (*values[0].sizes[:axis], sum(value.sizes[axis] for value in values), *values[0].sizes[axis + 1 :])
    result = Value(shape, live[0].kind, None, None, first and rank > 2, batch)
    numbers = []
    for value in live:
        like = builder.laid(value, first)._replace(batch=batch)
        numbers.append(builder.view(like.number, builder.shape(like)))
    if len(live) == len(values):
        if len(live) == 1:
            return (result._replace(number=numbers[0]),)
        op: Op = Concat(builder.place(result, axis))
        return (result._replace(number=builder.add(call.name, op, numbers)),)
    weights = [trained(builder, value) for value in values if value.constant]
    seen = builder.shape(result)
    if len(weights) == len(live) == 1 and len(seen) == 2 and weights[0].roots and builder.place(result, axis) == 0:
        tokens = Token(weights[0].sizes[axis])  # a class token, before or behind
        return (result._replace(number=builder.add(call.name, tokens, numbers, weights)),)
    numbers += [number for value in weights for number in builder.kept(call.name, value)]
    return (result._replace(number=builder.add(call.name, Copy(builder.shape(result)), numbers)),)


def _pad(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    rank = len(value.sizes)
    pads = call.ints("pads")
    if call.opset >= 11:
        given = call.input(1)
        if given.data is None:
            raise Refused("the padding is computed from the data")
        pads = tuple(int(size) for size in given.data.reshape(-1))
    axes = tuple(range(rank))
    if (some := call.maybe(3)) is not None:
        if some.data is None:
            raise Refused("the axes to pad are computed from the data")
        axes = tuple(range(rank)[int(axis)] for axis in some.data.reshape(-1))
    if pads is None or len(pads) != 2 * len(axes):
        raise Invalid(f"padding {pads} does not fit {show(value.sizes)}")
    around = {axis: (pads[at], pads[at + len(axes)]) for at, axis in enumerate(axes)}
    shape = tuple([size + sum(around.get(axis, (0, 0))) for axis, size in enumerate(value.sizes)])
    if not any(map(any, around.values())):
        return (value,)
    batch = _kept(builder, value, shape)
    if batch is None and value.batch is not None:
        value = builder.along(value, value.batch)
    result = value._replace(shape=shape, batch=batch)
    order = builder.axes(value)
    sides = [around.get(axis, (0, 0)) for axis in order]
    op: Op = Copy(builder.shape(result))
    if len(order) > 1 and sides[-1] == (0, 0) and min(map(min, sides)) >= 0:
        op = Pad(tuple(sides[:-1]))
    return (result._replace(number=builder.add(call.name, op, [value.number])),)


def _expand(builder: Builder, call: Call) -> Results:
    value, target = call.input(0), call.input(1)
    if target.data is None:
        raise Refused("the shape to reach is not known")
    wanted = tuple(int(size) for size in target.data.reshape(-1))
    if any(size < 1 for size in wanted):
        raise Invalid(f"a tensor would be {show(wanted)}: expected sizes from 1")
    shape = broadcast([value.sizes, wanted])
    if shape == value.sizes:
        return (value,)
    return (_moved(builder, call, value, shape, _stretched(builder, value, shape)),)


def _stretched(builder: Builder, value: Value, shape: Shape) -> int | None:
    if value.batch is None:
        return None
    at = value.batch + len(shape) - len(value.sizes)
    if shape[at] == value.sizes[value.batch]:
        return at
    if builder.batch > 1:
        raise Invalid(f"it mixes the {builder.batch} examples of a batch: export the model for one example")
    return at


def _tile(builder: Builder, call: Call) -> Results:
    value, times = call.input(0), call.input(1)
    if times.data is None or times.data.size != len(value.sizes):
        raise Refused("how often to repeat is not known")
    shape = tuple([size * int(count) for size, count in zip(value.sizes, times.data.reshape(-1))])
    if shape == value.sizes:
        return (value,)
    return (_moved(builder, call, value, shape, _stretched(builder, value, shape)),)


def _one_hot(builder: Builder, call: Call) -> Results:
    at, depth = call.input(0), call.input(1)
    if depth.data is None:
        raise Refused("the depth is computed from the data")
    axis = call.whole("axis", -1)
    shape = list(at.sizes)
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, int(depth.data.reshape(-1)[0]))
    batch = at.batch if axis == -1 else None
    return (_moved(builder, call, at, tuple(shape), batch)._replace(kind=call.input(2).kind),)


def _copied(builder: Builder, call: Call) -> Results:
    """The same shape, elements in other places or some of them replaced."""
    value = call.input(0)
    return (_moved(builder, call, value, value.sizes, value.batch),)


def _pixels(up: bool) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value, block = builder.laid(call.input(0), True), call.whole("blocksize", 0)
        if len(value.sizes) != 4 or block < 1 or len(builder.shape(value)) != 3:
            raise Refused("only images are shuffled, one example at a time")
        number = builder.add(
            call.name, Rename("pixel-shuffle" if up else "pixel-unshuffle", scale=block), [value.number]
        )
        n, c, h, w = value.sizes
        shape = (n, c // block**2, h * block, w * block) if up else (n, c * block**2, h // block, w // block)
        return (builder.give(value, shape, number=number, batch=value.batch, first=True),)

    return handle


_compare = _ordered("compare", "compare", "compare", 9)

ELEMENTS: dict[str, Handler] = {
    "Add": _variadic("add"),
    "Sum": _variadic("add"),
    "Mean": _mean,
    "Mul": _variadic("multiply"),
    "Max": _variadic("maximum"),
    "Min": _variadic("minimum"),
    "Sub": _ordered("subtract", "shift", "from"),
    "Div": _ordered("divide", "scale", "over"),
    "Pow": _power,
    "And": _variadic("logical"),
    "Or": _variadic("logical"),
    "Xor": _variadic("logical"),
    "BitwiseAnd": _variadic("logical"),
    "BitwiseOr": _variadic("logical"),
    "BitwiseXor": _variadic("logical"),
    "Equal": _compare,
    "Greater": _compare,
    "GreaterOrEqual": _compare,
    "Less": _compare,
    "LessOrEqual": _compare,
    "Where": _where,
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
    "IsNaN": lambda builder, call: _applied(builder, call, Stored("compare"), kind=9),
    "Softmax": _softmax(False),
    "LogSoftmax": _softmax(True),
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _quantize_by_itself,
    "ReduceMean": _reduce("mean"),
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("max"),
    "ReduceMin": _reduce("min"),
    "ReduceProd": _reduce("prod"),
    "ReduceL1": _reduce("sum", "abs"),
    "ReduceL2": _reduce("sum", "square", ("sqrt",)),
    "ReduceSumSquare": _reduce("sum", "square"),
    "ReduceLogSum": _reduce("sum", "", ("log",)),
    "ReduceLogSumExp": _stable_log_sum,
    "ArgMax": _arg("argmax"),
    "ArgMin": _arg("argmin"),
    "CumSum": _cumsum,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _cast,
    "CastLike": _same,
    **{name: _rename(reached) for name, reached in RENAMED.items()},
    "Transpose": _transpose,
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "GatherND": _by_elements,
    "GatherElements": _by_elements,
    "ScatterND": _scattered,
    "ScatterElements": _scattered,
    "Scatter": _scattered,
    "Concat": _concat,
    "Pad": _pad,
    "Expand": _expand,
    "Tile": _tile,
    "OneHot": _one_hot,
    "Trilu": _copied,
    "ReverseSequence": _copied,
    "DepthToSpace": _pixels(True),
    "SpaceToDepth": _pixels(False),
}
