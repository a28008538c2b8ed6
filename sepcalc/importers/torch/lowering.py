"""From a trace to a network."""

from collections.abc import Container, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from sepcalc.cost import Cost
from sepcalc.errors import Invalid
from sepcalc.importers.torch.calls import Call, Tensor
from sepcalc.importers.torch.elements import ELEMENTS
from sepcalc.importers.torch.graph import COMPLEX, LEADING, PLAIN, SECOND, Builder, Refused, Value, axes, fitting
from sepcalc.importers.torch.layers import LAYERS, Handler
from sepcalc.importers.torch.losses import LOSSES
from sepcalc.importers.torch.moves import MOVES, REASONS
from sepcalc.importers.torch.places import telling
from sepcalc.importers.torch.products import OUTER, PRODUCTS
from sepcalc.importers.torch.reductions import REDUCTIONS
from sepcalc.importers.torch.scatters import SCATTERS
from sepcalc.importers.torch.sorting import SORTING
from sepcalc.network import Network
from sepcalc.shape import Shape

OPERATORS: dict[str, Handler] = {
    **LAYERS, **PRODUCTS, **OUTER, **ELEMENTS, **REDUCTIONS, **MOVES, **SCATTERS, **SORTING,
    **LOSSES,
}  # fmt: skip
# What is counted on stored tensors alone, since it runs whenever the module does; elementwise work on them is free.
MULTIPLYING = {*PRODUCTS, *[name for name in LAYERS if name.startswith(("conv", "_conv", "lstm", "gru", "rnn_"))]}

_IMAGES = (
    *("conv", "_conv", "max_pool", "avg_pool", "adaptive_", "_adaptive_", "upsample_", "_upsample_", "pixel_"),
    *("batch_norm", "native_batch_norm", "instance_norm", "group_norm", "native_group_norm", "channel_shuffle"),
    "grid_sampler",
)
_KEEPING = {
    *("cat", "pad", "constant_pad_nd", "contiguous", "clone", "dropout", "to", "_to_copy", "slice", "split", "chunk"),
    *("positive", "resolve_conj", "resolve_neg", "lift", "lift_fresh", "type_as", "feature_dropout", "alpha_dropout"),
    *("roll", "flip", "expand", "expand_as", "narrow", "split_with_sizes", "aliased", "copy", "detach", "alias"),
    *(f"{how}_pad{rank}d" for how in ("reflection", "replication") for rank in (1, 2, 3)),
    *("_pad_circular", "rot90", "index", "index_select", "repeat", "repeat_interleave", "tile"),
}
# What keeps all elements and their order, whatever the shape.
_ORDERLY = {
    *("view", "reshape", "_unsafe_view", "_reshape_alias", "view_as", "reshape_as", "flatten", "unflatten", "ravel"),
    *("squeeze", "unsqueeze"),
}
# What puts axes into another order: where only axes of size 1 change places, the elements keep theirs.
_TURNING = {"permute", "transpose", "t", "swapaxes", "movedim"}
# What may take a leading axis of one example away, or put it there.
_SQUEEZING = {*_ORDERLY, "select", "unbind"}
_NO_RULE = "sepcalc has no rule for what this operator computes"


class Stored(NamedTuple):
    """A parameter, or a buffer, which is not ``trained``: its name, its elements, the bytes of each."""

    name: str
    elements: int
    width: int
    trained: bool = True


class Stop(NamedTuple):
    """Where a run could not be followed any further: the call that was to come, and why nothing is known of it."""

    call: Call
    reason: str


class Trace(NamedTuple):
    """All that is known of a run: its calls, the tensors that went in and came out, the parameters in the order of
    their numbers, which runs were those of modules without modules in them, what else a reader must know, and where
    it stopped, if it did: nothing came out then."""

    calls: Sequence[Call]
    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    parameters: Sequence[Stored]
    leaves: Container[int]
    notes: Sequence[str] = ()
    stop: Stop | None = None


class Lowered(NamedTuple):
    """The network of a trace; what each product of stored tensors ``alone`` adds to its cost; and of each node whether
    it only ``tells`` where elements come from or go to."""

    network: Network
    alone: list[Cost]
    tells: list[bool]


