"""How much memory the tensors take that live at a time."""

from collections.abc import Iterable, Sequence


def live_sizes(sizes: Sequence[int], graph: Sequence[tuple[Sequence[int], bool]], ends: Iterable[int]) -> list[int]:
    """How much of tensors lives while each layer runs: of the ``sizes`` that tensors have, inputs first;
    ``graph`` is what each layer reads, by number, and whether it writes a tensor of its own; ``ends`` are the outputs.
    A constant, which neither reads nor writes, lies with the weights."""
    first, sizes = len(sizes) - len(graph), list(sizes)
    owner = list(range(first))
    for at, (sources, writes) in enumerate(graph, first):
        owner.append(at if writes or not sources else owner[sources[0]])
    last = dict[int, int]()
    for at, (sources, writes) in enumerate(graph, first):
        if not (writes or sources):
            sizes[at] = 0
        last[owner[at]] = at
        for source in sources:
            last[owner[source]] = at
    end = first + len(graph)
    for tensor in ends:
        last[owner[tensor]] = end
    freed = [0] * (end + 1)
    for tensor, at in last.items():
        freed[at] += sizes[tensor]
    live = sum(sizes[tensor] for tensor in range(first) if tensor in last)
    lives = []
    for at in range(first, end):
        if owner[at] == at:
            live += sizes[at]
        lives.append(live)
        live -= freed[at]
    return lives
