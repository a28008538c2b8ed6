"""One network in every format: the same macs, the same params or a difference that has a name, and one network to
``diff``. tests/data/agree/README.md says how the files were made."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest

import sepcalc
from sepcalc import Network

DATA = Path(__file__).parent / "data" / "agree"

KERAS = {
    "keras.json",
    "keras.keras",
    "tfjs.layers.json",
    "frozen.pb",
    "tf.savedmodel",
    "tfjs.graph",
    "lite.tflite",
    "tf2onnx.onnx",
    "openvino.frozen.xml",
    "openvino.tf.xml",
    "openvino.lite.xml",
    "openvino.tf2onnx.xml",
}
TORCH = {"torch.pt2", "torchscript.onnx", "dynamo.onnx", "openvino.torchscript.xml", "openvino.dynamo.xml"}
WITH_NORMS = {
    "keras.json",
    "keras.keras",
    "tfjs.layers.json",
    "frozen.pb",
    "tf.savedmodel",
    "torch.pt2",
}  # none is folded
NOT_TFLITE = {"lite.tflite", "openvino.lite.xml"}  # its converter refuses the network
NOT_TF2ONNX = {"tf2onnx.onnx", "openvino.tf2onnx.xml"}  # it leaves operators that ONNX has not
NOT_GRAPH = {"tfjs.graph"}

Terms = Mapping[str, int]  # what a format writes in another way, and by how many params


class Row(NamedTuple):
    """A network: its macs, params and buffers, its files, and where a file's params differ, all the reasons with the
    params that they make more or fewer. Of ``other_macs`` the products differ, by so many; ``apart`` are files that
    ``diff`` takes for another network, as they are, ``incomplete`` those that do not say all that is counted."""

    macs: int
    params: int
    buffers: int
    files: AbstractSet[str]
    differences: Mapping[tuple[str, ...], Terms] = {}
    other_macs: Mapping[str, int] = {}
    apart: AbstractSet[str] = frozenset()
    incomplete: AbstractSet[str] = frozenset()


def folded(channels: int, biases: bool = False) -> Terms:
    """Norms of so many channels in the convolutions before them: a bias takes the place of a scale and a shift, or
    nothing where the convolutions have biases."""
    return {"norms folded": -2 * channels, "their shifts as biases": 0 if biases else channels}


def zeros(*channels: int) -> Terms:
    """Biases of zeros that a converter adds, equal ones once."""
    return {"biases of zeros": sum(channels)}


LITE, ONNX = ("lite.tflite",), ("torchscript.onnx", "dynamo.onnx")
TF2ONNX = ("tf2onnx.onnx", "tfjs.graph")  # both leave norms that stand behind a depthwise convolution
OPENVINO = tuple(sorted(one for one in KERAS | TORCH if one.startswith("openvino")))

# OpenVINO adds up the two biases of a gate: those of an LSTM, and two of the three of a GRU
CELLS = {"biases added up": -2 * 4 * 4 - 2 * 2 * 6}
FIRST_STEP = {"zero states, equal ones once": 4 + 6, "their products, computed beforehand": 3 * (4 + 4 + 6)}
GRU_MACS = -3 * (4 * 4 + 4 * 4 + 6 * 6)  # the products of the zero states

# Params and buffers are those that Keras and PyTorch count, macs those of TensorFlow's operators by their shapes, or
# half of what PyTorch's FlopCounterMode counts; where these do not see a layer, they are worked out here.
NETWORKS = {
    "audio": Row(48_576, 1_490, 16, KERAS, {LITE: {**folded(8), **zeros(8)}, ("openvino.lite.xml",): folded(8)}),
    "convnext": Row(146_552, 2_910, 0, KERAS - NOT_TF2ONNX - NOT_GRAPH | TORCH),
    "decoder": Row(27_936, 2_880, 0, TORCH, {ONNX: {"the embedding once more, transposed, as last layer": 40 * 16}}),
    # 6 of 14 norms stand behind a convolution alone
    "densenet": Row(
        2_703_961,
        8_050,
        504,
        KERAS,
        {LITE: {**folded(6 * 16), **zeros(8, 6, 13)}, (*TF2ONNX, *OPENVINO): folded(6 * 16)},
    ),
    "dilated": Row(949_968, 1_815, 0, KERAS, {LITE: zeros(8, 12, 5)}),
    "efficientnet": Row(
        164_064, 1_830, 80, KERAS, {(*LITE, *OPENVINO): folded(8 + 8 + 8 + 16), TF2ONNX: folded(8 + 8 + 16)}
    ),
    # a stem; twice two pointwise convolutions in 3 groups and a depthwise one; a dense layer
    "grouped": Row(
        16 * 16 * (27 * 12 + 2 * (2 * 4 * 12 + 9 * 12)) + 12 * 4,
        952,
        168,
        KERAS - NOT_TF2ONNX - NOT_GRAPH,
        {(*LITE, *OPENVINO): folded(12 + 2 * 3 * 12)},
    ),
    # converters compute the first step of a cell beforehand, or a part of it: it is another graph
    "gru": Row(
        2_598,
        621,
        0,
        KERAS,
        {
            ("frozen.pb",): {"zero states": 4 + 4 + 6},
            # 4 of 5 steps have weights of their own there
            ("tfjs.graph",): {"weights again": 4 * (2 * 12 * (7 + 4) + 18 * (8 + 6) + 2 * 3 * (4 + 4 + 6))},
            ("openvino.lite.xml",): {"a one that states are taken from": 1},
            ("tf2onnx.onnx", "openvino.frozen.xml", "openvino.tf2onnx.xml"): FIRST_STEP,
        },
        dict.fromkeys(("tf2onnx.onnx", "openvino.frozen.xml", "openvino.tf2onnx.xml"), GRU_MACS),
        apart={"tf2onnx.onnx", "tfjs.graph", *OPENVINO},
    ),
    "inception": Row(2_342_187, 8_063, 220, KERAS, {(*LITE, *TF2ONNX, *OPENVINO): folded(110)}),
    # 12 steps of 8 -> 6 and of 6 -> 5 units; a dense layer
    "lstm": Row(
        12 * 4 * (6 * (8 + 6) + 5 * (6 + 5)) + 5 * 3,
        1_018,
        0,
        KERAS - NOT_TFLITE - {"openvino.tf2onnx.xml"},
        {
            ("frozen.pb",): {"zero states": 2 * (6 + 5)},
            ("tf2onnx.onnx",): {"zero states, equal ones once": 6 + 5},
        },
        apart={"tf2onnx.onnx"},  # it computes products of the first step in another order
        incomplete={"openvino.frozen.xml", "openvino.tf.xml"},  # how often a loop runs stands in the .bin file
    ),
    "mixer": Row(42_300, 3_053, 0, KERAS),
    # depthwise convolutions of 8, 16 and 24 channels, whose norms tf2onnx leaves
    "mobilenet": Row(191_216, 2_226, 240, KERAS, {(*LITE, *OPENVINO): folded(120), TF2ONNX: folded(120 - 8 - 16 - 24)}),
    "mobilenet_v2": Row(
        1_802_640,
        15_498,
        1_472,
        KERAS | TORCH,
        {(*LITE, *ONNX, *OPENVINO): folded(736), TF2ONNX: folded(736 - 48 - 72 - 72 - 120)},
    ),
    "multiplied": Row(45_984, 2_366, 0, KERAS, {LITE: zeros(6, 16, 96)}),
    "r2plus1d": Row(147_496, 2_548, 28, TORCH, {(*ONNX, *OPENVINO): folded(6 + 8)}),
    # both directions of 5 -> 4 units, then 8 -> 6 and 6 -> 6, 7 steps
    "recurrent": Row(
        7 * (2 * 16 * (5 + 4) + 18 * (8 + 6) + 18 * (6 + 6)) + 6 * 3,
        913,
        0,
        TORCH,
        {
            ("openvino.torchscript.xml",): CELLS,
            ("openvino.dynamo.xml",): {**CELLS, "zero states, equal ones once": 2 * 4 + 6},
        },
    ),
    "resnet": Row(539_264, 10_842, 592, KERAS | TORCH, {(*LITE, *ONNX, *OPENVINO): folded(296, biases=True)}),
    "senet": Row(308_768, 2_936, 128, TORCH, {(*ONNX, *OPENVINO): folded(64)}),
    "shufflenet": Row(121_200, 1_996, 180, TORCH, {(*ONNX, *OPENVINO): folded(90)}),
    "squeezed": Row(584_376, 3_294, 248, KERAS, {(*LITE, *OPENVINO): folded(124), TF2ONNX: folded(124 - 2 * 24)}),
    # OpenVINO gathers the embedding of a frozen graph along its second axis
    "text": Row(14_624, 2_243, 0, KERAS, apart={"openvino.frozen.xml"}),
    "transformer": Row(47_440, 4_533, 0, KERAS),
    "unet": Row(1_862_144, 5_859, 0, KERAS | TORCH, {OPENVINO: {"the slope of a leaky activation": 1}}),
    "video": Row(1_095_016, 1_418, 0, KERAS - NOT_TFLITE),
    "vit": Row(137_440, 8_026, 0, TORCH),
    "wave": Row(51_200, 1_705, 0, TORCH),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agree")


@cache
def networks(folder: Path, name: str) -> dict[str, Network]:
    """A network by the files that it is in."""
    with ZipFile(DATA / f"{name}.zip") as files:
        files.extractall(folder / name)
    paths = sorted((folder / name).iterdir())
    return {path.name: sepcalc.load(path / "model.json" if path.suffix == ".graph" else path) for path in paths}


def test_there_are_enough_networks_and_files() -> None:
    assert {path.stem for path in DATA.glob("*.zip")} == {*NETWORKS}
    assert len(NETWORKS) >= 15
    assert sum(len(row.files) for row in NETWORKS.values()) >= 60


@pytest.mark.parametrize("name", NETWORKS)
def test_every_file_has_the_networks_macs_and_params(name: str, folder: Path) -> None:
    row, found = NETWORKS[name], networks(folder, name)
    assert {*found} == row.files
    named = {file: sum(terms.values()) for files, terms in row.differences.items() for file in files}
    for file, network in found.items():
        if file in row.incomplete:
            assert not network.complete, file
            continue
        # OpenVINO's exponents stand in the .bin file: whether a power is a product or a root is not known
        assert {(gap.whole, gap.kind) for gap in network.uncounted} <= {(False, "Power")}, file
        assert file.endswith(".xml") or not network.uncounted, file
        assert network.cost.macs == row.macs + row.other_macs.get(file, 0), file
        assert network.cost.params == row.params + named.get(file, 0), file
        assert network.cost.buffers == (row.buffers if file in WITH_NORMS else 0), file


@pytest.mark.parametrize("name", NETWORKS)
def test_any_two_files_are_one_network(name: str, folder: Path) -> None:
    row = NETWORKS[name]
    found = {file: one for file, one in networks(folder, name).items() if file not in row.apart | row.incomplete}
    for (first, old), (second, new) in combinations(found.items(), 2):
        difference = sepcalc.diff(old, new)
        conversion = difference.conversion
        if conversion is None:  # not a layer changed
            assert {pair.status for pair in difference.pairs} == {"unchanged"}, (first, second)
            continue
        assert conversion.same, (first, second, conversion.told())
        explained = conversion.new.account.more - conversion.old.account.more
        assert new.cost.params - old.cost.params == explained, (first, second)
