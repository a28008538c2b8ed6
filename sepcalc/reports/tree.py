"""A network's layers as the tree of their names, equal neighbours folded into one."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sepcalc.cost import Cost, total
from sepcalc.layer import Layer

MAX_DEPTH = 20  # parts of a name that nest; what is below stays one part
MAX_PERIOD = 12  # layers in a row that may be repeated together
_NUMBERED = re.compile(r"([^/]*?)([0-9]{1,18})([^0-9/]*(?:/.*)?)", re.DOTALL)


class Branch(NamedTuple):
    """A layer, or a group of layers. ``times`` is how many equal ones it stands for, and ``cost`` is the sum over all
    of them. ``first`` and ``last`` are numbers of layers (of the last of equal ones). Two branches have the same
    ``kind`` if and only if they differ in nothing but a number in their names."""

    name: str
    first: int
    last: int
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


def grown(layers: Sequence[Layer], fold: bool = True) -> list[Branch]:
    """The tree of the layers by the parts of their names, in order. A group joins only layers that are neighbours in
    the network. With ``fold``, repeated neighbours become one branch."""
    paths = [layer.name.lstrip("/").split("/", MAX_DEPTH) for layer in layers]
    return _Grower(layers, paths, fold).between(0, len(layers), 0)


def walked(branches: Sequence[Branch], depth: int = 0) -> Iterator[tuple[Branch, int]]:
    """Every branch with its depth, groups before their children."""
    for branch in branches:
        yield branch, depth
        if branch.children:
            yield from walked(branch.children, depth + 1)


class _Grower:
    def __init__(self, layers: Sequence[Layer], paths: Sequence[Sequence[str]], fold: bool) -> None:
        self.layers, self.paths, self.fold = layers, paths, fold
        self.kinds: dict[Any, int] = {}

    def between(self, start: int, stop: int, depth: int) -> list[Branch]:
        """The branches of these layers, whose names share the first ``depth`` parts."""
        branches = []
        while start < stop:
            path, end = self.paths[start], start + 1
            if len(path) == depth + 1:
                branches.append(self.leaf(start, path[depth]))
            else:
                while end < stop and len(self.paths[end]) > depth + 1 and self.paths[end][depth] == path[depth]:
                    end += 1
                branches.append(self.group(path[depth], self.between(start, end, depth + 1)))
            start = end
        return self.folded(branches) if self.fold else branches

    def leaf(self, at: int, name: str) -> Branch:
        _, op, inputs, output, cost, weights, *_ = self.layers[at]
        if not self.fold:
            return Branch(name, at, at, cost, at)
        held = repr(op) if op.holds else op  # tuples: what is in one may be equal to what is of another type
        kind = self.kind(type(op), held, inputs, output, cost, weights is None)
        return Branch(name, at, at, cost, kind)

    def group(self, name: str, children: list[Branch]) -> Branch:
        """A branch of these children. A single child takes its place."""
        if len(children) == 1:
            return children[0]._replace(name=f"{name}/{children[0].name}")
        cost = total(child.cost for child in children)
        kind = self.kind(*[(child.name, child.kind, child.times) for child in children])
        return Branch(name, children[0].first, children[-1].last, cost, kind, tuple(children))

    def kind(self, *marks: Any) -> int:
        return self.kinds.setdefault(marks, len(self.kinds))

    def folded(self, branches: list[Branch]) -> list[Branch]:
        """Equal neighbours with consecutive numbers, as one branch. A sequence that repeats at least three times
        becomes a group."""
        before, near = dict[int, int](), set[int]()  # kinds: where each stood last, and those that stand near another
        for at, branch in enumerate(branches):
            if at - before.get(branch.kind, at - MAX_PERIOD - 1) <= MAX_PERIOD:
                near.add(branch.kind)
            before[branch.kind] = at
        if not near:
            return branches
        names = [_counted(branch.name) if branch.kind in near else (branch.name, "", "") for branch in branches]
        marks = [
            self.kind(head, tail, branch.kind, branch.times) if number else -1 - at
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
                name = f"{branches[at].name}..{branches[stop - 1].name}"
                result += equal if width == 1 else [self.group(name, equal)._replace(times=times)]
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
    return _times(equal[-1], len(equal))._replace(name=called, first=equal[0].first)


def _times(branch: Branch, times: int) -> Branch:
    children = tuple([_times(child, times) for child in branch.children])
    cost = Cost(*[count * times for count in branch.cost])
    return branch._replace(cost=cost, children=children, times=branch.times * times)
