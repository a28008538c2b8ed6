"""OpenVINO IR: the files of tests/data/openvino, whose numbers are worked out by hand from the modules that
tests/data/openvino/make.py converts, and graphs written here."""

import json
from pathlib import Path

import pytest

from sepcalc import load
from sepcalc.cli import run
from sepcalc.errors import InputError

DATA = Path(__file__).parent / "data" / "openvino"


def ir(layers: str, edges: str = "", version: str = "11") -> str:
    return (
        f'<?xml version="1.0"?><net name="n" version="{version}"><layers>{layers}</layers><edges>{edges}</edges></net>'
    )


def port(at: int, *sizes: int, kind: str = "FP32") -> str:
    return f'<port id="{at}" precision="{kind}">{"".join(f"<dim>{size}</dim>" for size in sizes)}</port>'


def layer(
    at: int, kind: str, ins: str = "", outs: str = "", name: str = "", version: str = "opset1", **data: str
) -> str:
    given = "".join(f' {key}="{value}"' for key, value in data.items())
    inputs = f"<input>{ins}</input>" if ins else ""
    outputs = f"<output>{outs}</output>" if outs else ""
    named = name or f"l{at}"
    head = f'<layer id="{at}" name="{named}" type="{kind}" version="{version}"><data{given}/>'
    return f"{head}{inputs}{outputs}</layer>"


def edge(source: str, to: str) -> str:
    (a, b), (c, d) = source.split("."), to.split(".")
    return f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>'


def unary(kind: str, *sizes: int, out: tuple[int, ...] = (), **data: str) -> str:
    """A graph of one operator on one input."""
    return ir(
        layer(0, "Parameter", "", port(0, *sizes), name="x")
        + layer(1, kind, port(0, *sizes), port(1, *(out or sizes)), **data)
        + layer(2, "Result", port(0, *(out or sizes))),
        edge("0.0", "1.0") + edge("1.1", "2.0"),
    )


def read(tmp_path: Path, text: str, **how: object):
    path = tmp_path / "net.xml"
    path.write_text(text)
    return load(path, **how)


