"""A network as a graph and as stacks, for programs that draw them."""

import json
import re
from pathlib import Path

import pytest

import sepcalc
from sepcalc.cli import run
from sepcalc.layer import Node
from sepcalc.network import Network, Origin
from sepcalc.renderers import GRAPHS, render
from sepcalc.reports.network import NetworkReport

NET = """\
name: small
input: 8x8x3
layers:
- name: stem
  layers: [conv -k3 -o4 -p same, act relu]
- name: add
  add:
    one: [conv -k1 -o4]
    two: []
- pool avg global
- dense -o2
"""
HOSTILE = 'a"b;c\\<img src=x>`#]\n::error::\x1b[31m'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *args: str, code: int = 0) -> str:
    assert run(["network", *args]) == code, capsys.readouterr().err
    return capsys.readouterr().out


def test_dot(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "net.yaml", "--format", "dot") == (
        'digraph "small" {\n'
        "  node [fontname=sans]\n"
        "  edge [fontname=sans fontsize=10]\n"
        '  n0 [label="input\\n8x8x3" shape=ellipse]\n'
        '  n1 [label="stem\\n2 layers\\n6,912 macs, 108 params" shape=box]\n'
        '  n2 [label="add\\n2 layers\\n1,024 macs, 16 params" shape=box]\n'
        '  n3 [label="pool" shape=box]\n'
        '  n4 [label="dense\\n8 macs, 8 params" shape=box]\n'
        '  n5 [label="output" shape=ellipse]\n'
        '  n0 -> n1 [label="8x8x3"]\n'
        '  n1 -> n2 [label="8x8x4"]\n'
        '  n2 -> n3 [label="8x8x4"]\n'
        '  n3 -> n4 [label="4"]\n'
        '  n4 -> n5 [label="2"]\n'
        "}\n"
    )


def test_mermaid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "net.yaml", "--format", "mermaid").splitlines()
    assert lines[:3] == [
        "flowchart TD",
        '  n0(["input<br>8x8x3"])',
        '  n1["stem<br>2 layers<br>6,912 macs, 108 params"]',
    ]
    assert lines[-1] == '  n4 -->|"2"| n5'


def test_stacks_add_up_to_the_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "net.yaml", "--format", "folded") == (
        "small;stem;conv 6912\nsmall;add;one;conv 1024\nsmall;dense 8\n"
    )
    for metric in ("macs", "params", "activations"):
        lines = printed(capsys, "zoo:mobilenet_v2", "--format", "folded", "--sort", metric).splitlines()
        whole = getattr(sepcalc.load("zoo:mobilenet_v2").cost, metric)
        assert sum(int(line.rpartition(" ")[2]) for line in lines) == whole


@pytest.mark.parametrize("name", ["mobilenet_v1", "resnet50", "unet", "densenet121"])
@pytest.mark.parametrize("form", ["dot", "mermaid"])
def test_every_block_is_drawn_and_reached(name: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each vertex but an input has an edge to it, each but an output one from it, and no edge goes backwards."""
    out = printed(capsys, f"zoo:{name}", "--format", form)
    arrow = r" -> " if form == "dot" else r' -->\|"[^"]*"\| '
    vertices = {int(at) for at in re.findall(r"^  n(\d+)[ (\[](?!-)", out, re.M)}
    edges = [(int(one), int(two)) for one, two in re.findall(rf"^  n(\d+){arrow}n(\d+)", out, re.M)]
    assert all(one < two for one, two in edges)
    assert {two for _, two in edges} == vertices - {0}
    assert {one for one, _ in edges} == vertices - {max(vertices)}


@pytest.mark.parametrize("form", GRAPHS)
def test_names_stay_text(form: str) -> None:
    """A model file may call its layers anything."""
    op = sepcalc.load("8x8x3, conv -k3 -o4").nodes[0].op
    node = Node(HOSTILE, op, (0,), (6, 6, 4), None, origin=Origin("Conv", node=HOSTILE))
    network = Network(HOSTILE, {HOSTILE: (8, 8, 3)}, [node], {HOSTILE: 1})
    out = render(NetworkReport(network), form)
    assert not re.search(r"^\s*::", out, re.M)
    assert out.isascii()
    if form == "dot":
        assert r'n1 [label="a\"b;c\\<img src=x>`#]\\n::error::\\x1b[31m\nconv\n' in out
    elif form == "mermaid":
        name = "a#34;b#59;c#92;#60;img src#61;x#62;#96;#35;]#92;n#58;#58;error#58;#58;#92;x1b[31m"
        assert f'  n0(["{name}<br>8x8x3"])\n  n1["{name}<br>conv<br>' in out
    elif form == "model-explorer":
        assert json.loads(out)["results"] == {HOSTILE: {"value": 3888}}
    else:
        name = 'a"b,c\\<img src=x>`#]\\n::error::\\x1b[31m'
        assert out == f"{name};{name} 3888\n"


def test_other_commands_refuse_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "8x8x3", "-k3", "-o4", "--format", "dot"]) == 2
    assert "'dot' is not one of 'table', 'json', 'csv', 'markdown', 'html'" in capsys.readouterr().err
