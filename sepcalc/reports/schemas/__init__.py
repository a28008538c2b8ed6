"""The JSON Schema (draft-07) of what each report prints with ``--format json``, with a description of every field.

Only here is it written what a field means: the tables of ``docs/json.md`` are printed from these schemas, and the tests
check every report against them. Objects are closed: a field without a row here fails the tests.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.reports.schemas import gate, networks, tables, times
from sepcalc.reports.schemas.field import DEFINITIONS, Fields, Schema, closed, format_of

REPORTS: Mapping[str, tuple[str, Callable[[], Fields]]] = {
    "compare": ("sepcalc compare", networks.compare),
    "layer": ("sepcalc layer", networks.layer),
    "network": ("sepcalc network", networks.network),
    "reconcile": ("sepcalc reconcile", networks.reconcile),
    "verify": ("sepcalc verify", networks.verify),
    "check": ("sepcalc check", gate.check),
    "diff": ("sepcalc diff", gate.diff),
    "baseline": ("sepcalc baseline", gate.baseline),
    "history": ("sepcalc history", gate.history),
    "time": ("sepcalc time", times.time),
    "whatif": ("sepcalc whatif", networks.whatif),
    "fit": ("sepcalc fit", networks.fit),
    "sweep": ("sepcalc sweep", networks.sweep),
    "factor": ("sepcalc factor", tables.factor),
    "kernels": ("sepcalc factor --list", tables.kernels),
    "kinds": ("sepcalc kinds", tables.kinds),
    "zoo": ("sepcalc zoo", tables.zoo),
    "operators": ("sepcalc operators", tables.operators),
}


def schema(name: str) -> Schema:
    """The JSON Schema of one of :data:`REPORTS`. Raises InputError for any other name."""
    if name not in REPORTS:
        names = [*REPORTS]
        raise bad_input(f"unknown report {quoted(name)}: expected {', '.join(names)}", near_miss(name, names))
    command, fields = REPORTS[name]
    root = closed(f"What {command} prints with --format json.", {"format": format_of(name), **fields()})
    used = dict.fromkeys(_used(root))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"sepcalc-{name}/1",
        **root,
        "definitions": {name: DEFINITIONS[name] for name in DEFINITIONS if name in used},
    }


def _used(schema: Any) -> Iterator[str]:
    """The definitions that a schema needs, with those that these need."""
    seen, waiting = set[str](), [schema]
    while waiting:
        at = waiting.pop()
        if isinstance(at, list):
            waiting += at
        elif isinstance(at, dict):
            name = str(at.get("$ref", "")).rpartition("/")[2]
            if name and name not in seen:
                seen.add(name)
                yield name
                waiting.append(DEFINITIONS[name])
            waiting += at.values()
