"""Operations that only move elements: reshapes, slices, copies."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings, whole
from sepcalc.importers.common.layout import IMAGES, KEEPS, NONE, PART, RESHAPED, TURNED, WINDOWED, same_rows
from sepcalc.importers.common.moves import padded
from sepcalc.importers.keras.arguments import BATCH, along, axes_of, axis_of, dims_of, kept, option, over
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown, target
from sepcalc.importers.keras.merge import concat
from sepcalc.importers.keras.rows import Handler, Operator
from sepcalc.ops.move import Copy, Pad, Slice
from sepcalc.ops.rename import Rename
from sepcalc.shape import Shape, show


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
    x, at = along(call, 1, more=1)
    return call.free("reshape", x, (*x.shape[:at], 1, *x.shape[at:]))


def squeeze(call: Call) -> Tensor:
    x = call.plain(call.x)
    axis = option(call, "axis", at=1)
    if axis in (None, []):
        return call.free("reshape", x, tuple([size for size in x.shape if size != 1]))
    axes = axes_of(call, axis, len(x.shape) + 1)
    if any(x.shape[at] != 1 for at in axes):
        raise Invalid("axis names an axis whose size is not 1")
    return call.free("reshape", x, tuple([size for at, size in enumerate(x.shape) if at not in axes]))


def transpose(call: Call) -> Tensor:
    x = call.plain(call.x)
    order = option(call, "axes", "perm", at=1)
    if not isinstance(order, list | tuple) or list(order[:1]) != [0]:
        raise Unknown(BATCH)
    return _ordered(call, x, order[1:])


def _ordered(call: Call, x: Tensor, order: Sequence[Any]) -> Tensor:
    if not all(isinstance(axis, int) for axis in order) or sorted(order) != list(range(1, len(x.shape) + 1)):
        raise Invalid(f"its axes must be 1 to {len(x.shape)} in some order")
    return call.free("permute", x, tuple([x.shape[axis - 1] for axis in order]))


def turned(call: Call, names: tuple[str, str], swap: bool) -> Tensor:
    """Moves an axis to the position of another, which takes its place (``swap``) or shifts."""
    x = call.plain(call.x)
    order = list(range(1, len(x.shape) + 1))
    one, other = (axis_of(call, option(call, name, at=at), len(order) + 1) for at, name in enumerate(names, 1))
    if swap:
        order[one], order[other] = order[other], order[one]
    else:
        order.insert(other, order.pop(one))
    return _ordered(call, x, order)


def concatenate(call: Call) -> Tensor:
    return concat(call, axis_of(call, option(call, "axis", at=1), len(call.x.shape) + 1))


def stack(call: Call) -> Tensor:
    """Moves only: all tensors along a new axis."""
    tensors = [call.plain(tensor) for tensor in call.tensors]
    shape = tensors[0].shape
    at = axis_of(call, option(call, "axis", at=1), len(shape) + 2)
    return call.add(Copy((*shape[:at], len(tensors), *shape[at:])), *tensors)


def split(call: Call) -> list[Tensor]:
    x, axis = along(call, 2)
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
        raise Invalid("it lacks the number or the sizes of its parts")

    def part(before: int, size: int) -> Slice:
        start = (*[0] * axis, before, *[0] * (len(x.shape) - axis - 1)) if before else ()
        return Slice((*x.shape[:axis], size, *x.shape[axis + 1 :]), start)

    return [call.add(part(sum(sizes[:at]), size), x, link=f"{at}" if at else "") for at, size in enumerate(sizes)]


def unstack(call: Call) -> list[Tensor]:
    x, axis = along(call, 2)
    if x.shape[axis] > 10_000:
        raise Invalid("it has more than 10,000 outputs")
    rest = (*x.shape[:axis], *x.shape[axis + 1 :])
    return [
        call.add(Copy(rest or (1,)), x, link=f"{at}" if at else "")._replace(shape=rest) for at in range(x.shape[axis])
    ]


def item(call: Call) -> Tensor:
    """Indexes a tensor: slices, single elements, new axes."""
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
            raise Invalid(f"index {part} is outside {size} elements")
    if 0 in shape:
        raise Invalid("its result is empty")
    stride = tuple(steps[:-1]) if len(steps) == len(shape) == len(x.shape) else ()
    start = tuple(starts[:-1]) if stride and min(starts) >= 0 else ()
    return call.add(Copy(tuple(shape) or (1,), stride, start), x)._replace(shape=tuple(shape))


def _slice(part: Any) -> Any:
    """A slice in Keras 2's form: an object with start, stop, step."""
    if isinstance(part, dict) and {"start", "stop", "step"} <= set(part):
        return slice(part["start"], part["stop"], part["step"])
    return part


