"""The picture of a report as a file of SVG."""

from sepcalc.renderers import Style
from sepcalc.renderers.blocks import drawn
from sepcalc.reports import Report
from sepcalc.reports.figures import picture_of


def render(report: Report, style: Style) -> str:
    """The picture, which has no script and no font, and follows the reader's light or dark scheme."""
    return drawn(picture_of(report))
