"""The structure of a graph: chains, branches that one op joins, and what repeats, as a grammar of parts.

Every part covers nodes that run one after another, reads one tensor and gives that of its last node. Equal parts have
one number, whatever the numbers in their specs.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sepcalc.document.entries import JOINS

MAX_DEPTH = 12  # branches within each other: deeper ones are named
MAX_CHAINS = 100  # chains that are looked through for an end of what they make together
ROUNDS = 24  # of search for what repeats; a repeated run of n parts takes about log n


class Step(NamedTuple):
    """A node: its kind, its spec with what may differ left out, what it reads, and whether it has to be named."""

    kind: str
    template: str
    sources: tuple[int, ...]
    sealed: bool = False


class Body(NamedTuple):
    """What a part is: a ``leaf``, a ``join`` of branches, a ``knot`` (chains that read each other), a ``run``.

    ``reads`` are, for each chain of a knot, the chains that it starts from; -1 is the knot's input."""

    what: str
    template: str = ""
    sequences: tuple[tuple[int, ...], ...] = ()
    reads: tuple[tuple[int, ...], ...] = ()


class Chain:
    """Parts one after another: ``uses`` is how often its start reads the tensor that it reads, if that is one."""

    __slots__ = ("depth", "end", "parts", "reads", "sealed", "uses")

    def __init__(self, reads: tuple[int, ...], uses: int, part: int, end: int, depth: int = 0, sealed: bool = False):
        self.reads, self.uses, self.parts, self.end = reads, uses, [part], end
        self.depth, self.sealed = depth, sealed