def moved(call: Call, known: Shape | None = None) -> Tensor:
    """Moves elements into the shape that the file states."""
    shape = known if known is not None else next(iter(call.expected), None)
    if shape is None:
        raise Unknown("the file does not state the shape of its result: use a layer, such as Reshape")
    sources = [call.plain(tensor) for tensor in call.tensors]
    return call.add(Copy(shape or (1,)), *sources)._replace(shape=shape)


def tile(call: Call) -> Tensor:
    x = call.plain(call.x)
    repeats = option(call, "repeats", "multiples", at=1)
    if not isinstance(repeats, list | tuple) or len(repeats) != len(x.shape) + 1 or repeats[0] != 1:
        raise Unknown(BATCH)
    return moved(call, tuple([size * whole(times) for size, times in zip(x.shape, repeats[1:])]))


def repeat(call: Call) -> Tensor:
    x, axis = along(call, 2)
    times = whole(option(call, "repeats", at=1))
    return moved(call, tuple([size * times if at == axis else size for at, size in enumerate(x.shape)]))


def broadcast_to(call: Call) -> Tensor:
    """Repeats axes of one element. An open size of the target is that of the tensor. The batch stays as it is: a target
    that names another number of examples repeats them."""
    x = call.plain(call.x)
    wanted = option(call, "shape", at=1)
    if not isinstance(wanted, list | tuple) or len(wanted) != len(x.shape) + 1:
        raise Unknown(BATCH)
    examples, *sizes = wanted
    if examples not in (None, -1, 1, call.model.batch):
        raise Unknown(BATCH)
    if any(said is None and size == 1 for size, said in zip(x.shape, sizes)):
        raise Invalid("its shape leaves open how often an axis is repeated: expected a size")
    target = tuple([size if said is None else whole(said) for size, said in zip(x.shape, sizes)])
    if any(size not in (1, new) for size, new in zip(x.shape, target)):
        raise Invalid(f"its input of {show(x.shape)} does not broadcast to {show(target)}")
    return moved(call, target)


def same_shape(call: Call) -> Tensor:
    """Elements in another order: flip, roll; along all axes if none is named."""
    x = call.plain(call.x)
    axes = option(call, "axis", at=2 if call.class_name == "Roll" else 1)
    rank = len(x.shape) + 1
    of_all = axes is None and call.class_name in ("Flip", "Roll")
    if of_all or any(
        isinstance(axis, int) and axis % rank == 0 for axis in (axes if isinstance(axes, list) else [axes])
    ):
        raise Unknown(BATCH)
    return call.add(Copy(x.shape or (1,), (1,) * (len(x.shape) - 1)), x)._replace(shape=x.shape)


def take(call: Call) -> Tensor:
    index = option(call, "indices", at=1)
    x, axis = along(call, 2)
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
    shape = tuple([size + before + after for size, (before, after) in zip(x.shape, pairs[1:])])
    return call.add(padded(pairs[1:], shape or (1,)), x)._replace(shape=shape)


def of_axis(call: Call, axis: int, function: Handler) -> Tensor | list[Tensor]:
    """An operation along the axis that its name states, counted with the batch."""
    call.kwargs = {**call.kwargs, "axis": axis}
    return function(call)


def truth(call: Call) -> Tensor:
    """Whether any or all are true: only choices, which are free."""
    (x, axes), keep = over(call), kept(call)
    return moved(call, tuple([1 if at in axes else size for at, size in enumerate(x.shape) if keep or at not in axes]))


