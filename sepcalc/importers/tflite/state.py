"""The variables of a streaming model, of which one step is counted."""

from sepcalc.importers.common.layout import KEEPS_FIRST, NONE
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused, Value, seen
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.importers.tflite.schema import RESOURCE, TYPES
from sepcalc.ops.move import Constant, Copy

STEP = "counts are for one step: variables keep their values from one step to the next"


def _handle(builder: Builder, call: Call) -> Results:
    """free: the name of a variable"""
    return (Value((), TYPES[RESOURCE], name=str(call.get("shared_name"))),)


def _read(builder: Builder, call: Call) -> Results:
    """copy of a constant, which the step before wrote"""
    out = call.outputs[0]
    if out.open or not out.ranked:
        raise Refused("the shape of its variable is not known")
    builder.note(STEP)
    shape = seen(out.shape)
    number = builder.add(Constant(shape), (), label="variable")
    return (builder.give(builder.add(Copy(shape, (1,) * (len(shape) - 1)), [number]), out.shape),)


def _assign(builder: Builder, call: Call) -> Results:
    """copy, for the next step"""
    value = call.input(1)
    if not value.constant:
        builder.emit(Copy(seen(value.sizes), (1,) * (len(seen(value.sizes)) - 1)), value, label="assign")
    return ()


def _once(builder: Builder, call: Call) -> Results:
    """free: it runs once, beforehand"""
    return ()


STATE: dict[str, Operator] = {
    "VAR_HANDLE": Operator(_handle, NONE, live=True),
    "READ_VARIABLE": Operator(_read, NONE, live=True),
    "ASSIGN_VARIABLE": Operator(_assign, KEEPS_FIRST, live=True),
    "CALL_ONCE": Operator(_once, NONE, live=True),
}
