"""Spaces of real sizes, against counts made in another way, and answers that were wrong once."""

import itertools
import time
from collections.abc import Sequence

import numpy as np
import pytest

from sepcalc.errors import Invalid
from sepcalc.spaces import solving
from sepcalc.spaces.problem import Problem, Unanswerable
from sepcalc.spaces.tables import Table


def named(sizes: Sequence[int], occurs, sums) -> Problem:
    return Problem(tuple(f"v{at}" for at in range(len(sizes))), tuple(sizes), occurs, (), sums, {})


def table(variables: Sequence[int], array) -> Table:
    values = sorted(set(np.asarray(array, dtype=object).ravel().tolist()))
    codes = np.array([values.index(each) for each in np.asarray(array, dtype=object).ravel().tolist()])
    return Table(tuple(variables), codes.reshape(np.shape(array)), tuple(values))


def mobilenet(widths: Sequence[int]) -> Problem:
    """MobileNet V1 at 224 with a width of its own, in eighths, for each of its 14 layers."""
    channels = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024]
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    made = [np.array([channel * width // 8 for width in widths]) for channel in channels]
    side = 112
    macs = [table([0], side**2 * 27 * made[0])]
    params = [table([0], 29 * made[0])]
    for at, stride in enumerate(strides):
        side //= stride
        c_in, c_out = made[at][:, None], made[at + 1][None, :]
        macs.append(table([at, at + 1], side**2 * (9 * c_in + c_in * c_out)))
        params.append(table([at, at + 1], 11 * c_in + c_in * c_out + 2 * c_out))
    macs.append(table([13], 1000 * made[13]))
    params.append(table([13], 1000 * made[13] + 1000))
    return named((len(widths),) * 14, {}, {"macs": tuple(macs), "params": tuple(params)})


def sums_of(problem: Problem, metric: str, first: int, last: int) -> np.ndarray:
    """The sums of all tables over these variables, for every combination: an axis for each variable."""
    shape = problem.sizes[first : last + 1]
    total = np.zeros(shape, dtype=np.int64)
    for each in problem.sums[metric]:
        if all(first <= variable <= last for variable in each.variables):
            total += each.numbers().reshape(
                [problem.sizes[at] if at in each.variables else 1 for at in range(first, last + 1)]
            )
    return total


def test_mobilenet_with_eight_widths_for_each_layer_is_counted_exactly():
    problem = mobilenet(range(1, 9))
    started = time.process_time()
    kept = solving.count(problem, {"macs": (None, 300_000_000)})
    assert time.process_time() - started < 30
    assert solving.size(problem) == 8**14
    left, right = sums_of(problem, "macs", 0, 6), sums_of(problem, "macs", 6, 13)  # both hold the seventh layer
    expected = 0
    for width in range(8):
        after = np.sort(right[width].ravel())
        expected += int(np.searchsorted(after, 300_000_000 - np.sort(left[..., width].ravel()), side="right").sum())
    assert kept == expected


def test_mobilenet_with_three_widths_equals_enumeration():
    problem = mobilenet([2, 5, 8])
    macs, params = (sums_of(problem, metric, 0, 13).ravel() for metric in ("macs", "params"))
    limit = 300_000_000
    assert solving.count(problem, {"macs": (None, limit)}) == int((macs <= limit).sum())
    best = solving.best(problem, ("most", "params"), {"macs": (None, limit)})
    assert best is not None
    most = int(params[macs <= limit].max())
    assert (best.value, best.ties) == (most, int((params[macs <= limit] == most).sum()))
    order = np.lexsort((-params, macs))
    highest = np.maximum.accumulate(params[order])
    on_front = order[np.concatenate([[True], highest[1:] > highest[:-1]])]
    front = solving.front(problem, (("least", "macs"), ("most", "params")), {})
    assert [point.values for point in front] == list(zip(macs[on_front].tolist(), params[on_front].tolist()))
    assert all(
        point.ties == int(((macs == point.values[0]) & (params == point.values[1])).sum()) for point in front[::50]
    )


def once_for_all(stages: int) -> Problem:
    """Stages of two to four blocks, each with a kernel and an expansion, as in Once-for-all's MobileNetV3."""
    channels, sides = [16, 24, 40, 80, 112, 160], [112, 56, 28, 14, 14, 7]
    kernels, expansions = np.array([3, 5, 7])[:, None], np.array([3, 4, 6])[None, :]
    counts: list[int] = []
    occurs, macs = {}, [table((), 112**2 * 27 * 16)]
    for stage in range(stages):
        depth = len(counts)
        counts.append(3)
        for block in range(4):
            kernel, expansion = len(counts), len(counts) + 1
            counts += [3, 3]
            before = stage if block == 0 else stage + 1
            inner = channels[before] * expansions
            cost = sides[before] ** 2 * channels[before] * inner
            cost = cost + sides[stage + 1] ** 2 * inner * (kernels**2 + channels[stage + 1])
            if block < 2:
                macs.append(table([kernel, expansion], cost))
                continue
            there = np.array([d > block for d in (2, 3, 4)])
            occurs[kernel] = occurs[expansion] = table([depth], there)
            macs.append(table([depth, kernel, expansion], there[:, None, None] * cost))
    return named(counts, occurs, {"macs": tuple(macs)})


def test_once_for_all_has_its_size_and_is_counted_below_a_limit():
    problem = once_for_all(5)
    started = time.process_time()
    kept = solving.count(problem, {"macs": (None, 300_000_000)})
    assert time.process_time() - started < 30
    of = solving.size(problem)
    assert of == (9**2 + 9**3 + 9**4) ** 5 == 21_758_655_492_572_485_851
    assert kept + solving.count(problem, {"macs": (300_000_001, None)}) == of
    assert 0 < kept < of


def test_a_part_of_once_for_all_equals_an_independent_count():
    problem = once_for_all(2)
    totals = []
    for stage in range(2):
        blocks = [each for each in problem.sums["macs"] if each.variables and each.variables[-1] // 9 == stage]
        one, two, three, four = (each.numbers().reshape(-1, 9) for each in blocks)
        pair = (one[0][:, None] + two[0][None, :]).ravel()
        third = (pair[:, None] + three[2][None, :]).ravel()
        fourth = (third[:, None] + four[2][None, :]).ravel()
        totals.append(np.concatenate([pair, third, fourth]))
    stem = problem.sums["macs"][0].values[0]
    limit = stem + int(np.median(totals[0])) + int(np.median(totals[1]))
    expected = int(np.searchsorted(np.sort(totals[1]), limit - stem - totals[0], side="right").sum())
    assert solving.count(problem, {"macs": (None, limit)}) == expected


def test_a_space_whose_layers_all_depend_on_each_other_is_refused_at_once():
    pairs = itertools.combinations(range(14), 2)
    tables = tuple(table([a, b], np.arange(64).reshape(8, 8) * (a + 1) % (b + 60)) for a, b in pairs)
    started = time.process_time()
    with pytest.raises(Unanswerable, match="depends on too many choices at once"):
        solving.count(named((8,) * 14, {}, {"macs": tables}), {"macs": (None, 1000)})
    assert time.process_time() - started < 5


def test_huge_differences_between_small_values_are_exact():
    problem = named((2, 2), {}, {"macs": (table([0], [-(1 << 70), 1]), table([1], [0, 5]))})
    assert solving.best(problem, ("least", "macs"), {}, 2) == (
        -(1 << 70),
        1,
        ((-(1 << 70), (0, 0)), (5 - (1 << 70), (0, 1))),
    )
    assert solving.count(problem, {"macs": (0, None)}) == 2


def test_a_front_needs_two_different_counts():
    with pytest.raises(Invalid) as refusal:
        solving.front(mobilenet([1, 2]), (("least", "macs"), ("most", "macs")), {})
    assert refusal.value.message == "a front needs two different counts, not macs twice"
