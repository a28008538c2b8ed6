"""Finds out whether the first axis of the inputs holds examples, by comparing two runs: on the whole axis, and on its
first element.

Proportional counts do not prove it: selecting an example, or reordering them, costs nothing.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from math import prod

from sepcalc.errors import InputError, bad_input
from sepcalc.importers.aten.apart import apart, grown, grown_axes, image_of, named_axes
from sepcalc.importers.aten.calls import CHOSEN, Call, Tensor
from sepcalc.importers.aten.lowering import Lowered, Trace, steps
from sepcalc.importers.aten.operators import row_of
from sepcalc.importers.aten.places import index_tensors, only_indices
from sepcalc.importers.common.graph_builder import guessed
from sepcalc.importers.common.layout import RESHAPED, WINDOWED
from sepcalc.network import Network

Counted = tuple[Trace, Lowered]


def for_one(
    shown: str, whole: Counted, single: Callable[[], Counted], count: int, batch: int | None, in_a_list: bool = False
) -> Network:
    """The network for one of ``count`` examples, if the inputs hold examples: along their first axis, or in a list.
    ``single`` counts one of them, and may raise InputError. Raises InputError if they hold none, but ``batch`` says
    so."""
    many, all_of_them = whole
    said = f"the {'list' if in_a_list else 'first axis'} of the inputs, {count}, "
    if many.stop is not None:
        return all_of_them.network.noted(f"{said}is counted as data: counting stopped before")
    try:
        trace, one = single()
    except InputError:
        if batch is not None:
            raise
        return all_of_them.network.noted(f"{said}is counted as data: the module does not run on one example")
    if of_examples(many, trace, count) and proportional(all_of_them, one, count):
        where = "in their list" if in_a_list else "along their first axis"
        network = one.network.noted(f"the inputs hold {count} examples {where}: counts are for one of them")
        if batch is None and not in_a_list and not as_images(many, count):
            names = [label for label, tensor in many.inputs.items() if tensor.shape[:1] == (count,)]
            return network.guessed(guessed(names, count))
        return network
    if batch is not None:
        hint = "--batch 1 counts all that runs on these inputs"
        raise bad_input(f"--batch {batch}: {shown} does not work on each example separately", hint)
    return all_of_them.network.noted(f"{said}does not hold examples: all of it is counted")


def of_examples(many: Trace, one: Trace, count: int) -> bool:
    """Whether the run on ``count`` elements of the first axis is the run on one element, for each of them separately.

    Operators are compared one by one, so that the axes that grow are known to hold examples. Where different operators
    run (a loop over examples, or over steps), elements that were separated may only be joined again.
    """
    if steps(many) != steps(one) or not grown(many.outputs.values(), one.outputs.values(), count):
        return False
    if not _joined_in_order(many.calls, count):
        return False
    used = [{tensor.at for call in trace.calls for tensor in call.tensors()} for trace in (many, one)]
    for read, trace in zip(used, (many, one)):
        read.update(tensor.at for tensor in trace.outputs.values())
    places = [only_indices(trace.calls, trace.outputs.values()) for trace in (many, one)]

    def separate(calls: Sequence[Call], alone: Sequence[Call]) -> bool:
        if [call.op for call in calls] != [call.op for call in alone] or not _views_keep(calls, alone):
            return False
        each = [apart(call, other, count, used) for call, other in zip(calls, alone)]
        return _put_back(calls, each, many.outputs.values(), places[0])

    if separate(many.calls, one.calls):
        return True
    if [call.op for call in many.calls] != [call.op for call in one.calls] and _kept_apart(many.calls, count):
        return True
    if any(CHOSEN in tensor.origins for call in many.calls for tensor in call.tensors()):
        return separate(*[list(_unchosen(trace.calls, only)) for trace, only in zip((many, one), places)])
    return False


def _unchosen(calls: Sequence[Call], places: Container[int]) -> Iterator[Call]:
    """All calls except those that choose rows, process chosen rows, or put them back. The rows per expert differ
    between examples, but all experts together process the same number for each."""
    rows = set[int]()
    for call in calls:
        if all(one.at in places for one in call.outputs):
            continue
        where = index_tensors(call)
        if where and all(CHOSEN in one.origins for one in where):
            if not row_of(call.key).puts:
                rows.update(one.at for one in call.outputs)
        elif any(one.at in rows for one in call.tensors()):
            rows.update(one.at for one in call.outputs)
        else:
            yield call


_Order = tuple[int, bool]  # the operator that sorted, and whether the indices invert its order


def _put_back(calls: Sequence[Call], apart: Sequence[bool], outputs: Iterable[Tensor], places: Container[int]) -> bool:
    """Whether each call works on every example separately (it is ``apart``), or reorders rows by computed values, with
    all rows put back before they meet others and before they are returned."""
    orders, moved = dict[int, set[_Order]](), dict[int, _Order | None]()
    for call, alone in zip(calls, apart):
        row, where = row_of(call.key), index_tensors(call)
        if all(one.at in places for one in call.outputs):
            found = set[_Order]().union(*[orders.get(one.at, ()) for one in call.tensors()])
            if row.orders or (row.puts and any(orders.get(one.at) for one in where)):
                found = {(first, not back) for first, back in found} or {(call.outputs[0].at, False)}
            orders.update((one.at, found) for one in call.outputs)
            continue
        onto = call.maybe("self") if row.puts else None
        rows = {moved.get(one.at) for one in call.tensors() if one.live and one is not onto and one not in where}
        if not alone:
            order = list(set[_Order]().union(*[orders.get(one.at, ()) for one in where]))
            if len(order) != 1 or len(rows) != 1:
                return False
            ((first, back),) = order
            (before,) = rows
            if before not in (None, (first, back == row.puts)):
                return False
            rows = {None if before else (first, back != row.puts)}
        if onto is not None and onto.live:
            rows.add(moved.get(onto.at))
        if len(rows) > 1:
            return False
        moved.update((one.at, way) for one in call.outputs for way in rows)
    return not any(moved.get(one.at) for one in outputs)


def proportional(whole: Lowered, one: Lowered, count: int) -> bool:
    """Whether all costs are ``count`` times those of one example. What the examples share may stay the same, such as a
    table of positions, or layers on stored tensors, if these are separate layers. Nodes that only compute indices do
    not matter: the tokens per expert may differ."""
    works = [
        [layer.cost for layer, tells in zip(of.network.layers, of.tells) if layer.op.writes and not tells]
        for of in (whole, one)
    ]
    pairs = works if len(works[0]) == len(works[1]) else [whole.alone, one.alone]
    if len(pairs[0]) != len(pairs[1]):
        return False
    for which in ("macs", "mults", "adds", "compares", "divs", "specials"):
        total, single = (sum(getattr(cost, which) for cost in costs) for costs in works)
        common = sum(getattr(a, which) for a, b in zip(*pairs) if getattr(a, which) == getattr(b, which))
        if total - common != count * (single - common):
            return False
    return True


def _views_keep(calls: Sequence[Call], alone: Sequence[Call]) -> bool:
    """Whether every reshape keeps the examples separate: in each of its forms, consecutive examples are the same number
    of elements apart."""
    places = dict[int, set[int]]()  # tensor number -> the possible distances in positions of the axis that grows
    for call, other in zip(calls, alone):
        row, given = row_of(call.key), call.tensors()
        if not call.outputs or len(given) != len(other.tensors()):
            continue
        inner, after = _places(call.outputs[0], other.outputs[0])
        found = list[set[int]]()
        for one, lone in zip(given, other.tensors()):
            within, may = _places(one, lone)
            before = places.get(one.at, may)
            if not before or not after or not one.live:
                continue
            if row.layout is RESHAPED:
                found.append({count * within // inner for count in before if count * within % inner == 0})
            elif row.joins or call.op in _REPEATS or (may == after and not _mixes_rows(call, other)):
                found.append(before)
        here = after.intersection(*found)
        if found and not here:
            return False
        places[call.outputs[0].at] = here
    return True


_REPEATS = ("repeat", "tile")  # they append copies of all examples


def _mixes_rows(many: Call, one: Call) -> bool:
    """Whether an operator takes elements from other positions of the axis that grows."""
    return bool(row_of(many.key).mixes) and bool(named_axes(many) & grown_axes(many.given, one.given))


def _places(many: Tensor, one: Tensor) -> tuple[int, set[int]]:
    """For the only axis that grows with the examples, if there is one: the elements per position, and the possible
    distances in positions between consecutive examples."""
    grown = grown_axes(many, one)
    if len(grown) != 1 or len(many.shape) != len(one.shape):
        return 1, set()
    (axis,) = grown
    return prod(many.shape[axis + 1 :]), {part for part in range(1, one.shape[axis] + 1) if one.shape[axis] % part == 0}


def as_images(trace: Trace, count: int) -> bool:
    """Whether a convolution or a pool reads an input, without a change of rank in between; then its first axis holds
    examples."""
    given = {tensor.at for tensor in trace.inputs.values() if tensor.shape[:1] == (count,)}
    for call in trace.calls:
        ranks = {len(tensor.shape) for tensor in call.tensors() if tensor.at in given}
        row, image = row_of(call.key), image_of(call)
        if image is not None and image.at in given and row.layout is WINDOWED:
            axes = row.axes or 1
            if len(image.shape) == axes + 2 or (axes == 1 and len(image.shape) > 2):
                return True
        given.update(one.at for one in call.outputs if len(one.shape) in ranks and one.shape[:1] == (count,))
    return False


_Parts = frozenset[tuple[int, int]]  # the parts in a tensor: the number of the whole, and of the part


def _met(calls: Sequence[Call], count: int) -> Iterator[tuple[Call, list[_Parts]]]:
    """The calls, and for each of their tensors the parts of a first axis of this size that it contains."""
    parts = dict[int, _Parts]()
    for call in calls:
        met = [parts.get(tensor.at, _Parts()) for tensor in call.tensors()]
        yield call, met
        given, row = call.maybe("self"), row_of(call.key)
        if row.joins:
            continue
        cut = given is not None and row.parts and call.get("dim", 0) == 0 and given.shape[:1] == (count,)
        for at, output in enumerate(call.outputs):
            parts[output.at] = _Parts().union(*met)
            if given is not None and cut:
                start = call.get("index", call.get("start", 0)) % count
                parts[output.at] = _Parts([(given.at, at if len(call.outputs) > 1 else start)])


def _joined_in_order(calls: Sequence[Call], count: int) -> bool:
    """Whether parts of a first axis of this size are only joined in their original order."""
    for call, met in _met(calls, count):
        starts = [start for one in met for _, start in sorted(one)]
        if row_of(call.key).joins and starts != sorted(starts):
            return False
    return True


def _kept_apart(calls: Sequence[Call], count: int) -> bool:
    """Whether no operator combines two parts of a first axis of this size, except to join them, or mixes the whole
    axis."""
    for call, met in _met(calls, count):
        row, parts = row_of(call.key), _Parts().union(*met)
        if not row.joins and len({whole for whole, _ in parts}) < len(parts):
            return False
        onto = call.maybe("self")
        if row.mixes and onto and not met[0] and onto.shape[:1] == (count,) and 0 in named_axes(call):
            place = call.get("index", call.get("start"))
            if not parts or any(part != place for _, part in parts):  # else: put back where it was taken from
                return False
    return True
