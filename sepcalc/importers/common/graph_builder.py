"""The graph builder: collects the tensors and nodes of a network while an importer reads a file, and adds free renames
between the file's shapes and the network's."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from math import prod
from typing import Any, Generic, NamedTuple, TypeVar

from sepcalc.cost import Cost, total
from sepcalc.errors import InputError, Invalid, Problem, bad_input, printable, quoted
from sepcalc.network import Node, Origin
from sepcalc.ops.base import Op
from sepcalc.ops.move import Constant
from sepcalc.ops.rename import Rename
from sepcalc.shape import MAX_SIZE, Shape, show

MAX_NODES = 100_000  # upper limit for a model, with functions, loops and branches unfolded
MAX_AXES = 24

Beside = TypeVar("Beside")
Root = TypeVar("Root")


class Broken(Invalid):
    """An error of the whole file, whichever branch runs: it is damaged or too large."""


class Segment(NamedTuple):
    """The last nodes of a network, cut off so that they can be pasted back at the same place."""

    nodes: list[Node]
    beside: list[Any]
    tensors: list[Shape]
    views: dict[tuple[int, Shape], int]
    plain: dict[int, int]


class Uses(NamedTuple, Generic[Root]):
    """The stored tensors that the nodes of a network use: for each node the tensors and the largest number of elements
    of each; for each tensor its size, whether it is a buffer, and its name. ``statistics`` says whether the statistics
    of norms are among them."""

    of_nodes: Sequence[Sequence[tuple[Root, int]]]
    elements: Callable[[Root], int]
    is_buffer: Callable[[Root], bool]
    name: Callable[[Root], str]
    statistics: bool = False


class GraphBuilder(Generic[Beside]):
    """A network under construction. Tensors have the same numbers as in a :class:`Network`; ``beside`` holds one value
    per node for the importer's own use."""

    def __init__(self) -> None:
        self.inputs: dict[str, Shape] = {}
        self.tensors: list[Shape] = []
        self.nodes: list[Node] = []
        self.beside: list[Beside] = []
        self.views: dict[tuple[int, Shape], int] = {}
        self.plain: dict[int, int] = {}  # the original tensor of each renamed one
        self.notes: dict[str, None] = {}
        self.names: dict[str, int] = {}  # the names of nodes, and how often each was requested
        self.input_bits: dict[str, int] = {}  # the element widths of the inputs in bits
        self.origin: Origin | None = None  # the origin of the nodes that are being added
        self.element_bits: int | None = None  # the element width of their results

    def rename(self, op: Rename, number: int) -> int:
        """Adds a node for a free rename. Each importer names it in its own way."""
        raise NotImplementedError

    def grow(self, name: str, op: Op, numbers: Sequence[int], beside: Beside) -> int:
        """Adds a node and returns the number of its tensor. Raises Invalid if the op does not accept these inputs."""
        if len(self.nodes) >= MAX_NODES:
            raise Broken(f"it becomes more than {MAX_NODES:,} layers")
        inputs = tuple([self.tensors[number] for number in numbers])
        if not op.least <= len(inputs) <= op.most:
            raise Invalid(f"{op.kind(inputs) if inputs else name} cannot take {len(inputs)} inputs")
        output = op.output(inputs)
        if not output or min(output) < 1 or max(output) > MAX_SIZE or len(output) > MAX_AXES:
            raise Invalid(f"the output would be {show(output)}: expected sizes from 1 to 2^63-1")
        self.tensors.append(output)
        given = self.bits(numbers[0]) if numbers and not op.writes else self.element_bits  # a rename is the same tensor
        self.nodes.append(Node(name, op, tuple(numbers), output, origin=self.origin, element_bits=given))
        self.beside.append(beside)
        return len(self.tensors) - 1

    def bits(self, number: int) -> int | None:
        """The element width of a tensor in bits, or None if unknown."""
        at = number - (len(self.tensors) - len(self.nodes))
        if at >= 0:
            return self.nodes[at].element_bits
        return self.input_bits.get([*self.inputs][number]) if number < len(self.inputs) else None

    def widen(self, number: int, bits: int | None, mark: int) -> None:
        """Sets the element width of a tensor, and of what it renames, if a node from ``mark`` on produced it."""
        at = number - (len(self.tensors) - len(self.nodes))
        while at >= mark:
            self.nodes[at] = node = self.nodes[at]._replace(element_bits=bits)
            if node.op.writes or not node.sources:
                break
            at = node.sources[0] - (len(self.tensors) - len(self.nodes))

    def view(self, number: int | None, shape: Shape) -> int:
        """The tensor in another shape or order: a free rename, unless it has that shape already."""
        assert number is not None  # a constant has no tensor in the network
        if self.tensors[number] == shape:
            return number
        number = self.plain.get(number, number)  # rename the original tensor, so that renames do not chain
        before = self.tensors[number]
        if before == shape:
            return number
        if (number, shape) in self.views:
            return self.views[number, shape]
        if prod(before) != prod(shape):
            raise Invalid(f"{show(before)} cannot be reshaped to {show(shape)}")
        alike = [size for size in before if size > 1] == [size for size in shape if size > 1]
        how = "permute" if not alike and sorted(before) == sorted(shape) else "reshape"
        made = self.rename(Rename("flatten") if len(shape) == 1 else Rename(how, shape), number)
        self.views[number, shape] = made
        self.plain[made] = number
        return made

    def note(self, text: str) -> None:
        """Adds a sentence that readers of the numbers must know; duplicates are dropped."""
        self.notes[text] = None

    def back(self, count: int) -> None:
        """Truncate to the first ``count`` nodes."""
        tensors = len(self.tensors) - len(self.nodes) + count
        for node in self.nodes[count:]:
            self.names.pop(node.name, None)
        del self.nodes[count:], self.beside[count:], self.tensors[tensors:]
        while self.plain and next(reversed(self.plain)) >= tensors:  # numbers increase: the last ones are the newest
            self.plain.popitem()
        while self.views and next(reversed(self.views.values())) >= tensors:
            self.views.popitem()

    def cut(self, count: int) -> Segment:
        """Truncate to the first ``count`` nodes, and return the rest."""
        first = len(self.tensors) - len(self.nodes) + count
        plain = takewhile(lambda item: item[0] >= first, reversed(self.plain.items()))
        views = takewhile(lambda item: item[1] >= first, reversed(self.views.items()))
        kept = dict(reversed([*views])), dict(reversed([*plain]))
        segment = Segment(self.nodes[count:], self.beside[count:], self.tensors[first:], *kept)
        self.back(count)
        return segment

    def paste(self, segment: Segment) -> None:
        """Puts nodes back at the place where they were cut."""
        self.nodes += segment.nodes
        self.beside += segment.beside
        self.tensors += segment.tensors
        self.views |= segment.views
        self.plain |= segment.plain

    def cost_since(self, count: int) -> Cost:
        """The cost of the nodes from number ``count`` on."""
        every = [*map(self.cost, self.nodes[count:])]
        return total(every) if every else Cost()

    def cost(self, node: Node) -> Cost:
        """The cost of one node."""
        return node.op.cost(tuple([self.tensors[source] for source in node.sources]), node.output)

    def prune(self, outputs: Mapping[str, int]) -> dict[str, int]:
        """Drops renamed tensors that nothing reads, and returns the outputs' new numbers."""
        first = len(self.tensors) - len(self.nodes)
        read = set(outputs.values())
        stays = [False] * len(self.nodes)
        for at in reversed(range(len(self.nodes))):
            node = self.nodes[at]
            # including those of branches outside the network
            kept = isinstance(node.op, Constant) and (node.op.learned or node.op.buffer)
            if node.op.writes or kept or first + at in read:
                stays[at] = True
                read.update(node.sources)
        place = list(range(first))
        nodes: list[Node] = []
        for node, stay in zip(self.nodes, stays, strict=True):
            place.append(first + len(nodes))
            if stay:
                nodes.append(node._replace(sources=tuple([place[source] for source in node.sources])))
        self.beside = [one for one, stay in zip(self.beside, stays, strict=True) if stay]
        self.tensors = [*self.tensors[:first], *[node.output for node in nodes]]
        self.nodes = nodes
        return {name: place[number] for name, number in outputs.items()}

    def count_once(self, nodes: list[Node], uses: Uses[Root]) -> dict[Root, dict[int, int]]:
        """Counts each element of a stored tensor in the first node that uses it, whatever the ops say, and updates the
        nodes. Returns, for each tensor, the nodes that count its elements and how many each counts."""
        takers: dict[Root, dict[int, int]] = {}
        owners: dict[tuple[tuple[Root, int], ...], int] = {}  # the first node that uses these same tensors
        for at, (node, roots) in enumerate(zip(nodes, map(tuple, uses.of_nodes), strict=True)):
            cost = self.cost(node)
            if not roots and not cost.params:
                continue
            own = cost.buffers if uses.statistics or isinstance(node.op, Constant) else 0
            new = fixed = 0
            before: dict[str, int] = {}  # elements counted by earlier nodes
            for root, most in roots:
                others = takers.setdefault(root, {})
                taken = min(most, uses.elements(root) - sum(others.values()))
                rest = most - taken
                if uses.is_buffer(root):
                    fixed += taken
                else:
                    new += taken
                    for other, some in others.items():
                        before[nodes[other].name] = before.get(nodes[other].name, 0) + min(rest, some)
                        rest -= min(rest, some)
                if taken:
                    others[at] = taken
            first = owners.setdefault(roots, at)
            shares = roots and first != at and not new + fixed and (cost.params or cost.buffers)
            if shares and not (nodes[first].shared or nodes[first].buffers):
                name = uses.name(roots[0][0])
                nodes[first], nodes[at] = nodes[first]._replace(weights=name), node._replace(weights=name)
            elif isinstance(node.op, Constant) and fixed < own:  # another node counts the rest
                nodes[at] = node._replace(op=node.op._replace(buffer=False), buffers=fixed)
            elif cost.params != new or fixed > own:
                owed = tuple([(name, count) for name, count in before.items() if count])
                nodes[at] = node._replace(shared=cost.params - new, owners=owed, buffers=max(0, fixed - own))
        return takers


