"""``convert``: a network of any kind as YAML."""

from sepcalc.commands.subjects import Given, network_of
from sepcalc.document.compacting import write_compact


def convert(network: Given, *, fold_norm: bool = False) -> str:
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
    found = network_of(network)
    return write_compact(found.fold_norm() if fold_norm else found)
