"""Converts a trace to a network."""

from collections.abc import Container, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from sepcalc.cost import Cost
from sepcalc.errors import Invalid
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.graph import COMPLEX, LEADING, PLAIN, SECOND, Builder, Refused, Value, axes, fitting
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.aten.places import only_indices
from sepcalc.importers.common.graph_builder import never_used
from sepcalc.importers.common.layout import KEEPS, PART, RESHAPED, SEQUENCES, TURNED
from sepcalc.network import Network
from sepcalc.shape import Shape

# Why parameters are not counted, for a run that stopped, and for a complete run.
_UNUSED = ("nothing used them before counting stopped", "the run on these inputs does not use them")
_NO_RULE = "sepcalc does not know this operator"
# What a row may raise for arguments that PyTorch would have refused. A run has none, but a file may.
_UNFIT = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, AssertionError)


class Stored(NamedTuple):
    """A parameter, or a buffer (not ``trained``): its name, its number of elements, the bytes of each."""

    name: str
    elements: int
    width: int
    trained: bool = True


class Stop(NamedTuple):
    """The point where a run could not be followed: the next call, and why nothing is known of it."""

    call: Call
    reason: str


class Trace(NamedTuple):
    """The facts of a run: its calls, its input and output tensors, the parameters by number, the runs of modules
    without submodules, notes, the point where it stopped, if it did (then there are no outputs), and the classes of
    modules by path. ``listed`` says that a file lists the calls, whatever the data."""

    calls: Sequence[Call]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    parameters: Sequence[Stored]
    leaves: Container[int]
    notes: Sequence[str] = ()
    stop: Stop | None = None
    classes: Mapping[str, str] = {}
    listed: bool = False


class Lowered(NamedTuple):
    """The network of a trace; the cost of each product of stored tensors (``alone``); and for each node whether it only
    computes indices (``tells``)."""

    network: Network
    alone: list[Cost]
    tells: list[bool]


def lowered(name: str, trace: Trace) -> Lowered:
    """The network of a trace."""
    sizes = [one.elements for one in trace.parameters]
    trained = [one.trained for one in trace.parameters]
    read = {one.at for call in trace.calls for one in call.tensors()} | {one.at for one in trace.outputs.values()}
    calls = _without_detours(trace.calls)
    builder = Builder(sizes, trained, layouts_of(calls), read)
    builder.listed = trace.listed
    builder.places = only_indices(trace.calls, trace.outputs.values())
    builder.classes, builder.stored_bits = trace.classes, [8 * one.width for one in trace.parameters]
    for label, tensor in trace.inputs.items():
        builder.feed(label, tensor)
    for text in trace.notes:
        builder.note(text)
    alone = list[Cost]()
    for call in calls:
        if any(one.live for one in (*call.tensors(), *call.outputs)):
            _follow(builder, call)
        elif row_of(call.key).multiplies:
            alone.append(_alone(builder, call))
    macs = sum(one.macs for one in alone)
    if macs:
        builder.note(
            f"{macs:,} macs have only stored tensors as operands: counted, though a runtime may compute them once"
        )
    outputs = {label: builder.value(tensor).node for label, tensor in trace.outputs.items() if tensor.live}
    if trace.stop is not None:
        outputs = {"stopped": builder.stop(*trace.stop)}
    nodes, outputs, used, weights = builder.finished(outputs, trace.leaves, [one.name for one in trace.parameters])
    _note_unused(builder, trace, used)
    size = sum(trace.parameters[at].elements * trace.parameters[at].width for at in weights)
    notes, widths = [*builder.notes], builder.input_bits
    network = Network(name, builder.inputs, nodes, outputs, param_bytes=size, notes=notes, input_bits=widths)
    return Lowered(network, alone, [origin.tells for origin in builder.beside])


