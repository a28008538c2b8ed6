"""Ops that move, look up, store or rename elements."""

from sepcalc.errors import Invalid
from sepcalc.exporters.onnx.convolutions import ends
from sepcalc.exporters.onnx.graph import INT64, Call, Handler, Tensor
from sepcalc.exporters.onnx.pools import reduced
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.move import Concat, Constant, Copy, Embedding, Pad, Random, Slice, Token
from sepcalc.ops.rename import Rename


def _concat(call: Call) -> Tensor:
    op = call.op
    first = call.inputs[0].first
    names = [call.real(at, first) for at in range(len(call.inputs))]
    return call.result(call.add("Concat", *names, axis=call.axis(op.axis, first)), first)


def _pad(call: Call) -> Tensor:
    (given,) = call.inputs
    outer = ((0, 0),)
    pads = outer + outer + call.op.padding if given.first else outer + call.op.padding + outer
    return call.result(call.add("Pad", call.real(0, given.first), call.sizes(ends(pads))), given.first)


def _slice(call: Call) -> Tensor:
    (given,) = call.inputs
    parts = call.op.parts()
    cut = [at for at, (part, size) in enumerate(zip(parts, given.shape)) if part != slice(0, size)] or [0]
    starts, stops = [parts[at].start for at in cut], [parts[at].stop for at in cut]
    axes = [call.axis(at, given.first) for at in cut]
    name = call.add("Slice", call.turned(given, given.first), *map(call.sizes, (starts, stops, axes)))
    return call.result(name, given.first, given.kind)


def _copy(call: Call) -> Tensor:
    op = call.op
    if len(call.inputs) != 1 or not op.stride or len(op.start) != len(op.stride):
        raise Invalid("which elements a copy takes is not known")
    (given,) = call.inputs
    axes = [at for at, size in enumerate(given.shape[:-1]) if (op.start[at], op.stride[at], op.to[at]) != (0, 1, size)]
    stops = [op.start[at] + (op.to[at] - 1) * op.stride[at] + 1 for at in axes]
    if op.to[-1] != given.shape[-1] or any(stop > given.shape[at] for at, stop in zip(axes, stops)) or not axes:
        raise Invalid("which elements a copy takes is not known")
    parts = ([op.start[at] for at in axes], stops, [call.axis(at, given.first) for at in axes])
    steps = [op.stride[at] for at in axes]
    name = call.add("Slice", call.turned(given, given.first), *map(call.sizes, (*parts, steps)))
    return call.result(name, given.first, given.kind)


def _embedding(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    index = call.last()
    if given.kind != INT64:
        index = call.add("Cast", index, to=INT64)
    name = call.add("Gather", call.stored("table", (op.vocab, op.out)), index)
    if op.bag:
        kind = "ReduceMean" if op.bag == "mean" else "ReduceSum"
        name = reduced(call, kind, name, [len(given.shape)], False)
    return call.result(name)


def _token(call: Call) -> Tensor:
    op = call.op
    tokens = call.stored("tokens", (op.tokens, call.output[-1]), lambda array: array[None])
    batch = call.add("Shape", call.last(), start=0, end=1)
    sizes = call.add("Concat", batch, call.sizes([op.tokens, call.output[-1]]), axis=0)
    return call.result(call.add("Concat", call.add("Expand", tokens, sizes), call.last(), axis=1))


def _constant(call: Call) -> Tensor:
    raise Invalid("a stored tensor has no batch")


def _random(call: Call) -> Tensor:
    raise Invalid("random numbers differ at every run")


def _uncounted(call: Call) -> Tensor:
    raise Invalid(f"{call.op.called} is not known: {call.op.reason}")


def _rename(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    shape = given.shape
    match op.how:
        case "identity" | "dropout":
            return call.result(call.add("Identity", given.name), given.first, given.kind)
        case "flatten" | "reshape":
            return call.result(call.reshaped(call.last(), call.output), kind=given.kind)
        case "permute":
            return call.result(call.add("Transpose", call.last(), perm=[0, *_order(shape, op.to)]), kind=given.kind)
        case "shuffle":
            split = (op.blocks, op.groups, shape[-1] // (op.blocks * op.groups))
            return call.result(_mixed(call, (*shape[:-1], *split), (*range(len(shape)), -1, -2)), kind=given.kind)
        case "pixel-shuffle":
            axes = len(shape) - 1
            split = (*shape[:-1], shape[-1] // op.scale**axes, *[op.scale] * axes)
            return call.result(
                _mixed(call, split, (*[at for axis in range(axes) for at in (axis, axes + 1 + axis)], axes)),
                kind=given.kind,
            )
        case "pixel-unshuffle":
            axes = len(shape) - 1
            split = (*[part for size in shape[:-1] for part in (size // op.scale, op.scale)], shape[-1])
            order = (*range(0, 2 * axes, 2), 2 * axes, *range(1, 2 * axes, 2))
            return call.result(_mixed(call, split, order), kind=given.kind)
    raise Invalid(f"which elements {op.how} takes is not known")


def _order(shape: tuple[int, ...], to: tuple[int, ...]) -> list[int]:
    """The axes of the file in the order that gives these sizes; axes of equal size keep their order."""
    left, order = list(range(len(shape))), []
    for size in to:
        order.append(next(axis for axis in left if shape[axis] == size))
        left.remove(order[-1])
    return [axis + 1 for axis in order]


def _mixed(call: Call, split: tuple[int, ...], order: tuple[int, ...]) -> str:
    """Axes split, put in another order, and joined again to the sizes of the output."""
    perm = [0, *[range(len(split))[axis] + 1 for axis in order]]
    return call.reshaped(call.add("Transpose", call.reshaped(call.last(), split), perm=perm), call.output)


MOVES: dict[type[Op], Handler] = {
    Concat: _concat,
    Pad: _pad,
    Slice: _slice,
    Copy: _copy,
    Embedding: _embedding,
    Token: _token,
    Constant: _constant,
    Random: _random,
    Rename: _rename,
    Uncounted: _uncounted,
}
