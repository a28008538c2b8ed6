"""The Python face: the words of DESIGN's section 6."""

import doctest
import inspect
import json
import pydoc
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sepcalc

ROOT = Path(__file__).parent.parent
MOBILENET = str(ROOT / "specs" / "mobilenet_v1.yaml")
NAMES = {
    "Baseline",
    "Comparison",
    "Cost",
    "Difference",
    "History",
    "InputError",
    "Layer",
    "Network",
    "OpenSpace",
    "Spec",
    "Timed",
    "Sweep",
    "Zoo",
    "baseline",
    "check",
    "compare",
    "convert",
    "diff",
    "from_torch",
    "factor",
    "fit",
    "history",
    "load",
    "parse",
    "reconcile",
    "time",
    "space",
    "sweep",
    "verify",
    "whatif",
    "zoo",
}
FUNCTIONS = sorted(name for name in NAMES if name.islower())
COSTS = ("macs", "mults", "adds", "compares", "divs", "specials", "params", "buffers", "activations")


def test_every_name_is_there_and_listed() -> None:
    assert set(sepcalc.__all__) == NAMES
    assert set(dir(sepcalc)) >= NAMES | {"__version__"}
    for name in NAMES:
        assert getattr(sepcalc, name).__doc__


def test_there_is_a_function_for_every_command_and_help_lists_them() -> None:
    """All commands but those that show a table of sepcalc's own."""
    from sepcalc.cli import COMMANDS

    beside = {"layer": "parse", "network": "load"}
    tables = {"kinds", "operators", "schema", "help"}
    assert {beside.get(name, name) for name in COMMANDS} - tables | {"from_torch", "space"} == set(FUNCTIONS)
    functions = pydoc.render_doc(sepcalc, renderer=pydoc.plaintext).partition("\nFUNCTIONS\n")[2]
    assert {*re.findall(r"^    ([a-z]\w*)\(", functions, re.MULTILINE)} == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_typed_and_tells_of_its_errors(name: str) -> None:
    function = getattr(sepcalc, name)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Parameter.empty
    assert all(one.annotation is not inspect.Parameter.empty for one in signature.parameters.values())
    assert "Raises InputError" in " ".join(inspect.getdoc(function).split())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_in_a_docstring_is_true(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    space: dict[str, Any] = {"sepcalc": sepcalc}
    if name == "from_torch":
        space["torch"] = pytest.importorskip("torch")
    if name == "time":
        pytest.importorskip("onnxruntime", reason="sepcalc time needs ONNX Runtime")
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(sepcalc, name), name, globs=space)
    assert example.examples
    assert not doctest.DocTestRunner().run(example).failed


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError) as caught:
        sepcalc.nonsense  # noqa: B018
    assert str(caught.value) == "module 'sepcalc' has no attribute 'nonsense'"
    assert not hasattr(sepcalc, "conv")


def test_everything_can_be_imported_by_name() -> None:
    space: dict[str, object] = {}
    exec(f"from sepcalc import {', '.join(sorted(NAMES))}", space)
    assert set(space) - {"__builtins__"} == NAMES
    exec("from sepcalc import *", space)
    assert callable(space["verify"])


def test_a_spec() -> None:
    spec = sepcalc.parse("12x12x3 conv -k5 -o256")
    assert isinstance(spec, sepcalc.Spec)
    assert str(spec) == "12x12x3 conv -k5 -o256"
    assert sepcalc.parse(str(spec)) == spec
    assert spec.output == (8, 8, 256)
    assert spec.cost == sepcalc.Cost(macs=1_228_800, mults=1_228_800, adds=1_212_416, params=19_200, activations=16_384)
    assert sepcalc.Cost._fields == COSTS
    assert spec.cost.flops == 1_228_800 + 1_212_416


def test_a_comparison() -> None:
    spec = sepcalc.parse("12x12x3 conv -k5 -o256")
    comparison = sepcalc.compare(spec)
    assert isinstance(comparison, sepcalc.Comparison)
    assert comparison["depthwise-separable"].cost.mults == 53_952
    assert [variant.name for variant in comparison] == ["normal", "spatial", "depthwise-separable"]
    assert [step.cost.mults for step in comparison["depthwise-separable"].steps] == [4_800, 49_152]
    assert sepcalc.compare("12x12x3 -k5 -o256 -m2")["depthwise-separable"].cost.params == 1_686
    assert list(sepcalc.compare("12x12x3 -k1 -o2").not_applicable) == ["spatial", "depthwise-separable"]
    with pytest.raises(KeyError):
        comparison["factorized"]


