"""The entries of a document, read but not yet run: layers, uses of blocks, groups, branches."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.document.pieces import Piece
from sepcalc.document.problems import Notes
from sepcalc.expression import Expression
from sepcalc.expression import Value as Number
from sepcalc.kinds import KINDS
from sepcalc.nodes import Mapping as MappingNode
from sepcalc.nodes import Node, Scalar
from sepcalc.options import Value
from sepcalc.shape import AXES, Shape
from sepcalc.spec import Spec

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
MODIFIERS = ("name", "from", "weights", *STORED, "repeat", "when", "choose")
PARTS = {
    "residual": ("shortcut",),
    "stages": ("columns", "rows", "first"),
    "scan": ("states", "step", "next", "last"),
}  # keys that belong to another
JOINS = tuple([name for name, kind in KINDS.items() if kind.several and kind.several.joins])

MAX_NAME_LENGTH = 200  # characters
MAX_AXES = 5  # of an input: frames of three spatial axes, and channels
FLOW = "YAML's own flow style needs quotes around a spec with braces or commas"


class Layer(NamedTuple):
    """A layer: its ``spec``, or ``pieces`` whose expressions still need values. ``begins``: it takes no input."""

    node: Node
    label: str
    spec: Spec | None
    pieces: tuple[Piece, ...]
    begins: bool = False


class Use(NamedTuple):
    """One use of a block, with its arguments by place and by name."""

    node: Node
    block: str
    arguments: tuple[Piece, ...]
    named: tuple[tuple[str, Piece], ...]


class Stages(NamedTuple):
    """A table of uses of one block. Each row has its first use, its other uses, and their number (None: one)."""

    node: Node
    rows: tuple[tuple[Use, Use, Piece | None], ...]


class Group(NamedTuple):
    """Entries with a name, a repeat or a condition of their own."""

    node: Node
    entries: Sequence[Any]


class Residual(NamedTuple):
    """Layers whose output is added to their input, or to what the shortcut gives."""

    node: Node
    main: Sequence[Any]
    shortcut: Sequence[Any]


class Join(NamedTuple):
    """Branches by name, joined by an op of several inputs."""

    node: Node
    pieces: tuple[Piece, ...]
    branches: tuple[tuple[str, Sequence[Any]], ...]


class Scan(NamedTuple):
    """A recurrent layer by its step. ``called`` is its name in reports, ``states`` the names and shapes of the states,
    ``step`` the layers that run for each slice of the first axis, ``carried`` the layers that give the next states.
    With ``last``, only the last output is given."""

    node: Node
    called: str
    states: tuple[tuple[str, Piece], ...]
    step: Sequence[Any]
    carried: tuple[Scalar, ...]
    last: bool


class Broken(NamedTuple):
    """An entry whose mistake is noted already. The shape after it is unknown."""

    node: Node


Body = Layer | Use | Stages | Group | Residual | Join | Scan | Broken


class Choice(NamedTuple):
    """An open choice: a name for expressions, and the values that it may have. ``once``: it holds for all repetitions,
    since ``repeat`` or ``when`` asks for it; else it is chosen anew for each."""

    name: str
    values: tuple[Piece, ...]
    node: Node
    once: bool = False


class Modifiers(NamedTuple):
    """What stands beside a body. ``origin``: the layers it starts from. ``weights``: the layer whose weights it has.
    ``shared`` (``shared-params``): how many of its params earlier layers have counted. ``constant``
    (``constant-params``): how many are stored nowhere. ``more`` (``more-params``): how many it stores besides those of
    its spec. ``fixed`` (``more-buffers``): how many of those are not trained. ``choices`` (``choose``): what is
    open."""

    name: str = ""
    repeat: Piece | None = None
    when: Piece | None = None
    origin: tuple[Scalar, ...] = ()
    weights: Scalar | None = None
    shared: tuple[tuple[Scalar, Piece], ...] = ()
    constant: Piece | None = None
    more: Piece | None = None
    fixed: Piece | None = None
    choices: tuple[Choice, ...] = ()


class Entry(NamedTuple):
    """A body and its modifiers (None: it has none, as most)."""

    body: Body
    modifiers: Modifiers | None = None


def label_of(body: Body, name: str) -> str:
    """What the rows of an entry are called in its scope: its ``name``, or what it is. Nothing for a group without a
    name, whose rows stand in the scope around it."""
    if name:
        return name
    if isinstance(body, Layer):
        return body.label
    if isinstance(body, Use):
        return body.block
    if isinstance(body, Scan):
        return body.called
    if isinstance(body, Residual):
        return "residual"
    if isinstance(body, Join):
        return "".join(part for part in body.pieces[0].parts if isinstance(part, str))
    return ""


class File(NamedTuple):
    """What all entries of one file have in common: where their problems go, and the default options."""

    notes: Notes
    defaults: Mapping[str, Value]


class Block(NamedTuple):
    """A block as it is defined, with the notes and the defaults of its file."""

    key: Scalar
    parameters: tuple[tuple[str, Expression | None], ...]
    entries: Sequence[Any]
    file: File


class Library:
    """What all files of a document have in common: the blocks, the names of layers, the number of entries."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self.refused: set[str] = set()  # blocks whose header is wrong: their uses are not to blame
        self.names: dict[str, Scalar] = {}
        self.written = 0
        self.whole = True  # all included files were read: whatever is no kind is a mistake


def axes_of(shape: Shape) -> dict[str, Number]:
    """The sizes of an input by the names that expressions use: ``c_in``, ``h_in``, ``w_in`` …"""
    names: dict[str, Number] = {f"{axis}_in": size for axis, size in zip(AXES.get(len(shape) - 1, ""), shape)}
    names["c_in"] = shape[-1]
    return names


AXIS_NAMES = frozenset({"d_in", "h_in", "w_in", "c_in"})
RESERVED = AXIS_NAMES | {"index"}  # what expressions know besides parameters; index counts a repeat from 0


def is_entry_name(text: str) -> bool:
    """Whether the text can be the name of a layer."""
    return text.isprintable() and text == text.strip() != "" and len(text) <= MAX_NAME_LENGTH


def is_empty(node: Node) -> bool:
    """Whether the value is missing: an empty text without quotes."""
    return isinstance(node, Scalar) and not node.text and not node.in_quotes


def key_of(node: Node | None, name: str) -> Scalar:
    """The key of a mapping as it stands in the text, to point at."""
    if isinstance(node, MappingNode):
        return node.keys[name]
    return Scalar(name, node.line if node else 0, node.column if node else 0)
