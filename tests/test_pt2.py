"""Archives of torch.export, read without PyTorch."""

import json
from pathlib import Path

import pytest

from sepcalc import convert, load
from sepcalc.cli import run

DATA = Path(__file__).parent / "data" / "pt2"
TRUTH = json.loads((DATA / "truth.json").read_text())


@pytest.mark.parametrize("name", TRUTH)
def test_a_program_has_the_counts_of_its_module(name: str) -> None:
    network, truth = load(DATA / name), TRUTH[name]
    assert (network.macs, network.params) == (truth["macs"], truth["params"])
    assert network.cost.buffers == truth["buffers"]
    assert network.complete
    assert not network.notes
    _, *sizes = truth["input"]
    assert [*network.inputs.values()] == [tuple(sizes) if len(sizes) < 3 else (*sizes[1:], sizes[0])]


@pytest.mark.parametrize("name", TRUTH)
def test_it_reads_back_from_yaml_with_the_same_counts(name: str, tmp_path: Path) -> None:
    network = load(DATA / name)
    (tmp_path / "net.yaml").write_text(str(convert(network)))
    assert load(tmp_path / "net.yaml").cost == network.cost
    assert run(["check", str(DATA / name), "--max", f"macs={network.macs}"]) == 0
    assert run(["check", str(DATA / name), "--max", f"macs={network.macs - 1}"]) == 1


@pytest.mark.parametrize("name", ["small", "attn", "lstm"])
def test_an_open_and_a_fixed_batch_are_the_same_network(name: str) -> None:
    one, other = load(DATA / f"{name}.pt2"), load(DATA / f"{name}.dynamic.pt2")
    assert [(layer.name, layer.cost, layer.output) for layer in one.layers] == [
        (layer.name, layer.cost, layer.output) for layer in other.layers
    ]


def test_layers_know_their_modules() -> None:
    layers = {layer.name: layer for layer in load(DATA / "small.pt2").layers}
    assert [*layers] == ["a", "b", "relu6", "d", "p", "hardswish", "t", "adaptive_avg_pool2d", "flatten", "l"]
    origin = layers["d"].origin
    assert origin == ("aten::conv2d", "d", "torch.nn.modules.conv.Conv2d", "conv2d_1", None)


def said(capsys: pytest.CaptureFixture[str], *args: str, code: int = 2) -> str:
    assert run(["network", *args]) == code
    return capsys.readouterr().err.replace(str(DATA), "")


def test_open_sizes_are_asked_for_by_symbol_or_shape(capsys: pytest.CaptureFixture[str]) -> None:
    path = DATA / "small.dynamic.pt2"
    assert load(path, input="32x32x3").macs == load(path, input={"x": "8x3x32x32"}).macs == 630_864
    assert run(["network", str(path), "--dim", "s77=4", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["notes"] == ["the inputs hold 4 examples along their first axis: counts are for one of them"]
    assert said(capsys, str(path), "--dim", "s7=4") == (
        "--dim s7=4: the file has no such dimension\n  hint: did you mean s77?\n"
    )
    assert said(capsys, str(path), "--dim", "s77=65") == "--dim s77=65: s77 is 65, but the program is for 1 to 64\n"
    assert said(capsys, str(path), "--input", "64x64x3") == (
        "/small.dynamic.pt2: the input 'x': '64x64x3' does not fit s77x3x32x32, for which it was exported\n"
        "  hint: --input x=2x3x32x32, for example\n"
    )
    assert said(capsys, str(path), "--input", "y=1x3x32x32") == (
        "/small.dynamic.pt2: it has no input 'y'\n  hint: it has 'x'\n"
    )


def test_a_stored_kernel_is_factored(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["factor", f"{DATA / 'small.pt2'}:a.weight", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [8, 3, 3, 3]
    assert run(["factor", f"{DATA / 'small.dynamic.pt2'}:a.weight"]) == 2
    assert capsys.readouterr().err.endswith(
        "'a.weight' has no numbers in the file: they were removed, or pickled as before PyTorch 2.8\n"
    )
    assert run(["factor", str(DATA / "small.pt2")]) == 2
    assert "….pt2:conv1.weight\n  hint: it holds a.weight (8x3x3x3)" in capsys.readouterr().err


def test_a_quantized_program_counts_as_the_one_that_it_was_made_of() -> None:
    """As PyTorch's pt2e flow writes it: 6x6 positions of 8 kernels of 3x3x3, then 288 -> 10; scales stand between."""
    network = load(DATA / "quantized.pt2")
    assert (network.macs, network.params) == (36 * 8 * 27 + 288 * 10, 8 * 27 + 8 + 288 * 10 + 10)
    assert network.complete
