"""``sepcalc check``."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from sepcalc import __version__
from sepcalc.cli import complain, report_bug
from sepcalc.cli.asked import (
    increase_option,
    increases_of,
    kept_as,
    limits_of,
    max_option,
    read_for_gate,
    refuse_outside,
    refuse_without_files,
    text_of,
    verdict_options,
)
from sepcalc.cli.network import (
    batch_option,
    dim_option,
    input_option,
    request,
    set_option,
    uncounted_option,
)
from sepcalc.cli.output import complete_files, conclude, working_folder
from sepcalc.errors import InputError, Problem, printable
from sepcalc.gate import baselines
from sepcalc.gate.checks import BUG, Demand, Outcome, examine, refused, skipped
from sepcalc.gate.configuration import Asked, Project, boundary, files, find
from sepcalc.gate.limits import Increase, Limit, Mark
from sepcalc.gate.snapshots import Snapshot
from sepcalc.importers import Request
from sepcalc.reports.check import NOTHING, CheckReport
from sepcalc.source import is_file_argument

HELP = """Hold networks to their budgets: those in their YAML files, those in pyproject.toml ([[tool.sepcalc.check]]),
and those given here.

FILE is whatever sepcalc network reads. Without any, all checks of the project's pyproject.toml run, from whichever
folder of the project. Exits with 0 only if everything was read, counted and within its limits: 1 is over budget, 2 is
bad input or a file with nothing to check it against, 3 is incomplete. Equal to the limit passes.

\b
Examples:
  sepcalc check specs/mobilenet_v1.yaml
  sepcalc check specs/mobilenet_v1.yaml --max macs=570M --max peak-memory=8MiB
  sepcalc check specs/mobilenet_v1.yaml --why
  sepcalc check "224x224x3, conv -k3 -o32 -s2, pool avg global" --max params=1k --format json
"""


class Target(NamedTuple):
    """One network to check: how it is read, and what it is held to beside its own budget."""

    name: str
    argument: str
    request: Request
    limits: tuple[Limit, ...] = ()
    increases: tuple[Increase, ...] = ()
    baseline: str = ""
    level: str = "error"
    message: str = ""
    mark: Mark | None = None


class Options(NamedTuple):
    """How targets are checked."""

    root: str
    skip: bool
    allow_uncounted: bool
    why: bool


Kept = Mapping[Any, baselines.Kept]


@click.command("check", help=HELP)
@click.argument("files", nargs=-1, metavar="[FILE]…", shell_complete=complete_files)
@max_option
@click.option("--baseline", metavar="FILE", help="What sepcalc baseline kept, to compare with.")
@increase_option
@set_option
@input_option
@dim_option
@batch_option
@uncounted_option
@click.option("--skip-unbudgeted", is_flag=True, help="Let a file pass that has nothing to be checked against.")
@click.option("--why", is_flag=True, help="The layers that weigh most, also where all is well.")
@click.option("--quiet", is_flag=True, help="Only what is not well.")
@verdict_options
def command(
    files: tuple[str, ...],
    maxima: tuple[str, ...],
    baseline: str | None,
    increases: tuple[str, ...],
    sets: tuple[str, ...],
    inputs: tuple[str, ...],
    dims: tuple[str, ...],
    batch: int | None,
    allow_uncounted: bool,
    skip_unbudgeted: bool,
    why: bool,
    quiet: bool,
    form: str,
    exact: bool,
    output: str | None,
    force: bool,
) -> int:
    given = Target(
        "", "", request(sets, inputs, dims, batch), limits_of(maxima), increases_of(increases), baseline or ""
    )
    _require_sense(given, files, baseline)
    here = working_folder()
    project = find(here)
    options = Options(project.root if project else boundary(here), skip_unbudgeted, allow_uncounted, why)
    outcomes, targets = _named(files, given, project) if files else _configured(given, project)
    kept: dict[str, Kept | InputError] = {}
    outcomes += [_checked(target, options, kept) for target in targets]
    if not outcomes:
        raise InputError([Problem("nothing is configured: no check, no file", _CONFIGURE)])
    told = False
    for outcome in outcomes:
        for problem in outcome.problems if outcome.code != BUG else ():
            complain(str(problem))
            told = form == "table" and output is None
    report = CheckReport(outcomes, why, quiet, _from_workspace(here) if form == "github" else "", told)
    code = conclude(report.code, report, form, exact, output, force)
    if form == "github":
        _summarize(report._replace(told=False))
    return code


_CONFIGURE = "name a file, or write [[tool.sepcalc.check]] into the project's pyproject.toml"


def _require_sense(given: Target, files: tuple[str, ...], baseline: str | None) -> None:
    """Raises InputError where the options do not go together."""
    if given.increases and baseline is None:
        raise InputError([Problem("--max-increase needs --baseline: what to compare with", "or use sepcalc diff")])
    if baseline is not None and not (given.increases or given.limits):
        raise InputError([Problem("--baseline alone limits nothing", "say how much: --max-increase 2%")])
    if baseline == "":
        raise InputError([Problem("--baseline is empty: expected a file")])
    if not files:
        refuse_without_files(given.request)


# --- what to check ---------------------------------------------------------------------------------------------------


def _configured(given: Target, project: Project | None) -> tuple[list[Outcome], list[Target]]:
    """Every check of the project."""
    outcomes, targets = list[Outcome](), list[Target]()
    for asked in project.checks if project else ():
        assert project is not None
        try:
            targets += [_target(asked, path, name, given, project.root) for path, name in _paths(asked, project.root)]
        except InputError as error:
            outcomes.append(refused(asked.name, asked.path, error.problems, mark=asked.mark))
    return outcomes, targets


def _named(arguments: tuple[str, ...], given: Target, project: Project | None) -> tuple[list[Outcome], list[Target]]:
    """Every file that was named, with what the project asks of it. A check that cannot be understood is none passed."""
    outcomes, asked_of = list[Outcome](), dict[str, list[tuple[Asked, str]]]()
    for asked in project.checks if project else ():
        assert project is not None
        try:
            for path, name in _paths(asked, project.root):
                asked_of.setdefault(_identity(path), []).append((asked, name))
        except InputError as error:
            outcomes.append(refused(asked.name, asked.path, error.problems, mark=asked.mark))
    targets = []
    for argument in dict.fromkeys(arguments):
        found = asked_of.get(_identity(argument), [])
        for asked, name in found:
            assert project is not None
            targets.append(_target(asked, argument, name, given, project.root))
        if not found:
            targets.append(given._replace(name=_shown(argument), argument=argument))
    return outcomes, targets


def _identity(argument: str) -> str:
    return os.path.realpath(argument) if is_file_argument(argument) else argument


def _shown(argument: str) -> str:
    return "<stdin>" if argument == "-" else argument


def _paths(asked: Asked, root: str) -> list[tuple[str, str]]:
    """The networks of a check, each with its name. Raises InputError."""
    found = [os.path.relpath(path) if os.path.isabs(path) else path for path in files(asked, root)]
    if len(found) == 1:
        return [(found[0], asked.name if asked.named else found[0])]
    return [(path, f"{asked.name}: {path}" if asked.named else path) for path in found]


def _target(asked: Asked, argument: str, name: str, given: Target, root: str) -> Target:
    """A check of the project's; what was given on the command line goes before its settings, and beside its limits."""
    if asked.baseline and given.baseline:
        raise InputError([Problem(f"{asked.mark} has a baseline for {printable(asked.name)}: --baseline has no place")])
    inputs = given.request.inputs or asked.inputs
    return Target(
        name,
        argument,
        Request(
            {**asked.settings, **given.request.settings},
            inputs,
            {**asked.dims, **given.request.dims},
            given.request.batch or asked.batch,
        ),
        (*asked.limits, *given.limits),
        (*asked.increases, *given.increases),
        os.path.relpath(os.path.join(root, asked.baseline)) if asked.baseline else given.baseline,
        "error" if given.increases else asked.level,  # which has none of its own then: they need a baseline
        asked.message,
        asked.mark,
    )


