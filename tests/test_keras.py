"""Keras models: shapes and params against what Keras says of them, counts against what runs, macs against PyTorch's."""

import gzip
import json
import zipfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import sepcalc
from sepcalc.cli import run
from sepcalc.cost import Cost
from sepcalc.errors import InputError
from sepcalc.importers import Request
from sepcalc.importers.keras import read, supported
from sepcalc.importers.keras.table import LAYERS, OPERATIONS
from sepcalc.layer import Layer
from sepcalc.network import Network
from sepcalc.verification import verify

DATA = Path(__file__).parent / "data" / "keras"


@cache
def stored(name: str) -> Any:
    return json.loads(gzip.decompress((DATA / name).read_bytes()))


def network(model: Any, folder: Path, **inputs: str) -> Network:
    path = folder / "model.json"
    path.write_text(json.dumps(model))
    return read(str(path), Request(inputs={name.strip("_"): shape for name, shape in inputs.items()}))


def rows(net: Network, name: str) -> list[Layer]:
    """What a layer became: its row, its links, and those of further calls."""
    own = [layer for layer in net.layers if layer.name.split("/")[0].split("[")[0] == name]
    return own or [layer for layer in net.layers if layer.name == name]


def held(layers: list[Layer]) -> int:
    """Params as Keras counts them, trainable and not."""
    return sum(layer.cost.params + layer.cost.buffers for layer in layers)


def fits(shape: tuple[int, ...], said: list[int | None]) -> bool:
    """Whether a shape is what Keras says, as far as it does; one number is an element here."""
    return len(shape) == len(said or [1]) and all(want in (None, size) for size, want in zip(shape, said or [1]))


# --- keras.applications ---------------------------------------------------------------------------------------------

