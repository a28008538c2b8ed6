"""Where the checks of a project stand: its pyproject.toml, and the files that a check names."""

import os
import tomllib
from collections.abc import Iterator

from sepcalc.errors import bad_input, printable, quoted
from sepcalc.gate.configuration import ARGUMENT, FILE, Asked, Project, read
from sepcalc.gate.globs import expand, is_glob, skipped

MAX_BYTES = 4 * 2**20  # bytes of a pyproject.toml
MAX_FILES = 10_000  # files that a glob may match
SHOWN = 5  # skipped files that a note names


def boundary(folder: str) -> str:
    """The folder that files may not lead out of: that of the nearest pyproject.toml that is about sepcalc, else the
    root of the git repository, else the folder itself."""
    for at in upwards(folder):
        if _is_about(os.path.join(at, FILE)) or os.path.lexists(os.path.join(at, ".git")):
            return at
    return folder


def find(folder: str) -> Project | None:
    """The checks of the project that the folder belongs to: the nearest pyproject.toml on the way up to the root of
    the git repository that is about sepcalc. None where there is none. Raises InputError with every problem."""
    for at in upwards(folder):
        path = os.path.join(at, FILE)
        if os.path.lexists(path):
            project = read(_text(path), os.path.relpath(path, folder), at)
            if project is not None:
                return project
        if os.path.lexists(os.path.join(at, ".git")):
            return None
    return None


def upwards(folder: str) -> Iterator[str]:
    """The folder, and those that it is in."""
    while True:
        yield folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return
        folder = parent


def _is_about(path: str) -> bool:
    try:
        tools = tomllib.loads(_text(path)).get("tool") if os.path.lexists(path) else None
    except (ValueError, RecursionError):  # it is no TOML; or it cannot be read: an InputError
        return False
    return isinstance(tools, dict) and "sepcalc" in tools


def _text(path: str) -> str:
    shown = printable(path)
    try:
        if not os.path.isfile(path):
            raise bad_input("this is not a plain file", "", shown)
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise bad_input(f"this cannot be read: {error.strerror}", "", shown) from error
    if len(data) > MAX_BYTES:
        raise bad_input(f"this is larger than {MAX_BYTES >> 20} MiB", "", shown)
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise bad_input("this is not UTF-8", "", shown) from None


def files(asked: Asked, root: str) -> list[str]:
    """The files of a check, or the one network that its path names otherwise (``zoo:…``, ``package.module:name``);
    paths are absolute. Raises InputError where there are none, or where they lead out of the project."""
    if ARGUMENT.fullmatch(asked.path):
        return [asked.path]
    place = str(asked.mark)
    if os.path.isabs(asked.path) or ".." in asked.path.replace("\\", "/").split("/"):
        raise bad_input(f"path {quoted(asked.path)} leads out of the project", "", place)
    found = expand(asked.path, root, MAX_FILES) if is_glob(asked.path, root) else [asked.path]
    if len(found) > MAX_FILES:
        raise bad_input(f"path {quoted(asked.path)} matches more than {MAX_FILES:,} files", "", place)
    if not found:
        raise bad_input(f"path {quoted(asked.path)} matches no file: nothing is checked", "", place)
    return [os.path.join(root, path) for path in found]


def skips(asked: Asked, root: str) -> str:
    """A note on the files and folders that a check's glob skips for the dot that their names begin with, if there are
    any."""
    plain = ARGUMENT.fullmatch(asked.path) or not is_glob(asked.path, root)
    hidden = [] if plain else skipped(asked.path, root)
    if not hidden:
        return ""
    more = f" and {len(hidden) - SHOWN:,} more" if len(hidden) > SHOWN else ""
    files = ", ".join(map(printable, hidden[:SHOWN]))
    return f"path {quoted(asked.path)} skips {files}{more}: a glob skips names that begin with a dot"


def within(path: str, root: str) -> bool:
    """Whether a file that is named inside the folder also is inside it, wherever symbolic links lead."""
    inside = os.path.realpath(root)
    return os.path.commonpath([os.path.realpath(path), inside]) == inside
