"""ONNX's own test cases for backends: some 1,300 graphs of an operator or a few, with the outputs that they must give."""

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

from sepcalc.errors import InputError
from sepcalc.importers.onnx import read
from sepcalc.shape import volume

# What has no shape in a case's data (float8 and the like come as single numbers), and the same case once more.
LEFT = ("test_cast", "test_quantizelinear_", "test_training_", "_expanded")


def stored_cases() -> Iterator[tuple[str, Any, list[Any]]]:
    """The files of the package: opset 6 and later, many of them made by PyTorch."""
    folder = Path(onnx.__file__).parent / "backend" / "test" / "data"
    for path in sorted(folder.glob("*/*/model.onnx")):
        outputs = []
        for at, output in enumerate(onnx.load(path).graph.output):
            if not output.type.HasField("tensor_type"):
                outputs.append(None)
                continue
            tensor = onnx.TensorProto()
            tensor.ParseFromString((path.parent / "test_data_set_0" / f"output_{at}.pb").read_bytes())
            outputs.append(onnx.numpy_helper.to_array(tensor) if tensor.dims else None)
        yield path.parent.name, onnx.load(path), outputs


def made_cases() -> Iterator[tuple[str, Any, list[Any]]]:
    """What the package makes when asked: each operator in its forms. Its pools sum no window, which takes it long: the
    outputs are as large without."""
    from onnx.backend.test.case.node import collect_testcases
    from onnx.reference.ops import op_pool_common

    no_windows = SimpleNamespace(product=lambda *ranges: ())
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr(op_pool_common, "itertools", no_windows)
        for case in collect_testcases(None):
            if case.model is not None and case.data_sets:
                yield case.name, case.model, [*case.data_sets[0][1]]


def test_every_output_is_as_large_as_it_must_be(tmp_path: Path) -> None:
    """Where all of a graph is counted, by what sepcalc knows of shapes itself; else it is listed as uncounted, or
    refused with a sentence."""
    wrong, counted = [], 0
    path = tmp_path / "model.onnx"
    for name, model, outputs in (*stored_cases(), *made_cases()):
        if name.startswith(LEFT[:-1]) or name.endswith(LEFT[-1]):
            continue
        path.write_bytes(model.SerializeToString())
        try:
            network = read(str(path))
        except InputError:
            continue
        if not network.complete:
            continue
        counted += 1
        fixed = re.search("fixed batch of ([0-9]+)", " ".join(network.notes))
        batch = int(fixed[1]) if fixed else 1
        for output, value in zip(model.graph.output, outputs):
            if output.name in network.outputs and isinstance(value, np.ndarray):
                size = volume(network.outputs[output.name])
                if value.size not in (size, size * batch):
                    wrong.append(f"{name}: {network.outputs[output.name]}, not {value.shape}")
    assert not wrong
    assert counted > 600
