"""Globs as Python's ``glob`` module reads them, with ``**``: the files they match, the files they skip for a dot, and
whether they match a path that is not on the disk."""

import glob
import os
import posixpath
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import islice


def is_glob(pattern: str, root: str) -> bool:
    """Whether the text is more than the path of one file. A path that exists is that file, brackets or not."""
    return glob.has_magic(pattern) and not os.path.lexists(os.path.join(root, pattern))


def expand(pattern: str, root: str, most: int) -> list[str]:
    """The paths in a folder that a glob matches, relative to it, in alphabetical order; at most ``most`` + 1 of them.
    Folders count only where no file name is asked for."""
    last = pattern.replace("\\", "/").rsplit("/", 1)[-1]
    found = (
        path
        for path in glob.iglob(pattern, root_dir=root, recursive=True)
        if path and not (last in ("*", "**") and os.path.isdir(os.path.join(root, path)))
    )
    return sorted({*islice(found, most + 1)})


def skipped(pattern: str, root: str) -> list[str]:
    """The paths that a glob would match but for a dot at the start of a name: files, and folders that hold any, with a
    ``/`` at the end. ``.git`` is never among them."""
    parts = _parts(pattern)
    fixed = 0
    while fixed < len(parts) - 1 and not glob.has_magic(parts[fixed]):
        fixed += 1
    found = list[str]()
    deep = "**" in parts

    def look(folder: str, depth: int) -> bool:
        """Whether anything was found below a hidden folder, where one thing is enough."""
        hidden = any(part[:1] == "." for part in folder.split("/")[fixed:])
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return False
        for entry in listed:
            path = f"{folder}/{entry.name}" if folder else entry.name
            dotted = hidden or entry.name[:1] == "."
            try:
                is_folder = entry.is_dir(follow_symlinks=not deep)
            except OSError:
                continue
            if is_folder:
                if entry.name == ".git" or (not deep and depth + 1 >= len(parts)):
                    continue
                if look(path, depth + 1):
                    if hidden:
                        return True
                    found.append(f"{path}/")
            elif dotted and matches(pattern, path, True) and not matches(pattern, path):
                if hidden:
                    return True
                found.append(path)
        return False

    look("/".join(parts[:fixed]), fixed)
    return found


def matches(pattern: str, path: str, hidden: bool = False) -> bool:
    """Whether a glob, or the path of a file, matches this path. ``hidden``: it may match names that start with a dot.
    The disk is not read."""
    parts = _parts(pattern)
    reached = set(_free(parts, 0))  # how many parts of the pattern are used up
    for name in posixpath.normpath(path.replace("\\", "/")).split("/"):
        following = set[int]()
        for at in reached:
            if at < len(parts) and _fits(parts[at], name, hidden):
                following.update(_free(parts, at + 1))
                if parts[at] == "**":
                    following.add(at)
        reached = following
    return len(parts) in reached


def _parts(pattern: str) -> list[str]:
    return posixpath.normpath(pattern.replace("\\", "/")).split("/")


def _free(parts: list[str], at: int) -> Iterator[int]:
    """The place in the pattern, and those behind it that need no name: ``**`` may stand for no folder, but at the end
    it is a file."""
    yield at
    while at < len(parts) - 1 and parts[at] == "**":
        at += 1
        yield at


def _fits(part: str, name: str, hidden: bool) -> bool:
    if part == name:
        return True
    if name[:1] == "." and part[:1] != "." and not hidden:
        return False
    return part == "**" or fnmatch(name, part)
