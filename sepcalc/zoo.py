"""The networks that come with sepcalc: ``specs/`` of its repository, a YAML file each."""

import os
from pathlib import Path

from sepcalc.errors import InputError, Meant, Problem, near_miss, quoted

SUFFIX = ".yaml"


def folder() -> Path:
    """Where they are: inside an installed package, beside it in a checkout (also installed in editable mode)."""
    package = Path(__file__).parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def names() -> list[str]:
    """Their names, in the order of the alphabet. Raises InputError when they are not there."""
    place = folder()
    try:
        return sorted(name.removesuffix(SUFFIX) for name in os.listdir(place) if name.endswith(SUFFIX))
    except OSError as error:
        message = f"the zoo is not installed: {place} cannot be read: {error.strerror}"
        raise InputError([Problem(message, "install sepcalc anew")]) from error


def path(name: str) -> str:
    """The file of one of them. Raises InputError."""
    known = names()
    if name not in known:
        near = near_miss(name.lower().replace("-", "_"), known).removeprefix("did you mean ").removesuffix("?")
        meant = Meant(f"zoo:{name}", f"zoo:{near}") if near else None
        raise InputError(
            [Problem(f"there is no network {quoted(name)} in the zoo", "sepcalc zoo lists them all", meant=meant)]
        )
    return str(folder() / (name + SUFFIX))
