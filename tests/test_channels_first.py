"""Shapes that were probably written channels first are told, and no gate takes one for the network's own."""

import json
from pathlib import Path

import pytest
from gating import Run

import sepcalc
from sepcalc.shape import channels_first

IMAGE = "3x224x224 is read as height 3, width 224, 224 channels; channels come last: 224x224x3"
WISH = "a file which wants this writes input: 32x32x{channels}"
RESHAPED = "the input 3x224x224 has 224 channels, the network's own 32x32x3 has 3"


@pytest.mark.parametrize(
    ("shape", "last"),
    [
        ("3x224x224", "224x224x3"),
        ("3x480x640", "480x640x3"),
        ("4x32x128", "32x128x4"),
        ("3x24x96", "24x96x3"),
        ("3x96x24", "96x24x3"),
        ("1x28x28", "28x28x1"),
        ("1x2x2", "2x2x1"),
        ("1x3x224x224", "224x224x3"),
        ("1x4x64x64", "64x64x4"),
        ("1x1x28x28", "28x28x1"),
    ],
)
def test_what_looks_like_channels_first(shape: str, last: str) -> None:
    told = channels_first(tuple(map(int, shape.split("x"))))
    assert told.startswith(f"{shape} is read as ")
    assert told.endswith(f"; channels come last: {last}")


@pytest.mark.parametrize(
    "shape",
    ["224x224x3", "28x28x1", "3x23x23", "4x31x128", "3x24x97", "2x224x224", "5x224x224", "1x28x29", "1x1x1", "3x224",
     "1x1024", "1x1x28x29", "2x3x224x224", "1x2x64x64", "16x112x112x3", "1x224x224x3", "1024", "1x1x3x224x224"],
)  # fmt: skip
def test_what_does_not(shape: str) -> None:
    assert channels_first(tuple(map(int, shape.split("x")))) == ""


def test_every_axis_has_its_name() -> None:
    assert channels_first((3, 224, 224)) == IMAGE
    told = "1x3x480x640 is read as depth 1, height 3, width 480, 640 channels; channels come last: 480x640x3"
    assert channels_first((1, 3, 480, 640)) == told


# --- specs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "spec"),
    [("compare", "3x224x224 -k3 -o2"), ("layer", "3x224x224 act relu"), ("verify", "3x224x224 act relu")],
)
def test_a_specs_note_is_shown_and_in_json(command: str, spec: str, gate: Run) -> None:
    code, out, err = gate(command, spec)
    assert (code, err) == (0, "")
    assert f"  {IMAGE}\n" in out
    assert json.loads(gate(command, spec, "--format", "json")[1])["notes"] == [IMAGE]
    plain = spec.replace("3x224x224", "12x12x3")
    assert json.loads(gate(command, plain, "--format", "json")[1])["notes"] == []


def test_slices_are_looked_at_one_by_one() -> None:
    assert sepcalc.parse("3x224x224 each act relu").notes == ()
    assert sepcalc.parse("16x3x224x224 each act relu").notes == (IMAGE,)
    assert sepcalc.parse("3x224x224 3x224x224 add").notes == (IMAGE,)


# --- networks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "argument", ["3x224x224, act relu", "named.yaml"], ids=["a line", "YAML with several inputs"]
)  # fmt: skip
def test_a_networks_own_input(argument: str, gate: Run) -> None:
    Path("named.yaml").write_text(
        "inputs: {image: 3x224x224, mask: 3x224x224}\nlayers:\n  - add: []\n    from: [image, mask]\n"
    )
    for command in ("network", "verify"):
        assert json.loads(gate(command, argument, "--format", "json")[1])["notes"] == [IMAGE]
    assert gate("check", argument, "--max", "macs=1")[0] == 0  # it is the network's own: a note alone


