"""Elements written to indices, or combined with the elements there."""

from math import prod

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.graph import PLAIN, Builder, Refused, Value, seen
from sepcalc.importers.aten.moves import copied
from sepcalc.importers.aten.rows import Operator, Results
from sepcalc.importers.common.layout import KEEPS, same_rows
from sepcalc.ops.elementwise import Elementwise, Scatter, Stored
from sepcalc.ops.move import Copy
from sepcalc.shape import Shape

# PyTorch's names -> the op that combines an element with the one at its index; the sum, for a mean.
_HOWS = {
    **dict.fromkeys(("add", "sum", "mean"), "add"),
    **dict.fromkeys(("multiply", "prod"), "multiply"),
    "amax": "maximum",
    "amin": "minimum",
}


def _put(builder: Builder, call: Call) -> Results:
    """Writes elements, or combines them if requested."""
    if call.get("accumulate", False):
        return _combined(builder, call, "add")
    if call.get("reduce") is not None:
        return _combined(builder, call, str(call.get("reduce")))
    return copied(builder, call)


def _added(builder: Builder, call: Call) -> Results:
    return _combined(builder, call, "add")


def _reduced(builder: Builder, call: Call) -> Results:
    return _combined(builder, call, str(call.get("reduce")))


def _combined(builder: Builder, call: Call, how: str) -> Results:
    """One operation per element, whichever of them share an index; a mean also counts the elements (one addition each)
    and divides."""
    if how not in _HOWS:
        raise Refused(f"a scatter that combines by {how!r} is not supported")
    output, places = call.outputs[0], _places(call)
    if 0 in places:  # no elements are written
        return copied(builder, call)
    source = next((one for name in ("source", "src", "values", "value") if (one := call.maybe(name))), None)
    value = Value(()) if source is None else builder.value(source)
    if call.get("alpha", 1) != 1 and not value.constant:
        number = builder.add(Stored("scale"), [value.node], label="alpha")
        value = value._replace(number=number)
    number = _elements(builder, value, places)
    to = seen(output.shape)
    indices = [builder.laid(builder.value(one), PLAIN).node for one in _index_tensors(call) if one.live]
    given = call.given
    base = [builder.laid(builder.value(given), PLAIN).node] if given.live else []
    kept = [] if given.live else [builder.value(given)]
    made = builder.add(Scatter(_HOWS[how], to), [number, *base, *indices], kept)
    if how == "mean":
        made = _divided(builder, made, indices, places, to)
    return (builder.give(made, output.shape),)


def _places(call: Call) -> Shape:
    """The shape of the written elements."""
    if call.op == "index_put":
        indices = call.arguments["indices"]
        shape = call.given.shape
        named = [one for one in indices if one is not None]
        rank = max(len(one.shape) for one in named)
        padded = [(1,) * (rank - len(one.shape)) + one.shape for one in named]
        rest = [size for axis, size in enumerate(shape) if axis >= len(indices) or indices[axis] is None]
        return (*map(max, zip(*padded)), *rest)
    if call.op in ("index_add", "index_reduce"):
        return call.tensor("source").shape
    return call.tensor("index").shape


def _index_tensors(call: Call) -> list[Tensor]:
    """The tensors with the indices."""
    if call.op == "index_put":
        return [one for one in call.arguments["indices"] if one is not None]
    return [call.tensor("index")]


def _elements(builder: Builder, value: Value, places: Shape) -> int:
    """The written elements as a tensor of the network, one per index: a part or repeats of the operand."""
    value = builder.stored(value)
    number = builder.laid(value, PLAIN).node
    if prod(value.shape) == prod(places):
        return number
    return builder.add(Copy(seen(places)), [number], label="source")


def _divided(builder: Builder, total: int, indices: list[int], places: Shape, to: Shape) -> int:
    """A sum divided by the number of elements at each index; a stored number, unless the indices are computed."""
    if not indices:
        return builder.add(Stored("scale"), [total], label="scale")
    ones = builder.stored(Value(places)).node
    counted = builder.add(Scatter("add", to), [ones, *indices], label="count")
    return builder.add(Elementwise("divide"), [total, counted], label="divide")


_PUTS = Operator(_put, KEEPS, whole=("index",), places="index", mixes=("dim",), puts=True)
SCATTERS: dict[str, Operator] = {
    "scatter": _PUTS,
    "index_put": _PUTS._replace(whole=("indices",), places="indices", mixes=("indices",)),
    "put": _PUTS,
    **same_rows(_PUTS._replace(handle=_added), "scatter_add", "index_add"),
    **same_rows(_PUTS._replace(handle=_reduced), "scatter_reduce", "index_reduce"),
}
