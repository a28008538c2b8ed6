"""YAML text as a tree of nodes that know where they stand.

Scalars stay the text that was written: ``1e9``, ``010``, ``on`` and ``3:3`` mean what the reader of the document says,
not what YAML 1.1 would make of them. The tree is built from the parser's events, in a loop: PyYAML's own ``compose``
recurses, and its C form takes the interpreter down with it at 30,000 levels.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import repeat
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

from sepcalc.errors import SHOWN, InputError, Invalid, Problem, bad_input, printable, quoted

DEPTH = 100  # collections within each other
EVENTS = 2_000_000  # scalars, beginnings and ends of collections: 100,000 layers in long form have half as many
MAX_PROBLEMS = 100  # problems of one file: a hostile one has a million
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # PyYAML may come without its C half

_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")  # what YAML 1.1 ends a line with
_REFUSED = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_BOM = "\ufeff"
_REACH = 1000  # characters of a line that are looked through for the end of a caret; far fewer are shown


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
        lines = _lines(self.text)
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
        match = pattern.match(self.line(line), column, column + _REACH)
        return line, column, max(column + 1, match.end() if match else 0)


# How far a node reaches on the line that it begins in, when its text cannot tell.
_UNTIL_COMMENT = r"(?: [^\s#] | (?<!\s)\# | \s+(?![\s#]) )+"
_WRITTEN = re.compile(rf""" " (?: [^"\\] | \\. )* "? | ' (?: [^'] | '' )* '? | {_UNTIL_COMMENT} """, re.VERBOSE)
_COLLECTION = re.compile(rf" [\[{{] [^\[\]{{}}]* [\]}}]? | {_UNTIL_COMMENT} ", re.VERBOSE)
_WORD = re.compile(r"[^\s,\[\]{}]+")
_NOTHING = re.compile("")


@lru_cache(maxsize=4)  # a command reads two networks at most, but their problems may take turns
def _lines(text: str) -> list[str]:
    return _BREAK.split(text.removeprefix(_BOM))


def _place(text: str, index: int) -> Place:
    """Line and column of the character with this index."""
    before = _BREAK.split(text[:index].removeprefix(_BOM))
    return len(before) - 1, len(before[-1])


def _end(source: Source) -> Place:
    """Behind the last character that is not white space."""
    text = source.text.rstrip()
    return _place(text, len(text))


# --- bytes -> text


