"""Questions on random small spaces: every answer equals that of listing all settings."""

import itertools
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sepcalc.spaces import solving
from sepcalc.spaces.problem import Limits, Problem, Unanswerable
from sepcalc.spaces.relations import dot, transformed
from sepcalc.spaces.solving import LEAST, MOST, Assignment, best, count, front, histogram, nearest, sample, size
from sepcalc.spaces.tables import Table, combine, constant, of_variable

METRICS = ("macs", "params")


class Listed(NamedTuple):
    """A setting and its metrics, peak included."""

    setting: Assignment
    metrics: dict[str, int]


def listed(problem: Problem) -> list[Listed]:
    """Every setting that makes a network."""
    found = []
    for numbers in itertools.product(*map(range, problem.sizes)):
        absent = [at for at, table in problem.occurs.items() if not table.at(numbers)]
        if any(numbers[at] for at in absent) or not all(table.at(numbers) for table in problem.fits):
            continue
        metrics = {name: sum(table.at(numbers) for table in tables) for name, tables in problem.sums.items()}
        metrics |= {
            name: max((table.at(numbers) for table in tables), default=0) for name, tables in problem.peaks.items()
        }
        found.append(Listed(tuple([None if at in absent else number for at, number in enumerate(numbers)]), metrics))
    return found


def within(found: list[Listed], limits: Limits) -> list[Listed]:
    return [
        one
        for one in found
        if all(
            (least is None or one.metrics[name] >= least) and (most is None or one.metrics[name] <= most)
            for name, (least, most) in limits.items()
        )
    ]


