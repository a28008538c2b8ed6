"""``sepcalc diff``."""

from collections.abc import Iterable
from functools import partial
from hashlib import blake2b

import click

from sepcalc.cli.completion import complete_networks
from sepcalc.cli.gate_options import increase_option, increases_of, read_for_gate, verdict_options
from sepcalc.cli.network import (
    batch_option,
    dim_option,
    input_option,
    request,
    set_option,
    uncounted_option,
)
from sepcalc.cli.output import emit
from sepcalc.errors import InputError, Problem
from sepcalc.gate.limits import grown, left_out
from sepcalc.gate.snapshots import growth, taken
from sepcalc.reports.diff import DiffReport
from sepcalc.source import is_document

HELP = """Show what changed between two networks: layers added, removed and changed, and the totals.

OLD and NEW are any networks that sepcalc network reads. git:REVISION:PATH is a file of that revision; PATH starts at
the root of the repository, ./PATH at this folder. In the CI of a pull request, HEAD is the pull request itself, and its
base is for example git:origin/main:PATH. Layers are matched by name, then by place and shape. Exits with 1 when a count
grew by more than --max-increase allows.

\b
Examples:
  sepcalc diff specs/conv_mobilenet.yaml specs/mobilenet_v1.yaml
  sepcalc diff specs/mobilenet_v1.yaml specs/mobilenet_v1.yaml --max-increase macs=2% --format markdown
"""


@click.command("diff", help=HELP)
@click.argument("old", shell_complete=complete_networks)
@click.argument("new", shell_complete=complete_networks)
@increase_option
@set_option
@input_option
@dim_option
@batch_option
@uncounted_option
@verdict_options
def command(
    old: str,
    new: str,
    increases: tuple[str, ...],
    sets: tuple[str, ...],
    inputs: tuple[str, ...],
    dims: tuple[str, ...],
    batch: int | None,
    allow_uncounted: bool,
    form: str,
    exact: bool,
    output: str | None,
    force: bool,
) -> int:
    limits, asked = increases_of(increases), request(sets, inputs, dims, batch)
    if old == new == "-":
        raise InputError([Problem("standard input can be one of the two only")])
    problems: list[Problem] = []
    snapshots = []
    digests: list[list[bytes]] = [[], []]  # of each side's files
    for argument, own in zip((old, new), digests):
        try:
            beside = is_document(argument) and not (is_document(old) and is_document(new))
            how = asked._replace(dims={}, batch=None) if beside else asked  # these are for the model file
            snapshots.append(taken(read_for_gate(argument, how, partial(_digest, own)).network))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(dict.fromkeys(problems))
    before, after = snapshots
    partly = (*before.partly, *after.partly)
    held = grown(*growth(before, after), increases=limits, incomplete=partly)
    allowed = allow_uncounted and not (before.stopped or after.stopped)
    same = bool(digests[0]) and digests[0] == digests[1]
    report = DiffReport((old, new), before, after, held, allowed, same, left_out(limits, partly))
    code = 0 if report.passed else 1
    if (report.incomplete or report.unknown) and not allowed:
        code = 3
    emit(report, form, exact, output, force)
    return code


def _digest(digests: list[bytes], pieces: Iterable[bytes]) -> None:
    """Append the digest of a file."""
    digest = blake2b()
    for piece in pieces:
        digest.update(piece)
    digests.append(digest.digest())
