"""Recurrent layers: LSTM, GRU, plain RNN."""

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.graph import Builder, Call, Handler, Refused, Results, Value
from sepcalc.importers.onnx.shapes import hold
from sepcalc.ops.move import Copy, Slice
from sepcalc.ops.recurrent import Recurrent

_GATES = {"rnn": 1, "gru": 3, "lstm": 4}
_DEFAULTS = {"rnn": ("Tanh",), "gru": ("Sigmoid", "Tanh"), "lstm": ("Sigmoid", "Tanh", "Tanh")}


def _recurrent(cell: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        x, kernel, state, bias = call.input(0), call.input(1), call.input(2), call.maybe(3)
        layout = call.whole("layout", 0)
        x = sequence_of(builder, call, x, state, layout)
        hidden, directions = state.sizes[2], state.sizes[0]
        both = call.text("direction", "forward") == "bidirectional"
        if directions != (2 if both else 1):
            raise Invalid(f"{call.type} has weights for {directions} directions")
        peep = call.maybe(7) if cell == "lstm" else None
        rows = _GATES[cell] * hidden
        hold(call, "a kernel", kernel, (directions, rows, x.sizes[2]))
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
        number = builder.add(call.name, op, [x.number], [kernel, state, bias, peep])
        return given(builder, call, x, number, directions, hidden)

    return handle


def sequence_of(builder: Builder, call: Call, x: Value, state: Value, layout: int) -> Value:
    """What a recurrent layer reads, its axes in the file's order, the examples along the axis that is theirs."""
    batch = 0 if layout else 1
    x = builder.laid(x, False)
    if len(x.sizes) != 3 or len(state.sizes) != 3:
        raise Invalid(f"{call.type} needs a sequence of three axes")
    if x.batch != batch or x.sizes[batch] != builder.batch:
        if x.sizes[batch] != builder.batch or builder.batch != 1:
            raise Refused("a batch of sequences that is not the batch of examples has no count here")
        x = builder.give(x, x.sizes, number=x.number, batch=batch, first=False)
    return x


def usual(call: Call, cell: str, directions: int) -> None:
    """Raises Refused for a cell that is not the one that is counted."""
    words = call.attributes.get("activations") or _DEFAULTS[cell] * directions
    if tuple(words) != _DEFAULTS[cell] * directions:
        raise Refused(f"activations {', '.join(map(str, words))} are not those that {call.type} is counted with")
    if "clip" in call.attributes or call.whole("input_forget", 0):
        raise Refused(f"{call.type} with clipping or coupled gates has no count here")


def given(builder: Builder, call: Call, x: Value, number: int, directions: int, hidden: int) -> Results:
    """All steps, the last state and the last cell of what a layer gives: steps x directions·hidden, or a last step."""
    layout, n = call.whole("layout", 0), builder.batch
    steps = x.sizes[layout]
    wanted = [bool(name) for name in (*call.outputs, "", "", "")[:3]]
    whole = (n, steps, directions, hidden) if layout else (steps, directions, n, hidden)
    last = (n, directions, hidden) if layout else (directions, n, hidden)
    at = 0 if layout else 1
    results = [Value(None), Value(None), Value(None)]
    if wanted[0]:
        spread = builder.view(number, (steps, directions, hidden))
        results[0] = builder.give(x, whole, number=spread, batch=0 if layout else 2, first=False)
    if wanted[1]:
        seen = builder.tensors[number]
        taken = number
        if len(seen) > 1:
            op = Slice((1, seen[-1]), (steps - 1, 0) if steps > 1 else ())
            taken = builder.add(f"{call.name}/last", op, [number])
        taken = builder.view(taken, (directions, hidden))
        results[1] = builder.give(x, last, number=taken, batch=at, first=False)
    if wanted[2]:
        cells = builder.add(f"{call.name}/cell", Copy((directions, hidden)), [number])
        results[2] = builder.give(x, last, number=cells, batch=at, first=False)
    return results


RECURRENT: dict[str, Handler] = {
    "LSTM": _recurrent("lstm"),
    "GRU": _recurrent("gru"),
    "RNN": _recurrent("rnn"),
}
