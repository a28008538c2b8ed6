"""``sepcalc schema``."""

import json

import click

from sepcalc.cli.completion import complete_reports
from sepcalc.cli.output import emit_file, file_options

HELP = """The JSON Schema of a network in YAML (draft-07), for completion and squiggles in an editor: write it to a
file with --output, and name that file in the first line of a network, as in

\b
  # yaml-language-server: $schema=sepcalc.schema.json

With --report it is the schema of what a command prints with --format json.

\b
Examples:
  sepcalc schema
  sepcalc schema --report network
"""


@click.command("schema", help=HELP)
@click.option(
    "--report",
    metavar="NAME",
    shell_complete=complete_reports,
    help="The schema of a report's JSON: compare, layer, network and so on.",
)
@file_options("schema")
def command(report: str | None, output: str | None, force: bool) -> None:
    if report is None:
        from sepcalc.document.schema import schema as of_network

        schema = of_network()
    else:
        from sepcalc.reports.schemas import schema as of_report

        schema = of_report(report)
    emit_file(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", output, force)
