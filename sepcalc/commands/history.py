"""``history``: what a network cost at each commit that changed it."""

import os
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sepcalc.cost import Cost
from sepcalc.document import Document
from sepcalc.errors import InputError, Invalid, Problem, bad_input, printable
from sepcalc.gate.limits import NETWORK, Limit
from sepcalc.importers import Request
from sepcalc.importers.formats import SUFFIXES, of_suffix
from sepcalc.revision import Commit, Repository, Touch
from sepcalc.shown import shown, telling
from sepcalc.source import read_revision, within

PLOTTED = ("params", "macs", "peak-memory")  # a commit that changes none of them is left out
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@telling
class Point(NamedTuple):
    """A network at a commit: ``path`` is its name there, from the root; ``cost`` its exact counts, ``peak_memory`` in
    bytes, ``incomplete`` the layers that were not counted."""

    commit: Commit
    path: str
    cost: Cost
    peak_memory: int
    incomplete: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int, int, int]:
        """The counts in the order of :data:`PLOTTED`."""
        return self.cost.params, self.cost.macs, self.peak_memory


class Unread(NamedTuple):
    """A commit in which the file cannot be read, and why."""

    commit: Commit
    path: str
    problems: Sequence[Problem]


@telling
class History(NamedTuple):
    """The history of a network's file, the oldest commit first: ``points`` where a count changed, ``unread`` the
    commits that cannot be read, ``read`` the number of commits that were read. ``limits`` are those of the newest
    file's budget on the whole network; ``notes`` say what the history lacks."""

    name: str
    points: Sequence[Point]
    unread: Sequence[Unread] = ()
    read: int = 0
    limits: Sequence[Limit] = ()
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        return shown(self)

    @property
    def complete(self) -> bool:
        """Whether every commit was read and every layer counted."""
        return not self.unread and not any(point.incomplete for point in self.points)


def history(path: str | os.PathLike[str], *, since: str = "", every: int = 1) -> History:
    """What a network cost at each commit that changed its params, macs or peak memory: ``.points``, the oldest first.

    ``path`` is a file of a git repository; it is followed through renames, and so are the files that it includes.
    ``since`` is a revision, whose own numbers come first, or a day (2026-01-31). ``every`` reads each ``every``-th
    commit only, the newest and the oldest always. Commits that cannot be read are ``.unread``.
    Raises InputError where the file has no history.

    >>> found = sepcalc.history("specs/mobilenet_v1.yaml")  # doctest: +SKIP
    >>> found.points[-1].cost.macs  # doctest: +SKIP
    568740352
    """
    return recorded(os.fspath(path), since, every)


def recorded(
    path: str,
    since: str = "",
    every: int = 1,
    request: Request = Request(),
    environment: Mapping[str, str] | None = None,
) -> History:
    """The history of a file, which ``request`` says how to read at each commit; ``environment`` is that of git (None:
    of this process). Raises InputError."""
    if every < 1:
        raise bad_input(f"every is {every}: expected a number of commits from 1")
    named, path = printable(path)[:500], within(path)
    if of_suffix(path) is None:
        raise bad_input(f"{named}: unknown kind of file: expected {' or '.join(SUFFIXES)}")
    try:
        repository, name = _placed(path, environment)
        start, commits = _range(repository, since)
        touched = repository.touches(name, commits)
        steps = [Step(touch.commit, touch.path) for touch in reversed(touched) if touch.status != "D"]
        oldest = touched[-1] if touched else Touch("", name, "M", name)
        if start and oldest.status != "A":
            steps.insert(0, Step(start, oldest.before))
        if not steps:
            hint = "git add and git commit put it there" if os.path.exists(path) else ""
            raise bad_input(f"{named}: no commit has this file", hint)
        gone = [touch.commit for touch in touched if touch.status == "D"]
        notes = [*([_SHALLOW] if repository.shallow else []), *map(_gone, repository.commits(gone) if gone else [])]
        if start and _DAY.fullmatch(since) and (newest := repository.commits(["HEAD"])[0]).hash == start:
            notes.append(f"no commit is as new as {since}: the newest is of {newest.date[:10]}")
        walk = _Walk(repository, request)
        walk.read(_every(steps, every))
        if walk.includes:  # then a commit can change the network and leave the file alone
            steps = _with_included(repository, steps, commits)
            walk.read(_every(steps, every))
        return walk.history(named, steps, notes)
    except Invalid as fact:
        raise bad_input(f"{named}: {fact.message}", fact.hint) from fact


class Step(NamedTuple):
    """A commit (its hash), and the file's name in it, from the root."""

    commit: str
    path: str


