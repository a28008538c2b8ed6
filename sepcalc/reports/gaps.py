"""The layers that were not counted, for every report on networks."""

from collections.abc import Iterable

from sepcalc.layer import Gap
from sepcalc.reports import Lines


def uncounted(gaps: Iterable[Gap]) -> list[Lines]:
    """Rows for the layers that were not counted, in all counts or in some."""
    by_counts: dict[tuple[str, ...], list[str]] = {}
    for gap in dict.fromkeys(gaps):
        by_counts.setdefault(() if gap.whole else gap.counts, []).append(str(gap))
    return [
        Lines(f"Not counted in {' and '.join(counts)}" if counts else "Not counted", lines, alarm=not counts)
        for counts, lines in sorted(by_counts.items())
    ]
