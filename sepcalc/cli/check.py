"""``sepcalc check``."""

import os
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import click

from sepcalc.cli import complain, report_bug
from sepcalc.cli.completion import complete_networks
from sepcalc.cli.gate_options import (
    increase_option,
    increases_of,
    limits_of,
    max_option,
    refuse_outside,
    refuse_without_files,
    verdict_options,
)
from sepcalc.cli.output import Output, emit, working_folder
from sepcalc.cli.reading import Reading, reading_options, standard_input, uncounted_option
from sepcalc.cli.targets import Target, configured, named, shown
from sepcalc.commands.baseline import Baseline
from sepcalc.commands.check import demanded
from sepcalc.commands.subjects import read_for_gate, require_sure
from sepcalc.errors import InputError, Problem, absence, bad_input, printable
from sepcalc.gate.checks import BUG, NO_NETWORK, NOTHING, OVER, Demand, Outcome, examine, refused, skipped
from sepcalc.gate.project import boundary, find
from sepcalc.reports.check import CheckReport
from sepcalc.source import is_file_argument

HELP = """Check networks against their budgets: the budgets in their YAML files, in pyproject.toml
([[tool.sepcalc.check]]) and on this command line.

FILE is any network that sepcalc network reads. Without FILE, all checks of the project's pyproject.toml run; this works
in every folder of the project. Exits with 0 only if everything was read, counted and within its limits. 1 is over
budget, 2 is bad input or a file without a budget or baseline, 3 is incomplete. A count equal to its limit passes.

\b
Examples:
  sepcalc check specs/mobilenet_v1.yaml
  sepcalc check specs/mobilenet_v1.yaml --max macs=570M --max peak-memory=8MiB
  sepcalc check specs/mobilenet_v1.yaml --why
  sepcalc check "224x224x3, conv -k3 -o32 -s2, pool avg global" --max params=1k --format json
"""


class Options(NamedTuple):
    """How targets are checked. ``unbudgeted`` builds the judge of files without a budget."""

    root: str
    skip: bool
    allow_uncounted: bool
    why: bool
    unbudgeted: Callable[[], Any]


Kept = dict[str, Baseline | InputError]  # by path


@click.command("check", help=HELP)
@click.argument("files", nargs=-1, metavar="[FILE]…", shell_complete=complete_networks)
@max_option
@click.option("--baseline", metavar="FILE", help="Compare with this file, which sepcalc baseline wrote.")
@increase_option
@reading_options
@uncounted_option
@click.option("--skip-unbudgeted", is_flag=True, help="Let a file without a budget or baseline pass.")
@click.option("--why", is_flag=True, help="Show the layers that weigh most, even where every check passes.")
@click.option("--quiet", is_flag=True, help="Show only what fails.")
@verdict_options
def command(
    files: tuple[str, ...],
    maxima: tuple[str, ...],
    baseline: str | None,
    increases: tuple[str, ...],
    reading: Reading,
    allow_uncounted: bool,
    skip_unbudgeted: bool,
    why: bool,
    quiet: bool,
    output: Output,
) -> int:
    given = Target("", "", reading.request(), limits_of(maxima), increases_of(increases), baseline or "")
    _require_sense(given, files, baseline)
    here = working_folder()
    project = find(here)
    root = project.root if project else boundary(here)
    options = Options(root, skip_unbudgeted, allow_uncounted, why, cache(partial(_unbudgeted, here)))
    outcomes, targets = named(files, given, project) if files else configured(given, project)
    kept: Kept = {}
    outcomes += [_checked(target, options, kept) for target in targets]
    if not outcomes:
        raise bad_input("nothing to check: there is no FILE, and no check in pyproject.toml", _CONFIGURE)
    told = False
    for outcome in outcomes:
        for problem in outcome.problems if outcome.code != BUG else ():
            complain(_told(problem))
            told = output.form == "table" and output.file is None
    report = CheckReport(outcomes, why, quiet, _from_workspace(here) if output.form == "github" else "", told)
    emit(report, output)
    if output.form == "github":
        _summarize(report._replace(told=False))
    return report.code


