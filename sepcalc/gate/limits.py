"""Budgets: limits as they are written, and the verdict on each.

A budget is read from names and texts. YAML, pyproject.toml and the command line hand over :class:`Written` entries, and
are told each problem with the place that they gave."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sepcalc.branches import others, rows
from sepcalc.errors import InputError, Invalid, Problem, near_miss, quoted
from sepcalc.gate.metrics import LIMITED, METRICS, measured, read_metric, spoken, unknown
from sepcalc.layer import Layer
from sepcalc.network import Network, matches
from sepcalc.ops.base import Uncounted
from sepcalc.quantity import Printed, read_amount, read_percent

NETWORK, BASELINE = "network", "baseline"  # scopes that are no globs
LEVELS = ("error", "warn")


class Mark(NamedTuple):
    """A place in a file: line and column from 1 (0: unknown)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(part) for part in self[1:] if part)])


class Limit(NamedTuple):
    """The most that a metric may be: of the whole network, or of the layers whose names match the glob ``scope``, in
    sum or ``each``. ``level``: whether being over it fails or warns. ``message``: what is then said."""

    metric: str
    most: Printed
    scope: str = NETWORK
    each: bool = False
    level: str = "error"
    message: str = ""
    mark: Mark | None = None


class Increase(NamedTuple):
    """The most that a metric may grow, in percent or as an amount. ``every``: it is one of those that were asked of
    every metric at once."""

    metric: str
    most: Printed
    percent: bool
    mark: Mark | None = None
    every: bool = False

    def allows(self, old: int, new: int) -> bool:
        """Whether the growth is within it. A decrease always is."""
        grown = (new - old) * self.most.below
        return grown * 100 <= self.most.digits * old if self.percent else grown <= self.most.digits * self.most.unit

    def ceiling(self, old: int) -> int:
        """The largest number that it allows."""
        if self.percent:
            return old + self.most.digits * old // (100 * self.most.below)
        return old + self.most.floor


class Verdict(NamedTuple):
    """A limit and the actual number; equal passes. It is ``unknown`` whether it passes where the number is within the
    limit, but some layer is not counted in the metric."""

    metric: str
    scope: str
    limit: int
    actual: int
    passed: bool
    level: str = "error"
    unknown: bool = False

    @property
    def fails(self) -> bool:
        """Whether the number is over a limit whose level is error."""
        return not self.passed and not self.unknown and self.level == "error"

    @property
    def subject(self) -> str:
        """The metric, with the layers that it is about unless it is about all."""
        scope = "" if self.scope in (NETWORK, BASELINE) else f" of {self.scope}"
        return f"{spoken(self.metric)}{scope}"

    def record(self) -> dict[str, Any]:
        """What machines read."""
        return dict(zip(self._fields[:5], self[:5]))


class Held(NamedTuple):
    """A limit with its verdict and its layers. ``base`` is the number before, for a limit on growth."""

    limit: Limit | Increase
    verdict: Verdict
    layers: Sequence[Layer] = ()
    base: int | None = None


# --- reading ---------------------------------------------------------------------------------------------------------


class Written(NamedTuple):
    """A name with a text, or with entries inside. ``at`` and ``value_at`` are the places of the name and of the value,
    as the reader of the file needs them; ``mark`` is the place for people."""

    key: str
    value: "str | Sequence[Written] | None"
    at: Any = None
    value_at: Any = None
    mark: Mark | None = None


Note = Callable[[Invalid, Any], None]  # a fact, and the `at` of what it is about


def read_limit(metric: str, text: str) -> Limit:
    """``macs`` and ``570M``. Raises Invalid."""
    name = read_metric(metric, LIMITED)
    return Limit(name, read_amount(text, LIMITED[name].bytes))


