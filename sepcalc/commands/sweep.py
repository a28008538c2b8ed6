"""``sweep`` and ``space``: many networks at once, and questions on all of them."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from sepcalc.commands.varied import opened_space
from sepcalc.errors import Invalid, bad_input, quoted
from sepcalc.gate.metrics import read_metric
from sepcalc.importers import Request
from sepcalc.network import Network
from sepcalc.quantity import read_amount
from sepcalc.shown import shown, telling
from sepcalc.spaces import solving
from sepcalc.spaces.problem import MEMORY, Limits
from sepcalc.spaces.solving import SENSES, Bin, Wish
from sepcalc.spaces.space import Assignment, Space

MAX_ROWS = 10_000  # that a report lists
CLOUD = 300  # networks that are drawn around a front
SHOWN = ("params", "macs", "peak_memory")  # the counts of a row
Bounds = Mapping[str, object]  # counts with amounts: {"macs": "300M"}
NONE: Bounds = MappingProxyType({})
T = TypeVar("T")


class Answered(NamedTuple):
    """One network of a space: of which argument, its settings, its counts in the order that was asked for, and the
    reason why there is none (then no counts)."""

    network: str
    settings: Mapping[str, Any]
    counts: tuple[int, ...]
    reason: str = ""
    ties: int = 1


@telling
class Sweep(NamedTuple):
    """What was asked of the networks, and the answer.

    ``size`` is the number of settings that make a network, ``metrics`` are the counts of each row. ``within`` is the
    number of settings within the limits (None: not asked), ``best`` the best value with its ties. ``front`` has a
    ``cloud`` of any networks, to be drawn around it. ``nearest`` is what comes nearest to the limits where nothing
    keeps them. ``gaps`` are the layers that are not counted."""

    size: int
    parameters: Mapping[str, Sequence[Any]]
    metrics: tuple[str, ...]
    rows: tuple[Answered, ...] = ()
    within: int | None = None
    wish: Wish | None = None
    best: tuple[int, int] | None = None
    wishes: tuple[Wish, Wish] | None = None
    front: tuple[Answered, ...] = ()
    cloud: tuple[Answered, ...] = ()
    histogram: tuple[Bin, ...] = ()
    about: str = ""
    nearest: Mapping[str, int] = {}
    gaps: tuple[str, ...] = ()
    several: bool = False

    def __str__(self) -> str:
        return shown(self)

    @property
    def found(self) -> bool:
        """Whether any network is within the limits."""
        if self.within is not None:
            return self.within > 0
        return bool(self.rows or self.front or self.histogram)


class Question(NamedTuple):
    """What is asked of a space. Nothing: every network is listed."""

    counted: bool = False
    wish: Wish | None = None
    top: int = 1
    front: tuple[Wish, Wish] | None = None
    histogram: str = ""
    bins: int = 20
    sample: int | None = None
    seed: int = 0


class OpenSpace:
    """A space of networks: ``space.size``, ``count``, ``least``, ``most``, ``front``, ``histogram``, ``sample``; it
    iterates over the settings of its networks, ``network(settings)`` is one of them, and ``arrays()`` are columns of
    numbers. Limits are ``max={"macs": 300_000_000}`` and ``min=…``; answers are exact."""

    def __init__(self, space: Space, argument: str = "", memory: int = MEMORY) -> None:
        self.space = space
        self.argument = argument
        self.memory = memory

    def __str__(self) -> str:
        return f"{self.size:,} networks of {self.argument}: {', '.join(self.space.names)}"

    @property
    def parameters(self) -> dict[str, list[Any]]:
        """The values of every choice, by name."""
        return self.space.parameters()

    @property
    def size(self) -> int:
        """The number of settings that make a network. Raises InputError where that takes too much memory."""
        return _answered(lambda: solving.size(self.space.problem(()), self.memory))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The settings of every network, one after another."""
        for assignment in self.space:
            if not self.space.reason(assignment):
                yield self.space.settings(assignment)

    def network(self, settings: Mapping[str, Any]) -> Network:
        """The network with these settings; what is not set has its first value. Raises InputError."""
        return self.space.network(self.space.assignment(settings))

    def count(self, *, max: Bounds = NONE, min: Bounds = NONE) -> int:  # noqa: A002
        """The number of settings within limits. Raises InputError."""
        limits = read_bounds(max, min)
        return _answered(lambda: solving.count(self.space.problem([*limits]), limits, self.memory))

    def least(
        self,
        metric: str,
        *,
        max: Bounds = NONE,  # noqa: A002
        min: Bounds = NONE,  # noqa: A002
        top: int = 1,
    ) -> Sweep:
        """The networks with the least of a metric within limits: ``.best`` is (value, ties). Raises InputError."""
        return self.ask(Question(wish=("least", metric), top=top), read_bounds(max, min))

    def most(
        self,
        metric: str,
        *,
        max: Bounds = NONE,  # noqa: A002
        min: Bounds = NONE,  # noqa: A002
        top: int = 1,
    ) -> Sweep:
        """The networks with the most of a metric within limits: ``.best`` is (value, ties). Raises InputError."""
        return self.ask(Question(wish=("most", metric), top=top), read_bounds(max, min))

    def front(self, wishes: str, *, max: Bounds = NONE, min: Bounds = NONE) -> Sweep:  # noqa: A002
        """The exact Pareto front of two counts, ``"least macs, most params"``. Raises InputError."""
        return self.ask(Question(front=read_wishes(wishes)), read_bounds(max, min))

    def histogram(
        self,
        metric: str,
        bins: int = 20,
        *,
        max: Bounds = NONE,  # noqa: A002
        min: Bounds = NONE,  # noqa: A002
    ) -> Sweep:
        """How many networks have which values of a metric. Raises InputError."""
        return self.ask(Question(histogram=read_metric_name(metric), bins=bins), read_bounds(max, min))

    def sample(
        self,
        n: int,
        seed: int = 0,
        *,
        max: Bounds = NONE,  # noqa: A002
        min: Bounds = NONE,  # noqa: A002
    ) -> list[dict[str, Any]]:
        """Settings drawn within limits, each as likely as any other. Raises InputError."""
        limits = read_bounds(max, min)
        drawn = _answered(lambda: solving.sample(self.space.problem([*limits]), n, seed, limits, self.memory))
        return [self.space.settings(one) for one in drawn]

    def arrays(self, metrics: Sequence[str] = SHOWN) -> dict[str, Any]:
        """NumPy columns: the number of the value of every choice (-1: it does not occur), and the metrics, a row for
        each network. Raises InputError where there are more than 100 million."""
        from sepcalc.spaces.columns import columns, grid

        return columns(grid(self.space, [read_metric_name(metric) for metric in metrics]))

    def ask(self, question: Question, limits: Limits | None = None, metrics: Sequence[str] = SHOWN) -> Sweep:
        """The answer to a question, with these counts for every network in it. Raises InputError."""
        return _answered(lambda: _asked(self, question, limits or {}, tuple(metrics)))


