"""``sepcalc kinds``."""

import click

from sepcalc.cli.output import emit, short_output_options
from sepcalc.reports.kinds import KindsReport

HELP = """Every kind of layer with its words and options, and one line on how it is counted: the tables that the parser
reads.

\b
Examples:
  sepcalc kinds
  sepcalc kinds --format markdown
"""


@click.command("kinds", help=HELP)
@short_output_options
def command(form: str, exact: bool, output: str | None, force: bool) -> None:
    emit(KindsReport(), form, exact, output, force)
