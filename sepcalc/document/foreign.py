"""YAML, JSON and XML files that are something else than a network: in their root stands no key of ours."""

import json
import re

from sepcalc.document.entries import ROOT
from sepcalc.errors import Invalid
from sepcalc.nodes import roots

SHARED = ("name", "outputs", "parameters", "defaults", "include")  # keys that many files of others have too
OURS = frozenset(ROOT) - frozenset(SHARED)
KERAS = frozenset({"class_name", "keras_version", "registered_name", "build_config", "compile_config"})
SUFFIXES = (".yaml", ".yml", ".json", ".xml")  # of files that may be anything

_KEYS = "|".join([key.replace("-", "[-_]") for key in sorted(OURS)])
_WORD = re.compile(rf"(?<![\w-])(?:{_KEYS})(?![\w-])", re.IGNORECASE)
_LINES = re.compile(rf"^(?:{_KEYS})[ \t]*:", re.MULTILINE | re.IGNORECASE)
_ROOT_ELEMENT = re.compile(
    r"\ufeff?\s* (?: <\?.*?\?>\s* | <!--.*?-->\s* | <!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>\s* )* <([\w.:-]+)",
    re.DOTALL | re.VERBOSE,
)


def _folded(key: str) -> str:
    """A key as it was meant: ``Param_Bytes`` is one of ours that is misspelled, and no key of another's."""
    return key.lower().replace("_", "-")


def is_foreign(data: bytes, suffix: str) -> bool:
    """Whether the bytes of a file with such a suffix are those of no network, and of none that was damaged. What cannot
    be told is taken for a network."""
    if suffix not in SUFFIXES:
        return False
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    if suffix == ".json":
        return _is_foreign_json(text)
    if suffix == ".xml":  # OpenVINO's root is net, with layers in it
        root = _ROOT_ELEMENT.match(text)
        return root is not None and not (root[1] == "net" and "<layers" in text)
    return _is_foreign_yaml(text)


def _is_foreign_json(text: str) -> bool:
    keys = {*map(_folded, OURS | KERAS)}
    folded = _folded(text)
    if "\\u" not in folded and not any(f'"{key}"' in folded for key in keys):
        return text.lstrip()[:1] in ("{", "[")
    try:
        root = json.loads(text)
    except (ValueError, RecursionError):  # damaged, and one of our keys in it
        return False
    return isinstance(root, list) or (isinstance(root, dict) and not keys & {*map(_folded, root)})


def _is_foreign_yaml(text: str) -> bool:
    """Of all documents in it: none may have such a key. A text alone is no file of anything."""
    possible = "\\" in text or _WORD.search(text) is not None
    begun = False
    try:
        for part, word in roots(text):
            if part == "key" and _folded(word) in OURS:
                return False
            if part == "text" and word and not begun:
                return False
            if part == "collection":
                if not possible:
                    return True
                begun = True
    except Invalid:  # no YAML, or a template of one: what is a line of its own may be a key
        return begun and _LINES.search(text) is None
    except OverflowError:
        return False
    return True
