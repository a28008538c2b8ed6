"""Layers with kernels: convolutions, dense layers, matrix products; and windows over images: pools, resampling."""

from collections.abc import Callable
from functools import partial
from math import prod

from sepcalc.errors import Invalid
from sepcalc.importers.common.convolutions import cropped, windowed
from sepcalc.importers.common.layout import IMAGES_LAST, ROWS, WINDOWED_LAST
from sepcalc.importers.common.products import Operand, matmul_equation, matrix_product, parts_of, sizes_of, weighted
from sepcalc.importers.tflite.graph import Builder, Call, Refused, Value, seen
from sepcalc.importers.tflite.rows import Handler, Operator, Results
from sepcalc.importers.tflite.schema import ACTIVATIONS
from sepcalc.ops.base import Op
from sepcalc.ops.conv import Conv, Transposed
from sepcalc.ops.elementwise import Activation, Elementwise, Stored
from sepcalc.ops.pool import Pool, Upsample
from sepcalc.ops.product import Dense, Matmul
from sepcalc.ops.rename import Rename
from sepcalc.ops.repeat import Each
from sepcalc.shape import Padding, Shape, show

COMPUTED_KERNEL = "its kernel is computed from the data"


def fused(builder: Builder, call: Call, value: Value) -> Results:
    """What a layer gives, after the activation in it: a row of its own, which writes no tensor."""
    number = call.whole("activation", 0)
    if not 0 <= number < len(ACTIVATIONS):
        raise Refused(f"the activation {number} in it is not known")
    if (how := ACTIVATIONS[number]) is None:
        return (value,)
    return (value._replace(number=builder.add(Activation(how, fused=True), [value.number], label=how)),)


def require_rank(call: Call, value: Value, rank: int) -> Shape:
    """The shape of an image or a kernel. Raises Invalid where it has other axes."""
    if len(value.sizes) != rank:
        raise Invalid(f"{call.type} reads {show(value.sizes) or 'one number'}: expected {rank} axes")
    return value.sizes


def hold(call: Call, what: str, value: Value | None, *shapes: Shape) -> None:
    """Raises Invalid for a tensor that has none of these shapes."""
    if value is not None and value.sizes not in shapes:
        raise Invalid(f"{what} of {show(value.sizes)} does not fit {call.type}: expected {show(shapes[0])}")


def steps(call: Call, what: str, axes: int) -> Shape:
    """Strides, dilations or the sides of a window, one for each axis."""
    return tuple([call.size(f"{what}_{axis}") for axis in "dhw"[3 - axes :]])


def padding_of(call: Call, axes: int) -> Padding:
    """Its padding: TensorFlow's SAME or none."""
    said = call.whole("padding", 0)
    if said not in (0, 1):
        raise Invalid(f"padding is {said}: expected SAME (0) or VALID (1)")
    return ((0, 0),) * axes if said else "same"


def stored_kernel(call: Call, at: int) -> Value:
    """A kernel, which must be stored."""
    if not (kernel := call.input(at)).constant:
        raise Refused(COMPUTED_KERNEL)
    return kernel


def _conv(builder: Builder, call: Call) -> Results:
    """conv; depthwise where its groups are the channels"""
    volume = call.type == "CONV_3D"  # its kernel has the inputs and the outputs last
    rank = 5 if volume else 4
    x, kernel, bias = call.input(0), stored_kernel(call, 1), call.maybe(2)
    channels, sizes = require_rank(call, x, rank)[-1], require_rank(call, kernel, rank)
    if call.type == "DEPTHWISE_CONV_2D":
        outs, each, groups = sizes[-1], 1, channels
        said = call.whole("depth_multiplier", 0)
        if sizes[0] != 1 or outs % channels or (said and said * channels != outs):
            raise Invalid(f"a kernel of {show(sizes)} with the multiplier {said} does not fit {channels} channels")
    else:
        outs, each = (sizes[4], sizes[3]) if volume else (sizes[0], sizes[3])
        groups = channels // max(1, each)
        if not each or channels % each or outs % groups:
            raise Invalid(f"a kernel of {show(sizes)} does not fit {channels} channels")
    hold(call, "a bias", bias, (outs,))
    window, axes = sizes[:3] if volume else sizes[1:3], rank - 2
    op = Conv(
        *(window, outs, steps(call, "stride", axes), padding_of(call, axes), steps(call, "dilation", axes)),
        *(groups, builder.biased(bias)),
    )
    return fused(builder, call, windowed(builder, op, x, [kernel, bias]))


