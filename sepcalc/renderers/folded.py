"""Stacks as flame graphs take them: a line for each layer, the parts of its name separated by semicolons, then its
amount. speedscope and flamegraph.pl draw them.

Source: https://github.com/brendangregg/FlameGraph#2-fold-stacks
"""

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.reports import Report
from sepcalc.reports.figures import amounts_of


def render(report: Report, style: Style) -> str:
    """A line for each layer whose amount is not 0."""
    title, _, layers = amounts_of(report)
    root = _frame(title or "network")
    stacks = [(";".join([root, *map(_frame, name.lstrip("/").split("/"))]), amount) for name, amount in layers]
    return "".join([f"{stack} {amount}\n" for stack, amount in stacks if amount])


def _frame(text: str) -> str:
    """A part of a name as a frame: a semicolon would end it."""
    return printable(text).replace(";", ",")
