"""Words of a spec with their expressions: ``-o{int(32 * width)}`` in a line, ``out: int(32 * width)`` as a value."""

import re

from sepcalc.document.naming import NAME
from sepcalc.document.pieces import BRACES, WORD, Piece, unbraced
from sepcalc.document.problems import Notes
from sepcalc.document.scopes import INDEXED
from sepcalc.errors import Invalid
from sepcalc.expression import Expression, ExpressionError
from sepcalc.expression import parse as parse_expression
from sepcalc.nodes import Node, Scalar
from sepcalc.nodes import Sequence as SequenceNode
from sepcalc.option_words import spelled
from sepcalc.options import Option
from sepcalc.spec import MAX_LENGTH


class Words:
    """Reads them, and notes what is wrong with them."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes

    def value_piece(self, node: Node | None, what: str) -> Piece | None:
        """A bare expression as a value."""
        text = self.notes.scalar(node, what)
        if node is None or text is None:
            return None
        return self.computed((), unbraced(text), node)

    def computed(self, head: tuple[str, ...], text: str, node: Node) -> Piece | None:
        """A word that begins with ``head`` and goes on with an expression, or None and a problem."""
        try:
            return Piece((*head, parse_expression(text)), node)
        except ExpressionError as fact:
            self.notes.expression(fact, Piece((), node), text)
            return None

    def argument_piece(self, node: Node | None, what: str) -> Piece | None:
        """A value for a block's parameter: an expression, or the name of a layer."""
        if isinstance(node, Scalar) and INDEXED.search(node.text) and NAME.fullmatch(node.text):
            return Piece((node.text,), node)
        return self.value_piece(node, what)

    def words(self, node: Scalar) -> tuple[Piece, ...]:
        """The words of a compact spec, with their expressions; none and a problem where they cannot be read."""
        if len(node.text) > MAX_LENGTH:
            message = f"the spec is {len(node.text):,} characters long: at most {MAX_LENGTH:,} are read"
            self.notes.add(message, "", node, 0, 1)
            return ()
        pieces = []
        for match in WORD.finditer(node.text):
            piece = self.piece(match.group(), node, *match.span())
            if piece is None:
                return ()
            pieces.append(piece)
        return tuple(pieces)

    def piece(self, text: str, node: Node, start: int, end: int) -> Piece | None:
        """A word: literal text and ``{expressions}``."""
        if "{" not in text and "}" not in text:
            return Piece((text,), node, start, end)
        parts: list[str | Expression] = []
        at = 0
        for match in BRACES.finditer(text):
            if text[at : match.start()]:
                parts.append(text[at : match.start()])
            at = match.end()
            try:
                parts.append(parse_expression(match[1]))
            except ExpressionError as fact:
                inside = start + match.start(1)
                first, last = inside + fact.start, inside + fact.end
                self.notes.add(fact.message, fact.hint, node, first, max(first + 1, last))
                return None
        if text[at:]:
            parts.append(text[at:])
        if any("{" in part or "}" in part for part in parts if isinstance(part, str)):
            self.notes.add("a brace stands alone", "an expression stands in {…}", node, start, end)
            return None
        return Piece(tuple(parts), node, start, end)

    def option_piece(self, option: Option, node: Node) -> Piece | None:
        """An option in long form as the word that it would be in a compact spec."""
        if isinstance(node, SequenceNode) and all(isinstance(item, Scalar) for item in node.items) and node.items:
            node = Scalar(
                "x".join(item.text for item in node.items if isinstance(item, Scalar)), node.line, node.column, True
            )
        text = self.notes.scalar(node, option.name)
        if text is None:
            return None
        spelled_flag = {"true": f"--{option.name}", "false": f"--no-{option.name}"}
        if option.flag and text in spelled_flag:
            return Piece((spelled_flag[text],), node)
        head = f"--{option.name}="
        if not option.flag:
            try:
                option.type.read(text)
                return Piece((head + text,), node)
            except Invalid as fact:
                if not re.search(r"[A-Za-z_(]", text) or "{" in text or "}" in text:
                    inner = unbraced(text)
                    if inner == text and not re.search(r"[-+*/%]", text):
                        self.notes.add(f"{spelled(option)}: {fact.message}", fact.hint, node)
                        return None
        return self.computed((head,), unbraced(text), node)

    def argument(self, parts: tuple[str | Expression, ...], piece: Piece) -> Piece | None:
        """A value for a block's parameter: one expression, in braces or bare."""
        if len(parts) == 1 and isinstance(parts[0], Expression):
            return piece._replace(parts=parts)
        text = "".join([part if isinstance(part, str) else f"({part.text})" for part in parts])
        try:
            return Piece((parse_expression(text),), piece.node, piece.start, piece.end)
        except ExpressionError as fact:
            if NAME.fullmatch(text):  # of a layer, as reports show it: conv[0]
                return piece._replace(parts=(text,))
            self.notes.add(fact.message, fact.hint or "a block's arguments are numbers", piece)
            return None
