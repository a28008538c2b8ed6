"""Networks as ONNX files: every kind of layer that has an equivalent is valid, has the shapes that sepcalc says in an
engine that we did not write, gives the same numbers as the reference in NumPy, and reads back to the same counts."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import fitting_specs, network
from hypothesis import assume, given, settings

import sepcalc
from sepcalc.document.loading import load_yaml
from sepcalc.errors import InputError
from sepcalc.exporters.onnx import export, written
from sepcalc.exporters.onnx.operators import OPERATORS
from sepcalc.exporters.protobuf import Late, made
from sepcalc.kinds import KINDS
from sepcalc.network import Network
from sepcalc.nodes import Source
from sepcalc.ops.base import Uncounted
from sepcalc.ops.elementwise import ACTIVATIONS, Elementwise
from sepcalc.ops.move import Embedding
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape
from sepcalc.spec import Spec
from sepcalc.verification.bench import Bench
from sepcalc.verification.executors import EXECUTORS

onnx = pytest.importorskip("onnx")
ROOT = Path(__file__).parent.parent

LAYERS = (
    """
8x8x4 conv -k3 -o6
8x8x4 conv -k3 -o6 --bias -s2 -p same
9x7x4 conv -k3x2 -o6 -s2x1 -p 1/0x2/1 -d2x1 -g2
12x4 conv -k5 -o8 -p same
6x6x6x4 conv -k3 -o5 -s2
4 pointwise -o6 --bias
4 pointwise -o6 -g2
8x8x4 depthwise -k3 -p same --multiplier 2
8x8x4 separable -k3 -o8
8x8x4 spatial -k3 -o8
8x8x4 factorized -k3 -o8
8x8x4 transposed -k3 -o6 -s2 -p1 --output-padding 1
8x8x4 transposed -k3 -o6 -s2 -p same --bias
8x8x4 transposed -k2 -o6 -s3 -p same -g2
9x4 transposed -k4 -o6 -s2 -p1
5x5x36 fold -k3 --to 7x7
8x8x4 pool max -k2
9x9x4 pool max -k3 -s2 -p1 --ceil
9x9x4 pool max -k2 -d2
9x9x4 pool avg -k3 -s2 -p1
9x9x4 pool avg -k3 -s2 -p1 --exclude-pad
9x9x4 pool avg -k3 -s2 -p same
9x9x4 pool avg -k2 -d2
12x4 pool max -k2
8x8x4 pool avg global
8x8x4 pool max global
8x8x4 pool avg --to 1x1
8x8x4 pool avg --to 4x4
8x8x4 pool max --to 2x4
8x8x4 reduce mean --over hw --keep
8x8x4 reduce mean --over w
8x6x4 reduce sum --over hwc
8x6x4 reduce max --over c
8x6x4 reduce min --over h
8x6x4 reduce prod --over h
8x6x4 reduce argmax --over c
8x6x4 reduce argmin --over w --keep
8x8x4 reduce argmax --over hw
8x8x4 cumsum
8x8x4 cumsum --axis h
8x8x4 upsample nearest --scale 2
8x8x4 upsample bilinear --scale 2
8x8x4 upsample bicubic --to 12x20
8x8x4 upsample nearest --to 11x13
8x4 upsample linear --scale 2
4x4x4x2 upsample trilinear --scale 2
8x8x4 norm batch
8x4 norm batch
4 norm batch
8x8x4 norm layer
8x8x4 norm layer --axes 2
8x8x4 norm layer --no-gain --no-bias
8x8x4 norm layer --no-bias
8x8x4 norm rms
8x8x4 norm rms --no-gain
8x8x4 norm group --groups 2
8x8x4 norm group --groups 2 --no-gain --no-bias
8x8x4 norm instance
8x8x4 norm instance --no-gain --no-bias
8x8x4 norm lrn --size 3
8x8x4 norm input
8x8x4 softmax
8x8x4 softmax --axis h
8x8x4 log-softmax
10 softmax
8x8x4 act prelu
8x8x4 act prelu --shared
8x8x4 act swish --beta 2
8x8x4 act elu --alpha 0.5
8x8x4 act celu --alpha 0.5
8x8x4 act softplus --beta 2
8x8x4 scale constant
8x8x4 scale channel
8x8x4 shift element
8x8x4 scale --shape 8x1x4
8x4 stored maximum channel
8x4 stored minimum constant
8x4 stored from constant
8x4 stored over constant
8x4 stored compare channel
8x4 stored power constant
8x4 stored logical constant
8x8x4 select
8x8x4 pad -p 1/2x0/3
8x8x4 slice --to 4x5x2 --start 1x2x1
8x8x4 copy --to 4x4x4 --stride 2 --start 0x1
7 embedding --vocab 10 --out 6
7 embedding bag-sum --vocab 10 --out 6
7 embedding bag-mean --vocab 10 --out 6
6x4 token --count 2
8x8x4 flatten
8x8x4 reshape --to 64x4
8x6x4 permute --to 4x8x6
8x8x4 shuffle --groups 2
8x6x8 shuffle --groups 2 --blocks 2
8x8x4 pixel-shuffle --scale 2
8x8x4 pixel-unshuffle --scale 2
8x4 pixel-shuffle --scale 2
8x8x4 identity
8x8x4 dropout
16 dense -o10 --bias
6x16 dense -o10
6x4x16 dense -o10 --bias
6x16 attention --heads 4
6x16 multihead --heads 4 --bias
6x16 rnn -o8
6x16 rnn relu -o8 --bias --bias-sets 2
6x16 lstm -o8 --bias --bias-sets 2
6x16 lstm -o8 --bidirectional --last
6x16 lstm -o8 --peephole
6x16 gru -o8 --bias
6x16 gru -o8 --bias --reset-before --bias-sets 2 --bidirectional
6x16 einsum ij->j
3x8x8x4 each conv -k3 -o6
3x8 each dense -o6 --bias
3x8x8x4 each pool max -k2
3x6x16 each lstm -o8
""".strip().splitlines()
    + [f"6x6x4 act {how}" for how in ACTIVATIONS]
)

JOINS = """
8x6x4 8x6x4 add
8x6x4 8x6x4 subtract
8x6x4 8x6x4 multiply
8x6x4 8x6x4 divide
8x6x4 8x6x4 maximum
8x6x4 8x6x4 minimum
8x6x4 8x6x4 compare
8x6x4 8x6x4 power
8x6x4 8x6x4 logical
8x6x4 8x6x4 concat
8x6x4 8x3x4 concat --axis w
8x6x4 8x6x4 8x6x4 select
8x6x4 4 multiply
8x1x4 8x6x4 add
8x8x4 5x7x2 grid-sample bilinear
8x8x4 5x7x2 grid-sample nearest --align-corners
3x5x4 4x6 matmul
3x5x4 3x6x4 matmul --transpose
5x8 7x8 attention --heads 4
5x16 7x8 7x4 attention --heads 4 --kv-heads 2
5x6 6x7 einsum ij,jk->ik
5x6 5x6 einsum ij,ij->
""".strip().splitlines()

REFUSED = {
    "8x8x4 pool sum -k2": "pool (pool): ONNX has no pool that sums",
    "8x8x4 pool avg --to 3x3": "pool (pool): ONNX has no pool whose windows differ in size",
    "8x8x4 reduce argmax --over wc": "reduce (reduce): ONNX finds the position of the maximum along one axis",
    "8x8x4 cumprod": "cumprod (cumprod): ONNX has no running prod",
    "8x8x4 cummax": "cummax (cummax): ONNX has no running max",
    "8x8x4 cummin": "cummin (cummin): ONNX has no running min",
    "8x8x4 norm batch --no-gain": "norm (norm): ONNX's batch norm always stores a scale and a shift",
    "8x8x4 norm batch --unfolded": "norm (norm): ONNX's batch norm is one operator: leave out --unfolded",
    "8x8x4 norm input --shape 4": "norm (norm): ONNX keeps no count of examples",
    "8x8x4 copy --to 4x4x4": "copy (copy): which elements a copy takes is not known",
    "8x8x4 scatter add --to 9x9": "scatter (scatter): the indices of a scatter are not known",
    "6x16 attention --heads 4 --mask": "attention (attention): what the mask adds is not known",
    "6x16 lstm -o8 --bias": "lstm (lstm): ONNX stores two sets of biases: take --bias-sets 2",
    "6x16 lstm -o8 --projection 4": "lstm (lstm): ONNX's LSTM has no projection",
    "6x16 lstm -o8 --gate silu": "lstm (lstm): ONNX's LSTM has no silu",
    "8x8x4 uncounted Magic --to 3": "uncounted (Magic): Magic is not known: it is written as uncounted",
}


def network_of(line: str) -> Network:
    """The network of one layer: its inputs' shapes, then the layer."""
    words = line.split()
    count = next(at for at, word in enumerate(words) if not word[0].isdigit())
    layer = " ".join(words[count:])
    if count == 1:
        return sepcalc.load(f"{words[0]}, {layer}")
    shapes = [tuple(map(int, word.split("x"))) for word in words[:count]]
    return network(shapes, [(layer, tuple(range(count)))], names=[words[count]])


