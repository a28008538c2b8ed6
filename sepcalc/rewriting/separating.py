"""The best set of layers to separate, as an integer program.

SciPy's HiGHS computes in floats: they propose, and what is proposed is counted in integers.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, combinations, islice
from math import gcd, inf
from typing import Any, NamedTuple

from sepcalc.branches import Choice, heaviest
from sepcalc.cost import Cost
from sepcalc.errors import InputError, Invalid, bad_input
from sepcalc.extras import install
from sepcalc.layer import SUMS
from sepcalc.network import Network
from sepcalc.ops.conv import Conv
from sepcalc.rewrite import Settings
from sepcalc.rewriting.answers import Answer, Limits, count_of, fits
from sepcalc.rewriting.rules import Plan, Rewritten, carry_out, keeps_shared, links_of

ROUNDS = 500  # of HiGHS
MAX_SUBSETS = 100  # ways in which branches may run that are looked at
_LARGE = 10**6  # coefficients up to this are given to HiGHS as they are


class Room(NamedTuple):
    """What is left for the groups of a metric; those of these numbers do not count, as their branch does not run."""

    metric: str
    most: int
    without: frozenset[int] = frozenset()


class _Choice(NamedTuple):
    """A way to run some layers (those that share weights, together): what it costs in all, and its plans."""

    cost: Cost
    plans: Mapping[int, Plan]


def separated(network: Network, limits: Limits, variants: Sequence[str], settings: Settings = Settings()) -> Answer:
    """The set of layers to separate, each by one of the variants, that keeps the most params within the limits.

    Raises InputError without SciPy.
    """
    found = _separated(network, limits, variants, settings)
    if found.network is None or fits(found.network, limits):
        return found
    return Answer("separate", None, "", "another branch may run, and has more")


def _separated(network: Network, limits: Limits, variants: Sequence[str], settings: Settings) -> Answer:
    """The same by what is laid out, and by each branch that may run in place of one there."""
    groups = _choices(network, variants, settings)
    fixed = {metric: count_of(network.cost, metric) for metric in limits}
    for choices in groups:
        for metric in limits:
            fixed[metric] -= count_of(choices[0].cost, metric)
    rooms = [Room(metric, most - fixed[metric]) for metric, most in limits.items()]
    taken = _solved(groups, [*rooms, *_otherwise(network, groups, rooms)])
    if taken is None:
        return Answer("separate", None, "", "not even all layers separated fit")
    plans = [Plan(reason="kept")] * len(network.nodes)
    for choices, number in zip(groups, taken, strict=True):
        for at, plan in choices[number].plans.items():
            plans[at] = plan
    result: Rewritten = carry_out(network, plans)
    names = tuple([node.name for node, plan in zip(network.nodes, plans, strict=True) if plan.links is not None])
    return Answer(
        "separate", result.after, f"{len(names)} {'layer' if len(names) == 1 else 'layers'} separated", layers=names
    )


def by_separating(
    network: Network, limits: Limits, variants: Sequence[str], settings: Settings = Settings(), required: bool = True
) -> Answer:
    """As :func:`separated`; where it need not be (``required``), what kept it from an answer is one."""
    try:
        return separated(network, limits, variants, settings)
    except InputError as error:
        if required:
            raise
        problem = error.problems[0]
        return Answer("separate", None, "", ": ".join(filter(None, (problem.message, problem.hint))))


def _otherwise(network: Network, groups: Sequence[Sequence[_Choice]], rooms: Sequence[Room]) -> list[Room]:
    """The rooms where other branches run than those that are laid out: without the groups in these, and without their
    layers, but with the most that another has. Branches in branches are left to the one who counts again."""
    names = [{network.nodes[at].name for at in choices[0].plans} for choices in groups]
    found = []
    for chosen in islice(_subsets(network.choices), MAX_SUBSETS):
        inside = frozenset[str]().union(*[choice.taken for choice in chosen]) & network.numbers.keys()
        without = frozenset([at for at, own in enumerate(names) if own <= inside])
        kept = inside - frozenset[str]().union(*[names[at] for at in without])
        for metric, most, _ in rooms:
            measure = SUMS[metric]
            least = sum([heaviest(choice, metric, measure, lambda name: True, True) for choice in chosen])
            found.append(Room(metric, most - least + sum([measure(network[name]) for name in kept]), without))
    return found


def _subsets(choices: Sequence[Choice]) -> Iterator[tuple[Choice, ...]]:
    """Some of them, or all."""
    return chain.from_iterable(combinations(choices, count) for count in range(1, len(choices) + 1))


def _choices(network: Network, variants: Sequence[str], settings: Settings) -> list[list[_Choice]]:
    """For every convolution that can be separated, or all that share its weights: first as it is, then each variant."""
    users: dict[Any, list[int]] = {}
    for at, node in enumerate(network.nodes):
        if isinstance(node.op, Conv) and keeps_shared(node):
            users.setdefault(at if node.weights is None else node.weights, []).append(at)
    groups = []
    for numbers in users.values():
        if any(network.nodes[at].weights is not None for at in numbers) and not _alike(network, numbers):
            continue
        choices = [_choice(network, dict.fromkeys(numbers, Plan(reason="kept")))]
        for name in variants:
            plans: dict[int, Plan] = {}
            for at in numbers:
                node = network.nodes[at]
                assert isinstance(node.op, Conv)
                shape = network.tensors[node.sources[0]]
                try:
                    obstacle, links = links_of(name, node.op, shape, settings)
                except Invalid:
                    break
                if obstacle:
                    break
                plans[at] = Plan(links, name)
            if len(plans) == len(numbers):
                choices.append(_choice(network, plans))
        if len(choices) > 1:
            groups.append(choices)
    return groups


def _alike(network: Network, numbers: Sequence[int]) -> bool:
    return len({network.nodes[at].op for at in numbers}) == 1


def _choice(network: Network, plans: Mapping[int, Plan]) -> _Choice:
    """What some layers cost as planned, counted on the rewritten network."""
    whole = [plans.get(at, Plan()) for at in range(len(network.nodes))]
    after = carry_out(network, whole)
    cost = Cost()
    for at in plans:
        cost = cost + after.layers[at].after
    return _Choice(cost, plans)


def _solved(groups: Sequence[Sequence[_Choice]], rooms: Sequence[Room]) -> list[int] | None:
    """For each group the number of the choice to take: the most params in all within the rooms, and of several such
    the one that changes the fewest groups; None if none fits. Raises InputError without SciPy.

    HiGHS computes in floats. What it proposes is counted in integers: a proposal over a limit is cut off, with all
    that weigh as much; one that fits is kept, and cut off too, until HiGHS' own bound says that nothing better is left.
    """
    try:
        from scipy.optimize import Bounds, LinearConstraint, milp
    except ImportError:
        raise bad_input("fit --by separate needs SciPy, which is not installed", install("fit")) from None
    flat = [(at, number) for at, choices in enumerate(groups) for number in range(len(choices))]
    if not flat:
        return [] if all(room.most >= 0 for room in rooms) else None
    worth = [
        groups[at][number].cost.params * (len(groups) + 1) + (number == 0) for at, number in flat
    ]  # params first, then what is left as it is
    weights = {
        room: [0 if at in room.without else count_of(groups[at][number].cost, room.metric) for at, number in flat]
        for room in rooms
    }
    rows = [[float(at == group) for at, _ in flat] for group in range(len(groups))]
    highest, lowest = [1.0] * len(rows), [1.0] * len(rows)
    for room in rooms:
        unit = gcd(*weights[room]) or 1
        scale = max(1, max(weights[room]) // unit // _LARGE)
        rows.append([value // unit / scale for value in weights[room]])
        highest.append(room.most // unit / scale)
        lowest.append(-inf)
    unit = gcd(*worth) or 1
    best: tuple[int, list[int]] | None = None
    for _ in range(ROUNDS):
        found = milp(
            [-(value // unit) for value in worth],
            integrality=[1] * len(flat),
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(rows, lowest, highest),
            options={"mip_rel_gap": 0},
        )
        if found.x is None:
            return best[1] if best else None
        bound = -found.mip_dual_bound if found.mip_dual_bound is not None else inf
        if best and bound < (best[0] // unit) * (1 + 1e-12) + 0.5:
            return best[1]
        taken = [column for column, value in enumerate(found.x) if value > 0.5]
        over = next((room for room in rooms if sum(weights[room][column] for column in taken) > room.most), None)
        if over is None:
            value = sum(worth[column] for column in taken)
            if best is None or value > best[0]:
                best = value, [flat[column][1] for column in taken]
            cut = set(taken)
        else:
            cut = {column for column, (at, _) in enumerate(flat) if weights[over][column] >= weights[over][taken[at]]}
        rows.append([float(column in cut) for column in range(len(flat))])
        highest.append(len(groups) - 1.0)
        lowest.append(-inf)
    raise bad_input(
        f"the best layers to separate are not found within {ROUNDS} rounds", "take a lower or a higher limit"
    )
