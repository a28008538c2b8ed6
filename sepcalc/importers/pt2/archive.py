"""Opens a ``.pt2`` file: a zip with a graph in JSON, and the weights beside it. Weights are not read; nothing is
unpickled.

Since PyTorch 2.8 the graph is ``NAME/models/NAME.json``, and ``NAME/data`` lists the weights. Before that it was
``serialized_exported_program.json``, and the weights were pickled.
"""

import json
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple
from zipfile import ZipInfo

from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.foreign import EXPORT
from sepcalc.importers.common.zipped import inflated, members

MAX_JSON = 64 * 2**20  # bytes
MAX_MEMORY = 192 * 2**20  # bytes that the parsed JSON may take, about
_EACH, _COMMA = 200, 40  # bytes that a list or an object takes, and what stands before a comma
_OLDER = "serialized_exported_program.json"
_UNREAD = ("stack_trace", "torch_fn", "source_fn_stack", "from_node", "custom")  # most of a file, and of no use here


class Archive(NamedTuple):
    """The program that a file holds, as JSON; what it says of each stored tensor, by name (``path_name``,
    ``tensor_meta`` and so on, and the ``folder`` in the file); the names of all programs, and of this one."""

    program: Mapping[str, Any]
    payloads: Mapping[str, Mapping[str, Any]]
    models: Sequence[str]
    name: str


def opened(file: IO[bytes], wanted: str = "") -> Archive:
    """The archive in a file, and of several programs the one that is wanted. Raises Invalid."""
    found = {member.filename: member for member in members(file)}
    if _OLDER in found:
        return Archive(_json(file, found[_OLDER]), {}, (), "")
    root = next((name.partition("/")[0] for name in found if name.endswith("/archive_format")), "")
    models = {
        name.rpartition("/")[2].removesuffix(".json"): member
        for name, member in found.items()
        if name.startswith(f"{root}/models/") and name.endswith(".json")
    }
    if not models:
        raise _without_a_graph(root, list(found))
    name = wanted or ("model" if "model" in models else next(iter(models)))
    if name not in models:
        known = f"it has {', '.join(map(quoted, list(models)[:10]))}"
        raise Invalid(f"it holds no program {quoted(name)}", near_miss(name, models) or known)
    payloads = dict[str, Mapping[str, Any]]()
    for kind in ("weights", "constants"):
        member = found.get(f"{root}/data/{kind}/{name}_{kind}_config.json")
        listed = _json(file, member).get("config") if member else {}
        for one, said in listed.items() if isinstance(listed, dict) else ():
            if isinstance(said, dict):
                payloads[one] = {**said, "folder": f"{root}/data/{kind}"}
    return Archive(_json(file, models[name]), payloads, tuple(models), name)


def stored(file: IO[bytes], payload: Mapping[str, Any], most: int) -> bytes:
    """The bytes of a stored tensor's storage. Raises Invalid where they are pickled, absent, or more than ``most``."""
    if payload.get("use_pickle"):
        raise Invalid("is pickled, and pickles are never opened")
    place = f"{payload.get('folder')}/{payload.get('path_name')}"
    member = next((one for one in members(file) if one.filename == place), None)
    if member is None:
        raise Invalid("has no numbers in the file: they were removed, or pickled as before PyTorch 2.8")
    return inflated(file, member, most)


def _without_a_graph(root: str, names: Sequence[str]) -> Invalid:
    """What is wrong with a zip without a program."""
    if root and any("/data/aotinductor/" in name for name in names):
        return Invalid("this package holds compiled code, and no graph", EXPORT)
    if any(name.rpartition("/")[2] in ("data.pkl", "constants.pkl") for name in names):
        return Invalid("this zip file holds a pickle, which is never read, and no graph", EXPORT)
    return Invalid("this zip file holds no program", EXPORT)


def _json(file: IO[bytes], member: ZipInfo) -> dict[str, Any]:
    text = inflated(file, member, MAX_JSON)
    return parsed(text, member.filename.rpartition("/")[2])


def parsed(text: bytes, name: str) -> dict[str, Any]:
    """A JSON object. Raises Invalid for any other text, and for one that would take too much memory."""
    if _EACH * (text.count(b"{") + text.count(b"[")) + _COMMA * text.count(b",") > MAX_MEMORY:
        raise Invalid(f"{quoted(name)} holds more than can be read in {MAX_MEMORY >> 20} MiB")
    try:
        made = json.loads(text, object_pairs_hook=_entries)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:100]
        raise Invalid(f"{quoted(name)} is not JSON: {why}") from error
    if not isinstance(made, dict):
        raise Invalid(f"{quoted(name)} is not a JSON object")
    return made


def _entries(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object, without what nobody reads. Raises Invalid for a name that stands twice."""
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise Invalid(f"the name {quoted(next(name for name in made if names.count(name) > 1))} stands twice")
    for name in _UNREAD:
        made.pop(name, None)
    return made
