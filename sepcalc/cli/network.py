"""``sepcalc network``."""

import sys
from collections.abc import Sequence

import click

from sepcalc.cli.completion import complete_networks, complete_parameters
from sepcalc.cli.output import element_bytes, emit, emit_file, short_output_options
from sepcalc.errors import InputError, Problem, quoted
from sepcalc.gate.metrics import METRICS, spoken, unknown
from sepcalc.importers import Request
from sepcalc.importers.formats import MODELS
from sepcalc.reports.network import GROUPINGS, NetworkReport, held
from sepcalc.source import MAX_FILE_BYTES, read

NETWORK = f"""a YAML file, zoo:NAME (sepcalc zoo lists them), a model file ({", ".join(MODELS)}), a PyTorch module
as package.module:name with --input, - for YAML on standard input, or one line: an input shape and layers, with commas
between"""

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
"""


def request(
    sets: tuple[str, ...], inputs: tuple[str, ...], dims: tuple[str, ...] = (), batch: int | None = None
) -> Request:
    """``--set name=value``, ``--input [name=]shape``, ``--dim name=size``, each name once, and ``--batch``. Raises
    InputError."""
    shapes = [text if "=" in text else f"={text}" for text in inputs]
    return Request(
        _pairs("--set", sets, "width=0.5"),
        _pairs("--input", shapes, "160x160x3", nameless=True),
        _pairs("--dim", dims, "height=224"),
        batch,
    )


def _pairs(option: str, given: Sequence[str], example: str, nameless: bool = False) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given:
        # a name in a model file may hold any sign, a size or a shape no "="
        name, equals, value = text.partition("=") if option == "--set" else text.rpartition("=")
        if not equals or not (name or nameless):
            raise InputError(
                [Problem(f"{option} {quoted(text)}: expected name=value", f"for example {option} {example}")]
            )
        if name in values:
            raise InputError([Problem(f"{option} gives {quoted(name)} twice" if name else f"{option} is given twice")])
        values[name] = value
    return values


def standard_input() -> bytes:
    if sys.stdin is None:
        raise InputError([Problem("standard input is closed")])
    return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)


set_option = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="NAME=VALUE",
    shell_complete=complete_parameters,
    help="Set a parameter of the file.",
)
input_option = click.option(
    "--input", "inputs", multiple=True, metavar="[NAME=]HxWxC",
    help="Set the input shape. For an input of a PyTorch module: its shape there, a type or values: x=1x3x64x64, "
    'ids=int64:1x6, "lengths=[7, 5]"; of one number, "n=(3)".',
)  # fmt: skip
dim_option = click.option(
    "--dim", "dims", multiple=True, metavar="NAME=SIZE", help="Set a dimension that a model file leaves open."
)
batch_option = click.option(
    "--batch", type=click.IntRange(1), metavar="N",
    help="Examples along the first axis of the model's inputs. 1: the first axis holds no examples.",
)  # fmt: skip
uncounted_option = click.option(
    "--allow-uncounted",
    is_flag=True,
    help="Only warn where operators were not counted: totals are incomplete. No effect where counting stopped.",
)
fold_norm_option = click.option(
    "--fold-norm", is_flag=True, help="Fold each batch norm into the convolution before it, where that is possible."
)


@click.command("network", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@set_option
@input_option
@dim_option
@batch_option
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
@click.option("--explain", is_flag=True, help="Show how each count is computed, factor by factor.")
@click.option(
    "--expand", is_flag=True, help="Print the layers as a flat YAML list, which reads back to the same numbers."
)
@uncounted_option
@element_bytes
@short_output_options
def command(
    network: str,
    sets: tuple[str, ...],
    inputs: tuple[str, ...],
    dims: tuple[str, ...],
    batch: int | None,
    by: str | None,
    full: bool,
    sort: str | None,
    top: int | None,
    fold_norm: bool,
    explain: bool,
    expand: bool,
    allow_uncounted: bool,
    element_bytes: int | None,
    form: str,
    exact: bool,
    output: str | None,
    force: bool,
) -> int:
    document = read(network, request(sets, inputs, dims, batch), standard_input)
    subject = document.network.fold_norm() if fold_norm else document.network
    known = subject.accepted(allow_uncounted)
    if expand:
        from sepcalc.document.writer import write

        emit_file(write(subject), output, force)
        return 0 if known else 3
    findings, verdicts, remark = held(subject, document, fold_norm)
    metric = (sort or "").replace("-", "_")
    report = NetworkReport(subject, findings, verdicts, by or "", metric, top, explain, element_bytes, remark, full)
    asked = any(verdict.unknown for verdict in verdicts)
    asked = asked or any(unknown(finding.metric, subject.incomplete) for finding in findings)
    code = 3 if not known or (asked and not allow_uncounted) else 0 if report.passed else 1
    emit(report, form, exact, output, force)
    return code
