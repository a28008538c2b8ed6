"""Elementwise ops: activations, sums and products of several inputs, stored scales and shifts."""

from typing import NamedTuple, cast

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Arguments, Written
from sepcalc.ops.base import Builder, Op, Ties, Width, broadcast, renamed, stretched
from sepcalc.options import Value
from sepcalc.shape import Shape, Shapes, show


class Formula(NamedTuple):
    """The cost of one element, and the function as it is evaluated."""

    mults: int
    adds: int
    compares: int
    divs: int
    specials: int
    text: str
    factor: str = ""  # the option that costs `extra` more mults if it is not 1
    extra: int = 0


# Sources: the papers that introduced the functions, evaluated as written.
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
    "celu": Formula(0, 2, 2, 0, 1, "max(x, 0) + min(0, alpha·(exp(x/alpha) - 1))", "alpha", 2),
    "log-sigmoid": Formula(0, 1, 0, 1, 2, "log(1/(1 + exp(-x)))"),
    "threshold": Formula(0, 0, 1, 0, 0, "x if x > a else b"),
    "hard-shrink": Formula(0, 0, 2, 0, 0, "x if x > a or x < -a else 0"),
    "soft-shrink": Formula(0, 2, 2, 0, 0, "x - a if x > a else x + a if x < -a else 0"),
    "tanh-shrink": Formula(0, 1, 0, 0, 1, "x - tanh(x)"),
    # Elementary functions, from which graphs build formulas. Each is one special, except those that take only
    # multiplications, a division by a computed number, or nothing (a sign, a magnitude).
    "exp": Formula(0, 0, 0, 0, 1, "exp(x)"),
    "expm1": Formula(0, 1, 0, 0, 1, "exp(x) - 1"),
    "log": Formula(0, 0, 0, 0, 1, "log(x)"),
    "log1p": Formula(0, 1, 0, 0, 1, "log(1 + x)"),
    "sqrt": Formula(0, 0, 0, 0, 1, "sqrt(x)"),
    "rsqrt": Formula(0, 0, 0, 1, 1, "1/sqrt(x)"),
    "reciprocal": Formula(0, 0, 0, 1, 0, "1/x"),
    "erf": Formula(0, 0, 0, 0, 1, "erf(x)"),
    "sin": Formula(0, 0, 0, 0, 1, "sin(x)"),
    "cos": Formula(0, 0, 0, 0, 1, "cos(x)"),
    "tan": Formula(0, 0, 0, 0, 1, "tan(x)"),
    "asin": Formula(0, 0, 0, 0, 1, "asin(x)"),
    "acos": Formula(0, 0, 0, 0, 1, "acos(x)"),
    "atan": Formula(0, 0, 0, 0, 1, "atan(x)"),
    "sinh": Formula(0, 0, 0, 0, 1, "sinh(x)"),
    "cosh": Formula(0, 0, 0, 0, 1, "cosh(x)"),
    "asinh": Formula(0, 0, 0, 0, 1, "asinh(x)"),
    "acosh": Formula(0, 0, 0, 0, 1, "acosh(x)"),
    "atanh": Formula(0, 0, 0, 0, 1, "atanh(x)"),
    "square": Formula(1, 0, 0, 0, 0, "x·x"),
    "cube": Formula(2, 0, 0, 0, 0, "x·x·x"),
    "pow": Formula(0, 0, 0, 0, 1, "x^a, a no small whole number"),
    "abs": Formula(0, 0, 0, 0, 0, "abs(x)"),
    "neg": Formula(0, 0, 0, 0, 0, "-x"),
    "sign": Formula(0, 0, 0, 0, 0, "-1, 0 or 1"),
    "floor": Formula(0, 0, 0, 0, 0, "the whole number not above x"),
    "ceil": Formula(0, 0, 0, 0, 0, "the whole number not below x"),
    "round": Formula(0, 0, 0, 0, 0, "the nearest whole number"),
    "not": Formula(0, 0, 0, 0, 0, "not x"),
}


