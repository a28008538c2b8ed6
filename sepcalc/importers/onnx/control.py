"""Control flow: takes branches and unrolls loops. ``run`` walks through a nested graph."""

from collections.abc import Callable, Container, Mapping, Sequence
from functools import partial
from typing import Any

from sepcalc.errors import Invalid, printable
from sepcalc.importers.common.branching import lay_out
from sepcalc.importers.common.graph_builder import MAX_NODES, Broken
from sepcalc.importers.onnx.constants import known
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.tensors import of_numbers
from sepcalc.importers.onnx.values import Call, Misfit, Mixed, Refused, Results, Value
from sepcalc.ops.base import Uncounted
from sepcalc.ops.move import Copy, Slice

Run = Callable[[Any, Mapping[str, Value]], list[Value]]  # takes a graph and the values of its inputs
Leave = Callable[[str, str], None]  # takes a branch that does not run, and the reason
DEPENDS = "its branches give different sizes, so the cost of what follows depends on the branch"


def branch(
    builder: Builder, call: Call, graphs: Mapping[str, Any], run: Run, leave: Leave, read: Container[str]
) -> Results:
    """The results of an If. A constant condition decides the branch. Otherwise the branch with most of the builder's
    metric is taken, with a note. Each branch is laid out once, so that nested branches take linear time. What the other
    branch stores counts in a layer of the If; a branch that cannot run on these shapes is left out. ``read`` holds the
    names that nodes read."""
    if set(graphs) != {"then_branch", "else_branch"}:
        raise Broken("it needs two branches")
    condition = call.input(0)
    if condition.data is not None and condition.data.size == 1:
        taken, untaken = ("then_branch", "else_branch")[:: 1 if condition.data.numbers[0] else -1]
        leave(untaken, "")
        return run(graphs[taken], {})
    runs = {which: partial(run, graph, {}) for which, graph in graphs.items()}
    laid = lay_out(builder, call.name, runs, (Misfit, Invalid), lambda error: isinstance(_fact(error), (Broken, Mixed)))
    for which, wrong in laid.failed.items():
        where = f"{wrong.where}: " if isinstance(wrong, Misfit) else ""
        leave(which, f"{where}{_fact(wrong).message}")
    return [
        _either(builder, call, value, [other[at] for other in laid.others]) if name in read else value
        for at, (name, value) in enumerate(zip(call.outputs, laid.results))
    ]


def _either(builder: Builder, call: Call, value: Value, others: Sequence[Value]) -> Value:
    """The result of a branch. If another branch gives another size, all layers that read it are counted for this size
    only, so a part that is not counted is added."""
    if value.shape is None or all(other.shape in (None, value.shape) for other in others):
        return value
    if value.constant:
        return builder.uncounted(call, DEPENDS, value.shape, [value])
    op = Uncounted(call.type, DEPENDS, builder.shape(value))
    return value._replace(number=builder.add(call.name, op, [value.number]), data=None)


def _fact(error: Exception) -> Invalid:
    """What is wrong with a branch, of the errors that one may raise."""
    fact = error.fact if isinstance(error, Misfit) else error
    assert isinstance(fact, Invalid)
    return fact


def loop(builder: Builder, call: Call, graph: Any, run: Run, leave: Callable[[], None]) -> Results:
    """The body, repeated as often as it runs; the body of a loop without runs is left out."""
    trips, condition = call.maybe(0), call.maybe(1)
    if trips is None or trips.data is None or trips.data.size != 1:
        raise Refused("its number of runs depends on the data")
    count = int(trips.data.numbers[0])
    if condition is not None and condition.data is not None and not condition.data.numbers[0]:
        count = 0
    if count > 10_000 or count * max(1, len(graph.node)) > MAX_NODES // 2:
        raise Refused(f"it runs {count:,} times: unrolling is for 1 to 10,000")
    names = [one.name for one in graph.input]
    carried = [value for value in call.inputs[2:] if value is not None]
    if len(names) != len(carried) + 2:
        raise Invalid("the inputs of its body do not match what the loop passes")
    if trips.name in builder.given:
        builder.note(
            f"{printable(call.name)}: its number of runs is an input; the stored default, {count:,}, is counted"
        )
    if count < 1:
        leave()
        return [*carried, *_empty(graph.output[1 + len(carried) :])]
    if condition is None or condition.data is None:
        builder.note(f"{printable(call.name)}: it may stop early; all {count} runs are counted")
    scanned: list[Value] = []
    for at in range(count):
        fixed = {names[0]: known(of_numbers(7, (at,), ())), names[1]: known(of_numbers(9, (True,), ()))}
        outputs = run(graph, {**fixed, **dict(zip(names[2:], carried))})
        going, carried = outputs[0], outputs[1 : 1 + len(carried)]
        scanned = outputs[1 + len(carried) :]
        if going.data is not None and not going.data.numbers[0]:
            count = at + 1
            break
        if going.data is None and at == 0:
            builder.note(f"{printable(call.name)}: it may stop early; all {count} runs are counted")
    return [*carried, *[_gathered(builder, call, value, count) for value in scanned]]


