"""``convert``: a network of any kind as YAML, or as an ONNX file."""

from collections.abc import Iterator
from typing import Literal, overload

from sepcalc.commands.subjects import Given, network_of
from sepcalc.document.compacting import write_compact
from sepcalc.errors import bad_input, near_miss, quoted
from sepcalc.network import Network

FORMATS = ("yaml", "onnx")
WEIGHTS = ("random", "zero")  # what an ONNX file stores


@overload
def convert(network: Given, *, fold_norm: bool = ..., to: Literal["yaml"] = ...) -> str: ...


@overload
def convert(
    network: Given, *, fold_norm: bool = ..., to: Literal["onnx"], weights: str = ..., seed: int = ...
) -> bytes: ...


def convert(
    network: Given, *, fold_norm: bool = False, to: str = "yaml", weights: str = "random", seed: int = 0
) -> str | bytes:
    """A network as YAML that reads back to the same counts, layer by layer; what repeats stands there once, as a block.
    With ``to="onnx"``: the bytes of an ONNX file that runs, with ``weights`` that are random (by ``seed``) or zero.

    ``network`` is a network, or an argument as :func:`sepcalc.load` takes it. ``fold_norm`` makes batch norms part of
    the convolutions before them, where that can be. An operator that cannot be counted is uncounted in the YAML, too.
    Raises InputError with every problem: for ONNX, every layer that has no equivalent there.

    >>> print(sepcalc.convert("8x8x3, conv -k3 -o4, act relu"))
    input: 8x8x3
    layers:
      - conv -k3 -o4
      - act relu
    <BLANKLINE>
    """
    if to not in FORMATS:
        raise bad_input(f"to is {quoted(to)}: expected yaml or onnx", near_miss(to, FORMATS))
    if weights not in WEIGHTS:
        raise bad_input(f"weights is {quoted(weights)}: expected random or zero", near_miss(weights, WEIGHTS))
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise bad_input(f"seed is {seed!r}: expected a whole number from 0")
    if to == "yaml" and (weights, seed) != ("random", 0):
        raise bad_input("weights and seed are for ONNX files", 'sepcalc.convert(network, to="onnx")')
    found = network_of(network)
    found = found.fold_norm() if fold_norm else found
    return write_compact(found) if to == "yaml" else b"".join(onnx_parts(found, weights, seed))


def onnx_parts(network: Network, weights: str, seed: int) -> Iterator[bytes]:
    """The bytes of an ONNX file, one part after another. Every problem is raised before the first."""
    from sepcalc.exporters.onnx import export
    from sepcalc.exporters.protobuf import made

    return made(export(network, weights, seed))