def _told(problem: Problem) -> str:
    """A problem, with the whole command that was meant where it is known."""
    if problem.meant is None and not problem.message.endswith(absence("")) and problem.place:
        return str(problem)  # of a file that is there; what is none may be an option without its name
    from sepcalc.cli.guesses import told

    return told(InputError([problem]), click.get_current_context().obj or ())


_CONFIGURE = "name a file, or write [[tool.sepcalc.check]] into the project's pyproject.toml"


def _require_sense(given: Target, files: tuple[str, ...], baseline: str | None) -> None:
    """Raises InputError where options contradict each other."""
    if given.increases and baseline is None:
        raise bad_input("--max-increase needs --baseline, the numbers to compare with", "or use sepcalc diff")
    if baseline is not None and not (given.increases or given.limits):
        raise bad_input("--baseline alone limits nothing", "say how much, for example --max-increase 2%")
    if baseline == "":
        raise bad_input("--baseline is empty: expected a file")
    if not files:
        refuse_without_files(given.request)


# --- checking --------------------------------------------------------------------------------------------------------


def _checked(target: Target, options: Options, kept: Kept) -> Outcome:
    """The outcome of one target. An error becomes its outcome, and the next target follows."""
    name, argument = target.name, target.argument
    try:
        if is_file_argument(argument):
            refuse_outside(argument, options.root)
            if options.skip and target.mark is None and options.unbudgeted().is_no_network(argument):
                return skipped(name, argument, NO_NETWORK)
        document = read_for_gate(argument, target.request, standard_input, sure=False)
        asked = Demand(
            target.limits, increases=target.increases, level=target.level, message=target.message, mark=target.mark
        )
        demand = demanded(document, asked)
        if demand.empty and options.skip:
            if is_file_argument(argument) and (lost := options.unbudgeted().lost(argument)):
                return refused(name, argument, [lost], OVER, target.mark)
            if not demand.claims:
                return skipped(name, argument, NOTHING)
        require_sure(document, argument)  # where nothing is held to anything, nothing is asked
        if demand.empty and not options.skip:
            raise bad_input(f"{printable(shown(argument))}: {NOTHING}", _BUDGET)
        if target.baseline:
            past = _past(target.baseline, options, kept)
            demand = demand._replace(then=past.then(target.files, target.request.settings))
        outcome = examine(name, argument, document.network, demand, options.allow_uncounted, options.why)
        return outcome._replace(notes=(*target.notes, *outcome.notes))
    except InputError as error:
        return refused(name, argument, error.problems, mark=target.mark)
    except BrokenPipeError:
        raise
    except Exception as bug:
        report_bug(bug)
        problem = Problem(printable(f"a bug in sepcalc: {type(bug).__name__}: {bug}"[:300]))
        return refused(name, argument, [problem], BUG, target.mark)


def _unbudgeted(here: str) -> Any:
    """The judge of files without a budget, loaded when the first such file appears."""
    from sepcalc.cli.unbudgeted import Unbudgeted

    return Unbudgeted(here)


_BUDGET = (
    "add budget: to the file, a [[tool.sepcalc.check]] to pyproject.toml, or --max; --skip-unbudgeted lets it pass"
)


def _past(path: str, options: Options, kept: Kept) -> Baseline:
    """The baseline in a file; each file is read once. Raises InputError where it cannot be read."""
    if path not in kept:
        try:
            refuse_outside(path, options.root)
            kept[path] = Baseline.read(path)
        except InputError as error:
            kept[path] = error
    found = kept[path]
    if isinstance(found, InputError):
        raise found
    return found


# --- GitHub ----------------------------------------------------------------------------------------------------------


def _from_workspace(here: str) -> str:
    """The working folder relative to the root of the checkout, which annotations use."""
    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    if not workspace:
        return ""
    folder = os.path.relpath(os.path.realpath(here), os.path.realpath(workspace)).replace(os.sep, "/")
    return "" if folder == "." or folder.startswith("..") else folder


def _summarize(report: CheckReport) -> None:
    """Append the report to the job's summary, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return
    from sepcalc.renderers import render

    text = render(report, "markdown")
    try:
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(f"## sepcalc\n\n{text}\n")
    except (OSError, ValueError) as error:
        raise bad_input(f"cannot write the job summary: {error}") from error
