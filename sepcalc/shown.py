"""Prints a result as its command shows it. The renderers stand above the core, so they are found by name."""

from importlib import import_module


def shown(result: object) -> str:
    """The text of a network, a comparison, a verification …: the table that its command prints into a pipe."""
    text: str = import_module("sepcalc.renderers.results").text(result)
    return text
