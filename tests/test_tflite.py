"""TFLite files: converted models with the numbers of the Keras models that they came from."""

import json
from pathlib import Path

import pytest

from sepcalc import convert, load
from sepcalc.cli import run

DATA = Path(__file__).parent / "data" / "tflite"
TRUTH = json.loads((DATA / "truth.json").read_text())


@pytest.mark.parametrize("name", TRUTH)
def test_a_converted_model_has_the_counts_of_its_source(name: str) -> None:
    network, truth = load(DATA / name), TRUTH[name]
    assert network.macs == truth["macs"]
    assert [*network.inputs.values()] == [tuple(truth["input"])]
    assert network.params == truth["weights"]
    assert network.complete


@pytest.mark.parametrize("name", TRUTH)
def test_it_reads_back_from_yaml_with_the_same_counts(name: str, tmp_path: Path) -> None:
    network = load(DATA / name)
    (tmp_path / "net.yaml").write_text(str(convert(network)))
    again = load(tmp_path / "net.yaml")
    assert again.cost == network.cost
    assert again.peak_memory(4) == network.peak_memory(4)
    assert run(["check", str(DATA / name), "--max", f"macs={network.macs}"]) == 0
    assert run(["check", str(DATA / name), "--max", f"macs={network.macs - 1}"]) == 1


def test_peak_memory_is_that_of_the_files_own_widths() -> None:
    """MLPerf Tiny's keyword spotter: 25x5x64 in and out of a pointwise layer, 8,000 bytes each."""
    assert load(DATA / "ds_cnn.int8.tflite").peak_memory() == 16_000
    assert load(DATA / "ds_cnn.float.tflite").peak_memory() == 64_000


def test_the_size_of_a_file_is_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    name = str(DATA / "ds_cnn.int8.tflite")
    assert run(["check", name, "--max", "file-size=20680", "--max", "peak-memory=256KiB", "--max", "params=100k"]) == 0
    assert run(["check", name, "--max", "file-size=20KiB"]) == 1
    capsys.readouterr()
    assert run(["network", name, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["totals"]["file_size"] == 20_680
    assert run(["check", "8x8x3, conv -k3 -o4", "--max", "file-size=1MiB"]) == 2
    assert "file-size is the size of a file, and this network was not read from a file" in capsys.readouterr().err


def test_the_operators_are_listed_with_how_each_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["operators", "tflite", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {"CONV_2D", "UNIDIRECTIONAL_SEQUENCE_LSTM", "Convolution2DTransposeBias"} <= set(document["counted"])
    assert document["how"]["FULLY_CONNECTED"] == "dense; matmul if the weights are computed"
    assert list(document["how"]) == document["counted"]
    assert all(document["how"].values())
    reason = "the number of elements that it keeps depends on the data"
    assert {"name": "WHERE", "reason": reason} in document["uncounted"]
    for other in ("onnx", "keras", "torch"):
        assert run(["operators", other, "--format", "json"]) == 0
        assert all(json.loads(capsys.readouterr().out)["how"].values())
