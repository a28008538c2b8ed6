"""Keras models, without Keras: ``.keras``, the text of ``to_json()``, the ``model_config`` of an HDF5 file."""

from sepcalc.importers import Request
from sepcalc.importers.keras.build import Builder
from sepcalc.importers.keras.container import load
from sepcalc.importers.keras.graph import build
from sepcalc.importers.keras.table import LAYERS, OPERATIONS
from sepcalc.network import Network


def read(path: str, request: Request) -> Network:
    """The network of a Keras model file. Raises InputError with every problem."""
    return build(load(path), path, Builder(request))


def supported() -> list[str]:
    """The layer classes and, as ``ops.NAME``, the operations that are counted; any other is listed as uncounted."""
    return sorted(LAYERS) + [f"ops.{name}" for name in sorted(OPERATIONS)]
