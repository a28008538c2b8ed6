"""``--format model-explorer``: data for the nodes that Google's Model Explorer draws of the same file."""

import json
from pathlib import Path
from typing import Any

import pytest

import sepcalc
from sepcalc.cli import run

DATA = Path(__file__).parent / "data"
IDS = json.loads((DATA / "viewer" / "ids.json").read_text("utf-8"))  # as the viewer's own adapters give them
WORK = {
    "Conv", "Gemm", "MatMul", "If", "Conv2D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "conv_2d",
    "depthwise_conv_2d", "transpose_conv", "fully_connected", "batch_matmul", "while", "if",
}  # fmt: skip


def printed(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> dict[str, dict[str, object]]:
    assert run(["network", *args, "--format", "model-explorer"]) == code, capsys.readouterr().err
    data: dict[str, dict[str, object]] = json.loads(capsys.readouterr().out)
    return data


@pytest.mark.parametrize("name", IDS)
def test_every_id_is_one_of_the_viewer(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path, _, graph = name.partition(" ")
    network = sepcalc.load(str(DATA / path), signature=graph or None)
    asked = ["--signature", graph] if graph else []
    data: dict[str, Any] = printed(capsys, str(DATA / path), *asked, code=0 if network.complete else 3)
    data = data[graph] if graph else data  # for another graph than the one that the viewer opens first
    results = data["results"]
    assert {*results} <= {*IDS[name]}
    macs = {node: one["value"] for node, one in results.items() if isinstance(one["value"], int)}
    assert sum(macs.values()) == network.macs
    assert {IDS[name][node] for node, count in macs.items() if count} <= WORK
    assert data["name"] == "sepcalc: macs"


def test_another_metric(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "tflite" / "sep.float.tflite")
    data = printed(capsys, path, "--sort", "params")
    assert (data["name"], data["results"]) == ("sepcalc: params", {"0": {"value": 78}, "1": {"value": 1_024}})


def test_a_gradient_that_text_can_be_read_on(capsys: pytest.CaptureFixture[str]) -> None:
    gradient = printed(capsys, str(DATA / "onnx" / "alexnet.onnx"))["gradient"]
    assert gradient == [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#56b4e9"}]


def test_what_is_not_counted_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    results = printed(capsys, str(DATA / "faults" / "o_custom.onnx"), code=3)["results"]
    assert {"value": "not counted", "bgColor": "#e69f00"} in results.values()


def test_programs_of_pytorch_go_by_the_names_of_their_values(capsys: pytest.CaptureFixture[str]) -> None:
    """Names of the graph's nodes, as torch.export prints them."""
    results = printed(capsys, str(DATA / "pt2" / "small.pt2"))["results"]
    assert {"conv2d": {"value": 55_296}, "relu6": {"value": 0}}.items() <= results.items()


@pytest.mark.parametrize(
    "name", ["zoo:unet", "8x8x3, conv -k3 -o4", "tf/sep.savedmodel", "keras/separable.keras", "openvino/vision.xml"]
)
def test_what_the_viewer_does_not_read_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    argument = str(DATA / name) if "/" in name else name
    assert run(["network", argument, "--format", "model-explorer"]) == 2
    assert capsys.readouterr().err == (
        "--format model-explorer is for a file that Model Explorer reads too\n"
        "  hint: .onnx, .tflite and .pt2 files and frozen .pb graphs; for others there is html\n"
    )


def test_origins_in_other_reports_are_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", str(DATA / "tflite" / "sep.float.tflite"), "--format", "json"]) == 0
    origin = json.loads(capsys.readouterr().out)["layers"][0]["origin"]
    assert origin == {"operator": "DEPTHWISE_CONV_2D", "module": None, "class": None}
