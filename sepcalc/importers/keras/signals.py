"""Preprocessing of signals and images: spectrograms, contrast."""

from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.layout import IMAGES, KEEPS, NONE
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.pool import padding
from sepcalc.importers.keras.rows import Operator
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv
from sepcalc.ops.elementwise import Activation, Elementwise, Select, Stored
from sepcalc.ops.move import Concat, Copy, Slice
from sepcalc.ops.norm import Normalization
from sepcalc.ops.pool import Cumulate, Reduce
from sepcalc.ops.repeat import Each
from sepcalc.shape import Shape

MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


def stft(call: Call) -> Tensor:
    """A short-time Fourier transform as Keras runs it: a convolution with stored cosines and one with stored sines,
    which count as params; each channel uses the same kernels. Then the magnitude, or another mode."""
    settings, x = call.settings, call.plain(call.x)
    if len(x.shape) != 2:
        raise Invalid("it needs a signal: time and channels")
    mode = settings.word("mode", MODES, "log")
    frame = settings.size("frame_length", default=256)
    stride = settings.size("frame_step", default=max(1, frame // 2))
    bins = settings.size("fft_length", default=1 << (frame - 1).bit_length()) // 2 + 1
    last = settings.word("data_format", ("channels_last", "channels_first"), "channels_last") == "channels_last"
    time, channels = x.shape if last else x.shape[::-1]
    op: Op = Conv((frame,), bins, (stride,), padding(settings, 1), (1,))
    if channels > 1:
        op = Each(op)
        x = call.free("permute", x, (channels, time), "channels") if last else x
        x = call.free("reshape", x, (channels, time, 1), "rows")
    else:
        x = call.shaped(x, (time, 1), "row")
    parts = [call.add(op, x, link=part) for part in ("real", "imag") if mode not in ("real", "imag") or mode == part]
    made = _spectrum(call, parts, mode, bins)
    made = _laid(call, made, channels, last, settings.flag("expand_dims", False))
    if mode == "log":
        made = call.add(Activation("log"), call.add(Stored("maximum"), made, link="floor"), link="log")
    return made


def _spectrum(call: Call, parts: list[Tensor], mode: str, bins: int) -> Tensor:
    """The result of a mode on the real and the imaginary part, ``channels x time x bins``."""
    if mode in ("real", "imag"):
        return parts[0]
    if mode == "stft":
        return call.add(Concat(), *parts, link="parts")
    if mode == "angle":
        return call.add(Activation("atan"), call.add(Elementwise("divide"), *parts, link="ratio"), link="angle")
    squares = [
        call.add(Activation("square"), part, link=f"{name}/square") for part, name in zip(parts, ("real", "imag"))
    ]
    power = call.add(Elementwise("add"), *squares, link="power")
    if mode != "psd":
        return call.add(Activation("sqrt"), call.add(Stored("maximum"), power, link="least"), link="root")
    inner = power
    if bins > 2:  # all bins except the first and the last occur twice
        inner = call.add(Slice((*power.shape[:-1], bins - 2), (*[0] * (len(power.shape) - 1), 1)), power, link="inner")
    return call.add(Elementwise("add"), power, call.add(Copy(power.shape), inner, link="bordered"), link="density")


def _laid(call: Call, made: Tensor, channels: int, last: bool, apart: bool) -> Tensor:
    """A spectrum in Keras' layout: frequencies on their own axis (``apart``) or merged with the channels."""
    *_, time, bins = made.shape
    if apart:
        shape = (time, bins, channels) if last else (channels, time, bins)
        how = "permute" if channels > 1 else "reshape"
        return made if made.shape == shape else call.free(how, made, shape, "layout")
    if channels == 1:
        return made if last else call.free("permute", made, (bins, time), "layout")
    order = (time, channels, bins) if last else (channels, bins, time)
    flat = (time, channels * bins) if last else (channels * bins, time)
    return call.free("reshape", call.free("permute", made, order, "layout"), flat, "flat")


def mel(call: Call) -> list[Shape]:
    """The shape of a mel spectrogram: bands by frames."""
    if len(call.x.shape) != 1:
        raise Invalid("it needs a signal with only a time axis")
    stride = call.settings.size("sequence_stride", default=512)
    return [(call.settings.size("num_mel_bins", default=128), (call.x.shape[0] + stride + 1) // stride)]


# --- contrast ---------------------------------------------------------------------------------------------------------


def _ranged(call: Call, x: Tensor, link: str) -> Tensor:
    """Maps values from one range to another by x·s + t with stored numbers; nothing if the ranges are equal."""
    value = call.settings.get("value_range")
    low, high = value if isinstance(value, list | tuple) and len(value) == 2 else (0, 255)
    if {low, high} == {0, 255}:
        return x
    return call.add(Normalization(), x, link=link)


def auto_contrast(call: Call) -> Tensor:
    """Stretches the values of each channel to the full range: x·s + o, with s = 255/(high - low) and o = -low·s; then
    clips, and keeps x if the result is not a number."""
    if len(call.x.shape) != 3:
        raise Invalid("it needs a picture: two spatial axes and channels")
    x = call.plain(call.x)
    seen = _ranged(call, x, "range")
    low = call.add(Reduce("min", (0, 1), keep=True), seen, link="low")
    high = call.add(Reduce("max", (0, 1), keep=True), seen, link="high")
    scale = call.add(Stored("over"), call.add(Elementwise("subtract"), high, low, link="span"), link="scale")
    offset = call.add(Elementwise("multiply"), low, scale, link="offset")
    scaled = call.add(Elementwise("multiply"), seen, scale, link="scaled")
    made = call.add(Activation("clip"), call.add(Elementwise("add"), scaled, offset, link="shifted"), link="clip")
    made = _ranged(call, made, "restored")
    return call.add(Select(), call.add(Elementwise("compare"), made, made, link="is number"), made, x)


def equalization(call: Call) -> Tensor:
    """Contrast-limited adaptive histogram equalization as Keras runs it. Each tile and channel has a histogram (a sum
    of ones), clipped at a limit, whose running sum is a table of 256 values. Each pixel interpolates bilinearly between
    the four tables around it. The positions and weights of the tables are known beforehand."""
    settings = call.settings
    image = call.image(2)
    x = image._replace(shape=image.own, channels_first=False)
    height, width, channels = x.shape
    grid = settings.sizes("tile_grid_size", rank=2, default=8)
    tile = tuple([-(-size // count) for size, count in zip((height, width), grid)])
    x = _ranged(call, x, "range")
    whole = (tile[0] * grid[0], tile[1] * grid[1], channels)
    if whole != x.shape:
        x = call.add(Copy(whole), x, link="mirrored")
    tables, pixels = prod(grid) * channels, prod(tile)
    tiles = call.free(
        "permute",
        call.free("reshape", x, (grid[0], tile[0], grid[1], tile[1], channels), "cut"),
        (grid[0], grid[1], channels, tile[0], tile[1]),
        "tiles",
    )
    tiles = call.free("reshape", tiles, (tables, pixels), "rows")
    ones = call.add(Copy((tables, pixels, 256)), call.add(Activation("clip"), tiles, link="bins"), link="one_hot")
    counts = call.add(Reduce("sum", (1,)), ones, link="histogram")
    if settings.number("clip_limit", default=4.0) > 0:
        cut = call.add(Activation("clip"), counts, link="cut")
        excess = call.add(
            Reduce("sum", (1,), keep=True), call.add(Elementwise("subtract"), counts, cut, link="over"), link="excess"
        )
        counts = call.add(Elementwise("add"), cut, call.add(Stored("scale"), excess, link="share"), link="spread")
    sums = call.add(Cumulate(1), counts, link="sums")
    least = call.add(Reduce("min", (1,), keep=True), sums, link="least")
    above = call.add(Stored("scale"), call.add(Elementwise("subtract"), sums, least, link="above"), link="scaled")
    rest = call.add(Stored("from"), least, link="rest")
    rest = call.add(Select(), call.add(Stored("compare"), rest, link="none"), rest, link="some")
    values = call.add(Activation("clip"), call.add(Elementwise("divide"), above, rest, link="quotient"), link="table")
    values = call.add(Copy(((grid[0] + 2) * grid[1] * channels, 256)), values, link="rows around")
    values = call.add(Copy(((grid[0] + 2) * (grid[1] + 2) * channels, 256)), values, link="columns around")
    index = call.add(Activation("clip"), x, link="pixels")

    def weighed(name: str) -> Tensor:
        found = call.add(Copy(whole), values, index, link=name)
        return call.add(Stored("scale"), found, link=f"{name}/weighed")

    rows = [
        call.add(Elementwise("add"), weighed(f"{row} left"), weighed(f"{row} right"), link=row)
        for row in ("upper", "lower")
    ]
    made = call.add(Elementwise("add"), *[call.add(Stored("scale"), row, link="row") for row in rows], link="both")
    if whole != (height, width, channels):
        made = call.add(Slice((height, width, channels)), made, link="cropped")
    made = _ranged(call, made, "restored")
    return made._replace(shape=image.shape, channels_first=image.channels_first)


_FOURIER = (
    "the operations of a fast Fourier transform depend on the library: use STFTSpectrogram, "
    "which is convolutions, or the spectrogram as the model's input"
)
LAYERS: dict[str, Operator] = {
    "STFTSpectrogram": Operator(stft, NONE),
    "AutoContrast": Operator(auto_contrast, KEEPS),
    "ContrastLimitedAdaptiveHistogramEqualization": Operator(equalization, IMAGES),
    "MelSpectrogram": Operator(None, NONE, _FOURIER, shapes=mel, stores=False),
}
