"""TensorFlow.js: ``model.json``. A layers-model is a Keras model, a graph-model a TensorFlow graph; each goes to the
reader of that. Of the files with its weights those numbers are read that are sizes and axes; they may be absent."""

import os
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, NamedTuple

from sepcalc.errors import Invalid, bad_input, printable
from sepcalc.importers import Request
from sepcalc.importers.common.protobuf import Payload
from sepcalc.importers.common.protobuf_text import read_json
from sepcalc.importers.common.tensorflow.graph import SMALL
from sepcalc.importers.keras import of_config
from sepcalc.importers.keras.container import load
from sepcalc.importers.tf import of_model
from sepcalc.importers.tf.model import Model
from sepcalc.importers.tf.schema import NUMBERS, TENSORFLOW
from sepcalc.network import Network

MAX_GRAPH = 2**24  # bytes of the text of a graph
_BYTES = {"float32": 4, "int32": 4, "bool": 1, "uint8": 1, "uint16": 2, "float16": 2, "complex64": 8}
_KINDS = {"int32": "DT_INT32", "bool": "DT_BOOL"}


class Weight(NamedTuple):
    """A stored tensor: its type, its sizes, and where its numbers lie (a file, a byte; none: not known)."""

    kind: str
    shape: tuple[int, ...]
    file: str
    start: int


def read(path: str, request: Request = Request()) -> Network:
    """The network of a model of TensorFlow.js. Raises InputError."""
    config = load(path)
    topology = config.get("modelTopology") if isinstance(config, dict) else None
    if not isinstance(topology, dict):
        raise bad_input(f"{printable(path)}: this is no model of TensorFlow.js: it has no modelTopology")
    if "node" not in topology:
        model = topology.get("model_config", topology)
        if isinstance(model, dict) and "class_name" not in model and "config" not in model:
            raise bad_input(f"{printable(path)}: its modelTopology has neither nodes nor layers")
        return of_config(model, path, request)
    if os.path.getsize(path) > MAX_GRAPH:
        raise bad_input(f"{printable(path)}: larger than {MAX_GRAPH >> 20} MiB")
    stem = os.path.splitext(os.path.basename(path))[0]
    folder = os.path.basename(os.path.dirname(os.path.abspath(path)))
    name = folder if stem == "model" and folder else stem
    return of_model(lambda: _model(config, topology, path), path, printable(name), request)


def _model(config: Mapping[str, Any], topology: Any, path: str) -> Model:
    """The graph of a graph-model, with its signature. Raises Invalid."""
    try:
        graph = read_json(topology, TENSORFLOW, "Graph", NUMBERS)
        said = config.get("signature") or config.get("userDefinedMetadata", {}).get("signature")
        signature = read_json({"key": "", "value": said}, TENSORFLOW, "SignatureEntry", NUMBERS) if said else None
        weights = dict(_weights(config.get("weightsManifest") or []))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        if isinstance(error, Invalid):
            raise
        raise Invalid(f"this is no graph of TensorFlow.js, or it is damaged: {printable(str(error))[:100]}") from error
    for node in graph.node:
        content = next((one.value.tensor for one in node.attr if one.key == "value"), None)
        if node.op == "Const" and content is not None and (weight := weights.get(node.name)) is not None:
            _fill(content, weight, os.path.dirname(path))
    return Model(graph, [signature] if signature is not None else [])


def _weights(manifest: Any) -> Iterator[tuple[str, Weight]]:
    """The stored tensors by name, each where it lies in the files that follow one another."""
    for group in manifest:
        files = group.get("paths") or [""]
        file, at = (files[0], 0) if len(files) == 1 else ("", 0)  # of several files it is not said where each ends
        for one in group["weights"]:
            shape = tuple([int(size) for size in one["shape"]])
            kind = one.get("quantization", {}).get("dtype", one["dtype"])
            yield one["name"], Weight(one["dtype"], shape, file, at)
            if kind in _BYTES and min(shape, default=0) >= 0:
                at += prod(shape) * _BYTES[kind]
            else:  # texts: their lengths stand with them
                file = ""


def _fill(content: Any, weight: Weight, folder: str) -> None:
    """Puts the numbers of a small tensor of whole numbers into a constant, where its file is there."""
    content.elsewhere = 1
    count = prod(weight.shape)
    if weight.kind not in _KINDS or not 0 < count <= SMALL or not weight.file:
        return
    if os.path.basename(weight.file) != weight.file:
        return
    try:
        with open(os.path.join(folder, weight.file), "rb") as file:
            file.seek(weight.start)
            raw = file.read(count * _BYTES[weight.kind])
    except (OSError, ValueError, OverflowError):
        return
    if len(raw) == count * _BYTES[weight.kind]:
        content.dtype, content.tensor_content = NUMBERS[_KINDS[weight.kind]], Payload(raw, 0, len(raw))
