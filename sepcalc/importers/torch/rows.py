"""An operator of ATen as a row of its room's table: how it is counted, and all else that is known of it by its name."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from sepcalc.importers.common.layout import Layout
from sepcalc.importers.torch.calls import Call
from sepcalc.importers.torch.graph import Builder, Value

Results = Sequence[Value]
Handler = Callable[[Builder, Call], Results]


class Operator(NamedTuple):
    """What is known of an operator; ``reason`` says why it is not counted where ``handle`` is None. Texts are names of
    arguments, as its schema has them."""

    handle: Handler | None
    layout: Layout
    reason: str = ""
    axes: int = 0  # the spatial axes of the images that it works on; 0, where any number of them
    multiplies: bool = False  # counts on stored tensors alone, too: it runs whenever the module does
    operand: int = 0  # which of its tensors then stands where an input does
    # Numbers drawn anew whenever the module runs: they are not prepared beforehand, whatever they are drawn from.
    random: bool = False
    whole: tuple[str, ...] = ()  # takes whole numbers; PyTorch does not say so of all without data
    truth: tuple[str, ...] = ()  # takes truths
    places: str = ""  # tells where elements come from or go to
    mixes: tuple[str, ...] = ()  # name the axes along which it takes elements from elsewhere
    reads: str = ""  # what the data of its tensor tells: a ``value`` that it gives, or the ``sizes`` of what it gives
    cuts: Mapping[str, int] = MappingProxyType({})  # overloads that read the data of one argument: which
    measures: bool = False  # reads the sizes of its tensor alone
    like: bool = False  # reads the type or the sizes of its other tensor alone
    chooses: bool = False  # chooses the best of its elements
    orders: bool = False  # puts elements into the order of their values
    puts: bool = False  # puts elements to places
    parts: bool = False  # gives parts of its tensor along the argument dim
    joins: bool = False  # joins tensors
