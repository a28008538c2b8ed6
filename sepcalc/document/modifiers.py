"""The modifiers of a layer: its name, what it starts from, how often and when it runs, whose weights it has."""

from collections.abc import Mapping, Sequence

from sepcalc.document.blocks import Blocks
from sepcalc.document.entries import (
    JOINS,
    RESERVED,
    STORED,
    Choice,
    Modifiers,
    is_entry_name,
)
from sepcalc.document.pieces import Piece, names_in
from sepcalc.errors import quoted
from sepcalc.expression import is_name
from sepcalc.kinds import KINDS
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.nodes import Sequence as SequenceNode
from sepcalc.spec import EACH


class Modifying(Blocks):
    """Reads the modifiers of entries."""

    def modifiers(self, node: MappingNode) -> Modifiers | None:
        """The modifiers of an entry, or None and a problem."""
        values = node.values
        name = self.entry_name(values.get("name"))
        repeat, when = [self.value_piece(values.get(key), key) for key in ("repeat", "when")]
        nothing = from_is_empty(values)
        origin = self.origin(values["from"]) if "from" in values and not nothing else ()
        for key, inside in values.items():  # in long form, weights may stand among the options
            kind = kind_in(key)
            if kind in KINDS and kind not in JOINS and isinstance(inside, MappingNode) and "weights" in inside.values:
                values = {**values, "weights": inside.values["weights"]}
        weights = self.reference(values["weights"], "weights") if "weights" in values else None
        shared = self.shared(values["shared-params"]) if "shared-params" in values else ()
        constant, more, fixed = [self.value_piece(values.get(key), key) for key in STORED[1:]]
        given: dict[str, object] = {"repeat": repeat, "when": when, "from": origin or nothing, "weights": weights}
        given |= dict(zip(STORED, (shared, constant, more, fixed), strict=True))
        before = [repeat] if "residual" in values else [repeat, when]
        given["choose"] = choices = self.choices(values["choose"], before) if "choose" in values else ()
        if any(not value and key in values for key, value in given.items()):
            return None
        return Modifiers(name, repeat, when, origin, weights, shared, constant, more, fixed, choices)

    def choices(self, node: Node, before: Sequence[Piece | None]) -> tuple[Choice, ...]:
        """``choose: {k: [3, 5, 7], e: [3, 4, 6]}``; () and a problem where it cannot be read. ``before`` are the
        expressions that are computed before the first repetition: what they ask for is chosen once."""
        hint = "for example choose: {k: [3, 5, 7]}"
        if not isinstance(node, MappingNode) or not node.values:
            self.notes.add("choose: expected names, each with a list of values", hint, node)
            return ()
        found: list[Choice] = []
        for name, listed in node.values.items():
            if not is_name(name) or name in RESERVED:
                told = "letters, digits and _, and no function, nor what every layer knows: c_in, h_in …, index"
                self.notes.add(f"{quoted(name)} cannot be the name of a choice", told, node.keys[name])
                return ()
            if not isinstance(listed, SequenceNode) or not listed.items:
                self.notes.add(f"choose: {name} needs a list of values", hint, listed)
                return ()
            pieces = [self.value_piece(item, f"a value of {name}") for item in listed.items]
            if None in pieces:
                return ()
            texts = [item.text for item in listed.items if isinstance(item, Scalar)]
            if again := next((text for at, text in enumerate(texts) if text in texts[:at]), ""):
                self.notes.add(f"choose: {name} has the value {quoted(again)} twice", "", listed)
                return ()
            found.append(Choice(name, tuple([piece for piece in pieces if piece is not None]), node.keys[name]))
        asked = {name for piece in before if piece is not None for name in names_in(piece)}
        for at in range(len(found) - 1, -1, -1):
            if found[at].name in asked:
                found[at] = found[at]._replace(once=True)
                asked |= {name for piece in found[at].values for name in names_in(piece)}
        return tuple(found)

    def named(self, node: Node) -> Modifiers | None:
        """The name of a broken entry: layers that start from it are not to blame."""
        name = node.values.get("name") if isinstance(node, MappingNode) else None
        return Modifiers(name.text) if isinstance(name, Scalar) else None

    def shared(self, node: Node) -> tuple[tuple[Scalar, Piece], ...]:
        """``shared-params: {stem: 64}``: layers, and how many of the params each has counted; () and a problem where
        that cannot be read."""
        if not isinstance(node, MappingNode) or not node.values:
            hint = "for example shared-params: {stem: 64}"
            self.notes.add("shared-params: expected which layer has counted how many of its params", hint, node)
            return ()
        found = []
        for name, value in node.values.items():
            owner, count = self.reference(node.keys[name], "shared-params"), self.value_piece(value, "shared-params")
            if owner is None or count is None:
                return ()
            found.append((owner, count))
        return tuple(found)

    def origin(self, node: Node, what: str = "from") -> tuple[Scalar, ...]:
        """``from: stem``, ``from: [stem, decoder2]``; () and a problem where it cannot be read."""
        if not isinstance(node, SequenceNode):
            found = self.reference(node, what)
            return () if found is None else (found,)
        if not node.items:
            message = f"{what} is empty: expected the name of a layer, or several"
            self.notes.add(message, "for example [stem, head]", node)
        names = [self.reference(item, what) for item in node.items]
        return () if None in names else tuple([name for name in names if name is not None])

    def reference(self, node: Node, what: str) -> Scalar | None:
        """The name of a layer, where another refers to it; None and a problem where it can be none."""
        if self.notes.scalar(node, what) is None or not isinstance(node, Scalar):
            return None
        if not is_entry_name(node.text):
            self.notes.add(f"{what}: {quoted(node.text)} is no name of a layer", "", node)
            return None
        return node

    def entry_name(self, node: Node | None) -> str:
        """The name that an entry is given, "" without one."""
        if node is None:
            return ""
        text = self.notes.scalar(node, "name")
        if text is None:
            return ""
        if not is_entry_name(text):
            self.notes.add(f"{quoted(text)} cannot be the name of a layer: expected printable text", "", node)
        elif isinstance(node, Scalar):
            self.library.names.setdefault(text, node)
        return text


def kind_in(key: str) -> str:
    """The first word that is not ``each``."""
    return next((word for word in key.split() if word != EACH), "")


def from_is_empty(values: Mapping[str, Node]) -> bool:
    """Whether ``from: []`` stands there: the layer takes no input, though others of its kind do."""
    origin = values.get("from")
    return isinstance(origin, SequenceNode) and not origin.items
