"""The targets of ``sepcalc check``: the named files or the project's own, with the project's limits."""

import os
from typing import NamedTuple

from sepcalc.errors import InputError, bad_input, printable
from sepcalc.gate.checks import Outcome, refused
from sepcalc.gate.configuration import Asked, Project
from sepcalc.gate.limits import Increase, Limit, Mark
from sepcalc.gate.project import files, skips, upwards
from sepcalc.importers import Request
from sepcalc.source import GIT, is_file_argument


class Target(NamedTuple):
    """One network to check: how to read it, and its limits beside its own budget."""

    name: str
    argument: str
    request: Request
    limits: tuple[Limit, ...] = ()
    increases: tuple[Increase, ...] = ()
    baseline: str = ""
    level: str = "error"
    message: str = ""
    mark: Mark | None = None
    notes: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The names that the network may have in a baseline: the argument, and for a git file the file's path."""
        place = tracked(self.argument)
        return (self.argument, place) if place else (self.argument,)


def configured(given: Target, project: Project | None) -> tuple[list[Outcome], list[Target]]:
    """Every check of the project."""
    outcomes, targets = list[Outcome](), list[Target]()
    for asked in project.checks if project else ():
        assert project is not None
        try:
            found = [_target(asked, path, name, given, project.root) for path, name in _paths(asked, project.root)]
            targets += _noted(found, asked, project.root)
        except InputError as error:
            outcomes.append(refused(asked.name, asked.path, error.problems, mark=asked.mark))
    return outcomes, targets


def named(arguments: tuple[str, ...], given: Target, project: Project | None) -> tuple[list[Outcome], list[Target]]:
    """Every named file, with the project's limits for it. An unreadable check never passes."""
    outcomes, asked_of = list[Outcome](), dict[str, list[tuple[Asked, str]]]()
    for asked in project.checks if project else ():
        assert project is not None
        try:
            for path, name in _paths(asked, project.root):
                asked_of.setdefault(_identity(path), []).append((asked, name))
        except InputError as error:
            outcomes.append(refused(asked.name, asked.path, error.problems, mark=asked.mark))
    targets, noted = [], set[str]()
    for argument in dict.fromkeys(arguments):
        found = asked_of.get(_identity(argument), [])
        if project is not None and not found and (place := tracked(argument)):
            path = os.path.relpath(os.path.abspath(place), project.root)
            found = [(asked, asked.name if asked.named else argument) for asked in project.checks if asked.covers(path)]
        for asked, name in found:
            assert project is not None
            target = [_target(asked, argument, name, given, project.root)]
            targets += target if asked.name in noted else _noted(target, asked, project.root)
            noted.add(asked.name)
        if not found:
            targets.append(given._replace(name=shown(argument), argument=argument))
    return outcomes, targets


def tracked(argument: str) -> str:
    """The file in the working folder that ``git:REVISION:PATH`` names, as a path from here; empty for any other
    argument."""
    if not argument.startswith(GIT):
        return ""
    from sepcalc.revision import Revision

    try:
        path = Revision.of(argument).path
    except InputError:  # it is told when it is read
        return ""
    if path.split("/", 1)[0] in (".", ".."):
        return os.path.normpath(path)
    here = os.getcwd()
    root = next((at for at in upwards(here) if os.path.lexists(os.path.join(at, ".git"))), here)
    return os.path.relpath(os.path.join(root, path), here)


def _noted(targets: list[Target], asked: Asked, root: str) -> list[Target]:
    """The targets of a check, with a note on what its glob skips."""
    note = skips(asked, root)
    return [targets[0]._replace(notes=(note,)), *targets[1:]] if note and targets else targets


def _identity(argument: str) -> str:
    return os.path.realpath(argument) if is_file_argument(argument) else argument


def shown(argument: str) -> str:
    """The argument as messages name it."""
    return "<stdin>" if argument == "-" else argument


def _paths(asked: Asked, root: str) -> list[tuple[str, str]]:
    """The networks of a check, each with its name. Raises InputError."""
    found = [os.path.relpath(path) if os.path.isabs(path) else path for path in files(asked, root)]
    if len(found) == 1:
        return [(found[0], asked.name if asked.named else found[0])]
    return [(path, f"{asked.name}: {path}" if asked.named else path) for path in found]


def _target(asked: Asked, argument: str, name: str, given: Target, root: str) -> Target:
    """One check of the project. Settings on the command line override its settings; limits on the command line are
    added."""
    if asked.baseline and given.baseline:
        raise bad_input(f"{asked.mark} has a baseline for {printable(asked.name)}: leave --baseline out")
    inputs = given.request.inputs or asked.inputs
    return Target(
        name,
        argument,
        Request(
            {**asked.settings, **given.request.settings},
            inputs,
            {**asked.dims, **given.request.dims},
            given.request.batch or asked.batch,
            given.request.signature or asked.signature,
        ),
        (*asked.limits, *given.limits),
        (*asked.increases, *given.increases),
        os.path.relpath(os.path.join(root, asked.baseline)) if asked.baseline else given.baseline,
        "error" if given.increases else asked.level,  # which has none of its own then: they need a baseline
        asked.message,
        asked.mark,
    )
