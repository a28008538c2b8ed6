"""A module per source of real models, each with one function: ``read(path, request) -> Network``.

Layouts (batch first, channels first) become shapes as the rest of the house knows them here, and nowhere else.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Request(NamedTuple):
    """What whoever asks for a network says besides: values for its parameters, shapes for its inputs by name (a shape
    for the one input under the empty name), sizes for the dimensions that its file leaves open, all as text; and how
    many examples lie along the first axis of its inputs (1: the axis holds no examples; None: not stated); and which of
    the signatures of its file is called (empty: not stated)."""

    settings: Mapping[str, str] = {}
    inputs: Mapping[str, str] = {}
    dims: Mapping[str, str] = {}
    batch: int | None = None
    signature: str = ""