APPLICATIONS = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "ResNet50",
    "VGG16",
    "Xception",
)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_application_layer_by_layer(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(DATA / "applications.zip") as archive:
        model, truth = json.loads(archive.read(f"{name}.json")), json.loads(archive.read(f"{name}.truth.json"))
    asked = {"_": "224x224x3"} if None in truth["input"][1:] else {}
    net = network(model, tmp_path, **asked)
    assert net.complete
    assert net.cost.params + net.cost.buffers == truth["params"]
    assert net.cost.macs == truth["macs_torch"]
    for layer in truth["layers"]:
        if layer["type"] != "InputLayer":
            own = rows(net, layer["name"])
            assert (layer["name"], held(own)) == (layer["name"], layer["params"])
            assert fits(own[-1].output, layer["output"][0][1:]), layer["name"]


def test_every_application_is_there() -> None:
    with zipfile.ZipFile(DATA / "applications.zip") as archive:
        assert sorted(archive.namelist()) == sorted([f"{n}{e}" for n in APPLICATIONS for e in (".json", ".truth.json")])


def test_a_saved_model() -> None:
    net = read(str(DATA / "separable.keras"), Request())
    assert (held(rows(net, "sep")), held(rows(net, "depthwise_conv2d"))) == (1942, 5120)
    assert [(layer.name, layer.output, layer.kind) for layer in net.layers] == [
        ("sep/depthwise", (8, 8, 6), "depthwise"),
        ("sep/pointwise", (8, 8, 256), "pointwise"),
        ("depthwise_conv2d", (6, 6, 512), "depthwise"),
    ]
    assert net["sep/depthwise"].cost.macs == 9600  # 12x12x3, 5x5, multiplier 2: DESIGN's table
    assert verify(net).ok


# --- every layer class ------------------------------------------------------------------------------------------------

ZOO: dict[str, Any] = stored("zoo.json.gz")
# What Keras counts and sepcalc does not, each with the layer that is listed for it.
UNCOUNTED = {
    "UpSampling2D(2, interpolation='lanczos3') on 9x11x6": "UpSampling2D",
    "Resizing(8, 8, interpolation='lanczos5') on 9x11x6": "Resizing",
    "IntegerLookup(vocabulary=[3, 5, 7], num_oov_indices=3) on 10": "IntegerLookup",
    "Hashing(num_bins=8) on 10": "Hashing",
    "Hashing(num_bins=8, output_mode='multi_hot') on 10": "Hashing",
    "HashedCrossing(num_bins=8, output_mode='one_hot') on 1, 1": "HashedCrossing",
    "TextVectorization(vocabulary=['a', 'b'], output_sequence_length=7) on 1": "TextVectorization",
    "TextVectorization(vocabulary=['a', 'b'], output_mode='multi_hot') on scalar": "TextVectorization",
    "MelSpectrogram(num_mel_bins=16, fft_length=64, sequence_stride=32) on 600": "MelSpectrogram",
    "Activation('sparsemax') on 12x6": "sparsemax",
    "Dense(4, activation='sparsemax') on 10": "sparsemax",
    "LSTM(5, activation='sparsemax') on 12x6": "LSTM",
    "Lambda(lambda x: x * 2) on 12x6": "Lambda",
    "LocallyConnected1D(8, 3, implementation=3) on 12x6": "LocallyConnected1D",
}
SHAPED = (
    *[name for name, row in LAYERS.items() if row.shapes],
    "LocallyConnected",
    "IntegerLookup",
    "STFTSpectrogram",
)  # those whose output is known all the same
FORMS = [(key, form) for key, entry in ZOO.items() for form in ("model", "old") if form in entry]


def moved(shape: list[int], key: str) -> list[int]:
    """The shape with channels last, where the layer has them first."""
    if (
        "channels_first" in key
        and len(shape) > 1
        and not key.startswith(("Flatten", "TimeDistributed", "Bidirectional", "STFT"))
    ):
        return shape if key.startswith("ConvLSTM") and "sequences" in key else shape[1:] + shape[:1]
    return shape


@pytest.mark.parametrize(("key", "form"), FORMS, ids=[f"{form} {key}" for key, form in FORMS])
def test_a_layer_class(key: str, form: str, tmp_path: Path) -> None:
    entry = ZOO[key]
    net = network(entry[form], tmp_path)
    if key in UNCOUNTED:
        assert [gap.kind for gap in net.uncounted] == [UNCOUNTED[key]]
        assert not net.complete
        if key.startswith(SHAPED):
            ((_, (_, outputs)),) = entry["truth"].items()
            assert [list(shape) for shape in net.outputs.values()] == outputs
            assert "is taken to be" not in net.uncounted[0].reason
        return
    assert net.complete
    assert net.incomplete == (("compares",) if key.startswith("Discretization") else ())
    ((name, (params, outputs)),) = entry["truth"].items()
    assert held(list(net.layers)) == params
    assert all(layer.name == name or layer.name.startswith(f"{name}/") for layer in net.layers)
    assert len(net.outputs) == len(outputs)
    for shape, said in zip(net.outputs.values(), outputs):
        assert fits(shape, moved(said, key))
    if len(outputs) == 1:
        assert fits(net.layers[-1].output, moved(outputs[0], key))
    if form == "model":
        assert verify(net).ok


def test_both_formats_of_a_model_are_the_same(tmp_path: Path) -> None:
    for key, entry in ZOO.items():
        if "old" in entry:
            old, new = (network(entry[form], tmp_path).layers for form in ("old", "model"))
            assert [layer[:8] for layer in old] == [layer[:8] for layer in new], key  # but where it comes from


def test_every_layer_class_is_in_the_zoo() -> None:
    """Other names of a class, and what is Keras 2's or random, aside."""
    texts = "\n".join(ZOO)
    aliases = ("Convolution", "MaxPool1", "MaxPool2", "MaxPool3", "AvgPool", "GlobalMaxPool1", "GlobalMaxPool2")
    aside = (*aliases, "GlobalMaxPool3", "GlobalAvgPool", "SeparableConvolution", "CuDNN", "Random", "ThresholdedReLU")
    aside = (*aside, "SyncBatch", "GroupedQuery", "RandAugment", "AugMix", "CutMix", "MixUp")
    assert [
        name for name, row in LAYERS.items() if row.handle and f"{name}(" not in texts and not name.startswith(aside)
    ] == []


def test_the_listing(capsys: pytest.CaptureFixture[str]) -> None:
    listing = supported()
    assert {"Conv2D", "MultiHeadAttention", "ConvLSTM2D", "ops.Add"} <= set(listing)
    assert len(listing) == sum(row.handle is not None for row in (*LAYERS.values(), *OPERATIONS.values()))
    assert run(["operators", "keras", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["source"], told["counted"]) == ("keras", listing)
    assert "Lambda" in [gap["name"] for gap in told["uncounted"]]
    assert not set(listing) & {gap["name"] for gap in told["uncounted"]}


# --- models of several layers -----------------------------------------------------------------------------------------

MODELS: dict[str, Any] = stored("models.json.gz")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("form", ["model", "old"])
def test_a_model(name: str, form: str, tmp_path: Path) -> None:
    entry = MODELS[name]
    net = network(entry[form], tmp_path)
    assert net.complete
    assert net.cost.params + net.cost.buffers == entry["total"]
    first = name == "first"
    for layer, (params, outputs) in entry["truth"].items():
        own = rows(net, layer)
        assert (layer, held(own)) == (layer, params)
        if outputs is not None and len(outputs) == 1:
            said = outputs[0]
            assert fits(own[-1].output, said[1:] + said[:1] if first else said), layer
    assert [list(shape) for shape in net.outputs.values()] == entry["outputs"]
    assert verify(net).ok


def test_shared_layers_work_each_time_and_are_stored_once(tmp_path: Path) -> None:
    net = network(MODELS["siamese"]["model"], tmp_path)
    one, other = net["embed/c"], net["embed/c[1]"]
    assert (one.weights, other.weights) == ("embed/c", "embed/c")
    assert (one.cost.params, other.cost.params) == (3 * 3 * 4 + 4, 0)
    assert one.cost.macs == other.cost.macs == 6 * 6 * 4 * 9


def test_inputs_and_outputs_have_names(tmp_path: Path) -> None:
    net = network(MODELS["shared"]["model"], tmp_path)
    assert net.inputs == {"a": (8,), "b": (8,)}
    assert network(MODELS["outputs"]["model"], tmp_path).outputs == {"one": (2,), "two": (3,)}


def test_channels_first_become_last(tmp_path: Path) -> None:
    net = network(MODELS["first"]["model"], tmp_path)
    assert net.inputs == {"input_layer": (16, 16, 3)}
    assert [layer.output for layer in net.layers[:3]] == [(14, 14, 4)] * 3
    assert not any(layer.kind == "permute" for layer in net.layers)  # none is needed


def test_operations(tmp_path: Path) -> None:
    entry = stored("operations.json.gz")
    net = network(entry["model"], tmp_path)
    assert net.complete
    found = list(net.outputs.values())
    for shape, (name, said) in zip(found, entry["outputs"], strict=True):
        assert fits(shape, said[1:]), name
    assert net["matmul_1"].kind == "dense"  # a product with a matrix of the file
    assert verify(net).ok


def test_operations_in_a_file_of_the_old_format(tmp_path: Path) -> None:
    """It names no modules: relu(x)·2 + 1 by operators, and an Add that is a layer."""

    def tensor(name: str) -> Any:
        return {"class_name": "__keras_tensor__", "config": {"shape": [None, 6, 4], "keras_history": [name, 0, 0]}}

    def one(class_name: str, name: str, *args: Any, **config: Any) -> Any:
        nodes = [{"args": list(args), "kwargs": {}}] if args else []
        return {"class_name": class_name, "config": {"name": name, **config}, "name": name, "inbound_nodes": nodes}

    layers = [
        one("InputLayer", "x", batch_shape=[None, 6, 4]),
        one("Relu", "relu", tensor("x")),
        one("Multiply", "twice", tensor("relu"), 2),
        one("Add", "plus", tensor("twice"), 1),
        one("Add", "both", [tensor("plus"), tensor("x")], trainable=True, dtype="float32"),
        one("Mean", "own", tensor("both"), trainable=True, dtype="float32"),  # someone's layer of the same name
    ]
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["own", 0, 0]]}
    net = network({"class_name": "Functional", "config": config}, tmp_path)
    kinds = [(layer.name, layer.kind) for layer in net.layers]
    assert kinds == [("relu", "act"), ("twice", "scale"), ("plus", "shift"), ("both", "add"), ("own", "Mean")]
    assert [gap.name for gap in net.uncounted] == ["own"]