class _Activation(NamedTuple):
    how: str
    factor: float = 1.0  # alpha of elu, beta of swish and softplus
    shared: bool = False  # prelu: one trained slope for all channels
    fused: bool = False  # into the layer before it


class Activation(_Activation, Op):
    """An activation function: per element what :data:`ACTIVATIONS` says. No macs.

    An optional scalar that is 1 is not multiplied. PReLU's params: C, or 1 when shared. One that is fused into the
    layer before it writes no tensor of its own: it costs what it costs, and has no activations.
    """

    __slots__ = ()
    apart = True
    label = "act"
    windows = Op.in_place
    ties = Op.passing
    resized = Op.unchanged

    @property
    def writes(self) -> bool:  # type: ignore[override]  # a class constant in most ops
        """Whether it is a layer of its own."""
        return not self.fused

    def detail(self, inputs: Shapes) -> str:
        return f"{self.how}, fused" if self.fused else self.how

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
            activations=0 if self.fused else x,
        )

    def written(self, inputs: Shapes) -> Written:
        options: dict[str, Value | None] = {"shared": self.shared or None, "fused": self.fused or None}
        if self.factor != 1 and (name := ACTIVATIONS[self.how].factor):
            options[name] = self.factor
        return Written("act", (self.how,), options)


# The count of one step of each; and, or and xor have none (a choice after a compare).
ELEMENTWISE = {
    "add": "adds",
    "subtract": "adds",
    "multiply": "mults",
    "divide": "divs",
    "maximum": "compares",
    "minimum": "compares",
    "compare": "compares",
    "power": "specials",
    "logical": "",
}
_OF_TWO = ("subtract", "divide", "compare", "power")


class _Elementwise(NamedTuple):
    how: str


class Elementwise(_Elementwise, Op):
    """The sum, difference, product, quotient, maximum, minimum, comparison, power, or logical and, or, xor of several
    inputs, element by element.

    (n-1)·y operations (logical: none) for n inputs of equal shape; where shapes broadcast, each step costs its own
    result.
    """

    __slots__ = ()
    apart = True
    least = 2
    most = 1000
    windows = Op.in_place
    ties = Op.passing
    resized = Op.unchanged

    def kind(self, inputs: Shapes) -> str:
        return self.how

    def output(self, inputs: Shapes) -> Shape:
        if len(inputs) > 2 and self.how in _OF_TWO:
            raise Invalid(f"{self.how} takes two inputs, not {len(inputs)}")
        return broadcast(inputs, self.how)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        steps = [name("elements", *broadcast(inputs[: n + 1], self.how)) for n in range(1, len(inputs))]
        if len(set(map(int, steps))) == 1:
            total = name("steps", len(steps)) * steps[0] if len(steps) > 1 else steps[0]
        else:
            total = sum(steps[1:], steps[0])
        counts = {ELEMENTWISE[self.how]: total} if ELEMENTWISE[self.how] else {}
        return Cost(**counts, activations=name("elements", *output))

    def written(self, inputs: Shapes) -> Written:
        return Written(self.how)


# How a scatter combines an element with the one at its index.
SCATTERED = ("add", "multiply", "maximum", "minimum")


class _Scatter(NamedTuple):
    how: str
    to: Shape


class Scatter(_Scatter, Op):
    """Adds (multiplies, compares) every element of the first input to the element at its index in a tensor of shape
    ``to``. The further inputs are that tensor, unless it is stored, and the indices, if they are computed.

    x additions, mults or compares for x elements of the first input, whether or not indices repeat; y elements written.
    Each source element is one operation with the element at its index.
    """

    __slots__ = ()
    label = "scatter"
    most = 1000
    windows = Op.everywhere

    def detail(self, inputs: Shapes) -> str:
        return self.how

    def output(self, inputs: Shapes) -> Shape:
        return self.to

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        counts = {ELEMENTWISE[self.how]: name("elements put", *inputs[0])}
        return Cost(**counts, activations=name("elements", *output))

    def written(self, inputs: Shapes) -> Written:
        return Written("scatter", (self.how,), {"to": self.to})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(same=(0,)) if inputs[0][-1] == output[-1] else Ties()

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return self._replace(to=renamed("scatter", self.to, old, new))


