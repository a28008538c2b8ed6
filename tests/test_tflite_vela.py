"""The macs of every layer beside those of Vela, Arm's compiler for TFLite files. Its table is kept as numbers; see
tests/data/tflite/README.md."""

import json
from pathlib import Path

import pytest

from sepcalc import load

DATA = Path(__file__).parent / "data" / "tflite"
VELA = json.loads((DATA / "vela.json").read_text())["files"]
KERNELS = ("conv", "depthwise", "pointwise", "dense")


@pytest.mark.parametrize("name", VELA)
def test_each_layer_has_velas_macs(name: str) -> None:
    network = load(DATA / name)
    vela = [macs for operator, macs in VELA[name] if operator != "Mean"]
    assert [layer.cost.macs for layer in network.layers if layer.kind in KERNELS] == vela


@pytest.mark.parametrize("name", VELA)
def test_the_totals_differ_by_the_means_that_vela_runs_as_depthwise(name: str) -> None:
    """A mean over an image sums all of its elements, and has no macs here: Vela runs it as a depthwise convolution with
    a mac for each element, 50,176 for 7x7x1024."""
    network = load(DATA / name)
    pools = [layer for layer in network.layers if layer.kind == "pool" and "avg" in layer.detail]
    means = [layer.cost.mults + layer.cost.adds for layer in pools]
    assert [macs for operator, macs in VELA[name] if operator == "Mean"] == means
    assert sum(macs for _, macs in VELA[name]) == network.macs + sum(means)
