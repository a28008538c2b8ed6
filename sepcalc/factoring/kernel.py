"""A kernel, or a layer's kernels, as numbers: exactly where what was given is exact."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from sepcalc.errors import Invalid
from sepcalc.shape import Shape, show

Array: TypeAlias = Any  # an ndarray: NumPy's own types do not follow shapes that are computed

GRAIN = 2**16  # floats that are whole multiples of 1/GRAIN and at most LARGE are taken as exact fractions
LARGE = 2**31
EXACTLY = 2**18  # elements of which exact factors are sought
ELEMENTS = 2**27  # elements at most: a layer's, one GiB


class Kernel(NamedTuple):
    """What is to be factored: one kernel of 1 to 3 axes, or (``layer``) a convolution's weights, outputs x inputs x
    its kernel's axes.

    ``values`` are float64; ``exact`` the same numbers as fractions in C order, where they are known; ``epsilon`` is
    the rounding of the type that the values were stored in.
    """

    title: str
    values: Array
    exact: tuple[Fraction, ...] | None = None
    epsilon: float = 0.0
    layer: bool = False
    says: str = ""

    @property
    def shape(self) -> Shape:
        """The sizes of ``values``."""
        return tuple(self.values.shape)

    @property
    def size(self) -> Shape:
        """The kernel's own axes."""
        return self.shape[2:] if self.layer else self.shape

    @property
    def weights(self) -> Array:
        """Outputs x inputs x the kernel's axes: one output and one input for a kernel alone."""
        return self.values if self.layer else self.values[None, None]


def of_fractions(title: str, shape: Shape, entries: Sequence[Fraction], says: str = "") -> Kernel:
    """A kernel of exact numbers."""
    values = np.array([float(entry) for entry in entries]).reshape(shape)
    return Kernel(title, values, tuple(entries), says=says)


def of_array(title: str, array: Array, layer: bool | None = None, says: str = "") -> Kernel:
    """A kernel, or a layer's weights, of an array of integers or floats; four axes and more are a layer's, three only
    if ``layer`` says so. Raises Invalid."""
    if array.dtype.kind not in "biuf":
        raise Invalid(f"holds {array.dtype.name} values: expected integers or real numbers")
    if array.size == 0:
        raise Invalid(f"is empty: its shape is {show(array.shape)}")
    if array.size > ELEMENTS:
        raise Invalid(f"has {array.size:,} elements: expected at most {ELEMENTS:,}")
    layer = array.ndim > 3 if layer is None else layer
    least, most = (3, 5) if layer else (1, 3)
    if not least <= array.ndim <= most:
        if layer:
            raise Invalid(f"has {_axes(array.ndim)}: expected a convolution's weights, O x I and then 1 to 3 more")
        raise Invalid(f"has {_axes(array.ndim)}: expected 1 to 3 for a kernel, 3 to 5 for a layer's weights")
    exact = None
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.all():
            at = ", ".join(map(str, np.argwhere(~finite)[0].tolist()))
            raise Invalid(f"is not finite: {array[~finite][0]} at [{at}]")
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise Invalid("is beyond the range of double precision")
    if not layer and array.size <= EXACTLY:
        exact = _exact(array)
    epsilon = float(np.finfo(array.dtype).eps) if array.dtype.kind == "f" else float(np.finfo(np.float64).eps)
    return Kernel(title, values, exact, max(epsilon, float(np.finfo(np.float64).eps)), layer, says)


def _exact(array: Array) -> tuple[Fraction, ...] | None:
    """Integers as they are; floats if every one is a small multiple of a small power of two, so that nothing about
    them was rounded that could be told from what was meant."""
    if array.dtype.kind in "biu":
        return tuple([Fraction(int(entry)) for entry in array.ravel()])
    grains = array.astype(np.float64) * GRAIN
    if (np.abs(grains) <= LARGE * GRAIN).all() and (grains == np.round(grains)).all():
        return tuple([Fraction(int(entry), GRAIN) for entry in grains.ravel()])
    return None


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"
