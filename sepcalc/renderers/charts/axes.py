"""Charts with axes: a curve, and points on logarithmic axes."""

from collections.abc import Iterator, Sequence
from math import ceil, floor, log10, sqrt

from sepcalc import quantity
from sepcalc.errors import printable
from sepcalc.renderers.charts.base import LETTER, LINE, WIDTH, Box, line, placed, plain, svg, title, words
from sepcalc.reports import BYTES
from sepcalc.reports.figures import Curve, Point, Scatter

HEIGHT, LOW = 420.0, 200.0  # of a chart of points, and of a curve
LEFT, RIGHT, TOP, BOTTOM = 76.0, WIDTH - 90, 26.0, HEIGHT - 36  # of the axes
MAX_POINTS = 150  # of a curve, that tell their names
NEAR = 50  # times the largest amount, up to which the edge of a roof is shown
MAX_TICKS = 8  # of an axis, about
ROUNDING = 1e-9  # of a step
SMALLEST, LARGEST = 4.0, 26.0  # radii of points


def curve(chart: Curve) -> str:
    """The amounts from the left to the right, as steps, with the marked one pointed at."""
    most = max(*chart.amounts, *[limit for _, limit in chart.limits], 1)
    count = len(chart.amounts)
    step, top = WIDTH / count, LINE + 4
    heights = [top + (LOW - top) * (1 - amount / most) for amount in chart.amounts]
    steps = "".join([f"V{y:.1f}H{(at + 1) * step:.1f}" for at, y in enumerate(heights)])
    form = quantity.size if chart.holds == BYTES else quantity.about
    middle = (chart.marked + 0.5) * step
    anchor = "start" if middle < WIDTH / 3 else "end" if middle > 2 * WIDTH / 3 else "middle"
    said = f"{form(chart.amounts[chart.marked])}: {chart.names[chart.marked]}"
    parts = [
        f'<path class="area" d="M0 {LOW:.1f}{steps}V{LOW:.1f}Z"/>',
        line(middle, top, middle, LOW, "mark"),
        words(said, middle, LINE - 4, "", anchor),
    ]
    for text, limit in chart.limits:
        y = top + (LOW - top) * (1 - limit / most)
        parts += [line(0, y, WIDTH, y, "limit"), words(text, 4, y - 5)]
    if count <= MAX_POINTS:
        for at, (name, amount) in enumerate(zip(chart.names, chart.amounts, strict=True)):
            box = f'x="{at * step:.1f}" y="0" width="{step:.1f}" height="{LOW:.0f}"'
            parts.append(f'<g class="point">{title(f"{name}: {quantity.exact(amount)}")}<rect {box}/></g>')
    return svg(WIDTH, LOW + 1, f"{chart.title}: {chart.said}", parts)


