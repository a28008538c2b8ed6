"""``sepcalc operators``."""

from collections.abc import Iterable, Mapping

import click

from sepcalc.cli.output import Output, emit, output_options
from sepcalc.reports.operators import OperatorsReport

HELP = """List the operators of a model format that are counted. This is the table that its importer reads.

\b
Examples:
  sepcalc operators onnx
  sepcalc operators torch
  sepcalc operators keras
  sepcalc operators onnx --format markdown
"""


@click.command("operators", help=HELP)
@click.argument("source", type=click.Choice(["onnx", "torch", "keras"]))
@output_options
def command(source: str, output: Output) -> None:
    operators, reasons = _tables(source)
    emit(OperatorsReport(source, tuple(sorted(operators)), reasons), output)


def _tables(source: str) -> tuple[Iterable[str], Mapping[str, str]]:
    """The operators that a format's importer counts, and the reasons why others are not counted."""
    if source == "torch":
        from sepcalc.importers.torch.operators import OPERATORS as ATEN

        counted = [name for name, row in ATEN.items() if row.handle and name != "aliased"]  # a trace's own word
        return counted, {name: row.reason for name, row in ATEN.items() if row.reason}
    if source == "keras":
        from sepcalc.importers.keras import supported
        from sepcalc.importers.keras.table import LAYERS

        return supported(), {name: row.reason for name, row in LAYERS.items() if row.reason}
    from sepcalc.importers.onnx import OPERATORS

    counted = [name for name, row in OPERATORS.items() if row.handle]
    return counted, {name: row.reason for name, row in OPERATORS.items() if row.reason}
