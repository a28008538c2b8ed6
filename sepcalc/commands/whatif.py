"""``whatif``: what a network would cost, rewritten."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from sepcalc.commands.subjects import Given, network_of
from sepcalc.rewriting import (
    MAX_WIDTH,
    Rewritten,
    read_fraction,
    read_resolution,
    read_rules,
    resized_and_rewritten,
    said,
)
from sepcalc.rewriting.resize import heads_of, resized


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
    whole = network_of(network)
    read = read_rules([rules] if isinstance(rules, str) else rules)
    factor = None if width is None else read_fraction("width", str(width), MAX_WIDTH)
    sizes = None if resolution is None else read_resolution("resolution", resolution)
    changed = whole if factor is None and sizes is None else resized(whole, factor, divisor, sizes)
    remark = said(width, resolution)
    result = resized_and_rewritten(
        whole,
        changed,
        remark,
        () if factor is None else heads_of(whole),
        read,
        [exclude] if isinstance(exclude, str) else exclude,
    )
    return result._replace(remark=remark)
