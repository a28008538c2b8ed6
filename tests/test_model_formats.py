"""The table of formats, and files that are told apart by what they begin with."""

import importlib
import json
import os
import tomllib
from pathlib import Path

import pytest

from sepcalc import InputError, load
from sepcalc.extras import EXTRAS
from sepcalc.importers import Request
from sepcalc.importers.formats import ARGUMENTS, BY_SUFFIX, FORMATS, LINE, PYTORCH, YAML, recognized
from sepcalc.source import read

ROOT = Path(__file__).parent.parent
KERAS = {  # an exported Sequential: 8x8x3, conv -k3 -o4, which is 3,888 macs
    "class_name": "Sequential",
    "config": {
        "name": "net",
        "layers": [
            {"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 8, 8, 3]}},
            {
                "class_name": "Conv2D",
                "config": {"name": "conv", "filters": 4, "kernel_size": [3, 3], "strides": [1, 1], "padding": "valid",
                           "dilation_rate": [1, 1], "groups": 1, "activation": "linear", "use_bias": False},
            },
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("form", [*FORMATS, LINE, PYTORCH], ids=lambda form: form.name)
def test_a_row_is_whole(form) -> None:
    assert set(form.refuses) <= set(ARGUMENTS)
    assert set(form.takes) | set(form.refuses) == set(ARGUMENTS)
    assert "inputs" in form.takes
    assert form.extra == "" or form.extra in EXTRAS
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert form.extra == "" or form.extra in declared
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in form.suffixes)
    if form.module:
        assert callable(importlib.import_module(form.module).read)


def test_a_suffix_is_one_format_s() -> None:
    assert len(BY_SUFFIX) == sum(len(form.suffixes) for form in FORMATS)


BEGINNINGS = [  # a name, what it begins with, the format's name
    ("a.yaml", b"input: 8x8x3\n", "YAML"),
    ("a.yaml", b"", "YAML"),
    ("a.onnx", b"", "ONNX"),
    ("a.bin", b"\x08\n\x12\x07pytorch", "ONNX"),
    ("a.yaml", b"\x08\x09:\x8d", "ONNX"),
    ("a.pt", b"\x08\x03\x12\x02xx", "ONNX"),
    ("a.onnx", b"\x89HDF\r\n\x1a\n\0", "Keras' HDF5"),
    ("a.h5", b"PK\x03\x04" + bytes(26) + b"metadata.json{", "Keras"),
    ("a", b"PK\x03\x04" + bytes(26) + b"config.json{", "Keras"),
    ("a.keras", b"PK\x03\x04" + bytes(26) + b"other", "Keras"),
    ("a.txt", b'{"module": "keras", "class_name": "Functional"', "Keras' JSON"),
    ("a.yaml", b'\xef\xbb\xbf {\n "class_name": "Functional"', "Keras' JSON"),
    ("a.json", b'{"config": {}, "class_name": "Functional"', "Keras' JSON"),
    ("a.yaml", b'{"input": "8x8x3", "layers": []}', "YAML"),
    ("a.txt", b'{"config": {"class_name": 1}}', None),
    ("a.txt", b"input: 8x8x3\n", None),
    ("a.bin", b"\x08\x00", None),
    ("a.zip", b"PK\x03\x04" + bytes(26) + b"x/data.pkl", None),
]


@pytest.mark.parametrize(("name", "head", "expected"), BEGINNINGS, ids=[f"{row[0]} {row[2]}" for row in BEGINNINGS])
def test_a_file_is_what_it_begins_with(name: str, head: bytes, expected: str | None) -> None:
    found = recognized(name, head)
    assert (found.name if found else None) == expected


@pytest.mark.parametrize("name", ["n.json", "n.keras", "n.h5", "n.onnx", "n.yaml", "n.txt", "net", "n.pt"])
def test_a_renamed_keras_model_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(json.dumps(KERAS))
    assert load(tmp_path / name).macs == 3888


@pytest.mark.parametrize("name", ["net.keras", "net.h5", "net.yaml", "net.pb"])
def test_a_renamed_onnx_model_is_read(name: str, tmp_path: Path) -> None:
    from graphs import node, saved, weight

    parts = [node("Conv", "x w", "y")], {"x": (1, 3, 8, 8)}
    os.rename(saved(tmp_path, *parts, stored=(weight("w", 4, 3, 3, 3),)), tmp_path / name)
    assert load(tmp_path / name).macs == 3888


TORCH = (
    "PyTorch's pickles hold weights and code, and are never opened\n  hint: export the module that it was saved from: "
    'torch.export.save(torch.export.export(model, args), "model.pt2"); or name it, '
    "for example sepcalc network package.module:Net --input 224x224x3"
)
ONNX = "hint: export the model to ONNX: torch.onnx.export, tf2onnx and the like write model.onnx, which is read"
UNKNOWN = (
    "unknown kind of file: expected .yaml or .yml or .onnx or .keras or .json or .h5 or .hdf5 or .tflite or .pt2 or"
    " .pb or .pbtxt or .meta or .xml\n"
    "  hint: a PyTorch module goes by package.module:name, with --input; any other model as ONNX"
)
DAMAGED = "this is no TFLite model, or it is damaged"
WHOLE = "hint: give a whole shape, for example --input 224x224x3"
ONE = "a network on one line has a batch of one example, not 2\n  hint: --batch is for model files"
STRANGE = [  # a name, what it holds, what is said
    ("net.pt", b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", TORCH),
    ("net.pt", b"anything", TORCH),
    ("net.onnx", b"PK\x03\x04" + bytes(26) + b"archive/data.pkl", f"this is a .pt file by its first bytes: {TORCH}"),
    ("net.keras", b"PK\x03\x04" + bytes(26) + b"x/byteorder", f"this is a .pt file by its first bytes: {TORCH}"),
    (
        "net.onnx",
        b"\x1c\0\0\0TFL3",
        DAMAGED,
    ),
    ("net.tflite", b"\x1c\0\0\0TFL3", DAMAGED),
    ("net.dat", b"\x1c\0\0\0TFL3", DAMAGED),
    ("net.dat", b"anything", UNKNOWN),
    ("net.zip", b"PK\x03\x04" + bytes(26) + b"anything", UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "said"), STRANGE, ids=[f"{row[0]} {row[2][:30]}" for row in STRANGE])
def test_what_is_not_read_is_answered_with_what_is(
    name: str, data: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        load(name)
    assert str(caught.value) == f"{name}: {said}"


def test_a_folder_names_a_file_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("models")
    for name in ("b.onnx", "a.yaml", "README.md"):
        Path("models", name).touch()
    Path("models/a.yaml").write_text("input: 8x8x3\nlayers: [act relu]\n", "utf-8")
    with pytest.raises(InputError) as caught:
        load("models")
    assert str(caught.value) == "models: is a folder\n  hint: for example models/a.yaml"


REFUSED = [  # a source, what is asked of it, what is said
    ("8x8x3, act relu", Request({"a": "1"}), "a network on one line has no parameters to set"),
    ("8x8x3, act relu", Request(batch=2), ONE),
    ("net.yaml", Request(dims={"n": "1"}), "net.yaml has no open dimension 'n'\n  hint: --dim is for model files"),
    ("net.json", Request({"a": "1"}), "net.json: a .json file has no parameters to set"),
    (
        "net.json",
        Request(dims={"n": "1"}),
        f"net.json: the open sizes of a Keras model have no names\n  {WHOLE}",
    ),
    ("m:Net", Request({"a": "1"}), "m:Net: a PyTorch module has no parameter 'a' to set"),
    ("m:Net", Request(dims={"n": "1"}), "m:Net: it has no open dimension 'n'\n  hint: --dim is for model files"),
]  # fmt: skip


@pytest.mark.parametrize(("argument", "request_", "said"), REFUSED, ids=[f"{row[0]} {row[2][:40]}" for row in REFUSED])
def test_a_format_refuses_what_it_has_no_use_for(
    argument: str, request_: Request, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text("input: 8x8x3\nlayers: [act relu]\n")
    Path("net.json").write_text(json.dumps(KERAS))
    with pytest.raises(InputError) as caught:
        read(argument, request_)
    assert str(caught.value) == said


def test_only_the_language_of_networks_has_parameters() -> None:
    assert [form.name for form in FORMATS if "settings" in form.takes] == [YAML.name]
