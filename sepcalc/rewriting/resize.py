"""A network at another width or another resolution: every op adapted to what it is now given.

Only what was written down as a number is changed: the outputs of convolutions, dense layers, embeddings and recurrent
layers by the width; sizes that an op is told to reach by the resolution. All else follows from the shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any

from sepcalc.errors import InputError, Invalid, Problem
from sepcalc.expression import make_divisible
from sepcalc.network import Network, Node
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Stored
from sepcalc.ops.move import Copy, Embedding, Slice
from sepcalc.ops.norm import Normalization
from sepcalc.ops.pool import Upsample
from sepcalc.ops.product import Dense
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.rename import Rename
from sepcalc.rewriting.channels import Channels, depthwise, produces, split
from sepcalc.shape import MAX_SIZE, Shape, Shapes, show

Width = Callable[[int], int]
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
                op = _adapted(node.op, old, new, _same if width is None else _wider(channels, at))
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
        raise InputError([Problem(f"the resolution {show(resolution)} is not for the input {name}, {show(shape)}")])
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
        if produces(node.op, tuple([network.tensors[source] for source in node.sources])):
            heads.add(at)
        else:
            seen.update(node.sources)
    return frozenset(heads)


# --- ops on other inputs ---------------------------------------------------------------------------------------------


def _adapted(op: Op, old: Shapes, new: Shapes, wider: Width) -> Op:
    adapt = _ADAPT.get(type(op))
    return op if adapt is None else adapt(op, old, new, wider)


def _conv(op: Conv, old: Shapes, new: Shapes, wider: Width) -> Op:
    channels = new[0][-1]
    if depthwise(op, old[0]):
        return op._replace(groups=channels, out=op.out // op.groups * channels)
    return op._replace(out=wider(op.out))


def _out(op: Any, old: Shapes, new: Shapes, wider: Width) -> Op:
    adapted: Op = op._replace(out=wider(op.out))
    return adapted


def _recurrent(op: Recurrent, old: Shapes, new: Shapes, wider: Width) -> Op:
    """The output is of both directions together; units that are projected keep their proportion to the projection."""
    directions = 2 if op.bidirectional else 1
    before = op.projection or op.hidden
    size = wider(before * directions)
    if size % directions:
        raise Invalid(f"its two directions cannot share {size} outputs")
    after = size // directions
    if not op.projection:
        return op._replace(hidden=after)
    return op._replace(hidden=max(1, op.hidden * after // before), projection=after)


def _reshaped(op: Rename, old: Shapes, new: Shapes, wider: Width) -> Op:
    """``reshape``: sizes that stood for the input's channels, for one of its axes, or for all of them, do so again."""
    if op.how == "permute":
        return op._replace(to=_renamed("permute", op.to, old, new))
    if op.how != "reshape" or old == new:
        return op
    known: dict[int, int] = {prod(old[0][:-1]): prod(new[0][:-1])}
    known.update(zip(old[0], new[0], strict=True))
    to = tuple([known.get(size, size) for size in op.to])
    if prod(to) == prod(new[0]):
        return op._replace(to=to)
    loose = [axis for axis, size in enumerate(op.to) if size not in known]
    if len(loose) == 1:  # the one size that is a product of several takes what is left
        rest = prod(size for axis, size in enumerate(to) if axis != loose[0])
        if prod(new[0]) % rest == 0:
            return op._replace(
                to=tuple([prod(new[0]) // rest if axis in loose else size for axis, size in enumerate(to)])
            )
    if cut := split(op.to, old[0]):
        parts, rest = prod(cut[0]), cut[1]
        channels = new[0][-1]
        if channels % parts:
            raise Invalid(f"reshape {show(op.to)} of {show(old[0])} cuts {channels} channels in {parts} equal parts")
        sizes = dict(zip(old[0][:-1], new[0][:-1]))
        to = tuple([channels // parts if axis == rest else sizes.get(size, size) for axis, size in enumerate(op.to)])
        if prod(to) == prod(new[0]):
            return op._replace(to=to)
    raise Invalid(f"reshape {show(op.to)} of {show(old[0])} does not say what it is of {show(new[0])}")


def _renamed(what: str, to: Shape, old: Shapes, new: Shapes) -> Shape:
    """Sizes that are each that of an input's axis, as they are now; where two axes of one size differ now, which is
    meant is not known."""
    if old == new:
        return to
    known: dict[int, set[int]] = {1: {1}}
    for before, after in zip(old, new, strict=True):
        for size, now in zip(before, after, strict=True):
            known.setdefault(size, set()).add(now)
    sizes = [known.get(size, set()) for size in to]
    if any(len(size) != 1 for size in sizes):
        raise Invalid(f"{what} to {show(to)} does not say what it is of {' and '.join(map(show, new))}")
    return tuple([min(size) for size in sizes])


def _copied(op: Copy, old: Shapes, new: Shapes, wider: Width) -> Op:
    """Every so many positions, from the first on, up to the end; else what its sizes were."""
    if op.start and len(old) == 1 and op.to[-1] == old[0][-1]:
        axes = [*zip(op.start, op.stride)]
        reached = [
            tuple([len(range(first, size, step)) for size, (first, step) in zip(each[0], axes)]) for each in (old, new)
        ]
        if reached[0] == op.to[:-1]:
            return op._replace(to=(*reached[1], new[0][-1]))
    return op._replace(to=_renamed("copy", op.to, old, new))


def _uncounted(op: Uncounted, old: Shapes, new: Shapes, wider: Width) -> Op:
    return op._replace(shape=_renamed(op.called, op.shape, old, new))


def _stored(op: Stored, old: Shapes, new: Shapes, wider: Width) -> Op:
    """A stored shape stretches to its input's, or the input to it, from the channels on."""
    shape = op.shape
    if not shape or old == new:
        return op
    return op._replace(shape=_stretched(shape, old[0], new[0]))


def _stretched(shape: Shape, old: Shape, new: Shape) -> Shape:
    common = min(len(shape), len(old))
    axes = zip(shape[-common:], old[-common:], new[-common:])
    return (*shape[:-common], *[now if size == before > 1 else size for size, before, now in axes])


def _normalized(op: Normalization, old: Shapes, new: Shapes, wider: Width) -> Op:
    return op._replace(stored=_stretched(op.stored, old[0], new[0])) if op.stored else op


def _proportional(what: str, to: Sequence[int], old: Shape, new: Shape) -> Shape:
    """Sizes in the same proportion to the input's as before."""
    sizes = []
    for size, before, after in zip(to, old, new):
        if size * after % before:
            raise Invalid(f"{what} {size} of {before} has no whole counterpart of {after}")
        sizes.append(size * after // before)
    return tuple(sizes)


def _sliced(op: Slice, old: Shapes, new: Shapes, wider: Width) -> Op:
    parts = [
        _part(range(part.start, part.stop), before, after) for part, before, after in zip(op.parts(), old[0], new[0])
    ]
    starts = tuple([part.start for part in parts])
    return op._replace(to=tuple([len(part) for part in parts]), start=starts if any(starts) else ())


def _part(part: range, before: int, after: int) -> range:
    """A part of an axis, of the axis at another size: what is in proportion stays in proportion, one element is the
    same one, a crop cuts as much from each end."""
    start, left = part.start, before - part.stop
    if before == after:
        return part
    if len(part) == 1 and min(start, left) == 0 and before > 2:  # a class token, or the last step
        return range(1) if start == 0 else range(after - 1, after)
    crop = start == left > 0 or (left == 0 and start == 1)
    if not crop and start * after % before == 0 and part.stop * after % before == 0:
        return range(start * after // before, part.stop * after // before)
    if crop and start + left < after:
        return range(start, after - left)
    raise Invalid(f"slice {start} to {part.stop} of {before} has no whole counterpart of {after}")


def _upsampled(op: Upsample, old: Shapes, new: Shapes, wider: Width) -> Op:
    return op._replace(to=_proportional("upsample", op.to, old[0], new[0]))


_ADAPT: Mapping[type[Op], Callable[[Any, Shapes, Shapes, Width], Op]] = {
    Conv: _conv,
    Transposed: _out,
    Dense: _out,
    Embedding: _out,
    Recurrent: _recurrent,
    Rename: _reshaped,
    Slice: _sliced,
    Copy: _copied,
    Stored: _stored,
    Normalization: _normalized,
    Uncounted: _uncounted,
    Upsample: _upsampled,
}
