"""Recurrent kernels: LSTM, RNN, SVDF, over a sequence or one step."""

from collections.abc import Sequence
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import SEQUENCES, same_rows
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused, Value, seen
from sepcalc.importers.common.tensorflow.layers import ACTIVATIONS, fused, hold, stored_kernel
from sepcalc.importers.common.tensorflow.rows import Operator, Results
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Stored
from sepcalc.ops.move import Concat, Copy
from sepcalc.ops.pool import Reduce
from sepcalc.ops.product import Dense
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape, show

GATES = ("input", "forget", "cell", "output")


def _sequence(call: Call, x: Value, in_steps: bool) -> tuple[int, int, int]:
    """How many examples, steps and features it reads: of one step there is no axis of steps."""
    sizes = x.sizes
    if call.type in ("LSTM", "RNN"):
        sizes = (*sizes[:1], 1, *sizes[1:])
    elif in_steps:
        sizes = (*sizes[1:2], *sizes[:1], *sizes[2:])
    if len(sizes) != 3:
        raise Invalid(f"{call.type} reads {show(x.sizes)}: expected examples, steps and features")
    return sizes


def _run(builder: Builder, call: Call, x: Value, op: Op, weights: Sequence[Value | None], way: str = "") -> int:
    """A recurrent layer on each of the examples; gives the tensor of examples, steps and what they give."""
    many, steps, features = _sequence(call, x, call.flag("time_major", False))
    number = builder.view(x.number, (steps, features) if many == 1 else (many, steps, features))
    return builder.add(op if many == 1 else Each(op), [number], weights, way)


def _timed(call: Call) -> bool:
    return call.get("time_major") is not None


def _shape_of(x: Value, out: int) -> Shape:
    return (*x.sizes[:-1], out)


def _cell(call: Call, x: Value, at: dict[str, int]) -> tuple[Recurrent, list[Value | None]]:
    """The LSTM whose weights stand at these places, and the weights."""
    kernels = [call.maybe(at["kernel"] + gate) for gate in range(4)]
    states = [call.maybe(at["state"] + gate) for gate in range(4)]
    if kernels[0] is None or states[0] is None:
        raise Refused("an LSTM whose input gate is one less its forget gate has no count here")
    if any(call.maybe(at["norm"] + gate) for gate in range(4)) if "norm" in at else False:
        raise Refused("an LSTM with layer norms has no count here")
    peep = [call.maybe(at["peep"] + gate) for gate in range(3)]
    biases = [call.maybe(at["bias"] + gate) for gate in range(4)]
    projection, shift = call.maybe(at["projection"]), call.maybe(at["projection"] + 1)
    stored = [*kernels, *states, *peep, *biases, projection, shift]
    if any(value is None for value in (*kernels, *states)) or any(not v.constant for v in stored if v is not None):
        raise Refused("weights that are computed have no count here")
    hidden, features = kernels[0].sizes[0], x.sizes[-1]
    out = projection.sizes[0] if projection is not None else hidden
    for what, values, shape in (
        ("a kernel", kernels, (hidden, features)),
        ("a kernel of the state", states, (hidden, out)),
        ("a peephole", peep, (hidden,)),
        ("a bias", biases, (hidden,)),
        ("a projection", [projection], (out, hidden)),
        ("a bias of the projection", [shift], (out,)),
    ):
        for value in values:
            hold(call, what, value, shape)
    if len({value is None for value in biases}) > 1 or len({value is None for value in peep}) > 1:
        raise Invalid(f"{call.type} has some of its biases or peepholes, and not others")
    number = call.whole("activation", 0)
    if number not in (0, 4):  # of none it is the identity
        raise Refused("an LSTM with another function than tanh has no count here")
    op = Recurrent(
        *("lstm", hidden, int(biases[0] is not None), out if projection is not None else 0, peep[0] is not None),
        act="tanh" if number else "linear",
    )
    return op, [value for value in stored if value is not None]


# Where the weights of a full kernel stand, of one direction; and of two.
_ONE = {"kernel": 1, "state": 5, "peep": 9, "bias": 12, "projection": 16, "norm": 20}
_BACKWARD = {"kernel": 18, "state": 22, "peep": 26, "bias": 29, "projection": 33}
_FORWARD = {key: at for key, at in _ONE.items() if key != "norm"}


def _lstm(builder: Builder, call: Call) -> Results:
    """lstm"""
    x = call.input(0)
    if call.type == "LSTM" and call.whole("kernel_type", 0) == 1:
        return _basic(builder, call)
    op, weights = _cell(call, x, _ONE)
    number = _run(builder, call, x, op, weights)
    if call.maybe(_ONE["projection"] + 1) is not None:  # at each step
        number = builder.add(Stored("shift", "channel"), [number], [call.maybe(17)], "projection")
    return (builder.give(number, _shape_of(x, op.projection or op.hidden)),)


