"""``fit``: the least change of a network that keeps limits."""

from collections.abc import Sequence
from functools import partial

from sepcalc.commands.subjects import Given, network_of
from sepcalc.errors import bad_input, quoted
from sepcalc.rewriting.answers import Answer, Limits, fits
from sepcalc.rewriting.fit import LEAST_WIDTH, SEPARATED, WAYS, answers_of, by_channels, unfit


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
    whole = network_of(network)
    ways = (by,) if isinstance(by, str) else tuple(by)
    if unknown := [way for way in ways if way not in WAYS]:
        raise bad_input(f"unknown way {quoted(unknown[0])}: expected {', '.join(WAYS)}")
    if unknown := [name for name in variants if name not in SEPARATED]:
        raise bad_input(f"unknown variant {quoted(unknown[0])}: expected {', '.join(SEPARATED)}")
    unfit(limits)
    if fits(whole, limits):
        return Answer("none", whole, "it fits as it is", before=whole, limits=limits)
    by_width = partial(by_channels, whole, limits, LEAST_WIDTH, divisor)
    answers = answers_of(whole, limits, ways, by_width, variants, required=ways == ("separate",))
    fitting = [answer for answer in answers if answer.network is not None]
    best = max(fitting, key=lambda answer: answer.network.cost.params if answer.network else 0, default=None)
    if best is None:
        best = Answer("none", None, "", "; ".join(f"{answer.way}: {answer.reason}" for answer in answers))
    return best._replace(before=whole, limits=limits, ways=tuple(answers))