def test_an_input_with_other_channels_is_a_note_of_network(gate: Run) -> None:
    code, out, err = gate("network", "specs/bare.yaml", "--input", "3x224x224", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["notes"] == [f"{RESHAPED}; {WISH}", IMAGE]
    assert sepcalc.load("specs/bare.yaml", input="32x32x4").notes == (
        f"the input 32x32x4 has 4 channels, the network's own 32x32x3 has 3; {WISH}",
    )


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ("32x32x1", "the input 32x32x1 has 1 channel, the network's own 32x32x3 has 3"),
        ("32x3", "the input 32x3 has 2 axes, the network's own 32x32x3 has 3"),
        ("3", "the input 3 has 1 axis, the network's own 32x32x3 has 3"),
        ("8x32x32x3", "the input 8x32x32x3 has 4 axes, the network's own 32x32x3 has 3"),
    ],
)
@pytest.mark.parametrize("name", ["", "input="])
def test_the_gate_refuses_it(shape: str, problem: str, name: str, gate: Run) -> None:
    Path("net.yaml").write_text("input: 32x32x3\nlayers: [act relu]\n")
    told = f"net.yaml: {problem}\n  hint: {WISH}\n"
    asked = ("--input", name + shape)
    code, out, err = gate("check", "net.yaml", "--max", "macs=1G", *asked)
    assert (code, err) == (2, told)
    assert out.splitlines()[-1] == "  1 checked: 1 error"
    assert gate("diff", "net.yaml", "net.yaml", *asked) == (2, "", told)
    assert gate("baseline", "net.yaml", *asked) == (2, "", told)
    assert gate("network", "net.yaml", *asked)[0] == 0


def test_channels_first_by_mistake_is_named_by_the_gate(gate: Run) -> None:
    told = f"specs/bare.yaml: {RESHAPED}\n  hint: {WISH}\nspecs/bare.yaml: {IMAGE}\n"
    assert gate("diff", "specs/bare.yaml", "specs/bare.yaml", "--input", "3x224x224") == (2, "", told)
    code, out, _ = gate("check", "specs/bare.yaml", "--input", "3x224x224", "--max", "macs=100M", "--format", "json")
    assert (code, json.loads(out)["checks"][0]["problems"]) == (2, told[:-1].replace("\nspecs", "\0specs").split("\0"))


def test_the_gate_refuses_what_pyproject_gives(gate: Run) -> None:
    project = Path("pyproject.toml")
    project.write_text(project.read_text() + 'input = "3x224x224"\n')
    code, _, err = gate("check")
    assert (code, err.splitlines()[0]) == (2, f"specs/bare.yaml: {RESHAPED}")


def test_other_sizes_are_no_matter(gate: Run) -> None:
    assert gate("check", "specs/net.yaml", "--input", "16x48x3")[0] == 0
    Path("open.yaml").write_text("layers: [act relu]\n")  # it has no input of its own
    assert gate("check", "open.yaml", "--input", "16x48x5", "--max", "macs=1")[0] == 0


def test_a_file_that_wants_it_has_its_channels_for_a_parameter(gate: Run) -> None:
    Path("net.yaml").write_text(
        "input: 32x32x{channels}\nparameters: {channels: {value: 3, max: 4}}\n"
        "layers: [pointwise -o8, 'dense -o{channels}']\n"
    )
    for given in (["--set", "channels=4"], ["--input", "32x32x4"], ["--input", "32x32x4", "--set", "channels=4"]):
        code, out, _ = gate("check", "net.yaml", "--max", "params=1M", *given, "--format", "json")
        assert (code, json.loads(out)["checks"][0]["budget"][0]["actual"]) == (0, 4 * 8 + 8 * 4)
    code, _, err = gate("check", "net.yaml", "--max", "params=1M", "--input", "3x32x32")
    assert (code, err) == (2, "channels is 32: expected a value to 4\n")
    code, _, err = gate("check", "net.yaml", "--max", "params=1M", "--input", "32x32x4", "--set", "channels=1")
    assert err == f"net.yaml: the input 32x32x4 has 4 channels, the network's own 32x32x1 has 1\n  hint: {WISH}\n"


def test_a_model_given_channels_first_has_the_note(gate: Run) -> None:
    from onnx import TensorProto, helper, save

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "c", "h", "w"]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", ends[:1], ends[1:])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "net.onnx")
    told = json.loads(gate("network", "net.onnx", "--input", "3x224x224", "--format", "json")[1])
    assert IMAGE in told["notes"]
    told = json.loads(gate("network", "net.onnx", "--input", "x=1x3x224x224", "--format", "json")[1])
    assert IMAGE not in told.get("notes", [])