def transposed(
    builder: Builder, call: Call, x: Value, kernel: Value, bias: Value | None, to: Shape, same: bool
) -> Value:
    """A transposed convolution with a kernel of outputs x sides x inputs (of volumes sides x outputs x inputs)."""
    rank = len(x.sizes)
    sizes = require_rank(call, kernel, rank)
    outs, window = (sizes[0], sizes[1:3]) if rank == 4 else (sizes[3], sizes[:3])
    if sizes[-1] != x.sizes[-1] or len(to) != rank or to[-1] != outs or to[0] != x.sizes[0]:
        raise Invalid(f"a kernel of {show(sizes)} does not make {show(to)} of {show(x.sizes)}")
    hold(call, "a bias", bias, (outs,))
    stride = steps(call, "stride", rank - 2)
    pads, more = cropped(to[1:-1], x.sizes[1:-1], window, stride, same)
    op = Transposed(window, outs, stride, pads, (1,) * len(window), more, 1, builder.biased(bias))
    return windowed(builder, op, x, [kernel, bias])


def _transposed(builder: Builder, call: Call) -> Results:
    """transposed"""
    x = call.input(2)
    require_rank(call, x, 4 if call.type == "TRANSPOSE_CONV" else 5)
    to = list(call.input(0).numbers("the size to reach is"))
    if builder.batch > 1 and to and to[0] == x.sizes[0] * builder.batch:
        to[0] = x.sizes[0]
    if builder.altered and len(to) == len(x.sizes):
        to[0] = x.sizes[0]
    kernel = stored_kernel(call, 1)
    same = padding_of(call, 2) == "same"
    return fused(builder, call, transposed(builder, call, x, kernel, call.maybe(3), tuple(to), same))


