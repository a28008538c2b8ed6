"""Reductions over axes: sums, means, extremes, variances, norms, running sums."""

from functools import partial
from math import inf, prod
from typing import Any

from sepcalc.importers.aten.calls import Call
from sepcalc.importers.aten.elements import applied, binary, combined
from sepcalc.importers.aten.graph import LEADING, PLAIN, Builder, Value, seen, squeezed
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.layout import KEEPS, NONE, same_rows
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Copy
from sepcalc.ops.pool import Cumulate, Reduce
from sepcalc.shape import Shape


def _axes(value: Value, over: Any) -> list[int]:
    """The named axes; all axes if none is named."""
    rank = len(value.shape)
    named = (over,) if isinstance(over, int) else tuple(over or ())
    return sorted({axis % rank for axis in named}) if named and rank else list(range(rank))


def _kept(value: Value, over: Any) -> Shape:
    """The shape of a reduction that keeps these axes as size 1."""
    gone = _axes(value, over)
    return tuple([1 if axis in gone else size for axis, size in enumerate(value.shape)])


def reduced(builder: Builder, how: str, value: Value, over: Any, shape: Shape, label: str = "") -> Value:
    """A reduction over these axes (all if none is named) to this shape."""
    rank, over = len(value.shape), _axes(value, over)
    if value.shape[:1] == (1,) and 0 in over and rank > 1 and value.first != LEADING:
        over = over[1:]  # the leading axis of size 1
    places = tuple(sorted(builder.place(value, axis) for axis in over)) if rank else ()
    keep = len(shape) == rank
    if not places:
        first = value.first if keep else squeezed(value.shape, value.first, shape)
        return builder.give(value.node, shape, first or PLAIN)
    if how in ("argmax", "argmin") and len(places) > 1:  # the index is one number
        flat = builder.view(builder.laid(value, PLAIN).node, (1, prod(value.shape)))
        return builder.give(builder.add(Reduce(how, (1,)), [flat], label=label), shape)
    number = builder.add(Reduce(how, places, keep), [value.node], label=label)
    gone = {0} if value.first == LEADING else {0, 1}
    return builder.give(number, shape, value.first if keep or not gone & set(over) else PLAIN)


def _reduce(builder: Builder, call: Call, how: str, after: str = "", before: str = "") -> Results:
    value = builder.value(call.given)
    if before:
        value = applied(builder, value, Activation(before), labels=[before])
    result = reduced(builder, how, value, call.get("dim"), call.outputs[0].shape)
    if after:
        result = applied(builder, result, Activation(after), labels=[after])
    return (result,) * len(call.outputs)


def _extreme(builder: Builder, call: Call, how: str) -> Results:
    """The maximum or minimum of two tensors, along an axis, or of all elements."""
    if call.maybe("other") is not None:
        return binary(builder, call, f"{how}imum")
    return _reduce(builder, call, how)


def _vector_norm(builder: Builder, call: Call) -> Results:
    order = call.get("ord", call.get("p", 2))
    order = order if isinstance(order, (int, float)) else 2
    if order == 2:
        return _reduce(builder, call, "sum", "sqrt", before="square")
    if order == 1:
        return _reduce(builder, call, "sum", before="abs")
    if order in (float("inf"), float("-inf")):
        return _reduce(builder, call, "max" if order > 0 else "min", before="abs")
    return _reduce(builder, call, "sum", "pow", before="pow")


def _spread_of(builder: Builder, call: Call, root: bool = False, means: bool = False) -> Results:
    """The variance, optionally with the mean: mean, subtract, square, mean."""
    value = builder.value(call.given)
    shape, over = call.outputs[0].shape, call.get("dim")
    mean = reduced(builder, "mean", value, over, _kept(value, over), "mean")
    centred = combined(builder, "subtract", [value, mean], "subtract")
    squares = applied(builder, centred, Activation("square"), labels=["square"])
    result = reduced(builder, "mean", squares, over, shape)
    if root:
        result = applied(builder, result, Activation("sqrt"), labels=["sqrt"])
    return (result, builder.give(mean.node, shape)) if means else (result,)


def _log_sum_exp(builder: Builder, call: Call, running: bool = False) -> Results:
    """max + log of the sum of exp(x - max), or of the running sum."""
    value = builder.value(call.given)
    shape, over = call.outputs[0].shape, call.get("dim")
    kept = _kept(value, over)
    most = reduced(builder, "max", value, over, kept, "max")
    less = combined(builder, "subtract", [value, most], "subtract")
    each = applied(builder, less, Activation("exp"), labels=["exp"])
    if running:
        total = applied(builder, each, Cumulate(builder.place(each, int(over))), labels=["sum"])
    else:
        total = reduced(builder, "sum", each, over, kept, "sum")
    log = applied(builder, total, Activation("log"), labels=["log"])
    result = combined(builder, "add", [log, most], "add")
    return (builder.give(builder.laid(result, PLAIN).node, shape),)


def _extremes(builder: Builder, call: Call) -> Results:
    """The minimum and the maximum."""
    value, over, shape = builder.value(call.given), call.get("dim"), call.outputs[0].shape
    return [reduced(builder, how, value, over, shape, how) for how in ("min", "max")]


