"""A network's layers as the tree of their names, equal neighbours folded into one."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, repeat
from typing import Any, NamedTuple

from sepcalc.cost import Cost, total
from sepcalc.layer import Layer

MAX_DEPTH = 20  # parts of a name that nest; what is below stays one part
MAX_PERIOD = 12  # layers in a row that may be repeated together
_NUMBERED = re.compile(r"([^/]*?)([0-9]{1,18})([^0-9/]*(?:/.*)?)", re.DOTALL)


class Branch(NamedTuple):
    """A layer, or a group of layers. ``times`` is how many equal ones it stands for, and ``cost`` is the sum over all
    of them. The last of these has ``length`` layers from number ``at`` on, counted from the first of its parent. Two
    branches have the same ``kind`` if and only if they differ in nothing but a number in their names."""

    name: str
    at: int
    length: int
    cost: Cost
    kind: int
    children: tuple["Branch", ...] = ()
    times: int = 1

    @property
    def layers(self) -> int:
        """The number of layers that it stands for."""
        return sum(child.layers for child in self.children) if self.children else self.times

    @property
    def title(self) -> str:
        """The name, and the number of repeats."""
        return f"{self.name} x{self.times}" if self.times > 1 else self.name


def grown(layers: Sequence[Layer], fold: bool = True) -> Sequence[Branch]:
    """The tree of the layers by the parts of their names, in order. A group joins only layers that are neighbours in
    the network. With ``fold``, repeated neighbours become one branch."""
    if not layers:
        return ()
    names, ops, inputs, outputs, costs, weights, *_ = zip(*layers)
    grower = _Grower(fold)
    # ops are tuples: what is in one may be equal to what is of another type
    held = [repr(op) if op.holds else op for op in ops]
    alone = [name is None for name in weights]
    kinds = tuple(map(grower.kinds.__getitem__, zip(map(type, ops), held, inputs, outputs, costs, alone)))
    grower.costs = dict(zip(kinds, costs))
    return grower.between([name.lstrip("/") for name in names], kinds, 0)


def walked(branches: Sequence[Branch], depth: int = 0, origin: int = 0) -> Iterator[tuple[Branch, int, int]]:
    """Every branch with its depth and the number of its last layer, groups before their children."""
    for branch in branches:
        start = origin + branch.at
        yield branch, depth, start + branch.length - 1
        if branch.children:
            yield from walked(branch.children, depth + 1, start)


class _Grower:
    def __init__(self, fold: bool) -> None:
        self.fold = fold
        self.kinds = defaultdict[tuple[Any, ...], int](count().__next__)
        self.costs = dict[int, Cost]()
        self.groups = dict[tuple[Any, ...], Branch]()

    def between(self, names: Sequence[str], kinds: tuple[int, ...], depth: int) -> tuple[Branch, ...]:
        """The branches of layers with these names and kinds."""
        if depth == MAX_DEPTH or not any("/" in name for name in names):
            costs = map(self.costs.__getitem__, kinds)
            fields = zip(names, count(), repeat(1), costs, kinds, repeat(()), repeat(1))
            alone = list(map(Branch._make, fields))
            return tuple(self.folded(alone) if self.fold else alone)
        parts, branches, start = [name.partition("/") for name in names], list[Branch](), 0
        while start < len(parts):
            head, inside, _ = parts[start]
            end, kind = start + 1, kinds[start]
            if inside:
                while end < len(parts) and parts[end][0] == head and parts[end][1]:
                    end += 1
                group = self.group(tuple([tail for _, _, tail in parts[start:end]]), kinds[start:end], depth + 1)
                branches.append(group._replace(name=head + group.name, at=start + group.at))
            else:
                branches.append(Branch(head, start, 1, self.costs[kind], kind))
            start = end
        return tuple(self.folded(branches) if self.fold else branches)

    def group(self, names: tuple[str, ...], kinds: tuple[int, ...], depth: int) -> Branch:
        """The branch of these layers, without the name that they share: equal ones are made once. A single child takes
        its place."""
        key = names, kinds, depth
        if key not in self.groups:
            first, *more = children = self.between(names, kinds, depth)
            alone = first._replace(name=f"/{first.name}")
            self.groups[key] = self.joined("", 0, len(names), children) if more else alone
        return self.groups[key]

    def joined(self, name: str, at: int, length: int, children: tuple[Branch, ...]) -> Branch:
        """A branch of these children."""
        kind = self.kinds[tuple([(child.name, child.kind, child.times) for child in children])]
        return Branch(name, at, length, total(child.cost for child in children), kind, children)

    def folded(self, branches: list[Branch]) -> list[Branch]:
        """Equal neighbours with consecutive numbers, as one branch. A sequence that repeats at least three times
        becomes a group."""
        before, near = dict[int, int](), set[int]()  # kinds: where each stood last, and those that stand near another
        for at, branch in enumerate(branches):
            kind = branch.kind
            if at - before.get(kind, -MAX_PERIOD - 1) <= MAX_PERIOD:
                near.add(kind)
            before[kind] = at
        if not near:
            return branches
        names = [_counted(branch.name) if branch.kind in near else (branch.name, "", "") for branch in branches]
        marks = [
            self.kinds[head, tail, branch.kind, branch.times] if number else -1 - at
            for at, (branch, (head, number, tail)) in enumerate(zip(branches, names))
        ]
        numbers = [int(number or 0) for _, number, _ in names]
        result, at = [], 0
        while at < len(branches):
            width, times = _repeated(marks, numbers, at) if marks[at] >= 0 else (1, 1)
            stop = at + width * times
            if times == 1:
                result.append(branches[at])
            else:
                equal = [
                    _as_one(branches[n:stop:width], [name[1] for name in names[n:stop:width]], names[n])
                    for n in range(at, at + width)
                ]
                if width > 1:  # the last of each stand one after another
                    begin, length = equal[0].at, sum(branch.length for branch in equal)
                    inside = tuple([branch._replace(at=branch.at - begin) for branch in equal])
                    name = f"{branches[at].name}..{branches[stop - 1].name}"
                    equal = [self.joined(name, begin, length, inside)._replace(times=times)]
                result += equal
            at = stop
        return result


def _counted(name: str) -> tuple[str, str, str]:
    """A name split around the last number of its first part: ``mobile[``, ``2``, ``]/act``. A name without a number
    stays whole."""
    match = _NUMBERED.fullmatch(name)
    return (match[1], match[2], match[3]) if match else (name, "", "")


def _repeated(marks: Sequence[int], numbers: Sequence[int], at: int) -> tuple[int, int]:
    """How many branches from here on repeat together, and how many times."""
    for width in range(1, MAX_PERIOD + 1):
        end = at
        while end + width < len(marks) and marks[end] == marks[end + width]:
            step = numbers[end + width] - numbers[end]
            again = end >= at + width
            if step != (numbers[end] - numbers[end - width] if again else 1 if width == 1 else max(1, step)):
                break
            end += 1
        times = (end - at) // width + 1
        if times > (1 if width == 1 else 2):
            return width, times
    return 1, 1


def _as_one(equal: Sequence[Branch], numbers: Sequence[str], name: tuple[str, str, str]) -> Branch:
    """Equal branches as one, named by their first and last numbers."""
    called = f"{name[0]}{numbers[0]}..{numbers[-1]}{name[2]}"
    return _times(equal[-1], len(equal))._replace(name=called)


def _times(branch: Branch, times: int) -> Branch:
    children = tuple([_times(child, times) for child in branch.children])
    cost = Cost(*[count * times for count in branch.cost])
    return branch._replace(cost=cost, children=children, times=branch.times * times)
