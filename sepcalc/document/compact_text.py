"""The text of a compact document: a block for what repeats, and a name for each layer that another refers to."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import count
from typing import NamedTuple

from sepcalc.document.entries import STORED
from sepcalc.document.scopes import INPUT
from sepcalc.document.sorts import STRIDED, sorts_of
from sepcalc.document.structure import Body, Grammar, Step
from sepcalc.document.writer import (
    FROM_NOTHING,
    counted_elsewhere,
    from_nothing,
    heading,
    listed_names,
    names_of,
    outputs_of,
    owners_of,
    weights_fit,
    yaml_text,
)
from sepcalc.errors import printable
from sepcalc.network import Network
from sepcalc.ops.base import Uncounted
from sepcalc.options import OPTIONS

MAX_PARAMETERS = 6  # of a block: with more it says less than what it stands for
SMALLEST = 3  # lines that are worth a block
WIDTH = 100  # of a line that holds a whole branch
_HOLE = "\0"
_SIZE = re.compile(r"[1-9]\d{0,17}|0")
_SHORT = {option.short: option.name for option in OPTIONS.values() if option.short}
_SIZED = {f"-{short}": name for short, name in _SHORT.items() if name != "padding"}
_SIZED_WORD = re.compile(rf" ({'|'.join(_SIZED)})({_SIZE.pattern})(?= |$)")  # most words that have sizes
_COUNTED = re.compile(f" ({'|'.join(STORED)}): ")  # behind a spec here, beside it in YAML
Names = Mapping[tuple[int, int], str]  # of parameters, where they stand for a number of a node


class Written(NamedTuple):
    """A node in words: a template, and the numbers of its holes with the names of their options."""

    kind: str
    template: str
    numbers: tuple[int, ...]
    options: tuple[str, ...]


class CompactText:
    """The text of one network. With ``varied``, parts that differ in numbers alone count as equal. With ``knots``, a
    part may be several chains that read each other."""

    def __init__(
        self, network: Network, varied: bool, knots: bool = True, sorts: Sequence[tuple[str, str]] | None = None
    ) -> None:
        self.network = network
        self.sorts = sorts_of(network) if sorts is None else sorts
        self.names = names_of(network)
        self.first = len(network.inputs)
        self.owners = network.owners
        self.tied = set[int]()  # with weights that have a name; where these do not fit, the params are only shared
        for at, node in enumerate(network.nodes):
            owner = at if node.weights is None else self.owners[node.weights]
            if owner != at and weights_fit(network, at, owner):
                self.tied |= {at, owner}
            elif node.shared or (owner != at and network.layers[at].shared):
                self.tied |= {owner for owner, _ in owners_of(network, at)}
        self._templated = cache(_templated)
        self.written = [self._written(at, varied) for at in range(len(network.nodes))]
        ends = [] if network.ends == {"output": len(self.names) - 1} else [*network.ends.values()]
        steps = [
            Step(written.kind, written.template, node.sources, at in self.tied)
            for at, (node, written) in enumerate(zip(network.nodes, self.written))
        ]
        self.grammar = Grammar(self.first, steps, ends, knots)
        self.named = {*ends, *[self.first + at for at in self.tied]}
        self.blocks: dict[int, str] = {}
        self.sizes: dict[int, int] = {}
        self.columns: dict[int, list[tuple[str, list[tuple[int, int]]]]] = {}  # parameters, and what they stand for
        self.begins: dict[int, int] = {}  # where a block stands first
        self.steps = len(network.nodes)  # of unrolling the text: its layers, and the uses of its blocks

    @property
    def differs(self) -> bool:
        """Whether some layers are equal but for their numbers."""
        return len({written[:2] for written in self.written}) < len({written[:3] for written in self.written})

    def _written(self, at: int, varied: bool) -> Written:
        kind, text = self.sorts[at]
        if kind == "scan":
            return Written(kind, text, (), ())
        node = self.network.nodes[at]
        shared = node.shared if node.weights is None else self.network.layers[at].shared
        if (shared or node.buffers) and at not in self.tied:
            text += "".join(f" {line}" for line in counted_elsewhere(self.network, at, self.names))
        return self._templated(kind, text) if varied else Written(kind, text, (), ())

    # --- which parts are blocks

    def text(self) -> str:
        """The document: the blocks, then the layers."""
        grammar = self.grammar
        sequences = [sequence for body in grammar.bodies for sequence in body.sequences]
        references = Counter(
            part for parts in (*sequences, *[chain.parts for chain in grammar.chains]) for part in parts
        )
        kept: list[int] = []
        for part in range(len(grammar.bodies)):
            self._size(part, references, kept)
        starts: dict[int, list[int]] = {part: [] for part in kept}
        self._places(starts)
        for part, places in starts.items():
            if places and self._parametrized(part, places):
                self.begins[part] = places[0]
                self.steps += len(places)
        used = sorted(self.columns, key=lambda part: (self.begins[part], grammar.lengths[part]))
        self.blocks = {part: f"block{number}" for number, part in enumerate(used, 1)}
        return "\n".join([*heading(self.network), *self._reasons(), *self._outputs(), *self._document(), ""])

    def _size(self, part: int, references: Mapping[int, int], kept: list[int]) -> int:
        """The number of lines that the part takes where it is used."""
        if part not in self.sizes:
            body = self.grammar.bodies[part]
            inside = sum(self._size(each, references, kept) for parts in body.sequences for each in parts)
            lines = inside + (body.what in ("join", "leaf")) + (len(body.sequences) if body.what == "join" else 0)
            count = references[part]
            worth = lines >= SMALLEST and count > 1 and count * (lines - 1) > lines + 2
            if body.what == "knot" or (body.what != "leaf" and worth):
                kept.append(part)
                lines = 1
            self.sizes[part] = lines
        return self.sizes[part]

    def _places(self, starts: dict[int, list[int]]) -> None:
        """Notes at which nodes each part begins, wherever it is used."""
        at = 0
        stack = [part for chain in self.grammar.chains for part in chain.parts][::-1]
        while stack:
            part = stack.pop()
            body = self.grammar.bodies[part]
            if part in starts:
                starts[part].append(at)
            stack += [each for parts in body.sequences for each in parts][::-1] if body.what != "join" else []
            if body.what == "join":
                stack.append(_JOINED)
                stack += [each for parts in body.sequences for each in parts][::-1]
            at += body.what == "leaf"
            while stack and stack[-1] == _JOINED:
                stack.pop()
                at += 1

    def _parametrized(self, part: int, places: Sequence[int]) -> bool:
        """Finds the parameters of a block. False where it would need too many."""
        begin, columns = places[0], dict[tuple[int, ...], tuple[str, list[tuple[int, int]]]]()
        taken = Counter[str]()
        for offset in range(self.grammar.lengths[part]):
            for hole, option in enumerate(self.written[begin + offset].options):
                values = tuple([self.written[place + offset].numbers[hole] for place in places])
                if len(set(values)) == 1:
                    continue
                if values not in columns:
                    taken[option] += 1
                    name = option if taken[option] == 1 else f"{option}{taken[option]}"
                    columns[values] = (name, [])
                columns[values][1].append((offset, hole))
        if len(columns) > MAX_PARAMETERS and self.grammar.bodies[part].what != "knot":
            return False
        self.columns[part] = sorted(columns.values(), key=lambda column: _has_default(column[0]))
        return True

    # --- lines

    def _reasons(self) -> list[str]:
        ops = {node.op.called: node.op.reason for node in self.network.nodes if isinstance(node.op, Uncounted)}
        return [f"# uncounted {printable(name)}: {printable(reason)}" for name, reason in ops.items()]

    def _outputs(self) -> list[str]:
        return outputs_of(self.network, self.names)

    def _document(self) -> list[str]:
        layers = ["layers:"]
        at, before = 0, 0
        read = {source for chain in self.grammar.chains for source in chain.reads}
        ends = [0, *[chain.end for chain in self.grammar.chains]]
        follows = {end for end, chain in zip(ends, self.grammar.chains) if chain.reads == (end,)}
        several = Counter(source for chain in self.grammar.chains for source in set(chain.reads))
        needed = {tensor for tensor in read if several[tensor] > 1 or tensor not in follows} | self.named
        for chain in self.grammar.chains:
            origin = _origin(chain.reads, before, [self.names[source] for source in chain.reads])
            name = yaml_text(self.names[chain.end]) if chain.end in needed else ""
            tie = list[str]()
            if at in self.tied:
                weights = self.network.nodes[at].weights
                owner = at if weights is None else self.owners[weights]
                if owner != at and weights_fit(self.network, at, owner):
                    tie = [f"weights: {yaml_text(self.names[self.first + owner])}"]
                else:
                    tie = counted_elsewhere(self.network, at, self.names)
            layers += _indented(self._chain(chain.parts, at, {}, origin, name, tie), 2)
            at += sum(self.grammar.lengths[part] for part in chain.parts)
            before = chain.end
        return [*self._definitions(), *layers]

    def _definitions(self) -> list[str]:
        lines = ["blocks:"] if self.blocks else []
        for part, name in self.blocks.items():
            begin, columns = self.begins[part], self.columns[part]
            names = {(begin + offset, hole): column for column, holes in columns for offset, hole in holes}
            shown = ", ".join(f"{column}=1" if _has_default(column) else column for column, _ in columns)
            lines.append(f"  {name}({shown}):" if columns else f"  {name}:")
            body = self.grammar.bodies[part]
            inside = _repeated([*self._entries(part, begin, names, opened=True)]) if body.what != "knot" else []
            lines += _indented(inside or self._knot(body, begin, names), 4)
        return lines

    def _knot(self, body: Body, at: int, names: Names) -> list[str]:
        lines = []
        read = {source for before, reads in enumerate(body.reads) for source in reads if reads != (before - 1,)}
        for number, (parts, reads) in enumerate(zip(body.sequences, body.reads)):
            labels = [INPUT if source < 0 else f"t{source + 1}" for source in reads]
            origin = _origin(reads, number - 1, labels)
            lines += self._chain(parts, at, names, origin, f"t{number + 1}" if number in read else "", [])
            at += sum(self.grammar.lengths[part] for part in parts)
        return lines

    def _chain(
        self, parts: Sequence[int], at: int, names: Names, origin: str, name: str, more: Sequence[str]
    ) -> list[str]:
        """The entries of a chain: ``from`` stands at the first, the name at the last."""
        entries = list[list[str]]()
        for part in parts:
            entries += self._entries(part, at, names)
            at += self.grammar.lengths[part]
        first, last = [f"from: {origin}"] if origin else [], [f"name: {name}"] if name else []
        if len(entries) == 1:
            return _beside(entries[0], [*last, *first, *more])
        # an entry with something beside it is none of those that repeat
        return _repeated([_beside(entries[0], first), *entries[1:-1], _beside(entries[-1], last)])

    def _entries(self, part: int, at: int, names: Names, opened: bool = False) -> Iterator[list[str]]:
        """The lines of each entry of a part. With ``opened``, a block's content stands there, not its use."""
        if part in self.blocks and not opened:
            yield [f"- {self._use(part, at, names)}"]
            return
        body = self.grammar.bodies[part]
        if body.what == "leaf":
            text, counted = self._spelled(at, names)
            first, *more = text.split("\n")
            node = self.network.nodes[at]
            nothing = [FROM_NOTHING] if from_nothing(node.op, node.sources) else []
            yield _beside([f"- {first}", *_indented(more, 2)], [*nothing, *counted])
        elif body.what == "join":
            yield self._join(body, at, names)
        else:
            for each in body.sequences[0]:
                yield from self._entries(each, at, names)
                at += self.grammar.lengths[each]

    def _use(self, part: int, at: int, names: Names) -> str:
        words = [self.blocks[part]]
        for name, ((offset, hole), *_) in self.columns[part]:
            value = self._number(at + offset, hole, names)
            if not _has_default(name):
                words.append(value)
            elif value != "1":
                words.append(f"{name}={value}")
        return " ".join(words)

    def _number(self, at: int, hole: int, names: Names) -> str:
        name = names.get((at, hole))
        return str(self.written[at].numbers[hole]) if name is None else f"{{{name}}}"

    def _spelled(self, at: int, names: Names) -> tuple[str, list[str]]:
        """The spec, and its modifiers: which layers count how many of its params."""
        first, *rest = self.written[at].template.split(_HOLE)
        text = first + "".join(self._number(at, hole, names) + part for hole, part in enumerate(rest))
        text, *beside = _COUNTED.split(text) if ": " in text else (text,)
        text = f"{text} ".replace(" -s1 ", " ")[:-1] if self.written[at].kind in STRIDED else text
        pairs = zip(beside[::2], beside[1::2])
        return text, [f"{key}: {value if key == STORED[0] else value.strip('{}')}" for key, value in pairs]

    def _join(self, body: Body, at: int, names: Names) -> list[str]:
        branches = []
        for parts in body.sequences:
            entries = list[list[str]]()
            for part in parts:
                entries += self._entries(part, at, names)
                at += self.grammar.lengths[part]
            branches.append(_repeated(entries))
        text, _ = self._spelled(at, names)
        equal = len({self.network.tensors[source] for source in self.network.nodes[at].sources}) == 1
        if text == "add" and len(branches) == 2 and branches[0] and equal:
            lines = [f"- residual:{_branch(branches[0], 4)}"]
            return lines[0].split("\n") + (f"  shortcut:{_branch(branches[1], 4)}".split("\n") if branches[1] else [])
        lines = [f"- {text}:"]
        for letter, branch in zip(_letters(), branches):
            lines += f"    {letter}:{_branch(branch, 6)}".split("\n")
        return lines