def read_increase(metric: str, text: str) -> Increase:
    """``macs`` and ``2%``, or ``1M``. Raises Invalid."""
    name = read_metric(metric)
    if "%" in text:
        return Increase(name, read_percent(text), True)
    most = read_amount(text, METRICS[name].bytes)
    if most.unit == 1 and most.below > 1:  # 0.02, 1.5: a part of what was, more likely than of one
        message = f"{quoted(text)} is not a whole number: a growth limit is a percentage or a whole number"
        raise Invalid(message, "for example 2%")
    return Increase(name, most, False)


def read_increases(text: str) -> tuple[Increase, ...]:
    """``2%`` for every metric. Raises Invalid."""
    most = read_percent(text)
    return tuple([Increase(metric, most, True, every=True) for metric in METRICS])


def read_level(text: str) -> str:
    """``error`` or ``warn``. Raises Invalid."""
    if text not in LEVELS:
        raise Invalid(f"unknown level {quoted(text)}: expected {' or '.join(LEVELS)}", near_miss(text, LEVELS))
    return text


def read_budget(entries: Iterable[Written], note: Note) -> tuple[Limit, ...]:
    """``{params: 4.3M, layers: {"block*/expand": {macs: 10M}}, level: warn, message: …}``: its limits; what is wrong is
    noted, with its place."""
    metrics, layers, level, message = [], [], "error", ""
    for entry in entries:
        if entry.key == "layers":
            layers += read_layers(entry, note)
        elif entry.key == "level":
            text = _text(entry, "level", note)
            try:
                level = level if text is None else read_level(text)
            except Invalid as fact:
                note(fact, entry.value_at)
        elif entry.key == "message":
            message = _text(entry, "message", note) or ""
        else:
            metrics.append(entry)
    limits = [*read_limits(metrics, note, more=("layers", "level", "message")), *layers]
    return tuple([limit._replace(level=level, message=message) for limit in limits])


def read_layers(entry: Written, note: Note) -> list[Limit]:
    """``{"block*/expand": {macs: 10M}}``; with ``each: true`` every layer is held to it by itself."""
    if isinstance(entry.value, str) or not entry.value:
        note(Invalid("layers needs globs, each with limits", 'for example {"block*/expand": {macs: 10M}}'), entry.at)
        return []
    limits = []
    for pattern, value, at, value_at, _ in entry.value:
        if not pattern.strip():
            note(Invalid("an empty glob matches no layer"), at)
        if isinstance(value, str) or not value:
            note(Invalid(f"{quoted(pattern)} needs limits", "for example {macs: 10M}"), value_at)
            continue
        each = False
        for inner in value:
            if inner.key == "each":
                if inner.value not in ("true", "false"):
                    note(Invalid("each needs true or false"), inner.value_at)
                each = inner.value == "true"
        metrics = [inner for inner in value if inner.key != "each"]
        if not metrics:
            note(Invalid(f"{quoted(pattern)} needs limits", "for example {macs: 10M}"), value_at)
        found = read_limits(metrics, note, more=("each",), whole=False)
        limits += [limit._replace(scope=pattern, each=each) for limit in found]
    return limits


def read_limits(entries: Iterable[Written], note: Note, more: Sequence[str] = (), whole: bool = True) -> list[Limit]:
    """Metrics with their limits. ``more`` are other keys that may stand beside them."""
    limits, seen = [], dict[str, str]()
    for entry in entries:
        text = _text(entry, f"the budget of {entry.key}", note)
        try:
            name = read_metric(entry.key, LIMITED)
        except Invalid as fact:
            if more:
                hint = fact.hint or near_miss(entry.key, more)
                fact = Invalid(f"{fact.message}; or {', '.join(more)}", hint)
            note(fact, entry.at)
            continue
        if name in seen:
            note(Invalid(f"{spoken(name)} is limited twice: as {seen[name]} and as {entry.key}"), entry.at)
        seen[name] = entry.key
        if not whole and LIMITED[name].layer is None:
            note(Invalid(f"{spoken(name)} applies to a whole network, not to a layer"), entry.at)
        if text is None:
            continue
        try:
            limits.append(read_limit(entry.key, text)._replace(mark=entry.mark))
        except Invalid as fact:
            note(fact, entry.value_at)
    return limits


