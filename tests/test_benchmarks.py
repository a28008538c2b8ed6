"""The pieces of the benchmarks' script work; how fast anything is, no test asks."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import ranks
import ratios


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> ratios.House:
    return ratios.installed(tmp_path_factory.mktemp("house"), 1)


def test_a_line_says_whether_its_limit_is_kept() -> None:
    assert str(ratios.Line("start", 120, 100, "ms", 1.25)) == f"{'start':50}     120.0     100.0 ms      1.20  <= 1.25"
    assert str(ratios.Line("start", 130, 100, "ms", 1.25)).endswith("1.30  <= 1.25  MISSED")
    assert ratios.Line("rate", 40, 100, "M/s", 0.35, least=True).kept
    assert not ratios.Line("rate", 30, 100, "M/s", 0.35, least=True).kept


def test_the_counterparts_print_what_sepcalc_does(house: ratios.House) -> None:
    import json

    cells = ratios.tables(house, ratios.COMPARE)
    assert "1,228,800" in house.run("-c", ratios.BARE_TABLE, cells)
    document = ratios.printed(house, [*ratios.COMPARE, "--format", "json"])
    assert json.loads(house.run("-c", ratios.BARE_JSON, document))["format"] == "sepcalc-compare/1"


def test_processes_and_readings_are_measured(house: ratios.House) -> None:
    assert ratios.start(house, "--version", ["--version"], ["pass"], 100).kept
    assert ratios.reading(house, 20, fields=True).ratio > 0
    assert ratios.best_rate(2**17) > 0
    assert ratios.verifying(house, "small", "4x4x2 conv -k3 -o2", ["normal"], 0).kept
    assert 0 < ratios.peak(house, ("8 dense -o4",)).ours < 300


def test_flat_layers_differ() -> None:
    lines = ratios.flat(500).splitlines()[2:]
    assert len(set(lines)) == len(lines) == 500


def test_only_named_lines_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert ratios.main(["--rounds", "1", "nothing"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_every_line_measures_something(house: ratios.House) -> None:
    assert "layers-300" not in ratios.MEASUREMENTS  # less the ten milliseconds that it was allowed, it was negative
    line = ratios.large(house, ratios.equal, 50, ["check", "--max", "macs=1"], 100)
    assert (line.kept, line.name) == (True, "check --max macs=1, 50 equal / --by kind")
    assert min(line.ours, line.bare) > 0


def test_ranks_are_those_of_spearman() -> None:
    assert ranks.ranks([3, 1, 1, 2]) == [3, 0.5, 0.5, 2]
    assert ranks.correlation([1, 2, 3], [10, 20, 30]) == 1
    assert ranks.correlation([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(1 - 6 * 2 / (4 * 15))  # without ties


def test_the_page_says_what_the_script_finds() -> None:
    page = (Path(__file__).parent.parent / "docs" / "time.md").read_text("utf-8")
    macs, activations = ranks.found().values()
    assert f"correlate with {macs:.2f}, activations and time with\n{activations:.2f}" in page
