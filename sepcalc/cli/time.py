"""``sepcalc time``."""

import click

from sepcalc.cli.completion import complete_rules, complete_spec, complete_variants
from sepcalc.cli.output import Output, emit, output_options
from sepcalc.cli.progress import progress_bar
from sepcalc.cli.reading import NETWORK, Reading, reading_options, standard_input
from sepcalc.cli.spec_arguments import SPEC, refuse_beside, spoken
from sepcalc.comparison import REWRITE_OPTIONS
from sepcalc.errors import Invalid, bad_input
from sepcalc.network import Network
from sepcalc.quantity import read_duration
from sepcalc.reports.time import TimeReport
from sepcalc.source import is_document, is_network, read
from sepcalc.spec import Spec
from sepcalc.timing.engines import ENGINES, ON

HELP = f"""Measure what a convolution's variants, or a network, take in a real engine, beside what they cost. Nothing is
predicted: it runs here, with random weights.

The target is a layer spec, or a network: {NETWORK}.

All variants run in turn, again and again, until the spread of every median is below 3 %, or the time of --for is
spent. A lone layer pays for its borders: where input and output have one shape, a variant is timed by the slope between
1 and several copies of it in a row. A network is also told by layer, block and kind. Layers that the engine runs as one
operator are one row.

\b
Examples:
  sepcalc time 28x28x64 -k3 -o64 -p same --for 1s
  sepcalc time "14x14x16, conv -k3 -o16 -p same, act relu, pool avg global, dense -o10" --for 1s
  sepcalc time zoo:mobilenet_v1 --width 0.5 --for 1s
"""


@click.command("time", help=HELP, context_settings=SPEC)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="SPEC|NETWORK", shell_complete=complete_spec)
@click.option(
    "--engine", "engines", multiple=True, type=click.Choice([*ENGINES]), default=("onnxruntime",), show_default=True,
    help="What runs it; may be repeated.",
)  # fmt: skip
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME", shell_complete=complete_variants,
    help="Only this variant of a spec, or all.",
)  # fmt: skip
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Threads, each on a core.")
@click.option("--on", type=click.Choice(ON), default="cpu", show_default=True, help="The device.")
@click.option("--for", "limit", metavar="TIME", default="20s", show_default=True, help="The time to measure, at most.")
@click.option("--floor", is_flag=True, help="Subtract what an empty network takes.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the data and the weights.")
@click.option(
    "--rewrite", "rules", multiple=True, metavar="RULE", shell_complete=complete_rules,
    help="GLOB=VARIANT [OPTIONS], as whatif has it: before and after; may be repeated.",
)  # fmt: skip
@click.option("--exclude", multiple=True, metavar="GLOB", help="Layers to leave as they are.")
@click.option("--width", metavar="NUMBER", help="Multiply the channels of every layer but the heads.")
@click.option(
    "--divisor", type=click.IntRange(1, 1024), default=8, show_default=True, help="Round channels to multiples of this."
)
@click.option("--resolution", metavar="N[xN]", help="Set the spatial size of the inputs.")
@reading_options
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    engines: tuple[str, ...],
    variants: tuple[str, ...],
    threads: int,
    on: str,
    limit: str,
    floor: bool,
    seed: int,
    rules: tuple[str, ...],
    exclude: tuple[str, ...],
    width: str | None,
    divisor: int,
    resolution: str | None,
    reading: Reading,
    output: Output,
) -> None:
    try:
        seconds = read_duration(limit).floor / 10**9
    except Invalid as fact:
        raise bad_input(f"--for: {fact.message}", fact.hint) from fact
    target: Spec | Network
    if len(words) == 1 and is_network(words[0]):
        if variants:
            raise bad_input("--variant is for a layer spec, not for a network")
        asked = reading.request()
        # A document has no batch of its own; of a model file it is what its first axis holds as well.
        asked = asked._replace(batch=None) if is_document(words[0]) else asked
        target = read(words[0], asked, standard_input).network
    else:
        given = {
            "--set": reading.sets,
            "--input": reading.inputs,
            "--dim": reading.dims,
            "--signature": reading.signature,
        }
        given |= {"--rewrite": rules, "--exclude": exclude, "--width": width, "--resolution": resolution}
        for name, value in given.items():
            if value:
                raise bad_input(f"{name} is for a network, not for a layer spec")
        refuse_beside(ctx, words)
        target = spoken(ctx, words, also=REWRITE_OPTIONS)
    from sepcalc.commands.time import time

    with progress_bar("measuring") as progress:
        found = time(
            target, engines=engines, variants=variants or None, rules=rules, exclude=exclude, width=width,
            divisor=divisor, resolution=resolution, threads=threads, batch=reading.batch or 1, on=on,
            seconds=seconds, floor=floor, seed=seed,
            progress=None if progress is None else lambda part, rounds: progress(int(1000 * part), 1000, f"{rounds}"),
        )  # fmt: skip
    emit(TimeReport(found), output)
