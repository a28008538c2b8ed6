"""Recurrent kernels over a sequence or one step: LSTM, RNN, SVDF. Source of their forms: TFLite's kernels, in
lstm_eval.cc, bidirectional_sequence_lstm.cc and bidirectional_sequence_rnn.cc."""

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import SEQUENCES, same_rows
from sepcalc.importers.common.tensorflow import cells
from sepcalc.importers.common.tensorflow.cells import Gate
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Refused, Value
from sepcalc.importers.common.tensorflow.layers import ACTIVATIONS, COMPUTED_KERNEL, fused, hold, stored_kernel
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


class Places(NamedTuple):
    """Where the weights of one direction stand among the inputs of a kernel; 0: it has none."""

    kernel: int = 1
    state: int = 5
    peephole: int = 9
    bias: int = 12
    projection: int = 16
    norm: int = 0
    second: int = 0  # the kernels of the second input


_LSTM = Places(norm=20)
_LSTM_WAYS = (("forward", Places(second=40)), ("backward", Places(18, 22, 26, 29, 33, second=44)))
_RNN = Places(1, 2, 0, 3)
_RNN_WAYS = (("forward", Places(1, 2, 0, 3, second=10)), ("backward", Places(5, 6, 0, 7, second=11)))


def _rows(builder: Builder, call: Call, x: Value) -> tuple[int, int]:
    """The network's tensor of a sequence, steps x features, and the number of sequences, in front of the steps if there
    are several. A kernel of one step reads no axis of steps."""
    sizes = x.sizes
    if call.type in ("LSTM", "RNN"):
        sizes = (*sizes[:1], 1, *sizes[1:])
    elif call.flag("time_major", False):
        sizes = (*sizes[1:2], *sizes[:1], *sizes[2:])
    if len(sizes) != 3:
        raise Invalid(f"it reads {show(x.sizes)}: expected examples, steps and features")
    return builder.view(x.number, sizes[1:] if sizes[0] == 1 else sizes), sizes[0]


def _act(call: Call) -> str | None:
    """The function of the new state; None is the identity."""
    number = call.whole("activation", 0)
    if not 0 <= number < len(ACTIVATIONS):
        raise Refused(f"its activation {number} is not known")
    return ACTIVATIONS[number]


def _maybe(call: Call, first: int, gate: int = 0) -> Value | None:
    """A stored input of a gate; None without a place for it."""
    value = call.maybe(first + gate) if first else None
    if value is not None and not value.constant:
        raise Refused(COMPUTED_KERNEL)
    return value


def _gate(call: Call, read: Sequence[Value], at: Places, number: int, peephole: int | None, out: int) -> Gate | None:
    """The weights of a gate; None if it has no kernels."""
    own = [_maybe(call, at.kernel, number), _maybe(call, at.second, number) if len(read) > 1 else None]
    kernels, state = [one for one in own if one is not None], _maybe(call, at.state, number)
    if not kernels and state is None:
        return None
    if len(kernels) != len(read) or state is None:
        raise Invalid("it has some of the kernels of a gate, and not others")
    peep = _maybe(call, at.peephole, peephole) if peephole is not None else None
    found = Gate(kernels, state, peep, _maybe(call, at.norm, number), _maybe(call, at.bias, number))
    hidden = state.sizes[0]
    for value, one in zip(read, kernels):
        hold(call, "its kernel", one, (hidden, value.sizes[-1]))
    hold(call, "its kernel of the state", state, (hidden, out or hidden))
    for what, held in (("peephole", found.peephole), ("norm", found.norm), ("bias", found.bias)):
        hold(call, f"its {what}", held, (hidden,))
    return found


def _lstm_way(builder: Builder, call: Call, read: Sequence[Value], at: Places, way: str = "") -> tuple[int, int]:
    """An LSTM in one direction: its tensor, and the number of its units. The op of the cell counts the usual form;
    others are spelled out."""
    act, projection = _act(call), _maybe(call, at.projection)
    shift = _maybe(call, at.projection + 1)
    out = projection.sizes[0] if projection is not None else 0
    found = {}
    for number, (name, peephole) in enumerate(zip(GATES, (0, 1, None, 2))):
        if one := _gate(call, read, at, number, peephole, out):
            found[name] = one
    if not {"forget", "cell", "output"} <= set(found):
        raise Invalid("it lacks the kernels of a gate")
    hidden = found["cell"].state.sizes[0]
    for name, one in found.items():
        if one.state.sizes[0] != hidden or (one.bias is None) != (found["cell"].bias is None):
            raise Invalid(f"the gates cell and {name} do not fit each other")
        if name != "cell" and (one.peephole is None) != (found["output"].peephole is None):
            raise Invalid("it has some of its peepholes, and not others")
    hold(call, "its projection", projection, (out, hidden))
    hold(call, "its bias of the projection", shift, (out,))
    numbers, many = zip(*[_rows(builder, call, value) for value in read])
    if len(read) == 1 and "input" in found and all(one.norm is None for one in found.values()):
        weights = [value for one in found.values() for value in (*one.kernels, *one[1:])]
        biased, peep = int(found["cell"].bias is not None), found["output"].peephole is not None
        op: Op = Recurrent("lstm", hidden, biased, out, peep, act=act or "linear")
        made = builder.add(op if many[0] == 1 else Each(op), numbers, [*weights, projection], way)
    else:
        made = cells.lstm(builder, numbers, found, act, projection)
    if shift is not None:
        made = builder.add(Stored("shift", "channel"), [made], [shift], "projection")
    return made, out or hidden


