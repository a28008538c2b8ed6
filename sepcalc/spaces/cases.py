"""One case of a space: entries of a document, run with plain values on plain shapes, and what they become."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from sepcalc.document.choosing import in_order
from sepcalc.document.entries import Entry, File, Library
from sepcalc.document.graph import GROWTH, Frame, Stop
from sepcalc.document.running import Run
from sepcalc.document.scopes import Place, Tensor
from sepcalc.errors import Invalid
from sepcalc.expression import Value as Number
from sepcalc.layer import SUMS, Layer
from sepcalc.network import Network
from sepcalc.ops.base import Uncounted
from sepcalc.shape import Shape

MAX_WAYS = 100_000  # networks that entries which are tried as a whole may become, in one case
T = TypeVar("T", bound=Hashable)


class Record(NamedTuple):
    """A layer: its counts in the order of SUMS, which tensors of its case it reads (the inputs first), its output, and
    whether it writes a tensor of its own. ``gap`` is what it is called, where a count of it is not known."""

    counts: tuple[int, ...]
    sources: tuple[int, ...]
    output: Shape
    writes: bool
    gap: str = ""


class Part(NamedTuple):
    """What entries become: layers, the number and the shape of the tensor behind them, and of those with names."""

    records: tuple[Record, ...]
    end: int
    shape: Shape
    named: tuple[tuple[str, int, Shape], ...]


class Failed(NamedTuple):
    """The entries make no network. An empty reason: because of a mistake before them."""

    reason: str


class Open(NamedTuple):
    """A choice that is made within the entries: where, what it may be, and what follows from each value."""

    path: tuple[str | int, ...]
    name: str
    values: tuple[Number, ...]
    ways: tuple[Any, ...]


class Case(NamedTuple):
    """The values of the names that entries ask for, and the shapes of the tensors that they may read: that before them,
    then those with names. ``outer`` are the values of the document's parameters, ``counts`` how many entries of each
    label their scope has had."""

    library: Library
    file: File
    shapes: tuple[tuple[str, Shape | None], ...]
    names: tuple[tuple[str, Number], ...]
    outer: tuple[tuple[str, Number], ...]
    own_input: bool
    counts: Mapping[str, int] = {}

    @property
    def key(self) -> Hashable:
        """What the outcome depends on, beside the entries. true and 1 are two values."""
        typed = tuple([(type(value), value) for _, value in (*self.names, *self.outer)])
        return self.shapes, self.names, self.outer, typed, self.own_input

    def value(self, function: Callable[[Run, Tensor, Frame], T]) -> T | Failed:
        """What a function of a run gives, or the mistake that it noted."""
        run, frame = self._begun()
        found = function(run, self._before, frame)
        return self._mistake(run) or found

    def tree(self, entries: Sequence[Entry], chosen: tuple[int, ...] = ()) -> Open | Part | Failed:
        """What entries become, for every value of the choices that are made in them. Raises Invalid where these are
        too many."""
        ways = [0]

        def grown(picks: tuple[int, ...]) -> Open | Part | Failed:
            run, part = self._ran(entries, picks)
            if len(run.chosen) == len(picks):
                ways[0] += 1
                if ways[0] > MAX_WAYS:
                    raise Invalid(f"a part with choices in it may become more than {MAX_WAYS:,} networks")
                return part
            place, values, _ = run.chosen[len(picks)]
            return Open(_path(place), place.spell(), values, tuple([grown((*picks, at)) for at in range(len(values))]))

        return grown(chosen)

    @property
    def _before(self) -> Tensor:
        return Tensor(0, self.shapes[0][1] or ())

    def _begun(self) -> tuple[Run, Frame]:
        run = Run(self.file, self.library, dict(self.outer), dict(self.shapes))
        run.most += GROWTH * self.library.written
        run.scope.counts.update(self.counts)
        return run, Frame(dict(self.names), self.file, run.scope, self.own_input)

    def _ran(self, entries: Sequence[Entry], picks: Sequence[int]) -> tuple[Run, Part | Failed]:
        run, frame = self._begun()
        run.pick = in_order(picks)
        end = None
        try:
            end = run.run(entries, self._before, frame)
        except Stop:
            pass
        finally:
            run.tell_late()
        if mistake := self._mistake(run):
            return run, mistake
        if end is None:
            return run, Failed("a layer reads one that is not there")
        inputs = {name: shape or () for name, shape in self.shapes}  # what is not there is not read
        network = Network("", inputs, run.nodes())
        records = [_record(layer, node.sources) for layer, node in zip(network.layers, network.nodes, strict=True)]
        names = [entry.modifiers.name for entry in entries if entry.modifiers is not None and entry.modifiers.name]
        ends = [(name, run.scope.named[name][-1].end) for name in names]
        named = tuple([(name, *tensor) for name, tensor in ends if tensor is not None])
        return run, Part(tuple(records), end.number, end.shape, named)

    def _mistake(self, run: Run) -> Failed | None:
        """The first mistake that a run noted. The notes are empty again."""
        problems = run.file.notes.problems
        if not problems:
            return None
        first = next(iter(problems.values()))
        problems.clear()
        return Failed(f"{first.place}: {first.message}" if first.place else first.message)


def _record(layer: Layer, sources: tuple[int, ...]) -> Record:
    counts = tuple([count(layer) for count in SUMS.values()])
    gap = layer.op.called if isinstance(layer.op, Uncounted) else ""
    return Record(counts, sources, layer.output, layer.op.writes, gap)


def _path(place: Place) -> tuple[str | int, ...]:
    """Where a choice is made, with every index."""
    path: tuple[str | int, ...] = (place.label, place.at, place.name, place.number)
    scope = place.scope
    while scope.parent is not None:
        path, scope = (scope.label, scope.index, *path), scope.parent
    return path
