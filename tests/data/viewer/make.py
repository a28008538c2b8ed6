"""Writes ids.json: what Google's Model Explorer calls the operators of files, for the tests of --format model-explorer.

``pip install ai-edge-model-explorer model-explorer-onnx``, then ``python make.py``. The ids are those of
ai-edge-model-explorer 0.1.34 and model-explorer-onnx 0.4.2.
"""

import json
from pathlib import Path

from model_explorer.builtin_graphdef_adapter import BuiltinGraphdefAdapter
from model_explorer.builtin_tflite_flatbuffer_adapter import BuiltinTfliteFlatbufferAdapter
from model_explorer_onnx.main import ONNXAdapter

DATA = Path(__file__).parent.parent
FILES = (
    *(
        f"tflite/{name}.tflite"
        for name in ("sep.float", "sep_mult.float", "unet.int8", "mha.float", "ds_cnn.int8", "conv1d.float")
    ),
    *(f"onnx/{name}.onnx" for name in ("alexnet", "resnet18", "mobilenet_v2", "shufflenet_v2_x0_5")),
    *(f"faults/{name}.onnx" for name in ("nested_if_14", "o_custom")),
    "viewer/unnamed.onnx",
    "viewer/signatures.tflite",
    "tf/sep.pb",
    "tf/unet.pb",
)
ADAPTERS = {".tflite": BuiltinTfliteFlatbufferAdapter, ".onnx": ONNXAdapter, ".pb": BuiltinGraphdefAdapter}
STORED = ("pseudo_const", "GraphInputs", "GraphOutputs", "Initializer", "Input", "Output", "Const", "Constant")


def plain(thing: object) -> dict:
    return thing if isinstance(thing, dict) else vars(thing)


def ids(path: Path, at: int = 0) -> dict[str, str]:
    """The ids of a file's graph, the first one by default, with their labels."""
    made = ADAPTERS[path.suffix]().convert(str(path), {})
    graphs = made.get("graphs") or plain(made["graphCollections"][0])["graphs"]
    nodes = map(plain, plain(graphs[at])["nodes"])
    return {node["id"]: node["label"] for node in nodes if node["label"] not in STORED}


found = {name: ids(DATA / name) for name in FILES}
found["viewer/signatures.tflite two"] = ids(DATA / "viewer" / "signatures.tflite", 1)
(DATA / "viewer" / "ids.json").write_text(json.dumps(found, indent=0) + "\n")
