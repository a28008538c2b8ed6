"""A network on a device that computes so many macs while it moves a byte: which of its layers wait for memory."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sepcalc import quantity
from sepcalc.layer import Layer
from sepcalc.ops.base import Uncounted
from sepcalc.reports import Lines
from sepcalc.reports.figures import Point, Scatter
from sepcalc.rewriting.speed import Load, load

NAMED, DRAWN = 12, 32  # points that have their names drawn, or are drawn: those of the longest time
TOLD = 5  # layers that wait longest


def roofline(layers: Sequence[Layer], balance: Fraction, element_bytes: int | None = None) -> Scatter:
    """The macs that each layer with macs has for a byte, and what the device computes at most while it moves one. The
    area of a point is the least time that the layer takes."""
    points: list[Point] = []
    for at, (name, one) in enumerate(_timed(layers, balance, element_bytes)):
        if not one.macs or len(points) == DRAWN:
            continue
        said = f"{quantity.exact(one.macs)} macs, {quantity.exact(one.traffic)} bytes, "
        said += "waits for memory" if one.bound else "at the speed of arithmetic"
        most, tone = float(min(one.intensity, balance)), "waiting" if one.bound else ""
        points.append(Point(name, float(one.intensity), most, float(one.time), said, tone, named=at < NAMED))
    axes = "macs per byte", "macs in the time of a byte, at most"
    area = "A point's area is the least time of its layer"
    area += f"; the {DRAWN} layers with macs that take longest are drawn." if len(points) == DRAWN else "."
    said = f"{_said(layers, balance, element_bytes)} {area}"
    return Scatter("Arithmetic intensity", axes, points, said, True, float(balance))


def waiting(layers: Sequence[Layer], balance: Fraction, element_bytes: int | None = None) -> Lines:
    """How many layers wait for memory, and which do for longest."""
    whole = load(_counted(layers), balance, element_bytes)
    slow = [(name, one) for name, one in _timed(layers, balance, element_bytes) if one.bound][:TOLD]
    shares = [f"{name} {quantity.share(int(one.time * 10**6), int(whole.time * 10**6))}" for name, one in slow]
    longest = [f"Of the least time they take: {', '.join(shares)}."] if shares else []
    return Lines("", [_said(layers, balance, element_bytes), *longest])


def told(layers: Sequence[Layer], balance: Fraction, element_bytes: int | None = None) -> dict[str, Any]:
    """The same for machines."""
    return {"balance": float(balance), "all": load(_counted(layers), balance, element_bytes).record()}


def _said(layers: Sequence[Layer], balance: Fraction, element_bytes: int | None) -> str:
    counted = _counted(layers)
    whole = load(counted, balance, element_bytes)
    kept = "counted layers" if len(counted) < len(layers) else "layers"
    waits = f"{quantity.exact(whole.bound)} of {quantity.exact(whole.layers)} {kept} wait for memory"
    together = "they have" if len(counted) < len(layers) else "the network has"
    own = f"{together} {float(whole.intensity):.2f} macs per byte"
    return f"On a device of {float(balance):g} macs per byte, {waits}; {own}."


def _counted(layers: Sequence[Layer]) -> Sequence[Layer]:
    """The layers whose macs are known."""
    return [layer for layer in layers if not (isinstance(layer.op, Uncounted) and "macs" in layer.op.counts)]


def _timed(layers: Sequence[Layer], balance: Fraction, element_bytes: int | None) -> list[tuple[str, Load]]:
    """The layers by name, those of the longest time first."""
    loads = [(layer.name, load([layer], balance, element_bytes)) for layer in _counted(layers)]
    return sorted(loads, key=lambda pair: -pair[1].time)
