"""Files that claim to be Keras models: every refusal whole, and no file that crashes or hangs."""

import copy
import gzip
import io
import json
import random
import re
import struct
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_keras import DATA, MODELS, ZOO, conv_model, keras2, network

from sepcalc.cli import run
from sepcalc.errors import InputError
from sepcalc.importers import Request
from sepcalc.importers.keras import container, read
from sepcalc.importers.keras.container import MAX_CONFIG_BYTES

CONFIG = json.dumps(MODELS["sequential"]["model"]).encode()


def refusal(path: Path, **inputs: str) -> str:
    """The whole message with which a file is refused, without its place; nothing where it is accepted."""
    try:
        read(str(path), Request(inputs={name.strip("_"): shape for name, shape in inputs.items()}))
    except InputError as error:
        text = str(error)
        assert text.startswith(f"{path}: ")
        return text.replace(f"{path}: ", "")
    return ""


def refused_model(model: Any, folder: Path, **inputs: str) -> str:
    path = folder / "model.json"
    path.write_text(model if isinstance(model, str) else json.dumps(model))
    return refusal(path, **inputs)


# --- zips -------------------------------------------------------------------------------------------------------------


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


GOOD = zipped(("metadata.json", b"{}"), ("config.json", CONFIG), ("model.weights.h5", b"\0" * 100))


def directory(data: bytes, name: bytes) -> int:
    """Where the directory's entry of a member begins."""
    end = data.rindex(b"PK\x05\x06")
    (at,) = struct.unpack("<L", data[end + 16 : end + 20])
    while data[at + 46 : at + 46 + len(name)] != name:
        at = data.index(b"PK\x01\x02", at + 4)
    return at


def patched(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def liar(size: int, both: bool) -> bytes:
    """A config.json that says to be of another size, in the directory or in its own header too."""
    at = directory(GOOD, b"config.json")
    (header,) = struct.unpack("<L", GOOD[at + 42 : at + 46])
    lie = struct.pack("<L", size)
    data = patched(GOOD, at + 24, lie)
    return patched(data, header + 22, lie) if both else data


def flagged() -> bytes:
    at = directory(GOOD, b"config.json")
    return patched(GOOD, at + 8, b"\x01\x00")


def bomb() -> bytes:
    return zipped(("config.json", b" " * (MAX_CONFIG_BYTES - 1)))


ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "no config": (
        lambda: zipped(("metadata.json", b"{}")),
        "this zip file has no config.json\n  hint: is it a model? model.save('model.keras') writes one",
    ),
    "outside": (
        lambda: zipped(("config.json", CONFIG), ("../../etc/passwd", b"x")),
        "this zip file has a member outside of it: '../../etc/passwd'",
    ),
    "absolute": (
        lambda: zipped(("config.json", CONFIG), ("/etc/passwd", b"x")),
        "this zip file has a member outside of it: '/etc/passwd'",
    ),
    "backslashes": (
        lambda: zipped(("config.json", CONFIG), ("..\\x", b"x")),
        "this zip file has a member outside of it: '..\\x'",
    ),
    "a drive": (
        lambda: zipped(("config.json", CONFIG), ("C:/x", b"x")),
        "this zip file has a member outside of it: 'C:/x'",
    ),
    "encrypted": (flagged, "'config.json' in this zip file is encrypted"),
    "smaller than it says": (
        lambda: liar(len(CONFIG) + 1, False),
        "this zip file states a wrong size for 'config.json'",
    ),
    "larger than it says": (lambda: liar(10, False), "this zip file states a wrong size for 'config.json'"),
    "a lie in both": (lambda: liar(10, True), "this zip file states a wrong size for 'config.json'"),
    "a lie upwards in both": (
        lambda: liar(len(CONFIG) + 10, True),
        "this zip file states a wrong size for 'config.json'",
    ),
    "a bomb": (
        bomb,
        "'config.json' in this zip file is a bomb: … bytes become 67,108,863",
    ),
    "a bomb among weights": (
        lambda: zipped(("config.json", CONFIG), ("assets/x", b"\0" * 2**25)),
        "'assets/x' in this zip file is a bomb: … bytes become 33,554,432",
    ),
    "too many": (
        lambda: zipped(*[(f"{at}", b"") for at in range(10_001)], method=zipfile.ZIP_STORED),
        "this zip file has 10,001 members: expected at most 10,000",
    ),
    "cut off": (lambda: GOOD[:-30], "this zip file cannot be read: File is not a zip file"),
    "another method": (
        lambda: zipped(("config.json", CONFIG), method=zipfile.ZIP_BZIP2),
        "config.json in this zip file is packed by a method other than deflate",
    ),
    "damaged": (
        lambda: zipped(("config.json", CONFIG), method=zipfile.ZIP_STORED).replace(b"mnist", b"minst", 1),
        "config.json in this zip file is damaged: its checksum differs",
    ),
    "no json": (
        lambda: zipped(("config.json", b"{]")),
        "this is not JSON: Expecting property name enclosed in double quotes at line 1, column 2",
    ),
}


