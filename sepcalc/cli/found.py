"""The network that a wrong argument means. Loaded only after an error."""

import os
import re

from sepcalc import foreign
from sepcalc.importers.formats import SUFFIXES, of_suffix
from sepcalc.model_zoo import near
from sepcalc.source import GIT, REVISION, TORCH, ZOO, is_network
from sepcalc.strangers import module_in

_IN_FILE = re.compile(r"(.+\.py)::?([^\W\d]\w*)")  # td.py:Net


def found(word: str) -> list[str]:
    """The network that a wrong word means: a file, a module, a network of the zoo. Empty where there is none."""
    if word[:1] == "-" or os.path.exists(word):
        return []
    if module := _python(word):
        return [module]
    if is_network(word) and of_suffix(word) is None and (not is_module(word) or installed(word)):
        return []
    stem = os.path.splitext(word)[0] if of_suffix(word) else word
    return _file_of(word) or _module_of(word) or near(re.split(r"[.:/]", stem)[-1])


def is_pickle(word: str) -> bool:
    """Whether a word is a file of another tool, by its suffix."""
    return os.path.splitext(word)[1].lower() in foreign.FILES


def named(word: str) -> list[str]:
    """A network argument in our notation: ``HEAD:net.yaml`` is ``git:HEAD:net.yaml``."""
    if REVISION.fullmatch(word) and not os.path.exists(word):
        return [f"git:{word}"]
    return found(word) or [word]


def is_module(word: str) -> bool:
    """Whether a word is the name of a PyTorch module."""
    other = word.startswith((ZOO, GIT)) or of_suffix(word) is not None or os.path.exists(word)
    return TORCH.fullmatch(word) is not None and not other


def installed(module: str) -> bool:
    """Whether the package that a module's name begins with is here."""
    from importlib.util import find_spec

    begin = re.split(r"[.:]", module)[0]
    try:
        return os.path.isfile(f"{begin}.py") or os.path.isdir(begin) or find_spec(begin) is not None
    except (ImportError, ValueError):
        return False


def _python(word: str) -> str:
    """``td.py:Net`` as ``td:Net``, and ``td`` with the module in td.py. Empty for any other word."""
    if call := _IN_FILE.fullmatch(word):
        return module_in(call[1], call[2])
    return module_in(f"{word}.py") if os.path.isfile(f"{word}.py") else ""


def _file_of(word: str) -> list[str]:
    """The file of a network whose suffix is missing or different."""
    stem, suffix = os.path.splitext(word)
    stem = stem if suffix.lower() in SUFFIXES else word
    return next(([stem + one] for one in SUFFIXES if stem and os.path.isfile(stem + one)), [])


def _module_of(word: str) -> list[str]:
    """A PyTorch module written with a dot instead of its colon, where such a package exists."""
    if not re.fullmatch(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", word) or is_pickle(word):
        return []
    package, _, name = word.rpartition(".")
    return [f"{package}:{name}"] if installed(package) else []
