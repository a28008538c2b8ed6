"""Tables: a value for every assignment of a few variables, kept as small as it can be."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sepcalc.errors import Invalid

MAX_CELLS = 1 << 24  # of one table


class TooLarge(Invalid):
    """A table would have more cells than MAX_CELLS: ``variables`` are those that it depends on."""

    def __init__(self, variables: Sequence[int], cells: int) -> None:
        super().__init__(f"a table over {len(variables)} choices would have {cells:,} cells")
        self.variables = tuple(variables)
        self.cells = cells


class Table(NamedTuple):
    """What depends on ``variables`` (ascending numbers): ``codes`` has an axis for each of them, as long as it has
    choices, and tells which of ``values`` holds there. Values are all different, and each of them occurs."""

    variables: tuple[int, ...]
    codes: NDArray[np.int64]
    values: tuple[Any, ...]

    def at(self, assignment: Sequence[int]) -> Any:
        """The value where each variable has the choice of this number."""
        return self.values[int(self.codes[tuple([assignment[variable] for variable in self.variables])])]

    def numbers(self) -> NDArray[Any]:
        """The values as an array with an axis for each variable: of int64 where all of them fit, else of objects."""
        fits = all(-(1 << 62) < value < (1 << 62) for value in self.values)
        truth = all(isinstance(value, bool) for value in self.values)
        found = np.array(self.values, dtype=np.bool_ if truth else np.int64 if fits else object)
        return np.asarray(found[self.codes], dtype=found.dtype)


def constant(value: Hashable) -> Table:
    """The table of a value that depends on nothing."""
    return Table((), np.zeros((), dtype=np.int64), (value,))


def of_variable(number: int, values: Sequence[Hashable]) -> Table:
    """The table of a variable whose choices have these values."""
    return combine(lambda choice: values[choice], Table((number,), np.arange(len(values)), tuple(range(len(values)))))


def combine(function: Callable[..., Hashable], *tables: Table) -> Table:
    """``function`` of the values of the tables, for every assignment of all their variables. It is called once for
    each combination of values that occurs. Variables on which nothing depends are left out.

    Raises TooLarge.
    """
    if len(tables) == 1:
        (only,) = tables
        return _minimal(only.variables, only.codes, [function(value) for value in only.values])
    variables = tuple(sorted({variable for table in tables for variable in table.variables}))
    sizes = {variable: size for table in tables for variable, size in zip(table.variables, table.codes.shape)}
    shape = tuple([sizes[variable] for variable in variables])
    cells = 1
    for size in shape:
        cells *= size
    if cells > MAX_CELLS:
        raise TooLarge(variables, cells)
    keys = np.zeros(shape, dtype=np.int64)
    arguments: list[tuple[Any, ...]] = [()]
    for table in tables:
        spread = table.codes.reshape([sizes[at] if at in table.variables else 1 for at in variables])
        keys = keys * len(table.values) + spread
        found, codes = np.unique(keys, return_inverse=True)
        arguments = [
            (*arguments[key // len(table.values)], table.values[key % len(table.values)]) for key in found.tolist()
        ]
        keys = codes.reshape(shape)
    return _minimal(variables, keys, [function(*each) for each in arguments])


def _minimal(variables: tuple[int, ...], codes: NDArray[np.int64], results: Sequence[Hashable]) -> Table:
    """The table with equal values made one, and without the variables that change nothing."""
    numbers: dict[tuple[type, Hashable], int] = {}
    renamed = np.array([numbers.setdefault((type(result), result), len(numbers)) for result in results])
    codes = renamed[codes]
    kept = []
    for axis in range(len(variables) - 1, -1, -1):
        first = codes.take([0], axis=axis)
        if bool((codes == first).all()):
            codes = first.squeeze(axis=axis)
        else:
            kept.append(variables[axis])
    return Table(tuple(reversed(kept)), codes, tuple([value for _, value in numbers]))
