"""Entries -> a graph of ops: the entries run on the inputs, with the values of the parameters."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sepcalc.document.entries import (
    AXIS_NAMES,
    Broken,
    Entry,
    Group,
    Join,
    Layer,
    Modifiers,
    Residual,
    Scan,
    Stages,
    Use,
    axes_of,
    label_of,
)
from sepcalc.document.filling import Filling
from sepcalc.document.graph import GROWTH, SLACK, Frame, Stop
from sepcalc.document.naming import ALL, NAME
from sepcalc.document.pieces import Piece
from sepcalc.document.scopes import INPUT, PREVIOUS, Named, Tensor
from sepcalc.errors import near_miss, quoted
from sepcalc.expression import ExpressionError, as_text
from sepcalc.expression import Value as Number
from sepcalc.shape import show
from sepcalc.spec import Spec

MAX_DEPTH = 100  # blocks, groups and branches within each other
NOTHING = Modifiers()
LEFT_OUT = (
    "when is false, which leaves out the sum and the shortcut; a when: within the shortcut leaves out that alone, "
    "and the input is added"
)


class Bound(NamedTuple):
    """What a use of a block binds: the names for its expressions, the layers that its parameters are, and the places
    that it is used from. ``failed``: some argument has no value."""

    names: Mapping[str, Number]
    layers: Mapping[str, Named]
    trail: tuple[str, ...]
    failed: bool


class Run(Filling):
    """A graph that grows from entries."""

    def run_all(self, entries: Sequence[Entry]) -> None:
        """Runs the layers of the network."""
        first = next(iter(self.scope.named.values()))[0].end if self.inputs else None
        notes = self.file.notes
        self.most = SLACK + GROWTH * self.library.written
        try:
            end = self.run(entries, first, Frame(self.parameters, self.file, self.scope))
        except Stop:
            return
        finally:
            self.tell_late()
        if not self.emitted and end is not None and not notes.problems:
            notes.add("the network has no layers", "", None)

    # --- entries

    def run(self, entries: Sequence[Entry], tensor: Tensor | None, frame: Frame) -> Tensor | None:
        """One entry after another; after a mistake the shape is unknown (None), and only mistakes are looked for."""
        for entry in entries:
            body, modifiers = entry
            self.steps += 1
            if self.steps > self.most:
                self.too_much(body.node, frame)
            if modifiers is None and tensor is not None and type(body) is Layer and body.spec is not None:
                begin = () if body.begins else (tensor,)
                tensor = self.emit(body.spec, body, body.label, begin, frame)  # most of all entries
            elif modifiers is not None:
                tensor = self.modified(entry, modifiers, tensor, frame)
            elif type(body) is Layer:
                tensor = self.layer(body, "", (tensor,), frame)
            else:
                tensor = self.once(entry, NOTHING, (tensor,), frame)
        return tensor

    def modified(self, entry: Entry, modifiers: Modifiers, before: Tensor | None, frame: Frame) -> Tensor | None:
        """An entry with what stands beside it; its end, or what was before if it is left out."""
        body, (name, repeat, when, origin, weights, shared, constant, more, fixed, choices) = entry.body, modifiers
        begin = tuple(self.origin(origin, before, frame)) if origin else (before,)
        if choices:
            found = self.choose(entry, True, frame, begin[0])
            if found is None:
                self.unchosen(name, frame)
                return None
            frame = found
        if when is not None and not isinstance(body, Residual):
            chosen = self.compute(when, frame, begin[0])
            if not chosen:
                end = None if chosen is None else before
                if name:
                    frame.scope.name(name, Named(end))
                return end
        times = 1
        if repeat is not None:
            count = self.times(repeat, frame, begin[0])
            times, begin = (1, (None,) * len(begin)) if count is None else (count, begin)
        end = before
        own = None
        for at in range(times):
            if at:
                self.count(body.node, frame)
                begin = (end,)
            first = len(self.emitted)
            inside = frame._replace(names={**frame.names, "index": at}) if repeat is not None else frame
            if choices:
                found = self.choose(entry, False, inside, begin[0])
                if found is None:
                    self.unchosen(name, frame)
                    return None
                inside = found
            end = self.once(entry, modifiers, begin, inside)
            named = Named(end, first, len(self.emitted))
            self.shown.most = first  # what follows refers to others
            if weights is not None and end is not None:
                from sepcalc.document.sharing import share

                if own is None and weights.text == name and repeat is not None:
                    own = named
                elif owner := own or self.find(weights, frame, "layer"):
                    share(self, weights, owner, named, frame)
            if (shared or constant or more or fixed) and end is not None:
                from sepcalc.document.sharing import counted_elsewhere

                counted_elsewhere(self, modifiers, named, inside, begin[0])
            self.shown.most = ALL
            if name:
                frame.scope.name(name, named)
        return end

    def choose(self, entry: Entry, once: bool, frame: Frame, tensor: Tensor | None) -> Frame | None:
        """The frame with the names of the entry's open choices, or None after a mistake."""
        from sepcalc.document.choosing import choose

        return choose(self, entry, once, frame, tensor)

    def unchosen(self, name: str, frame: Frame) -> None:
        """The end of an entry whose choices have no values: it is unknown."""
        if name:
            frame.scope.name(name, Named(None))

    def times(self, repeat: Piece, frame: Frame, tensor: Tensor | None) -> int | None:
        """How often, or None after a mistake."""
        count = self.compute(repeat, frame, tensor)
        if count is None:
            return None
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            frame.note(f"repeat is {as_text(count)}: expected a whole number from 1", "when: leaves a part out", repeat)
            return None
        if count > self.most:
            self.too_much(repeat.node, frame)
        return count

    def once(self, entry: Entry, modifiers: Modifiers, begin: tuple[Tensor | None, ...], frame: Frame) -> Tensor | None:
        """One entry, once: its output, or None after a mistake."""
        body, name = entry.body, modifiers.name
        if isinstance(body, Layer):
            return self.layer(body, name, begin, frame)
        if isinstance(body, Broken):
            return None
        if frame.depth == MAX_DEPTH:
            again = len({*frame.trail}) < len(frame.trail)
            hint = "a block that uses itself, at once or by way of others, ends by a when:" if again else ""
            frame.file.notes.add(f"nested more than {MAX_DEPTH} levels deep", hint, body.node, trail=frame.trail[:3])
            raise Stop
        tensor = begin[0]
        if len(begin) > 1:
            what = "these branches start" if isinstance(body, Join) else "this starts"
            hint = "concat: [] with from: […] joins layers first"
            frame.note(f"{what} from one layer, not {len(begin)}", hint, modifiers.origin[1])
            tensor = None
        frame = frame._replace(depth=frame.depth + 1)
        if isinstance(body, Use):
            return self.block(body, name, tensor, frame)
        if isinstance(body, Scan):
            return self.scan(body, name, tensor, frame)
        label = label_of(body, name)
        scope = frame.scope.inner(label) if label else frame.scope
        first = len(self.emitted)
        end = self.inside(body, modifiers, tensor, frame._replace(scope=scope))
        if scope is not frame.scope:
            scope.done = Named(end, first, len(self.emitted))
        return end

    def inside(
        self, body: Residual | Join | Stages | Group, modifiers: Modifiers, tensor: Tensor | None, frame: Frame
    ) -> Tensor | None:
        """What stands in a scope of its own, run there."""
        if isinstance(body, Residual):
            return self.residual(modifiers, body, tensor, frame)
        if isinstance(body, Join):
            return self.join_branches(body, tensor, frame)
        if isinstance(body, Stages):
            return self.stages(body, tensor, frame)
        return self.run(body.entries, tensor, frame)

    def scan(self, body: Scan, name: str, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        """A step run once, as a graph of its own."""
        from sepcalc.document.scanning import inputs_of, joined

        inputs = inputs_of(self, body, tensor, frame)
        if inputs is None:
            return None
        inner = Run(self.file, self.library, self.parameters, inputs)
        inner.steps, inner.most, inner.pick, inner.chosen = self.steps, self.most, self.pick, self.chosen
        step = frame._replace(scope=inner.scope)
        begin = inner.scope.find(INPUT)
        try:
            inner.run(body.step, begin.end if begin else None, step)
            found = [inner.find(carried, step, "step") for carried in body.carried]
        finally:
            inner.tell_late()
            self.steps = inner.steps
        ends = [named.end for named in found if named and named.end]
        return joined(self, inner, body, ends, name, tensor, frame)

    def stages(self, body: Stages, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        """The rows of a stage table, one after another."""
        for first, others, repeat in body.rows:
            times = 1
            if repeat is not None:
                count = self.times(repeat, frame, tensor)
                times, tensor = (1, None) if count is None else (count, tensor)
            for at in range(times):
                self.count(first.node, frame)
                tensor = self.block(others if at else first, "", tensor, frame)
        return tensor

    def layer(self, layer: Layer, name: str, begin: tuple[Tensor | None, ...], frame: Frame) -> Tensor | None:
        """A layer, its words filled with the values that hold here."""
        spec = layer.spec or self.spelled_out(layer, begin[0], frame)
        begin = () if layer.begins else begin
        known = [tensor for tensor in begin if tensor is not None]
        if spec is None or len(known) < len(begin):
            return None
        return self.emit(spec, layer, name or layer.label, known, frame)

    def block(self, use: Use, name: str, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        """The layers of a block, with the values of its parameters."""
        bound = self.bound(use, tensor, frame)
        if bound.failed:
            tensor = None
        scope = frame.scope.inner(name or use.block)
        scope.name(INPUT, Named(tensor))
        for parameter, layer in bound.layers.items():
            scope.name(parameter, layer)
        block = self.library.blocks[use.block]
        inner = Frame(bound.names, block.file, scope, True, bound.trail, frame.depth)
        first = len(self.emitted)
        end = self.run(block.entries, tensor, inner)
        scope.done = Named(end, first, len(self.emitted))
        return end

    def bound(self, use: Use, tensor: Tensor | None, frame: Frame) -> Bound:
        """The parameters of a block with their values in one use of it."""
        block = self.library.blocks[use.block]
        values: dict[str, Number] = {}
        layers: dict[str, Named] = {}
        failed = False
        for parameter, piece in (*zip([name for name, _ in block.parameters], use.arguments), *use.named):
            value = self.argument(piece, frame, tensor)
            failed |= value is None
            if isinstance(value, Named) or value is None:
                layers[parameter] = value or Named(None)
            if not isinstance(value, Named):
                values[parameter] = 1 if value is None else value
        trail = (frame.file.notes.source.at(use.node), *frame.trail) if self.file.notes.source.name else ()
        names: dict[str, Number] = {**self.parameters, **(axes_of(tensor.shape) if tensor else {})}
        for parameter, default in block.parameters:
            if parameter not in values and parameter not in layers and default is not None:
                if default.text in (INPUT, PREVIOUS):
                    layers[parameter] = Named(tensor)
                    continue
                try:
                    values[parameter] = default({**names, **values})
                except ExpressionError as fact:
                    if tensor is not None or not default.names & AXIS_NAMES:
                        block.file.notes.expression(fact, Piece((), block.key), default.text, trail)
                    values[parameter], failed = 1, True
        return Bound({**names, **values}, layers, trail, failed)

    def argument(self, piece: Piece, frame: Frame, tensor: Tensor | None) -> Number | Named | None:
        """What a block is given: a number, or a layer by its name; None and a problem where it is neither."""
        (given,) = piece.parts
        text = given if isinstance(given, str) else given.text
        if isinstance(given, str) or (
            given.names and given.names - self.names(frame, tensor).keys() and NAME.fullmatch(text)
        ):
            if text == PREVIOUS and not frame.scope.find(PREVIOUS):
                return Named(tensor)
            if found := self.named(text, frame):
                return found
            if isinstance(given, str):
                hint = near_miss(text, [*frame.scope.known(), *self.shown.known(frame.scope)])
                frame.note(f"there is no layer {quoted(text)} before this one", hint, piece)
                return None
        return self.compute(piece, frame, tensor)

    def residual(self, modifiers: Modifiers, body: Residual, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        """Two paths and their sum; only the main one where ``when`` is false."""
        chosen = True if modifiers.when is None else self.compute(modifiers.when, frame, tensor)
        main = self.run(body.main, tensor, frame)
        if chosen is None:
            return None
        if not chosen:
            if body.shortcut:
                self.remark(LEFT_OUT, body.node, frame)
            return main
        shortcut = tensor
        if body.shortcut:
            side, begin = frame.scope.inner("shortcut"), len(self.emitted)
            shortcut = self.run(body.shortcut, tensor, frame._replace(scope=side))
            side.done = Named(shortcut, begin, len(self.emitted))
        if main is None or shortcut is None:
            return None
        if main.shape != shortcut.shape:
            first, second = main, shortcut

            def tell() -> None:
                what = "the shortcut's" if body.shortcut else "its input"
                message = (
                    f"a residual cannot add {show(first.shape)} (from {self.told(first)}) "
                    f"and {show(second.shape)} ({what}, from {self.told(second)})"
                )
                frame.note(message, "shortcut: […] can change the shape, when: can leave the sum out", body.node)

            self.later(tell)
            return None
        joined = Join(body.node, (Piece(("add",), body.node),), ())
        return self.emit(Spec("add", (), {}), joined, "add", (main, shortcut), frame)

    def join_branches(self, body: Join, tensor: Tensor | None, frame: Frame) -> Tensor | None:
        """Every branch from the same tensor, then the join."""
        kind = label_of(body, "")
        ends = []
        for branch, entries in body.branches:
            self.count(body.node, frame)
            scope, first = (
                frame.scope.inner("input" if branch == kind else branch) if entries else frame.scope,
                len(self.emitted),
            )
            ends.append(self.run(entries, tensor, frame._replace(scope=scope)))
            if entries:
                scope.done = Named(ends[-1], first, len(self.emitted))
        spec = self.spelled_out(body, tensor, frame)
        if spec is None or any(end is None for end in ends):
            return None
        return self.emit(spec, body, kind, [end for end in ends if end is not None], frame)
