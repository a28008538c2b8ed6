"""The hints that ask for the sizes of inputs run as they are printed."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tflite_files
from gating import Run


def onnx(*sizes: int | str | None) -> Callable[[Path], str]:
    """A convolution of 3 channels, or a dense layer of 8: the last size, or that before the last two."""

    def made(folder: Path) -> str:
        pytest.importorskip("onnx")
        from graphs import node, saved, weight

        if len(sizes) == 4:
            stored = (weight("w", 4, 3, 1, 1),)
            return str(saved(folder, [node("Conv", "x w", "y")], {"x": sizes}, "y", stored))
        return str(saved(folder, [node("MatMul", "x w", "y")], {"x": sizes}, "y", (weight("w", 8, 4),)))

    return made


def keras(*shapes: list[int | None]) -> Callable[[Path], str]:
    def layer(kind: str, name: str, inputs: list[str], **config: Any) -> dict[str, Any]:
        nodes = [[[one, 0, 0, {}] for one in inputs]] if inputs else []
        return {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}

    def made(folder: Path) -> str:
        names = [f"in {at}" for at in range(len(shapes))]
        layers = [layer("InputLayer", name, [], batch_shape=[None, *shape]) for name, shape in zip(names, shapes)]
        layers += [layer("Dense", f"dense{at}", [name], units=4) for at, name in enumerate(names)]
        ends = [[f"dense{at}", 0, 0] for at in range(len(names))]
        config = {"name": "m", "layers": layers, "output_layers": ends}
        config["input_layers"] = [[name, 0, 0] for name in names]
        (folder / "model.json").write_text(json.dumps({"class_name": "Functional", "config": config}))
        return str(folder / "model.json")

    return made


def tflite(folder: Path) -> str:
    tensors = {
        "x": tflite_files.T((1, 1, 1, 3), signature=(-1, -1, -1, 3)),
        "w": tflite_files.stored(4, 3, 3, 3),
        "y": tflite_files.T((1, 1, 1, 4), signature=(-1, -1, -1, 4)),
    }
    operator = tflite_files.Op("CONV_2D", "x w", "y", {"stride_w": 1, "stride_h": 1, "padding": 0})
    return str(tflite_files.saved(folder, tflite_files.G([operator], tensors)))


def torch_module(folder: Path) -> str:
    pytest.importorskip("torch")
    text = "import torch\nclass Two(torch.nn.Module):\n    def forward(self, ids, mask):\n        return ids * mask\n"
    (folder / "pasted_nets.py").write_text(text)
    sys.modules.pop("pasted_nets", None)
    return "pasted_nets:Two"


CASES: dict[str, tuple[Callable[[Path], str], list[str], int]] = {  # what is made, what is said, how many lines run
    "a sequence": (onnx("batch", "length", 8), [], 2),
    "a sequence without names": (onnx(None, "?", 8), [], 1),
    "a sequence whose first axis is open": (onnx("length", 8), [], 2),
    "an image": (onnx("N", 3, "height", "width"), [], 2),
    "an image of Paddle": (onnx(*[f"DynamicDimension.{at}" if at != 1 else 3 for at in range(4)]), [], 2),
    "names that a shell takes apart": (onnx("N", 3, "a=b", "h w"), [], 2),
    "a dimension that is not there": (onnx(None, 3, "?", "?"), ["--dim", "?=5"], 1),
    "a type that a file says itself": (onnx(1, 7, 8), ["--input", "x=int64:1x7x8"], 1),
    "Keras": (keras([None, 8]), [], 1),
    "Keras, several inputs": (keras([8], [8]), ["--input", "8"], 1),
    "TFLite": (tflite, [], 1),
    "PyTorch": (torch_module, [], 1),
    "PyTorch, one more": (torch_module, ["--input", "ids=2x5"], 1),
}


@pytest.mark.parametrize("case", CASES)
def test_a_hint_that_asks_for_sizes_runs_as_printed(case: str, gate: Run, tmp_path: Path) -> None:
    make, said, count = CASES[case]
    argument = make(tmp_path)
    code, _, error = gate("network", argument, *said)
    assert code == 2
    hints = [line.partition("hint: ")[2] for line in error.splitlines() if "hint: " in line]
    assert hints
    lines = [line[line.index("--") :] for line in hints[-1].removesuffix(", for example").split(", or ")]
    beside = said if said and "also needs" in error else []
    assert len(lines) == count
    for line in lines:
        code, table, error = gate("network", argument, *beside, *shlex.split(line))
        assert code in (0, 3), (line, error)
        assert "macs" in table
