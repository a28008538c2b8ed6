"""Normalizations and softmax. No macs. R rows of n elements each, x = R·n in all; c and b are 1 with a trainable
scale and shift."""

from math import prod
from typing import NamedTuple

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Arguments, Written, denied, letter, over_one
from sepcalc.ops.base import Builder, Multiple, Op, Ties, Width, Window, broadcast, stretched
from sepcalc.options import Value
from sepcalc.shape import Shape, Shapes, show


class _BatchNorm(NamedTuple):
    gain: bool = True
    bias: bool = True
    unfolded: bool = False


class BatchNorm(_BatchNorm, Op):
    """Batch norm at inference, its statistics stored.

    x mults and x additions, folded to x·s + t whether affine or not; unfolded, (x - mean)·r·gain + shift, x + c·x mults
    and x + b·x additions. Params C·c + C·b, buffers 2C. Source: Ioffe and Szegedy, arXiv:1502.03167.
    """

    __slots__ = ()
    apart = True
    label = "norm"
    windows = Op.in_place
    ties = Op.passing
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        return "batch"

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        x, channels = name("elements", *output), name("channels", output[-1])
        gain = name("gain", 1) if self.gain else 0
        bias = name("shift", 1) if self.bias else 0
        return Cost(
            mults=x + gain * x if self.unfolded else x,
            adds=x + bias * x if self.unfolded else x,
            params=channels * gain + channels * bias,
            buffers=2 * channels,
            activations=x,
        )

    def written(self, inputs: Shapes) -> Written:
        flags = {"gain": denied(self.gain), "bias": denied(self.bias), "unfolded": self.unfolded or None}
        return Written("norm", ("batch",), flags)


class _Normalization(NamedTuple):
    stored: Shape = ()


class Normalization(_Normalization, Op):
    """Normalizes inputs to a mean of 0 and a variance of 1 by stored numbers, x·s + t, which were adapted to data
    beforehand.

    x mults and x additions. Buffers: a mean and a variance of the shape ``stored``, which broadcasts with the input,
    and the count of examples seen; none if the numbers are constants. Both fold into s and t beforehand. Source: Keras'
    Normalization.
    """

    __slots__ = ()
    label = "norm"
    windows = Op.in_place
    ties = Op.passing

    def detail(self, inputs: Shapes) -> str:
        return "input"

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if self.stored and broadcast((shape, self.stored), "norm") != shape:
            raise Invalid(f"{show(shape)} has no place for the stored {show(self.stored)}", about="shape")
        return shape

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        x = name("elements", *output)
        buffers = 2 * name("stored", *self.stored) + name("count", 1) if self.stored else 0
        return Cost(mults=x, adds=x, buffers=buffers, activations=x)

    def written(self, inputs: Shapes) -> Written:
        return Written("norm", ("input",), {"shape": self.stored or None})

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return self._replace(stored=stretched(self.stored, old[0], new[0])) if self.stored else self


class _RowNorm(NamedTuple):
    how: str
    groups: int = 1
    axes: int = 1
    gain: bool = True
    bias: bool = True


