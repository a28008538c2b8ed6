"""The zoo: every network's totals, layers and relatives against papers' tables, Keras' layers and torchvision's counts.

Where the numbers come from stands beside them, or in tests/data/README.md.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable
from math import prod
from pathlib import Path

import pytest

from sepcalc import load, model_zoo, verify
from sepcalc.cli import run
from sepcalc.errors import InputError
from sepcalc.gate import compare_published
from sepcalc.layer import Layer
from sepcalc.network import Network
from sepcalc.shape import show
from sepcalc.source import read

ROOT = Path(__file__).parent.parent
DATA = Path(__file__).parent / "data"

# Params and macs at the input of each: counts of other implementations (truth/papers.csv, see tests/data/README.md).
TOTALS = {
    "conv_mobilenet": (29_294_088, 4_867_293_184),
    "convnext_tiny": (28_589_128, 4_455_531_264),
    "densenet121": (7_978_856, 2_834_161_664),
    "efficientnet_b0": (5_288_548, 385_814_752),
    "erfnet": (2_064_256, 26_612_727_808),
    "ghostnet": (5_182_508, 141_150_512),
    "googlenet": (6_618_208, 1_414_381_568),
    "inception_v3": (23_834_568, 5_713_216_096),
    "mnasnet_a1": (3_887_038, 311_579_072),
    "mnasnet_b1": (4_383_312, 314_415_872),
    "mobilenet_v1": (4_231_976, 568_740_352),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "mobilenet_v3_large": (5_483_032, 216_589_760),
    "mobilenet_v3_small": (2_542_856, 56_510_400),
    "ofa_mobilenet_v3": (3_410_792, 121_278_672),  # the smallest of its networks: tests/test_spaces.py
    "resnet50": (25_557_032, 4_089_184_256),
    "shufflenet_v2_x1_0": (2_278_604, 144_907_992),
    "squeezenet_1_0": (1_248_424, 818_924_576),
    "unet": (31_030_658, 150_428_424_448),  # by hand: test_unet
    "vgg16": (138_357_544, 15_470_264_320),
    "vit_b_16": (86_567_656, 17_563_828_224),
    "xception": (22_855_952, 8_357_403_496),
}
LARGE = {"erfnet": "512x1024x3", "inception_v3": "299x299x3", "xception": "299x299x3", "unet": "572x572x1"}
UNPUBLISHED = {"unet", "ofa_mobilenet_v3"}  # their papers have no such number


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def layers(network: Network, path: str) -> list[Layer]:
    """Those of a block, a group or a branch, and all within."""
    found = [layer for layer in network.layers if layer.name == path or layer.name.startswith(path + "/")]
    assert found, path
    return found


def weights(found: Iterable[Layer]) -> int:
    """Params of kernels: without norms and biases."""
    total = 0
    for layer in found:
        if layer.cost.macs:
            bias = layer.cost.adds > layer.cost.macs - prod(layer.output)
            total += layer.cost.params - bias * layer.output[-1]
    return total


def macs(found: Iterable[Layer]) -> int:
    return sum(layer.cost.macs for layer in found)


def test_the_zoo_is_what_is_tested_here() -> None:
    assert model_zoo.names() == sorted(TOTALS)


@pytest.mark.parametrize("name", TOTALS)
def test_totals(name: str) -> None:
    document = read(f"zoo:{name}")
    network = document.network
    assert (network.params, network.macs) == TOTALS[name]
    assert network.inputs == {"input": tuple(map(int, LARGE.get(name, "224x224x3").split("x")))}
    findings = compare_published(network, document.published)
    assert [finding.metric for finding in findings] == ([] if name in UNPUBLISHED else ["params", "macs"])
    assert all(finding.passed and finding.source for finding in findings)
    assert not document.altered


@pytest.mark.parametrize("name", TOTALS)
def test_each_is_a_page(name: str) -> None:
    text = (ROOT / "specs" / f"{name}.yaml").read_text("utf-8")
    assert text.count("\n") < 80
    assert max(map(len, text.splitlines())) <= 130
    assert text.startswith("# ")  # the paper


RELATIVES = rows("zoo.csv")


@pytest.mark.parametrize("row", RELATIVES, ids=[f"{row['network']} {row['set']} {row['input']}" for row in RELATIVES])
def test_relatives(row: dict[str, str]) -> None:
    """Other widths, depths and resolutions."""
    settings = dict(pair.split("=") for pair in row["set"].split())
    network = load(f"zoo:{row['network']}", input=row["input"], **settings)
    assert (network.params, network.macs) == (int(row["params"]), int(row["macs"])), row["source"]


# --- Keras' layers ----------------------------------------------------------------------------------------------------

KERAS = rows("keras_layers.csv")
Held = Counter[tuple[str, int]]  # how many layers have this output and store so many numbers


def keras(model: str, *left_out: str) -> Held:
    held: Held = Counter()
    for row in KERAS:
        if row["model"] == model and row["class"] not in left_out:
            held[row["output"], int(row["params"])] += int(row["layers"])
    assert held
    return held


def stored(network: Network, *left_out: str) -> Held:
    """The same of ours: a norm with its running statistics, a separable convolution as one layer."""
    held: Held = Counter()
    numbers = 0
    for layer in network.layers:
        if layer.kind not in left_out:
            numbers += layer.cost.params + layer.cost.buffers
        if numbers and not re.search(r"separable(\[\d+\])?/depthwise$", layer.name):
            held[show(layer.output), numbers] += 1
            numbers = 0
    return held


SAME = [
    ("MobileNetV2", "mobilenet_v2"),
    ("EfficientNetB0", "efficientnet_b0"),
    ("DenseNet121", "densenet121"),
    ("VGG16", "vgg16"),
]


@pytest.mark.parametrize(("model", "name"), [*SAME, ("Xception", "xception")])
def test_every_layer_is_that_of_keras(model: str, name: str) -> None:
    assert stored(load(f"zoo:{name}")) == keras(model)


def test_every_layer_of_keras_where_sizes_are_open() -> None:
    held: Held = Counter()
    for (output, numbers), times in stored(load("zoo:mobilenet_v3_small")).items():
        held[re.sub(r"\d+x\d+x", "?x?x", output), numbers] += times
    assert held == keras("MobileNetV3Small")


def test_every_layer_of_keras_but_for_norms() -> None:
    """Keras' batch norms in Inception V3 have no scale."""
    assert stored(load("zoo:inception_v3"), "norm") == keras("InceptionV3", "BatchNormalization")