def test_a_network() -> None:
    network = sepcalc.load(MOBILENET)
    assert isinstance(network, sepcalc.Network)
    assert (network.cost.macs, network.cost.params) == (568_740_352, 4_231_976)
    first = network.layers[0]
    assert isinstance(first, sepcalc.Layer)
    assert (first.name, first.output, first.cost.macs) == ("conv", (112, 112, 32), 10_838_016)
    assert network["mobile[12]/pointwise"].cost.params == 1024 * 1024


def test_load_takes_what_a_network_argument_may_be() -> None:
    smaller = sepcalc.load(MOBILENET, width=0.5, input="160x160x3")
    assert smaller.cost.macs == 76_524_800
    assert sepcalc.load(MOBILENET, width="0.5", input=(160, 160, 3)).cost == smaller.cost
    assert sepcalc.load(Path(MOBILENET)).cost.macs == 568_740_352  # type: ignore[arg-type]
    assert sepcalc.load("8x8x3, conv -k3 -o4, act relu").cost.macs == 3_888
    assert sepcalc.load("8x8x3, conv -k3 -o4", input="9x9x3").cost.macs == 49 * 27 * 4


def test_a_verification() -> None:
    spec = sepcalc.parse("6x6x2 conv -k3 -o4")
    assert sepcalc.verify(spec).ok
    assert sepcalc.verify(spec, claimed=spec.cost).ok
    for name in COSTS:
        wrong = spec.cost._replace(**{name: getattr(spec.cost, name) + 1})
        assert not sepcalc.verify(spec, claimed=wrong).ok, name
    assert sepcalc.verify(sepcalc.load("8x8x3, conv -k3 -o4, act relu")).ok


@pytest.mark.parametrize(
    "call",
    [
        lambda: sepcalc.parse("12x12x3 conv -k5"),
        lambda: sepcalc.compare("12x12x3 pool max -k3"),
        lambda: sepcalc.load("nosuch.yaml"),
        lambda: sepcalc.load("8x8x3, conv -k9 -o4"),
        lambda: sepcalc.verify("12x12x3 conv -k50 -o2"),
    ],
)
def test_bad_input_is_an_input_error_with_its_problems(call: object) -> None:
    with pytest.raises(sepcalc.InputError) as caught:
        call()  # type: ignore[operator]
    assert isinstance(caught.value, ValueError)
    assert caught.value.problems
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)


# --- the gate --------------------------------------------------------------------------------------------------------

SMALL = "8x8x3, conv -k3 -o4"  # 36 positions x 4 x 27 = 3,888 macs, 108 params, 36 x 4 x 4 bytes written


def test_a_network_is_held_to_limits() -> None:
    outcome = sepcalc.check(SMALL, max={"macs": 3888, "params": "107", "traffic": "2KiB"})
    assert [(one.metric, one.limit, one.actual, one.passed) for one in outcome.verdicts] == [
        ("macs", 3888, 3888, True),
        ("params", 107, 108, False),
        ("traffic", 2048, 4 * (192 + 108 + 144), True),
    ]
    assert (outcome.passed, outcome.status, outcome.notes) == (False, "failed", ())
    assert sepcalc.check(sepcalc.load(SMALL), max={"macs": 3888}).passed