def lowered(name: str, trace: Trace) -> Lowered:
    """A trace as a network."""
    sizes = [one.elements for one in trace.parameters]
    trained = [one.trained for one in trace.parameters]
    read = {one.at for call in trace.calls for one in call.tensors()} | {one.at for one in trace.outputs.values()}
    calls = _without_detours(trace.calls)
    wanted = wishes(calls)
    builder = Builder(sizes, trained, wanted, read)
    builder.places = telling(trace.calls, trace.outputs.values())
    for label, tensor in trace.inputs.items():
        builder.feed(label, tensor)
    for text in trace.notes:
        builder.note(text)
    alone = list[Cost]()
    for call in calls:
        if any(one.live for one in (*call.tensors(), *call.outputs)):
            _follow(builder, call)
        elif call.library == "aten" and call.op in MULTIPLYING:
            alone.append(_alone(builder, call))
    macs = sum(one.macs for one in alone)
    if macs:
        builder.note(f"{macs:,} macs run on stored tensors alone: counted, though a runtime may do them once")
    outputs = {}
    for label, tensor in trace.outputs.items():
        if tensor.live:
            outputs[label] = builder.value(tensor).node
    if trace.stop is not None:
        outputs = {"stopped": builder.stop(*trace.stop)}
    nodes, outputs, used, weights = builder.finished(outputs, trace.leaves, [one.name for one in trace.parameters])
    for kind, which in (("params", True), ("buffers", False)):
        unused = [at for at in range(len(sizes)) if at not in used and sizes[at] and trained[at] is which]
        if not unused:
            continue
        first = ", ".join(trace.parameters[at].name for at in unused[:3]) + (", …" if len(unused) > 3 else "")
        count = sum(sizes[at] for at in unused)
        ran = (
            "what runs on these inputs does not use them"
            if trace.stop is None
            else "nothing used them up to where it stopped"
        )
        builder.note(f"{count:,} {kind} are not counted: {ran} ({first})")
    size = sum(trace.parameters[at].elements * trace.parameters[at].width for at in weights)
    network = Network(name, builder.inputs, nodes, outputs, param_bytes=size, notes=list(builder.notes))
    return Lowered(network, alone, [origin.tells for origin in builder.beside])


def _follow(builder: Builder, call: Call) -> None:
    """One call: nodes for it, or a gap with its reason."""
    builder.call = call
    handler = OPERATORS.get(call.op) if call.library == "aten" else None
    mark = len(builder.nodes)
    if any(one.kind == "c" for one in (*call.tensors(), *call.outputs)):
        builder.uncounted(call, COMPLEX)
        return
    if handler is None:
        builder.uncounted(call, REASONS.get(call.op, _NO_RULE) if call.library == "aten" else _NO_RULE)
        return
    try:
        results = handler(builder, call)
    except (Refused, Invalid) as refusal:
        reason = refusal.message if isinstance(refusal, Invalid) else str(refusal)
        builder.back(mark)
        builder.uncounted(call, reason)
        return
    beside = [output for output in call.outputs[len(results) :] if output.at not in builder.stretched]
    if any(output.live and output.at in builder.read for output in beside):
        builder.back(mark)
        builder.uncounted(call, "what it gives beside its result has no count here")
        return
    for output, value in zip(call.outputs, results):
        if value.constant:
            continue
        builder.values[output.at] = value


def _alone(builder: Builder, call: Call) -> Cost:
    """A product of stored tensors, one of which stands where an input does: what it costs."""
    given = call.tensors()
    fed = given[1] if call.op in ("addmm", "baddbmm", "addbmm", "addmv", "addr") else given[0]
    builder.call = call
    if fed.at not in builder.values:
        builder.values[fed.at] = builder.stored(Value(fed.shape, roots=fed.roots))
    mark, live = len(builder.nodes), fed._replace(live=True)
    arguments = {name: live if one is fed else one for name, one in call.arguments.items()}
    _follow(builder, call._replace(arguments=arguments))
    return builder.cost_since(mark)


def _without_detours(calls: Sequence[Call]) -> list[Call]:
    """The calls; what only gives a tensor the shape back that it had before is an alias of that."""
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
    """Whether an operator keeps all elements of one tensor, and their order."""
    if call.op in _ORDERLY:
        return True
    if len(call.outputs) != 1:
        return False
    given, (output,) = call.given, call.outputs
    if call.op in ("select", "unbind"):  # of an axis that has one position
        return prod(given.shape) == prod(output.shape)
    order = [axis for axis in _order(call) if given.shape[axis] > 1] if call.op in _TURNING else [1, 0]
    return order == sorted(order)