@pytest.mark.parametrize("name", ZIPS)
def test_a_zip_is_refused(name: str, tmp_path: Path) -> None:
    make, message = ZIPS[name]
    path = tmp_path / "model.keras"
    path.write_bytes(make())
    packed = re.sub(r"bomb: [\d,]+ bytes", "bomb: … bytes", refusal(path))  # how small depends on zlib's version
    assert packed == message


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(zipped(("config.json", CONFIG), ("config.json", b"{}")))
    assert refusal(path) == "this zip file has two members 'config.json'"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_good_zip(method: int, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(zipped(("config.json", CONFIG), ("model.weights.h5", b"\0" * 10), method=method))
    assert read(str(path), Request()).cost.params == MODELS["sequential"]["total"]


def test_a_json_may_be_a_zip_by_another_name(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(GOOD)
    assert read(str(path), Request()).cost.params == MODELS["sequential"]["total"]


# --- texts ------------------------------------------------------------------------------------------------------------

NO_MODEL = "this is not a Keras model: expected an object with class_name and config, as model.to_json() writes it"
TEXTS = {
    "": "this is not JSON: Expecting value at line 1, column 1",
    "[1, 2": "this is not JSON: Expecting ',' delimiter at line 1, column 6",
    "[" * 100_000: "the configuration is nested too deeply",
    '{"a":' * 100_000: "the configuration is nested too deeply",
    '{"class_name": NaN}': "the configuration has the number NaN: expected finite ones",
    '{"class_name": -Infinity}': "the configuration has the number -Infinity: expected finite ones",
    '{"class_name": 1e999}': "the configuration has the number 1e999: expected finite ones",
    "9" * 5000: "the configuration has a number with too many digits",
    "[]": NO_MODEL,
    "3": NO_MODEL,
    "{}": NO_MODEL,
    '{"name": "package", "version": "1.0"}': NO_MODEL,
    '{"class_name": 3}': "the model has no class_name",
    '{"class_name": "Functional"}': "the model, of the class 'Functional', has no config",
    '{"class_name": "Dense", "config": {"units": 3}}': (
        "this is a layer 'Dense', not a model\n  hint: put it in a Sequential"
    ),
    '{"class_name": "MyNet", "config": {"width": 3}}': (
        "'MyNet' is a subclassed model: its layers are connected by code that the file does not hold\n"
        "  hint: build it as a functional model, or export it to ONNX: model.export('model.onnx', format='onnx')"
    ),
    '{"class_name": "Sequential", "config": {}}': "the model 'sequential' has no list of layers",
    '{"class_name": "Sequential", "config": {"layers": []}}': (
        "input 'input': the file does not say its shape\n  hint: --input input=224x224x3, for example (HxWxC, no batch)"
    ),
    '{"class_name": "Functional", "config": {"layers": [], "input_layers": []}}': (
        "the model 'functional' names no output_layers"
    ),
    '{"class_name": "Functional", "config": {"layers": [3], "input_layers": []}}': (
        "layer 1 is 3: expected an object with class_name and config"
    ),
}


@pytest.mark.parametrize("text", TEXTS, ids=[text[:50] or "empty" for text in TEXTS])
def test_a_text_is_refused(text: str, tmp_path: Path) -> None:
    assert refused_model(text, tmp_path) == TEXTS[text]


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(b'{"class_name": "\xff"}')
    assert refusal(path) == "this is not JSON: its text is not utf-8"


def test_a_config_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    with path.open("wb") as file:
        file.truncate(MAX_CONFIG_BYTES + 1)
    assert refusal(path) == "the configuration is larger than 64 MiB"


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        (".keras", "a .keras file should be a zip file, as model.save() writes it, but this one has other first bytes"),
        (".h5", "a .h5 file should be an HDF5 file, but this one has other first bytes"),
        (".hdf5", "a .hdf5 file should be an HDF5 file, but this one has other first bytes"),
    ],
)
def test_another_kind_of_file(suffix: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(b"random bytes that are neither")
    assert refusal(path) == message


# --- graphs -----------------------------------------------------------------------------------------------------------


def dense(name: str, source: str, units: Any = 3) -> dict[str, Any]:
    config = {"name": name, "units": units}
    return {"class_name": "Dense", "config": config, "name": name, "inbound_nodes": [[[source, 0, 0, {}]]]}


def changed(model: Any, *path: Any, to: Any) -> Any:
    made = copy.deepcopy(model)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return made


CONV = ("config", "layers", 1, "config")
GRAPHS: list[tuple[Any, str]] = [
    (
        keras2(dense("a", "b"), dense("b", "a"), outputs=[["b", 0, 0]]),
        "the layers 'a', 'b' form a cycle",
    ),
    (
        keras2(dense("a", "nowhere"), outputs=[["a", 0, 0]]),
        "'a' reads 'nowhere', call 0, which does not exist",
    ),
    (keras2(dense("a", "x"), dense("a", "x"), outputs=[["a", 0, 0]]), "two layers of 'net' are called 'a'"),
    (
        keras2(dense("a", "x"), outputs=[["b", 0, 0]]),
        "the output 'b' is not the output of a layer of 'net'",
    ),
    (keras2(dense("a", "x"), outputs=[["a", 0, 3]]), "'a' has 1 outputs, so output 3 does not exist"),
    (
        keras2(dense("a", "x", "many"), dense("b", "x", -4), dense("c", "b"), outputs=[["c", 0, 0]]),
        (
            "layer 'a' (Dense): units is 'many': expected a whole number\n"
            "layer 'b' (Dense): units is -4: expected a whole number from 1 to 2^63-1"
        ),
    ),
    (
        keras2(dense("a", "x", 2**63), outputs=[["a", 0, 0]]),
        "layer 'a' (Dense): units is a number beyond 2^63: expected a whole number from 1 to 2^63-1",
    ),
    (keras2(dense("a", "x", None), outputs=[["a", 0, 0]]), "layer 'a' (Dense): units is missing"),
    (keras2(dense("a", "x", True), outputs=[["a", 0, 0]]), "layer 'a' (Dense): units is true: expected a whole number"),
    (
        changed(conv_model([None, 8, 8, 3]), *CONV, "kernel_size", to=[3, 3, 3]),
        "layer 'c' (Conv2D): kernel_size has 3 values: expected 2",
    ),
    *[
        (
            changed(conv_model([None, 8, 8, 3]), *CONV, key, to=[3]),
            f"layer 'c' (Conv2D): {key} has 1 value: expected 2",
        )
        for key in ("kernel_size", "strides", "dilation_rate")
    ],
    *[
        (
            changed(
                conv_model([None, 8, 8, 3]),
                *CONV[:-1],
                to={"class_name": "MaxPool2D", "config": {"name": "p", key: [2]}},
            ),
            f"layer 'p' (MaxPool2D): {key} has 1 value: expected 2",
        )
        for key in ("pool_size", "strides")
    ],
    (
        changed(conv_model([None, 8, 8, 3]), *CONV, "padding", to="full"),
        "layer 'c' (Conv2D): padding is 'full': expected valid or same or causal",
    ),
    (
        changed(conv_model([None, 8, 8, 3]), *CONV, "groups", to=2),
        (
            "layer 'c' (Conv2D): groups 2 do not divide the 3 input channels\n"
            "  hint: groups must divide both the input channels (3) and the outputs (2)"
        ),
    ),
    (
        conv_model([None, 2, 8, 3]),
        (
            "layer 'c' (Conv2D): the output would be empty: a kernel spanning 3 does not fit into the height 2\n"
            "  hint: take a smaller kernel or dilation, or --padding same"
        ),
    ),
    (
        conv_model([None, 8, 3]),
        "layer 'c' (Conv2D): it needs 2 spatial axes and channels, not 8x3",
    ),
    (
        conv_model([None, 8, -8, 3]),
        "input 'image': its shape has the size -8: expected a whole number from 1 to 2^63-1",
    ),
    (conv_model([None, 8, "8", 3]), "input 'image': its shape has the size '8': expected a whole number"),
    (
        conv_model([None, None, None, 3]),
        "input 'image': its shape ?x?x3 leaves sizes open\n  hint: --input image=224x224x3, for example",
    ),
]


@pytest.mark.parametrize(("model", "message"), GRAPHS, ids=[message[:60] for _, message in GRAPHS])
def test_a_graph_is_refused(model: Any, message: str, tmp_path: Path) -> None:
    assert refused_model(model, tmp_path) == message


def test_a_file_that_contradicts_itself(tmp_path: Path) -> None:
    model = copy.deepcopy(MODELS["nested"]["model"])
    pool = model["config"]["layers"][2]
    pool["inbound_nodes"][0]["args"][0]["config"]["shape"] = [None, 15, 14, 4]
    assert (
        refused_model(model, tmp_path)
        == "layer 'backbone' (Functional): its output is 14x14x4, but the file says 15x14x4"
    )


def test_models_inside_models_without_end(tmp_path: Path) -> None:
    model: dict[str, Any] = conv_model([None, 8, 8, 3])
    for at in range(40):
        model = {"class_name": "Sequential", "config": {"name": f"s{at}", "layers": [model]}}
    model["config"]["build_input_shape"] = [None, 8, 8, 3]
    assert "layers are nested more than 30 deep" in refused_model(model, tmp_path)


def test_no_more_than_twenty_problems(tmp_path: Path) -> None:
    layers = [dense(f"d{at}", "x", 0) for at in range(30)]
    message = refused_model(keras2(*layers, outputs=[["d0", 0, 0]]), tmp_path)
    assert message.count("expected a whole number from 1") == 20
    assert message.endswith("\nand 10 more")


ASKED: list[tuple[list[int | None], dict[str, str], str]] = [
    ([None, 8, 8, 3], {"picture": "8x8x3"}, "the model has no input 'picture'\n  hint: it has 'image'"),
    ([None, 8, 8, 3], {"imag": "8x8x3"}, "the model has no input 'imag'\n  hint: did you mean image?"),
    ([None, 8, 8, 3], {"_": "8x3"}, "input 'image': '8x3' has 2 sizes: expected 3, without the batch"),
    (
        [None, None, None, 3],
        {"_": "8x8x4"},
        "input 'image': '8x8x4' has 4 channels: the model's weights are for 3",
    ),
    (
        [None, 8, 8, 3],
        {"_": "8xx3"},
        (
            "input 'image': '8xx3' is not a shape: expected HxWxC, each a whole number from 1 to 2^63-1\n"
            "  hint: sizes are joined by x, channels last, no batch: 12x12x3"
        ),
    ),
]


@pytest.mark.parametrize(("shape", "asked", "message"), ASKED)
def test_an_input_is_refused(shape: list[int | None], asked: dict[str, str], message: str, tmp_path: Path) -> None:
    assert refused_model(conv_model(shape), tmp_path, **asked) == message


def test_several_inputs_need_a_name(tmp_path: Path) -> None:
    message = "it has 2 inputs: 'a', 'b'\n  hint: name one: --input a=9, for example"
    assert refused_model(MODELS["shared"]["model"], tmp_path, _="9") == message


# --- HDF5 -------------------------------------------------------------------------------------------------------------


def test_hdf5_without_h5py_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert refusal(path) == "reading an HDF5 file needs h5py\n  hint: pip install 'h5py>=3.10'"


def test_hdf5(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="needs the extra h5")
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(MODELS["nested"]["old"])
    assert read(str(path), Request()).cost.params + 8 == MODELS["nested"]["total"]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["a"]
    hint = "\n  hint: save the whole model: model.save('model.keras'), or its text: model.to_json()"
    assert refusal(path) == f"this HDF5 file holds only weights, not a model{hint}"
    with h5py.File(path, "w") as file:
        file.attrs["other"] = 3
    assert refusal(path) == f"this HDF5 file has no attribute model_config{hint}"
    path.write_bytes(path.read_bytes()[:50])
    assert refusal(path).startswith("this HDF5 file cannot be read: ")
    with h5py.File(path, "w", track_order=True) as file:  # an attribute beyond 64 KiB needs that
        file.attrs["model_config"] = json.dumps(MODELS["nested"]["old"]) + " " * 2**20
    assert read(str(path), Request()).cost.params + 8 == MODELS["nested"]["total"]


def test_hdf5_in_which_h5py_itself_loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5py", reason="needs the extra h5")
    monkeypatch.setattr(container, "SECONDS", 2)
    path = tmp_path / "model.h5"
    path.write_bytes(gzip.decompress((DATA / "hang.h5.gz").read_bytes()))
    assert refusal(path).startswith("this HDF5 file cannot be read: ")


FAKE = "class File:\n    def __init__(self, path, mode):\n        {}\n"
GIVING = """
from types import SimpleNamespace
class File:
    def __init__(self, path, mode):
        pass
    def __enter__(self):
        return SimpleNamespace(attrs=dict(model_config={}, layer_names=0))
    def __exit__(self, *error):
        pass
"""
# What stands for h5py, and what is said of a file then.
LIBRARIES = [
    (FAKE.format("while True: pass"), "this HDF5 file cannot be read: h5py did not finish within 1 seconds"),
    (FAKE.format("import os; os.abort()"), "this HDF5 file cannot be read: h5py crashes on it"),
    (FAKE.format("import os; os._exit(0)"), "this HDF5 file cannot be read: h5py crashes on it"),
    (FAKE.format("raise KeyError('\\x1b[31m\\udc80')"), r"""this HDF5 file cannot be read: '\x1b[31m\udc80'"""),
    (FAKE.format("bytearray(2**33)"), "this HDF5 file cannot be read: MemoryError"),
    ("import no_such_module", "reading an HDF5 file needs h5py\n  hint: pip install 'h5py>=3.10'"),
    (GIVING.format("'[' * (2**26 + 1)"), "the configuration is larger than 64 MiB"),
    (GIVING.format("b'{}'"), NO_MODEL),
    (GIVING.format(repr('{"class_name": "\u00e9\udc80"}')), r"the model, of the class 'é\udc80', has no config"),
]


@pytest.mark.parametrize(("library", "message"), LIBRARIES, ids=[message[-40:] for _, message in LIBRARIES])
def test_whatever_becomes_of_h5py(library: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "h5py.py").write_text(library, errors="backslashreplace")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "h5py", raising=False)
    if "while True" in library:
        monkeypatch.setattr(container, "SECONDS", 1)
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert refusal(path) == message


