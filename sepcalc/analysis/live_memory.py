"""How much memory the live tensors take, layer by layer."""

from collections.abc import Iterable, Sequence


def live_sizes(sizes: Sequence[int], graph: Sequence[tuple[Sequence[int], bool]], ends: Iterable[int]) -> list[int]:
    """The sum of the sizes of all live tensors, while each layer runs.

    ``sizes`` are the sizes of the tensors, the network's inputs first. ``graph`` has a pair for each layer: the numbers
    of the tensors that it reads, and whether it writes a tensor of its own. ``ends`` are the numbers of the outputs. A
    constant, which neither reads nor writes, is stored with the weights and takes no room here."""
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
