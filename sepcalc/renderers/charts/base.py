"""What the charts share: boxes, and pieces of SVG. Colours, fonts and lines are the page's (``page.css``)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sepcalc.errors import printable

WIDTH = 960.0  # of most charts
LETTER, LINE = 6.9, 16.0  # the width of a letter, and the height of a line
COLOURS = 8  # of the page, for kinds of layer; the last one is for all further kinds


class Box(NamedTuple):
    """A rectangle: its left top corner, its width and height."""

    x: float
    y: float
    width: float
    height: float


def svg(width: float, height: float, label: str, parts: Iterable[str], style: str = "chart") -> str:
    """The element around the parts; ``label`` is its text for who cannot see it. A chart of ``fixed`` style is not
    scaled."""
    named = plain(label).replace('"', "&quot;")
    size = f' width="{width:.0f}" height="{height:.0f}"' if "fixed" in style else ""
    head = f'<svg class="{style}" viewBox="0 0 {width:.0f} {height:.0f}"{size} role="img" aria-label="{named}">'
    return "".join([head, *parts, "</svg>"])


def number(amount: float) -> str:
    """Pixels, with a decimal where they have one."""
    return f"{amount:.1f}".removesuffix(".0")


def rectangle(box: Box, style: str = "") -> str:
    """A rectangle, of a class of the page."""
    styled = f' class="{style}"' if style else ""
    x, y, width, height = map(number, box)
    return f'<rect{styled} x="{x}" y="{y}" width="{width}" height="{height}"/>'


def line(x: float, y: float, to_x: float, to_y: float, style: str) -> str:
    """A straight line."""
    return f'<line class="{style}" x1="{number(x)}" y1="{number(y)}" x2="{number(to_x)}" y2="{number(to_y)}"/>'


def words(text: str, x: float, y: float, style: str = "", anchor: str = "") -> str:
    """A text that stands at a point, or ends there (``end``), or has its middle there."""
    styled = f' class="{style}"' if style else ""
    set_ = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text{styled} x="{number(x)}" y="{number(y)}"{set_}>{plain(text)}</text>'


def title(text: str) -> str:
    """What a browser shows of an element beneath the pointer."""
    return f"<title>{plain(text)}</title>"


def plain(text: str) -> str:
    """A text as it may stand between tags."""
    return printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str, room: float) -> str:
    """As much of a text as there is room for, from its end: the ends of names tell them apart."""
    shown = printable(text)
    most = max(2, int(room / LETTER))
    return shown if len(shown) <= most else f"…{shown[1 - most :]}"


def placed(wanted: Sequence[tuple[float, float]], wide: float, taken: list[Box]) -> tuple[float, float] | None:
    """The first of these places for a text of this width that is free of the boxes ``taken`` before, which gets it."""
    for left, low in wanted:
        box = Box(left, low - 10, wide, 12)
        if not any(_overlap(box, other) for other in taken):
            taken.append(box)
            return left, low
    return None


def _overlap(one: Box, two: Box) -> bool:
    beside = one.x + one.width <= two.x or two.x + two.width <= one.x
    return not (beside or one.y + one.height <= two.y or two.y + two.height <= one.y)
