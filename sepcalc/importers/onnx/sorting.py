"""Sorting and random numbers. Sorting only compares, and the number of compares depends on the data; the cost of
drawing random numbers is unknown."""

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import KEEPS_FIRST, NONE, same_rows
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.ops.base import Uncounted
from sepcalc.ops.elementwise import Elementwise
from sepcalc.ops.move import Copy, Random
from sepcalc.shape import Shape

WHOLE_NUMBERS = 7  # int64
_DRAWN = "the cost of drawing random numbers is not known"
SORTED = "the number of compares depends on the data and the library"


def _top(builder: Builder, call: Call) -> Results:
    """The largest elements along an axis, and their indices."""
    value = call.input(0)
    axis = call.axis_of(value, -1)
    if call.opset < 10:
        many = call.whole("k", 0)
    else:
        (many,) = call.input(1).numbers("the number of elements is computed from the data", 1)
    if not 0 < many <= value.sizes[axis]:
        raise Invalid(f"the {many} largest of {value.sizes[axis]} elements")
    value = builder.along(value, axis)
    shape = (*value.sizes[:axis], many, *value.sizes[axis + 1 :])
    result = value._replace(shape=shape, data=None)
    op = Uncounted(call.type, SORTED, builder.shape(result), counts=("compares",))
    op = op.along(builder.place(value, axis), (builder.shape(value),))
    largest = builder.add(call.name, op, [value.number])
    places = builder.add(f"{call.name}/places", Copy.alongside(builder.shape(result)), [largest])
    return (result._replace(number=largest), result._replace(number=places, kind=WHOLE_NUMBERS))


def _drawn(builder: Builder, call: Call) -> Results:
    """Random numbers with the shape of another tensor, or with a given shape."""
    like = call.maybe(0)
    shape = call.ints("shape") if like is None else like.sizes
    if shape is None:
        raise Invalid(f"{call.type} lacks its shape")
    return (_random(builder, call, call.name, shape, like),)


def _random(builder: Builder, call: Call, name: str, shape: Shape, like: Value | None) -> Value:
    """Random numbers; they have a batch if ``like`` has one, or if a size equals the batch."""
    batch = like.batch if like is not None else None
    if like is None and len(shape) > 1 and shape[0] == builder.batch:
        batch = 0
    if any(size < 1 for size in shape):
        raise Invalid("it draws no numbers")
    image = len(shape) > 2 and any(map(builder.is_image, call.outputs))
    channels_first = image if like is None else like.channels_first
    value = Value(shape, 1, None, None, channels_first, batch)
    return value._replace(number=builder.add(name, Random(builder.shape(value)), []))


def _chosen(builder: Builder, call: Call) -> Results:
    """Bernoulli: draws a number for each probability, and compares the two."""
    value = builder.standing(call.name, call.input(0))
    drawn = _random(builder, call, f"{call.name}/drawn", value.sizes, value)
    return (value._replace(number=builder.add(call.name, Elementwise("compare"), [value.number, drawn.number])),)


SORTING: dict[str, Operator] = {
    "TopK": Operator(_top, KEEPS_FIRST, takes=True, axis=-1),
    **same_rows(Operator(_drawn, NONE, random=True), "RandomNormal", "RandomUniform"),
    **same_rows(Operator(_drawn, NONE, random=True, like=(0,), apart=True), "RandomNormalLike", "RandomUniformLike"),
    "Multinomial": Operator(None, NONE, _DRAWN, random=True, apart=True),
    "Bernoulli": Operator(_chosen, KEEPS_FIRST, random=True, apart=True),
}
