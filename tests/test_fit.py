"""The least change that fits: against brute force on every small network, its answer counted again."""

import itertools
import json
import random
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from gating import Run

import sepcalc
from sepcalc.network import Network
from sepcalc.rewriting import read_rules, rewrite
from sepcalc.rewriting.answers import count_of, fits
from sepcalc.rewriting.fit import narrower, smaller
from sepcalc.rewriting.resize import resized
from sepcalc.rewriting.separating import separated

ROOT = Path(__file__).parent.parent


@pytest.fixture
def sep(ran: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(ROOT)
    return ran


def brute(network: Network, limits: dict[str, int], variants: tuple[str, ...]) -> tuple[int, int] | None:
    """The most params within the limits, and the most layers left as they are with so many: every way is rewritten
    and counted."""
    convs = [layer.name for layer in network.layers if layer.kind == "conv"]
    best = None
    for ways in itertools.product(("", *variants), repeat=len(convs)):
        rules = [f"{name}={way}" for name, way in zip(convs, ways, strict=True) if way]
        after = rewrite(network, read_rules(rules)).after if rules else network
        if fits(after, limits):
            found = (after.params, ways.count(""))
            best = found if best is None else max(best, found)
    return best


LINES = [
    "20x20x3, conv -k3 -o8, act relu, conv -k3 -o16 -s2, conv -k3 -o16, conv -k5 -o4",
    "8x8x4, conv -k3 -o8 -p same --bias, conv -k3 -o8 -p same, conv -k3 -o8 -p same, pool avg global, dense -o10",
    "9x9x2, conv -k3 -o4, conv -k3 -o4",
]


@pytest.mark.parametrize("metrics", [("macs",), ("params",), ("adds", "params"), ("flops", "activations")])
@pytest.mark.parametrize("line", LINES)
def test_the_set_of_layers_is_brute_forces(line: str, metrics: tuple[str, ...]) -> None:
    pytest.importorskip("scipy", reason="fit --by separate needs SciPy")
    network = sepcalc.load(line)
    variants = ("depthwise-separable", "spatial")
    chance = random.Random(line)
    for _ in range(4):
        limits = {m: int(count_of(network.cost, m) * chance.uniform(0.2, 1.1)) for m in metrics}
        answer = separated(network, limits, variants)
        expected = brute(network, limits, variants)
        if expected is None:
            assert (answer.network, answer.reason) == (None, "not even all layers separated fit")
            continue
        assert answer.network is not None
        assert fits(answer.network, limits)
        left = sum(layer.kind == "conv" for layer in network.layers) - len(answer.layers)
        assert (answer.network.params, left) == expected
        assert answer.network.outputs == network.outputs


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_limit_is_exact_however_large(off: int) -> None:
    """Of 1e13 macs, one more or less decides: no tolerance of floats."""
    pytest.importorskip("scipy", reason="fit --by separate needs SciPy")
    network = sepcalc.load("9973x9967x61, conv -k3 -o64, conv -k3 -o67 -p same, conv -k3 -o61, conv -k3 -o59 -p same")
    assert network.macs > 10**13
    convs = [layer.name for layer in network.layers]
    for chosen in (convs[:1], convs[1:3], convs[2:]):
        macs = rewrite(network, read_rules([f"{name}=depthwise-separable" for name in chosen])).after.macs
        limits = {"macs": macs + off}
        answer = separated(network, limits, ("depthwise-separable",))
        assert answer.network is not None
        left = len(convs) - len(answer.layers)
        assert (answer.network.params, left) == brute(network, limits, ("depthwise-separable",))


def test_layers_that_share_weights_go_together(tmp_path: Path) -> None:
    pytest.importorskip("scipy", reason="fit --by separate needs SciPy")
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: 9x9x4\ndefaults: {padding: same}\nlayers:\n"
        "  - {conv: -k3 -o4, name: a}\n  - {conv: -k3 -o4, name: b, weights: a}\n  - {conv: -k3 -o4, name: c}\n"
    )
    network = sepcalc.load(path)
    macs = 81 * 4 * 4 * 9
    answer = separated(network, {"macs": 2 * macs}, ("depthwise-separable",))
    assert answer.layers == ("a", "b")  # c alone would not do; all three would, but keep fewer params


def test_width_is_the_widest_of_all_thousandths() -> None:
    network = sepcalc.load("9x9x3, conv -k3 -o20, act relu, conv -k3 -o30, pool avg global, dense -o10")
    for part in (0.1, 0.3, 0.7, 0.95):
        limits = {"macs": int(network.macs * part)}
        scan = [w for w in range(50, 1001) if fits(resized(network, Fraction(w, 1000), 1), limits)]
        answer = narrower((Fraction(1, 20), Fraction(1)), lambda w: resized(network, w, 1), limits, "width")
        assert answer.change == f"width 1 -> {max(scan) / 1000:g}"
        assert answer.network is not None
        assert answer.network.macs <= limits["macs"]
    assert narrower((Fraction(1, 2), Fraction(1)), lambda w: resized(network, w, 1), {"macs": 1}, "width").reason == (
        "not even width 0.5 fits"
    )