def test_every_layer_of_keras_but_for_biases() -> None:
    """Keras' ResNet has the stride on the first 1x1, as the paper, and a bias in every convolution."""
    held: Held = Counter()
    for layer in load("zoo:resnet50", stride_on_3x3=False).layers:
        if numbers := layer.cost.params + layer.cost.buffers:
            held[show(layer.output), numbers + (layer.output[-1] if layer.kind in ("conv", "pointwise") else 0)] += 1
    assert held == keras("ResNet50")


def test_every_layer_of_keras_but_for_those_in_a_sequential() -> None:
    """Keras keeps the stem of ConvNeXt and its three strided convolutions, each with a norm, in one layer each."""
    own, plain = stored(load("zoo:convnext_tiny")), keras("ConvNeXtTiny", "Sequential")
    assert plain <= own
    left, sequential = own - plain, keras("ConvNeXtTiny") - plain
    assert (left.total(), sequential.total()) == (8, 4)
    assert len({sum(numbers * times for (_, numbers), times in held.items()) for held in (left, sequential)}) == 1


# --- tables of the papers ---------------------------------------------------------------------------------------------

# GoogLeNet, arXiv:1409.4842, Table 1: output, weights and macs of each row, exact (papers.csv; the paper rounds them).
# The paper's third branch has 5x5 kernels.
GOOGLENET = [
    ("inception[0]", (28, 28, 256), 163_328, 128_049_152),
    ("inception[1]", (28, 28, 480), 388_096, 304_267_264),
    ("inception[2]", (14, 14, 512), 375_552, 73_608_192),
    ("inception[3]", (14, 14, 512), 448_512, 87_908_352),
    ("inception[4]", (14, 14, 512), 509_440, 99_850_240),
    ("inception[5]", (14, 14, 528), 604_672, 118_515_712),
    ("inception[6]", (14, 14, 832), 867_328, 169_996_288),
    ("inception[7]", (7, 7, 832), 1_042_432, 51_079_168),
    ("inception[8]", (7, 7, 1024), 1_442_816, 70_697_984),
    ("separable", (112, 112, 64), 2_712, 34_019_328),
    ("dense", (1000,), 1_024_000, 1_024_000),
]


@pytest.mark.parametrize(("path", "output", "params", "count"), GOOGLENET, ids=[row[0] for row in GOOGLENET])
def test_googlenet(path: str, output: tuple[int, ...], params: int, count: int) -> None:
    found = layers(load("zoo:googlenet", five=5), path)
    assert (found[-1].output, weights(found), macs(found)) == (output, params, count)