def decode(data: bytes, name: str) -> str:
    """The bytes of a file as text: UTF-8, a byte order mark dropped. Raises InputError where they are none."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise bad_input("the text is UTF-16: expected UTF-8", "save the file as UTF-8", name)
    try:
        data = data.removeprefix(_BOM.encode())  # the codec utf-8-sig would not count it in the place of an error
        text = data.decode()
    except UnicodeDecodeError as error:
        good, bad = data[: error.start].decode(), data[error.start : error.start + _REACH]
        shown = Source(name, good + bad.decode("utf-8", "backslashreplace"))
        message = f"the text is not UTF-8: byte 0x{bad[0]:02x}, {error.reason}"
        place = _place(good, len(good))
        raise InputError([shown.problem(message, "save the file as UTF-8", place, end=len(r"\xff"))]) from None
    _check_characters(Source(name, text))
    return text


def _check_characters(source: Source) -> None:
    """Raises InputError at the first character that no YAML text has. (The two parsers disagree on how.)"""
    text = source.text
    match = _REFUSED.search(text, 1 if text.startswith(_BOM) else 0)
    if match:
        character = match[0]
        message = f"the text has a character that YAML refuses: U+{ord(character):04X}"
        hint = _REMEDIES.get(character, "remove it")
        raise InputError([source.problem(message, hint, _place(text, match.start()), end=1)])


_REMEDIES = {
    "\0": "it seems to be a binary file, or UTF-16",
    _BOM: "a byte order mark can only begin a file: remove it",
}

# --- text -> nodes


def roots(text: str) -> Iterator[tuple[str, str]]:
    """What the roots of all documents of a text begin with, as far as it can be read: ``("collection", "")`` for each
    mapping or sequence, ``("key", text)`` for each key of a mapping, ``("text", text)`` for a root that is a scalar.
    Raises Invalid at what is no YAML, OverflowError at more than EVENTS events."""
    loader = LOADER(text)
    depth, place, in_mapping = 0, 0, False
    try:
        for _ in range(EVENTS):
            event = loader.get_event()
            kind = type(event)
            if kind is MappingStartEvent or kind is SequenceStartEvent:
                if depth == 0:
                    yield "collection", ""
                    place, in_mapping = -1, kind is MappingStartEvent
                depth += 1
                place += depth <= 2
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                depth -= 1
            elif kind is ScalarEvent or kind is AliasEvent:
                if depth == 0:
                    yield "text", "*" if kind is AliasEvent else event.value
                if depth == 1:
                    if kind is ScalarEvent and in_mapping and place % 2 == 0:
                        yield "key", event.value
                    place += 1
            elif kind is StreamEndEvent:
                return
        raise OverflowError
    except (yaml.YAMLError, ValueError) as error:
        raise Invalid("the text is no YAML") from error
    finally:
        loader.dispose()


class _Refusal(NamedTuple):
    where: Place
    message: str
    hint: str = ""
    end: int | None = None  # of the caret, counted from its beginning; None: of the word


def read(source: Source) -> Node:
    """The one document of the text, as a tree at most 100 levels deep.

    Raises InputError with every problem that can be told at once: what is no YAML, and what YAML could do and a
    network does without: anchors, aliases, merge keys, tags, further documents, keys that are no texts or stand twice.
    """
    _check_characters(source)
    if source.text.count("%TAG") > MAX_PROBLEMS:  # libyaml compares each such directive with all before it
        raise InputError([source.problem(*_DIRECTIVE)])
    refusals: list[_Refusal] = []
    document = _document(source, refusals)
    if refusals:
        refusals.sort(key=lambda refusal: refusal.where)
        told = refusals[:MAX_PROBLEMS]
        problems = [source.problem(message, hint, where, end=end) for where, message, hint, end in told]
        if len(refusals) > MAX_PROBLEMS:
            problems.append(source.problem(f"there are more than {MAX_PROBLEMS} problems: these were found first"))
        raise InputError(problems)
    if not document or (isinstance(document[0], Scalar) and not (document[0].text or document[0].in_quotes)):
        raise InputError([source.problem("the text is empty: expected a network", "it has the keys input and layers")])
    return document[0]


def _document(source: Source, refusals: list[_Refusal]) -> list[Node]:
    """The root of the first document, if there is one. What is wrong goes to ``refusals``; reading ends at what
    leaves no sense to the rest."""
    document: list[Node] = []
    nodes = document  # of the innermost open collection; in a mapping, keys and values by turns
    outer: list[tuple[list[Node], bool, int, int]] = []  # each with what the next one in is: a mapping, and its place
    begun = False
    new = tuple.__new__  # most of a file is scalars, and NamedTuple's own way to this costs as much again
    loader = LOADER(source.text)
    next_event = loader.get_event
    try:
        for _ in repeat(None, EVENTS):
            event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                mark, style = event.start_mark, event.style
                nodes.append(new(Scalar, (event.value, mark.line, mark.column, bool(style))))
                if event.anchor is None and event.tag is None and style != '"':
                    continue
                refusals += _properties(event)
            elif kind is SequenceStartEvent or kind is MappingStartEvent:
                mark = event.start_mark
                if event.anchor is not None or event.tag is not None:
                    refusals += _properties(event)
                if len(outer) == DEPTH:
                    refusals.append(_Refusal((mark.line, mark.column), f"nested more than {DEPTH} levels deep", end=1))
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
                refusals += _properties(event)
                nodes.append(_Alias("", event.start_mark.line, event.start_mark.column))
            elif kind is DocumentStartEvent:
                if begun:
                    where = event.start_mark.line, event.start_mark.column
                    refusals.append(_Refusal(where, "a second document begins here", "a file holds one network"))
                    break
                begun = True
            elif kind is StreamEndEvent:
                break
            if len(refusals) > MAX_PROBLEMS:
                break
        else:
            where = event.start_mark.line, event.start_mark.column
            refusals.append(_Refusal(where, f"the text goes on after {EVENTS:,} marks and values: too many", end=1))
    except yaml.MarkedYAMLError as error:
        refusals.append(_syntax(source, error))
    except ValueError:  # of PyYAML's Python half alone: an escape or a version number that is too big
        mark = loader.get_mark()
        problem = "incompatible YAML document" if source.line(mark.line)[:1] == "%" else "unknown escape"
        refusals.append(_syntax(source, yaml.MarkedYAMLError(problem=problem, problem_mark=mark)))
    finally:
        loader.dispose()
    for enclosing, is_mapping, line, column in reversed(outer):  # that reading did not come to the end of
        if is_mapping:
            _mapping(nodes, line, column, refusals)
        nodes = enclosing
    return document


class _Alias(Scalar):
    """Stands where an alias stood, which has been refused; no key of its own."""


def _mapping(nodes: list[Node], line: int, column: int, refusals: list[_Refusal]) -> Mapping:
    """The mapping that has these keys and values by turns."""
    keys: dict[str, Scalar] = {}
    values: dict[str, Node] = {}
    for key, value in zip(nodes[::2], nodes[1::2]):
        if type(key) is Scalar and key.text not in keys and (key.text != "<<" or key.in_quotes):
            keys[key.text], values[key.text] = key, value
        elif type(key) is not _Alias:
            refusals.append(_unfit(key, keys))
            if len(refusals) > MAX_PROBLEMS:
                break
    return Mapping(keys, values, line, column)


def _unfit(key: Node, keys: dict[str, Scalar]) -> _Refusal:
    """Why this is no key beside these."""
    where = key.line, key.column
    if isinstance(key, Sequence | Mapping):
        what = "sequence" if isinstance(key, Sequence) else "mapping"
        return _Refusal(where, f"a {what} cannot be a key: expected a text", "quote a text that begins with [ or {", 1)
    if key.text in keys:
        first = keys[key.text].line + 1
        return _Refusal(where, f"the key {quoted(key.text)} is given twice: first in line {first}")
    return _Refusal(where, "'<<' is a merge key: a network has none", _REUSE)


_REUSE = "blocks serve reuse: define one under blocks: and use it by its name"
_SURROGATE = re.compile("[\ud800-\udfff]")


def _properties(event: Any) -> list[_Refusal]:
    """What is refused of an event: its anchor (or it is an alias), its tag, halves of characters."""
    where = event.start_mark.line, event.start_mark.column
    refusals = []
    if type(event) is AliasEvent:
        hint = f"{_REUSE}; quote a text that begins with *"
        return [_Refusal(where, f"{quoted(f'*{event.anchor}')} is an alias: a network has none", hint)]
    if event.anchor is not None:
        hint = f"{_REUSE}; quote a text that begins with &"
        refusals.append(_Refusal(where, f"{quoted(f'&{event.anchor}')} is an anchor: a network has none", hint))
    if event.tag is not None:
        hint = "a value is a number or a text by where it stands; quote a text that begins with !"
        refusals.append(_Refusal(where, f"{quoted(event.tag)} is a tag: a network has none", hint))
    if type(event) is ScalarEvent and event.style == '"' and _SURROGATE.search(event.value):
        refusals.append(_Refusal(where, *_ESCAPE, end=1))  # libyaml refuses it by itself
    return refusals


# --- the parsers' own refusals, which the C half and the Python half of PyYAML word differently

_ALL = "quote all of the text, or nothing of it; inside '…' a quote is doubled: 'it''s'"
_ESCAPE = ("an escape that YAML does not know", "inside '…' a backslash is a backslash")
_DIRECTIVE = ("a line that begins with % is a directive: a network has none", "quote a text that begins with %")


def _above(source: Source, line: int) -> str:
    """The last line with something on it above one, as it stands."""
    return next(filter(str.strip, reversed(_lines(source.text)[max(0, line - 9) : line])), "")


def _beside(above: str) -> str:
    """What a spec needs that keys stand below, by the line that it stands on."""
    text = re.sub(r"\s+#.*", "", above).strip()
    spec = text if text[:2] == "- " and text[-1:] != ":" and len(text) <= SHOWN else "- conv -k3 -o8"
    return f"a spec with other keys below it ends with a colon: {printable(spec)}:"


def _syntax(source: Source, error: yaml.MarkedYAMLError) -> _Refusal:
    """What the parser refused, in plain words. ``problem_mark`` is where it stopped, ``context_mark`` where the
    thing that it was reading begins."""
    context, problem = error.context or "", error.problem or ""
    mark, begin = error.problem_mark, error.context_mark or error.problem_mark
    assert mark is not None
    assert begin is not None
    text = source.line(mark.line)
    found, before = text[mark.column : mark.column + 1], text[: mark.column]
    opening = source.line(begin.line)[begin.column : begin.column + 1]
    ended = not found and not any(map(str.strip, _lines(source.text)[mark.line + 1 :]))
    here = _end(source) if ended else (mark.line, mark.column)  # libyaml's marks go one line too far
    there = (begin.line, begin.column)
    shown = quoted(found) if found else "the end of the text" if ended else "the end of the line"

    if "nesting depth" in problem:  # libyaml has a limit of its own, and reads ahead to it
        return _Refusal((mark.line, mark.column), f"nested more than {DEPTH} levels deep", end=1)
    if found == "\t" or "\t" in before[: len(before) - len(before.lstrip())]:
        place = (mark.line, text.index("\t") if not before.strip() else mark.column)
        return _Refusal(place, "a tab cannot indent", "indent with spaces", 1)
    if "directive" in context + problem or "YAML document" in problem or "version number" in problem or text[:1] == "%":
        return _Refusal((mark.line, 0), *_DIRECTIVE)
    if "escape" in problem or "hexdecimal" in problem:
        return _Refusal((mark.line, max(0, text.rfind("\\", 0, mark.column + 1))), *_ESCAPE, end=2)
    if "quoted scalar" in context:
        return _Refusal(there, "the quote is never closed", "", 1)
    if "mapping values" in problem:
        above = _above(source, mark.line)
        if ": " in before:
            hint = "quote a text that holds ': '"
        elif above.lstrip()[:2] == "- ":
            hint = _beside(above)
        else:
            hint = "the keys of a mapping begin in one column"
        return _Refusal(here, "a ':' makes a mapping, and none can stand here", hint, 1)
    if "sequence entries" in problem:
        hint = "begin it in a line of its own, below its key"
        return _Refusal(here, "a '-' makes a sequence, and none can stand here", hint, 1)
    if "cannot start any token" in problem:
        return _Refusal(here, f"no text can begin with {quoted(found)}", "quote it", 1)
    if context in ("while parsing a flow sequence", "while parsing a flow mapping"):
        closing = {"[": "]", "{": "}"}.get(opening, "")
        if ended:
            return _Refusal(there, f"'{opening}' is never closed: expected '{closing}'", "", 1)
        if found in ("[", "{"):
            hint = "quote what holds braces, brackets or commas"
        elif mark.line > begin.line:
            hint = f"'{opening}' in line {begin.line + 1} is not closed"
        else:
            hint = "quote a text that holds ': '" if found == ":" else _ALL if before.rstrip()[-1:] in "'\"" else ""
        return _Refusal(here, f"expected ',' or '{closing}', not {shown}", hint, 1)
    if context in ("while parsing a block mapping", "while parsing a block collection") or "document start" in problem:
        what = "sequence" if "collection" in context else "mapping" if context else "document"
        message = f"this does not belong to the {what} that begins in line {begin.line + 1}"
        if found in ("]", "}"):
            return _Refusal(here, f"{quoted(found)} closes nothing", "", 1)
        if not context:
            return _Refusal(here, "this stands after the end of the document", _ALL if before[-1:] else "")
        if before.strip():
            return _Refusal(here, "this stands after the end of a value", _ALL)
        beside = (
            what == "sequence"
            and here[1] > begin.column
            and re.match(r"\s*[\w-]+:(\s|$)", source.line(here[0])[:_REACH])
        )
        apart = f"what belongs to one {what} begins in one column"
        return _Refusal(here, message, _beside(_above(source, here[0])) if beside else apart)
    if "simple key" in context:
        hint = "a space follows ':' and '-'" if re.match(r"\s*-\S|.*:\S", source.line(begin.line)[:_REACH]) else ""
        key = source.line(begin.line).strip()
        if not hint and " -" in key and len(key) <= SHOWN:
            hint = f"{printable(key)}:"
        return _Refusal(there, "a key without a value: expected ':' after it", hint)
    if "node content" in problem:
        hint = "quote a text that begins with it" if found in ("]", "}") else ""
        return _Refusal(here, f"expected a value, not {shown}", hint, 1)
    if context.endswith((" anchor", " alias", " tag", " node")):
        return _Refusal(there, f"no text can begin with {quoted(opening)}", "quote it", 1)
    words = f"{context}, {problem}" if context else problem
    return _Refusal(here, printable(words.replace("did not find expected", "expected")), "", 1)
