"""Element by element: activations, sums and products of several inputs, stored scales and shifts."""

from typing import NamedTuple

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.base import Op, broadcast
from sepcalc.shape import Shape, Shapes


class Formula(NamedTuple):
    """What one element costs, and the function as it is evaluated."""

    mults: int
    adds: int
    compares: int
    divs: int
    specials: int
    text: str
    factor: str = ""  # the option that costs `extra` mults more when it is given and not 1
    extra: int = 0


# Sources: the papers that introduced them, evaluated as written (opcounts.md, "Activations").
ACTIVATIONS = {
    "relu": Formula(0, 0, 1, 0, 0, "max(x, 0)"),
    "relu6": Formula(0, 0, 2, 0, 0, "min(max(x, 0), 6)"),
    "clip": Formula(0, 0, 2, 0, 0, "min(max(x, low), high)"),
    "leaky-relu": Formula(1, 0, 1, 0, 0, "x if x > 0 else a·x"),
    "prelu": Formula(1, 0, 1, 0, 0, "x if x > 0 else a·x, a trained"),
    "sigmoid": Formula(0, 1, 0, 1, 1, "1/(1 + exp(-x))"),
    "tanh": Formula(0, 0, 0, 0, 1, "tanh(x)"),
    "hard-sigmoid": Formula(1, 1, 2, 0, 0, "relu6(x + 3)·(1/6)"),
    "hard-swish": Formula(2, 1, 2, 0, 0, "x·relu6(x + 3)·(1/6)"),
    "silu": Formula(1, 1, 0, 1, 1, "x·sigmoid(x)"),
    "swish": Formula(1, 1, 0, 1, 1, "x·sigmoid(beta·x)", "beta", 1),
    "gelu": Formula(3, 1, 0, 0, 1, "0.5·x·(1 + erf(x·sqrt(1/2)))"),
    "gelu-tanh": Formula(6, 2, 0, 0, 1, "0.5·x·(1 + tanh(sqrt(2/pi)·(x + 0.044715·x^3)))"),
    "mish": Formula(1, 1, 0, 0, 3, "x·tanh(log(1 + exp(x)))"),
    "elu": Formula(0, 1, 1, 0, 1, "x if x > 0 else alpha·(exp(x) - 1)", "alpha", 1),
    "selu": Formula(2, 1, 1, 0, 1, "scale·(x if x > 0 else alpha·(exp(x) - 1))"),
    "softplus": Formula(0, 1, 0, 0, 2, "log(1 + exp(beta·x))/beta", "beta", 2),
    "softsign": Formula(0, 1, 0, 1, 0, "x/(1 + abs(x))"),
}


class _Activation(NamedTuple):
    how: str
    factor: float = 1.0  # alpha of elu, beta of swish and softplus
    shared: bool = False  # prelu: one trained slope for all channels


class Activation(_Activation, Op):
    """An activation function: per element what :data:`ACTIVATIONS` says. No macs.

    An optional scalar that is 1 is not multiplied. PReLU's params: C, or 1 when shared. Source: opcounts.md.
    """

    __slots__ = ()
    label = "act"

    def detail(self, inputs: Shapes) -> str:
        return self.how

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        x = name("elements", *output)
        mults, adds, compares, divs, specials, _, _, extra = ACTIVATIONS[self.how]
        params = 0
        if self.how == "prelu":
            params = name("slope", 1) if self.shared else name("channels", output[-1])
        return Cost(
            mults=(mults + (extra if self.factor != 1 else 0)) * x,
            adds=adds * x,
            compares=compares * x,
            divs=divs * x,
            specials=specials * x,
            params=params,
            activations=x,
        )


# Which count a step of each takes.
ELEMENTWISE = {
    "add": "adds",
    "subtract": "adds",
    "multiply": "mults",
    "divide": "divs",
    "maximum": "compares",
    "minimum": "compares",
}


class _Elementwise(NamedTuple):
    how: str


class Elementwise(_Elementwise, Op):
    """The sum, difference, product, quotient, maximum or minimum of several inputs, element by element.

    (n-1)·y operations for n inputs of equal shape; where shapes broadcast, each step costs its own result.
    Source: opcounts.md.
    """

    __slots__ = ()
    least = 2
    most = 1000

    def kind(self, inputs: Shapes) -> str:
        return self.how

    def output(self, inputs: Shapes) -> Shape:
        if len(inputs) > 2 and self.how in ("subtract", "divide"):
            raise Invalid(f"{self.how} takes two inputs, not {len(inputs)}")
        return broadcast(inputs, self.how)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        steps = [name("elements", *broadcast(inputs[: n + 1], self.how)) for n in range(1, len(inputs))]
        if len(set(map(int, steps))) == 1:
            total = name("steps", len(steps)) * steps[0] if len(steps) > 1 else steps[0]
        else:
            total = sum(steps[1:], steps[0])
        return Cost(**{ELEMENTWISE[self.how]: total}, activations=name("elements", *output))


class _Stored(NamedTuple):
    how: str
    per: str = "constant"


class Stored(_Stored, Op):
    """The input times (scale) or plus (shift) a stored number: a constant, or trained per channel (a layer scale)
    or per element (a position table). Dividing by a constant is multiplying by its reciprocal.

    y mults or y additions; params 0, C or y. Source: opcounts.md, rule 2.
    """

    __slots__ = ()

    def kind(self, inputs: Shapes) -> str:
        return self.how

    def detail(self, inputs: Shapes) -> str:
        return f"per {self.per}" if self.per != "constant" else "constant"

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        y = name("elements", *output)
        trained = {"constant": 0, "channel": name("channels", output[-1]), "element": y}[self.per]
        if self.how == "scale":
            return Cost(mults=y, params=trained, activations=y)
        return Cost(adds=y, params=trained, activations=y)
