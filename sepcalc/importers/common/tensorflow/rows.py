"""The row of an operator in the table of its room."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sepcalc.importers.common.layout import Layout
from sepcalc.importers.common.tensorflow.graph import Builder, Call, Value
from sepcalc.shape import Shape

Results = Sequence[Value]
Handler = Callable[[Builder, Call], Results]
Numbers = tuple[Any, ...] | None
Computed = Callable[[Call], "Numbers | list[Numbers]"]


class Operator(NamedTuple):
    """What is known of an operator; ``reason`` says why it is not counted if ``handle`` is None."""

    handle: Handler | None
    layout: Layout
    reason: str = ""
    computed: Computed | None = None  # what it gives of small constants: a list where it gives several tensors
    live: bool = False  # runs on stored tensors alone, too
    multiplies: bool = False  # counts on stored tensors alone, too
    measures: bool = False  # reads no elements: only how many there are
    shape: Callable[[Call], Shape | None] | None = None  # of what it gives, where it is not counted
    graphs: tuple[str, ...] = ()  # the options that name graphs, which it runs
