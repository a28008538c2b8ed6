"""Blocks: their headers, ``mobile(out, stride=1)``, and their uses, ``mobile 64 stride=2``."""

import re
from collections.abc import Sequence

from sepcalc.document.entries import MODIFIERS, PARTS, RESERVED, Library, Use
from sepcalc.document.pieces import Piece, listed, split_at_commas
from sepcalc.document.problems import Notes
from sepcalc.document.values import Words
from sepcalc.errors import near_miss, quoted
from sepcalc.expression import Expression, ExpressionError, is_name
from sepcalc.expression import parse as parse_expression
from sepcalc.kinds import KINDS
from sepcalc.nodes import Node, Scalar
from sepcalc.spec import EACH

_TAKEN = (EACH, "layers", *PARTS, *[part for parts in PARTS.values() for part in parts], *MODIFIERS)
_NAMED = re.compile(r"([A-Za-z_]\w*)=(?!=)")
_HEADER = re.compile(r"([^\s()]+)\s*(?:\((.*)\))?", re.DOTALL)


class Blocks(Words):
    """Reads the headers and the uses of the blocks in one library."""

    def __init__(self, notes: Notes, library: Library) -> None:
        super().__init__(notes)
        self.library = library
        self.blocks, self.refused = library.blocks, library.refused

    def header(self, text: str, key: Scalar) -> tuple[str, tuple[tuple[str, Expression | None], ...]] | None:
        """``mobile(out, stride=1)``: a name, and parameters that may have defaults."""
        match = _HEADER.fullmatch(text.strip())
        name = match[1] if match else ""
        if not match or not re.fullmatch(r"[A-Za-z_][\w-]*", name):
            self.notes.add(f"{quoted(text)} is not a block: expected name(parameter, parameter=default)", "", key)
            return None
        if name in KINDS or name in _TAKEN:
            taken = "kind" if name in KINDS else "key"
            self.notes.add(f"a block cannot be called {quoted(name)}: that is a {taken} already", "", key)
            return None
        parameters: dict[str, Expression | None] = {}
        for part in split_at_commas(match[2] or ""):
            parameter, equals, default = part.partition("=")
            parameter = parameter.strip()
            if not is_name(parameter) or parameter in parameters or parameter in RESERVED:
                hint = "names differ: letters, digits, _"
                self.notes.add(f"{quoted(parameter)} cannot be a parameter of {name}", hint, key)
                return None
            if not equals and any(parameters.values()):
                self.notes.add(f"{parameter} needs a default, since one before it has one", "", key)
            try:
                parameters[parameter] = parse_expression(default.strip()) if equals else None
            except ExpressionError as fact:
                self.notes.expression(fact, Piece((), key), default.strip())
                return None
        return name, tuple(parameters.items())

    def use_of_mapping(self, key: Scalar, block: str, value: Node) -> Use | None:
        """``mobile: {out: 64, stride: 2}``."""
        if isinstance(value, Scalar):
            pieces = self.words(value)
            return self.use(value, block, pieces, key) if pieces or not value.text else None
        named = []
        for name, argument in self.notes.mapping(value, f"the block {block}").items():
            piece = self.argument_piece(argument, name)
            if piece is None:
                return None
            named.append((name, piece))
        return self.checked_use(Use(key, block, (), tuple(named)))

    def use(self, node: Node, block: str, pieces: Sequence[Piece], where: Node) -> Use | None:
        """Arguments by place, then by name."""
        arguments: list[Piece] = []
        named: list[tuple[str, Piece]] = []
        for piece in pieces:
            first = piece.parts[0]
            match = _NAMED.match(first) if isinstance(first, str) else None
            if match and isinstance(first, str):
                rest = (first[match.end() :], *piece.parts[1:])
                argument = self.argument(tuple(part for part in rest if part != ""), piece)
                if argument is None:
                    return None
                named.append((match[1], argument))
                continue
            if named:
                self.notes.add("an argument by place follows one by name", "", piece)
                return None
            argument = self.argument(piece.parts, piece)
            if argument is None:
                return None
            arguments.append(argument)
        return self.checked_use(Use(where, block, tuple(arguments), tuple(named)))

    def checked_use(self, use: Use) -> Use | None:
        """A use whose arguments fit the block, or None and a problem for each that does not."""
        block = self.blocks[use.block]
        names = [name for name, _ in block.parameters]
        signature = f"{use.block}({', '.join(names)})"
        wrong = False
        if len(use.arguments) > len(names):
            self.notes.add(f"too many arguments for {signature}", "", use.arguments[len(names)])
            wrong = True
        given = set(names[: len(use.arguments)])
        for name, piece in use.named:
            if name not in names:
                self.notes.add(f"{signature} has no parameter {quoted(name)}", near_miss(name, names), piece)
                wrong = True
            elif name in given:
                self.notes.add(f"{name} is given twice to {signature}", "", piece)
                wrong = True
            given.add(name)
        missing = [name for name, default in block.parameters if default is None and name not in given]
        if missing and not wrong:
            self.notes.add(f"{signature} needs {listed(missing)}", "", use.node)
            wrong = True
        return None if wrong else use
