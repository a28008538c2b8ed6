"""Whether the first axis of the inputs is one of examples, from two runs: on all of it, and on its first element.

Counts that grow with it do not tell alone: what picks an example, or puts them into another order, costs nothing.
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from math import prod
from typing import Any

from sepcalc.importers.common.layout import WINDOWED
from sepcalc.importers.torch.calls import Call, Tensor
from sepcalc.importers.torch.choosing import CHOSEN
from sepcalc.importers.torch.lowering import Trace, steps
from sepcalc.importers.torch.operators import row_of
from sepcalc.importers.torch.places import telling, told

_LOOKED_UP = {"embedding": "weight", "take": "self"}  # what examples look up their elements in: not in each other


def of_examples(many: Trace, one: Trace, count: int) -> bool:
    """Whether what runs on ``count`` elements of the first axis is what runs on one, for each of them by itself.

    Operators are held against each other one by one, so that the axes that grow are those that hold examples. Where
    other operators run (a loop over examples, or over steps), elements that were taken apart may only be joined again.
    """
    if steps(many) != steps(one) or not _grown(many.outputs.values(), one.outputs.values(), count):
        return False
    used = [{tensor.at for call in trace.calls for tensor in call.tensors()} for trace in (many, one)]
    for read, trace in zip(used, (many, one)):
        read.update(tensor.at for tensor in trace.outputs.values())
    places = [telling(trace.calls, trace.outputs.values()) for trace in (many, one)]
    ordered = _ordered(many, places[0])

    def apart(calls: Sequence[Call], alone: Sequence[Call]) -> bool:
        return [call.op for call in calls] == [call.op for call in alone] and all(
            _apart(call, other, count, used)
            or places[0].issuperset([one.at for one in call.outputs])
            or ordered.issuperset([one.at for one in told(call)] or [-1])
            for call, other in zip(calls, alone)
        )

    if apart(many.calls, one.calls):
        return True
    if [call.op for call in many.calls] != [call.op for call in one.calls] and _kept_apart(many.calls, count):
        return True
    if any(CHOSEN in tensor.origins for call in many.calls for tensor in call.tensors()):
        return apart(*[list(_unchosen(trace.calls, only)) for trace, only in zip((many, one), places)])
    return False


def _unchosen(calls: Sequence[Call], places: Container[int]) -> Iterator[Call]:
    """The calls but those that choose rows, work on rows that were chosen, or put them back: how many rows an expert
    has is not the same for each example, but all experts together have as many for each."""
    rows = set[int]()
    for call in calls:
        if all(one.at in places for one in call.outputs):
            continue
        where = told(call)
        if where and all(CHOSEN in one.origins for one in where):
            if not row_of(call.op).puts:
                rows.update(one.at for one in call.outputs)
        elif any(one.at in rows for one in call.tensors()):
            rows.update(one.at for one in call.outputs)
        else:
            yield call


def _ordered(trace: Trace, places: Container[int]) -> set[int]:
    """Those of these places that come from an order of computed values: what is taken by them is put back by them."""
    ordered = set[int]()
    for call in trace.calls:
        if row_of(call.op).orders or any(one.at in ordered for one in call.tensors()):
            ordered.update(one.at for one in call.outputs if one.at in places)
    return ordered


def as_images(trace: Trace, count: int) -> bool:
    """Whether a convolution or a pool reads an input, by way of nothing that changes its rank: its first axis holds
    examples, then."""
    given = {tensor.at for tensor in trace.inputs.values() if tensor.shape[:1] == (count,)}
    for call in trace.calls:
        ranks = {len(tensor.shape) for tensor in call.tensors() if tensor.at in given}
        row, image = row_of(call.op), call.maybe("input") or call.maybe("self")
        if image is not None and image.at in given and row.layout is WINDOWED:
            axes = row.axes or 1
            if len(image.shape) == axes + 2 or (axes == 1 and len(image.shape) > 2):
                return True
        given.update(one.at for one in call.outputs if len(one.shape) in ranks and one.shape[:1] == (count,))
    return False


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(prod(tensor.shape) for tensor in tensors if tensor.live)


def _grown(many: Iterable[Tensor], one: Iterable[Tensor], count: int) -> bool:
    return _size(many) == count * _size(one)


def _apart(many: Call, one: Call, count: int, used: Sequence[set[int]]) -> bool:
    """Whether an operator works on every example by itself."""
    if _size(many.tensors()) == _size(one.tensors()):
        return True  # it works on what all examples have in common
    made, alone = ([each for each in call.outputs if each.at in read] for call, read in zip((many, one), used))
    if not _grown(made, alone, count):
        return False
    row = row_of(many.op)
    if many.op in _LOOKED_UP and many.tensor(_LOOKED_UP[many.op]).shape != one.tensor(_LOOKED_UP[many.op]).shape:
        return False
    if not row.mixes:
        return many.library == "aten" and (row.handle is not None or row.random)  # others may do anything
    if len(many.given.shape) != len(one.given.shape):
        return True
    sizes, rank = zip(many.given.shape, one.given.shape), len(many.given.shape)
    grown = {axis for axis, (size, alone) in enumerate(sizes) if size != alone}
    if row.mixes == ("indices",):  # an axis has places in it, or None
        named = [axis for axis, places in enumerate(many.get("indices", ())) if places is not None]
        if many.op == "index" and len(named) > 1:
            return True  # each row has a place of its own in it, by its number: the last token of each
    else:
        named = [axis for name in row.mixes for axis in _axes(many.get(name, ()))]
    return not grown.intersection(axis % rank for axis in (named or range(rank)))


def _axes(given: Any) -> Sequence[int]:
    return given if isinstance(given, (list, tuple)) else (given,)


def _kept_apart(calls: Sequence[Call], count: int) -> bool:
    """Whether no operator meets two parts of a first axis of this size, but to join them."""
    parts = dict[int, frozenset[tuple[int, int]]]()  # of a tensor: the whole that they are of, and which
    for call in calls:
        met = frozenset[tuple[int, int]]().union(*[parts.get(tensor.at, frozenset()) for tensor in call.tensors()])
        if row_of(call.op).joins:
            continue
        if len({whole for whole, _ in met}) < len(met):
            return False
        given = call.maybe("self")
        cut = given is not None and row_of(call.op).parts and call.get("dim", 0) == 0 and given.shape[:1] == (count,)
        for at, output in enumerate(call.outputs):
            parts[output.at] = met
            if given is not None and cut:
                start = call.get("index", call.get("start", 0))
                parts[output.at] = frozenset([(given.at, at if len(call.outputs) > 1 else start)])
    return True
