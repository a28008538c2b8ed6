"""A document with open choices, run once for all of them: each layer as a table over the choices that it depends on.

The structure of the document (lists, groups, blocks, repeats, conditions) is walked here, with tables in place of
values and tensors. Whatever has a meaning of its own (a layer, a condition, the arguments of a block) runs as in any
document, once for each combination of values that occurs: see :mod:`sepcalc.spaces.cases`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from sepcalc.document.entries import Choice, Entry, File, Group, Library, Modifiers, Residual, Stages, Use
from sepcalc.document.graph import Frame
from sepcalc.document.pieces import Piece
from sepcalc.document.running import Run
from sepcalc.document.scopes import INPUT, PREVIOUS, Named, Place, Scope, Tensor
from sepcalc.errors import Invalid, quoted
from sepcalc.spaces.asked import Asked, Asking, called, label
from sepcalc.spaces.cases import Case, Failed, Open, Part
from sepcalc.spaces.tables import Table, combine, constant, of_variable

MAX_SLOTS = 20_000  # layers that may be there
MAX_RUNS = 1_000_000  # of layers, conditions, arguments: about a minute
MAX_DEPTH = 100  # blocks and groups within each other
YES = constant(True)
Value = Callable[[Run, Tensor, Frame], Hashable]  # what is computed in a case


class Varied(NamedTuple):
    """An open choice: its name, how many values it may have, and which, as a table over itself and others. Where a
    document makes it is a ``place``, or a scope with the rest of the path."""

    size: int
    values: Table
    place: Place | tuple[Scope, str] | str

    @property
    def name(self) -> str:
        """Its path in the network in which all that may be there is there."""
        if isinstance(self.place, str):
            return self.place
        if isinstance(self.place, Place):
            return self.place.spell()
        scope, rest = self.place
        return rest if scope.parent is None else f"{scope.parent.spell(scope.label, scope.index)}/{rest}"


class Slot(NamedTuple):
    """A layer that may be there: its record (None where it is not), and the numbers of the tensors that it reads."""

    record: Table
    sources: Table


class Around(NamedTuple):
    """Where entries stand: the tables of the names of expressions, the file, the scope of the names of layers, whether
    sizes are those of the block's input, and how deep."""

    names: Mapping[str, Table]
    file: File
    scope: Scope
    own_input: bool = False
    depth: int = 0


