"""Limits as Python writes them: mappings of metrics, read by the same rules as a budget in YAML."""

from collections.abc import Callable, Mapping
from typing import Any

from sepcalc.errors import InputError, Invalid, Problem
from sepcalc.gate.limits import (
    Increase,
    Limit,
    Written,
    read_increase,
    read_increases,
    read_layers,
    read_limits,
)
from sepcalc.gate.metrics import spoken

Amounts = Mapping[str, int | str]  # by metric: 300_000_000, "300M", "2MiB"
Globs = Mapping[str, Mapping[str, int | str | bool]]  # by glob of layers' names; each=True holds every layer by itself


def limits_of(most: Amounts | None, layers: Globs | None) -> tuple[Limit, ...]:
    """``{"macs": "300M"}`` and ``{"block*/expand": {"macs": 10**7}}``. Raises InputError with every problem."""
    problems: list[Problem] = []
    limits = read_limits(_written(most or {}, "max"), _noting(problems))
    if layers is not None:
        limits += read_layers(Written("layers", _written(layers, "layers"), "layers", "layers"), _noting(problems))
    if problems:
        raise InputError(problems)
    return tuple(limits)


def increases_of(most: str | Amounts | None) -> tuple[Increase, ...]:
    """``"2%"`` for every metric, or ``{"macs": "2%", "params": 10_000}``. Raises InputError with every problem."""
    problems: list[Problem] = []
    note = _noting(problems)
    increases = list[Increase]()
    for metric, amount in most.items() if isinstance(most, Mapping) else [("", most)] if most is not None else []:
        try:
            found = [read_increase(metric, str(amount))] if metric else read_increases(str(amount))
        except Invalid as fact:
            note(fact, f"max_increase {metric}".rstrip())
            continue
        for one in found:
            if any(other.metric == one.metric for other in increases):
                note(Invalid(f"{spoken(one.metric)} is limited twice"), "max_increase")
            increases.append(one)
    if problems:
        raise InputError(problems)
    return tuple(increases)


def _noting(problems: list[Problem]) -> Callable[[Invalid, Any], None]:
    return lambda fact, at: problems.append(Problem(fact.message, fact.hint, at))


def _written(values: Mapping[str, Any], at: str) -> list[Written]:
    entries = []
    for key, value in values.items():
        place = f"{at} {key}"
        if isinstance(value, Mapping):
            entries.append(Written(key, _written(value, place), place, place))
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            entries.append(Written(key, text, place, place))
    return entries
