"""What a document is made of once its nodes are understood: layers, uses of blocks, groups, branches."""

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
MODIFIERS = ("name", "from", "weights", *STORED, "repeat", "when")
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


class File(NamedTuple):
    """What holds for the entries of one file: where their problems go, and the options that they have by default."""

    notes: Notes
    defaults: Mapping[str, Value]


class Block(NamedTuple):
    """A block where it is defined: the notes and the defaults are those of its file."""

    key: Scalar
    parameters: tuple[tuple[str, Expression | None], ...]
    entries: Sequence[Any]
    file: File


class Library:
    """What the texts of a document have together: its blocks, the names of its layers, and how many entries it has."""

    def __init__(self) -> None:
        self.blocks: dict[str, Block] = {}
        self.refused: set[str] = set()  # blocks whose header is wrong: their uses are not to blame
        self.names: dict[str, Scalar] = {}
        self.written = 0
        self.whole = True  # all included files were read: whatever is no kind is a mistake


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
    return isinstance(node, Scalar) and not node.text and not node.in_quotes


def key_of(node: Node | None, name: str) -> Scalar:
    """The key of a mapping as it stands in the text, to point at."""
    if isinstance(node, MappingNode):
        return node.keys[name]
    return Scalar(name, node.line if node else 0, node.column if node else 0)
