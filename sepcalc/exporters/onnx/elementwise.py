"""Activations, joins of several inputs, stored operands."""

from typing import Any, TypeAlias

from sepcalc.errors import Invalid
from sepcalc.exporters.onnx.graph import BOOL, FLOAT, LEAST_OPSET, Array, Call, Handler, Tensor
from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Scatter, Select, Stored
from sepcalc.shape import Shape
from sepcalc.verification.elementwise import SLOPE

# An activation as a term: an operator with its inputs. x is the input, f the factor, a number a constant; a dict after
# the operator's name holds its attributes. Where ONNX has no operator, the term costs what the activation costs.
Term: TypeAlias = str | float | tuple[Any, ...]
_SIGMOID: Term = ("Sigmoid", "x")
_EXPM1: Term = ("Sub", ("Exp", "x"), 1.0)
_CUBE: Term = ("Mul", ("Mul", "x", "x"), "x")
_TERMS: dict[str, Term] = {
    "relu": ("Relu", "x"),
    "relu6": ("Clip", "x", 0.0, 6.0),
    "clip": ("Clip", "x", -1.0, 2.0),
    "leaky-relu": ("LeakyRelu", {"alpha": SLOPE}, "x"),
    "sigmoid": _SIGMOID,
    "tanh": ("Tanh", "x"),
    "hard-sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, "x"),
    "hard-swish": ("HardSwish", "x"),
    "silu": ("Mul", "x", _SIGMOID),
    "swish": ("Mul", "x", ("Sigmoid", ("Mul", "x", "f"))),
    "gelu": ("Gelu", "x"),
    "gelu-tanh": ("Gelu", {"approximate": "tanh"}, "x"),
    "mish": ("Mish", "x"),
    "elu": ("Elu", {"alpha": "f"}, "x"),
    "selu": ("Selu", "x"),
    "softplus": ("Softplus", "x"),
    "softsign": ("Softsign", "x"),
    "celu": ("Celu", {"alpha": "f"}, "x"),
    "log-sigmoid": ("Log", _SIGMOID),
    "threshold": ("Where", ("Greater", "x", 1.0), "x", 0.5),
    "hard-shrink": ("Shrink", {"lambd": 0.5, "bias": 0.0}, "x"),
    "soft-shrink": ("Shrink", {"lambd": 0.5, "bias": 0.5}, "x"),
    "tanh-shrink": ("Sub", "x", ("Tanh", "x")),
    "expm1": _EXPM1,
    "log1p": ("Log", ("Add", "x", 1.0)),
    "rsqrt": ("Reciprocal", ("Sqrt", "x")),
    "square": ("Mul", "x", "x"),
    "cube": _CUBE,
    "pow": ("Pow", "x", 0.3),
}
# of the same name in ONNX
_SAME = (
    "exp log sqrt reciprocal erf sin cos tan asin acos atan sinh cosh asinh acosh atanh abs neg sign floor ceil round"
)
_TERMS |= {how: (how.capitalize(), "x") for how in _SAME.split()}


_SINCE = {"Gelu": 20, "Mish": 18}  # the opset that brought an operator


