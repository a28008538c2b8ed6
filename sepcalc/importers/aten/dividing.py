"""The trace for one example, from that for several."""

from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

from sepcalc.errors import Invalid
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.lowering import Trace, order_of
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.common.layout import PART, RESHAPED, SEQUENCES, TURNED


class _Place(NamedTuple):
    """Where the examples of a tensor lie: along an axis, of which each has ``within`` parts in turn."""

    axis: int
    within: int = 1


def divided(trace: Trace, count: int) -> Trace:
    """The trace for one of ``count`` examples along the first axis of the inputs. Every axis that holds the examples is
    divided by their number. Whether the examples are separate is not examined. Raises Invalid if an axis is lost."""
    places = {one.at: _Place(0) for one in trace.inputs.values() if one.shape[:1] == (count,)}

    def alone(value: Any) -> Any:
        if isinstance(value, Tensor):
            if value.at not in places:
                return value
            axis, sizes = places[value.at].axis, list(value.shape)
            if sizes[axis] % count:
                raise Invalid(f"the {count} examples do not lie along one axis")
            sizes[axis] //= count
            return value._replace(shape=tuple(sizes))
        return [alone(one) for one in value] if isinstance(value, (list, tuple)) else value

    calls = list[Call]()
    for call in trace.calls:
        given = [one for one in call.tensors() if one.at in places]
        for output in call.outputs:
            if given and output.live and (place := _place(call, given, places, output, count)) is not None:
                places[output.at] = place
        arguments = {name: alone(value) for name, value in call.arguments.items()}
        calls.append(call._replace(arguments=arguments, outputs=tuple(map(alone, call.outputs))))
    inputs, outputs = ({name: alone(one) for name, one in some.items()} for some in (trace.inputs, trace.outputs))
    return trace._replace(calls=calls, inputs=inputs, outputs=outputs)


def _place(call: Call, given: list[Tensor], places: Mapping[int, _Place], output: Tensor, count: int) -> _Place | None:
    """Where the examples of a result lie: as in the operand, or where as many elements stand before each."""
    one, layout = max(given, key=lambda tensor: len(tensor.shape)), row_of(call.key).layout
    axis, within = places[one.at]
    rank = len(output.shape)
    if layout is SEQUENCES and output is not call.outputs[0]:
        return _Place(rank - 2)  # the last states
    if layout is TURNED and rank == len(one.shape):
        return _Place(order_of(call).index(axis), within)
    if layout is PART and rank == len(one.shape) - 1:
        along = int(call.get("dim", 0)) % len(one.shape)
        return None if along == axis else _Place(axis - (along < axis), within)
    if layout is not RESHAPED and rank == len(one.shape) and output.shape[axis] % count == 0:
        return _Place(axis, within)
    before, found = prod(one.shape[:axis]) * within, None
    for at, size in enumerate(output.shape):
        ahead = prod(output.shape[:at])
        if ahead <= before and before % ahead == 0 and size % (before // ahead * count) == 0:
            found = _Place(at, before // ahead)
    return found
