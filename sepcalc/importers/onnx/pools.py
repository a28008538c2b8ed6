"""Pools and resampling."""

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from struct import pack, unpack

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import folded, windowed
from sepcalc.importers.common.layout import IMAGES, NONE, WINDOWED
from sepcalc.importers.common.resampling import interpolation, pooled_to
from sepcalc.importers.onnx.arithmetic import power_of
from sepcalc.importers.onnx.convolutions import PLACES, image_of, pads_of, steps_of
from sepcalc.importers.onnx.graph import Builder, Named
from sepcalc.importers.onnx.opsets import upsampled
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Fold
from sepcalc.ops.elementwise import Activation
from sepcalc.ops.pool import GridSample, Pool, Upsample
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape, show


def _pool(how: str, builder: Builder, call: Call) -> Results:
    return _pooled(builder, call, how, call.input(0))


def _pooled(builder: Builder, call: Call, how: str, image: Value) -> Results:
    value, spatial = image_of(builder, image)
    kernel, (stride, dilation) = call.sizes("kernel_shape", rank=len(spatial)), steps_of(call, len(spatial))
    pads = pads_of(call, spatial, kernel, stride, dilation)
    exclude = how == "avg" and not call.whole("count_include_pad", 0)
    op = Pool(how, kernel, stride, pads, dilation, call.flag("ceil_mode", False), exclude)
    result = windowed(Named(builder, call.name), op, value)
    return (result, result._replace(kind=7))


def _global_pool(how: str, builder: Builder, call: Call) -> Results:
    return _all_pooled(builder, call, how, call.input(0))


def _all_pooled(builder: Builder, call: Call, how: str, image: Value) -> Results:
    value, spatial = image_of(builder, image)
    return (pooled_to(Named(builder, call.name), how, value, (1,) * len(spatial)),)


def _powers(pooled: Callable[[Builder, Call, str, Value], Results], builder: Builder, call: Call) -> Results:
    """An Lp pool: each element to the power p, sums over windows, the p-th root."""
    value, p = call.input(0), float(call.number("p", default=2))
    if p < 1:
        raise Invalid(f"a pool of power {p:g}: expected 1 or more")
    if p % 2:  # even powers need no absolute value
        value = Named(builder, call.name).emit(Activation("abs"), value, label="abs")
    value = power_of(builder, call.part("power"), value, p)
    (result, *_) = pooled(builder, call, "sum", value)
    return (power_of(builder, call.part("root"), result, 1 / p),)


