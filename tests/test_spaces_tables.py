"""Tables over the choices of a space: every cell is what the function gives; nothing is kept that changes nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sepcalc.spaces import tables
from sepcalc.spaces.tables import Table, TooLarge, combine, constant, of_variable

COUNTS = (2, 3, 2)


@st.composite
def _tables(draw: st.DrawFn) -> tuple[Table, dict[tuple[int, ...], int]]:
    over = draw(st.sets(st.sampled_from(range(len(COUNTS)))))
    parts = [
        of_variable(at, draw(st.lists(st.integers(0, 2), min_size=COUNTS[at], max_size=COUNTS[at]))) for at in over
    ]
    table = combine(lambda *values: sum(values), constant(0), *parts)
    plain = {
        cell: sum(
            part.values[int(part.codes[cell[part.variables[0]]])] if part.variables else part.values[0]
            for part in parts
        )
        for cell in itertools.product(*map(range, COUNTS))
    }
    return table, plain


@given(_tables(), _tables())
def test_each_cell_is_what_the_function_gives(one: tuple[Table, dict], two: tuple[Table, dict]) -> None:
    table = combine(lambda first, second: first * 10 + second, one[0], two[0])
    for cell in itertools.product(*map(range, COUNTS)):
        assert table.at(cell) == one[1][cell] * 10 + two[1][cell]


@given(_tables(), _tables())
def test_a_table_depends_on_each_of_its_variables_and_has_no_value_twice(
    one: tuple[Table, dict], two: tuple[Table, dict]
) -> None:
    table = combine(lambda first, second: first * second, one[0], two[0])
    assert len(set(table.values)) == len(table.values)
    assert {*table.codes.ravel().tolist()} == {*range(len(table.values))}
    for axis in range(len(table.variables)):
        assert (table.codes != table.codes.take([0], axis=axis)).any()


def test_true_is_not_one() -> None:
    assert combine(lambda choice: (1, True)[choice], of_variable(0, [0, 1])).values == (1, True)


def test_numbers_beyond_64_bits_stay_exact() -> None:
    numbers = of_variable(0, [2**70, 1]).numbers()
    assert numbers.tolist() == [2**70, 1]
    assert numbers.dtype == object


def test_a_function_is_called_once_for_each_combination_of_values() -> None:
    calls = []
    halves = of_variable(0, [1, 1, 1, 2])
    combine(lambda first, second: calls.append((first, second)) or 0, halves, of_variable(1, [5, 5]))
    assert sorted(calls) == [(1, 5), (2, 5)]


def test_a_table_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_CELLS", 5)
    with pytest.raises(TooLarge) as refused:
        combine(lambda first, second: (first, second), of_variable(3, [1, 2, 3]), of_variable(7, [1, 2]))
    assert (str(refused.value), refused.value.variables) == ("a table over 2 choices would have 6 cells", (3, 7))
