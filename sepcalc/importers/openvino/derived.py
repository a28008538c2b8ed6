"""What the ``.bin`` file stores, which is not read (shapes to reach, axes, bounds), as the sizes on the ports tell it.

A port has the sizes of its tensor, -1 for an open one. An operator gets its actual sizes, which differ where the file
leaves them open, or where others were asked for.
"""

from collections.abc import Hashable, Iterable, Sequence
from itertools import combinations, product
from math import prod
from typing import TypeVar

from sepcalc.importers.onnx.graph import Builder
from sepcalc.importers.onnx.shapes import broadcast
from sepcalc.importers.onnx.values import Call, Refused
from sepcalc.shape import Shape

T = TypeVar("T", bound=Hashable)
MAX_WAYS = 20_000  # ways that are tried
ORDER = "the .bin file is not read: where several axes are open, an operator is taken to keep them in their order"


def said_in(call: Call, at: int = 0) -> Shape:
    """The sizes of an input in the file."""
    ports: Sequence[Shape] = call.attributes[".in"]
    return ports[at] if at < len(ports) else ()


def said_out(call: Call, at: int = 0) -> Shape:
    """The sizes of an output in the file."""
    ports: Sequence[Shape] = call.attributes[".out"]
    return ports[at] if at < len(ports) else ()


def fits(said: Shape, shape: Shape) -> bool:
    """Whether actual sizes are those of the file, where it says them."""
    return len(said) == len(shape) and all(one in (-1, size) for one, size in zip(said, shape))


def unread(what: str) -> Refused:
    """The reason of an operator that needs what is not read."""
    return Refused(f"{what} stands in the .bin file, which is not read")


def only(found: Iterable[T], what: str) -> T:
    """The one thing that was found. Raises Refused if there are none, or several."""
    every = [*dict.fromkeys(found)]
    if len(every) != 1:
        raise unread(what)
    return every[0]


def stated(call: Call, what: str, at: int = 0) -> Shape:
    """The sizes of an output, if the file says them and the first input has those of the file. Raises Refused."""
    shape = said_out(call, at)
    if -1 in shape or not fits(said_in(call), call.input(0).sizes):
        raise unread(what)
    return shape


def reshaped(builder: Builder, call: Call) -> Shape:
    """The shape that a Reshape gives: each size is a stored number, that of the same axis before, or what is left; of
    one that is computed, also that of another open axis."""
    what, before, actual = "the shape that it reaches", said_in(call), call.input(0).sizes
    to = said_out(call)
    if -1 not in to and fits(before, actual):
        return to
    if call.input(1).data is not None:  # the shape of another tensor
        return call.input(1).numbers(what)
    computed = not call.attributes[".stored"][1]
    opens = [size for said, size in zip(before, actual) if said == -1] if computed else []

    def sizes(at: int) -> dict[int, None]:
        found = {to[at]: None} if to[at] >= 0 else {}
        if at < len(before) and at < len(actual) and before[at] == to[at]:
            found[actual[at]] = None
        return found | (dict.fromkeys(opens) if to[at] == -1 else {})

    options = [sizes(at) for at in range(len(to))]
    whole, found, same = prod(actual), dict[Shape, None](), fits(before, actual)
    for left in (None, *range(len(to))):
        others = [[1] if at == left else [*one] for at, one in enumerate(options)]
        if prod(map(len, others)) > MAX_WAYS:
            raise unread(what)
        for one in product(*others):
            rest, more = divmod(whole, prod(one) or 1)
            if more or (rest != 1 if left is None else same and to[left] not in (-1, rest)):
                continue
            found[one if left is None else (*one[:left], rest, *one[left + 1 :])] = None
    if len(found) > 1:  # open axes at the same place are the same
        kept = [one for one in found if all(a == b for a, b, c, d in zip(one, actual, to, before) if c == d == -1)]
        if not kept and not computed and before[:1] == to[:1] == (-1,):  # examples are kept apart
            kept = [one for one in found if one[0] == actual[0]]
        if len(kept) == 1:
            builder.note(ORDER)
            return kept[0]
    return only(found, what)


def order(builder: Builder, call: Call) -> Shape:
    """The order of axes in which a Transpose gives an output of these sizes. Axes of the same size keep theirs."""
    before, after, actual = said_in(call), said_out(call), call.input(0).sizes
    if sorted(before) != sorted(after) or len(actual) != len(before):
        raise unread("the order of its axes")
    left, perm = [*range(len(before))], []
    for size in after:
        ways = [axis for axis in left if before[axis] == size]
        if len({actual[axis] for axis in ways}) > 1:
            builder.note(ORDER)
        perm.append(ways[0])
        left.remove(ways[0])
    return tuple(perm)