def _counted(builder: Builder, call: Call) -> Results:
    """The number of nonzero elements: compared, and summed."""
    value = applied(builder, builder.value(call.given), Stored("compare"), labels=["compare"])
    return (reduced(builder, "sum", value, call.get("dim"), call.outputs[0].shape),)


def _sum_of_numbers(builder: Builder, call: Call) -> Results:
    """The sum without NaN: compared, selected (free), summed."""
    value = applied(builder, builder.value(call.given), Stored("compare"), Select(), labels=["compare", "select"])
    return (reduced(builder, "sum", value, call.get("dim"), call.outputs[0].shape),)


# --- distances --------------------------------------------------------------------------------------------------------


def length_along(builder: Builder, change: Value, order: float, shape: Shape) -> Value:
    """The p-norm along the last axis: (Σ |c|^p)^(1/p); squares and a root for p = 2."""
    if order == 0:
        other = applied(builder, change, Stored("compare"), labels=["compare"])
        return reduced(builder, "sum", other, -1, shape)
    before, how, after = {1: (["abs"], "sum", []), 2: (["square"], "sum", ["sqrt"])}.get(
        int(order) if order in (1, 2) else 0, (["abs"], "max", []) if order == inf else (["abs", "pow"], "sum", ["pow"])
    )
    each = applied(builder, change, *map(Activation, before), labels=before)
    result = reduced(builder, how, each, -1, shape, how)
    return applied(builder, result, *map(Activation, after), labels=after)


def _distances(builder: Builder, call: Call) -> Results:
    """The distance of each row of one matrix to each row of another, by definition (without a matrix product)."""
    one, other = builder.loose(call.tensor("x1")), builder.loose(call.tensor("x2"))
    rows, columns = (
        value._replace(shape=(*value.shape[:at], 1, *value.shape[at:]), first=PLAIN)
        if value.constant
        else builder.give(builder.laid(value, PLAIN).node, (*value.shape[:at], 1, *value.shape[at:]))
        for value, at in ((one, len(one.shape) - 1), (other, len(other.shape) - 2))
    )
    change = combined(builder, "subtract", [rows, columns], "subtract")
    return (length_along(builder, change, float(call.get("p", 2)), call.outputs[0].shape),)


def _distances_within(builder: Builder, call: Call) -> Results:
    """The distance of each pair of rows."""
    value = builder.value(call.given)
    shape = (*call.outputs[0].shape, value.shape[1])
    sides = [builder.add(Copy(seen(shape)), [value.node], label=label) for label in ("a", "b")]
    change = builder.give(builder.add(Elementwise("subtract"), sides, label="subtract"), shape)
    return (length_along(builder, change, float(call.get("p", 2)), call.outputs[0].shape),)


def _cumulated(builder: Builder, call: Call, how: str) -> Results:
    axis = int(call.arguments["dim"])
    value = builder.along(builder.value(call.given), axis)
    return (applied(builder, value, Cumulate(builder.place(value, axis), how)),) * len(call.outputs)


def _gathered_truth(builder: Builder, call: Call) -> Results:
    """Whether any or all are true: only choices, which are free."""
    value = builder.value(call.given)
    shape = call.outputs[0].shape
    return (builder.give(builder.add(Copy(seen(shape)), [value.node]), shape),)


def _trace(builder: Builder, call: Call) -> Results:
    """The sum along the diagonal of a matrix."""
    value = builder.value(call.given)
    size = min(value.shape)
    diagonal = builder.give(builder.add(Copy((size,)), [value.node], label="diagonal"), (size,))
    return (reduced(builder, "sum", diagonal, None, (), "sum"),)


REDUCTIONS: dict[str, Operator] = {
    "aminmax": Operator(_extremes, KEEPS),
    "trace": Operator(_trace, NONE),
    "count_nonzero": Operator(_counted, KEEPS),
    "nansum": Operator(_sum_of_numbers, KEEPS),
    **same_rows(Operator(_distances, NONE), "_cdist_forward", "_euclidean_dist"),
    "_pdist_forward": Operator(_distances_within, NONE),
    **{how: Operator(partial(_reduce, how=how), KEEPS) for how in ("mean", "sum", "prod", "argmin")},
    **{f"a{how}": Operator(partial(_reduce, how=how), KEEPS) for how in ("max", "min")},
    "max": Operator(partial(_extreme, how="max"), KEEPS, chooses=True),
    "min": Operator(partial(_extreme, how="min"), KEEPS),
    "argmax": Operator(partial(_reduce, how="argmax"), KEEPS, chooses=True),
    **same_rows(Operator(_gathered_truth, KEEPS), "any", "all"),
    **same_rows(Operator(_vector_norm, KEEPS), "linalg_vector_norm", "norm"),
    "var": Operator(_spread_of, KEEPS),
    "std": Operator(partial(_spread_of, root=True), KEEPS),
    "var_mean": Operator(partial(_spread_of, means=True), KEEPS),
    "std_mean": Operator(partial(_spread_of, root=True, means=True), KEEPS),
    "logsumexp": Operator(_log_sum_exp, KEEPS),
    "logcumsumexp": Operator(partial(_log_sum_exp, running=True), KEEPS, mixes=("dim",)),
    **{
        f"cum{how}": Operator(partial(_cumulated, how=how), KEEPS, mixes=("dim",))
        for how in ("sum", "prod", "max", "min")
    },
}