class Tracer:
    """Walks a document. ``outer`` are its parameters. A tensor is a table of :class:`Tensor`, None where there is none.

    It finds ``variables``, where each ``occurs`` (everywhere, if not said), the ``slots`` of the layers, and the
    ``reasons`` why there is no network: tables of text, empty where there is one."""

    def __init__(self, library: Library, outer: Mapping[str, Table], inputs: Mapping[str, Table]) -> None:
        self.library = library
        self.outer = outer
        self.asking = Asking(library)
        self.variables: list[Varied] = []
        self.occurs: dict[int, Table] = {}
        self.reasons: list[Table] = []
        self.slots: list[Slot] = []
        self.runs = 0
        self.guard = YES  # where the entries that are walked run
        self.scope = Scope()
        self.inputs = [combine(_input(number), shape) for number, shape in enumerate(inputs.values())]
        self._named: list[Table] = []  # the tensors with names: Named.first is a number here
        self._trees: dict[Hashable, Open | Part | Failed] = {}
        for name, tensor in zip(inputs, self.inputs):
            self.give(self.scope, name, tensor)

    # --- names of tensors

    def give(self, scope: Scope, name: str, tensor: Table) -> None:
        """Gives a tensor a name in a scope."""
        scope.name(name, Named(None, len(self._named)))
        self._named.append(tensor)

    def find(self, scope: Scope, name: str) -> Table | None:
        """The tensor with this name, as a scope sees it."""
        found = scope.find(name)
        return None if found is None else self._named[found.first]

    def _read(self, asked: Asked, around: Around) -> list[tuple[str, Table]]:
        """The tensors with names that entries may read."""
        found = [(name, self.find(around.scope, name)) for name in sorted(asked.layers)]
        return [(name, tensor) for name, tensor in found if tensor is not None]

    # --- entries

    def walk(self, entries: Sequence[Entry], tensor: Table, around: Around) -> Table:
        """The tensor behind entries that run one after another."""
        at = 0
        while at < len(entries):
            length = self._tied(entries[at:])
            if length > 1 or self._plain(entries[at], tensor, around):
                tensor = self.tried(entries[at : at + length], tensor, around)
            else:
                tensor = self.entry(entries[at], tensor, around)
            at += length
        return tensor

    def _tied(self, entries: Sequence[Entry]) -> int:
        """How many entries are tried as a whole: up to the last that shares weights with one of them, or reads one of
        them by a name that only a report gives it. What a product makes of a constant, no entry alone shows."""
        asked = [self.asking.of([entry]) for entry in entries]
        if asked[0].constants:
            return len(entries)
        length, at = 1, 0
        while at < length:
            given = (entries[at].modifiers or Modifiers()).name
            labels = {called(entries[at]), given} - {""}
            for later in range(length, len(entries)):
                read = {label(name) for name in asked[later].layers if name != given}
                if labels & (read | {label(name) for name in asked[later].owners}):
                    length = later + 1
            at += 1
        return length

    def _plain(self, entry: Entry, tensor: Table, around: Around) -> bool:
        """Whether an entry is tried as a whole: it is one layer or branches without a choice beside them, or nothing in
        it is open."""
        body, modifiers = entry.body, entry.modifiers or Modifiers()
        if modifiers.weights or any(modifiers[5:9]):  # counted elsewhere: what, is known to the whole entry alone
            return True
        if not (modifiers.choices or modifiers.when or modifiers.repeat or isinstance(body, Group | Use | Stages)):
            return True
        asked = self.asking.of([entry])
        tables = [*self._values(asked, around), *[found for _, found in self._read(asked, around)], tensor, self.guard]
        return not asked.chooses and not any(table.variables for table in tables)

    def entry(self, entry: Entry, before: Table, around: Around) -> Table:
        """The tensor behind an entry with what stands beside it."""
        modifiers, outside = entry.modifiers or Modifiers(), self.guard
        tensor = self._origin(modifiers, before, around)
        around = self.chosen(entry, True, tensor, around)
        if modifiers.when is not None and not isinstance(entry.body, Residual):
            holds = self.value(_truth(modifiers.when), entry, tensor, around)
            self.guard = combine(lambda guard, when: bool(guard and when), self.guard, holds)
        inside = around
        end = before
        for at, there in enumerate(self._turns(modifiers.repeat, entry, tensor, around)):
            self.guard = there
            if modifiers.repeat is not None:
                inside = around._replace(names={**around.names, "index": constant(at)})
            got = self.once(entry, end if at else tensor, self.chosen(entry, False, end if at else tensor, inside), at)
            end = combine(lambda there, got, before: got if there else before, there, got, end)
        self.guard = outside
        if modifiers.name:
            self.give(around.scope, modifiers.name, end)
        return end

    def _origin(self, modifiers: Modifiers, before: Table, around: Around) -> Table:
        """The first tensor that an entry starts from."""
        if not modifiers.origin:
            return before
        name = modifiers.origin[0].text
        found = self.find(around.scope, name)
        if found is None and name != PREVIOUS:
            raise Invalid(f"there is no layer {quoted(name)} before this one")
        return before if found is None else found

    def _turns(self, repeat: Piece | None, entry: Entry, tensor: Table, around: Around) -> Sequence[Table]:
        """For each repetition that may be there, where it is."""
        if repeat is None:
            return [self.guard]
        times = self.value(_times(repeat), entry, tensor, around)
        most = max([count for count in times.values if count is not None], default=0)
        if len(self.slots) + most > MAX_SLOTS:
            raise Invalid(f"the space has more than {MAX_SLOTS:,} layers", "take a smaller repeat")
        guard = self.guard
        return [combine(_within(at), guard, times) for at in range(most)]

    def once(self, entry: Entry, tensor: Table, around: Around, turn: int) -> Table:
        """The tensor behind an entry that runs once."""
        body, modifiers = entry.body, entry.modifiers or Modifiers()
        if not isinstance(body, Group | Use | Stages):
            when = modifiers.when if isinstance(body, Residual) else None
            origin = () if turn else modifiers.origin
            bare = modifiers._replace(repeat=None, when=when, origin=origin, choices=())
            return self.tried([Entry(body, bare if any(bare) else None)], tensor, around, (id(entry), turn > 0))
        if around.depth == MAX_DEPTH:
            raise Invalid(f"nested more than {MAX_DEPTH} levels deep", "a block that uses itself ends by a when:")
        around = around._replace(depth=around.depth + 1)
        if isinstance(body, Use):
            return self.block(body, modifiers.name, tensor, around)
        around = around._replace(scope=around.scope.inner(modifiers.name) if modifiers.name else around.scope)
        if isinstance(body, Group):
            return self.walk(body.entries, tensor, around)
        outside = self.guard
        for first, others, repeat in body.rows:
            for at, there in enumerate(self._turns(repeat, entry, tensor, around)):
                self.guard = there
                got = self.block(others if at else first, "", tensor, around)
                tensor = combine(lambda there, got, before: got if there else before, there, got, tensor)
            self.guard = outside
        return tensor

    def block(self, use: Use, name: str, tensor: Table, around: Around) -> Table:
        """The tensor behind a use of a block."""
        block, entry = self.library.blocks[use.block], Entry(use)
        asked = self.asking.block(use.block)
        bound = self.value(_bound(use), entry, tensor, around)
        given = [tensor, *[found for _, found in self._read(self.asking.one(entry), around)]]
        values = [value for value in bound.values if value is not None]
        scope = around.scope.inner(name or use.block)
        self.give(scope, INPUT, tensor)
        for key in sorted({key for value in values for key, _ in value[1]}):
            self.give(scope, key, combine(_layer_of(key), bound, *given))
        wanted = asked.outer | self.asking.of(block.entries).names
        known = sorted({key for value in values for key, _ in value[0]} & wanted)
        names = {key: combine(_value_of(key), bound) for key in known}
        return self.walk(block.entries, tensor, Around(names, block.file, scope, True, around.depth))

    def chosen(self, entry: Entry, once: bool, tensor: Table, around: Around) -> Around:
        """The surroundings with the names of an entry's open choices, each of them a new variable."""
        for choice in entry.modifiers.choices if entry.modifiers else ():
            if choice.once == once:
                values = self.value(_values(choice), entry, tensor, around)
                text = called(entry)
                place = Place(around.scope, text, around.scope.counts.get(text, 0) if text else 0, choice.name)
                place = place._replace(number=around.scope.take_choice(place))
                table = self.vary(place, len(choice.values), values)
                around = around._replace(names={**around.names, choice.name: table})
        return around

    def vary(self, place: Place | tuple[Scope, str] | str, count: int, values: Table) -> Table:
        """The value of a new variable. ``values`` is a table of ``count`` values each, None where it does not occur."""
        number = len(self.variables)
        table = combine(_picked, values, of_variable(number, range(count)))
        self.variables.append(Varied(count, table, place))
        if None in values.values:
            self.occurs[number] = combine(lambda known: known is not None, values)
        return table

    # --- what runs as in any document

    def value(self, function: Value, entry: Entry, tensor: Table, around: Around) -> Table:
        """What a function of a run gives in each case. None where the entry does not run, or makes a mistake, which is
        kept."""
        asked = self.asking.one(entry)
        return self._kept(self._cases(lambda case: case.value(function), asked, tensor, around))

    def tried(self, entries: Sequence[Entry], tensor: Table, around: Around, key: Hashable = None) -> Table:
        """The tensor behind entries that run as a whole. Their layers become slots, their choices variables."""
        asked = Asked()
        for entry in entries:
            asked |= self.asking.one(entry)
        what = key or tuple(map(id, entries))
        counts = dict(around.scope.counts)

        def grown(case: Case) -> Hashable:
            known = what, case.key
            if known not in self._trees:
                self._trees[known] = case._replace(counts=counts).tree(entries)
            return self._trees[known]

        parts = self._kept(self._varied(self._cases(grown, asked, tensor, around), around.scope))
        for entry in entries:
            if text := called(entry):
                around.scope.take(text)
        given = [tensor, *[found for _, found in self._read(asked, around)]]
        first = len(self.inputs) + len(self.slots)
        for at in range(max([len(part.records) for part in parts.values if part is not None], default=0)):
            self.slots.append(Slot(combine(_record_at(at), parts), combine(_sources_at(at, first), parts, *given)))
        for entry in entries:
            if entry.modifiers is not None and (name := entry.modifiers.name) and key is None:
                self.give(around.scope, name, combine(_tensor_called(name, first), parts, *given))
        return combine(_end(first), parts, *given)

    def _varied(self, table: Table, scope: Scope) -> Table:
        """A table of parts, with a variable for each choice that is made in them."""
        while found := [tree for tree in table.values if isinstance(tree, Open)]:
            path, name, values, _ = found[0]
            same = (path, len(values))
            occurring = combine(lambda tree, same=same: tree.values if _at(tree, same) else None, table)
            number = len(self.variables)
            self.vary((scope, name), len(values), occurring)
            picks = of_variable(number, range(len(values)))
            table = combine(lambda tree, pick, same=same: tree.ways[pick] if _at(tree, same) else tree, table, picks)
        return table

    def _kept(self, table: Table) -> Table:
        """The table with None in place of mistakes, which are kept."""
        self.reasons.append(combine(lambda found: found.reason if isinstance(found, Failed) else "", table))
        return combine(lambda found: None if isinstance(found, Failed) else found, table)

    def _values(self, asked: Asked, around: Around) -> list[Table]:
        names = [around.names[name] for name in sorted(asked.names & around.names.keys())]
        return names + [self.outer[name] for name in sorted(asked.outer & self.outer.keys())]

    def _cases(self, function: Callable[[Case], Hashable], asked: Asked, tensor: Table, around: Around) -> Table:
        """What a function gives for each case; None where the entries do not run."""
        names = sorted(asked.names & around.names.keys())
        outer = sorted(asked.outer & self.outer.keys())
        read = self._read(asked, around)
        shapes = [combine(lambda known: known and known.shape, one) for one in (tensor, *[found for _, found in read])]

        def found(runs: bool, *known: Any) -> Hashable:
            if not runs:
                return None
            sizes, values = known[: len(shapes)], known[len(shapes) :]
            if sizes[0] is None or None in values:
                return Failed("")
            self.runs += 1
            if self.runs > MAX_RUNS:
                raise Invalid(f"the layers of this space differ in more than {MAX_RUNS:,} cases", "vary fewer values")
            given = [(name, size) for (name, _), size in zip(read, sizes[1:], strict=True)]
            pairs = tuple(zip(names, values)), tuple(zip(outer, values[len(names) :]))
            return function(Case(self.library, around.file, (("", sizes[0]), *given), *pairs, around.own_input))

        return combine(found, self.guard, *shapes, *self._values(asked, around))