# --- anything at all --------------------------------------------------------------------------------------------------

VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    2,
    7,
    2**63,
    10**30,
    1.5,
    "x",
    "",
    "same",
    "channels_first",
    [],
    {},
    [0],
    [None],
]
VALUES += [[-1, 2], [[1, 2], [3]], {"class_name": "Dense", "config": {}}, 1e308]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(value[key], (*path, key))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def test_mutated_models_are_read_or_refused(tmp_path: Path) -> None:
    """Never a crash, and never control characters in what is said. The seed is fixed, the number bounded."""
    chance = random.Random(20)
    texts = [entry["model"] for entry in [*ZOO.values(), *list(MODELS.values()) * 5]]
    texts += [json.loads(gzip.decompress((DATA / "operations.json.gz").read_bytes()))["model"]] * 20
    refused = 0
    for _ in range(1000):
        model = copy.deepcopy(chance.choice(texts))
        where = list(places(model))
        for path in chance.sample(where, k=min(len(where), chance.choice([1, 1, 2, 4]))):
            try:
                parent = at(model, path[:-1])
                if chance.random() < 0.7:
                    parent[path[-1]] = chance.choice(VALUES)
                elif chance.random() < 0.5:
                    del parent[path[-1]]
                else:
                    parent[path[-1]] = copy.deepcopy(at(model, chance.choice(where)))
            except (KeyError, IndexError, TypeError):  # it is gone already
                continue
        try:
            net = network(model, tmp_path)
        except InputError as error:
            refused += 1
            said = str(error)
        else:
            said = ""
            assert min(net.cost) >= 0
            assert net.peak_memory() >= 0
            assert len(net.receptive_fields()) == len(net.layers)
        assert all(line.isprintable() for line in said.split("\n"))
    assert 300 < refused < 950


