"""Elements looked up by their places, and put at places."""

from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.arithmetic import trained
from sepcalc.importers.onnx.graph import Builder, Call, Handler, Refused, Results, Value
from sepcalc.importers.onnx.moves import moved
from sepcalc.ops.move import Embedding
from sepcalc.shape import show


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
        return (moved(builder, call, data, shape, batch, [trained(builder, data)]),)
    batch = data.batch
    if batch == axis and not (builder.batch > 1 and at.sizes and at.sizes[0] % builder.batch == 0):
        data, batch = builder.along(data, axis), None  # else: places in all examples, as many in each
    elif batch is not None and batch > axis:
        batch += len(at.sizes) - 1
    if builder.batch > 1 and at.batch is not None:
        raise Refused("examples are gathered by indices of their own")
    return (moved(builder, call, data, shape, batch),)


def _by_elements(builder: Builder, call: Call) -> Results:
    data, at = call.input(0), call.input(1)
    if call.type == "GatherND":
        lead, depth = call.whole("batch_dims", 0), at.sizes[-1]
        shape = (*at.sizes[:-1], *data.sizes[lead + depth :])
    else:
        shape = at.sizes
    if builder.batch > 1:
        raise Refused("elements are gathered from a batch")
    return (moved(builder, call, data, shape, None),)


def _scattered(builder: Builder, call: Call) -> Results:
    if call.text("reduction", "none") != "none":
        raise Refused("a scatter that combines what meets has no count here: what meets depends on the data")
    data = call.input(0)
    return (moved(builder, call, data, data.sizes, data.batch if not data.constant else None),)


def _one_hot(builder: Builder, call: Call) -> Results:
    at, depth = call.input(0), call.input(1)
    if depth.data is None:
        raise Refused("the depth is computed from the data")
    axis = call.whole("axis", -1)
    shape = list(at.sizes)
    shape.insert(axis if axis >= 0 else len(shape) + 1 + axis, int(depth.data.reshape(-1)[0]))
    batch = at.batch if axis == -1 else None
    return (moved(builder, call, at, tuple(shape), batch)._replace(kind=call.input(2).kind),)


GATHERS: dict[str, Handler] = {
    "Gather": _gather,
    "GatherND": _by_elements,
    "GatherElements": _by_elements,
    "ScatterND": _scattered,
    "ScatterElements": _scattered,
    "Scatter": _scattered,
    "TensorScatter": _scattered,
    "OneHot": _one_hot,
}
