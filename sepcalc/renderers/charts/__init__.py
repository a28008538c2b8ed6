"""Charts as SVG, without script: a module per kind. They take their colours from the page around them."""

from collections.abc import Callable, Mapping
from typing import Any

from sepcalc.renderers.charts import areas, axes, bars, graphs, heat, stacks
from sepcalc.reports.figures import Bars, Chart, Curve, Graph, Heat, Scatter, Stacks, Treemap

_DRAWN: Mapping[type, Callable[[Any], str]] = {
    Curve: axes.curve,
    Scatter: axes.scatter,
    Bars: bars.drawn,
    Graph: graphs.drawn,
    Heat: heat.drawn,
    Stacks: stacks.drawn,
}


def drawings(chart: Chart) -> dict[str, str]:
    """The drawings that a reader can choose from, by their names; most charts have one, without a name. None at all
    where there is nothing to show."""
    if isinstance(chart, Treemap):
        return areas.drawn(chart)
    drawing = _DRAWN[type(chart)](chart)
    return {"": drawing} if drawing else {}
