"""YAML, JSON and XML files that are something else than a network: in their root stands no key of ours, or none but
such as others have too, and with what is never in them here."""

import json
import re
from collections.abc import Mapping
from typing import Any

from sepcalc.document.entries import JOINS, PARTS, ROOT
from sepcalc.errors import InputError, Invalid, near_miss
from sepcalc.kinds import KINDS
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar, Source, read, roots

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


def _is_others(root: Mapping[str, Any]) -> bool:
    """Whether none of the keys at a root says that it is a network's: ``inputs``, ``blocks`` and ``input`` are keys of
    many, and without ``layers``, or a word that may have been meant so, nothing is one."""
    keys = {_folded(key): value for key, value in root.items()}
    ours = [key for key in keys if key in OURS]
    if any(key not in _OTHERS for key in ours):
        return False
    if any(near_miss(key, _TELLING) for key in keys if key not in ours):
        return False
    return all(_OTHERS[key](keys[key]) for key in ours)


def _no_shape(value: Any) -> bool:
    """Whether this is no shape, however it was written, and nothing that holds one."""
    if isinstance(value, str):
        return not re.search(r"[0-9{]", value)
    if isinstance(value, list):
        return all(isinstance(one, list | dict) or _no_shape(one) for one in value)
    return bool(value) and all(isinstance(one, dict) or _no_shape(one) for one in value.values())


def _no_blocks(value: Any) -> bool:
    """Whether there is no block of layers in it."""
    if isinstance(value, list):
        return True
    if not isinstance(value, dict) or not value:
        return False
    return not any("(" in name or _layered(body) for name, body in value.items())


def _layered(body: Any) -> bool:
    """Whether the entries of a list may be layers."""
    entries = body if isinstance(body, list) else []
    words = [word for entry in entries for word in (entry if isinstance(entry, dict) else [entry]) if word]
    return any(str(word).split()[:1][0] in _LAYERS for word in words if str(word).split())


_OTHERS = {"input": _no_shape, "inputs": _no_shape, "blocks": _no_blocks}  # keys that others have, and when
_TELLING = ("layers", "budget")
_LAYERS = frozenset({*KINDS, *JOINS, *PARTS, "layers"})


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
    if not isinstance(root, dict):
        return isinstance(root, list)
    return _is_others(root) and not {*map(_folded, KERAS)} & {*map(_folded, root)}


def _values(text: str) -> Mapping[str, Any]:
    """What stands in the one document of a text; where it is not that, what a network has."""
    try:
        root = read(Source("", text))
    except InputError:
        root = None
    return _plain(root) if isinstance(root, MappingNode) else dict.fromkeys(_TELLING)


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, MappingNode):
        return {key: _plain(value) for key, value in node.values.items()}
    return [_plain(item) for item in node.items]


def _is_foreign_yaml(text: str) -> bool:
    """Of all documents in it: none may have such a key. A text alone is no file of anything."""
    possible = "\\" in text or _WORD.search(text) is not None
    begun = False
    try:
        for part, word in roots(text):
            if part == "key" and _folded(word) in OURS:
                return _folded(word) in _OTHERS and _is_others(_values(text))
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
