"""Open choices of a document: which of its networks a setting picks, and what is said of settings that fit none."""

import pytest

from sepcalc.document import Document
from sepcalc.document.loading import load_yaml
from sepcalc.errors import InputError
from sepcalc.nodes import Source

UNITS = """
input: 4x4x2
parameters: {width: {choices: [3, 5]}}
blocks:
  mb(k):
    - depthwise -k{k} -p same
layers:
  - conv -k1 -o{width}
  - name: unit
    choose: {d: [1, 2]}
    layers:
      - {mb: {k: k}, choose: {k: [1, 3, 5]}, repeat: d}
  - name: unit
    choose: {d: [2, 1]}
    layers:
      - {mb: {k: k}, choose: {k: [1, 3, 5]}, repeat: d}
"""

UNKNOWN = """there is no parameter or choice 'unit[0]/e': expected one of \
width, unit[0]/d, unit[0]/mb/k, unit[1]/d, unit[1]/mb[0]/k, unit[1]/mb[1]/k
  hint: did you mean unit[0]/d?"""
LEFT_OPEN = """the file leaves 6 choices open; this is the network with \
width = 3, unit[0]/d = 1, unit[0]/mb/k = 1, unit[1]/d = 2, unit[1]/mb[0]/k = 1 and 1 more"""


def load(text: str, settings: dict[str, str] | None = None) -> Document:
    return load_yaml(Source("", text), settings or {}, {})


def names(document: Document) -> list[str]:
    return [choice.name for choice in document.choices]


def params(document: Document) -> list[int]:
    return [layer.cost.params for layer in document.network.layers]


def test_the_first_of_each_holds_and_a_note_says_so() -> None:
    document = load(UNITS)
    assert params(document) == [6, 3, 3, 3]
    assert names(document) == ["unit[0]/d", "unit[0]/mb/k", "unit[1]/d", "unit[1]/mb[0]/k", "unit[1]/mb[1]/k"]
    assert document.network.notes == (LEFT_OPEN,)
    assert not document.altered


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"width": "5"}, [10, 5, 5, 5]),
        ({"unit[0]/d": "2"}, [6, 3, 3, 3, 3]),
        ({"unit[0]/mb/k": "3"}, [6, 27, 3, 3]),
        ({"unit[0]/mb[0]/k": "3"}, [6, 27, 3, 3]),  # as it is called where there are several
        ({"unit[1]/mb[1]/k": "5"}, [6, 3, 3, 75]),
        ({"*/k": "3", "unit[1]/mb[1]/k": "5"}, [6, 27, 27, 75]),
        ({"unit[1]/mb[1]/k": "5", "*/k": "3"}, [6, 27, 27, 27]),  # the last that matches
        ({"*/d": "1"}, [6, 3, 3]),
        ({"unit[0]/d": "2", "unit[0]/*": "2"}, None),
    ],
    ids=str,
)
def test_settings_pick_by_name(settings: dict[str, str], expected: list[int] | None) -> None:
    if expected is None:
        with pytest.raises(InputError, match="expected one of 1, 3, 5"):
            load(UNITS, settings)
        return
    document = load(UNITS, settings)
    assert params(document) == expected
    assert document.altered


def test_the_names_of_a_network_set_that_network_again() -> None:
    document = load(UNITS, {"*/d": "2", "*/k": "3"})
    settings = {choice.name: str(choice.values[choice.number]) for choice in document.choices}
    assert load(UNITS, settings).choices == document.choices


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"unit[0]/e": "3"},
            UNKNOWN,
        ),
        ({"unit[0]/mb/k": "4"}, "unit[0]/mb/k is 4: expected one of 1, 3, 5"),
        ({"unit[0]/mb/k": "true"}, "unit[0]/mb/k is true: expected one of 1, 3, 5"),
        ({"*/k": "3 +"}, "expected a number, a name or '(', but the expression ends"),
        ({"width": "4"}, "width is 4: expected one of 3, 5"),
    ],
)
def test_settings_that_fit_nothing(settings: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as refused:
        load(UNITS, settings)
    assert str(refused.value) == message


def test_what_repeat_asks_for_is_chosen_once_and_the_rest_anew() -> None:
    text = """
input: 4x4x2
layers:
  - name: a
    choose: {most: [2, 3], k: [1, 3], d: [most]}
    repeat: d
    layers: ["depthwise -k{k} -p same"]
"""
    document = load(text, {"a[1]/k": "3"})
    assert params(document) == [2, 18]
    assert names(document) == ["a[0]/most", "a[0]/d", "a[0]/k", "a[1]/k"]


def test_a_choice_that_when_asks_for_and_one_behind_it() -> None:
    text = """
input: 4x4x2
layers:
  - conv -k1 -o4
  - name: a
    choose: {k: [1, 3], on: [false, true]}
    when: on
    layers: ["depthwise -k{k} -p same"]
"""
    assert names(load(text)) == ["a/on"]  # k does not occur
    assert names(load(text, {"a/on": "true"})) == ["a/on", "a/k"]


def test_groups_without_a_name_and_choices_within_choices() -> None:
    text = """
input: 4x4x2
layers:
  - choose: {k: [1, 3]}
    layers:
      - choose: {o: [k, 2 * k]}
        layers: ["conv -k{k} -o{o} -p same"]
  - choose: {k: [1, 3]}
    layers: ["conv -k{k} -o2 -p same"]
"""
    document = load(text, {"k[0]": "3", "o": "6"})
    assert params(document) == [108, 12]
    assert names(document) == ["k[0]", "o", "k[1]"]


def test_a_choice_within_the_step_of_a_scan() -> None:
    text = """
input: 5x3
layers:
  - scan: cell
    states: {h: 3}
    step:
      - {dense: {out: u}, name: s, choose: {u: [3, 3 + 0]}}
    next: s
"""
    assert [choice.name for choice in load(text).choices] == ["s/u"]
