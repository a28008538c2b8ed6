"""What other counters print: the numbers that they printed, kept with their versions in tests/data/counters.json."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy
import pytest
from pages import ROOT

import sepcalc
from sepcalc.cli import run
from sepcalc.conventions import COUNTERS, FAMILIES, counted, counter
from sepcalc.conventions.seen import family
from sepcalc.network import Network

DATA = json.loads((ROOT / "tests/data/counters.json").read_text("utf-8"))
MODELS: dict[str, dict[str, Any]] = DATA["models"]
LAYERS: dict[str, dict[str, Any]] = DATA["layers"]
FILES = {name: f"tests/data/pt2/{name}.pt2" for name in ("mobilenet_v2", "mobilenet_v3_small")}
FILES["shufflenet_v2_x1_0"] = "tests/data/pt2/shufflenet_v2_x1_0.dynamic.pt2"
SPECS = {"resnet50": "resnet50", "vgg16": "vgg16", "squeezenet1_0": "squeezenet_1_0"}  # as torchvision writes them

# What cannot be told from a trace of one of the layers.
VAGUE = {
    ("product by @", "ptflops"),
    *[(name, "torchinfo") for name in ("conv function", "linear function", "scale", "shift")],
    *[(name, "torchprofile") for name in ("linear function", "attention function", "product by bmm", "product by @")],
    ("product by @", "calflops"),
    *[("product by bmm", tool) for tool in ("fvcore", "ptflops", "ultralytics-thop")],
}


@pytest.mark.parametrize("name", COUNTERS)
def test_a_counter_says_something_of_every_family(name: str) -> None:
    assert [one for one in FAMILIES if one not in counter(name).rows] == []
    assert [one for one in counter(name).rows if one not in FAMILIES] == []


@pytest.mark.parametrize("argument", ["zoo:vit_b_16", "zoo:unet", "zoo:inception_v3", "zoo:ghostnet"])
def test_every_op_belongs_to_a_family(argument: str) -> None:
    assert {family(node.op) for node in sepcalc.load(argument).nodes} <= set(FAMILIES)


def held(network: Network, printed: dict[str, Any]) -> None:
    for name, (value, params) in printed.items():
        found = counted(network, name)
        assert found.value == value, name
        assert params is None or found.params == params, name
        assert network.macs + sum(amount for _, amount in found.terms) == value, name


@pytest.mark.parametrize("name", FILES)
def test_numbers_of_exported_programs_are_what_the_counters_print(name: str) -> None:
    held(sepcalc.load(ROOT / FILES[name]), MODELS[name])


@pytest.mark.parametrize("name", SPECS)
def test_numbers_of_documents_are_what_the_counters_print(name: str) -> None:
    held(sepcalc.load(f"zoo:{SPECS[name]}"), MODELS[name])


PROFILED = {  # what TensorFlow 2.21's profiler printed for models of keras.applications
    "VGG16": 30960211824,
    "ResNet50": 7755299312,
    "MobileNet": 1147687920,
    "MobileNetV2": 615292208,
}


@pytest.mark.parametrize("name", PROFILED)
def test_numbers_of_keras_models_are_what_tensorflow_prints(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(ROOT / "tests" / "data" / "keras" / "applications.zip") as archive:
        file = archive.extract(f"{name}.json", tmp_path)
    held(sepcalc.load(file), {"tensorflow": (PROFILED[name], None)})


VELA = json.loads((ROOT / "tests/data/tflite/vela.json").read_text("utf-8"))["files"]


@pytest.mark.parametrize("name", VELA)
def test_numbers_of_tflite_files_are_what_vela_prints(name: str) -> None:
    network = sepcalc.load(ROOT / "tests" / "data" / "tflite" / name)
    held(network, {"vela": (sum(macs for _, macs in VELA[name]), None)})
    assert not counted(network, "thop").known
    assert not counted(sepcalc.load("zoo:vgg16"), "vela").known


@pytest.mark.parametrize("name", LAYERS)
def test_numbers_of_one_layer_are_what_the_counters_print(name: str) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    import one_layer_models

    make, shape = one_layer_models.MODELS[name]
    network = sepcalc.from_torch(make(), torch.ones(shape))
    vague = {tool for layer, tool in VAGUE if layer == name}
    held(network, {tool: said for tool, said in LAYERS[name].items() if tool not in vague})
    assert [tool for tool in vague if tool in LAYERS[name] and counted(network, tool).known] == []


def test_every_layer_was_counted() -> None:
    pytest.importorskip("torch", reason="needs PyTorch")
    import one_layer_models

    assert set(LAYERS) == set(one_layer_models.MODELS)
    assert {tool for said in LAYERS.values() for tool in said} == {
        *("fvcore", "ptflops", "ptflops-aten", "thop", "ultralytics-thop", "torchinfo", "calflops", "torchprofile"),
        "torch",
    }


def test_the_page_is_printed_from_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "tools"))
    import counters_page

    text = counters_page.PAGE.read_text("utf-8")
    if os.environ.get("SEPCALC_GOLDEN"):
        counters_page.PAGE.write_text(counters_page.page(text), "utf-8")
    assert counters_page.page(text) == text


# --- what cannot be known ---------------------------------------------------------------------------------------------


def test_a_file_that_lost_what_a_tool_counts_gives_no_number() -> None:
    network = sepcalc.load(ROOT / "tests/data/onnx/mobilenet_v2.onnx")
    found = counted(network, "thop")
    assert (found.value, found.params, found.known) == (None, None, False)
    assert found.reason == (
        "a file of this format does not say which norms were folded and what PyTorch's modules were: known from the"
        " PyTorch module, or its .pt2 file"
    )
    assert counted(network, "torch").value == 2 * network.macs
    assert counted(network, "paper").value == network.macs


def test_a_network_that_is_not_counted_in_full_has_no_number() -> None:
    network = sepcalc.load("12x64, dense -o32, uncounted Wizard --to 12x32")
    assert counted(network, "fvcore").reason == "some layers are not counted"


def test_a_network_with_branches_has_no_number(tmp_path: Path) -> None:
    """Another branch may run and cost more: a limit on the number of the one would pass."""
    onnx = pytest.importorskip("onnx", reason="needs ONNX")
    shape = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])
    wide = onnx.numpy_helper.from_array(numpy.ones((4, 4), "float32"), "w")
    product = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    bodies = [
        onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "then", [], [shape]),
        onnx.helper.make_graph([product], "else", [], [shape], [wide]),
    ]
    chosen = onnx.helper.make_node("If", ["c"], ["z"], then_branch=bodies[0], else_branch=bodies[1])
    inputs = [
        onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4]),
        onnx.helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, []),
    ]
    result = onnx.helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, [1, 4])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([chosen], "g", inputs, [result])), tmp_path / "if.onnx")
    network = sepcalc.load(tmp_path / "if.onnx")
    assert network.choices
    assert [one for one in COUNTERS if counted(network, one).answered] == []


# --- commands ---------------------------------------------------------------------------------------------------------


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = run(words)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_network_command_tells_a_convention(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "network", "zoo:mobilenet_v2", "--convention", "fvcore", "--format", "json")
    assert code == 0
    assert json.loads(out)["convention"] == {
        "counter": "fvcore",
        "version": "0.1.5.post20221221",
        "value": 314193216,
        "unit": "macs",
        "params": 3504872,
        "known": True,
        "reason": None,
    }
    assert said(capsys, "network", "zoo:mobilenet_v2", "--convention", "fvocre") == (
        2,
        "",
        f"unknown counter 'fvocre': expected {', '.join(COUNTERS)}\n  hint: did you mean fvcore?\n",
    )
    code, out, _ = said(capsys, "network", "zoo:vit_b_16", "--convention", "thop", "--format", "json")
    assert (code, json.loads(out)["convention"]["known"]) == (3, False)


def test_keras_counts_statistics_as_params(capsys: pytest.CaptureFixture[str]) -> None:
    """2,257,984 + 1,281,000 - what Keras lists for MobileNetV2: 3,538,984."""
    code, out, _ = said(capsys, "network", "zoo:mobilenet_v2", "--convention", "keras", "--top", "1")
    assert code == 0
    assert "keras 3.15 prints 3,538,984 params: keras counts params alone." in out


def test_terms_add_up_to_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "reconcile", "zoo:mobilenet_v2", "--format", "json")
    document = json.loads(out)
    assert (code, document["macs"]) == (0, 300774272)
    assert [row["counter"] for row in document["counters"] if not row["known"]] == ["vela"]
    for row in document["counters"][:-3]:
        assert document["macs"] + sum(term["value"] for term in row["terms"]) == row["value"]
        sizes = [abs(term["value"]) for term in row["terms"]]
        assert sizes == sorted(sizes, reverse=True)


def test_a_number_may_be_cut() -> None:
    """327,550,720 is 327.6M, and some papers print 327.5M."""
    names = [
        [one.name for one in sepcalc.reconcile("zoo:mobilenet_v2", number=text).matches]
        for text in ("327.5M", "327.6M")
    ]
    assert names == [["thop (macs)", "ultralytics-thop (macs)"]] * 2


def test_a_number_names_who_counts_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = sepcalc.reconcile(ROOT / FILES["mobilenet_v2"], number="327.5M")
    assert [one.name for one in found.matches] == ["thop (macs)", "ultralytics-thop (macs)"]
    assert [one.name for one in sepcalc.reconcile("zoo:vgg16", number=30940528640).matches] == [
        *("torch (flops)", "2 x torchvision (macs)", "2 x paper (macs)", "2 x macs"),
    ]
    code, out, _ = said(capsys, "reconcile", "zoo:vgg16", "--number", "17")
    assert (code, "No counter and no usual way to count gives 17." in out) == (1, True)


def test_one_layer_is_reconciled() -> None:
    found = sepcalc.reconcile("8x8x3, conv -k3 -o4 --bias, norm batch", layer="norm")
    assert (found.macs, found["thop"].value, found["thop"].terms) == (
        0,
        4 * 6 * 6 * 4,
        (("norms at 4 (affine) or 2 per element", 576),),
    )
    with pytest.raises(KeyError, match="thpo"):
        found["thpo"]


def test_the_page_draws_bars(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jinja2", reason="needs Jinja2")
    code, out, _ = said(capsys, "reconcile", "zoo:mobilenet_v2", "--format", "html")
    assert code == 0
    assert "fvcore: exact macs, 300,774,272" in out
    assert "fvcore: batch norm at 2 per element, 13,356,224" in out


# --- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "code"), [("fvcore:macs=314193216", 0), ("fvcore:macs=314193215", 1), ("keras:params=3538984", 0)]
)
def test_the_gate_holds_a_counters_number(limit: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "check", "zoo:mobilenet_v2", "--max", limit)[0] == code


KNOWN = ", ".join(COUNTERS)
WRONG_LIMITS = {
    "torch:macs": ("torch has no 'macs': expected flops or params", "torch:flops"),
    "thpo:macs": (f"unknown counter 'thpo': expected {KNOWN}", "thop"),
}


@pytest.mark.parametrize("metric", WRONG_LIMITS)
def test_a_limit_names_a_counter_and_what_it_prints(metric: str, capsys: pytest.CaptureFixture[str]) -> None:
    message, meant = WRONG_LIMITS[metric]
    expected = f"--max {metric}=1G: {message}\n  hint: did you mean {meant}?\n"
    assert said(capsys, "check", "zoo:mobilenet_v2", "--max", f"{metric}=1G") == (2, "", expected)


def test_a_number_that_is_not_known_passes_no_gate(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "check", "zoo:vit_b_16", "--max", "thop:macs=100G")
    assert code == 2
    assert "thop:macs is not known: encoder[0]" in out + err


def test_a_published_number_is_held_to_its_counter(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    text = "input: 8x8x3\npublished: {counter: thop, macs: MACS}\nlayers: [conv -k3 -o4, norm batch]\n"
    text += "budget: {params: 1k}\n"
    file = tmp_path / "net.yaml"
    for macs, code in ((3888 + 576, 0), (3888, 1)):
        file.write_text(text.replace("MACS", str(macs)), "utf-8")
        assert said(capsys, "check", str(file))[0] == code
    file.write_text(text.replace("thop, macs: MACS", "thpo, macs: 1"), "utf-8")
    code, _, err = said(capsys, "network", str(file))
    assert (code, "unknown counter 'thpo'" in err, "did you mean thop?" in err) == (2, True, True)
