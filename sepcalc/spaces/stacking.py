"""Spaces whose networks are made one by one for each value of a few variables, and layers that become variants."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

from sepcalc.errors import InputError, bad_input, near_miss, quoted
from sepcalc.layer import SUMS
from sepcalc.network import Network, matches
from sepcalc.ops.conv import Conv
from sepcalc.rewriting.rules import read_rule, rewrite
from sepcalc.spaces.space import Assignment, Space, Variable
from sepcalc.spaces.tables import Table, combine, of_variable

MAX_NETWORKS = 20_000  # that are made
KEPT = "conv"  # the variant that a layer already is
PEAK = "peak_memory"
Numbers = tuple[int, ...]
Made = Callable[[Mapping[str, Any]], Network]  # the network with these values
Variants = Sequence[tuple[str, Sequence[str]]]  # globs of layers, each with the variants that they may become


def stacked(names: Sequence[str], values: Sequence[Sequence[Hashable]], made: Made, variants: Variants = ()) -> Space:
    """The space of all networks that ``made`` makes with these values, each made once. With ``variants``, each matched
    convolution is a variable besides: what it becomes. Raises InputError."""
    total = 1
    for some in values:
        total *= len(some)
    if total > MAX_NETWORKS:
        raise bad_input(
            f"{total:,} networks would be read one by one: at most {MAX_NETWORKS:,}",
            "vary parameters of a YAML file alone, or fewer values",
        )
    found = _Stack(names, values, made)
    layers: dict[str, list[str]] = {}
    for glob, wanted in variants:
        for name in found.convolutions(glob):
            if name in layers:
                raise bad_input(f"two globs match {name}: each layer is varied once")
            layers[name] = [*wanted]
    variables = [Variable(name, len(some), of_variable(at, some)) for at, (name, some) in enumerate(zip(names, values))]
    base = len(variables)
    occurs = {}
    for name, wanted in layers.items():
        number = len(variables)
        there = found.table(partial(_has, name))
        if there.values != (True,):
            occurs[number] = there
        variables.append(Variable(name, len(wanted), of_variable(number, wanted)))
    parts = [found.rewritten(base + at, name, wanted) for at, (name, wanted) in enumerate(layers.items())]
    reasons = [found.reasons(), *[reason for reason, _, _ in parts]]
    sums: dict[str, Callable[[], tuple[Table, ...]]] = {}
    for at, metric in enumerate(SUMS):
        sums[metric] = partial(_summed, at, found.totals(), [counts for _, counts, _ in parts])
    peaks = {PEAK: partial(_peaks, found.peaks({*layers}), [peak for _, _, peak in parts])}

    def network(assignment: Assignment) -> Network:
        chosen = found.network(tuple([at or 0 for at in assignment[:base]]))
        rules = [
            f"{_exact(name)}={wanted[at]}"
            for (name, wanted), at in zip(layers.items(), assignment[base:], strict=True)
            if at is not None and wanted[at] != KEPT
        ]
        return rewrite(chosen, [read_rule(rule) for rule in rules]).after if rules else chosen

    told = tuple([reason for reason in reasons if reason.values != ("",)])
    return Space(variables, occurs, told, sums, peaks, network, found.gaps())


class _Stack:
    """The networks of a few variables, each made once."""

    def __init__(self, names: Sequence[str], values: Sequence[Sequence[Hashable]], made: Made) -> None:
        self.made = made
        self.names, self.values = names, values
        self.known: dict[Numbers, Network | str] = {}
        cells = [*product(*[range(len(some)) for some in values])]
        for cell in cells:
            try:
                self.known[cell] = made({name: some[at] for name, some, at in zip(names, values, cell)})
            except InputError as error:
                self.known[cell] = error.problems[0].message
        if all(isinstance(one, str) for one in self.known.values()):
            made({name: some[0] for name, some in zip(names, values)})  # says what is wrong

    def network(self, cell: Numbers) -> Network:
        """The network of a cell. Raises InputError where there is none."""
        found = self.known[cell]
        if isinstance(found, str):
            raise bad_input(found)
        return found

    def table(self, function: Callable[[Network | None], Hashable]) -> Table:
        """A table of what a function gives for each network; None stands for one that cannot be made."""
        picks = [of_variable(at, range(len(some))) for at, some in enumerate(self.values)]

        def at(*cell: int) -> Hashable:
            found = self.known[cell]
            return function(None if isinstance(found, str) else found)

        return combine(at, *picks) if picks else combine(lambda _: at(), of_variable(0, [0]))

    def reasons(self) -> Table:
        """Why there is no network, or nothing."""
        picks = [of_variable(at, range(len(some))) for at, some in enumerate(self.values)]

        def at(*cell: int) -> str:
            found = self.known[cell]
            return found if isinstance(found, str) else ""

        return combine(at, *picks) if picks else combine(lambda _: at(), of_variable(0, [0]))

    def totals(self) -> Table:
        """All counts of each network."""
        return self.table(_counts)

    def peaks(self, rewritten: frozenset[str] | set[str]) -> Table:
        """The largest memory while any layer runs that does not become a variant."""

        def peak(network: Network | None) -> int:
            if network is None:
                return 0
            live = [size for node, size in zip(network.nodes, network.live()) if node.name not in rewritten]
            return max(live, default=0) if rewritten else network.peak_memory()

        return self.table(peak)

    def gaps(self) -> frozenset[str]:
        """What layers are called of which not every count is known."""
        networks = [one for one in self.known.values() if not isinstance(one, str)]
        return frozenset([gap.kind for network in networks for gap in network.uncounted])

    def convolutions(self, glob: str) -> list[str]:
        """The convolutions that a glob matches, in any network. Raises InputError where there are none."""
        networks = [one for one in self.known.values() if not isinstance(one, str)]
        nodes = [node for network in networks for node in network.nodes]
        found = dict.fromkeys(node.name for node in nodes if isinstance(node.op, Conv) and matches(node.name, glob))
        if not found:
            names = list(dict.fromkeys(node.name for node in nodes))
            matched = any(matches(name, glob) for name in names)
            message = f"no {'convolution' if matched else 'layer'} matches {quoted(glob)}"
            raise bad_input(message, "variants are for convolutions" if matched else near_miss(glob, names))
        return [*found]

    def rewritten(self, number: int, name: str, variants: Sequence[str]) -> tuple[Table, Table, Table]:
        """Of a layer and its variants: why it cannot become one, what the counts of the network grow by (below 0: they
        shrink), and the largest memory while it runs."""
        rules = [None if variant == KEPT else read_rule(f"{_exact(name)}={variant}") for variant in variants]
        known: dict[tuple[int, int], tuple[str, Numbers, int]] = {}

        def outcome(network: Network, pick: int) -> tuple[str, Numbers, int]:
            if (id(network), pick) not in known:
                known[id(network), pick] = _outcome(network, name, rules[pick])
            return known[id(network), pick]

        picks = [of_variable(at, range(len(some))) for at, some in enumerate(self.values)]

        def at(pick: int, *cell: int) -> Hashable:
            found = self.known[cell]
            if isinstance(found, str) or name not in found.numbers:
                return "", (0,) * len(SUMS), 0
            return outcome(found, pick)

        table = combine(at, of_variable(number, range(len(variants))), *picks)
        return tuple([combine(lambda one, at=at: one[at], table) for at in range(3)])  # type: ignore[return-value]


def _outcome(network: Network, name: str, rule: Any) -> tuple[str, Numbers, int]:
    """What one network becomes when a layer follows a rule."""
    before = _counts(network)
    if rule is None:
        return "", (0,) * len(before), network.live()[network.numbers[name]]
    result = rewrite(network, [rule])
    change = result.layers[network.numbers[name]]
    if not change.rule:
        return f"{name} cannot be {rule.target}: {change.reason}", (0,) * len(before), 0
    grown = tuple([new - old for new, old in zip(_counts(result.after), before)])
    span = result.spans[network.numbers[name]]
    return "", grown, max(result.after.live()[span.start : span.stop])


def _has(name: str, network: Network | None) -> bool:
    return network is not None and name in network.numbers


def _counts(network: Network | None) -> Numbers:
    if network is None:
        return (0,) * len(SUMS)
    return tuple([sum(map(count, network.layers)) for count in SUMS.values()])


def _summed(at: int, totals: Table, parts: Sequence[Table]) -> tuple[Table, ...]:
    return tuple([combine(lambda counts: counts[at], table) for table in (totals, *parts)])


def _peaks(rest: Table, parts: Sequence[Table]) -> tuple[Table, ...]:
    return (rest, *parts)


def _exact(name: str) -> str:
    """A glob that matches this name alone."""
    return name.replace("*", "?")