def blocks(call: Call, up: bool) -> Tensor:
    """Depth to space, or space to depth."""
    x = call.plain(call.x)
    size = whole(option(call, "block_size", at=1), 1)
    if option(call, "data_format") not in (None, "channels_last", "NHWC"):
        raise Unknown("it moves blocks with channels first: use channels last")
    if len(x.shape) != 3 or (x.shape[-1] % size**2 if up else x.shape[0] % size or x.shape[1] % size):
        raise Invalid(f"its block of {size} does not divide the image")
    return call.add(Rename("pixel-shuffle" if up else "pixel-unshuffle", scale=size), x)


def one_hot(call: Call) -> Tensor:
    depth = whole(option(call, "num_classes", "depth", at=1))
    x, at = along(call, None, -1, more=1)
    return moved(call, (*x.shape[:at], depth, *x.shape[at:]))


def patch(call: Call) -> Tensor:
    """A part with a start and a size on each axis."""
    x = call.plain(call.x)
    start, sizes = option(call, "start_indices", "begin", at=1), option(call, "shape", "size", at=2)
    if isinstance(call.settings.get("shape"), list):
        sizes = call.settings.get("shape")
    rank = len(x.shape) + 1
    if isinstance(start, dict):  # a stored array
        config = start.get("config")
        start = config.get("value") if isinstance(config, dict) else None
    if not all(isinstance(one, list | tuple) and len(one) == rank for one in (start, sizes)):
        return moved(call)
    if start[0] != 0 or sizes[0] not in (None, -1):
        raise Unknown(BATCH)
    starts = [whole(one, 0) for one in start[1:]]
    wanted = [full - one if size == -1 else whole(size) for one, size, full in zip(starts, sizes[1:], x.shape)]
    if any(one + size > full for one, size, full in zip(starts, wanted, x.shape)):
        raise Invalid("it takes more elements than there are")
    return call.add(Slice(tuple(wanted), tuple(starts) if any(starts) else ()), x)


def diagonal(call: Call) -> Tensor:
    x = call.plain(call.x)
    rank, offset = len(x.shape) + 1, option(call, "offset", at=1) or 0
    one, other = (axis_of(call, option(call, name, at=at), rank) for name, at in (("axis1", 2), ("axis2", 3)))
    if not isinstance(offset, int) or one == other:
        raise Invalid("it needs two axes and a whole offset")
    length = min(x.shape[one] + min(offset, 0), x.shape[other] - max(offset, 0))
    return moved(call, (*[size for at, size in enumerate(x.shape) if at not in (one, other)], whole(length)))


def taken(call: Call) -> Tensor:
    """Elements along an axis, selected by indices of the same rank."""
    index = option(call, "indices", at=1)
    along(call, 2)
    return moved(call, index.shape if isinstance(index, Tensor) else None)


def _image(call: Call) -> Tensor:
    x = call.plain(call.x)
    if len(x.shape) != 3 or option(call, "data_format") not in (None, "channels_last"):
        raise Unknown("it needs an image with channels last")
    return x


def framed(call: Call, what: str) -> Tensor:
    """An image with a border added or cut off: of given widths, or up to a target size."""
    x = _image(call)
    sign = 1 if what == "padding" else -1
    pairs = []
    for size, goal, ends in ((x.shape[0], "height", ("top", "bottom")), (x.shape[1], "width", ("left", "right"))):
        given = [option(call, f"{end}_{what}") for end in ends]
        before, after = [None if one is None else whole(one, 0) for one in given]
        if (wanted := option(call, f"target_{goal}")) is not None:
            more = sign * (whole(wanted) - size)
            before = more - (after or 0) if before is None else before
            after = more - before
        pairs.append((whole(before or 0, 0), whole(after or 0, 0)))
    if sign > 0:
        return call.add(Pad(tuple(pairs)), x)
    to = [whole(size - sum(pair)) for size, pair in zip(x.shape, pairs)]
    starts = (pairs[0][0], pairs[1][0], 0)
    return call.add(Slice((*to, x.shape[2]), starts if any(starts) else ()), x)


