"""The words of a spec, with the expressions in them."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sepcalc.expression import Expression, as_text
from sepcalc.expression import Value as Number
from sepcalc.nodes import Node

WORD = re.compile(r"(?:\{[^{}]*\}|[^\s{])+|\{\S*")
BRACES = re.compile(r"\{([^{}]*)\}")


class Piece(NamedTuple):
    """A word of a spec: literal text, or texts and expressions in turn; and where it stands."""

    parts: tuple[str | Expression, ...]
    node: Node
    start: int = 0
    end: int | None = None


def columns_of(text: str, at: int) -> tuple[int, int]:
    """Where a word of a compact spec stands; its end, when it has no such word."""
    matches = list(WORD.finditer(text))
    return matches[at].span() if at < len(matches) else (len(text), len(text) + 1)


def unbraced(text: str) -> str:
    """An expression as a value stands bare; in braces it is the same."""
    return text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text


def split_at_commas(text: str) -> list[str]:
    """Parts between commas, but for commas in parentheses."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]] if text.strip() else []


def fill(piece: Piece, names: Mapping[str, Number]) -> str:
    """The word, its expressions computed. Raises ExpressionError."""
    return "".join([part if isinstance(part, str) else as_text(part(names)) for part in piece.parts])


def names_in(piece: Piece) -> set[str]:
    """The names that its expressions ask for."""
    return {name for part in piece.parts if isinstance(part, Expression) for name in part.names}


def listed(words: Iterable[str]) -> str:
    """Words with commas between."""
    return ", ".join(words)
