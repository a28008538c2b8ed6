"""Pools and resampling."""

from collections.abc import Callable, Sequence
from math import prod
from struct import pack, unpack

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import folded, windowed
from sepcalc.importers.common.layout import IMAGES, NONE, WINDOWED
from sepcalc.importers.onnx.arithmetic import power_of
from sepcalc.importers.onnx.convolutions import PLACES, image_of, pads_of
from sepcalc.importers.onnx.graph import Builder, Handler, Named
from sepcalc.importers.onnx.opsets import upsampled
from sepcalc.importers.onnx.rows import Operator
from sepcalc.importers.onnx.values import Call, Refused, Results, Value
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Fold
from sepcalc.ops.elementwise import Activation
from sepcalc.ops.pool import GridSample, Pool, Reduce, Upsample
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape, show


def _pool(how: str) -> Handler:
    return lambda builder, call: _pooled(builder, call, how, call.input(0))


def _pooled(builder: Builder, call: Call, how: str, image: Value) -> Results:
    value, spatial = image_of(builder, image)
    axes = len(spatial)
    kernel = call.sizes("kernel_shape", rank=axes)
    stride, dilation = [call.sizes(name, rank=axes, default=1) for name in ("strides", "dilations")]
    pads = pads_of(call, spatial, kernel, stride, dilation)
    exclude = how == "avg" and not call.whole("count_include_pad", 0)
    op = Pool(how, kernel, stride, pads, dilation, call.flag("ceil_mode", False), exclude)
    result = windowed(Named(builder, call.name), op, value)
    return (result, result._replace(kind=7))


def _global_pool(how: str) -> Handler:
    return lambda builder, call: _all_pooled(builder, call, how, call.input(0))


def _all_pooled(builder: Builder, call: Call, how: str, image: Value) -> Results:
    value, spatial = image_of(builder, image)
    lead = len(builder.shape(value)) - 1 - len(spatial)
    op = Reduce(how, tuple(range(lead, lead + len(spatial))), True, "reduce" if how == "sum" else "pool")
    number = builder.add(call.name, op, [value.number])
    shape = (*value.sizes[:2], *(1,) * len(spatial))
    return (builder.give(value, shape, number=number, batch=value.batch, channels_first=True),)


def _powers(pooled: Callable[[Builder, Call, str, Value], Results]) -> Handler:
    """The p-th root of the sum of p-th powers: each element's power once, the windows' sums, their roots."""

    def handle(builder: Builder, call: Call) -> Results:
        value, p = call.input(0), float(call.number("p", default=2))
        if p < 1:
            raise Invalid(f"a pool of powers {p:g}: expected 1 or more")
        if p % 2:  # of even powers there is no need of it
            value = value._replace(number=builder.add(f"{call.name}/abs", Activation("abs"), [value.number]))
        value = power_of(builder, call._replace(name=f"{call.name}/power"), value, p)
        (result, *_) = pooled(builder, call, "sum", value)
        return (power_of(builder, call._replace(name=f"{call.name}/root"), result, 1 / p),)

    return handle


