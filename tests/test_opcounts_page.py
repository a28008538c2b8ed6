"""docs/opcounts.md: every kind has its row, and each example costs what stands beside it.

The numbers of the page come from its formulas: those of the first layers, the transposed convolutions and attention are
worked out by hand in tests/test_by_hand.py and tests/test_ops.py, which do not read the page.
"""

import re

import pytest
from pages import ROOT

from sepcalc.kinds import KINDS
from sepcalc.ops.elementwise import ACTIVATIONS
from sepcalc.spec import parse

PAGE = (ROOT / "docs" / "opcounts.md").read_text("utf-8")
ROWS = [[cell.strip() for cell in line[1:-1].split("|")] for line in PAGE.splitlines() if re.match(r"\| `", line)]
EXAMPLES = [
    (found[1], row[-1])
    for row in ROWS
    if len(row) > 1 and (found := re.match(r"`((?:[\d]\S* )*[a-z][^`]*)`", row[-2])) and " " in found[1]
]


@pytest.mark.parametrize(("spec", "counts"), EXAMPLES, ids=[spec for spec, _ in EXAMPLES])
def test_examples_cost_what_the_page_says(spec: str, counts: str) -> None:
    cost = parse(spec).cost._asdict()
    del cost["activations"]
    if cost["mults"] == cost["macs"]:
        del cost["mults"]
    told = re.findall(r"([a-z]+) (\d[\d,]*\d|\d)", counts)
    assert counts == (", ".join(f"{name} {count}" for name, count in told) or "nothing")
    assert {name: int(count.replace(",", "")) for name, count in told} == {
        name: count for name, count in cost.items() if count
    }


def test_every_kind_has_its_row() -> None:
    named = {match[1] for row in ROWS if (match := re.match(r"`([a-z-]+)", row[0]))}
    assert {*KINDS} - named == set()
    shown = {word for spec, _ in EXAMPLES for word in spec.split() if word in KINDS}
    assert {*KINDS} - shown == set()


def test_every_activation_has_its_row() -> None:
    rows = {row[0].strip("`"): row[1:] for row in ROWS if row[0].strip("`") in ACTIVATIONS and len(row) == 7}
    assert {
        name: [*map(str, (count or "" for count in formula[:5])), formula.text] for name, formula in ACTIVATIONS.items()
    } == rows
