"""The text of a YAML file: its nodes, where they stand, and problems with a line and a caret."""

import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from sepcalc.errors import Problem

BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # what YAML 1.1 ends a line with
BOM = "\ufeff"
REACH = 1000  # characters of a line that are looked through for the end of a caret; far fewer are shown


class Scalar(NamedTuple):
    """A text where it stands (line and column from 0). ``in_quotes``: in quotes or in block style (``|``, ``>``), so
    that an empty one is meant, and the text need not stand in the file letter by letter."""

    text: str
    line: int
    column: int
    in_quotes: bool = False


class Sequence(NamedTuple):
    """``- a`` or ``[a, b]``, where its first mark stands."""

    items: list["Node"]
    line: int
    column: int


class Mapping(NamedTuple):
    """``a: b`` or ``{a: b}``, where its first mark or key stands: the keys and the values, both by the key's text, in
    the order of the file."""

    keys: dict[str, Scalar]
    values: dict[str, "Node"]
    line: int
    column: int


Node: TypeAlias = Scalar | Sequence | Mapping
Place: TypeAlias = tuple[int, int]  # line and column, from 0


class Source(NamedTuple):
    """A text, and the name that messages give it: the path of its file."""

    name: str
    text: str

    def problem(
        self,
        message: str,
        hint: str = "",
        node: Node | Place | None = None,
        start: int = 0,
        end: int | None = None,
        trail: tuple[str, ...] = (),
    ) -> Problem:
        """A problem with the node, or the word at the place, or the whole text.

        ``start`` and ``end`` are offsets within a scalar's text (or from the place); the caret runs under that part
        if the file has the text letter by letter, else under what the line has of the scalar.
        """
        if node is None:
            return Problem(message, hint, self.name, trail=trail)
        line, first, last = self._span(node, start, end)
        return Problem(message, hint, f"{self.name}:{line + 1}:{first + 1}", self.line(line), first, last, trail)

    def at(self, node: Node) -> str:
        """``name:line:column`` of the node, from 1."""
        return f"{self.name}:{node.line + 1}:{node.column + 1}"

    def line(self, number: int) -> str:
        """A line of the text, without its end; beyond the last line nothing."""
        lines = lines_of(self.text)
        return lines[number] if number < len(lines) else ""

    def _span(self, node: Node | Place, start: int, end: int | None) -> tuple[int, int, int]:
        """The line and the columns of a node, or of a part of its text."""
        if isinstance(node, Scalar):
            text, line, column, _ = node
            source = self.line(line)
            opening = 1 if source[column : column + 1] in ("'", '"') else 0
            if text and source.startswith(text, column + opening):
                if start == 0 and end is None:
                    return line, column, column + len(text) + 2 * opening
                column += opening
                return line, column + start, max(column + start + 1, column + (len(text) if end is None else end))
            pattern = _WRITTEN if text or opening else _NOTHING
        elif isinstance(node, Sequence | Mapping):
            line, column, pattern = node.line, node.column, _COLLECTION
        else:
            line, column, pattern = node[0], node[1] + start, _WORD
            if end is not None:
                return line, column, node[1] + end
        match = pattern.match(self.line(line), column, column + REACH)
        return line, column, max(column + 1, match.end() if match else 0)


# How far a node reaches on the line that it begins in, when its text cannot tell.
_UNTIL_COMMENT = r"(?: [^\s#] | (?<!\s)\# | \s+(?![\s#]) )+"
_WRITTEN = re.compile(rf""" " (?: [^"\\] | \\. )* "? | ' (?: [^'] | '' )* '? | {_UNTIL_COMMENT} """, re.VERBOSE)
_COLLECTION = re.compile(rf" [\[{{] [^\[\]{{}}]* [\]}}]? | {_UNTIL_COMMENT} ", re.VERBOSE)
_WORD = re.compile(r"[^\s,\[\]{}]+")
_NOTHING = re.compile("")


@lru_cache(maxsize=4)  # a command reads two networks at most, but their problems may take turns
def lines_of(text: str) -> list[str]:
    return BREAK.split(text.removeprefix(BOM))


def place_of(text: str, index: int) -> Place:
    """Line and column of the character with this index."""
    before = BREAK.split(text[:index].removeprefix(BOM))
    return len(before) - 1, len(before[-1])


def end_of(source: Source) -> Place:
    """Behind the last character that is not white space."""
    text = source.text.rstrip()
    return place_of(text, len(text))
