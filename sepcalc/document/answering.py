"""What was meant by an entry that cannot be read: the hints of its problems."""

from collections.abc import Mapping, Sequence

from sepcalc.document.entries import MODIFIERS, File, Library
from sepcalc.document.modifiers import Modifying
from sepcalc.document.problems import Notes
from sepcalc.errors import Invalid
from sepcalc.kinds import unknown_kind
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Scalar
from sepcalc.nodes import Sequence as SequenceNode
from sepcalc.options import Value
from sepcalc.spec import EACH


class Answering(Modifying):
    """Looks for the layers that were meant in one text."""

    def __init__(self, notes: Notes, library: Library, defaults: Mapping[str, Value]) -> None:
        super().__init__(notes, library)
        self.file = File(notes, defaults)

    def answer(self, before: int, text: str, beside: Sequence[str] = ()) -> None:
        """Looks for the layer that was meant by a text, as the hint for all problems but the first ``before``."""
        if len(self.notes.problems) > before and self.library.whole:
            from sepcalc.document.guesses import layer

            blocks, line = (*self.blocks, *self.refused), not self.notes.source.name
            self.notes.answer(before, layer(text, self.file.defaults, blocks, beside, line))

    def answer_list(self, before: int, texts: Sequence[str], what: str = "") -> None:
        """The same for a list, that of the key ``what`` where one was expected: the words of a layer, or layers."""
        from sepcalc.document.guesses import listed

        if self.library.whole and (found := listed(texts, self.file.defaults, (*self.blocks, *self.refused), what)):
            self.notes.answer(before, found)
        elif not what and not any(" " in text for text in texts):
            self.answer(before, " ".join(texts))

    def answer_mapping(self, before: int, node: MappingNode, key: str = "") -> None:
        """The same for an entry in long form: the one key that says what it is, or whichever does elsewhere."""
        from sepcalc.document.guesses import in_list, moved, of_mapping, of_options

        if found := moved(node, (*self.blocks, *self.refused)):
            self.answer(before, *found)
            return
        if key:
            value = node.values[key]
            beside = [
                f"{name}: {other.text}"
                for name, other in node.values.items()
                if name in MODIFIERS and isinstance(other, Scalar)
            ]
            if isinstance(value, MappingNode):
                text = of_options(key, value.values)
            elif isinstance(value, SequenceNode):
                texts = [item.text for item in value.items if isinstance(item, Scalar)]
                text = " ".join((key, *texts)) if len(texts) == len(value.items) else None
            else:
                text = f"{key} {value.text}" if isinstance(value, Scalar) else None
            if text is not None and len(beside) == len(node.values) - 1:
                self.answer(before, text, beside)
        elif found := of_mapping(node):
            self.answer(before, *found)
        elif len(texts := in_list(node)) > 1:
            self.answer_list(before, texts)

    def unknown(self, word: str, node: Scalar) -> None:
        """Notes a word that is no kind and no block."""
        if not self.library.whole:
            return
        fact = self.no_kind(word)
        start = node.text.find(word)
        self.notes.add(fact.message, fact.hint, node, start, start + len(word))

    def no_kind(self, word: str, also: Sequence[str] = ()) -> Invalid:
        """Why a word where a kind was expected is none."""
        if word == EACH:
            return Invalid(f"{EACH} stands before the kind of a layer", f"for example {EACH} conv -k3 -o8")
        if word in self.blocks:
            return Invalid(f"{EACH} takes a layer, not the block {word}", "it can stand before each layer in the block")
        return unknown_kind(word, (*self.blocks, *also))
