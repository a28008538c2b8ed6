"""A file as git has it: ``git:REVISION:PATH``, as ``git show`` reads it.

A path is that of the repository's root, or with ``./`` and ``../`` that of the working folder. Git runs without a
shell, and reads one object.
"""

import subprocess
from typing import NamedTuple

from sepcalc.errors import InputError, Problem, printable

SECONDS = 60  # that git may take
_UNSHALLOW = "this clone is shallow: fetch-depth: 0 in actions/checkout, or git fetch --unshallow, brings the rest"
_LINKS = {b"dangling": "leads to nothing", b"loop": "leads to itself", b"symlink": "leads out of the repository"}


class Revision(NamedTuple):
    """What the argument names."""

    argument: str
    revision: str
    path: str

    @classmethod
    def of(cls, argument: str) -> "Revision":
        """``git:main:specs/net.yaml``. Raises InputError."""
        revision, colon, path = argument.removeprefix("git:").partition(":")
        shown = printable(argument)
        if not colon or not revision or not path:
            hint = "for example git:main:specs/net.yaml, or git:HEAD~1:./net.yaml from the working folder"
            raise InputError([Problem(f"{shown}: expected git:REVISION:PATH", hint)])
        if revision[:1] == "-":
            raise InputError([Problem(f"{shown}: a revision cannot begin with a dash")])
        if not argument.isprintable():
            raise InputError([Problem(f"{shown}: a revision and a path have no control characters")])
        return cls(argument, revision, path)

    def contents(self, most: int) -> bytes:
        """The bytes of the file, ``most`` of them at most; symbolic links lead where they do in that revision. Raises
        InputError."""
        shown = printable(self.argument)
        head = self._object("--batch-check").split(b"\n", 1)[0].split()
        if len(head) != 3 or len(head[0]) < 40:
            if head and head[0] in _LINKS:
                raise InputError([Problem(f"{shown}: a symbolic link in this path {_LINKS[head[0]]}")])
            try:
                self._git("cat-file", "-e", self.name)  # says why it is none
            except InputError as error:
                (problem,) = error.problems
                raise InputError([problem._replace(hint=self._shallow())]) from None
            raise InputError([Problem(f"{shown}: git has no such file")])
        sort, size = head[1].decode(), int(head[2])
        if sort != "blob":
            hint = "name a file in it" if sort == "tree" else ""
            raise InputError([Problem(f"{shown}: this is a {'folder' if sort == 'tree' else sort}, not a file", hint)])
        if size > most:
            raise InputError([Problem(f"{shown}: larger than {most >> 20} MiB")])
        return self._object("--batch").split(b"\n", 1)[1][:size]

    @property
    def name(self) -> str:
        """The object, as git is asked for it."""
        return f"{self.revision}:{self.path}"

    def _shallow(self) -> str:
        """What to do where git does not have the revision because the clone has the newest commits only."""
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
        command = ["git", "--no-pager", "--no-optional-locks", *arguments]
        shown = printable(self.argument)
        try:
            data = f"{asked}\n".encode() if asked else b""
            done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, check=False)
        except FileNotFoundError:
            raise InputError([Problem(f"{shown}: git is needed to read it, and is not installed")]) from None
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            reason = f"{type(error).__name__}: {error}"[:200]
            raise InputError([Problem(f"{shown}: git cannot be run: {printable(reason)}")]) from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().split("\n")[0][:300].removeprefix("fatal: ")
            raise InputError([Problem(f"{shown}: git says: {printable(said) or 'nothing'}")])
        return done.stdout
