"""``sepcalc compare``."""

from functools import partial

import click

from sepcalc.cli.completion import complete_spec, complete_variants
from sepcalc.cli.output import Output, element_bytes, emit, output_options
from sepcalc.cli.spec_arguments import SPEC, SpecCommand, spoken
from sepcalc.comparison import COMPARED, REWRITE_OPTIONS, compare
from sepcalc.renderers import GENERAL, PICTURES
from sepcalc.reports.compare import CompareReport

HELP = """Compare one convolution with its cheaper variants: output, params, multiplications and the ratio to normal.

The spec is one line: SHAPE [KIND] OPTIONS. Without a kind it is a conv. The spec also takes the options of the
variants: -m (--multiplier) for the depthwise step, --rank for the factorization.

\b
Examples:
  sepcalc compare 12x12x3 -k5 -o256
  sepcalc compare 12x12x3 -k5 -o256 -m2 --variant depthwise-separable
  sepcalc compare 56x56x128 -k3 -o128 -p same --variant all --explain
  sepcalc compare 16x56x56x64 -k3 -o64 -p 1 -s 1x2x2 --formula
  sepcalc compare "16000x1 -k9 -o32 -s4 --bias" --format json
"""


class CompareCommand(SpecCommand):
    """The command, whose help lists the options of convolutions and of their variants."""

    kinds = COMPARED
    also = REWRITE_OPTIONS


@click.command("compare", cls=CompareCommand, help=HELP, context_settings=SPEC)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="SPEC", shell_complete=complete_spec)
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME", shell_complete=complete_variants,
    help="normal, spatial, depthwise-separable, depthwise-spatial, factorized or all; may be repeated.",
)  # fmt: skip
@click.option("--explain", is_flag=True, help="Show how each count is computed, factor by factor.")
@click.option("--formula", is_flag=True, help="Show the general ratio of each variant, and its break-even point.")
@element_bytes
@partial(output_options, forms=(*GENERAL, *PICTURES))
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    variants: tuple[str, ...],
    explain: bool,
    formula: bool,
    element_bytes: int | None,
    output: Output,
) -> None:
    spec = spoken(ctx, words, also=REWRITE_OPTIONS)
    comparison = compare(spec, variants or None)
    emit(CompareReport(comparison, explain, formula, element_bytes), output)
