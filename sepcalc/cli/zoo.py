"""``sepcalc zoo``."""

import click

from sepcalc.cli.output import emit, output_options
from sepcalc.gate import compare_published
from sepcalc.model_zoo import names
from sepcalc.reports.zoo import Exhibit, ZooReport
from sepcalc.source import ZOO, read

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
def command(form: str, exact: bool, output: str | None, force: bool) -> int:
    exhibits = []
    for name in names():
        document = read(ZOO + name)
        exhibits.append(Exhibit(name, document.network, compare_published(document.network, document.published)))
    report = ZooReport(exhibits)
    emit(report, form, exact, output, force)
    return 0 if report.passed else 1