def file_of(net: Network) -> bytes:
    return b"".join(made(export(net)))


def counted_again(net: Network, file: Path) -> dict[str, list[int]]:
    """What the file costs by layer of the network: the sum of the layers under its name."""
    again = sepcalc.load(str(file))
    assert again.complete
    found = {layer.name.replace(" ", "_"): [0] * len(layer.cost) for layer in net.layers}
    for layer in again.layers:
        name = layer.name
        while name not in found and "/" in name:
            name = name.rpartition("/")[0]
        if name in found or any(layer.cost):
            found[name] = [before + more for before, more in zip(found[name], layer.cost, strict=True)]
    return found


def assert_same(net: Network, file: Path) -> None:
    """Each layer has the same counts again. Several operators write more elements than one."""
    found = counted_again(net, file)
    for layer in net.layers:
        *counts, activations = found[layer.name.replace(" ", "_")]
        assert counts == [*layer.cost][:-1], layer.name
        assert activations >= layer.cost.activations


@pytest.mark.parametrize("line", [*LAYERS, *JOINS])
def test_a_layer_reads_back_to_the_same_counts(line: str, tmp_path: Path) -> None:
    net = network_of(line)
    data = file_of(net)
    onnx.checker.check_model(onnx.load_from_string(data), full_check=True)
    (tmp_path / "model.onnx").write_bytes(data)
    assert_same(net, tmp_path / "model.onnx")


