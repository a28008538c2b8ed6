"""Convolutions, and the windows that pools share with them. Their input is an image whose channels are last for the
network; a kernel has one size for each spatial axis, and so has whatever is said of it."""

from collections.abc import Iterable
from typing import TypeVar

from sepcalc.importers.common.values import Emitter, V
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.pool import Pool
from sepcalc.shape import Padding, Pads, Shape, extent, same_pads

Windowed = TypeVar("Windowed", Conv, Transposed, Pool)


def same(sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """The padding before and after each axis that leaves ceil(in/s) windows, an odd element at the end."""
    axes = zip(sizes, kernel, stride, dilation, strict=True)
    return tuple([same_pads(i, extent(k, d), s) for i, k, s, d in axes])


def convolution(
    emitter: Emitter[V],
    x: V,
    kernel: Shape,
    out: int,
    *,
    stride: Shape = (),
    pads: Padding = (),
    dilation: Shape = (),
    groups: int = 1,
    bias: bool = False,
    weights: Iterable[V | None] = (),
    label: str = "",
) -> V:
    """A convolution to ``out`` channels; stride and dilation of 1, no padding unless said. Raises Invalid."""
    ones = (1,) * len(kernel)
    op = Conv(kernel, out, stride or ones, pads or ((0, 0),) * len(kernel), dilation or ones, groups, bias)
    return windowed(emitter, op, x, weights, label)


def windowed(
    emitter: Emitter[V], op: Conv | Transposed | Pool, x: V, weights: Iterable[V | None] = (), label: str = ""
) -> V:
    """A layer of windows over the last spatial axes of an image. It does not slide over axes before these, where
    several images of one example lie side by side. Raises Invalid where the op does not take the image."""
    lead = len(emitter.seen(x)) - 1 - len(op.kernel)
    return emitter.emit(_after(lead, op) if lead > 0 else op, x, weights=weights, label=label)


def _after(lead: int, op: Windowed) -> Windowed:
    """The op with so many axes of one tap each before its own."""
    ones = (1,) * lead
    padding = op.padding if isinstance(op.padding, str) else (*((0, 0),) * lead, *op.padding)
    if isinstance(op, Transposed):
        op = op._replace(output_padding=(*(0,) * lead, *op.output_padding))
    return op._replace(
        kernel=(*ones, *op.kernel), stride=(*ones, *op.stride), padding=padding, dilation=(*ones, *op.dilation)
    )
