"""``sepcalc whatif``."""

import click

from sepcalc.cli.completion import complete_networks, complete_rules
from sepcalc.cli.output import Output, element_bytes, emit, emit_file, output_options
from sepcalc.cli.reading import NETWORK, Reading, reading_options, standard_input, uncounted_option
from sepcalc.commands.whatif import whatif
from sepcalc.errors import bad_input
from sepcalc.reports.whatif import WhatifReport
from sepcalc.rewriting import MAX_WIDTH, read_fraction, read_resolution, read_rules
from sepcalc.source import read

HELP = f"""Show what a network would cost with other convolutions (by rules), another width or another resolution.

NETWORK is {NETWORK}.

A rule is GLOB=VARIANT [OPTIONS]. GLOB matches layer names; VARIANT is depthwise-separable [-m2], depthwise-spatial,
spatial, factorized [--rank 8, or 1/2 of the outputs], or conv -g4. The first rule that matches a layer applies to it.
Rewritten layers keep their outer shapes. --width scales the channels of every layer but the heads. --balance 100
estimates the speed-up on a device that computes 100 macs while it moves one byte: fewer multiplications do not always
take less time.

\b
Examples:
  sepcalc whatif specs/conv_mobilenet.yaml --rewrite "*=depthwise-separable" --exclude "conv[0]"
  sepcalc whatif specs/conv_mobilenet.yaml --rewrite "conv[9]=factorized --rank 1/2" --rewrite "*=spatial"
  sepcalc whatif specs/mobilenet_v1.yaml --width 0.75 --resolution 192
  sepcalc whatif specs/conv_mobilenet.yaml --rewrite "*=depthwise-separable" --balance 100
"""


@click.command("whatif", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@click.option(
    "--rewrite",
    "rules",
    multiple=True,
    metavar="RULE",
    shell_complete=complete_rules,
    help="GLOB=VARIANT [OPTIONS]; may be repeated.",
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Layers to leave as they are.")
@click.option("--width", metavar="NUMBER", help="Multiply the channels of every layer but the heads.")
@click.option(
    "--divisor", type=click.IntRange(1, 1024), default=8, show_default=True, help="Round channels to multiples of this."
)
@click.option("--resolution", metavar="N[xN]", help="Set the spatial size of the inputs.")
@click.option(
    "--balance",
    metavar="NUMBER",
    help="Macs per byte of a device: which layers wait for memory, and the estimated speed-up.",
)
@reading_options
@uncounted_option
@element_bytes
@output_options
@click.option(
    "-o", "--write", metavar="FILE", help="Write the rewritten network to FILE, as YAML; --force overwrites it."
)
def command(
    network: str,
    rules: tuple[str, ...],
    exclude: tuple[str, ...],
    width: str | None,
    divisor: int,
    resolution: str | None,
    balance: str | None,
    reading: Reading,
    allow_uncounted: bool,
    element_bytes: int | None,
    output: Output,
    write: str | None,
) -> int:
    if not rules and width is None and resolution is None:
        raise bad_input("nothing to change: expected --rewrite, --width or --resolution", "--rewrite '*=spatial'")
    if exclude and not rules:
        raise bad_input("--exclude is for --rewrite: it keeps layers from the rules")
    read_rules(rules)  # what is wrong with the options is said before anything is read
    if width is not None:
        read_fraction("--width", width, MAX_WIDTH)
    if resolution is not None:
        read_resolution("--resolution", resolution)
    bytes_balance = read_fraction("--balance", balance, 10**9) if balance is not None else None
    whole = read(network, reading.request(), standard_input).network
    result = whatif(whole, rules, exclude, width=width, divisor=divisor, resolution=resolution)
    report = WhatifReport(result, bytes_balance, element_bytes)
    if write is not None:
        from sepcalc.document.writer import write as as_yaml

        emit_file(as_yaml(result.after), write, output.force)
    emit(report, output)
    return 0 if result.after.accepted(allow_uncounted) else 3
