"""A trace: the calls of operators that a module makes when it runs. Nothing here needs PyTorch."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sepcalc.shape import Shape


class Tensor(NamedTuple):
    """A tensor of the trace: its number, its shape as PyTorch has it, ``kind`` (``f`` floating, ``i`` whole, ``b``
    truth, ``c`` complex), whether it depends on the inputs (and on which), the parameters in it, and the width of an
    element in bits."""

    at: int
    shape: Shape
    kind: str = "f"
    live: bool = False
    roots: tuple[int, ...] = ()
    origins: frozenset[str] = frozenset()
    bits: int | None = None


class Call(NamedTuple):
    """One operator with its arguments by the names of its schema, tensors replaced by :class:`Tensor`; ``outputs`` in
    their order, ``path`` of the module that ran it, ``within`` which run of that module."""

    op: str
    arguments: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    path: str
    within: int
    library: str = "aten"

    def tensor(self, name: str) -> Tensor:
        value = self.arguments[name]
        assert isinstance(value, Tensor), name
        return value

    @property
    def given(self) -> Tensor:
        """What it works on: the schemas call it self or input."""
        return self.tensor("self" if "self" in self.arguments else "input")

    def maybe(self, name: str) -> Tensor | None:
        value = self.arguments.get(name)
        return value if isinstance(value, Tensor) else None

    def get(self, name: str, default: Any = None) -> Any:
        value = self.arguments.get(name)
        return default if value is None else value

    def tensors(self) -> list[Tensor]:
        """All of its tensors, in order."""
        return list(every(self.arguments.values()))


def every(values: Iterable[Any]) -> Iterator[Tensor]:
    """All tensors among these values, in order."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from every(value)
