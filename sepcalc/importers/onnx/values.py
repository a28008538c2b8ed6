"""What operators of the file read and give, and the call of one.

A value keeps the shape that the file gives it, batch and layout included.
"""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, bad_input, printable
from sepcalc.importers.common.attributes import Attributes
from sepcalc.shape import Shape, show


class Value(NamedTuple):
    """A tensor of the file. ``shape`` is None where it depends on the data; ``kind`` is ONNX's number of the element
    type; ``data`` is known for small constants; ``number`` is the network's tensor (None: it does not depend on the
    inputs, and is prepared beforehand); ``batch`` is the axis that the examples lie along; ``roots`` are the stored
    tensors that a constant was made from, ``some`` how many elements of those it has that are not whole in it."""

    shape: Shape | None
    kind: int = 1
    data: Any = None
    number: int | None = None
    channels_first: bool = False
    batch: int | None = None
    roots: tuple[str, ...] = ()
    name: str = ""
    items: Any = None  # a tuple of values, of a sequence of tensors, whose shape is none
    outer: int = 1  # positions before the examples within their axis: 197 where it is 197·4
    as_given: bool = False  # an input, or made of one by operators that keep its rank and the examples' first axis
    some: Mapping[str, int] = MappingProxyType({})
    angles: frozenset[str] = frozenset()  # stored tensors in it of which it is a table: no weights beside data
    unscaled: bool = False  # sums of small integers, or a scale of some: what is stored and multiplies it is a scale

    @property
    def constant(self) -> bool:
        return self.number is None

    def cut(self, shape: Shape) -> "Value":
        """A constant of this shape, a part of this one."""
        return self._replace(shape=shape, data=None, some=self.most(prod(shape)))

    def most(self, elements: int) -> dict[str, int]:
        """Of each stored tensor in it no more than so many elements."""
        return {root: min(elements, self.some.get(root, elements)) for root in self.roots}

    @property
    def sizes(self) -> Shape:
        """The shape, where it must be known."""
        if self.shape is None:
            raise Unknown(self.name)
        return self.shape

    def numbers(self, reason: str, count: int | None = None) -> Shape:
        """Its elements as whole numbers, ``count`` of them if that is said. Raises Refused with the reason where they
        are not known."""
        if self.data is None or count not in (None, self.data.size):
            raise Refused(reason)
        return tuple([int(number) for number in self.data.numbers])


class Unknown(Exception):
    """The shape of this tensor depends on the data."""


class Refused(Exception):
    """An operator, or this form of it, that cannot be counted: why."""


class _Call(NamedTuple):
    name: str
    type: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int


class Call(_Call, Attributes):
    """One node of the file with its inputs found."""

    __slots__ = ()

    def get(self, *keys: str) -> Any:
        return next((self.attributes[key] for key in keys if key in self.attributes), None)

    def input(self, at: int) -> Value:
        """An input that must be there."""
        if at >= len(self.inputs) or (value := self.inputs[at]) is None:
            raise Invalid(f"{self.type} lacks its input {at + 1}")
        return value

    def maybe(self, at: int) -> Value | None:
        return self.inputs[at] if at < len(self.inputs) else None

    def part(self, label: str, *inputs: Value | None, **changes: Any) -> "Call":
        """The same call as a part of this one, of that label; with these ``inputs`` if there are any."""
        made = self._replace(name=f"{self.name}/{label}", **changes)
        return made._replace(inputs=inputs) if inputs else made

    def axis_of(self, value: Value, default: int) -> int:
        """The axis of a value that the attribute of this name says, counted from the first."""
        axis, rank = self.whole("axis", default), len(value.sizes)
        if not -rank <= axis < rank:
            raise Invalid(f"axis {axis} is none of {show(value.sizes)}")
        return axis % rank


class Mixed(Invalid):
    """What is wrong where the examples of a batch meet each other."""


class Misfit(Exception):
    """A fact with the node that it is about."""

    def __init__(self, where: str, fact: Invalid) -> None:
        super().__init__(where)
        self.where = where
        self.fact = fact

    def refusal(self, path: str) -> InputError:
        """The error of the file that the node stands in."""
        return bad_input(f"{printable(path)}: {self.where}: {self.fact.message}", self.fact.hint)


Results = Sequence[Value]
