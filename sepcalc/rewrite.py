"""A convolution -> a chain of cheaper ones, with the same input and output shape.

Each variant is a function from a convolution and its input channels to the links of a chain. Stride, padding and
dilation go with their own axis (where the kernel is 1, with the first link), the bias sits on the last link, groups
are kept to the last link, and there is one link per axis whose kernel is over 1. The same functions serve ``compare``,
the kinds ``separable``, ``spatial`` and ``factorized``, what-if, and ``verify``, which runs each chain against the
composed kernel.
"""

from collections.abc import Callable
from typing import NamedTuple, cast

from sepcalc.errors import Invalid
from sepcalc.ops.arguments import Arguments, Options
from sepcalc.ops.base import Builder, Chain, Link, Op
from sepcalc.ops.conv import Conv, convolution


class Settings(NamedTuple):
    """What a variant may be told: the depth multiplier, and the rank of the factorization (None: the smaller of
    inputs and outputs)."""

    multiplier: int = 1
    rank: int | None = None


class Variant(NamedTuple):
    """A rewrite by name: ``build`` makes the chain, ``obstacle`` says why it has no use here, or nothing."""

    build: Callable[[Conv, int, Settings], Chain]
    obstacle: Callable[[Conv, int], str]
    says: str


def chain(*ops: tuple[str, Op]) -> Chain:
    """Ops one after another, each reading the one before."""
    return tuple(Link(name, op, (index,)) for index, (name, op) in enumerate(ops))


def normal(conv: Conv, channels: int, settings: Settings = Settings()) -> Chain:
    """The convolution itself."""
    return chain(("conv", conv))


def depthwise_separable(conv: Conv, channels: int, settings: Settings = Settings()) -> Chain:
    """A depthwise convolution, ``multiplier`` kernels per input channel, then a pointwise one.

    Mults: m·(g/Co + 1/K) of the normal convolution's. Source: Howard et al., arXiv:1704.04861, section 3.1.
    """
    middle = channels * settings.multiplier
    depthwise = conv._replace(out=middle, groups=channels, bias=False)
    return chain(("depthwise", depthwise), ("pointwise", _pointwise(conv)))


def depthwise_spatial(conv: Conv, channels: int, settings: Settings = Settings()) -> Chain:
    """A depthwise convolution along each axis in turn, then a pointwise one.

    Source: Freeman et al. (EffNet), arXiv:1801.06434; Selvam et al. (FuSeConv), arXiv:2105.13434.
    """
    middle = channels * settings.multiplier
    links: list[tuple[str, Op]] = []
    for order, axis in enumerate(_axes(conv)):
        link = _along(conv, axis, order == 0)
        link = link._replace(out=middle, groups=middle if order else channels, bias=False)
        links.append((f"depthwise {_kernel(link)}", link))
    return chain(*links, ("pointwise", _pointwise(conv)))


def spatial(conv: Conv, channels: int, settings: Settings = Settings()) -> Chain:
    """Each slice of each kernel (one input channel, one output) is of rank 1: one link per axis, the first with
    Co/g kernels per input channel, the last adding the slices of an output up; a channel shuffle between."""
    axes = _axes(conv)
    per_input, per_output = conv.out // conv.groups, channels // conv.groups
    middle = channels * per_input
    links: list[tuple[str, Op]] = []
    for order, axis in enumerate(axes):
        link = _along(conv, axis, order == 0)
        if order < len(axes) - 1:
            link = link._replace(out=middle, groups=middle if order else channels, bias=False)
        else:
            if per_input > 1 and per_output > 1:
                from sepcalc.ops.rename import Rename

                links.append(("shuffle", Rename("shuffle", groups=per_output, blocks=conv.groups)))
            link = link._replace(groups=conv.out)
        links.append((f"conv {_kernel(link)}", link))
    return chain(*links)