def _folded(builder: Builder, call: Call) -> Results:
    """Col2Im: puts windows back, ``examples x C·K x positions``; positions of several images count as channels, too."""
    value = builder.laid(call.input(0), False)
    to, kernel = (call.input(at).numbers("the sizes of its windows are computed from the data") for at in (1, 2))
    axes = len(to)
    if len(value.sizes) != 3 or len(kernel) != axes or min(to + kernel, default=0) < 1:
        raise Invalid(f"{show(value.sizes)} are not the windows {kernel} of {to}")
    stride, dilation = steps_of(call, axes)
    op = Fold(kernel, to, stride, pads_of(call, to, kernel, stride, dilation), dilation)
    windows, seen = folded(op), builder.shape(value)
    number = builder.view(value.number, (*windows, prod(seen) // max(1, prod(windows))))
    number = builder.add(call.name, op, [number])
    shape = (value.sizes[0], value.sizes[1] // prod(kernel), *to)
    return (builder.give(value, shape, number, value.batch, True),)


def _resize(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    sizes = _resized(call, value)
    if sizes == value.sizes:
        return (value,)
    if call.whole("antialias", 0):
        raise Refused("with antialiasing the number of taps depends on the sizes; only plain resampling is supported")
    if value.batch == 0 and sizes[0] != value.sizes[0] and builder.batch > 1:
        raise builder.mixed
    image, spatial = image_of(builder, value)
    lead = builder.shape(image)[: -1 - len(spatial)]
    if sizes[:2] != value.sizes[:2]:
        raise Refused("it resamples the batch or the channels")
    mode, axes = call.text("mode", "nearest"), len(spatial)
    word = interpolation(mode, axes)
    if not word or (lead and word != "nearest"):
        raise Refused(f"resampling {mode} over {axes} axes is not supported")
    return (Named(builder, call.name).emit(Upsample(word, (*lead, *sizes[2:])), image),)


def _resized(call: Call, value: Value) -> Shape:
    """The target sizes: given directly, or as factors of the value's sizes."""
    shape, older = value.sizes, call.type == "Upsample"
    scales = call.maybe(2 if call.opset > 10 and not older else 1)
    target = None if older else call.maybe(3)
    axes = tuple([range(len(shape))[axis] for axis in call.ints("axes") or range(len(shape))])
    result = list(shape)
    if target is not None:
        wanted = target.numbers("the target sizes are computed from the data")
        policy = call.text("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            pick = min if policy == "not_larger" else max
            scale = pick(size / shape[axis] for size, axis in zip(wanted, axes, strict=True))
            wanted = tuple([int(scale * shape[axis] + 0.5) for axis in axes])
        for axis, size in zip(axes, wanted, strict=True):
            result[axis] = size
        return tuple(result)
    factors = call.attributes.get("scales") if older else None
    if scales is not None:
        if scales.data is None:
            raise Refused("its scales are computed from the data")
        factors = scales.data.numbers
    if factors is None or not len(factors):
        raise Invalid("its scales are missing")
    for axis, factor in zip(axes, factors, strict=True):
        if not 0 < float(factor) < 2**40:
            raise Invalid(f"its scale is {float(factor)}")
        result[axis] = int(_float32(_float32(shape[axis]) * _float32(float(factor))))
    return tuple(result)


def _float32(number: float) -> float:
    """The nearest float32. ONNX Runtime, ONNX's reference and shape inference multiply sizes and factors in float32."""
    return float(unpack("f", pack("f", number))[0])


def _grid_sample(builder: Builder, call: Call) -> Results:
    """An image sampled at the positions of a grid, ``examples x positions x coordinates``; either may be stored."""
    x, grid = call.input(0), call.input(1)
    axes = len(x.sizes) - 2
    mode = call.text("mode", "bilinear" if call.opset < 20 else "linear")
    if not 1 <= axes <= 3:
        raise Refused(f"sampling {mode} over {axes} axes is not supported")
    word = interpolation(
        {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode), axes
    )  # the old names, before opset 20
    if not word:
        raise Refused(f"sampling {mode} over {axes} axes is not supported, and no runtime runs it")
    if len(grid.sizes) != axes + 2 or grid.sizes[-1] != axes or grid.sizes[0] != x.sizes[0]:
        raise Invalid(f"a grid of {show(grid.sizes)} does not fit an input of {show(x.sizes)}")
    op: Op = GridSample(word, call.flag("align_corners", False), grid.constant)
    batch = 0 if 0 in (x.batch, grid.batch) else None
    image = builder.image(builder.standing(call.name, builder.for_each(x)))
    places = builder.laid(builder.standing(call.name, builder.for_each(grid)), False)
    if builder.batch > 1 and (image.batch != 0 or places.batch != 0):
        raise builder.mixed
    many = image.sizes[0] // builder.batch
    lead = () if many == 1 else (many,)
    sizes = builder.shape(image._replace(batch=None))[1:], places.sizes[1:]
    numbers = [builder.view(value.number, (*lead, *size)) for value, size in zip((image, places), sizes)]
    number = builder.add(call.name, Each(op) if lead else op, numbers)
    return (builder.give(x, (*x.sizes[:2], *grid.sizes[1:-1]), number, batch, True),)


def _resized_whole(call: Call) -> Shape | None:
    return _resized(call, call.input(0)) if call.input(0).shape is not None else None


def _sampled(call: Call) -> Shape | None:
    """The shape of an image sampled at the positions of a grid."""
    image, grid = call.input(0).shape, call.input(1).shape
    return None if image is None or grid is None else (*image[:2], *grid[1:-1])


def _regions(sizes: Callable[[Call], Sequence[int]]) -> Callable[[Call], Shape | None]:
    """The shape of pooled regions, listed in the second input; ``sizes`` gives the positions per region."""

    def shape(call: Call) -> Shape | None:
        image, regions = call.input(0).shape, call.input(1).shape
        return None if image is None or regions is None else (regions[0], image[1], *sizes(call))

    return shape


def _aligned(call: Call) -> Sequence[int]:
    return call.whole("output_height", 1), call.whole("output_width", 1)


def _unpooled(call: Call) -> Shape | None:
    """The shape of the image before the pool: as stated, else the smallest image that gives such a pool."""
    shape, said = call.input(0).shape, call.maybe(2)
    if shape is None or (said is not None and said.data is None):
        return None
    if said is not None and said.data is not None:
        return tuple([int(size) for size in said.data.numbers])
    axes = len(shape) - 2
    kernel, stride = call.sizes("kernel_shape", rank=axes), call.sizes("strides", rank=axes, default=1)
    pads = call.ints("pads") or (0,) * (2 * axes)
    sizes = zip(shape[2:], kernel, stride, pads[:axes], pads[axes:], strict=True)
    return (*shape[:2], *[(i - 1) * s + k - before - after for i, k, s, before, after in sizes])


POOLS: dict[str, Operator] = {
    "MaxPool": Operator(partial(_pool, "max"), WINDOWED),
    "AveragePool": Operator(partial(_pool, "avg"), WINDOWED),
    "GlobalAveragePool": Operator(partial(_global_pool, "avg"), WINDOWED),
    "GlobalMaxPool": Operator(partial(_global_pool, "max"), WINDOWED),
    "LpPool": Operator(partial(_powers, _pooled), WINDOWED),
    "GlobalLpPool": Operator(partial(_powers, _all_pooled), WINDOWED),
    "Col2Im": Operator(_folded, NONE),
    "GridSample": Operator(_grid_sample, IMAGES, apart=True, shape=_sampled),
    "RoiAlign": Operator(
        None,
        IMAGES,
        f"{PLACES}; where the file leaves it open, so is the number of samples per region",
        shape=_regions(_aligned),
    ),
    "MaxRoiPool": Operator(
        None,
        WINDOWED,
        "the sizes of its windows depend on the data",
        shape=_regions(lambda call: call.ints("pooled_shape") or ()),
    ),
    "MaxUnpool": Operator(None, IMAGES, "the positions that it writes to depend on the data", shape=_unpooled),
    "AffineGrid": Operator(
        None, NONE, "the library chooses whether its grid is a product or sums of coordinates", apart=True
    ),
    "Resize": Operator(_resize, IMAGES, settings=(1, 2, 3), apart=True, shape=_resized_whole),
    "Upsample": Operator(_resize, IMAGES, settings=(1,), apart=True, shape=_resized_whole, older=(7, upsampled)),
}