class _Axis:
    """A logarithmic axis around these amounts, from one end in pixels to the other. It begins and ends at 1, 2 or 5
    times a power of ten."""

    def __init__(self, amounts: Sequence[float], start: float, end: float) -> None:
        above = [amount for amount in amounts if amount > 0] or [1]
        least, most = min(above), max(above)
        steps = [
            digit * 10.0**power
            for power in range(floor(log10(least)) - 1, ceil(log10(most)) + 2)
            for digit in (1, 2, 5)
        ]
        first = max([at for at, step in enumerate(steps) if step <= least * (1 + ROUNDING)])
        last = max(first + 1, min([at for at, step in enumerate(steps) if step >= most * (1 - ROUNDING)]))
        self.steps = steps[first : last + 1]
        self.low, self.high = self.steps[0], self.steps[-1]
        self.start, self.end = start, end

    def at(self, amount: float) -> float:
        """The pixel of an amount; 0 stands at the near end."""
        part = log10(max(amount, self.low) / self.low) / log10(self.high / self.low)
        return self.start + (self.end - self.start) * part

    def ticks(self) -> Iterator[tuple[float, str]]:
        """The steps that it has room for, each with its text."""
        tens = [step for step in self.steps if f"{step:e}"[0] == "1"]
        chosen = self.steps if len(self.steps) < MAX_TICKS else tens[:: -(-len(tens) // MAX_TICKS)]
        for step in chosen:
            yield self.at(step), quantity.about(round(step)) if step >= 1 else f"{step:g}"


def scatter(chart: Scatter) -> str:
    """A point for each, with a line at each step of the axes; its area is its weight. Points that are joined have a
    line from the one to the other."""
    across, up = _axes(chart)
    parts = [*_grid(chart, across, up), *_limits(chart, across, up)]
    if chart.diagonal:
        low, high = chart.diagonal
        parts.append(line(across.at(low), up.at(low), across.at(high), up.at(high), "limit"))
        parts.append(words("all of the saving", across.at(high), up.at(high) - 6, "", "end"))
    taken: list[Box] = []
    if chart.roof:
        parts += _roof(chart.roof, across, up)
        taken.append(Box(across.at(chart.roof), up.at(chart.roof) - 2, RIGHT - across.at(chart.roof), 4))
        taken.append(Box(across.at(chart.roof) - 60, 0, 120, TOP))
    places = [(across.at(point.x), up.at(point.y)) for point in chart.points]
    heaviest = max([point.weight for point in chart.points], default=0) if chart.weighed else 0
    radii = [max(SMALLEST, LARGEST * sqrt(point.weight / heaviest)) if heaviest else SMALLEST for point in chart.points]
    order = sorted(range(len(places)), key=lambda at: -chart.points[at].weight)
    for at in order:
        if (other := chart.points[at].joined) is not None:
            parts.append(line(*places[at], *places[other], "join"))
        (x, y), radius = places[at], radii[at]
        taken.append(Box(x - radius * 0.7, y - radius * 0.7, radius * 1.4, radius * 1.4))
    for at in order:
        point, (x, y), radius = chart.points[at], places[at], radii[at]
        tone = f' class="{point.tone}"' if point.tone else ""
        parts.append(f'<g>{title(_said(point, chart))}<circle{tone} cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>')
        parts.append(f"{_named(point.name, x, y, radius, taken) if point.named else ''}</g>")
    return svg(WIDTH, HEIGHT, f"{chart.title}: {' against '.join(reversed(chart.axes))}", parts)


def _axes(chart: Scatter) -> tuple[_Axis, _Axis]:
    """The axes around all points and limits, and around the edge of the roof where it is near."""
    ends = [[amount for _, axis, amount in chart.limits if axis == at] for at in range(2)]
    ends = [[*some, *(chart.diagonal or ())] for some in ends]
    xs, ys = [point.x for point in chart.points], [point.y for point in chart.points]
    if chart.roof and chart.roof < NEAR * max(xs, default=1):
        ends = [[*some, 2 * chart.roof] for some in ends]
    return _Axis([*xs, *ends[0]], LEFT, RIGHT), _Axis([*ys, *ends[1]], BOTTOM, TOP)


def _grid(chart: Scatter, across: _Axis, up: _Axis) -> Iterator[str]:
    """The lines of the axes, their numbers and their names."""
    for x, text in across.ticks():
        yield line(x, TOP, x, BOTTOM, "axis") + words(text, x, BOTTOM + 16, "", "middle")
    for y, text in up.ticks():
        yield line(LEFT, y, RIGHT, y, "axis") + words(text, LEFT - 6, y + 4, "", "end")
    yield words(chart.axes[0], RIGHT, HEIGHT - 4, "head", "end")
    yield words(chart.axes[1], 4, LINE - 4, "head")


def _limits(chart: Scatter, across: _Axis, up: _Axis) -> Iterator[str]:
    for text, axis, amount in chart.limits:
        if axis == 0:
            x = across.at(amount)
            yield line(x, TOP, x, BOTTOM, "limit") + words(text, x, TOP - 6, "", "middle")
        else:
            y = up.at(amount)
            yield line(LEFT, y, RIGHT, y, "limit") + words(text, RIGHT + 4, y + 4)


def _said(point: Point, chart: Scatter) -> str:
    amounts = zip((point.x, point.y), chart.axes, strict=True)
    told = [f"{quantity.exact(amount) if isinstance(amount, int) else f'{amount:.2f}'} {of}" for amount, of in amounts]
    return f"{point.name}: {', '.join([*told, *filter(None, [point.said])])}"


def _roof(balance: float, across: _Axis, up: _Axis) -> Iterator[str]:
    """What a device of this balance can do: it rises with the macs of each byte up to the balance."""
    low, high = across.low, across.high
    points = [(low, min(low, balance)), (balance, balance), (high, balance)]
    points = [(x, y) for x, y in points if low <= x <= high]
    path = " ".join([f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points])
    yield f'<polyline class="roof" points="{path}"/>'
    if low <= balance <= high:
        x = across.at(balance)
        yield line(x, up.end, x, up.start, "limit")
        yield words(f"{balance:g} macs per byte", x, up.end - 6, "", "middle")


def _named(name: str, x: float, y: float, radius: float, taken: list[Box]) -> str:
    """The name of a point on the first side of it that is free; nothing where none is."""
    shown = printable(name)
    wide, off = len(shown) * LETTER, radius + 3
    beside = [(x + off, y + 4), (x - off - wide, y + 4)]
    heights = [low for step in range(3) for low in (y - off - 15 * step, y + off + 9 + 15 * step)]
    levels = [(x - wide / 2, low) for low in heights]
    inside = [
        (left, low) for left, low in (*beside, *levels) if left >= 0 and left + wide <= WIDTH and TOP < low < BOTTOM
    ]
    found = placed(inside, wide, taken)
    if found is None:
        return ""
    leader = line(x, y, found[0] + wide / 2, found[1] - 4, "join") if found in levels[2:] else ""
    return f'{leader}<text x="{found[0]:.1f}" y="{found[1]:.1f}">{plain(name)}</text>'
