"""Shapes, and the algebra of one axis: how many positions a window has, and which of them see padding.

A shape is a tuple of sizes, spatial axes first, channels last, no batch: ``(224, 224, 3)``. A vector has no spatial
axis: ``(1024,)``.
"""

from collections.abc import Sequence
from functools import cache
from math import gcd, prod
from typing import Literal

from sepcalc.errors import Invalid, quoted

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]
Pads = tuple[tuple[int, int], ...]  # before and after, per spatial axis
Padding = Literal["same"] | Pads

MAX_SIZE = 2**63 - 1  # what a size may be at most: beyond it no file format and no framework goes
AXES = {0: "", 1: "w", 2: "hw", 3: "dhw"}  # names of the spatial axes, by how many there are
_FURTHER = "abefgijklmnopqrstuvxyz"  # of what else lies in front of three


def read_size(text: str, least: int = 1) -> int:
    """A whole number from ``least`` to 2^63-1, in plain decimal digits."""
    if text.isascii() and text.isdigit():
        if len(text) <= 19:
            number = int(text)
            if least <= number <= MAX_SIZE:
                return number
        raise Invalid(f"{quoted(text)} is out of range: expected a whole number from {least} to 2^63-1")
    raise Invalid(f"{quoted(text)} is not a size: expected a whole number from {least} to 2^63-1")


def read_shape(text: str, most: int = 4) -> Shape:
    """``224x224x3``: sizes joined by ``x``, channels last; at most three spatial axes (``most`` less one)."""
    if "×" in text or "X" in text or "*" in text:
        raise Invalid(f"{quoted(text)} is not a shape: expected HxWxC", "sizes are joined by a small letter x: 12x12x3")
    try:
        shape = tuple([read_size(part) for part in text.split("x")])
    except Invalid as fact:
        raise Invalid(
            f"{quoted(text)} is not a shape: expected HxWxC, each a whole number from 1 to 2^63-1",
            "sizes are joined by x, channels last, no batch: 12x12x3" if "" in text.split("x") else "",
        ) from fact
    if len(shape) > most:
        raise Invalid(
            f"{quoted(text)} has {len(shape) - 1} spatial axes: expected at most {most - 1}, then channels",
            "no batch axis: counts are for one example",
        )
    return shape


def show(shape: Shape) -> str:
    """The shape as it is written: ``8x8x256``."""
    return _form(len(shape)) % tuple(shape)


@cache
def _form(axes: int) -> str:
    return "x".join(["%d"] * axes)


def channels_first(shape: Shape) -> str:
    """What to say of an image that was probably written channels first (``3x224x224``), perhaps behind a batch of one;
    nothing of any other shape."""
    front = shape[:-2] if len(shape) == 3 else shape[1:-2] if len(shape) == 4 and shape[0] == 1 else ()
    if not front:
        return ""
    channels, (high, wide) = front[0], shape[-2:]
    small, large = sorted((high, wide))
    image = channels in (3, 4) and 8 * channels <= small and large <= 4 * small
    if not image and not (channels == 1 and 1 < high == wide):
        return ""
    names = [axis_name(len(shape) - 1, axis) for axis in range(len(shape) - 1)]
    axes = ", ".join(f"{name} {size}" for name, size in zip(names, shape))
    last = show((high, wide, channels))
    return f"{show(shape)} is read as {axes}, {wide} channels; channels come last: {last}"


def misread(shape: Shape) -> str:
    """What to say of a shape that probably means another: channels first, or a batch of one before an image."""
    if len(shape) == 4 and shape[0] == 1 and min(shape[1:3]) > 1 and not channels_first(shape):
        return (
            f"{show(shape)} is read as depth 1, height {shape[1]}, width {shape[2]}, {shape[3]} channels; "
            f"there is no batch axis: {show(shape[1:])}"
        )
    return channels_first(shape)


def axis_letters(shape: Shape) -> str:
    """A letter for each axis, channels being ``c``: ``hwc``; in front of three spatial ones ``a``, ``b``, ``e`` …
    Raises Invalid where there are more axes than letters."""
    spatial = len(shape) - 1
    if spatial > len(AXES) - 1 + len(_FURTHER):
        raise Invalid(f"the {len(shape)} axes of {show(shape)} are more than there are letters")
    return _FURTHER[: max(0, spatial - 3)] + AXES[min(spatial, 3)] + "c"


