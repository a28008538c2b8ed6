"""Costs add up, and named sizes calculate as plain ones do while they remember how."""

import operator
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepcalc.cost import COSTS, COUNTS, Cost, Named, derivation, named, plain, total

FIRST = Cost(1, 2, 3, 4, 5, 6, 7, 8, 9)
SECOND = Cost(10, 20, 30, 40, 50, 60, 70, 80, 90)
BOTH = Cost(11, 22, 33, 44, 55, 66, 77, 88, 99)


def test_the_fields_and_their_order_are_what_machines_read() -> None:
    assert COUNTS == ("macs", "mults", "adds", "compares", "divs", "specials")
    assert COSTS[len(COUNTS) :] == ("params", "buffers", "activations")


def test_costs_add_count_by_count() -> None:
    assert FIRST + SECOND == BOTH
    assert total([FIRST, SECOND]) == BOTH
    assert type(FIRST + SECOND) is Cost


def test_flops_are_mults_adds_and_divs() -> None:
    assert FIRST.flops == 2 + 3 + 5


def test_a_plain_size_is_the_product() -> None:
    assert (plain("positions", 8, 8), plain("rows")) == (64, 1)


@pytest.mark.parametrize(
    ("count", "value", "text"),
    [
        (named("positions", 8, 8), 64, "8·8 positions"),
        (named("rows"), 1, ""),  # no axes: nothing to say
        (named("kernels", 256) * named("each", 5, 5, 3), 19200, "256 kernels x 5·5·3 each"),
        (named("kernels", 6) * named("rows"), 6, "6 kernels"),
        (named("rows") * named("kernels", 6), 6, "6 kernels"),
        (1 * named("kernels", 6) * 1, 6, "6 kernels"),
        (2 * named("rows"), 2, "2"),
        (named("each", 5) - 1, 4, "5 each - 1"),
        (named("kernels", 6) * (named("each", 5) - 1), 24, "6 kernels x (5 each - 1)"),
        (named("inputs", 9) - (named("outputs", 3) - 1), 7, "9 inputs - (3 outputs - 1)"),
        (named("inputs", 9) + (named("outputs", 3) - 1), 11, "9 inputs + 3 outputs - 1"),
        (named("inputs", 9) - named("outputs", 3) * 2, 3, "9 inputs - 3 outputs x 2"),
        (named("each", 5) + 0, 5, "5 each"),
        (0 + named("each", 5), 5, "5 each"),
        (named("each", 5) * 0, 0, "0"),
        (7 - named("each", 5), 2, "7 - 5 each"),
        (named("elements", 5) + named("rows"), 6, "5 elements + 1"),
        (named("rows") + named("elements", 5), 6, "1 + 5 elements"),
        (42, 42, "42"),
    ],
)
def test_derivations(count: int, value: int, text: str) -> None:
    assert (int(count), derivation(count)) == (value, text)


OPERATIONS = [operator.add, operator.sub, operator.mul]
steps = st.lists(
    st.tuples(st.sampled_from(OPERATIONS), st.integers(0, 9), st.booleans(), st.booleans()), min_size=1, max_size=8
)


@given(st.integers(0, 9), steps)
def test_named_arithmetic_is_integer_arithmetic(first: int, steps: list[tuple]) -> None:
    """The same chain of operations on plain numbers and on named ones; and its text evaluates to the same."""

    def run(start: int, size) -> int:
        def step(value: int, row: tuple) -> int:
            operate, number, is_named, is_left = row
            operand = size(number) if is_named else number
            return operate(operand, value) if is_left else operate(value, operand)

        return reduce(step, steps, start)

    expected = run(first, int)
    count = run(named("a", first), lambda number: named("b", number))
    assert isinstance(count, Named)
    assert count == expected
    text = derivation(count)
    assert eval(text.replace(" a", "").replace(" b", "").replace("x", "*")) == expected
