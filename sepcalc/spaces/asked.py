"""What the entries of a document ask for, as they are written: names of values and of layers, and open choices."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sepcalc.document.entries import (
    AXIS_NAMES,
    Choice,
    Entry,
    Group,
    Join,
    Layer,
    Library,
    Modifiers,
    Residual,
    Scan,
    Stages,
    Use,
    label_of,
)
from sepcalc.document.pieces import Piece, names_in
from sepcalc.document.scopes import INPUT, PREVIOUS

_INDEX = re.compile(r"\[[0-9]+\].*|/.*", re.DOTALL)


class Asked(NamedTuple):
    """What an entry asks for. ``names`` are those of its expressions; ``outer`` those of the blocks that it uses, which
    see the parameters of the document alone. ``layers`` are names that may be of layers which it reads, ``owners`` of
    layers whose weights it shares. ``chooses``: an open choice is made in it. ``constants``: there is a constant in it,
    of which a product may make weights."""

    names: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()
    layers: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    chooses: bool = False
    constants: bool = False

    def __or__(self, other: "Asked") -> "Asked":
        return Asked(
            self.names | other.names,
            self.outer | other.outer,
            self.layers | other.layers,
            self.owners | other.owners,
            self.chooses or other.chooses,
            self.constants or other.constants,
        )


class Asking:
    """Looks through the entries of one library. What it found once, it remembers."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._entries: dict[int, Asked] = {}
        self._blocks: dict[str, Asked] = {}

    def of(self, entries: Sequence[Entry]) -> Asked:
        """What these entries ask for, together."""
        found = Asked()
        for entry in entries:
            if id(entry) not in self._entries:
                self._entries[id(entry)] = self._of(entry, ())
            found |= self._entries[id(entry)]
        return found

    def one(self, entry: Entry) -> Asked:
        """What an entry asks for that is not one of the document's own."""
        return self._of(entry, ())

    def block(self, name: str) -> Asked:
        """What the entries of a block ask for, whoever uses it."""
        if name not in self._blocks:
            self._blocks[name] = self._inside(name, ())
        return self._blocks[name]

    def _inside(self, name: str, within: tuple[str, ...]) -> Asked:
        """The same, but for blocks that it stands ``within``, which are looked through already."""
        block, found = self.library.blocks[name], Asked()
        for entry in block.entries:
            found |= self._of(entry, (*within, name))
        own = frozenset([parameter for parameter, _ in block.parameters]) | AXIS_NAMES | {"index"}
        defaults = frozenset().union(*[default.names for _, default in block.parameters if default is not None])
        outer = found.outer | ((found.names | defaults) - own)
        return found._replace(names=frozenset(), outer=outer, layers=found.layers - own - {INPUT, PREVIOUS})

    def _of(self, entry: Entry, within: tuple[str, ...]) -> Asked:
        names, layers, owners = set[str](), set[str](), set[str]()
        found = Asked()
        for part in _parts(entry):
            if isinstance(part, Piece):
                names |= names_in(part)
            elif isinstance(part, Modifiers):
                layers.update(name.text for name in part.origin)
                owners.update(name.text for name, _ in part.shared)
                owners.update([part.weights.text] if part.weights else [])
                found = found._replace(chooses=found.chooses or bool(part.choices))
            elif isinstance(part, Scan):
                layers.update(name.text for name in part.carried)
            elif isinstance(part, Layer):
                found = found._replace(constants=found.constants or part.label == "constant")
            elif isinstance(part, Use):
                for piece in (*part.arguments, *[piece for _, piece in part.named]):
                    layers |= names_in(piece) | {text for text in piece.parts if isinstance(text, str)}
                if part.block not in within:
                    found |= self._inside(part.block, within) if within else self.block(part.block)
        return found | Asked(frozenset(names), frozenset(), frozenset(layers), frozenset(owners))


def label(text: str) -> str:
    """The first name of a path, without its index: ``unit`` of ``unit[2]/conv``."""
    return _INDEX.sub("", text)


def called(entry: Entry) -> str:
    """What the rows of an entry are called, as far as they stand in one scope of their own."""
    return label_of(entry.body, entry.modifiers.name if entry.modifiers else "")


def _parts(value: Any) -> Iterator[Any]:
    """An entry's pieces, modifiers, layers and uses, wherever they stand in it."""
    if isinstance(value, Piece):
        yield value
        return
    if isinstance(value, Modifiers | Scan | Layer | Use | Choice):
        yield value
    if isinstance(value, Entry | Group | Join | Layer | Modifiers | Residual | Scan | Stages | Use | Choice):
        for field in value:
            yield from _parts(field)
    elif type(value) in (tuple, list):
        for item in value:
            yield from _parts(item)
