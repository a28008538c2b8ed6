"""``sepcalc reconcile``."""

import click

from sepcalc.cli.completion import complete_networks
from sepcalc.cli.output import Output, emit, output_options
from sepcalc.cli.reading import NETWORK, Reading, fold_norm_option, reading_options, standard_input
from sepcalc.commands.reconcile import reconcile
from sepcalc.reports.reconcile import ReconcileReport
from sepcalc.source import read

HELP = f"""Show what other counters print for a network, and which terms make the difference to its exact macs.

NETWORK is {NETWORK}.
A number that cannot be known from this file is not guessed: the report says from which kind of file it could be known.
Exits with 3 if a layer is not counted, and with 1 if --number fits no way to count.

\b
Examples:
  sepcalc reconcile specs/mobilenet_v2.yaml
  sepcalc reconcile specs/mobilenet_v2.yaml --layer "*norm*"
  sepcalc reconcile specs/mobilenet_v2.yaml --number 314.19M
"""


@click.command("reconcile", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@reading_options
@fold_norm_option
@click.option("--layer", default=None, metavar="GLOB", help="Only the layers whose names match.")
@click.option("--number", default=None, metavar="NUMBER", help="Name what gives this number: 327.5M.")
@output_options
def command(
    network: str, reading: Reading, fold_norm: bool, layer: str | None, number: str | None, output: Output
) -> int:
    document = read(network, reading.request(), standard_input)
    subject = document.network.fold_norm() if fold_norm else document.network
    found = reconcile(subject, layer=layer, number=number)
    emit(ReconcileReport(found), output)
    return 3 if not found.complete else 1 if number is not None and not found.matches else 0
