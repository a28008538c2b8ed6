"""``whatif``: what a network would cost, rewritten."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from sepcalc import rewriting
from sepcalc.commands.subjects import Given, network_of
from sepcalc.rewriting import Rewritten


def whatif(
    network: Given,
    rules: Sequence[str] | str = (),
    exclude: Iterable[str] | str = (),
    *,
    width: str | float | Fraction | None = None,
    divisor: int = 8,
    resolution: str | int | Sequence[int] | None = None,
) -> Rewritten:
    """What a network would cost, rewritten: by rules as on the command line (``"stage*/conv*=depthwise-separable"``;
    the first that a layer's name matches is its own; ``exclude`` are globs of layers that stay), of other channels
    (``width`` times, in multiples of ``divisor``) or another ``resolution`` (192, or a size for each spatial axis, in
    positions). ``network`` is a network, or an argument as :func:`sepcalc.load` takes it. The network that results is
    ``.after``; ``.layers`` tell what became of each.

    Raises InputError for a rule or a number that cannot be read, a glob that matches nothing, sizes that do not fit.

    >>> sepcalc.whatif("specs/conv_mobilenet.yaml", "*=depthwise-separable", exclude="conv[0]").after.macs
    568740352
    """
    found = network_of(network)
    return rewriting.whatif(found, rules, exclude, width=width, divisor=divisor, resolution=resolution)
