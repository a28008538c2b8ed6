"""Convolutions. One formula serves all of them: depthwise, pointwise and grouped convolutions are ``Conv`` with other
groups or kernels, separable ones are chains of it (``rewrite.py``)."""

from functools import lru_cache
from math import gcd, prod
from typing import NamedTuple

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Arguments, Windowed, Written, over_one, short, windowed
from sepcalc.ops.base import Builder, Multiple, Op, Ties, Width, Window
from sepcalc.options import Value
from sepcalc.shape import (
    Padding,
    Pads,
    Shape,
    Shapes,
    axis_name,
    extent,
    reached,
    real_products,
    show,
    window_pads,
)


class _Conv(NamedTuple):
    kernel: Shape
    out: int
    stride: Shape
    padding: Padding
    dilation: Shape
    groups: int = 1
    bias: bool = False


class Conv(_Conv, Op):
    """A convolution over 0 to 3 spatial axes.

    y·n macs, n = (Ci/g)·K products in each output, summed with n-1 additions, a bias one more; padded windows count
    in full. Params Co·(Ci/g)·K + b·Co. Output per axis floor((in + padding - d(k-1) - 1)/s) + 1.
    Source: Dumoulin and Visin, arXiv:1603.07285, section 2; Howard et al., arXiv:1704.04861, section 3.1.
    """

    __slots__ = ()

    def kind(self, inputs: Shapes) -> str:
        channels = inputs[0][-1]
        if self.depthwise(channels):
            return "depthwise"
        return "pointwise" if self.kernel.count(1) == len(self.kernel) else "conv"

    def detail(self, inputs: Shapes) -> str:
        channels, (kernel, out, stride, _, dilation, groups, _) = inputs[0][-1], self
        groups = 1 if groups == channels else groups  # the kind depthwise implies it
        return _described(kernel, stride, dilation, groups, channels, out)

    def pads(self, shape: Shape) -> Pads:
        """The padding before and after, per axis, for an input of this shape."""
        return window_pads(self.padding, shape, self.kernel, self.stride, self.dilation)

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        kernel, out, stride, padding, dilation, groups, _ = self
        check_channels(shape[-1], out, groups)
        if len(kernel) != len(shape) - 1:
            _refuse_axes(kernel, shape)
        if padding == "same":
            return (*[-(-size // s) for size, s in zip(shape, stride)], out)
        sizes = [
            (i + before + after - d * (k - 1) - 1) // s + 1
            for i, k, s, d, (before, after) in zip(shape, kernel, stride, dilation, padding)
        ]
        for axis, size in enumerate(sizes):
            if size < 1:
                refuse_empty(shape, axis, extent(kernel[axis], dilation[axis]), sum(padding[axis]))
        return (*sizes, out)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        kernels = name("kernels" if self.out > 1 else "kernel", self.out)
        each = name("each", *self.kernel, inputs[0][-1] // self.groups)
        places = name("positions", *output[:-1])
        bias = name("bias", 1) if self.bias else 0
        outputs = kernels * places
        macs = kernels * each * places
        return Cost(macs, macs, outputs * (each - 1 + bias), params=kernels * (each + bias), activations=outputs)

    def effective_macs(self, inputs: Shapes, output: Shape, macs: int) -> int:
        shape = inputs[0]
        axes = zip(shape, output, self.kernel, self.stride, self.dilation, self.pads(shape))
        seen = prod([real_products(i, o, k, s, d, before) for i, o, k, s, d, (before, _) in axes])
        return self.out * (shape[-1] // self.groups) * seen

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return gathered(self.kernel, self.stride, self.dilation, self.padding, inputs[0][:-1])

    def written(self, inputs: Shapes) -> Written:
        channels = inputs[0][-1]
        window, bias = windowed(self.kernel, self.stride, self.padding, self.dilation), self.bias or None
        if self.depthwise(channels) and self.kernel:
            return Written("depthwise", (), {**window, "bias": bias, "multiplier": over_one(self.out // channels)})
        out, groups = self.out, over_one(self.groups)
        if max(self.kernel, default=1) > 1 or window["padding"] not in (None, "same"):
            return Written("conv", (), {**window, "bias": bias, "out": out, "groups": groups})
        return Written("pointwise", (), {"out": out, "stride": window["stride"], "groups": groups, "bias": bias})

    def depthwise(self, channels: int) -> bool:
        """Whether it is a depthwise convolution of an input with this many channels, so that its width follows the
        input's."""
        return self.groups == channels > 1

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        channels = inputs[0][-1]
        if not self.depthwise(channels):
            return _grouped(self.groups)
        return Ties(same=(0,)) if self.out == channels else Ties(sums=(0,) * (self.out // channels))

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        if not self.depthwise(old[0][-1]):
            return self._replace(out=wider(self.out))
        channels = new[0][-1]
        return self._replace(groups=channels, out=self.out // self.groups * channels)


class _Transposed(NamedTuple):
    kernel: Shape
    out: int
    stride: Shape
    padding: Padding
    dilation: Shape
    output_padding: Shape
    groups: int = 1
    bias: bool = False


class Transposed(_Transposed, Op):
    """A transposed convolution: every input position is scattered through the kernel, sums are formed where
    contributions meet, then the border is cropped.

    T = Si·Ci·(Co/g)·K macs (input positions: what is cropped was computed), T - Co·P + b·y additions, where P is how
    many positions of the uncropped grid receive anything (:func:`sepcalc.shape.reached`). Output per axis
    (in - 1)s - padding + d(k-1) + 1 + output padding, as PyTorch and ONNX have it; ``same``: in·s.
    T products on Co·P positions take T - Co·P additions in any order. Source: Dumoulin and Visin, arXiv:1603.07285,
    section 4.
    """

    __slots__ = ()
    label = "transposed"

    def detail(self, inputs: Shapes) -> str:
        return _described(self.kernel, self.stride, self.dilation, self.groups, inputs[0][-1], self.out)

    def crops(self) -> tuple[Pads, Shape]:
        """The crop before and after, and the addition at the end, per axis."""
        spans = [extent(k, d) for k, d in zip(self.kernel, self.dilation)]
        if self.padding != "same":
            return self.padding, self.output_padding
        totals = [span - s for span, s in zip(spans, self.stride)]
        cut = tuple([(max(0, total) // 2, max(0, total) - max(0, total) // 2) for total in totals])
        return cut, tuple([max(0, -total) for total in totals])

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        check_channels(shape[-1], self.out, self.groups)
        if len(self.kernel) != len(shape) - 1:
            _refuse_axes(self.kernel, shape)
        if self.padding == "same" and any(self.output_padding):
            fixed = "padding same fixes the output at input x stride"
            raise Invalid(fixed, "leave out --output-padding", "output-padding")
        for s, d, more in zip(self.stride, self.dilation, self.output_padding):
            if more >= max(s, d) and more:
                high = f"output padding {more} is not below the stride ({s}) or the dilation ({d})"
                raise Invalid(high, about="output-padding")
        crops, extra = self.crops()
        sizes = []
        for axis, (i, k, s, d, (before, after), more) in enumerate(
            zip(shape, self.kernel, self.stride, self.dilation, crops, extra)
        ):
            sizes.append((i - 1) * s - before - after + extent(k, d) + more)
            if sizes[-1] < 1:
                raise Invalid(
                    f"the {axis_name(len(shape) - 1, axis)} of the output would be {sizes[-1]}: "
                    f"padding {before + after} cuts away more than the {sizes[-1] + before + after} computed",
                    "take a smaller padding",
                    "padding",
                )
        return (*sizes, self.out)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        (shape,) = inputs
        places = name("input positions", *shape[:-1])
        channels = name("input channels", shape[-1])
        each = name("each", *self.kernel, self.out // self.groups)
        kernels = name("outputs", self.out)
        axes = zip(shape, self.kernel, self.stride, self.dilation)
        met = name("positions reached", *[reached(i, k, s, d) for i, k, s, d in axes])
        written = name("elements written", *output)
        bias = name("bias", 1) if self.bias else 0
        macs = places * channels * each
        adds = macs - kernels * met + bias * written
        return Cost(macs, macs, adds, params=channels * each + bias * kernels, activations=written)

    def effective_macs(self, inputs: Shapes, output: Shape, macs: int) -> int:
        """The products that survive cropping: those of a convolution with input and output exchanged."""
        (shape,) = inputs
        crops, _ = self.crops()
        axes = zip(shape, output, self.kernel, self.stride, self.dilation, crops)
        seen = prod([real_products(o, i, k, s, d, before) for i, o, k, s, d, (before, _) in axes])
        return shape[-1] * (self.out // self.groups) * seen

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return _scattered(self.kernel, self.stride, self.dilation)

    def written(self, inputs: Shapes) -> Written:
        options = windowed(self.kernel, self.stride, self.padding, self.dilation)
        extra, groups = short(self.output_padding), over_one(self.groups)
        more = {"out": self.out, "output-padding": extra, "groups": groups, "bias": self.bias or None}
        return Written("transposed", (), options | more)

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return _grouped(self.groups)

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        return self._replace(out=wider(self.out))


class _Fold(NamedTuple):
    kernel: Shape
    to: Shape
    stride: Shape
    padding: Pads
    dilation: Shape


class Fold(_Fold, Op):
    """Windows put back where they were taken from, sums where they overlap, then the border cut: a transposed
    convolution without its products. Input positions x (C·K), each a window of C channels; ``to`` sizes.

    x - C·P additions, P as for a transposed convolution (:func:`sepcalc.shape.reached`): what is cropped was summed.
    Source: PyTorch's Fold.
    """

    __slots__ = ()
    label = "fold"
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        channels = inputs[0][-1]
        return _described(self.kernel, self.stride, self.dilation, 1, channels, channels // prod(self.kernel))

    def output(self, inputs: Shapes) -> Shape:
        *sizes, channels = inputs[0]
        if len(self.to) != len(self.kernel):
            raise Invalid(f"a fold over {len(self.kernel)} axes cannot give {show(self.to)}", about="to")
        axes = zip(self.to, self.kernel, self.stride, self.padding, self.dilation)
        windows = [(size + sum(around) - extent(k, d)) // s + 1 for size, k, s, around, d in axes]
        if windows != sizes or channels % prod(self.kernel):
            raise Invalid(f"{show(inputs[0])} are not the windows {show(self.kernel)} of {show(self.to)}", about="to")
        return (*self.to, channels // prod(self.kernel))

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        (shape,) = inputs
        axes = zip(shape, self.kernel, self.stride, self.dilation)
        met = name("positions reached", *[reached(i, k, s, d) for i, k, s, d in axes])
        adds = name("inputs", *shape) - name("channels", output[-1]) * met
        return Cost(adds=adds, activations=name("elements written", *output))

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return _scattered(self.kernel, self.stride, self.dilation)

    def written(self, inputs: Shapes) -> Written:
        return Written("fold", (), windowed(self.kernel, self.stride, self.padding, self.dilation) | {"to": self.to})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(multiples=(Multiple(0, prod(self.kernel)),))


def _grouped(groups: int) -> Ties:
    """The output has its own channels; the groups divide the channels of both sides."""
    return Ties(own=True, multiples=(Multiple(0, groups), Multiple(-1, groups)))


@lru_cache(1024)
def gathered(kernel: Shape, stride: Shape, dilation: Shape, padding: Padding, sizes: Shape) -> tuple[Window, ...]:
    """The positions that an output of a convolution or a pool depends on, along each axis of an input with these
    spatial sizes."""
    axes = zip(kernel, stride, dilation, window_pads(padding, sizes, kernel, stride, dilation))
    return tuple([Window(extent(k, d), s, 1, -before) for k, s, d, (before, _) in axes])


def _scattered(kernel: Shape, stride: Shape, dilation: Shape) -> tuple[Window, ...]:
    """The inputs u with u·s + v·d = y for some tap v: taps s/gcd apart, inputs d/gcd apart."""
    axes = [(k, s, d, gcd(s, d)) for k, s, d in zip(kernel, stride, dilation)]
    return tuple([Window((k - 1) // (s // common) * (d // common) + 1, 1, s, None) for k, s, d, common in axes])


def _described(kernel: Shape, stride: Shape, dilation: Shape, groups: int, channels: int, out: int) -> str:
    text = f"{_window_words(kernel, stride, dilation)}{channels} -> {out}"
    return f"{text}, groups {groups}" if groups > 1 else text


@lru_cache(1024)
def _window_words(kernel: Shape, stride: Shape, dilation: Shape) -> str:
    parts = [show(kernel)] if kernel else []
    if any(s > 1 for s in stride):
        parts.append(f"/{show(stride) if len(set(stride)) > 1 else stride[0]}")
    if any(d > 1 for d in dilation):
        parts.append(f"dilation {show(dilation) if len(set(dilation)) > 1 else dilation[0]}")
    return "".join([f"{part} " for part in parts])


def _refuse_axes(kernel: Shape, shape: Shape) -> None:
    axes = f"a kernel of {len(kernel)} axes cannot run over {show(shape)}, which has {len(shape) - 1}"
    raise Invalid(axes, about="kernel")


def check_channels(channels: int, out: int, groups: int) -> None:
    """Raises :class:`Invalid` if the groups do not divide the input channels or the outputs."""
    if channels % groups or out % groups:
        what = f"{channels} input channels" if channels % groups else f"{out} outputs"
        raise Invalid(
            f"groups {groups} do not divide the {what}",
            f"groups must divide both the input channels ({channels}) and the outputs ({out})",
            "groups",
        )


def refuse_empty(shape: Shape, axis: int, span: int, padding: int) -> None:
    """Raises :class:`Invalid`: no window of ``span`` fits into this axis of the shape with its padding."""
    name = axis_name(len(shape) - 1, axis)
    padded = f" with padding {padding}" if padding else ""
    raise Invalid(
        f"the output would be empty: a kernel spanning {span} does not fit into the {name} {shape[axis]}{padded}",
        "take a smaller kernel or dilation, or --padding same",
        "kernel",
    )


# --- from words and options ------------------------------------------------------------------------------------------


def convolution(given: Arguments) -> Conv:
    """``conv``: the convolution with these options, which also begins the kinds that are chains."""
    return _windowed(given, given.size("out"), given.size("groups"))


def _windowed(given: Arguments, out: int, groups: int) -> Conv:
    get = given.options.get
    try:  # cached: a network has few windows and many layers
        window = _window(get("kernel"), get("stride"), get("padding", "valid"), get("dilation"), len(given.shape))
    except Invalid:  # the message names another shape of this rank: raise it anew
        window = given.window()
    kernel, stride, padding, dilation = window
    return Conv(kernel, out, stride, padding, dilation, groups, given.on("bias"))


@lru_cache(1024)
def _window(
    kernel: Value | None, stride: Value | None, padding: Value, dilation: Value | None, length: int
) -> Windowed:
    """The window that options give on shapes of this length."""
    options = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    said = {name: value for name, value in options.items() if value is not None}
    return Arguments("conv", (), said, ((1,) * length,)).window()


def _depthwise(given: Arguments) -> Op:
    channels = given.shape[-1]
    return _windowed(given, channels * given.size("multiplier"), channels)


def _pointwise(given: Arguments) -> Op:
    return convolution(given._replace(options={**given.options, "kernel": (1,)}))


def _transposed(given: Arguments) -> Op:
    kernel, stride, padding, dilation = given.window()
    extra = given.per_axis("output-padding", 0)
    return Transposed(
        kernel, given.size("out"), stride, padding, dilation, extra, given.size("groups"), given.on("bias")
    )


def _fold(given: Arguments) -> Op:
    kernel, stride, padding, dilation = given.window()
    if isinstance(padding, str):
        raise Invalid("fold needs a number of elements, not same", "for example 1", "padding")
    return Fold(kernel, given.sizes("to"), stride, padding, dilation)


BUILD: dict[str, Builder] = {
    "conv": convolution,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "transposed": _transposed,
    "fold": _fold,
}