class _Walk:
    """Reads a file at commits, each once."""

    def __init__(self, repository: Repository, request: Request) -> None:
        self.repository, self.request = repository, request
        self.found: dict[str, Document | InputError] = {}  # by hash
        self.includes = False  # whether a revision that was read includes other files

    def read(self, steps: Iterable[Step]) -> None:
        """Read these revisions."""
        for step in steps:
            if step.commit in self.found:
                continue
            files: list[object] = []
            try:
                argument = f"git:{step.commit}:{step.path}"
                self.found[step.commit] = read_revision(argument, self.request, files.append, self.repository.where)
            except InputError as error:
                self.found[step.commit] = InputError([_local(one, f"git:{step.commit}:") for one in error.problems])
            self.includes = self.includes or len(files) > 1

    def history(self, name: str, steps: Sequence[Step], notes: Sequence[str]) -> History:
        """What was read, in the order of ``steps``."""
        read = [step for step in steps if step.commit in self.found]
        points, unread = list[Point](), list[Unread]()
        limits: Sequence[Limit] = ()
        for commit, step in zip(self.repository.commits([step.commit for step in read]), read, strict=True):
            found = self.found[step.commit]
            if isinstance(found, InputError):
                unread.append(Unread(commit, step.path, found.problems))
                continue
            limits = [one for one in found.budget if one.scope == NETWORK and one.metric in PLOTTED and not one.each]
            network = found.network
            point = Point(commit, step.path, network.cost, network.peak_memory(), tuple(network.incomplete))
            if not points or (points[-1].numbers, points[-1].incomplete) != (point.numbers, point.incomplete):
                points.append(point)
        if not points:
            raise InputError(unread[-1].problems)
        return History(name, points, unread, len(read), limits, notes)


def _local(problem: Problem, revision: str) -> Problem:
    """The problem by the names of files in its commit."""
    place, message = problem.place.removeprefix(revision), problem.message.replace(revision, "")
    return problem._replace(place=place, message=message)


def _every(steps: Sequence[Step], every: int) -> list[Step]:
    """Each ``every``-th step, counted from the newest, and the oldest."""
    return [step for at, step in enumerate(steps) if not at or (len(steps) - 1 - at) % every == 0]


def _with_included(repository: Repository, steps: Sequence[Step], commits: str) -> list[Step]:
    """The steps, with the commits between them that touched the file's folders: what it includes lies there."""
    paths = dict(steps)
    folders = {posixpath.dirname(path) for path in paths.values()}
    between, path = list[Step](), steps[0].path
    started = steps[0].commit not in (within := repository.within(folders, commits)[::-1])
    between += steps[:1] if started else []
    for commit in within:
        started = started or commit in paths
        path = paths.get(commit, path)
        between += [Step(commit, path)] if started else []
    return between


def _gone(commit: Commit) -> str:
    return f"commit {commit.hash[:10]} ({commit.date[:10]}) deleted the file"


_SHALLOW = "this clone is shallow, so older commits are missing: git fetch --unshallow brings them"


def _placed(path: str, environment: Mapping[str, str] | None) -> tuple[Repository, str]:
    """The repository of a file, and the file's path from its root. Raises Invalid."""
    folder = os.path.realpath(os.path.dirname(path) or ".")
    while not os.path.isdir(folder):  # a file that was moved away with its folder has a history as well
        folder = os.path.dirname(folder)
    repository = Repository.around(folder, environment)
    if repository is None:
        raise Invalid("a history needs a git repository, and this file is in none")
    whole = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
    return repository, os.path.relpath(whole, os.path.realpath(repository.root)).replace(os.sep, "/")


def _range(repository: Repository, since: str) -> tuple[str, str]:
    """The commit that the history starts from (empty: its own beginning), and the range of commits after it. Raises
    Invalid."""
    if not repository.has("HEAD"):
        raise Invalid("this repository has no commits")
    if not since:
        return "", "HEAD"
    if _DAY.fullmatch(since):
        try:
            date.fromisoformat(since)
        except ValueError:
            raise Invalid(f"--since {since}: there is no such day", "a day is 2026-01-31") from None
        (newest,) = repository.commits(["HEAD"])
        start = repository.before(since) or (newest.hash if since > newest.date[:10] else "")  # git knows no far years
        return start, f"{start}..HEAD" if start else "HEAD"
    if since[:1] == "-" or not repository.has(since):
        raise Invalid(f"--since {printable(since)[:100]}: git has no such revision", "a day is 2026-01-31")
    (commit,) = repository.commits([f"{since}^{{commit}}"])
    return commit.hash, f"{commit.hash}..HEAD"
