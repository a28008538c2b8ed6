"""Model files without their weights: each function empties a file in its place. Shapes and small tables stand."""

import json
import zipfile
from collections.abc import Callable, Iterable
from math import prod
from pathlib import Path
from typing import Any

SMALL = 64  # elements: tables of sizes and axes, without which a graph is not understood


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def archive(path: Path, members: dict[str, bytes]) -> None:
    """A zip that is the same for the same members."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(_entry(name), content, zipfile.ZIP_DEFLATED, 9)


def onnx(path: Path) -> None:
    """Large tensors are external, in a file that there is not."""
    import onnx as package
    from onnx.external_data_helper import set_external_data

    model = package.load(path)
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        tensors = list(graph.initializer)
        for node in graph.node:
            for attribute in node.attribute:
                graphs += [attribute.g] if attribute.HasField("g") else []
                tensors += [attribute.t] if attribute.HasField("t") else []
            _untraced(node)
            node.doc_string = ""
        for tensor in tensors:
            if tensor.data_type == package.TensorProto.FLOAT and len(tensor.raw_data) > 4 * SMALL:
                set_external_data(tensor, "absent", 0, len(tensor.raw_data))
                tensor.ClearField("raw_data")
    path.write_bytes(model.SerializeToString(deterministic=True))


def _untraced(node: Any) -> None:
    """Without the lines of source that it came from, which name the folders of a machine."""
    kept = [(one.key, one.value) for one in node.metadata_props if "stack_trace" not in one.key]
    del node.metadata_props[:]
    for key, value in kept:
        node.metadata_props.add(key=key, value=value)


def graphdef(path: Path) -> None:
    """Constants without their numbers."""
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    graph.ParseFromString(path.read_bytes())
    _empty_nodes([graph.node, *[function.node_def for function in graph.library.function]])
    path.write_bytes(graph.SerializeToString(deterministic=True))


def savedmodel(path: Path) -> None:
    """The graph alone: no variables, no assets."""
    from tensorflow.core.protobuf import saved_model_pb2

    (file,) = [one for one in path.iterdir() if one.name == "saved_model.pb"]
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(file.read_bytes())
    for meta in model.meta_graphs:
        graph = meta.graph_def
        _empty_nodes([graph.node, *[function.node_def for function in graph.library.function]])
        meta.meta_info_def.ClearField("stripped_op_list")  # the signatures of TensorFlow's own operators
    file.write_bytes(model.SerializeToString(deterministic=True))


def _empty_nodes(nodes: list[Any]) -> None:
    from tensorflow.core.framework import types_pb2

    for node in [one for some in nodes for one in some]:
        tensor = node.attr["value"].tensor if node.op == "Const" else None
        if tensor is not None and tensor.dtype == types_pb2.DT_FLOAT and len(tensor.tensor_content) > 4 * SMALL:
            tensor.ClearField("tensor_content")
        if "_output_shapes" in node.attr:
            del node.attr["_output_shapes"]


def tflite(path: Path) -> None:
    """Buffers of weights removed."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    floats = {
        tensor.buffer
        for graph in model.subgraphs
        for tensor in graph.tensors
        if tensor.type == schema.TensorType.FLOAT32 and len(tensor.shape) and _elements(tensor.shape) > SMALL
    }
    for at in floats:
        model.buffers[at].data = None
    model.metadata = []
    flatbuffer_utils.write_model(model, str(path))


def _elements(shape: Iterable[int]) -> int:
    return prod(map(int, shape))


def tfjs(path: Path) -> None:
    """Zeros in place of all large weights. Sizes and axes stand among them."""
    (group,) = json.loads((path / "model.json").read_text("utf-8"))["weightsManifest"]
    (shard,) = group["paths"]
    content, at = bytearray((path / shard).read_bytes()), 0
    for weight in group["weights"]:
        size = prod(weight["shape"]) * {"float32": 4, "int32": 4, "bool": 1}[weight["dtype"]]
        if weight["dtype"] == "float32" and prod(weight["shape"]) > SMALL:
            content[at : at + size] = bytes(size)
        at += size
    (path / shard).write_bytes(content)


def keras(path: Path) -> None:
    """The configuration alone."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist() if name.endswith(".json")}
    archive(path, members)


def pt2(path: Path) -> None:
    """The program, and the tables that say what its weights are."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    kept = {
        name: content
        for name, content in members.items()
        if not ("/data/weights/weight_" in name or "/data/sample_inputs/" in name)
    }
    for name, content in kept.items():
        if name.endswith("models/model.json"):
            kept[name] = _traceless(content)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as file:
        for name, content in kept.items():
            file.writestr(_entry(name), content)


def _traceless(content: bytes) -> bytes:
    """Without the lines of source that each operator came from, which name the folders of a machine."""
    program = json.loads(content)
    for node in program["graph_module"]["graph"]["nodes"]:
        node["metadata"].pop("stack_trace", None)
    return json.dumps(program, separators=(",", ":")).encode()


def openvino(path: Path) -> None:
    """The graph, without its ``.bin``."""
    path.with_suffix(".bin").unlink(missing_ok=True)


EMPTIED: dict[str, Callable[[Path], None]] = {
    ".onnx": onnx,
    ".pb": graphdef,
    ".savedmodel": savedmodel,
    ".tflite": tflite,
    ".keras": keras,
    ".pt2": pt2,
    ".graph": tfjs,
    ".xml": openvino,
}
