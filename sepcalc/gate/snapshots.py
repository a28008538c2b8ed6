"""A network's counts, by metric and by layer, in a form that a file can keep."""

from collections.abc import Mapping
from typing import NamedTuple

from sepcalc.branches import Choice
from sepcalc.cost import Cost
from sepcalc.gate.metrics import METRICS
from sepcalc.layer import ELEMENT_BYTES, Gap, Layer, lacking
from sepcalc.network import Network
from sepcalc.shape import Shape


class Row(NamedTuple):
    """A layer with its counts."""

    name: str
    kind: str
    output: Shape
    cost: Cost
    effective_macs: int = 0
    traffic: int = 0

    def count(self, metric: str) -> int:
        """The layer's part of a metric."""
        return int(getattr(self, metric) if metric in MORE else getattr(self.cost, metric))


MORE = ("effective_macs", "traffic")  # metrics that are no part of a cost


class Place(NamedTuple):
    """Where a layer stands, which is what the metrics come from that are no sums: ``stored`` are the numbers that count
    in it and that it reads as weights, ``elsewhere`` those that it reads, but that are none of its params; ``reads``
    are the tensors that it reads, by number (the inputs first, then what each layer gives), ``writes`` is whether it
    writes what it gives. ``element_bits`` is the width of an element that it gives (None: 32), ``stored_bytes`` what
    the numbers take that it reads as weights (None: 4 bytes each)."""

    stored: int
    elsewhere: int
    reads: tuple[int, ...]
    writes: bool
    element_bits: int | None
    stored_bytes: int | None


SUMMED = tuple(name for name, metric in METRICS.items() if metric.layer)  # whose total is the sum over the layers


class Snapshot(NamedTuple):
    """A network's counts. ``uncounted`` are the layers that they leave out, ``stopped`` is whether they go up to some
    place only, ``most`` the totals that are larger where it runs otherwise, ``notes`` what a reader of them must
    know, ``choices`` where it may run otherwise, ``places`` where its layers stand, ``ends`` the tensors that are its
    outputs, by number, ``input_bits`` the widths of its inputs' elements, where the file says so."""

    name: str
    inputs: Mapping[str, Shape]
    totals: dict[str, int]
    layers: tuple[Row, ...]
    uncounted: tuple[Gap, ...] = ()
    stopped: bool = False
    most: Mapping[str, int] = {}
    notes: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()  # among rows
    places: tuple[Place, ...] = ()
    ends: tuple[int, ...] = ()
    input_bits: Mapping[str, int] = {}

    @property
    def complete(self) -> bool:
        """Whether every layer was counted, if perhaps not in each count."""
        return not any(gap.whole for gap in self.uncounted)

    @property
    def stored(self) -> int:
        """The numbers that its layers read as weights."""
        return sum([place.stored for place in self.places])

    @property
    def widest(self) -> int:
        """The most bits that an element of a tensor has, or a stored number in the mean of its layer: 32 at least."""
        stored = [
            -(-8 * place.stored_bytes // numbers)
            for row, place in zip(self.layers, self.places)
            if place.stored_bytes is not None and (numbers := row.cost.params + place.elsewhere)
        ]
        given = [place.element_bits or 0 for place in self.places]
        return max([8 * ELEMENT_BYTES, *self.input_bits.values(), *given, *stored])

    @property
    def partly(self) -> tuple[str, ...]:
        """The counts that are not known of layers whose other counts are."""
        return lacking(gap for gap in self.uncounted if not gap.whole)

    @property
    def largest(self) -> dict[str, int]:
        """Every metric as limits are held against it."""
        return {**self.totals, **self.most}


def growth(old: Snapshot, new: Snapshot) -> list[tuple[Mapping[str, int], Mapping[str, int]]]:
    """The numbers that limits on growth compare: the largest value of every metric, and the sums of the layers that are
    laid out. A baseline is checked for the latter alone: a ``most`` that is too large must not hide growth."""
    return [(old.largest, new.largest), (old.totals, new.totals)]


def _row(layer: Layer) -> Row:
    return Row(layer.name, layer.kind, layer.output, layer.cost, layer.effective_macs, layer.traffic())


def taken(network: Network) -> Snapshot:
    """Every metric of the network, and every layer."""
    return Snapshot(
        network.name,
        network.inputs,
        {name: metric.network(network) for name, metric in METRICS.items()},
        tuple(map(_row, network.layers)),
        network.uncounted,
        network.stopped is not None,
        network.most,
        network.notes,
        tuple([choice.of(_row) for choice in network.choices]),
        tuple(
            [
                Place(
                    layer.stored,
                    layer.elsewhere,
                    node.sources,
                    node.op.writes,
                    layer.element_bits,
                    layer.stored_bytes() if layer.stored_width else None,
                )
                for layer, node in zip(network.layers, network.nodes, strict=True)
            ]
        ),
        tuple(network.ends.values()),
        network.input_bits,
    )
