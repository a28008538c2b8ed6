"""What results show: printed as their commands print them, and as JSON and CSV, from which they can be drawn."""

import ast
import csv
import io
import json
import pydoc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import fitting_specs
from hypothesis import given

import sepcalc
from sepcalc.cli import run
from sepcalc.network import of_spec
from sepcalc.reports.layers import records, whole
from sepcalc.spec import Spec, parse

ROOT = Path(__file__).parent.parent
LINE = "12x12x3, conv -k3 -o4, act relu, pool avg global, dense -o3"


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a command prints, in the repository."""
    monkeypatch.chdir(ROOT)

    def out(*args: str) -> str:
        assert run(args) in (0, 1)
        return capsys.readouterr().out

    return out


# --- print -----------------------------------------------------------------------------------------------------------

RESULTS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "a line": (lambda: sepcalc.load(LINE), ["network", LINE]),
    "a file with a budget": (
        lambda: sepcalc.load("specs/mobilenet_v1.yaml"),
        ["network", "specs/mobilenet_v1.yaml"],
    ),
    "another width": (
        lambda: sepcalc.load("zoo:mobilenet_v1", width=0.5),
        ["network", "zoo:mobilenet_v1", "--set", "width=0.5"],
    ),
    "with notes": (lambda: sepcalc.load("3x224x224, act relu"), ["network", "3x224x224, act relu"]),
    "a comparison": (lambda: sepcalc.compare("12x12x3 -k5 -o256 -m2"), ["compare", "12x12x3 -k5 -o256 -m2"]),
    "variants": (
        lambda: sepcalc.compare("9x9x3 -k3 -o4", ["all"]),
        ["compare", "9x9x3", "-k3", "-o4", "--variant", "all"],
    ),
    "a kernel": (lambda: sepcalc.factor("sobel-x"), ["factor", "sobel-x"]),
    "rules": (
        lambda: sepcalc.whatif(sepcalc.load(LINE), "conv=spatial", width=2),
        ["whatif", LINE, "--rewrite", "conv=spatial", "--width", "2"],
    ),
    "a width that fits": (
        lambda: sepcalc.fit(sepcalc.load(LINE), {"macs": 6000}, ["resolution"]),
        ["fit", LINE, "--max", "macs=6000", "--by", "resolution"],
    ),
    "none fits": (
        lambda: sepcalc.fit(sepcalc.load(LINE), {"params": 1}, ["resolution"]),
        ["fit", LINE, "--max", "params=1", "--by", "resolution"],
    ),
    "it fits": (lambda: sepcalc.fit(sepcalc.load(LINE), {"macs": 10**9}), ["fit", LINE, "--max", "macs=1G"]),
    "a check": (
        lambda: sepcalc.check("specs/mobilenet_v1.yaml", max={"params": "4M"}),
        ["check", "specs/mobilenet_v1.yaml", "--max", "params=4M"],
    ),
    "a difference": (
        lambda: sepcalc.diff("specs/conv_mobilenet.yaml", "specs/mobilenet_v1.yaml", max_increase="2%"),
        ["diff", "specs/conv_mobilenet.yaml", "specs/mobilenet_v1.yaml", "--max-increase", "2%"],
    ),
    "a baseline": (lambda: sepcalc.baseline(LINE), ["baseline", LINE]),
    "a sweep": (lambda: sepcalc.sweep(LINE, {"input": "6x6x3,8x8x3"}), ["sweep", LINE, "--vary", "input=6x6x3,8x8x3"]),
    "other counters": (lambda: sepcalc.reconcile(LINE), ["reconcile", LINE]),
    "the zoo": (sepcalc.zoo, ["zoo"]),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_prints_as_its_command_shows_it(name: str, shown: Callable[..., str]) -> None:
    result, command = RESULTS[name]
    assert f"{result()}\n" == shown(*command)


@pytest.mark.parametrize("target", ["6x6x2 conv -k3 -o4", "8x8x3, conv -k3 -o4, act relu"])
@pytest.mark.parametrize("sample", [None, 2])
def test_a_verification_prints_as_verify_shows_it(target: str, sample: int | None, shown: Callable[..., str]) -> None:
    given = sepcalc.load(target) if "," in target else target
    asked = [] if sample is None else ["--sample", str(sample)]
    timeless = re.compile(r"in [0-9.]+ s \(.*? a second\)")
    printed = timeless.sub("", f"{sepcalc.verify(given, sample=sample)}\n")
    assert printed == timeless.sub("", shown("verify", target, *asked))


def test_a_layer_and_a_variant_print_as_layer_shows_them(shown: Callable[..., str]) -> None:
    layer = str(sepcalc.load("zoo:mobilenet_v1")["mobile[0]/depthwise"])
    assert layer.startswith("mobile[0]/depthwise -> 112x112x32   (depthwise)\n")
    command = shown("layer", "112x112x32 depthwise -k3 -p same")
    assert layer.partition("\n")[2] + "\n" == command.partition("\n")[2]
    variant = str(sepcalc.compare("12x12x3 -k5 -o256")["depthwise-separable"])
    assert variant.partition("\n")[2] + "\n" == shown("layer", "12x12x3 separable -k5 -o256").partition("\n")[2]


# --- help ------------------------------------------------------------------------------------------------------------


def test_help_lists_every_function() -> None:
    listed = pydoc.render_doc(sepcalc, renderer=pydoc.plaintext)
    for name in sepcalc.__all__:
        assert re.search(rf"^ +(class )?{name}\(", listed, re.MULTILINE), name


def test_the_examples_of_the_help_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    rows = re.findall(r"^(\w+)\(.*?:  +(.+)$", sepcalc.__doc__ or "", re.MULTILINE)
    assert {name for name, _ in rows} == {name for name in sepcalc.__all__ if name.islower()}
    space = {name: getattr(sepcalc, name) for name in sepcalc.__all__}
    space |= {"spec": sepcalc.parse("12x12x3 conv -k5 -o256"), "net": sepcalc.load("zoo:mobilenet_v1")}
    for name, example in rows:
        if name not in ("from_torch", "fit", "time"):  # which need an extra
            assert eval(example, space) is not None, name


@pytest.mark.parametrize("path", sorted((ROOT / "sepcalc").rglob("*.py")), ids=lambda path: path.stem)
def test_no_docstring_cites_a_file_that_is_not_there(path: Path) -> None:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    text = path.read_text("utf-8")
    docs = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)]
    comments = re.findall(r"#.*", text)
    for cited in re.findall(r"[\w./-]*\w\.(?:md|rst|txt)\b", "\n".join([*docs, *comments])):
        assert (ROOT / cited).exists(), cited


# --- JSON and CSV ----------------------------------------------------------------------------------------------------


def test_totals_of_json_have_what_the_table_has(shown: Callable[..., str]) -> None:
    totals = json.loads(shown("network", "zoo:mobilenet_v1", "--format", "json"))["totals"]
    assert list(totals)[-2:] == ["flops", "effective_macs"]
    assert totals["flops"] == totals["mults"] + totals["adds"] + totals["divs"] == 1_142_573_568
    assert totals["effective_macs"] == 567_875_744
    table = shown("network", "zoo:mobilenet_v1")
    assert "1,142,573,568  mults + adds + divs" in table
    assert "567,875,744  99.85 % of macs meet input" in table


LAYERS = """\
inputs: {image: 8x8x3, mask: 8x8x1}
layers:
  - conv -k3 -o4 -p same --bias
  - residual: [depthwise -k3 -p same, act relu6]
  - concat: []
    from: [residual/add, mask]
  - transposed -k2 -s2 -o2
  - pool avg global
  - dense -o5
