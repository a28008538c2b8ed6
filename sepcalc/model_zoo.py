"""The networks that come with sepcalc: the YAML files in ``specs/``."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from sepcalc.errors import InputError, Meant, bad_input, quoted

SUFFIX = ".yaml"


def folder() -> Path:
    """Their folder: inside an installed package, beside it in a checkout (also one installed in editable mode)."""
    package = Path(__file__).parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def names() -> list[str]:
    """Their names, sorted. Raises InputError where the folder is missing."""
    place = folder()
    try:
        return sorted(name.removesuffix(SUFFIX) for name in os.listdir(place) if name.endswith(SUFFIX))
    except OSError as error:
        message = f"the zoo is not installed: {place} cannot be read: {error.strerror}"
        raise bad_input(message, "install sepcalc anew") from error


_SCALED = re.compile(r"(.+?)[@:_-](\d*\.\d+)")


def _parameters(name: str) -> Iterable[str]:
    """The parameters of a network, by its name as an argument."""
    from sepcalc.document.loading import load_yaml
    from sepcalc.nodes import Source

    text = (folder() / (name.removeprefix("zoo:") + SUFFIX)).read_text("utf-8")
    return load_yaml(Source(name, text)).parameters


def near(word: str) -> list[str]:
    """The network of the zoo that a word means, with its settings: ``MobileNetV2``, ``resnet-101``. Empty where none is
    similar; other digits mean another network."""
    from difflib import get_close_matches

    from sepcalc.foreign import RELATIVES

    if (scaled := _SCALED.fullmatch(word)) and (words := near(scaled[1])):  # mobilenet_v1@0.5
        return [*words, "--set", f"width={scaled[2]}"] if "width" in _parameters(words[0]) else words
    bare = re.sub(r"[^a-z0-9]", "", word.lower())
    if re.search(r"[^\w-]", word) or len(bare) < 3 or not re.search("[a-z]", bare):
        return []
    try:
        plain = {name.replace("_", ""): name for name in names()}
    except InputError:
        return []
    known = {**RELATIVES, **plain}
    close = get_close_matches(bare, known, n=3, cutoff=0.8) if len(bare) > 3 else []
    begins = [short for short in plain if short.startswith(bare)] if len(bare) > 3 else []
    digits = re.sub(r"\D", "", bare)
    same = [short for short in close if re.sub(r"\D", "", short) == digits or not digits]
    found = next((short for short in ([bare] if bare in known else []) + begins + same), "")
    return f"zoo:{known[found]}".split() if found else []


def path(name: str) -> str:
    """The file of one network. Raises InputError."""
    known = names()
    if name not in known:
        words = near(name)
        meant = Meant(f"zoo:{name}", words[0], beside=tuple(words[1:])) if words else None
        raise bad_input(f"there is no network {quoted(name)} in the zoo", "sepcalc zoo lists them all", meant=meant)
    return str(folder() / (name + SUFFIX))