def axis_name(rank: int, axis: int) -> str:
    """What messages call a spatial axis: ``height``, ``width`` …; ``axis 4`` of more axes than have names."""
    return {"w": "width", "h": "height", "d": "depth"}[AXES[rank][axis]] if rank in AXES else f"axis {axis + 1}"


def extent(kernel: int, dilation: int) -> int:
    """How many input positions a kernel spans from its first tap to its last: d(k-1)+1."""
    return dilation * (kernel - 1) + 1


def positions(size: int, span: int, stride: int, pads: int) -> int:
    """How many windows of ``span`` fit: floor((in + padding - span)/s) + 1; below 1 when none does."""
    return (size + pads - span) // stride + 1


def positions_ceil(size: int, span: int, stride: int, before: int, after: int) -> int:
    """The same in ceil mode: a last window may hang over the end, if it begins inside the input or the front
    padding (PyTorch's and ONNX's rule)."""
    count = -((span - size - before - after) // stride) + 1
    return count - 1 if (count - 1) * stride >= size + before else count


def same_pads(size: int, span: int, stride: int) -> tuple[int, int]:
    """The padding that makes ceil(in/s) windows fit, an odd element at the end (TensorFlow's SAME)."""
    total = max(0, (-(-size // stride) - 1) * stride + span - size)
    return total // 2, total - total // 2


def window_pads(padding: Padding, shape: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Pads:
    """The padding of windows on a shape, before and after each spatial axis."""
    if padding != "same":
        return padding
    return tuple([same_pads(i, extent(k, d), s) for i, k, s, d in zip(shape, kernel, stride, dilation)])


def reached(size: int, kernel: int, stride: int, dilation: int) -> int:
    """On one axis of a transposed convolution's full grid: positions that any input reaches.

    |{u·s + v·d : 0 <= u < i, 0 <= v < k}| = i·k - (i - d')⁺·(k - s')⁺ with s' = s/gcd(s, d), d' = d/gcd(s, d):
    two pairs (u, v) meet if and only if they differ by a multiple of (d', -s').
    """
    common = gcd(stride, dilation)
    return size * kernel - max(0, size - dilation // common) * max(0, kernel - stride // common)


def real_products(size: int, outputs: int, kernel: int, stride: int, dilation: int, before: int) -> int:
    """On one axis of a convolution: pairs (window, tap) whose input element is not padding.

    Sum over the taps j of F(i + p - j·d) - F(p - j·d), F(t) = min(o, max(0, ceil(t/s))), in closed form.
    """
    return _windows_before(size + before, outputs, kernel, stride, dilation) - _windows_before(
        before, outputs, kernel, stride, dilation
    )


def _windows_before(edge: int, outputs: int, kernel: int, stride: int, dilation: int) -> int:
    """Sum over j < k of min(o, max(0, ceil((edge - j·d)/s))): windows whose tap j lies before ``edge``."""
    # Taps up to `full` have all the windows before the edge, taps from `none` on have none.
    full = min(kernel, max(0, (edge - (outputs - 1) * stride - 1) // dilation + 1))
    none = min(kernel, max(0, -(-edge // dilation)))
    count = max(0, none - full)
    if not count:
        return outputs * full
    # Backwards from the last tap the terms are ceil((rest + j·d)/s) = floor((rest + s - 1 + j·d)/s): a floor sum.
    rest = edge - (none - 1) * dilation
    return outputs * full + floor_sum(count, stride, dilation, rest + stride - 1)


def floor_sum(terms: int, divisor: int, step: int, start: int) -> int:
    """Sum of floor((start + j·step)/divisor) for j < terms, none of them negative, in logarithmic time (Euclid)."""
    total = 0
    while True:
        total += terms * (terms - 1) // 2 * (step // divisor) + terms * (start // divisor)
        step, start = step % divisor, start % divisor
        last = step * terms + start
        if last < divisor:
            return total
        terms, start = last // divisor, last % divisor
        divisor, step = step, divisor


def volume(shape: Shape) -> int:
    """Elements in all."""
    return prod(shape)


def broadcast_shape(shapes: Sequence[Shape]) -> Shape | None:
    """The shape that all of these stretch to by NumPy's rule: aligned at the last axis, sizes equal or 1. None where
    they do not fit."""
    longest = max(map(len, shapes))
    padded = [(1,) * (longest - len(shape)) + shape for shape in shapes]
    result = tuple([0 if 0 in sizes else max(sizes) for sizes in zip(*padded)])
    fits = all(size in (1, full) for shape in padded for size, full in zip(shape, result))
    return result if fits else None
