"""A file as git has it: ``git:REVISION:PATH``, as ``git show`` reads it.

A path is that of the repository's root, or with ``./`` and ``../`` that of the working folder. Git runs without a
shell, and reads one object.
"""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sepcalc.errors import InputError, Invalid, Meant, bad_input, printable

SECONDS = 60  # that git may take
_UNSHALLOW = "this clone is shallow: fetch-depth: 0 in actions/checkout, or git fetch --unshallow, brings the rest"
_LINKS = {b"dangling": "leads to nothing", b"loop": "leads to itself", b"symlink": "leads out of the repository"}


class Where(NamedTuple):
    """Where git runs, and with which variables (None: those of this process)."""

    folder: str | None = None
    environment: Mapping[str, str] | None = None


class Revision(NamedTuple):
    """The revision and the path that an argument names."""

    argument: str
    revision: str
    path: str
    where: Where = Where()

    @classmethod
    def of(cls, argument: str) -> "Revision":
        """``git:main:specs/net.yaml``. Raises InputError."""
        revision, colon, path = argument.removeprefix("git:").partition(":")
        shown = printable(argument)
        if not colon or not revision or not path:
            hint = "for example git:main:specs/net.yaml, or git:HEAD~1:./net.yaml from the working folder"
            meant = Meant(argument, f"git:HEAD:{revision}") if "." in revision and not colon else None
            raise bad_input(f"{shown}: expected git:REVISION:PATH", hint, meant=meant)
        if revision[:1] == "-":
            raise bad_input(f"{shown}: a revision cannot begin with a dash")
        if not argument.isprintable():
            raise bad_input(f"{shown}: a revision and a path have no control characters")
        return cls(argument, revision, path)

    def contents(self, most: int) -> bytes:
        """The bytes of the file, ``most`` of them at most; symbolic links lead where they do in that revision. Raises
        InputError."""
        shown = printable(self.argument)
        head = self._object("--batch-check").split(b"\n", 1)[0].split()
        if len(head) != 3 or len(head[0]) < 40:
            if head and head[0] in _LINKS:
                raise bad_input(f"{shown}: a symbolic link in this path {_LINKS[head[0]]}")
            try:
                self._git("cat-file", "-e", self.name)  # says why it is none
            except InputError as error:
                (problem,) = error.problems
                raise InputError([problem._replace(hint=self._shallow())]) from None
            raise bad_input(f"{shown}: git has no such file")
        sort, size = head[1].decode(), int(head[2])
        if sort != "blob":
            hint = "name a file in it" if sort == "tree" else ""
            raise bad_input(f"{shown}: this is a {'folder' if sort == 'tree' else sort}, not a file", hint)
        if size > most:
            raise bad_input(f"{shown}: larger than {most >> 20} MiB")
        return self._object("--batch").split(b"\n", 1)[1][:size]

    def is_file(self, most: int) -> bool:
        """Whether the file exists and has at most this many bytes."""
        head = self._object("--batch-check").split(b"\n", 1)[0].split()
        return len(head) == 3 and head[1] == b"blob" and int(head[2]) <= most

    @property
    def name(self) -> str:
        """The object, as git takes it."""
        return f"{self.revision}:{self.path}"

    def _shallow(self) -> str:
        """The hint for a revision that a shallow clone lacks."""
        try:
            self._git("rev-parse", "--verify", "--quiet", f"{self.revision}^{{}}")
            return ""
        except InputError:
            pass
        try:
            shallow = self._git("rev-parse", "--is-shallow-repository").strip() == b"true"
        except InputError:
            return ""
        return _UNSHALLOW if shallow else ""

    def _object(self, how: str) -> bytes:
        return self._git("cat-file", "--follow-symlinks", how, asked=self.name)

    def _git(self, *arguments: str, asked: str = "") -> bytes:
        try:
            return git(arguments, f"{asked}\n".encode(errors="surrogateescape") if asked else b"", self.where)
        except Invalid as fact:
            raise bad_input(f"{printable(self.argument)}: {fact.message}", fact.hint) from None


