"""Models of torchvision and torchaudio that stop where data decides, up to there. In an environment of their own, where
these packages are; elsewhere they are skipped."""

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
detection = pytest.importorskip("torchvision.models.detection", reason="needs torchvision")

from torch.utils.flop_counter import FlopCounterMode

import sepcalc
from sepcalc.cli import run

pytestmark = pytest.mark.filterwarnings("default")  # theirs, which are many

# By what each stops, and the sizes to which it brings an image of 300 x 400.
LARGE = (800, 1088)
DETECTORS: dict[str, tuple[str, tuple[int, int]]] = {
    **dict.fromkeys(("fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2"), ("where", LARGE)),
    **dict.fromkeys(("maskrcnn_resnet50_fpn", "keypointrcnn_resnet50_fpn"), ("where", LARGE)),
    "fasterrcnn_mobilenet_v3_large_fpn": ("where", LARGE),
    **dict.fromkeys(("retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", "fcos_resnet50_fpn"), ("index", LARGE)),
    "ssd300_vgg16": ("index", (300, 300)),
    "ssdlite320_mobilenet_v3_large": ("index", (320, 320)),
}


def detector(name: str) -> Any:
    return getattr(detection, name)(weights=None, weights_backbone=None)


def counted_by_pytorch(model: Any, size: tuple[int, int]) -> int:
    """The backbone and what reads its features, before anything is chosen among them."""
    model = model.eval().to("meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        features = list(model.backbone(torch.empty(1, 3, *size, device="meta")).values())
        (model.rpn.head if hasattr(model, "rpn") else model.head)(features)
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_is_counted_up_to_where_data_decides(name: str) -> None:
    kind, size = DETECTORS[name]
    model = detector(name)
    before = {label: (id(one), one._version) for label, one in model.state_dict(keep_vars=True).items()}
    net = sepcalc.from_torch(model, [torch.rand(3, 300, 400)])
    assert {label: (id(one), one._version) for label, one in model.state_dict(keep_vars=True).items()} == before
    assert model.training
    assert net.stopped is not None
    assert (net.stopped.kind, net.complete) == (kind, False)
    assert net.macs == counted_by_pytorch(model, size)


def ssd() -> Any:
    return detector("ssdlite320_mobilenet_v3_large")


def test_a_detector_is_reported_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", f"{__name__}:ssd", "--input", "300x400x3"]) == 3
    said = capsys.readouterr()
    assert "\n  index (index): what runs next depends on a value of the data" in said.out
    assert "Totals, INCOMPLETE: up to where counting stopped" in said.out
    assert "Traceback" not in said.err


def test_a_separator_of_sources_is_counted_up_to_its_inverse_transform() -> None:
    models = pytest.importorskip("torchaudio.models", reason="needs torchaudio")
    net = sepcalc.from_torch(models.HDemucs(["drums", "bass"]), torch.rand(1, 2, 44100))
    assert net.stopped is not None
    assert (net.stopped.kind, net.macs > 9 * 10**9) == ("istft", True)
