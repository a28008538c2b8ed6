"""Recurrent cells spelled out as products and functions of each element, for forms that the op of a cell does not have:
coupled gates, norms in the gates, a second input. All steps are counted at once; tensors are steps x units."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sepcalc.importers.common.tensorflow.graph import Builder, Value
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Copy
from sepcalc.ops.norm import RowNorm
from sepcalc.ops.product import Dense


class Gate(NamedTuple):
    """What a gate stores: a kernel for each input, one for the state (outputs x inputs), a weight of the cell for each
    unit (peephole), the gain of its norm, a bias."""

    kernels: Sequence[Value]
    state: Value
    peephole: Value | None = None
    norm: Value | None = None
    bias: Value | None = None


def gate(
    builder: Builder, inputs: Sequence[int], state: int, cell: int | None, one: Gate, name: str, act: str | None
) -> int:
    """One gate: act(norm(sum of products + peephole·cell) + bias). Source of the norm: Ba et al., arXiv:1607.06450."""
    hidden = one.state.sizes[0]
    terms = [
        builder.add(Dense(hidden), [number], [kernel], f"{name}/input")
        for number, kernel in zip(inputs, one.kernels, strict=True)
    ]
    terms.append(builder.add(Dense(hidden), [state], [one.state], f"{name}/state"))
    if one.peephole is not None and cell is not None:
        terms.append(builder.add(Stored("scale", "channel"), [cell], [one.peephole], f"{name}/peephole"))
    made = builder.add(Elementwise("add"), terms, label=f"{name}/sum")
    if one.norm is not None:
        made = builder.add(RowNorm("layer", bias=one.bias is not None), [made], [one.norm, one.bias], f"{name}/norm")
    elif one.bias is not None:
        made = builder.add(Stored("shift", "channel"), [made], [one.bias], f"{name}/bias")
    return builder.add(Activation(act), [made], label=f"{name}/{act}") if act else made


def lstm(
    builder: Builder, inputs: Sequence[int], gates: Mapping[str, Gate], act: str | None, projection: Value | None
) -> int:
    """An LSTM over steps x features; gives steps x units. Without a gate ``input`` the gates are coupled: it is one
    minus ``forget``. Source: Greff et al., arXiv:1503.04069, appendix A."""
    steps = builder.tensors[inputs[0]][:-1]
    hidden, out = gates["forget"].state.sizes
    state = builder.add(Copy((*steps, out)), [inputs[0]], label="state")
    cell = builder.add(Copy((*steps, hidden)), [inputs[0]], label="cell")

    def given(name: str, cell: int, how: str | None) -> int:
        return gate(builder, inputs, state, cell, gates[name], name, how)

    forget = given("forget", cell, "sigmoid")
    if "input" in gates:
        entry = given("input", cell, "sigmoid")
    else:
        entry = builder.add(Stored("from"), [forget], label="input/from")
    new = given("cell", cell, act)
    kept = builder.add(Elementwise("multiply"), [forget, cell], label="cell/kept")
    fresh = builder.add(Elementwise("multiply"), [entry, new], label="cell/new")
    cell = builder.add(Elementwise("add"), [kept, fresh], label="cell/sum")
    leave = given("output", cell, "sigmoid")
    shown = builder.add(Activation(act), [cell], label="cell/act") if act else cell
    made = builder.add(Elementwise("multiply"), [leave, shown], label="output")
    return builder.add(Dense(out), [made], [projection], "projection") if projection is not None else made


def rnn(builder: Builder, inputs: Sequence[int], one: Gate, act: str | None) -> int:
    """A plain recurrent layer over steps x features; gives steps x units."""
    steps = builder.tensors[inputs[0]][:-1]
    state = builder.add(Copy((*steps, one.state.sizes[0])), [inputs[0]], label="state")
    return gate(builder, inputs, state, None, one, "unit", act)
