"""What a command is given: a network, a document, or the argument that stands for one."""

import os
from collections.abc import Callable
from typing import NamedTuple

from sepcalc.document import Document
from sepcalc.errors import InputError, printable
from sepcalc.importers import Request
from sepcalc.included import Keep
from sepcalc.network import Network
from sepcalc.source import load, read

Given = Network | Document | str | os.PathLike[str]  # a network, or an argument as every command takes it


class Subject(NamedTuple):
    """A network as a gate takes it: ``argument`` is what it was read from (its name, where it was read from nothing),
    ``settings`` are the parameters that were set, as text."""

    argument: str
    document: Document
    settings: dict[str, str]


def network_of(given: Given) -> Network:
    """A network that was loaded, that of a document, or that of an argument. Raises InputError with every problem."""
    if isinstance(given, Network):
        return given
    return given.network if isinstance(given, Document) else load(given)


def subject(given: Given, keep: Keep | None = None) -> Subject:
    """The network of an argument, or one that was loaded; ``keep`` is given the bytes of the files that are read.
    Raises InputError with every problem, also where its numbers rest on a guess."""
    if isinstance(given, Network):
        given = (given.document or Document(given))._replace(network=given)
    if isinstance(given, Document):
        argument = given.argument or given.network.name or "network"
        require_sure(given, argument)
        return Subject(argument, given, dict(given.settings))
    argument = os.fspath(given)
    return Subject(argument, read_for_gate(argument, keep=keep), {})


def read_for_gate(
    argument: str,
    request: Request = Request(),
    standard_input: Callable[[], bytes] | None = None,
    keep: Keep | None = None,
    sure: bool = True,
) -> Document:
    """The network of an argument, as a gate reads it. ``keep`` receives the files that were read. Raises InputError.
    Unless ``sure`` is off, that includes an input of another kind than the network's own (another network would be
    counted), and numbers that rest on a guess."""
    document = read(argument, request, standard_input, keep)
    if sure:
        require_sure(document, argument)
    return document


def require_sure(document: Document, argument: str) -> None:
    """Raises InputError where the input is of another kind than the network's own, or the numbers rest on a guess."""
    if document.reshaped:
        raise InputError(document.reshaped)
    if guesses := document.network.guesses:
        place = "<stdin>" if argument == "-" else printable(argument)
        raise InputError([problem._replace(place=place) for problem in guesses])


def kept_as(argument: str, folder: str) -> str:
    """The name of a network in a baseline in that folder: the relative path of a file, or the argument itself."""
    if not os.path.exists(argument):
        return argument
    return os.path.relpath(os.path.realpath(argument), os.path.realpath(folder)).replace(os.sep, "/")
