"""What a document is made of once its nodes are understood: layers, uses of blocks, groups, branches."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sepcalc.expression import Expression, as_text
from sepcalc.expression import Value as Number
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.options import Value
from sepcalc.shape import AXES, Shape
from sepcalc.spec import Spec

if TYPE_CHECKING:
    from sepcalc.document.problems import Notes

ROOT = (
    "name",
    "published",
    "input",
    "inputs",
    "outputs",
    "parameters",
    "defaults",
    "include",
    "blocks",
    "layers",
    "budget",
    "param-bytes",
)
INCLUDED = ("include", "defaults", "blocks")  # of a file that others include
STORED = ("shared-params", "constant-params", "more-params", "more-buffers")  # what is counted elsewhere, or besides
MODIFIERS = ("name", "from", "weights", *STORED, "repeat", "when")
PARTS = {
    "residual": ("shortcut",),
    "stages": ("columns", "rows", "first"),
    "scan": ("states", "step", "next", "last"),
}  # keys that belong to another
JOINS = ("concat", "add", "subtract", "multiply", "divide", "maximum", "minimum", "matmul", "attention")

MAX_NAME_LENGTH = 200  # characters
MAX_AXES = 5  # of an input: frames of three spatial axes, and channels
FLOW = "YAML's own flow style needs quotes around a spec with braces or commas"
WORD = re.compile(r"(?:\{[^{}]*\}|[^\s{])+|\{\S*")
_PLAIN = re.compile(r"[^\W\d][\w./-]*")  # what YAML takes as it stands, also within [ ]
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}  # not for other readers of YAML
BRACES = re.compile(r"\{([^{}]*)\}")


class Piece(NamedTuple):
    """A word of a spec: literal text, or texts and expressions in turn; and where it stands."""

    parts: tuple[str | Expression, ...]
    node: Node
    start: int = 0
    end: int | None = None


class Layer(NamedTuple):
    """A layer: read already, or words that wait for values; ``begins`` says whether it takes no input."""

    node: Node
    label: str
    spec: Spec | None
    pieces: tuple[Piece, ...]
    begins: bool = False


class Use(NamedTuple):
    """A block where it is used."""

    node: Node
    block: str
    arguments: tuple[Piece, ...]
    named: tuple[tuple[str, Piece], ...]


class Stages(NamedTuple):
    """A table of uses of one block, a row after another: for each the first use, what the others in the row are, and
    how many there are (None: one)."""

    node: Node
    rows: tuple[tuple[Use, Use, Piece | None], ...]


class Group(NamedTuple):
    node: Node
    entries: Sequence[Any]


class Residual(NamedTuple):
    node: Node
    main: Sequence[Any]
    shortcut: Sequence[Any]


class Join(NamedTuple):
    """Branches by name, joined by an op of several inputs."""

    node: Node
    pieces: tuple[Piece, ...]
    branches: tuple[tuple[str, Sequence[Any]], ...]


class Scan(NamedTuple):
    """A step's layers, run for each slice of the first axis: what reports call it, the states by name with their
    shapes, the layers, the names of what the next step's states are, and whether only the last output is given."""

    node: Node
    called: str
    states: tuple[tuple[str, Piece], ...]
    step: Sequence[Any]
    carried: tuple[Scalar, ...]
    last: bool


class Broken(NamedTuple):
    """An entry with a mistake, already noted: what comes after it has an unknown shape."""

    node: Node


Body = Layer | Use | Stages | Group | Residual | Join | Scan | Broken


class Modifiers(NamedTuple):
    """What stands beside a body: ``origin`` are the names that it starts from, ``weights`` the one whose it has,
    ``shared``, in documents ``shared-params``, how many of its params which layers before it have counted already,
    ``constant``, ``constant-params``, how many of them are stored nowhere, and ``more``, ``more-params``, how many it
    stores that its spec does not say: what it hands on to layers after it; ``fixed``, ``more-buffers``, how many of
    those nobody trains."""

    name: str = ""
    repeat: Piece | None = None
    when: Piece | None = None
    origin: tuple[Scalar, ...] = ()
    weights: Scalar | None = None
    shared: tuple[tuple[Scalar, Piece], ...] = ()
    constant: Piece | None = None
    more: Piece | None = None
    fixed: Piece | None = None


class Entry(NamedTuple):
    """A body, and what stands beside it (None: nothing, as with most)."""

    body: Body
    modifiers: Modifiers | None = None


class Block(NamedTuple):
    """A block where it is defined: the notes and the defaults are those of its file."""

    key: Scalar
    parameters: tuple[tuple[str, Expression | None], ...]
    entries: Sequence[Any]
    file: "File"


class File(NamedTuple):
    """What holds for the entries of one file: where their problems go, and the options that they have by default."""

    notes: "Notes"
    defaults: Mapping[str, Value]


def axes_of(shape: Shape) -> dict[str, Number]:
    """``c_in``, and ``h_in``, ``w_in`` … by axis."""
    names: dict[str, Number] = {f"{axis}_in": size for axis, size in zip(AXES.get(len(shape) - 1, ""), shape)}
    names["c_in"] = shape[-1]
    return names


AXIS_NAMES = frozenset({"d_in", "h_in", "w_in", "c_in"})
RESERVED = AXIS_NAMES | {"index"}  # what expressions know besides parameters; index counts a repeat from 0


def is_entry_name(text: str) -> bool:
    """Whether a layer may be called so."""
    return text.isprintable() and text == text.strip() != "" and len(text) <= MAX_NAME_LENGTH


def is_empty(node: Node) -> bool:
    """Whether nothing was written there, not even quotes."""
    return isinstance(node, Scalar) and not node.text and not node.quoted


def key_of(node: Node | None, name: str) -> Scalar:
    if isinstance(node, MappingNode):
        return node.keys[name]
    return Scalar(name, node.line if node else 0, node.column if node else 0)


def columns_of(text: str, at: int) -> tuple[int, int]:
    """Where a word of a compact spec stands; its end, when it has no such word."""
    matches = list(WORD.finditer(text))
    return matches[at].span() if at < len(matches) else (len(text), len(text) + 1)


def unbraced(text: str) -> str:
    """An expression as a value stands bare; in braces it is the same."""
    return text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text


def split_at_commas(text: str) -> list[str]:
    """Parts between commas, but for commas in parentheses."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]] if text.strip() else []


def fill(piece: Piece, names: Mapping[str, Number]) -> str:
    """The word, its expressions computed. Raises ExpressionError."""
    return "".join([part if isinstance(part, str) else as_text(part(names)) for part in piece.parts])


def listed(words: Iterable[str]) -> str:
    return ", ".join(words)


def quoted(text: str) -> str:
    """The text as YAML has it."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
