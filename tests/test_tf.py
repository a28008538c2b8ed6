"""TensorFlow's files: frozen graphs, graphs of TensorFlow 1 and SavedModels, with the numbers of their models."""

import json
import subprocess
from pathlib import Path

import pytest

from sepcalc import convert, load
from sepcalc.cli import run

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
