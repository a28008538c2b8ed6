"""CSV for machines and spreadsheets (RFC 4180, but lines end with a plain newline)."""

import csv
import io
import re
from collections.abc import Mapping
from typing import Any

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import Report
from sepcalc.shape import show


def render(report: Report, style: Style) -> str:
    """The report's records below their fields' names."""
    records = list(report.records())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if records:
        writer.writerow(records[0])
    writer.writerows([_cell(value) for value in record.values()] for record in records)
    # in quotes, so that the line is none of GitHub's commands in a log
    return re.sub("^( *::[^,\n]*)", r'"\1"', text.getvalue(), flags=re.MULTILINE)


def _cell(value: Any) -> Any:
    """A shape as it is written, several things with a space between, truth as JSON has it, None as nothing; of names
    with values those that have one, ``operator=Conv``."""
    if isinstance(value, Mapping):
        return printable(" ".join([f"{name}={one}" for name, one in value.items() if one is not None]))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        cells = [item if isinstance(item, int) else str(_cell(item)) for item in value]
        sizes = tuple([cell for cell in cells if isinstance(cell, int)])
        return show(sizes) if len(sizes) == len(cells) else " ".join(map(str, cells))
    return printable(value) if isinstance(value, str) else value
