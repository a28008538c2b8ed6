"""What is unknown in one count alone: its total is marked, all others stand, and no limit to it passes."""

import json
from pathlib import Path

import pytest
from gating import Run

import sepcalc
from sepcalc.cost import COUNTS
from sepcalc.gate.metrics import unknown
from sepcalc.layer import Gap

SORT = "uncounted TopK --to 4 --counts compares"
NET = f"6, act relu, {SORT}, dense -o3"
GAP = Gap("uncounted", "TopK", "it is written as uncounted", ("compares",))


@pytest.fixture
def run(ran: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return ran


def test_the_others_counts_stand() -> None:
    net = sepcalc.load(NET)
    assert (net.complete, net.incomplete, net.uncounted) == (True, ("compares",), (GAP,))
    assert (net.macs, net.cost.adds, net.cost.compares, net.params) == (12, 9, 6, 12)


def test_a_layer_says_what_is_not_known_of_it(run: Run) -> None:
    spec = sepcalc.parse("6 uncounted Sort --to 6 --counts adds+compares")
    assert str(spec) == "6 uncounted Sort --to 6 --counts adds+compares"
    turned = sepcalc.parse("6 uncounted Sort --to 6 --counts compares+adds")
    assert sepcalc.load("6, uncounted Sort --to 6 --counts compares+adds").incomplete == ("adds", "compares")
    assert turned.cost == spec.cost
    code, _, err = run("layer", "6", "uncounted", "Sort", "--to", "6", "--counts", "compars")
    assert (code, err) == (
        2,
        (
            "'compars' is no count: expected macs, mults, adds, compares, divs, specials\n"
            "  6 uncounted Sort --to 6 --counts compars\n"
            "                          ^^^^^^^^^^^^^^^^\n"
            "  hint: did you mean compares?\n"
        ),
    )
    assert "does not name counts" in run("layer", "6", "uncounted", "Sort", "--to", "6", "--counts", "1")[2]


def test_long_forms(tmp_path: Path) -> None:
    for text in ("compares", "[compares]", "[adds, compares]"):
        path = tmp_path / "net.yaml"
        path.write_text(f"input: 6\nlayers:\n  - uncounted TopK:\n      to: 4\n      counts: {text}\n")
        assert sepcalc.load(path).incomplete == (("adds", "compares") if "adds" in text else ("compares",))


def test_the_report_marks_the_total(run: Run) -> None:
    code, out, _ = run("network", NET)
    assert code == 0
    assert "Not counted in compares\n  uncounted (TopK): it is written as uncounted\n" in out
    marked = [line.split() for line in out.splitlines() if "INCOMPLETE" in line]
    assert [" ".join(line) for line in marked] == ["compares 6 comparisons, INCOMPLETE: without what was not counted"]
    assert "\nTotals\n" in out
    flops = run("network", "6, uncounted Sort --to 6 --counts adds")[1]
    assert "mults + adds + divs, INCOMPLETE" in flops


def test_json(run: Run) -> None:
    code, out, _ = run("network", NET, "--format", "json")
    document = json.loads(out)
    assert (code, document["complete"], document["incomplete"]) == (0, True, ["compares"])
    assert document["uncounted"] == [{**GAP._asdict(), "counts": ["compares"]}]
    code, out, _ = run("network", "6, uncounted Odd --to 4", "--format", "json")
    document = json.loads(out)
    assert (code, document["complete"], document["incomplete"]) == (3, False, list(COUNTS))
    assert document["uncounted"][0]["counts"] == list(COUNTS)
    assert json.loads(run("network", "6, act relu", "--format", "json")[1])["incomplete"] == []


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ("macs=12", 0), ("params=12", 0), ("flops=1M", 0), ("adds=9", 0), ("effective-macs=12", 0), ("macs=11", 1),
        ("compares=1G", 3), ("compares=6", 3),
        ("compares=5", 1),  # over, whatever the rest is
    ],
)  # fmt: skip
def test_limits(limit: str, code: int, run: Run) -> None:
    assert run("check", NET, "--max", limit)[0] == code
    assert run("check", NET, "--max", limit, "--allow-uncounted")[0] == (0 if code == 3 else code)


