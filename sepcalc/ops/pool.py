"""Pools, reductions over axes, and resampling. No macs: a pool multiplies by one stored number, or only compares."""

from math import gcd
from typing import NamedTuple, cast

from sepcalc.cost import Cost, Naming, plain
from sepcalc.errors import Invalid, quoted
from sepcalc.ops.arguments import Arguments, Written, letter, short, windowed
from sepcalc.ops.base import Builder, Op, Ties, Width, Window, require_spatial
from sepcalc.ops.conv import gathered, refuse_empty
from sepcalc.shape import (
    Padding,
    Pads,
    Shape,
    Shapes,
    axis_letters,
    extent,
    positions,
    positions_ceil,
    show,
    window_pads,
)


class _Pool(NamedTuple):
    how: str
    kernel: Shape
    stride: Shape
    padding: Padding
    dilation: Shape
    ceil: bool = False
    exclude_pad: bool = False


class Pool(_Pool, Op):
    """A max, average or sum pool over windows.

    Max: y·(K-1) compares (padding is -inf, and compared). Average: y·(K-1) additions and y mults by the stored
    1/size; whether padding counts in the size changes only the stored number. Sum: the additions alone. A sum of n
    terms takes n - 1 additions, and a number that is known beforehand is stored.
    """

    __slots__ = ()
    label = "pool"
    ties = Op.passing
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        return f"{self.how} {show(self.kernel)}" + (f" /{show(self.stride)}" if self.stride != self.kernel else "")

    def pads(self, shape: Shape) -> Pads:
        """The padding before and after, per spatial axis, for an input of this shape."""
        return window_pads(self.padding, shape, self.kernel, self.stride, self.dilation)

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        require_spatial(shape, "pool")
        sizes = []
        axes = zip(shape, self.kernel, self.stride, self.dilation, self.pads(shape))
        for axis, (i, k, s, d, (before, after)) in enumerate(axes):
            span = extent(k, d)
            sizes.append(
                positions_ceil(i, span, s, before, after) if self.ceil else positions(i, span, s, before + after)
            )
            if sizes[-1] < 1:
                refuse_empty(shape, axis, span, before + after)
        return (*sizes, shape[-1])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        windows = name("windows", *output)
        each = name("each", *self.kernel)
        if self.how == "max":
            return Cost(compares=windows * (each - 1), activations=windows)
        return Cost(mults=windows if self.how == "avg" else 0, adds=windows * (each - 1), activations=windows)

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return gathered(self.kernel, self.stride, self.dilation, self.padding, inputs[0][:-1])

    def written(self, inputs: Shapes) -> Written:
        options = windowed(self.kernel, self.stride, self.padding, self.dilation)
        stride = None if self.stride == self.kernel else short(self.stride)
        flags = {"ceil": self.ceil or None, "exclude-pad": self.exclude_pad or None}
        return Written("pool", (self.how,), {**options, "stride": stride, **flags})


# The count of every element except the first.
REDUCTIONS = {
    "mean": "adds",
    "sum": "adds",
    "max": "compares",
    "min": "compares",
    "prod": "mults",
    "argmax": "compares",
    "argmin": "compares",
}


class _Reduce(NamedTuple):
    how: str
    axes: tuple[int, ...]
    keep: bool = False
    called: str = "reduce"


