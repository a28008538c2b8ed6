"""Fourier transforms of ONNX are not counted, but what they give has the shape that running them gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sepcalc.importers import Request
from sepcalc.importers.onnx import read

DATA = Path(__file__).parent / "data" / "faults"

STFTS: list[tuple[tuple[int, ...], int | None, int | None, dict[str, int], tuple[int, ...]]] = [
    # the signal, the window, the length of a frame, what is said; frames every 40, frequencies, 2
    ((1, 400, 1), None, 100, {}, (8, 51, 2)),
    ((1, 400), 100, None, {}, (8, 51, 2)),
    ((1, 400, 1), 100, 100, {"onesided": 1}, (8, 51, 2)),
    ((1, 400, 1), 100, None, {"onesided": 0}, (8, 100, 2)),
    ((1, 400, 2), 99, None, {"onesided": 0}, (8, 99, 2)),
    ((1, 101, 1), 99, None, {}, (1, 50, 2)),
]


def transformed(
    operator: str, shape: tuple[int, ...], stored: dict[str, Any], folder: Path, opset: int = 17, **said: int
) -> tuple[Any, Any]:
    """A model of the operator, and the network that it is read as."""
    names = ["x", *stored]
    while names[-1].startswith("none"):
        names.pop()
    made = helper.make_graph(
        [helper.make_node(operator, ["" if name.startswith("none") else name for name in names], ["y"], "it", **said)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in stored.items() if value is not None],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return model, read(str(path), Request(batch=1))


@pytest.mark.parametrize(("signal", "window", "length", "said", "right"), STFTS)
def test_frames_and_frequencies(
    signal: tuple[int, ...],
    window: int | None,
    length: int | None,
    said: dict[str, int],
    right: tuple[int, ...],
    tmp_path: Path,
) -> None:
    stored = {
        "step": np.array(40, np.int64),
        "window" if window else "none1": np.ones(window, np.float32) if window else None,
        "length" if length else "none2": np.array(length, np.int64) if length else None,
    }
    model, network = transformed("STFT", signal, stored, tmp_path, **said)
    assert network.outputs == {"y": right}
    assert [(gap.kind, gap.reason) for gap in network.uncounted] == [
        ("STFT", "the operations of a fast Fourier transform depend on the library")
    ]
    if len(signal) == 3 and signal[2] == 1:  # what ONNX Runtime takes
        runtime = pytest.importorskip("onnxruntime", reason="executing the operator needs onnxruntime")
        found = runtime.InferenceSession(model.SerializeToString()).run(None, {"x": np.ones(signal, np.float32)})
        assert found[0].shape == (1, *right)


DFTS = [
    ((1, 12, 1), {}, {"axis": 1}, (12, 2)),
    ((1, 12, 2), {"length": 16}, {"axis": 1}, (16, 2)),
    ((1, 12, 1), {}, {"axis": 1, "onesided": 1}, (7, 2)),
    ((1, 12, 5, 1), {"length": 8}, {"axis": 2, "onesided": 1}, (12, 5, 2)),
]


@pytest.mark.parametrize(("shape", "more", "said", "right"), DFTS)
def test_frequencies(shape: Any, more: dict[str, int], said: dict[str, int], right: Any, tmp_path: Path) -> None:
    stored = {name: np.array(value, np.int64) for name, value in more.items()}
    model, network = transformed("DFT", shape, stored, tmp_path, **said)
    assert network.outputs == {"y": right}
    from onnx.reference import ReferenceEvaluator

    assert ReferenceEvaluator(model).run(None, {"x": np.ones(shape, np.float32)})[0].shape == (1, *right)


def test_the_axis_of_a_newer_transform_is_an_input(tmp_path: Path) -> None:
    stored = {"none": None, "axis": np.array(1, np.int64)}
    assert transformed("DFT", (1, 12, 5, 1), stored, tmp_path, 20)[1].outputs == {"y": (12, 5, 2)}
    assert transformed("DFT", (1, 12, 5, 1), stored, tmp_path, 20, onesided=1)[1].outputs == {"y": (7, 5, 2)}


def test_what_follows_a_spectrum_is_counted() -> None:
    """80 filters on 100 frames of 257 frequencies, though the file's own inference takes 512."""
    request = Request(inputs={"waveforms": "1x16000", "waveforms_lens": "1"})
    network = read(str(DATA / "asr_kaldi_stft.onnx"), request)
    assert network.macs == 100 * 257 * 80 == 2_056_000
    assert [gap.kind for gap in network.uncounted] == ["STFT"]
