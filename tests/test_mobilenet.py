"""MobileNet V1 and its twin of full convolutions, against closed forms written here and the paper's own tables
(Howard et al., 2017, arXiv:1704.04861)."""

from pathlib import Path

import pytest

from sepcalc import load
from sepcalc.errors import InputError
from sepcalc.gate import check, compare_published, read_limit
from sepcalc.importers import Request
from sepcalc.reports.groups import by_kind
from sepcalc.source import read

SPECS = Path(__file__).parent.parent / "specs"
MOBILENET = str(SPECS / "mobilenet_v1.yaml")
FULL = str(SPECS / "conv_mobilenet.yaml")

# Table 1: outputs and stride of each depthwise separable layer, after a first convolution of 32 outputs and stride 2.
BODY = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)]


def separable(alpha: float, size: int, classes: int = 1000) -> tuple[int, int]:
    """Macs and params, by hand: 9 products a channel, then one per pair of channels, at each position; batch norms
    hold 2 params a channel, and the classifier has a bias."""
    channels, side = int(32 * alpha), size // 2
    macs = 27 * channels * side**2
    params = 27 * channels + 2 * channels
    for width, stride in BODY:
        inner, channels, side = channels, int(width * alpha), side // stride
        macs += (9 * inner + inner * channels) * side**2
        params += 9 * inner + 2 * inner + inner * channels + 2 * channels
    return macs + channels * classes, params + (channels + 1) * classes


def full(size: int) -> tuple[int, int]:
    channels, side = 32, size // 2
    macs, params = 27 * 32 * side**2, 27 * 32 + 64
    for width, stride in BODY:
        side //= stride
        macs += 9 * channels * width * side**2
        params += 9 * channels * width + 2 * width
        channels = width
    return macs + 1024 * 1000, params + 1025 * 1000


# Rows of truth/papers.csv in the project's shared folder: alpha, resolution, what the paper prints (params, millions
# of "mult-adds"), the exact params and macs, and the table that it is in.
PAPER = [
    (1.0, 224, "4.2M", 569, 4_231_976, 568_740_352, "Tables 4, 6, 7, 8"),
    (0.75, 224, "2.6M", 325, 2_585_560, 325_400_448, "Tables 5, 6"),
    (0.5, 224, "1.3M", 149, 1_331_592, 149_497_088, "Table 6"),
    (0.25, 224, "0.5M", 41, 470_072, 41_030_272, "Table 6"),
    (1.0, 192, "4.2M", 418, 4_231_976, 418_121_728, "Table 7"),
    (1.0, 160, "4.2M", 290, 4_231_976, 290_675_200, "Table 7"),
    (1.0, 128, "4.2M", 186, 4_231_976, 186_400_768, "Table 7"),
    (0.5, 160, "1.32M", 76, 1_331_592, 76_524_800, "Table 9"),
]
# Table 10 (Stanford Dogs): 120 classes, though its mult-adds are those of 1000.
DOGS = [
    (1.0, 224, 3_329_976, 567_839_232),
    (0.75, 224, 1_908_840, 324_724_608),
    (1.0, 192, 3_329_976, 417_220_608),
    (0.75, 192, 1_908_840, 238_597_632),
]


def test_as_published() -> None:
    network = load(MOBILENET)
    assert (network.name, network.macs, network.params) == ("MobileNet V1", 568_740_352, 4_231_976)
    assert network["mobile[2]/depthwise"].output == (56, 56, 128)
    assert network["mobile[12]/pointwise"].output == network["mobile[12]/act[1]"].output == (7, 7, 1024)
    assert len(network.layers) == 3 + 13 * 6 + 2


@pytest.mark.parametrize("size", [224, 192, 160, 128])
@pytest.mark.parametrize("alpha", [1.0, 0.75, 0.5, 0.25])
def test_closed_form(alpha: float, size: int) -> None:
    network = load(MOBILENET, width=alpha, input=(size, size, 3))
    assert (network.macs, network.params) == separable(alpha, size)


