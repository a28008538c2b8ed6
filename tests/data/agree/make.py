"""Writes the files of this folder: one network in every format that its framework writes.

Each step runs in the environment of its framework (README.md has their versions), in this order:

    python make.py keras BUILD       TensorFlow, Keras, tf2onnx, TensorFlow.js: all that comes from Keras
    python make.py torch BUILD       PyTorch, onnxscript: both exporters to ONNX, and torch.export
    python make.py openvino BUILD    OpenVINO, from these
    python make.py pack BUILD        TensorFlow again: empties the files, and packs each network into a zip
"""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent
LAYERS_MODEL = ("--input_format=keras_keras", "--output_format=tfjs_layers_model")


# --- Keras -----------------------------------------------------------------------------------------------------------


def from_keras(build: Path) -> None:
    """Keras -> JSON, .keras, GraphDef, SavedModel, TFLite, TF.js (both), ONNX by tf2onnx."""
    for name in ("tensorflow_decision_forests", "tensorflowjs.converters.jax_conversion"):
        sys.modules[name] = ModuleType(name)  # TensorFlow.js imports both, and needs neither for these
    sys.modules["tensorflowjs.converters.jax_conversion"].convert_jax = None  # type: ignore[attr-defined]
    import tensorflow as tf
    import tf2onnx
    from keras_networks import NETWORKS, made
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    from tensorflowjs.converters import converter, tf_saved_model_conversion_v2

    for name in sys.argv[3:] or NETWORKS:
        model = made(name)
        to = build / name
        to.mkdir(parents=True, exist_ok=True)
        (spec,) = [tf.TensorSpec((1, *one.shape[1:]), one.dtype) for one in model.inputs]
        function = tf.function(lambda x, model=model: model(x, training=False), input_signature=[spec])
        frozen = convert_variables_to_constants_v2(function.get_concrete_function(), lower_control_flow=False)
        (to / "keras.json").write_text(model.to_json())
        (to / "frozen.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
        model.save(to / "keras.keras")
        model.export(to / "tf.savedmodel", verbose=False)
        with tempfile.TemporaryDirectory() as scratch:
            whole = shutil.copy(to / "keras.keras", scratch)  # it is unpacked where it stands
            attempt(converter.convert, [*LAYERS_MODEL, whole, f"{scratch}/layers"])
            attempt(tf_saved_model_conversion_v2.convert_tf_saved_model, f"{to}/tf.savedmodel", f"{scratch}/graph")
            written = str(to / "tf2onnx.onnx")
            attempt(tf2onnx.convert.from_function, function, [spec], opset=18, output_path=written)
            if Path(written).exists() and not _standard(Path(written)):
                Path(written).unlink()
            lite = attempt(tf.lite.TFLiteConverter.from_keras_model(model).convert)
            if lite is not None:
                (to / "lite.tflite").write_bytes(lite)
            if Path(f"{scratch}/layers/model.json").exists():
                shutil.copy(f"{scratch}/layers/model.json", to / "tfjs.layers.json")
            if Path(f"{scratch}/graph/model.json").exists():
                shutil.copytree(f"{scratch}/graph", to / "tfjs.graph", dirs_exist_ok=True)
        truth = {
            "params": sum([prod(one.shape) for one in model.weights if _trained(one)]),
            "buffers": sum([prod(one.shape) for one in model.weights if not _trained(one)]),
            "macs": _tf_macs(tf, frozen.graph),
        }
        (to / "keras.truth").write_text(json.dumps(truth))
        print(name, truth, flush=True)


def _standard(path: Path) -> bool:
    """Whether all operators are ONNX's: tf2onnx leaves those that it does not know as they are."""
    import onnx

    return all(onnx.defs.has(node.op_type, node.domain) for node in onnx.load(path).graph.node)


def attempt(conversion: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """What a conversion gives; None where its converter refuses the network."""
    try:
        return conversion(*args, **more)
    except (Exception, SystemExit) as problem:
        print("refused:", " ".join(str(problem).split())[:300], flush=True)
        return None


def _trained(variable: Any) -> bool:
    return not variable.path.rsplit("/", 1)[-1].startswith(("moving_", "mean", "variance", "count", "seed"))


def _tf_macs(tf: Any, graph: Any) -> int:
    """The macs of the operators of a frozen graph, by the shapes that TensorFlow gives them: of those that stand in the
    graph itself, not in loops and other functions."""
    macs = 0
    for op in graph.get_operations():
        if any(one.shape.rank is None or None in one.shape for one in [*op.inputs, *op.outputs]):
            continue
        if op.type in ("Conv2D", "Conv3D"):
            macs += prod(op.outputs[0].shape) * prod(op.inputs[1].shape[:-1])
        elif op.type == "DepthwiseConv2dNative":
            macs += prod(op.outputs[0].shape) * prod(op.inputs[1].shape[:2])
        elif op.type == "Conv2DBackpropInput":
            macs += prod(op.inputs[2].shape) * prod(op.inputs[1].shape[:-1])
        elif op.type == "MatMul":
            macs += prod(op.outputs[0].shape) * op.inputs[0].shape[0 if op.get_attr("transpose_a") else 1]
        elif op.type == "BatchMatMulV2":
            macs += prod(op.outputs[0].shape) * op.inputs[0].shape[-2 if op.get_attr("adj_x") else -1]
        elif op.type == "Einsum":
            given, _, _ = op.get_attr("equation").decode().partition("->")
            sizes: dict[str, int] = {}
            for letters, tensor in zip(given.split(","), op.inputs):
                sizes |= dict(zip(letters, tensor.shape))
            macs += prod(sizes.values())
    return macs


# --- PyTorch ---------------------------------------------------------------------------------------------------------


def from_torch(build: Path) -> None:
    """PyTorch -> ONNX by both exporters, and torch.export's archive."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode
    from torch_networks import NETWORKS, made

    torch.backends.mha.set_fastpath_enabled(False)  # the counter does not see it
    for name in sys.argv[3:] or NETWORKS:
        model, inputs = made(name)
        to = build / name
        to.mkdir(parents=True, exist_ok=True)
        torch.onnx.export(model, inputs, str(to / "torchscript.onnx"), dynamo=False, opset_version=18)
        program = torch.onnx.export(model, inputs, dynamo=True, verbose=False)
        program.save(str(to / "dynamo.onnx"), external_data=False)
        torch.export.save(torch.export.export(model, inputs), to / "torch.pt2")
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            model(*inputs)
        truth = {
            "params": sum([one.numel() for one in model.parameters()]),
            "buffers": sum([one.numel() for one in model.buffers() if one.is_floating_point()]),
            "macs": counter.get_total_flops() // 2,
        }
        (to / "torch.truth").write_text(json.dumps(truth))
        print(name, truth, flush=True)


# --- OpenVINO --------------------------------------------------------------------------------------------------------

SOURCES = ("frozen.pb", "tf.savedmodel", "tf2onnx.onnx", "lite.tflite", "dynamo.onnx", "torchscript.onnx")


def from_others(build: Path) -> None:
    """OpenVINO's converter, from each file that it reads."""
    for folder in sorted(build.iterdir()):
        if sys.argv[3:] and folder.name not in sys.argv[3:]:
            continue
        for path in [folder / source for source in SOURCES if (folder / source).exists()]:
            attempt(_to_openvino, path)


def _to_openvino(path: Path) -> None:
    import openvino

    model = openvino.convert_model(path)
    if any(one.get_partial_shape().is_dynamic for one in model.inputs):
        model.reshape({one: [1, *list(one.get_partial_shape())[1:]] for one in model.inputs})
    openvino.save_model(model, path.parent / f"openvino.{path.stem}.xml", compress_to_fp16=False)


# --- all -------------------------------------------------------------------------------------------------------------


def pack(build: Path) -> None:
    """Empties the files, and packs each network into a zip."""
    from emptied import EMPTIED, archive

    for folder in sorted(build.iterdir()):
        if sys.argv[3:] and folder.name not in sys.argv[3:]:
            continue
        with tempfile.TemporaryDirectory() as name:
            empty = Path(name) / folder.name
            shutil.copytree(folder, empty)
            for path in sorted(empty.iterdir()):
                if path.suffix in EMPTIED:
                    EMPTIED[path.suffix](path)
            files = [one for one in sorted(empty.rglob("*")) if one.is_file() and not _beside(one.relative_to(empty))]
            archive(HERE / f"{folder.name}.zip", {str(one.relative_to(empty)): one.read_bytes() for one in files})
            print(folder.name, len(files), (HERE / f"{folder.name}.zip").stat().st_size)


def _beside(path: Path) -> bool:
    if path.parts[0] == "tf.savedmodel":
        return path.name != "saved_model.pb"
    return path.suffix == ".truth"


if __name__ == "__main__":
    steps = {"keras": from_keras, "torch": from_torch, "openvino": from_others, "pack": pack}
    steps[sys.argv[1]](Path(sys.argv[2]))
