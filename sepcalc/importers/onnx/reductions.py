"""Reductions over axes: sums, means, extremes and their indices, norms, running sums."""

from collections.abc import Sequence
from functools import partial

from sepcalc.errors import Invalid
from sepcalc.importers.common.elementwise import chain
from sepcalc.importers.common.layout import KEEPS_FIRST, NONE
from sepcalc.importers.onnx.constants import shrinking
from sepcalc.importers.onnx.evaluate import reduced, summed_up
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import as_first
from sepcalc.importers.onnx.values import Call, Results, Value
from sepcalc.ops.elementwise import Activation
from sepcalc.ops.pool import Cumulate, Reduce
from sepcalc.shape import show


def _reduced(builder: Builder, call: Call, how: str, value: Value, axes: tuple[int, ...] | None) -> Value:
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
    number = builder.add(call.name, Reduce(how, places, keep), [value.number])
    shape = tuple([1 if at in axes else size for at, size in enumerate(value.sizes) if keep or at not in axes])
    batch, channels_first = value.batch, value.channels_first
    if not keep:
        batch = None if batch is None else batch - sum(axis < batch for axis in axes)
        channels_first = channels_first and not {0, 1} & set(axes)
    return builder.give(value, shape, number=number, batch=batch, channels_first=channels_first)


def _axes_of(call: Call) -> tuple[int, ...] | None:
    given = call.maybe(1)
    if given is not None and given.sizes != (0,):
        return given.numbers("the axes to reduce are computed from the data")
    return call.ints("axes") or (() if call.whole("noop_with_empty_axes", 0) else None)


def _reduce(builder: Builder, call: Call, how: str, before: Sequence[str] = (), after: Sequence[str] = ()) -> Results:
    value, axes, emitter = call.input(0), _axes_of(call), Named(builder, call.name)
    value = chain(emitter, value, *map(Activation, before), labels=before)
    result = value if axes == () else _reduced(builder, call, how, value, axes)
    return (chain(emitter, result, *map(Activation, after), labels=after),)


def _arg(builder: Builder, call: Call, how: str) -> Results:
    return (_reduced(builder, call, how, call.input(0), (call.whole("axis", 0),))._replace(kind=7),)


def _cumulated(builder: Builder, call: Call, how: str) -> Results:
    value = call.input(0)
    (axis,) = call.input(1).numbers("the axis is computed from the data", 1)
    at = range(len(value.sizes))[axis]
    value = builder.along(value, at)
    return (value._replace(number=builder.add(call.name, Cumulate(builder.place(value, at), how), [value.number])),)


REDUCTIONS: dict[str, Operator] = {
    "ReduceMean": Operator(partial(_reduce, how="mean"), KEEPS_FIRST),
    **{
        f"Reduce{how.title()}": Operator(partial(_reduce, how=how), KEEPS_FIRST, computed=shrinking(reduced(how)))
        for how in ("sum", "max", "min", "prod")
    },
    **{
        f"Reduce{name}": Operator(partial(_reduce, how="sum", before=before, after=after), KEEPS_FIRST)
        for name, before, after in (
            ("L1", ("abs",), ()),
            ("L2", ("square",), ("sqrt",)),
            ("SumSquare", ("square",), ()),
            ("LogSum", (), ("log",)),
            ("LogSumExp", ("exp",), ("log",)),
        )
    },
    "ArgMax": Operator(partial(_arg, how="argmax"), NONE),
    "ArgMin": Operator(partial(_arg, how="argmin"), NONE),
    "CumSum": Operator(
        partial(_cumulated, how="sum"), KEEPS_FIRST, table=True, shape=as_first, computed=shrinking(summed_up)
    ),
    "CumProd": Operator(partial(_cumulated, how="prod"), KEEPS_FIRST, shape=as_first),
}
