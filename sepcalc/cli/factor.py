"""``sepcalc factor``."""

import os
import re
from typing import TYPE_CHECKING, Any

import click

from sepcalc.cli.completion import complete_kernels
from sepcalc.cli.output import Output, emit, output_options
from sepcalc.cli.spec_arguments import SPEC
from sepcalc.errors import bad_input, printable, quoted, why
from sepcalc.leftovers import tidied
from sepcalc.reports.factor import FactorReport, NamesReport

if TYPE_CHECKING:
    from sepcalc.factoring import Factoring
    from sepcalc.factoring.chains import Written
    from sepcalc.factoring.schemes import Step

HELP = """Show whether a kernel separates, exactly, and what that saves: the error and the cost of every rank.

KERNEL is a matrix (a semicolon between rows, a bar between the slices of a 3-D kernel; numbers as 2, 0.25 or 1/9), a
name (--list), a .npy or .csv file, or a convolution's weights, outputs x inputs x kernel: model.onnx:conv1.weight,
model.tflite:conv1, model.pt2:conv1.weight, model.safetensors:conv1.weight, a .npy of four axes. A .npy of three axes is
a 3-D kernel, unless --layer is given.

\b
Examples:
  sepcalc factor "-1 0 1; -2 0 2; -1 0 1"
  sepcalc factor "1/9 1/9 1/9; 1/9 1/9 1/9; 1/9 1/9 1/9" --format json
  sepcalc factor "1 2; 2 4 | 3 6; 6 12"
  sepcalc factor gaussian-5
  sepcalc factor gabor-45 --verify
  sepcalc factor --list
"""

_NEGATIVE = re.compile(
    r"-\s*(?:[0-9.]|(?:nan|inf|infinity)\b)", re.IGNORECASE
)  # how a kernel that begins with a minus begins


@click.command("factor", help=HELP, context_settings=SPEC)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="KERNEL", shell_complete=complete_kernels)
@click.option("--list", "names", is_flag=True, help="List the named kernels.")
@click.option("--layer", is_flag=True, help="Read three axes as a layer's weights: outputs x inputs x kernel.")
@click.option("--rank", type=click.IntRange(1, 2**31), metavar="R", help="Show only this rank.")
@click.option("--verify", is_flag=True, help="Run the separated convolutions, and measure the difference.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the data for --verify.")
@click.option("--write", metavar="DIR", help="Save the factors in DIR, as .npy files.")
@output_options
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    names: bool,
    layer: bool,
    rank: int | None,
    verify: bool,
    seed: int,
    write: str | None,
    output: Output,
) -> int:
    for word in words:
        if word.startswith("-") and not _NEGATIVE.match(word):
            raise click.NoSuchOption(printable(word.partition("=")[0]), ctx=ctx)
    if names:
        if words:
            raise click.UsageError("--list takes no kernel", ctx)
        emit(_names(), output)
        return 0
    if not words:
        raise click.UsageError('no kernel\n  hint: for example "-1 0 1; -2 0 2; -1 0 1", or sobel-x', ctx)
    from sepcalc.factoring import factor

    factoring = factor(" ".join(words), layer=layer or None)
    steps = _steps(factoring, rank)
    report = FactorReport(factoring, rank, steps)
    if verify:
        from sepcalc.factoring.proof import exactly, prove

        chosen = steps if steps is not None else report.shown()
        report = report._replace(proofs=list(prove(factoring.kernel, chosen, _counter, seed)))
        if factoring.separated:
            report = report._replace(exactly=exactly(factoring.kernel, factoring.separated, _counter, seed))
    if write is not None:
        report = report._replace(written=_write(factoring, rank, write, output.force))
    emit(report, output)
    return 0 if report.ok else 1


def _steps(factoring: "Factoring", rank: int | None) -> "list[Step] | None":
    if rank is None:
        return None
    from sepcalc.factoring.schemes import step_at

    return [step_at(factoring.kernel, way, rank) for way in factoring.ways]


def _counter() -> Any:
    """A new tally, and the verifier's function that makes arrays which count into it."""
    from sepcalc.verification.counting import Tally, counting

    tally = Tally()
    kind = counting(tally)
    return tally, lambda array: array.view(kind)


def _write(factoring: "Factoring", rank: int | None, folder: str, force: bool) -> "list[Written]":
    from sepcalc.factoring.chains import Written, arrays, stored
    from sepcalc.files import write_files

    kernel = factoring.kernel
    if kernel.layer and rank is None:
        raise bad_input("--write needs --rank for a layer's weights", "for example --rank 16")
    exact = factoring.separated if rank is None else None
    found = arrays(kernel, exact, _steps(factoring, rank or factoring.rank or 1) or [])
    if not found:
        reasons = [f"{name}: {reason}" for name, reason in factoring.not_applicable.items()]
        raise bad_input("--write has nothing to save: no scheme applies to this kernel", "; ".join(reasons))
    written = [Written(os.path.join(folder, f"{name}.npy"), array.shape, says) for name, array, says in found]
    new = not os.path.lexists(folder)
    try:
        os.makedirs(folder, exist_ok=True)
    except (OSError, ValueError) as error:
        raise bad_input(f"cannot write to {quoted(folder)}: {why(error)}") from error
    contents = {one.path: stored(array) for one, (_, array, _) in zip(written, found, strict=True)}

    def drop() -> None:
        if new and not os.listdir(folder):
            os.rmdir(folder)

    with tidied(drop):
        try:
            write_files(contents, force)
        except BaseException:
            drop()
            raise
    return written


def _names() -> NamesReport:
    from sepcalc.factoring.named import ALIASES, KERNELS, usage

    return NamesReport([(usage(name), kernel.says) for name, kernel in KERNELS.items()], ALIASES)