# --- checking --------------------------------------------------------------------------------------------------------


def _checked(target: Target, options: Options, kept: dict[str, Kept | InputError]) -> Outcome:
    """What comes of one target; whatever goes wrong is its outcome, and the next one's turn comes."""
    name, argument = target.name, target.argument
    try:
        if is_file_argument(argument):
            refuse_outside(argument, options.root)
        document = read_for_gate(argument, target.request)
        demand = Demand(
            (*document.budget, *target.limits),
            () if document.altered else document.published,
            target.increases,
            level=target.level,
            message=target.message,
            mark=target.mark,
        )
        if demand.empty and options.skip and not demand.claims:
            return skipped(name, argument)
        if demand.empty and not options.skip:
            raise InputError([Problem(f"{printable(_shown(argument))}: {NOTHING}", _BUDGET)])
        if target.baseline:
            demand = demand._replace(then=_then(target, options, kept))
        return examine(name, argument, document.network, demand, options.allow_uncounted, options.why)
    except InputError as error:
        return refused(name, argument, error.problems, mark=target.mark)
    except BrokenPipeError:
        raise
    except Exception as bug:
        report_bug(bug)
        problem = Problem(printable(f"a bug in sepcalc: {type(bug).__name__}: {bug}"[:300]))
        return refused(name, argument, [problem], BUG, target.mark)


_BUDGET = "budget: in the file, [[tool.sepcalc.check]] in pyproject.toml, or --max; --skip-unbudgeted lets it pass"


def _then(target: Target, options: Options, kept: dict[str, Kept | InputError]) -> Any:
    """How to find what the network was. Raises InputError where the baseline cannot be read."""
    path = target.baseline
    if path not in kept:
        try:
            refuse_outside(path, options.root)
            kept[path] = baselines.read(text_of(path), path, __version__)
        except InputError as error:
            kept[path] = error
    entries = kept[path]
    if isinstance(entries, InputError):
        raise entries
    file = kept_as(target.argument, os.path.dirname(path) or ".")

    def then(now: Snapshot) -> Snapshot:
        return baselines.found(entries, path, file, target.request.settings, now)

    return then


# --- GitHub ----------------------------------------------------------------------------------------------------------


def _from_workspace(here: str) -> str:
    """The working folder, seen from the root of the checkout: annotations go by that."""
    workspace = os.environ.get("GITHUB_WORKSPACE", "")
    if not workspace:
        return ""
    folder = os.path.relpath(os.path.realpath(here), os.path.realpath(workspace)).replace(os.sep, "/")
    return "" if folder == "." or folder.startswith("..") else folder


def _summarize(report: CheckReport) -> None:
    """Appends the report to the job's summary, where there is one."""
    path = os.environ.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        return
    from sepcalc.renderers import render

    text = render(report, "markdown")
    try:
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(f"## sepcalc\n\n{text}\n")
    except (OSError, ValueError) as error:
        raise InputError([Problem(f"cannot write the job summary: {error}")]) from error