@pytest.mark.parametrize(
    ("equation", "bias", "cost"),
    [  # nothing is summed: no macs
        ("abc,c->abc", "c", Cost(mults=24, adds=24, params=8, activations=48)),
        ("abc,d->abdc", None, Cost(mults=24 * 5, params=5, activations=24 * 5)),
        ("abc,bd->acdb", "d", Cost(mults=24 * 5, adds=24 * 5, params=30 + 5, activations=2 * 24 * 5)),
    ],
)
def test_an_einsum_without_a_sum_multiplies_only(equation: str, bias: str | None, cost: Cost, tmp_path: Path) -> None:
    sizes = {"a": None, "b": 6, "c": 4, "d": 5}
    shape = [sizes[letter] for letter in equation.partition("->")[2][1:]]
    config = {"name": "product", "equation": equation, "output_shape": shape, "bias_axes": bias}
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 6, 4]}},
        {"class_name": "EinsumDense", "config": config},
    ]
    net = network({"class_name": "Sequential", "config": {"name": "net", "layers": layers}}, tmp_path)
    assert (net.cost, list(net.outputs.values())) == (cost, [tuple(shape)])
    assert verify(net).ok


def test_a_mean_counts_as_one(tmp_path: Path) -> None:
    net = network(stored("operations.json.gz")["model"], tmp_path)
    assert net["mean"].cost._replace(activations=0)[1:3] == (6, 18)  # of 4x6 over the first: 6 mults, 3 additions each
    assert net["power"].cost.mults == 24  # a square is one multiplication
    assert net["subtract"].cost.adds == 24


