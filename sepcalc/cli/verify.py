"""``sepcalc verify``."""

import os

import click

from sepcalc.cli.completion import complete_spec, complete_variants
from sepcalc.cli.output import Output, emit, output_options
from sepcalc.cli.progress import progress_bar
from sepcalc.cli.reading import NETWORK, Reading, fold_norm_option, reading_options, standard_input
from sepcalc.cli.spec_arguments import SPEC, refuse_beside, spoken
from sepcalc.comparison import REWRITE_OPTIONS
from sepcalc.errors import bad_input
from sepcalc.network import Network
from sepcalc.reports.verify import VerifyReport
from sepcalc.source import is_network, read
from sepcalc.spec import Spec

HELP = f"""Run a layer or a network in NumPy with elementwise operations only, and count what was executed. Compare
every count with its formula, every output with a reference, and every variant with the convolution that it replaces.

The target is a layer spec, or a network: {NETWORK}.
Exits with 1 when anything differs, and with 3 when a layer cannot run because its operator is not known.

\b
Examples:
  sepcalc verify 12x12x3 -k5 -o256
  sepcalc verify 9x9x8 transposed -k4 -s2 -p1 -o6 --bias
  sepcalc verify "32x32x3, conv -k3 -o8 -p same, act relu, pool avg global, dense -o10"
  sepcalc verify specs/mobilenet_v1.yaml --layers "mobile[12]/*"
  sepcalc verify specs/conv_mobilenet.yaml --sample 64
"""


@click.command("verify", help=HELP, context_settings=SPEC)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="SPEC|NETWORK", shell_complete=complete_spec)
@click.option("--layers", multiple=True, metavar="GLOB", help="Only the layers of a network whose names match.")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_variants,
    help="Only this variant of a spec, or all.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the data and the weights.")
@click.option(
    "--sample", type=click.IntRange(1), metavar="N",
    help="Only about N output positions of each layer, chosen by the seed: a large network in seconds.",
)  # fmt: skip
@fold_norm_option
@reading_options
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    layers: tuple[str, ...],
    variants: tuple[str, ...],
    seed: int,
    sample: int | None,
    fold_norm: bool,
    reading: Reading,
    output: Output,
) -> int:
    target: Spec | Network
    if len(words) == 1 and is_network(words[0]):
        if variants:
            raise bad_input("--variant is for a layer spec, not for a network")
        target = read(words[0], reading.request(), standard_input).network
        target = target.fold_norm() if fold_norm else target
    else:
        names = ("--layers", "--set", "--input", "--dim", "--batch", "--signature", "--fold-norm")
        for name, value in zip(names, (layers, *reading, fold_norm), strict=True):
            if value:
                raise bad_input(f"{name} is for a network, not for a layer spec")
        refuse_beside(ctx, words)
        target = spoken(ctx, words, also=REWRITE_OPTIONS)
        if sample and variants:
            raise bad_input("--sample is for the layer alone: variants run in full")
    # A second thread of BLAS has little to do here, but waits for it at full speed, beside what is counted.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from sepcalc.verification import verify

    with progress_bar("verifying") as progress:
        verification = verify(
            target, seed=seed, variants=variants or None, layers=layers, sample=sample, progress=progress
        )
    code = 3 if not verification.complete else 0 if verification.ok else 1
    emit(VerifyReport(verification), output)
    return code
