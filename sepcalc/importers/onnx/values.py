"""The values that operators of a file read and give, and the call of an operator.

A value keeps the file's shape, with batch and layout.
"""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

from sepcalc.errors import InputError, Invalid, bad_input, printable
from sepcalc.importers.common.attributes import Attributes
from sepcalc.shape import Shape, show


class Value(NamedTuple):
    """A tensor of the file. ``shape`` is None if it depends on the data; ``kind`` is ONNX's number of the element type;
    ``data`` is known for small constants; ``number`` is the network's tensor (None: a constant, computed beforehand);
    ``batch`` is the axis of the examples; ``roots`` are the stored tensors that a constant was made from; ``some`` is
    the number of elements of each root that is only partly contained."""

    shape: Shape | None
    kind: int = 1
    data: Any = None
    number: int | None = None
    channels_first: bool = False
    batch: int | None = None
    roots: tuple[str, ...] = ()
    name: str = ""
    items: Any = None  # the values of a sequence of tensors; its shape is None
    outer: int = 1  # positions before the examples within their axis: 197 for an axis of 197·4
    as_given: bool = False  # an input, or derived from one by operators that keep its rank and its batch axis
    some: Mapping[str, int] = MappingProxyType({})
    angles: frozenset[str] = frozenset()  # stored tensors that it tabulates: they are not weights beside data
    unscaled: bool = False  # a sum of quantized integers, or its scale: a stored factor of it is a scale

    @property
    def constant(self) -> bool:
        """Whether it does not depend on the inputs."""
        return self.number is None

    def cut(self, shape: Shape) -> "Value":
        """A constant of this shape that is a part of this one."""
        return self._replace(shape=shape, data=None, some=self.most(prod(shape)))

    def most(self, elements: int) -> dict[str, int]:
        """The limit ``elements`` for each stored tensor in it."""
        return {root: min(elements, self.some.get(root, elements)) for root in self.roots}

    @property
    def sizes(self) -> Shape:
        """The shape. Raises Unknown if it depends on the data."""
        if self.shape is None:
            raise Unknown(self.name)
        return self.shape

    def numbers(self, reason: str, count: int | None = None) -> Shape:
        """Its elements as whole numbers (``count`` of them, if given). Raises Refused with the reason if they are not
        known."""
        if self.data is None or count not in (None, self.data.size):
            raise Refused(reason)
        return tuple([int(number) for number in self.data.numbers])


class Unknown(Exception):
    """The shape of this tensor depends on the data."""


class Refused(Exception):
    """The reason why an operator, or this form of it, cannot be counted."""


class _Call(NamedTuple):
    name: str
    type: str
    inputs: tuple[Value | None, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    opset: int


class Call(_Call, Attributes):
    """One node of the file with its inputs resolved."""

    __slots__ = ()

    def get(self, *keys: str) -> Any:
        """The value of the first of these attributes that is present, or None."""
        return next((self.attributes[key] for key in keys if key in self.attributes), None)

    def input(self, at: int) -> Value:
        """A required input."""
        if at >= len(self.inputs) or (value := self.inputs[at]) is None:
            raise Invalid(f"{self.type} lacks its input {at + 1}")
        return value

    def maybe(self, at: int) -> Value | None:
        """An optional input, or None."""
        return self.inputs[at] if at < len(self.inputs) else None

    def part(self, label: str, *inputs: Value | None, **changes: Any) -> "Call":
        """The same call as a part of this one, with this label, and with these ``inputs`` if given."""
        made = self._replace(name=f"{self.name}/{label}", **changes)
        return made._replace(inputs=inputs) if inputs else made

    def axis_of(self, value: Value, default: int) -> int:
        """The axis that the attribute ``axis`` names, counted from the first."""
        axis, rank = self.whole("axis", default), len(value.sizes)
        if not -rank <= axis < rank:
            raise Invalid(f"{show(value.sizes)} has no axis {axis}")
        return axis % rank


class Mixed(Invalid):
    """The error if the examples of a batch are mixed."""


class Misfit(Exception):
    """An error and the node where it occurred."""

    def __init__(self, where: str, fact: Invalid) -> None:
        super().__init__(where)
        self.where = where
        self.fact = fact

    def refusal(self, path: str) -> InputError:
        """The error for the file that contains the node."""
        return bad_input(f"{printable(path)}: {self.where}: {self.fact.message}", self.fact.hint)


Results = Sequence[Value]