def test_a_network_is_held_to_its_own_budget_also_when_it_was_loaded(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text("input: 8x8x3\nbudget: {macs: 3887}\nlayers: [conv -k3 -o4]\n")
    for network in (file, str(file), sepcalc.load(file)):
        outcome = sepcalc.check(network)
        assert [(one.limit, one.actual, one.passed) for one in outcome.verdicts] == [(3887, 3888, False)]
        assert not outcome.passed
    file.write_text("input: 8x8x3\npublished: {macs: 3.9k, params: 1k}\nlayers: [conv -k3 -o4]\n")
    outcome = sepcalc.check(file, max={"macs": "4k"})
    assert ([one.passed for one in outcome.published], outcome.passed) == ([True, False], False)


def test_layers_are_held_by_glob() -> None:
    network = sepcalc.load("8x8x3, conv -k3 -o4, pointwise -o8")
    outcome = sepcalc.check(network, layers={"*": {"macs": 2000, "each": True}, "conv": {"params": 108}})
    assert [(one.scope, one.metric, one.passed) for one in outcome.verdicts] == [
        ("conv", "macs", False),
        ("pointwise", "macs", True),
        ("conv", "params", True),
    ]


def test_what_is_not_counted_does_not_pass() -> None:
    line = "8x8x3, uncounted secret --to 8x8x3"
    outcome = sepcalc.check(line, max={"params": 10})
    assert (outcome.passed, outcome.status, outcome.complete) == (False, "incomplete", False)
    assert sepcalc.check(line, max={"params": 10}, allow_uncounted=True).passed
    with pytest.raises(sepcalc.InputError, match="not counted: uncounted"):
        sepcalc.baseline(line)
    assert not sepcalc.baseline(line, allow_uncounted=True).complete
    assert not sepcalc.diff(line, line).passed


def test_a_network_is_held_to_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "input: 8x8x3\nparameters: {out: 4}\nlayers: ['conv -k3 -o{out}']\n"
    Path("net.yaml").write_text(text)
    kept = sepcalc.baseline("net.yaml", sepcalc.load("net.yaml", out=6))
    Path("kept").mkdir()
    kept.write("kept/baseline.json")
    assert [one["file"] for one in json.loads(Path("kept/baseline.json").read_text())["networks"]] == [
        "../net.yaml"
    ] * 2
    again = sepcalc.Baseline.read("kept/baseline.json")
    assert [one.snapshot for one in again.kept] == [one.snapshot for one in kept.kept]
    with pytest.raises(sepcalc.InputError, match="exists already"):
        kept.write("kept/baseline.json")
    kept.write("kept/baseline.json", force=True)
    Path("net.yaml").write_text(text.replace("4", "5"))  # a quarter more than 4, a sixth less than 6
    for past in (kept, again, "kept/baseline.json", Path("kept/baseline.json")):
        assert sepcalc.check("net.yaml", baseline=past, max_increase={"macs": "25%"}).passed
        assert not sepcalc.check("net.yaml", baseline=past, max_increase={"macs": "24%"}).passed
        assert sepcalc.check(sepcalc.load("net.yaml", out=6), baseline=past, max_increase="0%").passed
        with pytest.raises(sepcalc.InputError, match="is with no settings or 'out=6', not with 'out=7'"):
            sepcalc.check(sepcalc.load("net.yaml", out=7), baseline=past, max_increase="2%")


def test_a_network_that_no_file_has_is_kept_under_its_name() -> None:
    network = sepcalc.whatif(sepcalc.load("zoo:mobilenet_v1"), width=0.5).after
    kept = sepcalc.baseline(network)
    assert [one.file for one in kept.kept] == ["MobileNet V1"]
    assert sepcalc.check(network, baseline=kept, max_increase="0%").passed


def test_a_difference() -> None:
    found = sepcalc.diff(SMALL, sepcalc.load("8x8x3, conv -k3 -o8"), max_increase={"params": 108, "macs": "99%"})
    assert isinstance(found, sepcalc.Difference)
    assert [(one.metric, one.limit, one.actual, one.passed) for one in found.verdicts] == [
        ("params", 216, 216, True),
        ("macs", 7737, 7776, False),
    ]
    assert (found.passed, found.same, found.notes) == (False, False, [])
    assert sepcalc.diff(SMALL, SMALL, max_increase="0%").same


def test_a_network_is_converted() -> None:
    network = sepcalc.load("8x8x3, conv -k3 -o4, norm batch")
    assert sepcalc.convert(network) == sepcalc.convert("8x8x3, conv -k3 -o4, norm batch")
    assert sepcalc.convert(network, fold_norm=True).endswith("layers:\n  - conv -k3 -o4 --bias\n")


def test_the_zoo() -> None:
    found = sepcalc.zoo()
    assert [exhibit.name for exhibit in found] == sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))
    assert len(found) == len(found.exhibits)
    assert found["mobilenet_v1"].printed("params") == "4.2M"
    with pytest.raises(KeyError):
        found["nothing"]