_JOINED = -1  # on the stack of places: here stands the op that joins


def _templated(kind: str, text: str) -> Written:
    """A spec with a hole for every size."""
    first, *rest = _SIZED_WORD.split(text)
    template, sizes, names = _between(first, "")
    words, numbers, options = [template], [*sizes], [*names]
    for head, size, between in zip(rest[::3], rest[1::3], rest[2::3]):
        option = _SIZED[head]
        numbers.append(int(size))
        options.append(option)
        template, sizes, names = _between(between, option)
        words.append(f" {head}{_HOLE}{template}")
        numbers += sizes
        options += names
    return Written(kind, "".join(words), tuple(numbers), tuple(options))


@lru_cache(4096)
def _between(text: str, option: str) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    """A part of a spec that has few forms: with its holes, the sizes that stood there, and their options. ``option`` is
    that of the word before."""
    words, numbers, options = list[str](), list[int](), list[str]()
    for word in text.split(" "):
        template, sizes, option = _holes(word, option)
        words.append(template)
        numbers += sizes
        options += [option.replace("-", "_")] * len(sizes)
    return " ".join(words), tuple(numbers), tuple(options)


@lru_cache(4096)
def _holes(word: str, option: str) -> tuple[str, tuple[int, ...], str]:
    """Replaces every size in a word of a spec by a hole: 7x7x512 has three. ``option`` is that of the word before.
    Gives the word with its holes, the sizes, and the word's option."""
    head, rest = "", word
    if word.startswith("-") or word[:-1] in STORED:
        flag = word.lstrip("-").removesuffix(":")
        option = flag if word[:2] == "--" or flag in STORED else _SHORT.get(flag[:1], "")
        head, rest = (word[:2], word[2:]) if word[:2] != "--" and option != flag else (word, "")
    sizes = rest.split("x")
    if not option or option == "padding" or not all(map(_SIZE.fullmatch, sizes)):
        return word, (), option
    return head + "x".join(_HOLE for _ in sizes), tuple(map(int, sizes)), option


