"""What a YAML parser refuses, in plain words. The C half and the Python half of PyYAML word it differently."""

import re
from typing import Any, NamedTuple

from sepcalc.errors import SHOWN, printable, quoted
from sepcalc.yaml_text import REACH, Place, Source, end_of, lines_of

DEPTH = 100  # collections within each other


class Refusal(NamedTuple):
    """What is refused, and where (line and column from 0)."""

    where: Place
    message: str
    hint: str = ""
    end: int | None = None  # of the caret, counted from its beginning; None: of the word


_ALL = "quote all of the text, or nothing of it; inside '…' a quote is doubled: 'it''s'"
ESCAPE = ("an escape that YAML does not know", "inside '…' a backslash is a backslash")
DIRECTIVE = ("a line that begins with % is a directive: a network has none", "quote a text that begins with %")


def _above(source: Source, line: int) -> str:
    """The last line with something on it above one, as it stands."""
    return next(filter(str.strip, reversed(lines_of(source.text)[max(0, line - 9) : line])), "")


def _beside(above: str) -> str:
    """What a spec needs that keys stand below, by the line that it stands on."""
    text = re.sub(r"\s+#.*", "", above).strip()
    spec = text if text[:2] == "- " and text[-1:] != ":" and len(text) <= SHOWN else "- conv -k3 -o8"
    return f"a spec with other keys below it ends with a colon: {printable(spec)}:"


def refused_syntax(source: Source, error: Any) -> Refusal:
    """What the parser refused, in plain words. ``problem_mark`` is where it stopped, ``context_mark`` where the
    thing that it was reading begins."""
    context, problem = error.context or "", error.problem or ""
    mark, begin = error.problem_mark, error.context_mark or error.problem_mark
    assert mark is not None
    assert begin is not None
    text = source.line(mark.line)
    found, before = text[mark.column : mark.column + 1], text[: mark.column]
    opening = source.line(begin.line)[begin.column : begin.column + 1]
    ended = not found and not any(map(str.strip, lines_of(source.text)[mark.line + 1 :]))
    here = end_of(source) if ended else (mark.line, mark.column)  # libyaml's marks go one line too far
    there = (begin.line, begin.column)
    shown = quoted(found) if found else "the end of the text" if ended else "the end of the line"

    if "nesting depth" in problem:  # libyaml has a limit of its own, and reads ahead to it
        return Refusal((mark.line, mark.column), f"nested more than {DEPTH} levels deep", end=1)
    if found == "\t" or "\t" in before[: len(before) - len(before.lstrip())]:
        place = (mark.line, text.index("\t") if not before.strip() else mark.column)
        return Refusal(place, "a tab cannot indent", "indent with spaces", 1)
    if "directive" in context + problem or "YAML document" in problem or "version number" in problem or text[:1] == "%":
        return Refusal((mark.line, 0), *DIRECTIVE)
    if "escape" in problem or "hexdecimal" in problem:
        return Refusal((mark.line, max(0, text.rfind("\\", 0, mark.column + 1))), *ESCAPE, end=2)
    if "quoted scalar" in context:
        return Refusal(there, "the quote is never closed", "", 1)
    if "mapping values" in problem:
        above = _above(source, mark.line)
        if ": " in before:
            hint = "quote a text that holds ': '"
        elif above.lstrip()[:2] == "- ":
            hint = _beside(above)
        else:
            hint = "the keys of a mapping begin in one column"
        return Refusal(here, "a ':' makes a mapping, and none can stand here", hint, 1)
    if "sequence entries" in problem:
        hint = "begin it in a line of its own, below its key"
        return Refusal(here, "a '-' makes a sequence, and none can stand here", hint, 1)
    if "cannot start any token" in problem:
        return Refusal(here, f"no text can begin with {quoted(found)}", "quote it", 1)
    if context in ("while parsing a flow sequence", "while parsing a flow mapping"):
        closing = {"[": "]", "{": "}"}.get(opening, "")
        if ended:
            return Refusal(there, f"'{opening}' is never closed: expected '{closing}'", "", 1)
        if found in ("[", "{"):
            hint = "quote what holds braces, brackets or commas"
        elif mark.line > begin.line:
            hint = f"'{opening}' in line {begin.line + 1} is not closed"
        else:
            hint = "quote a text that holds ': '" if found == ":" else _ALL if before.rstrip()[-1:] in "'\"" else ""
        return Refusal(here, f"expected ',' or '{closing}', not {shown}", hint, 1)
    if context in ("while parsing a block mapping", "while parsing a block collection") or "document start" in problem:
        what = "sequence" if "collection" in context else "mapping" if context else "document"
        message = f"this does not belong to the {what} that begins in line {begin.line + 1}"
        if found in ("]", "}"):
            return Refusal(here, f"{quoted(found)} closes nothing", "", 1)
        if not context:
            return Refusal(here, "this stands after the end of the document", _ALL if before[-1:] else "")
        if before.strip():
            return Refusal(here, "this stands after the end of a value", _ALL)
        beside = (
            what == "sequence"
            and here[1] > begin.column
            and re.match(r"\s*[\w-]+:(\s|$)", source.line(here[0])[:REACH])
        )
        apart = f"what belongs to one {what} begins in one column"
        return Refusal(here, message, _beside(_above(source, here[0])) if beside else apart)
    if "simple key" in context:
        hint = "a space follows ':' and '-'" if re.match(r"\s*-\S|.*:\S", source.line(begin.line)[:REACH]) else ""
        key = source.line(begin.line).strip()
        if not hint and " -" in key and len(key) <= SHOWN:
            hint = f"{printable(key)}:"
        return Refusal(there, "a key without a value: expected ':' after it", hint)
    if "node content" in problem:
        hint = "quote a text that begins with it" if found in ("]", "}") else ""
        return Refusal(here, f"expected a value, not {shown}", hint, 1)
    if context.endswith((" anchor", " alias", " tag", " node")):
        return Refusal(there, f"no text can begin with {quoted(opening)}", "quote it", 1)
    words = f"{context}, {problem}" if context else problem
    return Refusal(here, printable(words.replace("did not find expected", "expected")), "", 1)
