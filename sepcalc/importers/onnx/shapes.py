"""Target shapes of reshaping operators, and the broadcast shape of operands."""

from collections.abc import Sequence
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.onnx.values import Call, Refused, Value
from sepcalc.shape import Shape, broadcast_shape, show


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """NumPy's broadcasting rule; zeros are rejected elsewhere."""
    result = broadcast_shape(shapes)
    if result is None:
        raise Invalid(f"{' and '.join(map(show, shapes))} do not fit each other element by element")
    return result


def as_first(call: Call) -> Shape | None:
    """The shape of the first input, for an operator or a form that is not counted."""
    return call.input(0).shape


def as_all(call: Call) -> Shape | None:
    """The shape to which all inputs broadcast. Raises Invalid if they do not match."""
    shapes = [value.shape for value in call.inputs if value is not None]
    known = [shape for shape in shapes if shape is not None]
    return broadcast(known) if len(known) == len(shapes) else None


def hold(call: Call, what: str, value: Value | None, *shapes: Shape) -> None:
    """Raises Invalid if an input has none of these shapes."""
    if value is None or value.shape is None or value.shape in shapes:
        return
    expected = " or ".join(show(shape) or "one number" for shape in dict.fromkeys(shapes))
    raise Invalid(f"{what} of {show(value.shape) or 'one number'} does not fit {call.type}: expected {expected}")


def hold_within(call: Call, what: str, value: Value | None, shape: Shape) -> None:
    """Raises Invalid if an input does not broadcast to this shape."""
    if value is None or value.shape is None:
        return
    padded = (1,) * (len(shape) - len(value.shape)) + value.shape
    if len(padded) != len(shape) or any(size not in (1, whole) for size, whole in zip(padded, shape)):
        raise Invalid(
            f"{what} of {show(value.shape)} does not fit {call.type}: expected a shape that broadcasts to {show(shape)}"
        )


def reshaped(call: Call, shape: Shape) -> Shape:
    """The target shape of a Reshape, with 0 and -1 replaced."""
    unknown = "the target shape is not known"
    target = call.ints("shape") if call.opset < 5 else call.input(1).numbers(unknown)
    if target is None:
        raise Refused(unknown)
    sizes = list(target)
    if not call.whole("allowzero", 0):
        if any(size == 0 and at >= len(shape) for at, size in enumerate(sizes)):
            raise Invalid(f"{sizes} cannot be reached from {show(shape)}")
        sizes = [shape[at] if size == 0 else size for at, size in enumerate(sizes)]
    if sizes.count(-1) > 1 or any(size < -1 for size in sizes) or len(sizes) > 64:
        raise Invalid(f"{sizes} is not a shape")
    if -1 in sizes:
        rest = prod(size for size in sizes if size != -1)
        if not rest or prod(shape) % rest:
            raise Invalid(f"{show(shape)} cannot be reshaped to {sizes}")
        sizes[sizes.index(-1)] = prod(shape) // rest
    return tuple(sizes)


def flattened(call: Call, shape: Shape) -> Shape:
    """The target shape of a Flatten."""
    axis = call.whole("axis", 1)
    if not -len(shape) <= axis <= len(shape):
        raise Invalid(f"{show(shape)} has no axis {axis}")
    axis = axis if axis >= 0 else axis + len(shape)
    return prod(shape[:axis]), prod(shape[axis:])


def _axes(call: Call) -> tuple[int, ...] | None:
    given = call.maybe(1)
    return call.ints("axes") if given is None else given.numbers("the axes are computed from the data")


def squeezed(call: Call, shape: Shape) -> Shape:
    """The shape without axes of size 1."""
    axes = _axes(call)
    if axes is None:
        gone = {axis for axis, size in enumerate(shape) if size == 1}
    else:
        if any(not -len(shape) <= axis < len(shape) for axis in axes):
            raise Invalid(f"axes {axes} are not all axes of {show(shape)}")
        gone = {axis % len(shape) for axis in axes}
        if any(shape[axis] != 1 for axis in gone):
            raise Invalid(f"axes {axes} of {show(shape)} are not all of size 1")
    return tuple([size for axis, size in enumerate(shape) if axis not in gone])


def unsqueezed(call: Call, shape: Shape) -> Shape:
    """The shape with axes of size 1 added."""
    axes = _axes(call) or ()
    rank = len(shape) + len(axes)
    if any(not -rank <= axis < rank for axis in axes) or rank > 64 or len({axis % rank for axis in axes}) < len(axes):
        raise Invalid(f"axes {axes} are not all axes of a tensor of {rank}")
    for axis in sorted(axis % rank for axis in axes):
        shape = (*shape[:axis], 1, *shape[axis:])
    return shape
