"""YAML text as a tree of nodes that know where they stand.

Scalars stay the text that was written: ``1e9``, ``010``, ``on`` and ``3:3`` mean what the reader of the document says,
not what YAML 1.1 would make of them. The tree is built from the parser's events, in a loop: PyYAML's own ``compose``
recurses, and its C form takes the interpreter down with it at 30,000 levels.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from sepcalc.errors import InputError, Problem, printable, quoted

DEPTH = 100  # collections within each other
MOST = 100  # problems of one file: a hostile one has a million
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # PyYAML may come without its C half

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # what YAML 1.1 ends a line with
_REFUSED = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BOM = "\ufeff"


class Scalar(NamedTuple):
    """A text where it stands (line and column from 0). ``quoted``: in quotes or in block style (``|``, ``>``), so
    that an empty one is meant, and the text need not stand in the file letter by letter."""

    text: str
    line: int
    column: int
    quoted: bool = False


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
        lines = _lines(self.text)
        return lines[number] if number < len(lines) else ""

    def _span(self, node: Node | Place, start: int, end: int | None) -> tuple[int, int, int]:
        """The line and the columns of a node, or of a part of its text."""
        if isinstance(node, Scalar):
            text, line, column, _ = node
            source = self.line(line)
            opening = 1 if source[column : column + 1] in ("'", '"') else 0
            if source.startswith(text, column + opening) and text:
                whole = start == 0 and end is None
                first = column if whole else column + opening + start
                last = (
                    column + len(text) + 2 * opening
                    if whole
                    else column + opening + (len(text) if end is None else end)
                )
                return line, first, max(first + 1, last)
            match = _WRITTEN.match(source, column)
        elif isinstance(node, Sequence | Mapping):
            line, column = node.line, node.column
            match = _COLLECTION.match(self.line(line), column)
        else:
            line, column = node[0], node[1] + start
            if end is not None:
                return line, column, node[1] + end
            match = _WORD.match(self.line(line), column)
        return line, column, max(column + 1, match.end() if match else 0)


# How far a node reaches on the line that it begins in, when its text cannot tell.
_WRITTEN = re.compile(
    r""" " (?:[^"\\]|\\.)* "? | ' (?:[^']|'')* '? | (?:[^\s#]|(?<!\s)\#|\s+(?![\s#]))+ """, re.VERBOSE
)
_COLLECTION = re.compile(r""" [\[{] [^\[\]{}]* [\]}]? | (?:[^\s#]|(?<!\s)\#|\s+(?![\s#]))+ """, re.VERBOSE)
_WORD = re.compile(r"[^\s,\[\]{}]+")


@lru_cache(maxsize=4)  # a command reads two networks at most, but their problems may take turns
def _lines(text: str) -> list[str]:
    return _BREAK.split(text.removeprefix(_BOM))


