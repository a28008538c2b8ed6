"""A network while an importer makes it: its tensors, its nodes, and free renames between the shapes that a format has
and those that the network has."""

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

MAX_NODES = 100_000  # that a model may become, functions, loops and branches unfolded
MAX_AXES = 24

Beside = TypeVar("Beside")
Root = TypeVar("Root")


class Broken(Invalid):
    """What is wrong with a file whichever of its branches runs: it is damaged, or there is too much of it."""


class Segment(NamedTuple):
    """The last nodes of a network, taken off it: they fit again where they were."""

    nodes: list[Node]
    beside: list[Any]
    tensors: list[Shape]
    views: dict[tuple[int, Shape], int]
    plain: dict[int, int]


class Uses(NamedTuple, Generic[Root]):
    """What the nodes of a network use of the stored tensors: of each node the tensors and how many elements of each at
    most; how many elements a tensor has, whether it is a buffer, and what it is called. ``statistics`` says that those
    of a norm are among them."""

    of_nodes: Sequence[Sequence[tuple[Root, int]]]
    elements: Callable[[Root], int]
    is_buffer: Callable[[Root], bool]
    name: Callable[[Root], str]
    statistics: bool = False


class GraphBuilder(Generic[Beside]):
    """The network so far. Tensors are numbered as a :class:`Network` has them; ``beside`` is what the importer must
    know of each node in the end."""

    def __init__(self) -> None:
        self.inputs: dict[str, Shape] = {}
        self.tensors: list[Shape] = []
        self.nodes: list[Node] = []
        self.beside: list[Beside] = []
        self.views: dict[tuple[int, Shape], int] = {}
        self.plain: dict[int, int] = {}  # what a renamed tensor was before
        self.notes: dict[str, None] = {}
        self.names: dict[str, int] = {}  # of nodes, and how often each was wanted
        self.input_bits: dict[str, int] = {}  # the widths of the inputs' elements
        self.origin: Origin | None = None  # of the nodes that are on their way
        self.element_bits: int | None = None  # the width of the elements that these give

    def rename(self, op: Rename, number: int) -> int:
        """A node for a free rename, named as the importer names its nodes."""
        raise NotImplementedError

    def grow(self, name: str, op: Op, numbers: Sequence[int], beside: Beside) -> int:
        """A node of the network; gives the number of its tensor. Raises Invalid where the op does not take these."""
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
        """The width of the elements of a tensor, None where it is not known."""
        at = number - (len(self.tensors) - len(self.nodes))
        if at >= 0:
            return self.nodes[at].element_bits
        return self.input_bits.get([*self.inputs][number]) if number < len(self.inputs) else None

    def widen(self, number: int, bits: int | None, mark: int) -> None:
        """Says how wide the elements of a tensor are, if a node from ``mark`` on gives it: what is renamed, too."""
        at = number - (len(self.tensors) - len(self.nodes))
        while at >= mark:
            self.nodes[at] = node = self.nodes[at]._replace(element_bits=bits)
            if node.op.writes or not node.sources:
                break
            at = node.sources[0] - (len(self.tensors) - len(self.nodes))

    def view(self, number: int | None, shape: Shape) -> int:
        """The tensor under another shape or in another order: a free rename, where it is not so already."""
        assert number is not None  # a constant is no tensor of the network
        if self.tensors[number] == shape:
            return number
        number = self.plain.get(number, number)  # what was renamed is renamed once
        before = self.tensors[number]
        if before == shape:
            return number
        if (number, shape) in self.views:
            return self.views[number, shape]
        if prod(before) != prod(shape):
            raise Invalid(f"{show(before)} cannot be seen as {show(shape)}")
        alike = [size for size in before if size > 1] == [size for size in shape if size > 1]
        how = "permute" if not alike and sorted(before) == sorted(shape) else "reshape"
        made = self.rename(Rename("flatten") if len(shape) == 1 else Rename(how, shape), number)
        self.views[number, shape] = made
        self.plain[made] = number
        return made

    def note(self, text: str) -> None:
        """A sentence that a reader of the numbers must know, once."""
        self.notes[text] = None

    def back(self, count: int) -> None:
        """Truncate to the first ``count`` nodes."""
        tensors = len(self.tensors) - len(self.nodes) + count
        for node in self.nodes[count:]:
            self.names.pop(node.name, None)
        del self.nodes[count:], self.beside[count:], self.tensors[tensors:]
        while self.plain and next(reversed(self.plain)) >= tensors:  # numbers grow: the last ones are the newest
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
        """Puts nodes back to where they were cut."""
        self.nodes += segment.nodes
        self.beside += segment.beside
        self.tensors += segment.tensors
        self.views |= segment.views
        self.plain |= segment.plain

    def cost_since(self, count: int) -> Cost:
        """What the nodes from this one on cost."""
        every = [*map(self.cost, self.nodes[count:])]
        return total(every) if every else Cost()

    def cost(self, node: Node) -> Cost:
        """What a node costs."""
        return node.op.cost(tuple([self.tensors[source] for source in node.sources]), node.output)

    def prune(self, outputs: Mapping[str, int]) -> dict[str, int]:
        """Drops the renamed tensors that nothing reads; gives the outputs' new numbers."""
        first = len(self.tensors) - len(self.nodes)
        read = set(outputs.values())
        stays = [False] * len(self.nodes)
        for at in reversed(range(len(self.nodes))):
            node = self.nodes[at]
            # also of a branch that is not laid out
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
        """Counts each element of a stored tensor in the node that uses it first, whatever the ops say, and changes the
        nodes so. Gives the nodes that count elements of each tensor, and how many."""
        takers: dict[Root, dict[int, int]] = {}
        owners: dict[tuple[tuple[Root, int], ...], int] = {}  # the first node that uses the same tensors
        for at, (node, roots) in enumerate(zip(nodes, map(tuple, uses.of_nodes), strict=True)):
            cost = self.cost(node)
            if not roots and not cost.params:
                continue
            own = cost.buffers if uses.statistics or isinstance(node.op, Constant) else 0
            new = fixed = 0
            before: dict[str, int] = {}  # counted by nodes before
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
            elif isinstance(node.op, Constant) and fixed < own:  # another node counts them
                nodes[at] = node._replace(op=node.op._replace(buffer=False), buffers=fixed)
            elif cost.params != new or fixed > own:
                owed = tuple([(name, count) for name, count in before.items() if count])
                nodes[at] = node._replace(shared=cost.params - new, owners=owed, buffers=max(0, fixed - own))
        return takers


