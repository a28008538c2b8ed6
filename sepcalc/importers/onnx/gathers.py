"""Gathers and scatters: elements read from indices, and written to indices."""

from math import prod

from sepcalc.errors import Invalid, quoted
from sepcalc.importers.common.layout import KEEPS_FIRST, LISTED, NONE
from sepcalc.importers.onnx.arithmetic import trained
from sepcalc.importers.onnx.constants import GATHERED, shrinking
from sepcalc.importers.onnx.evaluate import scattered
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.moves import moved, part
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.elementwise import Scatter
from sepcalc.ops.move import Embedding
from sepcalc.shape import Shape

_COMBINING = {"add": "add", "mul": "multiply", "max": "maximum", "min": "minimum"}  # the reductions of a scatter


def _gather(builder: Builder, call: Call) -> Results:
    data, at = call.input(0), call.input(1)
    rank = len(data.sizes)
    axis = call.axis_of(data, 0)
    shape = (*data.sizes[:axis], *at.sizes, *data.sizes[axis + 1 :])
    if data.constant:
        batch = at.batch + axis if at.batch is not None else None
        if axis == 0 and rank > 1:
            weights = [data]
            op = Embedding(data.sizes[0], prod(data.sizes[1:]))
            number = builder.add(call.name, op, [builder.laid(at, False).number], weights)
            return (builder.give(data, shape, number=number, batch=batch, channels_first=False),)
        return (moved(builder, call, data, shape, batch, [trained(builder, data)]),)
    if axis != data.batch and (taken := _evenly(at, data.sizes[axis])) is not None:
        start = tuple([taken.start if each == axis else 0 for each in range(rank)])
        steps = tuple([taken.step if each == axis else 1 for each in range(rank)])
        return (part(builder, call, data, shape, call.name, start, steps),)
    batch = data.batch
    if batch == axis and not (builder.batch > 1 and _each_in_its_own(builder, at, data.sizes[axis])):
        data, batch = builder.along(data, axis), None  # else: indices over all examples, the same number in each
    elif batch is not None and batch > axis:
        batch += len(at.sizes) - 1
    if builder.batch > 1 and at.batch is not None:
        raise Refused("each example is gathered by its own indices")
    channels = len(at.sizes) == 1 and batch is not None and axis == (1 if data.channels_first else rank - 1)
    return (moved(builder, call, data, shape, batch, near=channels),)


def _evenly(at: Value, size: int) -> range | None:
    """Indices at equal distances along an axis of this size, as a range; else None."""
    if len(at.sizes) != 1 or at.data is None or not 0 < at.data.size < size:
        return None
    places = [int(place) + size * (place < 0) for place in at.data.numbers]
    step = places[1] - places[0] if len(places) > 1 else 1
    even = range(places[0], places[0] + step * len(places), step) if step else range(0)
    return even if step > 0 and places == [*even] and places[0] >= 0 and places[-1] < size else None


