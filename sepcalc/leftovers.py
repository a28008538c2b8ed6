"""What would stay behind where a signal ends the process at once: files half written, folders of copies, processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_waiting: list[Callable[[], object]] = []


@contextmanager
def tidied(action: Callable[[], object]) -> Iterator[None]:
    """Has the action done should the process leave while this runs. It may be done twice, and in the middle of what
    runs here; all else that goes wrong is for whoever uses this."""
    _waiting.append(action)
    try:
        yield
    finally:
        _waiting.pop()


def tidy() -> None:
    """Does what waits, the last first."""
    for action in reversed(_waiting):
        with suppress(Exception):
            action()