def test_flipped_bytes_of_a_zip_are_read_or_refused(tmp_path: Path) -> None:
    chance = random.Random(7)
    whole = (DATA / "separable.keras").read_bytes()
    path = tmp_path / "model.keras"
    for _ in range(150):  # many start a process of their own, which reads HDF5
        data = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
        for _ in range(chance.choice([0, 1, 5])):
            spot = chance.choice([chance.randrange(len(data) or 1), max(0, len(data) - 1 - chance.randrange(400))])
            if data:
                data[spot % len(data)] = chance.randrange(256)
        path.write_bytes(data)
        refusal(path)


# --- the command line -------------------------------------------------------------------------------------------------


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", str(DATA / "separable.keras"), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["complete"], report["totals"]["params"]) == (True, 7062)
    assert run(["verify", str(DATA / "separable.keras")]) == 0
    path = tmp_path / "model.json"
    path.write_text(json.dumps(ZOO["Lambda(lambda x: x * 2) on 12x6"]["model"]))
    assert run(["network", str(path)]) == 3
    assert run(["network", str(path), "--allow-uncounted"]) == 0
    path.write_text("{}")
    capsys.readouterr()
    assert run(["network", str(path)]) == 2
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", f"{path}: {NO_MODEL}\n")


def custom_model(folder: Path, kind: str) -> Path:
    """x (8) -> a layer of someone's own, called twice -> dense, with the weights as Keras writes them."""
    h5py = pytest.importorskip("h5py", reason="reading weights needs the extra: pip install -e '.[h5]'")
    numpy = pytest.importorskip("numpy")

    def layer(name: str, kind: str, own: str, before: list[str], **config: Any) -> Any:
        nodes = [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"shape": [None, 8], "keras_history": [one, at, 0]}}
                ]
            }
            for one, at in ((text.split(":")[0], int(text.split(":")[1])) for text in before)
        ]
        nodes = [{**one, "kwargs": {}} for one in nodes]
        given = {"name": name, **config}
        return {"class_name": kind, "module": own, "config": given, "name": name, "inbound_nodes": nodes}

    layers = [
        layer("x", "InputLayer", "keras.layers", [], batch_shape=[None, 8]),
        layer("mine", "MyGate", "mine", ["x:0", "mine:0"]),
        layer("other", "MyGate", "mine", ["mine:1"]),
        layer("dense", "Dense", "keras.layers", ["other:0"], units=4, use_bias=True),
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["dense", 0, 0]]}
    text = json.dumps({"class_name": "Functional", "module": "keras", "config": config})
    groups = {
        "my_gate": ("mine", {"vars/0": (8, 8), "dense/vars/0": (8, 3), "dense/vars/1": (3,)}),
        "my_gate_1": ("other", {"vars/0": (5,)}),
        "dense": ("dense", {"vars/0": (8, 4), "vars/1": (4,)}),
    }
    weights = folder / ("model.h5" if kind == "h5" else "w.h5")
    with h5py.File(weights, "w") as file:
        for group, (name, arrays) in groups.items():
            home = f"model_weights/{name}" if kind == "h5" else f"layers/{group}"
            file.create_group(f"{home}/vars")
            if kind == "named":
                file[f"{home}/vars"].attrs["name"] = name
            for inner, shape in arrays.items():
                file.create_dataset(f"{home}/{inner}", data=numpy.ones(shape, numpy.float32))
            file.create_dataset(f"{home}/counter", data=numpy.ones(7, numpy.int64))
        if kind == "h5":
            file.attrs["model_config"] = text
            return weights
    target = folder / "model.keras"
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("config.json", text)
        archive.write(weights, "model.weights.h5")
    return target


