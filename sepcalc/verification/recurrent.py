"""Recurrent layers, step by step."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sepcalc.ops.base import Op
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Shape
from sepcalc.verification.bench import Bench
from sepcalc.verification.counting import Array
from sepcalc.verification.elementwise import ACTIVATED
from sepcalc.verification.executor import Executor, near, no_rows
from sepcalc.verification.sampling import Piece, piece
from sepcalc.verification.sums import by_matrix


class Cell(NamedTuple):
    """The stored numbers of a recurrent layer in one direction."""

    kernel: Array  # gates·H x (I + P): what is multiplied with the input, then with the state
    biases: Array  # sets x gates·H
    peep: Array  # 3 x H
    project: Array  # P x H


_GATES = {"rnn": 1, "lstm": 4, "gru": 3}


def cells_of(op: Recurrent, features: int, bench: Bench, take: bool) -> list[Cell]:
    """The cell of each direction; with ``take`` its numbers count as stored by the layer."""
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


def _recurrent(op: Recurrent, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    sequence = inputs[0].astype(np.float64)
    directions = []
    for at, cell in enumerate(cells_of(op, sequence.shape[1], bench, take=True)):
        steps = _run_cell(op, sequence[::-1] if at else sequence, cell, bench)
        directions.append(steps[-1] if op.last else np.stack(steps[::-1] if at else steps))
    return np.concatenate(directions, axis=-1).reshape(output)


def _function(how: str, at: int) -> Callable[[Any], Any]:
    """An activation by name: as it runs (0), or its reference (1)."""
    return (lambda x: x) if how == "linear" else lambda x: ACTIVATED[how][at](x, 1.0)


def _run_cell(op: Recurrent, sequence: Array, cell: Cell, bench: Bench) -> list[Array]:
    """Runs the steps. Each gate is one sum of I + H products with one merged bias."""
    features, size = sequence.shape[1], op.hidden
    state: Any = np.zeros(op.projection or size).view(bench.array)
    inner: Any = np.zeros(size).view(bench.array)
    merged = cell.biases.sum(axis=0) if op.bias_sets else None
    act, sigmoid = _function(op.act, 0), _function(op.gate, 0)
    result = []

    def gate(at: int, seen: Any) -> Any:
        rows = slice(at * size, (at + 1) * size)
        sums = by_matrix(bench, seen[None], cell.kernel[rows])[0]
        return sums if merged is None else np.add(sums, merged[rows])

    for x in sequence:
        seen = np.concatenate([x, np.asarray(state)])
        if op.cell == "rnn":
            state = np.maximum(gate(0, seen), 0.0) if op.relu else act(gate(0, seen))
        elif op.cell == "lstm":
            into, forget, new, out = [gate(at, seen) for at in range(4)]
            if op.peephole:
                into = np.add(into, np.multiply(cell.peep[0], inner))
                forget = np.add(forget, np.multiply(cell.peep[1], inner))
            inner = np.add(np.multiply(sigmoid(forget), inner), np.multiply(sigmoid(into), act(new)))
            if op.peephole:
                out = np.add(out, np.multiply(cell.peep[2], inner))
            state = np.multiply(sigmoid(out), act(inner))
            if op.projection:
                state = by_matrix(bench, state[None], cell.project)[0]
        else:
            reset, update = sigmoid(gate(0, seen)), sigmoid(gate(1, seen))
            if op.reset_before:
                new = gate(2, np.concatenate([x, np.asarray(np.multiply(reset, state))]))
            else:
                new = _reset_after(op, cell, x, state, reset, bench, features)
            new = act(new)
            state = np.add(np.multiply(np.subtract(1.0, update), new), np.multiply(update, state))
        result.append(np.asarray(state))
    return result


def _reset_after(op: Recurrent, cell: Cell, x: Array, state: Any, reset: Any, bench: Bench, features: int) -> Any:
    """W·x + b1 + r·(U·h + b2): the second bias cannot merge with the first."""
    rows = cell.kernel[2 * op.hidden :]
    from_input = by_matrix(bench, x[None], rows[:, :features])[0]
    from_state = by_matrix(bench, state[None], np.ascontiguousarray(rows[:, features:]))[0]
    if op.bias_sets:
        from_input = np.add(from_input, cell.biases[0, 2 * op.hidden :])
        from_state = np.add(from_state, cell.biases[-1, 2 * op.hidden :])
    return np.add(from_input, np.multiply(reset, from_state))


def _recurrent_reference(op: Recurrent, inputs: Sequence[Array], output: Shape, bench: Bench) -> Array:
    """The textbook's form, with a matrix for the input and one for the state."""
    sequence = inputs[0].astype(np.float64)
    features, h = sequence.shape[1], op.hidden
    act, sigmoid = _function(op.act, 1), _function(op.gate, 1)
    directions = []
    for at, (kernel, biases, peep, project) in enumerate(cells_of(op, features, bench, take=False)):
        w, u = kernel[:, :features], kernel[:, features:]
        b = biases[0] if op.bias_sets else np.zeros(len(w))
        b2 = biases[-1] if op.bias_sets and (op.bias_sets == 2 or op.cell == "gru") else np.zeros(len(w))
        peeps = peep if op.peephole else np.zeros((3, h))
        state, inner, steps = np.zeros(u.shape[1]), np.zeros(h), []
        for x in sequence[::-1] if at else sequence:
            if op.cell == "rnn":
                z = w @ x + u @ state + b + b2
                state = z.clip(0) if op.relu else act(z)
            elif op.cell == "lstm":
                i, f, g, o = np.split(w @ x + u @ state + b + b2, 4)
                inner, before = np.zeros(h), inner
                inner = sigmoid(f + peeps[1] * before) * before + sigmoid(i + peeps[0] * before) * act(g)
                state = sigmoid(o + peeps[2] * inner) * act(inner)
                state = project @ state if op.projection else state
            else:
                both = b[: 2 * h] + (b2[: 2 * h] if op.bias_sets == 2 else 0)
                r, z = np.split(sigmoid((w @ x)[: 2 * h] + (u @ state)[: 2 * h] + both), 2)
                if op.reset_before:
                    last = b[2 * h :] + (b2[2 * h :] if op.bias_sets == 2 else 0)
                    n = act(w[2 * h :] @ x + u[2 * h :] @ (r * state) + last)
                else:
                    n = act(w[2 * h :] @ x + b[2 * h :] + r * (u[2 * h :] @ state + b2[2 * h :]))
                state = n + z * (state - n)
            steps.append(state)
        directions.append(steps[-1] if op.last else np.stack(steps[::-1] if at else steps))
    return np.concatenate(directions, axis=-1).reshape(output)


def _first_steps(
    op: Recurrent, inputs: Sequence[Array], output: Shape, count: int, random: np.random.Generator
) -> Piece | None:
    """The first steps: each needs those before it."""
    (sequence,) = inputs
    if len(sequence) <= count:
        return None
    return piece(op, [sequence[:count]], f"the first {count:,} of {len(sequence):,} steps")


RECURRENT: dict[type[Op], Executor] = {
    Recurrent: Executor(_recurrent, _recurrent_reference, near, no_rows, _first_steps),
}
