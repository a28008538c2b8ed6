"""Keras importer, without Keras: reads ``.keras``, the text of ``to_json()``, and the ``model_config`` of an HDF5
file."""

from typing import Any

from sepcalc.errors import InputError, Problem, quoted
from sepcalc.importers import Request
from sepcalc.importers.keras.build import Builder
from sepcalc.importers.keras.container import load
from sepcalc.importers.keras.graph import build, refusal
from sepcalc.importers.keras.operations import OPERATIONS
from sepcalc.importers.keras.stored import Weights
from sepcalc.importers.keras.table import LAYERS
from sepcalc.network import Network
from sepcalc.shape import show


def read(path: str, request: Request) -> Network:
    """The network of a Keras model file. Raises InputError with every problem."""
    return of_config(load(path), path, request)


def of_config(config: Any, path: str, request: Request) -> Network:
    """The network of a model's configuration, which stands in this file. Raises InputError with every problem."""
    weights = Weights(path, config)
    network = build(config, path, Builder(request), weights)
    if request.inputs:
        _hold_weights(network, config, path, request, weights)
    return network


def _hold_weights(network: Network, config: Any, path: str, request: Request, weights: Weights) -> None:
    """Raises InputError if the requested inputs need weights of other sizes than the file's inputs do, for example in a
    dense layer after a flatten."""
    try:
        own = build(config, path, Builder(request._replace(inputs={})), weights)
    except InputError:  # the file has open sizes
        return
    held, stated = _weights(own), _shapes(own)
    problems = [
        Problem(
            f"layer {quoted(name)}: it has {held.get(name, 0):,} weights in the file, with the input {stated}, but "
            f"would need {count:,} for {_shapes(network)}"
        )
        for name, count in _weights(network).items()
        if held.get(name, 0) != count
    ]
    if problems:
        raise refusal(problems, path)


def _shapes(network: Network) -> str:
    return " and ".join(map(show, network.inputs.values()))


def _weights(network: Network) -> dict[str, int]:
    """The number of stored numbers per layer."""
    return {layer.name: layer.cost.params + layer.cost.buffers for layer in network.layers}


def supported() -> list[str]:
    """The supported layer classes and, as ``ops.NAME``, operations; any other is listed as uncounted."""
    counted = sorted(name for name, row in LAYERS.items() if row.handle)
    return counted + [f"ops.{name}" for name in sorted(OPERATIONS)]