def _note_unused(builder: Builder, trace: Trace, used: Container[int]) -> None:
    """Notes the params and buffers that nothing uses."""
    unused = [one for at, one in enumerate(trace.parameters) if at not in used and one.elements]
    each = [[one for one in unused if one.trained is which] for which in (True, False)]
    counts = [sum(one.elements for one in some) for some in each]
    if unused and trace.listed and trace.stop is None:
        builder.note(never_used(counts[0], [one.name for one in unused], counts[1]))
        return
    for some, count, kind in zip(each, counts, ("params", "buffers")):
        if some:
            first = ", ".join(one.name for one in some[:3]) + (", …" if len(some) > 3 else "")
            builder.note(f"{count:,} {kind} are not counted: {_UNUSED[trace.stop is None]} ({first})")


def _follow(builder: Builder, call: Call) -> None:
    """Adds the nodes of one call, or a gap with its reason."""
    builder.call = call
    row = row_of(call.key)
    mark = len(builder.nodes)
    if any(one.kind == "c" for one in (*call.tensors(), *call.outputs)):
        builder.uncounted(call, COMPLEX)
        return
    if row.handle is None:
        builder.uncounted(call, row.reason or _NO_RULE)
        return
    try:
        results = row.handle(builder, call)
    except (Refused, Invalid) as refusal:
        builder.back(mark)
        builder.uncounted(call, refusal.message if isinstance(refusal, Invalid) else str(refusal))
        return
    except _UNFIT:
        if not builder.listed:
            raise
        builder.back(mark)
        builder.uncounted(call, "its arguments do not fit together")
        return
    beside = [output for output in call.outputs[len(results) :] if output.at not in builder.stretched]
    if any(output.live and output.at in builder.read for output in beside):
        builder.back(mark)
        builder.uncounted(call, "its further outputs are not supported")
        return
    for output, value in zip(call.outputs, results):
        if value.constant:
            continue
        builder.widen(value.node, output.bits, mark)
        builder.values[output.at] = value


def _alone(builder: Builder, call: Call) -> Cost:
    """The cost of a product of stored tensors, one of which is treated as an input."""
    fed = call.tensors()[row_of(call.key).operand]
    builder.call = call
    if fed.at not in builder.values:
        builder.values[fed.at] = builder.stored(Value(fed.shape, roots=fed.roots))
    mark, live = len(builder.nodes), fed._replace(live=True)
    arguments = {name: live if one is fed else one for name, one in call.arguments.items()}
    _follow(builder, call._replace(arguments=arguments))
    return builder.cost_since(mark)


def _without_detours(calls: Sequence[Call]) -> list[Call]:
    """The calls; a sequence of reshapes back to an earlier shape becomes an alias of that tensor."""
    before, straight = dict[int, dict[Shape, Tensor]](), list[Call]()
    for call in calls:
        given = call.maybe("self")
        if call.library == "aten" and given is not None and call.get("dtype") is None and _in_order(call):
            (output,) = call.outputs
            shapes = before.get(given.at, {given.shape: given})
            same = shapes.get(output.shape)
            if same is not None:
                call = call._replace(op="alias", arguments={"self": same})
            before[output.at] = shapes if same is not None else {**shapes, output.shape: output}
        straight.append(call)
    return straight


def _in_order(call: Call) -> bool:
    """Whether an operator keeps all elements of one tensor, in order."""
    layout = row_of(call.key).layout
    if layout is RESHAPED:
        return True
    if len(call.outputs) != 1:
        return False
    given, (output,) = call.given, call.outputs
    if layout is PART:  # along an axis of size 1
        return prod(given.shape) == prod(output.shape)
    order = [axis for axis in order_of(call) if given.shape[axis] > 1] if layout is TURNED else [1, 0]
    return order == sorted(order)


def order_of(call: Call) -> list[int]:
    """The order of the axes in the result of an operator that permutes them."""
    rank = len(call.given.shape)
    if call.op == "permute":
        return _named(call.arguments["dims"], rank)
    if call.op == "movedim":
        moved = dict(zip(*[_named(call.arguments[name], rank) for name in ("destination", "source")]))
        rest = iter([axis for axis in range(rank) if axis not in moved.values()])
        return [moved[place] if place in moved else next(rest) for place in range(rank)]
    order = list(range(rank))
    if rank > 1:
        one, other = (int(call.get(f"dim{at}", call.get(f"axis{at}", at))) % rank for at in (0, 1))
        order[one], order[other] = order[other], order[one]
    return order


