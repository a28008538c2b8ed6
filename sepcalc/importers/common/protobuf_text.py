"""Readers of protobuf's text format and of its JSON, driven by the table of fields. ``words`` are the numbers of
enumerated words. Source: protobuf's "Text Format Language Specification" and "ProtoJSON Format"."""

import re
from base64 import b64decode
from collections.abc import Mapping
from functools import cache
from typing import Any

from sepcalc.importers.common.protobuf import MAX_DEPTH, Field, Message, Payload, Schema

MAX_TEXT = 2**24  # bytes
MAX_MESSAGES = MAX_TEXT // 32  # one takes more than 32 bytes as programs write it; bounds the time for damaged files
_TOKEN = re.compile(rb"""\s+|\#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[\w.+-]+|[{}<>\[\]:,;]""", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
Words = Mapping[str, int]


def read_text(data: bytes, messages: Schema, kind: str, words: Words) -> Any:
    """The message of this kind that a text says. Raises ValueError."""
    if len(data) > MAX_TEXT:
        raise ValueError(f"it has more than {MAX_TEXT >> 20} MiB of text: the same graph as .pb is read")
    root = messages[kind]()
    within: list[Message | None] = [root]  # None: a field that is not needed
    name, listed, count, at, end = "", False, 0, 0, len(data)
    before: Field | None = None
    while at < end:
        if (found := _TOKEN.match(data, at)) is None:
            raise ValueError(f"a character at byte {at} belongs to nothing")
        token, at = found[0], found.end()
        first = token[:1]
        if first.isspace() or first in b"#:,;":
            continue
        if first in (b"{", b"<"):
            count += 1
            if not name or len(within) > MAX_DEPTH or count > MAX_MESSAGES:
                raise ValueError("messages are nested too deeply, or are too many")
            field, message = _field(within[-1], name)
            inner = messages[field.kind]() if field is not None and field.kind in messages else None
            if message is not None and field is not None and inner is not None:
                _add(message, field, inner)
            within.append(inner)
            name = name if listed else ""
        elif first in (b"}", b">"):
            if len(within) == 1 or name:
                raise ValueError(f"a bracket at byte {at} closes nothing")
            within.pop()
        elif first == b"[" and name:
            listed = True
        elif first == b"]" and listed:
            name, listed = "", False
        elif not name and first not in b"\"'[]":
            name = token.decode()
            before = None
        elif name:
            field, message = _field(within[-1], name)
            if message is not None and field is not None:
                _add(message, field, _scalar(field, token, words))
            before = field
            name = name if listed else ""
        elif first in b"\"'" and before is not None:  # a text in several pieces
            message = within[-1]
            whole = message.__dict__[before.name] if message is not None else b""
            more = _scalar(before, token, words)
            if message is not None and isinstance(whole, type(more)) and isinstance(more, (str, bytes)):
                message.__dict__[before.name] = whole + more
        elif first not in b"\"'":
            raise ValueError(f"a bracket at byte {at} closes nothing")
    if len(within) > 1 or name:
        raise ValueError("it ends within a message")
    return root


def _field(message: Message | None, name: str) -> tuple[Field | None, Message | None]:
    return (None, None) if message is None else (_named(message).get(name), message)


def _named(message: Message) -> Mapping[str, Field]:
    """The fields of a message by name."""
    kind: Any = type(message)  # mypy takes a class for one that cannot be hashed
    return _fields_of(kind)


@cache
def _fields_of(kind: Any) -> Mapping[str, Field]:
    return {field.name: field for field in kind.fields.values()}


def _add(message: Message, field: Field, value: Any) -> None:
    if field.repeated:
        message.__dict__.setdefault(field.name, []).append(value)
    else:
        message.__dict__[field.name] = value


def _scalar(field: Field, token: bytes, words: Words) -> Any:
    """A text, a number or a word as the field has it. Raises ValueError."""
    if token[:1] in b"\"'":
        raw = _ESCAPE.sub(_escaped, token[1:-1])
        if field.kind == "text":
            return raw.decode()
        if field.kind in ("bytes", "payload"):
            return Payload(raw, 0, len(raw)) if field.kind == "payload" else raw
    return _number(field, token.decode(), words)


def _escaped(found: "re.Match[bytes]") -> bytes:
    said = found[1]
    if said[:1].isdigit():
        return bytes([int(said, 8) & 255])
    return bytes([int(said[1:], 16)]) if said[:1] in b"xX" and len(said) > 1 else _LETTERS.get(said, said)


def _number(field: Field, word: str, words: Words) -> Any:
    """A number, or a word that stands for one. Raises ValueError."""
    if field.kind in ("float", "double"):
        return float(word.rstrip("fF") if word.lower() not in ("inf", "-inf") else word)
    if field.kind != "int":
        raise ValueError(f"{field.name} holds {word[:40]}")
    if word in ("true", "false", "True", "False"):
        return int(word.lower() == "true")
    value = words[word] if word in words else int(word, 0)
    if not -(2**63) <= value < 2**64:
        raise ValueError("a number beyond 64 bits")
    return value


def read_json(value: Any, messages: Schema, kind: str, words: Words, depth: int = 0) -> Any:
    """The message of this kind that a JSON object says. Raises ValueError."""
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        raise ValueError(f"expected an object for {kind}")
    message = messages[kind]()
    names = _named(message)
    for key, said in value.items():
        field = names.get(re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", key))
        if field is None or said is None:
            continue
        if isinstance(said, dict) and field.repeated and field.kind not in messages:
            raise ValueError(f"expected a list for {key}")
        if isinstance(said, dict) and field.repeated:  # a map
            said = [{"key": name, "value": one} for name, one in said.items()]
        if not field.repeated and isinstance(said, list):  # a list of characters, as some converters write bytes
            said = bytes(said) if all(isinstance(one, int) and 0 <= one < 256 for one in said) else ""
        for one in said if isinstance(said, list) else [said]:
            _add(message, field, _of_json(field, one, messages, words, depth))
        if field.repeated:
            message.__dict__.setdefault(field.name, [])
    return message


def _of_json(field: Field, value: Any, messages: Schema, words: Words, depth: int) -> Any:
    if field.kind in messages:
        return read_json(value, messages, field.kind, words, depth + 1)
    if field.kind in ("bytes", "payload"):
        raw = value if isinstance(value, bytes) else b64decode(str(value))
        return Payload(raw, 0, len(raw)) if field.kind == "payload" else raw
    if field.kind == "text" or isinstance(value, (dict, list)):
        if not isinstance(value, str):
            raise ValueError(f"expected a text for {field.name}")
        return value
    return _number(field, str(value), words)
