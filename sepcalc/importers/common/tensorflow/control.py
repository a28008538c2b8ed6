"""Control flow: takes branches, unrolls loops, calls graphs."""

from collections.abc import Callable, Mapping
from functools import partial

from sepcalc.errors import Invalid
from sepcalc.importers.common.branching import lay_out
from sepcalc.importers.common.graph_builder import Broken
from sepcalc.importers.common.layout import INNER
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Misfit, Refused, Value, seen
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.ops.base import Uncounted

MAX_TRIPS, MAX_CHOICES = 10_000, 1000
DEPENDS = "its branches give different sizes, so the cost of what follows depends on the branch"


def _is_fatal(error: Exception) -> bool:
    return isinstance(error.fact if isinstance(error, Misfit) else error, Broken)


def _branch(builder: Builder, call: Call) -> Results:
    """the branch that a stored condition takes; else the one that costs most"""
    condition, given = call.input(0), call.given[1:]
    graphs = {which: call.get(which) for which in ("then", "else")}
    if condition.data:
        return builder.run(graphs["then" if condition.data[0] else "else"], given)

    return either(builder, call, {which: partial(builder.run, graph, given) for which, graph in graphs.items()})


def either(builder: Builder, call: Call, branches: Mapping[str, Callable[[], list[Value]]]) -> list[Value]:
    """What the branch gives that costs most, where the data selects one. Raises Broken for too many choices."""

    def run(branch: Callable[[], list[Value]]) -> list[Value]:
        return [builder.standing(value) if value.kind.bits else value for value in branch()]

    builder.choices += 1  # of graphs that share their branches there may be 2^20
    if builder.choices > MAX_CHOICES:
        raise Broken(f"it unfolds to more than {MAX_CHOICES:,} choices")
    runs = {which: partial(run, branch) for which, branch in branches.items()}
    laid = lay_out(builder, call.name, runs, (Misfit, Invalid), _is_fatal)
    for which, wrong in laid.failed.items():
        fact = wrong.fact if isinstance(wrong, Misfit) else wrong
        builder.note(f"{call.name}: its branch {which} cannot run on these shapes ({fact})")
    builder.at = call.name
    return [
        _either(builder, call, value, [other[at] for other in laid.others]) for at, value in enumerate(laid.results)
    ]


def _either(builder: Builder, call: Call, value: Value, others: list[Value]) -> Value:
    """The result of a branch. If another branch gives another size, a part that is not counted is added."""
    if value.shape is None or value.number is None or all(other.shape in (None, value.shape) for other in others):
        return value
    number = builder.add(Uncounted(call.type, DEPENDS, seen(value.shape)), [value.number])
    return value._replace(number=number, data=None)


def _loop(builder: Builder, call: Call) -> Results:
    """its body as often as it runs, unless that depends on the data"""
    cond, body, values = call.get("cond"), call.get("body"), call.given
    for _ in range(MAX_TRIPS):
        (going, *_) = builder.run(cond, values)
        if not going.data:
            raise Refused("how often it runs depends on the data")
        if not going.data[0]:
            return values
        values = builder.run(body, values)
    raise Refused(f"it runs more than {MAX_TRIPS:,} times")


def _call(builder: Builder, call: Call) -> Results:
    """the layers of its graph"""
    return builder.run(call.get("subgraph"), call.given)


def _case(builder: Builder, call: Call) -> Results:
    """the branch that a stored number takes; else the one that costs most"""
    at, given, graphs = call.input(0), call.given[1:], call.get("branches")
    if not isinstance(graphs, tuple) or not graphs:
        raise Invalid("it has no branches")
    if at.data:
        which = int(at.data[0])
        return builder.run(graphs[which if 0 <= which < len(graphs) else -1], given)
    return either(builder, call, {str(which): partial(builder.run, graph, given) for which, graph in enumerate(graphs)})


CONTROL: dict[str, Operator] = {
    "IF": Operator(_branch, INNER, live=True, graphs=("then", "else")),
    "CASE": Operator(_case, INNER, live=True),
    "WHILE": Operator(_loop, INNER, live=True, graphs=("cond", "body")),
    "CALL": Operator(_call, INNER, live=True, graphs=("subgraph",)),
}
