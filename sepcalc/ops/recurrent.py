"""Recurrent layers over a sequence ``LxI``: plain, LSTM and GRU cells."""

from typing import NamedTuple

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.base import Op, Window
from sepcalc.shape import Shape, Shapes, show


class _Recurrent(NamedTuple):
    cell: str  # rnn, lstm, gru
    hidden: int
    bias_sets: int = 0
    projection: int = 0
    peephole: bool = False
    reset_before: bool = False
    relu: bool = False
    bidirectional: bool = False
    last: bool = False


class Recurrent(_Recurrent, Op):
    """A recurrent layer, L steps in one or both directions; I inputs, H hidden units, all matrix products macs.

    Per step and direction, b = 1 with bias (stored once or twice, added once):
    rnn: H(I+H) macs, H(I+H-1+b) additions, H tanh (relu: compares).
    lstm: 4H(I+H) macs, 3H mults more, 4H(I+H-1+b) + 4H additions, 3H divisions, 5H specials; projected to P:
    4H(I+P) + PH macs, P(H-1) additions more; peepholes 3H mults and additions more.
    gru: 3H(I+H) macs, 3H mults more, 2H divisions, 3H specials; additions 3H(I+H-1) + 4H·b + 4H with the reset after
    the product (its bias cannot merge), 3H(I+H-1+b) + 4H with the reset before it.
    The zero state of the first step counts like any other; directions are concatenated, free.
    Sources: Hochreiter and Schmidhuber, 1997; Sak et al., arXiv:1402.1128; Cho et al., arXiv:1406.1078; opcounts.md.
    """

    __slots__ = ()

    def kind(self, inputs: Shapes) -> str:
        return self.cell

    def detail(self, inputs: Shapes) -> str:
        return f"{inputs[0][-1]} -> {self.hidden}" + (", both ways" if self.bidirectional else "")

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if len(shape) != 2:
            raise Invalid(f"{self.cell} needs a sequence (LxC), not {show(shape)}")
        size = (self.projection or self.hidden) * (2 if self.bidirectional else 1)
        return (size,) if self.last else (shape[0], size)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        ((steps, features),) = inputs
        directions = name("directions", 2) if self.bidirectional else 1
        runs = name("steps", steps) * directions
        i, h = name("inputs", features), name("hidden", self.hidden)
        p = name("projected", self.projection) if self.projection else h
        b = name("bias", 1) if self.bias_sets else 0
        y = name("outputs", *output)
        peep = 3 * h if self.peephole else 0
        if self.cell == "rnn":
            gates, more, divs, specials = 1, 0, 0, 0 if self.relu else h
            adds = h * (i + h - 1 + b)
        elif self.cell == "lstm":
            gates, more, divs, specials = 4, 3 * h + peep, 3 * h, 5 * h
            adds = 4 * h * (i + p - 1 + b) + 4 * h + peep
            if self.projection:
                adds = adds + p * (h - 1)
        else:
            gates, more, divs, specials = 3, 3 * h, 2 * h, 3 * h
            adds = 3 * h * (i + h - 1 + b) + 4 * h if self.reset_before else 3 * h * (i + h - 1) + 4 * h * b + 4 * h
        macs = gates * h * (i + p)
        if self.projection:
            macs = macs + p * h
        return Cost(
            macs=runs * macs,
            mults=runs * (macs + more),
            adds=runs * adds,
            compares=runs * h if self.relu else 0,
            divs=runs * divs,
            specials=runs * specials,
            params=directions * (macs + self.bias_sets * gates * h + peep),
            activations=y,
        )

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return None
