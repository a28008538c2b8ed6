"""``sepcalc layer``."""

import click

from sepcalc.cli.completion import complete_spec
from sepcalc.cli.output import Output, element_bytes, emit, output_options
from sepcalc.cli.spec_arguments import SPEC, SpecCommand, spoken
from sepcalc.network import of_spec
from sepcalc.reports.layer import LayerReport

HELP = """Show one layer of any kind: output shape, every count, receptive field, traffic, arithmetic intensity.

The spec is one line, SHAPE [KIND [WORD…]] OPTIONS; sepcalc kinds lists the kinds. A layer with several inputs has
several shapes; one shape serves both inputs of a sum or a product. With each before the kind, it is the layer on each
slice of the first axis.

\b
Examples:
  sepcalc layer 12x12x3 depthwise -k5 -m2
  sepcalc layer 12x12x3 separable -k5 -o256 --explain
  sepcalc layer 7x7x512 transposed -k4 -s2 -p1 -o256
  sepcalc layer 16x12x12x3 each conv -k5 -o256
  sepcalc layer 196x768 multihead --heads 12 --bias
  sepcalc layer 56x56x64 56x56x64 add --format json
"""


@click.command("layer", cls=SpecCommand, help=HELP, context_settings=SPEC)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="SPEC", shell_complete=complete_spec)
@click.option("--explain", is_flag=True, help="Show how each count is computed, factor by factor.")
@element_bytes
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    explain: bool,
    element_bytes: int | None,
    output: Output,
) -> None:
    spec = spoken(ctx, words)
    emit(LayerReport(spec, of_spec(spec), explain, element_bytes), output)
