"""Whether one operator works on every example separately, from its call on all examples and its call on one."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

from sepcalc.importers.aten.calls import Call, Tensor
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.common.layout import KEEPS, WINDOWED

# The table of a lookup, which no example may read of another.
_LOOKED_UP = {"embedding": "weight", "take": "self", "bucketize": "boundaries", "searchsorted": "sorted_sequence"}


def apart(many: Call, one: Call, count: int, used: Sequence[set[int]]) -> bool:
    """Whether an operator works on each of ``count`` examples separately. ``used`` has the numbers of the tensors that
    are read, in the run on all examples and in the run on one."""
    if _size(many.tensors()) == _size(one.tensors()):
        return True  # it works on what all examples share
    made, alone = ([each for each in call.outputs if each.at in read] for call, read in zip((many, one), used))
    if not grown(made, alone, count):
        return False
    row = row_of(many.key)
    if many.op in _LOOKED_UP and many.tensor(_LOOKED_UP[many.op]).shape != one.tensor(_LOOKED_UP[many.op]).shape:
        return False
    if _spatial(many) & grown_axes(image_of(many), image_of(one)):
        return False
    if row.layout is KEEPS and not (row.mixes or row.joins or row.parts) and not _aligned(many, one):
        return False
    if many.op in _BAGS and not _own(many.maybe("offsets"), one.maybe("offsets"), one.tensor("indices").shape[0]):
        return False
    if not row.mixes:
        return many.library == "aten" and (row.handle is not None or row.random)  # an unknown operator may do anything
    if len(many.given.shape) != len(one.given.shape):
        return False
    return all(_in_own_rows(many, one, axis) for axis in grown_axes(many.given, one.given) & named_axes(many))


_BAGS = ("embedding_bag", "_embedding_bag", "_embedding_bag_forward_only")


def _aligned(many: Call, one: Call) -> bool:
    """Whether no operand is repeated along the examples of another: of a square x, ``x * x.sum(1)`` multiplies each
    example by numbers of all others."""
    rows = set[int]().union(*[_from_the_end(one, lone) for one, lone in zip(many.outputs, one.outputs)])
    rank = max([len(output.shape) for output in many.outputs], default=0)
    pairs = zip(many.tensors(), one.tensors())  # a reduction has fewer axes than its operand
    return all(_from_the_end(given, lone) <= rows for given, lone in pairs if len(given.shape) <= rank)


def _from_the_end(many: Tensor, one: Tensor) -> set[int]:
    """The axes that grow with the examples, the last one being -1."""
    return {axis - len(many.shape) for axis in grown_axes(many, one)} if len(many.shape) == len(one.shape) else set()


def _in_own_rows(many: Call, one: Call, axis: int) -> bool:
    """Whether the indices along an axis with the examples are known to refer to each example's own elements, such as
    ``x[torch.arange(n), last]``."""
    if row_of(many.key).mixes == ("indices",):
        places, lone = many.arguments["indices"], one.arguments["indices"]
        named, alone = ([each for each in given if each is not None] for given in (places, lone))
        rows = [_from_the_end(each, other) for each, other in zip(named, alone)]
        if len(named) != len(alone) or len({min(each) for each in rows if each}) > 1:
            return False
        where, other = places[axis], lone[axis]
    else:
        where, other = many.maybe("index"), one.maybe("index")
        if where is None or len(where.shape) != 1:
            return False
    return _own(where, other, one.given.shape[axis])


def _own(many: Tensor | None, one: Tensor | None, size: int) -> bool:
    """Whether these are indices with known values that are, for each example, those of one example plus its number
    times ``size``."""
    if many is None or one is None or many.places is None or one.places is None:
        return False
    axes = grown_axes(many, one)
    if len(many.shape) != len(one.shape) or len(axes) != 1:
        return False
    (axis,) = axes
    inner, each = prod(many.shape[axis + 1 :]), one.shape[axis]
    row = each * inner  # the elements of one example that are next to each other
    examples = many.shape[axis] // each
    for at, place in enumerate(many.places):
        outer, rest = divmod(at, examples * row)
        example, within = divmod(rest, row)
        if place != one.places[outer * row + within] + example * size:
            return False
    return True


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(prod(tensor.shape) for tensor in tensors if tensor.live)


def grown(many: Iterable[Tensor], one: Iterable[Tensor], count: int) -> bool:
    """Whether tensors that depend on the inputs have ``count`` times the elements that they have for one example."""
    return _size(many) == count * _size(one)


def named_axes(call: Call) -> set[int]:
    """The axes along which an operator takes elements from other positions; all axes if it names none."""
    row, rank = row_of(call.key), len(call.given.shape)
    if row.mixes == ("indices",):  # per axis: indices, or None
        named = [axis for axis, places in enumerate(call.get("indices", ())) if places is not None]
    elif row.mixes == ("pad",):  # per axis, the last one first: the elements before and after
        pads = [*_axes(call.get("pad", call.get("padding", ())))]
        named = [-1 - at // 2 for at, size in enumerate(pads) if size]
        return {axis % rank for axis in named}
    else:
        named = [axis for name in row.mixes for axis in _axes(call.get(name, ()) if isinstance(name, str) else name)]
    return {axis % rank for axis in named or range(rank)}


def grown_axes(many: Tensor | None, one: Tensor | None) -> set[int]:
    """The axes of a tensor that have other sizes for one example."""
    sizes = zip(many.shape if many else (), one.shape if one else ())
    return {axis for axis, (size, alone) in enumerate(sizes) if size != alone}


def image_of(call: Call) -> Tensor | None:
    """The operand of an operator on images."""
    return call.maybe("input") or call.maybe("self")


def _spatial(call: Call) -> set[int]:
    """The axes of its image over which a window moves."""
    row, image, kernel = row_of(call.key), image_of(call), call.maybe("weight")
    count = row.axes or (len(kernel.shape) - 2 if kernel and row.layout is WINDOWED else 0)
    return set(range(len(image.shape))[-count:]) if image and count else set()


def _axes(given: Any) -> Sequence[int]:
    return given if isinstance(given, (list, tuple)) else (given,)
