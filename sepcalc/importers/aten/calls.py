"""A trace: the operator calls of a module's run, or of a file."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from sepcalc.shape import Shape

CHOSEN = "\0chosen"  # marks a made-up choice among the inputs that a tensor depends on


class Tensor(NamedTuple):
    """A tensor of the trace: its number, its PyTorch shape, ``kind`` (``f`` floating point, ``i`` integer, ``b``
    boolean, ``c`` complex), whether and on which inputs it depends, the parameters in it, the width of an element
    in bits, and the values of a constant that an operator uses as indices, if they are known."""

    at: int
    shape: Shape
    kind: str = "f"
    live: bool = False
    roots: tuple[int, ...] = ()
    origins: frozenset[str] = frozenset()
    bits: int | None = None
    places: tuple[int, ...] | None = None


class Call(NamedTuple):
    """One operator call, with its arguments by schema name and tensors replaced by :class:`Tensor`; ``outputs`` in
    order, ``path`` of the module that ran it, ``within`` the number of that module's run. ``node`` is the node of a
    program's graph that makes it."""

    op: str
    arguments: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    path: str
    within: int
    library: str = "aten"
    node: str = ""

    @property
    def key(self) -> str:
        """Its name in the table of operators."""
        return self.op if self.library == "aten" else f"{self.library}::{self.op}"

    def tensor(self, name: str) -> Tensor:
        """A required tensor argument."""
        value = self.arguments[name]
        assert isinstance(value, Tensor), name
        return value

    @property
    def given(self) -> Tensor:
        """The operand, which schemas call self or input."""
        return self.tensor("self" if "self" in self.arguments else "input")

    def maybe(self, name: str) -> Tensor | None:
        """A tensor argument, or None."""
        value = self.arguments.get(name)
        return value if isinstance(value, Tensor) else None

    def get(self, name: str, default: Any = None) -> Any:
        """An argument, or the default."""
        value = self.arguments.get(name)
        return default if value is None else value

    def tensors(self) -> list[Tensor]:
        """All tensors among its arguments, in order."""
        return list(every(self.arguments.values()))


def every(values: Iterable[Any]) -> Iterator[Tensor]:
    """All tensors among these values, in order."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from every(value)
