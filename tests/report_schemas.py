"""Reports held against their schemas: every report that any test prints as JSON is, by :func:`held`."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from sepcalc.renderers import Style
from sepcalc.reports import Report
from sepcalc.reports.schemas import schema

LONGEST = 100_000  # characters of a report; one that is longer has nothing that shorter ones have not


@cache
def validator(name: str) -> Draft7Validator:
    return Draft7Validator(schema(name))


def faults(document: Any) -> list[str]:
    """Where a report is not as its schema says."""
    name = document["format"].removeprefix("sepcalc-").removesuffix("/1")
    return [f"{error.json_path}: {error.message[:300]}" for error in validator(name).iter_errors(document)]


def held(render: Callable[[Report, Style], str]) -> Callable[[Report, Style], str]:
    """The renderer of JSON, which also holds what it printed against its schema."""

    def rendered(report: Report, style: Style) -> str:
        text = render(report, style)
        if len(text) <= LONGEST:
            found = faults(json.loads(text))
            assert found == [], "\n".join(found)
        return text

    return rendered
