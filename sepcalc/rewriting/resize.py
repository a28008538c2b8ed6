"""A network at another width or another resolution: every op is adapted to its new inputs.

Only settings that are numbers change: the width scales the outputs of convolutions, dense layers, embeddings and
recurrent layers; the resolution scales sizes that follow the input's. Everything else follows from the shapes.
"""

from fractions import Fraction

from sepcalc.errors import InputError, Invalid, Problem, bad_input
from sepcalc.expression import make_divisible
from sepcalc.layer import Node
from sepcalc.network import Network
from sepcalc.ops.base import Op, Width
from sepcalc.rewriting.channels import Channels
from sepcalc.shape import MAX_SIZE, Shape, Shapes, show

STORED = "it reads a stored tensor, a constant, which keeps its size at any width and resolution"


def resized(
    network: Network, width: Fraction | None = None, divisor: int = 8, resolution: Shape | None = None
) -> Network:
    """The network with its channels times ``width`` (rounded as the MobileNets do it, to multiples of ``divisor``; the
    heads keep theirs), its spatial inputs of ``resolution`` (one size for every axis, or one for each).

    Raises InputError for every layer that cannot follow.
    """
    inputs = {name: _sized(shape, resolution, name) for name, shape in network.inputs.items()}
    if width is not None:
        scale = width

        def scaled(channels: int) -> int:
            return make_divisible(channels * scale, divisor)

        channels = Channels(network, heads_of(network), scaled, divisor)
    first = len(inputs)
    problems: list[Problem] = []
    owners: dict[str, tuple[str, int]] = {}  # of weights that several layers have: the first of them, its params
    tensors: list[Shape] = list(inputs.values())
    stored: set[int] = set()  # constants, and what is made of nothing else
    lost: set[int] = set()  # tensors behind a layer that could not follow: nothing is said of them
    nodes: list[Node] = []
    for at, node in enumerate(network.nodes, first):
        old = tuple([network.tensors[source] for source in node.sources])
        new = tuple([tensors[source] for source in node.sources])
        op, output, shared, counted, fixed = node.op, node.output, node.shared, node.owners, node.buffers
        if stored.issuperset(node.sources):
            stored.add(at)
        if lost.intersection(node.sources):
            lost.add(at)
        else:
            try:
                op = node.op.resized(old, new, _same if width is None else _wider(channels, at))
                output = op.output(new)
                if max(output) > MAX_SIZE:
                    raise Invalid(f"its output would be {show(output)}")
                shared = _shared(node, old, op, new, output)
                counted = _owners(node, shared)
                fixed = _fixed(node, old, op, new, output, shared)
                if node.weights is not None:
                    params = op.cost(new, output).params
                    name, theirs = owners.setdefault(node.weights, (node.name, params))
                    if params != theirs:
                        raise Invalid(f"its {params:,} params would be the {theirs:,} of {name}")
            except Invalid as fact:
                lost.add(at)
                if len(problems) < 20:
                    hint = fact.hint if stored.isdisjoint(node.sources) else STORED
                    problems.append(Problem(f"{node.name} cannot follow: {fact.message}", hint))
        tensors.append(output)
        nodes.append(node._replace(op=op, output=output, shared=shared, owners=counted, buffers=fixed))
    if problems:
        raise InputError(problems)
    return network.replaced(nodes, range(len(tensors)), inputs)


def _fixed(node: Node, old: Shapes, op: Op, new: Shapes, output: Shape, shared: int) -> int:
    """How many buffers there are where params would be, as the op is now: all of its params, or a bias' worth."""
    before, after = node.op.cost(old, node.output).params, op.cost(new, output).params
    if not node.buffers or before == after:
        return node.buffers
    if node.buffers == node.shared:
        return shared
    if before and node.buffers % before == 0:
        return node.buffers // before * after
    raise Invalid(f"what its {node.buffers:,} buffers are is not known")


def _owners(node: Node, shared: int) -> tuple[tuple[str, int], ...]:
    """Those that count so many of its params, each as much more or fewer as all together."""
    if shared == node.shared:
        return node.owners
    scaled = tuple([(name, count * shared // node.shared) for name, count in node.owners])
    if any(count * shared % node.shared for _, count in node.owners):
        raise Invalid(f"which {node.shared:,} of its params layers before it share is not known")
    return scaled


def _shared(node: Node, old: Shapes, op: Op, new: Shapes, output: Shape) -> int:
    """How many of the op's params have been counted before, as it is now: a bias, all but a bias, or vectors of its
    channels (one of a norm's two)."""
    before, after = node.op.cost(old, node.output).params, op.cost(new, output).params
    if not node.shared or before == after:
        return node.shared
    was, now = node.output[-1], output[-1]
    if node.shared % was == before % was == 0 and before // was * now == after:  # vectors of its channels
        return node.shared // was * now
    found = {before: after, was: now, before - was: after - now}.get(node.shared)
    if found is None:
        raise Invalid(f"which {node.shared:,} of its {before:,} params layers before it share is not known")
    return found


def _same(channels: int) -> int:
    return channels


def _wider(channels: Channels, at: int) -> Width:
    """What becomes of the outputs of the producer of a tensor."""
    tied = channels.of(at)
    return lambda out: channels.rounded(out, at) if tied is None else tied


def _sized(shape: Shape, resolution: Shape | None, name: str) -> Shape:
    if resolution is None or len(shape) < 2:
        return shape
    sizes = resolution * (len(shape) - 1) if len(resolution) == 1 else resolution
    if len(sizes) != len(shape) - 1:
        raise bad_input(f"the resolution {show(resolution)} is not for the input {name}, {show(shape)}")
    return (*sizes, shape[-1])


def heads_of(network: Network) -> frozenset[int]:
    """The layers that give the network's outputs their channels: from these on no other does."""
    seen = set(network.ends.values())
    first = len(network.inputs)
    heads = set()
    for at in range(len(network.nodes) - 1, -1, -1):
        node = network.nodes[at]
        if at + first not in seen:
            continue
        if node.op.ties(tuple([network.tensors[source] for source in node.sources]), node.output).own:
            heads.add(at)
        else:
            seen.update(node.sources)
    return frozenset(heads)
