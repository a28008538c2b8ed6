"""The pages that a reader has, and the blocks in them: what the tests run."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(
    r"(?:^<!-- (?P<mark>.*?) -->\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.M | re.S
)
_NAMED = re.compile(r"# ([\w./-]+\.\w+)\n")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


class Block(NamedTuple):
    """A fenced block: its page, its first line there, its language, its text, and the comment before it."""

    page: str
    line: int
    language: str
    text: str
    mark: str = ""

    @property
    def file(self) -> str:
        """The file that the block is, if its first line is a comment that names one: ``# net.yaml``."""
        named = _NAMED.match(self.text)
        return named[1] if named else ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def name_of(page: Path) -> str:
    """``docs/gate.md``."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page, in these languages, or all."""
    text, found = page.read_text("utf-8"), []
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("language")) + 2
        inside = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.M)
        block = Block(name_of(page), line, match["language"], inside, match["mark"] or "")
        if block.language in languages or not languages:
            found.append(block)
    return found


def prose(page: Path) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def inline(page: Path) -> list[str]:
    """What stands between single backticks, in the order of the page, each once."""
    return list(dict.fromkeys(text.replace("\\|", "|") for text in _INLINE.findall(prose(page))))
