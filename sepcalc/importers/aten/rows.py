"""A row of an operator table: how an ATen operator is counted, and everything else that depends on its name."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from sepcalc.importers.aten.calls import Call
from sepcalc.importers.aten.graph import Builder, Value
from sepcalc.importers.common.layout import Layout

Results = Sequence[Value]
Handler = Callable[[Builder, Call], Results]


class Operator(NamedTuple):
    """The row of an operator; ``reason`` says why it is not counted if ``handle`` is None. Texts are names of arguments
    in its schema."""

    handle: Handler | None
    layout: Layout
    reason: str = ""
    axes: int = 0  # the number of spatial axes of its images; 0 for any number
    multiplies: bool = False  # also counts if all operands are stored: it runs in every forward
    operand: int = 0  # the tensor that is then treated as an input
    # Draws new random numbers in every run, so it is never computed beforehand.
    random: bool = False
    whole: tuple[str, ...] = ()  # arguments that must be integers; without data PyTorch does not always check
    truth: tuple[str, ...] = ()  # arguments that must be booleans
    places: str = ""  # the argument with the indices
    # Axes along which it takes elements from other positions, or arguments that name them.
    mixes: tuple[str | int, ...] = ()
    reads: str = ""  # what the data of its tensor determines: the ``value`` or the ``sizes`` of the result
    cuts: Mapping[str, int] = MappingProxyType({})  # overload -> the position of the argument whose data it reads
    measures: bool = False  # reads only the sizes of its tensor
    like: bool = False  # reads only the type or the sizes of its other tensor
    chooses: bool = False  # chooses the best of its elements
    orders: bool = False  # sorts elements
    puts: bool = False  # writes elements to indices
    parts: bool = False  # splits its tensor along the argument dim
    joins: bool = False  # joins tensors
