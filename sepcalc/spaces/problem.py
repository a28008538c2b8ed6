"""What is asked of a space, as numbers alone: variables, tables that add up, and limits on the sums."""

from collections.abc import Mapping, Sequence
from math import gcd
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepcalc.errors import Invalid
from sepcalc.spaces.tables import Table, combine, constant, of_variable

Limits = Mapping[str, tuple[int | None, int | None]]  # of a metric the least and the most, both allowed
MEMORY = 1 << 30  # bytes
MAX_CELLS = 1 << 24  # of a table over all variables that meet in one
Numbers = tuple[tuple[int, ...], NDArray[Any]]  # variables, and a value for each of their cells
WIDE = 1 << 62  # keys and counts below it are int64


class Unanswerable(Invalid):
    """The answer would take more memory, or time, than is allowed."""


class Problem(NamedTuple):
    """A space as numbers. ``sizes``: how many values each variable has. ``occurs``: where it occurs, everywhere if it
    is not there; elsewhere its value is None. ``fits``: tables of truth; where all hold, there is a network. ``sums``:
    tables that add up to a metric; ``peaks``: tables whose largest value is a metric."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    occurs: Mapping[int, Table]
    fits: tuple[Table, ...]
    sums: Mapping[str, tuple[Table, ...]]
    peaks: Mapping[str, tuple[Table, ...]]


class Axis(NamedTuple):
    """A sum that is followed, in steps of its own: the metric is ``base`` + ``step`` · n for n from 0 to ``most``; with
    ``down`` it is ``base`` - ``step`` · n. ``low`` and ``high`` are the least and the largest n that are within the
    limits. ``name`` is the metric."""

    name: str
    base: int
    step: int
    most: int
    down: bool
    low: int
    high: int

    def metric(self, n: int) -> int:
        """The metric that n stands for."""
        return self.base - self.step * n if self.down else self.base + self.step * n


class Factor(NamedTuple):
    """What holds of a few variables: ``keys`` are what each axis adds (packed into one number), where ``valid``."""

    variables: tuple[int, ...]
    keys: NDArray[Any]
    valid: NDArray[np.bool_]


class Packed(NamedTuple):
    """A problem with its axes packed into one number each: that of the first axis counts most."""

    problem: Problem
    axes: tuple[Axis, ...]
    strides: tuple[int, ...]
    factors: tuple[Factor, ...]
    wide: bool  # keys are numbers of any size, not int64

    def part(self, keys: Any, axis: int) -> Any:
        """What packed keys hold of one axis."""
        span = self.axes[axis].most + 1
        return keys // self.strides[axis] % span


def packed(problem: Problem, wanted: Sequence[tuple[str, bool]], limits: Limits) -> Packed:
    """The problem with these axes: metrics, each with whether it is followed downwards (the largest first). Limits on
    any other metric, and on peaks, become axes and conditions behind them."""
    fits = [*problem.fits]
    sums = dict(problem.sums)
    bounds = dict(limits)
    for metric, tables in problem.peaks.items():
        least, most = bounds.pop(metric, (None, None))
        tables = tables or (constant(0),)
        if most is not None:
            fits += [combine(lambda value, most=most: value <= most, table) for table in tables]
        if least is not None:
            reached = tuple([combine(lambda value, least=least: int(value >= least), table) for table in tables])
            sums[f"{metric} reached"], bounds[f"{metric} reached"] = reached, (1, None)
    names = dict(wanted)
    for metric, (least, most) in bounds.items():
        names.setdefault(metric, least is not None and most is None)
    axes, columns = [], []
    for metric, down in names.items():
        axis, parts = _axis(metric, down, _joined(sums.get(metric, ())), bounds.get(metric, (None, None)))
        axes.append(axis)
        columns.append(parts)
    strides = [1] * len(axes)
    for at in range(len(axes) - 2, -1, -1):
        strides[at] = strides[at + 1] * (axes[at + 1].most + 1)
    wide = bool(axes) and strides[0] * (axes[0].most + 1) >= WIDE
    factors: list[Factor] = []
    for parts, stride in zip(columns, strides):
        for variables, values in parts:
            keys = values.astype(object) * stride if wide else values.astype(np.int64) * stride
            factors.append(Factor(variables, keys, np.ones(values.shape, dtype=np.bool_)))
    for table in (*fits, *_pins(problem)):
        valid = table.numbers().astype(np.bool_)
        factors.append(Factor(table.variables, np.zeros(valid.shape, dtype=object if wide else np.int64), valid))
    return Packed(problem, tuple(axes), tuple(strides), tuple(_absorbed(factors, problem.sizes, wide)), wide)


def _joined(tables: Sequence[Table]) -> list[Numbers]:
    """Tables over the same variables as one."""
    found: dict[tuple[int, ...], NDArray[Any]] = {}
    for table in tables:
        numbers = table.numbers().astype(object)
        both = found[table.variables] + numbers if table.variables in found else numbers
        found[table.variables] = np.asarray(both, dtype=object)
    return [*found.items()]


def _axis(
    metric: str,
    down: bool,
    tables: Sequence[tuple[tuple[int, ...], NDArray[Any]]],
    limits: tuple[int | None, int | None],
) -> tuple[Axis, list[tuple[tuple[int, ...], NDArray[Any]]]]:
    """The axis of a metric, and its tables in its steps, the least of each 0."""
    base, step, most = 0, 0, 0
    shifted = []
    for variables, numbers in tables:
        if not variables:
            base += int(numbers)
            continue
        low, high = int(np.min(numbers)), int(np.max(numbers))
        base += high if down else low
        values = high - numbers if down else numbers - low
        for value in np.unique(values.astype(object) if high - low >= WIDE else values.astype(np.int64)).tolist():
            step = gcd(step, value)
        shifted.append((variables, values))
        most += high - low
    step = step or 1
    least, largest = limits
    high_n = most // step
    if down:
        first = 0 if largest is None else max(0, -((largest - base) // step))
        last = high_n if least is None else (base - least) // step
    else:
        first = 0 if least is None else max(0, -((base - least) // step))
        last = high_n if largest is None else (largest - base) // step
    axis = Axis(metric, base, step, high_n, down, min(first, high_n + 1), max(-1, min(last, high_n)))
    return axis, [(variables, values // step) for variables, values in shifted if bool(np.any(values))]


def _pins(problem: Problem) -> list[Table]:
    """For each variable that may not occur, where it may have which value: where it does not occur, the first alone."""
    return [
        combine(lambda occurs, at: bool(occurs or at == 0), table, of_variable(number, range(problem.sizes[number])))
        for number, table in problem.occurs.items()
        if problem.sizes[number] > 1
    ]


def _absorbed(factors: Sequence[Factor], sizes: Sequence[int], wide: bool) -> list[Factor]:
    """Factors, each added to one over the same variables and more, where there is one."""
    kept: list[Factor] = []
    for factor in sorted(factors, key=lambda factor: -len(factor.variables)):
        for at, other in enumerate(kept):
            if {*factor.variables} <= {*other.variables}:
                kept[at] = together([other, factor], other.variables, sizes, wide)
                break
        else:
            kept.append(factor)
    return kept


def together(factors: Sequence[Factor], variables: tuple[int, ...], sizes: Sequence[int], wide: bool) -> Factor:
    """Factors as one over these variables."""
    shape = tuple([sizes[variable] for variable in variables])
    keys: NDArray[Any] = np.zeros(shape, dtype=object if wide else np.int64)
    valid = np.ones(shape, dtype=np.bool_)
    for factor in factors:
        spread = [sizes[variable] if variable in factor.variables else 1 for variable in variables]
        keys = keys + factor.keys.reshape(spread)
        valid = valid & factor.valid.reshape(spread)
    return Factor(variables, keys, valid)
