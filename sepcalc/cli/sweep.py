"""``sepcalc sweep``."""

import sys
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import click

from sepcalc.cli.completion import complete_networks
from sepcalc.cli.gate_options import complete_metrics, max_option
from sepcalc.cli.output import Output, emit, output_options
from sepcalc.cli.reading import Reading, reading_options, standard_input, uncounted_option
from sepcalc.commands.rows import SUFFIXES, Rows
from sepcalc.commands.sweep import (
    SHOWN,
    OpenSpace,
    Question,
    listed,
    read_bounds,
    read_metric_name,
    read_wish,
    read_wishes,
)
from sepcalc.commands.varied import opened_space
from sepcalc.errors import Invalid, bad_input, quoted
from sepcalc.quantity import read_amount
from sepcalc.reports.sweep import SweepReport

T = TypeVar("T")
HELP = """Show networks side by side, or answer a question on a whole space of networks, exactly.

NETWORK is what sepcalc network takes, or a layer's spec. --vary NAME=VALUES opens a choice: a parameter of the file,
input, resolution, channels (as whatif has them), an option of a spec, or a glob of layers with the variants that they
may become. VALUES are 0.25,0.5 or 0.25:1.5:0.05; without them, those that the file names. A file may leave choices open
itself: choose, and parameters without a value.

Without a question, every network is a row. A question looks at all of them without listing them: --count, --least,
--most, --front, --histogram, --sample, within --max and --min. Exits with 1 if no network is within the limits.

\b
Examples:
  sepcalc sweep specs/mobilenet_v1.yaml specs/mobilenet_v2.yaml specs/resnet50.yaml
  sepcalc sweep specs/mobilenet_v1.yaml --vary width=0.25:1.0:0.25 --vary resolution=128,160,192,224
  sepcalc sweep "56x56x128 conv -k3 -o128 -p same" --vary kernel=3,5,7 --vary out=64,128
  sepcalc sweep specs/ofa_mobilenet_v3.yaml --most params --max macs=300M
  sepcalc sweep specs/ofa_mobilenet_v3.yaml --front "least macs, most params" --format csv
"""