def test_googlenet_in_whole() -> None:
    """Its second row: 1x1 to 64 and 3x3 to 192; the ops column adds up to 1502 M as printed."""
    network = load("zoo:googlenet", five=5)
    assert macs([*layers(network, "cell[0]"), *layers(network, "cell[1]")]) == 359_661_568
    assert network.macs == 359_661_568 + sum(row[3] for row in GOOGLENET)
    assert abs(network.macs - 1_502 * 10**6) < 4 * 10**6


# SqueezeNet, arXiv:1602.07360, Table 1: output size (of 224x224; torchvision's first convolution has no padding) and
# "#parameter before pruning".
SQUEEZENET = [
    ("conv", (109, 109, 96), 14_208),
    ("fire[0]", (54, 54, 128), 11_920),
    ("fire[1]", (54, 54, 128), 12_432),
    ("fire[2]", (54, 54, 256), 45_344),
    ("fire[3]", (27, 27, 256), 49_440),
    ("fire[4]", (27, 27, 384), 104_880),
    ("fire[5]", (27, 27, 384), 111_024),
    ("fire[6]", (27, 27, 512), 188_992),
    ("fire[7]", (13, 13, 512), 197_184),
    ("pointwise", (13, 13, 1000), 513_000),
]


@pytest.mark.parametrize(("path", "output", "params"), SQUEEZENET, ids=[row[0] for row in SQUEEZENET])
def test_squeezenet(path: str, output: tuple[int, ...], params: int) -> None:
    found = layers(load("zoo:squeezenet_1_0"), path)
    assert (found[-1].output, sum(layer.cost.params for layer in found)) == (output, params)


def test_squeezenet_at_227() -> None:
    """833M, as printed in arXiv:1707.01083, Table 6, belongs to 227x227."""
    assert round(load("zoo:squeezenet_1_0", input="227x227x3").macs / 10**6) == 833


def test_vgg16() -> None:
    """Row by row as CS231n's notes have it: output, weights, and macs (textbook.csv)."""
    expected = [
        (row["out_hwc"], int(row["params"]), int(row["mults_or_macs"]))
        for row in rows("textbook.csv")
        if re.match(r"cs231n-(vgg-\d|FC)", row["id"]) and row["op"] != "input"
    ]
    found = [
        (show(layer.output), weights([layer]), layer.cost.macs)
        for layer in load("zoo:vgg16").layers
        if layer.kind in ("conv", "dense") or (layer.kind == "pool" and "max" in layer.detail)
    ]
    assert found == expected


# The outputs of some uses of a block: those after which a row, or a stage, of the paper's table ends.
STAGES = [
    # arXiv:1801.04381, Table 2 (its inputs, read one row up)
    ("mobilenet_v2", "bottleneck", "0:112x112x16 2:56x56x24 5:28x28x32 9:14x14x64 12:14x14x96 15:7x7x160 16:7x7x320"),
    # arXiv:1905.02244, Tables 1 and 2
    ("mobilenet_v3_large", "bneck", "0:112x112x16 2:56x56x24 5:28x28x40 9:14x14x80 11:14x14x112 14:7x7x160"),
    ("mobilenet_v3_small", "bneck", "0:56x56x16 2:28x28x24 5:14x14x40 7:14x14x48 10:7x7x96"),
    # arXiv:1905.11946, Table 1
    ("efficientnet_b0", "stage", "0:112x112x16 1:56x56x24 2:28x28x40 3:14x14x80 4:14x14x112 5:7x7x192 6:7x7x320"),
    # arXiv:1807.11164, Table 5
    ("shufflenet_v2_x1_0", "stage", "0:28x28x116 1:14x14x232 2:7x7x464"),
    # arXiv:1807.11626, Figure 7
    ("mnasnet_a1", "mbconv", "1:56x56x24 4:28x28x40 8:14x14x80 10:14x14x112 13:7x7x160 14:7x7x320"),
    ("mnasnet_b1", "mbconv", "2:56x56x24 5:28x28x40 8:14x14x80 10:14x14x96 14:7x7x192 15:7x7x320"),
    # arXiv:1911.11907, Table 1
    ("ghostnet", "bottleneck", "0:112x112x16 2:56x56x24 4:28x28x40 8:14x14x80 10:14x14x112 15:7x7x160"),
    # arXiv:1512.00567, Table 1, and the released network's sizes
    ("inception_v3", "mixed_a", "0:35x35x256 1:35x35x288 2:35x35x288"),
    ("inception_v3", "mixed_b", "0:17x17x768 3:17x17x768"),
    ("inception_v3", "mixed_c", "0:8x8x2048 1:8x8x2048"),
    # arXiv:1512.03385, Table 1
    ("resnet50", "unit", "2:56x56x256 6:28x28x512 12:14x14x1024 15:7x7x2048"),
    # arXiv:1608.06993, Table 1
    ("densenet121", "dense_block", "0:56x56x256 1:28x28x512 2:14x14x1024 3:7x7x1024"),
    ("densenet121", "transition", "0:28x28x128 1:14x14x256 2:7x7x512"),
    # arXiv:1610.02357, Figure 5
    ("xception", "entry/down", "0:37x37x256 1:19x19x728"),
    # arXiv:2201.03545, Table 9
    ("convnext_tiny", "block", "2:56x56x96 5:28x28x192 14:14x14x384 17:7x7x768"),
    # arXiv:2010.11929, Table 1: 196 patches and a class token
    ("vit_b_16", "encoder", "0:197x768 11:197x768"),
    # Romera et al., Table I
    ("erfnet", "non_bottleneck_1d", "4:128x256x64 12:64x128x128 14:128x256x64 16:256x512x16"),
]