def _empty(outputs: Sequence[Any]) -> list[Value]:
    """The results of a loop without runs: empty tensors of the sizes that the body states."""
    made = []
    for one in outputs:
        tensor = one.type.tensor_type
        whole = tensor.has("shape") and all(dim.has("dim_value") for dim in tensor.shape.dim)
        made.append(Value((0, *[dim.dim_value for dim in tensor.shape.dim]) if whole else None, tensor.elem_type or 1))
    return made


def scan(builder: Builder, call: Call, graph: Any, run: Run) -> Results:
    count = call.whole("num_scan_inputs", 0)
    if call.opset < 9:
        raise Refused("a scan of batches, as before opset 9, is not supported")
    states, sequences = list(call.inputs[: len(call.inputs) - count]), call.inputs[len(call.inputs) - count :]
    if not sequences or any(value is None for value in sequences):
        raise Invalid("it has no tensors to scan")
    whole = [value for value in sequences if value is not None]
    axes = _axes(call, "scan_input_axes", [len(value.sizes) for value in whole])
    turned = call.ints("scan_input_directions") or (0,) * count
    length = whole[0].sizes[axes[0]]
    if any(value.sizes[axis] != length for value, axis in zip(whole, axes)) or len(turned) != count:
        raise Invalid("the tensors that it scans differ in length")
    if length * max(1, len(graph.node)) > MAX_NODES // 2:
        raise Refused(f"it runs {length:,} times, which is too much to unroll")
    names = [one.name for one in graph.input]
    whole = [builder.along(value, axis) if value.batch == axis else value for value, axis in zip(whole, axes)]
    outputs: list[Value] = []
    for at in range(length):
        parts = [
            _step(builder, call, value, axis, length - 1 - at if backwards else at)
            for value, axis, backwards in zip(whole, axes, turned)
        ]
        outputs = run(graph, dict(zip(names, [*states, *parts])))  # type: ignore[list-item]  # a state may be absent
        states = list(outputs[: len(states)])
    results, scanned = [value for value in states if value is not None], outputs[len(states) :]
    given = _axes(call, "scan_output_axes", [len(value.sizes) + 1 for value in scanned])
    return [*results, *[_gathered(builder, call, value, length, axis) for value, axis in zip(scanned, given)]]


def _axes(call: Call, name: str, ranks: Sequence[int]) -> list[int]:
    """The axis of each tensor along which it is scanned, the first by default."""
    axes = call.ints(name) or (0,) * len(ranks)
    if len(axes) != len(ranks) or any(not -rank <= axis < rank for axis, rank in zip(axes, ranks)):
        raise Invalid(f"the attribute {name} of {call.type} is {axes}: expected an axis of each tensor")
    return [axis % rank for axis, rank in zip(axes, ranks)]


def _step(builder: Builder, call: Call, value: Value, axis: int, at: int) -> Value:
    """The part of a scanned tensor that one run reads."""
    shape = (*value.sizes[:axis], *value.sizes[axis + 1 :])
    if value.constant:
        return value.cut(shape)
    batch = None if value.batch is None else value.batch - (value.batch > axis)
    part = value._replace(shape=shape, channels_first=False, batch=batch)
    natural = builder.laid(value, False)
    seen, place = builder.shape(natural), builder.place(natural, axis)
    start = tuple([at if each == place else 0 for each in range(len(seen))])
    op = Slice((*seen[:place], 1, *seen[place + 1 :]), start if at else ())
    number = builder.add(f"{call.name}/step", op, [natural.number])
    return part._replace(number=builder.view(number, builder.shape(part)))


def _gathered(builder: Builder, call: Call, value: Value, count: int, axis: int = 0) -> Value:
    """The results of all runs, stacked along a new axis."""
    shape = (*value.sizes[:axis], count, *value.sizes[axis:])
    if value.constant:
        return value._replace(shape=shape, data=None)
    value = builder.laid(value, False)
    batch = None if value.batch is None else value.batch + (value.batch >= axis)
    result = value._replace(shape=shape, channels_first=False, batch=batch)
    number = builder.add(f"{call.name}/runs", Copy(builder.shape(result)), [value.number])
    return result._replace(number=number)