def test_what_a_check_says(run: Run) -> None:
    assert (
        run("check", NET, "--max", "compares=1G")[1]
        == f"""\
{"check":{len(NET)}}  metric    actual          limit  verdict    used
{NET}  compares       6  1,000,000,000  not known

{NET}: INCOMPLETE, no pass
  compares 6 <= 1,000,000,000, but some of it is not counted: no pass
  the total of compares is incomplete: one layer was not counted in compares
    uncounted (TopK): it is written as uncounted

  1 checked: 1 incomplete
"""
    )
    document = json.loads(run("check", NET, "--max", "compares=1G", "--max", "macs=12", "--format", "json")[1])
    (check,) = document["checks"]
    assert (check["complete"], check["incomplete"], check["exit_code"]) == (True, ["compares"], 3)
    assert [one["passed"] for one in check["budget"]] == [False, True]
    junit = run("check", NET, "--max", "compares=1G", "--format", "junit")[1]
    assert 'errors="1"' in junit
    assert 'errors="0"' in run("check", NET, "--max", "macs=12", "--format", "junit")[1]
    assert "::error" in run("check", NET, "--max", "compares=1G", "--format", "github")[1]
    assert "::error" not in run("check", NET, "--max", "macs=12", "--format", "github")[1]


def test_a_limit_of_layers_holds_where_they_are_counted(run: Run, tmp_path: Path) -> None:
    text = "input: 6\nlayers: [act relu, {SORT}]\nbudget: {{layers: {{{glob}: {{compares: 9}}}}}}\n"
    for glob, code in (("act", 0), ("uncounted", 3), ('"*"', 3)):
        (tmp_path / "net.yaml").write_text(text.format(SORT=SORT, glob=glob))
        assert run("check", "net.yaml")[0] == code
        assert run("network", "net.yaml")[0] == code
    assert "uncounted: compares 0" not in run("network", "net.yaml")[1]
    assert "compares of * 6 <= 9, but some of it is not counted: NO PASS" in run("network", "net.yaml")[1]
    assert json.loads(run("network", "net.yaml", "--format", "json")[1])["passed"] is False
    assert run("network", "net.yaml", "--allow-uncounted")[0] == 0


def test_published_numbers_of_what_is_not_known(run: Run, tmp_path: Path) -> None:
    text = "input: 6\nlayers: [act relu, {SORT}]\npublished: {{{metric}: 6}}\n"
    (tmp_path / "net.yaml").write_text(text.format(SORT=SORT, metric="compares"))
    assert (run("network", "net.yaml")[0], run("check", "net.yaml", "--max", "macs=1")[0]) == (3, 3)
    (tmp_path / "net.yaml").write_text(
        text.format(SORT=SORT, metric="activations").replace("activations: 6", "activations: 10")
    )
    assert (run("network", "net.yaml")[0], run("check", "net.yaml", "--max", "macs=1")[0]) == (0, 0)


