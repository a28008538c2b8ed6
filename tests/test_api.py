"""The Python face: the words of DESIGN's section 6."""

from pathlib import Path

import pytest

import sepcalc

ROOT = Path(__file__).parent.parent
MOBILENET = str(ROOT / "specs" / "mobilenet_v1.yaml")
NAMES = {
    "Comparison",
    "Cost",
    "InputError",
    "Layer",
    "Network",
    "Spec",
    "compare",
    "from_torch",
    "factor",
    "fit",
    "load",
    "parse",
    "verify",
    "whatif",
}
COSTS = ("macs", "mults", "adds", "compares", "divs", "specials", "params", "buffers", "activations")


def test_every_name_is_there_and_listed() -> None:
    assert set(sepcalc.__all__) == NAMES
    assert set(dir(sepcalc)) >= NAMES | {"__version__"}
    for name in NAMES:
        assert getattr(sepcalc, name).__doc__


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
