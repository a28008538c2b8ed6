"""Recurrent layers. ONNX has the steps first, then the batch."""

from collections.abc import Callable

import numpy as np

from sepcalc.errors import Invalid
from sepcalc.exporters.onnx.graph import Array, Call, Handler, Tensor
from sepcalc.ops.base import Op
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Shape

# The order of our gates in ONNX's: input, output, forget, cell of ours input, forget, cell, output; update, reset.
_ORDERS = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
# The functions of a cell, and of those with settings their alpha and beta. Source: ONNX's LSTM, activation_alpha.
_FUNCTIONS = {
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "hard-sigmoid": "HardSigmoid",
    "softsign": "Softsign",
    "softplus": "Softplus",
    "linear": "Affine",
}
_SETTINGS = {"HardSigmoid": (1 / 6, 0.5), "Affine": (1.0, 0.0)}


def _recurrent(call: Call) -> Tensor:
    op, (shape,) = call.op, call.shapes
    features = shape[-1]
    if op.projection:
        raise Invalid("ONNX's LSTM has no projection")
    if op.bias_sets == 1:
        raise Invalid("ONNX stores two sets of biases: take --bias-sets 2")
    for how in (op.act, op.gate):
        if how not in _FUNCTIONS:
            raise Invalid(f"ONNX's {op.cell.upper()} has no {how}")
    h, order = op.hidden, _ORDERS[op.cell]
    directions = 2 if op.bidirectional else 1

    def gates(array: Array) -> Array:
        return np.concatenate([array[at * h : (at + 1) * h] for at in order])

    def both(role: str, sizes: Shape, arrange: Callable[[Array], Array], part: str) -> str:
        found = [call.stored(f"{at} {role}", sizes, arrange, f"{at} {part}") for at in range(directions)]
        return found[0] if directions == 1 else call.add("Concat", *found, axis=0)

    whole = (len(order) * h, features + h)
    weights = [
        both("kernel", whole, lambda array: gates(array)[None, :, :features], "input kernel"),
        both("kernel", whole, lambda array: gates(array)[None, :, features:], "state kernel"),
    ]
    if op.bias_sets or op.peephole:
        sets = (2, len(order) * h)
        weights.append(
            both("bias", sets, lambda array: np.concatenate([gates(one) for one in array])[None], "bias")
            if op.bias_sets
            else ""
        )
    if op.peephole:  # input, output, forget
        weights += ["", "", "", both("peep", (3, h), lambda array: array[[0, 2, 1]].reshape(1, -1), "peep")]
    act = "Relu" if op.relu else _FUNCTIONS[op.act]
    functions = {"rnn": [act], "gru": [_FUNCTIONS[op.gate], act], "lstm": [_FUNCTIONS[op.gate], act, act]}[op.cell]
    settings = {
        "hidden_size": h,
        "direction": "bidirectional" if op.bidirectional else None,
        "activations": functions * directions,
        "activation_alpha": [_SETTINGS[how][0] for how in functions * directions if how in _SETTINGS] or None,
        "activation_beta": [_SETTINGS[how][1] for how in functions * directions if how in _SETTINGS] or None,
        "linear_before_reset": int(not op.reset_before) if op.cell == "gru" else None,
    }
    sequence = call.add("Transpose", call.real(0, False), perm=[1, 0, 2])
    names = call.several(op.cell.upper(), [sequence, *weights], (not op.last, op.last), **settings)
    if op.last:  # directions, batch, hidden
        rows = call.add("Transpose", names[1], perm=[1, 0, 2])
    else:  # steps, directions, batch, hidden
        rows = call.add("Transpose", names[0], perm=[2, 0, 1, 3])
    return call.result(call.reshaped(rows, call.output))


RECURRENT: dict[type[Op], Handler] = {Recurrent: _recurrent}