"""


def test_a_graph_can_be_drawn_from_json(shown: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(LAYERS)
    document = json.loads(shown("network", str(tmp_path / "net.yaml"), "--format", "json"))
    rows = document["layers"]
    assert [(row["name"], row["sources"]) for row in rows] == [
        ("conv", ["image"]),
        ("residual/depthwise", ["conv"]),
        ("residual/act", ["residual/depthwise"]),
        ("residual/add", ["residual/act", "conv"]),
        ("concat", ["residual/add", "mask"]),
        ("transposed", ["concat"]),
        ("pool", ["transposed"]),
        ("dense", ["pool"]),
    ]
    assert [row["spec"] for row in rows] == [
        "8x8x3 conv -k3 -o4 -psame --bias",
        "8x8x4 depthwise -k3 -psame",
        "8x8x4 act relu6",
        "8x8x4 8x8x4 add",
        "8x8x4 8x8x1 concat",
        "8x8x5 transposed -k2 -o2 -s2",
        "16x16x2 pool avg global",
        "2 dense -o5",
    ]
    shapes = {**document["inputs"], **{row["name"]: row["output"] for row in rows}}
    for row in rows:
        assert [shapes[source] for source in row["sources"]] == row["inputs"]
        read = sepcalc.parse(row["spec"])
        assert list(read.output) == row["output"]
        assert read.cost._asdict() == {name: row[name] for name in read.cost._fields}


def test_csv_joins_lists_by_spaces(shown: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(LAYERS)
    rows = list(csv.DictReader(io.StringIO(shown("network", str(tmp_path / "net.yaml"), "--format", "csv"))))
    assert list(rows[0])[-5:] == ["weights", "spec", "sources", "origin", "element_bits"]
    assert (rows[4]["spec"], rows[4]["sources"]) == ("8x8x4 8x8x1 concat", "residual/add mask")
    rows = list(csv.DictReader(io.StringIO(shown("compare", "12x12x3 -k5 -o256 -m2 --bias", "--format", "csv"))))
    whole = {row["name"]: row["spec"] for row in rows if "/" not in row["name"]}
    assert whole == {
        "normal": "12x12x3 conv -k5 -o256 --bias",
        "spatial": "12x12x3 spatial -k5 -o256 --bias",
        "depthwise-separable": "12x12x3 separable -k5 -o256 -m2 --bias",
    }
    assert {row["name"]: row["sources"] for row in rows}["spatial/conv 1x5"] == "spatial/shuffle"


def test_compare_has_its_spec_in_json(shown: Callable[..., str]) -> None:
    document = json.loads(shown("compare", "12x12x3", "-k5", "-o256", "--format", "json"))
    assert list(document)[-2:] == ["spec", "notes"]
    assert document["spec"] == "12x12x3 conv -k5 -o256"
    steps: list[dict[str, Any]] = [step for variant in document["variants"] for step in variant["steps"]]
    assert [step["sources"] for step in steps] == [
        ["input"], ["input"], ["conv 5x1"], ["shuffle"], ["input"], ["depthwise"],
    ]  # fmt: skip
    document = json.loads(shown("layer", "12x12x3 separable -k5 -o256", "--format", "json"))
    assert (document["spec"], document["sources"]) == ("12x12x3 separable -k5 -o256", ["input"])
    assert [step["spec"] for step in document["steps"]] == ["12x12x3 depthwise -k5", "8x8x3 pointwise -o256"]


@given(fitting_specs())
def test_a_line_parses_back_to_its_layer(spec: Spec) -> None:
    network = of_spec(spec)
    for row, node in zip(records(network), network.nodes, strict=True):
        line = row["spec"]
        if line is None:  # no kind of the language
            assert len(network.nodes) > 1 or "constant" in str(spec) or "token" in str(spec), str(spec)
            continue
        again = parse(line)
        (link,) = again.links
        assert (again.inputs, again.output) == (row["inputs"], row["output"])
        assert link.op.cost(again.inputs, again.output) == node.op.cost(row["inputs"], row["output"])
    assert whole(network)["sources"] == tuple(network.inputs)


def test_what_has_no_line_is_null() -> None:
    from sepcalc.layer import Node
    from sepcalc.network import Network
    from sepcalc.ops.base import Uncounted
    from sepcalc.ops.elementwise import Activation

    strange = Node("strange", Uncounted("com.acme Strange", "unknown", (4, 4)), (0,), (4, 4))
    deep = Network("deep", {"input": (1, 2, 2, 2, 3)}, [Node("act", Activation("relu"), (0,), (1, 2, 2, 2, 3))])
    assert next(records(Network("n", {"input": (4, 4)}, [strange])))["spec"] is None
    assert next(records(deep))["spec"] is None  # a spec has three spatial axes at most
