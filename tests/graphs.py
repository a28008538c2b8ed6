"""ONNX graphs for tests: nodes, weights and files in few words. Needs the package onnx."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sepcalc.errors import InputError
from sepcalc.importers import Request
from sepcalc.importers.onnx import read

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def weight(name: str, *shape: int, kind: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.ones(shape, kind), name)


def ints(name: str, *values: int) -> Any:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def node(operator: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), **attributes)


def graph(
    nodes: list[Any], inputs: dict[str, Any], outputs: str = "y", stored: tuple[Any, ...] = (), name: str = "g"
) -> Any:
    given = [helper.make_tensor_value_info(one, FLOAT, shape) for one, shape in inputs.items()]
    made = [helper.make_empty_tensor_value_info(one) for one in outputs.split()]
    return helper.make_graph(nodes, name, given, made, list(stored))


def saved(folder: Path, *parts: Any, opset: int = 17, functions: tuple[Any, ...] = (), **more: Any) -> str:
    made = graph(*parts, **more) if not hasattr(parts[0], "node") else parts[0]
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    path = folder / "m.onnx"
    path.write_bytes(helper.make_model(made, opset_imports=opsets, functions=functions).SerializeToString())
    return str(path)


def refusal(path: str, request: Request = Request()) -> str:
    with pytest.raises(InputError) as caught:
        read(path, request)
    return str(caught.value).replace(path, "FILE")
