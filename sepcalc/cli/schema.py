"""``sepcalc schema``."""

import json

import click

from sepcalc.cli.output import emit_file

HELP = """The JSON Schema of a network in YAML (draft-07), for completion and squiggles in an editor: write it to a
file with --output, and name that file in the first line of a network, as in

\b
  # yaml-language-server: $schema=sepcalc.schema.json

\b
Examples:
  sepcalc schema
"""


@click.command("schema", help=HELP)
@click.option("--output", metavar="FILE", help="Write to a file (a new one, but for --force).")
@click.option("--force", is_flag=True, help="Let --output overwrite.")
def command(output: str | None, force: bool) -> None:
    from sepcalc.document.schema import schema

    emit_file(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", output, force)
