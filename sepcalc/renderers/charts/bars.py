"""Bars below one another: an amount against its limit, or an amount before and after."""

from collections.abc import Iterator

from sepcalc.renderers.charts.base import LETTER, Box, line, rectangle, shortened, svg, title, words
from sepcalc.reports.figures import Bar, Bars

HIGH, ROW = 9.0, 30.0  # of one bar, and of a row with two
WIDTH = 720.0  # of the chart
NAMES = 280.0  # pixels at most for the names
LEAST = 140.0  # and at least for the bars


def drawn(chart: Bars) -> str:
    """A row for each bar, on one scale where the chart is ``shared``, else each on its own."""
    names = min(NAMES, max([len(bar.name) for bar in chart.bars], default=0) * LETTER + 14)
    told = max([len(bar.said) for bar in chart.bars], default=0) * LETTER + 14
    room = max(LEAST, WIDTH - names - told)
    most = max([amount for bar in chart.bars for amount in _amounts(bar)], default=1)
    parts: list[str] = []
    for at, bar in enumerate(chart.bars):
        full = (most if chart.shared else max(_amounts(bar))) or 1
        parts += _row(bar, names, room / full, at * ROW)
    return svg(WIDTH, ROW * len(chart.bars) + 2, f"{chart.title}: {chart.said or 'bars'}", parts)


def _amounts(bar: Bar) -> list[int]:
    return [amount for amount in (*bar.amounts, bar.limit) if amount is not None]


def _row(bar: Bar, left: float, unit: float, top: float) -> Iterator[str]:
    """A name, its bars and its sentence; the limit is a frame."""
    shown = [amount for amount in bar.amounts if amount is not None]
    pair = len(bar.amounts) > 1
    told = title(": ".join(filter(None, [bar.name, bar.said])))
    yield f"<g>{told}{words(shortened(bar.name, left - 12), 0, top + 18)}"
    both = len(shown) > 1
    y = top + (ROW - HIGH * (2 if both else 1)) / 2
    if bar.limit is not None:
        yield rectangle(Box(left, y - 3, bar.limit * unit, HIGH + 6), "frame")
    for at, amount in enumerate(bar.amounts):
        if amount is not None:
            tone = bar.tone or ("before" if pair and not at else "bar")
            yield rectangle(Box(left, y + at * HIGH * both, amount * unit, HIGH - both), tone)
    if bar.limit is not None:
        yield line(left + bar.limit * unit, y - 5, left + bar.limit * unit, y + HIGH + 5, "limit")
    end = left + max([*shown, bar.limit or 0]) * unit
    yield f"{words(bar.said, end + 8, top + 18)}</g>"
