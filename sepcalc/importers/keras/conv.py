"""Convolutions."""

from collections.abc import Callable
from functools import partial
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.attributes import Settings
from sepcalc.importers.common.layout import WINDOWED
from sepcalc.importers.keras.activation import activate
from sepcalc.importers.keras.build import Call, Tensor
from sepcalc.importers.keras.core import Unknown
from sepcalc.importers.keras.rows import Last, Operator
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.move import Copy
from sepcalc.ops.product import Dense
from sepcalc.shape import Padding, Shape

PADDINGS = ("valid", "same", "causal")


def _windows(call: Call, rank: int) -> tuple[Shape, Shape, Padding, Shape]:
    """Kernel, stride, padding and dilation. Causal padding goes in front."""
    settings = call.settings
    kernel = settings.sizes("kernel_size", "filter_length", rank=rank)
    stride = settings.sizes("strides", "subsample_length", rank=rank, default=1)
    dilation = settings.sizes("dilation_rate", "atrous_rate", rank=rank, default=1)
    how = settings.word("padding", PADDINGS, "valid")
    if how == "causal" and rank != 1:
        raise Invalid("padding is 'causal': expected 'valid' or 'same', as there is more than one spatial axis")
    before = dilation[0] * (kernel[0] - 1)
    pads: dict[str, Padding] = {"same": "same", "causal": ((before, 0),), "valid": ((0, 0),) * rank}
    return kernel, stride, pads[how], dilation


def _slid(call: Call, x: Tensor, out: int, groups: int, bias: bool, link: str = "") -> Tensor:
    """The convolution of the settings, to ``out`` channels."""
    kernel, stride, padding, dilation = _windows(call, len(x.own) - 1)
    return call.add(Conv(kernel, out, stride, padding, dilation, groups, bias), x, link=link)


def conv(call: Call, rank: int) -> Tensor:
    settings = call.settings
    out, groups = settings.size("filters", "nb_filter"), settings.size("groups", default=1)
    return _slid(call, call.image(rank), out, groups, settings.flag("use_bias", True))


def depthwise(call: Call, rank: int) -> Tensor:
    settings, x = call.settings, call.image(rank)
    channels, multiplier = x.own[-1], settings.size("depth_multiplier", default=1)
    return _slid(call, x, channels * multiplier, channels, settings.flag("use_bias", True))


def separable(call: Call, rank: int) -> Tensor:
    settings, x = call.settings, call.image(rank)
    channels, ones, multiplier = x.own[-1], (1,) * rank, settings.size("depth_multiplier", default=1)
    out, bias = settings.size("filters", "nb_filter"), settings.flag("use_bias", True)
    middle = _slid(call, x, channels * multiplier, channels, False, "depthwise")
    return call.add(Conv(ones, out, ones, ((0, 0),) * rank, ones, bias=bias), middle, link="pointwise")


def transposed(call: Call, rank: int) -> Tensor:
    """Output per axis: valid, in·s + max(0, k' - s); same, in·s; with an output padding p, (in - 1)·s + k' + p, minus
    2·floor(k'/2) for same. k' is the extent of the dilated kernel."""
    settings, x = call.settings, call.image(rank)
    kernel, stride, _, dilation = _windows(call, rank)
    how = settings.word("padding", PADDINGS[:2], "valid")
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    groups, bias = settings.size("groups", default=1), settings.flag("use_bias", True)
    extra: Shape = (0,) * rank
    pads: Padding = "same"
    if settings.get("output_padding") is not None:
        extra = settings.sizes("output_padding", rank=rank, least=0)
        sides = [span // 2 if how == "same" else 0 for span in spans]
        pads = tuple([(side, side) for side in sides])
    elif how == "valid":
        extra = tuple([max(0, s - span) for span, s in zip(spans, stride)])
        pads = ((0, 0),) * rank
    op = Transposed(kernel, settings.size("filters"), stride, pads, dilation, extra, groups, bias)
    return call.add(op, x)


def local(call: Call, rank: int) -> Tensor:
    """Keras 2's locally connected layer: a convolution with separate weights at every position. The windows are copied
    side by side, and each is a group of one product, with So·K·Ci·filters macs and weights in total.
    ``implementation=2`` multiplies the whole input by a kernel that is zero outside the windows, and counts as that
    dense layer."""
    settings, x = call.settings, call.image(rank)
    kernel, stride, padding, _ = _windows(call, rank)
    filters, bias = settings.size("filters"), settings.flag("use_bias", True)
    window = Conv(kernel, filters, stride, padding, (1,) * rank)
    own = window.output((x.own,))
    shape = (own[-1], *own[:-1]) if x.channels_first else own
    positions, way = prod(own[:-1]), settings.size("implementation", default=1)
    if way == 3:
        raise Unknown("its weights are stored as a sparse matrix: use implementation=1", shape)
    if way == 2:
        flat = call.free("flatten", x, (prod(x.own),), "flat")
        made = call.add(Dense(positions * filters, bias), flat)
    elif padding == "same":
        raise Invalid("padding is 'same': expected 'valid', or implementation=2")
    else:
        flat = call.add(Copy((positions * prod(kernel) * x.own[-1],)), x, link="windows")
        flat = flat._replace(shape=flat.own, channels_first=False)
        made = call.add(Conv((), positions * filters, (), (), (), positions, bias), flat)
    return call.free("reshape", made, shape, "shape", x.channels_first)


def _filters(settings: Settings, shape: Shape) -> int:
    return settings.size("filters")


def _channels(settings: Settings, shape: Shape) -> int:
    return shape[0 if settings.get("data_format") == "channels_first" else -1]


def _multiplier(settings: Settings, shape: Shape) -> int:
    return settings.size("depth_multiplier", default=1)


def _active(function: Callable[..., Tensor], call: Call, rank: int) -> Tensor:
    """The convolution of the settings, followed by its activation."""
    return activate(call, function(call, rank), call.settings.get("activation"))


def _rows(
    names: str, ranks: tuple[int, ...], function: Callable[..., Tensor], last: Last | None = None
) -> dict[str, Operator]:
    return {names.format(rank): Operator(partial(_active, function, rank=rank), WINDOWED, last=last) for rank in ranks}


LAYERS: dict[str, Operator] = {
    **_rows("Conv{}D", (1, 2, 3), conv, _filters),
    **_rows("Convolution{}D", (1, 2, 3), conv),
    **_rows("Conv{}DTranspose", (1, 2, 3), transposed, _channels),
    **_rows("Convolution{}DTranspose", (1, 2, 3), transposed),
    **_rows("DepthwiseConv{}D", (1, 2), depthwise, _multiplier),
    **_rows("SeparableConv{}D", (1, 2), separable),
    **_rows("SeparableConvolution{}D", (1, 2), separable),
    **_rows("LocallyConnected{}D", (1, 2), local, _filters),
}
