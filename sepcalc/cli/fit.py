"""``sepcalc fit``."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache, partial

import click

from sepcalc.cli.completion import complete_networks, complete_separated
from sepcalc.cli.gate_options import complete_metrics
from sepcalc.cli.output import Output, emit, emit_file, output_options
from sepcalc.cli.reading import NETWORK, Reading, reading_options, standard_input, uncounted_option
from sepcalc.errors import Invalid, bad_input, near_miss, quoted
from sepcalc.expression import Value as Number
from sepcalc.extras import install
from sepcalc.gate import read_limit
from sepcalc.gate.metrics import unknown
from sepcalc.importers import Request
from sepcalc.network import Network
from sepcalc.reports.whatif import FitReport
from sepcalc.rewrite import Settings
from sepcalc.rewriting import read_fraction
from sepcalc.rewriting.answers import Answer, Limits, fits
from sepcalc.rewriting.fit import (
    FINEST,
    SEPARATED,
    WAYS,
    answers_of,
    by_channels,
    narrower,
    tried,
    unfit,
)
from sepcalc.source import read

HELP = f"""Find the least change that makes a network fit its limits, in three ways: the largest width that fits, the
highest resolution that fits, and the best set of convolutions to separate, which keeps the most params. Each answer is
exact and counted again. The set is an integer program, which SciPy solves: {install("fit")}. Exits with 1 when no way
fits.

The width is the file's parameter "width", in thousandths. A file without it gets a factor for the channels of every
layer but the heads. Counts are assumed to grow with width and resolution. Where a condition in the file makes a wider
network cheaper, a wider network than the answer may fit too.

NETWORK is {NETWORK}.

\b
Examples:
  sepcalc fit specs/conv_mobilenet.yaml --max macs=2G
  sepcalc fit specs/mobilenet_v1.yaml --max macs=300M --max params=3M --by width
  sepcalc fit specs/conv_mobilenet.yaml --max macs=1G --by separate --variant spatial --variant depthwise-separable
"""
MAX_FACTOR = 16  # a parameter "width" that is a larger whole number is one of channels


def limits_of(texts: tuple[str, ...]) -> dict[str, int]:
    """``--max macs=300M``, each metric once. Raises InputError."""
    limits: dict[str, int] = {}
    for text in texts:
        metric, equals, most = text.partition("=")
        metric = metric.replace("-", "_")
        if not equals:
            raise bad_input(f"--max {quoted(text)}: expected metric=limit", "for example --max macs=300M")
        try:
            limit = read_limit(metric, most)
        except Invalid as fact:
            raise bad_input(f"--max {metric}: {fact.message}", fact.hint) from fact
        if metric in limits:
            raise bad_input(f"--max gives {metric} twice")
        limits[metric] = limit.most.floor
    unfit(limits)
    return limits


@click.command("fit", help=HELP)
@click.argument("network", shell_complete=complete_networks)
@click.option(
    "--max",
    "most",
    multiple=True,
    required=True,
    metavar="METRIC=LIMIT",
    shell_complete=complete_metrics,
    help="A limit that the network must not exceed.",
)
@click.option("--by", "ways", multiple=True, type=click.Choice(WAYS), help="Try only this way; may be repeated.")
@click.option(
    "--variant", "variants", multiple=True, metavar="NAME", shell_complete=complete_separated,
    help="A variant that a layer may become; may be repeated. Without it: depthwise-separable.",
)  # fmt: skip
@click.option(
    "--multiplier",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Depth multiplier of the depthwise links.",
)
@click.option("--least-width", default="0.05", show_default=True, metavar="NUMBER", help="The smallest width to try.")
@click.option(
    "--divisor", type=click.IntRange(1, 1024), default=8, show_default=True,
    help="Round channels to multiples of this, where the file has no width of its own.",
)  # fmt: skip
@reading_options
@uncounted_option
@output_options
@click.option("-o", "--write", metavar="FILE", help="Write the network that fits to FILE, as YAML; needs one --by.")
def command(
    network: str,
    most: tuple[str, ...],
    ways: tuple[str, ...],
    variants: tuple[str, ...],
    multiplier: int,
    least_width: str,
    divisor: int,
    reading: Reading,
    allow_uncounted: bool,
    output: Output,
    write: str | None,
) -> int:
    limits = limits_of(most)
    if write is not None and len(set(ways)) != 1:
        raise bad_input("-o writes one network: choose it with --by width, resolution or separate")
    for name in variants:
        if name not in SEPARATED:
            expected = f"unknown variant {quoted(name)}: expected {', '.join(SEPARATED)}"
            raise bad_input(expected, near_miss(name, SEPARATED))
    asked = reading.request()
    once = cache(standard_input)  # read again for every width
    document = read(network, asked, once)
    whole = document.network
    least = read_fraction("--least-width", least_width, 1)
    answers = [Answer("none", whole, "it fits as it is")]
    if not fits(whole, limits):
        by_width = partial(_by_width, network, once, document.parameters, whole, asked, limits, least, divisor)
        chosen = [way for way in WAYS if not ways or way in ways]
        told = variants or ("depthwise-separable",), Settings(multiplier), "separate" in ways
        answers = answers_of(whole, limits, chosen, by_width, *told)
    for answer in answers:
        if answer.network is not None and not fits(answer.network, limits):
            raise AssertionError(f"{answer.way} does not fit")
    found = next((answer.network for answer in answers if answer.network is not None), None)
    if write is not None and found is not None:
        from sepcalc.document.writer import write as as_yaml

        emit_file(as_yaml(found), write, output.force)
    emit(FitReport(whole, limits, answers), output)
    lacks = any(unknown(metric, whole.incomplete) for metric in limits)
    if not whole.accepted(allow_uncounted) or (lacks and not allow_uncounted):
        return 3
    return 0 if found is not None else 1


def _by_width(
    network: str,
    standard: Callable[[], bytes],
    own: Mapping[str, Number],
    whole: Network,
    asked: Request,
    limits: Limits,
    least: Fraction,
    divisor: int,
) -> Answer:
    """Fit by the file's own parameter ``width``, or by a factor for its channels."""
    width = own.get("width")
    made = []

    def at(value: Fraction) -> Network | None:
        settings = {**asked.settings, "width": str(value) if value.denominator == 1 else str(float(value))}
        found = tried(lambda: read(network, asked._replace(settings=settings), standard).network)
        made.append(found is not None)
        return found

    if width is not None and not isinstance(width, bool):
        whole_number = isinstance(width, int) and width > MAX_FACTOR  # of channels
        answer = narrower(
            (min(least, Fraction(width)), Fraction(width)), at, limits, "width", 1 if whole_number else FINEST
        )
        if answer.network is not None or sum(made) > 1:  # else it is a width that only its own value suits
            return answer
    return by_channels(whole, limits, least, divisor)