def patches(call: Call) -> Tensor:
    """Windows of an image, each flattened to one row of channels."""
    x = _image(call)
    keys = ("size", "strides", "dilation_rate", "padding")
    asked = {key: option(call, key, at=at) for at, key in enumerate(keys, 1)}
    asked["strides"] = asked["size"] if asked["strides"] is None else asked["strides"]
    settings = Settings(asked)
    kernel, strides = settings.sizes("size", rank=2), settings.sizes("strides", rank=2)
    dilation = settings.sizes("dilation_rate", rank=2, default=1)
    how = settings.word("padding", ("valid", "same"), "valid")
    spans = [1 if how == "same" else d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    places = [whole((size - span) // step + 1) for size, span, step in zip(x.shape, spans, strides)]
    return moved(call, (*places, prod(kernel) * x.shape[2]))


MOVES: dict[str, Operator] = {
    "Reshape": Operator(reshape, RESHAPED, tensorflow="reshape"),
    "ExpandDims": Operator(expand, RESHAPED, tensorflow="expand_dims"),
    "Squeeze": Operator(squeeze, RESHAPED, tensorflow="squeeze"),
    "Transpose": Operator(transpose, TURNED, tensorflow="transpose"),
    "Swapaxes": Operator(partial(turned, names=("axis1", "axis2"), swap=True), TURNED),
    "Moveaxis": Operator(partial(turned, names=("source", "destination"), swap=False), TURNED),
    "Concatenate": Operator(concatenate, KEEPS, tensorflow="concat"),
    "Stack": Operator(stack, NONE, tensorflow="stack"),
    "Split": Operator(split, KEEPS, tensorflow="split"),
    "Unstack": Operator(unstack, PART, tensorflow="unstack"),
    "GetItem": Operator(item, NONE, tensorflow="getitem"),
    "Tile": Operator(tile, KEEPS, tensorflow="tile"),
    "Repeat": Operator(repeat, KEEPS, tensorflow="repeat"),
    "BroadcastTo": Operator(broadcast_to, KEEPS, tensorflow="broadcast_to"),
    "Flip": Operator(same_shape, KEEPS, tensorflow="reverse image.flip_left_right image.flip_up_down"),
    "Roll": Operator(same_shape, KEEPS, tensorflow="roll"),
    "Take": Operator(take, NONE, tensorflow="gather"),
    "Pad": Operator(pad, KEEPS, tensorflow="pad"),
    "Any": Operator(truth, NONE, tensorflow="reduce_any"),
    "All": Operator(truth, NONE, tensorflow="reduce_all"),
    "ZerosLike": Operator(same_shape, KEEPS, tensorflow="zeros_like"),
    "OnesLike": Operator(same_shape, KEEPS, tensorflow="ones_like"),
    **same_rows(Operator(same_shape, KEEPS), "Tril", "Triu", "Fliplr"),
    "Hstack": Operator(partial(of_axis, axis=1, function=concatenate), KEEPS),
    "Hsplit": Operator(partial(of_axis, axis=1, function=split), KEEPS),
    "Vsplit": Operator(partial(of_axis, axis=0, function=split), KEEPS),
    "Vstack": Operator(partial(of_axis, axis=0, function=concatenate), KEEPS),
    "DepthToSpace": Operator(partial(blocks, up=True), IMAGES, tensorflow="depth_to_space"),
    "SpaceToDepth": Operator(partial(blocks, up=False), IMAGES, tensorflow="space_to_depth"),
    "OneHot": Operator(one_hot, NONE, tensorflow="one_hot"),
    "Slice": Operator(patch, KEEPS, tensorflow="slice"),
    "Diagonal": Operator(diagonal, NONE),
    "TakeAlongAxis": Operator(taken, KEEPS),
    "PadImages": Operator(partial(framed, what="padding"), IMAGES),
    "CropImages": Operator(partial(framed, what="cropping"), IMAGES),
    "ExtractPatches": Operator(patches, WINDOWED),
    "Unfold": Operator(moved, WINDOWED),
}
