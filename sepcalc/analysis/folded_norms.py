"""The batch norms that can be folded into the convolution before them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sepcalc.layer import Node
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.norm import BatchNorm
from sepcalc.ops.product import Dense

NAMED = 3  # layers that a sentence names

NO_CONVOLUTION = "what is read is not a convolution's output"
READ_ELSEWHERE = "something else reads the convolution's output too"
SHARED = "the convolution shares weights with a layer that has not the same norm"


def folded(nodes: Sequence[Node], first: int, ends: Iterable[int]) -> tuple[list[Node], list[int], Iterator[str]]:
    """The nodes without the batch norms that can be folded, the new number of every tensor, and sentences on the norms.

    ``first`` is the number of the first node's tensor, ``ends`` are the tensors put out.
    """
    owner, stayed = foldable(nodes, first, ends)
    biased = set(owner.values())
    numbers, kept = list(range(first)), list[Node]()
    for at, node in enumerate(nodes):
        if at in owner:  # its tensor is the convolution's
            numbers.append(numbers[node.sources[0]])
            continue
        numbers.append(first + len(kept))
        op: Any = node.op
        op = op._replace(bias=True) if at in biased else op
        kept.append(node._replace(op=op, sources=tuple([numbers[source] for source in node.sources])))
    return kept, numbers, told(len(owner), stayed)


def foldable(
    nodes: Sequence[Node], first: int, ends: Iterable[int]
) -> tuple[dict[int, int], Mapping[str, Sequence[str]]]:
    """The batch norms that a convolution, transposed one or dense layer can take in, each with its number (of nodes);
    and the names of those that must stay, by the reason why.

    A norm stays where anything else reads the convolution's output, and where kernels that several layers share would
    need different factors.
    """
    reads = Counter(source for node in nodes for source in node.sources)
    reads.update(ends)  # whoever is given the outputs reads them
    users: dict[str, list[int]] = {}
    for at, node in enumerate(nodes):
        if node.weights is not None:
            users.setdefault(node.weights, []).append(at)
    # whose params those are that a node shares is not known, only that they come before it
    sharing = max([at for at, node in enumerate(nodes) if node.shared], default=-1)

    owner: dict[int, int] = {}
    taken: dict[int, list[int]] = {}  # the other way round
    stayed: dict[str, list[str]] = {}
    for at, node in enumerate(nodes):
        if not isinstance(node.op, BatchNorm):
            continue
        before = node.sources[0] - first
        before = owner.get(before, before)
        if before < 0 or not isinstance(nodes[before].op, Conv | Transposed | Dense):
            stayed.setdefault(NO_CONVOLUTION, []).append(node.name)
        elif reads[node.sources[0]] > 1:
            stayed.setdefault(READ_ELSEWHERE, []).append(node.name)
        elif before <= sharing:
            stayed.setdefault(SHARED, []).append(node.name)
        else:
            owner[at] = before
            taken.setdefault(before, []).append(at)
    for together in users.values():
        if len({tuple([nodes[norm].weights or norm for norm in taken.get(at, ())]) for at in together}) > 1:
            for norm in [norm for at in together for norm in taken.pop(at, ())]:
                del owner[norm]
                stayed.setdefault(SHARED, []).append(nodes[norm].name)
    return owner, stayed


def told(folded: int, stayed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Sentences on the norms that were folded and those that stay."""
    if not folded and not stayed:
        yield "There is no batch norm to fold."
    if folded:
        norms = "1 batch norm is" if folded == 1 else f"{folded:,} batch norms are"
        yield f"{norms} folded into convolutions: their params are kernels and a bias for each output."
    for reason, names in stayed.items():
        norms = "1 batch norm stays" if len(names) == 1 else f"{len(names):,} batch norms stay"
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        yield f"{norms}, as {reason}: {', '.join(names[:NAMED])}{more}."
