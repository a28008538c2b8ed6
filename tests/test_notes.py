"""What an importer notes reaches every report: tables, JSON, annotations, JUnit, Markdown, CSV."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from gating import Run

import sepcalc
from sepcalc.errors import InputError

NOTE = "the file has a fixed batch of 4: counts are for one of them"
MACS = 6 * 6 * 27 * 2


def model(batch: int | None) -> dict[str, Any]:
    """A convolution of 3x3 to 2 channels, of images of 8x8x3, as Keras writes it."""
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [batch, 8, 8, 3], "name": "image"}},
        {"class_name": "Conv2D", "module": "keras.layers", "config": {"filters": 2, "kernel_size": [3, 3]}},
    ]
    return {"class_name": "Sequential", "module": "keras", "config": {"name": "net", "layers": layers}}


@pytest.fixture
def told(gate: Run) -> Run:
    """The gate, in a project with a network that has a note, and one that has none."""
    Path("noted.json").write_text(json.dumps(model(4)))
    Path("plain.json").write_text(json.dumps(model(None)))
    return gate


CHECK = ("check", "noted.json", "--max", f"macs={MACS}")


def test_check_tells_people(told: Run) -> None:
    code, out, _ = told(*CHECK)
    assert code == 0
    assert out.splitlines() == [
        "check       metric  actual  limit  verdict     used",
        "noted.json  macs     1,944  1,944  ok       100.0 %  ████████████████████",
        "",
        "noted.json: passed",
        f"  note: {NOTE}",
        "",
        "  1 checked: 1 passed",
    ]
    over = told("check", "noted.json", "--max", "macs=1")[1]
    assert "OVER BUDGET\n  macs 1,944 > 1, over by 1,943, 194,300.0 %\n" in over
    assert f"\n  note: {NOTE}\n" in over
    assert told("check", "plain.json", "--max", "macs=1M")[1].count("note") == 0


def test_check_tells_machines(told: Run) -> None:
    for file, notes in (("noted.json", [NOTE]), ("plain.json", [])):
        document = json.loads(told("check", file, "--max", "macs=1M", "--format", "json")[1])
        assert document["checks"][0]["notes"] == notes
    (row,) = csv.DictReader(io.StringIO(told(*CHECK, "--format", "csv")[1]))
    assert row["notes"] == NOTE
    assert list(row)[-1] == "notes"
    (row,) = csv.DictReader(io.StringIO(told("check", "plain.json", "--max", "macs=1M", "--format", "csv")[1]))
    assert row["notes"] == ""


def test_check_tells_ci(told: Run) -> None:
    assert told(*CHECK, "--format", "github")[1] == (
        "sepcalc: noted.json: macs 1,944 <= 1,944, 0 left\n"
        f"::notice file=noted.json,title=sepcalc%3A noted.json::{NOTE}\n"
    )
    assert f"- note: {NOTE}\n" in told(*CHECK, "--format", "markdown")[1]
    (suite,) = ElementTree.fromstring(told(*CHECK, "--format", "junit")[1])
    assert (suite.get("tests"), len(suite.findall("testcase"))) == ("1", 1)  # a note is no test
    assert suite.findtext("system-out") == f"note: {NOTE}"


def test_diff_tells_of_the_network_that_it_is_about(told: Run) -> None:
    code, out, _ = told("diff", "plain.json", "noted.json")
    assert code == 0
    assert f"\n  noted.json: {NOTE}\n" in out
    assert f"\n  {NOTE}\n" in told("diff", "noted.json", "noted.json")[1]
    document = json.loads(told("diff", "plain.json", "noted.json", "--format", "json")[1])
    assert document["notes"] == [f"noted.json: {NOTE}"]
    assert (document["old"]["notes"], document["new"]["notes"]) == ([], [NOTE])
    assert (
        f"::notice title=sepcalc%3A note::noted.json: {NOTE}\n"
        in told("diff", "plain.json", "noted.json", "--format", "github")[1]
    )
    assert f"noted.json: {NOTE}" in told("diff", "plain.json", "noted.json", "--format", "markdown")[1]
    (suite,) = ElementTree.fromstring(told("diff", "plain.json", "noted.json", "--format", "junit")[1])
    assert suite.findtext("system-out") == f"note: noted.json: {NOTE}"


def test_a_baseline_keeps_notes_and_reads_one_without(told: Run) -> None:
    code, out, err = told("baseline", "noted.json", "-o", "kept.json")
    assert (code, out, err) == (0, "", f"note: noted.json: {NOTE}\n")
    kept = json.loads(Path("kept.json").read_text())
    assert kept["networks"][0]["notes"] == [NOTE]
    held = ("check", "noted.json", "--baseline", "kept.json", "--max-increase", "0%")
    assert told(*held)[0] == 0
    del kept["networks"][0]["notes"]
    Path("kept.json").write_text(json.dumps(kept))
    assert told(*held)[0] == 0
    for wrong in ("a text", [1], None):
        kept["networks"][0]["notes"] = wrong
        Path("kept.json").write_text(json.dumps(kept))
        code, _, err = told(*held)
        assert code == 2
        assert "the baseline is not as sepcalc wrote it: notes must be texts" in err


def test_fit_and_convert_tell(told: Run) -> None:
    fit = ("fit", "noted.json", "--max", "macs=1k", "--by", "resolution")
    assert f"\n  {NOTE}\n" in told(*fit)[1]
    assert json.loads(told(*fit, "--format", "json")[1])["notes"] == [NOTE]
    assert told("convert", "noted.json", "-o", "net.yaml") == (0, "", f"note: {NOTE}\n")
    assert told("verify", "noted.json")[1].count(NOTE) == 1
    assert told("whatif", "noted.json", "--width", "1")[1].count(NOTE) == 1


def test_a_batch_is_an_axis_of_its_own_in_keras(told: Run) -> None:
    """Nothing is guessed, and nothing asked."""
    assert told(*CHECK)[0] == 0
    assert sepcalc.load("noted.json", batch=4).macs == MACS
    assert sepcalc.load("plain.json", batch=4).macs == sepcalc.load("plain.json", batch=1).macs == MACS
    with pytest.raises(InputError) as caught:
        sepcalc.load("noted.json", batch=1)
    assert str(caught.value) == (
        "noted.json: --batch 1: the file has a fixed batch of 4\n"
        "  hint: in Keras the batch is a separate axis: counts are for one of 4 examples"
    )


def aside(**given: Any) -> dict[str, Any]:
    """A model of one Dense of 8 to 4, and a layer beside it that nothing calls."""
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 8], "keras_history": ["x", 0, 0]}}
    call = {"args": [tensor], "kwargs": {}}
    layers = [
        {
            "class_name": "InputLayer",
            "name": "x",
            "config": {"batch_shape": [None, 8], "name": "x"},
            "inbound_nodes": [],
        },
        {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 4}, "inbound_nodes": [call]},
        {"name": "aux", "config": {"name": "aux", "units": 5}, "inbound_nodes": [], **given},
    ]
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}
    return {"class_name": "Functional", "module": "keras", "config": config}


UNUSED = "{} are stored and never used: they are not counted (aux)"


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"class_name": "Dense", "build_config": {"input_shape": [None, 8]}}, UNUSED.format("45 params")),
        (
            {"class_name": "BatchNormalization", "config": {"name": "aux"}, "build_config": {"input_shape": [None, 6]}},
            UNUSED.format("12 params and 12 buffers"),
        ),
        ({"class_name": "Dropout", "config": {"rate": 0.5}, "build_config": {"input_shape": [None, 6]}}, ""),
        (
            {"class_name": "Dense"},
            "nothing calls these layers, and the file does not say what they store: aux",
        ),
        ({**model(None), "name": "aux"}, UNUSED.format("56 params")),
    ],
)
def test_layers_of_keras_that_nothing_calls_are_told(given: dict[str, Any], note: str, tmp_path: Path) -> None:
    path = tmp_path / "aside.json"
    path.write_text(json.dumps(aside(**given)))
    network = sepcalc.load(path)
    assert (network.params, network.notes) == (36, (note,) * bool(note))


def test_real_models_of_keras_have_no_notes() -> None:
    for path in (Path(__file__).parent / "data" / "keras").glob("*.json"):
        if "truth" not in path.name:
            assert sepcalc.load(path).notes == ()