@pytest.mark.parametrize(
    ("axes", "rows", "kinds"),
    [
        ([1, 2], 4, ["permute", "reshape", "softmax", "reshape", "permute"]),  # a picture of weights for each channel
        ([1, 3], 6, ["permute", "reshape", "softmax", "reshape", "permute"]),
        ([2, 3], 6, ["reshape", "softmax", "reshape"]),
        ([1, 2, 3], 1, ["flatten", "softmax", "reshape"]),
    ],
)
def test_a_softmax_over_several_axes(axes: list[int], rows: int, kinds: list[str], tmp_path: Path) -> None:
    layer = {"class_name": "Softmax", "config": {"name": "s", "axis": axes}, "name": "s"}
    layer["inbound_nodes"] = [[["x", 0, 0, {}]]]
    net = network(keras2(layer, outputs=[["s", 0, 0]]), tmp_path)
    assert [one.kind for one in net.layers] == kinds
    assert net.outputs == {"output": (6, 6, 4)}
    assert net.cost[:6] == (0, 0, 2 * 144 - rows, 144 - rows, 144, 144)
    assert verify(net).ok


# --- layers around layers, cells by themselves ------------------------------------------------------------------------


def test_the_state_of_spectral_normalization_is_a_buffer(tmp_path: Path) -> None:
    """And all that it adds: at inference the kernel is as training left it."""
    net = network(ZOO["SpectralNormalization(Conv2D(4, 3)) on 9x11x6"]["model"], tmp_path)
    macs = 7 * 9 * 4 * 3 * 3 * 6
    assert net.cost == Cost(macs, macs, macs, params=4 * 54 + 4, buffers=4, activations=7 * 9 * 4)
    for key, size in (
        ("SpectralNormalization(Conv2DTranspose(4, 3, data_format='channels_first')) on 6x9x11", 6),
        ("SpectralNormalization(SpectralNormalization(Conv1D(5, 3))) on 12x6", 5 + 5),
        ("TimeDistributed(SpectralNormalization(Dense(4))) on 3x6x7x4", 4),
    ):
        assert network(ZOO[key]["model"], tmp_path).cost.buffers == size


def test_the_state_of_a_layer_that_works_twice_is_stored_once(tmp_path: Path) -> None:
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 4}}
    layer = {"class_name": "SpectralNormalization", "config": {"name": "s", "layer": dense}, "name": "s"}
    layer["inbound_nodes"] = [[["x", 0, 0, {}]], [["s", 0, 0, {}]]]
    net = network(keras2(layer, outputs=[["s", 1, 0]]), tmp_path)
    assert [one.name for one in net.layers] == ["s/vector_u", "s", "s[1]"]
    assert (net.cost.params, net.cost.buffers) == (4 * 4 + 4, 4)


def test_a_layer_without_a_kernel_has_no_spectral_norm(tmp_path: Path) -> None:
    relu = {"class_name": "ReLU", "config": {"name": "r"}}
    layer = {"class_name": "SpectralNormalization", "config": {"name": "s", "layer": relu}, "name": "s"}
    layer["inbound_nodes"] = [[["x", 0, 0, {}]]]
    (gap,) = network(keras2(layer, outputs=[["s", 0, 0]]), tmp_path).uncounted
    assert "without a kernel" in gap.reason


@pytest.mark.parametrize(
    ("key", "cost"),
    [
        ("SimpleRNNCell(5) on 6, 5", Cost(55, 55, 55, specials=5, params=60, activations=5)),
        ("LSTMCell(5) on 6, 5, 5", Cost(220, 235, 240, divs=15, specials=25, params=240, activations=5)),
        ("GRUCell(5) on 6, 5", Cost(165, 180, 150 + 40, divs=10, specials=15, params=165 + 30, activations=5)),
    ],
)
def test_a_cell_by_itself_is_one_step(key: str, cost: Cost, tmp_path: Path) -> None:
    """5 units of 6 + 5 products at each step."""
    assert network(ZOO[key]["model"], tmp_path).cost == cost


def test_both_directions_of_images(tmp_path: Path) -> None:
    """Twice the work and the weights of one direction; the sum is an addition for each element."""
    one = network(ZOO["ConvLSTM1D(5, 3) on 3x7x4"]["model"], tmp_path).cost
    both = network(ZOO["Bidirectional(ConvLSTM1D(5, 3)) on 3x7x4"]["model"], tmp_path)
    assert (both.cost.macs, both.cost.adds, both.params) == (2 * one.macs, 2 * one.adds, 2 * one.params)
    added = network(
        ZOO["Bidirectional(ConvLSTM1D(5, 3, return_sequences=True), merge_mode='sum') on 3x7x4"]["model"], tmp_path
    )
    assert added["bidirectional"].cost.adds == 3 * 5 * 5


