"""Every public definition says what it is."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sepcalc.reports import Report

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "sepcalc").rglob("*.py")
    if "importers" not in path.parts and path.name != "__main__.py"  # formats need their extras
)


def undocumented(module: ModuleType) -> Iterator[str]:
    """The public classes, functions and methods of a module without a docstring of their own or of a base. Methods of
    a report are those of the protocol Report."""
    for name, thing in vars(module).items():
        if name[:1] == "_" or getattr(thing, "__module__", "") != module.__name__:
            continue
        if not inspect.isclass(thing):
            if inspect.isfunction(thing) and thing.__name__ == name and not thing.__doc__:
                yield name
            continue
        if not thing.__doc__ or thing.__doc__.startswith(f"{name}("):  # the fields of a NamedTuple, from Python
            yield name
        yield from [f"{name}.{method}" for method, found in vars(thing).items() if not told(thing, method, found)]


def told(owner: type, name: str, found: Any) -> bool:
    """Whether a member of a class is no public method, or documented."""
    method = isinstance(found, property | classmethod | staticmethod) or inspect.isfunction(found)
    if name[:1] == "_" or not method:
        return True
    bases = [*owner.__mro__, *([Report] if owner.__name__.endswith("Report") else [])]
    return any(getattr(base.__dict__[name], "__doc__", None) for base in bases if name in base.__dict__)


@pytest.mark.parametrize("name", MODULES)
def test_every_public_definition_has_a_docstring(name: str) -> None:
    module = import_module(name)
    assert module.__doc__
    assert [*undocumented(module)] == []


def test_a_missing_docstring_is_found() -> None:
    module = ModuleType("made")
    exec("class Made:\n    'Made.'\n    def said(self): ...\ndef lone(): ...\nclass Bare: ...", module.__dict__)
    assert [*undocumented(module)] == ["Made.said", "lone", "Bare"]