def fixed_batch(size: int) -> str:
    """The note on a file whose first axis is so many examples."""
    return f"the file has a fixed batch of {size}: counts are for one of them"


def guessed(names: Sequence[str], size: int) -> Problem:
    """What a gate asks where nothing tells whether the first axis of these inputs holds so many examples."""
    inputs = f"the input {quoted(names[0])} is" if len(names) == 1 else f"the inputs {listed(names)} are"
    return Problem(
        f"the first axis of {inputs} {size:,}, and nothing tells whether these are examples, of which one is counted",
        f"--batch {size}: they are; --batch 1: they are not, all are counted; in pyproject.toml: batch = {size}",
    )


def never_used(params: int, names: Sequence[str], buffers: int = 0) -> str:
    """The note on what a file stores and nothing uses."""
    first = ", ".join(map(printable, names[:3])) + (", …" if len(names) > 3 else "")
    beside = f" and {buffers:,} buffers" if buffers else ""
    return f"{params:,} params{beside} are stored and never used: they are not counted ({first})"


def unsuited(size: int, found: Iterable[int]) -> InputError:
    """The refusal of a number of examples that the inputs do not have."""
    sizes = " and ".join(map(str, dict.fromkeys(found))) or "none"
    return bad_input(f"--batch {size}: the inputs hold other numbers along their first axis: {sizes}")


def listed(names: Sequence[str]) -> str:
    """Names in quotes: ``'a', 'b' and 'c'``."""
    shown = [*map(quoted, names)]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def numbered(taken: dict[str, int], name: str) -> str:
    """The name, or with a number behind it where it is taken; takes it."""
    count = taken.get(name)
    taken[name] = (count or 0) + 1
    return name if count is None else numbered(taken, f"{name}[{count}]")