@pytest.mark.parametrize("kind", ["named", "by class", "h5"])
def test_a_layer_that_is_not_counted_has_the_weights_that_the_file_stores(kind: str, tmp_path: Path) -> None:
    """64 + 24 + 3 in the first, once though it is called twice, 5 in the second; the counter is none."""
    network = read(str(custom_model(tmp_path, kind)), Request())
    assert {layer.name: layer.cost.params for layer in network.layers} == {
        "mine": 91,
        "mine[1]": 0,
        "other": 5,
        "dense": 36,
    }
    assert [gap.name for gap in network.uncounted] == ["mine", "mine[1]", "other"]


def test_what_a_text_does_not_store_is_not_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(custom_model(tmp_path, "named")) as archive:
        (tmp_path / "m.json").write_bytes(archive.read("config.json"))
    assert read(str(tmp_path / "m.json"), Request()).params == 36


OPEN = "the weights of the uncounted layers are not known, and not in params: {} (mine (MyGate), other (MyGate))"
KEPT = {"mine": 91, "mine[1]": 0, "other": 5, "dense": 36}
LOST = KEPT | {"mine": 0, "other": 0}


def params(path: Path) -> dict[str, int]:
    return {layer.name: layer.cost.params for layer in read(str(path), Request()).layers}


def repacked(path: Path, pack: Callable[[str, bytes], list[tuple[str, bytes]]], method: int = 0) -> Path:
    """The zip with its members packed otherwise."""
    with zipfile.ZipFile(path) as archive:
        members = [one for name in archive.namelist() for one in pack(name, archive.read(name))]
    path.write_bytes(zipped(*members, method=method))
    return path


