"""What the execution of a layer and its reference must have in common: how inputs lie, and stored numbers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sepcalc.ops.conv import Fold, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Scatter, Stored
from sepcalc.ops.norm import RowNorm
from sepcalc.ops.product import Attention
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Pads, Shape
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Array

EPSILON = 1e-5


def bordered(array: Array, pads: Pads, fill: float = 0) -> Array:
    return np.pad(array, [*pads, (0, 0)], constant_values=fill)


def cropped(op: Transposed | Fold, full: Array, output: Shape) -> Array:
    """The border cut away, zeros where output padding adds positions that nothing reaches."""
    crops, _ = op.crops((*[0] * len(op.kernel), 0))
    result = np.zeros(output, full.dtype)
    kept = [(before, min(size - before, out)) for (before, _), size, out in zip(crops, full.shape, output)]
    source = tuple([slice(before, before + count) for before, count in kept])
    result[tuple([slice(0, count) for _, count in kept])] = np.asarray(full)[source]
    return result


def query_key_value(inputs: Sequence[Array]) -> list[Array]:
    arrays = [inputs[0], *([inputs[1], inputs[2]] if len(inputs) == 3 else [inputs[-1]] * 2)]
    return [array.reshape(-1, array.shape[-1]).astype(np.float64) for array in arrays]


def mask_of(op: Attention, query: Array, key: Array, bench: Bench) -> Array:
    return bench.data("mask", (len(query), len(key))).astype(np.float64)


def resampling_taps(how: str, size: int, to: int) -> tuple[Array, Array]:
    """For each output of an axis its input positions and their weights: half-pixel centres, edges repeated."""
    where = (np.arange(to) + 0.5) * size / to - 0.5
    if how == "nearest":
        return np.minimum((np.arange(to) * size) // to, size - 1)[:, None], np.ones((to, 1))
    whole = np.floor(where)
    part = where - whole
    if how == "bicubic":
        near = np.stack([1 + part, part, 1 - part, 2 - part], axis=1)
        a = -0.75
        weights = np.where(
            near <= 1, (a + 2) * near**3 - (a + 3) * near**2 + 1, a * near**3 - 5 * a * near**2 + 8 * a * near - 4 * a
        )
        steps = np.arange(-1, 3)
    else:
        weights, steps = np.stack([1 - part, part], axis=1), np.arange(2)
    return np.clip(whole[:, None].astype(int) + steps, 0, size - 1), weights


def scattered(op: Scatter, inputs: Sequence[Array]) -> tuple[Array, Array]:
    """What stands at the places of a scatter, its second input where that is the tensor, or ones; and what is put
    there: signs where all of them are multiplied, which no number of them makes too large."""
    given = [array for array in inputs[1:2] if array.shape == op.to]
    before = np.array(given[0] if given else np.ones(op.to, inputs[0].dtype)).reshape(-1)
    put = inputs[0].reshape(-1)
    return before, np.sign(put) if op.how == "multiply" else put


def grid_of(array: Array) -> Array:
    """Coordinates within the image and beyond it, none of them halfway between two centres."""
    return array * 0.37 + 0.011


def statistics_of(bench: Bench, channels: int, take: bool) -> tuple[Array, Array]:
    stored = bench.weights("statistics", (2, channels), "buffers")
    mean, spread = (stored.take() if take else stored.look()).astype(np.float64)
    return mean, 1 / np.sqrt(np.abs(spread) + 1 + EPSILON)


def norm_rows(op: RowNorm, array: Array) -> tuple[Array, tuple[int, ...]]:
    """The input with a row's elements along certain axes, and those axes."""
    if op.how == "group":
        return array.reshape(-1, op.groups, array.shape[-1] // op.groups), (0, 2)
    if op.how == "instance":
        return array.reshape(-1, array.shape[-1]), (0,)
    return array, tuple(range(array.ndim - op.axes, array.ndim))


_POSITIVE = ("log", "log1p", "sqrt", "rsqrt", "reciprocal", "pow")  # defined above zero
_BETWEEN = ("floor", "ceil", "round")  # nothing to do on whole numbers
LRN = (2.0, 1e-1, 0.75)  # k, alpha, beta


SLOPE, SELU = 0.01, (1.6732632423543772, 1.0507009873554805)


def divisible(op: Elementwise, inputs: Sequence[Array]) -> list[Array]:
    """Integers of 64 bits; what is divided by is not zero, what is raised to a power above it."""
    arrays = [array.astype(np.int64 if op.how not in ("divide", "power") else np.float64) for array in inputs]
    if op.how == "power":
        return [np.abs(arrays[0]) + 1, arrays[1]]
    return arrays if op.how != "divide" else [arrays[0], np.where(arrays[1] == 0, 7, arrays[1])]


_POSITIVE = ("log", "log1p", "sqrt", "rsqrt", "reciprocal", "pow")  # defined above zero
_BETWEEN = ("floor", "ceil", "round")  # nothing to do on whole numbers


def argument_of(op: Activation, array: Array) -> Array:
    """Data where the function is defined, and does something."""
    if op.how in _POSITIVE:
        return np.abs(array) + 0.5
    return array / 4 if op.how in _BETWEEN else array


def stored_shape(op: Stored, output: Shape) -> Shape:
    return {"constant": (), "channel": output[-1:], "element": output, "shape": op.shape}[op.per]


def stored_data(op: Stored, array: Array) -> Array:
    """What is divided by is not zero."""
    return np.where(array == 0, 7.0, array) if op.how == "over" else array


def order_of(shape: Shape, output: Shape) -> list[int]:
    """An order of the axes that gives the output's sizes."""
    left = list(range(len(shape)))
    order = []
    for size in output:
        order.append(next(axis for axis in left if shape[axis] == size))
        left.remove(order[-1])
    return order


class Cell(NamedTuple):
    """The stored numbers of a recurrent layer in one direction."""

    kernel: Array  # gates·H x (I + P): what is multiplied with the input, then with the state
    biases: Array  # sets x gates·H
    peep: Array  # 3 x H
    project: Array  # P x H


_GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def cells_of(op: Recurrent, features: int, bench: Bench, take: bool) -> list[Cell]:
    gates, size = _GATES[op.cell], op.projection or op.hidden

    def draw(role: str, rows: int, columns: int) -> Array:
        if not rows:
            return np.zeros((0, columns))
        stored = bench.weights(role, (rows, columns))
        return (stored.take() if take else stored.look()).astype(np.float64) / 8

    return [
        Cell(
            draw(f"{at} kernel", gates * op.hidden, features + size),
            draw(f"{at} bias", op.bias_sets, gates * op.hidden),
            draw(f"{at} peep", 3 if op.peephole else 0, op.hidden),
            draw(f"{at} project", op.projection, op.hidden),
        )
        for at in range(2 if op.bidirectional else 1)
    ]
