"""``sepcalc zoo``."""

import click

from sepcalc.cli.output import Output, emit, output_options
from sepcalc.commands.zoo import zoo
from sepcalc.reports.zoo import ZooReport

HELP = """List the published networks that come with sepcalc: params and macs, and the published numbers beside them.

Use one of them as zoo:NAME wherever a command takes a network. Exits with 1 when a count differs from its published
number.

\b
Examples:
  sepcalc zoo
  sepcalc network zoo:mobilenet_v2
  sepcalc network zoo:efficientnet_b0 --set width=1.1 --set depth=1.2 --input 260x260x3
  sepcalc zoo --format markdown
"""


@click.command("zoo", help=HELP)
@output_options
def command(output: Output) -> int:
    found = zoo()
    emit(ZooReport(found), output)
    return 0 if found.passed else 1
