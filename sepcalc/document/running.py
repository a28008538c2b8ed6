"""Entries -> a graph of ops: the entries run on the input, with the values of the parameters."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sepcalc.document.entries import (
    WORD,
    Broken,
    Entry,
    Group,
    Join,
    Layer,
    Piece,
    Residual,
    Use,
    axes_of,
    axis_names,
    columns_of,
    fill,
)
from sepcalc.document.problems import Notes
from sepcalc.document.reading import Library
from sepcalc.errors import Invalid
from sepcalc.expression import Expression, ExpressionError, as_text
from sepcalc.expression import Value as Number
from sepcalc.network import Node as GraphNode
from sepcalc.nodes import Node, Scalar
from sepcalc.ops.base import Op
from sepcalc.options import OPTIONS, Value
from sepcalc.shape import Shape, Shapes, show
from sepcalc.spec import Misread, Spec, index_of, linked, outputs, read

DEEPEST = 100  # blocks, groups and branches within each other
SLACK, GROWTH = 20_000, 20  # layers that a document may unroll to: SLACK and GROWTH for each that is written


class Scope:
    """Names count within it: an entry gets an index among those of its label, if there are several."""

    __slots__ = ("counts", "index", "label", "parent", "path")

    def __init__(self, parent: "Scope | None" = None, label: str = "", index: int = 0) -> None:
        self.parent = parent
        self.label = label
        self.index = index
        self.counts: dict[str, int] = {}
        self.path: str | None = "" if parent is None else None

    def take(self, label: str) -> int:
        index = self.counts.get(label, 0)
        self.counts[label] = index + 1
        return index

    def inner(self, label: str) -> "Scope":
        return Scope(self, label, self.take(label))

    def spell(self, label: str, index: int) -> str:
        """The path of one of its entries, once all of them are counted."""
        if self.path is None:
            assert self.parent is not None
            self.path = self.parent.spell(self.label, self.index) + "/"
        return f"{self.path}{label}[{index}]" if self.counts[label] > 1 else self.path + label


class Frame(NamedTuple):
    """Where the entries run: names for their expressions, the block's own input (None at the top, where each layer's
    own input counts), the scope of names, and from where the block was used."""

    names: Mapping[str, Number]
    scope: Scope
    own_input: bool = False
    trail: tuple[str, ...] = ()
    depth: int = 0


class Tensor(NamedTuple):
    number: int
    shape: Shape


class Stop(Exception):
    """Too much to unroll: what follows would only repeat it."""


class Run:
    """A graph that grows from entries."""

    def __init__(
        self, notes: Notes, library: Library, parameters: Mapping[str, Number], defaults: Mapping[str, Value]
    ) -> None:
        self.notes = notes
        self.library = library
        self.parameters = parameters
        self.defaults = defaults
        self.steps = 0
        self.emitted: list[tuple[Scope, str, int, Op, tuple[int, ...], Shape]] = []

    def nodes(self) -> list[GraphNode]:
        """The graph, once all entries have run."""
        return [
            GraphNode(scope.spell(label, index), op, sources, output)
            for scope, label, index, op, sources, output in self.emitted
        ]

    def run_all(self, entries: Sequence[Entry], shape: Shape | None) -> None:
        tensor = None if shape is None else Tensor(0, shape)
        try:
            end = self.run(entries, tensor, Frame(self.parameters, Scope()))
        except Stop:
            return
        if not self.emitted and end is not None and not self.notes.problems:
            self.notes.add("the network has no layers", "", None)

    def run(self, entries: Sequence[Entry], tensor: Tensor | None, frame: Frame) -> Tensor | None:
        """One entry after another; after a mistake the shape is unknown (None), and only mistakes are looked for."""
        for entry in entries:
            body, name, repeat, when = entry
            if repeat is None and when is None and type(body) is Layer:
                self.count(body.node, frame)
                tensor = self.layer(body, name, tensor, frame)
                continue
            self.count(body.node, frame)
            if when is not None and not isinstance(body, Residual):
                chosen = self.compute(when, frame, tensor)
                if not chosen:
                    tensor = None if chosen is None else tensor
                    continue
            times = 1
            if repeat is not None:
                count = self.compute(repeat, frame, tensor)
                if count is None:
                    tensor = None
                    count = 1
                elif isinstance(count, bool) or not isinstance(count, int) or count < 1:
                    message = f"repeat is {as_text(count)}: expected a whole number from 1"
                    self.notes.add(message, "when: leaves a part out", repeat.node, trail=frame.trail)
                    tensor, count = None, 1
                times = count
                if times > self.limit():
                    self.too_much(repeat.node, frame)
            for at in range(times):
                if at:
                    self.count(body.node, frame)
                tensor = self.once(entry, tensor, frame)
        return tensor

    def once(self, entry: Entry, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        body, name = entry.body, entry.name
        if isinstance(body, Layer):
            return self.layer(body, name, tensor, frame)
        if isinstance(body, Broken):
            return None
        if frame.depth == DEEPEST:
            self.notes.add(f"nested more than {DEEPEST} levels deep", "", body.node, trail=frame.trail[:3])
            raise Stop
        frame = frame._replace(depth=frame.depth + 1)
        if isinstance(body, Use):
            return self.block(body, name, tensor, frame)
        if isinstance(body, Group):
            scope = frame.scope.inner(name) if name else frame.scope
            return self.run(body.entries, tensor, frame._replace(scope=scope))
        if isinstance(body, Residual):
            return self.residual(entry, body, tensor, frame)
        return self.join_branches(body, name, tensor, frame)

    def limit(self) -> int:
        return SLACK + GROWTH * self.library.written

    def count(self, node: Node, frame: Frame) -> None:
        self.steps += 1
        if self.steps > self.limit():
            self.too_much(node, frame)

    def too_much(self, node: Node, frame: Frame) -> None:
        message = f"the network unrolls to more than {self.limit():,} layers"
        self.notes.add(message, "take a smaller repeat", node, trail=frame.trail[:3])
        raise Stop

    def names(self, frame: Frame, tensor: Tensor | None) -> Mapping[str, Number]:
        if frame.own_input or tensor is None:
            return frame.names
        return {**frame.names, **axes_of(tensor.shape)}

    def compute(self, piece: Piece, frame: Frame, tensor: Tensor | None) -> Number | None:
        """The value of a piece that is one expression, or None and a problem."""
        (expression,) = piece.parts
        assert isinstance(expression, Expression)
        try:
            return expression(self.names(frame, tensor))
        except ExpressionError as fact:
            if tensor is not None or not expression.names & axis_names(4):
                self.notes.expression(fact, piece, expression.text, frame.trail)
            return None

    def layer(self, layer: Layer, name: str, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        spec = layer.spec or self.spelled_out(layer, tensor, frame)
        if spec is None or tensor is None:
            return None
        return self.emit(spec, layer, name or layer.label, (tensor,), frame)

    def spelled_out(self, layer: Layer | Join, tensor: Tensor | None, frame: Frame) -> Spec | None:
        """The spec that the words make with the values that hold here."""
        names = self.names(frame, tensor)
        words = []
        for piece in layer.pieces:
            try:
                word = fill(piece, names)
            except ExpressionError as fact:
                guilty = next((part for part in piece.parts if isinstance(part, Expression)), None)
                if guilty is not None and (tensor is not None or not guilty.names & axis_names(4)):
                    self.notes.expression(fact, piece, guilty.text, frame.trail)
                return None
            flag, equals, value = word[2:].partition("=") if word[:2] == "--" else ("", "", "")
            if equals and flag in OPTIONS and OPTIONS[flag].flag and not isinstance(piece.parts[-1], str):
                if value not in ("true", "false"):
                    message = f"{flag} needs true or false, not {value}"
                    self.notes.add(message, "", piece.node, piece.start, piece.end, frame.trail)
                    return None
                word = f"--{flag}" if value == "true" else f"--no-{flag}"
            words.append(word)
        try:
            spec = read(words, defaults=self.defaults)
        except Misread as misread:
            for at, wrong in misread.facts:
                self.misread(at, wrong, layer, frame)
            return None
        return spec

    def misread(self, at: int, fact: Invalid, layer: "Layer | Join", frame: Frame) -> None:
        """A mistake at a word, or behind the last one."""
        piece = layer.pieces[min(at, len(layer.pieces) - 1)]
        if at < len(layer.pieces):
            self.notes.add(fact.message, fact.hint, piece.node, piece.start, piece.end, frame.trail)
        elif isinstance(layer.node, Scalar):
            end = len(layer.node.text)
            self.notes.add(fact.message, fact.hint, layer.node, end, end + 1, frame.trail)
        else:
            self.notes.add(fact.message, fact.hint, layer.node, trail=frame.trail)

    def emit(
        self, spec: Spec, layer: Layer | Join, label: str, tensors: Sequence[Tensor], frame: Frame
    ) -> Tensor | None:
        """Adds the links of a layer to the graph; gives the output of the last."""
        shapes: Shapes = tuple([tensor.shape for tensor in tensors])
        try:
            links = linked(spec.kind, spec.words, spec.options, shapes)
            known = outputs(links, shapes)
        except Invalid as fact:
            self.misfit(fact, layer, frame)
            return None
        scope = frame.scope
        first, count = len(self.emitted) + 1, len(tensors)
        if len(links) == 1:
            sources = tuple([tensors[source].number for source in links[0].sources])
            self.emitted.append((scope, label, scope.take(label), links[0].op, sources, known[-1]))
            return Tensor(first, known[-1])
        inner = scope.inner(label)
        for at, link in enumerate(links):
            sources = tuple(
                [tensors[source].number if source < count else first + source - count for source in link.sources]
            )
            self.emitted.append((inner, link.name, inner.take(link.name), link.op, sources, known[count + at]))
        return Tensor(len(self.emitted), known[-1])

    def misfit(self, fact: Invalid, layer: Layer | Join, frame: Frame) -> None:
        """A layer that does not fit its input, under the option that is to blame."""
        start, end, node = 0, None, layer.node
        if isinstance(node, Scalar):
            at = index_of([match.group() for match in WORD.finditer(node.text)], fact.about)
            start, end = columns_of(node.text, at)
        elif layer.pieces:
            words = [piece.parts[0] if isinstance(piece.parts[0], str) else "" for piece in layer.pieces]
            node = layer.pieces[index_of(words, fact.about)].node
        self.notes.add(fact.message, fact.hint, node, start, end, frame.trail)

    def block(self, use: Use, name: str, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        block = self.library.blocks[use.block]
        values: dict[str, Number] = {}
        failed = False
        for (parameter, _), piece in zip(block.parameters, use.arguments):
            value = self.compute(piece, frame, tensor)
            failed |= value is None
            values[parameter] = 1 if value is None else value
        for parameter, piece in use.named:
            value = self.compute(piece, frame, tensor)
            failed |= value is None
            values[parameter] = 1 if value is None else value
        trail = (self.notes.source.at(use.node), *frame.trail) if self.notes.source.name else ()
        names: dict[str, Number] = {**self.parameters, **(axes_of(tensor.shape) if tensor else {})}
        for parameter, default in block.parameters:
            if parameter not in values and default is not None:
                try:
                    values[parameter] = default({**names, **values})
                except ExpressionError as fact:
                    if tensor is not None or not default.names & axis_names(4):
                        self.notes.expression(fact, Piece((), block.key), default.text, trail)
                    values[parameter], failed = 1, True
        if failed:
            tensor = None
        inner = Frame({**names, **values}, frame.scope.inner(name or use.block), True, trail, frame.depth)
        return self.run(block.entries, tensor, inner)

    def residual(self, entry: Entry, body: Residual, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        scope = frame.scope.inner(entry.name or "residual")
        inner = frame._replace(scope=scope)
        chosen = True if entry.when is None else self.compute(entry.when, frame, tensor)
        main = self.run(body.main, tensor, inner)
        if chosen is None:
            return None
        if not chosen:
            return main
        shortcut = tensor
        if body.shortcut:
            shortcut = self.run(body.shortcut, tensor, inner._replace(scope=scope.inner("shortcut")))
        if main is None or shortcut is None:
            return None
        if main.shape != shortcut.shape:
            what = "the shortcut gives" if body.shortcut else "its input is"
            message = (
                f"a residual cannot add {show(main.shape)} and {show(shortcut.shape)}: {what} {show(shortcut.shape)}"
            )
            hint = "shortcut: […] can change the shape, when: can leave the sum out"
            self.notes.add(message, hint, body.node, trail=frame.trail)
            return None
        joined = Join(body.node, (Piece(("add",), body.node),), ())
        return self.emit(Spec("add", (), {}), joined, "add", (main, shortcut), inner)

    def join_branches(self, body: Join, name: str, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        kind = "".join(part for part in body.pieces[0].parts if isinstance(part, str))
        scope = frame.scope.inner(name or kind)
        inner = frame._replace(scope=scope)
        ends = []
        for branch, entries in body.branches:
            self.count(body.node, frame)
            label = "input" if branch == kind else branch
            ends.append(self.run(entries, tensor, inner._replace(scope=scope.inner(label) if entries else scope)))
        spec = self.spelled_out(body, tensor, frame)
        if spec is None or any(end is None for end in ends):
            return None
        return self.emit(spec, body, kind, [end for end in ends if end is not None], inner)
