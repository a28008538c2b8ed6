"""What a counter is made of: a table from families of layers to terms, and what they add up to."""

from collections import Counter as Tally
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sepcalc.conventions.seen import LIVE, TORCH, YAML, Seen, Unknown, seen
from sepcalc.network import Network

Amount = Callable[[Seen], int]


class Term(NamedTuple):
    """What a counter counts beyond (or, below 0, short of) the exact macs of a layer, and in which words.
    ``product``: it is in multiply-accumulates, and takes the counter's factor. ``only``: the layers that it is for."""

    text: str
    amount: Amount
    product: bool = False


Row = Sequence[Term]
EXACT: Row = ()  # as many as its macs; nothing for a layer without any


class Counter(NamedTuple):
    """Another tool's way of counting. ``factor`` is what it counts for a multiply-accumulate, ``rows`` its terms by
    family; ``params`` the params as it counts them (None: it counts none). ``source`` is where its rules stand,
    ``media`` the sorts of networks from which its number can be known. ``by_parents``: it adds up modules by their
    parents, so that one with several parents counts more than once."""

    name: str
    version: str
    source: str
    rows: Mapping[str, Row]
    params: Callable[[Network], int | None]
    factor: int = 1
    media: tuple[str, ...] = (TORCH, YAML)
    known_from: str = LIVE
    only_params: bool = False
    by_parents: bool = False

    @property
    def unit(self) -> str:
        """Whether it calls what it prints multiply-accumulates or operations."""
        return "macs" if self.factor == 1 else "flops"

    @property
    def prints(self) -> tuple[str, ...]:
        """The metrics that a limit on its numbers may name."""
        return ("params",) if self.only_params else (self.unit, "params")


class Counted(NamedTuple):
    """What a counter prints for a network. ``value`` and ``params`` are None where they are not known, ``reason`` says
    why. ``terms`` add up to the difference between ``value`` and the exact macs, largest first."""

    counter: str
    version: str
    value: int | None
    unit: str
    params: int | None
    reason: str = ""
    terms: tuple[tuple[str, int], ...] = ()

    @property
    def known(self) -> bool:
        """Whether the number can be known from this network."""
        return self.value is not None

    @property
    def answered(self) -> bool:
        """Whether what it counts is known: its number, or the params of a counter that counts params alone."""
        return self.value is not None or (self.params is not None and self.reason.endswith("counts params alone"))

    def record(self) -> dict[str, object]:
        """The JSON fields of ``network --convention``."""
        fields = {"counter": self.counter, "version": self.version, "value": self.value, "unit": self.unit}
        return {**fields, "params": self.params, "known": self.known, "reason": self.reason or None}


def count(network: Network, counter: Counter, names: Callable[[str], bool] | None = None) -> Counted:
    """What a counter prints for a network, or for the layers whose names ``names`` accepts."""
    about = (counter.name, counter.version)
    layers = [one for one in seen(network) if names is None or names(one.layer.name)]
    try:
        params = counter.params(network) if names is None else None
    except Unknown:
        params = None
    if counter.only_params and not network.choices:
        return Counted(*about, None, counter.unit, params, f"{counter.name} counts params alone")
    if network.choices:
        return Counted(*about, None, counter.unit, None, "one of several branches runs, and which one is not known")
    if not network.complete:
        return Counted(*about, None, counter.unit, params, "some layers are not counted")
    found: Tally[str] = Tally()
    try:
        for one in layers:
            if one.medium not in counter.media:
                raise Unknown(_lost(one, counter))
            if counter.by_parents and one.layer.weights is not None:
                raise Unknown(f"{one.layer.name}: {_AGAIN}")
            for text, amount, product in counter.rows[one.family]:
                found[text] += amount(one) * (counter.factor if product else 1)
    except Unknown as reason:
        return Counted(*about, None, counter.unit, params, str(reason))
    exact = sum(one.macs for one in layers)
    if counter.factor != 1:
        found[f"a multiply-accumulate counts as {counter.factor}"] += exact * (counter.factor - 1)
    terms = sorted([(text, value) for text, value in found.items() if value], key=lambda term: (-abs(term[1]), term))
    return Counted(*about, exact + sum(found.values()), counter.unit, params, "", tuple(terms))


_AGAIN = "a module that runs again counts once for each of its parents, which are not known"


def _lost(one: Seen, counter: Counter) -> str:
    if TORCH in counter.media and one.medium not in (TORCH, YAML):
        lost = "a file of this format does not say which norms were folded and what PyTorch's modules were"
        return f"{lost}: known {counter.known_from}"
    return f"the network is read from another format: known {counter.known_from}"


# --- what rows are made of --------------------------------------------------------------------------------------------


def nothing(text: str) -> Row:
    """None of its macs are counted."""
    return (Term(text, lambda one: -one.macs, True),)


def per(text: str, amount: Amount) -> Row:
    """So many operations beside its macs."""
    return (Term(text, amount),)


def unknown(reason: str) -> Row:
    """The number is not known where such a layer is."""

    def amount(one: Seen) -> int:
        raise Unknown(f"{one.layer.name}: {reason}")

    return (Term(reason, amount),)


def where(test: Callable[[Seen], bool], row: Row, other: Row = EXACT) -> Row:
    """One row for the layers of which the test is true, another for all others."""

    def held(term: Term, wanted: bool) -> Term:
        return term._replace(amount=lambda one: term.amount(one) if test(one) is wanted else 0)

    return (*[held(term, True) for term in row], *[held(term, False) for term in other])


def zero(*families: str) -> dict[str, Row]:
    """Families whose exact macs are all that is counted."""
    return dict.fromkeys(families, EXACT)


FREE = zero("embedding", "move", "scale", "shift", "add", "multiply", "other elementwise", "mean", "reduction")
REPEATED = unknown("a layer that runs in a loop is not followed")
UNCOUNTED = unknown("the layer is not counted")
OTHERS: dict[str, Row] = {"repeated layer": REPEATED, "uncounted operator": UNCOUNTED}


def product(row: Row) -> Row:
    """A row for matrix products. A trace lists an einsum as bmm, which counters count in another way; PyTorch's own
    attention module calls bmm itself."""
    blurred = unknown("torch.bmm and torch.einsum leave one trace, and count in other ways")
    return where(lambda one: one.operator in ("bmm", "baddbmm") and not one.inside, blurred, row)


def all_params(network: Network) -> int | None:
    """All params, each once."""
    if any("params are not counted" in note for note in network.notes):
        raise Unknown("the run does not use all params")
    return network.params


def no_params(network: Network) -> int | None:
    """It counts none."""
    return None


def module(one: Seen) -> bool:
    """Whether a module of PyTorch ran it."""
    return bool(one.called)
