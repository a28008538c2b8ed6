"""Writes files completely or not at all. A file is first written beside its place, flushed, and then moved there. After
an error (a full disk, an interrupt) the old file is intact, and nothing is left beside it."""

import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import partial

from sepcalc.errors import InputError, Problem, bad_input, quoted, why
from sepcalc.leftovers import tidied


def write_files(contents: Mapping[str, bytes | Iterable[bytes]], force: bool) -> None:
    """Write files by their paths; large ones in parts. Only ``force`` overwrites a file. Raises InputError, and then
    writes none."""
    there = [] if force else [path for path in contents if "\0" not in path and os.path.lexists(path)]
    if there:
        raise InputError([Problem(f"{quoted(path)} exists already", "--force overwrites it") for path in there])
    beside = dict[str, str]()  # where each is to be, and where it is until then
    with tidied(partial(_drop, beside)):
        try:
            for path, content in contents.items():
                with _told(path):
                    if _is_device(path):
                        with open(path, "wb") as file:
                            file.writelines(_parts(content))
                        continue
                    place = os.path.realpath(path) if os.path.islink(path) else path
                    beside[place] = os.path.join(os.path.dirname(place), f".sepcalc-{os.urandom(6).hex()}.tmp")
                    _write(beside[place], content, place)
            for path in list(beside):
                with _told(path):
                    _move(beside[path], path, force)
                    del beside[path]
        finally:
            _drop(beside)


def _drop(beside: Mapping[str, str]) -> None:
    """Remove the files that were not moved."""
    for temporary in list(beside.values()):
        with suppress(OSError):
            os.unlink(temporary)


class _told:  # noqa: N801 - as contextlib's own; a generator would keep a traceback's frames, and open files, alive
    """Turn a system error about a path into an InputError."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileExistsError):
            raise bad_input(f"{quoted(self.path)} exists already", "--force overwrites it") from error
        if isinstance(error, OSError | ValueError):
            raise bad_input(f"cannot write {quoted(self.path)}: {why(error)}") from error


def _is_device(path: str) -> bool:
    """Whether the path takes output but stores none: a terminal, a pipe."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _parts(content: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return [content] if isinstance(content, bytes) else content


def _write(path: str, content: bytes | Iterable[bytes], place: str) -> None:
    """Write a new file to disk (flushed), with the permissions of the file that it will replace."""
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666), "wb") as file:
        file.writelines(_parts(content))
        file.flush()
        os.fsync(file.fileno())
    with suppress(OSError):
        os.chmod(path, stat.S_IMODE(os.stat(place).st_mode))


def _move(temporary: str, place: str, force: bool) -> None:
    """Move the file to its place. Without ``force``, only to a path that does not exist, even if a file appeared there
    meanwhile."""
    if force:
        if os.path.isdir(place):
            raise IsADirectoryError(0, "Is a directory")
        os.replace(temporary, place)
        return
    try:
        os.link(temporary, place)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        os.rename(temporary, place)
    else:
        os.unlink(temporary)