def git(arguments: Sequence[str], given: bytes = b"", where: Where = Where()) -> bytes:
    """The output of git, with ``given`` as its standard input. Raises Invalid."""
    command = ["git", "--no-pager", "--no-optional-locks", *arguments]
    folder, environment = where
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, timeout=SECONDS, check=False, cwd=folder, env=environment
        )
    except FileNotFoundError:
        raise Invalid("git is needed to read it, and is not installed") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise Invalid(f"git cannot be run: {printable(reason)}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().split("\n")[0][:300].removeprefix("fatal: ")
        raise Invalid(f"git says: {printable(said) or 'nothing'}", about="git")
    return done.stdout


class Commit(NamedTuple):
    """A commit, with the ISO date on which it was committed, and the first line of its message."""

    hash: str
    date: str
    subject: str


class Touch(NamedTuple):
    """A commit (its hash) that touched a file, and the name that the file has in it, from the root. ``status`` is git's
    letter: A is added, M modified, R renamed, D deleted. ``before`` is the name that the file had before."""

    commit: str
    path: str
    status: str
    before: str


class Repository(NamedTuple):
    """A git repository, by the folder of its files."""

    root: str
    where: Where

    @classmethod
    def around(cls, folder: str, environment: Mapping[str, str] | None = None) -> "Repository | None":
        """The repository that contains a folder, whatever git's variables in an environment say (None: that of this
        process); None where there is none. Raises Invalid where that cannot be found out."""
        where = Where(folder)
        if environment is not None:
            own = {name: value for name, value in environment.items() if name not in _OF_ONE}
            where = Where(folder, {**own, "LC_ALL": "C"})
        try:
            said = git(["rev-parse", "--show-toplevel"], where=where)
        except Invalid as fact:
            if "not a git repository" in fact.message:
                return None
            raise
        root = said.decode(errors="surrogateescape").removesuffix("\n")
        return cls(root, where._replace(folder=root))

    def has(self, revision: str) -> bool:
        """Whether the revision exists."""
        try:
            git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"], where=self.where)
        except Invalid as fact:
            if fact.about != "git":
                raise
            return False
        return True

    def commits(self, revisions: Iterable[str]) -> list[Commit]:
        """The commits that revisions name, in this order. Raises Invalid."""
        named = "".join([f"{revision}\n" for revision in revisions]).encode(errors="surrogateescape")
        said = git(["log", "--no-walk=unsorted", "-z", "--format=%H%x1f%cI%x1f%s", "--stdin"], named, self.where)
        fields = [record.split("\x1f", 2) for record in _text(said).split("\0") if record]
        return [Commit(name, date.replace("Z", "+00:00"), subject) for name, date, subject in fields]

    def before(self, day: str) -> str:
        """The hash of the newest commit before a day (2026-01-31); empty where there is none. Raises Invalid."""
        return _text(git(["rev-list", "-1", f"--before={day}T00:00:00", "HEAD", "--"], where=self.where)).strip()

    @property
    def shallow(self) -> bool:
        """Whether this clone lacks the older commits. Raises Invalid."""
        return git(["rev-parse", "--is-shallow-repository"], where=self.where).strip() == b"true"

    def touches(self, path: str, commits: str) -> list[Touch]:
        """The commits of a range (``main..HEAD``) that touched a file, through its renames, the newest first. Raises
        Invalid."""
        options = ["--follow", "--find-renames", "--name-status", "-z", "--format=format:%H", *_QUIET]
        said = git(["log", *options, commits, "--", f":(top,literal){path}"], where=self.where)
        found: list[Touch] = []
        fields = iter(_text(said).split("\0"))
        for head in filter(None, fields):
            commit, _, status = head.partition("\n")  # a merge that git shows without a file has no status
            names = [next(fields) for _ in range({"": 0, "R": 2, "C": 2}.get(status[:1], 1))]
            path = names[-1] if names else path
            found.append(Touch(commit, path, status[:1] or "M", path := names[0] if names else path))
        return found

    def within(self, folders: Iterable[str], commits: str) -> list[str]:
        """The hashes of the commits of a range that touched anything in these folders, the newest first. Raises
        Invalid."""
        paths = [f":(top,literal){folder}" for folder in folders]
        return _text(git(["log", "--format=%H", *_QUIET, commits, "--", *paths], where=self.where)).split()

    def contents(self, revision: str, path: str, most: int) -> bytes | None:
        """The bytes of a file, from the root, in a revision; None where there is none, or it is larger than ``most``.
        Raises InputError, also for a name that git cannot be asked for."""
        if "\n" in path or path.endswith("\r"):
            raise bad_input(f"{printable(path)}: its earlier version cannot be found: its name contains a line break")
        named = Revision(f"git:{revision}:{path}", revision, path, self.where)
        return named.contents(most) if named.is_file(most) else None

    def moved(self, revision: str) -> tuple[dict[str, str], list[str]]:
        """The names that files had in a revision, by their names in the working folder, and the files that are gone or
        changed since. All paths start at the root."""
        options = ["--no-ext-diff", "--find-renames", "-l0", "--diff-filter=RDM", "--name-status", "-z"]
        said = git(["diff", *options, revision, "--"], where=self.where).decode(errors="surrogateescape")
        renamed, changed = dict[str, str](), list[str]()
        fields = iter(said.split("\0"))
        for status in fields:
            if status[:1] == "R":
                old, new = next(fields), next(fields)
                renamed[new] = old
            elif status:
                changed.append(next(fields))
        return renamed, changed


def _text(said: bytes) -> str:
    return said.decode(errors="surrogateescape")


_QUIET = ("--no-ext-diff", "--no-show-signature")  # whatever the user's own settings are
_OF_ONE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")  # of one repository
