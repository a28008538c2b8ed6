"""Charts of what changed: amounts before and after, the largest change first."""

from collections.abc import Iterable, Iterator

from sepcalc import quantity
from sepcalc.gate.metrics import METRICS, spoken
from sepcalc.network import Network
from sepcalc.reports.figures import Bar, Bars, Point
from sepcalc.reports.verdicts import about

MOST = 30  # rows of a chart
SAID = "Grey is before, blue after"
Sides = tuple[int | None, int | None]  # before and after; None: it is not there


def totals(metrics: Iterable[tuple[str, int, int]]) -> Bars:
    """The totals before and after, each metric on a scale of its own."""
    bars = [Bar(spoken(metric), (old, new), _said(metric, old, new)) for metric, old, new in metrics]
    return Bars("Before and after", bars, f"{SAID}.")


def largest(metric: str, layers: Iterable[tuple[str, Sides]]) -> Iterator[Bars]:
    """The layers in which a metric changed, on one scale; nothing where none did."""
    changed = [(name, old, new) for name, (old, new) in layers if (old or 0) != (new or 0)]
    changed.sort(key=lambda one: -abs((one[2] or 0) - (one[1] or 0)))
    if not changed:
        return
    bars = [Bar(name, (old, new), _said(metric, old, new)) for name, old, new in changed[:MOST]]
    more = f"; {len(changed) - MOST:,} smaller changes are not drawn." if len(changed) > MOST else "."
    yield Bars(f"Layers by the change of their {spoken(metric)}", bars, f"{SAID}{more}", True)


def moved(layers: Iterable[tuple[str, tuple[int, int], tuple[int, int]]]) -> list[Point]:
    """Points of layers by their params and macs, before and after, the one joined to the other."""
    points = list[Point]()
    for name, before, after in layers:
        points.append(Point(name, *before, said="before", tone="before", joined=len(points) + 1, named=False))
        points.append(Point(name, *after, said="after"))
    return points


def layer_by_layer(before: Network, after: Network, metric: str) -> Iterator[tuple[str, Sides]]:
    """A metric of each layer before, and of what has its name or stands below it after."""
    measure = METRICS[metric].layer
    assert measure is not None
    old = {layer.name: measure(layer) for layer in before.layers}
    new = dict[str, int]()
    for layer in after.layers:
        name = layer.name
        while name not in old and "/" in name:
            name = name.rpartition("/")[0]
        new[name] = new.get(name, 0) + measure(layer)
    for name in dict.fromkeys([*old, *new]):
        yield name, (old.get(name), new.get(name))


def _said(metric: str, old: int | None, new: int | None) -> str:
    """``1.2 M -> 900,000, -25.0 %``."""
    if old is None or new is None:
        return f"{about(metric, new or 0)}, new" if old is None else f"{about(metric, old)}, removed"
    if old == new:
        return f"{about(metric, new)}, the same"
    part = f", {'+' if new > old else '-'}{quantity.percent(abs(new - old), old)}" if old else ""
    return f"{about(metric, old)} -> {about(metric, new)}{part}"
