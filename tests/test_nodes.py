"""YAML as nodes: what they hold and where they stand, what is refused and in which words, with both halves of
PyYAML."""

from typing import Any

import pytest
import yaml
from helpers import ids
from hypothesis import given
from hypothesis import strategies as st

from sepcalc import nodes
from sepcalc.errors import InputError
from sepcalc.nodes import Mapping, Node, Scalar, Sequence, Source, decode, read

LOADERS = [yaml.BaseLoader, *([yaml.CBaseLoader] if hasattr(yaml, "CBaseLoader") else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "LOADER", request.param)


def plain(node: Node) -> Any:
    """The tree without its places."""
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    if isinstance(node, Mapping):
        return {key: plain(value) for key, value in node.values.items()}
    return node.text


def refusal(text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(Source("FILE", text))
    return str(caught.value)


TREES = [  # a text, and what it holds: texts as they were written, whatever YAML 1.1 makes of them
    ("a: 1e9\nb: 010\nc: on\nd: 3:3", {"a": "1e9", "b": "010", "c": "on", "d": "3:3"}),
    ("- ~\n- null\n- 0x1F\n- 1_000\n- 2001-01-01\n- .inf", ["~", "null", "0x1F", "1_000", "2001-01-01", ".inf"]),
    ("{a: [1, {b: 2}], c: }", {"a": ["1", {"b": "2"}], "c": ""}),
    ("[{width}, {a, b: c}, d: e]", [{"width": ""}, {"a": "", "b": "c"}, {"d": "e"}]),
    ("'it''s': \"a\\tb\\x41\"", {"it's": "a\tbA"}),
    ("a: |\n  b\n   c\nd: >-\n  e\n  f", {"a": "b\n c\n", "d": "e f"}),
    ("a: b\n c", {"a": "b c"}),
    ("'<<': a", {"<<": "a"}),
    ("--- # one document\na\n...\n", "a"),
    ("''", ""),
    ("\ufeffa: b", {"a": "b"}),
    ("a: 1\r\nb: 2\rc: 3\n", {"a": "1", "b": "2", "c": "3"}),
    ("größe: 中 # 🙂\n🙂: é", {"größe": "中", "🙂": "é"}),
    ("conv -k3 -o{n}", "conv -k3 -o{n}"),
    ("[" * 100 + "]" * 100, None),
]


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(("text", "tree"), TREES, ids=ids(TREES))
def test_trees(text: str, tree: Any) -> None:
    for _ in range(99 if tree is None else 0):
        tree = [tree] if tree else [[]]
    assert plain(read(Source("FILE", text))) == tree


@pytest.mark.usefixtures("_loader")
def test_places() -> None:
    root = read(Source("FILE", '\ufeffä🙂: [b, "c"]\r\n# no\r\nd:\r\n  - e: |\r\n      f'))
    key, other = Scalar("ä🙂", 0, 0), Scalar("d", 2, 0)
    inner = Mapping({"e": Scalar("e", 3, 4)}, {"e": Scalar("f", 3, 7, True)}, 3, 4)
    first = Sequence([Scalar("b", 0, 5), Scalar("c", 0, 8, True)], 0, 4)
    assert root == Mapping({"ä🙂": key, "d": other}, {"ä🙂": first, "d": Sequence([inner], 3, 2)}, 0, 0)


REUSE = "  hint: blocks serve reuse: define one under blocks: and use it by its name"
TAG = "  hint: a value is a number or a text by where it stands; quote a text that begins with !"
EMPTY = "FILE: the text is empty: expected a network\n  hint: it has the keys input and layers"
KEY = "cannot be a key: expected a text"
COLON = "a ':' makes a mapping, and none can stand here"
ALL = "  hint: quote all of the text, or nothing of it; inside '…' a quote is doubled: 'it''s'"
ESCAPE = "an escape that YAML does not know"
DIRECTIVE = "a line that begins with % is a directive: a network has none"
QUOTED = "  hint: quote a text that begins with"
COLUMN = "  hint: the keys of a mapping begin in one column"
BACKSLASH = "  hint: inside '…' a backslash is a backslash"

# A text, then the message: the line is shown and underlined by hand.
REFUSED = [
    ("", EMPTY),
    ("# c", EMPTY),
    ("---", EMPTY),
    ("\ufeff", EMPTY),
    ("a: &b [1]", f"FILE:1:4: '&b' is an anchor: a network has none\n  a: &b [1]\n     ^^\n{REUSE}; {QUOTED[8:]} &"),
    ("a: *b", f"FILE:1:4: '*b' is an alias: a network has none\n  a: *b\n     ^^\n{REUSE}; {QUOTED[8:]} *"),
    ("!x a", f"FILE:1:1: '!x' is a tag: a network has none\n  !x a\n  ^^\n{TAG}"),
    ("- !!int 3", f"FILE:1:3: 'tag:yaml.org,2002:int' is a tag: a network has none\n  - !!int 3\n    ^^^^^\n{TAG}"),
    ("<<: a", f"FILE:1:1: '<<' is a merge key: a network has none\n  <<: a\n  ^^^\n{REUSE}"),
    ("? [a]\n: 1", f"FILE:1:3: a sequence {KEY}\n  ? [a]\n    ^\n{QUOTED} [ or {{"),
    ("{a: 1}: 1", f"FILE:1:1: a mapping {KEY}\n  {{a: 1}}: 1\n  ^\n{QUOTED} [ or {{"),
    ("a: 1\n'a': 2", "FILE:2:1: the key 'a' is given twice: first in line 1\n  'a': 2\n  ^^^^"),
    ("a\n---\nb", "FILE:2:1: a second document begins here\n  ---\n  ^^^\n  hint: a file holds one network"),
    ("a: b: c", f"FILE:1:5: {COLON}\n  a: b: c\n      ^\n  hint: quote a text that holds ': '"),
    ("a: 1\n  b: 2", f"FILE:2:4: {COLON}\n    b: 2\n     ^\n{COLUMN}"),
    ("a: - b", ("FILE:1:4: a '-' makes a sequence, and none can stand here\n  a: - b\n     ^\n"
              "  hint: begin it in a line of its own, below its key")),
    ("a:\n\tb: 1", "FILE:2:1: a tab cannot indent\n  \\tb: 1\n  ^^\n  hint: indent with spaces"),
    ("a: [b", "FILE:1:4: '[' is never closed: expected ']'\n  a: [b\n     ^"),
    ("{a: 1\n", "FILE:1:1: '{' is never closed: expected '}'\n  {a: 1\n  ^"),
    ("[a, b\nc: d", "FILE:2:2: expected ',' or ']', not ':'\n  c: d\n   ^\n  hint: '[' in line 1 is not closed"),
    ("[dense -o{a}]", ("FILE:1:10: expected ',' or ']', not '{'\n  [dense -o{a}]\n           ^\n"
                      "  hint: quote what holds braces, brackets or commas")),
    ("[a]]", "FILE:1:4: ']' closes nothing\n  [a]]\n     ^"),
    ("a: ]", f"FILE:1:4: expected a value, not ']'\n  a: ]\n     ^\n{QUOTED} it"),
    ("[a, ,]", "FILE:1:5: expected a value, not ','\n  [a, ,]\n      ^"),
    ("a: 'x", "FILE:1:4: the quote is never closed\n  a: 'x\n     ^"),
    ('a: "x\nb', 'FILE:1:4: the quote is never closed\n  a: "x\n     ^'),
    ("a: 'b' c", f"FILE:1:8: this stands after the end of a value\n  a: 'b' c\n         ^\n{ALL}"),
    ("'b' c", f"FILE:1:5: this stands after the end of the document\n  'b' c\n      ^\n{ALL}"),
    ('"\\q"', f'FILE:1:2: {ESCAPE}\n  "\\q"\n   ^^\n{BACKSLASH}'),
    ('"\\xzz"', f'FILE:1:2: {ESCAPE}\n  "\\xzz"\n   ^^\n{BACKSLASH}'),
    ("@a", "FILE:1:1: no text can begin with '@'\n  @a\n  ^\n  hint: quote it"),
    ("a: %b", "FILE:1:4: no text can begin with '%'\n  a: %b\n     ^\n  hint: quote it"),
    ("*", "FILE:1:1: no text can begin with '*'\n  *\n  ^\n  hint: quote it"),
    ("%YAML 9.9\n---\na", f"FILE:1:1: {DIRECTIVE}\n  %YAML 9.9\n  ^^^^^\n{QUOTED} %"),
    ("%TAG ! x\n" * 101 + "--- a", f"FILE: {DIRECTIVE}\n{QUOTED} %"),
    ("- a\nb: 1", ("FILE:2:1: this does not belong to the sequence that begins in line 1\n  b: 1\n  ^^\n"
                  "  hint: what belongs to one sequence begins in one column")),
    ("[" * 101, f"FILE:1:101: nested more than 100 levels deep\n  …{'[' * 51}\n   {' ' * 50}^"),
    ("a: \0", ("FILE:1:4: the text has a character that YAML refuses: U+0000\n  a: \\x00\n     ^^^^\n"
              "  hint: it seems to be a binary file, or UTF-16")),
    ("a: \x1b[1m", ("FILE:1:4: the text has a character that YAML refuses: U+001B\n  a: \\x1b[1m\n     ^^^^\n"
                    "  hint: remove it")),
    ("a: \ufeff", ("FILE:1:4: the text has a character that YAML refuses: U+FEFF\n  a: \\ufeff\n     ^^^^^^\n"
                  "  hint: a byte order mark can only begin a file: remove it")),
    ("é🙂: &b c", f"FILE:1:5: '&b' is an anchor: a network has none\n  é🙂: &b c\n      ^^\n{REUSE}; {QUOTED[8:]} &"),
    ("\ufeffa: 1\r\na: 2", "FILE:2:1: the key 'a' is given twice: first in line 1\n  a: 2\n  ^^"),
    ("a: 1\n\na: 2\n? [b]\n: 3\nc: @", ("FILE:3:1: the key 'a' is given twice: first in line 1\n  a: 2\n  ^^\n"
     f"FILE:4:3: a sequence {KEY}\n  ? [b]\n    ^\n{QUOTED} [ or {{\n"
     "FILE:6:4: no text can begin with '@'\n  c: @\n     ^\n  hint: quote it")),
]  # fmt: skip


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize(("text", "message"), REFUSED, ids=ids(REFUSED))
def test_refused(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.usefixtures("_loader")
@pytest.mark.parametrize("text", ["[" * 300, "{a: " * 300, "- " * 300, "? " * 300])
def test_depth(text: str) -> None:
    assert "nested more than 100 levels deep" in refusal(text)


@pytest.mark.usefixtures("_loader")
def test_a_hundred_problems_and_no_more() -> None:
    text = "a: 1\n" * 102
    lines = refusal(text).split("\n")
    assert lines[3 * 99 :] == [
        "FILE:101:1: the key 'a' is given twice: first in line 1",
        "  a: 1",
        "  ^^",
        "FILE: there are more than 100 problems: these were found first",
    ]


# --- bytes -----------------------------------------------------------------------------------------------------------

SAVE = "  hint: save the file as UTF-8"
BYTES = [
    ("Straße".encode("latin-1"), (f"F:1:5: the text is not UTF-8: byte 0xdf, invalid continuation byte\n"
     f"  Stra\\xdfe\n      ^^^^\n{SAVE}")),
    (b"\xef\xbb\xbfa: 1\r\nb: \xff", (f"F:2:4: the text is not UTF-8: byte 0xff, invalid start byte\n"
     f"  b: \\xff\n     ^^^^\n{SAVE}")),
    (b"a\n\xe2\x82", f"F:2:1: the text is not UTF-8: byte 0xe2, unexpected end of data\n  \\xe2\\x82\n  ^^^^\n{SAVE}"),
    ("a".encode("utf-16"), f"F: the text is UTF-16: expected UTF-8\n{SAVE}"),
    ("a".encode("utf-16-le"), ("F:1:2: the text has a character that YAML refuses: U+0000\n  a\\x00\n   ^^^^\n"
     "  hint: it seems to be a binary file, or UTF-16")),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), BYTES)
def test_bytes(data: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        decode(data, "F")
    assert str(caught.value) == message


@pytest.mark.parametrize(("data", "text"), [(b"\xef\xbb\xbfa", "a"), (b"", ""), ("é\r\n".encode(), "é\r\n")])
def test_decode(data: bytes, text: str) -> None:
    assert decode(data, "F") == text


@pytest.mark.usefixtures("_loader")
def test_a_deep_flow_is_refused_whichever_limit_is_met_first() -> None:
    assert "nested more than 100 levels deep" in refusal("[" * 100_000)  # libyaml looks ahead to its own 1,000


@pytest.mark.usefixtures("_loader")
def test_too_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "EVENTS", 6)  # the stream's, the document's, the sequence's beginning and three texts
    assert refusal("[a, b, c]") == (
        "FILE:1:8: the text goes on after 6 marks and values: too many\n  [a, b, c]\n         ^"
    )


# --- both parsers ----------------------------------------------------------------------------------------------------

MARKS = [*"[]{}:,-?&*!|>'\"%@`#\\ ab1", "\n", "\n  ", ": ", "- ", "\t", "\r\n", "é", "🙂", "---", "...", "<<", "\u2028"]


def outcome(text: str, loader: Any) -> Any:
    """The tree, the key's places included, or none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nodes, "LOADER", loader)
        try:
            return plain(read(Source("FILE", text)))
        except InputError as error:
            return None if str(error) else "no message"


@given(st.text() | st.lists(st.sampled_from(MARKS), max_size=16).map("".join))
def test_any_text(text: str) -> None:
    for loader in LOADERS:
        assert outcome(text, loader) != "no message"


VALUES = st.recursive(
    st.text("ab {}[]:,#'\"-é🙂%&*!\\", max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab:{é", max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES.filter(bool), st.sampled_from([None, True, False]))
def test_what_was_written_is_read(value: Any, flow: bool | None) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, default_style="'", allow_unicode=True)
    for loader in LOADERS:
        assert outcome(text.replace("!!str ", ""), loader) == value
