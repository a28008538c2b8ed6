"""Every engine gives the numbers that the references in NumPy give, for the same weights, on small networks."""

from typing import Any

import numpy as np
import pytest

import sepcalc
from sepcalc.document.loading import load_yaml
from sepcalc.exporters.onnx import export, written
from sepcalc.exporters.protobuf import made
from sepcalc.importers.common.protobuf import parse
from sepcalc.importers.onnx.schema import ONNX
from sepcalc.network import Network
from sepcalc.nodes import Source
from sepcalc.ops.elementwise import Elementwise
from sepcalc.shape import Shape
from sepcalc.timing.engines import ENGINES, module
from sepcalc.timing.parts import parts
from sepcalc.verification.bench import Bench
from sepcalc.verification.executors import EXECUTORS

NETWORKS = {
    "normal": "12x12x3, conv -k5 -o8 --bias, act relu, pool max -k2, flatten, dense -o5 --bias, softmax",
    "separable": "12x12x3, depthwise -k5, pointwise -o16 --bias, act relu6, pool avg global, dense -o10 --bias",
    "spatial": "10x9x4, spatial -k3 -o6 -p same, act tanh, conv -k3 -o8 -s2 -p same, pool avg -k2",
    "grouped": "9x9x8, conv -k3 -o8 -g4 -d2 -p same, norm batch, act hard-swish, conv -k1 -o4",
    "transposed": "5x6x4, transposed -k3 -o6 -s2 -p1 --bias, act leaky-relu, transposed -k2 -o3 -s2",
    "residual": """
input: 8x8x4
layers:
  - residual: [conv -k3 -o4 -p same, norm batch, act relu6]
  - residual: [depthwise -k3 -p same, pointwise -o4 --bias]
  - pool max -k2
  - dense -o3
""",
    "gated": """
input: 9x9x6
layers:
  - multiply: {x: [], gate: [pool avg global, dense -o3, act relu, dense -o6, act sigmoid]}
  - conv -k3 -o4 -s2 -p same
  - act silu
""",
    "branches": """
input: 9x7x4
layers:
  - concat: {a: [conv -k3x1 -o3 -p same], b: [pool avg -k3 -s1 -p1 --exclude-pad], c: [pointwise -o2]}
  - act elu
  - pool max -k3 -s2 -p1
""",
    "transformer": """
input: 6x16
layers:
  - residual: [norm layer, multihead --heads 4 --bias]
  - residual: [norm layer, dense -o32 --bias, act gelu, dense -o16]
  - token --count 1
  - slice --to 1x16
  - flatten
  - dense -o5
""",
    "sequence": "16x4, conv -k5 -o8 -p same, act gelu, pool max -k2, conv -k3 -o4 -s2, reduce mean --over w",
    "volume": "7x6x5x3, conv -k3x3x2 -o4 -s2x1x1 -p same --bias, depthwise -k2 --multiplier 2, reduce max --over d",
}


def network_of(name: str) -> Network:
    text = NETWORKS[name]
    return load_yaml(Source("", text)).network if "\n" in text else sepcalc.load(text)


def numbers(owner: str, role: str, shape: Shape) -> Any:
    """The stored numbers that the reference of a layer has."""
    bench = Bench(owner, 0, lambda: None)
    if role in ("mean", "variance"):
        mean, spread = bench.weights("statistics", (2, *shape), "buffers").look().astype(np.float64)
        return mean if role == "mean" else np.abs(spread) + 1
    return bench.weights(role, shape).look()


def reference(net: Network, arrays: dict[str, Any], example: int) -> list[Any]:
    """The outputs of the network, one layer's reference after another's."""
    tensors = [array[example].astype(np.float64) for array in arrays.values()]
    for node in net.nodes:
        bench = Bench(node.weights or node.name, 0, lambda: None)
        read = [tensors[source] for source in node.sources]
        if isinstance(node.op, Elementwise):  # whose reference is for whole numbers
            tensors.append({"add": np.add, "multiply": np.multiply}[node.op.how](*read))
            continue
        tensors.append(np.asarray(EXECUTORS[type(node.op)].reference(node.op, read, node.output, bench)))
    return [tensors[number] for number in net.ends.values()]


def arrays_of(net: Network) -> dict[str, Any]:
    source = np.random.default_rng(0)
    return {name: source.uniform(1.05, 2, (2, *shape)).astype(np.float32) for name, shape in net.inputs.items()}


def feed(data: bytes, arrays: dict[str, Any]) -> dict[str, Any]:
    """The inputs in the layout of the file."""
    found = {}
    for given in parse(data, ONNX, "Model").graph.input:
        sizes = [dim.dim_value for dim in given.type.tensor_type.shape.dim[1:]]
        array = arrays[given.name]
        first = tuple(sizes) != array.shape[1:]
        found[given.name] = np.ascontiguousarray(np.moveaxis(array, -1, 1)) if first else array
    return found


@pytest.fixture(params=[name for name in ENGINES if name != "litert"])  # which reads TFLite alone
def engine(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(ENGINES[request.param].package)
    return str(request.param)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_engine_gives_the_numbers_of_the_reference(name: str, engine: str) -> None:
    net = network_of(name)
    data, arrays = b"".join(made(written(net, numbers))), arrays_of(net)
    session = module(engine).load(data, 1, "cpu")
    session.feed(feed(data, arrays))
    session.run()
    found = session.outputs()
    for example in range(2):
        for array, wanted in zip(found, reference(net, arrays, example), strict=True):
            spread = np.abs(wanted).max()
            orders = [array[example], np.moveaxis(array[example], 0, -1)]
            assert any(
                one.shape == wanted.shape and np.allclose(one, wanted, rtol=1e-4, atol=1e-4 * spread) for one in orders
            )


@pytest.mark.parametrize("name", ["residual", "separable", "transformer"])
def test_a_profile_has_every_layer_with_macs(name: str, engine: str, tmp_path: Any) -> None:
    """In a part of its own, or fused with others."""
    net = network_of(name)
    data = b"".join(made(export(net)))
    session = module(engine).load(data, 1, "cpu")
    session.feed(feed(data, {name: array[:1] for name, array in arrays_of(net).items()}))
    found, _ = parts(net, session.profile(3, str(tmp_path)))
    seen = {one for part in found for one in (part.name, *part.fused)}
    assert {layer.name for layer in net.layers if layer.cost.macs} <= seen
    assert sum(part.macs for part in found) == net.macs


def test_an_operator_that_is_not_in_the_table_is_named() -> None:
    pytest.importorskip("torch")
    data = b"".join(made(export(sepcalc.load("6x8, lstm -o4 --last"))))
    with pytest.raises(RuntimeError, match=r"^the table of PyTorch's operators has no LSTM, which lstm needs$"):
        module("torch").load(data, 1, "cpu")