def test_baselines_and_diffs(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(f"input: 6\nlayers: [act relu, {SORT}, dense -o3]\n")
    code, _, err = run("baseline", "net.yaml", "-o", "base.json")
    assert (code, err) == (0, "not counted in compares: net.yaml: uncounted (TopK): it is written as uncounted\n")
    note = "the growth of compares cannot be limited: some layers lack that count"
    for command in (["check", "net.yaml", "--baseline", "base.json"], ["diff", "net.yaml", "net.yaml"]):
        code, out, _ = run(*command, "--max-increase", "2%")
        assert (code, note in out) == (0, True)
        assert run(*command, "--max-increase", "macs=2%", "--max-increase", "flops=2%")[0] == 0
        code, out, _ = run(*command, "--max-increase", "compares=2%")
        assert (code, note in out) == (3, False)
        assert "compares 6 <= 6 (2% over 6 before), but some of it is not counted: no pass" in out
        assert run(*command, "--max-increase", "compares=2%", "--allow-uncounted")[0] == 0
    document = json.loads(run("diff", "net.yaml", "net.yaml", "--max-increase", "compares=2%", "--format", "json")[1])
    assert (document["complete"], document["incomplete"], document["passed"]) == (True, ["compares"], False)
    (tmp_path / "net.yaml").write_text("input: 6\nlayers: [act relu, slice --size 4, dense -o3]\n")
    code, out, _ = run("check", "net.yaml", "--baseline", "base.json", "--max-increase", "2%")
    assert (code, note in out) == (0, True)  # what it was is not known, either


def test_a_baseline_must_say_counts_that_there_are(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(f"input: 6\nlayers: [{SORT}]\n")
    assert run("baseline", "net.yaml", "-o", "base.json")[0] == 0
    kept = (tmp_path / "base.json").read_text()
    for wrong in ('["adds", "nothing"]', "[]", '["compares", "adds"]', '"compares"', "3"):
        (tmp_path / "base.json").write_text(kept.replace('"counts": ["compares"]', f'"counts": {wrong}'))
        code, _, err = run("check", "net.yaml", "--baseline", "base.json", "--max-increase", "2%")
        assert code == 2
        assert "the baseline is not as sepcalc wrote it" in err
    (tmp_path / "base.json").write_text(kept.replace('"complete": true', '"complete": false'))
    assert run("check", "net.yaml", "--baseline", "base.json", "--max-increase", "2%")[0] == 2


def test_verify_checks_the_other_counts(run: Run) -> None:
    code, out, _ = run("verify", NET)
    assert code == 0
    assert "Not counted in compares, and nothing else to run\n  uncounted (TopK): it is written as uncounted\n" in out
    document = json.loads(run("verify", NET, "--format", "json")[1])
    assert [layer["name"] for layer in document["layers"]] == ["act", "dense"]
    assert (document["verified"], document["uncounted"][0]["counts"]) == (True, ["compares"])
    assert run("verify", "6, act relu, uncounted TopK --to 4")[0] == 3


@pytest.mark.parametrize("compact", [True, False])
def test_yaml_reads_back_the_same(compact: bool, run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(f"input: 6\nlayers: [act relu, {SORT}, dense -o3]\n")
    command = ["convert", "net.yaml"] if compact else ["network", "net.yaml", "--expand"]
    assert run(*command, "--output" if not compact else "-o", "again.yaml")[0] == 0
    net, again = sepcalc.load(tmp_path / "net.yaml"), sepcalc.load(tmp_path / "again.yaml")
    assert (net.uncounted, net.cost) == (again.uncounted, again.cost)


def test_whatif_and_fit(run: Run) -> None:
    net = f"6, {SORT}, dense -o80, dense -o3"
    assert run("whatif", net, "--width", "0.5")[0] == 0
    document = json.loads(run("whatif", net, "--width", "0.5", "--format", "json")[1])
    assert (document["complete"], document["incomplete"]) == (True, ["compares"])
    assert run("fit", net, "--max", "macs=300", "--by", "width")[0] == 0
    assert run("fit", net, "--max", "compares=40", "--by", "width")[0] == 3
    assert run("fit", net, "--max", "compares=40", "--by", "width", "--allow-uncounted")[0] == 0


def test_on_each_slice_and_in_a_step(tmp_path: Path) -> None:
    each = sepcalc.load("3x6, each uncounted TopK --to 4 --counts compares")
    assert (each.outputs, each.incomplete) == ({"output": (3, 4)}, ("compares",))
    (tmp_path / "net.yaml").write_text(f"""\
input: 3x6
layers:
  - scan: a cell
    states: {{h: 4}}
    step:
      - {SORT}:
        name: new
    next: [new]
""")
    assert not sepcalc.load(tmp_path / "net.yaml").complete  # the other work of its steps is lost, too


def test_metrics_that_are_made_of_counts() -> None:
    assert [metric for metric in sepcalc.gate.METRICS if unknown(metric, ["adds"])] == ["adds", "flops"]
    assert [metric for metric in sepcalc.gate.METRICS if unknown(metric, ["macs"])] == ["macs", "effective_macs"]


def test_random_numbers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("input: 4\nlayers:\n  - add: {x: [], noise: [random --to 4]}\n")
    net = sepcalc.load(tmp_path / "net.yaml")
    note = "random numbers are drawn: the cost of drawing them is not known and not counted"
    assert (net.complete, net.incomplete, net.notes, net.cost.adds) == (True, (), (note,), 4)
    assert net.cost.activations == 8
    assert net.peak_memory(1) == 12
    code, out, err = run("check", "net.yaml", "--max", "adds=4")
    assert (code, err, note in out) == (0, "", True)
    assert run("convert", "net.yaml", "-o", "again.yaml")[0] == 0
    assert sepcalc.load(tmp_path / "again.yaml").cost == net.cost
    assert note in run("layer", "random", "--to", "4x4x2")[1]
