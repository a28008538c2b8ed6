"""What a signal that ends the process at once must remove first: files half written, folders of copies, processes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_waiting: list[Callable[[], object]] = []


@contextmanager
def tidied(action: Callable[[], object]) -> Iterator[None]:
    """Register the action for the case that a signal ends the process while this block runs. The action may run twice,
    and in the middle of the block. Other errors are for the caller."""
    _waiting.append(action)
    try:
        yield
    finally:
        _waiting.pop()


def tidy() -> None:
    """Run the registered actions, the last one first."""
    for action in reversed(_waiting):
        with suppress(Exception):
            action()
