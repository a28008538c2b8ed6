"""Activations, joins of equal shapes, stored operands and scatters."""

from collections.abc import Callable, Sequence
from math import erf, erfc, prod, sqrt
from typing import Any

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.elementwise import Activation, Elementwise, Scatter, Select, Stored
from sepcalc.shape import Shape, Shapes
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Array, erf_of
from sepcalc.verification.executor import Executor, all_rows, exact, no_rows, whole
from sepcalc.verification.sampling import Piece, narrowed

SLOPE, SELU = 0.01, (1.6732632423543772, 1.0507009873554805)
_MULT = np.multiply
_POSITIVE = ("log", "log1p", "sqrt", "rsqrt", "reciprocal", "pow")  # defined above zero
_WITHIN_ONE = ("asin", "acos", "atanh")
_BETWEEN = ("floor", "ceil", "round")  # nothing to do on whole numbers


def sigmoid(x: Any) -> Any:
    """1/(1 + exp(-x))."""
    return np.divide(1.0, np.add(1.0, np.exp(np.negative(x))))


def _relu6(x: Any) -> Any:
    return np.minimum(np.maximum(x, 0.0), 6.0)


def _factor(x: Any, factor: float) -> Any:
    return x if factor == 1 else np.multiply(x, factor)


ACTIVATED: dict[str, tuple[Callable[[Any, float], Any], Callable[[Array, float], Any]]] = {
    "relu": (lambda x, _: np.maximum(x, 0.0), lambda x, _: x * (x > 0)),
    "relu6": (lambda x, _: _relu6(x), lambda x, _: np.clip(x, 0, 6)),
    "clip": (lambda x, _: np.minimum(np.maximum(x, -1.0), 2.0), lambda x, _: np.clip(x, -1, 2)),
    "leaky-relu": (
        lambda x, _: np.where(np.greater(x, 0.0), x, _MULT(SLOPE, x)),
        lambda x, _: np.maximum(x, 0) + SLOPE * np.minimum(x, 0),
    ),
    "sigmoid": (lambda x, _: sigmoid(x), lambda x, _: 0.5 * (1 + np.tanh(x / 2))),
    "tanh": (lambda x, _: np.tanh(x), lambda x, _: 1 - 2 / (np.exp(2 * x) + 1)),
    "hard-sigmoid": (lambda x, _: _MULT(_relu6(np.add(x, 3.0)), 1 / 6), lambda x, _: np.clip(x / 6 + 0.5, 0, 1)),
    "hard-swish": (
        lambda x, _: _MULT(x, _MULT(_relu6(np.add(x, 3.0)), 1 / 6)),
        lambda x, _: x * np.clip(x / 6 + 0.5, 0, 1),
    ),
    "silu": (lambda x, _: _MULT(x, sigmoid(x)), lambda x, _: x / (1 + np.exp(-x))),
    "swish": (lambda x, beta: _MULT(x, sigmoid(_factor(x, beta))), lambda x, beta: x / (1 + np.exp(-beta * x))),
    "gelu": (
        lambda x, _: _MULT(_MULT(0.5, x), np.add(1.0, erf_of(_MULT(x, sqrt(0.5))).astype(float))),
        lambda x, _: x / 2 * (2 - np.vectorize(erf)(-x / 2**0.5) - 1),
    ),
    "gelu-tanh": (
        lambda x, _: _MULT(
            _MULT(0.5, x),
            np.add(1.0, np.tanh(_MULT(sqrt(2 / np.pi), np.add(x, _MULT(0.044715, _MULT(_MULT(x, x), x)))))),
        ),
        lambda x, _: x / (1 + np.exp(-2 * (2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))),
    ),
    "mish": (
        lambda x, _: _MULT(x, np.tanh(np.log(np.add(1.0, np.exp(x))))),
        lambda x, _: x * np.tanh(np.logaddexp(0, x)),
    ),
    "elu": (
        lambda x, alpha: np.where(np.greater(x, 0.0), x, _factor(np.subtract(np.exp(x), 1.0), alpha)),
        lambda x, alpha: np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)),
    ),
    "selu": (
        lambda x, _: _MULT(SELU[1], np.where(np.greater(x, 0.0), x, _MULT(SELU[0], np.subtract(np.exp(x), 1.0)))),
        lambda x, _: SELU[1] * (np.maximum(x, 0) + SELU[0] * np.expm1(np.minimum(x, 0))),
    ),
    "softplus": (
        lambda x, beta: _factor(np.log(np.add(1.0, np.exp(_factor(x, beta)))), 1 / beta if beta else 1.0),
        lambda x, beta: np.logaddexp(0, beta * x) / (beta or 1),
    ),
    "softsign": (
        lambda x, _: np.divide(x, np.add(1.0, np.absolute(x))),
        lambda x, _: np.sign(x) - np.sign(x) / (1 + abs(x)),
    ),
    "celu": (
        lambda x, alpha: np.add(
            np.maximum(x, 0.0),
            np.minimum(0.0, _factor(np.subtract(np.exp(_factor(x, 1 / alpha if alpha else 1.0)), 1.0), alpha)),
        ),
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / (alpha or 1))),
    ),
    "log-sigmoid": (lambda x, _: np.log(sigmoid(x)), lambda x, _: -np.logaddexp(0, -x)),
    "threshold": (lambda x, _: np.where(np.greater(x, 1.0), x, 0.5), lambda x, _: x * (x > 1) + 0.5 * (x <= 1)),
    "hard-shrink": (
        lambda x, _: np.where(np.greater(x, 0.5), x, np.where(np.greater(-0.5, x), x, 0.0)),
        lambda x, _: x * (abs(x) > 0.5),
    ),
    "soft-shrink": (
        lambda x, _: np.where(
            np.greater(x, 0.5), np.subtract(x, 0.5), np.where(np.greater(-0.5, x), np.add(x, 0.5), 0.0)
        ),
        lambda x, _: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    ),
    "tanh-shrink": (lambda x, _: np.subtract(x, np.tanh(x)), lambda x, _: x - 1 + 2 / (np.exp(2 * x) + 1)),
    "exp": (lambda x, _: np.exp(x), lambda x, _: np.e**x),
    "expm1": (lambda x, _: np.subtract(np.exp(x), 1.0), lambda x, _: np.expm1(x)),
    "log": (lambda x, _: np.log(x), lambda x, _: np.log2(x) / np.log2(np.e)),
    "log1p": (lambda x, _: np.log(np.add(1.0, x)), lambda x, _: np.log1p(x)),
    "sqrt": (lambda x, _: np.sqrt(x), lambda x, _: x**0.5),
    "rsqrt": (lambda x, _: np.divide(1.0, np.sqrt(x)), lambda x, _: x**-0.5),
    "reciprocal": (lambda x, _: np.divide(1.0, x), lambda x, _: x**-1.0),
    "erf": (lambda x, _: erf_of(x).astype(float), lambda x, _: 1 - np.vectorize(erfc)(x)),
    "sin": (lambda x, _: np.sin(x), lambda x, _: np.exp(1j * x).imag),
    "cos": (lambda x, _: np.cos(x), lambda x, _: np.exp(1j * x).real),
    "tan": (lambda x, _: np.tan(x), lambda x, _: np.sin(x) / np.cos(x)),
    "asin": (lambda x, _: np.arcsin(x), lambda x, _: np.pi / 2 - np.arccos(x)),
    "acos": (lambda x, _: np.arccos(x), lambda x, _: np.pi / 2 - np.arcsin(x)),
    "atan": (lambda x, _: np.arctan(x), lambda x, _: np.angle(1 + 1j * x)),
    "sinh": (lambda x, _: np.sinh(x), lambda x, _: (np.exp(x) - np.exp(-x)) / 2),
    "cosh": (lambda x, _: np.cosh(x), lambda x, _: (np.exp(x) + np.exp(-x)) / 2),
    "asinh": (lambda x, _: np.arcsinh(x), lambda x, _: np.log(x + np.sqrt(x * x + 1))),
    "acosh": (lambda x, _: np.arccosh(x), lambda x, _: np.log(x + np.sqrt(x * x - 1))),
    "atanh": (lambda x, _: np.arctanh(x), lambda x, _: np.log((1 + x) / (1 - x)) / 2),
    "square": (lambda x, _: _MULT(x, x), lambda x, _: abs(x) ** 2),
    "cube": (lambda x, _: _MULT(_MULT(x, x), x), lambda x, _: x**3),
    "pow": (lambda x, _: np.power(x, 0.3), lambda x, _: np.exp(0.3 * np.log(x))),
    "abs": (lambda x, _: np.absolute(x), lambda x, _: np.maximum(x, -x)),
    "neg": (lambda x, _: np.negative(x), lambda x, _: 0 - x),
    "sign": (lambda x, _: np.sign(x), lambda x, _: (x > 0) * 1.0 - (x < 0)),
    "floor": (lambda x, _: np.floor(x), lambda x, _: -np.ceil(-x)),
    "ceil": (lambda x, _: np.ceil(x), lambda x, _: -np.floor(-x)),
    "round": (lambda x, _: np.rint(x), lambda x, _: np.round(x)),
    "not": (lambda x, _: np.logical_not(x), lambda x, _: x == 0),
}
"""An activation by name: how it runs on counted arrays, and its reference; both of the input and the op's factor."""