def table(draw: st.DrawFn, sizes: tuple[int, ...], values: st.SearchStrategy[int], before: int | None = None) -> Table:
    """A table over a few of the variables, or over those before one."""
    numbers = range(len(sizes) if before is None else before)
    over = sorted(draw(st.sets(st.sampled_from(numbers), max_size=3))) if numbers else []
    shape = [sizes[at] for at in over]
    flat = draw(st.lists(values, min_size=int(np.prod(shape)), max_size=int(np.prod(shape))))
    cells = dict(zip(itertools.product(*map(range, shape)), flat, strict=True))
    return (
        combine(lambda *at: cells[at], *[of_variable(number, range(sizes[number])) for number in over])
        if over
        else constant(flat[0])
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    sizes = tuple(draw(st.lists(st.integers(1, 3), max_size=5)))
    small = draw(
        st.sampled_from([st.integers(0, 6), st.sampled_from([0, 12, 24, 30]), st.sampled_from([0, 2**70, 2**70 + 6])])
    )
    truth = st.sampled_from([True, True, True, False])
    occurs = {}
    for at in range(len(sizes)):
        if draw(st.integers(0, 2)) == 0:
            occurs[at] = combine(bool, table(draw, sizes, truth, at))
    several = st.integers(0, 4)
    return Problem(
        tuple([f"v{at}" for at in range(len(sizes))]),
        sizes,
        occurs,
        tuple([combine(bool, table(draw, sizes, truth)) for _ in range(draw(st.integers(0, 1)))]),
        {name: tuple([table(draw, sizes, small) for _ in range(draw(several))]) for name in METRICS},
        {"peak_memory": tuple([table(draw, sizes, st.integers(0, 5)) for _ in range(draw(several))])},
    )


@st.composite
def asked(draw: st.DrawFn) -> tuple[Problem, list[Listed], Limits]:
    problem = draw(problems())
    found = listed(problem)
    limits = {}
    for name in (*METRICS, "peak_memory"):
        values = sorted({one.metrics[name] for one in found} | {3})
        bound = st.sampled_from([*values, values[0] - 1, values[-1] + 1])
        ends = draw(st.sampled_from(["", "", "most", "least", "both"]))
        if ends:
            low, high = sorted([draw(bound), draw(bound)])
            limits[name] = (None if ends == "most" else low, None if ends == "least" else high)
    return problem, found, limits


@given(problems())
@settings(deadline=None)
def test_size(problem: Problem) -> None:
    assert size(problem) == len(listed(problem))


@given(asked())
@settings(deadline=None, max_examples=200)
def test_count(given_: tuple[Problem, list[Listed], Limits]) -> None:
    problem, found, limits = given_
    assert count(problem, limits) == len(within(found, limits))


@given(asked(), st.sampled_from([LEAST, MOST]), st.sampled_from([*METRICS, "peak_memory"]), st.integers(1, 4))
@settings(deadline=None, max_examples=200)
def test_best(given_: tuple[Problem, list[Listed], Limits], sense: str, metric: str, top: int) -> None:
    problem, found, limits = given_
    some = within(found, limits)
    answer = best(problem, (sense, metric), limits, top)
    if not some:
        assert answer is None
        return
    order = sorted([one.metrics[metric] for one in some], reverse=sense == MOST)
    assert answer is not None
    assert answer.value == order[0]
    assert answer.ties == order.count(order[0])
    assert [value for value, _ in answer.settings] == order[:top]
    metrics = {one.setting: one.metrics[metric] for one in some}
    assert len({setting for _, setting in answer.settings}) == len(answer.settings)
    assert all(metrics[setting] == value for value, setting in answer.settings)


@given(
    asked(), st.sampled_from([LEAST, MOST]), st.sampled_from([LEAST, MOST]), st.permutations([*METRICS, "peak_memory"])
)
@settings(deadline=None, max_examples=200)
def test_front(given_: tuple[Problem, list[Listed], Limits], one: str, two: str, names: list[str]) -> None:
    problem, found, limits = given_
    some = within(found, limits)
    signs = [1 if sense == LEAST else -1 for sense in (one, two)]
    pairs = Counter(tuple([item.metrics[name] for name in names[:2]]) for item in some)
    costs = {pair: (signs[0] * pair[0], signs[1] * pair[1]) for pair in pairs}
    kept = {
        pair: number
        for pair, number in pairs.items()
        if not any(all(a <= b for a, b in zip(costs[other], costs[pair])) and other != pair for other in pairs)
    }
    answer = front(problem, ((one, names[0]), (two, names[1])), limits)
    assert {point.values: point.ties for point in answer} == kept
    assert [point.values for point in answer] == sorted(kept)
    metrics = {item.setting: tuple([item.metrics[name] for name in names[:2]]) for item in some}
    assert all(metrics[point.setting] == point.values for point in answer)


@given(asked(), st.sampled_from([*METRICS, "peak_memory"]), st.integers(1, 5))
@settings(deadline=None, max_examples=100)
def test_histogram(given_: tuple[Problem, list[Listed], Limits], metric: str, bins: int) -> None:
    problem, found, limits = given_
    values = [one.metrics[metric] for one in within(found, limits)]
    answer = histogram(problem, metric, bins, limits)
    assert bool(answer) == bool(values)
    assert [one.number for one in answer] == [sum(one.low <= value <= one.high for value in values) for one in answer]
    assert sum(one.number for one in answer) == len(values)
    assert all(one.high + 1 == two.low for one, two in itertools.pairwise(answer))
    if values:
        assert (answer[0].low, answer[-1].high) == (min(values), max(values))


@given(asked(), st.integers(0, 5))
@settings(deadline=None, max_examples=100)
def test_sample(given_: tuple[Problem, list[Listed], Limits], seed: int) -> None:
    problem, found, limits = given_
    some = {one.setting for one in within(found, limits)}
    answer = sample(problem, 20, seed, limits)
    assert len(answer) == (20 if some else 0)
    assert {*answer} <= some
    assert sample(problem, 20, seed, limits) == answer


def test_a_sample_is_uniform() -> None:
    occurs = {1: of_variable(0, [True, False, True])}
    sums = {"macs": (of_variable(0, [0, 1, 2]), of_variable(1, [0, 1, 2, 3]))}
    problem = Problem(("a", "b"), (3, 4), occurs, (), sums, {})
    drawn = Counter(sample(problem, 9000, 7, {"macs": (1, 4)}))
    assert len(drawn) == 3 + 1 + 3  # macs 1 to 4: (0, 1…3), (1, -), (2, 0…2)
    assert all(1100 < number < 1480 for number in drawn.values())  # 1,286 expected, five sigma


@given(asked())
@settings(deadline=None, max_examples=100)
def test_nearest(given_: tuple[Problem, list[Listed], Limits]) -> None:
    problem, found, limits = given_
    if not found:
        assert nearest(problem, limits) == {}
        return
    expected = {}
    for name, (least, most) in limits.items():
        others = within(found, {other: ends for other, ends in limits.items() if other != name})
        values = [one.metrics[name] for one in others or found]
        if most is not None and min(values) > most:
            expected[name] = min(values)
        if least is not None and max(values) < least:
            expected[name] = max(values)
    assert nearest(problem, limits) == expected


def test_what_takes_too_much_memory_is_refused() -> None:
    sizes = (30,) * 6
    odd = {
        "macs": tuple(
            [of_variable(at, [number * 7 ** (2 * at + 1) + number for number in range(30)]) for at in range(6)]
        )
    }
    problem = Problem(tuple("abcdef"), sizes, {}, (), odd, {})
    with pytest.raises(Unanswerable, match="there are too many different sums to count them exactly in this memory"):
        solving.whole(solving.eliminated(solving.packed(problem, [("macs", False)], {}), None, 1 << 20), None, 1 << 20)
    everything = combine(lambda *at: sum(at), *[of_variable(at, range(30)) for at in range(4)])
    crossed = {"macs": (everything, combine(lambda *at: sum(at), *[of_variable(at, range(30)) for at in range(2, 6)]))}
    found = best(Problem(tuple("abcdef"), sizes, {}, (), crossed, {}), (MOST, "macs"), {})
    assert found is not None
    assert (found.value, found.ties) == (8 * 29, 1)


def test_convolutions_by_transforms_are_exact() -> None:
    rng = np.random.default_rng(3)
    for bits in (1, 20, 44):
        places = [np.sort(rng.choice(500, 200, replace=False)) for _ in range(2)]
        counts = [
            rng.integers(1 << (bits - 1), 1 << bits, 200).astype(object if bits > 20 else np.int64) for _ in range(2)
        ]
        span = int(places[0][-1] + places[1][-1]) + 1
        expected = [0] * span
        for one, ways in zip(places[0].tolist(), counts[0].tolist(), strict=True):
            for two, others in zip(places[1].tolist(), counts[1].tolist(), strict=True):
                expected[one + two] += ways * others
        assert transformed(places[0], counts[0], places[1], counts[1], span).tolist() == expected


@given(st.lists(st.tuples(st.integers(0, 2**61), st.integers(0, 2**61)), max_size=20))
def test_sums_of_products_are_exact(pairs: list[tuple[int, int]]) -> None:
    one, two = [np.array([pair[at] for pair in pairs], dtype=np.int64) for at in range(2)]
    assert dot(one, two) == sum(a * b for a, b in pairs)
