"""A space of networks: its open choices, and what each of its networks costs, as tables over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.network import Network
from sepcalc.spaces.problem import Problem
from sepcalc.spaces.tables import Table, combine

Assignment = Sequence[int | None]  # for each variable the number of its value; None where it does not occur
Tables = Callable[[], tuple[Table, ...]]


class Variable(NamedTuple):
    """A choice: its name, how many values it may have, and which, as a table over itself and others."""

    name: str
    size: int
    values: Table


class Space:
    """Networks with open choices. An assignment gives the number of a value for each variable, None where the choice
    does not occur."""

    def __init__(
        self,
        variables: Sequence[Variable],
        occurs: Mapping[int, Table],
        reasons: Sequence[Table],
        sums: Mapping[str, Tables],
        peaks: Mapping[str, Tables],
        network: Callable[[Assignment], Network],
        gaps: frozenset[str] = frozenset(),
        kept: Sequence[Table] = (),
    ) -> None:
        self.variables = tuple(variables)
        self.occurs = dict(occurs)
        self.reasons = tuple(reasons)  # of text: why there is no network, or nothing
        self.kept = tuple(kept)  # of truth: the assignments that were not set to other values
        self.network = network
        self.gaps = gaps  # what layers are called of which not every count is known, in some network
        self._sums, self._peaks = sums, peaks
        self._tables: dict[str, tuple[Table, ...]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the variables."""
        return tuple([variable.name for variable in self.variables])

    @property
    def metrics(self) -> tuple[str, ...]:
        """The counts that every network has."""
        return (*self._sums, *self._peaks)

    @property
    def peaks(self) -> tuple[str, ...]:
        """The metrics that are the largest value of their tables, not the sum."""
        return tuple(self._peaks)

    @cached_property
    def fits(self) -> tuple[Table, ...]:
        """Tables of truth: where all hold, there is a network."""
        return tuple([combine(lambda reason: not reason, table) for table in self.reasons])

    def tables(self, metric: str) -> tuple[Table, ...]:
        """Tables that add up to a metric, or of which it is the largest value. Raises InputError, TooLarge."""
        if metric not in self._tables:
            known = {**self._sums, **self._peaks}
            if metric not in known:
                raise bad_input(
                    f"a space has no count {metric!r}: expected {', '.join(known)}", near_miss(metric, known)
                )
            self._tables[metric] = known[metric]()
        return self._tables[metric]

    def problem(self, metrics: Sequence[str]) -> Problem:
        """The space as numbers, with these metrics."""
        sums = {metric: self.tables(metric) for metric in metrics if metric not in self._peaks}
        peaks = {metric: self.tables(metric) for metric in metrics if metric in self._peaks}
        sizes = tuple([variable.size for variable in self.variables])
        return Problem(self.names, sizes, self.occurs, (*self.fits, *self.kept), sums, peaks)

    def value(self, metric: str, assignment: Assignment) -> int:
        """A metric of one network."""
        numbers = [at or 0 for at in assignment]
        values = [table.at(numbers) for table in self.tables(metric)]
        return max(values, default=0) if metric in self._peaks else sum(values)

    def __iter__(self) -> Iterator[tuple[int | None, ...]]:
        """All assignments, also those that make no network."""
        masks: dict[int, list[Table]] = {}
        for table in self.kept:
            masks.setdefault(max(table.variables, default=0), []).append(table)

        def grown(known: tuple[int | None, ...]) -> Iterator[tuple[int | None, ...]]:
            number = len(known)
            if number == len(self.variables):
                yield known
                return
            for at in range(self.variables[number].size) if self._there(known) else (None,):
                new = (*known, at)
                numbers = [one or 0 for one in new]
                if all(table.at(numbers) for table in masks.get(number, ())):
                    yield from grown(new)

        yield from grown(())

    def _there(self, known: Sequence[int | None]) -> bool:
        """Whether the next variable occurs, by those before it."""
        occurs = self.occurs.get(len(known))
        return occurs is None or occurs.at([at or 0 for at in known])

    def reason(self, assignment: Assignment) -> str:
        """Why an assignment makes no network, or nothing."""
        numbers = [at or 0 for at in assignment]
        return next((reason for table in self.reasons if (reason := table.at(numbers))), "")

    def settings(self, assignment: Assignment) -> dict[str, Any]:
        """The values of the variables that occur, by name."""
        numbers = [at or 0 for at in assignment]
        both = zip(self.variables, assignment, strict=True)
        return {variable.name: variable.values.at(numbers) for variable, at in both if at is not None}

    def assignment(self, settings: Mapping[str, Any]) -> tuple[int | None, ...]:
        """The assignment of settings by name; what is not set has its first value. Raises InputError."""
        known: list[int | None] = []
        for variable in self.variables:
            if not self._there(known):
                known.append(None)
                continue
            numbers = [at or 0 for at in known]
            values = [variable.values.at([*numbers, at]) for at in range(variable.size)]
            number = len(known)
            masks = [table for table in self.kept if table.variables[-1:] == (number,)]
            free = [at for at in range(variable.size) if all(mask.at([*numbers, at]) for mask in masks)]
            wanted = settings.get(variable.name, values[free[0]])
            if wanted not in values:
                raise bad_input(f"{variable.name} is {wanted}: expected one of {', '.join(map(str, values))}")
            known.append(values.index(wanted))
        if unknown := next((name for name in settings if name not in self.names), None):
            raise bad_input(f"the space has no choice {quoted(unknown)}", near_miss(unknown, self.names))
        return tuple(known)

    def parameters(self) -> dict[str, list[Any]]:
        """The values of each variable by name, each once."""
        known = {variable.name: dict.fromkeys(variable.values.values) for variable in self.variables}
        return {name: [value for value in values if value is not None] for name, values in known.items()}
