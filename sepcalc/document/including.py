"""``include``: the blocks of other files of the same folder tree."""

from collections.abc import Callable
from typing import NamedTuple

from sepcalc.document.entries import INCLUDED
from sepcalc.document.head import Head
from sepcalc.document.problems import Notes
from sepcalc.document.reading import Entries
from sepcalc.errors import InputError, Invalid, quoted
from sepcalc.nodes import Node, Source, read
from sepcalc.nodes import Sequence as SequenceNode

MAX_DEPTH = 10  # files that include each other
MAX_FILES = 100  # files in all


class Opened(NamedTuple):
    """An included file: its text, and a key that tells it from every other file."""

    source: Source
    key: str


Opener = Callable[[str, str], Opened]  # of the key of the including file ("" for the first) and the path named there


class Inclusion:
    """Reads included files into the library of the document. A file that is included twice is read once."""

    def __init__(self, reader: Entries, head: Head, opened: Opener | None) -> None:
        self.reader = reader
        self.head = head
        self.opened = opened
        self.known: set[str] = set()

    def read(self, node: Node, notes: Notes | None = None, chain: tuple[str, ...] = ("",)) -> None:
        """Reads all files under one ``include``. ``chain`` are the keys of the files that it stands in."""
        notes = notes or self.reader.notes
        items = node.items if isinstance(node, SequenceNode) else [node]
        if not items:
            notes.add("include is empty: expected a file, or a list of files", "include: blocks/mobile.yaml", node)
        for item in items:
            path = notes.scalar(item, "include")
            if path is None:
                continue
            try:
                if self.opened is None:
                    raise Invalid("include needs a file: this text has no folder", "save it as a file")
                if not path:
                    raise Invalid("include: a file is missing")
                opened = self.opened(chain[-1], path)
                if opened.key in chain:
                    raise Invalid(f"include: {quoted(path)} includes itself, directly or through other files")
                if len(chain) > MAX_DEPTH:
                    raise Invalid(f"files include each other more than {MAX_DEPTH} levels deep")
                if len(self.known) == MAX_FILES:
                    raise Invalid(f"more than {MAX_FILES} files are included")
            except Invalid as fact:
                notes.fact(fact, item)
                self.reader.library.whole = False
                continue
            if opened.key not in self.known:
                self.known.add(opened.key)
                self.file(opened, item, notes, chain)

    def file(self, opened: Opened, place: Node, notes: Notes, chain: tuple[str, ...]) -> None:
        """Reads one file."""
        inner = notes.inside(opened.source, place)
        try:
            root = read(opened.source)
        except InputError as error:
            self.reader.library.whole = False
            for problem in error.problems:
                inner.keep(problem)
            return
        values = inner.mapping(root, "an included file", INCLUDED)
        if "include" in values:
            self.read(values["include"], inner, (*chain, opened.key))
        head = Head(inner)
        head.parameters, head.asked = self.head.parameters, self.head.asked
        Entries(inner, self.reader.library, head.read_defaults(values.get("defaults"))).read_blocks(
            values.get("blocks")
        )