class _Select(NamedTuple):
    pass


class Select(_Select, Op):
    """Elements of the second input where the first is true, else of the third; with fewer inputs, the others are stored
    numbers. Choosing is free; y elements written."""

    __slots__ = ()
    apart = True
    label = "select"
    most = 3
    cost = Op.moved
    windows = Op.in_place
    ties = Op.passing
    resized = Op.unchanged

    def output(self, inputs: Shapes) -> Shape:
        return broadcast(inputs, "select")

    def written(self, inputs: Shapes) -> Written:
        return Written("select")


# The count of one element of each, with the other operand stored.
STORED = {
    "scale": "mults",
    "shift": "adds",
    "from": "adds",
    "over": "divs",
    "maximum": "compares",
    "minimum": "compares",
    "compare": "compares",
    "power": "specials",
    "logical": "",
}


class _Stored(NamedTuple):
    how: str
    per: str = "constant"
    shape: Shape = ()


class Stored(_Stored, Op):
    """The input times (scale) or plus (shift) a stored number: a constant, or trained per channel (a layer scale),
    per element (a position table) or of any ``shape`` that the input broadcasts with. Also a stored number minus the
    input (from), over the input, to the power of the input, and the maximum, minimum, comparison or logical
    combination of both. Dividing by a stored number is multiplying by its reciprocal.

    y mults, additions, divisions, specials or compares (logical: none); params 0, C, y, or the elements of the shape.
    A division is one by what was computed; maxima and comparisons are compares.
    """

    __slots__ = ()
    apart = True
    windows = Op.in_place
    ties = Op.passing

    def kind(self, inputs: Shapes) -> str:
        return self.how if self.how in ("scale", "shift") else f"stored {self.how}"

    def detail(self, inputs: Shapes) -> str:
        if self.per == "constant":
            return "constant"
        return f"per {show(self.shape)}" if self.per == "shape" else f"per {self.per}"

    def output(self, inputs: Shapes) -> Shape:
        return broadcast((inputs[0], self.shape), self.how) if self.shape else inputs[0]

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        y = name("elements", *output)
        trained = 0
        if self.per == "channel":
            trained = name("channels", output[-1])
        elif self.per != "constant":
            trained = name("stored", *self.shape) if self.per == "shape" else y
        counts = {STORED[self.how]: y} if STORED[self.how] else {}
        return Cost(**counts, params=trained, activations=y)

    def written(self, inputs: Shapes) -> Written:
        words, options = () if self.per == "shape" else (self.per,), {"shape": self.shape or None}
        if self.how in ("scale", "shift"):
            return Written(self.how, words, options)
        return Written("stored", (self.how, *words), options)

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return self._replace(shape=stretched(self.shape, old[0], new[0])) if self.shape and old != new else self


# --- from words and options ------------------------------------------------------------------------------------------


def _activation(given: Arguments) -> Op:
    how = given.words[0]
    factor = cast(float, given.options.get(ACTIVATIONS[how].factor, 1.0))
    return Activation(how, factor, given.on("shared"), given.on("fused"))


def _stored(given: Arguments) -> Op:
    """``scale channel``, ``stored maximum channel``: a kind of its own, or the first word after ``stored``."""
    how, *words = given.words if given.kind == "stored" else (given.kind, *given.words)
    shape = given.sizes("shape")
    if shape and words and words[0] != "constant":
        raise Invalid(f"--shape says what is stored: leave out {words[0]}, or say constant", about="shape")
    return Stored(how, words[0] if words else "shape" if shape else "constant", shape)


BUILD: dict[str, Builder] = {
    "act": _activation,
    **dict.fromkeys(ELEMENTWISE, lambda given: Elementwise(given.kind)),
    **dict.fromkeys(("scale", "shift", "stored"), _stored),
    "select": lambda given: Select(),
    "scatter": lambda given: Scatter(given.words[0], given.sizes("to")),
}
