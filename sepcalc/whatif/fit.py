"""The least change of a network that fits its limits: narrower, smaller, or with layers separated.

Each way is solved exactly: width and resolution by bisection, since counts only grow with them, and then counted
again; the set of layers to separate as an integer program, by SciPy's HiGHS.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from sepcalc.cost import COSTS, Cost
from sepcalc.errors import InputError, Invalid, Problem
from sepcalc.network import Network
from sepcalc.ops.conv import Conv
from sepcalc.rewrite import Settings
from sepcalc.whatif.rules import Plan, Rewritten, carry_out, links_of

LINEAR = (*COSTS, "flops")  # counts of which a network's are the sum of its layers'
FINEST = 1000  # widths are tried in thousandths

Limits = Mapping[str, int]


class Answer(NamedTuple):
    """The network that fits, by one way: what was changed, what was kept of the params, what given up. ``network`` is
    None where the way leads to none, for a ``reason``."""

    way: str
    network: Network | None
    change: str
    reason: str = ""
    layers: tuple[str, ...] = ()  # those that were separated


def count_of(cost: Cost, metric: str) -> int:
    """A linear count of a layer or a network."""
    return int(getattr(cost, metric))


def fits(network: Network, limits: Limits) -> bool:
    """Whether every limit is kept; equal to it is."""
    return all(count_of(network.cost, metric) <= most for metric, most in limits.items())


# --- bisection -------------------------------------------------------------------------------------------------------


def largest(low: int, high: int, at: Callable[[int], Network | None], limits: Limits) -> tuple[int, Network] | None:
    """The largest number from ``low`` to ``high`` whose network fits, given that counts only grow with it; None when
    not even the smallest does. Numbers that make no network (None) count as too large."""

    def tried(number: int) -> Network | None:
        network = at(number)
        return network if network is not None and fits(network, limits) else None

    best = tried(low)
    if best is None:
        return None
    while low < high:
        middle = (low + high + 1) // 2
        network = tried(middle)
        if network is None:
            high = middle - 1
        else:
            low, best = middle, network
    return low, best


def narrower(
    widths: tuple[Fraction, Fraction], at: Callable[[Fraction], Network | None], limits: Limits, what: str
) -> Answer:
    """The widest that fits, in thousandths; ``widths`` are the narrowest to try and the network's own."""
    low, high = [int(width * FINEST) for width in widths]
    found = largest(max(1, low), high, lambda number: at(Fraction(number, FINEST)), limits)
    if found is None:
        return Answer("width", None, "", f"not even {what} {max(1, low) / FINEST:g} fits")
    return Answer("width", found[1], f"{what} {high / FINEST:g} -> {found[0] / FINEST:g}")


def smaller(size: int, at: Callable[[int], Network | None], limits: Limits) -> Answer:
    """The highest resolution that fits, of square inputs up to the network's own."""
    least = next((low for low in range(1, size + 1) if at(low) is not None), None)
    found = None if least is None else largest(least, size, at, limits)
    if found is None:
        return Answer("resolution", None, "", "no resolution fits: params, for one, do not depend on it")
    return Answer("resolution", found[1], f"resolution {size} -> {found[0]}")


# --- the best set of layers to separate ------------------------------------------------------------------------------


class _Choice(NamedTuple):
    """A way to run some layers (those that share weights, together): what it costs in all, and its plans."""

    cost: Cost
    plans: Mapping[int, Plan]


def separated(network: Network, limits: Limits, variants: Sequence[str], settings: Settings = Settings()) -> Answer:
    """The set of layers to separate, each by one of the variants, that keeps the most params within the limits.

    Raises InputError without SciPy.
    """
    groups = _choices(network, variants, settings)
    fixed = {metric: count_of(network.cost, metric) for metric in limits}
    for choices in groups:
        for metric in limits:
            fixed[metric] -= count_of(choices[0].cost, metric)
    taken = _solved(groups, {metric: most - fixed[metric] for metric, most in limits.items()})
    if taken is None:
        return Answer("separate", None, "", "not even all layers separated fit")
    plans = [Plan(reason="kept")] * len(network.nodes)
    for choices, number in zip(groups, taken, strict=True):
        for at, plan in choices[number].plans.items():
            plans[at] = plan
    result: Rewritten = carry_out(network, plans)
    names = tuple([node.name for node, plan in zip(network.nodes, plans, strict=True) if plan.links is not None])
    return Answer("separate", result.after, f"{len(names)} layers separated", layers=names)


def _choices(network: Network, variants: Sequence[str], settings: Settings) -> list[list[_Choice]]:
    """For every convolution that can be separated, or all that share its weights: first as it is, then each variant."""
    users: dict[Any, list[int]] = {}
    for at, node in enumerate(network.nodes):
        if isinstance(node.op, Conv) and not node.shared:
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


def _solved(groups: Sequence[Sequence[_Choice]], room: Limits) -> list[int] | None:
    """For each group the number of the choice to take, the most params in all within the room; None if none fits.

    HiGHS computes in floats: its answer is counted again in integers, and where it leans over a limit by its
    tolerance, that limit is drawn in by as much.
    """
    try:
        import numpy as np
        from scipy.optimize import Bounds, LinearConstraint, milp
    except ImportError:
        raise InputError(
            [Problem("fit --by separate needs SciPy, which is not installed", "pip install 'sepcalc[fit]'")]
        ) from None
    flat = [(at, choice) for at, choices in enumerate(groups) for choice in choices]
    if not flat:
        return [] if all(most >= 0 for most in room.values()) else None
    one_each = np.zeros((len(groups), len(flat)))
    for column, (at, _) in enumerate(flat):
        one_each[at, column] = 1
    lean = dict.fromkeys(room, 0)
    while True:
        constraints = [LinearConstraint(one_each, 1, 1)]
        for metric, most in room.items():
            row = [count_of(choice.cost, metric) for _, choice in flat]
            scale = max(map(abs, row), default=1) or 1
            constraints.append(
                LinearConstraint(np.array([[value / scale for value in row]]), -np.inf, (most - lean[metric]) / scale)
            )
        params = [choice.cost.params for _, choice in flat]
        top = max(params) or 1
        found = milp(
            [-value / top for value in params],
            integrality=np.ones(len(flat)),
            bounds=Bounds(0, 1),
            constraints=constraints,
            options={"mip_rel_gap": 0},
        )
        if found.x is None:
            return None
        taken = [column for column, value in enumerate(found.x) if value > 0.5]
        over = {m: sum(count_of(flat[column][1].cost, m) for column in taken) - most for m, most in room.items()}
        if all(excess <= 0 for excess in over.values()):
            numbers = dict.fromkeys(range(len(groups)), 0)
            seen = dict.fromkeys(range(len(groups)), 0)
            for column, (at, _) in enumerate(flat):
                if column in taken:
                    numbers[at] = seen[at]
                seen[at] += 1
            return [numbers[at] for at in range(len(groups))]
        for metric, excess in over.items():
            lean[metric] += max(0, excess)


def unfit(limits: Iterable[str]) -> None:
    """Raises InputError for a metric that is not a sum over layers."""
    for metric in limits:
        if metric not in LINEAR:
            raise InputError([Problem(f"fit cannot be held to {metric}: expected {', '.join(LINEAR)}")])
