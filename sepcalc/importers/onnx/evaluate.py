"""Operators evaluated on constants by NumPy: those with which graphs compute shapes, indices and bounds. Source: the
definitions of the operators, which ONNX's reference implementation follows."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sepcalc.importers.onnx.tensors import BFLOAT16, TYPES
from sepcalc.importers.onnx.values import Call

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]
else:
    Array = Any

Given = Sequence[Any]  # the arrays of a call's inputs, None where one is absent
# Computes the results of a call on these inputs. Raises any exception if they do not match.
Evaluated = Callable[[Call, Given], Sequence[Array]]


def function(name: str, *arguments: Any, alike: bool = True) -> Evaluated:
    """A NumPy function, applied to all inputs (``alike``: of one type) and further arguments."""

    def evaluated(call: Call, given: Given) -> Sequence[Array]:
        import numpy as np

        if alike and len({one.dtype for one in given}) > 1:
            raise TypeError("operands of several types")
        return (getattr(np, name)(*given, *arguments),)

    return evaluated


def several(name: str) -> Evaluated:
    """A binary NumPy function, folded over any number of operands."""

    def evaluated(call: Call, given: Given) -> Sequence[Array]:
        import numpy as np

        whole = given[0]
        for one in given[1:]:
            if one.dtype != whole.dtype:
                raise TypeError("operands of several types")
            whole = getattr(np, name)(whole, one)
        return (whole,)

    return evaluated


def divided(call: Call, given: Given) -> Sequence[Array]:
    """A quotient; integers are rounded towards zero."""
    a, b = given
    if a.dtype != b.dtype:
        raise TypeError("operands of several types")
    if a.dtype.kind not in "iu":
        return (a / b,)
    whole = a // b
    return (whole + ((whole * b != a) & ((a < 0) != (b < 0))),)


def powered(call: Call, given: Given) -> Sequence[Array]:
    """The first input to the power of the second, in the first one's type."""
    return ((given[0] ** given[1]).astype(given[0].dtype),)


def remainder(call: Call, given: Given) -> Sequence[Array]:
    return function("fmod" if call.whole("fmod", 0) else "mod")(call, given)


def clipped(call: Call, given: Given) -> Sequence[Array]:
    """The first input, clipped to bounds."""
    bounds = [*given[1:], None, None] if call.opset >= 11 else [call.get("min"), call.get("max")]
    return (given[0].clip(*bounds[:2]).astype(given[0].dtype),)


def cast(call: Call, given: Given) -> Sequence[Array]:
    """Elements of another type; of BFLOAT16, the nearest numbers of it, ties to even, as float32."""
    if call.get("to") != BFLOAT16:
        return (given[0].astype(TYPES[call.get("to")][1]),)
    bits = given[0].astype("float32").view("uint32")
    return (((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype("uint32").view("float32"),)


def transposed(call: Call, given: Given) -> Sequence[Array]:
    """The input with its axes permuted."""
    return (given[0].transpose(call.ints("perm") or None),)


def _ints(given: Given, at: int, said: Sequence[int] | None) -> list[int] | None:
    """Integers that are an input since some opset, and an attribute before; None if missing or empty."""
    if len(given) > at and given[at] is not None:
        said = [int(number) for number in given[at].reshape(-1)]
    return list(said) if said else None


def sliced(call: Call, given: Given) -> Sequence[Array]:
    """A slice of the input."""
    data = given[0]
    starts, ends, axes = (_ints(given, at, call.ints(name)) for at, name in enumerate(("starts", "ends", "axes"), 1))
    if starts is None or ends is None:
        raise ValueError("it does not say what it takes")
    axes = list(range(len(starts))) if axes is None else axes
    steps = _ints(given, 4, None) or [1] * len(starts)
    index = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[axis] = slice(start, end, step)
    return (data[tuple(index)],)


def split(call: Call, given: Given) -> Sequence[Array]:
    """The parts of the input along an axis."""
    import numpy as np

    data, axis, count = given[0], call.whole("axis", 0), call.whole("num_outputs", len(call.outputs))
    size = data.shape[axis]
    each = -(-size // count)
    parts = _ints(given, 1, call.ints("split")) or [*[each] * (count - 1), size - each * (count - 1)]
    return np.split(data, [*accumulate(parts)][:-1], axis)


def joined(call: Call, given: Given) -> Sequence[Array]:
    """The inputs, concatenated along an axis."""
    import numpy as np

    if len({one.dtype for one in given}) > 1:
        raise TypeError("parts of several types")
    return (np.concatenate(given, call.whole("axis", 0)),)


def gathered(call: Call, given: Given) -> Sequence[Array]:
    """The elements at indices along an axis."""
    return (given[0].take(given[1], call.whole("axis", 0)),)


def scattered(call: Call, given: Given) -> Sequence[Array]:
    """A copy of the data with the updates at their indices, combined by the attribute ``reduction``."""
    import numpy as np

    data, places, updates = given
    result, index = data.copy(), tuple(np.moveaxis(places, -1, 0))
    how = call.text("reduction", "none")
    if how == "none":
        result[index] = updates
    else:
        {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[how].at(result, index, updates)
    return (result,)


def expanded(call: Call, given: Given) -> Sequence[Array]:
    """The input, broadcast to a shape."""
    import numpy as np

    data, shape = given
    return (np.broadcast_to(data, np.broadcast_shapes(data.shape, tuple(shape.reshape(-1)))).copy(),)


def tiled(call: Call, given: Given) -> Sequence[Array]:
    """The input, repeated along its axes."""
    import numpy as np

    data, repeats = given
    if len(repeats) != data.ndim:
        raise ValueError("another number of axes")
    return (np.tile(data, repeats),)


def filled(call: Call, given: Given) -> Sequence[Array]:
    """A constant tensor of a given shape."""
    import numpy as np

    value = call.get("value")
    number = np.zeros(1, "float32") if value is None else value.array
    return (np.full(tuple(given[0].reshape(-1)), number.item(), number.dtype),)


def ranged(call: Call, given: Given) -> Sequence[Array]:
    """The numbers from a start to a limit, at equal steps."""
    import numpy as np

    start, end, step = [one.item() for one in given]
    return (np.arange(start, end, step).astype(given[0].dtype),)


def reduced(name: str) -> Evaluated:
    """A NumPy reduction over axes."""

    def evaluated(call: Call, given: Given) -> Sequence[Array]:
        data, axes = given[0], _ints(given, 1, call.ints("axes"))
        if axes is None and call.whole("noop_with_empty_axes", 0):
            return (data,)
        keep = bool(call.whole("keepdims", 1))
        result = getattr(data, name)(axis=None if axes is None else tuple(axes), keepdims=keep)
        return (result.astype(data.dtype),)

    return evaluated


def summed_up(call: Call, given: Given) -> Sequence[Array]:
    """Running sums along an axis; the attributes make them reverse or exclusive."""
    import numpy as np

    data, axis = given[0], int(given[1].item())
    data = np.flip(data, axis) if call.whole("reverse", 0) else data
    sums = data.cumsum(axis, data.dtype)
    if call.whole("exclusive", 0):
        sums = sums - data
    return (np.flip(sums, axis) if call.whole("reverse", 0) else sums,)
