"""Batch norms as part of the convolutions before them: which can be, what is left, and what is said."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers import Row, chain, network
from hypothesis import given
from hypothesis import strategies as st

from sepcalc import load, verify
from sepcalc.cli import run
from sepcalc.cost import Cost
from sepcalc.network import Network

ROOT = Path(__file__).parent.parent
MOBILENET = str(ROOT / "specs" / "mobilenet_v1.yaml")


def kinds(net: Network) -> list[tuple[str, str]]:
    return [(layer.name, layer.kind) for layer in net.layers]


def stays(count: int, reason: str, names: str) -> str:
    return f"{'1 batch norm stays' if count == 1 else f'{count} batch norms stay'}, as {reason}: {names}."


FOLDED = "1 batch norm is folded into convolutions: their params are kernels and a bias for each output."
NO_CONVOLUTION = "what is read is not a convolution's output"
READ = "something else reads the convolution's output too"
SHARED = "the convolution shares weights with a layer that has not the same norm"


@pytest.mark.parametrize(
    ("text", "params", "adds"),
    [
        ("conv -k3 -o5", 5 * 36 + 5, 6 * 6 * 5 * 36),  # 36 products: 35 additions, and the bias
        ("conv -k3 -o5 --bias", 5 * 36 + 5, 6 * 6 * 5 * 36),
        ("depthwise -k3", 4 * 9 + 4, 6 * 6 * 4 * 9),
        ("pointwise -o5", 5 * 4 + 5, 8 * 8 * 5 * 4),
        ("dense -o5", 5 * 4 + 5, 8 * 8 * 5 * 4),
        ("transposed -k2 -s2 -o5", 4 * 20 + 5, 8 * 8 * 4 * 20 - 5 * 16 * 16 + 16 * 16 * 5),
    ],
)
def test_what_is_left_is_the_convolution_with_a_bias(text: str, params: int, adds: int) -> None:
    net = chain((8, 8, 4), text, "norm batch", "act relu", names=["a", "b", "c"])
    folded = net.fold_norm()
    assert [layer.name for layer in folded.layers] == ["a", "c"]
    cost = folded["a"].cost
    assert (cost.params, cost.buffers, cost.adds) == (params, 0, adds)
    assert (cost.macs, cost.mults) == (net["a"].cost.macs, net["a"].cost.macs)
    assert folded["c"] == net["c"]
    assert folded.outputs == net.outputs
    assert folded.notes == (FOLDED,)
    assert verify(folded).ok


def test_the_folded_convolution_computes_the_same() -> None:
    """As the paper has it: kernels times s, and shift - mean·s for a bias."""
    rng = np.random.default_rng(0)
    x, kernels = rng.normal(size=(7, 4)), rng.normal(size=(4, 5))
    gain, shift, mean, deviation = rng.normal(size=(4, 5))
    s = gain / deviation
    normed = (x @ kernels - mean) / deviation * gain + shift
    np.testing.assert_allclose(x @ (kernels * s) + (shift - mean * s), normed)


def test_several_norms_after_one_another_all_go() -> None:
    folded = chain((8, 8, 4), "conv -k3 -o5", "norm batch", "norm batch", "act relu").fold_norm()
    assert kinds(folded) == [("0", "conv"), ("3", "act")]
    assert folded.notes[0].startswith("2 batch norms are folded")


# Inputs, rows, tensors put out, names of the layers left, what is said.
STAYING: dict[str, tuple[list[tuple[int, ...]], list[Row], list[int], list[str], str]] = {
    "an input": ([(8, 8, 4)], [("norm batch", (0,)), ("conv -k3 -o4", (1,))], [], ["0", "1"], NO_CONVOLUTION),
    "an activation": (
        [(8, 8, 4)],
        [("conv -k3 -o4", (0,)), ("act relu", (1,)), ("norm batch", (2,))],
        [],
        ["0", "1", "2"],
        NO_CONVOLUTION,
    ),
    "read twice": (
        [(8, 8, 4)],
        [("conv -k3 -o4", (0,)), ("norm batch", (1,)), ("add", (1, 2))],
        [],
        ["0", "1", "2"],
        READ,
    ),
    "put out": ([(8, 8, 4)], [("conv -k3 -o4", (0,)), ("norm batch", (1,))], [1, 2], ["0", "1"], READ),
    "another norm": ([(8, 8, 4)], [("conv -k3 -o4", (0,)), ("norm layer", (1,))], [], ["0", "1"], ""),
}


@pytest.mark.parametrize("case", STAYING)
def test_a_norm_stays_where_it_cannot_go(case: str) -> None:
    inputs, rows, outputs, names, reason = STAYING[case]
    net = network(inputs, rows, outputs)
    folded = net.fold_norm()
    assert [layer.name for layer in folded.layers] == names
    assert folded.cost == net.cost
    name = next(str(at) for at, row in enumerate(rows) if row[0].startswith("norm"))
    assert folded.notes == ((stays(1, reason, name),) if reason else ("There is no batch norm to fold.",))


def test_tensors_are_numbered_anew() -> None:
    rows: list[Row] = [
        ("conv -k3 -o4 -psame", (1,)),
        ("norm batch", (2,)),
        ("conv -k3 -o4 -psame", (0,)),
        ("norm batch", (4,)),
        ("add", (3, 5)),
        ("concat", (6, 3)),
    ]
    net = network([(8, 8, 2), (8, 8, 3)], rows, [3, 7]).fold_norm()
    assert [node.sources for node in net.nodes] == [(1,), (0,), (2, 3), (4, 2)]
    assert net.outputs == {"3": (8, 8, 4), "7": (8, 8, 8)}
    assert [layer.inputs[0] for layer in net.layers[:2]] == [(8, 8, 3), (8, 8, 2)]


HEADS: list[Row] = [
    ("conv -k3 -o8 -psame", (0,)),
    ("norm batch", (1,)),
    ("conv -k3 -o8 -psame", (2,)),
    ("norm batch", (3,)),
]


def test_kernels_shared_together_with_their_norm_fold() -> None:
    net = network([(4, 4, 8)], HEADS, weights={0: "head", 1: "norm", 2: "head", 3: "norm"}).fold_norm()
    assert [(layer.name, layer.cost.params, layer.weights) for layer in net.layers] == [
        ("0", 576 + 8, "head"),
        ("2", 0, "head"),
    ]


@pytest.mark.parametrize("norms", [{}, {1: "a", 3: "b"}, {1: "a"}])
def test_shared_kernels_with_different_norms_stay(norms: dict[int, str]) -> None:
    net = network([(4, 4, 8)], HEADS, weights={0: "head", 2: "head", **norms})
    folded = net.fold_norm()
    assert folded.cost == net.cost
    assert folded.notes == (stays(2, SHARED, "1, 3"),)


def test_a_norm_shared_by_convolutions_of_their_own_folds() -> None:
    net = network([(4, 4, 8)], HEADS, weights={1: "norm", 3: "norm"}).fold_norm()
    assert [layer.cost.params for layer in net.layers] == [584, 584]


def test_params_that_are_shared_in_part_stay() -> None:
    net = chain((4, 4, 8), "conv -k3 -o8", "norm batch", "dense -o8")
    tied = Network("tied", net.inputs, [*net.nodes[:2], net.nodes[2]._replace(shared=16)])
    folded = tied.fold_norm()
    assert folded.cost == tied.cost
    assert folded.notes == (stays(1, SHARED, "1"),)


def test_long_lists_of_names_are_counted() -> None:
    net = chain((4, 4, 8), *["norm batch"] * 5).fold_norm()
    assert net.notes == (stays(5, NO_CONVOLUTION, "0, 1, 2 and 2 more"),)


def test_bytes_of_params_follow_at_the_width_of_the_file() -> None:
    nodes = chain((4, 4, 8), "conv -k3 -o8", "norm batch").nodes
    net = Network("half", {"input": (4, 4, 8)}, nodes, param_bytes=2 * 592, notes=["Read from a file."])
    folded = net.fold_norm()
    assert (net.params, folded.params, folded.param_bytes) == (592, 584, 2 * 584)
    assert folded.notes == ("Read from a file.", FOLDED)


def test_mobilenet_by_hand() -> None:
    """27 norms over 10,944 channels in all, their outputs 5,042,688 elements."""
    net = load(MOBILENET)
    saved = Cost(mults=5_042_688, params=10_944, buffers=21_888, activations=5_042_688)
    assert net.fold_norm().cost + saved == net.cost  # its additions are the biases' now
    assert len(net.fold_norm().layers) == len(net.layers) - 27


@given(st.lists(st.sampled_from(["conv -k1 -o4", "norm batch", "act relu", "identity", "dense -o4"]), max_size=9))
def test_nothing_else_changes(texts: list[str]) -> None:
    net = chain((3, 4), "conv -k1 -o4", *texts)
    folded = net.fold_norm()
    assert (folded.inputs, folded.outputs, folded.macs) == (net.inputs, net.outputs, net.macs)
    assert [pair for pair in kinds(net) if pair in kinds(folded)] == kinds(folded)
    assert all(pair in kinds(folded) or pair[1] == "norm" for pair in kinds(net))
    assert folded.fold_norm().cost == folded.cost
    for first, second in pairwise(kind for _, kind in kinds(folded)):
        assert second != "norm" or first not in ("pointwise", "dense")


def test_the_command_line_folds(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert run(["network", MOBILENET, "--fold-norm", "--by", "kind"]) == 0
    printed = capsys.readouterr().out
    assert "\nnorm" not in printed
    assert printed.endswith(
        "Budget\n"
        "  params 4,221,032 <= 4,300,000, 78,968 left\n"
        "  macs 568,740,352 <= 570,000,000, 1,259,648 left\n"
        "\n"
        "  27 batch norms are folded into convolutions: their params are kernels and a bias for each output.\n"
        "  What was published is not compared: it is of the network whose norms are not folded.\n"
    )
    assert run(["verify", "6x6x2, conv -k3 -o3, norm batch, act relu", "--fold-norm"]) == 0
    assert "\nnorm" not in capsys.readouterr().out
    assert run(["verify", "6x6x2", "-k3", "-o3", "--fold-norm"]) == 2
    assert capsys.readouterr().err == "--fold-norm is for a network, not for a layer spec\n"
