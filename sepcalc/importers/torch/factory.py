"""Imports and calls the user code of ``package.module:name``."""

import importlib
import inspect
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import ModuleType
from typing import Any

import torch

from sepcalc.errors import bad_input, near_miss, printable, quoted
from sepcalc.importers.torch.dataless import Dataless
from sepcalc.importers.torch.running import error_line


@contextmanager
def at_home() -> Iterator[None]:
    """Puts the working folder first on Python's path, as ``python -m`` does, and redirects what the code prints to
    stderr."""
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if here in sys.path:
            sys.path.remove(here)


def made(argument: str, shown: str) -> torch.nn.Module:
    """The module that a name means. Raises InputError with a sentence, whatever the user code raises."""
    place, _, path = argument.partition(":")
    found: Any = _imported(place, shown)
    for part in path.split("."):
        if not hasattr(found, part):
            known = [name for name in dir(found) if not name.startswith("_")]
            owner = f"the module {quoted(place)}" if isinstance(found, ModuleType) else quoted(path)
            raise bad_input(f"{shown}: {owner} has no {quoted(part)}", near_miss(part, known))
        found = getattr(found, part)
    if isinstance(found, torch.nn.Module):
        return found
    if not callable(found):
        raise bad_input(
            f"{shown}: it is {_a(found)}, not a PyTorch module",
            "name a module, or a class or function that makes one without arguments",
        )
    needed = _needed(found)
    if needed:
        listed = ", ".join(map(quoted, needed))
        raise bad_input(f"{shown}: it needs arguments: {listed}", "name a function that needs none")
    module = _called(found, shown)
    if not isinstance(module, torch.nn.Module):
        raise bad_input(f"{shown}: it makes {_a(module)}, not a PyTorch module")
    return module


def _a(value: Any) -> str:
    return f"{'an' if type(value).__name__[:1].lower() in 'aeiou' else 'a'} {printable(type(value).__name__)}"


def _imported(place: str, shown: str) -> ModuleType:
    """The Python module, also from the working folder."""
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            missing = f"{shown}: there is no Python module {quoted(error.name)} here"
            raise bad_input(missing, "is it installed?") from error
        raise bad_input(f"{shown}: importing {quoted(place)} fails: {error_line(error)}") from error
    except (Exception, SystemExit) as error:  # user code may raise anything
        raise bad_input(f"{shown}: importing {quoted(place)} fails: {error_line(error)}") from error


def _needed(factory: Any) -> list[str]:
    """The arguments without a default."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    return [
        one.name
        for one in parameters
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]


def _called(factory: Any, shown: str) -> Any:
    """Makes the module, without data if the user code allows it."""
    try:
        with torch.random.fork_rng(devices=[]), Dataless():
            return factory()
    except (Exception, SystemExit):  # it may need data
        try:
            return factory()
        except (Exception, SystemExit) as error:  # user code may raise anything
            raise bad_input(f"{shown}: making it fails: {error_line(error)}") from error
