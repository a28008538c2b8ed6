"""YAML text as a tree of nodes with positions.

Scalars keep the text as written: ``1e9``, ``010``, ``on`` and ``3:3`` get their meaning from the reader of the
document, not from YAML 1.1. The tree is built from the parser's events in a loop: PyYAML's own ``compose`` recurses,
and its C version crashes the interpreter at 30,000 levels.
"""

import re
from collections.abc import Iterator
from itertools import repeat
from typing import Any

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

from sepcalc.errors import InputError, Invalid, bad_input, quoted
from sepcalc.yaml_refusals import DEPTH, DIRECTIVE, ESCAPE, Refusal, refused_syntax
from sepcalc.yaml_text import BOM, REACH, place_of
from sepcalc.yaml_text import Mapping as Mapping
from sepcalc.yaml_text import Node as Node
from sepcalc.yaml_text import Scalar as Scalar
from sepcalc.yaml_text import Sequence as Sequence
from sepcalc.yaml_text import Source as Source

EVENTS = 2_000_000  # scalars, starts and ends of collections: 100,000 layers in long form have half as many
MAX_PROBLEMS = 100  # the most reported problems of a file: a hostile one has a million
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # PyYAML may lack its C extension

_REFUSED = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

# --- bytes -> text


def decode(data: bytes, name: str) -> str:
    """The bytes of a file as text: UTF-8, without a byte order mark. Raises InputError for other encodings."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise bad_input("the text is UTF-16: expected UTF-8", "save the file as UTF-8", name)
    try:
        data = data.removeprefix(BOM.encode())  # the codec utf-8-sig would not count it in the place of an error
        text = data.decode()
    except UnicodeDecodeError as error:
        good, bad = data[: error.start].decode(), data[error.start : error.start + REACH]
        shown = Source(name, good + bad.decode("utf-8", "backslashreplace"))
        message = f"the text is not UTF-8: byte 0x{bad[0]:02x}, {error.reason}"
        place = place_of(good, len(good))
        raise InputError([shown.problem(message, "save the file as UTF-8", place, end=len(r"\xff"))]) from None
    _check_characters(Source(name, text))
    return text


def _check_characters(source: Source) -> None:
    """Raises InputError at the first character that YAML forbids. (The two parsers report it differently.)"""
    text = source.text
    match = _REFUSED.search(text, 1 if text.startswith(BOM) else 0)
    if match:
        character = match[0]
        message = f"the text has a character that YAML refuses: U+{ord(character):04X}"
        hint = _REMEDIES.get(character, "remove it")
        raise InputError([source.problem(message, hint, place_of(text, match.start()), end=1)])


_REMEDIES = {
    "\0": "it seems to be a binary file, or UTF-16",
    BOM: "a byte order mark can only begin a file: remove it",
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
        raise Invalid("the text is not YAML") from error
    finally:
        loader.dispose()


def read(source: Source) -> Node:
    """The only document of the text, as a tree at most 100 levels deep.

    Raises InputError with every problem that can be found at once: invalid YAML, and the parts of YAML that a network
    does not use: anchors, aliases, merge keys, tags, further documents, keys that are not texts or are given twice.
    """
    _check_characters(source)
    if source.text.count("%TAG") > MAX_PROBLEMS:  # libyaml compares each such directive with all before it
        raise InputError([source.problem(*DIRECTIVE)])
    refusals: list[Refusal] = []
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


def _document(source: Source, refusals: list[Refusal]) -> list[Node]:
    """The root of the first document, if there is one. Problems go to ``refusals``; reading ends at one that makes the
    rest meaningless."""
    document: list[Node] = []
    nodes = document  # of the innermost open collection; in a mapping, keys and values by turns
    outer: list[tuple[list[Node], bool, int, int]] = []  # each with the kind and the position of the next inner one
    begun = False
    new = tuple.__new__  # a file is mostly scalars, and NamedTuple's own constructor takes twice the time
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
                    refusals.append(Refusal((mark.line, mark.column), f"nested more than {DEPTH} levels deep", end=1))
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
                    refusals.append(Refusal(where, "a second document begins here", "a file holds one network"))
                    break
                begun = True
            elif kind is StreamEndEvent:
                break
            if len(refusals) > MAX_PROBLEMS:
                break
        else:
            where = event.start_mark.line, event.start_mark.column
            refusals.append(Refusal(where, f"the text goes on after {EVENTS:,} marks and values: too many", end=1))
    except yaml.MarkedYAMLError as error:
        refusals.append(refused_syntax(source, error))
    except ValueError:  # only PyYAML's Python parser: an escape or a version number that is too large
        mark = loader.get_mark()
        problem = "incompatible YAML document" if source.line(mark.line)[:1] == "%" else "unknown escape"
        refusals.append(refused_syntax(source, yaml.MarkedYAMLError(problem=problem, problem_mark=mark)))
    finally:
        loader.dispose()
    for enclosing, is_mapping, line, column in reversed(outer):  # collections that are still open
        if is_mapping:
            _mapping(nodes, line, column, refusals)
        nodes = enclosing
    return document


class _Alias(Scalar):
    """A placeholder for a refused alias; it is never a key."""


def _mapping(nodes: list[Node], line: int, column: int, refusals: list[Refusal]) -> Mapping:
    """The mapping with these alternating keys and values."""
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


def _unfit(key: Node, keys: dict[str, Scalar]) -> Refusal:
    """Why this cannot be a key beside these."""
    where = key.line, key.column
    if isinstance(key, Sequence | Mapping):
        what = "sequence" if isinstance(key, Sequence) else "mapping"
        return Refusal(where, f"a {what} cannot be a key: expected a text", "quote a text that begins with [ or {", 1)
    if key.text in keys:
        first = keys[key.text].line + 1
        return Refusal(where, f"the key {quoted(key.text)} is given twice: first in line {first}")
    return Refusal(where, "'<<' is a merge key: a network has none", _REUSE)


_REUSE = "blocks serve reuse: define one under blocks: and use it by its name"
_SURROGATE = re.compile("[\ud800-\udfff]")


def _properties(event: Any) -> list[Refusal]:
    """The refusals of an event: an anchor or an alias, a tag, unpaired surrogates."""
    where = event.start_mark.line, event.start_mark.column
    refusals = []
    if type(event) is AliasEvent:
        hint = f"{_REUSE}; quote a text that begins with *"
        return [Refusal(where, f"{quoted(f'*{event.anchor}')} is an alias: a network has none", hint)]
    if event.anchor is not None:
        hint = f"{_REUSE}; quote a text that begins with &"
        refusals.append(Refusal(where, f"{quoted(f'&{event.anchor}')} is an anchor: a network has none", hint))
    if event.tag is not None:
        hint = "a value is a number or a text by where it stands; quote a text that begins with !"
        refusals.append(Refusal(where, f"{quoted(event.tag)} is a tag: a network has none", hint))
    if type(event) is ScalarEvent and event.style == '"' and _SURROGATE.search(event.value):
        refusals.append(Refusal(where, *ESCAPE, end=1))  # libyaml refuses it itself
    return refusals
