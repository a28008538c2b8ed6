"""``sepcalc kinds``: every kind of layer, its words and options, and how it is counted."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.kinds import KINDS
from sepcalc.options import OPTIONS, Option
from sepcalc.reports import Lines, Row, Section, Table, columns
from sepcalc.shape import show

SHAPES = ("12x12x16", "12x16", "100", "")  # what examples begin with, the first that fits


class KindsReport(NamedTuple):
    """The tables that the parser reads, for all kinds or for one."""

    kind: str = ""

    def sections(self) -> list[Section]:
        if self.kind:
            return self._page()
        kinds = [
            Row((name, " ".join(OPTIONS[option].shortest for option in kind.options), kind.counted))
            for name, kind in KINDS.items()
        ]
        options = [Row((option.usage, option.default, option.help)) for option in OPTIONS.values()]
        words = [Row((name, words)) for name in KINDS for words in _words(name)]
        return [
            Table("Kinds", columns("kind", "options", "how it is counted"), kinds),
            Table("Words that follow a kind", columns("kind", "words ([…]: may be left out)"), words),
            Table("Options", columns("option", "default", "what it is"), options),
        ]

    def _page(self) -> list[Section]:
        """One kind: how it is counted, its words, its options, what it reads, an example."""
        kind = KINDS[self.kind]
        lines = [kind.counted]
        if kind.free_word:
            lines.append(f"{kind.free_word} follows it, as in {kind.example}")
        lines += [f"words: {words}" for words in _words(self.kind)]
        if kind.begins or kind.several:
            lines.append("takes no input" if kind.begins else "takes several inputs")
        sections: list[Section] = [Lines(self.kind, lines)]
        if kind.options:
            rows = [
                Row((option.usage, "must be given" if option.name in kind.needs else option.default, option.help))
                for option in self._options()
            ]
            sections.append(Table("Options", columns("option", "default", "what it is"), rows))
        if self.kind == "act":
            sections.append(_formulas())
        if example := _example(self.kind):
            sections.append(Lines("For example", [f"sepcalc layer {example}"]))
        return sections

    def _options(self) -> list[Option]:
        """The options of the kind, or all options, in the order of the table."""
        return [option for option in OPTIONS.values() if not self.kind or option.name in KINDS[self.kind].options]

    def document(self) -> Mapping[str, Any]:
        options = [
            {
                "name": option.name,
                "short": option.short or None,
                "value": option.type.metavar or None,
                "default": option.default or None,
                "help": option.help,
            }
            for option in self._options()
        ]
        return {"format": "sepcalc-kinds/1", "kinds": list(self.records()), "options": options}

    def records(self) -> Iterable[Mapping[str, Any]]:
        for name, kind in KINDS.items():
            if name == (self.kind or name):
                yield {
                    "name": name,
                    "words": [list(slot) for slot in kind.words()],
                    "needs": list(kind.needs),
                    "takes": list(kind.takes),
                    "counted": kind.counted,
                }


def _words(name: str) -> list[str]:
    """The choices for each word after a kind. A word that may be left out stands in brackets."""
    slots = KINDS[name].words()
    return [
        f"[{' | '.join(slot)}]" if at >= len(slots) - KINDS[name].optional else " | ".join(slot)
        for at, slot in enumerate(slots)
    ]


def _formulas() -> Table:
    from sepcalc.ops.elementwise import ACTIVATIONS

    rows = [Row((name, formula.text)) for name, formula in ACTIVATIONS.items()]
    return Table("Formulas", columns("word", "of each element"), rows)


def _example(name: str) -> str:
    """A spec of the kind that runs, or an empty text."""
    from sepcalc.errors import InputError
    from sepcalc.meant import line
    from sepcalc.spec import parse

    def accepts(words: Sequence[str]) -> str | None:
        try:
            spec = parse(" ".join(words))
            return show(spec.output) if spec.inputs or KINDS[name].begins else None
        except InputError:
            return None

    if KINDS[name].free_word:
        return f"8x8 {KINDS[name].example}" if name != "uncounted" else f"12x12x16 {KINDS[name].example}"
    for shape in SHAPES:
        text = f"{shape} {name}".strip()
        if accepts(text.split()) is not None:
            return text
        if (found := line(text, accepts)) and len(found.layers) == 1:
            return found.text
    return ""
