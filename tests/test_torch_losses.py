"""Losses of PyTorch cost what their definitions do, element by element, and are verified by execution."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="counting PyTorch modules needs the extra: pip install -e '.[torch]'")

import torch
import torch.nn.functional as F  # noqa: N812 - as everyone calls it
from torch import nn

import sepcalc
from sepcalc.document.writer import write

Counts = tuple[int, int, int, int, int]  # mults, adds, compares, divs, specials
N, C = 4, 6
X = N * C
CLASSES = torch.tensor([0, 5, 2, -100])


class Code(nn.Module):
    def __init__(self, code: Callable[..., Any]) -> None:
        super().__init__()
        self.code = code
        self.known = nn.Buffer(torch.rand(N, C))

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> Any:
        return self.code(self, x, y)


# What each element costs, the reduction left out; both sides of a choice are evaluated, and a stored factor is folded.
EACH: dict[str, tuple[Callable[..., Any], Counts]] = {
    "squares": (lambda m, x, y, r: F.mse_loss(x, y, reduction=r), (1, 1, 0, 0, 0)),
    "magnitudes": (lambda m, x, y, r: F.l1_loss(x, y, reduction=r), (0, 1, 0, 0, 0)),
    # d = |x - y|: d·d·(0.5/beta) where d < beta, else d - 0.5·beta
    "smooth": (lambda m, x, y, r: F.smooth_l1_loss(x, y, reduction=r), (2, 2, 1, 0, 0)),
    "smooth up to 2": (lambda m, x, y, r: F.smooth_l1_loss(x, y, reduction=r, beta=2.0), (2, 2, 1, 0, 0)),
    "never smooth": (lambda m, x, y, r: F.smooth_l1_loss(x, y, reduction=r, beta=0.0), (0, 1, 0, 0, 0)),
    # 0.5·d·d where d < delta, else delta·(d - 0.5·delta)
    "huber": (lambda m, x, y, r: F.huber_loss(x, y, reduction=r), (2, 2, 1, 0, 0)),
    "huber up to 2": (lambda m, x, y, r: F.huber_loss(x, y, reduction=r, delta=2.0), (3, 2, 1, 0, 0)),
    # (y - 1)·max(log(1 + -x), -100) - y·max(log(x), -100)
    "truths": (lambda m, x, y, r: F.binary_cross_entropy(x, y, reduction=r), (2, 3, 2, 0, 2)),
    "truths, weighed": (lambda m, x, y, r: F.binary_cross_entropy(x, y, m.known, reduction=r), (3, 3, 2, 0, 2)),
    # … where y - 1 is prepared; and x + y
    "known truths": (lambda m, x, y, r: F.binary_cross_entropy(x + y, m.known, reduction=r), (2, 2 + 1, 2, 0, 2)),
    # (1 - y)·x - log(1/(1 + exp(-x)))
    "scores": (lambda m, x, y, r: F.binary_cross_entropy_with_logits(x, y, reduction=r), (1, 3, 0, 1, 2)),
    # … the logarithm times 1 + (p - 1)·y
    "scores, truths weighed": (
        lambda m, x, y, r: F.binary_cross_entropy_with_logits(x, y, pos_weight=m.known[0], reduction=r),
        (3, 4, 0, 1, 2),
    ),
    # log(1 + exp(-x·y))
    "soft margins": (lambda m, x, y, r: F.soft_margin_loss(x, y, reduction=r), (1, 1, 0, 0, 2)),
    # y·(log(y) - x), and exp(y)·(y - x)
    "divergence": (lambda m, x, y, r: F.kl_div(x, y, reduction=r), (2, 1, 0, 0, 1)),
    "divergence of logarithms": (lambda m, x, y, r: F.kl_div(x, y, reduction=r, log_target=True), (1, 1, 0, 0, 1)),
}
REDUCTIONS: dict[str, Counts] = {"none": (0, 0, 0, 0, 0), "sum": (0, X - 1, 0, 0, 0), "mean": (1, X - 1, 0, 0, 0)}


def counted(code: Callable[..., Any], y: torch.Tensor, path: Path) -> tuple[int, ...]:
    """The counts, which hold when they are executed, and when what is written is read again."""
    net = sepcalc.from_torch(Code(code), torch.rand(N, C), y, batch=1)
    assert net.complete, net.uncounted
    assert sepcalc.verify(net).ok
    path.write_text(write(net), encoding="utf-8")
    assert sepcalc.load(path).cost[:6] == net.cost[:6]
    assert net.macs == 0
    return net.cost[1:6]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", EACH)
def test_a_loss_costs_what_it_is_defined_as(name: str, reduction: str, tmp_path: Path) -> None:
    code, each = EACH[name]
    expected = [X * one + other for one, other in zip(each, REDUCTIONS[reduction])]
    found = counted(lambda m, x, y: code(m, x, y, reduction), torch.rand(N, C), tmp_path / "net.yaml")
    assert found == tuple(expected)


# Scores of N targets, C classes: a logarithmic softmax, and what is told of it.
SOFTMAX: Counts = (0, 3 * X - N, X - N, 0, X + N)
TOLD: dict[str, tuple[Callable[..., Any], Counts]] = {
    # one compare of each target with the ignored one; the mean: a sum over how many are left
    "each": (lambda m, x, y: F.cross_entropy(x, y, reduction="none"), (0, 0, N, 0, 0)),
    "sum": (lambda m, x, y: F.cross_entropy(x, y, reduction="sum"), (0, N - 1, N, 0, 0)),
    "mean": (lambda m, x, y: F.cross_entropy(x, y), (0, 2 * (N - 1), N, 1, 0)),
    "weighed": (lambda m, x, y: F.cross_entropy(x, y, m.known[0]), (N, 2 * (N - 1), N, 1, 0)),
    "likelihood": (lambda m, x, y: F.nll_loss(x.log_softmax(1), y), (0, 2 * (N - 1), N, 1, 0)),
    "in two axes": (
        lambda m, x, y: F.cross_entropy(x.T.reshape(1, C, 2, 2), y.reshape(1, 2, 2), reduction="sum"),
        (0, N - 1, N, 0, 0),
    ),
    "known classes": (lambda m, x, y: F.cross_entropy(x * y[0], CLASSES), (X + 1, N - 1, 0, 0, 0)),
}


@pytest.mark.parametrize("name", TOLD)
def test_a_loss_of_classes_takes_one_score_of_each(name: str, tmp_path: Path) -> None:
    code, more = TOLD[name]
    expected = tuple([one + other for one, other in zip(SOFTMAX, more)])
    assert counted(code, CLASSES, tmp_path / "net.yaml") == expected


def test_the_type_of_classes_is_found() -> None:
    net = sepcalc.from_torch(Code(lambda m, x, y: F.cross_entropy(x, y)), {"x": f"{N}x{C}", "y": f"{N}"}, batch=1)
    assert net.cost[1:6] == tuple([one + other for one, other in zip(SOFTMAX, TOLD["mean"][1])])


def test_a_distance_and_a_trace(tmp_path: Path) -> None:
    found = counted(lambda m, x, y: torch.dist(x, y), torch.rand(N, C), tmp_path / "net.yaml")
    assert found == (X, X + X - 1, 0, 0, 1)
    found = counted(lambda m, x, y: (x + y).trace(), torch.rand(N, C), tmp_path / "net.yaml")
    assert found == (0, X + N - 1, 0, 0, 0)
