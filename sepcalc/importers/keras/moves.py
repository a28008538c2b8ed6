"""Operations that only move elements: other shapes, parts, copies."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.keras.arguments import BATCH, Handler, axes_of, dims_of, option
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown, target
from sepcalc.importers.keras.merge import concat
from sepcalc.importers.keras.settings import Settings, whole
from sepcalc.ops.move import Copy, Pad, Slice
from sepcalc.shape import Shape


def reshape(call: Call) -> Tensor:
    x = call.plain(call.x)
    wanted = option(call, "newshape", "shape", at=1)
    if not isinstance(wanted, list | tuple) or not wanted or any(isinstance(item, Tensor) for item in wanted):
        return moved(call)
    first, *sizes = wanted
    if first not in (-1, None) and not (isinstance(first, int) and sizes.count(-1) == 1):
        raise Unknown(BATCH)
    shape = target(sizes, x.shape) if sizes else ()
    return call.free("reshape", x, shape) if prod(shape) == prod(x.shape) else moved(call)


def expand(call: Call) -> Tensor:
    x = call.plain(call.x)
    axis, rank = option(call, "axis", at=1), len(x.shape) + 2
    (at,) = axes_of(call, axis, rank)
    return call.free("reshape", x, (*x.shape[:at], 1, *x.shape[at:]))


def squeeze(call: Call) -> Tensor:
    x = call.plain(call.x)
    axis = option(call, "axis", at=1)
    if axis in (None, []):
        return call.free("reshape", x, tuple([size for size in x.shape if size != 1]))
    axes = axes_of(call, axis, len(x.shape) + 1)
    if any(x.shape[at] != 1 for at in axes):
        raise Invalid("axis names one that is not 1")
    return call.free("reshape", x, tuple([size for at, size in enumerate(x.shape) if at not in axes]))


def transpose(call: Call) -> Tensor:
    x = call.plain(call.x)
    order = option(call, "axes", "perm", at=1)
    if not isinstance(order, list | tuple) or list(order[:1]) != [0]:
        raise Unknown(BATCH)
    return _ordered(call, x, order[1:])


def _ordered(call: Call, x: Tensor, order: Sequence[Any]) -> Tensor:
    if sorted(order) != list(range(1, len(x.shape) + 1)):
        raise Invalid(f"its axes must be 1 to {len(x.shape)} in some order")
    return call.free("permute", x, tuple([x.shape[axis - 1] for axis in order]))


def swapaxes(call: Call) -> Tensor:
    x = call.plain(call.x)
    rank = len(x.shape) + 1
    (one,) = axes_of(call, option(call, "axis1", at=1), rank)
    (other,) = axes_of(call, option(call, "axis2", at=2), rank)
    order = list(range(1, rank))
    order[one], order[other] = order[other], order[one]
    return _ordered(call, x, order)


def moveaxis(call: Call) -> Tensor:
    x = call.plain(call.x)
    rank = len(x.shape) + 1
    (source,) = axes_of(call, option(call, "source", at=1), rank)
    (destination,) = axes_of(call, option(call, "destination", at=2), rank)
    order = list(range(1, rank))
    order.insert(destination, order.pop(source))
    return _ordered(call, x, order)


def concatenate(call: Call) -> Tensor:
    (axis,) = axes_of(call, option(call, "axis", at=1), len(call.x.shape) + 1)
    return concat(call, axis)


def stack(call: Call) -> Tensor:
    """Moves only: all tensors side by side along a new axis."""
    tensors = [call.plain(tensor) for tensor in call.tensors]
    value = option(call, "axis", at=1)
    shape = tensors[0].shape
    (at,) = axes_of(call, value, len(shape) + 2)
    return call.add(Copy((*shape[:at], len(tensors), *shape[at:])), *tensors)


def split(call: Call) -> list[Tensor]:
    x = call.plain(call.x)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    parts = option(call, "indices_or_sections", "num_or_size_splits", at=1)
    whole_size = x.shape[axis]
    if isinstance(parts, int):
        if parts < 1 or whole_size % parts or parts > 10_000:
            raise Invalid(f"{parts} parts do not divide {whole_size}")
        sizes = [whole_size // parts] * parts
    elif isinstance(parts, list) and parts and "num_or_size_splits" in call.kwargs:
        sizes = [whole(part) for part in parts]
    elif isinstance(parts, list) and parts:
        marks = [0, *[whole(part) for part in parts], whole_size]
        sizes = [after - before for before, after in pairwise(marks)]
    else:
        raise Invalid("it does not say into what it splits")

    def part(before: int, size: int) -> Slice:
        start = (*[0] * axis, before, *[0] * (len(x.shape) - axis - 1)) if before else ()
        return Slice((*x.shape[:axis], size, *x.shape[axis + 1 :]), start)

    return [call.add(part(sum(sizes[:at]), size), x, link=f"{at}" if at else "") for at, size in enumerate(sizes)]


def unstack(call: Call) -> list[Tensor]:
    x = call.plain(call.x)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    if x.shape[axis] > 10_000:
        raise Invalid("it has more than 10,000 outputs")
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    return [
        call.add(Copy(rest or (1,)), x, link=f"{at}" if at else "")._replace(shape=rest) for at in range(x.shape[axis])
    ]


def item(call: Call) -> Tensor:
    """A part of a tensor: slices, single elements, new axes."""
    x = call.plain(call.x)
    index = option(call, "slice_spec", "key", at=1)
    index = [_slice(part) for part in (index if isinstance(index, list | tuple) else [index])]
    if not index or any(not isinstance(part, int | slice | None | type(...)) for part in index):
        return moved(call)
    named = sum(part is not None and part is not ... for part in index)
    if ... in index:
        at = index.index(...)
        index[at : at + 1] = [slice(None)] * (len(x.shape) + 1 - named)
    if index[0] != slice(None):
        raise Unknown(BATCH)
    index += [slice(None)] * (len(x.shape) + 1 - sum(part is not None for part in index))
    shape, sizes, steps, starts = [], iter(x.shape), list[int](), list[int]()
    for part in index[1:]:
        if part is None:
            shape.append(1)
            continue
        size = next(sizes, None)
        if size is None:
            raise Invalid("it has more indices than axes")
        if isinstance(part, slice):
            if any(not (bound is None or isinstance(bound, int)) for bound in (part.start, part.stop, part.step)):
                return moved(call)
            if part.step == 0:
                raise Invalid("a step is 0")
            taken = range(*part.indices(size))
            shape.append(len(taken))
            steps.append(abs(taken.step))
            starts.append(taken.start if taken.step > 0 else -1)
        elif not -size <= part < size:
            raise Invalid(f"there is no element {part} of {size}")
    if 0 in shape:
        raise Invalid("it leaves nothing")
    stride = tuple(steps[:-1]) if len(steps) == len(shape) == len(x.shape) else ()
    start = tuple(starts[:-1]) if stride and min(starts) >= 0 else ()
    return call.add(Copy(tuple(shape) or (1,), stride, start), x)._replace(shape=tuple(shape))


def _slice(part: Any) -> Any:
    """A slice as Keras 2 has it: an object of start, stop, step."""
    if isinstance(part, dict) and {"start", "stop", "step"} <= set(part):
        return slice(part["start"], part["stop"], part["step"])
    return part


def moved(call: Call, known: Shape | None = None) -> Tensor:
    """What only moves elements, into the shape that the file says."""
    shape = known if known is not None else next(iter(call.expected), None)
    if shape is None:
        raise Unknown("the file does not say the shape of what it moves: it would take a layer, such as Reshape")
    sources = [call.plain(tensor) for tensor in call.tensors]
    return call.add(Copy(shape or (1,)), *sources)._replace(shape=shape)


def tile(call: Call) -> Tensor:
    x = call.plain(call.x)
    repeats = option(call, "repeats", "multiples", at=1)
    if not isinstance(repeats, list | tuple) or len(repeats) != len(x.shape) + 1 or repeats[0] != 1:
        raise Unknown(BATCH)
    return moved(call, tuple([size * whole(times) for size, times in zip(x.shape, repeats[1:])]))


def repeat(call: Call) -> Tensor:
    x = call.plain(call.x)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    times = whole(option(call, "repeats", at=1))
    return moved(call, tuple([size * times if at == axis else size for at, size in enumerate(x.shape)]))


def broadcast_to(call: Call) -> Tensor:
    wanted = option(call, "shape", at=1)
    if not isinstance(wanted, list | tuple) or len(wanted) != len(call.x.shape) + 1:
        raise Unknown(BATCH)
    return moved(call, tuple([whole(size) for size in wanted[1:]]))


def same_shape(call: Call) -> Tensor:
    """Elements in another order: flip, roll."""
    x = call.plain(call.x)
    return call.add(Copy(x.shape or (1,), (1,) * (len(x.shape) - 1)), x)._replace(shape=x.shape)


def take(call: Call) -> Tensor:
    x = call.plain(call.x)
    index = option(call, "indices", at=1)
    (axis,) = axes_of(call, option(call, "axis", at=2), len(x.shape) + 1)
    if isinstance(index, Tensor):
        return moved(call)
    return moved(call, (*x.shape[:axis], *dims_of(index), *x.shape[axis + 1 :]))


def pad(call: Call) -> Tensor:
    x = call.plain(call.x)
    width = option(call, "pad_width", "paddings", at=1)
    if isinstance(width, int):
        width = [[width, width]] * (len(x.shape) + 1)
    if not isinstance(width, list) or len(width) != len(x.shape) + 1:
        raise Invalid("pad_width must have two values for each axis")
    pairs = Settings({"pad_width": width}).pairs("pad_width", len(width))
    if pairs[0] != (0, 0):
        raise Unknown(BATCH)
    if pairs[-1] == (0, 0) and len(pairs) > 2:
        return call.add(Pad(pairs[1:-1]), x)
    shape = tuple([size + before + after for size, (before, after) in zip(x.shape, pairs[1:])])
    return call.add(Copy(shape or (1,), (1,) * (len(shape) - 1)), x)._replace(shape=shape)


MOVES: dict[str, Handler] = {
    "Reshape": reshape,
    "ExpandDims": expand,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Swapaxes": swapaxes,
    "Moveaxis": moveaxis,
    "Concatenate": concatenate,
    "Stack": stack,
    "Split": split,
    "Unstack": unstack,
    "GetItem": item,
    "Tile": tile,
    "Repeat": repeat,
    "BroadcastTo": broadcast_to,
    "Flip": same_shape,
    "Roll": same_shape,
    "Take": take,
    "Pad": pad,
}
