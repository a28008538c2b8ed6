"""TensorFlow's files: frozen graphs, graphs of TensorFlow 1 and SavedModels, with the numbers of their models."""

import json
import subprocess
from pathlib import Path

import pytest

from sepcalc import convert, load
from sepcalc.cli import run
from sepcalc.errors import InputError

DATA = Path(__file__).parent / "data" / "tf"
TRUTH = json.loads((DATA / "truth.json").read_text())


@pytest.mark.parametrize("name", TRUTH)
def test_a_graph_has_the_counts_of_its_model(name: str) -> None:
    network, truth = load(DATA / name), TRUTH[name]
    assert network.macs == truth["macs"]
    found = {"params": network.params, "buffers": network.cost.buffers}
    found["params_and_buffers"] = sum(found.values())
    assert {key: count for key, count in found.items() if key in truth}.items() <= truth.items()
    if "input" in truth:
        assert [*network.inputs.values()] == [tuple(truth["input"])]
    assert network.complete


@pytest.mark.parametrize("name", TRUTH)
def test_it_reads_back_from_yaml_with_the_same_counts(name: str, tmp_path: Path) -> None:
    network = load(DATA / name)
    (tmp_path / "net.yaml").write_text(str(convert(network)))
    assert load(tmp_path / "net.yaml").cost == network.cost
    assert run(["check", str(DATA / name), "--max", f"macs={network.macs}"]) == 0
    assert run(["check", str(DATA / name), "--max", f"macs={network.macs - 1}"]) == 1


def test_a_savedmodel_in_git_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "nets" / "sep"
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes((DATA / "sep.savedmodel" / "saved_model.pb").read_bytes())
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    network = load("git:HEAD:nets/sep")
    assert (network.macs, network.params, network.name) == (53_952, 843, "sep")
    assert load("nets/sep").cost == network.cost


def test_what_another_signature_stores_is_told() -> None:
    network = load(DATA / "served.savedmodel")
    assert (network.macs, network.params) == (110_592, 108)
    assert network.notes == (
        "the file has 2 signatures, 'serving_default', 'run': counted is 'serving_default'",
        "10,800 params are stored and never used: they are not counted (Variable)",
    )
    other = load(DATA / "served.savedmodel", signature="run")
    assert other.params == 10_800
    assert other.notes == ("108 params are stored and never used: they are not counted (Variable_1)",)


def test_a_gate_asks_which_signature_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "unserved.savedmodel")
    assert run(["check", path, "--max", "params=1M"]) == 2
    told = capsys.readouterr()
    assert (told.out + told.err).endswith(
        f"{path}: it has 2 signatures, and none is 'serving_default': 'aaa', 'run'\n"
        "  hint: --signature aaa counts that one\n"
    )
    assert run(["check", path, "--max", "params=1M", "--signature", "run"]) == 0
    assert load(path).params == 108


def test_a_loop_that_ends_by_the_data_keeps_what_it_stores() -> None:
    network = load(DATA / "open_loop.pb")
    assert network.params == 81
    assert [gap.reason for gap in network.uncounted][:1] == ["how often it runs depends on the data"]


def test_more_nodes_than_a_graph_may_have_are_refused_before_any_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(b"\x0a\x03\x0a\x01x" + b"\x0a\x00" * 100_000)  # a node x, and 100,000 that are empty
    with pytest.raises(InputError) as caught:
        load(str(path))
    assert str(caught.value) == f"{path}: it has 100,001 nodes\n  hint: expected at most 100,000"


def test_a_text_of_more_messages_than_its_size_can_hold_is_refused(tmp_path: Path) -> None:
    """2^24 bytes at most, of 32 each: 524,288. A text of so many empty ones has 4 MB."""
    path = tmp_path / "m.pbtxt"
    path.write_text("node{}\n" * 524_289)
    with pytest.raises(InputError) as caught:
        load(str(path))
    assert str(caught.value) == (
        f"{path}: this is no TensorFlow graph, or it is damaged: messages are nested too deeply, or are too many"
    )