def test_every_kind_is_written_or_refused() -> None:
    """Each row of the table of kinds stands in one of the two lists above."""
    listed = [*LAYERS, *JOINS, *REFUSED]
    kinds = {next(word for word in line.split() if not word[0].isdigit()) for line in listed}
    alone = {"constant", "random"}  # they have no input
    assert set(KINDS) == (kinds - {"each"}) | alone
    assert set(OPERATORS) == set(EXECUTORS) | {Uncounted}


@pytest.mark.parametrize("line", REFUSED)
def test_a_layer_without_an_equivalent_is_refused(line: str) -> None:
    with pytest.raises(InputError) as refused:
        export(network_of(line))
    assert str(refused.value) == REFUSED[line]


def test_all_layers_without_an_equivalent_are_told(tmp_path: Path) -> None:
    text = "inputs: {x: 8x8x4}\nlayers: [constant --to 8x8x4, {add: [], from: [x, previous]}, random --to 4]\n"
    with pytest.raises(InputError) as refused:
        export(load_yaml(Source("", text)).network)
    assert str(refused.value).splitlines() == [
        "constant (constant): a stored tensor has no batch",
        "random (random): random numbers differ at every run",
    ]


def test_a_max_pool_moves_as_many_bytes_as_before(tmp_path: Path) -> None:
    """The indices that ONNX's pool can give, and that nobody asked for, are no part of its output."""
    net = network_of("8x8x4 pool max -k2")
    (tmp_path / "model.onnx").write_bytes(file_of(net))
    (pool,) = sepcalc.load(str(tmp_path / "model.onnx")).layers
    assert (pool.element_bits, pool.traffic()) == (32, 4 * (8 * 8 * 4 + 4 * 4 * 4))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"to": "onnx", "seed": "a"}, "seed is 'a': expected a whole number from 0"),
        ({"to": "onnx", "seed": -1}, "seed is -1: expected a whole number from 0"),
        ({"to": "onnx", "weights": "x"}, "weights is 'x': expected random or zero"),
        ({"to": "onx"}, "to is 'onx': expected yaml or onnx\n  hint: did you mean onnx?"),
        (
            {"weights": "zero"},
            'weights and seed are for ONNX files\n  hint: sepcalc.convert(network, to="onnx")',
        ),
    ],
)
def test_wrong_arguments_are_told(given: Any, message: str) -> None:
    with pytest.raises(InputError) as refused:
        sepcalc.convert("8x8x3, conv -k3 -o4", **given)
    assert str(refused.value) == message