def reduced(call: Call, keep: bool) -> Shape:
    """The axes over which an operator reduces."""
    before, after, actual = said_in(call), said_out(call), call.input(0).sizes
    what = "which axes it reduces"
    if len(before) != len(actual):
        raise unread(what)
    if keep:
        if len(after) != len(before) or any(b not in (1, a) for a, b in zip(before, after)):
            raise unread(what)
        return tuple([axis for axis, (a, b) in enumerate(zip(before, after)) if b == 1 and a != 1])
    ways = [axes for axes in combinations(range(len(before)), len(after)) if tuple([before[a] for a in axes]) == after]
    apart = [axes for axes in ways if call.input(0).batch in axes]  # examples are kept apart
    only([tuple([actual[axis] for axis in axes]) for axes in apart or ways], what)
    kept = min(apart or ways)
    return tuple([axis for axis in range(len(before)) if axis not in kept])


def with_ones(call: Call) -> Shape:
    """The shape with axes of size 1 added or removed."""
    before, after, actual = said_in(call), said_out(call), call.input(0).sizes
    more, less = (after, before) if len(after) >= len(before) else (before, after)
    what, found = "which axes it means", dict[Shape, None]()
    if len(more) > 24:
        raise unread(what)
    for axes in combinations(range(len(more)), len(less)):
        others = [one for one in range(len(more)) if one not in axes]
        if tuple([more[axis] for axis in axes]) != less or any(more[axis] not in (1, -1) for axis in others):
            continue
        if more is before:
            if all(actual[axis] == 1 for axis in others):
                found[tuple([actual[axis] for axis in axes])] = None
        else:
            made = [1] * len(more)
            for axis, size in zip(axes, actual):
                made[axis] = size
            found[tuple(made)] = None
    return only(found, what)


def gathered(call: Call) -> int:
    """The axis along which a Gather takes elements."""
    data, at, after = said_in(call), said_in(call, 1), said_out(call)
    lead = call.whole("batch_dims", 0) % (len(at) + 1)
    found = [axis for axis in range(lead, len(data)) if (*data[:axis], *at[lead:], *data[axis + 1 :]) == after]
    sizes = call.input(0).sizes
    shapes = {(*sizes[:axis], *sizes[axis + 1 :]) for axis in found}
    if len(shapes) != 1 or len(sizes) != len(data):
        raise unread("the axis along which it gathers")
    return found[0]


def cut(call: Call, whole: Sequence[bool]) -> Shape:
    """The sizes of a slice; ``whole`` says of each axis whether it is certainly taken whole. Where other sizes than the
    file's were asked for, a slice of the same number of elements, or one that leaves as many, must be the same."""
    before, after, actual = said_in(call), said_out(call), call.input(0).sizes
    what, sizes = "the bounds of what it takes", []
    if not len(before) == len(after) == len(actual):
        raise unread(what)
    for axis, (a, b, size) in enumerate(zip(before, after, actual)):
        if (axis < len(whole) and whole[axis]) or (a == b != -1):
            sizes.append(size)
        elif b == 1 or (b != -1 and a == size):
            sizes.append(b)
        elif a == -1 or b == -1:
            sizes.append(only([size] if size == 1 else [b] if b != -1 else [], what))
        else:
            sizes.append(only([one for one in (b, size - (a - b)) if 0 < one <= size], what))
    return tuple(sizes)


def spread(call: Call, what: str) -> Shape:
    """The sizes to which an input is repeated: the file's, and its own where both leave them open."""
    if call.type == "Broadcast" and call.input(1).data is not None:  # the shape of another tensor
        return broadcast([call.input(0).sizes, call.input(1).numbers(what)])
    before, after, actual = said_in(call), said_out(call), call.input(0).sizes
    pad = len(after) - len(actual)
    if pad < 0 or len(before) != len(actual):
        raise unread(what)
    sizes = []
    for axis, b in enumerate(after):
        a, size = (before[axis - pad], actual[axis - pad]) if axis >= pad else (1, 1)
        if b >= 0 and (a == size or a == 1 or a == -1):
            sizes.append(b)
        elif a == b and a != 1 and call.type == "Broadcast":
            sizes.append(size)
        else:
            raise unread(what)
    return tuple(sizes)
