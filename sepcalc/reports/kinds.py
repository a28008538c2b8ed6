"""``sepcalc kinds``: every kind of layer, its words and options, and how it is counted."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sepcalc.kinds import KINDS
from sepcalc.options import OPTIONS
from sepcalc.reports import Column, Row, Section, Table


class KindsReport(NamedTuple):
    """The tables that the parser reads, written out."""

    def sections(self) -> list[Section]:
        kinds = [
            Row((name, " ".join(OPTIONS[option].shortest for option in kind.options), kind.counted))
            for name, kind in KINDS.items()
        ]
        options = [Row((option.usage, option.default, option.help)) for option in OPTIONS.values()]
        words = [
            Row((name, f"[{' | '.join(slot)}]" if at >= len(slots) - KINDS[name].optional else " | ".join(slot)))
            for name, slots in ((name, kind.words()) for name, kind in KINDS.items())
            for at, slot in enumerate(slots)
        ]
        return [
            Table("Kinds", [Column("kind"), Column("options"), Column("how it is counted")], kinds),
            Table("Words that follow a kind", [Column("kind"), Column("words ([…]: may be left out)")], words),
            Table("Options", [Column("option"), Column("default"), Column("what it is")], options),
        ]

    def document(self) -> Mapping[str, Any]:
        options = [
            {
                "name": option.name,
                "short": option.short or None,
                "value": option.type.metavar or None,
                "default": option.default or None,
                "help": option.help,
            }
            for option in OPTIONS.values()
        ]
        return {"format": "sepcalc-kinds/1", "kinds": list(self.records()), "options": options}

    def records(self) -> Iterable[Mapping[str, Any]]:
        for name, kind in KINDS.items():
            yield {
                "name": name,
                "words": [list(slot) for slot in kind.words()],
                "needs": list(kind.needs),
                "takes": list(kind.takes),
                "counted": kind.counted,
            }