def _order(call: Call) -> list[int]:
    """The axes in the order in which they come out, of what puts axes into another order."""
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


def wishes(calls: Sequence[Call]) -> dict[int, int]:
    """How the tensors' readers want them laid out, where that is with the channels last: those that an operator on
    images reads, by way of others that keep the shape or take the axis of one example away; and what meets the result
    of one, axis by axis."""
    wanted, made = dict[int, int](), dict[int, int]()
    for call in calls:
        if first := _images(call):
            made.update((output.at, first) for output in call.outputs)
        elif turned := _squeezes(call):
            before, after, layouts = turned
            if first := layouts.get(made.get(before.at, PLAIN), PLAIN):
                made[after.at] = first
        elif _keeps(call):
            for output in call.outputs:
                alike = [one.at for one in call.tensors() if len(one.shape) == len(output.shape)]
                if first := max([made.get(at, PLAIN) for at in alike], default=PLAIN):
                    made[output.at] = first
                    wanted.update((at, first) for at in alike if at not in wanted)
    for call in reversed(calls):
        if first := _images(call):
            wanted.setdefault(_image_of(call).at, first)
        elif turned := _squeezes(call):
            before, after, layouts = turned
            for mine, theirs in layouts.items():
                if wanted.get(after.at) == theirs:
                    wanted.setdefault(before.at, mine)
        elif call.op in _TURNING:
            if call.outputs[0].at in wanted:
                _wish_before(call, wanted)
        elif _keeps(call):
            for output in call.outputs:
                if output.at in wanted:
                    alike = [one.at for one in call.tensors() if len(one.shape) == len(output.shape)]
                    wanted.update((at, wanted[output.at]) for at in alike if at not in wanted)
    return wanted


def _wish_before(call: Call, wanted: dict[int, int]) -> None:
    """What was there before axes were put in another order is wanted so that it need not be touched."""
    given, output, order = call.given, call.outputs[0], _order(call)
    rank = len(given.shape)
    needed = [order[axis] for axis in axes(output.shape, wanted[output.at])]
    for first in (PLAIN, SECOND, LEADING):
        if fitting(first, rank) == first and axes(given.shape, first) == needed:
            wanted.setdefault(given.at, first)
            return


def _image_of(call: Call) -> Tensor:
    return call.tensor("input" if "input" in call.arguments else "self")


def _images(call: Call) -> int:
    """The layout of the images that an operator works on: their channels are the second axis, or the first one, where
    there is none of examples; plain where it works on others."""
    if not call.op.startswith(_IMAGES):
        return PLAIN
    given = call.arguments.get("input", call.arguments.get("self"))
    if not isinstance(given, Tensor):
        return PLAIN
    rank = next((int(digit) for digit in "123" if f"{digit}d" in call.op), 2 if call.op.startswith("pixel_") else 0)
    if rank and len(given.shape) < rank + 2:
        return LEADING if len(given.shape) == rank + 1 else PLAIN
    return SECOND


def _squeezes(call: Call) -> tuple[Tensor, Tensor, Mapping[int, int]] | None:
    """What had a leading axis of one example before it, or has one behind it, and the layouts that are the same."""
    if call.op not in _SQUEEZING or len(call.outputs) != 1 or not isinstance(call.arguments.get("self"), Tensor):
        return None
    before, after = call.given, call.outputs[0]
    if before.shape == (1, *after.shape):
        return before, after, {SECOND: LEADING}
    if after.shape == (1, *before.shape):
        return before, after, {LEADING: SECOND}
    return None


def _keeps(call: Call) -> bool:
    """Whether what it gives lies as what it is given; what has no rule does where it has the same shape."""
    if call.library != "aten" or call.op not in OPERATORS:
        shapes = [one.shape for one in call.tensors()]
        return bool(call.outputs) and (call.op in _KEEPING or all(one.shape in shapes for one in call.outputs))
    return bool(call.outputs) and (call.op in ELEMENTS or call.op in _KEEPING)


def steps(trace: Trace) -> list[int]:
    """How many steps each recurrent layer of a trace takes."""
    runs = [call for call in trace.calls if call.op in ("lstm", "gru", "rnn_tanh", "rnn_relu")]
    return [call.outputs[0].shape[1 if call.get("batch_first", False) else 0] for call in runs]