def space(
    network: str | os.PathLike[str],
    vary: Mapping[str, object] | None = None,
    *,
    together: bool = False,
    memory: int = MEMORY,
    **parameters: object,
) -> OpenSpace:
    """The space of a network's open choices: those of its file (``choose``, parameters without a value), and those of
    ``vary``: names of parameters, ``input``, ``resolution``, ``channels``, or globs of layers, with their values as
    text (``"0.25:1.5:0.05"``, ``"3,5,7"``), as a list, or None for those of the file. Keywords set parameters.
    ``memory`` is what an answer may take, in bytes. Raises InputError.

    >>> found = sepcalc.space("zoo:mobilenet_v1", vary={"width": [0.25, 0.5, 0.75, 1.0], "resolution": "128,192,224"})
    >>> found.size, found.count(max={"macs": "100M"})
    (12, 4)
    """
    return _space(network, vary, together, memory, parameters)


def _space(
    network: str | os.PathLike[str],
    vary: Mapping[str, object] | None,
    together: bool,
    memory: int,
    parameters: Mapping[str, object],
) -> OpenSpace:
    values = {name: _text(value) for name, value in (vary or {}).items()}
    request = Request({name: _text(value) for name, value in parameters.items()})
    argument = os.fspath(network)
    return OpenSpace(_answered(lambda: opened_space(argument, values, request, together)), argument, memory)


def sweep(
    networks: Sequence[str | os.PathLike[str]] | str,
    vary: Mapping[str, object] | None = None,
    *,
    show: Sequence[str] = SHOWN,
    together: bool = False,
    **parameters: object,
) -> Sweep:
    """A row for each network and setting: ``sweep(["a.yaml", "b.yaml"], vary={"width": "0.5,1.0"})``. See
    :func:`space` for what varies; ``show`` are the counts of a row. Raises InputError.

    >>> found = sepcalc.sweep("8x8x3 conv -k3 -o4", vary={"kernel": "1,3"}, show=["params", "macs"])
    >>> [row.counts for row in found.rows]
    [(12, 768), (108, 3888)]
    """
    names = [networks] if isinstance(networks, str | os.PathLike) else networks
    found = [_space(name, vary, together, MEMORY, parameters) for name in names]
    return listed(found, {}, [read_metric_name(metric) for metric in show])


def listed(spaces: Sequence[OpenSpace], limits: Limits, metrics: Sequence[str]) -> Sweep:
    """Every network of some spaces as a row, those within limits. Raises InputError where there are too many."""
    sizes = [one.size for one in spaces]
    if sum(sizes) > MAX_ROWS:
        hint = "ask --count, --least, --most, --front, --histogram or --sample; --output FILE writes all of them"
        raise bad_input(f"there are {sum(sizes):,} networks: at most {MAX_ROWS:,} are listed", hint)
    rows: list[Answered] = []
    for one in spaces:
        tried = [*islice(one.space, 10 * MAX_ROWS)]
        for assignment in tried:
            reason = one.space.reason(assignment)
            settings = one.space.settings(assignment)
            if reason and not limits:
                rows.append(Answered(one.argument, settings, (), reason))
            elif not reason and _holds(one.space, assignment, limits):
                rows.append(_row(one, assignment, metrics))
    names = {name: values for one in spaces for name, values in one.parameters.items()}
    gaps = tuple(sorted({gap for one in spaces for gap in one.space.gaps}))
    found = Sweep(sum(sizes), names, tuple(metrics), tuple(rows), gaps=gaps, several=len(spaces) > 1)
    if not found.found and len(spaces) == 1:
        found = found._replace(nearest=_nearest(spaces[0], limits))
    return found


