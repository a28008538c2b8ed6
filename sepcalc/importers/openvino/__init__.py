"""OpenVINO: the graph of an IR ``.xml`` file as a network. The ``.bin`` file beside it, with the weights, is not read,
and may be absent.

The graph becomes one of ONNX's messages, whose walk has OpenVINO's table of operators.
"""

from sepcalc.errors import InputError, Invalid, Problem, bad_input, printable
from sepcalc.importers import Request
from sepcalc.importers.onnx import network
from sepcalc.importers.openvino.container import layers_of
from sepcalc.importers.openvino.model import model_of
from sepcalc.importers.openvino.operators import OPERATORS, TABLE
from sepcalc.network import Network

__all__ = ["OPERATORS", "read"]


def read(path: str, request: Request = Request()) -> Network:
    """The network of an IR file, versions 10 and 11. Raises InputError: for a file that is none, for sizes that it
    leaves open, for a graph that does not fit together."""
    shown = printable(path)
    try:
        _, body = layers_of(path)
        model = model_of(body)
    except OSError as error:
        raise bad_input(f"{shown}: cannot be read: {error.strerror or error}") from error
    except (LookupError, ValueError) as error:
        raise bad_input(f"{shown}: its layers, ports and edges do not fit together") from error
    except Invalid as fact:
        raise InputError([Problem(f"{shown}: {fact.message}", fact.hint)]) from fact
    return network(model, path, request, TABLE)