@pytest.mark.parametrize(("name", "block", "outputs"), STAGES, ids=[f"{row[0]} {row[1]}" for row in STAGES])
def test_stages(name: str, block: str, outputs: str) -> None:
    network = load(f"zoo:{name}")
    for pair in outputs.split():
        at, output = pair.split(":")
        assert show(layers(network, f"{block}[{at}]")[-1].output) == output, pair


def test_xception_in_parts() -> None:
    """arXiv:1610.02357, Figure 5: the entry flow ends at 19x19x728, so does the middle flow; the exit flow at 2048."""
    network = load("zoo:xception")
    assert layers(network, "entry")[-1].output == (19, 19, 728)
    assert layers(network, "middle[7]")[-1].output == (19, 19, 728)
    assert [show(layer.output) for layer in layers(network, "exit")][-3:] == ["10x10x2048", "2048", "1000"]


def test_densenets_growth() -> None:
    """Every layer of a block adds 32 channels to its input (arXiv:1608.06993, section 3)."""
    joins = [layer for layer in load("zoo:densenet121").layers if layer.kind == "concat"]
    assert [layer.output[-1] - layer.inputs[0][-1] for layer in joins] == [32] * 58


def unet() -> tuple[int, int, list[str]]:
    """U-Net by hand (arXiv:1505.04597, Figure 1): params and macs, and the outputs of its 23 convolutions (the four
    2x2 up-convolutions among them): two 3x3 on each level down and up, unpadded, each with a bias, and a last 1x1."""
    side, channels, params, count, outputs = 572, 1, 0, 0, []

    def conv(kernel: int, out: int) -> None:
        nonlocal side, channels, params, count
        side -= kernel - 1
        params += (kernel**2 * channels + 1) * out
        count += kernel**2 * channels * out * side**2
        channels = out
        outputs.append(f"{side}x{side}x{out}")

    for out in (64, 128, 256, 512, 1024):
        conv(3, out)
        conv(3, out)
        side //= 2 if out < 1024 else 1
    for out in (512, 256, 128, 64):
        params += (4 * channels + 1) * out
        count += 4 * channels * out * side**2
        side, channels = 2 * side, 2 * out  # beside what was cropped from the way down
        outputs.append(f"{side}x{side}x{out}")
        conv(3, out)
        conv(3, out)
    conv(1, 2)
    return params, count, outputs


def test_unet() -> None:
    network = load("zoo:unet")
    params, count, outputs = unet()
    assert (params, count) == (network.params, network.macs) == TOTALS["unet"]
    assert [show(layer.output) for layer in network.layers if layer.cost.macs] == outputs
    assert len(outputs) == 23  # "in total the network has 23 convolutional layers"
    assert outputs[-1] == "388x388x2"
    crops = [show(layer.output) for layer in network.layers if layer.kind == "slice"]
    assert crops == ["56x56x512", "104x104x256", "200x200x128", "392x392x64"]


# --- the command, and zoo: --------------------------------------------------------------------------------------------


def test_every_network_is_listed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["zoo", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["format"], document["passed"]) == ("sepcalc-zoo/1", True)
    assert {row["name"]: (row["params"], row["macs"]) for row in document["networks"]} == TOTALS
    published = document["networks"][0].pop("published")
    assert document["networks"][0] == {
        "name": "conv_mobilenet",
        "title": "Conv MobileNet",
        "inputs": {"input": [224, 224, 3]},
        "outputs": {"output": [1000]},
        "params": 29_294_088,
        "macs": 4_867_293_184,
    }
    assert [
        [finding[key] for key in ("metric", "published", "actual", "source", "passed")] for finding in published
    ] == [
        ["params", "29.3M", 29_294_088, "arXiv:1704.04861, Table 4", True],
        ["macs", "4866M", 4_867_293_184, "arXiv:1704.04861, Table 4", True],
    ]


