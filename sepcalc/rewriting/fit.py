"""The least change of a network that fits its limits: narrower, smaller, or with layers separated.

Each way is solved exactly, and its answer counted again: width and resolution by bisection, counts being taken to grow
with them; the set of layers to separate as an integer program, by SciPy's HiGHS, whose floats propose and whose
proposals are counted in integers.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from math import ceil

from sepcalc.cost import COSTS
from sepcalc.errors import InputError, bad_input
from sepcalc.network import Network
from sepcalc.rewrite import VARIANTS, Settings
from sepcalc.rewriting.answers import Answer, Limits, fits
from sepcalc.rewriting.resize import resized
from sepcalc.rewriting.separating import by_separating
from sepcalc.shape import Shape, show

LINEAR = (*COSTS, "flops")  # counts of which a network's are the sum of its layers'
SEPARATED = [name for name in VARIANTS if name != "normal"]
LEAST_WIDTH = Fraction(1, 20)
FINEST = 1000  # widths are tried in thousandths

WAYS = ("width", "resolution", "separate")


def answers_of(
    network: Network,
    limits: Limits,
    ways: Iterable[str],
    by_width: Callable[[], Answer],
    variants: Sequence[str],
    settings: Settings = Settings(),
    required: bool = True,
) -> list[Answer]:
    """What each way comes to, for a network that does not fit. ``by_width`` solves the width; ``required`` raises
    InputError where nothing can be separated for want of SciPy."""
    solve: Mapping[str, Callable[[], Answer]] = {
        "width": by_width,
        "resolution": lambda: by_resolution(network, limits),
        "separate": lambda: by_separating(network, limits, variants, settings, required),
    }
    return [solve[way]() for way in ways]


# --- bisection -------------------------------------------------------------------------------------------------------


def largest(low: int, high: int, at: Callable[[int], Network | None], limits: Limits) -> tuple[int, Network] | None:
    """The largest number from ``low`` to ``high`` whose network fits, counts being taken to grow with it; None when
    there is none. Numbers that make no network (None) are passed over."""
    made, best = cache(at), None
    while low <= high:
        middle = (low + high + 1) // 2
        number, network = next(
            ((number, network) for number in range(middle, high + 1) if (network := made(number))), (high, None)
        )
        if network is not None and fits(network, limits):
            low, best = number + 1, (number, network)
        else:
            high = middle - 1
    return best


def narrower(
    widths: tuple[Fraction, Fraction],
    at: Callable[[Fraction], Network | None],
    limits: Limits,
    what: str,
    steps: int = FINEST,
) -> Answer:
    """The widest that fits, in thousandths or other ``steps`` of 1; ``widths`` are the narrowest to try and the
    network's own."""
    low, high = max(1, ceil(widths[0] * steps)), int(widths[1] * steps)
    found = largest(low, high, lambda number: at(Fraction(number, steps)), limits)
    if found is None:
        return Answer("width", None, "", f"not even {what} {low / steps:g} fits")
    return Answer("width", found[1], f"{what} {float(widths[1]):g} -> {found[0] / steps:g}")


def _unmoved(limits: Limits) -> str:
    fixed = [metric for metric in limits if metric in ("params", "buffers")]
    return f"{' and '.join(fixed)} do not depend on it" if fixed else "not even the smallest that the layers allow"


def smaller(sides: Shape, at: Callable[[int], Network | None], limits: Limits) -> Answer:
    """The highest resolution that fits, up to the input's own ``sides``; ``at`` takes the longest."""
    found = largest(1, max(sides), at, limits)
    if found is None:
        return Answer("resolution", None, "", f"no resolution fits: {_unmoved(limits)}")
    before, after = (
        show(shape) if len(set(shape)) > 1 else str(shape[0])
        for shape in (sides, tuple([max(1, side * found[0] // max(sides)) for side in sides]))
    )
    return Answer("resolution", found[1], f"resolution {before} -> {after}")


def by_channels(network: Network, limits: Limits, least: Fraction, divisor: int) -> Answer:
    """A factor for the channels of every layer but the heads."""
    return narrower(
        (least, Fraction(1)), lambda factor: tried(lambda: resized(network, factor, divisor)), limits, "channels x"
    )


def by_resolution(network: Network, limits: Limits) -> Answer:
    """Inputs in the proportions of the first that has sides, up to its own."""
    shape = next((shape for shape in network.inputs.values() if len(shape) > 1), None)
    if shape is None:
        return Answer("resolution", None, "", "the input has no spatial size")
    *sides, _ = shape

    def at(size: int) -> Network | None:
        sizes = tuple([max(1, side * size // max(sides)) for side in sides])
        return tried(lambda: resized(network, resolution=sizes))

    return smaller(tuple(sides), at, limits)


def tried(make: Callable[[], Network]) -> Network | None:
    """The network, or None where the layers do not fit each other at this size."""
    try:
        return make()
    except InputError:
        return None


def unfit(limits: Iterable[str]) -> None:
    """Raises InputError for a metric that is not a sum over layers."""
    for metric in limits:
        if metric not in LINEAR:
            expected = ", ".join(LINEAR)
            message = (
                f"fit cannot be held to {metric.replace('_', '-')}, which is no sum over layers: expected {expected}"
            )
            raise bad_input(message)
