"""Tensors that are only used as indices."""

from collections.abc import Iterable, Sequence

from sepcalc.importers.aten.calls import Call, Tensor, every
from sepcalc.importers.aten.operators import row_of


def only_indices(calls: Sequence[Call], outputs: Iterable[Tensor]) -> set[int]:
    """The tensors of a run that are only used as indices. Even if they are computed from several examples, each example
    is processed separately: a mixture of experts sorts the tokens of all examples by expert, and processes each
    token."""
    read, places = {one.at for one in outputs}, set[int]()
    for call in reversed(calls):
        made = {one.at for one in call.outputs}
        if made and not made & read:
            places |= made
        else:
            where = row_of(call.key).places
            read.update(one.at for one in every([one for name, one in call.arguments.items() if name != where]))
    return places


def index_tensors(call: Call) -> list[Tensor]:
    """The tensors that an operator uses as indices."""
    where = row_of(call.key).places
    return list(every([call.get(where)])) if where else []
