"""Nodes -> entries: what a layer, a group, a branching is, and what is wrong with it whatever the sizes."""

import re
from collections.abc import Iterable, Sequence

from sepcalc.document.answering import Answering
from sepcalc.document.entries import (
    FLOW,
    JOINS,
    MODIFIERS,
    PARTS,
    Block,
    Body,
    Broken,
    Entry,
    Group,
    Join,
    Layer,
    Residual,
    Scan,
    Stages,
    Use,
    is_empty,
    is_entry_name,
    key_of,
)
from sepcalc.document.modifiers import from_is_empty, kind_in
from sepcalc.document.pieces import BRACES, columns_of, listed
from sepcalc.errors import near_miss, quoted
from sepcalc.kinds import KINDS
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.nodes import Sequence as SequenceNode
from sepcalc.options import OPTIONS
from sepcalc.spec import EACH, MAX_LENGTH, Misread, answered, read

_PARTS = tuple(part for parts in PARTS.values() for part in parts)


class Entries(Answering):
    """Reads the blocks and the layers of one text."""

    def read_blocks(self, node: Node | None) -> None:
        """``blocks``: first all headers, so that blocks may use each other."""
        headers = []
        for text, body in self.notes.mapping(node, "blocks").items():
            key = key_of(node, text)
            header = self.header(text, key)
            if header is None:
                self.refused.update(re.findall(r"\A\s*([\w-]+)", text))
            else:
                name, parameters = header
                if name in self.blocks:
                    first = self.blocks[name]
                    elsewhere = first.file.notes is not self.notes
                    where = f": first at {first.file.notes.source.at(first.key)}" if elsewhere else ""
                    self.notes.add(f"the block {quoted(name)} is defined twice{where}", "", key)
                self.blocks[name] = Block(key, parameters, (), self.file)
                headers.append((name, body))
        for name, body in headers:
            self.blocks[name] = self.blocks[name]._replace(entries=self.entries(body, f"the block {name}") or ())

    def entries(self, node: Node, what: str) -> list[Entry] | None:
        """The entries of a list."""
        if is_empty(node):
            node = SequenceNode([], node.line, node.column)
        if not isinstance(node, SequenceNode):
            from sepcalc.document.guesses import in_list

            before = len(self.notes.problems)
            self.notes.add(f"{what}: expected a list of layers", "each layer on a line of its own, after a dash", node)
            self.answer_list(before, in_list(node) if " " not in what else (), what)
            return None
        return [self.entry(item) or Entry(Broken(item), self.named(item)) for item in node.items]

    def entry(self, node: Node) -> Entry | None:
        """One entry of a list, or None and a problem."""
        self.library.written += 1
        if isinstance(node, Scalar):
            body = self.compact(node)
            return None if body is None else Entry(body)
        if isinstance(node, SequenceNode):
            before = len(self.notes.problems)
            self.notes.add("a list stands where a layer was expected", "a group of layers is layers: […]", node)
            texts = [item.text for item in node.items if isinstance(item, Scalar)]
            if len(texts) == len(node.items) and texts:
                self.answer_list(before, texts)
            return None
        values = node.values
        bodies = [key for key in values if key not in MODIFIERS and key not in _PARTS]
        if len(bodies) != 1:
            before = len(self.notes.problems)
            self.strange(node, bodies)
            self.answer_mapping(before, node)
            return None
        for owner, parts in PARTS.items():
            for part in parts:
                if part in values and bodies[0] != owner:
                    article = "a " if owner == "residual" else ""
                    shown = f"a {part}" if owner == "residual" else part
                    self.notes.add(f"{shown} belongs to {article}{owner}", "", node.keys[part])
        modifiers = self.modifiers(node)
        body = self.body(node, bodies[0], values[bodies[0]])
        if body is None or modifiers is None:
            return None
        if from_is_empty(values):
            if not isinstance(body, Layer) or not (body.begins or KINDS[body.label].bare):
                self.origin(values["from"])  # says that it is empty
                return None
            body = body._replace(begins=True)
        elif modifiers.origin and isinstance(body, Layer) and body.begins:
            message = f"{body.label} takes no input, and so starts from nothing"
            self.notes.add(message, "the layer after it reads it, unless that has a from", modifiers.origin[0])
            return None
        return Entry(body, modifiers if any(modifiers) else None)

    def strange(self, node: MappingNode, bodies: Sequence[str]) -> None:
        """A mapping that is no layer; in YAML's flow style, often a spec with braces."""
        if not bodies:
            self.notes.add("a layer is missing: expected a kind, a block, layers, residual or a join", FLOW, node)
            return
        words = (*KINDS, *self.blocks, *self.refused, EACH, "layers", *PARTS)
        known = [key for key in bodies if key.split(" ")[0] in words]
        for key in bodies:
            if known and key not in known:
                from sepcalc.foreign import key as foreign_key

                beside = (*MODIFIERS, *PARTS.get(known[0], ()))
                near = near_miss(key, beside) or foreign_key(key, beside) or FLOW
                self.notes.add(f"unknown key {quoted(key)} beside {known[0]}", near, node.keys[key])
        if len(known) > 1 or not known:
            listed = ", ".join(map(quoted, bodies[:5]))
            self.notes.add(f"expected one layer, not {len(bodies)}: {listed}", FLOW, node)

    def body(self, node: MappingNode, key: str, value: Node) -> Body | None:
        """What an entry in long form is, by its one key that is no modifier; None and a problem where it is nothing."""
        if key == "layers":
            entries = self.entries(value, "layers")
            return None if entries is None else Group(node, entries)
        if key == "residual":
            main = self.entries(value, "residual")
            shortcut = self.entries(node.values["shortcut"], "shortcut") if "shortcut" in node.values else []
            return None if main is None or shortcut is None else Residual(node, main, shortcut)
        if key == "stages":
            return self.stages(node, value)
        if key == "scan":
            return self.scan(node, value)
        if key in self.blocks:
            return self.use_of_mapping(node.keys[key], key, value)
        words = key.split()
        if words and words[0] in self.refused:
            return None
        if words and words[0] in JOINS and isinstance(value, MappingNode | SequenceNode):
            options = isinstance(value, MappingNode) and value.values and all(name in OPTIONS for name in value.values)
            if not (options or ("from" in node.values and not _filled(value))):
                return self.join(node, node.keys[key], value)
        if words and words[0] in self.blocks:
            return self.use_of_key(node, node.keys[key], words[0], value)
        kind = kind_in(key)
        if kind not in KINDS:
            if not self.library.whole and words and not is_empty(value):
                return None
            before = len(self.notes.problems)
            fact = self.no_kind(kind or key, ("layers", *PARTS))
            guess = fact.hint if fact.hint.startswith("did you mean") or not is_empty(value) else FLOW
            self.notes.add(fact.message, guess, node.keys[key])
            self.answer_mapping(before, node, key)
            return None
        return self.long_form(node, node.keys[key], kind, value)

    def join(self, node: MappingNode, key: Scalar, value: Node) -> Join | None:
        """Branches: by name, or a plain list of lists."""
        kind = key.text.split()[0]
        pieces = [*self.words(key)]
        branches: list[tuple[str, Sequence[Entry]]] = []
        pairs: Iterable[tuple[str, Node]]
        if isinstance(value, MappingNode):
            pairs = value.values.items()
        else:
            pairs = ((str(at), item) for at, item in enumerate(value.items if isinstance(value, SequenceNode) else ()))
        for name, branch in pairs:
            if name in OPTIONS and isinstance(branch, Scalar) and name in KINDS[kind].options:
                piece = self.option_piece(OPTIONS[name], branch)
                if piece is None:
                    return None
                pieces.append(piece)
                continue
            if not is_entry_name(name):
                self.notes.add(f"{quoted(name)} cannot be the name of a branch", "", key_of(value, name))
            listed = SequenceNode([branch], branch.line, branch.column) if isinstance(branch, Scalar) else branch
            branches.append((name, self.entries(listed, f"the branch {name}") or ()))
        if not pieces:
            return None
        if len(branches) < 2 and kind != "attention":
            hint = "a: […], b: […]; named layers are joined by from: [a, b] beside it"
            self.notes.add(f"{kind} joins two branches or more, not {len(branches)}", hint, key)
            return None
        return Join(node, tuple(pieces), tuple(branches))

    def use_of_key(self, node: MappingNode, key: Scalar, block: str, value: Node) -> Use | None:
        """``mobile 64 stride=2:``, with other keys below."""
        if not is_empty(value) and _filled(value):
            before = len(self.notes.problems)
            self.notes.add(f"{block} has its arguments already", "write them in one place", value)
            self.answer_mapping(before, node)
            return None
        pieces = self.words(key)
        return self.use(key, block, pieces[1:], key) if pieces else None

    def stages(self, node: MappingNode, value: Node) -> Stages | None:
        """A paper's table as a table: a row is a run of uses of one block."""
        from sepcalc.document.stages import read_stages

        return read_stages(self, node, value)

    def scan(self, node: MappingNode, value: Node) -> Scan | None:
        """A recurrent layer by its step."""
        from sepcalc.document.scan_entry import read_scan

        return read_scan(self, node, value, self.entries)

    def compact(self, node: Scalar) -> Body | None:
        """A spec, or a block with its arguments, on one line."""
        text = node.text
        if text.lstrip()[:1].isdigit() and text.split()[0] not in self.refused:
            start, end = columns_of(text, 0)
            hint, before = "leave the shape out", len(self.notes.problems)
            self.notes.add("a layer in a network takes its shape from the one before it", hint, node, start, end)
            self.answer(before, text)
            return None
        if " - " in text and not node.in_quotes and " - " in BRACES.sub("", text):
            hint = "the dashes of one list stand in one column, each on a line of its own"
            self.notes.add("a dash stands within a layer", hint, node)
            return None
        if "{" not in text and "}" not in text and len(text) <= MAX_LENGTH:
            words = text.split()
            if not words:
                self.notes.add("a layer is missing", "identity does nothing, if that is meant", node)
                return None
            if words[0] in self.refused:
                return None
            if words[0] not in self.blocks:
                return self.constant(node, words)
        pieces = self.words(node)
        if not pieces:
            return None
        each = 0
        while each < len(pieces) - 1 and pieces[each].parts == (EACH,):
            each += 1
        first = pieces[each].parts
        if len(first) == 1 and isinstance(first[0], str) and first[0] in self.blocks and not each:
            return self.use(node, first[0], pieces[1:], node)
        kind = first[0] if len(first) == 1 and isinstance(first[0], str) and first[0][0] != "-" else "conv"
        if kind in self.refused:
            return None
        if kind not in KINDS:
            before = len(self.notes.problems)
            self.unknown(kind, node)
            self.answer(before, node.text)
            return None
        return Layer(node, kind, None, pieces, KINDS[kind].begins)

    def constant(self, node: Scalar, words: Sequence[str]) -> Layer | None:
        """A spec without expressions: read once, however often it runs."""
        try:
            spec = read(words, defaults=self.file.defaults)
        except Misread as misread:
            before, facts = len(self.notes.problems), misread.facts
            if self.library.whole:
                from sepcalc.document.guesses import read_layer

                blocks = (*self.blocks, *self.refused)
                facts = answered(facts, len(words), read_layer(node.text, self.file.defaults, blocks))
            for at, fact in facts:
                if fact.message.startswith("unknown kind"):
                    self.unknown(words[at], node)
                else:
                    start, end = columns_of(node.text, at)
                    self.notes.add(fact.message, fact.hint, node, start, end)
            self.answer(before, node.text)
            return None
        return Layer(node, spec.kind, spec, (), KINDS[spec.kind].begins)

    def long_form(self, node: MappingNode, key: Scalar, kind_name: str, value: Node) -> Layer | None:
        """``conv: {kernel: 3, out: int(32 * width)}``, ``norm: batch``, ``conv -k3 -o8:`` with other keys below."""
        before = len(self.notes.problems)
        layer = self.options_of(node, key, kind_name, value)
        if layer is None:
            self.answer_mapping(before, node, key.text)
        return layer

    def options_of(self, node: MappingNode, key: Scalar, kind_name: str, value: Node) -> Layer | None:
        """The layer of a kind with its options in long form; None and a problem where one of them is wrong."""
        pieces = [*self.words(key)]
        whole = bool(pieces)
        joined = KINDS[kind_name].several and "from" in node.values and not _filled(value)  # concat: [], from: [a, b]
        if joined and not isinstance(value, Scalar):
            pass
        elif isinstance(value, Scalar):
            written = self.words(value)
            whole = whole and (bool(written) or not value.text)
            pieces += written
        elif isinstance(value, SequenceNode):
            message = f"{kind_name} needs its options as names and values, not a list"
            self.notes.add(message, f"{kind_name}: {{…}}", value)
            return None
        else:
            kind = KINDS[kind_name]
            for name, option_node in value.values.items():
                if name == "weights":
                    continue
                if name not in kind.options:
                    where = value.keys[name]
                    if name in OPTIONS:
                        self.notes.add(
                            f"{kind_name} takes no {name}", f"it takes {listed(kind.options) or 'nothing'}", where
                        )
                    elif name in MODIFIERS:
                        message = f"{name} stands beside {kind_name}, not in it"
                        self.notes.add(message, f"indent it as {kind_name}: is", where)
                    else:
                        hint = FLOW if is_empty(option_node) else f"it takes {listed(kind.options) or 'nothing'}"
                        hint = near_miss(name, kind.options) or hint
                        self.notes.add(f"unknown option {quoted(name)}", hint, where)
                    whole = False
                    continue
                piece = self.option_piece(OPTIONS[name], option_node)
                if piece is None:
                    whole = False
                else:
                    pieces.append(piece)
        return Layer(node, kind_name, None, tuple(pieces), KINDS[kind_name].begins) if whole else None


def _filled(value: Node) -> bool:
    """Whether anything stands there: not for nothing, [] and {}."""
    if isinstance(value, SequenceNode):
        return bool(value.items)
    if isinstance(value, MappingNode):
        return bool(value.values)
    return not is_empty(value)