def test_weights_that_are_compressed_or_named_otherwise_count(tmp_path: Path) -> None:
    path = custom_model(tmp_path, "named")
    for name, method in (("model.weights.h5", 8), ("m.weights.h5", 0), ("weights/all.h5", 8)):
        packed = repacked(path, lambda old, data: [(old if old[-2:] != "h5" else name, data)], method)  # noqa: B023
        assert (params(packed), read(str(packed), Request()).notes) == (KEPT, ())


def test_weights_in_several_files_count(tmp_path: Path) -> None:
    """Sharded: each part has all groups up to its own, and no variable twice."""
    h5py = pytest.importorskip("h5py", reason="needs the extra h5")

    path = custom_model(tmp_path, "by class")
    parts = []
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
        for at, wanted in enumerate(("layers/my_gate", "layers/my_gate_1", "layers/dense")):
            made = io.BytesIO()
            with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as whole, h5py.File(made, "w") as part:
                whole.copy(wanted, part.require_group("layers"))
            parts.append((f"model_0000{at}.weights.h5", made.getvalue()))
    path.write_bytes(zipped(("config.json", config), ("model.weights.json", b"{}"), *parts, method=0))
    assert (params(path), read(str(path), Request()).notes) == (KEPT, ())


NO_MEMBER = "the file has no *.h5 member"


