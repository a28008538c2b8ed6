"""``convert``: a network of any kind as YAML."""

import os

from sepcalc.document.compacting import write_compact
from sepcalc.network import Network
from sepcalc.source import load


def convert(network: Network | str | os.PathLike[str], *, fold_norm: bool = False) -> str:
    """A network as YAML that reads back to the same counts, layer by layer; what repeats stands there once, as a block.

    ``network`` is a network, or an argument as :func:`sepcalc.load` takes it. ``fold_norm`` makes batch norms part of
    the convolutions before them, where that can be. An operator that cannot be counted is uncounted in the YAML, too.
    Raises InputError with every problem.

    >>> print(sepcalc.convert("8x8x3, conv -k3 -o4, act relu"))
    input: 8x8x3
    layers:
      - conv -k3 -o4
      - act relu
    <BLANKLINE>
    """
    found = network if isinstance(network, Network) else load(network)
    return write_compact(found.fold_norm() if fold_norm else found)