def _rnn_way(builder: Builder, call: Call, read: Sequence[Value], at: Places, way: str = "") -> tuple[int, int]:
    act, one = _act(call), _gate(call, read, at, 0, None, 0)
    if one is None:
        raise Invalid("it has no kernels")
    hidden = one.state.sizes[0]
    numbers, many = zip(*[_rows(builder, call, value) for value in read])
    if len(read) > 1:
        return cells.rnn(builder, numbers, one, act), hidden
    op: Op = Recurrent("rnn", hidden, int(one.bias is not None), act=act or "linear")
    return builder.add(op if many[0] == 1 else Each(op), numbers, [*one.kernels, one.state, one.bias], way), hidden


_WAYS = {"lstm": (_lstm_way, _LSTM, _LSTM_WAYS, 39), "rnn": (_rnn_way, _RNN, _RNN_WAYS, 9)}


def _one_way(cell: str, builder: Builder, call: Call) -> Results:
    if call.type == "LSTM" and call.whole("kernel_type", 0) == 1:
        return _basic(builder, call)
    way, at, _, _ = _WAYS[cell]
    number, out = way(builder, call, [call.input(0)], at)
    return (builder.give(number, (*call.input(0).sizes[:-1], out)),)


def _both_ways(cell: str, builder: Builder, call: Call) -> Results:
    """Both directions; merged, they are side by side. A second input with kernels of its own is read beside the first;
    without them it is what the backward direction reads."""
    way, _, ways, place = _WAYS[cell]
    x, second = call.input(0), call.maybe(place)
    made = []
    for name, at in ways:
        read = [x]
        if second is not None and (call.maybe(at.second + 1) or call.maybe(at.second)) is not None:
            read = [x, second]
        elif second is not None and name == "backward":
            read = [second]
        number, out = way(builder, call, read, at, name)
        made.append((number, (*x.sizes[:-1], out)))
    if not call.flag("merge_outputs", False):
        return [builder.give(number, shape) for number, shape in made]
    shape = (*x.sizes[:-1], sum(shape[-1] for _, shape in made))
    return [builder.give(builder.add(Concat(), [number for number, _ in made], label="join"), shape)]


def _basic(builder: Builder, call: Call) -> Results:
    """One step of an LSTM whose kernels for the input and the state are side by side in one matrix."""
    x, weights, bias, hidden = call.input(0), stored_kernel(call, 2), call.input(3), call.input(4).sizes[-1]
    hold(call, "its kernel", weights, (4 * hidden, x.sizes[-1] + hidden))
    hold(call, "its bias", bias, (4 * hidden,))
    number, many = _rows(builder, call, x)
    op: Op = Recurrent("lstm", hidden, 1)
    made = builder.give(builder.add(op if many == 1 else Each(op), [number], [weights, bias]), (*x.sizes[:-1], hidden))
    return made, made


def _svdf(builder: Builder, call: Call) -> Results:
    """dense to its filters, copy into the memory, depthwise over that, reduce sum over the rank, shift.
    Source: Nakkiran et al., "Compressing Deep Neural Networks using a Rank-Constrained Topology", 2015."""
    x, features, times, bias = call.input(0), stored_kernel(call, 1), stored_kernel(call, 2), call.maybe(3)
    filters, rank = features.sizes[0], call.size("rank")
    if len(x.sizes) != 2 or features.sizes != (filters, x.sizes[-1]) or times.sizes[:1] != (filters,) or filters % rank:
        raise Invalid(f"kernels of {show(features.sizes)} and {show(times.sizes)} do not fit {show(x.sizes)}")
    units, steps, many = filters // rank, prod(times.sizes[1:]), x.sizes[0]
    hold(call, "its bias", bias, (units,))
    lead: Shape = (many,) if many > 1 else ()
    ones = (1,) * len(lead)
    made = builder.add(Dense(filters), [builder.view(x.number, (*lead, x.sizes[-1]))], [features], "features")
    made = builder.add(Copy((*lead, steps, filters)), [made], label="memory")
    over = Conv((*ones, steps), filters, (*ones, 1), ((0, 0),) * (1 + len(lead)), (*ones, 1), filters)
    made = builder.add(over, [made], [times], "time")
    if rank > 1:
        made = builder.view(made, (*lead, units, rank))
        made = builder.add(Reduce("sum", (len(lead) + 1,)), [made], label="rank")
    made = builder.view(made, (*lead, units))
    if bias is not None:
        made = builder.add(Stored("shift", "channel"), [made], [bias], "bias")
    return fused(builder, call, builder.give(made, (many, units)))


RECURRENT: dict[str, Operator] = {
    **same_rows(Operator(partial(_one_way, "lstm"), SEQUENCES), "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
    "BIDIRECTIONAL_SEQUENCE_LSTM": Operator(partial(_both_ways, "lstm"), SEQUENCES),
    **same_rows(Operator(partial(_one_way, "rnn"), SEQUENCES), "RNN", "UNIDIRECTIONAL_SEQUENCE_RNN"),
    "BIDIRECTIONAL_SEQUENCE_RNN": Operator(partial(_both_ways, "rnn"), SEQUENCES),
    "SVDF": Operator(_svdf, SEQUENCES),
}
