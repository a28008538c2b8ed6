"""Losses: a cost per element, as PyTorch defines it, then the mean, the sum, or no reduction."""

from collections.abc import Sequence
from functools import partial
from math import prod

from sepcalc.importers.aten.calls import Call
from sepcalc.importers.aten.elements import applied, combined, scaled
from sepcalc.importers.aten.graph import PLAIN, Builder, Value, seen
from sepcalc.importers.aten.reductions import length_along, reduced
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.layout import KEEPS, NONE, same_rows
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Copy

_MEAN, _SUM = 1, 2


def _over_all(builder: Builder, call: Call, each: Value) -> Results:
    how = {_MEAN: "mean", _SUM: "sum"}.get(int(call.get("reduction", _MEAN)))
    return (each if how is None else reduced(builder, how, each, None, (), how),)


def _change(builder: Builder, call: Call, other: str = "target") -> Value:
    sides = [builder.loose(call.tensor(name)) for name in ("self", other)]
    return combined(builder, "subtract", sides, "subtract")


def _together(builder: Builder, how: str, a: Value, b: Value) -> Value:
    """A binary operation on two tensors of one shape; a tensor that depends on the inputs keeps its layout."""
    return combined(builder, how, [a, b], how)


def _squared_error(builder: Builder, call: Call) -> Results:
    """(a - b)²"""
    change = _change(builder, call)
    return _over_all(builder, call, applied(builder, change, Activation("square"), labels=["square"]))


def _bent(builder: Builder, call: Call, option: str) -> Results:
    """With d = |a - b| and a threshold s: d²/2 for small d, else d - s/2. Smooth L1 divides the first form by s, Huber
    multiplies the second by s. Both forms are computed."""
    change = applied(builder, _change(builder, call), Activation("abs"), labels=["abs"])
    small = applied(builder, change, Activation("square"), Stored("scale"), labels=["square", "half"])
    large = applied(builder, change, Stored("shift"), labels=["shift"])
    if option == "delta" and call.get(option, 1.0) != 1:
        large = scaled(builder, large, "scale")
    return _over_all(builder, call, _either(builder, change, [small, large]))


def _either(builder: Builder, compared: Value, sides: Sequence[Value]) -> Value:
    """Selects one of the sides by a comparison with a stored number."""
    chosen = applied(builder, compared, Stored("compare"), labels=["compare"])
    numbers = [chosen.node, *[side.node for side in sides]]
    return chosen._replace(number=builder.add(Select(), numbers, label="select"))


def _weighed(builder: Builder, call: Call, each: Value) -> Value:
    weight = call.maybe("weight")
    return each if weight is None else _together(builder, "multiply", each, builder.loose(weight))


def _rest_of(builder: Builder, value: Value) -> Value:
    """1 - y"""
    return value if value.constant else applied(builder, value, Stored("from"), labels=["from"])


def _cross_entropy_of_truths(builder: Builder, call: Call) -> Results:
    """(y - 1)·max(log(1 - x), -100) - y·max(log(x), -100), times a weight if there is one."""
    x, y = builder.loose(call.given), builder.loose(call.tensor("target"))
    logs = list[Value]()
    for how in ("log1p", "log"):
        start = x if x.constant or how == "log" else applied(builder, x, Activation("neg"), labels=["neg"])
        steps: list[Op] = [Activation(how), Stored("maximum")]
        logs.append(start if x.constant else applied(builder, start, *steps, labels=[how, "maximum"]))
    less = y if y.constant else applied(builder, y, Stored("shift"), labels=["shift"])
    sides = [_together(builder, "multiply", less, logs[0]), _together(builder, "multiply", y, logs[1])]
    return _over_all(builder, call, _weighed(builder, call, _together(builder, "subtract", *sides)))


def _cross_entropy_of_scores(builder: Builder, call: Call) -> Results:
    """(1 - y)·x - (1 + (p - 1)·y)·log(sigmoid(x)), with p the weight of positives; times a weight if there is one."""
    x, y = builder.loose(call.given), builder.loose(call.tensor("target"))
    log = x if x.constant else applied(builder, x, Activation("log-sigmoid"), labels=["log-sigmoid"])
    truths = call.maybe("pos_weight")
    if truths is not None:
        value = builder.loose(truths)
        factor = Value(y.shape) if y.constant and value.constant else _together(builder, "multiply", y, value)
        factor = factor if factor.constant else applied(builder, factor, Stored("shift"), labels=["shift"])
        log = _together(builder, "multiply", log, factor)
    change = _together(builder, "subtract", _together(builder, "multiply", _rest_of(builder, y), x), log)
    return _over_all(builder, call, _weighed(builder, call, change))


def _soft_margin(builder: Builder, call: Call) -> Results:
    """log(1 + exp(-x·y))"""
    product = _together(builder, "multiply", builder.loose(call.given), builder.loose(call.tensor("target")))
    steps = ("neg", "exp", "log1p")
    return _over_all(builder, call, applied(builder, product, *map(Activation, steps), labels=steps))


def _likelihood(builder: Builder, call: Call) -> Results:
    """The score of the target class, negated and times the weight of that class; 0 for an ignored class. The mean is
    over the weights; without weights, each target that is not ignored has weight 1."""
    scores, target = builder.stored(builder.value(call.given)), builder.value(call.tensor("target"))
    to, classes = seen(target.shape), [] if target.constant else [builder.laid(target, PLAIN).node]
    at = scores._replace(shape=target.shape, first=PLAIN)
    each = at._replace(
        number=builder.add(Copy(to), [builder.laid(scores, PLAIN).node, *classes], [target], label="gather")
    )
    each = applied(builder, each, Activation("neg"), labels=["neg"])
    weight = call.maybe("weight")
    weights = None
    if weight is not None:
        table = builder.stored(builder.value(weight))
        weights = at._replace(number=builder.add(Copy(to), [table.node, *classes], label="weights"))
        each = _together(builder, "multiply", each, weights)
    if classes:
        kept = at._replace(number=builder.add(Stored("compare"), classes, label="compare"))
        each = each._replace(number=builder.add(Select(), [kept.node, each.node], label="select"))
        if weights is not None:
            weights = weights._replace(number=builder.add(Select(), [kept.node, weights.node], label="select"))
        weights = weights or kept
    if int(call.get("reduction", _MEAN)) != _MEAN or weights is None:
        return _over_all(builder, call, each)
    sums = [reduced(builder, "sum", one, None, (), "sum").node for one in (each, weights)]
    return (builder.give(builder.add(Elementwise("divide"), sums, label="divide"), ()),)


def _distance(builder: Builder, call: Call) -> Results:
    """The p-norm of a difference."""
    change = builder.laid(_change(builder, call, "other"), PLAIN)
    size = prod(change.shape)
    flat = builder.give(builder.view(change.node, (size,)), (size,))
    return (length_along(builder, flat, float(call.get("p", 2)), ()),)


LOSSES: dict[str, Operator] = {
    "mse_loss": Operator(_squared_error, KEEPS),
    "smooth_l1_loss": Operator(partial(_bent, option="beta"), KEEPS),
    "huber_loss": Operator(partial(_bent, option="delta"), KEEPS),
    "binary_cross_entropy": Operator(_cross_entropy_of_truths, KEEPS),
    "binary_cross_entropy_with_logits": Operator(_cross_entropy_of_scores, KEEPS),
    "soft_margin_loss": Operator(_soft_margin, KEEPS),
    **same_rows(Operator(_likelihood, NONE, whole=("target",)), "nll_loss_forward", "nll_loss2d_forward"),
    "dist": Operator(_distance, NONE),
}
