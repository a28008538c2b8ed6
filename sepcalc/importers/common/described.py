"""A short description of how an operator of a format is counted, from its row in the table."""

from collections.abc import Callable
from typing import Any


def how_counted(handle: Callable[..., Any]) -> str:
    """The first sentence of the handler's docstring; without one, its module, and the words that it was made with:
    ``activations: leaky-relu``."""
    given = [*getattr(handle, "args", ()), *getattr(handle, "keywords", {}).values()]
    handle = getattr(handle, "func", handle)  # of a partial the function in it
    said = " ".join((getattr(handle, "__doc__", None) or "").split()).partition(". ")[0].rstrip(".")
    if said:
        return said
    room = getattr(handle, "__module__", "").rpartition(".")[2]
    cells = [cell.cell_contents for cell in getattr(handle, "__closure__", None) or ()]
    words = [word for word in (*given, *cells) if isinstance(word, str) and word]
    return f"{room}: {', '.join(words)}" if words else room
