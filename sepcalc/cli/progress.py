"""A progress bar for long work."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sepcalc.leftovers import tidied

Progress = Callable[[int, int, str], None]  # what is done, of what there is, and what it is at


@contextmanager
def progress_bar(doing: str) -> Iterator[Progress | None]:
    """A progress bar on a terminal's standard error; elsewhere nothing."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, markup=False, emoji=False, no_color=bool(os.environ.get("NO_COLOR")))
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar, tidied(bar.stop):
        task = bar.add_task(doing, total=None)

        def progress(done: int, whole: int, name: str) -> None:
            bar.update(task, completed=done, total=whole, description=name)

        yield progress
