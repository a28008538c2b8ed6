"""``sepcalc diff``."""

from functools import partial

import click

from sepcalc.cli.completion import complete_networks
from sepcalc.cli.gate_options import increase_option, increases_of, verdict_options
from sepcalc.cli.output import Output, emit
from sepcalc.cli.reading import Reading, reading_options, standard_input, uncounted_option
from sepcalc.commands.diff import differing
from sepcalc.commands.subjects import read_for_gate
from sepcalc.errors import bad_input
from sepcalc.included import Keep
from sepcalc.network import Network
from sepcalc.reports.diff import DiffReport
from sepcalc.source import is_document

HELP = """Show what changed between two networks: layers added, removed and changed, and the totals.

OLD and NEW are any networks that sepcalc network reads. git:REVISION:PATH is a file of that revision; PATH starts at
the root of the repository, ./PATH at this folder. In the CI of a pull request, HEAD is the pull request itself, and its
base is for example git:origin/main:PATH. Layers are matched by name, then by place and shape. Exits with 1 when a count
grew by more than --max-increase allows.

\b
Examples:
  sepcalc diff specs/conv_mobilenet.yaml specs/mobilenet_v1.yaml
  sepcalc diff specs/mobilenet_v1.yaml specs/mobilenet_v1.yaml --max-increase macs=2% --format markdown
"""


@click.command("diff", help=HELP)
@click.argument("old", shell_complete=complete_networks)
@click.argument("new", shell_complete=complete_networks)
@increase_option
@reading_options
@uncounted_option
@verdict_options
def command(
    old: str,
    new: str,
    increases: tuple[str, ...],
    reading: Reading,
    allow_uncounted: bool,
    output: Output,
) -> int:
    limits, asked = increases_of(increases), reading.request()
    if old == new == "-":
        raise bad_input("only one of the two networks can be standard input")

    def side(argument: str, keep: Keep) -> Network:
        beside = is_document(argument) and not (is_document(old) and is_document(new))
        how = asked._replace(dims={}, batch=None, signature="") if beside else asked  # these are for the model file
        return read_for_gate(argument, how, standard_input, keep).network

    found = differing((old, new), [partial(side, old), partial(side, new)], limits, allow_uncounted)
    emit(DiffReport(found), output)
    return found.code
