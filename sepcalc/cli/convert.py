"""``sepcalc convert``."""

import click

from sepcalc.cli import complain
from sepcalc.cli.completion import complete_networks
from sepcalc.cli.network import (
    NETWORK,
    batch_option,
    dim_option,
    fold_norm_option,
    input_option,
    request,
    set_option,
    standard_input,
    uncounted_option,
)
from sepcalc.cli.output import emit_file
from sepcalc.errors import printable
from sepcalc.source import read

HELP = f"""A network of any kind, model.onnx say, as YAML that reads back to the same counts, layer by layer. What
repeats stands there once, as a block; sepcalc network --expand writes every layer, with its name.
Exits with 3 when some of its operators cannot be counted (--allow-uncounted: 0); in the YAML they are uncounted, too.

NETWORK is {NETWORK}.

\b
Examples:
  sepcalc convert "224x224x3, conv -k3 -o32 -s2, pool avg global, dense -o10"
  sepcalc convert specs/mobilenet_v1.yaml --fold-norm
"""


@click.command("convert", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@set_option
@input_option
@dim_option
@batch_option
@fold_norm_option
@uncounted_option
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file.")
@click.option("--force", is_flag=True, help="Overwrite it.")
def command(
    network: str,
    sets: tuple[str, ...],
    inputs: tuple[str, ...],
    dims: tuple[str, ...],
    batch: int | None,
    fold_norm: bool,
    allow_uncounted: bool,
    output: str | None,
    force: bool,
) -> int:
    from sepcalc.document.compacting import write_compact

    found = read(network, request(sets, inputs, dims, batch), standard_input).network
    for note in found.notes:
        complain(f"note: {printable(note)}")
    emit_file(write_compact(found.fold_norm() if fold_norm else found), output, force)
    if found.accepted(allow_uncounted):
        return 0
    for gap in found.uncounted:
        complain(f"not counted: {printable(f'{gap.name} ({gap.kind}): {gap.reason}')}")
    return 3