class Reduce(_Reduce, Op):
    """The mean, sum, product, maximum or minimum over some axes, or where it is (counted from 0, channels last); a
    global pool is one over all spatial axes.

    Mean: x - y additions, y mults by the stored 1/n; sum: x - y additions; prod: x - y mults; max, min, argmax,
    argmin: x - y compares. Each of y results combines its n elements, n - 1 times.
    """

    __slots__ = ()
    resized = Op.unchanged

    def kind(self, inputs: Shapes) -> str:
        return self.called

    def detail(self, inputs: Shapes) -> str:
        return "avg global" if (self.called, self.how) == ("pool", "mean") else f"{self.how} global"

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        if self.keep:
            return tuple([1 if axis in self.axes else size for axis, size in enumerate(shape)])
        return tuple([size for axis, size in enumerate(shape) if axis not in self.axes]) or (1,)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        x, y = name("inputs", *inputs[0]), name("outputs", *output)
        if self.how == "mean":
            return Cost(mults=y, adds=x - y, activations=y)
        return Cost(**{REDUCTIONS[self.how]: x - y}, activations=y)

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return () if self.axes == (len(inputs[0]) - 1,) and self.keep else None

    def written(self, inputs: Shapes) -> Written:
        rank = len(inputs[0]) - 1
        if self.called == "pool" and self.axes == tuple(range(rank)):
            how = "max" if self.how == "max" else "avg"
            return Written("pool", (how,), {"to": (1,) * rank}) if self.keep else Written("pool", (how, "global"))
        letters = axis_letters(inputs[0])
        over = "".join(letters[axis] for axis in self.axes)
        return Written("reduce", (self.how,), {"over": over, "keep": self.keep or None})

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return self.untied(inputs, output) if len(inputs[0]) - 1 in self.axes else self.passing(inputs, output)


class _Cumulate(NamedTuple):
    axis: int = -1
    how: str = "sum"


class Cumulate(_Cumulate, Op):
    """Running sums, products, maxima or minima along one axis (the last): y - y/n additions, mults or compares, one for
    every element but the first, which the running result starts with."""

    __slots__ = ()
    ties = Op.passing
    resized = Op.unchanged

    def kind(self, inputs: Shapes) -> str:
        return f"cum{self.how}"

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return self.looking(self.axis, output)

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        rows = name("rows", *[size for at, size in enumerate(output) if at != range(len(output))[self.axis]])
        each = name("each", output[self.axis])
        return Cost(**{REDUCTIONS[self.how]: rows * (each - 1)}, activations=rows * each)

    def written(self, inputs: Shapes) -> Written:
        return Written(f"cum{self.how}", (), {"axis": letter(self.axis, inputs[0])})


class _AdaptivePool(NamedTuple):
    how: str
    to: Shape