def _text(entry: Written, what: str, note: Note) -> str | None:
    if isinstance(entry.value, str):
        return entry.value
    note(Invalid(f"{what} needs a single value"), entry.value_at)
    return None


# --- holding ---------------------------------------------------------------------------------------------------------


def hold(network: Network, limits: Iterable[Limit]) -> list[Held]:
    """Every limit, held against the network. Raises InputError where a glob matches no layer."""
    held, problems = list[Held](), []
    for limit in limits:
        if limit.scope == NETWORK:
            held.append(_held(limit, limit.scope, measured(network, limit.metric), network.layers))
            continue
        measure = METRICS[limit.metric].layer
        assert measure is not None
        layers = [layer for layer in network.layers if matches(layer.name, limit.scope)]
        apart = [layer for layer in others(network.choices) if matches(layer.name, limit.scope)]
        if not layers and not apart and not any(matches(name, limit.scope) for name in rows(network.choices)):
            hint = near_miss(limit.scope, [layer.name for layer in network.layers[:1000]])
            place = str(limit.mark) if limit.mark else ""
            problems.append(Problem(f"no layer matches {quoted(limit.scope)}: its budget is empty", hint, place))
        elif limit.each:
            held += [_held(limit, layer.name, measure(layer), [layer]) for layer in (*layers, *apart)]
        else:
            more = network.larger(limit.metric, partial(matches, pattern=limit.scope))
            held.append(_held(limit, limit.scope, sum(map(measure, layers)) + more, layers or apart))
    if problems:
        raise InputError(problems)
    return held


def _held(limit: Limit, scope: str, actual: int, layers: Sequence[Layer]) -> Held:
    most = limit.most
    within = actual * most.below <= most.digits * most.unit
    partly = within and any(
        unknown(limit.metric, layer.op.counts)
        for layer in layers
        if isinstance(layer.op, Uncounted) and not layer.op.whole
    )
    verdict = Verdict(limit.metric, scope, most.floor, actual, within and not partly, limit.level, partly)
    return Held(limit, verdict, layers)


def check(network: Network, limits: Iterable[Limit]) -> list[Verdict]:
    """The verdict on every limit. Raises InputError where a glob matches no layer."""
    return [held.verdict for held in hold(network, limits)]


def grown(
    *sides: tuple[Mapping[str, int], Mapping[str, int]],
    increases: Iterable[Increase],
    level: str = "error",
    incomplete: Collection[str] = (),
) -> list[Held]:
    """The verdict on every limit on growth, from the counts before and after, both by metric. With several such pairs
    each must hold; the first that does not is told. A limit on every metric leaves out those of ``incomplete`` counts
    (:func:`left_out` says so); a limit on such a metric by itself is unknown."""
    held = []
    for increase in increases:
        counts = [(old[increase.metric], new[increase.metric]) for old, new in sides]
        before, after = next((pair for pair in counts if not increase.allows(*pair)), counts[0])
        partly = unknown(increase.metric, incomplete)
        if partly and increase.every:
            continue
        passed = increase.allows(before, after) and not partly
        verdict = Verdict(increase.metric, BASELINE, increase.ceiling(before), after, passed, level, partly)
        held.append(Held(increase, verdict, base=before))
    return held


def left_out(increases: Iterable[Increase], incomplete: Collection[str]) -> tuple[str, ...]:
    """A sentence on the metrics that a limit on every metric leaves out."""
    metrics = [spoken(one.metric) for one in increases if one.every and unknown(one.metric, incomplete)]
    if not metrics:
        return ()
    return (f"the growth of {' and '.join(metrics)} cannot be limited: some layers lack that count",)