def _each_in_its_own(builder: Builder, at: Value, size: int) -> bool:
    """Whether indices over all examples, the same number in each, each refer to their own example. For computed
    indices, the user's ``--batch`` says so."""
    if not at.sizes or at.sizes[0] % builder.batch:
        return False
    if at.data is None:
        return builder.asked
    owners = [place % size // (size // builder.batch) for place in at.data.numbers]
    each = len(owners) // builder.batch
    return owners == [example for example in range(builder.batch) for _ in range(each)]


def _by_elements(builder: Builder, call: Call) -> Results:
    data, at = call.input(0), call.input(1)
    if call.type == "GatherND":
        lead, depth = call.whole("batch_dims", 0), at.sizes[-1]
        shape = (*at.sizes[:-1], *data.sizes[lead + depth :])
    else:
        shape = at.sizes
    return (moved(builder, call, data, shape, _examples_of(call, data, at) if builder.batch > 1 else None),)


def _examples_of(call: Call, data: Value, at: Value) -> int | None:
    """The axis of the examples in what is gathered, where each takes elements of its own or of what all share."""
    lead = call.whole("batch_dims", 0)
    if call.type == "GatherND":  # the axes before ``lead`` are those of both; the last one of the places names axes
        free, shared = [*range(lead, len(at.sizes) - 1)], [*range(lead)]
    else:  # an element keeps its place along all axes but one
        axis = call.axis_of(data, 0)
        free, shared = [axis], [other for other in range(len(data.sizes)) if other != axis]
    batch = at.batch if data.batch is None else data.batch
    fits = batch in free if data.batch is None else batch in shared and at.batch in (batch, None)
    if batch is not None and not (fits and (data.batch is None or at.sizes[batch] == data.sizes[batch])):
        raise Refused("elements are gathered from a batch")
    return batch


def _scattered(builder: Builder, call: Call) -> Results:
    data, reduction = call.input(0), call.text("reduction", "none")
    if reduction != "none" and reduction not in _COMBINING:
        raise Invalid(f"the attribute reduction of {call.type} is {quoted(reduction)}")
    if builder.batch > 1 and not _in_its_example(call, data):
        raise builder.mixed
    if reduction != "none":
        return (_combined(builder, call, _COMBINING[reduction]),)
    return (moved(builder, call, data, data.sizes, data.batch if not data.constant else None),)


def _combined(builder: Builder, call: Call, how: str) -> Value:
    """The updates of a scatter, combined one by one with the elements at their indices."""
    data, places, updates = [call.input(at) for at in range(3)]
    like = data if not data.constant else updates if not updates.constant else places
    result = Value(data.sizes, data.kind, batch=data.batch if not data.constant else None)
    if builder.batch > 1 and updates.constant:
        raise builder.mixed
    put = builder.laid(builder.standing(call.name, updates), False)
    others = [builder.laid(value, False).number for value in (data, places) if not value.constant]
    number = builder.add(call.name, Scatter(how, builder.shape(result)), [put.number, *others])
    return builder.give(like, data.sizes, number=number, batch=result.batch, channels_first=False, kind=data.kind)


def _in_its_example(call: Call, data: Value) -> bool:
    """Whether a scatter writes each update into its own example: it works along another axis, and the indices do not
    include the batch."""
    axis = call.whole("axis", -2 if call.type == "TensorScatter" else 0)
    others = [value.batch for value in call.inputs[1:] if value is not None and not value.constant]
    if call.type == "ScatterND" or data.batch is None or any(batch not in (None, data.batch) for batch in others):
        return not others and data.batch is None
    return axis % len(data.sizes) != data.batch


def _one_hot(builder: Builder, call: Call) -> Results:
    at = call.input(0)
    depth, *_ = call.input(1).numbers("the depth is computed from the data")
    axis = call.whole("axis", -1)
    shape = list(at.sizes)
    place = axis if axis >= 0 else len(shape) + 1 + axis
    shape.insert(place, depth)
    batch = None if at.batch is None else at.batch + (place <= at.batch)
    return (moved(builder, call, at, tuple(shape), batch)._replace(kind=call.input(2).kind),)


_FOUND = "the number of elements that it finds depends on the data"


def _picked(call: Call) -> Shape | None:
    """The shape of a gather: the shape of the indices in place of the axis."""
    data, at = call.input(0), call.input(1).shape
    if data.shape is None or at is None:
        return None
    axis = call.axis_of(data, 0)
    return (*data.shape[:axis], *at, *data.shape[axis + 1 :])


GATHERS: dict[str, Operator] = {
    "Gather": Operator(_gather, LISTED, takes=True, free=True, shape=_picked, computed=GATHERED),
    "GatherND": Operator(_by_elements, NONE, takes=True),
    "GatherElements": Operator(_by_elements, KEEPS_FIRST, takes=True),
    "ScatterND": Operator(_scattered, KEEPS_FIRST, states=(0,), computed=shrinking(scattered)),
    "ScatterElements": Operator(_scattered, KEEPS_FIRST, states=(0,)),
    "Scatter": Operator(_scattered, KEEPS_FIRST, states=(0,)),
    "TensorScatter": Operator(_scattered, KEEPS_FIRST, states=(0,)),
    "Compress": Operator(None, NONE, "the number of elements that it keeps depends on the data", takes=True),
    "NonZero": Operator(None, NONE, _FOUND),
    "Unique": Operator(None, NONE, _FOUND),
    "NonMaxSuppression": Operator(
        None, NONE, "the number of boxes that are left, and the work for it, depend on the data", settings=(2, 3, 4)
    ),
    "OneHot": Operator(_one_hot, NONE, settings=(1, 2)),
}
