"""What files were in the revisions that the working folder comes from: whether they had a budget there."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from sepcalc.errors import InputError, Invalid, Problem, printable
from sepcalc.gate.configuration import FILE, Project, upwards
from sepcalc.gate.configuration import LARGEST as LARGEST_PROJECT
from sepcalc.gate.configuration import read as read_project
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Source, decode, read
from sepcalc.revision import Repository

DOCUMENTS = (".yaml", ".yml")  # that may have a budget of their own


class Earlier(NamedTuple):
    """A file as it was: in which revision, what it was called there, from the root of its repository, and whether that
    is another name than it has."""

    repository: Repository
    revision: str
    path: str
    renamed: bool
    data: bytes


class Past:
    """Looks files up in ``revisions``, as far as there are these. ``folder`` is where the command runs, whose project
    counts; git runs with these variables. Files larger than ``most`` bytes are not looked at."""

    def __init__(self, folder: str, revisions: Sequence[str], environment: Mapping[str, str], most: int) -> None:
        self.folder = os.path.realpath(folder)
        self.revisions = revisions
        self.environment = environment
        self.most = most
        self.repository = cache(self._repository)
        self._projects: dict[tuple[str, str], Project | None] = {}

    def files(self, path: str) -> list[Earlier]:
        """What became this file, under its name or the one that git says it was renamed from. Raises InputError."""
        folder, name = os.path.split(os.path.abspath(path))
        try:
            found = self.repository(os.path.realpath(folder))
        except Invalid as fact:
            message = f"{printable(path)}: what it was before cannot be told: {fact.message}"
            raise InputError([Problem(message, fact.hint)]) from None
        if found is None:
            return []
        repository, renamed = found
        here = _slashed(os.path.relpath(os.path.join(os.path.realpath(folder), name), repository.root))
        earlier = []
        for revision, names in renamed.items():
            for was in dict.fromkeys([here, *([names[here]] if here in names else [])]):
                data = repository.contents(revision, was, self.most)
                if data is not None:
                    earlier.append(Earlier(repository, revision, was, was != here, data))
        return earlier

    def had_budget(self, was: Earlier) -> bool:
        """Whether a file was held to anything: by a budget in it, or by the project."""
        if os.path.splitext(was.path)[1].lower() in DOCUMENTS and _has_budget(was):
            return True
        key = was.repository.root, was.revision
        if key not in self._projects:
            self._projects[key] = self._project(was.repository, was.revision)
        project = self._projects[key]
        if project is None:
            return False
        path = _slashed(os.path.relpath(os.path.join(was.repository.root, was.path), project.root))
        return any(asked.limits or asked.increases for asked in project.checks if asked.covers(path))

    def _repository(self, folder: str) -> tuple[Repository, dict[str, dict[str, str]]] | None:
        """The repository of a folder, and for each revision of it the files that were renamed since. Raises Invalid."""
        repository = Repository.around(folder, self.environment)
        if repository is None:
            return None
        return repository, {
            revision: repository.renamed(revision) for revision in self.revisions if repository.has(revision)
        }

    def _project(self, repository: Repository, revision: str) -> Project | None:
        """What the project asked for then. One that could not be read held nothing."""
        for at in upwards(self.folder):
            path = _slashed(os.path.relpath(os.path.join(at, FILE), repository.root))
            if path.startswith("../"):
                return None
            data = repository.contents(revision, path, LARGEST_PROJECT)
            try:
                project = read_project(data.decode(), path, at) if data is not None else None
            except (InputError, UnicodeDecodeError):
                return None
            if project is not None:
                return project
        return None


def _has_budget(was: Earlier) -> bool:
    try:
        root = read(Source(was.path, decode(was.data, was.path)))
    except InputError:  # it was no network, and held to nothing
        return False
    return isinstance(root, MappingNode) and "budget" in root.values


def _slashed(path: str) -> str:
    return path.replace(os.sep, "/")
