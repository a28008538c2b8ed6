"""Files in earlier revisions: whether they had a budget there."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from sepcalc.errors import InputError, Invalid, bad_input, printable
from sepcalc.gate.configuration import FILE, Project
from sepcalc.gate.configuration import read as read_project
from sepcalc.gate.project import MAX_BYTES as MAX_PROJECT_BYTES
from sepcalc.gate.project import upwards
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Source, decode, read
from sepcalc.revision import Repository

Pieces = Counter[bytes]  # of a file, and how many of each
DOCUMENTS = (".yaml", ".yml")  # that may have a budget of their own


class Earlier(NamedTuple):
    """A file in a revision: the revision, the file's path from the root of its repository, and whether it has another
    name today."""

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
        """What became this file, under its name or the one that git says it was renamed from; where that was not like
        it, that of a file like it that is gone, or is something else now: it was moved, and git was not told. Raises
        InputError."""
        folder, name = os.path.split(os.path.abspath(path))
        try:
            found = self.repository(os.path.realpath(folder))
        except Invalid as fact:
            message = f"{printable(path)}: its earlier version cannot be found: {fact.message}"
            raise bad_input(message, fact.hint) from None
        if found is None:
            return []
        repository, moved = found
        here = _slashed(os.path.relpath(os.path.join(os.path.realpath(folder), name), repository.root))
        earlier = []
        for revision, (names, changed) in moved.items():
            found_here = [
                Earlier(repository, revision, was, was != here, data)
                for was in dict.fromkeys([here, *([names[here]] if here in names else [])])
                if (data := repository.contents(revision, was, self.most)) is not None
            ]
            earlier += found_here
            others = [was for was in changed if was not in (here, names.get(here)) and _sort(was) == _sort(path)]
            if others:
                now = _pieces(_bytes(path, self.most))
                if not any(_alike(_pieces(was.data), now) for was in found_here):
                    earlier += self._like(now, repository, revision, others)
        return earlier

    def _like(self, now: Pieces, repository: Repository, revision: str, others: Sequence[str]) -> list[Earlier]:
        """Those of other files that this one is like, and that are gone now, or something else."""
        found = []
        for was in others:
            data = repository.contents(revision, was, self.most)
            if data is None or not _alike(pieces := _pieces(data), now):
                continue
            if not _alike(pieces, _pieces(_bytes(os.path.join(repository.root, was), self.most))):
                found.append(Earlier(repository, revision, was, True, data))
        return found

    def had_budget(self, was: Earlier) -> bool:
        """Whether a file had a budget: its own, or one in the project."""
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

    def _repository(self, folder: str) -> tuple[Repository, dict[str, tuple[dict[str, str], list[str]]]] | None:
        """The repository of a folder, and for each revision of it the files that were renamed since, and those that
        changed. Raises Invalid."""
        repository = Repository.around(folder, self.environment)
        if repository is None:
            return None
        return repository, {
            revision: repository.moved(revision) for revision in self.revisions if repository.has(revision)
        }

    def _project(self, repository: Repository, revision: str) -> Project | None:
        """What the project asked for then. One that could not be read held nothing."""
        for at in upwards(self.folder):
            path = _slashed(os.path.relpath(os.path.join(at, FILE), repository.root))
            if path.startswith("../"):
                return None
            data = repository.contents(revision, path, MAX_PROJECT_BYTES)
            try:
                project = read_project(data.decode(), path, at) if data is not None else None
            except (InputError, UnicodeDecodeError):
                return None
            if project is not None:
                return project
        return None


def _sort(path: str) -> str:
    """The sort of a file. Only files of one sort can have become each other."""
    suffix = os.path.splitext(path)[1].lower()
    return DOCUMENTS[0] if suffix in DOCUMENTS else suffix


def _bytes(path: str, most: int) -> bytes:
    """The content of a file; nothing where there is none."""
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError:
        return b""


def _pieces(data: bytes) -> Pieces:
    """The lines of a file, in parts of 64 bytes at most."""
    return Counter([line[at : at + 64] for line in data.split(b"\n") for at in range(0, len(line), 64)])


def _alike(old: Pieces, new: Pieces) -> bool:
    """Whether the two files have half of the smaller one in common."""
    common, least = _size(old & new), min(_size(old), _size(new))
    return least > 0 and common * 2 >= least


def _size(pieces: Pieces) -> int:
    return sum([len(piece) * count for piece, count in pieces.items()])


def _has_budget(was: Earlier) -> bool:
    try:
        root = read(Source(was.path, decode(was.data, was.path)))
    except InputError:  # it was no network, and held to nothing
        return False
    return isinstance(root, MappingNode) and "budget" in root.values


def _slashed(path: str) -> str:
    return path.replace(os.sep, "/")
