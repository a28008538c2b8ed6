"""Convolutions, and the sliding windows that pools share with them. The input is an image with channels last; kernel,
stride, dilation and padding have one entry per spatial axis."""

from collections.abc import Iterable

from sepcalc.errors import Invalid
from sepcalc.importers.common.values import Emitter, V
from sepcalc.ops.conv import Conv, Fold, Transposed
from sepcalc.ops.pool import Pool
from sepcalc.shape import Pads, Shape, extent, positions, same_pads, show

Windowed = Conv | Transposed | Pool


def same(sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """The padding before and after each axis that gives ceil(in/s) windows; an odd element goes to the end."""
    axes = zip(sizes, kernel, stride, dilation, strict=True)
    return tuple([same_pads(i, extent(k, d), s) for i, k, s, d in axes])


def cropped(to: Shape, given: Shape, kernel: Shape, stride: Shape, same: bool) -> tuple[Pads, Shape]:
    """What a transposed convolution that reaches the sizes ``to`` cuts off before and after, and adds at the end.
    Raises Invalid where a convolution of these sizes would not give what it reads."""
    pads, more = [], []
    for o, i, k, s in zip(to, given, kernel, stride, strict=True):
        if i != (-(-o // s) if same else (o - k) // s + 1):
            raise Invalid(f"a transposed convolution of {show(given)} by {show(kernel)} does not give {show(to)}")
        left = (i - 1) * s + k - o
        before = min(same_pads(o, k, s)[0], max(0, left)) if same else 0
        pads.append((before, max(0, left) - before))
        more.append(max(0, -left))
    return tuple(pads), tuple(more)


def folded(op: Fold) -> Shape:
    """The number of windows along each axis of the result of a fold."""
    axes = zip(op.to, op.kernel, op.stride, op.dilation, op.padding, strict=True)
    return tuple([positions(i, extent(k, d), s, sum(pads)) for i, k, s, d, pads in axes])


def windowed(emitter: Emitter[V], op: Windowed, x: V, weights: Iterable[V | None] = (), label: str = "") -> V:
    """Adds a layer that slides windows over the last spatial axes of an image. Earlier axes hold several images of one
    example; the windows do not slide over them. Raises Invalid if the op does not accept the image."""
    lead = len(emitter.seen(x)) - 1 - len(op.kernel)
    return emitter.emit(_after(lead, op) if lead > 0 else op, x, weights=weights, label=label)


def _after(lead: int, op: Windowed) -> Windowed:
    """The op with ``lead`` extra axes of kernel size 1 in front of its own axes."""
    ones = (1,) * lead
    padding = op.padding if isinstance(op.padding, str) else (*((0, 0),) * lead, *op.padding)
    if isinstance(op, Transposed):
        op = op._replace(output_padding=(*(0,) * lead, *op.output_padding))
    return op._replace(
        kernel=(*ones, *op.kernel), stride=(*ones, *op.stride), padding=padding, dilation=(*ones, *op.dilation)
    )
