"""``sepcalc operators``."""

from collections.abc import Mapping
from typing import Any

import click

from sepcalc.cli.output import Output, emit, output_options
from sepcalc.importers.common.described import how_counted
from sepcalc.reports.operators import OperatorsReport

HELP = """List the operators of a model format, and how each is counted. This is the table that its importer reads.

\b
Examples:
  sepcalc operators onnx
  sepcalc operators torch
  sepcalc operators keras
  sepcalc operators tflite
  sepcalc operators openvino
  sepcalc operators tf
  sepcalc operators onnx --format markdown
"""


@click.command("operators", help=HELP)
@click.argument("source", type=click.Choice(["onnx", "torch", "keras", "tflite", "tf", "openvino"]))
@output_options
def command(source: str, output: Output) -> None:
    counted, reasons = _tables(source)
    emit(OperatorsReport(source, dict(sorted(counted.items())), reasons), output)


def _tables(source: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """The operators that a format's importer counts, with how, and the reasons why others are not counted."""
    if source == "torch":
        from sepcalc.importers.aten.composites import ALIASES, COMPOSITES
        from sepcalc.importers.aten.operators import OPERATORS as ATEN

        counted, reasons = _told({name: row for name, row in ATEN.items() if name not in ("aliased", "branches")})
        names = {other: f"as {name}" for other, name in ALIASES.items()}  # in a file; a run has the other name
        return {**dict.fromkeys(COMPOSITES, "as the operators that PyTorch makes it of"), **names, **counted}, reasons
    if source == "keras":
        from sepcalc.importers.keras import supported
        from sepcalc.importers.keras.table import LAYERS

        counted, reasons = _told(LAYERS)
        return {name: counted.get(name, "operations") for name in supported()}, reasons
    if source == "tflite":
        from sepcalc.importers.tflite import OPERATORS as BUILTIN

        return _told(BUILTIN)
    if source == "tf":
        from sepcalc.importers.tf import OPERATORS as GRAPHS

        return _told(GRAPHS)
    if source == "openvino":
        from sepcalc.importers.openvino import OPERATORS as LAYERS_OF_IR

        return _told({name: row for name, row in LAYERS_OF_IR.items() if "." not in name})  # else the walk's own words
    from sepcalc.importers.onnx import OPERATORS

    return _told(OPERATORS)


def _told(table: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    counted = {name: how_counted(row.handle) for name, row in table.items() if row.handle}
    return counted, {name: row.reason for name, row in table.items() if row.reason}