def _folded(builder: Builder, call: Call) -> Results:
    """Windows put back, ``examples x C·K x positions``; positions of several pictures are channels, too."""
    value, size, block = builder.laid(call.input(0), False), call.input(1), call.input(2)
    if size.data is None or block.data is None:
        raise Refused("the sizes of its windows are computed from the data")
    to, kernel = [tuple(int(number) for number in one.data.numbers) for one in (size, block)]
    axes = len(to)
    if len(value.sizes) != 3 or len(kernel) != axes or min(to + kernel, default=0) < 1:
        raise Invalid(f"{show(value.sizes)} are not the windows {kernel} of {to}")
    stride, dilation = [call.sizes(name, rank=axes, default=1) for name in ("strides", "dilations")]
    pads = pads_of(call, to, kernel, stride, dilation)
    op = Fold(kernel, to, stride, pads, dilation)
    windows, seen = folded(op), builder.shape(value)
    number = builder.view(value.number, (*windows, prod(seen) // max(1, prod(windows))))
    number = builder.add(call.name, op, [number])
    shape = (value.sizes[0], value.sizes[1] // prod(kernel), *to)
    return (builder.give(value, shape, number=number, batch=value.batch, channels_first=True),)


def _resize(builder: Builder, call: Call) -> Results:
    value = call.input(0)
    sizes = _resized(call, value)
    if sizes == value.sizes:
        return (value,)
    if call.whole("antialias", 0):
        raise Refused("resampling with antialiasing weighs as many taps as the sizes say; only plain resampling counts")
    if value.batch == 0 and sizes[0] != value.sizes[0] and builder.batch > 1:
        raise builder.mixed
    image, spatial = image_of(builder, value)
    lead = len(builder.shape(image)) - 1 - len(spatial)
    if sizes[:2] != value.sizes[:2]:
        raise Refused("it resamples the batch or the channels")
    mode = call.text("mode", "nearest")
    axes = len(spatial)
    changed = [at for at in range(axes) if sizes[2 + at] != spatial[at]]
    how = {
        "nearest": "nearest",
        "linear": {1: "linear", 2: "bilinear", 3: "trilinear"}.get(axes, ""),
        "cubic": "bicubic",
    }
    word = how.get(mode, "")
    if not word or (word == "bicubic" and axes != 2) or (lead and word != "nearest"):
        raise Refused(f"resampling {mode} over {axes} axes has no count here")
    op = Upsample(word, (*builder.shape(image)[:lead], *sizes[2:]))
    assert changed
    number = builder.add(call.name, op, [image.number])
    return (builder.give(image, sizes, number=number, batch=image.batch, channels_first=True),)


def _resized(call: Call, value: Value) -> Shape:
    shape = value.sizes
    target = call.maybe(3)
    if call.type == "Upsample":
        scales, factors = call.maybe(1), call.attributes.get("scales")
    else:
        scales, factors = call.maybe(2) if call.opset > 10 else call.maybe(1), None
    if scales is not None:
        factors = scales.data.numbers if scales.data is not None else None
    axes = call.ints("axes") or tuple(range(len(shape)))
    axes = tuple(range(len(shape))[axis] for axis in axes)
    result = list(shape)
    if call.type != "Upsample" and target is not None:
        if target.data is None:
            raise Refused("the sizes to reach are computed from the data")
        policy = call.text("keep_aspect_ratio_policy", "stretch")
        wanted = [int(size) for size in target.data.numbers]
        if policy != "stretch":
            pick = min if policy == "not_larger" else max
            scale = pick(size / shape[axis] for size, axis in zip(wanted, axes, strict=True))
            wanted = [int(scale * shape[axis] + 0.5) for axis in axes]
        for axis, size in zip(axes, wanted, strict=True):
            result[axis] = size
        return tuple(result)
    if factors is None and scales is not None:
        raise Refused("the factors to resample by are computed from the data")
    if factors is None or not len(factors):
        raise Invalid("the factors to resample by are not in the graph")
    for axis, factor in zip(axes, factors, strict=True):
        if not 0 < float(factor) < 2**40:
            raise Invalid(f"it resamples by {float(factor)}")
        result[axis] = int(_float32(_float32(shape[axis]) * _float32(float(factor))))
    return tuple(result)


def _float32(number: float) -> float:
    """The nearest float32: in these runtimes, the reference and shape inference multiply sizes and factors."""
    return float(unpack("f", pack("f", number))[0])


def _grid_sample(builder: Builder, call: Call) -> Results:
    """An image read where a grid says, ``examples x positions x coordinates``; each of the two may be stored."""
    x, grid = call.input(0), call.input(1)
    axes = len(x.sizes) - 2
    mode = call.text("mode", "bilinear" if call.opset < 20 else "linear")
    family = {"bilinear": "linear", "bicubic": "cubic"}.get(mode, mode)  # as before opset 20
    names = {1: ("linear", ""), 2: ("bilinear", "bicubic"), 3: ("trilinear", "")}
    if axes not in names:
        raise Refused(f"sampling {mode} over {axes} axes has no count here")
    words = {"nearest": "nearest", **dict(zip(("linear", "cubic"), names[axes]))}
    if not words.get(family):
        raise Refused(f"sampling {mode} over {axes} axes has no count here: runtimes have none either")
    if len(grid.sizes) != axes + 2 or grid.sizes[-1] != axes or grid.sizes[0] != x.sizes[0]:
        raise Invalid(f"a grid of {show(grid.sizes)} does not fit an input of {show(x.sizes)}")
    op: Op = GridSample(words[family], call.flag("align_corners", False), grid.constant)
    batch = 0 if 0 in (x.batch, grid.batch) else None
    x, grid = [builder.for_each(value) for value in (x, grid)]
    image = builder.image(builder.standing(call.name, x))
    places = builder.laid(builder.standing(call.name, grid), False)
    if builder.batch > 1 and (image.batch != 0 or places.batch != 0):
        raise builder.mixed
    many = image.sizes[0] // builder.batch
    sizes = [
        tuple(builder.shape(image._replace(batch=None))[1:]),
        places.sizes[1:],
    ]
    numbers = [
        builder.view(value.number, size if many == 1 else (many, *size)) for value, size in zip((image, places), sizes)
    ]
    number = builder.add(call.name, op if many == 1 else Each(op), numbers)
    shape = (*x.sizes[:2], *grid.sizes[1:-1])
    return (builder.give(x, shape, number=number, batch=batch, channels_first=True),)


def _resized_whole(call: Call) -> Shape | None:
    return _resized(call, call.input(0)) if call.input(0).shape is not None else None


def _sampled(call: Call) -> Shape | None:
    """An image at the places of a grid."""
    image, grid = call.input(0).shape, call.input(1).shape
    return None if image is None or grid is None else (*image[:2], *grid[1:-1])


def _regions(sizes: Callable[[Call], Sequence[int]]) -> Callable[[Call], Shape | None]:
    """So many positions of each region, which are the second input."""

    def shape(call: Call) -> Shape | None:
        image, regions = call.input(0).shape, call.input(1).shape
        return None if image is None or regions is None else (regions[0], image[1], *sizes(call))

    return shape


def _aligned(call: Call) -> Sequence[int]:
    return call.whole("output_height", 1), call.whole("output_width", 1)


def _unpooled(call: Call) -> Shape | None:
    """The image that was pooled, where the operator says how large: else the smallest that gives such a pool."""
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
    "MaxPool": Operator(_pool("max"), WINDOWED),
    "AveragePool": Operator(_pool("avg"), WINDOWED),
    "GlobalAveragePool": Operator(_global_pool("mean"), WINDOWED),
    "GlobalMaxPool": Operator(_global_pool("max"), WINDOWED),
    "LpPool": Operator(_powers(_pooled), WINDOWED),
    "GlobalLpPool": Operator(_powers(_all_pooled), WINDOWED),
    "Col2Im": Operator(_folded, NONE),
    "GridSample": Operator(_grid_sample, IMAGES, apart=True, shape=_sampled),
    "RoiAlign": Operator(
        None,
        IMAGES,
        f"{PLACES}; of a region whose samples the file leaves open, how many there are",
        shape=_regions(_aligned),
    ),
    "MaxRoiPool": Operator(
        None,
        WINDOWED,
        "how large the windows of its regions are depends on the data",
        shape=_regions(lambda call: call.ints("pooled_shape") or ()),
    ),
    "MaxUnpool": Operator(None, IMAGES, "where it puts what depends on the data", shape=_unpooled),
    "AffineGrid": Operator(
        None, NONE, "whether its grid is a product or sums of coordinates is the library's choice", apart=True
    ),
    "Resize": Operator(_resize, IMAGES, settings=(1, 2, 3), apart=True, shape=_resized_whole),
    "Upsample": Operator(_resize, IMAGES, settings=(1,), apart=True, shape=_resized_whole, older=(7, upsampled)),
}