def _origin(reads: Sequence[int], before: int, names: Sequence[str]) -> str:
    """The value of ``from``; nothing where the layer reads the one before it, or reads nothing (a constant)."""
    return "" if reads in ((before,), ()) else listed_names(names)


def _has_default(name: str) -> bool:
    return name.startswith("stride")


def _letters() -> Iterator[str]:
    yield from "abcdefgh"
    yield from map("branch{}".format, count(9))


def _indented(lines: Sequence[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


def _beside(entry: list[str], more: Sequence[str]) -> list[str]:
    """An entry with its modifiers."""
    if not more:
        return entry
    one = len(entry) == 1 and not re.search(r":( |$)", entry[0])
    return [entry[0] + ":" if one else entry[0], *entry[1:], *_indented(more, 2)]


def _repeated(entries: Sequence[list[str]]) -> list[str]:
    """The lines of the entries. Equal entries in a row are written once, with ``repeat``."""
    lines, at = [], 0
    while at < len(entries):
        end = at
        while end < len(entries) and entries[end] == entries[at]:
            end += 1
        saved = (end - at - 1) * len(entries[at])
        if saved > 1:
            lines += _beside(entries[at], [f"repeat: {end - at}"])
        else:
            lines += [line for entry in entries[at:end] for line in entry]
        at = end
    return lines


def _branch(lines: Sequence[str], by: int) -> str:
    """A branch after its name: on the same line if it fits there."""
    plain = all(line.startswith("- ") and not re.search(r"[,{}\[\]:#\"']", line) for line in lines)
    inside = ", ".join(line[2:] for line in lines)
    if plain and len(inside) <= WIDTH:
        return f" [{inside}]"
    return "\n" + "\n".join(_indented(lines, by))
