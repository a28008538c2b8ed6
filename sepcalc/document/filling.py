"""Words of a layer -> its spec, with the values of the expressions in them."""

from sepcalc.document.entries import AXIS_NAMES, Join, Layer
from sepcalc.document.graph import Frame, Graph
from sepcalc.document.pieces import fill
from sepcalc.document.scopes import Tensor
from sepcalc.errors import Invalid
from sepcalc.expression import Expression, ExpressionError
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Scalar
from sepcalc.options import OPTIONS
from sepcalc.spec import Misread, Spec, answered, read


class _Unfilled(Exception):
    """A word whose expression has no value here."""


class Filling(Graph):
    """A graph that fills the words of layers."""

    def spelled_out(self, layer: Layer | Join, tensor: Tensor | None, frame: Frame) -> Spec | None:
        """The spec that the words make with the values that hold here."""
        notes = frame.file.notes
        before = len(notes.problems)
        try:
            return self.filled(layer, tensor, frame)
        except Misread as misread:
            facts = misread.facts
        except _Unfilled:
            facts = ()
        if id(layer) not in self.refused:  # however often it runs
            from sepcalc.document import guesses

            self.refused.add(id(layer))
            names = self.names(frame, tensor)
            blocks, line, defaults = self.library.blocks, not notes.source.name, frame.file.defaults
            placed = guesses.moved(layer.node, blocks) if isinstance(layer.node, MappingNode) else None
            found = None if placed else guesses.read_layer(guesses.of_pieces(layer, names), defaults, blocks, names)
            for at, fact in answered(facts, len(layer.pieces), found):
                self.misread(at, fact, layer, frame)
            if placed:
                notes.answer(before, guesses.layer(placed[0], defaults, blocks, placed[1], line))
            elif found:
                notes.answer(before, guesses.entry(found, (), line))
        return None

    def filled(self, layer: Layer | Join, tensor: Tensor | None, frame: Frame) -> Spec:
        """The same. Raises Misread, or _Unfilled where an expression has no value, which is noted."""
        names = self.names(frame, tensor)
        words = []
        for piece in layer.pieces:
            parts = piece.parts
            if len(parts) == 1 and isinstance(parts[0], str):
                words.append(parts[0])
                continue
            try:
                word = fill(piece, names)
            except ExpressionError as fact:
                guilty = next((part for part in piece.parts if isinstance(part, Expression)), None)
                if guilty is not None and (tensor is not None or not guilty.names & AXIS_NAMES):
                    fact = self.no_number(fact, guilty, names, frame)
                    frame.file.notes.expression(fact, piece, guilty.text, frame.trail)
                raise _Unfilled from fact
            flag, equals, value = word[2:].partition("=") if word[:2] == "--" else ("", "", "")
            if equals and flag in OPTIONS and OPTIONS[flag].flag and not isinstance(piece.parts[-1], str):
                if value not in ("true", "false"):
                    frame.note(f"{flag} needs true or false, not {value}", "", piece)
                    raise _Unfilled
                word = f"--{flag}" if value == "true" else f"--no-{flag}"
            words.append(word)
        return read(words, defaults=frame.file.defaults)

    def misread(self, at: int, fact: Invalid, layer: "Layer | Join", frame: Frame) -> None:
        """A mistake at a word, or behind the last one."""
        piece = layer.pieces[min(at, len(layer.pieces) - 1)]
        if at < len(layer.pieces):
            frame.note(fact.message, fact.hint, piece)
        elif isinstance(layer.node, Scalar):
            end = len(layer.node.text)
            frame.note(fact.message, fact.hint, layer.node, end, end + 1)
        else:
            frame.note(fact.message, fact.hint, layer.node)
