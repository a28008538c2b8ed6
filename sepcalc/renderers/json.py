"""JSON for machines: a line for every entry of the document's lists, so that two of them compare line by line."""

import json
from collections.abc import Mapping
from typing import Any

from sepcalc.renderers import Style
from sepcalc.reports import Report


def render(report: Report, style: Style) -> str:
    """The report's document."""
    return "{\n" + ",\n".join([_entry(name, value) for name, value in report.document().items()]) + "\n}\n"


def _entry(name: str, value: Any) -> str:
    key = f"  {json.dumps(name)}: "
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return f"{key}[\n" + ",\n".join(f"    {json.dumps(item)}" for item in value) + "\n  ]"
    return key + json.dumps(value)
