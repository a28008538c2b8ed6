"""``sepcalc verify``."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from sepcalc.cli.completion import complete_spec, complete_variants
from sepcalc.cli.output import Output, emit, output_options
from sepcalc.cli.reading import NETWORK, Reading, fold_norm_option, reading_options, standard_input
from sepcalc.cli.spec_arguments import SPEC, spoken
from sepcalc.comparison import REWRITE_OPTIONS
from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.kinds import KINDS
from sepcalc.leftovers import tidied
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

Progress = Callable[[int, int, str], None]

_SHAPES = re.compile("[0-9x,]+")  # the beginning of a spec, perhaps of one whose comma is a mistake


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
        _refuse_beside(ctx, words)
        target = spoken(ctx, words, also=REWRITE_OPTIONS)
        if sample and variants:
            raise bad_input("--sample is for the layer alone: variants run in full")
    # A second thread of BLAS has little to do here, but waits for it at full speed, beside what is counted.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from sepcalc.verification import verify

    with progress_bar() as progress:
        verification = verify(
            target, seed=seed, variants=variants or None, layers=layers, sample=sample, progress=progress
        )
    code = 3 if not verification.complete else 0 if verification.ok else 1
    emit(VerifyReport(verification), output)
    return code


def _refuse_beside(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Raises UsageError where words stand beside a network: options of a spec do not apply to it."""
    if not words[1:] or words[0] in KINDS or _SHAPES.fullmatch(words[0]) or not is_network(words[0]):
        return
    for word in words[1:]:
        if word.startswith("-") and len(word) > 1:
            name = word.partition("=")[0]
            hint = near_miss(name, [option for parameter in ctx.command.params for option in parameter.opts])
            raise click.UsageError(f"no such option: {name[:100]}" + (f"\n  hint: {hint}" if hint else ""), ctx)
    raise click.UsageError(f"unexpected {quoted(words[1])} after the network {quoted(words[0])}", ctx)


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """A progress bar on a terminal's standard error; elsewhere nothing."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, markup=False, emoji=False, no_color=bool(os.environ.get("NO_COLOR")))
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar, tidied(bar.stop):
        task = bar.add_task("verifying", total=None)

        def progress(done: int, whole: int, name: str) -> None:
            bar.update(task, completed=done, total=whole, description=name)

        yield progress
