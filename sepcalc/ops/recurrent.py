"""Recurrent layers over a sequence ``LxI``: plain, LSTM and GRU cells."""

from typing import NamedTuple, cast

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.ops.arguments import Arguments, Written
from sepcalc.ops.base import Builder, Multiple, Op, Ties, Width
from sepcalc.ops.elementwise import ACTIVATIONS
from sepcalc.options import Value
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
    act: str = "tanh"  # of the new state; a name in ACTIVATIONS, or linear
    gate: str = "sigmoid"


class Recurrent(_Recurrent, Op):
    """A recurrent layer, L steps in one or both directions; I inputs, H hidden units, all matrix products macs.

    Per step and direction, b = 1 with bias (stored once or twice, added once):
    rnn: H(I+H) macs, H(I+H-1+b) additions, H tanh (relu: compares).
    lstm: 4H(I+H) macs, 3H mults more, 4H(I+H-1+b) + 4H additions, 3H divisions, 5H specials; projected to P:
    4H(I+P) + PH macs, P(H-1) additions more; peepholes 3H mults and additions more.
    gru: 3H(I+H) macs, 3H mults more, 2H divisions, 3H specials; additions 3H(I+H-1) + 4H·b + 4H with the reset after
    the product (its bias cannot merge), 3H(I+H-1+b) + 4H with the reset before it.
    Other functions than tanh and the logistic sigmoid (``act``, ``gate``) cost what they cost.
    The zero state of the first step counts like any other; directions are concatenated, free.
    Sources: Hochreiter and Schmidhuber, 1997; Sak et al., arXiv:1402.1128; Cho et al., arXiv:1406.1078.
    """

    __slots__ = ()
    windows = Op.everywhere

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
        sums = i + p - 1 + b  # additions in each unit's sum of products
        more = 3 * h + peep
        if self.cell == "rnn":
            gates, more, adds = 1, 0, h * sums
            functions = _counted(("relu" if self.relu else self.act, 1))
        elif self.cell == "lstm":
            gates, adds = 4, 4 * h * sums + h + peep
            functions = _counted((self.gate, 3), (self.act, 2))
            if self.projection:
                adds = adds + p * (h - 1)
        else:
            gates, adds = 3, 3 * h * sums + 2 * h
            if not self.reset_before:  # the candidate's second bias cannot merge: two additions
                adds = 3 * h * (i + h - 1) + 4 * h * b + 2 * h
            functions = _counted((self.gate, 2), (self.act, 1))
        mults, plus, compares, divs, specials = [h * count for count in _work(functions)]
        macs = gates * h * (i + p)
        if self.projection:
            macs = macs + p * h
        return Cost(
            macs=runs * macs,
            mults=runs * (macs + more + mults),
            adds=runs * (adds + plus),
            compares=runs * compares,
            divs=runs * divs,
            specials=runs * specials,
            params=directions * (macs + self.bias_sets * gates * h + peep),
            activations=y,
        )

    def written(self, inputs: Shapes) -> Written:
        options: dict[str, Value | None] = {
            "out": self.hidden,
            "bias": bool(self.bias_sets) or None,
            "bias-sets": self.bias_sets or None,
            "projection": self.projection or None,
            "act": None if self.act == "tanh" or self.relu else self.act,
            "gate": None if self.gate == "sigmoid" or self.cell == "rnn" else self.gate,
            "peephole": self.peephole or None,
            "reset-before": self.reset_before or None,
            "bidirectional": self.bidirectional or None,
            "last": self.last or None,
        }
        return Written(self.cell, ("relu",) if self.relu else (), options)

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(own=True, multiples=(Multiple(-1, 2 if self.bidirectional else 1),))

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        """Both directions share the output; projected units keep their proportion to the projection."""
        directions = 2 if self.bidirectional else 1
        before = self.projection or self.hidden
        size = wider(before * directions)
        if size % directions:
            raise Invalid(f"its two directions cannot share {size} outputs")
        after = size // directions
        if not self.projection:
            return self._replace(hidden=after)
        return self._replace(hidden=max(1, self.hidden * after // before), projection=after)


def _counted(*functions: tuple[str, int]) -> dict[str, int]:
    """The number of calls of each function per unit."""
    counts: dict[str, int] = {}
    for how, times in functions:
        counts[how] = counts.get(how, 0) + times
    return counts


def _work(functions: dict[str, int]) -> list[int]:
    """The mults, additions, compares, divisions and specials of these functions in total; a linear one has none."""
    work = [0, 0, 0, 0, 0]
    for how, times in functions.items():
        if how != "linear":
            work = [count + times * each for count, each in zip(work, ACTIVATIONS[how][:5])]
    return work


# --- from words and options ------------------------------------------------------------------------------------------


def _recurrent(given: Arguments) -> Op:
    cell, words, options = given.kind, given.words, given.options
    for option in ("act", "gate"):
        how = cast(str, options.get(option, "linear"))
        if how not in (*ACTIVATIONS, "linear"):
            raise Invalid(f"{quoted(how)} is not an activation", near_miss(how, [*ACTIVATIONS, "linear"]), option)
    if words and "act" in options:
        raise Invalid(f"{cell} {words[0]} says its function already", about="act")
    sets = given.size("bias-sets", 2 if cell == "gru" and not given.on("reset-before") else 1)
    if sets > 2 or ("bias-sets" in options and not given.on("bias")):
        raise Invalid("bias sets are 1 or 2, and only with --bias", about="bias-sets")
    return Recurrent(
        cell,
        given.size("out"),
        sets if given.on("bias") else 0,
        given.size("projection", 0),
        given.on("peephole"),
        given.on("reset-before"),
        "relu" in words,
        given.on("bidirectional"),
        given.on("last"),
        cast(str, options.get("act", "tanh")),
        cast(str, options.get("gate", "sigmoid")),
    )


BUILD: dict[str, Builder] = dict.fromkeys(("rnn", "lstm", "gru"), _recurrent)
