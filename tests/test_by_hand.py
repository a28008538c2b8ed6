"""Ops that run others, gates and uneven windows: numbers worked out by hand, of whole networks in YAML."""

from pathlib import Path

import pytest

from sepcalc import load
from sepcalc.cost import Cost
from sepcalc.network import Network


def net(text: str, folder: Path) -> Network:
    (folder / "net.yaml").write_text(text)
    return load(folder / "net.yaml")


def test_effective_macs_of_each_are_those_of_every_slice(tmp_path: Path) -> None:
    """5 slices of 6x6x2, 3x3 with a border of 1: an axis has 6 windows of 3 taps, two of which lose one: 16 of 18."""
    one = net("input: 5x6x6x2\nlayers:\n- each conv -k3 -o4 -p1 --bias\n", tmp_path).layers[0]
    macs = 5 * 18 * 18 * 2 * 4
    assert one.effective_macs == 5 * 16 * 16 * 2 * 4
    assert one.cost == Cost(
        macs, macs, macs, params=4 * 18 + 4, activations=5 * 36 * 4
    )  # the bias is one addition more


def test_effective_macs_of_each_in_each(tmp_path: Path) -> None:
    """3 x 5 slices of 6x2, a kernel of 3 with a border of 1 before."""
    one = net("input: 3x5x6x2\nlayers:\n- each each conv -k3 -o4 -p1/0\n", tmp_path).layers[0]
    assert (one.cost.macs, one.effective_macs) == (3 * 5 * 15 * 2 * 4, 3 * 5 * (15 - 1) * 2 * 4)
    assert one.cost.params == 3 * 2 * 4


SCAN = """
input: 7x6x6x2
layers:
- scan: conv cell
  states: {h: 6x6x4}
  step:
  - conv -k3 -o4 -p1 --bias
  - {conv: {kernel: 3, out: 4, padding: 1}, from: h, name: seen}
  - {add: [], from: [previous, seen], name: sum}
  - {act tanh: {}, name: new}
  next: [new]
"""


def test_effective_macs_of_a_scan_are_those_of_every_step(tmp_path: Path) -> None:
    """7 steps of two convolutions, of 2 and of 4 channels, to 4: 18·18 products of a pair of channels, 16·16 met."""
    one = net(SCAN, tmp_path).layers[0]
    pairs, y = 2 * 4 + 4 * 4, 36 * 4
    assert one.effective_macs == 7 * 256 * pairs
    assert one.cost == Cost(
        macs=7 * 324 * pairs,
        mults=7 * 324 * pairs,
        adds=7 * (324 * pairs - 2 * y + y + y),  # n - 1 for each output, the bias, the sum of both
        specials=7 * y,
        params=9 * pairs + 4,
        activations=7 * y,
    )


@pytest.mark.parametrize(
    ("spec", "cost"),
    [  # 5 steps, I 3, H 4: beside 4·7 products for each gate
        # lstm: f·c, i·g, o·c: 3H; three gates x 1 mult, 1 addition, 2 compares; two tanh
        (
            "lstm -o4 --bias --gate hard-sigmoid",
            Cost(5 * 112, 5 * (112 + 12 + 12), 5 * (112 + 4 + 12), 5 * 24, 0, 5 * 8, 128, 0, 20),
        ),
        # two functions of the state that multiply: silu, 1 mult, 1 addition, 1 division, 1 exp each
        (
            "lstm -o4 --bias --act silu",
            Cost(5 * 112, 5 * (112 + 12 + 8), 5 * (112 + 4 + 12 + 8), 0, 5 * 20, 5 * 20, 128, 0, 20),
        ),
        # gru, the reset after: r·(Uh + b), (1 - z)·n, z·h: 3H; two gates x 2 mults (hard-swish), 1 addition, 2 compares
        (
            "gru -o4 --bias --gate hard-swish",
            Cost(5 * 84, 5 * (84 + 12 + 16), 5 * (72 + 16 + 8 + 8), 5 * 16, 0, 5 * 4, 108, 0, 20),
        ),
        # elu of the new state: 1 addition, 1 compare, 1 exp; sigmoids: 1 addition, 1 division, 1 exp
        (
            "gru -o4 --bias --reset-before --act elu",
            Cost(5 * 84, 5 * (84 + 12), 5 * (84 + 8 + 8 + 4), 5 * 4, 5 * 8, 5 * 12, 96, 0, 20),
        ),
        ("rnn -o4 --bias --act leaky-relu", Cost(5 * 28, 5 * (28 + 4), 5 * 28, 5 * 4, 0, 0, 32, 0, 20)),
        ("lstm -o4 --act linear --gate linear", Cost(5 * 112, 5 * 124, 5 * (96 + 4), 0, 0, 0, 112, 0, 20)),
    ],
)
def test_gates_that_multiply(spec: str, cost: Cost, tmp_path: Path) -> None:
    assert net(f"input: 5x3\nlayers:\n- {spec}\n", tmp_path).cost == cost


@pytest.mark.parametrize(
    ("size", "to", "covered"),
    [  # windows from floor(j·i/o) to ceil((j+1)·i/o); their sizes together: i + o - gcd(i, o)
        (10, 7, [2, 2, 3, 2, 3, 2, 2]),
        (7, 3, [3, 3, 3]),
        (9, 6, [2, 2, 2, 2, 2, 2]),
        (3, 5, [1, 2, 1, 2, 1]),
    ],
)
def test_windows_of_an_uneven_adaptive_pool(size: int, to: int, covered: list[int], tmp_path: Path) -> None:
    by_hand = sum(covered)
    pooled = net(f"input: {size}x2\nlayers:\n- pool avg adaptive --to {to}\n", tmp_path)
    assert pooled.cost == Cost(mults=2 * to, adds=2 * (by_hand - to), activations=2 * to)
    pooled = net(f"input: {size}x{size}x2\nlayers:\n- pool max adaptive --to {to}\n", tmp_path)
    assert pooled.cost == Cost(compares=2 * (by_hand**2 - to**2), activations=2 * to * to)


def test_the_default_multiplier_is_one(tmp_path: Path) -> None:
    chain = net("input: 8x8x3\nlayers:\n- depthwise -k3\n- separable -k3 -o5\n", tmp_path)
    assert [(layer.output, layer.cost.params) for layer in chain.layers] == [
        ((6, 6, 3), 27),
        ((4, 4, 3), 27),
        ((4, 4, 5), 15),
    ]
    assert chain.macs == 36 * 27 + 16 * 27 + 16 * 15


@pytest.mark.parametrize(
    ("limit", "passes"),
    [
        ("1MiB", True),
        ("1023KiB", False),
        ("1M", False),
        ("1.048576M", True),
        ("1G", True),
        ("1GiB", True),
        ("1T", True),
    ],
)
def test_bytes_of_peak_memory(limit: str, passes: bool, tmp_path: Path) -> None:
    """131,072 numbers go in, as many come out, of 4 bytes: exactly 1 MiB."""
    from sepcalc.cli import run

    (tmp_path / "net.yaml").write_text("input: 131072x1\nlayers:\n- act relu\n")
    assert run(["check", str(tmp_path / "net.yaml"), "--max", f"peak-memory={limit}"]) == (0 if passes else 1)


def test_a_megabyte_of_two_meanings_is_refused(tmp_path: Path) -> None:
    from sepcalc.cli import run

    (tmp_path / "net.yaml").write_text("input: 131072x1\nlayers:\n- act relu\n")
    for unit in ("MB", "GB", "TB", "kB", "m"):
        assert run(["check", str(tmp_path / "net.yaml"), "--max", f"peak-memory=1{unit}"]) == 2
