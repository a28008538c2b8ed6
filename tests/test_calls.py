"""First guesses in Python: calls that do not fit, and attributes that are not there, are answered by what was meant.
Every call that is suggested is run here."""

import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sepcalc
from sepcalc.extras import install

NET = "input: 8x8x3\nparameters: {width: 1.0}\nlayers: [conv -k3 -o8, pool avg global, dense -o10]\n"
CALLS = [
    ('compare("12x12x3", kernel=5, out=256)', "compare('12x12x3 conv -k5 -o256')"),
    ('compare("12x12x3", k=5, o=256)', "compare('12x12x3 conv -k5 -o256')"),
    ("compare((12, 12, 3), 5, 256)", "compare('12x12x3 conv -k5 -o256')"),
    ('compare("12x12x3 -k5 -o256", variant="spatial")', "compare('12x12x3 -k5 -o256', variants=['spatial'])"),
    (
        'compare("12x12x3 -k5 -o256", variants="separable")',
        "compare('12x12x3 -k5 -o256', variants=['depthwise-separable'])",
    ),
    ('compare("zoo:mobilenet_v1")', "load('zoo:mobilenet_v1')"),
    ('parse("12x12x3", "conv", kernel_size=5, filters=8)', "parse('12x12x3 conv -k5 -o8')"),
    ('load(["net.yaml"])', "load('net.yaml')"),
    ('load("net.yaml", input_shape=(16, 16, 3))', "load('net.yaml', input=(16, 16, 3))"),
    ('zoo("mobilenet_v1")', "load('zoo:mobilenet_v1')"),
    ('check("net.yaml", max="macs=1M")', "check('net.yaml', max={'macs': '1M'})"),
    ('check("net.yaml", max=["macs=1M", "params=1k"])', "check('net.yaml', max={'macs': '1M', 'params': '1k'})"),
    ('check("net.yaml", {"parameters": 1000})', "check('net.yaml', max={'params': 1000})"),
    ('check("net.yaml", macs="1M")', "check('net.yaml', max={'macs': '1M'})"),
    ('check("net.yaml", budget={"macs": "1M"})', "check('net.yaml', max={'macs': '1M'})"),
    ('check("net.yaml", max={"memory": "1MiB"}, why=True)', "check('net.yaml', max={'peak-memory': '1MiB'}, why=True)"),
    ('fit(net, "macs=3k")', "fit(sepcalc.load('net.yaml'), {'macs': 3000})"),
    ("fit(net, macs=3000)", "fit(sepcalc.load('net.yaml'), {'macs': 3000})"),
    ('fit("net.yaml", {"macs": "50%"})', "fit('net.yaml', {'macs': 3928})"),
    ('whatif("net.yaml", "separable")', "whatif('net.yaml', '*=depthwise-separable')"),
    ('whatif(net, {"conv": "separable"})', "whatif(sepcalc.load('net.yaml'), 'conv=depthwise-separable')"),
    ('whatif(net, rewrite="*=spatial")', "whatif(sepcalc.load('net.yaml'), '*=spatial')"),
    ('baseline(["net.yaml"])', "baseline('net.yaml')"),
]
TORCH = [
    ("from_torch(module, (1, 3, 224, 224))", "from_torch(module, torch.ones(1, 3, 224, 224))"),
    ("from_torch(module, (3, 32, 32))", "from_torch(module, torch.ones(1, 3, 32, 32))"),
    ("from_torch(module, 1, 3, 32, 32)", "from_torch(module, torch.ones(1, 3, 32, 32))"),
    ("from_torch(module, input_size=(1, 3, 32, 32))", "from_torch(module, torch.ones(1, 3, 32, 32))"),
    ('from_torch(module, "3x32x32")', "from_torch(module, '32x32x3')"),
    ("from_torch(module)", "from_torch(module, '224x224x3')"),
    ("load(module)", "from_torch(module, '224x224x3')"),
]


def answered(call: str, expected: str, space: dict[str, Any]) -> None:
    with pytest.raises((TypeError, sepcalc.InputError)) as caught:
        eval(f"sepcalc.{call}", space)
    assert re.findall("^  hint: (.*)$", str(caught.value), re.MULTILINE) == [f"sepcalc.{expected}"]
    assert eval(f"sepcalc.{expected}", space) is not None


@pytest.fixture
def space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(NET, "utf-8")
    return {"sepcalc": sepcalc, "net": sepcalc.load("net.yaml")}


@pytest.mark.parametrize(("call", "expected"), CALLS, ids=[call for call, _ in CALLS])
def test_a_call_that_does_not_fit(call: str, expected: str, space: dict[str, Any]) -> None:
    answered(call, expected, space)


@pytest.mark.parametrize(("call", "expected"), TORCH, ids=[call for call, _ in TORCH])
def test_a_call_with_a_module_that_does_not_fit(call: str, expected: str, space: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    answered(call, expected, {**space, "torch": torch, "module": torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3))})