# --- Keras 2 ----------------------------------------------------------------------------------------------------------


def keras2(*layers: Any, outputs: Any) -> dict[str, Any]:
    first = {"class_name": "InputLayer", "name": "x", "inbound_nodes": []}
    first["config"] = {"batch_input_shape": [None, 6, 6, 4], "dtype": "float32", "name": "x"}
    config = {"name": "net", "layers": [first, *layers], "input_layers": [["x", 0, 0]], "output_layers": outputs}
    return {"class_name": "Functional", "config": config, "keras_version": "2.11.0", "backend": "tensorflow"}


def tensorflow(name: str, function: str, node: Any) -> dict[str, Any]:
    config = {"name": name, "trainable": True, "dtype": "float32", "function": function}
    return {"class_name": "TFOpLambda", "config": config, "name": name, "inbound_nodes": node}


def test_operations_of_tensorflow(tmp_path: Path) -> None:
    """The hard swish of keras.applications' MobileNetV3 in Keras 2: x·relu6(x + 3)/6."""
    relu = {"class_name": "ReLU", "config": {"name": "r", "max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0}}
    relu |= {"name": "r", "inbound_nodes": [[["plus", 0, 0, {}]]]}
    multiply = {"class_name": "Multiply", "config": {"name": "m"}, "name": "m"}
    multiply["inbound_nodes"] = [[["x", 0, 0, {}], ["times", 0, 0, {}]]]
    model = keras2(
        tensorflow("plus", "__operators__.add", [["x", 0, 0, {"y": 3.0, "name": None}]]),
        relu,
        tensorflow("times", "math.multiply", [["r", 0, 0, {"y": 0.16666666666666666, "name": None}]]),
        multiply,
        tensorflow("turned", "math.subtract", [["_CONSTANT_VALUE", -1, 1.0, {"y": ["m", 0, 0], "name": None}]]),
        tensorflow("mean", "math.reduce_mean", [["turned", 0, 0, {"axis": [1, 2], "keepdims": False}]]),
        tensorflow("cat", "concat", [[["mean", 0, 0, {"axis": -1}], ["mean", 0, 0, {"axis": -1}]]]),
        outputs=[["cat", 0, 0]],
    )
    net = network(model, tmp_path)
    assert net.complete
    kinds = [(layer.name, layer.kind, layer.output) for layer in net.layers]
    assert kinds == [
        ("plus", "shift", (6, 6, 4)),
        ("r", "act", (6, 6, 4)),
        ("times", "scale", (6, 6, 4)),
        ("m", "multiply", (6, 6, 4)),
        ("turned", "stored from", (6, 6, 4)),
        ("mean", "reduce", (4,)),
        ("cat", "concat", (8,)),
    ]
    assert verify(net).ok


def test_an_unknown_operation_of_tensorflow_is_uncounted(tmp_path: Path) -> None:
    model = keras2(tensorflow("lgamma", "math.lgamma", [["x", 0, 0, {}]]), outputs=[["lgamma", 0, 0]])
    (gap,) = network(model, tmp_path).uncounted
    assert gap[:3] == (
        "lgamma",
        "TFOpLambda",
        (
            "an operation of TensorFlow that sepcalc does not know: use a Keras layer in its place; the file "
            "does not state its output shape, so the input shape is assumed"
        ),
    )


def test_old_lists_of_layers(tmp_path: Path) -> None:
    """A Sequential up to Keras 2.2.2 is a list; its first layer knows the input."""
    dense = {"class_name": "Dense", "config": {"name": "d", "units": 5, "batch_input_shape": [None, 7]}}
    net = network({"class_name": "Sequential", "config": [dense]}, tmp_path)
    assert (net.inputs, net.cost.params) == ({"input": (7,)}, 40)


def test_a_nested_sequence_of_keras_2_is_numbered_from_1(tmp_path: Path) -> None:
    inner = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 6, 6, 4], "name": "i"}}
    conv = {"class_name": "Conv2D", "config": {"name": "c", "filters": 3, "kernel_size": [1, 1]}}
    sequence = {"class_name": "Sequential", "config": {"name": "s", "layers": [inner, conv]}, "name": "s"}
    sequence["inbound_nodes"] = [[["x", 0, 0, {}]]]
    net = network(keras2(sequence, outputs=[["s", 1, 0]]), tmp_path)
    assert [(layer.name, layer.cost.params) for layer in net.layers] == [("s/c", 15)]


