"""The networks of a space as NumPy columns, some at a time."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepcalc.errors import bad_input
from sepcalc.expression import as_text
from sepcalc.shape import show
from sepcalc.spaces.problem import Limits
from sepcalc.spaces.space import Space
from sepcalc.spaces.tables import Table

MAX_ROWS = 100_000_000  # of columns that are kept whole
MAX_JOINED = 1 << 18  # cells of an array that several tables become
Numbers = tuple[tuple[int, ...], NDArray[Any]]  # variables, and a value for each of their cells
CHUNK = 1 << 20  # places of a grid that are looked at at once
Columns = dict[str, NDArray[Any]]


class Grid(NamedTuple):
    """All assignments of the variables of a space, in order, with what is needed to count each: it can be sent to
    another process. ``largest``: the metrics that are the largest value of their tables, not the sum."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    occurs: Mapping[int, Table]
    fits: tuple[Table, ...]
    metrics: Mapping[str, tuple[Numbers, ...]]
    largest: frozenset[str]

    @property
    def places(self) -> int:
        """The number of assignments, with those of variables that do not occur."""
        total = 1
        for size in self.sizes:
            total *= size
        return total


def grid(space: Space, metrics: Sequence[str]) -> Grid:
    """The grid of a space. Tables of a metric over the same variables, or over some of them, are one."""
    sizes = tuple([variable.size for variable in space.variables])
    tables = {metric: _joined(space.tables(metric), sizes, metric in space.peaks) for metric in metrics}
    return Grid(space.names, sizes, space.occurs, (*space.fits, *space.kept), tables, frozenset(space.peaks))


def _joined(tables: Sequence[Table], sizes: Sequence[int], largest: bool) -> tuple[Numbers, ...]:
    """Tables as arrays, as few as there can be without any of them growing large."""
    found: list[Numbers] = []
    for table in tables:
        mine = table.variables, table.numbers()
        for at, other in enumerate(found):
            variables = tuple(sorted({*mine[0], *other[0]}))
            shape = [sizes[variable] for variable in variables]
            if int(np.prod(shape, dtype=object)) <= MAX_JOINED:
                one, two = [
                    numbers.reshape([sizes[variable] if variable in over else 1 for variable in variables])
                    for over, numbers in (mine, other)
                ]
                found[at] = variables, np.asarray(np.maximum(one, two) if largest else one + two)
                break
        else:
            found.append(mine)
    return tuple(found)


def columns(found: Grid) -> Columns:
    """All networks: for each variable the number of its value (-1: it does not occur), and the metrics. Raises
    InputError where there are too many."""
    if found.places > MAX_ROWS:
        raise bad_input(
            f"the space has {found.places:,} places: at most {MAX_ROWS:,} fit into columns", "take a sample"
        )
    parts = [chunk(found, at, min(at + CHUNK, found.places)) for at in range(0, found.places, CHUNK)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def chunk(found: Grid, first: int, last: int) -> Columns:
    """The networks from one place of a grid up to another."""
    place: NDArray[Any] = np.arange(first, last, dtype=np.int64)
    picks: list[NDArray[np.int64]] = []
    for size in reversed(found.sizes):
        place, pick = np.divmod(place, size)
        picks.append(pick)
    picks.reverse()
    good = np.ones(last - first, dtype=np.bool_)
    for number, table in found.occurs.items():
        good &= _looked_up(table, picks, len(good)) | (picks[number] == 0)
    for table in found.fits:
        good &= _looked_up(table, picks, len(good))
    if not good.all():
        picks = [pick[good] for pick in picks]
    rows = int(good.sum())
    columns: Columns = {}
    for number, name in enumerate(found.names):
        columns[name] = picks[number]
        if number in found.occurs:
            columns[name] = np.where(_looked_up(found.occurs[number], picks, rows), picks[number], -1)
    for metric, tables in found.metrics.items():
        total: NDArray[Any] = np.zeros(rows, dtype=np.int64)
        for variables, numbers in tables:
            values = numbers[tuple([picks[variable] for variable in variables])]
            total = np.maximum(total, values) if metric in found.largest else total + values
        columns[metric] = total
    return columns


def _looked_up(table: Table, picks: Sequence[NDArray[np.int64]], rows: int) -> NDArray[Any]:
    """The value of a table in each row."""
    numbers = table.numbers()
    if not table.variables:
        return np.full(rows, numbers)
    found: NDArray[Any] = numbers[tuple([picks[variable] for variable in table.variables])]
    return found


def shown(space: Space, found: Columns, metrics: Sequence[str], limits: Limits) -> Columns:
    """The rows of a chunk within limits, with the values of the variables in place of their numbers (None: it does not
    occur)."""
    rows = len(next(iter(found.values())))
    good = np.ones(rows, dtype=np.bool_)
    for metric, (least, most) in limits.items():
        good &= found[metric] >= least if least is not None else True
        good &= found[metric] <= most if most is not None else True
    picks = [np.maximum(found[name][good], 0) for name in space.names]
    columns: Columns = {}
    for number, variable in enumerate(space.variables):
        values = np.array([told(value) for value in variable.values.values], dtype=object)
        if number not in space.occurs and types(space)[variable.name] != "VARCHAR":
            values = np.array(values.tolist())
        codes = variable.values.codes[tuple([picks[at] for at in variable.values.variables])]
        columns[variable.name] = np.array(np.broadcast_to(values[codes], int(good.sum())))
        if number in space.occurs:
            columns[variable.name][found[variable.name][good] < 0] = None
    return columns | {metric: found[metric][good] for metric in metrics}


def types(space: Space) -> dict[str, str]:
    """The type of each variable's column, as SQL has it."""
    found = {}
    for variable in space.variables:
        kinds = {type(told(value)) for value in variable.values.values if value is not None}
        sorts: list[tuple[str, set[Any]]] = [("BOOLEAN", {bool}), ("BIGINT", {int}), ("DOUBLE", {int, float})]
        found[variable.name] = next((sort for sort, some in sorts if kinds <= some), "VARCHAR")
    return found


def told(value: Any) -> Any:
    """A value of a choice as a database keeps it: a number, true or false, or text."""
    if isinstance(value, tuple):
        return show(value)
    if isinstance(value, str | bool | int) or value is None:
        return value
    return float(value) if as_text(value) == str(float(value)) else as_text(value)
