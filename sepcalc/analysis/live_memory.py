"""How much memory the live tensors take, layer by layer."""

from collections.abc import Iterable, Sequence


def live_sizes(sizes: Sequence[int], graph: Sequence[tuple[Sequence[int], bool]], ends: Iterable[int]) -> list[int]:
    """The sum of the sizes of all live tensors, while each layer runs.

    ``sizes`` are the sizes of the tensors, the network's inputs first. ``graph`` has a pair for each layer: the numbers
    of the tensors that it reads, and whether it writes a tensor of its own. ``ends`` are the numbers of the outputs. A
    constant, which neither reads nor writes, is stored with the weights and takes no room here."""
    first, sizes = len(sizes) - len(graph), list(sizes)
    owner, last = _lives(first, graph, ends)
    for at, (sources, writes) in enumerate(graph, first):
        if not (writes or sources):
            sizes[at] = 0
    end = first + len(graph)
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


def live_tensors(first: int, graph: Sequence[tuple[Sequence[int], bool]], ends: Iterable[int], layer: int) -> list[int]:
    """The numbers of the tensors that are live while a layer runs; ``first`` is the number of the network's inputs, the
    rest as for :func:`live_sizes`."""
    owner, last = _lives(first, graph, ends)
    own = [at for at in range(first + layer + 1) if owner[at] == at and last.get(at, -1) >= first + layer]
    return [at for at in own if at < first or graph[at - first][0] or graph[at - first][1]]


def _lives(
    first: int, graph: Sequence[tuple[Sequence[int], bool]], ends: Iterable[int]
) -> tuple[list[int], dict[int, int]]:
    """For each tensor the one whose room it shares, and for each of these the number of its last reader."""
    owner = list(range(first))
    for at, (sources, writes) in enumerate(graph, first):
        owner.append(at if writes or not sources else owner[sources[0]])
    last = dict[int, int]()
    for at, (sources, _) in enumerate(graph, first):
        last[owner[at]] = at
        for source in sources:
            last[owner[source]] = at
    for tensor in ends:
        last[owner[tensor]] = first + len(graph)
    return owner, last