def test_weights_of_its_own_at_every_position(tmp_path: Path) -> None:
    """10 windows of 3x6 times 8 filters of their own (tf_keras: a kernel of 10x18x8); masked, of 12·6 by 12·8."""
    net = network(ZOO["LocallyConnected1D(8, 3) on 12x6"]["model"], tmp_path)
    assert [(layer.kind, layer.output) for layer in net.layers] == [
        ("copy", (180,)),
        ("pointwise", (80,)),
        ("reshape", (10, 8)),
    ]
    macs = 10 * 18 * 8
    assert net.cost == Cost(macs, macs, macs, params=macs + 80, activations=180 + 80)
    net = network(ZOO["LocallyConnected1D(8, 3, padding='same', implementation=2) on 12x6"]["model"], tmp_path)
    assert net.macs == 72 * 96


@pytest.mark.parametrize(
    ("key", "cost"),
    [
        # of 10 ones among 5 zeros each: the largest, or their sum
        ("CategoryEncoding(num_tokens=5, output_mode='multi_hot') on 10", Cost(compares=45, activations=55)),
        ("CategoryEncoding(num_tokens=5, output_mode='count') on 10, 10", Cost(mults=50, adds=45, activations=105)),
        ("CategoryEncoding(num_tokens=5, output_mode='one_hot') on 10", Cost(activations=50)),
        # an index; against the mask; against what stands for a foreign one
        ("IntegerLookup(vocabulary=[3, 5, 7]) on 10", Cost(activations=10)),
        (
            "IntegerLookup(vocabulary=[3, 5, 7], mask_token=0, num_oov_indices=0) on 10",
            Cost(compares=20, activations=40),
        ),
        (
            "StringLookup(vocabulary=['a', 'b'], output_mode='tf_idf', idf_weights=[0.5, 2.0]) on 10",
            Cost(mults=3, adds=9 * 3, activations=10 + 30 + 3 + 3),
        ),
        # two convolutions of 2 channels, 6 frames, 17 frequencies, 20 samples; then for each of 204 two squares, sum,
        # floor, root, floor, log
        (
            "STFTSpectrogram('log', frame_length=20, frame_step=7, expand_dims=True) on 60x2",
            Cost(8160, 8160 + 408, 2 * 204 * 19 + 204, 408, specials=408, params=680, activations=9 * 204),
        ),
        # of 99 pixels of 3 channels: least and most, clipped, is a number; 3 scales and offsets
        ("AutoContrast() on 9x11x3", Cost(0, 300, 300, 2 * 294 + 3 * 297, 3, activations=6 + 9 + 5 * 297)),
    ],
)
def test_what_comes_before_a_network(key: str, cost: Cost, tmp_path: Path) -> None:
    assert network(ZOO[key]["model"], tmp_path).cost == cost


def test_a_histogram_for_every_tile(tmp_path: Path) -> None:
    """288 pixels in 18 tiles of 16, of each 256 sums of 16; a table of 18·256; four of it weighed for each pixel."""
    layer = "ContrastLimitedAdaptiveHistogramEqualization"
    key = f"{layer}(value_range=(0, 1), tile_grid_size=(2, 3), clip_limit=0) on 8x12x3"
    net, table = network(ZOO[key]["model"], tmp_path), 18 * 256
    assert net.cost.mults == 2 * 288 + table + 6 * 288
    assert net.cost.adds == 2 * 288 + 15 * table + 18 * 255 + table + 18 + 3 * 288
    assert (net.cost.compares, net.cost.divs) == (2 * 288 + 18 * 255 + 18 + 2 * table + 2 * 288, table)
    key = f"{layer}(data_format='channels_first', tile_grid_size=(2, 2)) on 3x8x12"
    net, table = network(ZOO[key]["model"], tmp_path), 12 * 256
    assert net.cost.mults == 12 + table + 6 * 288
    assert net.cost.adds == 23 * table + (2 * table + 12 * 255) + 12 * 255 + table + 12 + 3 * 288


# --- inputs -----------------------------------------------------------------------------------------------------------


def conv_model(shape: list[int | None] | None, data_format: str = "channels_last") -> dict[str, Any]:
    config = {"name": "c", "filters": 2, "kernel_size": [3, 3], "data_format": data_format}
    layers: list[Any] = [{"class_name": "Conv2D", "module": "keras.layers", "config": config}]
    if shape is not None:
        layers.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "image"}})
    return {"class_name": "Sequential", "module": "keras", "config": {"name": "net", "layers": layers}}


