"""What of a layer runs: all of it, in pieces where its positions know nothing of each other; or a seeded sample.

A piece is a layer of its own, usually a smaller one, whose outputs are outputs of the whole: rows of a dense layer,
query rows of attention, channels of a global pool. Its formula is the layer's own, applied to what is sampled.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from sepcalc.network import Layer
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.move import Embedding
from sepcalc.ops.norm import BatchNorm, LocalResponseNorm, RowNorm, Softmax
from sepcalc.ops.pool import AdaptivePool, GridSample, Pool, Reduce, Upsample
from sepcalc.ops.product import Attention, Dense, Einsum, Matmul
from sepcalc.ops.recurrent import Recurrent
from sepcalc.shape import Shape, Shapes, extent
from sepcalc.verification.counting import Array

MULTIPLIED = 2**27  # products of a sample of a convolution: where it would be more, some output channels are left out
SCATTERED = 2**24  # the same of a transposed one, and of elements that they are scattered to
PIECE = 2**14  # elements of a piece: it stays in a core's cache from its data to its verdict


class Piece(NamedTuple):
    """A part of a layer as a layer of its own. ``positions`` are the output positions that run where not all do;
    ``what`` says what was sampled."""

    op: Op
    inputs: Sequence[Array]
    output: Shape
    positions: Array | None = None
    what: str = ""

    @property
    def running(self) -> Shape:
        """The shape of what runs."""
        return self.output if self.positions is None else (len(self.positions), self.output[-1])

    @property
    def shapes(self) -> Shapes:
        return tuple([array.shape for array in self.inputs])


def pieces(layer: Layer, inputs: Sequence[Array]) -> Iterator[Piece]:
    """All of the layer: in pieces of a few rows where that gives the same."""
    if not _by_rows(layer.op, layer.inputs, layer.output) or isinstance(layer.op, Dense):
        yield Piece(layer.op, inputs, layer.output)
        return
    flat = [array.reshape(-1, array.shape[-1]) for array in inputs]
    some = max(1, PIECE // layer.output[-1])
    op = _of_rows(layer.op)
    for at in range(0, len(flat[0]), some):
        rows = [array[at : at + some] for array in flat]
        yield Piece(op, rows, (len(rows[0]), layer.output[-1]))


def sampled(layer: Layer, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece:
    """About ``count`` of the layer's positions, or what comes next to them; the whole of a layer that is not cut."""
    op, output = layer.op, layer.output
    positions = prod(output[:-1])
    if positions > count and isinstance(op, Conv | Pool):
        chosen, said = _chosen(positions, count, random), _said(count, positions, "positions")
        if isinstance(op, Conv):
            products = count * prod(op.kernel) * (inputs[0].shape[-1] // op.groups)
            op, array, few = _few(op, inputs[0], MULTIPLIED // products, random)
            inputs, output, said = [array], (*output[:-1], op.out), ", ".join([said, *few])
        return Piece(op, inputs, output, chosen, said)
    if _by_rows(op, layer.inputs, output):
        return _rows(layer, inputs, count, random)
    cut = _CUTS.get(type(op))
    found = cut(op, inputs, count, random) if cut else None
    return found or Piece(op, inputs, output)


def _few(op: Any, array: Array, most: int, random: np.random.Generator) -> tuple[Any, Array, list[str]]:
    """A convolution, transposed or not, with about ``most`` of its output channels at most, those of a few groups where
    it has groups; what it reads then; and what to say of it."""
    groups, outs = op.groups, op.out // op.groups
    some, kept = max(1, min(outs, most)), max(1, min(groups, most // outs))
    if (some, kept) == (outs, groups):
        return op, array, []
    split = array.reshape(*array.shape[:-1], groups, -1)[..., _chosen(groups, kept, random), :]
    small = op._replace(out=some * kept, groups=kept)
    return small, split.reshape(*array.shape[:-1], -1), [_said(small.out, op.out, "output channels")]


def _chosen(whole: int, count: int, random: np.random.Generator) -> Array:
    """A sorted random sample that always includes both ends, where faults at a border show."""
    if count == whole:
        return np.arange(whole)
    if count < 2:
        return random.integers(whole, size=1)
    inner = random.choice(whole - 2, count - 2, replace=False) + 1
    return np.array([0, *sorted(inner), whole - 1])


def _said(count: int, whole: int, what: str) -> str:
    return f"{count:,} of {whole:,} {what}"


def _by_rows(op: Op, inputs: Shapes, output: Shape) -> bool:
    """Whether an output row (all channels of a position) comes from the input rows of that position alone."""
    match op:
        case Softmax() if op.axis not in (-1, len(output) - 1):
            return False
        case BatchNorm() | Activation() | LocalResponseNorm() | Softmax() | Dense():
            return True
        case RowNorm():
            return op.how in ("layer", "rms") and op.axes == 1
        case Stored():
            return op.per in ("constant", "channel") and not op.shape
        case Elementwise():
            return all(shape == output for shape in inputs)
    return False


def _of_rows(op: Op) -> Op:
    """What it is of rows that lie in a matrix."""
    return op._replace(axis=-1) if isinstance(op, Softmax) else op


def _rows(layer: Layer, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece:
    op, whole, channels, said = layer.op, prod(layer.output[:-1]), layer.output[-1], list[str]()
    if whole > count:
        said = [_said(count, whole, "positions")]
        chosen = _chosen(whole, count, random)
        inputs = [array.reshape(-1, array.shape[-1])[chosen] for array in inputs]
        op = _of_rows(op)
    if isinstance(op, Dense) and channels > (some := max(1, MULTIPLIED // inputs[0].size)):
        said.append(_said(some, channels, "output channels"))
        op, channels = op._replace(out=some), some
    if not said:
        return Piece(op, inputs, layer.output)
    return Piece(op, inputs, (*inputs[0].shape[:-1], channels), None, ", ".join(said))


def _piece(op: Op, inputs: Sequence[Array], what: str) -> Piece:
    return Piece(op, inputs, op.output(tuple([array.shape for array in inputs])), None, what)


def _channels(op: Any, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some channels, each with all its positions."""
    (array,) = inputs
    whole, needed = array.shape[-1], -(-count // prod(op.to))
    if needed >= whole:
        return None
    return _piece(op, [array[..., _chosen(whole, needed, random)]], _said(needed, whole, "channels"))


def _reduce(op: Reduce, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some indices of the last axis that stays."""
    (array,) = inputs
    kept = [axis for axis in range(array.ndim) if axis not in op.axes]
    if not kept:
        return None
    whole = array.shape[kept[-1]]
    needed = -(-count // prod(array.shape[axis] for axis in kept[:-1]))
    if needed >= whole:
        return None
    what = "channels" if kept[-1] == array.ndim - 1 else "rows"
    return _piece(op, [array.take(_chosen(whole, needed, random), kept[-1])], _said(needed, whole, what))


def _row_norm(op: RowNorm, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some rows of a norm: each is normalized by itself."""
    (array,) = inputs
    if op.how in ("layer", "rms"):
        rows = array.reshape(-1, *array.shape[array.ndim - op.axes :])
        needed = -(-count // prod(rows.shape[1:-1]))
        if needed >= len(rows):
            return None
        return _piece(op, [rows[_chosen(len(rows), needed, random)]], _said(needed, len(rows), "rows"))
    whole = op.groups if op.how == "group" else array.shape[-1]
    needed = -(-count // prod(array.shape[:-1]))
    if needed >= whole:
        return None
    groups = array.reshape(*array.shape[:-1], whole, -1)[..., _chosen(whole, needed, random), :]
    small = op._replace(groups=needed) if op.how == "group" else op
    what = "groups" if op.how == "group" else "channels"
    return _piece(small, [groups.reshape(*array.shape[:-1], -1)], _said(needed, whole, what))


def _transposed(op: Transposed, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """A box of input positions, with everything that they are scattered to; where that is much, of some channels."""
    (array,) = inputs
    *sizes, channels = array.shape
    side = max(1, round(count ** (1 / len(sizes)))) if sizes else 1
    while True:
        box = [min(size, side) for size in sizes]
        if box == sizes:
            break
        crops, _ = op.crops((*box, channels))
        if min(op._replace(padding=((0, 0),) * len(box)).output(((*box, channels),))[:-1]) > max(map(sum, crops)):
            break  # the border that is cut leaves something
        side += 1
    grid = prod((i - 1) * s + extent(k, d) for i, s, k, d in zip(box, op.stride, op.kernel, op.dilation))
    products = prod(box) * prod(op.kernel) * (channels // op.groups)
    op, array, few = _few(op, array, SCATTERED // max(grid, products), random)
    if box == sizes and not few:
        return None
    at = [int(random.integers(size - part + 1)) for size, part in zip(sizes, box)]
    part = array[tuple([slice(start, start + size) for start, size in zip(at, box)])]
    said = [] if box == sizes else [_said(prod(box), prod(sizes), "input positions")]
    return _piece(op, [part], ", ".join([*said, *few]))


def _matmul(op: Matmul, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some rows of the left operand, in every matrix of a stack."""
    left, right = inputs
    stack = max(prod(left.shape[:-2]), prod(right.shape[:-2]))
    whole, needed = left.shape[-2], -(-count // stack)
    if needed >= whole:
        return None
    chosen = _chosen(whole, needed, random)
    return _piece(op, [left[..., chosen, :], right], _said(needed, whole, "rows"))


def _einsum(op: Einsum, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some values of the output's first index."""
    sizes, named = op.sizes(tuple([array.shape for array in inputs]))
    if not named:
        return None
    index = max(named, key=sizes.__getitem__)
    whole, needed = sizes[index], -(-count * sizes[index] // prod(sizes[name] for name in named))
    if needed >= whole:
        return None
    chosen = _chosen(whole, needed, random)
    operands = op.equation.partition("->")[0].split(",")
    cut = []
    for array, operand in zip(inputs, operands, strict=True):
        for axis in [axis for axis, letter in enumerate(operand) if letter == index]:
            array = array.take(chosen, axis)
        cut.append(array)
    return _piece(op, cut, _said(needed, whole, f"values of {index}"))


def _attention(op: Attention, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some queries, each with all keys."""
    query = inputs[0].reshape(-1, inputs[0].shape[-1])
    if len(query) <= count:
        return None
    key, value = inputs[-2:] if len(inputs) == 3 else (inputs[-1], inputs[-1])
    chosen = query[_chosen(len(query), count, random)]
    return _piece(op, [chosen, key, value], _said(count, len(query), "queries"))


def _recurrent(op: Recurrent, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """The first steps: each needs those before it."""
    (sequence,) = inputs
    if len(sequence) <= count:
        return None
    return _piece(op, [sequence[:count]], f"the first {count:,} of {len(sequence):,} steps")


def _embedding(op: Embedding, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some lookups, or some bags."""
    (array,) = inputs
    rows = array.reshape(-1, array.shape[-1]) if op.bag else array.reshape(-1)
    if len(rows) <= count:
        return None
    chosen = rows[_chosen(len(rows), count, random)]
    return _piece(op, [chosen], _said(count, len(rows), "bags" if op.bag else "lookups"))


def _grid_sample(op: GridSample, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some positions of the grid."""
    image, grid = inputs
    rows = grid.reshape(-1, grid.shape[-1])
    if len(rows) <= count:
        return None
    return _piece(op, [image, rows[_chosen(len(rows), count, random)]], _said(count, len(rows), "positions"))


def _broadcast(op: Elementwise, inputs: Sequence[Array], count: int, random: np.random.Generator) -> Piece | None:
    """Some positions, where every input has either all of them or one for all."""
    output = op.output(tuple([array.shape for array in inputs]))
    whole = prod(output[:-1])
    sides = [array.shape[:-1] == output[:-1] for array in inputs]
    alone = [prod(array.shape[:-1]) == 1 for array in inputs]
    if whole <= count or not all(side or one for side, one in zip(sides, alone)):
        return None
    chosen = _chosen(whole, count, random)
    rows = [
        array.reshape(-1, array.shape[-1])[chosen] if side else array.reshape(1, -1)
        for array, side in zip(inputs, sides)
    ]
    return _piece(op, rows, _said(count, whole, "positions"))


Cutting = Callable[[Any, Sequence[Array], int, np.random.Generator], Piece | None]
# Those that only move are not cut: they run in full.
_CUTS: dict[type[Op], Cutting] = {
    AdaptivePool: _channels,
    Upsample: _channels,
    GridSample: _grid_sample,
    Reduce: _reduce,
    RowNorm: _row_norm,
    Transposed: _transposed,
    Matmul: _matmul,
    Einsum: _einsum,
    Attention: _attention,
    Recurrent: _recurrent,
    Embedding: _embedding,
    Elementwise: _broadcast,
}
