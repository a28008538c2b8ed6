"""``reconcile``: what every counter prints for one network, and why the numbers differ."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from sepcalc.commands.subjects import Given, network_of
from sepcalc.conventions import COUNTERS, Counted, assumed, counted
from sepcalc.conventions.seen import seen
from sepcalc.errors import Invalid, bad_input
from sepcalc.network import Network, matches
from sepcalc.quantity import Printed, read_printed
from sepcalc.shown import missing, shown, telling


class Reading(NamedTuple):
    """One way to count, in words, and its number."""

    name: str
    value: int


@telling
class Reconciled(NamedTuple):
    """The exact macs of a network (or of its layers whose names match ``layer``), and what each counter prints. With a
    ``number``, ``matches`` are the ways to count that give it."""

    name: str
    macs: int
    counters: Sequence[Counted]
    layer: str = ""
    number: str = ""
    matches: Sequence[Reading] = ()
    notes: Sequence[str] = ()
    complete: bool = True

    def __str__(self) -> str:
        return shown(self)

    def __getitem__(self, name: object) -> Counted:  # type: ignore[override]  # by a counter's name, not by a place
        """What the counter of this name prints. Raises KeyError."""
        for one in self.counters:
            if one.counter == name:
                return one
        raise missing("counter", name, [one.counter for one in self.counters])


def reconcile(network: Given, *, layer: str | None = None, number: str | int | None = None) -> Reconciled:
    """What every counter prints for a network, and which terms make the difference to its exact macs.

    ``network`` is a network, or an argument as :func:`sepcalc.load` takes it. ``layer`` is a glob: only the layers
    whose names match. ``number`` is a number from a paper, ``"327.5M"``: ``.matches`` are then the counters, and other
    usual ways to count, that give it, rounded or cut. ``.counters`` has one :class:`Counted` each, with ``.value``
    (None: not known), ``.unit``, ``.terms`` and ``.reason``. Raises InputError.

    >>> found = sepcalc.reconcile("8x8x3, conv -k3 -o4 --bias")
    >>> found.macs, found["torchinfo"].value, found["torchinfo"].terms
    (3888, 4032, (('biases at 1 per output', 144),))
    """
    found = network_of(network)
    if layer is not None:
        found.select(layer)
    rows = [counted(found, name, layer) for name in COUNTERS]
    rows = [row for row in rows if not row.reason.endswith("counts params alone")]
    macs = sum(one.cost.macs for one in found.layers if layer is None or matches(one.name, layer))
    printed = None if number is None else _printed(str(number))
    ways = []
    if printed is not None:  # papers round, and some cut
        readings = _readings(found, rows, layer)
        ways = [one for one in readings if printed.rounds_from(one.value) or printed.cut_from(one.value)]
    notes = [*assumed(found)]
    return Reconciled(
        found.name, macs, rows, layer or "", "" if printed is None else printed.text, ways, notes, found.complete
    )


def _printed(text: str) -> Printed:
    try:
        return read_printed(text)
    except Invalid as fact:
        raise bad_input(f"number: {fact.message}", fact.hint) from None


def _readings(network: Network, rows: Sequence[Counted], layer: str | None) -> Iterator[Reading]:
    """Every counter, then macs with each choice of biases, norms, activations and pools; each as it is and twice."""
    for row in rows:
        if row.value is None:
            continue
        name = f"{row.counter} ({row.unit})"
        yield Reading(name, row.value)
        if row.unit == "macs":
            yield Reading(f"2 x {name}", 2 * row.value)
        elif row.value % 2 == 0:
            yield Reading(f"{name} / 2", row.value // 2)
    layers = [one for one in seen(network) if layer is None or matches(one.layer.name, layer)]
    macs = sum(one.macs for one in layers)
    extra = {
        "biases": sum(one.bias for one in layers if one.macs),
        "norms at 2 per element": sum(2 * one.x for one in layers if one.family.endswith("norm")),
        "activations at 1 per element": sum(one.x for one in layers if one.layer.kind == "act"),
        "pools at 1 per input": sum(one.x for one in layers if one.family.endswith("pool")),
    }
    extra = {name: amount for name, amount in extra.items() if amount}
    for count in range(len(extra) + 1):
        for chosen in combinations(extra, count):
            name, value = " + ".join(["macs", *chosen]), macs + sum(extra[one] for one in chosen)
            yield Reading(name, value)
            yield Reading(f"2 x ({name})" if chosen else "2 x macs", 2 * value)