EXAMPLES = ["load(None)", "load(3)", "compare(net)", "parse(5)", "diff('net.yaml')", "convert(net, output='a.yaml')"]


@pytest.mark.parametrize("call", [*EXAMPLES, "verify(5)", "verify('8x8x3 -k3 -o4', claimed=5)", "zoo(3)"])
def test_a_call_that_nobody_knows_gets_an_example(call: str, space: dict[str, Any]) -> None:
    name = call.partition("(")[0]
    with pytest.raises(TypeError) as caught:
        eval(f"sepcalc.{call}", space)
    first, hint = str(caught.value).split("\n")
    assert first.startswith((f"sepcalc.{name}(): ", f"sepcalc.{name}() does not take such arguments: it takes "))
    assert re.fullmatch(rf"  hint: for example .*sepcalc\.{name}\(.*", hint)


ATTRIBUTES = [
    ("net.layers[0].macs", "a Layer has no 'macs': its counts are in cost: .cost.macs"),
    ("net.mults", "a Network has no 'mults': its counts are in cost: .cost.mults"),
    ("net.totals", "a Network has no 'totals': did you mean .cost?"),
    ("net.input", "a Network has no 'input': did you mean .inputs?"),
    ("net.report()", "a Network has no 'report': print() shows it"),
    ("net.to_json()", "a Network has no 'to_json': the commands write JSON: sepcalc network FILE --format json"),
    ("sepcalc.parse('8x8x3 -k3 -o4').params", "a Spec has no 'params': its counts are in cost: .cost.params"),
    ("sepcalc.parse('8x8x3 -k3 -o4').output_shape", "a Spec has no 'output_shape': did you mean .output?"),
    (
        "sepcalc.compare('8x8x3 -k3 -o4').best",
        "a Comparison has no 'best': min(comparison, key=lambda one: one.cost.mults) is the cheapest",
    ),
    ("sepcalc.compare('8x8x3 -k3 -o4').specs", "a Comparison has no 'specs': did you mean .spec?"),
    ("sepcalc.zoo().names", "a Zoo has no 'names': it has exhibits, passed"),
    ("sepcalc.verify('8x8x3 -k3 -o4').passed", "a Verification has no 'passed': did you mean .ok?"),
    ("net.cost.mac", "a Cost has no 'mac': did you mean .macs?"),
    ("sepcalc.count", "module 'sepcalc' has no attribute 'count'; did you mean sepcalc.load?"),
    ("sepcalc.from_onnx", "module 'sepcalc' has no attribute 'from_onnx'; did you mean sepcalc.load?"),
    ("sepcalc.optimize", "module 'sepcalc' has no attribute 'optimize'; did you mean sepcalc.fit?"),
]
KEYS = [
    ("net['conv1']", "there is no layer 'conv1': did you mean conv?"),
    ("net[0]", "a layer goes by its name, not by 0: 'conv', 'pool', 'dense' …"),
    ("net[:2]", "a layer goes by its name, not by slice(None, 2, None): 'conv', 'pool', 'dense' …"),
    (
        "sepcalc.compare('8x8x3 -k3 -o4', ['normal'])[[0]]",
        "a variant goes by its name, not by [0]: 'normal' …",
    ),
    (
        "sepcalc.compare('8x8x3 -k3 -o4')['separable']",
        "there is no variant 'separable': did you mean depthwise-separable?",
    ),
    ("sepcalc.zoo()['mobilenet-v1']", "there is no network 'mobilenet-v1': did you mean mobilenet_v1?"),
]


@pytest.mark.parametrize(("text", "expected"), [*ATTRIBUTES, *KEYS], ids=[text for text, _ in (*ATTRIBUTES, *KEYS)])
def test_what_a_result_does_not_have(text: str, expected: str, space: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError)) as caught:
        eval(text, space)
    assert (str(caught.value) if isinstance(caught.value, AttributeError) else caught.value.args[0]) == expected


def test_an_import_looks_for_no_foreign_words() -> None:
    program = "import sys; from sepcalc import quantity, load; print('sepcalc.foreign' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False\n"


def test_a_function_goes_through_pickle() -> None:
    assert pickle.loads(pickle.dumps(sepcalc.load)) is sepcalc.load
    assert sepcalc.load.__module__ == "sepcalc"


def test_a_bug_within_stays_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from sepcalc import source

    def failing(*_: object) -> None:
        raise TypeError("from within")

    monkeypatch.setattr(source, "read", failing)
    with pytest.raises(TypeError) as caught:
        sepcalc.load("net.yaml")
    assert str(caught.value.__cause__) == "from within"


def test_a_missing_package_keeps_its_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    network = sepcalc.load("8x8x3, conv -k3 -o4, conv -k3 -o8")
    with pytest.raises(sepcalc.InputError) as caught:
        sepcalc.fit(network, {"macs": 1000}, "separate")
    assert str(caught.value) == f"fit --by separate needs SciPy, which is not installed\n  hint: {install('fit')}"