@pytest.mark.parametrize(
    ("pack", "why"),
    [
        (
            lambda name, data: [] if name.endswith("h5") else [(name, data)],
            NO_MEMBER,
        ),
        (lambda name, data: [(name.replace("h5", "npz"), data)], NO_MEMBER),
        (lambda name, data: [(name, data[:99] if name.endswith("h5") else data)], "they cannot be read"),
    ],
    ids=["absent", "npz", "damaged"],
)
def test_weights_that_cannot_be_read_are_told(pack: Any, why: str, tmp_path: Path) -> None:
    path = repacked(custom_model(tmp_path, "named"), pack)
    network = read(str(path), Request())
    assert (params(path), network.notes, network.complete) == (LOST, (OPEN.format(why),), False)


def test_a_text_holds_no_weights_and_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(custom_model(tmp_path, "named")) as archive:
        (tmp_path / "m.json").write_bytes(archive.read("config.json"))
    network = read(str(tmp_path / "m.json"), Request())
    assert (network.params, network.notes) == (36, (OPEN.format("a text file holds no weights"),))


def test_weights_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = custom_model(tmp_path, "named")
    (tmp_path / "h5py.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    network = read(str(path), Request())
    why = "reading them needs h5py: pip install 'h5py>=3.10'"
    assert (params(path), network.notes) == (LOST, (OPEN.format(why),))


def test_every_uncounted_class_is_named_but_functions_have_no_weights(tmp_path: Path) -> None:
    """What is stored as code or as a module may have weights; what hashes, or a function, has none."""
    for class_name, home, named in (
        ("Lambda", "keras.layers", True),
        ("TorchModuleWrapper", "keras.src.utils.torch_utils", True),
        ("Mine", "mine", True),
        ("Hashing", "keras.layers", False),
        ("Fft2", "keras.src.ops.math", False),
    ):
        layer: dict[str, Any] = {"class_name": class_name, "module": home, "config": {"name": "a", "num_bins": 3}}
        model = {
            "class_name": "Sequential",
            "config": {"layers": [{**layer, "build_config": {"input_shape": [None, 8]}}]},
        }
        (tmp_path / "m.json").write_text(json.dumps(model))
        network = read(str(tmp_path / "m.json"), Request())
        told = "the weights of the uncounted layers are not known, and not in params: a text file holds no weights"
        assert (len(network.uncounted), network.notes) == (1, (f"{told} (a ({class_name}))",) * named)


def dense_file(folder: Path, groups: dict[str, int], kind: str = "keras") -> Path:
    """x (8) -> dense (4), which has 36 weights, and a file that stores so many numbers in these groups."""
    h5py = pytest.importorskip("h5py", reason="reading weights needs the extra: pip install -e '.[h5]'")
    layers = [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 8], "name": "x"}},
        {"class_name": "Dense", "module": "keras.layers", "config": {"name": "d", "units": 4}},
    ]
    text = json.dumps({"class_name": "Sequential", "module": "keras", "config": {"name": "m", "layers": layers}})
    weights = folder / ("model.h5" if kind == "h5" else "w.h5")
    with h5py.File(weights, "w") as file:
        file.attrs["model_config"] = text
        for name, count in groups.items():
            file.create_dataset(f"{name}/0", data=[1.0] * count)
    if kind == "h5":
        return weights
    (folder / "model.keras").write_bytes(
        zipped(("config.json", text.encode()), ("model.weights.h5", weights.read_bytes()), method=0)
    )
    return folder / "model.keras"