def argument_of(op: Activation, array: Array) -> Array:
    """An argument for which the function is defined, and which it changes."""
    if op.how in _POSITIVE:
        return np.abs(array) + 0.5
    if op.how in _WITHIN_ONE:
        return array / (np.abs(array).max() + 1)
    if op.how == "acosh":
        return np.abs(array) + 1.5
    return array / 4 if op.how in _BETWEEN else array


def _activation(op: Activation, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = bench.real(argument_of(op, inputs[0]))
    if op.how == "prelu":
        slope = bench.weights("slope", (1 if op.shared else output[-1],)).take().astype(np.float64)
        return np.where(np.greater(array, 0.0), array, np.multiply(slope, array))
    return np.asarray(ACTIVATED[op.how][0](array, op.factor))


def _activation_reference(op: Activation, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    array = argument_of(op, inputs[0]).astype(np.float64)
    if op.how == "prelu":
        slope = bench.weights("slope", (1 if op.shared else output[-1],)).look()
        return np.asarray(np.maximum(array, 0) + slope * np.minimum(array, 0))
    return np.asarray(ACTIVATED[op.how][1](array, op.factor))


_STEPS: dict[str, tuple[Any, Callable[[Array], Any]]] = {
    "add": (np.add, lambda all_: all_.sum(axis=0)),
    "subtract": (np.subtract, lambda all_: all_[0] + -all_[1]),
    "multiply": (np.multiply, lambda all_: all_.prod(axis=0)),
    "divide": (np.divide, lambda all_: all_[0] * (1 / all_[1])),
    "maximum": (np.maximum, lambda all_: all_.max(axis=0)),
    "minimum": (np.minimum, lambda all_: all_.min(axis=0)),
    "compare": (np.greater, lambda all_: all_[0] > all_[1]),
    "power": (np.power, lambda all_: np.exp(all_[1] * np.log(all_[0]))),
    "logical": (np.bitwise_and, lambda all_: np.bitwise_and.reduce(all_, axis=0)),
}
"""A join by name: a step from one input to the next, and its reference, of all inputs in a stack."""


def divisible(op: Elementwise, inputs: Sequence[Array]) -> list[Array]:
    """The inputs as 64-bit numbers for which the op is defined: no divisor is zero, every base is above zero."""
    arrays = [array.astype(np.int64 if op.how not in ("divide", "power") else np.float64) for array in inputs]
    if op.how == "power":
        return [np.abs(arrays[0]) + 1, arrays[1]]
    return arrays if op.how != "divide" else [arrays[0], np.where(arrays[1] == 0, 7, arrays[1])]


def _elementwise(op: Elementwise, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, *others = [array.view(bench.array) for array in divisible(op, inputs)]
    result: Any = first
    for other in others:
        result = _STEPS[op.how][0](result, other)
    return np.asarray(result)


def _elementwise_reference(op: Elementwise, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    return np.asarray(_STEPS[op.how][1](np.stack([np.broadcast_to(array, output) for array in divisible(op, inputs)])))


def _equal(op: Elementwise, inputs: Shapes, output: Shape) -> Op | None:
    """A join of equal shapes is one of rows."""
    return op if all(shape == output for shape in inputs) else None


def _some_positions(
    op: Elementwise, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """Some positions, where every input has either all of them or one for all."""
    sides = [array.shape[:-1] == output[:-1] for array in inputs]
    if not all(side or prod(array.shape[:-1]) == 1 for side, array in zip(sides, inputs)):
        return None
    rows = [array.reshape(-1, array.shape[-1]) for array in inputs]
    return narrowed(
        op,
        prod(output[:-1]),
        count,
        "positions",
        random,
        lambda chosen: [array[chosen] if side else array for array, side in zip(rows, sides)],
    )


_STORED: dict[str, tuple[Callable[[Any, Array], Any], Callable[[Array, Any], Any]]] = {
    "scale": (np.multiply, lambda x, a: x * a),
    "shift": (np.add, lambda x, a: x - -a),
    "from": (lambda x, a: np.subtract(a, x), lambda x, a: a + -x),
    "over": (lambda x, a: np.divide(a, x), lambda x, a: a * x**-1.0),
    "maximum": (np.maximum, lambda x, a: np.where(x > a, x, a)),
    "minimum": (np.minimum, lambda x, a: np.where(x < a, x, a)),
    "compare": (np.greater, lambda x, a: x > a),
    "power": (lambda x, a: np.power(np.abs(a) + 1.0, x), lambda x, a: np.exp(x * np.log(np.abs(a) + 1.0))),
    "logical": (np.bitwise_and, lambda x, a: x & a),
}
"""What is done with a stored operand by name: how it runs, and its reference; both of the input and the operand."""


def stored_shape(op: Stored, output: Shape) -> Shape:
    """The shape of a stored operand."""
    return {"constant": (), "channel": output[-1:], "element": output, "shape": op.shape}[op.per]


def stored_data(op: Stored, array: Array) -> Array:
    """The input, without zeros where the op divides by it."""
    return np.where(array == 0, 7.0, array) if op.how == "over" else array


def _stored(op: Stored, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    values = np.full(op.shape, 3) if op.per == "constant" else bench.weights("stored", stored_shape(op, output)).take()
    return np.asarray(_STORED[op.how][0](stored_data(op, inputs[0]).view(bench.array), values.astype(np.int32)))


def _stored_reference(op: Stored, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    shape = stored_shape(op, output)
    values = 3 if op.per == "constant" else bench.weights("stored", shape).look().astype(np.int64)
    return np.asarray(_STORED[op.how][1](np.broadcast_to(stored_data(op, inputs[0]), output), values))


def _by_channel(op: Stored, inputs: Shapes, output: Shape) -> Op | None:
    """An op whose operand is the same for every position is one of rows."""
    return op if op.per in ("constant", "channel") and not op.shape else None


def scattered(op: Scatter, inputs: Sequence[Array]) -> tuple[Array, Array]:
    """What stands at the places of a scatter (its second input, if that has their shape, or ones), and what is put
    there. Products take signs alone, so that no number of them becomes too large."""
    given = [array for array in inputs[1:2] if array.shape == op.to]
    before = np.array(given[0] if given else np.ones(op.to, inputs[0].dtype)).reshape(-1)
    put = inputs[0].reshape(-1)
    return before, np.sign(put) if op.how == "multiply" else put


def _scatter(op: Scatter, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """Elements go to the places in order, over and over, as many at once as there are places."""
    result, put = scattered(op, inputs)
    for start in range(0, put.size, result.size):
        part = put[start : start + result.size].view(bench.array)
        result[: part.size] = np.asarray(_STEPS[op.how][0](result[: part.size], part))
    return result.reshape(output)


def _scatter_reference(op: Scatter, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """For each place: its own element and all that are put there."""
    before, put = scattered(op, inputs)
    hows: dict[str, Any] = {"add": sum, "multiply": prod, "maximum": max, "minimum": min}
    found = [hows[op.how]([one, *map(int, put[at :: before.size])]) for at, one in enumerate(map(int, before))]
    return np.array(found, before.dtype).reshape(output)


def _select(op: Select, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, second, third = [*inputs, np.array(5), np.array(-5)][:3]
    return np.broadcast_to(np.where(first != 0, second, third), output)


def _select_reference(op: Select, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    first, second, third = [np.broadcast_to(array, output) for array in (*inputs, 5, -5)][:3]
    chosen = (first != 0) * 1
    return np.asarray(chosen * second + (1 - chosen) * third)


_EXACT = ("relu", "relu6", "clip", "prelu")

ELEMENTWISE: dict[type[Op], Executor] = {
    Activation: Executor(_activation, _activation_reference, lambda op: op.how not in _EXACT, all_rows, whole),
    Elementwise: Executor(
        _elementwise, _elementwise_reference, lambda op: op.how in ("divide", "power"), _equal, _some_positions
    ),
    Select: Executor(_select, _select_reference, exact, no_rows, whole),
    Scatter: Executor(_scatter, _scatter_reference, exact, no_rows, whole),
    Stored: Executor(_stored, _stored_reference, lambda op: op.how in ("over", "power"), _by_channel, whole),
}