@click.command("sweep", help=HELP)
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...", shell_complete=complete_networks)
@click.option("--vary", multiple=True, metavar="NAME[=VALUES]", help="Open a choice; may be repeated.")
@click.option("--together", is_flag=True, help="All layers of a glob become the same variant.")
@click.option("--show", multiple=True, metavar="METRIC", shell_complete=complete_metrics, help="A count of each row.")
@max_option
@click.option(
    "--min", "minima", multiple=True, metavar="METRIC=LIMIT", help="Lower limit of a metric; may be repeated."
)
@click.option("--count", is_flag=True, help="How many networks are within the limits.")
@click.option("--least", metavar="METRIC", help="The network with the least of a metric, and how many have it.")
@click.option("--most", metavar="METRIC", help="The network with the most of a metric, and how many have it.")
@click.option(
    "--top", type=click.IntRange(1, 1000), default=1, show_default=True, help="So many, for --least and --most."
)
@click.option("--front", metavar="COUNTS", help='The exact Pareto front of two counts: "least macs, most params".')
@click.option("--histogram", metavar="METRIC", help="How many networks have which values of a metric.")
@click.option("--bins", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Bins of --histogram.")
@click.option("--sample", type=click.IntRange(1, 100_000), metavar="N", help="N networks, each as likely as any other.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of --sample.")
@click.option("--memory", default="1GiB", show_default=True, metavar="BYTES", help="What an answer may take.")
@click.option("--resume", is_flag=True, help="Go on with rows that were interrupted.")
@click.option("--shard", metavar="I/N", help="Write the I-th of N parts of the rows, for job arrays.")
@click.option(
    "--engine", type=click.Choice(["local", "dask"]), default="local", show_default=True, help="What computes rows."
)
@click.option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster.")
@reading_options
@uncounted_option
@output_options
def command(
    networks: tuple[str, ...],
    vary: tuple[str, ...],
    together: bool,
    show: tuple[str, ...],
    maxima: tuple[str, ...],
    minima: tuple[str, ...],
    count: bool,
    least: str | None,
    most: str | None,
    top: int,
    front: str | None,
    histogram: str | None,
    bins: int,
    sample: int | None,
    seed: int,
    memory: str,
    resume: bool,
    shard: str | None,
    engine: str,
    scheduler: str | None,
    reading: Reading,
    allow_uncounted: bool,
    output: Output,
) -> int:
    limits = read_bounds(_pairs("--max", maxima), _pairs("--min", minima))
    asked = [name for name, given in (("--count", count), ("--least", least), ("--most", most), ("--front", front),
             ("--histogram", histogram), ("--sample", sample)) if given]  # fmt: skip
    if len(asked) > 1:
        raise bad_input(f"{asked[0]} and {asked[1]} are two questions: ask one at a time")
    wish = read_wish(f"least {least}") if least else read_wish(f"most {most}") if most else None
    fronts = read_wishes(front) if front else None
    metric = read_metric_name(histogram) if histogram else ""
    question = Question(count, wish, top, fronts, metric, bins, sample, seed)
    metrics = [read_metric_name(name) for name in show] or [*SHOWN]
    chosen = _choices(vary)
    request = reading.request()
    room = _memory(memory)
    spaces = []
    for name in networks:
        space = _opened(partial(opened_space, name, chosen, request, together, standard_input))
        spaces.append(OpenSpace(space, name, room))
    gaps = any(one.space.gaps for one in spaces) and not allow_uncounted
    if output.file is not None and output.form == "table" and output.file.endswith(SUFFIXES) and not asked:
        if len(spaces) > 1:
            raise bad_input("rows in a file are those of one network: name one")
        rows = Rows(spaces[0], metrics, limits, output.file, output.force, resume, _shard(shard))
        written = _opened(lambda: rows.write(engine, scheduler, _progress))
        click.echo(f"{written:,} rows in {output.file}")
        return 3 if gaps else 0 if written else 1
    for name, given in (
        ("--resume", resume),
        ("--shard", shard),
        ("--scheduler", scheduler),
        ("--engine", engine != "local"),
    ):
        if given:
            raise bad_input(f"{name} is for rows in a file", f"--output rows.parquet ({', '.join(SUFFIXES)})")
    if asked and len(spaces) > 1:
        raise bad_input(f"{asked[0]} is asked of one network, not of {len(spaces)}")
    found = _opened(lambda: spaces[0].ask(question, limits, metrics) if asked else listed(spaces, limits, metrics))
    emit(SweepReport(found), output)
    return 1 if not found.found else 3 if gaps else 0


def _opened(function: Callable[[], T]) -> T:
    try:
        return function()
    except Invalid as fact:
        raise bad_input(fact.message, fact.hint) from fact


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise bad_input(f"{option} {quoted(text)}: expected METRIC=LIMIT", f"for example {option} macs=300M")
        if name in values:
            raise bad_input(f"{option} gives {quoted(name)} twice")
        values[name] = value
    return values


def _choices(given: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUES``. The last ``=`` divides them: a glob may hold one."""
    found: dict[str, str] = {}
    for text in given:
        name, _, values = text.partition("=")
        if not name.strip():
            raise bad_input(f"--vary {quoted(text)}: expected NAME=VALUES", "for example --vary width=0.25,0.5,1.0")
        if name in found:
            raise bad_input(f"--vary gives {quoted(name)} twice")
        found[name.strip()] = values.strip()
    return found


def _memory(text: str) -> int:
    try:
        return read_amount(text, of_bytes=True).floor
    except Invalid as fact:
        raise bad_input(f"--memory: {fact.message}", fact.hint) from fact


def _shard(text: str | None) -> tuple[int, int]:
    if text is None:
        return 1, 1
    one, _, of = text.partition("/")
    if not (one.isdigit() and of.isdigit() and 1 <= int(one) <= int(of)):
        raise bad_input(f"--shard {quoted(text)}: expected I/N with I from 1 to N", "for example --shard 3/16")
    return int(one), int(of)


def _progress(done: int, total: int, rest: float) -> None:
    """Shows how far it is, where somebody looks."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"\r{done:,} of {total:,} chunks, about {rest:,.0f} s left ")
        sys.stderr.write("\n" if done == total else "")
        sys.stderr.flush()
