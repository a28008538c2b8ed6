"""Kernels that are typed, or stand in a CSV file: rows of exact numbers, with a caret under what is wrong.

* MATRIX: ROW { ";" ROW }, with "|" between the slices of a kernel of three axes
* ROW: NUMBER { ("," or space) NUMBER }
* NUMBER: -12, 0.25, 1e-3 or 1/9, each of them exact
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from sepcalc.errors import InputError, Invalid, Problem, bad_input, printable, quoted
from sepcalc.factoring.kernel import Kernel, of_fractions

MAX_LENGTH = 2**20  # characters of a matrix
MAX_NUMBERS = 2**16  # its numbers
_NUMBER = re.compile(r"[+-]?(?:[0-9]+/[0-9]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)")
_DIGITS = 40  # characters of one number
_TOKEN = re.compile(r"[;|]|[^\s,;|]+|,")


class _Number(NamedTuple):
    value: Fraction
    start: int
    end: int


def matrix(text: str) -> Kernel:
    """The kernel that is typed as a matrix. Raises InputError, with a caret under what is wrong."""
    if len(text) > MAX_LENGTH:
        raise bad_input(f"the matrix has {len(text):,} characters: expected at most {MAX_LENGTH:,}")
    try:
        slices = [list(rows) for rows in _slices(text)]
        shape = _shape(slices, text)
    except _At as wrong:
        raise bad_input(wrong.message, wrong.hint, "", text, wrong.start, wrong.end) from wrong
    entries = [number.value for rows in slices for row in rows for number in row]
    return of_fractions(_title(text), shape if len(slices) > 1 else shape[1:], entries)


def table(text: str, name: str) -> Kernel:
    """The kernel of a CSV file: a row a line, commas, semicolons or spaces between. Raises InputError."""
    rows: list[list[_Number]] = []
    problems = []
    for at, line in enumerate(text.splitlines()):
        if not line.strip():
            continue
        try:
            row = list(_row(line.replace(";", ",").replace("|", "\0"), 0))
            if rows and len(row) != len(rows[0]):
                raise _ragged(row, len(rows[0]), 0, len(line))
            rows.append(row)
        except _At as wrong:
            place = f"{printable(name)}:{at + 1}:{wrong.start + 1}"
            problems.append(Problem(wrong.message, wrong.hint, place, line, wrong.start, wrong.end))
    if problems:
        raise InputError(problems[:20])
    if not rows:
        raise bad_input(f"{printable(name)}: is empty: expected rows of numbers")
    if len(rows) * len(rows[0]) > MAX_NUMBERS:
        raise bad_input(f"{printable(name)}: has {len(rows) * len(rows[0]):,} numbers: expected {_AT_MOST}")
    return of_fractions(name, (len(rows), len(rows[0])), [number.value for row in rows for number in row])


_AT_MOST = f"at most {MAX_NUMBERS:,}; larger ones as .npy"


class _At(Invalid):
    """A problem with its place in the line."""

    def __init__(self, message: str, start: int, end: int, hint: str = "") -> None:
        super().__init__(message, hint)
        self.start = start
        self.end = end


def _slices(text: str) -> Iterator[Iterator[list[_Number]]]:
    start = 0
    for part in text.split("|"):
        yield _rows(part, start)
        start += len(part) + 1


def _rows(text: str, start: int) -> Iterator[list[_Number]]:
    parts = text.split(";")
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()  # a closing semicolon
    for part in parts:
        yield list(_row(part, start))
        start += len(part) + 1


def _row(text: str, start: int) -> Iterator[_Number]:
    """The numbers of a row that begins at ``start``; a comma stands between two of them."""
    after_number = False
    empty = True
    for token in _TOKEN.finditer(text):
        word, begin, end = token.group(), start + token.start(), start + token.end()
        if word == ",":
            if not after_number:
                raise _At("expected a number before the comma", begin, end)
            after_number = False
            continue
        yield _Number(_fraction(word, begin, end), begin, end)
        after_number, empty = True, False
    if empty:
        raise _At("an empty row: expected numbers", start, start + max(1, len(text)))
    if not after_number:
        raise _At("expected a number after the comma", start + len(text.rstrip()) - 1, start + len(text.rstrip()))


def _fraction(word: str, start: int, end: int) -> Fraction:
    if not _NUMBER.fullmatch(word):
        hint = "a fraction has no spaces: 1/9" if word.startswith("/") or word.endswith("/") else ""
        raise _At(f"{quoted(word)} is not a number: expected -12, 0.25, 1e-3 or 1/9", start, end, hint)
    if len(word) > _DIGITS:
        raise _At(f"{quoted(word)} is too long: expected at most {_DIGITS} characters a number", start, end)
    try:
        return Fraction(word)
    except ZeroDivisionError:
        raise _At(f"{quoted(word)} divides by zero", start, end) from None


def _shape(slices: Sequence[Sequence[Sequence[_Number]]], text: str) -> tuple[int, int, int]:
    """Slices x rows x columns, the same everywhere."""
    wide, high = len(slices[0][0]), len(slices[0])
    for rows in slices:
        for row in rows:
            if len(row) != wide:
                raise _ragged(row, wide, row[0].start, row[-1].end)
        if len(rows) != high:
            raise _At(
                f"a slice of {_count(len(rows), 'row')}, the first has {high}", rows[0][0].start, rows[-1][-1].end
            )
    if len(slices) * high * wide > MAX_NUMBERS:
        raise bad_input(f"the matrix has {len(slices) * high * wide:,} numbers: expected {_AT_MOST}")
    return len(slices), high, wide


def _ragged(row: Sequence[_Number], wide: int, start: int, end: int) -> _At:
    return _At(f"a row of {_count(len(row), 'number')}, the first has {wide}", start, end)


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _title(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 72 else f"{words[:71]}…"
