"""The layers of a network that do work, each as what it is in any format, and what it reads."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import NamedTuple

from sepcalc.network import Layer, Network
from sepcalc.ops.base import Op, Uncounted
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Copy, Embedding
from sepcalc.ops.pool import AdaptivePool, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.ops.rename import Rename
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape, Shapes, volume

Key = tuple[Hashable, ...]  # the family of a layer, its options, its macs, its output
CELL = "cell"  # the family of recurrent layers
INPUT = -1  # what stands for the network's inputs among the works that are read


class Work(NamedTuple):
    """A layer that does work, or one of the two products of attention. ``row`` is the number of the layer, ``key`` what
    it is in any format, ``reads`` are the works whose results reach it, by number. ``above`` is the same of two works
    that are the same and read the same, up to the inputs; ``below`` of two whose results go the same way to the end."""

    row: int
    key: Key
    reads: tuple[int, ...]
    above: int
    below: int = 0

    @property
    def family(self) -> Hashable:
        """What could become it by a change of options: convolutions in groups are apart from others."""
        return self.key[0], len(self.key) > 4 and self.key[2] == 1

    @property
    def macs(self) -> int:
        """Its multiply-accumulates."""
        macs = self.key[-2]
        assert isinstance(macs, int)
        return macs

    @property
    def elements(self) -> int:
        """How many elements it gives."""
        output = self.key[-1]
        assert isinstance(output, tuple)
        return prod(output)


# --- what a layer is, whichever format wrote it ---------------------------------------------------------------------


def works(network: Network, known: dict[Hashable, int]) -> list[Work]:
    """The layers of a network that do work, in order. ``known`` numbers what is above and below those of both
    networks."""
    found: list[tuple[int, Key, tuple[int, ...]]] = []
    above = [1] * len(network.inputs)  # a bit for each work whose result reaches the tensor unworked; the first: inputs
    readers: dict[int, list[int]] = {}
    for at, node in enumerate(network.nodes):
        for source in node.sources:
            readers.setdefault(source - len(network.inputs), []).append(at)
    for at, (node, layer) in enumerate(zip(network.nodes, network.layers)):
        seen = [above[source] for source in node.sources]
        keys = [] if isinstance(layer.op, Reduce) and _returns(network, readers, at) else [*_keys(layer)]
        late = seen.pop() if len(keys) > 1 and len(seen) > 2 else 0  # the values come in with the second product
        reached = _union(seen)
        for key in keys:
            found.append((at, key, tuple(_bits(reached))))
            reached, late = 1 << len(found) | late, 0
        above.append(reached)
    return placed(found, known)


_IN_PLACE = (Elementwise, Stored, Activation, Rename, Copy, Uncounted)


def _returns(network: Network, readers: Mapping[int, Sequence[int]], at: int) -> bool:
    """Whether what a reduction gives goes back, element by element, to what has all elements: as the mean and the
    variance of a norm do, and the maximum of a softmax."""
    size, waiting, seen = volume(network.layers[at].output), [at], {at}
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            layer = network.layers[reader]
            if isinstance(layer.op, Elementwise) and volume(layer.output) > size:
                return True
            if reader not in seen and isinstance(layer.op, _IN_PLACE):
                seen.add(reader)
                waiting.append(reader)
    return False


def placed(found: Sequence[tuple[int, Key, tuple[int, ...]]], known: dict[Hashable, int]) -> list[Work]:
    """Works, of which row, key and reads are known."""
    made: list[Work] = []
    for row, key, reads in found:
        over = sorted([made[read].above if read >= 0 else INPUT for read in reads])
        made.append(Work(row, key, reads, known.setdefault((key, "above", *over), len(known))))
    users: list[list[int]] = [[] for _ in made]
    for at in reversed(range(len(made))):
        work = made[at]
        below = known.setdefault((work.key, "below", *sorted(users[at])), len(known))
        made[at] = work._replace(below=below)
        for read in work.reads:
            if read >= 0:
                users[read].append(below)
    return made


def _union(masks: Iterable[int]) -> int:
    whole = 0
    for mask in masks:
        whole |= mask
    return whole


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 2
        mask ^= low


def _keys(layer: Layer) -> Iterator[Key]:
    """What a layer is: none for what does no work, two for attention."""
    op, inputs, output = layer.op, layer.inputs, layer.output
    while isinstance(op, Each):
        op, inputs, output = op.op, tuple([shape[1:] for shape in inputs]), output[1:]
    if isinstance(op, Attention):
        queries, keys, size, value = op.sizes(inputs)
        times = layer.cost.macs // (op.heads * queries * keys * (size + value))  # of each
        scores = times * op.heads * queries * keys
        yield "product", scores * size, (scores,)
        yield "product", scores * value, (volume(layer.output),)
        return
    form = _form(op, inputs, output)
    if form is None and layer.cost.macs:
        form = (layer.kind,)
    if form is not None:
        windowed = len(form) > 1 and bool(form[1])
        given = tuple([size for size in layer.output if size > 1]) if windowed else (volume(layer.output),)
        yield *form, layer.cost.macs, given


def _form(op: Op, inputs: Shapes, output: Shape) -> Key | None:
    """The family of an op, and those of its options that every format states. None of what may be no work."""
    match op:
        case Dense():
            return ("conv", (), 1)
        case Conv():
            whole = prod(output[:-1]) == 1 and op.kernel == inputs[0][:-1]
            axes = () if whole else _axes(op.kernel, op.stride, op.dilation)
            return ("conv", axes, op.groups)
        case Transposed():
            return ("transposed", _axes(op.kernel, op.stride, op.dilation) or ("whole",), op.groups)
        case Matmul() | Einsum():
            return ("product",)
        case Pool():
            axes = _axes(op.kernel, op.stride, op.dilation)
            whole = prod(output[:-1]) == 1 and op.kernel == inputs[0][:-1]
            return ("pool", () if whole else axes, op.how) if axes else None
        case AdaptivePool():
            sizes = inputs[0][:-1]
            each = tuple([size // to for size, to in zip(sizes, op.to)])
            axes = _axes(each, each, (1,) * len(each))
            if any(size % to for size, to in zip(sizes, op.to)):
                axes = ("to", *op.to)
            return ("pool", () if prod(op.to) == 1 else axes, op.how) if axes else None
        case Reduce(how="mean" | "max" | "sum"):
            (shape,) = inputs
            large = [axis for axis, size in enumerate(shape) if size > 1]
            if len(large) > 1 and len({*large} - {*op.axes}) == 1:  # channels stay, wherever they stand
                return ("pool", (), "avg" if op.how == "mean" else op.how)
            return None
        case Upsample():
            return ("upsample", ("to", *output[:-1]))
        case Embedding():
            return ("embedding",)
        case Recurrent():
            return (CELL, (), (op.cell, inputs[0][-1], op.hidden, op.projection))
    return None


def _axes(kernel: Shape, stride: Shape, dilation: Shape) -> Key:
    """Kernel, stride and dilation of each axis along which they do anything."""
    axes = zip(kernel, stride, dilation)
    return tuple([(k, s, d if k > 1 else 1) for k, s, d in axes if k > 1 or s > 1])