def _input(number: int) -> Callable[[Any], Tensor | None]:
    return lambda shape: None if shape is None else Tensor(number, shape)


def _truth(when: Piece) -> Callable[[Run, Tensor, Frame], bool | None]:
    def truth(run: Run, tensor: Tensor, frame: Frame) -> bool | None:
        found = run.compute(when, frame, tensor)
        return None if found is None else bool(found)

    return truth


def _times(repeat: Piece) -> Callable[[Run, Tensor, Frame], int | None]:
    return lambda run, tensor, frame: run.times(repeat, frame, tensor)


def _values(choice: Choice) -> Callable[[Run, Tensor, Frame], Hashable]:
    return lambda run, tensor, frame: tuple([run.compute(piece, frame, tensor) for piece in choice.values])


def _bound(use: Use) -> Callable[[Run, Tensor, Frame], Hashable]:
    def bound(run: Run, tensor: Tensor, frame: Frame) -> Hashable:
        found = run.bound(use, tensor, frame)
        layers = [(name, layer.end.number if layer.end else None) for name, layer in found.layers.items()]
        return tuple(found.names.items()), tuple(layers)

    return bound


def _within(at: int) -> Callable[[bool, int | None], bool]:
    return lambda guard, times: guard and times is not None and at < times


def _value_of(name: str) -> Callable[[Any], Any]:
    return lambda bound: None if bound is None else dict(bound[0]).get(name)


