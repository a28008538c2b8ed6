"""A kernel, its factors and what each rank leaves of it, as maps of heat."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sepcalc import quantity
from sepcalc.reports.figures import Heat, Map
from sepcalc.shape import show

if TYPE_CHECKING:
    from sepcalc.factoring import Factoring
    from sepcalc.factoring.remainders import Remainder

SIDE = 32  # numbers along a side of a kernel that is drawn
CELLS = 1500  # numbers that are drawn at most, in all
SAID = "Blue is above 0, orange below; the number below a map is what its strongest colour stands for."


def maps(factoring: "Factoring") -> Iterator[Heat]:
    """The kernel (of a layer the one with the largest weights) with its factors, then a row for each rank: the best
    kernel of this rank, and what it leaves. Nothing for a kernel that is too large to be seen."""
    from sepcalc.factoring.remainders import heaviest, remainders

    values, place = heaviest(factoring.kernel)
    high = values.reshape(-1, values.shape[-1])
    if max(high.shape) > SIDE:
        return
    name = "the kernel" if place is None else f"the heaviest kernel, [{place[0]}, {place[1]}]"
    ranks = list(remainders(values, max(1, CELLS // (2 * values.size))))
    scale = float(abs(values).max())
    rows = [[Map(f"{name}, {show(values.shape)}", _numbers(values), scale), *_factors(factoring, ranks)]]
    for one in ranks:
        left = (
            f"what it leaves, {quantity.percent(round(one.error * 10**9), 10**9)}" if one.error else "it leaves nothing"
        )
        rest = Map(left, _numbers(one.rest), float(abs(one.rest).max()), "+")
        rows.append([Map(f"the best of rank {one.rank}", _numbers(one.sum), scale), rest])
    yield Heat("Ranks", rows, SAID)


def _factors(factoring: "Factoring", ranks: "Sequence[Remainder]") -> Iterator[Map]:
    """The exact factors where it separates, else the vectors of the first rank."""
    if factoring.factors is not None and factoring.scale is not None:
        vectors: Sequence[Sequence[float]] = [list(map(float, along)) for along in factoring.factors]
        sign = "=" if factoring.scale == 1 else f"= {factoring.scale} x"
    elif ranks:
        vectors, sign = [along.tolist() for along in ranks[0].vectors], "=" if len(ranks) == 1 else "~"
    else:
        return
    for at, vector in enumerate(vectors):
        across = at == len(vectors) - 1
        numbers = [vector] if across else [[number] for number in vector]
        scale = max(map(abs, vector), default=0.0)
        yield Map(f"factor {at + 1}", numbers, scale, "x" if at else sign)


def _numbers(values: Any) -> list[list[float]]:
    """The rows of a matrix; the slices of three axes below one another, with an empty row between."""
    if values.ndim < 3:
        rows: list[list[float]] = values.reshape(-1, values.shape[-1]).tolist()
        return rows
    stacked = list[list[float]]()
    for at, part in enumerate(values):
        stacked += [[], *part.tolist()] if at else part.tolist()
    return stacked
