"""The files that a document includes: from its folder, or from its folder in a revision of git."""

import os
import posixpath
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from sepcalc.errors import InputError, Invalid, printable, quoted
from sepcalc.plain_files import MAX_FILE_BYTES, contents

if TYPE_CHECKING:
    from sepcalc.document.including import Opened
    from sepcalc.revision import Revision

Keep = Callable[[Iterable[bytes]], object]  # is given a file that is read, piece by piece


class _Included:
    """The files that a document includes."""

    def __init__(self, keep: Keep | None) -> None:
        self.keep = keep
        self.left = MAX_FILE_BYTES  # bytes of all included files together

    def take(self, path: str, read: Callable[[], bytes], called: str, shown: str, key: str) -> "Opened":
        """A file that was found: ``called`` is what the errors of ``read`` begin with. Raises Invalid."""
        from sepcalc.document.including import Opened
        from sepcalc.nodes import Source, decode

        try:
            data = read()
        except InputError as error:
            (problem,) = error.problems
            raise Invalid(f"include: {quoted(path)}: {problem.message.removeprefix(called)}", problem.hint) from error
        self.left -= len(data)
        if self.left < 0:
            raise Invalid(f"the included files are larger than {MAX_FILE_BYTES >> 20} MiB")
        if self.keep:
            self.keep([data])
        return Opened(Source(shown, decode(data, shown)), key)


class Folder(_Included):
    """The folder of a document: what it includes is read from there, or from below, and from nowhere else."""

    def __init__(self, path: str, keep: Keep | None) -> None:
        super().__init__(keep)
        self.file = os.path.realpath(path)
        self.root = os.path.dirname(self.file)
        self.shown = os.path.dirname(path)

    def open(self, including: str, path: str) -> "Opened":
        """The file that a path means which stands in the file ``including`` (a real path; "" for the first)."""
        if os.path.isabs(path) or "\0" in path:
            outside = f"include: {quoted(path)} is not a path within the folder of the network"
            raise Invalid(outside, "write it relative")
        real = os.path.realpath(os.path.join(os.path.dirname(including or self.file), path))
        if os.path.commonpath([self.root, real]) != self.root:
            raise Invalid(f"include: {quoted(path)} leads out of the folder of the network")
        if real == self.file:
            raise Invalid(f"include: {quoted(path)} includes itself, directly or through other files")
        shown = printable(os.path.join(self.shown, os.path.relpath(real, self.root)))
        return self.take(path, partial(contents, real), f"{printable(real)[:500]}: ", shown, real)


class Beside(_Included):
    """The folder of a document in a revision of git: what it includes is read from there, in that revision."""

    def __init__(self, revision: "Revision", keep: Keep | None) -> None:
        super().__init__(keep)
        self.revision = revision
        self.folder, self.file = posixpath.split(revision.path)

    def open(self, including: str, path: str) -> "Opened":
        """The file that a path means which stands in the file ``including`` (as seen from the folder; "" for the
        first)."""
        name = posixpath.normpath(posixpath.join(posixpath.dirname(including), path))
        if posixpath.isabs(path) or name.split("/")[0] == ".." or not path.isprintable():
            raise Invalid(f"include: {quoted(path)} leads out of the folder of the network")
        if name == self.file:
            raise Invalid(f"include: {quoted(path)} includes itself, directly or through other files")
        whole = f"{self.folder}/{name}" if self.folder else name
        beside = self.revision._replace(argument=f"git:{self.revision.revision}:{whole}", path=whole)
        shown = printable(beside.argument)
        return self.take(path, partial(beside.contents, self.left), f"{shown}: ", shown, name)