def test_sizes_that_make_no_network_are_passed_over() -> None:
    network = sepcalc.load("16x16x3, conv -k3 -o4 -p same")

    def even(size: int) -> Network | None:
        return None if size % 2 else resized(network, resolution=(size,))

    assert smaller((16, 16), even, {"macs": 13 * 13 * 108}).change == "resolution 16 -> 12"
    assert smaller((16, 16), even, {"macs": 1}).network is None


@pytest.mark.parametrize("choices", ["width: {value: 1.0, choices: [0.25, 0.5, 1.0]}", "width: {value: 1.0, min: 0.4}"])
def test_a_width_keeps_to_its_range(choices: str, sep: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"input: 8x8x3\nparameters: {{{choices}}}\nlayers: ['conv -k3 -o{{int(100 * width)}}']\n")
    code, out, _ = sep("fit", str(path), "--max", "params=1400", "--by", "width", "--format", "json")
    change = "width 1 -> 0.5" if "choices" in choices else "width 1 -> 0.519"  # 51 kernels of 27: 1,377
    assert (code, json.loads(out)["ways"][0]["change"]) == (0, change)


def test_width_of_mobilenet_counted_again(sep: Run) -> None:
    code, out, err = sep(
        "fit",
        "specs/mobilenet_v1.yaml",
        "--max",
        "macs=300M",
        "--max",
        "params=3M",
        "--by",
        "width",
        "--format",
        "json",
    )
    document = json.loads(out)
    (way,) = document["ways"]
    assert (code, err, document["format"], document["best"]) == (0, "", "sepcalc-fit/1", "width")
    assert document["limits"] == {"macs": 300_000_000, "params": 3_000_000}
    assert way["change"] == "width 1 -> 0.72"
    assert way["after"] == sepcalc.load(ROOT / "specs" / "mobilenet_v1.yaml", width=0.72).cost._asdict()
    assert sepcalc.load(ROOT / "specs" / "mobilenet_v1.yaml", width=0.721).macs > 300_000_000


def test_no_way_exits_with_1_and_what_fits_with_0(sep: Run, tmp_path: Path) -> None:
    code, out, err = sep("fit", "specs/mobilenet_v1.yaml", "--max", "macs=1", "--by", "width")
    assert (code, err, out.splitlines()[-1]) == (1, "", "  No way fits.")
    new = str(tmp_path / "new.yaml")
    code, out, _ = sep("fit", "specs/mobilenet_v1.yaml", "--max", "macs=100M", "--by", "resolution", "-o", new)
    assert code == 0
    assert sepcalc.load(new).macs <= 100_000_000
    assert "it fits as it is" in sep("fit", "specs/mobilenet_v1.yaml", "--max", "macs=1G")[1]


REFUSALS = [
    ("--max macs", "--max 'macs': expected metric=limit\n  hint: for example --max macs=300M\n"),
    ("--max macs=3X", "--max macs: '3X' has an unknown unit 'X': expected k, M, G or T\n"),
    ("--max macs=-1", "--max macs: '-1' is negative: a limit is 0 or more\n"),
    ("--max macs=1 --max macs=2", "--max gives macs twice\n"),
    ("--max peak-memory=3M", ("fit cannot be held to peak-memory, which is no sum over layers: expected macs, mults, "
     "adds, compares, divs, specials, params, buffers, activations, flops\n")),
    ("--max macs=1 --variant spatail", ("unknown variant 'spatail': expected spatial, depthwise-separable, "
     "depthwise-spatial, factorized\n  hint: sepcalc fit specs/conv_mobilenet.yaml --max macs=1 --variant spatial\n")),
    ("--max macs=1 -o x.yaml", "-o writes one network: choose it with --by width, resolution or separate\n"),
]  # fmt: skip


@pytest.mark.parametrize(("args", "message"), REFUSALS, ids=[args for args, _ in REFUSALS])
def test_refusals(args: str, message: str, sep: Run) -> None:
    assert sep("fit", "specs/conv_mobilenet.yaml", *args.split()) == (2, "", message)


def test_without_scipy(sep: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    assert sep("fit", "specs/conv_mobilenet.yaml", "--max", "macs=1G", "--by", "separate") == (
        2, "", "fit --by separate needs SciPy, which is not installed\n  hint: pip install 'scipy>=1.11'\n",
    )  # fmt: skip
