"""The table of the formats that sepcalc reads: how each is recognized, which options it takes, which module reads it.

A new format is a row here and a module with ``read(path, request) -> Network``.
"""

import os
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from sepcalc.importers import Request

if TYPE_CHECKING:
    from sepcalc.network import Network

ARGUMENTS = Request._fields  # the options of a network: its parameters, inputs, dimensions, batch, signature
HEAD = 512  # bytes at the beginning of a file that identify its format
Words = tuple[str, str]  # a message and a hint, with {name}, {suffix} and {value} in them


class Format(NamedTuple):
    """A format: its name, the suffixes of its files, the file that makes a folder one (empty: none does), a pattern of
    its first bytes (empty if it has none), the module that reads it (empty for a network written as text), and the
    extra that the module needs (empty: none). ``refuses`` maps each option that the format does not take to the error
    message; ``typed`` says whether ``--input`` may give an input a type and values."""

    name: str
    suffixes: tuple[str, ...] = ()
    folder: str = ""
    begins: bytes = b""
    module: str = ""
    extra: str = ""
    refuses: Mapping[str, Words] = {}
    typed: bool = False

    @property
    def takes(self) -> tuple[str, ...]:
        """The fields of a Request that the format accepts."""
        return tuple([one for one in ARGUMENTS if one not in self.refuses])

    def recognizes(self, head: bytes) -> bool:
        """Whether a file with these first bytes certainly has this format."""
        return bool(self.begins) and re.match(self.begins, head, re.DOTALL) is not None

    @property
    def read(self) -> "Callable[[str, Request], Network]":
        """The function that reads a file of this format."""
        function: Callable[[str, Request], Network] = import_module(self.module).read
        return function


_NO_SETTINGS = {"settings": ("{name}: a {suffix} file has no parameters to set", "")}
_NO_SIGNATURES = {"signature": ("{name} has no signature {value}", "--signature is for TFLite and TensorFlow files")}
_CLOSED = {
    **_NO_SIGNATURES,
    "dims": ("{name} has no open dimension {value}", "--dim is for model files"),
    "batch": ("{name} has a batch of one example, not {value}", "--batch is for model files"),
}
_WHOLE = "give a whole shape, for example --input 224x224x3"
_NAMELESS = {
    **_NO_SETTINGS,
    **_NO_SIGNATURES,
    "dims": ("{name}: the open sizes of a Keras model have no names", _WHOLE),
}
_KERAS = "sepcalc.importers.keras"

YAML = Format("YAML", (".yaml", ".yml"), refuses=_CLOSED)
LINE = Format(
    "one line", refuses={**_CLOSED, "settings": ("{name} has no parameters to set", "")}
)  # 8x8x3, conv -k3 -o4
PYTORCH = Format(
    "PyTorch",  # package.module:name
    module="sepcalc.importers.torch",
    extra="torch",
    refuses={
        **_NO_SIGNATURES,
        "settings": ("{name}: a PyTorch module has no parameter {value} to set", ""),
        "dims": ("{name}: it has no open dimension {value}", "--dim is for model files"),
    },
    typed=True,
)
FORMATS = (  # of files; where the first bytes match two formats, the first one wins
    YAML,
    Format(
        "ONNX",
        (".onnx",),
        begins=rb"\x08[\x01-\x1f][\x12\x1a\x22\x28\x32\x3a\x42\x72]",  # its version as field 1, then another field
        module="sepcalc.importers.onnx",
        refuses={**_NO_SETTINGS, **_NO_SIGNATURES},
    ),
    Format(
        "Keras",
        (".keras",),
        begins=rb"PK\x03\x04.{26}(metadata|config)\.json",  # the first member of a zip
        module=_KERAS,
        refuses=_NAMELESS,
    ),
    Format(
        "Keras' JSON",
        (".json",),
        begins=rb'(\xef\xbb\xbf)?\s*\{\s*("\w+"\s*:\s*"[^"]*"\s*,\s*)*"class_name"',
        module=_KERAS,
        refuses=_NAMELESS,
    ),
    Format(
        "TensorFlow.js",
        begins=rb'(\xef\xbb\xbf)?\s*\{\s*("\w+"\s*:\s*"[^"]*"\s*,\s*)*"(modelTopology|weightsManifest)"'
        rb'|\s*\{\s*("\w+"\s*:\s*"[^"]*"\s*,\s*)*"format"\s*:\s*"(graph|layers)-model"',
        module="sepcalc.importers.tfjs",
        refuses={**_NO_SETTINGS, "dims": ("{name}: the open sizes of a TensorFlow graph have no names", _WHOLE)},
    ),
    Format(
        "Keras' HDF5",
        (".h5", ".hdf5"),
        begins=rb"\x89HDF\r\n\x1a\n",
        module=_KERAS,
        extra="h5",
        refuses=_NAMELESS,
    ),
    Format(
        "TFLite",
        (".tflite",),
        begins=rb".{4}TFL3",
        module="sepcalc.importers.tflite",
        refuses={**_NO_SETTINGS, "dims": ("{name}: the open sizes of a TFLite file have no names", _WHOLE)},
    ),
    Format(
        "torch.export",
        (".pt2",),
        begins=rb"PK\x03\x04.{26}([^/]+/(data/(weights|constants|sample_inputs)/|models/|archive_(format|version))"
        rb"|serialized_(exported_program|state_dict|constants|example_inputs)\.)",
        module="sepcalc.importers.pt2",
        refuses=_NO_SETTINGS,
    ),
    Format(
        "TensorFlow",
        (".pb", ".pbtxt", ".meta"),
        folder="saved_model.pb",
        # A node as field 1, and its name as field 1 of that; or version 1 and a graph, of a SavedModel.
        begins=rb"\n.{1,4}\n[\x01-\xff]{1,2}[\w.][\w.\\/>-]*\x12|\x08\x01\x12",
        module="sepcalc.importers.tf",
        refuses={**_NO_SETTINGS, "dims": ("{name}: the open sizes of a TensorFlow graph have no names", _WHOLE)},
    ),
    Format(
        "OpenVINO",
        (".xml",),
        begins=rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<net\s[^>]*version",
        module="sepcalc.importers.openvino",
        refuses={**_NO_SETTINGS, **_NO_SIGNATURES},
    ),
)

BY_SUFFIX = {suffix: form for form in FORMATS for suffix in form.suffixes}
SUFFIXES = tuple(BY_SUFFIX)
MODELS = tuple([suffix for suffix, form in BY_SUFFIX.items() if form.module])  # the suffixes of other tools' models


def suffix_of(path: str) -> str:
    """The suffix of a path in lower case: ``.onnx``."""
    return os.path.splitext(path)[1].lower()


def of_suffix(path: str) -> Format | None:
    """The format of a path's suffix, or None for an unknown suffix."""
    return BY_SUFFIX.get(suffix_of(path))


def recognized(path: str, head: bytes) -> Format | None:
    """The format of a file with these first bytes. The suffix decides, unless the bytes belong to another format; None
    if neither is known."""
    promised = of_suffix(path)
    if promised is not None and promised.recognizes(head):
        return promised
    return next((form for form in FORMATS if form.recognizes(head)), promised)


def files_pattern() -> str:
    """A regular expression that matches the names of all files that sepcalc reads, as pre-commit hooks use it."""
    return rf"(?i)\.({'|'.join([suffix[1:] for suffix in SUFFIXES])})$"
