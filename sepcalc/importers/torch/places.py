"""Tensors that do nothing but tell where elements come from or go to."""

from collections.abc import Iterable, Sequence

from sepcalc.importers.torch.calls import Call, Tensor, every

# What reads where its elements come from or go to, and by what names.
PLACES: dict[str, str] = {
    **dict.fromkeys(("index", "index_put"), "indices"),
    **dict.fromkeys(("gather", "take_along_dim", "index_select", "index_add", "index_copy"), "index"),
    **dict.fromkeys(("scatter", "scatter_add", "scatter_reduce"), "index"),
    "_grouped_mm": "offs",
}


def telling(calls: Sequence[Call], outputs: Iterable[Tensor]) -> set[int]:
    """The tensors of a run that only tell places. Whatever they are made of, each example is worked on by itself: a
    mixture of experts sorts the tokens of all examples by expert, and works on each token."""
    read, places = {one.at for one in outputs}, set[int]()
    for call in reversed(calls):
        made = {one.at for one in call.outputs}
        if made and not made & read:
            places |= made
        else:
            where = PLACES.get(call.op)
            read.update(one.at for one in every([one for name, one in call.arguments.items() if name != where]))
    return places


def told(call: Call) -> list[Tensor]:
    """What tells an operator where its elements come from or go to."""
    return list(every([call.get(PLACES[call.op])])) if call.op in PLACES else []
