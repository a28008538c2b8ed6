"""What is wrong with an input, and where.

Inside the house a function that meets bad input raises :class:`Invalid`, the bare fact. Whoever knows where
the input came from (the spec grammar, the YAML reader) catches it, adds the place, collects all there are, and
raises one :class:`InputError`. Only the command line turns that into text on a terminal and an exit code.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

SHOWN = 100  # characters of one source line, and of one quoted value, that a message repeats


class Invalid(Exception):
    """A bare fact: ``message`` says what is wrong and what was expected, ``hint`` what to do about it.

    ``about`` names the option, the key or the word that the fact is about, so that the boundary can point at it.
    """

    def __init__(self, message: str, hint: str = "", about: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.about = about


class Meant(NamedTuple):
    """The line that was meant by one that is wrong, ready to be written in its place: ``given`` is what it stands for
    on a command line ("" elsewhere, or where ``line`` is the whole command), ``beside`` are options of a command that
    were meant too. ``example``: some values in it were not said. ``command``: the command that takes it, if another."""

    given: str
    line: str
    example: bool = False
    beside: tuple[str, ...] = ()
    command: str = ""

    def __str__(self) -> str:
        return f"{'for example ' if self.example else ''}{printable(' '.join((self.line, *self.beside)))}"


class Problem(NamedTuple):
    """One fact with its place: ``place`` is ``file:line:column`` (empty on the command line), ``source`` the line
    that it stands in, ``start`` and ``end`` the columns (from 0) that the caret underlines, ``trail`` where a block
    was used from, innermost first, ``included`` where its file was included from; ``meant``, where it is known, stands
    in the place of the hint."""

    message: str
    hint: str = ""
    place: str = ""
    source: str = ""
    start: int = 0
    end: int = 0
    trail: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    meant: Meant | None = None

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.message}" if self.place else self.message]
        if self.source:
            lines += _underlined(self.source, self.start, self.end)
        lines += [f"  used from {use}" for use in self.trail]
        lines += [f"  included from {place}" for place in self.included]
        if self.meant or self.hint:
            lines.append(f"  hint: {self.meant or self.hint}")
        return "\n".join(lines)


class InputError(ValueError):
    """Bad input, every problem of it at once. ``str()`` is the whole message, ready to be shown."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def bad_input(
    message: str,
    hint: str = "",
    place: str = "",
    source: str = "",
    start: int = 0,
    end: int = 0,
    meant: Meant | None = None,
) -> InputError:
    """The error that one problem makes. The arguments are fields of :class:`Problem`."""
    return InputError([Problem(message, hint, place, source, start, end, meant=meant)])


def quoted(text: str) -> str:
    """``text`` in quotes as a message may show it: on one line, no control characters, not too long."""
    return f"'{printable(text if len(text) <= SHOWN else text[: SHOWN - 1] + '…')}'"


def printable(text: str) -> str:
    """``text`` with every control and other unprintable character (an escape sequence, a line end, a
    right-to-left override) spelled out: what a file contains never reaches the terminal as a command."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def near_miss(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """``did you mean …?`` for the known word most like this one, or nothing when none is like it. ``likeness``: 1 is
    equal."""
    from difflib import get_close_matches

    close = get_close_matches(word[:SHOWN], list(known), n=1, cutoff=likeness)
    return f"did you mean {close[0]}?" if close else ""


def why(error: OSError | ValueError) -> str:
    """Why a file cannot be read or written: the system's words. Python's own change with its version."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "its name holds a null character" if "null" in str(error) else str(error)


def absence(path: str) -> str:
    """What there is in place of the file that a path should lead to: nothing, or a link to nothing."""
    if os.path.islink(path):
        return f"it is a link that leads nowhere: to {quoted(os.readlink(path))}"
    return "there is no such file"


def _underlined(source: str, start: int, end: int) -> list[str]:
    """The source line, cut to a window around the span where it is long, and carets below the span."""
    first = max(0, start - SHOWN // 2) if len(source) > SHOWN else 0
    window = source[first : first + SHOWN]
    before, within = printable(window[: start - first]), printable(window[start - first : max(end, start + 1) - first])
    line = before + within + printable(window[max(end, start + 1) - first :])
    head = "…" if first else ""
    tail = "…" if first + SHOWN < len(source) else ""
    return [f"  {head}{line}{tail}", "  " + " " * (len(head) + len(before)) + "^" * max(1, len(within))]
