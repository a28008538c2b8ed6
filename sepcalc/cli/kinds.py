"""``sepcalc kinds``."""

import click

from sepcalc.cli.completion import complete_kinds
from sepcalc.cli.output import Output, emit, short_output_options
from sepcalc.errors import bad_input
from sepcalc.kinds import KINDS, unknown_kind
from sepcalc.reports.kinds import KindsReport

HELP = """List the kinds of layers with their words and options, and one line on how each is counted. The parser reads
the same tables. With KIND, show everything about that kind.

\b
Examples:
  sepcalc kinds
  sepcalc kinds conv
  sepcalc kinds --format markdown
"""


@click.command("kinds", help=HELP)
@click.argument("kind", required=False, shell_complete=complete_kinds)
@short_output_options
def command(kind: str | None, output: Output) -> None:
    if kind is not None and kind not in KINDS:
        fact = unknown_kind(kind)
        raise bad_input(fact.message, fact.hint)
    emit(KindsReport(kind or ""), output)
