"""Tables of a pyproject.toml that are nearly those of sepcalc. They would be ignored without a word."""

from collections.abc import Iterator, Mapping
from typing import Any

from sepcalc.errors import near_miss
from sepcalc.gate.lines import Path

MAX_DEPTH = 20  # tables in each other that are looked through
OURS = ("tool", "sepcalc")
WORDS = ("sep", "calc", "path", "\\")  # of which ours and such a table have one: a letter may be wrong, or escaped


def nearly(table: Mapping[str, Any], at: Path = ()) -> Iterator[Path]:
    """Where such a table stands. Of a name like sepcalc's where a tool's name is looked for; of its name in other
    letters around checks; of any name, but with the keys that only a check has."""
    for name, value in table.items():
        path = (*at, name)
        if path == OURS:
            continue
        if _is_meant(at, name, value):
            yield path
        elif isinstance(value, dict) and len(path) < MAX_DEPTH:
            yield from nearly(value, path)


def _is_meant(at: Path, name: str, value: Any) -> bool:
    plain = "".join(filter(str.isalnum, name.lower()))
    if not at or (len(at) == 1 and _is_like(str(at[0]), "tool")):
        if "sepcalc" in plain or _is_like(name, "sepcalc"):
            return True
    elif plain == "sepcalc" and isinstance(value, dict):
        return any(_is_like(key, "check") and isinstance(value[key], dict | list) for key in value)
    return any(_is_check(entry) for entry in (value if isinstance(value, list) else [value]))


def _is_like(name: str, ours: str) -> bool:
    return bool(near_miss(name.lower(), [ours]))


def _is_check(value: Any) -> bool:
    """Whether a table has a path and another key that only a check has."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("path"), str)
        and (isinstance(value.get("max"), dict) or "max-increase" in value)
    )