def test_an_input_by_name_is_laid_out_as_in_the_file(tmp_path: Path) -> None:
    model = conv_model([None, 3, None, None], "channels_first")
    for asked in ({"_": "10x12x3"}, {"image": "3x10x12"}, {"image": "1x3x10x12"}):
        net = network(model, tmp_path, **asked)
        assert (net.inputs, net.outputs) == ({"image": (10, 12, 3)}, {"output": (8, 10, 2)})


def test_a_sequence_without_a_shape_asks_for_it(tmp_path: Path) -> None:
    assert network(conv_model(None), tmp_path, input="8x8x3").outputs == {"output": (6, 6, 2)}
    assert network(conv_model(None), tmp_path, _="8x8x3").outputs == {"output": (6, 6, 2)}


FIXED = "the file has a fixed batch of {}: counts are for one of them"


@pytest.mark.parametrize(("batch", "notes"), [(None, ()), (1, ()), (True, ()), (4, (FIXED.format(4),))])
def test_a_fixed_batch_is_said(batch: int | None, notes: tuple[str, ...], tmp_path: Path) -> None:
    for asked in ({}, {"_": "8x8x3"}, {"image": "8x8x3"}):
        net = network(conv_model([batch, 8, 8, 3]), tmp_path, **asked)
        assert (net.macs, net.notes) == (6 * 6 * 27 * 2, notes)


def test_what_a_fixed_batch_tells_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "model.json"
    for batch, told in ((4, [FIXED.format(4)]), (None, [])):
        path.write_text(json.dumps(conv_model([batch, 8, 8, 3])))
        for command in (["network"], ["whatif", "--width", "0.5", "--divisor", "1"]):
            assert run([*command, str(path), "--format", "json"]) == 0
            assert json.loads(capsys.readouterr().out)["notes"] == told


def test_a_number_stands_for_every_axis(tmp_path: Path) -> None:
    model = conv_model([None, 9, 9, 3])
    model["config"]["layers"][1]["config"] |= {"kernel_size": 3, "strides": 2}
    assert network(model, tmp_path).outputs == {"output": (4, 4, 2)}


def test_another_shape_than_the_files(tmp_path: Path) -> None:
    net = network(MODELS["nested"]["model"], tmp_path, _="32x32x3")
    assert net["backbone/c"].output == (30, 30, 4)
    assert sepcalc.load(tmp_path / "model.json", input="24x24x3")["backbone/c"].output == (22, 22, 4)


def flattened(shape: list[int | None]) -> Any:
    """A picture, a convolution, and a layer whose weights depend on the picture's size."""
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "image"}},
        {"class_name": "Conv2D", "config": {"name": "c", "filters": 2, "kernel_size": 3}},
        {"class_name": "Flatten", "config": {"name": "f"}},
        {"class_name": "Dense", "config": {"name": "fc", "units": 5}},
    ]
    return {"class_name": "Sequential", "module": "keras", "config": {"name": "net", "layers": layers}}


def test_an_input_that_asks_for_other_weights_than_the_files_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = flattened([None, 8, 8, 3])
    assert network(model, tmp_path, _="8x8x3").params == 2 * 28 + 6 * 6 * 2 * 5 + 5
    message = (
        f"{tmp_path}/model.json: layer 'fc': it has 365 weights in the file, with the input 8x8x3, but would need 165 "
        "for 6x6x3"
    )
    for asked in ({"_": "6x6x3"}, {"image": "1x6x6x3"}):
        with pytest.raises(InputError) as caught:
            network(model, tmp_path, **asked)
        assert str(caught.value) == message
    assert run(["network", f"{tmp_path}/model.json", "--input", "6x6x3"]) == 2
    assert capsys.readouterr() == ("", f"{message}\n")
    del model["config"]["layers"][
        2
    ]  # the weights of a dense layer of each position do not depend on how many there are
    assert network(model, tmp_path, _="6x6x3").params == 2 * 28 + 2 * 5 + 5


def test_a_file_that_leaves_its_input_open_is_held_to_none(tmp_path: Path) -> None:
    model = flattened([None, None, None, 3])
    assert network(model, tmp_path, _="8x8x3")["fc"].cost.params == 365
    assert network(model, tmp_path, _="6x6x3")["fc"].cost.params == 165


# --- what someone's own class means -----------------------------------------------------------------------------------


def test_a_class_of_ones_own_is_uncounted_by_its_registered_name(tmp_path: Path) -> None:
    model = json.loads(json.dumps(MODELS["sequential"]["model"]))
    layers = model["config"]["layers"]
    layers[2] |= {"module": "mylib.layers", "class_name": "Swirl", "registered_name": "mylib>Swirl"}
    net = network(model, tmp_path)
    gap = net.uncounted[0]
    assert gap.kind == "mylib>Swirl"
    assert gap.reason.startswith(
        "a custom class, whose code is not in the file: use core layers in its place, or the model as an ONNX file"
    )
    layers[2] |= {"registered_name": "mylib>Dense", "class_name": "Dense"}  # a namesake of a core layer
    assert network(model, tmp_path).uncounted[0].kind == "mylib>Dense"
    layers[2] |= {"module": None, "registered_name": "MyDense"}  # by which Keras looks it up first
    assert not network(model, tmp_path).complete