def _asked(opened_: OpenSpace, question: Question, limits: Limits, metrics: tuple[str, ...]) -> Sweep:
    found, memory = opened_.space, opened_.memory
    wishes = [*(question.front or ()), *([question.wish] if question.wish else [])]
    about = [*limits, *[metric for _, metric in wishes], *([question.histogram] if question.histogram else [])]
    metrics = tuple(dict.fromkeys([*metrics, *about]))
    problem = found.problem(list(dict.fromkeys(about)))
    answer = Sweep(solving.size(problem, memory), opened_.parameters, metrics, gaps=tuple(sorted(found.gaps)))
    if question.counted:
        answer = answer._replace(within=solving.count(problem, limits, memory))
    elif question.wish:
        best = solving.best(problem, question.wish, limits, question.top, memory)
        answer = answer._replace(wish=question.wish)
        if best is not None:
            rows = tuple([_row(opened_, one, metrics) for _, one in best.settings])
            answer = answer._replace(best=(best.value, best.ties), rows=rows)
    elif question.front:
        points = solving.front(problem, question.front, limits, memory)
        rows = tuple([_row(opened_, point.setting, metrics)._replace(ties=point.ties) for point in points])
        some = solving.sample(found.problem(()), CLOUD, question.seed, {}, memory)
        cloud = tuple([_row(opened_, one, metrics) for one in dict.fromkeys(some)])
        answer = answer._replace(wishes=question.front, front=rows, cloud=cloud)
    elif question.histogram:
        bins = solving.histogram(problem, question.histogram, question.bins, limits, memory)
        answer = answer._replace(about=question.histogram, histogram=bins)
    elif question.sample is not None:
        drawn = solving.sample(problem, question.sample, question.seed, limits, memory)
        answer = answer._replace(rows=tuple([_row(opened_, one, metrics) for one in drawn]))
    else:
        return listed([opened_], limits, metrics)
    return answer if answer.found else answer._replace(nearest=_nearest(opened_, limits))


def _nearest(one: OpenSpace, limits: Limits) -> Mapping[str, int]:
    return solving.nearest(one.space.problem([*limits]), limits, one.memory)


def _row(one: OpenSpace, assignment: Assignment, metrics: Sequence[str]) -> Answered:
    counts = tuple([one.space.value(metric, assignment) for metric in metrics])
    return Answered(one.argument, one.space.settings(assignment), counts)


def _holds(found: Space, assignment: Assignment, limits: Limits) -> bool:
    values = [(found.value(metric, assignment), *ends) for metric, ends in limits.items()]
    return all((low is None or value >= low) and (high is None or value <= high) for value, low, high in values)


def _answered(question: Callable[[], T]) -> T:
    """What a question gives; a fact about the space as an error of the input."""
    try:
        return question()
    except Invalid as fact:
        raise bad_input(fact.message, fact.hint) from fact


# --- what is asked


def read_metric_name(text: str) -> str:
    """A count by its name: ``peak-memory``. Raises InputError."""
    try:
        return read_metric(text)
    except Invalid as fact:
        raise bad_input(fact.message, fact.hint) from fact


def read_bounds(most: Mapping[str, object], least: Mapping[str, object]) -> dict[str, tuple[int | None, int | None]]:
    """Limits by metric, from ``{"macs": "300M"}``. Raises InputError."""
    limits: dict[str, tuple[int | None, int | None]] = {}
    for given, at in ((least, 0), (most, 1)):
        for name, value in given.items():
            metric = read_metric_name(name)
            ends = list(limits.get(metric, (None, None)))
            try:
                amount = read_amount(str(value), metric == "peak_memory")
            except Invalid as fact:
                raise bad_input(f"{name}: {fact.message}", fact.hint) from fact
            ends[at] = amount.floor
            limits[metric] = (ends[0], ends[1])
    return limits


def read_wish(text: str) -> Wish:
    """``least macs``. Raises InputError."""
    sense, _, metric = text.strip().partition(" ")
    if sense not in SENSES or not metric:
        raise bad_input(f"{quoted(text.strip())}: expected least or most and a count", "for example least macs")
    return sense, read_metric_name(metric.strip())


def read_wishes(text: str) -> tuple[Wish, Wish]:
    """``least macs, most params``. Raises InputError."""
    parts = text.split(",")
    if len(parts) != 2:
        raise bad_input(f"{quoted(text)}: expected two counts", 'for example "least macs, most params"')
    one, two = [read_wish(part) for part in parts]
    if one[1] == two[1]:
        raise bad_input(f"{quoted(text)}: expected two counts, not {one[1]} twice")
    return one, two


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
