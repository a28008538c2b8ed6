"""Tables for a terminal, a pipe, a CI log, in which no number is ever cut.

``grid.py`` lays them out. Colours and folded words are drawn by rich (``terminal.py``), loaded for nothing else.
"""

from collections.abc import Iterable, Iterator

from sepcalc.errors import printable
from sepcalc.renderers import Style
from sepcalc.renderers.grid import GAP, RIGHT, Grid, laid_out, width
from sepcalc.reports import Lines, Report, Table, Written, tone_of, toned, written


def render(report: Report, style: Style) -> str:
    """The report's sections, one below the other."""
    lines = list[str]()
    for number, section in enumerate(written(report)):
        lines += [""] if number else []
        lines += map(str.rstrip, _lines(section, style))
    return "\n".join([*lines, ""])


def _lines(section: Written, style: Style) -> Iterator[str]:
    """The lines of a section. They may end in spaces, which :func:`render` removes for copies, diffs and logs."""
    if isinstance(section, Table):
        grid = laid_out(section, style)
        if style.colour or not grid.fits:
            from sepcalc.renderers import terminal

            yield from terminal.table(section, grid, style)
        else:
            if section.title:
                yield printable(section.title)
            yield from _rows(grid)
        if grid.left_out:
            yield ""
            yield from _lines(Lines("", [f"no room for: {', '.join(grid.left_out)}"]), style)
        return
    lines = [toned(printable(line), tone_of(line)) for line in section.lines]
    if style.colour or (style.width and any(width(line) > style.width - 2 for line in lines)):
        from sepcalc.renderers import terminal

        yield from terminal.lines(printable(section.title), lines, section.alarm, style)
        return
    if section.title:
        yield printable(section.title)
    yield from [f"  {line}" for line in lines]


def _rows(grid: Grid) -> Iterable[str]:
    """The headings, if there are any, and the rows."""
    columns, forms = [], []
    for column, texts, wide, even in zip(grid.columns, grid.texts, grid.widths, grid.even, strict=True):
        right = column.holds in RIGHT
        if even:
            forms.append(f"%{wide}s" if right else f"%-{wide}s")
        else:
            room = [" " * (wide - width(text)) for text in texts]
            texts = [more + text if right else text + more for text, more in zip(texts, room)]
            forms.append("%s")
        columns.append(texts)
    if forms and forms[-1].startswith("%-"):  # spaces at the end of a line are removed
        forms[-1] = "%s"
    rows = zip(*columns, strict=True)
    if not any(column.name for column in grid.columns):
        next(rows)
    return map((" " * GAP).join(forms).__mod__, rows)
