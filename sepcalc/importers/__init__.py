"""A module per source of real models, each with one function: ``read(path, request) -> Network``.

Layouts (batch first, channels first) become shapes as the rest of the house knows them here, and nowhere else.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sepcalc.network import Network


class Request(NamedTuple):
    """What whoever asks for a network says besides: values for its parameters, shapes for its inputs by name (a shape
    for the one input under the empty name), sizes for the dimensions that its file leaves open, all as text; and how
    many examples lie along the first axis of its inputs (1: the axis holds no examples; None: not stated)."""

    settings: Mapping[str, str] = {}
    inputs: Mapping[str, str] = {}
    dims: Mapping[str, str] = {}
    batch: int | None = None


IMPORTERS: dict[str, str] = {  # by suffix; a module is loaded when such a file is named
    ".onnx": "sepcalc.importers.onnx",
    ".keras": "sepcalc.importers.keras",
    ".json": "sepcalc.importers.keras",
    ".h5": "sepcalc.importers.keras",
    ".hdf5": "sepcalc.importers.keras",
}


def importer(suffix: str) -> "Callable[[str, Request], Network]":
    """The function that reads such files."""
    read: Callable[[str, Request], Network] = import_module(IMPORTERS[suffix]).read
    return read
