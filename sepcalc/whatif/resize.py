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
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.move import Embedding, Rename, Slice
from sepcalc.ops.pool import Upsample
from sepcalc.ops.product import Dense
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import LARGEST, Shape, Shapes, show

Width = Callable[[int], int]


def resized(
    network: Network, width: Fraction | None = None, divisor: int = 8, resolution: Shape | None = None
) -> Network:
    """The network with its channels times ``width`` (rounded as the MobileNets do it, to multiples of ``divisor``; the
    heads keep theirs), its spatial inputs of ``resolution`` (one size for every axis, or one for each).

    Raises InputError for every layer that cannot follow.
    """
    inputs = {name: _sized(shape, resolution, name) for name, shape in network.inputs.items()}
    heads = heads_of(network) if width is not None else frozenset()

    def wider(channels: int) -> int:
        return make_divisible(channels * width, divisor) if width is not None else channels

    problems: list[Problem] = []
    tensors: list[Shape] = list(inputs.values())
    nodes: list[Node] = []
    for at, node in enumerate(network.nodes):
        old = tuple([network.tensors[source] for source in node.sources])
        new = tuple([tensors[source] for source in node.sources])
        op, output = node.op, node.output
        try:
            op = _adapted(node.op, old, new, _same if at in heads else wider)
            output = op.output(new)
            if max(output) > LARGEST:
                raise Invalid(f"its output would be {show(output)}")
        except Invalid as fact:
            problems.append(Problem(f"{node.name} cannot follow: {fact.message}", fact.hint))
            if len(problems) == 20:
                break
        tensors.append(output)
        nodes.append(node._replace(op=op, output=output))
    if problems:
        raise InputError(problems)
    return network.replaced(nodes, range(len(tensors)), inputs)


def _same(channels: int) -> int:
    return channels


def _sized(shape: Shape, resolution: Shape | None, name: str) -> Shape:
    if resolution is None or len(shape) < 2:
        return shape
    sizes = resolution * (len(shape) - 1) if len(resolution) == 1 else resolution
    if len(sizes) != len(shape) - 1:
        raise InputError([Problem(f"the resolution {show(resolution)} is not for the input {name}, {show(shape)}")])
    return (*sizes, shape[-1])


def _produces(op: Op, inputs: Shapes) -> bool:
    """Whether the op itself says how many channels it gives; a depthwise convolution follows its input."""
    if isinstance(op, Conv):
        return not _depthwise(op, inputs[0])
    return isinstance(op, Transposed | Dense | Recurrent | Embedding)


def _depthwise(op: Conv, shape: Shape) -> bool:
    return op.groups == shape[-1] > 1


def heads_of(network: Network) -> frozenset[int]:
    """The layers that give the network's outputs their channels: from these on no other does."""
    seen = set(network.ends.values())
    first = len(network.inputs)
    heads = set()
    for at in range(len(network.nodes) - 1, -1, -1):
        node = network.nodes[at]
        if at + first not in seen:
            continue
        if _produces(node.op, tuple([network.tensors[source] for source in node.sources])):
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
    if _depthwise(op, old[0]):
        return op._replace(groups=channels, out=op.out // op.groups * channels)
    return op._replace(out=wider(op.out))


def _out(op: Any, old: Shapes, new: Shapes, wider: Width) -> Op:
    adapted: Op = op._replace(out=wider(op.out))
    return adapted


def _recurrent(op: Recurrent, old: Shapes, new: Shapes, wider: Width) -> Op:
    return op._replace(hidden=wider(op.hidden), projection=wider(op.projection) if op.projection else 0)


def _reshaped(op: Rename, old: Shapes, new: Shapes, wider: Width) -> Op:
    """``reshape``: sizes that stood for the input's channels, for one of its axes, or for all of them, do so again."""
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
    raise Invalid(f"reshape {show(op.to)} of {show(old[0])} does not say what it is of {show(new[0])}")


def _proportional(what: str, to: Sequence[int], old: Shape, new: Shape) -> Shape:
    """Sizes in the same proportion to the input's as before."""
    sizes = []
    for size, before, after in zip(to, old, new):
        if size * after % before:
            raise Invalid(f"{what} {size} of {before} has no whole counterpart of {after}")
        sizes.append(size * after // before)
    return tuple(sizes)


def _sliced(op: Slice, old: Shapes, new: Shapes, wider: Width) -> Op:
    return op._replace(to=_proportional("slice", op.to, old[0], new[0]))


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
    Upsample: _upsampled,
}