# --- run by an engine ---------------------------------------------------------------------------------------------


def arrays_of(net: Network, batch: int = 2) -> dict[str, Any]:
    """Inputs that every layer is defined for: above one, or numbers of rows of a table."""
    found = {}
    for at, (name, shape) in enumerate(net.inputs.items()):
        values = np.random.default_rng(at).uniform(1.05, 2.0, (batch, *shape)).astype(np.float32)
        readers = [node.op for node in net.nodes if at in node.sources]
        for op in readers:
            table = op.op if isinstance(op, Each) else op
            if isinstance(table, Embedding):
                values = (values * 100).astype(np.float32 if table is not op else np.int64) % table.vocab
        found[name] = values
    return found


def ran(data: bytes, arrays: dict[str, Any]) -> list[Any]:
    """The outputs of ONNX Runtime for these inputs, channels last; each input is given in the file's layout."""
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    feed = {}
    for told in session.get_inputs():
        array = arrays[told.name]
        first = tuple(told.shape[1:]) != array.shape[1:]
        feed[told.name] = np.moveaxis(array, -1, 1) if first else array
    return list(session.run(None, feed))


def assert_runs(net: Network, data: bytes, batch: int = 2) -> None:
    for array, number in zip(ran(data, arrays_of(net, batch)), net.ends.values(), strict=True):
        shape = net.nodes[number - len(net.inputs)].output
        last = array if array.shape[1:] == shape else np.moveaxis(array, 1, -1)
        assert last.shape == (batch, *shape)


@pytest.mark.parametrize("line", [*LAYERS, *JOINS])
def test_an_engine_gives_the_shapes(line: str) -> None:
    net = network_of(line)
    assert_runs(net, file_of(net))


@given(fitting_specs())
@settings(max_examples=300)
def test_an_engine_gives_the_shapes_of_random_layers(spec: Spec) -> None:
    """Whatever kind and options: an engine that we did not write agrees with the algebra of shapes."""
    pytest.importorskip("onnxruntime")
    shape, _, layer = str(spec).partition(" ")
    try:
        net = sepcalc.load(f"{shape}, {layer}")
        data = file_of(net)
    except InputError:
        assume(False)
    assert_runs(net, data)


MODELS = ["onnx/resnet18.onnx", "onnx/mobilenet_v2.torchscript.onnx", "tflite/unet.float.tflite", "tf/ds_cnn.pb"]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_file_reads_back_to_the_same_counts(name: str, tmp_path: Path) -> None:
    """Numbers that layers share are stored once again."""
    net = sepcalc.load(str(ROOT / "tests" / "data" / name))
    (tmp_path / "model.onnx").write_bytes(file_of(net))
    assert_same(net, tmp_path / "model.onnx")


ZOO = sorted(path.stem for path in (ROOT / "specs").glob("*.yaml"))


@pytest.mark.parametrize("name", ZOO)
def test_a_network_of_the_zoo_reads_back_to_the_same_counts(name: str, tmp_path: Path) -> None:
    net = sepcalc.load(f"zoo:{name}")
    with open(tmp_path / "zeros.onnx", "wb") as file:  # with holes where the weights are
        for part in export(net, "zero"):
            if isinstance(part, Late):
                file.seek(part.size, os.SEEK_CUR)
            else:
                file.write(part)
    assert_same(net, tmp_path / "zeros.onnx")


@pytest.mark.parametrize("name", ZOO)
def test_an_engine_gives_the_shape_of_every_layer_of_the_zoo(name: str) -> None:
    pytest.importorskip("onnxruntime")
    net = sepcalc.load(f"zoo:{name}")
    ends = {node.name: at for at, node in enumerate(net.nodes, len(net.inputs))}
    every = Network(net.name, net.inputs, net.nodes, ends)
    assert_runs(every, file_of(every), 1)


# --- the same numbers as the reference ----------------------------------------------------------------------------

