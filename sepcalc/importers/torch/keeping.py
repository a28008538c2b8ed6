"""Restores a module and all that it holds to their previous state. Unchanged objects are not touched, since they may
refuse changes."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch

MAX_OBJECTS = 200_000  # the most objects that are visited
_ATOMS = (str, bytes, int, float, complex, bool, type(None), type, range, torch.dtype, torch.device, torch.Size)
_OUTSIDE = (ModuleType, FunctionType, BuiltinFunctionType, MethodType)  # types that a module only refers to
_Restore = Callable[[], None]


def stored_buffers(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """The buffers that a module stores: persistent ones of floating type, each once."""
    seen = set[int]()
    for path, one in module.named_modules():
        for name, buffer in one.named_buffers(path, recurse=False):
            kept = name.rpartition(".")[2] not in one._non_persistent_buffers_set
            if kept and buffer.is_floating_point() and id(buffer) not in seen:
                seen.add(id(buffer))
                yield name, buffer


def class_of(module: torch.nn.Module) -> str:
    """The class of a module with its package: ``torch.nn.modules.conv.Conv2d``."""
    return f"{type(module).__module__}.{type(module).__qualname__}"


@contextmanager
def as_it_was(module: torch.nn.Module) -> Iterator[None]:
    """Restores the module, its submodules, and the lists, dictionaries, sets and objects that they hold, however the
    block ends."""
    before = _remembered(module)
    try:
        yield
    finally:
        for restore in before:
            restore()


def _remembered(module: torch.nn.Module) -> list[_Restore]:
    """A function for each object reachable from the module that restores it."""
    restores, seen, stack = list[_Restore](), dict[int, Any](), [module]
    while stack and len(seen) < MAX_OBJECTS:
        one = stack.pop()
        if isinstance(one, (*_ATOMS, *_OUTSIDE)) or id(one) in seen:
            continue
        seen[id(one)] = one  # keeps it alive, so that an id stays unique
        if isinstance(one, (dict, list, set, deque)):
            restores.append(_of_container(one))
        if isinstance(one, dict):
            stack += one.values()
        elif isinstance(one, (list, tuple, set, frozenset, deque)):
            stack += one
        elif isinstance(one, torch.Generator):
            restores.append(_of_generator(one))
        elif isinstance(one, torch.jit.ScriptModule):
            restores.append(_of_flag(one, "training"))
        elif type(one).__module__ == "numpy" and type(one).__name__ == "ndarray":
            restores.append(_of_array(one))
        if isinstance(one, torch.Tensor):
            restores.append(_of_flag(one, "requires_grad"))
        attributes = getattr(one, "__dict__", None)
        if type(attributes) is dict:
            stack.append(attributes)
    return restores


def _of_container(one: Any) -> _Restore:
    kind: Any = next(kind for kind in (OrderedDict, dict, list, set, deque) if isinstance(one, kind))
    held: list[Any] = list(one.items()) if isinstance(one, dict) else list(one)

    def restore() -> None:
        if kind is set:
            if len(one) != len(held) or any(entry not in one for entry in held):
                set.clear(one)
                set.update(one, held)
        elif isinstance(one, dict):
            now = list(one.items())
            if len(now) != len(held) or any(a is not c or b is not d for (a, b), (c, d) in zip(now, held)):
                kind.clear(one)  # its own methods may refuse
                for key, value in held:
                    kind.__setitem__(one, key, value)
        elif len(one) != len(held) or any(a is not b for a, b in zip(one, held)):
            kind.clear(one)
            kind.extend(one, held)

    return restore


def _of_flag(one: Any, name: str) -> _Restore:
    was = getattr(one, name)

    def restore() -> None:
        if getattr(one, name) != was:
            setattr(one, name, was)

    return restore


def _of_generator(one: torch.Generator) -> _Restore:
    state = one.get_state()
    return lambda: one.set_state(state) and None


def _of_array(one: Any) -> _Restore:
    held = one.copy()

    def restore() -> None:
        if one.flags.writeable:
            one[...] = held

    return restore