def _named(given: Any, rank: int) -> list[int]:
    return [int(axis) % rank for axis in (given if isinstance(given, (list, tuple)) else (given,))]


def layouts_of(calls: Sequence[Call]) -> dict[int, int]:
    """The layouts of tensors with channels last in the network: those that an operator on images reads, also through
    operators that keep the axes or remove the batch axis; and tensors combined elementwise with such an operator's
    result."""
    layouts, made = dict[int, int](), dict[int, int]()
    for call in calls:
        if layout := _images(call):
            made.update((output.at, layout) for output in call.outputs)
        elif turned := _squeezes(call):
            before, after, same = turned
            if layout := same.get(made.get(before.at, PLAIN), PLAIN):
                made[after.at] = layout
        elif _keeps(call):
            for output in call.outputs:
                alike = [one.at for one in call.tensors() if len(one.shape) == len(output.shape)]
                if layout := max([made.get(at, PLAIN) for at in alike], default=PLAIN):
                    made[output.at] = layout
                    layouts.update((at, layout) for at in alike if at not in layouts)
    for call in reversed(calls):
        if layout := _images(call):
            layouts.setdefault(_image_of(call).at, layout)
        elif turned := _squeezes(call):
            before, after, same = turned
            for mine, theirs in same.items():
                if layouts.get(after.at) == theirs:
                    layouts.setdefault(before.at, mine)
        elif row_of(call.key).layout is TURNED:
            if call.outputs[0].at in layouts:
                _lay_before(call, layouts)
        elif _keeps(call):
            for output in call.outputs:
                if output.at in layouts:
                    alike = [one.at for one in call.tensors() if len(one.shape) == len(output.shape)]
                    layouts.update((at, layouts[output.at]) for at in alike if at not in layouts)
    return layouts


def _lay_before(call: Call, layouts: dict[int, int]) -> None:
    """Chooses a layout for a tensor in which the network need not move it when its axes are permuted."""
    given, output, order = call.given, call.outputs[0], order_of(call)
    rank = len(given.shape)
    needed = [order[axis] for axis in axes(output.shape, layouts[output.at])]
    for layout in (PLAIN, SECOND, LEADING):
        if fitting(layout, rank) == layout and axes(given.shape, layout) == needed:
            layouts.setdefault(given.at, layout)
            return


def _image_of(call: Call) -> Tensor:
    return call.tensor("input" if "input" in call.arguments else "self")


def _images(call: Call) -> int:
    """The layout of the images that an operator reads: channels on the second axis, or on the first without a batch;
    plain for an operator on other data."""
    row = row_of(call.key)
    if not row.layout.of_images:
        return PLAIN
    given = call.arguments.get("input", call.arguments.get("self"))
    if not isinstance(given, Tensor):
        return PLAIN
    if len(given.shape) < row.axes + 2 and row.axes:
        return LEADING if len(given.shape) == row.axes + 1 else PLAIN
    return SECOND


def _squeezes(call: Call) -> tuple[Tensor, Tensor, Mapping[int, int]] | None:
    """The tensors with and without a leading batch axis, and the layouts that correspond."""
    squeezes = row_of(call.key).layout in (RESHAPED, PART)
    if not squeezes or len(call.outputs) != 1 or not isinstance(call.arguments.get("self"), Tensor):
        return None
    before, after = call.given, call.outputs[0]
    if before.shape == (1, *after.shape):
        return before, after, {SECOND: LEADING}
    if after.shape == (1, *before.shape):
        return before, after, {LEADING: SECOND}
    return None


def _keeps(call: Call) -> bool:
    """Whether the result has the layout of its operand; an unknown operator's has, if the shape is the same."""
    row = row_of(call.key)
    if not call.outputs or row.layout is KEEPS:
        return bool(call.outputs)
    shapes = [one.shape for one in call.tensors()]
    return row.handle is None and all(one.shape in shapes for one in call.outputs)


def steps(trace: Trace) -> list[int]:
    """The number of steps of each recurrent layer of a trace."""
    runs = [call for call in trace.calls if row_of(call.key).layout is SEQUENCES]
    return [call.outputs[0].shape[1 if call.get("batch_first", False) else 0] for call in runs]