def decode(data: bytes, name: str) -> str:
    """The bytes of a file as text: UTF-8, a byte order mark dropped. Raises InputError where they are none."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        problem = Problem("the text is UTF-16: expected UTF-8", "save the file as UTF-8", f"{name}:1:1")
        raise InputError([problem])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        line, column = _place(before, len(before))
        shown = Source(name, before + data[error.start : error.start + 200].decode("utf-8", "backslashreplace"))
        byte = data[error.start]
        message = f"the text is not UTF-8: byte 0x{byte:02x} ({error.reason})"
        raise InputError([shown.problem(message, "save the file as UTF-8", (line, column), end=4)]) from None
    _check_characters(Source(name, text))
    return text


def _place(text: str, index: int) -> Place:
    before = _BREAK.split(text[:index].removeprefix(_BOM))
    return len(before) - 1, len(before[-1])


def _check_characters(source: Source) -> None:
    """Raises InputError at the first character that no YAML text has."""
    text = source.text
    match = _REFUSED.search(text, 1 if text.startswith(_BOM) else 0)
    if not match:
        return
    character = match[0]
    message = f"the text has a character that YAML refuses: U+{ord(character):04X}"
    hint = "the file seems to be binary" if character == "\0" else "remove it"
    if character == _BOM:
        hint = "a byte order mark can only begin a file: remove it"
    raise InputError([source.problem(message, hint, _place(text, match.start()), end=1)])


class _Refusal(NamedTuple):
    where: Place
    message: str
    hint: str
    end: int | None = None


def read(source: Source) -> Node:
    """The one document of the text, as a tree at most 100 levels deep.

    Raises InputError with every problem that can be told at once: what is no YAML, and what YAML could do and a
    network does without: anchors, aliases, merge keys, tags, further documents, keys that are no texts or stand twice.
    """
    _check_characters(source)
    refusals: list[_Refusal] = []
    root = _tree(source, refusals)
    if root is not None and not refusals:
        return root
    refusals.sort(key=lambda refusal: refusal.where)
    problems = [source.problem(message, hint, where, end=end) for where, message, hint, end in refusals[:MOST]]
    if len(refusals) > MOST:
        problems.append(source.problem(f"there are more than {MOST} problems: these are the first"))
    raise InputError(problems)


def _tree(source: Source, refusals: list[_Refusal]) -> Node | None:
    """The document, unless there are refusals: they go to the list."""
    document: list[Node] = []
    nodes = document  # of the innermost open collection; keys and values take turns in a mapping
    outer: list[tuple[list[Node], bool, int, int]] = []  # the open ones around it, each with what the inner one is
    begun = False
    new = tuple.__new__  # most of a file is scalars, and NamedTuple's own way to this costs as much again
    loader = LOADER(source.text)
    next_event = loader.get_event
    try:
        while True:
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                mark = event.start_mark
                nodes.append(new(Scalar, (event.value, mark.line, mark.column, bool(event.style))))
                if event.anchor is None and event.tag is None:
                    continue
                _refuse_properties(event, refusals)
            elif kind is SequenceStartEvent or kind is MappingStartEvent:
                mark = event.start_mark
                if event.anchor is not None or event.tag is not None:
                    _refuse_properties(event, refusals)
                if len(outer) == DEPTH:
                    refusals.append(_Refusal((mark.line, mark.column), f"nested more than {DEPTH} levels deep", "", 1))
                    break
                outer.append((nodes, kind is MappingStartEvent, mark.line, mark.column))
                nodes = []
            elif kind is SequenceEndEvent:
                items = nodes
                nodes, _, line, column = outer.pop()
                nodes.append(Sequence(items, line, column))
            elif kind is MappingEndEvent:
                items = nodes
                nodes, _, line, column = outer.pop()
                nodes.append(_mapping(items, line, column, refusals))
            elif kind is AliasEvent:
                mark = event.start_mark
                nodes.append(Scalar("", mark.line, mark.column))
                refusals.append(_Refusal((mark.line, mark.column), f"an alias, {quoted('*' + event.anchor)}", _REUSE))
            elif kind is DocumentStartEvent:
                if begun:
                    mark = event.start_mark
                    refusals.append(_Refusal((mark.line, mark.column), "a second document", "a file holds one network"))
                    break
                begun = True
            elif kind is StreamEndEvent:
                break
            if len(refusals) > MOST:
                break
    except yaml.YAMLError as error:
        refusals.append(_syntax(source, error))
    finally:
        loader.dispose()
    if not refusals and (not document or document[0] == Scalar("", document[0].line, document[0].column)):
        refusals.append(_Refusal((0, 0), "there is nothing in it: expected a network", "input: and layers: at least"))
    return document[0] if document else None


_REUSE = "blocks serve reuse: define one under blocks: and name it where it is wanted"


def _refuse_properties(event: Any, refusals: list[_Refusal]) -> None:
    where = event.start_mark.line, event.start_mark.column
    if event.anchor is not None:
        refusals.append(_Refusal(where, f"an anchor, {quoted('&' + event.anchor)}", _REUSE))
    if event.tag is not None:
        refusals.append(_Refusal(where, "a tag", "a value is what it is used for: write it without"))


def _mapping(nodes: list[Node], line: int, column: int, refusals: list[_Refusal]) -> Mapping:
    """The mapping of which these are the keys and values in turn."""
    keys: dict[str, Scalar] = {}
    values: dict[str, Node] = {}
    for key, value in zip(nodes[::2], nodes[1::2]):
        where = key.line, key.column
        if not isinstance(key, Scalar):
            refusals.append(_Refusal(where, "a key that is no text", "quote it"))
        elif key.text == "<<" and not key.quoted:
            refusals.append(_Refusal(where, "a merge key, '<<'", _REUSE))
        elif key.text in keys:
            first = keys[key.text].line + 1
            refusals.append(_Refusal(where, f"the key {quoted(key.text)} is given twice: first in line {first}", ""))
        else:
            keys[key.text], values[key.text] = key, value
        if len(refusals) > MOST:
            break
    return Mapping(keys, values, line, column)


def _syntax(source: Source, error: yaml.YAMLError) -> _Refusal:
    mark = getattr(error, "problem_mark", None)
    where = (mark.line, mark.column) if mark else (0, 0)
    words = ": ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None)))) or str(error)
    return _Refusal(where, printable(words), "")
