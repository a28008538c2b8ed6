"""What only measures: the shapes of tensors, and numbers that follow from shapes alone. All of it is free."""

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import KEEPS_FIRST, NONE
from sepcalc.importers.common.tensorflow.constants import ranged
from sepcalc.importers.common.tensorflow.graph import INT32, Builder, Call, Refused, Value
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.shape import MAX_SIZE, Shape, broadcast_shape

SIZES = "the sizes to reach are"


def sizes_at(call: Call, at: int) -> Shape:
    """Sizes that an input says. Raises Refused where it is not known which, Invalid for what is none."""
    sizes = call.input(at).numbers(SIZES)
    if any(not 0 <= size <= MAX_SIZE for size in sizes):
        raise Invalid(f"the sizes to reach are {list(sizes)}")
    return sizes


def _range(builder: Builder, call: Call) -> Results:
    """free: prepared beforehand"""
    start, end, step = [call.input(at).data for at in range(3)]
    if not (start and end and step) or not step[0]:
        raise Refused("the range is computed from the data")
    return (Value((max(0, int(-((start[0] - end[0]) // step[0]))),), INT32),)


def _measured(builder: Builder, call: Call) -> Results:
    """free: a shape"""
    shape = call.input(0).sizes
    data = (len(shape),) if call.row == "RANK" else shape
    return (Value(() if call.row == "RANK" else (len(shape),), INT32, data=data),)


def _zeros(builder: Builder, call: Call) -> Results:
    """free: prepared beforehand"""
    return (Value(call.input(0).sizes, call.input(0).kind),)


def _common(builder: Builder, call: Call) -> Results:
    """free: a shape"""
    shape = broadcast_shape([sizes_at(call, 0), sizes_at(call, 1)])
    if shape is None:
        raise Invalid("the shapes do not fit each other")
    return (Value((len(shape),), INT32, data=shape),)


MEASURES: dict[str, Operator] = {
    "BROADCAST_ARGS": Operator(_common, NONE),
    "RANGE": Operator(_range, NONE, computed=ranged),
    "SHAPE": Operator(_measured, NONE, measures=True),
    "RANK": Operator(_measured, NONE, measures=True),
    "ZEROS_LIKE": Operator(_zeros, KEEPS_FIRST, measures=True),
}