def _basic(builder: Builder, call: Call) -> Results:
    """One step whose weights for the input and the state stand side by side."""
    x, weights, bias = call.input(0), stored_kernel(call, 2), call.input(3)
    state = call.input(4)
    hidden = state.sizes[-1]
    hold(call, "a kernel", weights, (4 * hidden, x.sizes[-1] + hidden))
    hold(call, "a bias", bias, (4 * hidden,))
    number = _run(builder, call, x, Recurrent("lstm", hidden, 1), [weights, bias])
    made = builder.give(number, _shape_of(x, hidden))
    return (made, made)


def _both(
    builder: Builder,
    call: Call,
    forward: tuple[Op, list[Value | None]],
    backward: tuple[Op, list[Value | None]],
    out: int,
) -> Results:
    """A layer in both directions: side by side where they are merged."""
    x = call.input(0)
    numbers = [
        _run(builder, call, x, op, weights, way)
        for way, (op, weights) in (("forward", forward), ("backward", backward))
    ]
    if not call.flag("merge_outputs", False):
        return [builder.give(number, _shape_of(x, out)) for number in numbers]
    return (builder.give(builder.add(Concat(), numbers, label="join"), _shape_of(x, 2 * out)),)


def _lstm_both(builder: Builder, call: Call) -> Results:
    """lstm forward and backward"""
    if any(call.maybe(at) is not None for at in range(39, 48)):
        raise Refused("an LSTM with a second input has no count here")
    x = call.input(0)
    forward, backward = _cell(call, x, _FORWARD), _cell(call, x, _BACKWARD)
    if any(call.maybe(at) is not None for at in (17, 34)):
        raise Refused("a bias of the projection in both directions has no count here")
    return _both(builder, call, forward, backward, forward[0].projection or forward[0].hidden)


def _plain(call: Call, first: int) -> tuple[Op, list[Value | None]]:
    weights, state, bias = stored_kernel(call, first), stored_kernel(call, first + 1), call.input(first + 2)
    hidden = weights.sizes[0]
    hold(call, "a kernel", weights, (hidden, call.input(0).sizes[-1]))
    hold(call, "a kernel of the state", state, (hidden, hidden))
    hold(call, "a bias", bias, (hidden,))
    number = call.whole("activation", 0)
    act = ACTIVATIONS[number] if 0 <= number < len(ACTIVATIONS) else "sign"
    return Recurrent("rnn", hidden, 1, act=act or "linear"), [weights, state, bias]


def _rnn(builder: Builder, call: Call) -> Results:
    """rnn"""
    op, weights = _plain(call, 1)
    number = _run(builder, call, call.input(0), op, weights)
    return (builder.give(number, _shape_of(call.input(0), weights[0].sizes[0] if weights[0] else 0)),)


def _rnn_both(builder: Builder, call: Call) -> Results:
    """rnn forward and backward"""
    if any(call.maybe(at) is not None for at in range(9, 12)):
        raise Refused("an RNN with a second input has no count here")
    forward, backward = _plain(call, 1), _plain(call, 5)
    return _both(builder, call, forward, backward, call.input(1).sizes[0])


def _svdf(builder: Builder, call: Call) -> Results:
    """dense to its filters, copy into the memory, depthwise over that, reduce sum over the rank, shift.
    Source: Nakkiran et al., "Compressing Deep Neural Networks using a Rank-Constrained Topology", 2015."""
    x, features, times, bias = call.input(0), stored_kernel(call, 1), stored_kernel(call, 2), call.maybe(3)
    filters, rank = features.sizes[0], call.size("rank")
    if len(x.sizes) != 2 or features.sizes != (filters, x.sizes[-1]) or times.sizes[:1] != (filters,) or filters % rank:
        raise Invalid(f"{call.type} has kernels of {show(features.sizes)} and {show(times.sizes)} for {show(x.sizes)}")
    units, steps, many = filters // rank, prod(times.sizes[1:]), x.sizes[0]
    hold(call, "a bias", bias, (units,))
    if many > 1:
        raise Refused("an SVDF of several examples has no count here")
    made = builder.add(Dense(filters), [builder.view(x.number, seen(x.sizes))], [features], "features")
    made = builder.add(Copy((steps, filters)), [made], label="memory")
    made = builder.add(Conv((steps,), filters, (1,), ((0, 0),), (1,), filters), [made], [times], "time")
    if rank > 1:
        made = builder.add(Reduce("sum", (1,)), [builder.view(made, (units, rank))], label="rank")
    made = builder.view(made, (units,))
    if bias is not None:
        made = builder.add(Stored("shift", "channel"), [made], [bias], "bias")
    return fused(builder, call, builder.give(made, (many, units)))


RECURRENT: dict[str, Operator] = {
    **same_rows(Operator(_lstm, SEQUENCES), "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Operator(_lstm_both, SEQUENCES),
    **same_rows(Operator(_rnn, SEQUENCES), "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN"),
    "BIDIRECTIONAL_SEQUENCE_RNN": Operator(_rnn_both, SEQUENCES),
    "SVDF": Operator(_svdf, SEQUENCES),
}
