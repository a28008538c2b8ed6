"""Which YAML, JSON and XML files are no networks of ours. At their root they have no key of ours, or only keys that
many files have, with values that a network never has there."""

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
    """Whether no key at the root says that the file is a network. ``inputs``, ``blocks`` and ``input`` are keys of many
    files: alone they say so only by their values."""
    keys = {_folded(key): value for key, value in root.items()}
    ours = [key for key in keys if key in OURS]
    if any(key not in _OTHERS for key in ours):
        return False
    if any(near_miss(key, _TELLING) for key in keys if key not in ours):
        return False
    return all(_OTHERS[key](keys[key]) for key in ours)


def _no_shape(value: Any) -> bool:
    """Whether neither the value nor anything in it can be a shape, however it is written."""
    if isinstance(value, str):
        return not re.search(r"[0-9{]", value)
    if isinstance(value, list):
        return all(isinstance(one, list | dict) or _no_shape(one) for one in value)
    return bool(value) and all(isinstance(one, dict) or _no_shape(one) for one in value.values())


def _no_blocks(value: Any) -> bool:
    """Whether the value can be no ``blocks``: no header with parameters is in it, and no list of layers."""
    if isinstance(value, list):
        return True
    if not isinstance(value, dict) or not value:
        return False
    return not any("(" in name or _layered(body) for name, body in value.items())


def _layered(body: Any) -> bool:
    """Whether any entry of a list names a kind of layer."""
    entries = body if isinstance(body, list) else []
    words = [word for entry in entries for word in (entry if isinstance(entry, dict) else [entry]) if word]
    return any(str(word).split()[:1][0] in _LAYERS for word in words if str(word).split())


_OTHERS = {"input": _no_shape, "inputs": _no_shape, "blocks": _no_blocks}  # keys that others have, and when
_TELLING = ("layers", "budget")
_LAYERS = frozenset({*KINDS, *JOINS, *PARTS, "layers"})


def _folded(key: str) -> str:
    """A key in lower case with hyphens: ``Param_Bytes`` is a misspelling of ours."""
    return key.lower().replace("_", "-")


def is_foreign(data: bytes, suffix: str) -> bool:
    """Whether a file with this suffix is certainly no network, not even a damaged one. Any doubt makes it one."""
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
    """The values at the root of a text of one document. A text that cannot be read has the keys of a network."""
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
    """Whether no document in the text has a key of ours. A text that is a single scalar is not foreign."""
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