def refused(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    return str(caught.value).replace(str(tmp_path), ".")


# --- files ------------------------------------------------------------------------------------------------------------

VISION = 16 * 16 * 8 * 27 + 16 * 16 * 8 * 9 + 16 * 16 * 16 * 8 + 160
TEXT = 4 * 7 * 32 * 32 + 2 * 4 * 7 * 7 * 8
AUDIO = 20 * 2 * 4 * 16 * (24 + 16) + 20 * 3 * 8 * (32 + 8)
FILES = {
    # the norm is folded: 8 biases; three more layers with biases
    "vision": (VISION, 8 * 27 + 8 + 8 * 9 + 8 + 8 * 16 + 16 + 160 + 10, {}),
    "vision_open": (VISION, 8 * 27 + 8 + 8 * 9 + 8 + 8 * 16 + 16 + 160 + 10, {"input": "32x32x3"}),
    "text": (TEXT, 100 * 32 + 64 + 4 * (32 * 32 + 32), {}),
    "text_open": (TEXT, 100 * 32 + 64 + 4 * (32 * 32 + 32), {"input": "7"}),
    # one bias for each gate
    "audio": (AUDIO, 2 * 4 * 16 * (24 + 16 + 1) + 3 * 8 * (32 + 8) + 4 * 8, {}),
    "int4": (5 * 64 * 32, 64 * 32, {}),
    "loop": (6 * 4 * 4, 16, {}),
    "branch": (4 * 4, 16, {}),
    "runs": (5 * 4 * 4, 16, {}),
    "state": (0, 0, {}),
}


@pytest.mark.parametrize("name", FILES)
def test_the_numbers_of_a_file(name: str) -> None:
    macs, params, how = FILES[name]
    network = load(DATA / f"{name}.xml", **how)
    assert (network.cost.macs, network.cost.params, network.complete) == (macs, params, True)


def test_an_open_file_counts_as_a_fixed_one() -> None:
    for name, size in (("vision", "32x32x3"), ("text", "7")):
        fixed, opened = load(DATA / f"{name}.xml"), load(DATA / f"{name}_open.xml", input=size)
        assert [(one.name, one.cost) for one in fixed.layers] == [(one.name, one.cost) for one in opened.layers]


def test_an_open_axis_has_the_name_of_its_input_and_its_place(tmp_path: Path) -> None:
    from sepcalc.importers import Request
    from sepcalc.importers.openvino import read as of_file

    assert of_file(str(DATA / "text_open.xml"), Request(dims={"x.1": "9"})).inputs == {"x": (9,)}


def test_weights_of_four_bits_are_storage() -> None:
    network = load(DATA / "int4.xml")
    assert [one.kind for one in network.layers if one.cost.macs] == ["dense"]
    assert (network.cost.buffers, network.param_bytes) == (128, 2048 // 2 + 2 * 128)


def test_half_precision_is_storage() -> None:
    assert load(DATA / "vision.xml").param_bytes == 2 * load(DATA / "vision.xml").cost.params


def test_a_layer_is_called_by_its_module() -> None:
    layers = {one.name: one.origin for one in load(DATA / "text.xml").layers}
    assert layers["q"].operator == "MatMul"
    assert layers["q"].module == "q"


# --- refusals ---------------------------------------------------------------------------------------------------------

BOMB = '<!DOCTYPE net [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><net name="&b;" version="11"/>'
WRONG = {
    "entities": (BOMB, "it declares a document type: an OpenVINO model has none, and none is read"),
    "another root": ("<html/>", "it is XML, but no OpenVINO model: its root is 'html', expected 'net'"),
    "no XML": ("<net", "it is no XML file, or it is damaged: line 1: unclosed token"),
    "an old version": (
        '<net name="n" version="7"><layers/></net>',
        """it is an OpenVINO model of IR version '7': versions 10 and 11 are read
  hint: convert the original model anew, with ov.convert_model and ov.save_model""",
    ),
    "ids": (ir(layer(0, "Parameter", "", port(0, 1)) * 2), "two layers have the id '0'"),
    "ports": (ir(layer(0, "Parameter", "", port(0, 1) * 2)), "the layer 'l0' has two ports '0'"),
    "a circle": (
        ir(layer(0, "ReLU", port(0, 1), port(1, 1)), edge("0.1", "0.0")),
        "the layer 'l0' depends on itself",
    ),
    "two edges": (ir(layer(0, "ReLU"), edge("0.1", "0.0") * 2), "two edges lead to the port '0' of the layer '0'"),
    "no layer": (ir(layer(0, "ReLU"), edge("7.1", "0.0")), "an edge names the layer '7', which does not exist"),
    "no source": (ir(layer(0, "ReLU", port(0, 1), port(1, 1))), "nothing gives the input '0' of the layer 'l0'"),
    "a size": (ir(layer(0, "Parameter", "", port(0, "x"))), "'x' is no size of a port"),
    "bytes": (
        ir(layer(0, "Const", "", port(0, 2, 3), element_type="f32", shape="2, 3", offset="0", size="12")),
        "the constant 'l0' is 2x3 of fp32, 24 bytes: the file says 12",
    ),
    "a stored shape": (
        ir(layer(0, "Const", "", port(0, 2, 3), element_type="f32", shape="20, 3", offset="0", size="24")),
        "the constant 'l0' is 2x3 at its port: the file stores 20, 3",
    ),
    "a type": (
        ir(layer(0, "Const", "", port(0, 2), element_type="f99", shape="2", offset="0", size="8")),
        "'l0' is of the element type 'f99', which is not known",
    ),
    "depth": ("<net version='10'>" + "<a>" * 300, "its elements stand in each other more than 200 deep"),
    "empty": (ir(""), "it holds no graph of operators"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_file_that_is_none_is_answered_with_a_sentence(tmp_path: Path, what: str) -> None:
    text, message = WRONG[what]
    assert refused(tmp_path, text) == f"./net.xml: {message}"


def test_a_shape_that_contradicts_its_operator_is_refused(tmp_path: Path) -> None:
    said = refused(tmp_path, unary("ReLU", 1, 4, out=(1, 5)))
    assert said == "./net.xml: the file says that 'l1' is 1x5, its operators give 1x4"


def test_what_stands_in_the_bin_file_is_not_guessed(tmp_path: Path) -> None:
    text = ir(
        layer(0, "Parameter", "", port(0, -1, 8), name="x")
        + layer(1, "Const", "", port(0, 2, kind="I64"), element_type="i64", shape="2", offset="0", size="16")
        + layer(2, "Pad", port(0, -1, 8) + port(1, 2) + port(2, 2), port(3, -1, 8), pad_mode="constant")
        + layer(3, "Result", port(0, -1, 8)),
        edge("0.0", "2.0") + edge("1.0", "2.1") + edge("1.0", "2.2") + edge("2.3", "3.0"),
    )
    network = read(tmp_path, text)
    assert [gap.reason for gap in network.uncounted] == ["how much it adds stands in the .bin file, which is not read"]


def reshape(before: str, after: str, *, shape_of: bool = False) -> str:
    """A reshape between these sizes, ``?`` for an open one, by a stored shape or that of the input itself."""
    first, last = [[int(one.replace("?", "-1")) for one in said.split("x")] for said in (before, after)]
    other = layer(1, "ShapeOf", port(0, *first), port(1, len(first), kind="I64"))
    if not shape_of:
        bytes_ = str(8 * len(last))
        stored = port(1, len(last), kind="I64")
        other = layer(1, "Const", "", stored, element_type="i64", shape=str(len(last)), offset="0", size=bytes_)
    return ir(
        layer(0, "Parameter", "", port(0, *first), name="x")
        + other
        + layer(2, "Reshape", port(0, *first) + port(1, len(last)), port(2, *last), special_zero="true")
        + layer(3, "Result", port(0, *last)),
        edge("0.0", "2.0") + edge("1.1", "2.1") + edge("2.2", "3.0") + (edge("0.0", "1.0") if shape_of else ""),
    )


RESHAPES = [  # from, to, the input, the output
    ("?x768", "?x12x64", "5x768", (5, 12, 64)),
    ("?x?x768", "?x?x12x64", "1x7x768", (7, 12, 64)),
    ("?x8x?x?", "?x2x4x?", "1x8x5x6", (2, 4, 30)),
    ("?x?x?", "?x?", "1x4x6", (24,)),
    ("1x49x768", "1x49x12x64", "1x25x768", (25, 12, 64)),
]


@pytest.mark.parametrize(("before", "after", "given", "reached"), RESHAPES)
def test_a_shape_is_derived_where_it_is_the_only_one(
    before: str, after: str, given: str, reached: tuple[int, ...], tmp_path: Path
) -> None:
    network = read(tmp_path, reshape(before, after), input={"x": given}, batch=1)
    (shape,) = network.outputs.values()
    assert (shape[-len(reached) :], network.complete) == (reached, True)


def test_a_shape_that_is_measured_is_known(tmp_path: Path) -> None:
    network = read(tmp_path, reshape("?x?x?", "?x?x?", shape_of=True), input={"x": "2x3x4"}, batch=1)
    assert network.outputs == {"l2": (2, 3, 4)}


def test_an_operator_of_another_opset_is_listed(tmp_path: Path) -> None:
    text = ir(
        layer(0, "Parameter", "", port(0, 1, 4), name="x")
        + layer(1, "Fancy", port(0, 1, 4), port(1, 1, 4), version="extension")
        + layer(2, "Result", port(0, 1, 4)),
        edge("0.0", "1.0") + edge("1.1", "2.0"),
    )
    (gap,) = read(tmp_path, text).uncounted
    assert gap.reason == "no count is known for this operator"


def test_many_layers_are_refused_soon(tmp_path: Path) -> None:
    text = ir("".join(f'<layer id="{at}" name="l" type="ReLU"/>' for at in range(100_000)))
    assert refused(tmp_path, text) == "./net.xml: it has more than 30,000 layers"


def test_a_file_has_no_kernels_to_factor(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["factor", f"{DATA / 'vision.xml'}:fc.weight"]) == 2
    assert "its weights stand in a .bin file, which is not read" in capsys.readouterr().err


def test_every_operator_says_how_it_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["operators", "openvino", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)["how"]
    assert told["Convolution"] == "conv"
    assert not [how for how in told.values() if how.startswith("partial")]


def test_a_port_map_that_leads_nowhere(tmp_path: Path) -> None:
    text = (DATA / "branch.xml").read_text().replace("internal_layer_id", "other")
    said = refused(tmp_path, text)
    assert said == "./net.xml: a port map names '', which is no Parameter or Result of its graph"


def test_a_long_attribute_and_many_elements_are_refused_soon(tmp_path: Path) -> None:
    said = refused(tmp_path, f'<net name="{"x" * 3_000_000}" version="11"/>')
    assert said == "./net.xml: it has an element whose attributes take more than 1,048,576 bytes"
    many = f'<net name="n" version="11">{"<a/>" * 1_500_001}</net>'
    assert refused(tmp_path, many) == "./net.xml: it has more than 1,500,000 elements"