NETWORKS = {
    "separable": "12x12x3, depthwise -k5, pointwise -o16 --bias, act relu, pool avg global, dense -o10 --bias",
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
  - norm lrn --size 3
  - softmax
""",
    "branches": """
input: 9x7x4
layers:
  - concat: {a: [conv -k3x1 -o3 -p same -d2], b: [pool avg -k3 -s1 -p1 --exclude-pad], c: [transposed -k1 -o2]}
  - shuffle --groups 3
  - transposed -k3 -o4 -s2 -p1 --bias
  - upsample bilinear --scale 2
""",
    "transformer": """
input: 6x16
layers:
  - residual: [norm layer, multihead --heads 4 --bias]
  - residual: [norm rms, dense -o32 --bias, act gelu-tanh, dense -o16]
  - token --count 1
  - shift element
  - slice --to 1x16
  - flatten
  - dense -o5
""",
    "recurrent": "6x8, lstm -o5 --bias --bias-sets 2 --bidirectional, gru -o4 --bias, rnn -o3"
    ", gru -o3 --reset-before --last",
    "peephole": "5x6, lstm -o4 --peephole, dense -o3",
    "functions": "5x6, lstm -o4 --gate hard-sigmoid --act softsign --bidirectional"
    ", gru -o3 --act linear --gate hard-sigmoid, rnn relu -o2",
    "norms": "8x6x8, norm group --groups 2, act silu, norm instance, act prelu, norm layer --axes 2"
    ", scale channel, act mish",
    "pixels": "6x8x8, pixel-shuffle --scale 2, pixel-unshuffle --scale 4, conv -k1 -o8 -g4, permute --to 8x3x4"
    ", reshape --to 6x16, flatten",
    "volume": "7x6x5x3, conv -k3x3x2 -o4 -s2x1x1 -p same --bias, pool max -k2x2x1, depthwise -k2 --multiplier 2,"
    " reduce max --over d",
}


ALONE = """conv depthwise pointwise transposed fold pool reduce upsample softmax log-softmax norm pad slice flatten
reshape permute shuffle pixel-shuffle pixel-unshuffle dense"""


# Without norm input: its mean and variance are constants that no file stores, so any do.
@pytest.mark.parametrize(
    "line", [line for line in LAYERS if line.split()[1] in ALONE.split() and "norm input" not in line]
)
def test_a_layer_gives_the_numbers_of_the_reference(line: str) -> None:
    """Each by itself, behind a depthwise that leaves its channels first, so that a lost order shows."""
    shape, layer = line.split(" ", 1)
    axes = shape.count("x")
    net = sepcalc.load(f"{shape}, depthwise -k{'x'.join(['1'] * axes)}, {layer}" if axes else f"{shape}, {layer}")
    assert_numbers(net)


def numbers(owner: str, role: str, shape: Shape) -> Any:
    """The stored numbers that the reference of a layer has."""
    bench = Bench(owner, 0, lambda: None)
    if role in ("mean", "variance"):
        mean, spread = bench.weights("statistics", (2, *shape), "buffers").look().astype(np.float64)
        return mean if role == "mean" else np.abs(spread) + 1
    scale = 8 if role[0].isdigit() else 1  # of a recurrent cell
    return bench.weights(role, shape).look() / scale


def assert_numbers(net: Network) -> None:
    """The engine gives the numbers that the references give, one layer after another."""
    found = ran(b"".join(made(written(net, numbers))), arrays_of(net))
    for example in range(2):
        tensors = [array[example].astype(np.float64) for array in arrays_of(net).values()]
        for node in net.nodes:
            bench = Bench(node.weights or node.name, 0, lambda: None)
            read = [tensors[source] for source in node.sources]
            if isinstance(node.op, Elementwise):  # whose reference is for whole numbers
                join = {"add": np.add, "multiply": np.multiply}[node.op.how]
                tensors.append(join(*read))
                continue
            tensors.append(np.asarray(EXECUTORS[type(node.op)].reference(node.op, read, node.output, bench)))
        for array, number in zip(found, net.ends.values(), strict=True):
            shape = tensors[number].shape
            orders = [array[example], np.moveaxis(array[example], 0, -1)]  # of a cube both have its shape
            spread = np.abs(tensors[number]).max()
            assert any(
                one.shape == shape and np.allclose(one, tensors[number], rtol=1e-4, atol=1e-4 * spread)
                for one in orders
            )


@pytest.mark.parametrize("name", NETWORKS)
def test_an_engine_gives_the_numbers_of_the_reference(name: str) -> None:
    text = NETWORKS[name]
    assert_numbers(load_yaml(Source("", text)).network if "\n" in text else sepcalc.load(text))