def _dense(builder: Builder, call: Call) -> Results:
    """dense; of weights that are data, matmul"""
    x, weights, bias = builder.standing(call.input(0)), call.input(1), call.maybe(2)
    outs, ins = require_rank(call, weights, 2)
    elements = prod(x.sizes)
    keep = call.flag("keep_num_dims", False)
    if elements % ins or (keep and x.sizes[-1:] != (ins,)):
        raise Invalid(f"weights for {ins} inputs do not fit {show(x.sizes)}")
    hold(call, "a bias", bias, (outs,), (1, outs), (1, 1, outs), (1, 1, 1, outs))
    shape = (*x.sizes[:-1], outs) if keep else (elements // ins, outs)
    rows = builder.view(x.number, seen((*shape[:-1], ins)))
    if weights.constant:
        made = builder.add(Dense(outs, builder.biased(bias)), [rows], [weights, bias])
        return fused(builder, call, builder.give(made, shape))
    rows = builder.view(x.number, (elements // ins, ins))
    made = builder.add(Matmul(True), [rows, builder.view(weights.number, (outs, ins))])
    if bias is not None and bias.constant:
        made = builder.add(Stored("shift", "channel"), [made], [bias], "bias")
    elif bias is not None:
        made = builder.add(Elementwise("add"), [made, builder.view(bias.number, (outs,))], label="bias")
    return fused(builder, call, builder.give(made, shape))


def _matmul(builder: Builder, call: Call) -> Results:
    """matmul; of one operand that is stored, dense"""
    a, b = call.input(0), call.input(1)
    if a.constant and b.constant:
        a = builder.standing(a)
    left, right, out = parts_of(matmul_equation(len(a.sizes), len(b.sizes)))
    left = f"{left[:-2]}{left[-1]}{left[-2]}" if call.flag("adj_x", False) else left
    right = f"{right[:-2]}{right[-1]}{right[-2]}" if call.flag("adj_y", False) else right
    sizes = sizes_of((left, right), (a.sizes, b.sizes))
    alone = {letter for letter in sizes if sizes[letter] == 1 and letter not in "ijk"}
    operands = []
    for value, part in ((a, left), (b, right)):
        own = {letter: size for letter, size in zip(part, value.sizes, strict=True) if letter not in alone}
        operands.append((value, own))
    named = "".join(letter for letter in out if letter not in alone)
    (first, left_sizes), (second, right_sizes) = operands
    if first.constant or second.constant:
        data, given, stored, held = (
            (second, right_sizes, first, left_sizes) if first.constant else (first, left_sizes, second, right_sizes)
        )
        once = {letter for letter, size in given.items() if size < sizes[letter]}
        held = {letter: size for letter, size in held.items() if size > 1 or letter not in given or letter in once}
        kept = {letter: size for letter, size in given.items() if letter not in once}
        add = partial(builder.add, weights=[stored])
        number = builder.view(data.number, tuple(given.values()) or (1,))
        made = weighted(
            builder, add, Operand(builder.view(number, tuple(kept.values()) or (1,)), kept), held, named, False
        )
    else:
        numbers = [Operand(builder.view(value.number, tuple(own.values()) or (1,)), own) for value, own in operands]
        made = matrix_product(builder, builder.add, numbers[0], numbers[1], named)
    number = builder.view(made.number, tuple(made.sizes.values()) or (1,))
    number = builder.view(number, tuple([sizes[letter] for letter in named]) or (1,))
    return (builder.give(number, tuple([sizes[letter] for letter in out])),)


def pool_of(builder: Builder, call: Call, how: str, x: Value) -> Value:
    """A pool over an image."""
    require_rank(call, x, 4)
    sides = steps(call, "filter", 2)
    op = Pool(how, sides, steps(call, "stride", 2), padding_of(call, 2), (1, 1), exclude_pad=how == "avg")
    return windowed(builder, op, x)


def _pool(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        x = call.input(0)
        if how != "l2":
            return fused(builder, call, pool_of(builder, call, how, x))
        squares = builder.emit(Activation("square"), x, label="square")
        return fused(
            builder, call, builder.emit(Activation("sqrt"), pool_of(builder, call, "avg", squares), label="root")
        )

    handle.__doc__ = f"pool {how}" if how != "l2" else "act square, pool avg, act sqrt"
    return handle


def per_image(builder: Builder, call: Call, op: Callable[[Shape], Op]) -> Results:
    """An op on each of the images."""
    x = call.input(0)
    many, *image = require_rank(call, x, 4)
    made = op(tuple(image))
    return (builder.emit(made if many == 1 else Each(made), x),)


def _resize(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        to = call.input(1).numbers("the size to reach is")
        if len(to) != 2:
            raise Invalid(f"the size to reach has {len(to)} values: expected 2")
        if require_rank(call, call.input(0), 4)[1:3] == to:
            return (call.input(0),)
        return per_image(builder, call, lambda image: Upsample(how, to))

    handle.__doc__ = f"upsample {how}"
    return handle


def _pixels(how: str) -> Handler:
    def handle(builder: Builder, call: Call) -> Results:
        block = call.size("block_size")
        return per_image(builder, call, lambda image: Rename(how, scale=block))

    handle.__doc__ = f"{how}: only moved"
    return handle


LAYERS: dict[str, Operator] = {
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "CONV_3D"), Operator(_conv, WINDOWED_LAST, multiplies=True)),
    **dict.fromkeys(("TRANSPOSE_CONV", "CONV_3D_TRANSPOSE"), Operator(_transposed, WINDOWED_LAST, multiplies=True)),
    "FULLY_CONNECTED": Operator(_dense, ROWS, multiplies=True),
    "BATCH_MATMUL": Operator(_matmul, ROWS, multiplies=True),
    "AVERAGE_POOL_2D": Operator(_pool("avg"), WINDOWED_LAST),
    "MAX_POOL_2D": Operator(_pool("max"), WINDOWED_LAST),
    "L2_POOL_2D": Operator(_pool("l2"), WINDOWED_LAST),
    "RESIZE_BILINEAR": Operator(_resize("bilinear"), IMAGES_LAST),
    "RESIZE_NEAREST_NEIGHBOR": Operator(_resize("nearest"), IMAGES_LAST),
    "SPACE_TO_DEPTH": Operator(_pixels("pixel-unshuffle"), IMAGES_LAST),
    "DEPTH_TO_SPACE": Operator(_pixels("pixel-shuffle"), IMAGES_LAST),
}