@pytest.mark.parametrize(("alpha", "size", "printed", "millions", "params", "macs", "table"), PAPER)
def test_paper(alpha: float, size: int, printed: str, millions: int, params: int, macs: int, table: str) -> None:
    network = load(MOBILENET, width=alpha, input=f"{size}x{size}x3")
    assert (network.macs, network.params) == (macs, params)
    assert millions in (macs // 10**6, round(macs / 10**6)), table  # the paper rounds some and truncates others
    assert abs(params - float(printed[:-1]) * 10**6) <= 0.05 * 10**6


@pytest.mark.parametrize(("alpha", "size", "params", "macs"), DOGS)
def test_other_classes(alpha: float, size: int, params: int, macs: int) -> None:
    network = load(MOBILENET, width=alpha, input=f"{size}x{size}x3", classes=120)
    assert (network.macs, network.params) == (macs, params) == separable(alpha, size, 120)


def test_full_convolutions() -> None:
    network = load(FULL)
    assert (network.macs, network.params) == (4_867_293_184, 29_294_088) == full(224)
    assert network.macs - network["dense"].cost.macs == 4_866_269_184  # Table 4 prints 4866 M


def test_shares() -> None:
    """Table 2: 94.86, 3.06, 1.19 and 0.18 % of the mult-adds (1.19 is a slip: the column adds up with 1.91), and
    74.59, 1.06, 0.02 and 24.33 % of the weights."""
    network = load(MOBILENET)
    macs = {share.name: share.cost.macs for share in by_kind(network.layers)}
    percent = {kind: round(100 * count / network.macs, 2) for kind, count in macs.items() if count}
    assert percent == {"pointwise": 94.86, "depthwise": 3.06, "conv": 1.91, "dense": 0.18}
    weights = {share.name: share.cost.params for share in by_kind(network.layers) if share.name != "norm"}
    weights["dense"] -= 1000
    total = sum(weights.values())
    percent = {kind: round(100 * count / total, 2) for kind, count in weights.items() if count}
    assert percent == {"pointwise": 74.59, "depthwise": 1.06, "conv": 0.02, "dense": 24.33}


@pytest.mark.parametrize("path", [MOBILENET, FULL])
def test_the_specs_hold_what_they_say(path: str) -> None:
    document = read(path)
    assert [finding.metric for finding in compare_published(document.network, document.published)] == ["params", "macs"]
    assert all(finding.passed for finding in compare_published(document.network, document.published))
    assert all(verdict.passed for verdict in check(document.network, document.budget))
    assert not document.altered


@pytest.mark.parametrize(
    ("settings", "given"), [({"width": "0.75"}, None), ({}, "160x160x3"), ({"classes": "9"}, None)]
)
def test_another_network_is_not_what_was_published(settings: dict[str, str], given: str | None) -> None:
    document = read(MOBILENET, Request(settings, {} if given is None else {"": given}))
    assert document.altered
    assert not all(finding.passed for finding in compare_published(document.network, document.published))


LIMITS = [("macs", 568_740_352), ("params", 4_231_976), ("activations", None), ("peak_memory", 6_422_528)]


@pytest.mark.parametrize(("metric", "exact"), LIMITS)
def test_a_limit_is_kept_when_it_is_reached(metric: str, exact: int | None) -> None:
    network = load(MOBILENET)
    if exact is None:  # every layer's output; a depthwise separable layer writes three of each kind
        exact, channels, side = 3 * 112**2 * 32 + 1024 + 1000, 32, 112
        for width, stride in BODY:
            side //= stride
            exact += 3 * (channels + width) * side**2
            channels = width
    most, fewer = check(network, [read_limit(metric, str(exact)), read_limit(metric, str(exact - 1))])
    assert (most.actual, most.limit, most.passed) == (exact, exact, True)
    assert (fewer.actual, fewer.limit, fewer.passed) == (exact, exact - 1, False)


def test_mistakes_are_told() -> None:
    with pytest.raises(InputError) as caught:
        load(MOBILENET, widht=0.5)
    assert str(caught.value) == (
        "there is no parameter 'widht': expected one of width, classes\n  hint: did you mean width?"
    )
