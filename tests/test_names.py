"""Names where names are asked for: those that a report shows, layers that a block is given; and what is told of a
network though nothing in it is wrong. By equivalence pairs: the same network, its layers named by hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import sepcalc
from sepcalc.cli import run
from sepcalc.document import Document
from sepcalc.document.loading import load_yaml
from sepcalc.errors import InputError
from sepcalc.nodes import Source

BLOCKS = """\
input: 16x16x3
blocks:
  double(out):
    - conv -k3 -o{out} -p same
    - act relu
  up(out, skip):
    - upsample nearest --scale 2
    - concat: []
      from: [skip, previous]
    - double {out}
  outer(out, other=previous): ["up {out} other"]
"""


def read(layers: str, head: str = BLOCKS) -> Document:
    return load_yaml(Source("FILE", f"{head}layers:\n{layers}"))


def graph(layers: str, head: str = BLOCKS) -> list[object]:
    """What each layer is and reads."""
    return [(node.op, node.sources, node.output) for node in read(layers, head).network.nodes]


def refusal(layers: str) -> str:
    with pytest.raises(InputError) as caught:
        read(layers)
    return str(caught.value)


SAME = [
    # a layer, by its index, or alone
    (
        "- conv -k1 -o3\n- conv -k1 -o3\n- add: []\n  from: ['conv[0]', previous]\n",
        "- conv -k1 -o3:\n  name: a\n- conv -k1 -o3\n- add: []\n  from: [a, previous]\n",
    ),
    (
        "- conv -k1 -o3\n- act relu\n- add: []\n  from: [conv, previous]\n",
        "- conv -k1 -o3:\n  name: a\n- act relu\n- add: []\n  from: [a, previous]\n",
    ),
    # a block's end, and a layer within it
    (
        "- double 4\n- double 5\n- act relu:\n  from: double[0]\n",
        "- {double: {out: 4}, name: a}\n- double 5\n- act relu:\n  from: a\n",
    ),
    (
        "- double 4\n- double 5\n- act relu:\n  from: double[0]/conv\n",
        "- {double: {out: 4}, name: a}\n- double 5\n- act relu:\n  from: a/conv\n",
    ),
    # residuals, branches, groups, the links of a layer that is a chain
    (
        "- residual: [conv -k1 -o3, act relu]\n- act tanh\n- act relu:\n  from: residual/conv\n",
        "- residual: [{conv: '-k1 -o3', name: a}, act relu]\n  name: r\n- act tanh\n- act relu:\n  from: r/a\n",
    ),
    (
        "- residual: [conv -k1 -o3]\n- residual: [act relu]\n- act relu:\n  from: residual[0]\n",
        "- residual: [conv -k1 -o3]\n  name: r\n- residual: [act relu]\n- act relu:\n  from: r\n",
    ),
    (
        "- concat: {a: [conv -k1 -o2], b: [conv -k1 -o3]}\n- act relu:\n  from: concat/a\n",
        "- concat: {a: [{conv: '-k1 -o2', name: x}], b: [conv -k1 -o3]}\n  name: c\n- act relu:\n  from: c/a/x\n",
    ),
    (
        "- separable -k3 -o4\n- act tanh\n- act relu:\n  from: separable/depthwise\n",
        "- depthwise -k3:\n  name: d\n- pointwise -o4\n- act tanh\n- act relu:\n  from: d\n",
    ),
    # from within a block, what stands around it
    (
        "- conv -k1 -o3\n- residual:\n  - act relu\n  - add: []\n    from: [previous, conv]\n",
        "- conv -k1 -o3:\n  name: a\n- residual:\n  - act relu\n  - add: []\n    from: [previous, a]\n",
    ),
    # a repeated block
    (
        "- double 4:\n  repeat: 3\n- act relu:\n  from: double[1]\n",
        "- double 4\n- {double: {out: 4}, name: a}\n- double 4\n- act relu:\n  from: a\n",
    ),
]


@pytest.mark.parametrize(("shown", "given"), SAME, ids=[shown for shown, _ in SAME])
def test_a_name_that_is_shown_is_a_name(shown: str, given: str) -> None:
    assert graph(shown) == graph(given)


def test_every_name_of_a_report_can_be_read_from() -> None:
    layers = "- double 4\n- double 4\n- residual: [double 4, separable -k1 -o4]\n- concat: {a: [], b: [act relu]}\n"
    network = read(layers).network
    for at, layer in enumerate(network.layers):
        more = read(f"{layers}- act tanh:\n  from: {layer.name}\n").network.nodes[-1]
        assert more.sources == (at + 1,), layer.name  # tensor 0 is the input


def test_a_given_name_goes_before_one_that_is_shown() -> None:
    named = "- act relu:\n  name: conv\n- conv -k1 -o3\n- act tanh:\n  from: conv\n"
    assert read(named).network.nodes[-1].sources == (1,)


def test_shown_names_in_outputs_and_weights() -> None:
    outputs = read("- conv -k1 -o4\n- conv -k1 -o5\n", BLOCKS + "outputs: ['conv[0]', 'conv[1]']\n")
    assert outputs.network.outputs == {"conv[0]": (16, 16, 4), "conv[1]": (16, 16, 5)}
    assert read("- conv -k1 -o3\n- act relu\n- conv: {kernel: 1, out: 3, weights: conv}\n").network.params == 9


def test_a_name_that_is_not_shown() -> None:
    assert refusal("- conv -k1 -o4\n- act relu\n- act relu:\n  from: cnov\n") == (
        "FILE:16:9: there is no layer 'cnov' before this one\n"
        "    from: cnov\n"
        "          ^^^^\n"
        "  hint: did you mean conv?"
    )
    assert "there is no layer 'conv[1]' before this one" in refusal("- conv -k1 -o4\n- act relu:\n  from: conv[1]\n")


# --- layers that a block is given -------------------------------------------------------------------------------------

DOWN = "- {double: {out: 4}, name: e1}\n- pool max -k2\n- double 8\n"
BY_HAND = (
    DOWN + "- upsample nearest --scale 2\n- concat: []\n  from: [e1, previous]\n- conv -k3 -o4 -p same\n- act relu\n"
)
UP = ["up 4 skip=e1", "up 4 e1", "up: {out: 4, skip: e1}", "up 4 skip=double[0]", "up: {out: 4, skip: 'e1'}",
      "outer 4 e1", "outer: {out: 4, other: e1/act}"]  # fmt: skip


@pytest.mark.parametrize("use", UP)
def test_a_block_is_given_a_layer(use: str) -> None:
    down = DOWN.replace("- {double: {out: 4}, name: e1}", "- double 4") if "double[0]" in use else DOWN
    assert graph(f"{down}- {use}\n") == graph(BY_HAND)


def test_what_a_block_begins_with_is_a_layer_too() -> None:
    same = "- act relu\n- conv -k1 -o3\n- add: []\n  from: [act, previous]\n"
    head = "input: 8x8x3\nblocks:\n  skip(of=input):\n    - conv -k1 -o3\n    - add: []\n      from: [of, previous]\n"
    for use in ("skip", "skip previous", "skip input", "skip act"):
        source = 0 if use == "skip input" else 1
        nodes = read(f"- act relu\n- {use}\n", head).network.nodes
        assert nodes[-1].sources == (source, 2), use
    assert graph("- act relu\n- skip\n", head) == graph(same, "input: 8x8x3\n")


def test_a_table_of_stages_names_layers() -> None:
    rows = "- stages: up\n  columns: [out, skip]\n  rows: [[4, e1]]\n"
    assert graph(DOWN + rows) == graph(BY_HAND)


def test_a_number_goes_before_a_layer_of_its_name() -> None:
    head = BLOCKS.replace("blocks:", "parameters: {e1: 8}\nblocks:")
    assert graph("- act relu:\n  name: e1\n- double e1\n", head) == graph("- act relu\n- double 8\n")


def test_a_block_that_is_given_no_layer() -> None:
    assert refusal(f"{DOWN}- up 4 skip=e2\n") == (
        "FILE:16:13: unknown name 'e2': expected one of c_in, h_in, w_in\n  - up 4 skip=e2\n              ^^"
    )
    assert refusal(f"{DOWN}- up 4 skip=double[5]\n") == (
        "FILE:16:8: there is no layer 'double[5]' before this one\n"
        "  - up 4 skip=double[5]\n"
        "         ^^^^^^^^^^^^^^\n"
        "  hint: did you mean double?"
    )
    for entry in ("conv -k3 -o{e1}", "double {e1 + 1}"):
        assert "e1 is a layer here, not a number" in refusal(f"{DOWN}- {entry}\n")


def test_the_u_net_of_the_zoo_has_blocks() -> None:
    unet = sepcalc.load("zoo:unet")
    assert (unet.params, unet.macs) == (31_030_658, 150_428_424_448)
    assert [layer.name for layer in unet.layers if layer.kind == "concat"] == [f"up[{at}]/concat" for at in range(4)]


# --- notes ------------------------------------------------------------------------------------------------------------

DROPPED = (
    "when is false, which leaves out the sum and the shortcut; a when: within the shortcut leaves out that alone, "
    "and the input is added"
)


def test_a_skip_that_is_left_out_is_told() -> None:
    entry = "- residual: [conv -k1 -o{}]\n  shortcut: [pointwise -o{}]\n  when: c_in != {}\n"
    layers = entry.format(8, 8, 8) + entry.format(8, 8, 8)
    assert read(layers).network.notes == (f"FILE:16:3: {DROPPED}",)
    assert (
        read("- residual: [conv -k1 -o8]\n  when: c_in == 8\n").network.notes == ()
    )  # no shortcut: as papers write it
    mended = "- residual: [conv -k1 -o8]\n  shortcut:\n  - pointwise -o8:\n    when: c_in != 8\n"
    assert read(mended + mended).network.notes == ()


POSITIONS = [
    ("8x8x3, conv -k3 -o8, dense -o10", "dense runs at each of the 6x6 positions of 6x6x8"),
    ("8x8x3, dense -o10, act relu, dense -o4", "dense[0] (and 1 more) runs at each of the 8x8 positions of 8x8x3"),
    ("100x8, conv -k3 -o16, dense -o10", "dense runs at each of the 98 positions of 98x16"),
    ("8x8x3, conv -k3 -o8, flatten, dense -o10", ""),
    ("8x8x3, conv -k3 -o8, dense -o10, pool avg global", ""),
    ("8x8x3, conv -k3 -o8, pool avg global, dense -o10", ""),
    ("196x64, dense -o10", ""),
    ("196x64, conv -k3 -o64 -p same, norm layer, dense -o10", ""),
    ("196x64, conv -k3 -o64 -p same, lstm -o8, dense -o10", ""),
]


@pytest.mark.parametrize(("line", "said"), POSITIONS, ids=[line for line, _ in POSITIONS])
def test_a_dense_layer_at_each_position_is_told(line: str, said: str) -> None:
    expected = (f"{said}; flatten first, if they are one vector",) if said else ()
    assert sepcalc.load(line).notes == expected


SHAPES = [
    (
        "12x12x3 dense -o10",
        "dense runs at each of the 12x12 positions of 12x12x3; flatten first, if they are one vector",
    ),
    ("196x768 dense -o10", ""),
    (
        "1x224x224x3 act relu",
        (
            "1x224x224x3 is read as depth 1, height 224, width 224, 3 channels; "
            "there is no batch axis: 224x224x3"
        ),
    ),
    ("16x112x112x3 act relu", ""),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "said"), SHAPES, ids=[spec for spec, _ in SHAPES])
def test_what_a_shape_probably_means_is_told(spec: str, said: str) -> None:
    assert sepcalc.parse(spec).notes == ((said,) if said else ())


Command = Callable[..., tuple[int, str]]
REPORTS = [
    ("network",), ("network", "--format", "markdown"), ("check", "--max", "macs=1M"), ("verify",), ("baseline",),
    ("whatif", "--width", "0.5"), ("convert",), ("network", "--expand"),
]  # fmt: skip


@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_every_report_tells_it(command: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: 8x8x3\nlayers: [conv -k3 -o8, dense -o10]\n", "utf-8")
    assert run([command[0], str(path), *command[1:]]) == 0
    captured = capsys.readouterr()
    assert "dense runs at each of the 6x6 positions" in captured.out + captured.err


def test_json_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["layer", "12x12x3", "dense", "-o10"], ["network", "8x8x3, conv -k3 -o8, dense -o10"]):
        assert run([*words, "--format", "json"]) == 0
        (note,) = json.loads(capsys.readouterr().out)["notes"]
        assert note.startswith("dense runs at each of the ")


def test_the_zoo_has_nothing_to_note() -> None:
    from sepcalc.model_zoo import names

    open_ = ["ofa_mobilenet_v3"]  # a space: the note says which of its networks this is
    assert [name for name in names() if sepcalc.load(f"zoo:{name}").notes] == open_