def _layer_of(name: str) -> Callable[..., Any]:
    def layer(bound: Any, *given: Any) -> Any:
        number = None if bound is None else dict(bound[1]).get(name)
        return None if number is None else given[number]

    return layer


def _picked(values: Any, at: int) -> Any:
    return None if values is None else values[at]


def _at(tree: Any, same: tuple[tuple[str | int, ...], int]) -> bool:
    return isinstance(tree, Open) and (tree.path, len(tree.values)) == same


def _record_at(at: int) -> Callable[[Any], Any]:
    return lambda part: part.records[at] if part is not None and at < len(part.records) else None


def _sources_at(at: int, first: int) -> Callable[..., tuple[int, ...]]:
    def sources(part: Any, *given: Any) -> tuple[int, ...]:
        if part is None or at >= len(part.records):
            return ()
        return tuple([_number(source, first, given) for source in part.records[at].sources])

    return sources


def _number(tensor: int, first: int, given: Sequence[Any]) -> int:
    """The number in the whole space of a tensor of a case: one that was given, or behind one of its layers."""
    number: int = given[tensor].number if tensor < len(given) else first + tensor - len(given)
    return number


def _tensor_called(name: str, first: int) -> Callable[..., Any]:
    def tensor(part: Any, *given: Any) -> Any:
        found = [] if part is None else [rest for called, *rest in part.named if called == name]
        return Tensor(_number(found[-1][0], first, given), found[-1][1]) if found else None

    return tensor


def _end(first: int) -> Callable[..., Any]:
    return lambda part, *given: None if part is None else Tensor(_number(part.end, first, given), part.shape)