def test_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["zoo", "--format", "csv"]) == 0
    table = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["name"]: (int(row["params"]), int(row["macs"])) for row in table} == TOTALS
    assert table[1] == {
        "name": "convnext_tiny",
        "title": "ConvNeXt-T",
        "inputs": "224x224x3",
        "params": "28589128",
        "macs": "4455531264",
        "published_params": "29M",
        "published_macs": "4.5G",
        "source": "arXiv:2201.03545, Table 1",
    }


ONE = "input: 4x4x3\npublished: {params: 8, macs: 97, source: nobody}\nlayers: [pointwise -o2 --bias]\n"


def test_one_that_is_astray(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "one.yaml").write_text(ONE, "utf-8")
    monkeypatch.setattr(model_zoo, "folder", lambda: tmp_path)
    assert run(["zoo"]) == 1
    assert capsys.readouterr().out == (
        "zoo:  input  params  macs  published      source\n"
        "one   4x4x3       8    96          8  97  nobody\n"
        "\n"
        "Astray from what was published\n"
        "  one: macs 96, published 97\n"
    )


NAMES = [
    ("mobilnet_v2", "there is no network 'mobilnet_v2' in the zoo\n  hint: zoo:mobilenet_v2"),
    ("ResNet-50", "there is no network 'ResNet-50' in the zoo\n  hint: zoo:resnet50"),
    ("", "there is no network '' in the zoo\n  hint: sepcalc zoo lists them all"),
    ("../README", "there is no network '../README' in the zoo\n  hint: sepcalc zoo lists them all"),
    ("x\x1b[2J", "there is no network 'x\\x1b[2J' in the zoo\n  hint: sepcalc zoo lists them all"),
]


@pytest.mark.parametrize(("name", "message"), NAMES, ids=[repr(name) for name, _ in NAMES])
def test_a_name_that_is_not_there(name: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load(f"zoo:{name}")
    assert str(caught.value) == message


def test_a_zoo_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(model_zoo, "folder", lambda: tmp_path / "none")
    with pytest.raises(InputError) as caught:
        load("zoo:resnet50")
    assert str(caught.value) == (
        f"the zoo is not installed: {tmp_path / 'none'} cannot be read: No such file or directory\n"
        "  hint: install sepcalc anew"
    )


def test_where_the_zoo_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a wheel inside the package; in a checkout beside it."""
    assert model_zoo.folder() == Path(model_zoo.__file__).parent.parent / "specs"
    monkeypatch.setattr(model_zoo, "__file__", str(tmp_path / "sepcalc" / "model_zoo.py"))
    (tmp_path / "sepcalc" / "specs").mkdir(parents=True)
    assert model_zoo.folder() == tmp_path / "sepcalc" / "specs"


@pytest.mark.parametrize(("command", "more"), [("network", ["--top", "1"]), ("verify", ["--layers", "dense"])])
def test_zoo_is_a_network_argument_everywhere(
    command: str, more: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run([command, "zoo:mobilenet_v1", *more]) == 0
    assert capsys.readouterr().err == ""


# A small relative of each kind of network, small enough to be executed whole in a test.
SMALL: list[tuple[str, str, dict[str, object]]] = [
    ("convnext_tiny", "32x32x3", {"dim": 8, "depth1": 1, "depth2": 1, "deep": 1, "depth4": 1}),
    ("densenet121", "32x32x3", {"growth": 4, "block1": 2, "block2": 1, "block3": 1, "block4": 1}),
    ("efficientnet_b0", "32x32x3", {"width": 0.25, "depth": 0.25}),
    ("ghostnet", "32x32x3", {"width": 0.25}),
    ("mobilenet_v2", "32x32x3", {"width": 0.25}),
    ("shufflenet_v2_x1_0", "32x32x3", {"width": 0.5, "last": 64}),
    ("unet", "188x188x1", {"first": 1}),
    ("vit_b_16", "32x32x3", {"dim": 24, "depth": 1, "heads": 2}),
]


@pytest.mark.parametrize(("name", "given", "settings"), SMALL, ids=[row[0] for row in SMALL])
def test_small_relatives_are_executed(name: str, given: str, settings: dict[str, object]) -> None:
    """Skips, joins, gates, attention, transposed convolutions, slices: their counts are what runs."""
    network = load(f"zoo:{name}", input=given, **{"classes": 5, **settings})
    verification = verify(network)
    assert verification.ok
    assert len(verification.layers) >= len(network.layers)
