"""``sepcalc network``."""

from functools import partial
from typing import TYPE_CHECKING

import click

from sepcalc.cli.completion import complete_counters, complete_networks
from sepcalc.cli.output import Output, element_bytes, emit, emit_file, output_options
from sepcalc.cli.reading import NETWORK, Reading, fold_norm_option, reading_options, standard_input, uncounted_option
from sepcalc.gate.metrics import METRICS, spoken, unknown
from sepcalc.renderers import GENERAL, GRAPHS
from sepcalc.reports.network import GROUPINGS, NetworkReport, held
from sepcalc.source import read

if TYPE_CHECKING:
    from fractions import Fraction

HELP = f"""A network, layer by layer: outputs, params, macs and each layer's share, then the totals.

NETWORK is {NETWORK}.
Exits with 1 when the network is over the budget in its file, or astray from the numbers published there.

\b
Examples:
  sepcalc network "224x224x3, conv -k3 -o32 -s2, pool avg global, dense -o10"
  sepcalc network specs/mobilenet_v1.yaml
  sepcalc network specs/mobilenet_v1.yaml --set width=0.5 --input 160x160x3
  sepcalc network zoo:mobilenet_v2 --set width=1.4 --by kind
  sepcalc network specs/mobilenet_v1.yaml --by block --top 5
  sepcalc network specs/mobilenet_v1.yaml --fold-norm --full
  sepcalc network specs/mobilenet_v1.yaml --top 10 --sort params
  sepcalc network specs/mobilenet_v1.yaml --balance 100 --format html --output page.html
  sepcalc network specs/mobilenet_v1.yaml --format mermaid
  sepcalc network specs/mobilenet_v1.yaml --convention fvcore
"""


@click.command("network", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@reading_options
@click.option("--by", type=click.Choice(list(GROUPINGS)), default=None, help="Group the layers.")
@click.option("--full", is_flag=True, help="Show every layer in its own row, even where blocks repeat.")
@click.option(
    "--sort", type=click.Choice([*map(spoken, METRICS)]), default=None, metavar="METRIC",
    help=f"Sort by this metric, largest first, and show shares of it: {', '.join(map(spoken, METRICS))}.",
)  # fmt: skip
@click.option(
    "--top",
    type=click.IntRange(1),
    metavar="N",
    help="Show only the first N layers or groups, by macs or by --sort.",
)
@fold_norm_option
@click.option(
    "--convention", default="", metavar="COUNTER", shell_complete=complete_counters,
    help="Also show what this other counter prints: fvcore, thop, …; sepcalc reconcile explains the difference.",
)  # fmt: skip
@click.option("--explain", is_flag=True, help="Show how each count is computed, factor by factor.")
@click.option(
    "--expand", is_flag=True, help="Print the layers as a flat YAML list, which reads back to the same numbers."
)
@click.option(
    "--balance",
    metavar="NUMBER",
    help="Macs per byte of a device: which layers wait for memory there.",
)
@uncounted_option
@element_bytes
@partial(output_options, forms=(*GENERAL, *GRAPHS), short=True)
def command(
    network: str,
    reading: Reading,
    by: str | None,
    full: bool,
    sort: str | None,
    top: int | None,
    fold_norm: bool,
    convention: str,
    explain: bool,
    expand: bool,
    balance: str | None,
    allow_uncounted: bool,
    element_bytes: int | None,
    output: Output,
) -> int:
    device = _balance(balance) if balance is not None else None
    document = read(network, reading.request(), standard_input)
    subject = document.network.fold_norm() if fold_norm else document.network
    known = subject.accepted(allow_uncounted)
    if expand:
        from sepcalc.document.writer import write

        emit_file(write(subject), output.file, output.force)
        return 0 if known else 3
    other = None
    if convention:
        from sepcalc.conventions import assumed, counted

        other = counted(subject, convention)
        subject = subject.noted(*assumed(subject))
    findings, verdicts, remark = held(subject, document, fold_norm)
    metric = (sort or "").replace("-", "_")
    whole = full or output.form == "html"  # a page has room for every layer
    report = NetworkReport(
        subject, findings, verdicts, by or "", metric, top, explain, element_bytes, remark, whole, device, other
    )
    asked = any(verdict.unknown for verdict in verdicts)
    asked = asked or any(unknown(finding.metric, subject.incomplete) for finding in findings)
    asked = asked or (other is not None and not other.answered)
    code = 3 if not known or (asked and not allow_uncounted) else 0 if report.passed else 1
    emit(report, output)
    return code


def _balance(text: str) -> "Fraction":
    from sepcalc.rewriting import read_fraction  # no other option of this command needs it

    return read_fraction("--balance", text, 10**9)
