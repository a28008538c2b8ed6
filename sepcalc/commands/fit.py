"""``fit``: the least change of a network that keeps limits."""

from collections.abc import Sequence

from sepcalc.commands.subjects import Given, network_of
from sepcalc.rewriting import fit as rewriting
from sepcalc.rewriting.answers import Answer, Limits
from sepcalc.rewriting.fit import WAYS


def fit(
    network: Given,
    limits: Limits,
    by: Sequence[str] | str = WAYS,
    *,
    variants: Sequence[str] = ("depthwise-separable",),
    divisor: int = 8,
) -> Answer:
    """The least change of a network that keeps limits: of the ways asked for, the one that keeps the most params. The
    network that fits is ``.network``, None where no way leads to one: ``.reason`` says why.

    ``network`` is a network, or an argument as :func:`sepcalc.load` takes it.
    ``limits`` are counts for one example, ``{"macs": 300_000_000}``; equal to one keeps it. ``width`` scales the
    channels of every layer but the heads, in multiples of ``divisor``; ``resolution`` the spatial sizes of the inputs;
    ``separate`` rewrites single convolutions by ``variants`` (it needs SciPy).
    Raises InputError for a metric that is no sum over layers, an unknown way or variant.

    >>> sepcalc.fit("specs/conv_mobilenet.yaml", {"macs": 2_000_000_000}, by="resolution").change
    'resolution 224 -> 132'
    """
    return rewriting.fit(network_of(network), limits, by, variants=variants, divisor=divisor)
