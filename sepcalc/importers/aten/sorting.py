"""Sorting and random numbers. Sorting only compares, and the number of compares depends on the data; the cost of
drawing random numbers is unknown."""

from functools import partial

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.graph import Builder, Refused, Value, axes, seen
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.layout import KEEPS, NONE, same_rows
from sepcalc.ops.elementwise import Elementwise, Stored
from sepcalc.ops.move import Random

SORTED = "the number of compares depends on the data and the method"
DRAWN = "random numbers from a computed distribution: the cost of drawing them is not known"


def _drawn(builder: Builder, call: Call) -> Results:
    """Random numbers from a fixed distribution, in place of an input."""
    if any(call.maybe(name) is not None for name in ("mean", "std")):
        raise Refused(DRAWN)
    return (_random(builder, call.outputs[0]),)


def _random(builder: Builder, output: Tensor) -> Value:
    first = builder.wants(output)
    return builder.give(builder.add(Random(seen(output.shape, first)), []), output.shape, first)


def _chosen(builder: Builder, call: Call) -> Results:
    """Bernoulli: draws a number for each probability, and compares the two."""
    given = call.maybe("p") or (None if "p" in call.arguments else call.given)
    drawn = _random(builder, call.outputs[0])
    if given is not None and given.live:
        value = builder.laid(builder.value(given), drawn.first)
        return (drawn._replace(number=builder.add(Elementwise("compare"), [value.node, drawn.node])),)
    roots = [] if given is None else [Value(given.shape, roots=given.roots)]
    return (drawn._replace(number=builder.add(Stored("compare"), [drawn.node], roots)),)


def _sorted(builder: Builder, call: Call, along: int | None = None) -> Results:
    value, dim = builder.value(call.given), call.get("dim")
    if dim is not None and value.shape and dim % len(value.shape) in (order := axes(value.shape, value.first)):
        along = order.index(dim % len(value.shape))
    builder.uncounted(call, SORTED, ("compares",), along)
    return tuple(map(builder.value, call.outputs))


SORTING: dict[str, Operator] = {
    **same_rows(Operator(_sorted, KEEPS, orders=True, mixes=("dim",)), "sort", "argsort"),
    "topk": Operator(_sorted, KEEPS, chooses=True, orders=True, mixes=("dim",)),
    **same_rows(Operator(_sorted, KEEPS, mixes=("dim",)), "msort", "kthvalue", "median", "nanmedian", "mode"),
    **same_rows(Operator(_sorted, NONE), "histc", "searchsorted"),
    "bucketize": Operator(partial(_sorted, along=-1), KEEPS),
    "bincount": Operator(_sorted, NONE, whole=("self",), reads="sizes"),
    **same_rows(
        Operator(_drawn, NONE, random=True),
        *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "uniform"),
        *("normal_functional", "exponential", "cauchy", "geometric", "log_normal", "random"),
    ),
    "bernoulli": Operator(_chosen, KEEPS, random=True),
}