class AdaptivePool(_AdaptivePool, Op):
    """A pool to a given size: output j of an axis covers floor(j·i/o) to ceil((j+1)·i/o), so windows may overlap.

    All windows of an axis together hold i + o - gcd(i, o) elements; C·W - y additions (average, and y mults) or
    compares (max), W their product. Source: PyTorch's AdaptiveAvgPool.
    """

    __slots__ = ()
    label = "pool"
    ties = Op.passing
    resized = Op.unchanged  # its target size stays

    def detail(self, inputs: Shapes) -> str:
        return f"{self.how} to {show(self.to)}"

    def output(self, inputs: Shapes) -> Shape:
        require_spatial(inputs[0], "pool")
        return (*self.to, inputs[0][-1])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        (shape,) = inputs
        covered = name("channels", shape[-1]) * name(
            "window elements", *[i + o - gcd(i, o) for i, o in zip(shape, self.to)]
        )
        y = name("outputs", *output)
        if self.how == "max":
            return Cost(compares=covered - y, activations=y)
        return Cost(mults=y, adds=covered - y, activations=y)

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        if max(self.to) == 1:  # a pool of all positions, without positions in the result
            return None
        # The remainder, i mod o, makes windows overlap if it does not divide o.
        return tuple([Window(-(-i // o) + (i % o > gcd(i, o)), i, o, None) for i, o in zip(inputs[0], self.to)])

    def written(self, inputs: Shapes) -> Written:
        return Written("pool", (self.how,), {"to": self.to})


TAPS = {"nearest": 1, "linear": 2, "bilinear": 2, "trilinear": 2, "bicubic": 4}
RANKS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


class _Upsample(NamedTuple):
    how: str
    to: Shape


class Upsample(_Upsample, Op):
    """Resampling to a given size: nearest copies; linear, bilinear, trilinear and bicubic weigh 2, 4, 8 and 16 taps
    with weights prepared beforehand, all taps at once: t·y mults, (t-1)·y additions. Taps past the edge count."""

    __slots__ = ()
    label = "upsample"
    ties = Op.passing

    def detail(self, inputs: Shapes) -> str:
        return self.how

    def output(self, inputs: Shapes) -> Shape:
        (shape,) = inputs
        require_spatial(shape, "upsample")
        axes = len(shape) - 1
        if RANKS.get(self.how, axes) != axes:
            fitting = next((word for word, rank in RANKS.items() if rank == axes), "nearest")
            raise Invalid(
                f"{self.how} is for {RANKS[self.how]} spatial axes, but {show(shape)} has {axes}", f"take {fitting}"
            )
        return (*self.to, shape[-1])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        y = name("outputs", *output)
        if self.how == "nearest":
            return Cost(activations=y)
        taps = name("taps", *[TAPS[self.how]] * len(self.to))
        return Cost(mults=taps * y, adds=(taps - 1) * y, activations=y)

    def windows(self, inputs: Shapes, output: Shape) -> tuple[Window, ...] | None:
        return tuple([Window(TAPS[self.how], i, o, None) for i, o in zip(inputs[0], self.to)])

    def written(self, inputs: Shapes) -> Written:
        return Written("upsample", (self.how,), {"to": self.to})

    def resized(self, old: Shapes, new: Shapes, wider: Width) -> Op:
        """Keeps the proportion of the target size to the input's."""
        sizes = []
        for size, before, after in zip(self.to, old[0], new[0]):
            if size * after % before:
                raise Invalid(f"upsample {size} of {before} has no whole counterpart of {after}")
            sizes.append(size * after // before)
        return self._replace(to=tuple(sizes))


# Interpolation -> numbers of spatial axes.
SAMPLED = {"nearest": (1, 2, 3), "linear": (1,), "bilinear": (2,), "trilinear": (3,), "bicubic": (2,)}
# The cost of the weights of all taps along one axis. Linear: 1 - t and t. Cubic, with t = x - floor(x) and
# a = -3/4 for t + 1 and 2 - t ((a·d - 5a)·d + 8a)·d - 4a, for t and 1 - t ((a + 2)·d - (a + 3))·d·d + 1.
_WEIGHTS = {2: (0, 2), 4: (12, 14)}  # by taps: mults, adds
CUBIC = -0.75  # a, as PyTorch, ONNX and OpenCV have it


class _GridSample(NamedTuple):
    how: str
    align_corners: bool = False
    stored: bool = False


class GridSample(_GridSample, Op):
    """The first input read at places that the second, positions x coordinates from -1 to 1, says for all channels.

    For each of P positions a coordinate (g + 1)·(size/2) - 1/2 per axis, two distances to its neighbours per axis, and
    the weights of the taps, which are their products: 6P mults and 8P additions of two axes; then a weighted sum of 4
    taps for each of y outputs. With ``align_corners`` a coordinate is (g + 1)·((size - 1)/2): P additions less per
    axis. Bicubic: four taps per axis, their weights 12 mults and 14 additions, and 16 products of two: 42P mults and
    32P additions; then a weighted sum of 16 taps. Nearest: the coordinates alone. Of a ``stored`` grid all but the sums
    is prepared beforehand. What is outside counts, and where it is read instead is indexing, which is free. Weights
    that depend on data are computed, and so they are not free. Source: Keys, "Cubic convolution interpolation", 1981.
    """

    __slots__ = ()
    label = "grid-sample"
    least = 2
    most = 2
    windows = Op.everywhere
    resized = Op.unchanged

    def detail(self, inputs: Shapes) -> str:
        return self.how

    def output(self, inputs: Shapes) -> Shape:
        shape, grid = inputs
        require_spatial(shape, self.label)
        axes = len(shape) - 1
        if axes not in SAMPLED[self.how]:
            fitting = next((word for word, ranks in SAMPLED.items() if ranks == (axes,)), "")
            ranks = " or ".join(map(str, SAMPLED[self.how]))
            raise Invalid(
                f"{self.how} is for {ranks} spatial axes, but {show(shape)} has {axes}",
                f"take {fitting}" if fitting else "",
            )
        if grid[-1] != axes:
            raise Invalid(f"a grid of {show(grid)} has {grid[-1]} coordinates, {show(shape)} has {axes} spatial axes")
        return (*grid[:-1], shape[-1])

    def cost(self, inputs: Shapes, output: Shape, name: Naming = plain) -> Cost:
        axes = inputs[1][-1]
        y, places = name("outputs", *output), name("positions", *output[:-1])
        mults, adds = (0, 0) if self.stored else (axes, axes if self.align_corners else 2 * axes)
        if self.how == "nearest":
            return Cost(mults=mults * places, adds=adds * places, activations=y)
        taps = TAPS[self.how]
        if not self.stored:
            weights, sums = _WEIGHTS[taps]
            mults += axes * weights + sum(taps**several for several in range(2, axes + 1))  # products of 2, then of 3
            adds += axes * sums
        return Cost(mults=taps**axes * y + mults * places, adds=(taps**axes - 1) * y + adds * places, activations=y)

    def written(self, inputs: Shapes) -> Written:
        flags = {"align-corners": self.align_corners or None, "stored": self.stored or None}
        return Written("grid-sample", (self.how,), flags)

    def ties(self, inputs: Shapes, output: Shape) -> Ties:
        return Ties(same=(0,))


# --- from words and options ------------------------------------------------------------------------------------------


def _pool(given: Arguments) -> Op:
    shape, words, options = given.shape, given.words, given.options
    how = words[0]
    if how == "sum" and (len(words) > 1 or "to" in options):
        raise Invalid("pool sum needs --kernel: the size of its window", "reduce sum sums over whole axes")
    if "global" in words:
        require_spatial(shape, "pool")
        return Reduce("max" if how == "max" else "mean", tuple(range(len(shape) - 1)), called="pool")
    if "to" in options or "adaptive" in words:
        if "to" not in options:
            raise Invalid("pool adaptive needs --to: the size to reach")
        return AdaptivePool(how, given.per_axis("to"))
    if "kernel" not in options:
        raise Invalid("pool needs --kernel: the size of its window", f"or pool {how} global, or pool {how} --to 7x7")
    kernel, stride, padding, dilation = given.window()
    stride = stride if "stride" in options else kernel
    return Pool(how, kernel, stride, padding, dilation, given.on("ceil"), given.on("exclude-pad"))


def _reduce(given: Arguments) -> Op:
    letters = axis_letters(given.shape)
    over = cast(str, given.options.get("over", letters[:-1] or letters))
    if not over or set(over) - set(letters) or len(set(over)) < len(over):
        raise Invalid(
            f"{quoted(over)} does not name axes of {show(given.shape)}: expected some of {letters}", about="over"
        )
    return Reduce(given.words[0], tuple(sorted(letters.index(letter) for letter in over)), given.on("keep"))


def _upsample(given: Arguments) -> Op:
    """Resampling to ``--to``, or by ``--scale``."""
    options = given.options
    if ("to" in options) == ("scale" in options):
        raise Invalid("upsample needs --to or --scale, one of them", about="to" if "to" in options else "")
    scaled = tuple([size * factor for size, factor in zip(given.shape, given.per_axis("scale"))])
    return Upsample(given.words[0], given.per_axis("to") if "to" in options else scaled)


BUILD: dict[str, Builder] = {
    "pool": _pool,
    "reduce": _reduce,
    **{f"cum{how}": lambda given: Cumulate(given.axis(), given.kind[3:]) for how in ("sum", "prod", "max", "min")},
    "upsample": _upsample,
    "grid-sample": lambda given: GridSample(given.words[0], given.on("align-corners"), given.on("stored")),
}