class Grammar:
    """The parts of a graph, ``inputs`` tensors first, and its chains; ``ends`` are tensors with a name of their own;
    ``knots`` says whether there may be any."""

    def __init__(self, inputs: int, steps: Sequence[Step], ends: Sequence[int], knots: bool) -> None:
        self.bodies: list[Body] = []
        self.lengths: list[int] = []  # in nodes
        self._numbers: dict[Body, int] = {}
        self._leaves: dict[tuple[str, int], int] = {}
        self._uses = Counter(source for step in steps for source in step.sources)
        self._uses.update(ends)
        self._uses.update(inputs + at for at, step in enumerate(steps) if step.sealed)
        self._knots = knots
        self._fixed = set[int]()  # what reads several tensors is no part of a run, which reads one
        self.chains: list[Chain] = []
        for at, step in enumerate(steps):
            self._add(step, inputs + at)
        self._repeats()

    def _number(self, body: Body, length: int) -> int:
        if body not in self._numbers:
            self._numbers[body] = len(self.bodies)
            self.bodies.append(body)
            self.lengths.append(length)
        return self._numbers[body]

    def _length(self, parts: Sequence[int]) -> int:
        return sum(self.lengths[part] for part in parts)

    def _add(self, step: Step, tensor: int) -> None:
        if not step.sealed and step.kind in JOINS and len(step.sources) > 1 and self._join(step, tensor):
            return
        key = step.template, len(step.sources)
        if key not in self._leaves:
            self._leaves[key] = self._number(Body("leaf", step.template, (), ((len(step.sources),),)), 1)
        leaf = self._leaves[key]
        if len(step.sources) > 1:
            self._fixed.add(leaf)
        self._push(Chain(step.sources, 1, leaf, tensor, 0, step.sealed))
        if len(step.sources) > 1 and self._knots:
            self._knot()

    def _push(self, chain: Chain) -> None:
        """The chain behind the last one, or at its end if nothing else reads that."""
        if self.chains and len(chain.reads) == 1 and not chain.sealed:
            last = self.chains[-1]
            if last.end == chain.reads[0] and self._uses[last.end] == chain.uses:
                last.parts += chain.parts
                last.end, last.depth = chain.end, max(last.depth, chain.depth)
                return
        self.chains.append(chain)

    def _join(self, step: Step, tensor: int) -> bool:
        """Whether the last chains are the branches of this op, all from one tensor, or from none: constants. Of what
        joins only constants with one tensor, that tensor is the root, however it came about."""
        begun = {chain.end for chain in self.chains[-len(step.sources) :] if not chain.reads}
        alone = sum(source not in begun for source in step.sources) == 1
        rest, uses, depth = len(self.chains), 0, 0
        roots, branches = set[int](), []
        for source in reversed(step.sources):
            chain = self.chains[rest - 1] if rest else None
            branch = chain and chain.end == source and self._uses[source] == 1 and len(chain.reads) <= 1
            if chain and branch and not (alone and chain.reads):
                rest -= 1
                roots.update(chain.reads)
                branches.append(tuple(chain.parts))
                uses, depth = uses + (chain.uses if chain.reads else 0), max(depth, chain.depth)
            else:
                roots.add(source)
                branches.append(())
                uses += 1
        if len(roots) != 1 or depth >= MAX_DEPTH or any(chain.sealed for chain in self.chains[rest:]):
            return False
        del self.chains[rest:]
        body = Body("join", step.template, tuple(branches[::-1]))
        part = self._number(body, 1 + sum(map(self._length, branches)))
        self._push(Chain((roots.pop(),), uses, part, tensor, depth + 1))
        return True

    def _knot(self) -> None:
        """Ties the last chains together if they have one input and one output."""
        outside = Counter[int]()
        for first in range(len(self.chains) - 1, max(-1, len(self.chains) - MAX_CHAINS), -1):
            chain = self.chains[first]
            last = first == len(self.chains) - 1
            if chain.sealed or chain.depth >= MAX_DEPTH or (not last and outside[chain.end] != self._uses[chain.end]):
                return
            del outside[chain.end]
            for source in chain.reads:
                outside[source] += chain.uses
            if len(outside) == 1 and not last:
                break
        else:
            return
        tied = self.chains[first:]
        del self.chains[first:]
        places = {chain.end: at for at, chain in enumerate(tied)}
        sequences = tuple([tuple(chain.parts) for chain in tied])
        reads = tuple([tuple([places.get(source, -1) for source in chain.reads]) for chain in tied])
        part = self._number(Body("knot", "", sequences, reads), sum(map(self._length, sequences)))
        ((root, uses),) = outside.items()
        self._push(Chain((root,), uses, part, tied[-1].end, 1 + max(chain.depth for chain in tied)))

    def _repeats(self) -> None:
        """Makes runs of the pairs that stand in several places, again and again."""
        for _ in range(ROUNDS):
            counts = Counter(pair for sequence in self._sequences() for pair in self._pairs(sequence))
            chosen: dict[tuple[int, int], int] = {}
            taken = set[int]()
            for pair, count in sorted(counts.items(), key=self._preference):
                if count < 2:
                    break
                if taken.isdisjoint(pair):
                    taken.update(pair)
                    chosen[pair] = self._number(Body("run", "", (pair,)), self._length(pair))
            if not chosen:
                return
            runs = set(chosen.values())
            for at, body in enumerate(self.bodies):
                if body.sequences and at not in runs:
                    sequences = tuple([tuple(self._paired(sequence, chosen)) for sequence in body.sequences])
                    self.bodies[at] = body._replace(sequences=sequences)
            for chain in self.chains:
                chain.parts = self._paired(chain.parts, chosen)

    def _preference(self, counted: tuple[tuple[int, int], int]) -> tuple[int, bool]:
        """What is there most often first; if equally often, what ends with the smaller part: an activation, say."""
        (one, other), count = counted
        return -count, self.lengths[one] < self.lengths[other]

    def _sequences(self) -> list[Sequence[int]]:
        inside = [sequence for body in self.bodies if body.what != "run" for sequence in body.sequences]
        return [*inside, *[chain.parts for chain in self.chains]]

    def _pairs(self, parts: Sequence[int]) -> list[tuple[int, int]]:
        """Neighbours, but for those that stand in a row of equal ones: these repeat as they are."""
        fixed, around = self._fixed, zip((None, *parts), parts, parts[1:], (*parts[2:], None))
        return [
            (one, other) for before, one, other, after in around if before != one != other != after and one not in fixed
        ]

    def _in_row(self, parts: Sequence[int], at: int) -> bool:
        """Whether a pair begins or ends with an equal neighbour."""
        return (at > 0 and parts[at - 1] == parts[at]) or (at + 2 < len(parts) and parts[at + 2] == parts[at + 1])

    def _paired(self, parts: Sequence[int], chosen: dict[tuple[int, int], int]) -> list[int]:
        allowed = {pair for pair in self._pairs(parts) if pair in chosen}
        found: list[int] = []
        at = 0
        while at < len(parts):
            pair = (parts[at], parts[at + 1]) if at + 1 < len(parts) else None
            if pair in allowed and not self._in_row(parts, at):
                found.append(chosen[pair])
                at += 2
            else:
                found.append(parts[at])
                at += 1
        return found
