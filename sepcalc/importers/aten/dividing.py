"""The trace for one example, from that for several."""

from collections.abc import Mapping
from math import prod
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.lowering import Trace, order_of
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.common.layout import PART, RESHAPED, TURNED


def divided(trace: Trace, count: int) -> Trace:
    """The trace for one of ``count`` examples along the first axis of the inputs. Every axis that holds the examples is
    divided by their number. Whether the examples are separate is not examined. Raises Invalid if an axis is lost."""
    axes: dict[int, int] = {one.at: 0 for one in trace.inputs.values() if one.shape[:1] == (count,)}

    def alone(value: Any) -> Any:
        if isinstance(value, Tensor):
            axis = axes.get(value.at)
            if axis is None:
                return value
            sizes = list(value.shape)
            if sizes[axis] % count:
                raise Invalid(f"the {count} examples do not lie along one axis")
            sizes[axis] //= count
            return value._replace(shape=tuple(sizes))
        return [alone(one) for one in value] if isinstance(value, (list, tuple)) else value

    calls = list[Call]()
    for call in trace.calls:
        given = [one for one in call.tensors() if one.at in axes]
        for output in call.outputs:
            if given and output.live and (axis := _axis(call, given, axes, output, count)) is not None:
                axes[output.at] = axis
        arguments = {name: alone(value) for name, value in call.arguments.items()}
        calls.append(call._replace(arguments=arguments, outputs=tuple(map(alone, call.outputs))))
    inputs, outputs = ({name: alone(one) for name, one in some.items()} for some in (trace.inputs, trace.outputs))
    return trace._replace(calls=calls, inputs=inputs, outputs=outputs)


def _axis(call: Call, given: list[Tensor], axes: Mapping[int, int], output: Tensor, count: int) -> int | None:
    """The axis of a result along which the examples lie: where as many elements stand before each as in the operand."""
    one = max(given, key=lambda tensor: len(tensor.shape))
    axis, layout = axes[one.at], row_of(call.op).layout
    if layout is TURNED and len(one.shape) == len(output.shape):
        return order_of(call).index(axis)
    if layout is PART and len(output.shape) == len(one.shape) - 1:
        along = int(call.get("dim", 0)) % len(one.shape)
        return None if along == axis else axis - (along < axis)
    if layout is not RESHAPED and len(output.shape) == len(one.shape) and output.shape[axis] % count == 0:
        return axis
    before, found = prod(one.shape[:axis]), None
    for at, size in enumerate(output.shape):
        ahead = prod(output.shape[:at])
        if ahead <= before and before % ahead == 0 and size % count == 0:
            found = at
    return found
