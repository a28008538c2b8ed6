"""The keys of a document: its name, input, parameters and defaults; with its layers, a network."""

import re
from collections.abc import Mapping

from sepcalc.document import Document
from sepcalc.document.entries import ROOT, Piece, axis_names, fill, key_of, unbraced
from sepcalc.document.held import read_budget, read_published
from sepcalc.document.problems import Notes
from sepcalc.document.reading import Entries, Library
from sepcalc.document.running import Run
from sepcalc.document.words import Words
from sepcalc.errors import InputError, Invalid, near_miss, quoted
from sepcalc.expression import ExpressionError, as_text, evaluate, is_name
from sepcalc.expression import Value as Number
from sepcalc.network import Network
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar, Source
from sepcalc.options import OPTIONS, Option, Value
from sepcalc.shape import Shape, read_shape


def read_document(source: Source, root: Node, settings: Mapping[str, str], given_input: str | None) -> Document:
    """The document that this tree of the text is. Raises InputError with every problem."""
    if not isinstance(root, MappingNode):
        hint = "write input: 224x224x3, then layers: and a list"
        raise InputError([source.problem("a network needs the keys input and layers", hint, root)])
    notes = Notes(source)
    values = notes.mapping(root, "a network", ROOT)
    for needed in ("input", "layers"):
        if needed not in values and not (needed == "input" and given_input is not None):
            notes.add(f"the key {needed} is missing", "", root)
    head = _Head(notes)
    title = head.title(values.get("name"))
    own = head.read_parameters(values.get("parameters"))
    altered = head.set_parameters(settings, own, values.get("parameters"))
    head.read_defaults(values.get("defaults"))
    budget = read_budget(notes, values.get("budget"))
    published = read_published(notes, values.get("published"))
    shape = head.read_input(values.get("input"), given_input)
    library = Library()
    reader = Entries(notes, library, head.defaults)
    reader.read_blocks(values.get("blocks"))
    run = Run(notes, library, head.parameters, head.defaults)
    if "layers" in values and (entries := reader.entries(values["layers"], "layers")) is not None:
        run.run_all(entries, shape)
    if notes.problems:
        raise notes.error()
    assert shape is not None
    own_shape = given_input is None or head.same_input(values.get("input"), shape)
    return Document(Network(title, {"input": shape}, run.nodes()), budget, published, altered or not own_shape)


class _Head(Words):
    """Reads all but the layers and the blocks."""

    def __init__(self, notes: Notes) -> None:
        super().__init__(notes)
        self.parameters: dict[str, Number] = {}
        self.defaults: dict[str, Value] = {}

    def title(self, node: Node | None) -> str:
        if node is None:
            return ""
        text = self.notes.scalar(node, "name") or ""
        if not text.isprintable() or "[" in text or "]" in text or len(text) > 200:
            self.notes.add(f"{quoted(text)} cannot be a name: expected printable text without brackets", "", node)
        return text

    def read_parameters(self, node: Node | None) -> dict[str, Number]:
        """The parameters' own values; each may use those before it."""
        own: dict[str, Number] = {}
        for name, value in self.notes.mapping(node, "parameters").items():
            if not is_name(name) or name in axis_names(4):
                hint = "letters, digits and _, and no function, nor a size of the input: c_in, h_in …"
                self.notes.add(f"{quoted(name)} cannot be the name of a parameter", hint, key_of(node, name))
                continue
            text = self.notes.scalar(value, f"the parameter {name}")
            if text is None:
                continue
            try:
                own[name] = evaluate(unbraced(text), own)
            except ExpressionError as fact:
                self.notes.expression(fact, Piece((), value), unbraced(text))
                own[name] = 1
        self.parameters = dict(own)
        return own

    def set_parameters(self, settings: Mapping[str, str], own: Mapping[str, Number], node: Node | None) -> bool:
        """Puts the values given from outside over the parameters' own, and computes anew those that use them."""
        for name, text in settings.items():
            where = f"set {name}={text}"
            if name not in own:
                known = f"expected one of {', '.join(own)}" if own else "the network has none"
                self.notes.outside(f"there is no parameter {quoted(name)}: {known}", near_miss(name, own), where)
                continue
            try:
                value = evaluate(text, {})
            except ExpressionError as fact:
                self.notes.outside(f"{name}: {fact.message}", fact.hint, where)
                continue
            before = own[name]
            if isinstance(value, bool) != isinstance(before, bool) or (
                isinstance(before, int) and not isinstance(value, int) and self.whole(node, name)
            ):
                wanted = "true or false" if isinstance(before, bool) else "a whole number"
                wanted = "a number" if isinstance(value, bool) else wanted
                self.notes.outside(f"{name} is {as_text(before)}: expected {wanted}, not {text}", "", where)
                continue
            self.parameters[name] = value
        for name, child in self.notes.mapping(node, "parameters").items():
            if name in own and name not in settings and isinstance(child, Scalar):
                try:
                    self.parameters[name] = evaluate(unbraced(child.text), self.parameters)
                except ExpressionError as fact:
                    self.notes.expression(fact, Piece((), child), unbraced(child.text))
        return any(self.parameters[name] != value for name, value in own.items())

    def whole(self, node: Node | None, name: str) -> bool:
        """Whether a parameter was written as a whole number: ``1.0`` is one that may be a fraction."""
        written = node.values[name] if isinstance(node, MappingNode) else None
        return isinstance(written, Scalar) and written.text.isdigit()

    def read_defaults(self, node: Node | None) -> None:
        for name, value in self.notes.mapping(node, "defaults", OPTIONS).items():
            option = OPTIONS.get(name)
            text = self.notes.scalar(value, f"the default of {name}") if option else None
            if option is None or text is None:
                continue
            try:
                self.defaults[name] = option.type.read(self.settled(option, text, self.parameters))
            except ExpressionError as fact:
                self.notes.expression(fact, Piece((), value), unbraced(text))
            except Invalid as fact:
                self.notes.fact(fact, value)

    def settled(self, option: Option, text: str, names: Mapping[str, Number]) -> str:
        """The text of an option's value: as it stands where that can be read, else what it computes."""
        if text.startswith("{") and text.endswith("}"):
            return as_text(evaluate(text[1:-1], names))
        try:
            option.type.read(text)
            return text
        except Invalid as fact:
            try:
                return as_text(evaluate(text, names))
            except ExpressionError:
                if not re.search(r"[-+*/%()]|\bif\b", text) and text not in names:
                    raise fact from None
                raise

    def read_input(self, node: Node | None, given: str | None) -> Shape | None:
        own = self.input_shape(node)
        if given is None:
            return own
        try:
            return read_shape(given)
        except Invalid as fact:
            self.notes.outside(f"the input {fact.message}", fact.hint, "input")
            return None

    def input_shape(self, node: Node | None) -> Shape | None:
        text = self.notes.scalar(node, "input")
        if node is None or text is None:
            return None
        piece = self.piece(text, node, 0, len(text))
        try:
            return read_shape(fill(piece, self.parameters)) if piece else None
        except ExpressionError as fact:
            self.notes.add(fact.message, fact.hint, node)
        except Invalid as fact:
            self.notes.fact(fact, node)
        return None

    def same_input(self, node: Node | None, shape: Shape) -> bool:
        return node is not None and self.input_shape(node) == shape
