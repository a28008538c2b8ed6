"""The inputs of a graph: their shapes, and along which of their axes how many examples lie."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, Problem, bad_input, near_miss, printable, quoted
from sepcalc.importers import Request
from sepcalc.importers.common.graph_builder import guessed, listed, unsuited
from sepcalc.importers.common.layout import KEEPS, KEEPS_FIRST, ROWS, SEQUENCES
from sepcalc.importers.onnx.operators import row_at
from sepcalc.shape import MAX_SIZE, Shape, read_shape, read_size, show

# Names of an open axis that say that examples lie along it (not so a product of theirs with another size); that say
# nothing, exporters' own (unk__7, s0, DynamicDimension.0); and what stands there for want of a name, as often as there
# are such axes.
_EXAMPLES = re.compile(r"[^*×·]*batch[^*×·]*|\d+ ?\* ?\w*batch\w*|bs?|n|(num_?)?examples?", re.I)
_SILENT = re.compile(
    r"|unk_.*|unknown.+|s\d+|.*dynamic_axes_\d+|(axis|_?dim)_?\d+|dynamic_?dim(ension)?[._]?\d+", re.IGNORECASE
)
_NAMELESS = re.compile(r"\?+|\*|-\d+|none|null|unknown|dynamic", re.IGNORECASE)
_DENOTED = "DATA_BATCH"  # what a file may say of an axis of any size; source: ONNX's "Dimension Denotation"


def parts_of(one: Any) -> list[int | str]:
    """The axes of an input: sizes, and names of those that are open (empty: it has none)."""
    return [_part(dim) for dim in one.type.tensor_type.shape.dim]


def _part(dim: Any) -> int | str:
    if dim.has("dim_value"):
        return "" if dim.dim_value in (0, -1) else int(dim.dim_value)  # some exporters' for an open one
    return "" if _NAMELESS.fullmatch(dim.dim_param) else str(dim.dim_param)


class Examples(NamedTuple):
    """How many examples the inputs hold, along which axis of each (None: along none); ``asked`` is whether whoever
    asks for the network said so, ``found`` are the numbers that their first axes could mean."""

    batch: int
    axes: Mapping[str, int | None]
    asked: bool
    found: Sequence[int]


class Inputs:
    """The inputs that a graph is given. ``images`` are those that convolutions and their like read, ``single`` one
    image each, which the graph itself makes a batch of."""

    def __init__(
        self, shown: str, graph: Any, given: Sequence[Any], request: Request, images: set[str], single: set[str]
    ) -> None:
        self.shown = shown
        self.given = given
        self.request = request
        self.images = images
        self.single = single
        self.axes = self._axes(graph)
        self.shapes = self._shapes()
        self.examples = self._examples()

    @property
    def in_steps(self) -> bool:
        """Whether a recurrent layer reads some input, whose examples lie along its second axis."""
        return 1 in self.axes.values()

    @property
    def fixed(self) -> bool:
        """Whether the number of examples is the file's own."""
        return any(self.examples.batch in parts_of(one) for one in self.given)

    @property
    def told(self) -> bool:
        """Whether a name in the file, or whoever asks, tells that the examples are some."""
        if self.examples.asked:
            return True
        for one in self.given:
            at = self.examples.axes[one.name]
            dims = one.type.tensor_type.shape.dim
            if at is not None and (dims[at].denotation == _DENOTED or _EXAMPLES.fullmatch(dims[at].dim_param)):
                return True
        return False

    def guess(self) -> Problem:
        """What a gate asks of the inputs that were divided."""
        return guessed([name for name, at in self.examples.axes.items() if at is not None], self.examples.batch)

    def untold(self) -> str:
        """The note on inputs that are one example because nothing tells how many: empty where there are none."""
        names = [
            one.name
            for one in self.given
            if not self.examples.asked and self._silent(one) and one.name not in self.request.inputs
        ]
        if not names or "" in self.request.inputs:
            return ""
        which = f"axes of {listed(names)} are" if len(names) > 1 else f"axis of {listed(names)} is"
        return f"the first {which} open, and no name tells of what: counted is one example"

    def _silent(self, one: Any) -> bool:
        """Whether its first axis is open, of one example, and has no name that tells so."""
        parts = parts_of(one)
        first = parts[0] if parts else 1
        return (
            isinstance(first, str)
            and not _EXAMPLES.fullmatch(first)
            and first not in self.request.dims
            and self.examples.axes[one.name] == 0
        )

    # --- shapes -------------------------------------------------------------------------------------------------------

    def _axes(self, graph: Any) -> dict[str, int | None]:
        """The axis of each input along which the examples lie: the second of what recurrent layers read, at once or,
        of several steps, through what keeps the axes; else the first; None where that is open by a name of its own, as
        ``points``."""
        direct, sequences = _sequences(graph)
        axes: dict[str, int | None] = {}
        for one in self.given:
            parts = parts_of(one) if _is_tensor(one) else []
            through = one.name in sequences and len(parts) == 3 and parts[0] != 1
            at = int((one.name in direct and len(parts) > 1) or through)
            part = parts[at] if parts else ""
            known: object = isinstance(part, int) or _EXAMPLES.fullmatch(part) or _SILENT.fullmatch(part)
            known = known and not (one.name in self.single and len(parts) > 1)
            axes[one.name] = at if known or (self.request.batch or 1) > 1 else None
        return axes

    def _shapes(self) -> dict[str, Shape]:
        """A whole shape for every input: the file's, or what the request says; one example where their number is open,
        or as many as the request says. Raises InputError with all else that is open."""
        shown, request = self.shown, self.request
        found: list[Problem] = []
        given = dict(request.inputs)
        names = [one.name for one in self.given]
        if "" in given:
            if len(names) != 1:
                known = ", ".join(map(quoted, names)) or "none"
                raise bad_input(f"{shown}: it has {len(names)} inputs: {known}", "name one: --input NAME=SHAPE")
            given[names[0]] = given.pop("")
        for name in given:
            if name not in names:
                hint = near_miss(name, names) or f"it has {', '.join(map(quoted, names))}"
                found.append(Problem(f"{shown}: it has no input {quoted(name)}", hint))
        dims: dict[str, int] = {}
        for name, text in request.dims.items():
            try:
                dims[name] = read_size(text)
            except Invalid as fact:
                found.append(Problem(f"--dim {printable(name)}: {fact.message}", fact.hint))
        shapes: dict[str, Shape] = {}
        every = [(parts_of(one), self.axes[one.name]) for one in self.given if _is_tensor(one)]
        firsts = {parts[along or 0] for parts, along in every if len(parts) > 1}
        for one in self.given:
            if not _is_tensor(one):
                found.append(Problem(f"{shown}: the input {quoted(one.name)} is no tensor of a known rank"))
                continue
            parts = parts_of(one)
            along = self.axes[one.name]
            if one.name in given:
                try:
                    shapes[one.name] = self._asked(given[one.name], parts, one.name, along)
                except Invalid as fact:
                    found.append(Problem(f"--input {printable(one.name)}: {fact.message}", fact.hint))
                continue
            sizes: list[int] = []
            left: list[str] = []
            for at, part in enumerate(parts):
                if isinstance(part, int):
                    sizes.append(part)
                elif part in dims:
                    sizes.append(dims[part])
                elif at == along and (len(parts) > 1 or part in firsts):
                    sizes.append(request.batch or 1)
                else:
                    left.append(quoted(part) if part else f"axis {at + 1}")
            if left:
                found.append(self._open(one.name, parts, along, left))
                continue
            shape = tuple(sizes)
            if any(not 1 <= size <= MAX_SIZE for size in shape):
                found.append(Problem(f"{shown}: the input {quoted(one.name)} is {show(shape)}: expected sizes from 1"))
            shapes[one.name] = shape
        found += self._unknown_dims(dims)
        if found:
            raise InputError(found)
        return shapes

    def _open(self, name: str, parts: Sequence[int | str], along: int | None, left: Sequence[str]) -> Problem:
        """What asks for the sizes of an input, and how they are given: a size without a name by the whole shape."""
        open_parts = [
            part
            for at, part in enumerate(parts)
            if isinstance(part, str) and at != along and part not in self.request.dims
        ]
        named = list(filter(None, open_parts))
        hint = f"--input {_pasted(name)}={_example(parts, along)}"
        if named and all(open_parts):
            hint += f", or --dim {_pasted(named[0])}=…"
        return Problem(f"{self.shown}: the input {quoted(name)} leaves open: {', '.join(left)}", hint)

    def _unknown_dims(self, dims: Mapping[str, int]) -> Iterator[Problem]:
        every = [parts_of(one) for one in self.given if _is_tensor(one)]
        known = {part for parts in every for part in parts if isinstance(part, str) and part}
        for name in dims:
            if name in known:
                continue
            if known:
                hint = near_miss(name, known) or f"open are {', '.join(map(quoted, sorted(known)))}"
            else:
                nameless = next((one for one, parts in zip(self.given, every) if "" in parts), None)
                hint = "all its dimensions are fixed"
                if nameless is not None:
                    example = _example(parts_of(nameless), self.axes[nameless.name])
                    hint = f"what it leaves open has no name: --input {_pasted(nameless.name)}={example}"
            yield Problem(f"{self.shown}: it has no open dimension {quoted(name)}", hint)

    def _asked(self, text: str, parts: Sequence[int | str], name: str, along: int | None) -> Shape:
        """The shape that was asked for: in the file's own layout where its input is named; where not, HxWxC without
        the axis ``along`` which the examples lie. Raises Invalid."""
        many = text.count("x") > 3  # more axes than a shape of a layer has
        sizes = tuple([read_size(part) for part in text.split("x")]) if many else read_shape(text)
        if "" in self.request.inputs:
            if along is not None and parts:
                if len(sizes) != len(parts) - 1:
                    raise Invalid(f"{show(sizes)} has {len(sizes)} axes, the input without its batch {len(parts) - 1}")
                part = parts[along]
                first = part if isinstance(part, int) else self.request.batch or 1
                sizes = (*sizes[:along], first, *sizes[along:])
            if name in self.images:
                sizes = (*sizes[:1], *sizes[-1:], *sizes[1:-1])
            if name in self.single:
                sizes = (*sizes[-1:], *sizes[:-1])
        if len(sizes) != len(parts):
            raise Invalid(f"{show(sizes)} has {len(sizes)} axes, the input {len(parts)}", "in the file's own layout")
        return sizes

    # --- examples -----------------------------------------------------------------------------------------------------

    def _examples(self) -> Examples:
        """How many examples the inputs hold: what was asked for, or what all of them, or all images, have along that
        axis. Raises InputError where they do not have what was asked for."""
        asked, least = self.request.batch, 2 if self.request.batch is None else 1
        placed = {name: at for name, at in self.axes.items() if at is not None and len(self.shapes[name]) >= least}
        sizes = {name: self.shapes[name][at] for name, at in placed.items()}
        if asked is None:
            images = [size for name, size in sizes.items() if name in self.images]
            found = list(dict.fromkeys(images or sizes.values()))
            batch = found[0] if len(found) == 1 else 1
        else:
            found, batch = [asked], asked
            if batch > 1 and batch not in sizes.values() and not any(size % batch == 0 for size in sizes.values()):
                raise unsuited(batch, sizes.values())
        whole = asked is None or batch in sizes.values()  # else an example has several positions of the axis
        axes = {
            name: at if name in sizes and (sizes[name] == batch or (not whole and sizes[name] % batch == 0)) else None
            for name, at in self.axes.items()
        }
        return Examples(batch, axes, asked is not None, found)


def _sequences(graph: Any) -> tuple[set[str], set[str]]:
    """The tensors that recurrent layers read whose steps come first: at once, and also through what keeps the axes."""
    direct, found = set[str](), set[str]()
    for node in reversed(graph.node):
        layout = row_at(node).layout
        if layout is SEQUENCES and node.input:
            if not any(attribute.name == "layout" and attribute.i for attribute in node.attribute):
                direct.update([node.input[0], *node.input[5:7]])  # first states have the directions first
                found.add(node.input[0])
        elif not found.isdisjoint(node.output):
            through = node.input if layout is KEEPS else ()
            found.update(node.input[:1] if layout in (KEEPS_FIRST, ROWS) else through)
    return direct, found


def _is_tensor(one: Any) -> bool:
    return bool(one.type.has("tensor_type") and one.type.tensor_type.has("shape"))


def _example(parts: Sequence[int | str], along: int | None) -> str:
    """A shape with what is open left to fill in: ``1x3x…x…``."""
    return "x".join(
        "1" if at == along and not isinstance(part, int) else str(part if isinstance(part, int) else "…")
        for at, part in enumerate(parts)
    )


def _pasted(name: str) -> str:
    """A name as a shell takes it."""
    return shlex.quote(printable(name))