@pytest.mark.parametrize(
    ("kind", "groups", "note"),
    [
        ("keras", {"layers/dense/vars": 36, "optimizer/vars": 72, "metrics/mean/vars": 2}, ""),
        ("keras", {"layers/dense/vars": 36, "layers/dense_1/vars": 7}, "7 params|layers/dense_1"),
        ("keras", {"layers/dense/vars": 36, "head/vars": 5, "vars": 3}, "8 params|head, vars"),
        ("keras", {"layers/dense/vars": 36, "layers/dense/extra/vars": 6}, "6 params|d"),
        ("keras", {"somewhere/vars": 36}, ""),
        ("h5", {"model_weights/d/d": 36, "optimizer_weights/adam": 72}, ""),
        ("h5", {"model_weights/d/d": 40}, "4 params|d"),
        (
            "h5",
            {"model_weights/d/d": 36, "model_weights/top_level_model_weights": 9},
            "9 params|top_level_model_weights",
        ),
    ],
)
def test_weights_that_a_file_stores_and_nothing_uses_are_told(
    kind: str, groups: dict[str, int], note: str, tmp_path: Path
) -> None:
    network = read(str(dense_file(tmp_path, groups, kind)), Request())
    many, _, names = note.partition("|")
    said = f"{many} are stored and never used: they are not counted ({names})"
    assert (network.params, network.notes) == (36, (said,) * bool(note))


@pytest.mark.parametrize("kind", ["keras", "h5"])
def test_fewer_weights_than_a_layer_has_are_told(kind: str, tmp_path: Path) -> None:
    group = "layers/dense/vars" if kind == "keras" else "model_weights/d/d"
    network = read(str(dense_file(tmp_path, {group: 27}, kind)), Request())
    assert network.notes == ("d: the file stores 27 weights, but 36 are counted",)


def test_what_a_wrapper_and_its_layer_store_together_counts_once(tmp_path: Path) -> None:
    """SpectralNormalization keeps the kernel of its layer, and its own vector; biases of zeros are two all the same."""
    h5py = pytest.importorskip("h5py", reason="reading weights needs the extra: pip install -e '.[h5]'")
    path = tmp_path / "w.h5"
    arrays = {"vars/0": [0.1, 0.2, 0.3], "vars/1": [0.4], "vars/2": [0.0, 0.0]}
    arrays |= {"layer/vars/0": [0.1, 0.2, 0.3], "layer/vars/1": [0.0, 0.0]}
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(f"layers/mine/{name}", data=values)
    rows = container.stored(str(path))
    assert {group: count for group, _, count in rows if group[-4:] == "mine"} == {"layers/mine": 3 + 1 + 2 + 2}


def test_weights_that_two_models_share_are_told(tmp_path: Path) -> None:
    """Keras stores them with the first model that has them, and has the second without: they are counted for both."""
    h5py = pytest.importorskip("h5py", reason="reading weights needs the extra: pip install -e '.[h5]'")
    path = dense_file(tmp_path, {"layers/dense/vars": 36})
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["layers"].append({"class_name": "Dense", "config": {"name": "again", "units": 4}})
    with h5py.File(tmp_path / "w.h5", "a") as file:
        file.create_group("layers/dense_1/vars")
    weights = (tmp_path / "w.h5").read_bytes()
    path.write_bytes(zipped(("config.json", json.dumps(config).encode()), ("model.weights.h5", weights), method=0))
    network = read(str(path), Request())
    assert (network.params, network.notes) == (56, ("again: the file stores 0 weights, but 20 are counted",))
