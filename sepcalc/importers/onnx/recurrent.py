"""Recurrent layers: LSTM, GRU, plain RNN."""

from functools import partial
from typing import NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import SEQUENCES
from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.shapes import hold
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.move import Copy, Slice
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.repeat import each
from sepcalc.shape import Shape

_GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_DEFAULTS = {"rnn": ("Tanh",), "gru": ("Sigmoid", "Tanh"), "lstm": ("Sigmoid", "Tanh", "Tanh")}


def _recurrent(cell: str, builder: Builder, call: Call) -> Results:
    kernel, state, bias = call.input(1), call.input(2), call.maybe(3)
    read = sequences_of(builder, call, state)
    hidden, directions = state.sizes[2], state.sizes[0]
    both = call.text("direction", "forward") == "bidirectional"
    if directions != (2 if both else 1):
        raise Invalid(f"{call.type} has weights for {directions} directions")
    peep = call.maybe(7) if cell == "lstm" else None
    rows = _GATES[cell] * hidden
    hold(call, "a kernel", kernel, (directions, rows, read.x.sizes[2]))
    hold(call, "a kernel of the state", state, (directions, rows, call.whole("hidden_size", hidden)))
    hold(call, "a bias", bias, (directions, 2 * rows))
    hold(call, "a peephole", peep, (directions, 3 * hidden))
    words = call.attributes.get("activations") or _DEFAULTS[cell] * directions
    relu = cell == "rnn" and set(words) == {"Relu"}
    if not relu:
        usual(call, cell, directions)
    op = Recurrent(
        cell,
        hidden,
        2 if bias is not None else 0,
        peephole=peep is not None,
        reset_before=cell == "gru" and not call.whole("linear_before_reset", 0),
        relu=relu,
        bidirectional=both,
        last=not any(call.outputs[:1]),
    )
    number = builder.add(call.name, read.each(op), [read.number], [kernel, state, bias, peep])
    return given(builder, call, read, number, directions, hidden)


class Sequences(NamedTuple):
    """The input of a recurrent layer: ``number`` is its tensor, steps x features; ``many`` is the number of sequences
    per example, in front of the steps if there are several; ``axis`` is the file's axis of the sequences, and
    ``examples`` says whether the batch lies along it."""

    x: Value
    number: int
    steps: int
    many: int
    axis: int
    examples: bool

    def each(self, op: Op) -> Op:
        """The op applied to each sequence."""
        return op if self.many == 1 else each(op, op.output(((self.steps, self.x.sizes[2]),)))

    def shape(self, *sizes: int) -> Shape:
        """A shape with these sizes per sequence."""
        return sizes if self.many == 1 else (self.many, *sizes)


def sequences_of(builder: Builder, call: Call, state: Value) -> Sequences:
    """The first input with its axes in the file's order; a batch must lie along the axis of the sequences."""
    axis = 0 if call.whole("layout", 0) else 1
    x = builder.laid(call.input(0), False)
    if len(x.sizes) != 3 or len(state.sizes) != 3:
        raise Invalid(f"{call.type} needs a sequence of three axes")
    count, steps = x.sizes[axis], x.sizes[1 - axis]
    if builder.batch > 1 and (x.batch != axis or count % builder.batch):
        raise Refused("sequences along an axis other than the batch are not supported")
    many = count // builder.batch
    number = builder.view(x.number, (steps, x.sizes[2]) if many == 1 else (many, steps, x.sizes[2]))
    return Sequences(x, number, steps, many, axis, x.batch == axis or count == 1)


def usual(call: Call, cell: str, directions: int) -> None:
    """Raises Refused for a variant of the cell that is not supported."""
    words = call.attributes.get("activations") or _DEFAULTS[cell] * directions
    if [str(word).lower() for word in words] != [word.lower() for word in _DEFAULTS[cell] * directions]:
        raise Refused(
            f"activations {', '.join(map(str, words))} are not the defaults of {call.type}, which alone are supported"
        )
    if "clip" in call.attributes or call.whole("input_forget", 0):
        raise Refused(f"{call.type} with clipping or coupled gates is not supported")


def given(builder: Builder, call: Call, read: Sequences, number: int, directions: int, hidden: int) -> Results:
    """The results of a layer: all steps, the last state and the last cell. ``number`` is steps x directions·hidden, or
    only the last step."""
    x, n, steps, layout = read.x, read.x.sizes[read.axis], read.steps, read.axis == 0
    wanted = [bool(name) for name in (*call.outputs, "", "", "")[:3]]
    whole = (n, steps, directions, hidden) if layout else (steps, directions, n, hidden)
    last = (n, directions, hidden) if layout else (directions, n, hidden)
    batches = (0, 0) if layout else (2, 1)

    def made(number: int, shape: Shape, at: int) -> Value:
        return builder.give(x, shape, number, at if read.examples else None)

    results = [Value(None), Value(None), Value(None)]
    if wanted[0]:
        results[0] = made(builder.view(number, read.shape(steps, directions, hidden)), whole, batches[0])
    if wanted[1]:
        seen = builder.tensors[number]
        taken = number
        if len(seen) > len(read.shape(directions)):  # all steps
            start = (steps - 1, 0) if read.many == 1 else (0, steps - 1, 0)
            op = Slice(read.shape(1, seen[-1]), start if steps > 1 else ())
            taken = builder.add(f"{call.name}/last", op, [number])
        results[1] = made(builder.view(taken, read.shape(directions, hidden)), last, batches[1])
    if wanted[2]:
        cells = builder.add(f"{call.name}/cell", Copy(read.shape(directions, hidden)), [number])
        results[2] = made(cells, last, batches[1])
    return results


RECURRENT: dict[str, Operator] = {
    "LSTM": Operator(partial(_recurrent, "lstm"), SEQUENCES, states=(5, 6)),
    "GRU": Operator(partial(_recurrent, "gru"), SEQUENCES, states=(5,)),
    "RNN": Operator(partial(_recurrent, "rnn"), SEQUENCES, states=(5,)),
}
