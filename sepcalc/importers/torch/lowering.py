"""From a trace to a network."""

from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from sepcalc.cost import Cost
from sepcalc.errors import Invalid
from sepcalc.importers.torch.calls import Call, Tensor
from sepcalc.importers.torch.elements import ELEMENTS
from sepcalc.importers.torch.graph import COMPLEX, Builder, Refused, Value
from sepcalc.importers.torch.layers import LAYERS, Handler
from sepcalc.importers.torch.moves import MOVES, REASONS
from sepcalc.importers.torch.products import OUTER, PRODUCTS
from sepcalc.importers.torch.reductions import REDUCTIONS
from sepcalc.network import Network

OPERATORS: dict[str, Handler] = {**LAYERS, **PRODUCTS, **OUTER, **ELEMENTS, **REDUCTIONS, **MOVES}
# What is counted on stored tensors alone, since it runs whenever the module does; elementwise work on them is free.
MULTIPLYING = {*PRODUCTS, *[name for name in LAYERS if name.startswith(("conv", "_conv", "lstm", "gru", "rnn_"))]}

_IMAGES = (
    *("conv", "_conv", "max_pool", "avg_pool", "adaptive_", "_adaptive_", "upsample_", "_upsample_", "pixel_"),
    *("batch_norm", "native_batch_norm", "instance_norm", "group_norm", "native_group_norm", "channel_shuffle"),
)
_KEEPING = {
    *("cat", "pad", "constant_pad_nd", "contiguous", "clone", "dropout", "to", "_to_copy", "slice", "split", "chunk"),
    *("roll", "flip", "expand", "expand_as", "narrow", "split_with_sizes", "aliased", "copy", "detach", "alias"),
}
_NO_RULE = "sepcalc has no rule for what this operator computes"


class Stored(NamedTuple):
    """A parameter: its name, its elements, the bytes of each."""

    name: str
    elements: int
    width: int


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


def lowered(name: str, trace: Trace) -> tuple[Network, list[Cost]]:
    """The network of a trace, and what each product of stored tensors alone adds to its cost."""
    sizes = [one.elements for one in trace.parameters]
    read = {one.at for call in trace.calls for one in call.tensors()} | {one.at for one in trace.outputs.values()}
    wanted = wishes(trace.calls)
    builder = Builder(sizes, wanted, read)
    for label, tensor in trace.inputs.items():
        builder.feed(label, tensor)
    for text in trace.notes:
        builder.note(text)
    alone = list[Cost]()
    for call in trace.calls:
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
    nodes, outputs, used = builder.finished(outputs, trace.leaves, [one.name for one in trace.parameters])
    unused = [at for at in range(len(sizes)) if at not in used and sizes[at]]
    if unused:
        first = ", ".join(trace.parameters[at].name for at in unused[:3]) + (", …" if len(unused) > 3 else "")
        count = sum(sizes[at] for at in unused)
        ran = (
            "what runs on these inputs does not use them"
            if trace.stop is None
            else "nothing used them up to where it stopped"
        )
        builder.note(f"{count:,} params are not counted: {ran} ({first})")
    size = sum(trace.parameters[at].elements * trace.parameters[at].width for at in used)
    return Network(name, builder.inputs, nodes, outputs, param_bytes=size, notes=list(builder.notes)), alone


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


def wishes(calls: Sequence[Call]) -> set[int]:
    """The tensors whose readers want the channels last: those that an operator on images reads, by way of others that
    keep the shape too; and what meets the result of one, axis by axis."""
    wanted, made = set[int](), set[int]()
    for call in calls:
        if _of_images(call):
            made.update(output.at for output in call.outputs)
        elif _keeps(call):
            for output in call.outputs:
                alike = [one.at for one in call.tensors() if len(one.shape) == len(output.shape)]
                if made.intersection(alike):
                    made.add(output.at)
                    wanted.update(alike)
    for call in reversed(calls):
        if _of_images(call):
            given = call.arguments.get("input", call.arguments.get("self"))
            if isinstance(given, Tensor):
                wanted.add(given.at)
        elif _keeps(call) and any(output.at in wanted for output in call.outputs):
            rank = len(call.outputs[0].shape)
            wanted.update(one.at for one in call.tensors() if len(one.shape) == rank)
    return wanted


def _of_images(call: Call) -> bool:
    """Whether it works on images whose second axis is the channels: those without examples have them first."""
    if not call.op.startswith(_IMAGES):
        return False
    rank = next((int(digit) for digit in "123" if f"{digit}d" in call.op), 0)
    given = call.arguments.get("input", call.arguments.get("self"))
    return not rank or (isinstance(given, Tensor) and len(given.shape) > rank + 1)


def _keeps(call: Call) -> bool:
    return bool(call.outputs) and (call.op in ELEMENTS or call.op in _KEEPING)


def steps(trace: Trace) -> list[int]:
    """How many steps each recurrent layer of a trace takes."""
    runs = [call for call in trace.calls if call.op in ("lstm", "gru", "rnn_tanh", "rnn_relu")]
    return [call.outputs[0].shape[1 if call.get("batch_first", False) else 0] for call in runs]
