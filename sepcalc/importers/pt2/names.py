"""The names in a program: of its results, of modules, of operators, and of the tensors that a node gives."""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from sepcalc.errors import printable
from sepcalc.importers.pt2.values import entry, listed, tag_of


def result_names(calls: Sequence[Any]) -> list[str]:
    """The names of the results: ``output``, or as the program's mapping names them."""
    with suppress(LookupError, TypeError, ValueError, AttributeError, RecursionError):
        tree = json.loads(calls[0]["signature"]["out_spec"])[1]
        if tree["type"] is None:
            return ["output"]
        counts = [_leaves(one) for one in tree["children_spec"]]
        keys = json.loads(tree["context"]) if isinstance(tree["context"], str) else tree["context"]
        if isinstance(keys, list) and len(keys) == len(counts) and all(isinstance(key, str) for key in keys):
            named = zip(keys, counts)
            return [key if count == 1 else f"{key}.{at}" for key, count in named for at in range(count)]
    return []


def _leaves(tree: Any) -> int:
    return 1 if tree["type"] is None else sum(map(_leaves, tree["children_spec"]))


_ROOT = re.compile(r"^(L__self__|L\['self'\]|_empty_nn_module_stack_from_metadata_hook)[._]?")


def modules_in(stack: str) -> list[tuple[str, str]]:
    """The modules in a stack, the outermost first: the path of each, and its class."""
    found = []
    for one in stack.split(";"):
        _, _, rest = one.partition(",")
        path, _, called = rest.rpartition(",")
        found.append((printable(_ROOT.sub("", path)).replace(".", "/"), printable(called)))
    return found


@lru_cache(maxsize=1024)
def module_of(stack: str) -> tuple[str, str]:
    return modules_in(stack)[-1]


def operator_of(target: str) -> tuple[str, str, str]:
    """The library, the name and the overload of an operator; no library for a function of Python, on sizes."""
    parts = target.split(".")
    if parts[:2] != ["torch", "ops"] or len(parts) < 4:
        return "", parts[-1], ""
    return parts[2], parts[3], parts[4] if len(parts) > 4 else ""


def in_place(name: str) -> bool:
    return name.endswith("_") and not name.startswith("__")


def made_by(outputs: Sequence[Any], every: bool = False) -> list[str]:
    """The names of the tensors among the results of a node; with ``every``, of all that a graph takes."""
    names = list[str]()
    for one in listed(outputs):
        tag, value = tag_of(one)
        if tag == "as_tensor" or (every and isinstance(value, dict)):
            names.append(entry(value, "as_name" if "as_name" in value else "name", str))
        elif tag in ("as_tensors", "as_optional_tensors"):
            parts = [part if "name" in part else tag_of(part)[1] for part in listed(value) if isinstance(part, dict)]
            names += [entry(part, "name", str) for part in parts if isinstance(part, dict)]
    return names
