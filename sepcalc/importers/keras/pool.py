"""Pools, resampling, padding and cropping."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.layout import IMAGES, NONE, WINDOWED, Layout, same_rows
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.move import Copy, Pad, Slice
from sepcalc.ops.pool import AdaptivePool, Pool, Reduce, Upsample
from sepcalc.shape import Padding


def pool(call: Call, rank: int, how: str) -> Tensor:
    settings, x = call.settings, call.image(rank)
    kernel = settings.sizes("pool_size", "pool_length", rank=rank, default=2)
    stride = kernel
    if settings.get("strides", "stride") is not None:
        stride = settings.sizes("strides", "stride", rank=rank)
    return call.add(Pool(how, kernel, stride, padding(settings, rank), (1,) * rank, exclude_pad=how == "avg"), x)


def padding(settings: Settings, rank: int) -> Padding:
    """The padding of the settings, ``valid`` or ``same``. Raises Invalid for any other word."""
    return "same" if settings.word("padding", ("valid", "same"), "valid") == "same" else ((0, 0),) * rank


def global_pool(call: Call, rank: int, how: str) -> Tensor:
    x, keep = call.image(rank), call.settings.flag("keepdims", False)
    made = call.add(Reduce(how, tuple(range(rank)), keep, "pool"), x)
    return made if keep else made._replace(shape=made.own[-1:], channels_first=False)


def adaptive(call: Call, rank: int, how: str) -> Tensor:
    x = call.image(rank)
    return call.add(AdaptivePool(how, call.settings.sizes("output_size", rank=rank)), x)


def upsampling(call: Call, rank: int) -> Tensor:
    settings, x = call.settings, call.image(rank)
    factors = settings.sizes("size", rank=rank, default=2)
    to = tuple([size * factor for size, factor in zip(x.own, factors)])
    how = settings.word("interpolation", INTERPOLATIONS, "nearest")
    return resample(call, x, to, how)


INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")


def resample(call: Call, x: Tensor, to: tuple[int, ...], how: str, link: str = "") -> Tensor:
    """Resamples an image, in its layout, to a size."""
    if how == "area":
        return call.add(AdaptivePool("avg", to), x, link=link)
    if how not in ("nearest", "bilinear", "bicubic"):
        plain, channels = call.plain(x), x.own[-1]
        shape = (channels, *to) if x.channels_first else (*to, channels)
        reason = f"interpolation {how}: use nearest, bilinear or bicubic"
        return call.inside(link, call.class_name, {}, plain).uncounted(reason, [shape])[0]
    return call.add(Upsample(how, to), x, link=link)


def zero_padding(call: Call, rank: int) -> Tensor:
    return call.add(Pad(call.settings.pairs("padding", rank)), call.image(rank))


def cropping(call: Call, rank: int) -> Tensor:
    x = call.image(rank)
    pairs = call.settings.pairs("cropping", rank)
    sizes = [size - before - after for size, (before, after) in zip(x.own, pairs)]
    if min(sizes) < 1:
        raise Invalid("cropping leaves nothing")
    return call.add(_cut(x, sizes, [before for before, _ in pairs]), x)


def center_crop(call: Call) -> Tensor:
    """The center of an image; a smaller image is first resized to cover the target."""
    x = call.image(2)
    height, width = call.settings.size("height"), call.settings.size("width")
    tall, wide = x.own[0], x.own[1]
    if tall < height or wide < width:
        x = _covering(call, x, height, width, "bilinear")
    return call.add(_middle(x, (height, width)), x)


def _middle(x: Tensor, sizes: tuple[int, int]) -> Slice:
    """The center of an image."""
    return _cut(x, sizes, [(whole - size) // 2 for whole, size in zip(x.own, sizes)])


def _cut(x: Tensor, sizes: Sequence[int], starts: Sequence[int]) -> Slice:
    """A part of an image with these spatial sizes, from these starts."""
    return Slice((*sizes, x.own[-1]), (*starts, 0) if any(starts) else ())


def _largest(x: Tensor, height: int, width: int) -> tuple[int, int]:
    """The size of the largest part of an image with the target's aspect ratio."""
    tall, wide = x.own[0], x.own[1]
    return min(tall, wide * height // width) or 1, min(wide, tall * width // height) or 1


def _covering(call: Call, x: Tensor, height: int, width: int, how: str) -> Tensor:
    """The largest part of an image with the target's aspect ratio, resized to the target."""
    part, (tall, wide) = _largest(x, height, width), x.own[:2]
    cut = call.add(_middle(x, part), x, link="crop") if part != (tall, wide) else x
    return resample(call, cut, (height, width), how, "resize")


def resizing(call: Call) -> Tensor:
    settings, x = call.settings, call.image()
    if len(x.shape) != 3:
        raise Invalid("it needs an image: two spatial axes and channels")
    to = settings.size("height"), settings.size("width")
    how = settings.word("interpolation", INTERPOLATIONS, "bilinear")
    if settings.flag("crop_to_aspect_ratio", False):
        x = call.add(_middle(x, _largest(x, *to)), x, link="crop")
    elif settings.flag("pad_to_aspect_ratio", False):
        tall, wide = x.own[0], x.own[1]
        more = max(tall, wide * to[0] // to[1]) - tall, max(wide, tall * to[1] // to[0]) - wide
        x = call.add(Pad(tuple([(size // 2, size - size // 2) for size in more])), x, link="pad")
    return resample(call, x, to, how)


def repeat_vector(call: Call) -> Tensor:
    x = call.plain(call.x)
    if len(x.shape) != 1:
        raise Invalid("it needs a vector")
    return call.add(Copy((call.settings.size("n"), *x.shape)), x)


def _every(names: str, function: Callable[..., Tensor], layout: Layout, **more: Any) -> dict[str, Operator]:
    """A row for each of these names with one, two and three spatial axes."""
    rows = {rank: Operator(partial(function, rank=rank, **more), layout) for rank in (1, 2, 3)}
    return {name.format(rank): row for name in names.split() for rank, row in rows.items()}


LAYERS: dict[str, Operator] = {
    **_every("MaxPooling{}D MaxPool{}D", pool, WINDOWED, how="max"),
    **_every("AveragePooling{}D AvgPool{}D", pool, WINDOWED, how="avg"),
    **_every("GlobalMaxPooling{}D GlobalMaxPool{}D", global_pool, WINDOWED, how="max"),
    **_every("GlobalAveragePooling{}D GlobalAvgPool{}D", global_pool, WINDOWED, how="mean"),
    **_every("AdaptiveMaxPooling{}D", adaptive, WINDOWED, how="max"),
    **_every("AdaptiveAveragePooling{}D", adaptive, WINDOWED, how="avg"),
    **_every("UpSampling{}D", upsampling, IMAGES),
    **_every("ZeroPadding{}D", zero_padding, IMAGES),
    **_every("Cropping{}D", cropping, IMAGES),
    **same_rows(Operator(center_crop, IMAGES), "CenterCrop", "RandomCrop"),  # at inference the center
    "Resizing": Operator(resizing, IMAGES),
    "RepeatVector": Operator(repeat_vector, NONE),
}