@pytest.mark.parametrize(
    ("activation", "complete"),
    [
        ("relu", True),
        ("mylib>relu", False),
        ("keras>relu", True),
        ({"class_name": "function", "module": "builtins", "config": "relu", "registered_name": "relu"}, True),
        ({"class_name": "function", "module": "mylib.nn", "config": "relu", "registered_name": "relu"}, False),
        ({"class_name": "function", "module": "builtins", "config": "relu", "registered_name": "mylib>relu"}, False),
    ],
)
def test_an_activation_of_ones_own_is_no_namesake(activation: Any, complete: bool, tmp_path: Path) -> None:
    model = json.loads(json.dumps(MODELS["sequential"]["model"]))
    model["config"]["layers"][1:] = [
        {"class_name": "Activation", "module": "keras.layers", "config": {"name": "a", "activation": activation}}
    ]
    assert network(model, tmp_path).complete is complete


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("home", [{}, {"module": "keras.layers"}], ids=["old", "keras"])
def test_a_layer_of_keras_2_alone_counts_wherever_it_says_it_is_from(
    rank: int, home: dict[str, str], tmp_path: Path
) -> None:
    config = {"name": "local", "filters": 2, "kernel_size": [3] * rank, "batch_input_shape": [None, *[8] * rank, 3]}
    layer = {"class_name": f"LocallyConnected{rank}D", "config": config, **home}
    net = network({"class_name": "Sequential", "config": {"name": "net", "layers": [layer]}}, tmp_path)
    assert (net.complete, net.params) == (True, 6**rank * (3**rank * 3 * 2 + 2))


@pytest.mark.parametrize("name", ["Lambda", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"])
def test_a_layer_around_code_has_a_reason_of_its_own(name: str, tmp_path: Path) -> None:
    model = conv_model([None, 8, 8, 3])
    model["config"]["layers"][1] |= {"class_name": name}
    (gap,) = network(model, tmp_path).uncounted
    assert gap.kind == name
    assert "which sepcalc does not run" in gap.reason


def test_names_are_printable(tmp_path: Path) -> None:
    model = conv_model([None, 8, 8, 3])
    model["config"]["layers"][1]["config"]["name"] = "c\x1b[31m"
    assert [layer.name for layer in network(model, tmp_path).layers] == ["c\\x1b[31m"]


def test_what_does_not_fit_a_guessed_shape_is_not_counted(tmp_path: Path) -> None:
    """What a Lambda gives is taken for its input; of a layer in several steps the first ones are forgotten then."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, 4, 4, 3]}},
        {"class_name": "Lambda", "config": {"name": "resized"}},
        {"class_name": "SeparableConv2D", "config": {"name": "s", "filters": 2, "kernel_size": 9}},
        {"class_name": "PReLU", "config": {"name": "p", "shared_axes": [5]}},
        {"class_name": "CenterCrop", "config": {"name": "c", "height": 0, "width": 9}},
    ]
    net = network({"class_name": "Sequential", "config": {"name": "m", "layers": layers}}, tmp_path)
    assert [gap.name for gap in net.uncounted] == ["resized", "s", "p", "c"]
    assert [layer.name for layer in net.layers] == ["resized", "s", "p", "c"]


@pytest.mark.parametrize(
    ("exponent", "counts"),  # of 24 elements
    [
        (5, {"mults": 3 * 24}),  # x·(x²)²
        (-2, {"mults": 24, "divs": 24}),
        (0.3, {"specials": 24}),
        (65, {"specials": 24}),
    ],
)
def test_a_whole_power_is_multiplied_out(exponent: float, counts: dict[str, int], tmp_path: Path) -> None:
    model = deepcopy(stored("operations.json.gz")["model"])
    (power,) = [layer for layer in model["config"]["layers"] if layer["name"] == "power"]
    args = power["inbound_nodes"][0]["args"]
    assert args[1] == 2
    args[1] = exponent
    layers = network(model, tmp_path).layers
    found = [layer.cost for layer in layers if layer.name.replace("[", "/").partition("/")[0] == "power"]
    sums = {count: sum(getattr(cost, count) for cost in found) for count in ("mults", "divs", "specials")}
    assert sums == {"mults": 0, "divs": 0, "specials": 0} | counts
