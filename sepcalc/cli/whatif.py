"""``sepcalc whatif``."""

from fractions import Fraction

import click

from sepcalc.cli.network import input_option, request, set_option, standard_input
from sepcalc.cli.output import element_bytes, emit, emit_file, output_options
from sepcalc.errors import InputError, Invalid, Problem, quoted
from sepcalc.options import read_sizes
from sepcalc.reports.whatif import WhatifReport
from sepcalc.source import read
from sepcalc.whatif import read_rules, resized_and_rewritten
from sepcalc.whatif.resize import heads_of, resized

HELP = """What a network would cost, rewritten: its convolutions by rules, its channels, its resolution.

A rule is GLOB=VARIANT [OPTIONS], of layer names: depthwise-separable [-m2], depthwise-spatial, spatial, factorized
[--rank 8, or 1/2 of the outputs], or conv -g4. The first rule that a layer's name matches is its own; rewritten layers
keep their outer shapes. --width scales the channels of every layer but the heads. --balance asks what a device makes of
it that computes so many macs while it moves a byte: fewer multiplications are not the same as less time.

\b
Examples:
  sepcalc whatif specs/conv_mobilenet.yaml --rewrite "*=depthwise-separable" --exclude "conv[0]"
  sepcalc whatif specs/conv_mobilenet.yaml --rewrite "conv[9]=factorized --rank 1/2" --rewrite "*=spatial"
  sepcalc whatif specs/mobilenet_v1.yaml --width 0.75 --resolution 192
  sepcalc whatif specs/conv_mobilenet.yaml --rewrite "*=depthwise-separable" --balance 100
"""


def read_fraction(option: str, text: str, largest: int) -> Fraction:
    """A positive decimal or fraction. Raises InputError."""
    try:
        value = Fraction(text) if len(text) <= 40 and text.isascii() and "_" not in text else Fraction(0)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not 0 < value <= largest:
        raise InputError([Problem(f"{option} {quoted(text)}: expected a number above 0, up to {largest:,}")])
    return value


@click.command("whatif", help=HELP)
@click.argument("network")
@click.option("--rewrite", "rules", multiple=True, metavar="RULE", help="GLOB=VARIANT [OPTIONS]; may be repeated.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Layers that no rule rewrites.")
@click.option("--width", metavar="NUMBER", help="Channels times this, of every layer but the heads.")
@click.option(
    "--divisor", type=click.IntRange(1, 1024), default=8, show_default=True, help="Channels come in multiples of it."
)
@click.option("--resolution", metavar="N[xN]", help="Another spatial size of the inputs.")
@click.option("--balance", metavar="NUMBER", help="Macs per byte of a device: what would wait for its memory.")
@set_option
@input_option
@element_bytes
@output_options
@click.option(
    "-o", "--write", metavar="FILE", help="Write the rewritten network, as YAML (a new file, but for --force)."
)
def command(
    network: str,
    rules: tuple[str, ...],
    exclude: tuple[str, ...],
    width: str | None,
    divisor: int,
    resolution: str | None,
    balance: str | None,
    sets: tuple[str, ...],
    inputs: tuple[str, ...],
    element_bytes: int,
    form: str,
    exact: bool,
    output: str | None,
    force: bool,
    write: str | None,
) -> int:
    if not (rules or width or resolution):
        raise InputError(
            [Problem("nothing to change: expected --rewrite, --width or --resolution", "--rewrite '*=spatial'")]
        )
    if exclude and not rules:
        raise InputError([Problem("--exclude is for --rewrite: it keeps layers from the rules")])
    wanted = read_rules(rules)
    factor = read_fraction("--width", width, 100) if width is not None else None
    sizes = None
    if resolution is not None:
        try:
            sizes = read_sizes(resolution)
        except Invalid as fact:
            raise InputError([Problem(f"--resolution: {fact.message}", fact.hint)]) from fact
    bytes_balance = read_fraction("--balance", balance, 10**9) if balance is not None else None
    whole = read(network, request(sets, inputs), standard_input).network
    changed = resized(whole, factor, divisor, sizes) if factor is not None or sizes is not None else whole
    parts = [f"width x {width}" if width else "", f"resolution {resolution}" if resolution else ""]
    said = ", ".join(filter(None, parts))
    heads = heads_of(whole) if width else ()
    result = resized_and_rewritten(whole, changed, said, heads, wanted, exclude)
    report = WhatifReport(result, said, bytes_balance, element_bytes)
    if write is not None:
        from sepcalc.document.writer import write as as_yaml

        emit_file(as_yaml(result.after), write, force)
    emit(report, form, exact, output, force)
    return 0 if result.after.complete else 3
