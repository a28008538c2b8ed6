"""The keys of a document before its layers: its name, its parameters, its defaults, and the shapes of its inputs."""

import re
from collections.abc import Mapping

from sepcalc.document.entries import MAX_AXES, RESERVED, key_of
from sepcalc.document.parameters import Parameter, read_parameter
from sepcalc.document.pieces import Piece, fill, unbraced
from sepcalc.document.problems import Notes
from sepcalc.document.values import Words
from sepcalc.errors import Invalid, Meant, quoted
from sepcalc.expression import ExpressionError, as_text, evaluate, is_name, parse
from sepcalc.expression import Value as Number
from sepcalc.nodes import Node
from sepcalc.options import OPTIONS, Option, Value
from sepcalc.shape import Shape, read_shape


class Head(Words):
    """Reads the keys before the layers and the blocks."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(notes)
        self.parameters: dict[str, Number] = {}
        self.asked = set[str]()  # the parameters that defaults ask for

    def title(self, node: Node | None) -> str:
        """The name of the network."""
        if node is None:
            return ""
        text = self.notes.scalar(node, "name") or ""
        if not text.isprintable() or "[" in text or "]" in text or len(text) > 200:
            self.notes.add(f"{quoted(text)} cannot be a name: expected printable text without brackets", "", node)
        return text

    def read_parameters(self, node: Node | None) -> dict[str, Parameter]:
        """The parameters as they are declared. Each may use those before it."""
        own: dict[str, Parameter] = {}
        for name, value in self.notes.mapping(node, "parameters").items():
            if not is_name(name) or name in RESERVED:
                hint = "letters, digits and _, and no function, nor what every layer knows: c_in, h_in …, index"
                self.notes.add(f"{quoted(name)} cannot be the name of a parameter", hint, key_of(node, name))
            elif declared := read_parameter(self.notes, name, value, self.parameters):
                own[name] = declared
                self.parameters[name] = declared.default
        return own

    def set_parameters(self, settings: Mapping[str, str], own: Mapping[str, Parameter]) -> bool:
        """Gives parameters their values from outside, and computes again those that depend on them. True where any
        value is not the file's own."""
        for name, text in settings.items():
            try:
                self.parameters[name] = own[name].read(text)
            except Invalid as fact:
                self.notes.outside(f"{name}{fact.message}", fact.hint, f"set {name}={text}")
        for name, parameter in own.items() if settings else ():
            if name not in settings:
                self.parameters[name] = parameter.computed(self.notes, self.parameters)
        return any(self.parameters[name] != parameter.default for name, parameter in own.items())

    def read_defaults(self, node: Node | None) -> dict[str, Value]:
        """``defaults``: options for every kind that has them."""
        defaults: dict[str, Value] = {}
        for name, value in self.notes.mapping(node, "defaults", OPTIONS).items():
            option = OPTIONS.get(name)
            text = self.notes.scalar(value, f"the default of {name}") if option else None
            if option is None or text is None:
                continue
            try:
                defaults[name] = option.type.read(self.settled(option, text, self.parameters))
            except ExpressionError as fact:
                self.notes.expression(fact, Piece((), value), unbraced(text))
            except Invalid as fact:
                from sepcalc.document.guesses import value as guess

                before = len(self.notes.problems)
                self.notes.fact(fact, value)
                self.notes.answer(before, guess(name, text))
        return defaults

    def settled(self, option: Option, text: str, names: Mapping[str, Number]) -> str:
        """The text of an option's value. A text that is no value is computed as an expression."""
        if text.startswith("{") and text.endswith("}"):
            self.asked |= parse(text[1:-1]).names
            return as_text(evaluate(text[1:-1], names))
        try:
            option.type.read(text)
            return text
        except Invalid as fact:
            try:
                self.asked |= parse(text).names
                return as_text(evaluate(text, names))
            except ExpressionError:
                if not re.search(r"[-+*/%()]|\bif\b", text) and text not in names:
                    raise fact from None
                raise

    def shape(self, node: Node | None, what: str) -> Shape | None:
        """The shape that is written there, or None and a problem."""
        before = len(self.notes.problems)
        found = self._shape(node, what)
        if found is None and node is not None:
            from sepcalc.document.guesses import shape

            if guess := shape(node):
                self.notes.answer(before, Meant("", f"{what.removeprefix('the input ')}: {guess}"))
        return found

    def _shape(self, node: Node | None, what: str) -> Shape | None:
        text = self.notes.scalar(node, what)
        if node is None or text is None:
            return None
        piece = self.piece(text, node, 0, len(text))
        try:
            return read_shape(fill(piece, self.parameters), MAX_AXES) if piece else None
        except ExpressionError as fact:
            self.notes.add(fact.message, fact.hint, node)
        except Invalid as fact:
            self.notes.fact(fact, node)
        return None
