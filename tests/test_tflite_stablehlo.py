"""StableHLO's operators in TFLite files: their counts, worked out by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tflite_files import G, Op, T, numbers, saved, stored

from sepcalc import load
from sepcalc.cost import Cost
from sepcalc.importers.tflite.operators import OPERATORS
from sepcalc.importers.tflite.schema import NAMES

X = T((1, 6))
CONV = {
    "stride": [2, 2],
    "padding": [0, 1, 0, 1],
    "image_dilation": [1, 1],
    "dilation": [1, 1],
    "image_batch": 0,
    "image_channels": 1,
    "image_sides": [2, 3],
    "kernel_ins": 1,
    "kernel_outs": 0,
    "kernel_sides": [2, 3],
    "out_batch": 0,
    "out_channels": 1,
    "out_sides": [2, 3],
    "groups": 1,
    "batch_groups": 1,
}
CASES: dict[str, tuple[tuple[T, ...], T, Mapping[str, Any], Cost]] = {
    "ADD": ((X, X), X, {}, Cost(adds=6, activations=6)),
    "SUBTRACT": ((X, stored(1, 6)), X, {}, Cost(adds=6, params=6, activations=6)),
    "MULTIPLY": ((X, X), X, {}, Cost(mults=6, activations=6)),
    "DIVIDE": ((X, X), X, {}, Cost(divs=6, activations=6)),
    "MAXIMUM": ((X, X), X, {}, Cost(compares=6, activations=6)),
    "LOGISTIC": ((X,), X, {}, Cost(adds=6, divs=6, specials=6, activations=6)),
    "RSQRT": ((X,), X, {}, Cost(divs=6, specials=6, activations=6)),
    "CBRT": ((X,), X, {}, Cost(specials=6, activations=6)),
    "COMPARE": ((X, X), T((1, 6), kind="bool"), {}, Cost(compares=6, activations=6)),
    "CLAMP": (
        (numbers(0, shape=(), kind="float32"), X, numbers(6, shape=(), kind="float32")),
        X,
        {},
        Cost(compares=12, activations=6),
    ),
    "RESHAPE": ((X,), T((2, 3)), {}, Cost()),
    "TRANSPOSE": ((T((1, 4, 6)),), T((1, 6, 4)), {"order": [0, 2, 1]}, Cost()),
    "BROADCAST_IN_DIM": ((X,), T((4, 6)), {}, Cost(activations=24)),
    "CONCATENATE": ((X, X), T((1, 12)), {"axis": 1}, Cost(activations=12)),
    "SLICE": (
        (T((1, 4, 6)),),
        T((1, 2, 3)),
        {"start": [0, 1, 0], "limit": [1, 3, 6], "step": [1, 1, 2]},
        Cost(activations=6),
    ),
    # 2 x (5x6 by 6x7)
    "DOT_GENERAL": (
        (T((2, 5, 6)), T((2, 7, 6))),
        T((2, 5, 7)),
        {"left_batch": [0], "right_batch": [0], "left_summed": [2], "right_summed": [2]},
        Cost(macs=420, mults=420, adds=350, activations=70),
    ),
    # an image and a kernel with channels first: 4x4x5 outputs of 3·9 products
    "CONVOLUTION": (
        (T((1, 3, 8, 8)), stored(5, 3, 3, 3)),
        T((1, 5, 4, 4)),
        CONV,
        Cost(macs=80 * 27, mults=80 * 27, adds=80 * 26, params=135, activations=80),
    ),
}


def graph(name: str) -> G:
    reads, gives, options, _ = CASES[name]
    tensors = {f"t{at}": one for at, one in enumerate(reads)}
    given = " ".join(key for key, one in tensors.items() if one.data is None)
    return G([Op(f"STABLEHLO_{name}", " ".join(tensors), "y", options)], {**tensors, "y": gives}, given)


@pytest.mark.parametrize("name", CASES)
def test_an_operator_has_its_counts(name: str, tmp_path: Path) -> None:
    network = load(saved(tmp_path, graph(name)), batch=1)
    assert network.cost._asdict() == CASES[name][3]._asdict()
    assert network.complete


def test_a_composite_is_the_graph_that_it_is_made_of(tmp_path: Path) -> None:
    main = G([Op("STABLEHLO_COMPOSITE", "x", "y", {"name": "odml.dense", "subgraph": 1})], {"x": X, "y": T((1, 4))})
    inner = G([Op("FULLY_CONNECTED", "x w -", "y")], {"x": X, "w": stored(4, 6), "y": T((1, 4))})
    network = load(saved(tmp_path, main, inner))
    assert (network.macs, network.params, network.complete) == (24, 24, True)


def test_each_operator_is_counted_or_listed_with_its_reason(tmp_path: Path) -> None:
    names = [name for name in NAMES if name.startswith("STABLEHLO") or name in ("DILATE", "REDUCE_WINDOW")]
    assert [name for name in names if name not in OPERATORS] == []
    path = saved(tmp_path, G([Op("STABLEHLO_REDUCE", "x z", "y")], {"x": X, "z": stored(1), "y": T((1,))}))
    (gap,) = load(path).uncounted
    assert gap.reason == "the function that it combines elements with is a graph of its own"
