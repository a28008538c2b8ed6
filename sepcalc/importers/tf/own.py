"""Operators of TensorFlow that TFLite does not have: variables, other names of the same elements, functions of each
element."""

from math import prod

from sepcalc.importers.common.layout import KEEPS, NONE, same_rows
from sepcalc.importers.common.tensorflow.constants import by_element
from sepcalc.importers.common.tensorflow.elements import combined
from sepcalc.importers.common.tensorflow.graph import INT32, Builder, Call, Refused, Value
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.importers.tf import graph
from sepcalc.importers.tf.layers import bias
from sepcalc.importers.tf.model import message_of, shaped
from sepcalc.importers.tf.schema import RESOURCE, type_of


def same(builder: Builder, call: Call) -> Results:
    """free: the same elements"""
    return call.given


def switch(builder: Builder, call: Call) -> Results:
    """free: the same elements, on the side that runs"""
    return (call.input(0), call.input(0))


def nothing(builder: Builder, call: Call) -> Results:
    """free: nothing of what it gives is counted"""
    return ()


def variable(builder: Builder, call: Call) -> Results:
    """free: a stored tensor"""
    assert isinstance(builder, graph.Builder)
    shape, kind = message_of(call.get("shape"), "shape", "Shape"), type_of(call.whole("dtype", 0))
    name = call.text("shared_name", "") or call.name
    if shape is None:
        raise Refused("the shape of its variable is not known")
    tensor = shaped(name, shape, kind)
    if tensor.open or not tensor.ranked:
        raise Refused("the shape of its variable is not known")
    roots = builder.root(("", name), tensor)
    handle = call.type == "VarHandleOp"
    return (Value(() if handle else tensor.shape, RESOURCE if handle else kind, None, None, roots, name, tensor),)


def read(builder: Builder, call: Call) -> Results:
    """free: what a variable stores"""
    handle = call.input(0)
    if len(handle.roots) != 1:
        raise Refused("the shape of its variable is not known")
    tensor = builder.files[handle.roots[0][0]]
    return (Value(tensor.shape, tensor.type, None, None, handle.roots, tensor.name, tensor),)


def divide(builder: Builder, call: Call) -> Results:
    """divide; with a stored operand a scale, or the second half of norm input"""
    x, by = call.input(0), call.input(1)
    if isinstance(builder, graph.Builder) and not x.constant and by.constant and builder.normalizes(x, by):
        return (x,)
    return (combined(builder, call, "divide", [x, by]),)


def size(builder: Builder, call: Call) -> Results:
    """free: a number of elements"""
    return (Value((), INT32, data=(prod(call.input(0).sizes),)),)


OWN: dict[str, Operator] = {
    **same_rows(
        Operator(same, KEEPS, live=True),
        *(
            "Identity",
            "StopGradient",
            "PreventGradient",
            "CheckNumerics",
            "Snapshot",
            "EnsureShape",
            "PlaceholderWithDefault",
        ),
        *(
            "Enter",
            "RefEnter",
            "Exit",
            "RefExit",
            "NextIteration",
            "RefNextIteration",
            "LoopCond",
            "RefIdentity",
            "Print",
        ),
        *("_Retval", "IdentityN", "DeepCopy", "Bitcast", "PrintV2"),
    ),
    **same_rows(Operator(switch, NONE, live=True), "Switch", "RefSwitch"),
    **same_rows(
        Operator(nothing, NONE, live=True), "NoOp", "Assert", "AssignVariableOp", "AssignAddVariableOp", "Assign"
    ),
    **same_rows(Operator(variable, NONE, live=True), "VariableV2", "Variable", "VarHandleOp"),
    **same_rows(Operator(read, NONE, live=True), "ReadVariableOp"),
    **same_rows(Operator(bias, KEEPS, computed=by_element), "Add", "AddV2"),
    **same_rows(Operator(divide, KEEPS, computed=by_element), "Div", "RealDiv"),
    "Size": Operator(size, NONE, measures=True),
}
