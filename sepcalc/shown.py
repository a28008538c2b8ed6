"""How a result prints itself: as its command shows it. The rooms that draw stand above those that compute, so they are
found by name."""

from importlib import import_module


def shown(result: object) -> str:
    """The text of a network, a comparison, a verification …: the table that its command prints into a pipe."""
    text: str = import_module("sepcalc.renderers.results").text(result)
    return text
