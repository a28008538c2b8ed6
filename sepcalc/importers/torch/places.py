"""Tensors that do nothing but tell where elements come from or go to."""

from collections.abc import Iterable, Sequence

from sepcalc.importers.torch.calls import Call, Tensor, every
from sepcalc.importers.torch.operators import row_of


def telling(calls: Sequence[Call], outputs: Iterable[Tensor]) -> set[int]:
    """The tensors of a run that only tell places. Whatever they are made of, each example is worked on by itself: a
    mixture of experts sorts the tokens of all examples by expert, and works on each token."""
    read, places = {one.at for one in outputs}, set[int]()
    for call in reversed(calls):
        made = {one.at for one in call.outputs}
        if made and not made & read:
            places |= made
        else:
            where = row_of(call.op).places
            read.update(one.at for one in every([one for name, one in call.arguments.items() if name != where]))
    return places


def told(call: Call) -> list[Tensor]:
    """What tells an operator where its elements come from or go to."""
    where = row_of(call.op).places
    return list(every([call.get(where)])) if where else []
