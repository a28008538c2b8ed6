"""Where the keys of a pyproject.toml stand. TOML's own parser does not tell: each statement is parsed by itself."""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]


def lines_of(text: str, words: Sequence[str], about: Callable[[Mapping[str, Any]], bool]) -> dict[Path, int]:
    """The line (from 1) of every key in the tables of a TOML text that are ``about`` sepcalc. ``words``: every such
    table has one of them in it, in any case. In an array of tables a key is a number."""
    lines: dict[Path, int] = {}
    count = 0
    for first, head, statements in _tables(text):
        written = "\n".join([head, *[statement for _, statement in statements]])
        lowered = written.lower()
        whole = (_parsed(written) or {}) if any(word in lowered for word in words) else {}
        if not about(whole):
            continue
        for number, statement in [(first, ""), *statements]:
            data = _parsed(f"{head}\n{statement}") or {}
            entries = _checks(data)
            for path in _paths(data):
                numbered = _numbered(path, count, isinstance(entries, list), isinstance(entries, dict))
                lines.setdefault(numbered, number)
        checks = _checks(whole)
        count += len(checks) if isinstance(checks, list) else 0
    return lines


def _checks(data: Mapping[str, Any]) -> Any:
    """The value of tool.sepcalc.check."""
    for name in ("tool", "sepcalc", "check"):
        data = data.get(name, {}) if isinstance(data, dict) else {}
    return data


_TOKEN = re.compile(
    r""""{3} (?: \\. | [^\\] )*? "{3,5} | '{3} .*? '{3,5} | " (?: \\. | [^"\\\n] )* " | '[^'\n]*'
    | \#[^\n]* | [][{}\n]""",
    re.DOTALL | re.VERBOSE,
)


Statement = tuple[int, str]  # with the number of its first line


def _tables(text: str) -> Iterator[tuple[int, str, list[Statement]]]:
    """The tables of a TOML text, each with the number of its first line, its head and its statements."""
    first, head, statements = 1, "", list[Statement]()
    for number, statement in _statements(text):
        if statement.lstrip(" \t")[:1] == "[":
            yield first, head, statements
            first, head, statements = number, statement, []
        else:
            statements.append((number, statement))
    yield first, head, statements


def _statements(text: str) -> Iterator[Statement]:
    """Heads of tables, keys with their values, comments and empty lines. A statement ends at a line end outside of
    strings and arrays."""
    first, number, depth, start = 1, 1, 0, 0
    for token in _TOKEN.finditer(text):
        sort = token[0]
        if sort in "[{":
            depth += 1
        elif sort in "]}":
            depth -= 1
        elif sort == "\n":
            number += 1
            if depth == 0:
                yield first, text[start : token.start()]
                first, start = number, token.end()
        else:
            number += sort.count("\n")
    yield first, text[start:]


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _paths(value: Any, at: Path = ()) -> Iterator[Path]:
    if at:
        yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from _paths(item, (*at, key))


def _numbered(path: Path, count: int, array: bool, inner: bool) -> Path:
    """The path in the whole text: it has the number of the check."""
    if path[:3] != ("tool", "sepcalc", "check") or len(path) == 3:
        return path
    if array:
        return (*path[:3], count + int(path[3]), *path[4:])
    return (*path[:3], count - 1, *path[3:]) if inner else path