def fixed_batch(size: int) -> str:
    """The note on a file with a fixed batch of this size."""
    return f"the file has a fixed batch of {size}: counts are for one of them"


def guessed(names: Sequence[str], size: int) -> Problem:
    """The question of a gate when nothing says whether the first axis of these inputs, of this size, holds examples."""
    inputs = f"the input {quoted(names[0])} is" if len(names) == 1 else f"the inputs {listed(names)} are"
    return Problem(
        f"the first axis of {inputs} {size:,}, and nothing says whether it holds examples",
        f"--batch {size} if it does (one is counted), --batch 1 if not; in pyproject.toml: batch = {size}",
    )


def never_used(params: int, names: Sequence[str], buffers: int = 0) -> str:
    """The note on stored params and buffers that no layer uses."""
    first = ", ".join(map(printable, names[:3])) + (", …" if len(names) > 3 else "")
    beside = f" and {buffers:,} buffers" if buffers else ""
    return f"{params:,} params{beside} are stored and never used: they are not counted ({first})"


def unsuited(size: int, found: Iterable[int]) -> InputError:
    """The error for a ``--batch`` that does not match the inputs."""
    sizes = " and ".join(map(str, dict.fromkeys(found))) or "none"
    return bad_input(f"--batch {size}: the first axis of the inputs has another size: {sizes}")


def listed(names: Sequence[str]) -> str:
    """Names in quotes: ``'a', 'b' and 'c'``."""
    shown = [*map(quoted, names)]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def numbered(taken: dict[str, int], name: str) -> str:
    """The name, with a number appended if it is taken; marks the result as taken."""
    count = taken.get(name)
    taken[name] = (count or 0) + 1
    return name if count is None else numbered(taken, f"{name}[{count}]")
