"""``sepcalc convert``."""

import os

import click

from sepcalc.cli import complain
from sepcalc.cli.completion import complete_networks
from sepcalc.cli.output import emit_file
from sepcalc.cli.reading import NETWORK, Reading, fold_norm_option, reading_options, standard_input, uncounted_option
from sepcalc.commands.convert import WEIGHTS, convert, onnx_parts
from sepcalc.errors import Meant, bad_input, near_miss, printable
from sepcalc.importers.formats import YAML, of_suffix
from sepcalc.source import read

ONNX = ".onnx"
HELP = f"""Print a network of any format, for example model.onnx, as YAML. The YAML reads back to the same counts, layer
by layer. Parts that repeat become blocks; sepcalc network --expand writes every layer with its own name.
Exits with 3 when some operators cannot be counted (with --allow-uncounted: 0); the YAML has them as uncounted layers.

--output model.onnx writes an ONNX file instead: channels first, the batch open, names as they are, with random or zero
weights. ONNX Runtime runs it. A layer that ONNX has no equivalent of is an error.

NETWORK is {NETWORK}.

\b
Examples:
  sepcalc convert "224x224x3, conv -k3 -o32 -s2, pool avg global, dense -o10"
  sepcalc convert specs/mobilenet_v1.yaml --fold-norm
  sepcalc convert zoo:mobilenet_v2 -o mobilenet_v2.onnx --weights zero
"""


@click.command("convert", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@reading_options
@fold_norm_option
@uncounted_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False), help="Write to FILE, YAML or .onnx; --force overwrites it."
)
@click.option("--force", is_flag=True, help="Let --output overwrite.")
@click.option("--weights", type=click.Choice(WEIGHTS), help="The weights of an ONNX file.  [default: random]")
@click.option("--seed", type=click.IntRange(0), help="The seed of random weights.  [default: 0]")
def command(
    network: str,
    reading: Reading,
    fold_norm: bool,
    allow_uncounted: bool,
    output: str | None,
    force: bool,
    weights: str | None,
    seed: int | None,
) -> int:
    if output and file_name(output) != output:
        message = f"--output {printable(output)}: convert writes YAML and ONNX"
        raise bad_input(message, meant=Meant(output, file_name(output)))
    onnx = output is not None and output.lower().endswith(ONNX)
    for option, value in (("weights", weights), ("seed", seed)):
        if value is not None and not onnx:
            raise bad_input(f"--{option} is for ONNX files", "write one: --output model.onnx")
    if seed is not None and weights == "zero":
        raise bad_input("--seed is for random weights, not for zeros")
    found = read(network, reading.request(), standard_input).network
    for note in found.notes:
        complain(f"note: {printable(note)}")
    if output is not None and onnx:
        from sepcalc.files import write_files

        folded = found.fold_norm() if fold_norm else found
        write_files({output: onnx_parts(folded, weights or "random", seed or 0)}, force)
        return 0
    emit_file(convert(found, fold_norm=fold_norm), output, force)
    if found.accepted(allow_uncounted):
        return 0
    for gap in found.uncounted:
        complain(f"not counted: {printable(f'{gap.name} ({gap.kind}): {gap.reason}')}")
    return 3


def file_name(output: str) -> str:
    """The file to write to: another one where the suffix promises a format that is not written."""
    from sepcalc.foreign import FILES

    stem, suffix = os.path.splitext(output)
    if suffix.lower() not in (ONNX, *YAML.suffixes) and near_miss(suffix.lower(), [ONNX]):
        return stem + ONNX
    if suffix.lower() == ONNX or (of_suffix(output) in (None, YAML) and suffix.lower() not in FILES):
        return output
    return f"{stem}.sepcalc.yaml" if os.path.exists(f"{stem}.yaml") else f"{stem}.yaml"