REFUSED = [
    (lambda: sepcalc.check(SMALL), f"{SMALL}: no budget or baseline found"),
    (lambda: sepcalc.check(SMALL, max_increase="2%"), "max_increase needs baseline=, the numbers to compare with"),
    (lambda: sepcalc.check(SMALL, baseline="b.json"), "baseline= alone limits nothing"),
    (lambda: sepcalc.check(SMALL, max={"mac": 1}), "max mac: unknown metric 'mac'"),
    (lambda: sepcalc.check(SMALL, max={"macs": "1,5M"}), "max macs: '1,5M'"),
    (lambda: sepcalc.check(SMALL, layers={"x": {"macs": 1}}), "no layer matches 'x': its budget is empty"),
    (lambda: sepcalc.check(SMALL, layers={}), "layers: layers needs globs, each with limits"),
    (lambda: sepcalc.check(SMALL, max={"macs": 1}, max_increase="2", baseline="b"), "max_increase: '2' is not a perc"),
    (lambda: sepcalc.check(SMALL, max_increase="2%", baseline="nosuch.json"), "nosuch.json: there is no such file"),
    (lambda: sepcalc.diff("q1.yaml", "q2.yaml"), "q1.yaml: there is no such file\nq2.yaml: there is no such file"),
    (lambda: sepcalc.diff(SMALL, SMALL, max_increase={"macs": "x%"}), "max_increase macs: 'x%' is not a percentage"),
    (lambda: sepcalc.diff("-", SMALL), "there is no standard input here"),
    (lambda: sepcalc.baseline(), "there is no network to keep"),
    (lambda: sepcalc.convert("nosuch.yaml"), "nosuch.yaml: there is no such file"),
]


@pytest.mark.parametrize(("call", "said"), REFUSED, ids=[said[:40] for _, said in REFUSED])
def test_what_a_gate_cannot_take_is_refused(call: Any, said: str) -> None:
    with pytest.raises(sepcalc.InputError) as caught:
        call()
    assert str(caught.value).startswith(said)


NET = "input: 8x8x3\nlayers: [conv -k3 -o8, act relu]\n"  # 36 positions, 27 macs for each of 8 channels: 7,776


@pytest.mark.parametrize("how", ["text", "path", "network", "document", "line"])
def test_a_network_is_taken_in_every_form(how: str, tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(NET)
    net = sepcalc.load(file)
    forms: dict[str, Any] = {
        "text": str(file),
        "path": file,
        "network": net,
        "document": net.document,
        "line": "8x8x3, conv -k3 -o8",
    }
    given = forms[how]
    assert sepcalc.whatif(given, "*=depthwise-separable").after.macs == 36 * (3 * 9 + 3 * 8)
    assert sepcalc.fit(given, {"macs": 7_776}).network is not None
    assert sepcalc.verify(given).executed.macs == 7_776
    assert sepcalc.check(given, max={"macs": 7_776}).passed
    assert sepcalc.diff(given, net).new.totals["macs"] == 7_776
    assert sepcalc.baseline(given).kept[0].snapshot.totals["macs"] == 7_776
    assert "conv -k3 -o8" in sepcalc.convert(given)


@pytest.mark.parametrize("ask", [sepcalc.whatif, sepcalc.verify, sepcalc.convert, sepcalc.check])
def test_a_file_that_is_not_there_is_bad_input(ask: Callable[[str], object]) -> None:
    with pytest.raises(sepcalc.InputError) as caught:
        ask("no-such/net.yaml")
    assert str(caught.value) == "no-such/net.yaml: there is no such file"


def test_a_layer_by_the_end_of_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    net = sepcalc.load(MOBILENET)
    assert net["mobile[1]/depthwise"].name == "mobile[1]/depthwise"
    with pytest.raises(KeyError, match=r"13 layers end with 'depthwise': mobile\[0\]/depthwise, "):
        net["depthwise"]
    with pytest.raises(KeyError, match="there is no layer 'wise'"):
        net["wise"]
    small = sepcalc.load("8x8x3, conv -k3 -o4")
    small.summary()
    assert capsys.readouterr().out == f"{small}\n"


def test_the_one_layer_that_ends_so(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(
        "input: 8x8x3\nlayers:\n- name: stem\n  layers: [conv -k3 -o4, act relu]\n"
        "- {name: conv, conv: {kernel: 3, out: 4}}\n"
    )
    net = sepcalc.load(tmp_path / "net.yaml")
    assert net["act"].name == "stem/act"
    assert net["conv"].name == "conv"  # the whole name goes before the end of another's