def _activation(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    first = given.first
    if op.how == "prelu":
        size = 1 if op.shared else given.shape[-1]
        slope = call.stored("slope", (size,), lambda array: placed(array, given.shape, first))
        return call.result(call.add("PRelu", call.real(0, first), slope), first)
    if op.how == "not":
        truth = call.add("Not", call.add("Cast", given.name, to=BOOL))
        return call.result(call.add("Cast", truth, to=FLOAT), first)
    if op.how == "softplus" and op.factor != 1:
        inner = call.add("Softplus", call.add("Mul", call.real(0, first), call.number(op.factor)))
        return call.result(call.add("Mul", inner, call.number(1 / op.factor)), first)
    term = _TERMS["silu" if op.how == "swish" and op.factor == 1 else op.how]
    return call.result(_written(call, term, call.real(0, first), op.factor), first)


def _written(call: Call, term: Term, x: str, factor: float) -> str:
    """The name of the output of a term."""
    if isinstance(term, float):
        return call.number(term)
    if isinstance(term, str):
        return x if term == "x" else call.number(factor)
    kind, *inputs = term
    attributes: dict[str, Any] = {}
    if inputs and isinstance(inputs[0], dict):
        attributes = {name: factor if value == "f" else value for name, value in inputs.pop(0).items()}
    call.needs(_SINCE.get(kind, LEAST_OPSET))
    return call.add(kind, *[_written(call, one, x, factor) for one in inputs], **attributes)


def placed(array: Array, shape: Shape, first: bool) -> Array:
    """Numbers for each channel, or of any shape that broadcasts with ``shape`` (aligned at the channels), in the layout
    of a tensor of that shape: with axes of size 1 where there are none."""
    if not first or len(shape) < 2:
        return array
    whole = array.reshape(*[1] * (len(shape) - array.ndim), *array.shape)
    return whole.transpose(len(shape) - 1, *range(len(shape) - 1))


_JOINS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "maximum": "Max",
    "minimum": "Min",
    "compare": "Greater",
    "power": "Pow",
    "logical": "And",
}


def aligned(call: Call, kind: int = FLOAT) -> tuple[list[str], bool]:
    """The inputs in one layout and with as many axes as the output, so that they broadcast from the channels on; and
    whether the channels come first."""
    rank = max(map(len, call.shapes))
    first = next(one.first for one in call.inputs if len(one.shape) == rank)
    if any(len(shape) != rank for shape in call.shapes):
        first = False
    names = []
    for one in call.inputs:
        name = call.turned(one, first)
        if one.kind != kind:
            name = call.add("Cast", name, to=kind)
        if missing := rank - len(one.shape):
            name = call.add("Unsqueeze", name, call.sizes(range(1, 1 + missing)))
        names.append(name)
    return names, first


def _join(call: Call) -> Tensor:
    op = call.op
    logical = op.how == "logical"
    (found, *others), first = aligned(call, BOOL if logical else FLOAT)
    for other in others:
        found = call.add(_JOINS[op.how], found, other)
    if logical or op.how == "compare":
        found = call.add("Cast", found, to=FLOAT)
    return call.result(found, first)


# A stored operand: the operator, and whether the operand stands before the input.
_STORED = {
    "scale": ("Mul", False),
    "shift": ("Add", False),
    "from": ("Sub", True),
    "over": ("Div", True),
    "maximum": ("Max", False),
    "minimum": ("Min", False),
    "compare": ("Greater", False),
    "power": ("Pow", True),
    "logical": ("And", False),
}


def _stored(call: Call) -> Tensor:
    op, (given,) = call.op, call.inputs
    kind, before = _STORED[op.how]
    first = given.first and len(op.shape) <= len(given.shape)
    name = call.real(0, first)
    if wider := len(call.output) - len(given.shape):
        name = call.add("Unsqueeze", name, call.sizes(range(1, 1 + wider)))
    if op.per == "constant":
        if op.shape and call.output != given.shape:
            raise Invalid("the stored number would change the shape")
        operand = call.number(3.0)
    else:
        shape = {"channel": call.output[-1:], "element": call.output, "shape": op.shape}[op.per]
        operand = call.stored("stored", shape, lambda array: placed(array, call.output, first))
    if op.how == "logical":
        name, operand = [call.add("Cast", one, to=BOOL) for one in (name, operand)]
    found = call.add(kind, *((operand, name) if before else (name, operand)))
    if op.how in ("compare", "logical"):
        found = call.add("Cast", found, to=FLOAT)
    return call.result(found, first)


def _select(call: Call) -> Tensor:
    names, first = aligned(call)
    condition = call.add("Cast", names[0], to=BOOL)
    sides = [*names[1:], *[call.number(value) for value in (1.0, 0.0)[len(names) - 1 :]]]
    return call.result(call.add("Where", condition, *sides), first)


def _scatter(call: Call) -> Tensor:
    raise Invalid("the indices of a scatter are not known")


ELEMENTWISE: dict[type[Op], Handler] = {
    Activation: _activation,
    Elementwise: _join,
    Stored: _stored,
    Select: _select,
    Scatter: _scatter,
}
