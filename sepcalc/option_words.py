"""One option among the words of a layer spec: read, written, and named in messages."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sepcalc.errors import Invalid, near_miss, quoted
from sepcalc.kinds import KINDS, Kind
from sepcalc.options import OPTIONS, SHORT, Option, Value

OPTION = re.compile(r"-[A-Za-z-]")
_ORDER = {name: number for number, name in enumerate(OPTIONS)}
_ANY = KINDS["conv"]._replace(needs=(), takes=tuple(OPTIONS))  # a kind that takes every option


def stray(kind: str, word: str) -> Invalid:
    """The fact that a word after a kind is neither one of its words nor an option."""
    if word[0].isdigit():
        return Invalid(
            f"unexpected {quoted(word)} after {kind}", "the shape stands first; a value follows its option: -k5 or -k 5"
        )
    return Invalid(f"unexpected word {quoted(word)} after {kind}", near_miss(word, [f"--{name}" for name in OPTIONS]))


@lru_cache(8192)
def in_one_word(word: str) -> tuple[str, Value, int] | None:
    """An option that is right by itself, ``-k3`` or ``--bias``: its name, its value, one word. What is not, or not so
    simply, is for :func:`read_option` to read, which is four times slower and knows why."""
    if word[0] == "-" and word[2:].isdigit() and word[1] in SHORT:  # most of all options, and most of them differ
        try:
            return (SHORT[word[1]].name, SHORT[word[1]].type.read(word[2:]), 1)
        except Invalid:
            return None
    facts: list[tuple[int, Invalid]] = []
    options: dict[str, Value] = {}
    read_option("", _ANY, (word,), 0, (), (), options, facts)
    return None if facts else (*next(iter(options.items())), 1)


@lru_cache(1024)
def in_two_words(word: str, value: str) -> tuple[str, Value, int] | None:
    """The same for an option and its value apart, ``-p same``."""
    facts: list[tuple[int, Invalid]] = []
    options: dict[str, Value] = {}
    if read_option("", _ANY, (word, value), 0, (), (), options, facts) != 2 or facts:
        return None
    return (*next(iter(options.items())), 2)


def read_option(
    name: str,
    kind: Kind,
    words: Sequence[str],
    at: int,
    also: tuple[str, ...],
    commands: Iterable[str],
    options: dict[str, Value],
    facts: list[tuple[int, Invalid]],
) -> int:
    """Reads the option at a word into ``options``; returns where the next one begins."""
    word = words[at]
    negative = False
    if word[:2] == "--":
        long, equals, value = word[2:].partition("=")
        option = OPTIONS.get(long)
        if option is None and long[:3] == "no-":
            option = OPTIONS.get(long[3:])
            negative = option is not None and option.flag
            option = option if negative else None
    elif word[0] == "-" and len(word) > 1:
        option, value = SHORT.get(word[1]), word[2:]
        equals = "=" if value[:1] == "=" else ""
        value = value.removeprefix("=")
    else:
        facts.append((at, Invalid("unexpected '-'") if word == "-" else stray(name, word)))
        return at + 1
    if option is None:
        facts.append((at, _unknown(name, kind, word, also, commands)))
        valued = word[:2] == "--" and not equals and at + 1 < len(words) and words[at + 1][0] != "-"
        return at + 2 if valued else at + 1  # what looks like its value is no mistake of its own
    if option.name not in kind.options and option.name not in also:
        facts.append((at, Invalid(f"{name} takes no {spelled(option)}", takes(name, kind, also), option.name)))
        value = value or "-" if option.flag else value
    if option.flag:
        if equals:
            facts.append(
                (at, Invalid(f"--{option.name} takes no value", f"--{option.name} or --no-{option.name}", option.name))
            )
        return _store(option, not negative, at, at + 1, options, facts)
    after = at + 1
    if not value and not equals:
        if after == len(words) or OPTION.match(words[after]):
            facts.append((at, Invalid(f"{spelled(option)} needs a value: {option.help}", about=option.name)))
            return after
        value = words[after]
        after += 1
    try:
        return _store(option, option.type.read(value), at, after, options, facts)
    except Invalid as fact:
        facts.append((after - 1, Invalid(f"{spelled(option)}: {fact.message}", fact.hint, option.name)))
        return after


def _store(
    option: Option, value: Value, at: int, after: int, options: dict[str, Value], facts: list[tuple[int, Invalid]]
) -> int:
    if option.name in options:
        facts.append((at, Invalid(f"{spelled(option)} is given twice", about=option.name)))
    options[option.name] = value
    return after


def _unknown(name: str, kind: Kind, word: str, also: tuple[str, ...], commands: Iterable[str]) -> Invalid:
    if word[1:2].isdigit():
        return Invalid(f"unexpected {quoted(word)}: a size is a whole number from 1 on")
    denied = word[:5] == "--no-"
    own = [f"--no-{option}" if denied else f"--{option}" for option in (*kind.options, *also)]
    known = [*(option for option in own if not denied or OPTIONS[option[5:]].flag), *commands]
    return Invalid(
        f"unknown option {quoted(word)}", near_miss(word, known) if word[:2] == "--" else takes(name, kind, also)
    )


def takes(name: str, kind: Kind, also: tuple[str, ...] = ()) -> str:
    """The options of a kind, as a hint."""
    names = [spelled(OPTIONS[option]) for option in dict.fromkeys((*kind.options, *also))]
    return f"{name} takes {', '.join(names)}" if names else f"{name} takes no options"


def spelled(option: Option) -> str:
    """An option's names as messages give them: ``-k (--kernel)``, ``--bias``."""
    return f"-{option.short} (--{option.name})" if option.short else f"--{option.name}"


def written(option: Option, value: Value) -> str:
    """An option with its value, as the grammar reads it: ``-k5``, ``--bias``, ``--heads 12``."""
    if option.flag:
        return f"--{option.name}" if value else f"--no-{option.name}"
    text = option.type.write(value)
    return f"-{option.short}{text}" if option.short else f"--{option.name} {text}"


def listed(options: Mapping[str, Value]) -> list[str]:
    """Options by their names, each with its value as the grammar reads it, in the order of the table."""
    # few values stand in many layers, but for sizes
    return [
        written(OPTIONS[name], value) if type(value := options[name]) is int else _known(name, value)
        for name in sorted(options, key=_ORDER.__getitem__)
    ]


@lru_cache(1024, typed=True)
def _known(name: str, value: Value) -> str:
    return written(OPTIONS[name], value)
