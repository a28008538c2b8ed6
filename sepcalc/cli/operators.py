"""``sepcalc operators``."""

import click

from sepcalc.cli.output import emit, output_options
from sepcalc.errors import InputError, Problem
from sepcalc.reports.operators import OperatorsReport

HELP = """The operators of a model format that are counted: the table that its importer reads.

\b
Examples:
  sepcalc operators onnx
  sepcalc operators onnx --format markdown
"""


@click.command("operators", help=HELP)
@click.argument("source", type=click.Choice(["onnx"]))
@output_options
def command(source: str, form: str, exact: bool, output: str | None, force: bool) -> None:
    try:
        from sepcalc.importers.onnx import OPERATORS, REASONS
    except ImportError as error:
        raise InputError([Problem("this needs the package onnx", "pip install 'sepcalc[onnx]'")]) from error
    emit(OperatorsReport(source, tuple(sorted(OPERATORS)), REASONS), form, exact, output, force)
