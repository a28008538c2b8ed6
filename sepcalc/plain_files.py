"""Plain files: their bytes, up to a limit, and what was meant by a file that is not there."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from sepcalc.errors import SHOWN, InputError, Meant, absence, bad_input, printable, why
from sepcalc.importers.formats import of_suffix, suffix_of

MAX_FILE_BYTES = 64 * 2**20  # bytes of a YAML file
MAX_LISTED = 20  # files of a folder that a message names, and folders that are looked into


def contents(path: str) -> bytes:
    """The bytes of a plain file, of which one more than MAX_FILE_BYTES at most. Raises InputError."""
    require_file(path)
    try:
        with open(path, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise bad_input(f"{printable(path)}: cannot be read: {error.strerror}") from error


def pieces(path: str) -> Iterator[bytes]:
    """The bytes of a file that was read."""
    try:
        with open(path, "rb") as file:
            while piece := file.read(2**20):
                yield piece
    except OSError as error:
        raise bad_input(f"{printable(path)}: cannot be read: {error.strerror}") from error


def require_file(path: str) -> None:
    """Raises InputError unless this is a plain file: a pipe would block, a device never end."""
    hint = ""
    meant: Meant | None = None
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return
        reason, hint = "is not a plain file", "- reads standard input"
        if stat.S_ISDIR(mode):
            files = inside(path)
            reason, hint = "is a folder", "there is no network in it"
            meant = Meant(path, files[0], len(files) > 1) if files else None
    except FileNotFoundError:
        reason = absence(path)
        if not os.path.islink(path):
            words, hint = _neighbour(path)
            meant = Meant(path, words[0], beside=tuple(words[1:])) if words else None
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {why(error)}"
    shown = printable(path)[:500] or "''"
    raise bad_input(f"{shown}: {reason}", hint, meant=meant)


def inside(folder: str) -> list[str]:
    """The networks in a folder and in those right below it: the first MAX_LISTED files."""
    from itertools import islice

    from sepcalc.document.foreign import is_foreign

    found: list[str] = []
    for place, folders, names in islice(os.walk(folder), MAX_LISTED):
        folders[:] = sorted(one for one in folders if one[0] != "." and place == folder)
        for path in [os.path.join(place, name) for name in sorted(names) if of_suffix(name) and name[0] != "."]:
            with suppress(OSError, InputError):
                if not is_foreign(contents(path), suffix_of(path)):
                    found.append(path)
            if len(found) == MAX_LISTED:
                return found
    return found


def _neighbour(path: str) -> tuple[list[str], str]:
    """What was meant by a file that is not there: a file with almost its name, or a network of the zoo with its
    settings; else what to say."""
    from difflib import get_close_matches

    from sepcalc.errors import near_miss
    from sepcalc.model_zoo import near

    if " " in path and path[:1].isdigit():
        return [], "sepcalc layer takes one layer; a network on one line has commas: 8x8x3, conv -k3 -o8, act relu"
    folder, name = os.path.split(path)
    try:
        beside = os.listdir(folder or ".")
    except OSError:
        beside = []
    if close := get_close_matches(name[:SHOWN], filter(of_suffix, beside), n=1, cutoff=0.85):
        return [os.path.join(folder, close[0])], ""
    return near(name.removesuffix(suffix_of(name)) if of_suffix(name) else name), near_miss(name, beside)
