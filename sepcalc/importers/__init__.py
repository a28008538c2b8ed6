"""Importers, one package per format, each with one function: ``read(path, request) -> Network``.

An importer converts the layout of its format (batch first, channels first) to the shapes of a Network; no other module
does.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Request(NamedTuple):
    """The options with which a network is requested, all values as text: ``settings`` of its parameters; ``inputs``,
    the shape of each input by name (a single shape has the empty name); ``dims``, sizes of the dimensions that the file
    leaves open; ``batch``, the number of examples along the first axis of the inputs (1: the axis holds no examples;
    None: not stated); ``signature``, the signature of the file that is called (empty: not stated)."""

    settings: Mapping[str, str] = {}
    inputs: Mapping[str, str] = {}
    dims: Mapping[str, str] = {}
    batch: int | None = None
    signature: str = ""
