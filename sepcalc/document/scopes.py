"""Names while a document runs: paths of rows, and what ``from`` and ``weights`` refer to."""

import re
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple, TypeVar

from sepcalc.ops.base import Op
from sepcalc.shape import Shape

MAX_SPELLED = 6  # zeros in a path that may be left out; with more, all or none of them
PREVIOUS = "previous"  # what a layer starts from when nothing is said
INPUT = "input"  # of the block; of the network, if it has but one
T = TypeVar("T")
INDEXED = re.compile(r"(.+)\[([0-9]{1,9})\]", re.DOTALL)


class Tensor(NamedTuple):
    """The output of a layer, or an input: its number in the graph, and its shape."""

    number: int
    shape: Shape


class Named(NamedTuple):
    """What has a name: where it ends (None after a mistake), and which layers of the graph it is, ``first`` up to
    ``last`` (none: an input, or what was left out)."""

    end: Tensor | None
    first: int = 0
    last: int = 0


class Scope:
    """Names count within it: an entry gets an index among those of its label, if there are several."""

    __slots__ = ("choices", "counts", "done", "index", "inners", "label", "named", "parent", "path")

    def __init__(self, parent: "Scope | None" = None, label: str = "", index: int = 0) -> None:
        self.parent = parent
        self.label = label
        self.index = index
        self.counts: dict[str, int] = {}
        self.choices: dict[tuple[str, int, str], int] = {}  # how many choices have one place and name
        self.done: Named | None = None  # of a block that has run
        self.path: str | None = "" if parent is None else None
        self.named: dict[str, list[Named]] = {}
        self.inners: dict[str, list[Scope]] = {}

    def take(self, label: str) -> int:
        """The index of the next entry with this label."""
        index = self.counts.get(label, 0)
        self.counts[label] = index + 1
        return index

    def take_choice(self, place: "Place") -> int:
        """The number of a choice among those that have its place and name."""
        number = self.choices.get(place[1:4], 0)
        self.choices[place[1:4]] = number + 1
        return number

    def inner(self, label: str) -> "Scope":
        """A scope within this one, for the next entry with this label."""
        scope = Scope(self, label, self.take(label))
        self.inners.setdefault(label, []).append(scope)
        return scope

    def spell(self, label: str, index: int) -> str:
        """The path of one of its entries, once all of them are counted."""
        if self.path is None:
            assert self.parent is not None
            self.path = self.parent.spell(self.label, self.index) + "/"
        return f"{self.path}{label}[{index}]" if self.counts[label] > 1 else self.path + label

    def name(self, name: str, what: Named) -> None:
        """Gives a name; of several with one name, the last is meant."""
        self.named.setdefault(name, []).append(what)

    def find(self, name: str) -> Named | None:
        """What is called so here, or in what encloses this: a name, ``name[2]``, or a path, ``block/name``."""
        scope: Scope | None = self
        while scope is not None:
            if found := scope.look(name):
                return found
            scope = scope.parent
        return None

    def look(self, name: str) -> Named | None:
        """What is called so in this scope alone: a name, ``name[2]`` or a path."""
        if found := _chosen(self.named, name):
            return found
        end = name.find("/")
        while end > 0:
            scope = _chosen(self.inners, name[:end])
            if scope and (found := scope.look(name[end + 1 :])):
                return found
            end = name.find("/", end + 1)
        return None

    def known(self) -> list[str]:
        """All names that are seen from here."""
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            names += scope.named
            scope = scope.parent
        return names


class Place(NamedTuple):
    """Where a choice is made: the entry with ``label`` and the index ``at`` in a scope, and which of its choices called
    ``name`` it is. An entry without a label, a group, has its scope's path."""

    scope: Scope
    label: str
    at: int
    name: str
    number: int = 0

    def spellings(self) -> Iterable[str]:
        """What it may be called: an index 0 is shown only where there are several, which is not known yet."""
        parts = [(self.label, self.at)] if self.label else []
        scope = self.scope
        while scope.parent is not None:
            parts.insert(0, (scope.label, scope.index))
            scope = scope.parent
        parts.append((self.name, self.number))
        ways = [[f"{label}[{index}]"] if index else [label, f"{label}[0]"] for label, index in parts]
        if sum(len(way) > 1 for way in ways) > MAX_SPELLED:
            return ("/".join(way[0] for way in ways), "/".join(way[-1] for way in ways))
        return map("/".join, product(*ways))

    def spell(self) -> str:
        """Its name in the finished network, as a report shows that of a layer."""
        several = self.scope.choices[self[1:4]] > 1
        name = f"{self.name}[{self.number}]" if several else self.name
        scope = self.scope
        if self.label in scope.counts:
            return f"{scope.spell(self.label, self.at)}/{name}"
        path = f"{self.label}/{name}" if self.label else name
        return path if scope.parent is None else f"{scope.parent.spell(scope.label, scope.index)}/{path}"


Emitted = tuple[Scope, str, int, Op, tuple[int, ...], Shape]
"""A layer of the graph: the scope, the label and the index that make its name, its op, what it reads, its output."""


def _chosen(table: dict[str, list[T]], name: str) -> T | None:
    """The last that is called so, or the one with this index."""
    if name in table:
        return table[name][-1]
    match = INDEXED.fullmatch(name)
    if match and int(match[2]) < len(table.get(match[1], ())):
        return table[match[1]][int(match[2])]
    return None
