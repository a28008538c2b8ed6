"""Reductions over axes, softmax, norms over channels, running sums, sorting."""

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import KEEPS_FIRST, NONE, same_rows
from sepcalc.importers.common.tensorflow.constants import reduced
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Value, seen
from sepcalc.importers.common.tensorflow.layers import fused
from sepcalc.importers.common.tensorflow.moves import copied, renamed
from sepcalc.importers.common.tensorflow.rows import Handler, Operator, Results
from sepcalc.ops.base import Uncounted
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.norm import LocalResponseNorm, Softmax
from sepcalc.ops.pool import Cumulate, Reduce
from sepcalc.shape import Shape, show


def _kept(shape: Shape, axes: set[int], keep: bool) -> Shape:
    sizes = [1 if at in axes else size for at, size in enumerate(shape)]
    return tuple([size for at, size in enumerate(sizes) if keep or at not in axes])


def _axes(call: Call, rank: int) -> set[int]:
    return {call.axis_at(axis, rank) for axis in call.input(1).numbers("the axes to reduce are")}


def reduction(builder: Builder, value: Value, how: str, axes: set[int], keep: bool, label: str = "") -> Value:
    """A reduction over axes; free if their sizes are 1."""
    shape = value.sizes
    alone = int(len(shape) > 1 and shape[0] == 1)
    places = tuple(sorted(axis - alone for axis in axes if axis >= alone))
    to = _kept(shape, axes, keep)
    if all(shape[axis] == 1 for axis in axes):
        return renamed(builder, value, to)
    number = builder.view(value.number, shape[alone:] or (1,))
    pooled = how == "mean" and len(shape) == 4 and axes == {1, 2} and alone
    op = Reduce(how, places, keep, "pool") if pooled else Reduce(how, places, keep)
    return builder.give(builder.add(op, [number], label=label), to)


def _reduce(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = call.input(0)
        return (reduction(builder, value, how, _axes(call, len(value.sizes)), call.flag("keep_dims", False)),)

    handle.__doc__ = f"reduce {how}"
    return handle


def _logical(builder: Builder, call: Call) -> Results:
    """copy: to choose is free"""
    shape = call.input(0).sizes
    to = _kept(shape, _axes(call, len(shape)), call.flag("keep_dims", False))
    return copied(builder, call, to, [call.input(0)])


def _arg(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        return (reduction(builder, call.input(0), how, _axes(call, len(call.input(0).sizes)), False),)

    handle.__doc__ = f"reduce {how}"
    return handle


def _cumsum(builder: Builder, call: Call) -> Results:
    """cumsum"""
    value = call.input(0)
    rank = len(value.sizes)
    (axis, *_) = call.input(1).numbers("the axis is") or (0,)
    axis, alone = call.axis_at(axis, rank), int(rank > 1 and value.sizes[0] == 1)
    if axis < alone:
        return (value,)
    number = builder.view(value.number, value.sizes[alone:] or (1,))
    return (builder.give(builder.add(Cumulate(axis - alone), [number]), value.sizes),)


def _softmax(log: bool) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        value = call.input(0)
        if not log and call.number("beta", default=0.0) != 1:
            value = builder.emit(Stored("scale"), value, label="beta")
        return (builder.emit(Softmax(log), value),)

    handle.__doc__ = "log-softmax" if log else "softmax, with a scale before it unless beta is 1"
    return handle


def _unit(builder: Builder, call: Call) -> Results:
    """x/max(sqrt(sum of squares), epsilon): act square, reduce sum, act sqrt, stored maximum, divide"""
    value = call.input(0)
    rows = builder.emit(Activation("square"), value, label="square")
    rows = reduction(builder, rows, "sum", {len(value.sizes) - 1}, True, "sum")
    rows = builder.emit(Stored("maximum"), builder.emit(Activation("sqrt"), rows, label="root"), label="maximum")
    number = builder.view(rows.number, (*seen(value.sizes)[:-1], 1))
    made = builder.add(Elementwise("divide"), [builder.view(value.number, seen(value.sizes)), number])
    return fused(builder, call, builder.give(made, value.sizes))


def _neighbours(builder: Builder, call: Call) -> Results:
    """norm lrn"""
    return (builder.emit(LocalResponseNorm(2 * call.size("radius", least=0) + 1), call.input(0)),)


def _top(builder: Builder, call: Call) -> Results:
    """sorting: how often it compares depends on the data"""
    shape = call.input(0).sizes
    (count, *_) = call.input(1).numbers("how many it takes is") or (0,)
    if not shape or not 1 <= count <= shape[-1]:
        raise Invalid(f"the {count} largest are not in {show(shape)}")
    to = (*shape[:-1], count)
    op = Uncounted(call.type, "how often sorting compares depends on the data", seen(to), counts=("compares",))
    number = builder.add(op.along(-1, (seen(shape),)), [call.input(0).number])
    places = copied(builder, call, to, [builder.give(number, to)])
    return (builder.give(number, to), *places)


SUMS: dict[str, Operator] = {
    **{
        name: Operator(_reduce(how), KEEPS_FIRST, computed=reduced)
        for name, how in (
            *(("MEAN", "mean"), ("SUM", "sum"), ("REDUCE_PROD", "prod")),
            *(("REDUCE_MAX", "max"), ("REDUCE_MIN", "min")),
        )
    },
    **same_rows(Operator(_logical, KEEPS_FIRST), "REDUCE_ANY", "REDUCE_ALL"),
    "ARG_MAX": Operator(_arg("argmax"), NONE),
    "ARG_MIN": Operator(_arg("argmin"), NONE),
    "CUMSUM": Operator(_cumsum, KEEPS_FIRST),
    "SOFTMAX": Operator(_softmax(False), KEEPS_FIRST),
    "LOG_SOFTMAX": Operator(_softmax(True), KEEPS_FIRST),
    "L2_NORMALIZATION": Operator(_unit, KEEPS_FIRST),
    "LOCAL_RESPONSE_NORMALIZATION": Operator(_neighbours, KEEPS_FIRST),
    "TOPK_V2": Operator(_top, NONE),
}
