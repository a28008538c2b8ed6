"""``sepcalc history``."""

import os

import click

from sepcalc.cli.completion import complete_networks
from sepcalc.cli.output import Output, emit, output_options
from sepcalc.cli.reading import Reading, reading_options
from sepcalc.commands.history import recorded
from sepcalc.reports.history import HistoryReport

HELP = """Show how a network grew: its params, macs and peak memory at each commit that changed them.

FILE is a network's file in a git repository. It is followed through renames, and a file that it includes counts as a
part of it. Commits in which it cannot be read are listed. Exits with 3 if there are any, or if a layer was not counted.

\b
Examples:
  sepcalc history specs/mobilenet_v1.yaml
  sepcalc history specs/mobilenet_v1.yaml --since 2026-01-31
  sepcalc history specs/mobilenet_v1.yaml --every 10 --format json
"""


@click.command("history", help=HELP)
@click.argument("file", shell_complete=complete_networks)
@click.option(
    "--since", default="", metavar="REV", help="Begin at this revision (a tag, a commit), or at a day: 2026-01-31."
)
@click.option(
    "--every", type=click.IntRange(1), default=1, metavar="N",
    help="Read only every N-th commit, the newest and the oldest.",
)  # fmt: skip
@reading_options
@output_options
def command(file: str, since: str, every: int, reading: Reading, output: Output) -> int:
    found = recorded(file, since, every, reading.request(), os.environ)
    emit(HistoryReport(found), output)
    return 0 if found.complete else 3
