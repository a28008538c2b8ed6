"""Prints a result as its command shows it, and says what was meant where it was asked for what it does not have. The
modules that do so stand above the core, so they are found by name."""

from importlib import import_module
from typing import Any, TypeVar

Kind = TypeVar("Kind", bound=type)


def shown(result: object) -> str:
    """The text of a network, a comparison, a verification …: the table that its command prints into a pipe."""
    text: str = import_module("sepcalc.renderers.results").text(result)
    return text


def page(result: object) -> str:
    """The result for a notebook: the body of the page that its command makes with ``--format html``."""
    body: str = import_module("sepcalc.renderers.results").html(result)
    return body


def telling(kind: Kind) -> Kind:
    """A class of results whose AttributeErrors say which attribute was meant."""

    def lacking(result: object, name: str) -> Any:
        if name[:1] == "_":  # of a protocol
            return object.__getattribute__(result, name)
        return import_module("sepcalc.calls").lacking(result, name)

    kind.__getattr__ = lacking  # type: ignore[attr-defined]  # no base has one
    if "__str__" in vars(kind):
        kind._repr_html_ = page  # type: ignore[attr-defined]  # as IPython calls it
    return kind


def missing(what: str, name: object, known: Any, meant: str = "") -> KeyError:
    """The error for a name that a result does not have: it says what is there, or what was ``meant``."""
    error: KeyError = import_module("sepcalc.calls").missing(what, name, known, meant)
    return error
