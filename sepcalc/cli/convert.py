"""``sepcalc convert``."""

import os

import click

from sepcalc.cli import complain
from sepcalc.cli.completion import complete_networks
from sepcalc.cli.output import emit_file
from sepcalc.cli.reading import NETWORK, Reading, fold_norm_option, reading_options, standard_input, uncounted_option
from sepcalc.errors import Meant, bad_input, printable
from sepcalc.importers.formats import YAML, of_suffix
from sepcalc.source import read

HELP = f"""Print a network of any format, for example model.onnx, as YAML. The YAML reads back to the same counts, layer
by layer. Parts that repeat become blocks; sepcalc network --expand writes every layer with its own name.
Exits with 3 when some operators cannot be counted (with --allow-uncounted: 0); the YAML has them as uncounted layers.

NETWORK is {NETWORK}.

\b
Examples:
  sepcalc convert "224x224x3, conv -k3 -o32 -s2, pool avg global, dense -o10"
  sepcalc convert specs/mobilenet_v1.yaml --fold-norm
"""


@click.command("convert", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@reading_options
@fold_norm_option
@uncounted_option
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the YAML to FILE; --force overwrites it.")
@click.option("--force", is_flag=True, help="Let --output overwrite.")
def command(
    network: str,
    reading: Reading,
    fold_norm: bool,
    allow_uncounted: bool,
    output: str | None,
    force: bool,
) -> int:
    from sepcalc.commands.convert import convert

    if output and yaml_name(output) != output:
        message = f"--output {printable(output)}: convert writes only YAML"
        raise bad_input(message, meant=Meant(output, yaml_name(output)))
    found = read(network, reading.request(), standard_input).network
    for note in found.notes:
        complain(f"note: {printable(note)}")
    emit_file(convert(found, fold_norm=fold_norm), output, force)
    if found.accepted(allow_uncounted):
        return 0
    for gap in found.uncounted:
        complain(f"not counted: {printable(f'{gap.name} ({gap.kind}): {gap.reason}')}")
    return 3


def yaml_name(output: str) -> str:
    """The file to write YAML to: another one where the suffix promises another format."""
    from sepcalc.foreign import FILES

    stem, suffix = os.path.splitext(output)
    if of_suffix(output) in (None, YAML) and suffix.lower() not in FILES:
        return output
    return f"{stem}.sepcalc.yaml" if os.path.exists(f"{stem}.yaml") else f"{stem}.yaml"