def factorized(conv: Conv, channels: int, settings: Settings = Settings()) -> Chain:
    """A basis of ``rank`` kernels along the first axis, combined by kernels along the next ones.

    Source: Jaderberg et al., arXiv:1405.3866, scheme 2; Szegedy et al., arXiv:1512.00567, section 3.2; ERFNet.
    """
    rank = settings.rank or min(channels, conv.out)
    if rank % conv.groups:
        raise Invalid(f"groups {conv.groups} do not divide the rank {rank}", "take a rank that they divide", "rank")
    axes = _axes(conv)
    links: list[tuple[str, Op]] = []
    for order, axis in enumerate(axes):
        link = _along(conv, axis, order == 0)
        if order < len(axes) - 1:
            link = link._replace(out=rank, bias=False)
        links.append((f"conv {_kernel(link)}", link))
    return chain(*links)


def _never(conv: Conv, channels: int) -> str:
    return ""


def _no_window(conv: Conv, channels: int) -> str:
    if len(_axes(conv)) == 0:
        return f"the kernel {_kernel(conv) or '1'} has no spatial part to separate"
    return "it is depthwise already" if conv.groups == channels > 1 else ""


def _one_axis(conv: Conv, channels: int) -> str:
    axes = len(_axes(conv))
    if axes < 2:
        return f"the kernel {_kernel(conv) or '1'} extends along {'one axis only' if axes else 'no axis'}"
    return ""


def _one_axis_or_depthwise(conv: Conv, channels: int) -> str:
    return _one_axis(conv, channels) or _no_window(conv, channels)


VARIANTS = {
    "normal": Variant(normal, _never, "the convolution itself"),
    "spatial": Variant(spatial, _one_axis, "each slice of a kernel as a column times a row"),
    "depthwise-separable": Variant(depthwise_separable, _no_window, "a depthwise, then a pointwise convolution"),
    "depthwise-spatial": Variant(
        depthwise_spatial, _one_axis_or_depthwise, "depthwise along each axis, then pointwise (EffNet, FuSe)"
    ),
    "factorized": Variant(factorized, _one_axis, "--rank kernels along one axis, then the other (Jaderberg, ERFNet)"),
}


def _axes(conv: Conv) -> list[int]:
    """The axes along which the kernel extends."""
    return [axis for axis, size in enumerate(conv.kernel) if size > 1]


def _along(conv: Conv, axis: int, first: bool) -> Conv:
    """The part of a convolution along one axis; the first link also strides and pads where the kernel is 1."""
    kept = [at == axis or (first and size == 1) for at, size in enumerate(conv.kernel)]
    return conv._replace(
        kernel=tuple([k if at == axis else 1 for at, k in enumerate(conv.kernel)]),
        stride=tuple([s if keep else 1 for s, keep in zip(conv.stride, kept)]),
        dilation=tuple([d if keep else 1 for d, keep in zip(conv.dilation, kept)]),
        padding="same"
        if conv.padding == "same"
        else tuple([pads if keep else (0, 0) for pads, keep in zip(conv.padding, kept)]),
    )


def _pointwise(conv: Conv) -> Conv:
    ones = (1,) * len(conv.kernel)
    return conv._replace(kernel=ones, stride=ones, dilation=ones, padding=((0, 0),) * len(ones))


def _kernel(conv: Conv) -> str:
    return "x".join(map(str, conv.kernel))


# --- from words and options ------------------------------------------------------------------------------------------


def settings(options: Options) -> Settings:
    """What the options tell the rewrites."""
    return Settings(cast(int, options.get("multiplier", 1)), cast("int | None", options.get("rank")))


# The kinds of layer that are chains, and the variant that each is.
CHAINS = {"separable": "depthwise-separable", "spatial": "spatial", "factorized": "factorized"}


def _chained(given: Arguments) -> Chain:
    conv, channels, variant = convolution(given), given.shape[-1], VARIANTS[CHAINS[given.kind]]
    obstacle = variant.obstacle(conv, channels)
    if obstacle and given.kind != "separable":
        raise Invalid(f"{given.kind} separates a kernel along its axes, but {obstacle}", about="kernel")
    conv.output(given.inputs)  # what is wrong with the whole is said of the whole, not of its first link
    return variant.build(conv, channels, settings(given.options))


BUILD: dict[str, Builder] = dict.fromkeys(CHAINS, _chained)