class RowNorm(_RowNorm, Op):
    """Layer, group, instance and RMS norm: statistics of the input itself, row by row.

    Layer (rows run over the last ``axes`` axes), group (a row per group of channels), instance (a row per channel):
    x + 2R + c·x mults, 3x - R + b·x additions, x divisions, R roots. RMS: x + R + c·x mults, x additions, x divisions,
    R roots. Params: n per scale and shift for layer and RMS, C for the others. Sources: Ba et al., arXiv:1607.06450;
    Wu and He, arXiv:1803.08494; Zhang and Sennrich, arXiv:1910.07467.
    """

    __slots__ = ()
    label = "norm"
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        return self.how + (f" {self.groups}" if self.how == "group" else "")

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if shape[-1] % self.groups:
            raise Invalid(f"groups {self.groups} do not divide the {shape[-1]} channels", about="groups")
        if self.axes > len(shape):
            raise Invalid(f"{self.axes} axes are more than the input has", about="axes")
        return shape

    def rows(self, shape: Shape) -> int:
        """The number of statistics that are computed."""
        if self.how == "group":
            return self.groups
        return shape[-1] if self.how == "instance" else prod(shape[: -self.axes])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        x, rows = name("elements", *output), name("rows", self.rows(output))
        trained = name("each", *(output[-self.axes :] if self.how in ("layer", "rms") else output[-1:]))
        gain = name("gain", 1) if self.gain else 0
        bias = name("shift", 1) if self.bias else 0
        params = trained * gain + trained * bias
        if self.how == "rms":
            return Cost(0, x + rows + gain * x, x + bias * x, divs=x, specials=rows, params=params, activations=x)
        return Cost(
            mults=x + 2 * rows + gain * x,
            adds=3 * x - rows + bias * x,
            divs=x,
            specials=rows,
            params=params,
            activations=x,
        )

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return () if self.how in ("layer", "rms") and self.axes == 1 else None

    def written(self, inputs: Shapes) -> Written:
        options: dict[str, Value | None] = {"gain": denied(self.gain), "axes": over_one(self.axes)}
        if self.how != "rms":
            options["bias"] = denied(self.bias)
        if self.how == "group":
            options["groups"] = self.groups
        return Written("norm", (self.how,), options)

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(same=(0,), multiples=(Multiple(0, self.groups),))


class _LocalResponseNorm(NamedTuple):
    size: int


class LocalResponseNorm(_LocalResponseNorm, Op):
    """Local response norm over ``size`` neighbouring channels: x / (k + a/n · sum of squares)^b.

    2x mults, n·x additions, x divisions, x powers; what lies beyond the edge counts. Source: Krizhevsky et al., 2012,
    section 3.3.
    """

    __slots__ = ()
    label = "norm"
    windows = Op.in_place
    ties = Op.passing
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        return f"lrn {self.size}"

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        x = name("elements", *output)
        return Cost(mults=2 * x, adds=name("neighbours", self.size) * x, divs=x, specials=x, activations=x)

    def written(self, inputs: Shapes) -> Written:
        return Written("norm", ("lrn",), {"size": self.size})


class _Softmax(NamedTuple):
    log: bool = False
    axis: int = -1


class Softmax(_Softmax, Op):
    """Softmax over one axis (the last): R rows of max, subtract, exp, sum, divide.

    2x - R additions, x - R compares, x divisions, x specials; log-softmax, (x - max) - log(sum exp): 3x - R additions,
    no division, x + R specials. The formula that keeps exp within range, evaluated as written.
    """

    __slots__ = ()
    ties = Op.passing
    resized = Op.unchanged

    def kind(self, inputs: Shapes) -> str:
        return "log-softmax" if self.log else "softmax"

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        x = name("elements", *output)
        rows = name("rows", *[size for at, size in enumerate(output) if at != range(len(output))[self.axis]])
        if self.log:
            return Cost(adds=3 * x - rows, compares=x - rows, specials=x + rows, activations=x)
        return Cost(adds=2 * x - rows, compares=x - rows, divs=x, specials=x, activations=x)

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return self.looking(self.axis, output)

    def written(self, inputs: Shapes) -> Written:
        return Written(self.kind(inputs), (), {"axis": letter(self.axis, inputs[0])})


# --- from words and options ------------------------------------------------------------------------------------------


def _norm(given: Arguments) -> Op:
    how = given.words[0]
    if how == "lrn":
        return LocalResponseNorm(given.size("size", 5))
    if how == "input":
        return Normalization(given.sizes("shape"))
    gain, bias = given.on("gain", True), given.on("bias", how != "rms")
    if how == "batch":
        return BatchNorm(gain, bias, given.on("unfolded"))
    if how == "group" and "groups" not in given.options:
        raise Invalid("norm group needs --groups: how many rows the channels form", "32 in its paper")
    return RowNorm(how, given.size("groups"), given.size("axes"), gain, bias)


def _softmax(given: Arguments) -> Op:
    return Softmax(given.kind == "log-softmax", given.axis() if "axis" in given.options else -1)


BUILD: dict[str, Builder] = {"norm": _norm, "softmax": _softmax, "log-softmax": _softmax}
