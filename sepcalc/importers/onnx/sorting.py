"""What puts elements in order, and what draws numbers: no arithmetic but compares, and how many of these depends on the
data; or none that is known."""

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
_DRAWN = "how it chooses, and what drawing random numbers takes, is not known"
SORTED = "how often it compares depends on the data and the library"


def _top(builder: Builder, call: Call) -> Results:
    """The largest elements along an axis, and where they were."""
    value = call.input(0)
    axis = call.axis_of(value, -1)
    if call.opset < 10:
        many = call.whole("k", 0)
    else:
        (many,) = call.input(1).numbers("how many elements it gives is computed from the data", 1)
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
    """Of the shape of another tensor, or of one that is said."""
    like = call.maybe(0)
    shape = call.ints("shape") if like is None else like.sizes
    if shape is None:
        raise Invalid(f"{call.type} lacks its shape")
    return (_random(builder, call, call.name, shape, like),)


def _random(builder: Builder, call: Call, name: str, shape: Shape, like: Value | None) -> Value:
    """Random numbers, for as many examples as what they are like, or what has the size of so many."""
    batch = like.batch if like is not None else None
    if like is None and len(shape) > 1 and shape[0] == builder.batch:
        batch = 0
    if any(size < 1 for size in shape):
        raise Invalid("random numbers, but none of them")
    image = len(shape) > 2 and any(map(builder.is_image, call.outputs))
    channels_first = image if like is None else like.channels_first
    value = Value(shape, 1, None, None, channels_first, batch)
    return value._replace(number=builder.add(name, Random(builder.shape(value)), []))


def _chosen(builder: Builder, call: Call) -> Results:
    """Ones with the probabilities given: a number is drawn for each, and compared with it."""
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
